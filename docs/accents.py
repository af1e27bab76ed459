"""Writes docs/accents.md: the number of recorded streams with each accent, by provider.

python docs/accents.py CAPTURES

CAPTURES is a folder of recorded bodies with an INDEX.tsv (columns ``file``, ``api`` and ``provider``). It is not part
of the project, so ``make check`` does not compare the page.
"""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamfsm import StreamParser
from streamfsm.machines.diagrams import grid
from streamfsm.replay import capture

ACCENTS = {
    "reasoning_content": "native reasoning in `reasoning_content`",
    "reasoning": "native reasoning in `reasoning`",
    "reasoning_text": "native reasoning in `reasoning_text`",
    "reasoning_details": "native reasoning in `reasoning_details`",
    "parts": "content is a list of parts",
    "no index": "a tool call without an index",
    "index": "the first index is not 0",
    "no id": "a tool call without an id",
    "whole call": "a call comes complete in one chunk",
    "finish twice": "more than one finish reason",
    "no finish": "no finish reason",
    "after finish": "a choice after the finish",
    "finish with text": "text or arguments in the chunk of the finish reason",
    "usage beside": "usage in a chunk with choices",
    "usage often": "usage in more than one chunk",
    "no choices": "a chunk without choices",
    "no delta": "a choice without a delta",
    "message": "a `message` next to the delta",
    "choices": "more than one choice",
    "error": "an error inside the stream",
}


def accents(chunks: list[Any]) -> Iterator[str]:
    """Yield the accents of one stream, each any number of times."""
    finished: set[Any] = set()
    usages = [chunk for chunk in chunks if chunk.get("usage")]
    yield from ["usage often"] * (len(usages) > 1)
    for chunk in chunks:
        choices = chunk.get("choices") or []
        yield from ["error"] * bool(chunk.get("error"))
        yield from ["no choices"] * (not choices)
        yield from ["usage beside"] * bool(choices and chunk.get("usage"))
        for choice in choices:
            index, delta = choice.get("index", 0), choice.get("delta") or {}
            yield from ["choices"] * (index != 0)
            yield from ["message"] * bool(choice.get("message"))
            yield from ["no delta"] * (not choice.get("delta"))
            yield from ["after finish"] * (index in finished and not choice.get("finish_reason"))
            if choice.get("finish_reason"):
                yield from ["finish twice"] * (index in finished)
                yield from ["finish with text"] * bool(delta.get("content") or delta.get("tool_calls"))
                finished.add(index)
            yield from of_delta(delta)
    yield from ["no finish"] * (not finished)


def of_delta(delta: dict[str, Any]) -> Iterator[str]:
    """Yield the accents of one delta."""
    for name in ("reasoning_content", "reasoning", "reasoning_text", "reasoning_details"):
        yield from [name] * bool(delta.get(name))
    yield from ["parts"] * isinstance(delta.get("content"), list)
    for call in delta.get("tool_calls") or []:
        function = call.get("function") or {}
        yield from ["no index"] * (call.get("index") is None)
        yield from ["no id"] * bool(function.get("name") and not call.get("id"))
        yield from ["whole call"] * bool(function.get("name") and function.get("arguments"))


TITLE = """\
<!-- Written by docs/accents.py. -->

# Accents

This page lists how many of {streams} recorded streams, of {providers} providers, have each accent, by provider. Accents
in code are anomalies that the parser records. A stream counts once for each accent. A recording shows what a server did
once, not what it does now.

"""


def first_index(chunks: list[Any]) -> Any:
    """Return the index of the first tool call; 0 if there is none."""
    deltas = [choice.get("delta") or {} for chunk in chunks for choice in chunk.get("choices") or []]
    calls = [call for delta in deltas for call in delta.get("tool_calls") or []]
    return calls[0].get("index") if calls else 0


def anomalies(chunks: list[Any]) -> set[str]:
    """Return the kinds of anomalies that the parser records."""
    parser = StreamParser()
    for chunk in chunks:
        parser.feed(chunk)
    parser.close()
    return {f"`{anomaly.kind}`" for anomaly in parser.result.anomalies}


def page(folder: Path) -> str:
    """Return the page."""
    streams: Counter[str] = Counter()
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as rows:
        index = [row for row in csv.DictReader(rows, delimiter="\t") if row["api"] == "chat"]
    for row in index:
        body = (folder / row["file"]).read_text(encoding="utf-8")
        chunks = [chunk for chunk in capture.chunks(body) if isinstance(chunk, dict)]
        streams[row["provider"]] += 1
        said = {ACCENTS[key] for key in {*accents(chunks), *["index"] * (first_index(chunks) not in (None, 0))}}
        found[row["provider"]].update(said | anomalies(chunks))
    kinds = sorted({name for counts in found.values() for name in counts} - {*ACCENTS.values()})
    rows_of = []
    for name in [*ACCENTS.values(), *kinds]:
        counts = {provider: found[provider][name] for provider in sorted(found) if found[provider][name]}
        who = ", ".join(f"{provider} {count}/{streams[provider]}" for provider, count in counts.items())
        rows_of.append((name, str(sum(counts.values())), who))
    title = TITLE.format(streams=len(index), providers=len(streams))
    return title + grid(("Accent", "Streams", "Providers: streams with it / all streams"), rows_of)


if __name__ == "__main__":
    Path(__file__).with_name("accents.md").write_text(page(Path(sys.argv[1])), encoding="utf-8")
