"""Reads text in structured fields: parts, lists of parts, and parts within parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from streamfsm.core.events import AnomalyReport, Extra, Handler, TextField, Thought
from streamfsm.core.json_values import fields_and_extra, more, says, show
from streamfsm.wires.checked import integer, string

# Fields of a part that hold its text, or parts with text, in reading order → the text field that the text belongs to;
# ``None``: that of the part.
_TEXTS: dict[str, TextField | None] = {
    **dict.fromkeys(("thinking", "reasoning", "reasoning_content", "reasoning_text", "summary"), "reasoning"),
    "refusal": "refusal",
    **dict.fromkeys(("text", "content", "output_text", "input_text", "value"), None),
}
# Type of a part → the text field that its text belongs to (``None``: that of the enclosing part), and the kind of the
# reasoning detail.
_TYPES: dict[str, tuple[TextField | None, str]] = {
    "": (None, ""),
    **dict.fromkeys(("text", "output_text", "input_text"), (None, "text")),
    "refusal": ("refusal", ""),
    "reasoning": ("reasoning", ""),
    **dict.fromkeys(("thinking", "thought", "reasoning_text", "reasoning_content"), ("reasoning", "text")),
    **dict.fromkeys(("summary", "summary_text", "reasoning_summary"), ("reasoning", "summary")),
    "redacted_thinking": ("reasoning", "redacted"),
}
# Types of parts that are calls, or names of fields in which a part holds one; lower case, letters only.
_CALLS = frozenset({"tooluse", "toolcall", "functioncall"})
_DATA = ("data", "encrypted_content")
_PART = frozenset({"type", "signature"})
_DETAIL = _PART.union(("index", "id"), _DATA)
_Place: TypeAlias = tuple[int | None, str | None]
_DEEPEST = 8  # levels of parts within parts
_STRUCTURED_FIELDS = frozenset({"reasoning_details", "thinking_blocks", "content"})  # parts are sent back in these


def read_text(value: object, field: TextField, name: str, choice: int, to: Handler) -> None:
    """Report the text in the field ``name``, at any depth of its structure, and the structured reasoning."""
    if isinstance(value, str):
        to.text(choice, field, value)
    else:
        _Structure(name, choice, to).read(value, field)


def _flat(word: object) -> str:
    return "".join(filter(str.isalpha, word)).lower() if isinstance(word, str) else ""


@dataclass(slots=True)
class _Structure:
    """Reads one field of one delta: a part with text under any known name, a list of parts, or nested parts."""

    name: str
    choice: int
    to: Handler
    depth: int = 0
    """The number of parts that enclose the next one."""

    def read(self, value: object, field: TextField, place: _Place = (None, None)) -> None:
        """Report the texts, which belong to ``field`` unless a part says otherwise.

        Args:
            value: the value that came.
            field: the text field that its texts belong to.
            place: index and id of the enclosing part.
        """
        if isinstance(value, str):
            if value:
                self.to.text(self.choice, field, value)
            return
        fields, _ = fields_and_extra(value)
        if self.depth > _DEEPEST or not (fields is not None or isinstance(value, list)):
            if value is not None:
                what = f"a part of {self.name}" if self.depth else self.name
                self.to.take(AnomalyReport("wrong_type", f"{what} is {show(value)}", self.choice, {self.name: value}))
            return
        self.depth += 1
        if fields is None:
            for part in cast("list[object]", value):
                self.read(part, field, place)
        else:
            self._read_part(fields, field, place)
        self.depth -= 1

    def _read_part(self, fields: Mapping[str, Any], field: TextField, place: _Place) -> None:
        """Read ``{"type": "text", "text": …}``, ``{"type": "thinking", "thinking": […], "signature": …}`` and such."""
        choice, to = self.choice, self.to
        wire_type = string(fields, "type", choice, to)
        of, kind = _TYPES.get(wire_type, (None, wire_type))
        if kind.startswith("reasoning."):
            of, kind = "reasoning", kind.removeprefix("reasoning.")
        field = of or field
        if field == "reasoning":
            index, part_id = integer(fields, "index", choice, to), string(fields, "id", choice, to) or None
            place = place if index is None and part_id is None else (index, part_id)
        # In a part of an unknown type, only a plain `text` is read as text.
        known = field == "reasoning" or wire_type in _TYPES
        texts: dict[TextField, dict[str, None]] = {}
        read = set(_DETAIL if field == "reasoning" else _PART)
        for key, text_of in _TEXTS.items():
            value = fields.get(key)
            if isinstance(value, str) and (known or key == "text"):
                texts.setdefault(text_of or field, {})[value] = None
                read.add(key)
            elif known and (isinstance(value, list) or fields_and_extra(value)[0] is not None):
                self.read(value, text_of or field, place)
                read.add(key)
            elif known and says(value):
                to.take(AnomalyReport("wrong_type", f"{key} is {show(value)}", choice))
        rest = {key: fields[key] for key in more(fields, read)}
        if field != "reasoning" and not _CALLS.isdisjoint(map(_flat, (wire_type, *rest))):
            what = f"a part of {self.name} is a call, which is not parsed: {show(dict(fields))}"
            to.take(AnomalyReport("call_in_text", what, choice))
        if field != "reasoning" and (rest or not (known or texts)):
            to.take(Extra(choice, self.name, {"type": fields["type"], **rest} if fields.get("type") else rest))
            rest = {}
        thoughts = "".join(texts.pop("reasoning", ()))
        data = "".join(string(fields, key, choice, to) for key in _DATA) if field == "reasoning" else ""
        signature = string(fields, "signature", choice, to)
        if thoughts or data or signature or rest:
            if field != "reasoning":
                kind = "text"
            kind = kind or ("encrypted" if data else "summary" if fields.get("summary") else "text")
            goes_back_in = self.name if self.name in _STRUCTURED_FIELDS else "reasoning_details"
            to.take(
                Thought(
                    choice, kind, *place, thoughts, data, signature or None, extras=rest or None, field=goes_back_in
                )
            )
        for text_field, found in {"reasoning": thoughts, **texts}.items():
            if text := "".join(found):
                to.text(choice, text_field, text)
