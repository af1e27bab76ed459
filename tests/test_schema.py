"""The published schema and types of messages are those of what is sent."""

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
from helpers import ID
from hypothesis import given
from streams import options
from written import ENDINGS, chunk_lists

from streamfsm import Channel, StreamParser
from streamfsm.messages import Message

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "docs" / "messages.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TSC = ROOT / "tests" / "readers" / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.mark.slow("many streams")
@given(chunks=chunk_lists(), ending=ENDINGS, options=options)
def test_every_message_is_as_the_schema_says_with_nulls_or_without(chunks, ending, options):
    parser = StreamParser(message_id=ID, channels=[Channel("$.q")], **options)
    messages = [message for chunk in chunks for message in parser.feed(chunk)]
    messages += {"close": parser.close, "cancel": parser.cancel, "fail": lambda: parser.fail("boom")}[ending]()
    for message in messages:
        VALIDATOR.validate(message.model_dump(mode="json"))
        VALIDATOR.validate(message.model_dump(mode="json", exclude_none=True))


def test_every_type_of_message_is_in_the_schema():
    def below(kind):
        return {kind, *(each for child in kind.__subclasses__() for each in below(child))}

    ours = {kind.__name__ for kind in below(Message) if kind.__module__ == Message.__module__}
    assert ours - {"Message", "_CallMessage", "_WholeCall"} == {
        branch["$ref"].rpartition("/")[2] for branch in SCHEMA["oneOf"]
    }


@pytest.mark.parametrize(
    "wrong", [{}, {"message_type": "assistant_message"}, {"message_type": "memo", "id": "m", "date": "2026-01-01"}]
)
def test_what_is_no_message_is_refused(wrong):
    assert not VALIDATOR.is_valid(wrong)


USED = """
import type { StreamMessage } from "./messages";

export function text(message: StreamMessage): string {
  switch (message.message_type) {
    case "reasoning_message": return message.reasoning;
    case "hidden_reasoning_message": return message.state;
    case "assistant_message": return message.content;
    case "tool_call_message":
    case "approval_request_message": return message.tool_call.arguments ?? "";
    case "argument_message": return message.delta ?? "";
    case "stop_reason": return message.stop_reason;
  }
}
"""


@pytest.mark.slow("runs TypeScript's compiler")
@pytest.mark.parametrize(("code", "errors"), [(USED, 0), (USED.replace("message.content", "message.reasoning"), 1)])
def test_the_types_tell_the_messages_apart(tmp_path, code, errors):
    if not TSC.exists():
        pytest.skip("the readers are not installed: make readers")
    shutil.copy(ROOT / "docs" / "messages.d.ts", tmp_path)
    (tmp_path / "used.ts").write_text(code, encoding="utf-8")
    command = ["node", TSC, "--strict", "--noEmit", "--pretty", "false", "used.ts"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert told.stdout.count("error TS") == errors, told.stdout
