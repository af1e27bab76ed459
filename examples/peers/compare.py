"""Puts the laws of ``streamfsm.testing`` to other people's parsers, and tells which they hold.

A peer is a module beside this one: an ``Adapter``, the ``PACKAGES`` whose versions count, the ``KINDS`` of text that it
gives, and the laws that it ``CLAIMS``, each with where it says so. A law that it does not claim is tried all the same,
where that can tell something, and not held against it.

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
    """Whether the JSON text has no half of a surrogate pair alone, of which JSON does not say what it means."""
    return not any("\ud800" <= char <= "\udfff" for char in json.dumps(json.loads(text), ensure_ascii=False))


def usual(stream: Stream) -> bool:
    """Whether it says something, and its calls begin in the order of their indexes."""
    indexes = [atom.call["index"] for atom in stream.atoms if atom.kind == "name"]
    return bool(stream.said()) and indexes == sorted(indexes)


def as_sent(stream: Stream) -> Stream:
    """The stream after the chunk with the role, with names whole, and with an ending that the API knows."""
    endings = [atom for atom in stream.atoms if atom.call.get("finish_reason") in ENDINGS]
    said = [atom for atom in stream.atoms if atom.kind not in ("finish", "usage")]
    usage = [atom for atom in stream.atoms if atom.kind == "usage"]
    opening = Atom("opaque", None, chunk=OPENING)
    return Stream([opening, *said, *(endings or finish("stop")), *usage], cut_names=False)


def sent(**what: Any) -> st.SearchStrategy[Stream]:
    """Logical streams of one choice, as OpenAI sends them; ``what`` is in them as in ``logical_streams``."""
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
    """What ``json.loads`` makes of the whole arguments."""
    (text,) = (text for (kind, _), text in stream.said().items() if kind == "arguments")
    return {("content", 0): json.loads(text)["message"]}


# -- laws --------------------------------------------------------------------------------------------------------------

Case = tuple[Stream, Sequence[Any]]


class Law(NamedTuple):
    """A law, put to a peer with one stream, and other chunks for it, at a time."""

    name: str
    means: str
    case: Callable[[st.DataObject, Stream], Case] | None
    check: Callable[[ModuleType, Stream, Sequence[Any]], Any]


def recut(data: st.DataObject, stream: Stream) -> Case:
    """The stream in any other chunks."""
    return stream, data.draw(chunkings(stream))


def spoken(data: st.DataObject, stream: Stream) -> Case:
    """The stream as another server sends it."""
    return stream, accented(stream.plain(), data.draw(dialects()))


def cut_off(data: st.DataObject, stream: Stream) -> Case:
    """The beginning of the stream, as long as it says something, in any chunks."""
    stream = data.draw(faults(garbage=False).filter(lambda fault: fault.sort == "cut off"))(stream)
    assume(stream.said())
    return recut(data, stream)


def damaged(data: st.DataObject, stream: Stream) -> Case:
    """The stream with any fault, in any chunks."""
    return recut(data, data.draw(faults())(stream))


def retold(data: st.DataObject, stream: Stream) -> Case:
    """The stream with one of its redundancies left out."""
    return stream, accented(stream.plain(), [data.draw(st.sampled_from(RETELLINGS))])


def responses_cut_off(data: st.DataObject, stream: Stream) -> Case:
    """The beginning of the stream, as long as it says something, in any chunks."""
    stream = data.draw(responses_faults(garbage=False).filter(lambda fault: fault.sort == "cut off"))(stream)
    assume(stream.said())
    return recut(data, stream)


def responses_damaged(data: st.DataObject, stream: Stream) -> Case:
    """The stream with any fault, in any chunks."""
    return recut(data, data.draw(responses_faults())(stream))


def split_invariant(peer: ModuleType, stream: Stream, chunks: Sequence[Any]) -> None:
    """In order, unless the peer gives all of the message so far."""
    check_split_invariance(peer.Adapter, stream, chunks, in_order=getattr(peer, "IN_ORDER", True))


def nothing_lost(peer: ModuleType, stream: Stream, chunks: Sequence[Any]) -> None:
    """The whole texts that the peer gives, or the argument."""
    expected = message(stream) if peer.__name__ in ARGUMENT_PEERS else None
    check_nothing_lost(peer.Adapter, stream, chunks, kinds=peer.KINDS, expected=expected)


def prompt(peer: ModuleType, stream: Stream, _: Sequence[Any]) -> None:
    """All kinds but names, which come whole."""
    check_promptness(peer.Adapter, stream, kinds=[kind for kind in peer.KINDS if kind != "name"])


LAWS = (
    Law("split invariance", "every chunking says the same", recut, split_invariant),
    Law("nothing lost", "the whole texts are those that were sent", recut, nothing_lost),
    Law(
        "append-only",
        "nothing said is taken back",
        recut,
        lambda peer, *case: check_append_only(peer.Adapter, *case),
    ),
    Law("promptness", "all that can be known is said at once", lambda _, stream: (stream, ()), prompt),
    Law(
        "output grammar",
        "a call is named once, before its arguments",
        recut,
        lambda peer, *case: check_output_grammar(peer.Adapter, *case),
    ),
    Law(
        "cut off",
        "the beginning of a stream raises nothing",
        cut_off,
        lambda peer, _, chunks: check_total(peer.Adapter, chunks),
    ),
    Law(
        "dialects",
        "what other servers send for the same stream says the same",
        spoken,
        lambda peer, *case: check_dialect_invariance(peer.Adapter, *case),
    ),
    Law(
        "garbage",
        "chunks that are none, and error payloads, raise nothing",
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
# Of these, to know more than that a peer does not claim them is not worth a run: any exception, or minutes.
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
    """The report on the smallest example that breaks the law, found anew and checked again; or ``None``."""
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
    """Every law put to every peer.

    Args:
        peers: modules, and what the table calls them.
        laws: which.
        streams: with what.
        examples: how many for each cell.
        first: number of the first report.
        tell: is told what is tried next.

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
    """Where a link to a heading leads."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


# -- the page ----------------------------------------------------------------------------------------------------------


def grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [tuple(head), *map(tuple, rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows(table: Table, laws: Iterable[Law]) -> Iterator[list[str]]:
    """A law, what it means, and how each peer does."""
    for law in laws:
        yield [f"{law.name}: {law.means}", *(table.cells[law.name, name] for name in table.peers)]


def claims(table: Table, names: dict[str, str]) -> str:
    """What each peer claims, and where."""
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

The laws of [`streamfsm.testing`](testing.md), put to published parsers of the same streams, each through an adapter of
a few lines. `make peers` installs the versions below in an environment of their own, runs this, and writes this page.

A peer is judged on what it says of itself, which is listed with where it says so. *held*: Hypothesis found nothing in
{examples} examples, which is no proof. **broken**: the number leads to the smallest example that was found, which was
checked again. *not claimed*: the peer does not say so, and need not; a number leads to an example of what it does, for
those who would count on it; without one nothing was found. —: not claimed, and not tried.

The streams are such as OpenAI sends: valid chunks of one choice, the role first, whole tool names, calls that begin in
the order of their indexes, arguments that are valid JSON, no half of a surrogate pair alone, an ending that the API
knows. They are cut anywhere, and merged.

## Texts and calls

What a parser says are the texts, and each call's name and raw arguments, as they come.

{texts}
## Responses

The same of the Responses API: messages, summaries of reasoning and calls of functions, as OpenAI sends them. A
retelling leaves out one of the many places in which that wire says a thing, as servers do;
[the kit](testing.md#the-responses-api) lists all fourteen.

{responses}
## An argument while it grows

One call of `send_message`; what is said is the text of its `message` so far, decoded. The peers read the beginning of
a JSON text. That all the arguments are parsed again at each delta, as here, is what others make of them: they do not
claim that what they show is never taken back.

{argument}
## What each claims

{claims}
## Examples

In the kit's words. Where a law is not claimed, “is broken” tells what happens, and is no reproach.

{reports}"""


def page(examples: int, tell: Callable[[str], object]) -> str:
    """The page, of all peers."""
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
