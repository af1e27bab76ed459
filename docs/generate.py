"""Writes the generated parts of the documentation; ``--check`` compares them with the files instead.

python docs/generate.py [--check | --count DIR]
"""

import argparse
import ast
import csv
import importlib
import inspect
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from difflib import unified_diff
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from openai._models import construct_type
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic.fields import FieldInfo

from streamfsm import Channel, Dialect, Limits, StreamMessage, StreamParser, coalesce
from streamfsm.core.meter import BYTES, WEIGHTS
from streamfsm.core.policies import EXTRAS, Policies
from streamfsm.machines import LEXER, LIVE, MACHINES, TABLES, TOOL_CALL, StateMachine, Table
from streamfsm.machines.checks import HOLDS, MOMENTARY, findings
from streamfsm.machines.choices import RULES as CHOICE_RULES
from streamfsm.machines.diagrams import counts, grid, markdown, mermaid
from streamfsm.machines.endings import CLOSINGS, ENDINGS, OUTCOMES, SECONDS, UNKNOWN, WORSTS
from streamfsm.machines.identity import RULES
from streamfsm.machines.items import DOUBTS as ITEM_DOUBTS
from streamfsm.machines.items import RULES as ITEM_RULES
from streamfsm.machines.names import RULES as NAME_RULES
from streamfsm.machines.rules import Rule
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, declared, tool_call
from streamfsm.replay import capture
from streamfsm.sinks import GRAMMARS, AgUi, AnthropicEvents, ResponsesEvents, UiMessageStream
from streamfsm.sinks.grammar import Part
from streamfsm.trace import Transition
from streamfsm.wires.chat.left_out import LEFT_OUT, NOTHING
from streamfsm.wires.foreign import PROTOCOLS
from streamfsm.wires.responses.events import DOES, EVENTS, ITEMS, OTHER_ITEM
from streamfsm.wires.responses.left_out import ECHOED
from streamfsm.wires.responses.left_out import LEFT_OUT as RESPONSES_LEFT_OUT

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "docs")]

from bounds import BOUNDS  # noqa: E402
from helpers import call, chunk  # noqa: E402
from response_events import added, argued, function, message, said  # noqa: E402
from schema import messages_schema, typescript  # noqa: E402

RECORDED = ROOT / "docs" / "machines" / "recorded.json"
CONFIGURED = tool_call(THOUGHTS, MESSAGE, declared(Channel("$.content", "write_file"))).table
DRAWN = {
    **{table.name: table for table in TABLES},
    "tool_call/configured": CONFIGURED,
    **{f"{wire}/{part.table.name}": part.table for wire, grammar in GRAMMARS.items() for part in grammar.parts},
}
"""Name in the first line of a picture → the table that it draws."""
NOTICE = "<!-- Written by docs/generate.py. -->\n"


def texts() -> dict[str, str]:
    """Return path → text of the file, for pages that are generated completely or that contain generated blocks."""
    blocks = {
        "tool_call": picture(TOOL_CALL.table),
        "configured": picture(CONFIGURED),
        "comparison": comparison(),
        "dialect": dialect_table(),
        "extras": extras_table(),
        "left_out": left_out_table(),
        "foreign": foreign_table(),
    }
    with_marks = ("README.md", "docs/channels.md", "docs/wire.md")
    return {
        **{f"docs/machines/{machine.table.name}.md": machine_page(machine) for machine in MACHINES},
        **{f"docs/grammars/{wire}.md": grammar_page(wire) for wire in GRAMMARS},
        "docs/messages.schema.json": json.dumps(schema := messages_schema(), indent=2) + "\n",
        "docs/messages.d.ts": typescript(schema),
        "docs/choices.md": choices_page(),
        "docs/machines/lexer.md": machine_page(StateMachine(LEXER)),
        "docs/endings.md": endings_page(),
        "docs/identity.md": identity_page(),
        "docs/responses.md": responses_page(),
        "docs/limits.md": limits_page(),
        "docs/walk.md": walk_page(),
        "docs/walkthrough.md": walkthrough_page(),
        **{path: with_blocks((ROOT / path).read_text(encoding="utf-8"), blocks) for path in with_marks},
    }


def with_blocks(text: str, blocks: dict[str, str]) -> str:
    """Return ``text`` with the parts between ``<!-- generated: NAME -->`` and ``<!-- end -->`` replaced."""
    marks = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marks.sub(lambda mark: mark[1] + blocks[mark[2]] + mark[3], text)


COMPARED = (
    *("streamfsm (Python)", "openai (Python)", "pydantic-ai-slim (Python)", "langchain-openai (Python)"),
    *("litellm (Python)", "openai-agents (Python)", "openai (JavaScript)", "@ai-sdk/openai (JavaScript)"),
)
"""The best-known of the parsers that `make conform` measures."""


def comparison() -> str:
    """Return a part of the table that `make conform` wrote into its page, for Chat Completions."""
    lines = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    titles = next(row for row in rows if row[:2] == ["wire", "parser"])
    columns = {
        "cut elsewhere": "split",
        "from other servers": "dialects",
        "ended in any way": "ending",
        "safe to run": "safe",
    }
    measured = {row[1]: row for row in rows if row[0] == "chat" and len(row) == len(titles)}
    table = [f"| a response | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name in COMPARED:
        found = (measured[name][titles.index(law)] or "–" for law in columns.values())
        table.append(f"| {name} | {' | '.join(found)} |")
    return "\n".join(table) + "\n"


def picture(table: Table, taken: dict[tuple[str, str], int] | None = None) -> str:
    """Return a picture for code hosts; the built site draws its own in the same place (`docs/conf.py`)."""
    name = next(name for name, each in DRAWN.items() if each is table)
    mark = f"{name}{'' if taken is None else ' recorded'}"
    return f"```mermaid\n%% machine: {mark}\n{mermaid(table, taken)}```\n"


def page(title: str, *parts: str) -> str:
    return "\n".join([NOTICE, f"# {title}\n", *parts])


def prose(module: str) -> str:
    """Return a module's docstring as Markdown."""
    return re.sub(r":\w+:(?=`)", "", f"{importlib.import_module(module).__doc__}").strip() + "\n"


def machine_page(machine: StateMachine) -> str:
    table = machine.table
    return page(
        f"Machine: {table.name}",
        prose(f"streamfsm.machines.{table.name}"),
        picture(table),
        markdown(table),
        *("## What is proven\n", "`python -m streamfsm.machines --check` fires every event in every state.\n"),
        grid(("Property", "Evidence"), ((name, evidence) for _, name, evidence, _ in findings(machine))),
        *(run_by_lanes(table) if table.endings else ()),
    )


def run_by_lanes(table: Table) -> Iterator[str]:
    yield from (
        "The table shows what each live state may hold back. The last column is the most characters.\n",
        holds(table),
    )
    yield from ("## What is exercised\n", exercised(table))


def holds(table: Table) -> str:
    named = {state: hold for (name, state), hold in HOLDS.items() if name == table.name}
    return grid(
        ("State", "Holds back", "At most"),
        (
            (f"`{state}`", hold.what, " + ".join(f"`{bound}`" for bound in hold.bounds) or "0")
            for state, hold in named.items()
        ),
    )


EXERCISED = """\
The project's own streams take every row that a stream can take: `tests/test_machine_checks.py` fails if a row is never
taken. The table shows how many of {streams} recorded streams of real servers take each row
(`docs/generate.py --count`). Their requests had no tool `send_message`, and no thoughts in a kwarg. Arrows that no
recorded stream takes are dashed.
"""


def taken_by_recordings(table: Table) -> dict[tuple[str, str], int]:
    """Return state and event → the number of recorded streams that take the row."""
    rows = json.loads(RECORDED.read_text(encoding="utf-8"))["rows"].get(table.name, {})
    return {(state, event): count for cell, count in rows.items() for state, _, event in [cell.partition(" ")]}


def exercised(table: Table) -> str:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    taken = taken_by_recordings(table)
    never = [
        f"No stream ends in `{state}`: {because}.\n"
        for (name, state), because in MOMENTARY.items()
        if name == table.name
    ]
    return "\n".join(
        [
            EXERCISED.format(streams=recorded["streams"]),
            *never,
            picture(table, taken),
            counts(table, taken),
        ]
    )


def recorded_rows(recordings: Path) -> dict[str, Any]:
    """Count how many recorded streams take each row. The recordings themselves are not part of the project.

    ``recordings`` contains bodies and an ``INDEX.tsv`` with their paths in ``file`` and their API in ``api``. Each is
    fed as recorded, to a parser with the default options and ``<think>`` tags.
    """
    with (recordings / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        files = [row["file"] for row in csv.DictReader(index, delimiter="\t") if row["api"] == "chat"]
    counts: dict[str, Counter[str]] = {machine.table.name: Counter() for machine in MACHINES}
    for file in files:
        trace: list[Transition] = []
        parser = StreamParser(think_tags=("<think>", "</think>"), trace=trace)
        for each in capture.chunks((recordings / file).read_text(encoding="utf-8")):
            parser.feed(each)
        parser.close()
        for machine, state, event in {(step.machine, step.state, step.event) for step in trace if step.event != "text"}:
            counts[machine][f"{state} {event}"] += 1
    return {"streams": len(files), "rows": {name: dict(sorted(rows.items())) for name, rows in counts.items()}}


SINKS = {sink.GRAMMAR.wire: sink for sink in (AgUi, UiMessageStream, ResponsesEvents, AnthropicEvents)}


def grammar_page(wire: str) -> str:
    grammar = GRAMMARS[wire]
    module = next(name for name, each in sys.modules.items() if getattr(each, "GRAMMAR", None) is grammar)
    return page(
        f"Grammar: {wire}",
        prose(module),
        *(line for part in grammar.parts for line in part_section(part)),
        *(writes_section(wire) if wire in SINKS else ()),
        "## What an event must have\n",
        grid(
            ("Event", "Fields"),
            (
                (f"`{word}`", ", ".join(f"`{name}`" for name in dict.fromkeys(needed)))
                for word, parts in grammar.by_word.items()
                if (needed := [*(key for part in parts for key in part.key), *grammar.fields.get(word, ())])
            ),
        ),
    )


def part_section(part: Part) -> Iterator[str]:
    yield f"## {part.table.name[0].upper()}{part.table.name[1:]}\n"
    yield part_sentence(part)
    yield picture(part.table)
    yield grid(("State", "Because"), ((f"`{state.name}`", state.because) for state in part.table.states))
    rows = part.table.rows
    yield grid(
        ("State", "Event", "Target", "Because"),
        (
            (
                "any live state" if row.state == LIVE else f"`{row.state}`",
                f"`{row.event}`",
                f"`{row.target}`",
                row.because,
            )
            for row in rows
        ),
    )


def part_sentence(part: Part) -> str:
    ends = ", ".join(f"`{state}`" for state in (*part.table.final, *part.ends_in))
    if part.inside is None:
        return f"The stream itself. It may end in {ends}.\n"
    keys = ", ".join(f"`{key}`" for key in part.key)
    speaks = ", ".join(f"`{state}`" for state in part.may_speak)
    sentences = [f"Identified by {keys}. Its events are legal while the {part.inside} is in {speaks}."]
    if part.ends_before:
        before = ", ".join(f"`{state}`" for state in part.ends_before)
        sentences.append(f"Each must have ended ({ends}) before the {part.inside} enters {before}.")
    if part.again:
        sentences.append("A key may be used again after its part has ended.")
    if part.counts:
        sentences.append("The last field of the key counts them from 0, without gaps.")
    return " ".join(sentences) + "\n"


def writes_section(wire: str) -> Iterator[str]:
    yield f"## What `{SINKS[wire].__name__}` writes\n"
    yield grid(
        ("In our stream", "The sink writes", "Because"),
        (
            (each.said, ", ".join(f"`{word}`" for word in each.words) or "nothing", each.because)
            for each in SINKS[wire].WRITES
        ),
    )


YES_NO = {True: "yes", False: "no", None: "any"}


def endings_page() -> str:
    rows = [(f"`{word}`", ending) for word, ending in ENDINGS.items()] + [("any other", UNKNOWN)]
    marks = {True: "yes", False: ""}
    return page(
        "Endings",
        prose("streamfsm.machines.endings"),
        grid(
            ("Finish reason", "Stop reason", "Rank", "Because"),
            ((word, f"`{ending.stop_reason.value}`", str(ending.rank), ending.because) for word, ending in rows),
        ),
        grid(
            ("Dialect", "Rank of the new one", "What stands", "Because"),
            ((f"`{row.policy}`", anything(row.rank), f"the {row.stands} one", row.because) for row in SECONDS),
        ),
        grid(
            ("Stream", "Finish reason", "What came", "Stop reason", "Complete calls are ready", "Because"),
            (
                (
                    *(anything(cell) for cell in (row.stream, row.word, row.came)),
                    f"`{row.stop_reason.value}`" if row.stop_reason else "as the finish reason says",
                    marks[row.ready],
                    row.because,
                )
                for row in OUTCOMES
            ),
        ),
        grid(
            ("Every choice has a finish reason", "`strict_end`", "Event", "Because"),
            ((YES_NO[row.finished], YES_NO[row.strict], f"`{row.event}`", row.because) for row in CLOSINGS),
        ),
        grid(("", "Finish reason", "Because"), ((str(at), row.what, row.because) for at, row in enumerate(WORSTS, 1))),
    )


def choices_page() -> str:
    return page(
        "Choices",
        prose("streamfsm.machines.choices"),
        grid(
            ("", "Rule", "Belongs to", "Counts tokens", "Anomaly", "Evidence"),
            (
                (
                    str(place),
                    rule.name,
                    {"own": "its index", "position": "its position", "one": "the one answer", "wait": "waits"}[
                        rule.decision
                    ],
                    rule.counting or "",
                    f"`{rule.records}`" if rule.records else "",
                    rule.because,
                )
                for place, rule in enumerate(CHOICE_RULES, 1)
            ),
        ),
    )


def anything(cell: str) -> str:
    return "any" if cell == "*" else cell


def foreign_table() -> str:
    return grid(("Protocol", "Recognised by"), ((protocol.name, protocol.because) for protocol in PROTOCOLS))


def dialect_table() -> str:
    """Return the policies, with their docstrings."""
    bodies = [ast.parse(inspect.getsource(each)).body[0].body for each in (Policies, Dialect)]
    said = {
        field.target.id: " ".join(after.value.value.split())
        for body in bodies
        for field, after in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr)
    }
    return grid(
        ("Policy", "Values, the default first", "Meaning"),
        (
            (f"`{name}`", values(field), said.get(name, "The same, of its field.").replace("``", "`"))
            for name, field in Dialect.model_fields.items()
        ),
    )


def extras_table() -> str:
    by_policy = {keep: [name for name, each in EXTRAS.items() if each == keep] for keep in EXTRAS.values()}
    return grid(
        ("Policy", "Fields"),
        ((f"`{keep}`", ", ".join(f"`{name}`" for name in names)) for keep, names in by_policy.items()),
    )


def left_out_table() -> str:
    return grid(
        ("Left out", "Because"),
        [*((f"`{path}`", why) for path, why in LEFT_OUT.items()), (NOTHING, "means nothing in any field")],
    )


def values(field: FieldInfo) -> str:
    found = [field.default, *choices(field.annotation)]
    return ", ".join(f"`{value}`" for value in dict.fromkeys(map(str, found)))


def choices(annotation: Any) -> Iterator[Any]:
    """Yield the values that a type of literals allows."""
    if annotation is bool:
        yield from (True, False)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from choices(inner)


def identity_page() -> str:
    return page(
        "Identity",
        prose("streamfsm.machines.identity"),
        rules_table(RULES, "Starts a call", begins),
        "## Names\n",
        prose("streamfsm.machines.names"),
        rules_table(NAME_RULES, "Does", str),
    )


def begins(decision: str) -> str:
    return "yes" if decision == "new" else ""


def rules_table(rules: Iterable[Rule[Any, Any]], decides: str, shown: Callable[[str], str]) -> str:
    """Return a table of rules, with a column ``decides`` that shows the decision of each."""
    marks = {False: "", True: "yes"}
    return grid(
        ("", "Rule", decides, "Anomaly", "In doubt", "Evidence"),
        (
            (str(at), rule.name, shown(rule.decision), rule.records or "", marks[rule.doubts], rule.because)
            for at, rule in enumerate(rules, 1)
        ),
    )


RESPONSES = """\
`StreamParser` reads streams of the Responses API in the same way as those of Chat Completions: you can feed it the
client's event objects, dicts of the same shape, or the bytes of the body, including the body of a request that does not
stream. The parser recognises the wire by the first object, unless you name it: `StreamParser(wire="responses")`. An
object of the other wire is recorded as `foreign_wire`. This page shows how events and items become messages;
[what goes back](history.md#the-responses-api) shows how to make the next request.

```python
from streamfsm import StreamParser, coalesce

parser = StreamParser()
messages = []
for event in (
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m1", "content": []}},
    {"type": "response.output_text.delta", "output_index": 0, "item_id": "m1", "content_index": 0, "delta": "Hel"},
    {"type": "response.output_text.done", "output_index": 0, "item_id": "m1", "content_index": 0, "text": "Hello"},
    {"type": "response.completed", "response": {"status": "completed", "output": []}},
):
    messages += parser.feed(event)
messages += parser.close()
assert [message.message_type for message in coalesce(messages)] == ["assistant_message", "stop_reason"]
assert parser.result.content == "Hello"
```

## A text arrives up to four times

The server sends a text in deltas, and then repeats it in full up to three times: at the end of its part, of its item,
and of the response. Each of these may be missing, so the parser reads all of them. If a repetition is longer than the
text so far, the additional text is new. If it is empty, it is ignored. If it contradicts the text so far, it is
ignored, recorded as `snapshot_conflict`, and puts a call in doubt. A delta that arrives after the full text is recorded
as `late_delta`.

Some servers also send the text in full when its part or item begins, and then again in deltas. While deltas repeat such
a text from its start, they are ignored. If they turn out to be something else, all of them are new. If deltas repeated
arguments in this way, and no event with the full text shows whether they went on with them, the call is in doubt.

LiteLLM streams thoughts as a summary, and lists them as `output_text`. So if an item ends with a single text of a kind
of thoughts of which no deltas came, and lists none of the kind that came, it is compared with the text of these.

Each part of an item is a lane of its own with its own otids, so `coalesce` does not join different parts. In the
result, the texts of all parts are joined in the order in which they began, with nothing between them;
`reasoning_details` lists the parts of thoughts.
"""
FINISH = """\
## How it ends

The finish reason is the status of the response, or the reason why it is incomplete; if these and the type of the last
event differ, the worst one counts. `response.done` only says that there is an end. [Endings](endings.md) says what
each means. This wire has no word for a model that waits for its tools. So the stop reason of a completed response is
`tool_calls` if the client has a call to run, and otherwise `end_turn`. After the end, only usage and errors are read:
if a body contains several responses, the first one counts.

A call is ready if it satisfies the conditions of [law 10](laws.md), if the server does not run it itself, and if no
event said that its item is incomplete. The status `completed` of an item proves nothing; what counts is how the
response ended.

Thoughts without visible text are announced once: when their item ends, before anything that follows, or at the end of
the response. Encrypted thoughts, which only the server can read, are in `reasoning_details`. They are taken from the
end of the item, otherwise from the end of the response, because those at the beginning of an item may be incomplete.
"""


def responses_page() -> str:
    return page(
        "The Responses API",
        RESPONSES,
        "## Events\n",
        prose("streamfsm.wires.responses.events"),
        DOES.replace("``", "`") + "\n",
        grid(
            ("Event", "What the parser does", "Text", "Item", "`openai` since", "until"),
            (
                (
                    f"`{row.type}`",
                    row.does.replace("_", " "),
                    row.kind or "",
                    ", ".join(f"`{kind}`" for kind in row.fits),
                    row.since,
                    row.until,
                )
                for row in EVENTS.values()
            ),
        ),
        "## Items\n",
        grid(
            ("Item", "Becomes", "Kind of call", "Arguments", "If", "Because"),
            (
                (
                    f"`{row.type}`" if row.type else "any other",
                    {"texts": "messages", "call": "a call", "whole_call": "a call, once it is complete"}.get(
                        row.becomes, 'an entry of `extras["output"]`, once it has ended'
                    ),
                    f"`{row.kind}`" if row.member else "",
                    f"`{row.member}`" if row.member else "",
                    row.when,
                    row.because,
                )
                for row in (*ITEMS.values(), OTHER_ITEM)
            ),
        ),
        "## Which item\n",
        prose("streamfsm.machines.items"),
        rules_table(ITEM_RULES, "Begins an item", begins),
        grid(
            ("In doubt at the end", "Anomaly", "Because"),
            ((row.name, row.records or "", row.because) for row in ITEM_DOUBTS),
        ),
        FINISH,
        "## What is left out\n",
        grid(("Left out", "Because"), ((f"`{path}`", why) for path, why in RESPONSES_LEFT_OUT.items())),
        "Fields of a response that repeat the request: " + ", ".join(f"`{name}`" for name in sorted(ECHOED)) + ".\n",
    )


# -- the walkthrough ---------------------------------------------------------------------------------------------------


ARGUMENTS = (r'{"thin', r'king":"They say hel', r'lo.","message":"Say \ ', r'"hi\" \ud83d', r"\ude00", r'."', "}")
CHUNKS = [
    ("id `call_1`, name `send_mess`", chunk(call(0, "call_1", "send_mess"))),
    ("name `age`", chunk(call(0, name="age"))),
    *((f"arguments `{text.strip()}`", chunk(call(0, arguments=text.strip()))) for text in ARGUMENTS),
    ("finish reason `tool_calls`", chunk(finish="tool_calls")),
    ("usage", {"choices": [], "usage": {"prompt_tokens": 80, "completion_tokens": 21}}),
]


WALKTHROUGH = """\
This page follows `StreamParser` through one call of `send_message`, chunk by chunk. Each heading shows what the chunk
contains. The chunks cut the tool's name, a key, an escape and a surrogate pair in the middle.

Each message comes from one row of a [table](machines/tool_call.md), or from text that arrives in a state; the page says
which. Text that is held back is shown with the reason; [law 4](laws.md) lists everything that may be held back.
"""


def walkthrough_page() -> str:
    trace: list[Transition] = []
    parser = StreamParser(message_id="message-00000000-0000-4000-8000-000000000000", trace=trace)
    messages: list[StreamMessage] = []
    parts = [WALKTHROUGH]
    for place, (title, fed) in enumerate([*CHUNKS, ("the end: `close()`", None)], 1):
        seen = len(trace)
        given = parser.close() if fed is None else parser.feed(fed)
        messages += given
        parts.append(f"## {place}. {title[0].upper()}{title[1:]}\n")
        parts.append(
            items(
                ("Transitions", [arrow(step) for step in trace[seen:] if step.event != "text"]),
                ("Messages", [f"{shown(message)} {origin(message, trace[seen:])}" for message in given]),
                ("Held back", held(parser)),
                ("State", states(parser)),
            )
        )
    parts += ["## The output\n", "The messages, after `coalesce`:\n"]
    parts.append("".join(f"- {shown(message)}\n" for message in coalesce(messages)))
    parts.append("The result:\n")
    result = parser.result.model_dump(mode="json", exclude={"choices"})
    parts.append(f"```json\n{json.dumps(result, indent=2, ensure_ascii=False)}\n```\n")
    return page("A stream, chunk by chunk", *parts)


def items(*lines: tuple[str, list[str]]) -> str:
    """Return a list without its empty lines."""
    return "".join(f"- {label}: {'; '.join(values)}\n" for label, values in lines if values)


def arrow(step: Transition) -> str:
    return f"{step.lane}: `{step.state}` –`{step.event}`→ `{step.target}`"


def origin(message: StreamMessage, steps: list[Transition]) -> str:
    """Return the row, or the state's text, that emitted ``message``."""
    step = next(step for step in steps if step.seq_id == message.seq_id)
    return f"from `{step.event}` in `{step.state}`"


def shown(message: StreamMessage) -> str:
    """Return the type and the text of a message."""
    return f"`{type(message).__name__}` `{json.dumps(message.text, ensure_ascii=False)}`"


def held(parser: StreamParser) -> list[str]:
    """Return the texts that the parser holds back, with the reasons."""
    (choice,) = parser._response.run.choices.values()  # noqa: SLF001 - there is no public name for it
    (call,) = choice.calls.lanes
    scanner = call.scanner
    if scanner is None:
        return [f"`{call.name}`, because the name may still grow"]
    found = []
    if scanner._tail:  # noqa: SLF001
        found.append(f"`{scanner._tail}`, because what follows decides which character it is")  # noqa: SLF001
    if key := scanner._key.getvalue():  # noqa: SLF001
        found.append(f"`{key}`, because only a complete key decides what its value becomes")
    return found


def states(parser: StreamParser) -> list[str]:
    (choice,) = parser.snapshot()["run"]["choices"].values()
    return [
        f"stream `{parser.state}`",
        *(f"call {call['ordinal']} `{call['state']}`" for call in choice["calls"]["lanes"]),
    ]


# -- what a stream may cost --------------------------------------------------------------------------------------------


def limits_page() -> str:
    limits = Limits()
    intro = f"""A parser keeps at most `Limits.total` characters of a stream ({limits.total:,} by default), and at most
{BYTES} bytes of memory for each of them, whatever the stream contains. Reaching this limit, like the others, fails the
stream with code `limit`; everything emitted before stays valid. Things other than text also count as characters, by the
table below.

The caller's objects are not counted: the messages, a trace that is a list, the façade's `reasoning_messages`, and
results. Bytes are read one event at a time, of at most {limits.event:,} bytes (`Limits.event`) and {limits.values:,}
values (`Limits.values`), which bounds the work for each event; its objects are freed as soon as it has been read.
"""
    weights = grid(
        ("What", "Counts as, in addition to its text"), ((thing, f"{weight:,}") for thing, weight in WEIGHTS.items())
    )
    bounds = grid(("What", "Bound"), ((what, bound) for what, (bound, _) in BOUNDS.items()))
    return page(
        "Limits",
        intro,
        f"{weights}\n\nEach part of the state has a bound; a test fails if one is missing here.\n\n{bounds}",
    )


# -- a delta's walk ----------------------------------------------------------------------------------------------------


DELTAS = {
    "content": ([], lambda text: chunk(content=text)),
    "reasoning": ([], lambda text: chunk(reasoning_content=text)),
    "message": ([chunk(call(0, "c", "send_message", '{"message":"'))], lambda text: chunk(call(0, arguments=text))),
    "raw arguments": ([chunk(call(0, "c", "search", '{"query":"'))], lambda text: chunk(call(0, arguments=text))),
    "channel": ([chunk(call(0, "c", "write_file", '{"content":"'))], lambda text: chunk(call(0, arguments=text))),
}
RESPONSES_DELTAS = {
    "content": ([added(message())], said),
    "raw arguments": ([added(function("", "c", "search")), argued('{"query":"')], argued),
}
"""The same for the Responses API."""
WALK = """\
This page lists the modules through which a plain delta, the fifth of its kind, passes on its way from `feed` to a
message, as recorded by `sys.setprofile`. `→` is a call of a function in another module. `←` is the return to a module
that was passed before and that makes the next call. Each walk ends in the writer, from which the parser fetches the
messages.

Each module passes its result on to the next, and none returns a value that another call would need, so no walk turns
back. Bytes that are one complete event, as a network usually delivers it, bypass `wires.sse` if the previous event came
in the same way and had the same shape.
"""


def walk_page() -> str:
    walks = [
        (wire, kind, entrance, walk(before, delta, entrance, as_object))
        for wire, deltas, as_object in (
            ("Chat Completions", DELTAS, partial(construct_type, type_=ChatCompletionChunk)),
            ("Responses", RESPONSES_DELTAS, partial(construct_type, type_=ResponseStreamEvent)),
        )
        for kind, (before, delta) in deltas.items()
        for entrance in ("objects", "bytes")
    ]
    rows = ((*named, str(len(modules(path))), path) for *named, path in walks)
    return page("The walk of a delta", WALK, grid(("Wire", "Delta", "From", "Modules", "Walk"), rows))


def modules(path: str) -> set[str]:
    return {*re.findall(r"`([^`]+)`", path)}


def walk(before: list[Any], delta: Any, entrance: str, as_object: Any) -> str:
    parser = StreamParser(channels=[Channel("$.content", "write_file")])
    stream = [*before, *(delta(f"word {number}") for number in range(5))]
    if entrance == "objects":
        *earlier, last = (as_object(value=each) for each in stream)
        feed = parser.feed
    else:
        *earlier, last = (f"data: {json.dumps(each)}\n\n".encode() for each in stream)
        feed = parser.feed_bytes
    for each in earlier:
        feed(each)
    calls: list[tuple[str, str]] = []

    def profile(frame: Any, event: str, _: Any) -> None:
        names = [each.f_globals.get("__name__", "") for each in (frame.f_back, frame)]
        if event == "call" and names[0] != names[1] and all(name.startswith("streamfsm.") for name in names):
            calls.append((names[0].removeprefix("streamfsm."), names[1].removeprefix("streamfsm.")))

    sys.setprofile(profile)
    feed(last)
    sys.setprofile(None)
    calls.pop()  # the parser fetches the messages
    here, path = "parser", "`parser`"
    for caller, callee in calls:
        path += f" → `{callee}`" if caller == here else f" ← `{caller}` → `{callee}`"
        here = callee
    return path


# -- the command -------------------------------------------------------------------------------------------------------


def stale() -> Iterator[tuple[Path, str, str]]:
    """Yield the files that are stale: path, old text, new text."""
    for path, new in texts().items():
        file = ROOT / path
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        if old != new:
            yield file, old, new


def main() -> int:
    """Write the stale files; with ``--check``, print the differences instead, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is stale")
    parser.add_argument("--count", metavar="DIR", type=Path, help="count again which rows the recordings in DIR take")
    arguments = parser.parse_args()
    check = arguments.check
    if arguments.count:
        RECORDED.write_text(json.dumps(recorded_rows(arguments.count), indent=2) + "\n", encoding="utf-8")
    found = list(stale())
    for file, old, new in found:
        name = str(file.relative_to(ROOT))
        if check:
            lines = unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), name, "generated")
            sys.stdout.writelines([f"{name} is stale; run: make docs\n", *lines])
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(new, encoding="utf-8")
            sys.stdout.write(f"wrote {name}\n")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
