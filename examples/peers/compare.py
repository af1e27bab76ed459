"""Checks other people's parsers against the laws of ``streamfsm.testing``, and writes ``docs/peers.md``.

A peer is a module next to this one, with an ``Adapter``, the ``PACKAGES`` whose versions matter, the ``KINDS`` of text
that it emits, and the laws that it ``CLAIMS``, each with its source. A law that a peer does not claim is tried too, if
the result is informative, but a violation is not counted as broken.

    python examples/peers/compare.py [--write | --check] [--examples N]
"""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, Verbosity, assume, given, settings
from hypothesis import strategies as st

from streamfsm.testing import (
    ALPHABET,
    RETELLINGS,
    LawBroken,
    Stream,
    accented,
    arguments,
    check_append_only,
    check_dialect_invariance,
    check_linear,
    check_nothing_lost,
    check_output_grammar,
    check_promptness,
    check_split_invariance,
    check_total,
    chunkings,
    dialects,
    faults,
    logical_streams,
    long_message,
    responses_faults,
    responses_streams,
)
from streamfsm.testing.streams import ENVELOPE, finish
from streamfsm.wires.chat.chunking import Atom

PAGE = Path(__file__).parents[2] / "docs" / "peers.md"
EXAMPLES = 100

# -- streams, as OpenAI sends them -------------------------------------------------------------------------------------

OPENING = {**ENVELOPE, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
ENDINGS = ("stop", "length", "tool_calls", "content_filter")
MESSAGE = {
    "type": "object",
    "properties": {"message": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["message"],
}


def encodable(text: str) -> bool:
    """Whether the JSON text has no lone surrogate, whose meaning JSON does not define."""
    return not any("\ud800" <= char <= "\udfff" for char in json.dumps(json.loads(text), ensure_ascii=False))


def usual(stream: Stream) -> bool:
    """Whether it says something, and its calls begin in the order of their indexes."""
    indexes = [atom.call["index"] for atom in stream.atoms if atom.kind == "name"]
    return bool(stream.said()) and indexes == sorted(indexes)


def as_sent(stream: Stream) -> Stream:
    """Return the stream after a chunk with the role, with complete names, and with a finish reason of the API."""
    endings = [atom for atom in stream.atoms if atom.call.get("finish_reason") in ENDINGS]
    said = [atom for atom in stream.atoms if atom.kind not in ("finish", "usage")]
    usage = [atom for atom in stream.atoms if atom.kind == "usage"]
    opening = Atom("opaque", None, chunk=OPENING)
    return Stream([opening, *said, *(endings or finish("stop")), *usage], cut_names=False)


def sent(**what: Any) -> st.SearchStrategy[Stream]:
    """Generate logical streams of one choice, as OpenAI sends them; ``what``: the arguments of ``logical_streams``."""
    return logical_streams(max_choices=1, **what).filter(usual).map(as_sent)


TEXTS = sent(arguments=arguments().filter(encodable), texts=st.text(ALPHABET, max_size=12))
ARGUMENT = sent(arguments=arguments(MESSAGE), names=st.just("send_message"), texts=st.just(""), max_calls=1)


def says_something(stream: Stream) -> bool:
    """Whether it has a text or a call."""
    return bool(stream.said())


RESPONSES = responses_streams(
    arguments=arguments().filter(encodable),
    texts=st.text(ALPHABET, min_size=1, max_size=12),
    kinds=("message", "reasoning", "function_call"),
    thoughts=("summary",),
    ends=("completed",),
    interleaved=False,
).filter(says_something)


def message(stream: Stream) -> dict[tuple[str, Any], str]:
    """Return the message that ``json.loads`` finds in the complete arguments."""
    (text,) = (text for (kind, _), text in stream.said().items() if kind == "arguments")
    return {("content", 0): json.loads(text)["message"]}


# -- laws --------------------------------------------------------------------------------------------------------------

Case = tuple[Stream, Sequence[Any]]


class Law(NamedTuple):
    """A law, which is checked on a peer with a stream, and other chunks for it."""

    name: str
    means: str
    case: Callable[[st.DataObject, Stream], Case] | None
    check: Callable[[ModuleType, Stream, Sequence[Any]], Any]


def recut(data: st.DataObject, stream: Stream) -> Case:
    """Return the stream, and any other chunks for it."""
    return stream, data.draw(chunkings(stream))


def spoken(data: st.DataObject, stream: Stream) -> Case:
    """Return the stream, and the chunks that another server would send for it."""
    return stream, accented(stream.plain(), data.draw(dialects()))


def cut_off(data: st.DataObject, stream: Stream) -> Case:
    """Return a stream that breaks off, but not before it says something, and any chunks for it."""
    stream = data.draw(faults(garbage=False).filter(lambda fault: fault.sort == "cut off"))(stream)
    assume(stream.said())
    return recut(data, stream)


def damaged(data: st.DataObject, stream: Stream) -> Case:
    """Return the stream with any fault, and any chunks for it."""
    return recut(data, data.draw(faults())(stream))


def retold(data: st.DataObject, stream: Stream) -> Case:
    """Return the stream, and its events without one of their redundancies."""
    return stream, accented(stream.plain(), [data.draw(st.sampled_from(RETELLINGS))])


def responses_cut_off(data: st.DataObject, stream: Stream) -> Case:
    """Return a stream that breaks off, but not before it says something, and any chunks for it."""
    stream = data.draw(responses_faults(garbage=False).filter(lambda fault: fault.sort == "cut off"))(stream)
    assume(stream.said())
    return recut(data, stream)


def responses_damaged(data: st.DataObject, stream: Stream) -> Case:
    """Return the stream with any fault, and any chunks for it."""
    return recut(data, data.draw(responses_faults())(stream))


def split_invariant(peer: ModuleType, stream: Stream, chunks: Sequence[Any]) -> None:
    """Check in order, unless the peer returns the message so far."""
    check_split_invariance(peer.Adapter, stream, chunks, in_order=getattr(peer, "IN_ORDER", True))


def nothing_lost(peer: ModuleType, stream: Stream, chunks: Sequence[Any]) -> None:
    """Check the complete texts of the kinds that the peer emits, or the argument."""
    expected = message(stream) if peer.__name__ in ARGUMENT_PEERS else None
    check_nothing_lost(peer.Adapter, stream, chunks, kinds=peer.KINDS, expected=expected)


def prompt(peer: ModuleType, stream: Stream, _: Sequence[Any]) -> None:
    """Check all kinds except names, which come complete."""
    check_promptness(peer.Adapter, stream, kinds=[kind for kind in peer.KINDS if kind != "name"])


LAWS = (
    Law("split invariance", "every chunking says the same", recut, split_invariant),
    Law("nothing lost", "the complete texts are those that were sent", recut, nothing_lost),
    Law(
        "append-only",
        "nothing that was emitted is retracted",
        recut,
        lambda peer, *case: check_append_only(peer.Adapter, *case),
    ),
    Law("promptness", "everything decidable is emitted at once", lambda _, stream: (stream, ()), prompt),
    Law(
        "output grammar",
        "a call's name comes once, before its arguments",
        recut,
        lambda peer, *case: check_output_grammar(peer.Adapter, *case),
    ),
    Law(
        "cut off",
        "a stream that breaks off raises no exception",
        cut_off,
        lambda peer, _, chunks: check_total(peer.Adapter, chunks),
    ),
    Law(
        "dialects",
        "the same stream, as other servers send it, says the same",
        spoken,
        lambda peer, *case: check_dialect_invariance(peer.Adapter, *case),
    ),
    Law(
        "garbage",
        "garbage chunks and error payloads raise no exception",
        damaged,
        lambda peer, _, chunks: check_total(peer.Adapter, chunks),
    ),
    Law(
        "linear",
        "CPU time does not grow with the square of the size",
        None,
        lambda peer, *_: check_linear(peer.Adapter),
    ),
)
_BY_NAME = {law.name: law for law in LAWS}
RESPONSES_LAWS = (
    *LAWS[:5],
    _BY_NAME["cut off"]._replace(case=responses_cut_off),
    _BY_NAME["dialects"]._replace(
        name="retellings", means="the stream says the same without one of its redundancies", case=retold
    ),
    _BY_NAME["garbage"]._replace(case=responses_damaged),
    _BY_NAME["linear"]._replace(check=lambda peer, *_: check_linear(peer.Adapter, long_message)),
)
# These laws are tried only if a peer claims them: a violation would tell little, and trying them may take minutes.
ONLY_CLAIMED = ("garbage", "linear")
ARGUMENT_LAWS = ("nothing lost", "append-only", "cut off")

# -- peers -------------------------------------------------------------------------------------------------------------

TEXT_PEERS = {
    "streamfsm_texts": "streamfsm",
    "openai_stream": "openai",
    "pydantic_ai_events": "pydantic-ai",
    "langchain_merge": "LangChain",
    "append_then_loads": "append, then loads",
}
RESPONSES_PEERS = {
    "streamfsm_responses": "streamfsm",
    "openai_responses": "openai",
    "openai_agents_responses": "openai-agents",
    "pydantic_ai_responses": "pydantic-ai",
    "langchain_responses": "LangChain",
}
ARGUMENT_PEERS = {
    "streamfsm_argument": "streamfsm",
    "jiter_argument": "jiter",
    "partial_json_argument": "partial-json-parser",
    "langchain_argument": "LangChain",
}


def examined(peer: ModuleType, law: Law, streams: st.SearchStrategy[Stream], examples: int) -> str | None:
    """Return the report on the smallest example that breaks the law, after reproducing it; or ``None``."""
    last: list[Case] = [(Stream([]), ())]

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=set(Phase) - {Phase.explain},
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        last[0] = law.case(data, data.draw(streams)) if law.case else last[0]
        law.check(peer, *last[0])

    try:
        attempt() if law.case else law.check(peer, *last[0])
    except LawBroken as finding:
        try:
            law.check(peer, *last[0])
        except LawBroken as again:
            if str(again) == str(finding):
                return str(finding)
        raise RuntimeError(f"{peer.__name__} does not break the law again:\n{finding}") from finding
    return None


class Table(NamedTuple):
    """Cells by law and peer, and the reports that they refer to."""

    peers: dict[str, ModuleType]
    cells: dict[tuple[str, str], str]
    reports: list[tuple[str, str]]


def compared(
    peers: dict[str, str],
    laws: Iterable[Law],
    streams: st.SearchStrategy[Stream],
    examples: int,
    *,
    first: int = 1,
    tell: Callable[[str], object] = lambda _: None,
) -> Table:
    """Check every law on every peer.

    Args:
        peers: the modules → their names in the table.
        laws: the laws.
        streams: the streams to check them with.
        examples: the number of examples for each cell.
        first: the number of the first report.
        tell: called with what is tried next.

    Raises:
        ModuleNotFoundError: a peer's package is not installed.
    """
    table = Table({name: importlib.import_module(name) for name in peers}, {}, [])
    for law in laws:
        for name, peer in table.peers.items():
            claimed = law.name in peer.CLAIMS
            tell(f"{peers[name]}: {law.name}")
            if law.name in ONLY_CLAIMED and not claimed:
                table.cells[law.name, name] = "—"
                continue
            cell = "held" if claimed else "not claimed"
            if report := examined(peer, law, streams, examples):
                number = first + len(table.reports)
                title = f"{number}. {peers[name]}: {law.name}"
                table.reports.append((title, report))
                cell = f"{'**broken**' if claimed else cell} [{number}](#{anchor(title)})"
            table.cells[law.name, name] = cell
    return table


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


# -- the page ----------------------------------------------------------------------------------------------------------


def grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [tuple(head), *map(tuple, rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows(table: Table, laws: Iterable[Law]) -> Iterator[list[str]]:
    """Yield, for each law, its name and meaning, and the result for each peer."""
    for law in laws:
        yield [f"{law.name}: {law.means}", *(table.cells[law.name, name] for name in table.peers)]


def claims(table: Table, names: dict[str, str]) -> str:
    """Return the claims of each peer, with their sources."""
    lines = []
    for name, peer in table.peers.items():
        versions = ", ".join(f"{package} {version(package)}" for package in peer.PACKAGES if package != "streamfsm")
        about = " ".join(f"{peer.__doc__}".split()).replace("``", "`")
        title = f"**{names[name]}**{f' ({versions})' if versions else ''}"
        lines.append(f"- {title}, [{name}.py](../examples/peers/{name}.py). {about}")
        by_reason: dict[str, list[str]] = {}
        for law, reason in peer.CLAIMS.items():
            by_reason.setdefault(reason, []).append(law)
        lines += [f"  - {', '.join(laws)}: {reason}" for reason, laws in by_reason.items()]
    return "\n".join(lines) + "\n"


TEXT = """\
<!-- Written by examples/peers/compare.py. -->

# Other parsers

This page checks published parsers of the same streams against the laws of [`streamfsm.testing`](testing.md), each
through an adapter of a few lines. `make peers` installs the versions below in a separate environment, runs the checks,
and writes this page.

A parser is judged by what its own documentation or code claims; [the claims](#what-each-claims) are listed with their
sources. *held*: Hypothesis found no violation in {examples} examples, which is not a proof. **broken**: the number
links to the smallest violation that was found, which was reproduced. *not claimed*: the parser does not claim the
law, and does not have to keep it; a number links to an example of what it does instead, and without a number no
violation was found. —: not claimed, and not tested.

The streams are like those that OpenAI sends: valid chunks of one choice, the role first, complete tool names, calls
that begin in the order of their indexes, arguments that are valid JSON, no lone surrogates, and a finish reason of
the API. Their texts are cut anywhere, and neighbouring pieces are merged.

## Texts and calls

The parsers are compared by the texts, and the names and raw arguments of calls, that they emit.

{texts}
## Responses

The same for the Responses API, with messages, reasoning summaries and function calls as OpenAI sends them. A retelling
is one of [fourteen changes](testing.md#the-responses-api) to a stream, such as leaving out one of the places in which
the API repeats a text, as some servers do.

{responses}
## An argument while it grows

Here a parser shows the decoded text of one argument, the `message` of a call of `send_message`, while it arrives. The
other parsers read the beginning of a JSON text, so all the arguments so far are parsed again at each delta, which is
how they are used. They do not claim that they never retract what they have shown.

{argument}
## What each claims

{claims}
## Examples

These are the reports of the test kit. If a law is not claimed, “is broken” only describes what happens.

{reports}"""


def page(examples: int, tell: Callable[[str], object]) -> str:
    """Return the page."""
    argument_laws = [law for law in LAWS if law.name in ARGUMENT_LAWS]
    texts = compared(TEXT_PEERS, LAWS, TEXTS, examples, tell=tell)
    first = 1 + len(texts.reports)
    responses = compared(RESPONSES_PEERS, RESPONSES_LAWS, RESPONSES, examples, first=first, tell=tell)
    first += len(responses.reports)
    argument = compared(ARGUMENT_PEERS, argument_laws, ARGUMENT, examples, first=first, tell=tell)
    return TEXT.format(
        examples=examples,
        texts=grid(["", *TEXT_PEERS.values()], rows(texts, LAWS)),
        responses=grid(["", *RESPONSES_PEERS.values()], rows(responses, RESPONSES_LAWS)),
        argument=grid(["", *ARGUMENT_PEERS.values()], rows(argument, argument_laws)),
        claims=claims(texts, TEXT_PEERS) + claims(responses, RESPONSES_PEERS) + claims(argument, ARGUMENT_PEERS),
        reports="\n".join(
            f"### {title}\n\n```text\n{report}\n```\n"
            for title, report in texts.reports + responses.reports + argument.reports
        ),
    )


def main() -> int:
    """Run the command; 1 if the page is stale, 2 if a peer is not installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write docs/peers.md")
    what.add_argument("--check", action="store_true", help="compare docs/peers.md with what is found")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="for each law and peer, default %(default)s")
    options = parser.parse_args()
    try:
        found = page(options.examples, partial(print, file=sys.stderr))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}; make peers installs what is compared\n")
        return 2
    if options.write:
        PAGE.write_text(found, encoding="utf-8")
    elif options.check:
        stale = PAGE.read_text(encoding="utf-8") != found
        if stale:
            sys.stderr.write("docs/peers.md is stale; run: make peers\n")
        return int(stale)
    else:
        sys.stdout.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
