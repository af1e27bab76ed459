"""``streamfsm verify``: verdicts on recorded streams, by line."""

import json

import pytest
from helpers import chunk
from recordings import CAPTURES
from written import SINKS, write

from streamfsm.cli import main
from streamfsm.replay import capture

STARTED = '{"type":"RUN_STARTED","threadId":"t","runId":"r"}'
TEXT = '{"type":"TEXT_MESSAGE_START","messageId":"m"}'
FINISHED = '{"type":"RUN_FINISHED","threadId":"t","runId":"r"}'
WHY = "RUN_FINISHED while the text 'm' is in state open"


@pytest.fixture
def verify(tmp_path, capsys, monkeypatch):
    """Verifies bodies; gives the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)

    def run(*bodies, wire="ag-ui", output="text"):
        names = [f"{number}.sse" for number, _ in enumerate(bodies)]
        for name, body in zip(names, bodies, strict=True):
            (tmp_path / name).write_bytes(body if isinstance(body, bytes) else body.encode())
        code = main(["verify", "--wire", wire, "--format", output, *names])
        return code, capsys.readouterr().out

    return run


def test_the_first_illegal_step_is_told_by_line(verify):
    body = f": a comment\n\ndata: {STARTED}\n\nevent: x\ndata: {TEXT}\n\ndata: {FINISHED}\n\ndata: {FINISHED}\n\n"
    code, told = verify(body)
    assert code == 1
    assert told.startswith(f"0.sse:8: {WHY}; legal here: TEXT_MESSAGE_CONTENT of text 'm', ")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(verify, end):
    body = end.join([f"data: {STARTED}", "", f"data: {TEXT}", "", f"data: {FINISHED}"])
    assert verify(body)[1].startswith(f"0.sse:5: {WHY}")


@pytest.mark.parametrize(("sep", "ends", "line"), [("\n", ("", "\n"), 3), (",", "[]", 1)])
def test_json_lines_and_a_json_list_are_read_too(verify, sep, ends, line):
    code, told = verify(sep.join([STARTED, TEXT, FINISHED]).join(ends))
    assert code == 1
    assert told.startswith(f"0.sse:{line}: {WHY}")


def test_a_stream_that_ends_too_early_is_told_at_its_last_event(verify):
    assert verify(f"data: {STARTED}\n\n\n\n")[1].startswith(
        "0.sse:1: the stream ends while the run is in state running"
    )
    assert verify("")[1].startswith("0.sse:1: the stream ends while the run is in state waiting")


def test_what_is_not_json_is_no_event(verify):
    assert verify(f"data: {STARTED}\n\ndata: {{\n\n")[1].startswith("0.sse:3: this is not an event")


def test_several_files_are_judged_and_one_that_is_unlawful_decides(verify):
    lawful = f"data: {STARTED}\n\ndata: {FINISHED}\n\n"
    assert verify(lawful, lawful) == (0, "0.sse: lawful ag-ui, 2 events\n1.sse: lawful ag-ui, 2 events\n")
    assert verify(lawful, f"data: {STARTED}\n\n")[0] == 1


def test_a_file_that_is_not_there_or_not_text_is_misuse(verify, capsys):
    assert main(["verify", "--wire", "chat", "nowhere.sse"]) == 2
    assert "nowhere.sse" in capsys.readouterr().err
    assert verify(b"\xff")[0] == 2


def test_verdicts_are_json_for_machines(verify):
    code, told = verify(f"data: {STARTED}\n\ndata: {FINISHED}\n\n", f"data: {FINISHED}\n\n", output="json")
    assert code == 1
    assert [json.loads(line) for line in told.splitlines()] == [
        {"file": "0.sse", "wire": "ag-ui", "events": 2, "lawful": True},
        {
            "file": "1.sse",
            "wire": "ag-ui",
            "events": 1,
            "lawful": False,
            "line": 1,
            "why": "RUN_FINISHED while the run is in state waiting",
            "word": "RUN_FINISHED",
            "legal": ["RUN_STARTED"],
        },
    ]


def test_verdicts_are_sarif_for_code_hosts(verify):
    code, told = verify(f"data: {STARTED}\n\ndata: {TEXT}\n\ndata: {FINISHED}\n\n", output="sarif")
    log = json.loads(told)
    assert (code, log["version"]) == (1, "2.1.0")
    (run,) = log["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "ag-ui"}]
    (result,) = run["results"]
    assert result["ruleId"] == "ag-ui"
    assert result["message"]["text"].startswith(WHY)
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "0.sse"}, "region": {"startLine": 5}}


@pytest.mark.parametrize("wire", SINKS)
def test_what_our_sinks_write_is_lawful(verify, wire):
    body = write(SINKS[wire](), [chunk(content="Hi"), chunk(finish="stop")]).body
    assert verify(body, wire=wire)[0] == 0


def test_what_openai_sends_is_lawful(verify):
    hello = [chunk(role="assistant", content=""), chunk(content="Hi"), chunk(finish="stop")]
    assert verify(capture.body(hello), wire="chat")[0] == 0


NOT_AS_SENT = {
    "several responses in one body": 3,
    "events were taken out": 1,
    "events have lost their item_id": 1,
}


@pytest.mark.slow("reads a hundred recordings")
def test_recorded_responses_are_lawful_but_for_those_that_were_edited():
    files = sorted((CAPTURES / "responses").glob("*.sse"))
    if not files:
        pytest.skip("the recordings are not there")
    assert main(["verify", "--wire", "responses", *map(str, files)]) == 1
    unlawful = [file for file in files if main(["verify", "--wire", "responses", str(file)])]
    assert len(unlawful) == sum(NOT_AS_SENT.values())
