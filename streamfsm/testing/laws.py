"""The laws as checks of any parser: each raises :class:`LawBroken` with a report, or returns.

``stream`` is a :class:`Stream`, or recorded chunks; ``chunkings`` are other chunks that say the same. By default, they
are :func:`standard_chunkings`.
"""

import gc
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from math import inf, log
from statistics import linear_regression
from time import process_time
from typing import Any, TypeAlias

from streamfsm.core.text import join_surrogates, without_surrogates
from streamfsm.testing.parsers import Parse, Read, Said, read_message
from streamfsm.testing.reports import LawBroken, difference
from streamfsm.testing.runs import SECONDS, Run, Texts, equal, run
from streamfsm.testing.streams import Key, Stream, call, said_so_far, text
from streamfsm.wires.chat.chunking import Chunk, at_random, every, whole

KINDS = ("content", "reasoning", "refusal", "name", "arguments")

Logical: TypeAlias = Stream | Sequence[Chunk]


def standard_chunkings(stream: Logical) -> list[list[Chunk]]:
    """Return as few chunks as possible, one character per chunk, and three random chunkings, the same each time."""
    chunks = _chunks(stream)
    return [cut(chunks) for cut in (whole, every(1), at_random(1), at_random(2), at_random(3))]


def _chunks(stream: Logical) -> list[Chunk]:
    return stream.plain() if isinstance(stream, Stream) else list(stream)


def _runs(
    parse: Parse, stream: Logical, others: Iterable[Sequence[Chunk]], *, read: Read, seconds: float
) -> Iterator[Run]:
    """Run the parser on the stream's own chunks, and then on the others."""
    for chunks in [_chunks(stream), *others]:
        yield run(parse, chunks, read=read, seconds=seconds)


def check_split_invariance(
    parse: Parse,
    stream: Logical,
    *chunkings: Sequence[Chunk],
    results: bool = True,
    in_order: bool = True,
    read: Read = read_message,
    seconds: float = SECONDS,
) -> None:
    """Check that every chunking says the same as the stream's own chunks and, if ``results``, has the same ``result``.

    Messages are compared after neighbours of the same kind and key have been joined. Without ``in_order``, only the
    complete texts are compared, for a parser whose output is cumulative and has no order.
    """
    runs = _runs(parse, stream, chunkings or standard_chunkings(stream), read=read, seconds=seconds)
    expected = next(runs)
    for found in runs:
        _compare("split invariance", stream, expected, found, results=results, in_order=in_order)


def check_dialect_invariance(
    parse: Parse, stream: Logical, *variants: Sequence[Chunk], read: Read = read_message, seconds: float = SECONDS
) -> None:
    """Check that the chunks that other servers would send for the stream say the same; their results may differ.

    Args:
        parse: returns a new parser.
        stream: the stream.
        variants: chunks that say the same with :data:`streamfsm.testing.QUIRKS`.
        read: returns what a message says.
        seconds: the time after which the parser counts as hanging.
    """
    runs = _runs(parse, stream, variants, read=read, seconds=seconds)
    expected = next(runs)
    for found in runs:
        _compare("dialect invariance", stream, expected, found, results=False)


def _compare(law: str, stream: Logical, expected: Run, found: Run, *, results: bool, in_order: bool = True) -> None:
    outputs = (each.coalesced() if in_order else _by_place(each) for each in (expected, found))
    for number, (one, other) in enumerate(zip_longest(*outputs), 1):
        if one != other:
            detail = f"outputs differ at the {_ordinal(number)}\n    A  {_words(one)}\n    B  {_words(other)}"
            break
    else:
        if not results or equal(expected.result, found.result):
            return
        detail = f"results differ at {difference(expected.result, found.result)}"
    raise LawBroken(
        law,
        detail,
        found.chunks,
        stream=Stream.of(stream),
        expected=expected.chunks,
        logs=[expected.trace, found.trace],
        guilty=_parting(expected, found),
    )


def _parting(expected: Run, found: Run) -> int | None:
    """Return the number of the first chunk after which a text is no prefix of the expected one; ``None``: none is."""
    whole, so_far = _texts(expected.said), Texts()
    for number, step in enumerate(found.steps[: len(found.chunks)], 1):
        for said in step:
            so_far.add(said)
            if not whole.get(said[:2], "").startswith(so_far[said[:2]]):
                return number
    return None


def _by_place(found: Run) -> list[Said]:
    return [Said(*place, text) for place, text in sorted(_texts(found.said).items(), key=repr)]


def _words(said: Said | None) -> str:
    return "nothing" if said is None else f"{said.kind} of {said.key!r}: {said.text!r}"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def check_nothing_lost(
    parse: Parse,
    stream: Logical,
    *chunkings: Sequence[Chunk],
    expected: Mapping[tuple[str, Key], str] | None = None,
    kinds: Collection[str] = KINDS,
    read: Read = read_message,
    seconds: float = SECONDS,
) -> None:
    """Check that, in every chunking, the complete texts are those of the stream: nothing is lost or invented.

    Args:
        parse: returns a new parser.
        stream: the stream.
        chunkings: other chunks that say the same.
        expected: the texts by kind and key, if they differ from :meth:`Stream.said`.
        kinds: the kinds that the parser claims to report.
        read: returns what a message says.
        seconds: the time after which the parser counts as hanging.
    """
    logical = Stream.of(stream)
    truth = _whole(logical.said() if expected is None else expected, kinds)
    for found in _runs(parse, stream, chunkings or standard_chunkings(stream), read=read, seconds=seconds):
        texts = _whole(_texts(found.said), kinds)
        for kind, key in [*truth, *(place for place in texts if place not in truth)]:
            said, meant = texts.get((kind, key), ""), truth.get((kind, key), "")
            if said != meant:
                detail = f"{kind} of {key!r}\n    is   {said!r}\n    not  {meant!r}"
                raise LawBroken("nothing lost", detail, found.chunks, stream=logical, logs=[found.trace])


def _texts(said: Iterable[Said]) -> Texts:
    texts = Texts()
    for each in said:
        texts.add(each)
    return texts


def _whole(texts: Mapping[tuple[str, Any], str], kinds: Collection[str]) -> dict[tuple[str, Any], str]:
    """Return the texts of ``kinds`` that are not empty, with surrogate pairs joined."""
    return {place: without_surrogates(text) for place, text in texts.items() if place[0] in kinds and text}


def check_append_only(
    parse: Parse,
    stream: Logical,
    *chunkings: Sequence[Chunk],
    read: Read = read_message,
    seconds: float = SECONDS,
) -> None:
    """Check that no text is retracted, and that no message is empty or holds a lone surrogate."""
    for found in _runs(parse, stream, chunkings or standard_chunkings(stream), read=read, seconds=seconds):
        for said in found.said:
            if said.snapshot:
                problem = "retracts what was said before"
            elif not said.text and said.kind in KINDS:
                problem = "is empty"
            elif re.search("[\ud800-\udfff]", said.text):
                problem = "holds a lone surrogate"
            else:
                continue
            raise LawBroken(
                "append-only", f"{_words(said)} {problem}", found.chunks, stream=Stream.of(stream), logs=[found.trace]
            )


_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_HELD = re.compile(
    rf"({_PAIR})?(\\(u[0-9a-fA-F]{{0,3}})?)?"
    r'|[ \t\n\r]*,?[ \t\n\r]*("([^"\\]|\\.)*\\?)?',
    re.DOTALL,
)


def may_hold(kind: str, held: str) -> bool:
    """Whether law 4 allows to hold this back: in arguments, an unfinished escape or pair, or separators and a key."""
    return not held or (kind == "arguments" and _HELD.fullmatch(held) is not None)


def check_promptness(
    parse: Parse,
    stream: Logical,
    *,
    kinds: Collection[str] = ("content", "reasoning", "refusal", "arguments"),
    may_hold: Callable[[str, str], bool] = may_hold,
    read: Read = read_message,
    seconds: float = SECONDS,
) -> None:
    """Check that a parser that is fed single characters says at once what is decidable: text, and raw arguments.

    Args:
        parse: returns a new parser.
        stream: the stream.
        kinds: the kinds that the parser claims to stream.
        may_hold: whether this text of this kind may be held back. The first half of a surrogate pair always may.
        read: returns what a message says.
        seconds: the time after which the parser counts as hanging.
    """
    logical = Stream.of(stream)
    chunks = logical.cut(range(len(logical.pieces)))
    found = run(parse, chunks, read=read, seconds=seconds)
    told = Texts()
    for number, (step, sent) in enumerate(zip(found.steps, said_so_far(logical.pieces), strict=False), 1):
        for said in step:
            told.add(said)
        for (kind, key), wire in sent.items():
            known = join_surrogates("", wire)[0]
            so_far = without_surrogates(told[kind, key])
            if kind not in kinds or (known.startswith(so_far) and may_hold(kind, known[len(so_far) :])):
                continue
            if so_far == without_surrogates(wire):  # if the text has ended, half of a pair is a lone surrogate
                continue
            detail = f"after chunk {number}, {kind} of {key!r}\n    said   {so_far!r}\n    known  {known!r}"
            raise LawBroken("promptness", detail, chunks, stream=logical, logs=[found.trace])


def check_output_grammar(
    parse: Parse,
    stream: Logical,
    *chunkings: Sequence[Chunk],
    read: Read = read_message,
    seconds: float = SECONDS,
) -> None:
    """Check that a call's name comes once, before its arguments, and that nothing follows a ``stop``."""
    for found in _runs(parse, stream, chunkings or standard_chunkings(stream), read=read, seconds=seconds):
        if problem := _ungrammatical(found.said):
            raise LawBroken("output grammar", problem, found.chunks, stream=Stream.of(stream), logs=[found.trace])


def _ungrammatical(messages: Iterable[Said]) -> str | None:
    named: set[Key | None] = set()
    stopped = False
    for said in messages:
        if stopped:
            return f"{_words(said)} comes after the stop"
        if said.kind == "name" and said.key in named:
            return f"{_words(said)} comes again"
        if said.kind == "arguments" and said.key not in named:
            return f"{_words(said)} comes before the name"
        if said.kind == "name":
            named.add(said.key)
        stopped = said.kind == "stop"
    return None


def check_total(parse: Parse, chunks: Iterable[Any], *, read: Read = read_message, seconds: float = SECONDS) -> Run:
    """Check that the parser neither raises nor hangs, whatever the chunks are, and leaves them unchanged.

    Returns:
        The run.
    """
    return run(parse, list(chunks), read=read, seconds=seconds)


# -- law 7 -------------------------------------------------------------------------------------------------------------


def long_arguments(length: int) -> list[Chunk]:
    """Return chunks of a call whose arguments are ``length`` characters, four per chunk."""
    arguments = '{"message":"' + "word " * (length // 5) + '"}'
    return Stream(call(0, "send_message", arguments), cut_names=False).cut(range(1, length, 4))


def long_content(length: int) -> list[Chunk]:
    """Return chunks of a content of ``length`` characters, four per chunk."""
    return Stream(text("content", "word " * (length // 5))).cut(range(4, length, 4))


def operations(parse: Parse, chunks: Sequence[Any]) -> int:
    """Count calls of Python and C functions: equal in every run, but work inside a C function is not counted."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:  # pragma: no cover - itself, no tracer sees it
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        for _ in _fed(parse, chunks):
            pass
    finally:
        sys.setprofile(before)
    return count


def cpu_seconds(parse: Parse, chunks: Sequence[Any]) -> float:
    """Measure CPU time, without garbage collection: it covers all work, but is not exact."""
    with without_collector():
        start = process_time()
        for _ in _fed(parse, chunks):
            pass
        return process_time() - start


@contextmanager
def without_collector() -> Iterator[None]:
    """Collect garbage once, then run without garbage collections."""
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _fed(parse: Parse, chunks: Sequence[Any]) -> Iterator[Any]:
    parser = parse()
    for chunk in chunks:
        yield from parser.feed(chunk) or ()
    yield from parser.close() or ()


_ROUNDS = 5  # the smallest cost of several rounds counts, because other processes only add to it


def check_linear(
    parse: Parse,
    shape: Callable[[int], Sequence[Chunk]] = long_arguments,
    *,
    sizes: Sequence[int] = (16_000, 64_000),
    cost: Callable[[Parse, Sequence[Chunk]], float] = cpu_seconds,
    at_most: float = 1.35,
) -> float:
    """Check that the cost grows with the size to the power of ``at_most``, or less.

    Args:
        parse: returns a new parser.
        shape: returns the chunks of a stream of a given size.
        sizes: the sizes to measure.
        cost: :func:`cpu_seconds`, or :func:`operations`, which allows a tighter bound.
        at_most: the largest exponent. It is more than 1, because clocks are not exact, but less than 1.5, because
            reading all of the text again for every chunk, at C speed, gives an exponent of only 1.6 with these sizes.

    Returns:
        The exponent, fitted to all sizes.
    """
    cost(parse, shape(sizes[0]))  # a first run, because costs that occur only once do not count
    least = [inf] * len(sizes)
    for _ in range(_ROUNDS):
        least = [min(before, cost(parse, shape(size))) for before, size in zip(least, sizes, strict=True)]
        exponent = float(linear_regression([log(size) for size in sizes], [log(each) for each in least]).slope)
        if exponent <= at_most:
            return exponent
    table = "".join(f"\n    {size:>9,} characters  {each:.6g}" for size, each in zip(sizes, least, strict=True))
    detail = f"{getattr(cost, '__name__', 'the cost')} grows with the power {exponent:.2f} of the size{table}"
    raise LawBroken("linear", detail, shape(40))
