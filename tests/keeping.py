"""A stream read by a parser that keeps texts, by one that does not, and by one that is also restored at each piece."""

import json
from collections.abc import Iterable
from typing import Any

from helpers import ID

from streamfsm import StreamParser
from streamfsm.result import _TEXTS_OF

WHOLE = ("repeated_text", "stray_tag", "unmerged_arguments", "more_extras")
"""Anomalies that only all of a text shows, or an extra."""


def _read(pieces: list[Any], *, moves: bool = False, **options: Any) -> tuple[list[Any], StreamParser]:
    parser = StreamParser(**{"message_id": ID, **options})
    told = []
    for piece in pieces:
        told.append(parser.feed_bytes(piece) if isinstance(piece, bytes) else parser.feed(piece))
        if moves:
            parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
    return [*told, parser.close()], parser


def shown(parser: StreamParser) -> dict[str, Any]:
    """What a result tells without texts."""
    result = parser.result.model_dump()
    parts = [result, *result["choices"], *(call for choice in result["choices"] for call in choice["tool_calls"])]
    names = set().union(*_TEXTS_OF.values())
    for part in [*parts, *result["tool_calls"]]:
        for name in names - ({"extras"} if "verdict" in part else set()):
            part.pop(name, None)
    result["anomalies"] = [each for each in result["anomalies"] if each["kind"] not in WHOLE]
    return json.loads(json.dumps(result, default=str), parse_constant=str)  # NaN, which equals nothing


def _conflicts(parser: StreamParser) -> int:
    return [each.kind for each in parser.result.anomalies].count("snapshot_conflict")


def _ready(parser: StreamParser) -> list[tuple[int, int]]:
    return [(choice.index, call.index) for choice in parser.result.choices for call in choice.ready_calls]


def check_keeping(pieces: Iterable[Any], **options: Any) -> StreamParser:
    """Check that a parser tells the same whether it keeps texts or not; return the one that does not."""
    pieces = [*pieces]
    options = {"date": StreamParser(message_id=ID)._response.options.date, **options}
    kept, keeping = _read(pieces, **options)
    passed, passing = _read(pieces, keep=False, **options)
    assert passed == kept
    if _conflicts(passing) > _conflicts(keeping):  # a beginning that is told again is not known without the text
        assert {*_ready(passing)} <= {*_ready(keeping)}
    else:
        assert shown(passing) == shown(keeping)
    again, restored = _read(pieces, keep=False, moves=True, **options)
    assert again == kept
    assert json.dumps(restored.snapshot()) == json.dumps(passing.snapshot())
    return passing
