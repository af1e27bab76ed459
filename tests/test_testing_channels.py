"""The check of arguments that grow: ours pass, and each way to be wrong is found."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from channeling import DOCUMENTS, decoded, repeats_a_key
from hypothesis import given
from pydantic_core import from_json

from streamfsm import ToolCallSealed
from streamfsm.testing import GrowingArguments, LawBroken, check_channels, grows_into, read_message

TEXT = r'{"a":"x\ud83d\ude00y","b":[12,{"c":null}],"d":""}'


@given(DOCUMENTS.filter(lambda document: not repeats_a_key(decoded(document))))
def test_our_arguments_keep_every_law(document: str):
    check_channels(GrowingArguments, document)


class Reparsing:
    """Reads all of the text again for every piece."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self.read, self.text = read, ""

    def feed(self, piece: str) -> Any:
        self.text += piece
        return self.read(self.text)


class Forgetful:
    """Shows only what the last piece says."""

    def __init__(self) -> None:
        self.pieces = 0

    def feed(self, piece: str) -> Any:
        self.pieces += 1
        return {"pieces": self.pieces} if self.pieces < len(TEXT) and piece != TEXT else json.loads(TEXT)


class Late:
    """Shows everything once it has come, in as many pieces as it came."""

    def __init__(self) -> None:
        self.text, self.pieces = "", 0

    def feed(self, piece: str) -> Any:
        self.text, self.pieces = self.text + piece, self.pieces + 1
        return json.loads(TEXT) if self.text == TEXT else None if self.pieces > 1 else {}


@pytest.mark.parametrize(
    ("parse", "law"),
    [
        (lambda: Reparsing(lambda _: {"a": "\ud83d"}), "append-only"),
        (lambda: Reparsing(lambda text: from_json(text, allow_partial="trailing-strings")), "monotone"),
        (Forgetful, "monotone"),
        (Late, "monotone"),
        (lambda: Reparsing(lambda _: {}), "patches compose"),
    ],
    ids=["half a pair", "a number that goes on", "forgetful", "late", "empty"],
)
def test_what_breaks_a_law_is_told(parse: Callable[[], Any], law: str):
    with pytest.raises(LawBroken, match=f"{law} is broken") as caught:
        check_channels(parse, TEXT, [*TEXT], [TEXT[:20], TEXT[20:]])
    assert caught.value.law == law


class Hasty:
    """Shows what it has only if it came in one piece."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def feed(self, piece: str) -> Any:
        self.pieces.append(piece)
        text = "".join(self.pieces)
        return {"a": 1} if text == '{"a":1}' or self.pieces == ['{"a":1'] else {}


def test_what_depends_on_the_cut_is_told():
    with pytest.raises(LawBroken, match="split invariance is broken: after"):
        check_channels(Hasty, '{"a":1}', [*'{"a":1}'], ['{"a":1', "}"])


@pytest.mark.parametrize(
    ("value", "later", "grows"),
    [
        ({}, {"a": 1}, True),
        ({"a": "x"}, {"a": "xy", "b": 2}, True),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 12}, False),
        ({"a": 1}, {}, False),
        ({"a": 1}, {"a": True}, False),
        ("x", ["x"], False),
        ({}, [], False),
        ([], {}, False),
        (None, None, True),
    ],
)
def test_what_grows(value: Any, later: Any, *, grows: bool):
    assert grows_into(value, later) is grows


def test_a_sealed_call_is_not_read_as_another_name():
    sealed = ToolCallSealed(id="m", date=0, tool_call={"name": "f", "arguments": "{}", "tool_call_id": "c"})
    assert list(read_message(sealed)) == [("tool_call_sealed", 0, "{}", False)]
