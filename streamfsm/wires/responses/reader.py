"""Reads the events of the Responses API: ``openai`` objects, or dicts of the same shape.

The wire sends each text up to four times: in deltas, and complete at the end of its part, of its item and of the
response. Any of them may be missing, so all are read: what continues the text so far is new, and what contradicts it is
recorded. :mod:`streamfsm.machines.items` decides which item an event belongs to, and the tables of
:mod:`streamfsm.wires.responses.events` what an event becomes.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

from pydantic import Field

from streamfsm.core.events import (
    AnomalyReport,
    Begin,
    CallFrame,
    Envelope,
    Extra,
    Failure,
    Finish,
    Handler,
    HiddenThought,
    ItemBegins,
    Remembered,
    TextField,
    Thought,
    Whole,
)
from streamfsm.core.json_values import as_plain, fields_and_extra, fields_of, kept, more, says, show
from streamfsm.core.meter import DECODED
from streamfsm.core.text import without_surrogates
from streamfsm.machines.endings import worst
from streamfsm.machines.items import DOUBTS, Beside, Claim, Owner, Tells
from streamfsm.machines.rules import Rule
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.checked import LARGEST, checked, integer, string
from streamfsm.wires.error_shapes import failure_in, failure_of, shown, untold
from streamfsm.wires.foreign import AMID_RESPONSES, protocol_of
from streamfsm.wires.responses.events import (
    ENDS,
    EVENTS,
    FIELDS,
    ITEMS,
    OTHER_ITEM,
    PARTS,
    Does,
    EventType,
    ItemType,
    Kind,
)
from streamfsm.wires.responses.items import Beginning, Item, Items, Listing, Part
from streamfsm.wires.responses.left_out import ECHOED
from streamfsm.wires.responses.unfinished import Unfinished
from streamfsm.wires.usage import read_usage

_Fields: TypeAlias = Mapping[str, Any]

_CHOICE = 0  # this wire has one answer
_EVENT = frozenset(
    {"type", "sequence_number", "obfuscation", "stream_id"}
    | {"item_id", "call_id", "output_index", "content_index", "summary_index"}
)
_READ: dict[Does, frozenset[str]] = {
    "delta": _EVENT | {"delta", "logprobs"},
    "whole": _EVENT | {"text", "refusal", "arguments", "input", "transcript", "name", "logprobs"},
    "part": _EVENT | {"part", "status"},
    "added": _EVENT | {"item"},
    "done": _EVENT | {"item"},
    "citation": _EVENT | {"annotation", "annotation_index"},
    "status": _EVENT | {"response"},
    "end": _EVENT | {"response"},
}
"""What is read of each kind of event. The other kinds repeat what is known, so their other fields are ignored."""
_RESPONSE = ECHOED | {
    *("id", "object", "type", "created_at", "completed_at", "status", "model", "output", "usage", "error"),
    "incomplete_details",
}
_ITEM = frozenset({"id", "type", "status", "role", "call_id", "name", "content", "summary", "encrypted_content"})
_PART = frozenset({"type", "text", "refusal", "annotations", "logprobs"})
_TEXTS = ("text", "refusal", "arguments", "input", "transcript")
_LATER = ("delta", "code", "diff", "command", "output")  # pieces of an item whose end has the complete value
_NUMBERS = ("output_index", "content_index", "summary_index")
_CUT = ("incomplete", "failed", "cancelled")  # statuses of an incomplete item
_ANY_END = "done"  # the type of an event that ends a response, and does not say how
_UNENDED = ("in_progress", "queued")  # statuses of a response that has not ended
_PLACEHOLDERS = ("", "{}", "null")  # arguments of an item that has just begun, which mean nothing yet


class _Route(NamedTuple):
    """The address of a delta, and the lane that it belongs to."""

    address: tuple[object, ...]
    item: Item
    part: Part | None
    """``None``: the delta belongs to a call's arguments."""
    field: TextField | None


class _Listed(NamedTuple):
    """A text in an item's list of parts."""

    place: int
    """Its position in the list, which is its number on the wire if no server renumbers parts."""
    text: str
    fields: _Fields


@dataclass(slots=True)
class Responses:
    """Reads the events of one response. Its state is all that is needed from earlier events."""

    dialect: Dialect
    wire: Literal["responses"] = "responses"
    items: Items = field(default_factory=Items)
    parts: int = 0
    """The number of parts that the core knows."""
    begun: bool = False
    ended: bool = False
    """Whether the event that ends the response has come."""
    has_id: bool = False
    has_model: bool = False
    silent: dict[int, None] = field(default_factory=dict)
    """Reasoning items that have begun and shown nothing."""
    told: dict[str, str] = field(default_factory=dict)
    """Fields of the response that are not interpreted → their latest value, as JSON. They become extras at its end."""
    unfinished: Unfinished = field(default_factory=Unfinished)
    """Pieces of items whose end, which has the complete value, has not come."""
    final: Annotated[Any, Field(exclude=True)] = None
    """The response in the event that ends it. Not part of a snapshot, because it is not read again."""
    base64: int = 0
    """Characters of audio, in base64, that were left out."""
    route: Annotated[Any, Field(exclude=True)] = None
    """The :class:`_Route` of the latest event, if that was a delta that changed no state: a delta with the same address
    has the same route."""

    def fits(self, begun: Collection[int], calls: Collection[int]) -> bool:
        """See :class:`streamfsm.wires.source.Source`."""
        places = range(len(self.items.all))
        known = set(begun) == ({_CHOICE} if self.begun else set())
        parts = [part for item in self.items.all for part in item.parts.values()]
        numbers = {part.number for part in parts}
        numbered = len(numbers) == len(parts) and all(0 <= number < self.parts for number in numbers)
        numbered = numbered and all(numbers.issuperset(part.retells) for part in parts)
        counted = all(count >= 0 for count in (self.base64, self.parts, *(part.logprobs for part in parts)))
        beginnings = [*(part.beginning for part in parts), *(item.beginning for item in self.items.all)]
        begins = all(each.fits() for each in beginnings)
        return (
            known
            and numbered
            and counted
            and begins
            and self.items.refer(calls)
            and all(at in places for at in self.silent)
        )

    def read(self, chunk: object, to: Handler) -> bool:
        """Report the events of ``chunk``; see :class:`streamfsm.wires.source.Source`."""
        route, self.route = self.route, None
        if route and _takes(route, chunk, to):
            self.route = route
            return True
        fields, _ = fields_and_extra(chunk)
        if fields is None:
            self._read_list(chunk if isinstance(chunk, list) else [], chunk, to)
            return False
        kind = fields.get("type")
        row = EVENTS.get(kind) if type(kind) is str else None
        if row is None:
            self._read_other(fields, to)
            return False
        if row.does == "failure":
            self._read_failure(fields, to)
            return False
        if not self.begun:
            self._begin(to)
        if row.does == "delta" and not self.ended:
            self.route = self._read_delta(row, fields, to)
            if error := fields.get("error"):
                self._fail(error, fields, to)
            return self.route is not None
        if self.ended and row.does not in ("end", "nothing"):
            what = "more came after the response had ended; several responses in one body are not read"
            to.take(AnomalyReport("late_chunk", what, _CHOICE))
            return False
        _READERS[row.does](self, row, fields, to)
        self._read_rest(row, fields, to)
        if row.does != "end" and (error := fields.get("error")):
            self._fail(error, fields, to)
        return row.does == "nothing"

    def read_late(self, chunk: object, to: Handler) -> None:
        """See :class:`streamfsm.wires.source.Source`; but the complete response may come after its failure."""
        late = Responses(self.dialect)
        late.read(chunk, to)
        self.final = self.final if late.final is None else late.final

    def close(self, to: Handler) -> None:
        """See :class:`streamfsm.wires.source.Source`."""
        if self.ended:
            return
        if self.dialect.unmarked_end == "complete":  # otherwise no call is ready
            self._doubt_calls(to)
        self._announce_hidden(len(self.items.all), to)
        for item in self.items.open_items(("custom_tool_call",)):  # nothing shows whether its text is complete
            to.take(CallFrame(_CHOICE, item.ordinal, "", "", incomplete=True))
        self._tell_rest(to)

    def goes_on(self, chunk: object) -> bool:
        """See :class:`streamfsm.wires.source.Source`: after an error, an event may still end the response."""
        row = EVENTS.get(str(fields_of(chunk).get("type")))
        return row is not None and row.does in ("end", "failure", "nothing")

    @property
    def reasoning_field(self) -> str | None:
        """See :class:`streamfsm.wires.source.Source`: reasoning is sent back as items."""
        return None

    # -- events of the response ---------------------------------------------------------------------------------------

    def _begin(self, to: Handler) -> None:
        self.begun = True
        to.take(Envelope(None, None, tells_thoughts=True))
        to.take(Begin(_CHOICE))

    def _read_status(self, _: EventType, fields: _Fields, to: Handler) -> None:
        response = fields_of(fields.get("response"))
        response_id = None if self.has_id else string(response, "id", None, to) or None
        model = None if self.has_model else string(response, "model", None, to) or None
        if response_id or model:
            to.take(Envelope(response_id, model, tells_thoughts=True))
            self.has_id, self.has_model = self.has_id or bool(response_id), self.has_model or bool(model)
        for name in more(response, _RESPONSE):
            told = kept(_canonical(response[name]))
            if told != self.told.get(_named(name)):
                to.take(Remembered("field", len(told) + len(_named(name))))
                self.told[_named(name)] = told
        details = fields_of(response.get("incomplete_details"))
        if rest := {key: details[key] for key in more(details, ("reason",))}:
            to.take(Extra(None, "incomplete_details", _canonical(rest)))
        if usage := response.get("usage"):
            read_usage(usage, to)

    def _read_progress(self, row: EventType, fields: _Fields, to: Handler) -> None:
        """Read the response so far: its items may go on, but an error is the end."""
        response = fields_of(fields.get("response"))
        self._read_status(row, fields, to)
        for item, told in self._listed("so_far", response.get("output"), to):
            self._read_begun(item, told, to)
        if error := response.get("error"):
            self._fail(error, {}, to)

    def _read_end(self, row: EventType, fields: _Fields, to: Handler) -> None:
        self.final = fields.get("response")
        response = fields_of(self.final)
        self._read_status(row, fields, to)
        if not self.ended:
            for item, told in self._listed("output", response.get("output"), to):
                self._finish(item, told, to)
            self._doubt_calls(to)
            self._announce_hidden(len(self.items.all), to)
            self._tell_rest(to)
        self.ended = True
        status = string(response, "status", None, to)
        reason = string(fields_of(response.get("incomplete_details")), "reason", None, to)
        kind = row.type.removeprefix("response.")
        words = ["" if kind == _ANY_END else kind, "" if status in _UNENDED else status, reason]
        to.take(Finish(_CHOICE, worst([word for word in words if word] or [kind], self.dialect.finish_words)))
        if error := response.get("error") or fields.get("error"):
            self._fail(error, {}, to)

    def _read_response(self, fields: _Fields, to: Handler) -> None:
        """Read a complete response that did not come as a stream, or one that has not ended."""
        if not self.begun:
            self._begin(to)
        status = fields.get("status")
        row = EVENTS[f"response.{status if status in ENDS else 'in_progress'}"]
        _READERS[row.does](self, row, {"response": fields}, to)

    def _read_failure(self, fields: _Fields, to: Handler) -> None:
        self._tell_rest(to)
        if error := fields.get("error"):
            self._fail(error, {key: fields[key] for key in fields if key not in _EVENT}, to)
            return
        flat = {key: fields[key] for key in more(fields, _EVENT)}
        failure = failure_of({**flat, "type": "error"}, amid=True) or Failure(None, shown(flat or "error"))
        if rest := untold(flat, failure):
            to.take(Extra(None, "error", rest))
        to.take(failure)

    def _fail(self, error: object, around: _Fields, to: Handler) -> None:
        failure = failure_in(error, {"error": error, **around})
        if rest := untold(fields_of(error), failure):
            to.take(Extra(None, "error", rest))
        to.take(failure)

    def _read_list(self, items: list[Any], chunk: object, to: Handler) -> None:
        """Read a list, which is not an event, but in which some servers send an error."""
        errors = [
            fields for each in items if (fields := fields_of(each)) and (fields.get("error") or _failure_in(fields))
        ]
        if errors:
            self._read_other(errors[0], to)
        else:
            to.take(AnomalyReport("not_a_chunk", show(chunk), None))

    def _read_other(self, fields: _Fields, to: Handler) -> None:
        """Read an object whose type is not in the table."""
        kind, error = fields.get("type"), fields.get("error")
        if fields.get("object") == "response":
            self._read_response(fields, to)
        elif kind is None and (response := fields_of(fields.get("response"))):
            self._read_response(response, to)
        elif error and fields_of(error).get("type") == "error":  # from a server-sent event of this name
            self._read_failure(fields_of(error), to)
        elif error:
            self._fail(error, fields, to)
        elif foreign := protocol_of(fields, AMID_RESPONSES):
            to.take(
                AnomalyReport("foreign_wire", f"{foreign.name} protocol came amid Responses: {foreign.because}", None)
            )
        elif failure := _failure_in(fields):
            self._tell_rest(to)
            for name, value in untold(fields, failure).items():
                to.take(Extra(None, _named(name), _canonical(value)))
            to.take(failure)
        elif isinstance(kind, str) and kind:
            name = without_surrogates(kind)
            to.take(AnomalyReport("unknown_event", f"an event of an unknown type: {show(name)}", None))
            if usage := fields_of(fields.get("response")).get("usage"):
                read_usage(usage, to)
            if rest := {key: fields[key] for key in more(fields, ("type", "sequence_number", "obfuscation"))}:
                to.take(Extra(None, name, _canonical(rest)))
        else:
            to.take(AnomalyReport("not_a_chunk", show(dict(fields)), None))
            for name in more(fields, _EVENT):
                to.take(Extra(None, name, _canonical(fields[name])))

    def _read_rest(self, row: EventType, fields: _Fields, to: Handler) -> None:
        """Keep the fields of an event that are not interpreted."""
        known = _READ.get(row.does)
        if known is None or known.issuperset(fields):
            return
        for name in more(fields, known):
            if name != "error":
                to.take(Extra(None, name, _canonical(fields[name])))

    # -- which item, which part ---------------------------------------------------------------------------------------

    def _find(self, row: EventType, fields: _Fields, to: Handler) -> tuple[Item, bool]:
        """Return the item that an event belongs to, and whether this changed no state."""
        index, ids = _address(fields, to)
        rule, item, again = self.items.resolve("piece", row.fits, index, ids)
        self._record(rule, row.fits, item, to)
        if item is None:
            item = self._begin_item(row.fits[0], index, again, to, announced=False)
            self._identify(item, ids, to)
            if item.is_call:
                self._frame(item, {}, to)
            return item, False
        is_new_place = item.index is None and index is not None
        if is_new_place:
            self.items.place(item, index)
        elif index is not None and rule.decision == "latest":
            self.items.move(item, index)
        item.placed = item.placed or rule.decision not in ("own", "shared")
        return item, not (is_new_place or rule.records)

    def _find_told(
        self, tells: Tells, told: _Fields, index: int | None, to: Handler, listing: Listing | None = None
    ) -> Item:
        """Return the item that an event contains, which may be a new one."""
        kind = string(told, "type", _CHOICE, to)
        ids = [each for name in ("id", "call_id") if (each := string(told, name, _CHOICE, to))]
        call_id = string(told, "call_id", _CHOICE, to)
        row = ITEMS.get(kind, OTHER_ITEM)
        has_arguments = row.becomes == "call" and tells in ("done", "output") and says(told.get(row.member))
        empty = row.becomes == "call" and tells in ("done", "output") and not has_arguments
        rule, item, again = self.items.resolve(tells, (kind,), index, ids, call_id, empty=empty, listing=listing)
        self._record(rule, (kind,), item, to)
        if item is None:
            item = self._begin_item(kind, index, again, to, announced=True)
        else:
            self.items.place(item, index)
        item.told = True
        item.placed = item.placed and not (rule.decision == "own" and has_arguments)
        item.id = item.id or string(told, "id", _CHOICE, to)
        item.call_id = item.call_id or call_id
        self._identify(item, ids, to)
        return item

    def _identify(self, item: Item, ids: Iterable[str], to: Handler) -> None:
        for new in self.items.identify(item, ids):
            to.take(Remembered("id", 2 * len(new)))

    def _record(self, rule: Rule[Claim, Owner], fits: Iterable[str], item: Item | None, to: Handler) -> None:
        if rule.records:
            to.take(AnomalyReport(rule.records, f"{rule.name}: {rule.because}", _CHOICE))
        if rule.doubts:
            self._doubt([*self.items.open_items(fits), *([item] if item else ())], to)

    def _doubt(self, items: Iterable[Item], to: Handler) -> None:
        """Put those items that are calls in doubt."""
        for at in dict.fromkeys(item.ordinal for item in items if item.is_call):
            to.take(CallFrame(_CHOICE, at, "", "", in_doubt=True))

    def _doubt_calls(self, to: Handler) -> None:
        """Put calls in doubt for the reasons that show only at the end."""
        calls = [item for item in self.items.all if item.is_call]
        astray = {item.type for item in calls if item.fed and not item.told}
        placed = {item.type for item in calls if item.placed}
        empty = {item.type for item in calls if not (item.fed or item.done)}
        ended = any(item.ended for item in calls)
        beside = {
            kind: Beside(kind in astray, kind in placed, kind in empty, ended) for kind in {item.type for item in calls}
        }
        for row in DOUBTS:
            doubted = [item for item in calls if row.fits(item, beside[item.type])]
            if doubted and row.records:
                to.take(AnomalyReport(row.records, f"{row.name}: {row.because}", _CHOICE))
            self._doubt(doubted, to)

    def _begin_item(self, kind: str, index: int | None, again: Item | None, to: Handler, *, announced: bool) -> Item:
        to.take(ItemBegins())
        item = self.items.begin(kind, index, again, announced=announced)
        if kind == "reasoning":
            self.silent[item.ordinal] = None
        return item

    def _part(self, item: Item, kind: Kind, name: int | None, to: Handler) -> Part | None:
        """Return a part of an item, which may be a new one; ``None`` if the item has ended without such a part."""
        part = item.part(kind, name)
        if part is None and item.done:
            to.take(
                AnomalyReport("late_delta", f"a part of item {item.ordinal} came after the item had ended", _CHOICE)
            )
            return None
        return part or self._begin_part(item, kind, name, to)

    def _begin_part(self, item: Item, kind: Kind, name: int | None, to: Handler, retells: Iterable[int] = ()) -> Part:
        self._begin_lane(item, to)
        part = item.begin(kind, name, self._next_part(), retells)
        if FIELDS[kind] == "reasoning":
            wire_kind = "summary" if kind == "summary" else "text"
            to.take(Thought(_CHOICE, wire_kind, name, item.id or None, "", "", None, part=part.number))
        return part

    def _next_part(self) -> int:
        self.parts += 1
        return self.parts - 1

    def _begin_lane(self, item: Item, to: Handler) -> None:
        """Note that an item shows something. Reasoning items that began before it and have shown nothing are hidden."""
        self.silent.pop(item.ordinal, None)
        self._announce_hidden(item.ordinal, to)

    def _announce_hidden(self, before: int, to: Handler) -> None:
        first = next(iter(self.silent), before)
        if first < before:
            self.silent.clear()
            encrypted = self.items.all[first].encrypted
            to.take(HiddenThought(_CHOICE, self._next_part(), "redacted" if encrypted else "omitted"))

    # -- pieces of items ----------------------------------------------------------------------------------------------

    def _read_delta(self, row: EventType, fields: _Fields, to: Handler) -> _Route | None:
        """Read a delta; return its route if reading it changed no state."""
        delta = fields.get("delta")
        kind = cast("Kind", row.kind)
        text = delta if type(delta) is str else _text_of(kind, delta, "delta", to)
        self._read_rest(row, fields, to)
        if not text:
            return None
        item, known = self._find(row, fields, to)
        to_field = FIELDS[kind]
        if to_field is None:
            known = known and not item.beginning.text
            item.fed = True
            self._begin_lane(item, to)
            if new := item.beginning.new_in(text):
                to.call(_CHOICE, item.ordinal, "", "", new, 0, False, None, ITEMS[item.type].form)
            elif item.beginning.repeated:
                what = f"item {item.ordinal}: deltas repeated the arguments with which it began"
                to.take(AnomalyReport("repeated_arguments", what, _CHOICE))
            return _route(fields, item, None, None) if known else None
        name = _name(kind, fields, to)
        part = item.part(kind, name)
        known = known and part is not None and part.fed and not part.beginning.text
        part = part or self._part(item, kind, name, to)
        if part is None:
            return None
        part.fed = True
        if new := part.beginning.new_in(text):
            to.text(_CHOICE, to_field, new, False, part.number)
        if logprobs := fields.get("logprobs"):
            part.logprobs += self._tell_logprobs(logprobs, to)
            return None
        return _route(fields, item, part, to_field) if known else None

    def _read_whole(self, row: EventType, fields: _Fields, to: Handler) -> None:
        kind = cast("Kind", row.kind)
        value = next((fields[name] for name in _TEXTS if says(fields.get(name))), None)
        text = _text_of(kind, value, row.type, to)
        if FIELDS[kind] is None:
            item, _ = self._find(row, fields, to)
            if fields.get("name"):
                self._frame(item, {"name": fields["name"]}, to)
            self._finish_arguments(item, text, to)
        elif text:
            item, _ = self._find(row, fields, to)
            name = _name(kind, fields, to)
            if part := self._part(item, kind, name, to):
                self._report(part, text, fields, to, whole=True)

    def _read_part(self, row: EventType, fields: _Fields, to: Handler) -> None:
        told = fields_of(fields.get("part"))
        wire_type = string(told, "type", _CHOICE, to)
        of = next((of for of in ("message", "reasoning") if (of, wire_type) in PARTS), None)
        if of is None:
            return
        kind = PARTS[of, wire_type]
        text = _part_text(kind, told, to)
        if not text:
            return
        fits = row.fits if wire_type == "text" else (of,)
        item, _ = self._find(row._replace(fits=fits), fields, to)
        kind = PARTS[item.type, wire_type]
        if part := self._part(item, kind, _name(kind, fields, to), to):
            self._report(part, text, told, to, whole=False)

    def _read_citation(self, _: EventType, fields: _Fields, to: Handler) -> None:
        if annotation := fields.get("annotation"):
            to.take(Extra(_CHOICE, "annotations", _canonical(annotation)))

    def _count(self, row: EventType, fields: _Fields, _: Handler) -> None:
        if row.fits and isinstance(delta := fields.get("delta"), str):
            self.base64 += len(delta)

    def _keep_piece(self, row: EventType, fields: _Fields, to: Handler) -> None:
        """Keep a piece of an item, or one of its texts so far, until the end of the item has the complete value."""
        index, ids = _address(fields, to)
        _, item, _ = self.items.resolve("piece", row.fits, index, ids)
        if item is not None and item.done:
            return
        lane, _, ends = row.type.removeprefix("response.").rpartition(".")
        which = fields.get("command_index")
        value = next((fields[name] for name in _LATER if says(fields.get(name))), "")
        text = value if isinstance(value, str) else json.dumps(_canonical(value))
        key = item.key if item else row.fits[0] if index is None else f"at {index}"
        name, text = lane if which is None else f"{lane}/{which}", without_surrogates(text)
        if not self.unfinished.has(key, name):
            to.take(Remembered("item", len(key) + len(name)))
        to.take(Remembered(None, len(text)))
        self.unfinished.add(key, name, text, whole=ends != "delta")

    def let_go(self) -> None:
        """See :class:`streamfsm.wires.source.Source`."""
        self.final, self.unfinished = None, Unfinished()

    def _tell_rest(self, to: Handler) -> None:
        """Report the kept fields of the response, and what has come of items that did not end."""
        for each in self.unfinished.told():
            to.take(Extra(_CHOICE, "unfinished", each))
        self.unfinished = Unfinished()
        for name, value in self.told.items():
            to.take(Extra(None, name, json.loads(value)))
        if self.base64:
            to.take(Extra(_CHOICE, "audio", f"{self.base64} characters of base64 were left out"))

    def _pass(self, _row: EventType, _fields: _Fields, _to: Handler) -> None:
        """Read nothing."""

    # -- complete texts -----------------------------------------------------------------------------------------------

    def _report(
        self, part: Part, text: str, told: _Fields, to: Handler, *, whole: bool, together: Sequence[int] = ()
    ) -> None:
        """Report all text of a part so far, complete if ``whole``, with its log probabilities and annotations.

        The text may be that of several parts ``together``.
        """
        to_field = cast("TextField", FIELDS[part.kind])
        if whole or part.fed:
            part.beginning.forget()
        else:
            self._begin_text(part.beginning, text, to)
        if whole:
            to.take(Whole(_CHOICE, to_field, part.number, text, together))
        else:
            to.text(_CHOICE, to_field, text, True, part.number)
        logprobs = told.get("logprobs")
        if isinstance(logprobs, list) and len(logprobs) > part.logprobs:
            part.logprobs += self._tell_logprobs(logprobs[part.logprobs :], to)
        for annotation in _list_of(told.get("annotations"), "annotations", to):
            to.take(Extra(_CHOICE, "annotations", _canonical(annotation)))

    def _tell_logprobs(self, logprobs: object, to: Handler) -> int:
        found = logprobs if isinstance(logprobs, list) else [logprobs]
        for each in found:
            to.take(Extra(_CHOICE, "logprobs", _canonical(each)))
        return len(found)

    def _begin_text(self, beginning: Beginning, text: str, to: Handler) -> None:
        """Keep the text with which an item or part begins, because deltas may repeat it."""
        if len(text) > len(beginning.text):
            to.take(Remembered(None, len(text) - len(beginning.text)))
            beginning.text = without_surrogates(text)

    def _finish_arguments(self, item: Item, text: str, to: Handler) -> None:
        item.ended = True
        if text:
            item.beginning.forget()
            item.fed = True
            self._begin_lane(item, to)
        to.take(Whole(_CHOICE, None, item.ordinal, text))

    # -- items --------------------------------------------------------------------------------------------------------

    def _read_added(self, _: EventType, fields: _Fields, to: Handler) -> None:
        told = fields_of(fields.get("item"))
        item = self._find_told("added", told, integer(fields, "output_index", _CHOICE, to), to)
        self._read_begun(item, told, to)

    def _read_begun(self, item: Item, told: _Fields, to: Handler) -> None:
        """Read an item that may go on."""
        item.encrypted = item.encrypted or bool(told.get("encrypted_content"))
        row = ITEMS.get(item.type, OTHER_ITEM)
        if row.becomes == "call":
            self._frame(item, told, to)
            value = told.get(row.member)
            if value not in _PLACEHOLDERS and says(value):
                text = _text_of("arguments", value, row.member, to)
                if not item.fed:
                    self._begin_text(item.beginning, text, to)
                item.fed = True
                self._begin_lane(item, to)
                to.call(_CHOICE, item.ordinal, "", "", text, 0, True, None, row.form)
        elif row.becomes == "texts":
            self._report_parts(item, told, to, whole=False)
        else:
            text = kept(_canonical(told))
            begun = json.loads(text)  # without lone surrogates, which a snapshot cannot hold
            to.take(Remembered("field", DECODED * len(text)))
            self.unfinished.begin(item.key, begun if isinstance(begun, dict) else {"item": begun})

    def _read_done(self, _: EventType, fields: _Fields, to: Handler) -> None:
        told = fields_of(fields.get("item"))
        item = self._find_told("done", told, integer(fields, "output_index", _CHOICE, to), to)
        self._finish(item, told, to)

    def _listed(self, tells: Tells, output: object, to: Handler) -> Iterator[tuple[Item, _Fields]]:
        """Yield the items of a list, each with what the list tells of it."""
        items = [output] if fields_of(output).get("type") else _list_of(output, "output", to)
        told = [fields_of(each) for each in items]
        listing = self.items.listing(
            (str(each.get("type")), str(each.get(name))) for each in told for name in ("id", "call_id")
        )
        for each in told:
            item = self._find_told(tells, each, None, to, listing)
            listing.add(item)
            yield item, each

    def _finish(self, item: Item, told: _Fields, to: Handler) -> None:
        """Read an item that has ended."""
        row = ITEMS.get(item.type, OTHER_ITEM)
        if row.becomes == "call":
            self._frame(item, told, to)
            self._finish_arguments(item, _text_of("arguments", told.get(row.member), row.member, to), to)
        elif row.becomes == "texts":
            told_parts = self._report_parts(item, told, to, whole=True)
            for part in item.parts.values():
                if part.number not in told_parts:
                    to.take(Whole(_CHOICE, FIELDS[part.kind], part.number, ""))
            for name in more(told, _ITEM):
                to.take(Extra(_CHOICE, name, _canonical(told[name])))
            self._keep_encrypted(item, told, to)
        elif item.called or not item.kept:
            item.called = item.called or (row.becomes == "whole_call" and row.if_item(told))
            item.kept = True
            self._finish_whole(item, row if item.called else OTHER_ITEM, told, to)
        self.items.end(item)
        for key in (item.key, item.type, f"at {item.index}"):
            self.unfinished.end(key)

    def _report_parts(self, item: Item, told: _Fields, to: Handler, *, whole: bool) -> set[int]:
        """Report the texts of an item, and return the numbers of their parts.

        An item lists its parts in the order in which they began, unless their names are the positions of parts in the
        list. If it lists a single one, that may hold the text of all, also of those of a kind that it does not list.
        """
        reported: set[int] = set()
        listed: dict[Kind, list[_Listed]] = {}
        for member in ("summary", "content"):
            value = told.get(member)
            parts = [{"type": "text", "text": value}] if isinstance(value, str) else value
            for place, each in enumerate(_list_of(parts, member, to)):
                fields = fields_of(each)
                kind = PARTS.get((item.type, string(fields, "type", _CHOICE, to)))
                if kind is None:
                    to.take(Extra(_CHOICE, f"{member}_part", _canonical(each)))
                    continue
                if text := _part_text(kind, fields, to):
                    listed.setdefault(kind, []).append(_Listed(place, text, fields))
                if rest := {key: fields[key] for key in more(fields, _PART)}:
                    to.take(Extra(_CHOICE, f"{member}_part", _canonical(rest)))
        for kind, texts in listed.items():
            known = item.parts_of(kind)
            by_name = len(texts) >= len(known) > 0 and {part.name for part in known} <= {each.place for each in texts}
            together = [part.number for part in known] if len(texts) == 1 < len(known) else ()
            others = item.parts_besides(listed) if whole and not known and len(texts) == 1 else ()
            for at, (place, text, fields) in enumerate(texts):
                part = item.part(kind, place) if by_name else known[at] if at < len(known) else None
                part = part or self._begin_part(item, kind, place if by_name else at, to, others)
                self._report(part, text, fields, to, whole=whole, together=together or part.retells)
                reported.add(part.number)
        return reported

    def _keep_encrypted(self, item: Item, told: _Fields, to: Handler) -> None:
        data = string(told, "encrypted_content", _CHOICE, to)
        item.encrypted = item.encrypted or bool(data)
        if data and not item.kept:
            item.kept = True
            later = [part.number for each in self.items.all[item.ordinal + 1 :] for part in each.parts.values()]
            place = min(later, default=self.parts)
            to.take(Thought(_CHOICE, "encrypted", None, item.id or None, "", data, None, apart=True, place=place))
        if item.ordinal in self.silent:
            self._announce_hidden(item.ordinal + 1, to)

    def _finish_whole(self, item: Item, row: ItemType, told: _Fields, to: Handler) -> None:
        """Report an item that comes complete, as a call or as an extra."""
        if row.becomes == "extra":
            plain = _canonical(told)
            if item.type == "image_generation_call" and isinstance(image := told.get("result"), str) and image:
                plain["result"] = f"{len(image)} characters of base64 were left out"
            to.take(Extra(_CHOICE, "output", plain))
            return
        value = told.get(row.member)
        if value is None and says(told.get(f"{row.member}s")):
            value = {f"{row.member}s": told[f"{row.member}s"]}
        self._frame(item, {"name": row.type, **told}, to)
        self._finish_arguments(item, _text_of("arguments", value, row.member, to), to)

    def _frame(self, item: Item, told: _Fields, to: Handler) -> None:
        """Report what an item says about its call, besides the arguments."""
        row = ITEMS[item.type]
        name, call_id = string(told, "name", _CHOICE, to), string(told, "call_id", _CHOICE, to)
        if name:
            self._begin_lane(item, to)
        read = _ITEM | {row.member, f"{row.member}s"}
        to.take(
            CallFrame(
                _CHOICE,
                item.ordinal,
                call_id or (not item.call_id and item.id) or "",
                name,
                row.kind,
                row.form,
                row.hosted,
                incomplete=told.get("status") in _CUT,
                twin=item.twin,
                instead_of=item.id if call_id and call_id == item.call_id else "",
                extras={key: _canonical(told[key]) for key in more(told, read)} or None,
            )
        )


_READERS: dict[Does, Callable[[Responses, EventType, _Fields, Handler], None]] = {
    "whole": Responses._read_whole,
    "part": Responses._read_part,
    "added": Responses._read_added,
    "done": Responses._read_done,
    "citation": Responses._read_citation,
    "status": Responses._read_progress,
    "end": Responses._read_end,
    "counted": Responses._count,
    "kept": Responses._keep_piece,
    "nothing": Responses._pass,
}


def _failure_in(fields: _Fields) -> Failure | None:
    """Return the failure that an object reports which is no event of this wire, not even one of an unknown type."""
    kind = fields.get("type")
    known = isinstance(kind, str) and kind.startswith("response.")
    return None if known else failure_of(fields, amid=True)


def _address(fields: _Fields, to: Handler) -> tuple[int | None, list[str]]:
    """Return the index and the ids with which an event refers to its item."""
    ids = [each for name in ("item_id", "call_id") if type(each := fields.get(name)) is str and each]
    return integer(fields, "output_index", _CHOICE, to), ids


def _full_address(fields: _Fields) -> tuple[object, ...]:
    """Return all fields that decide which text a delta belongs to; with the types of numbers, because ``True == 1``."""
    index, part, summary = fields.get("output_index"), fields.get("content_index"), fields.get("summary_index")
    numbers = index, part, summary, type(index), type(part), type(summary)
    return fields.get("type"), fields.get("item_id"), fields.get("call_id"), *numbers


def _route(fields: _Fields, item: Item, part: Part | None, field: TextField | None) -> _Route | None:
    """Return the route of this delta; ``None`` if its address has wrong types, which must be recorded each time."""
    for name in _NUMBERS:
        number = fields.get(name)
        if number is not None and (type(number) is not int or abs(number) > LARGEST):
            return None
    if any(type(fields.get(name)) not in (str, type(None)) for name in ("item_id", "call_id")):
        return None
    return _Route(_full_address(fields), item, part, field)


def _takes(route: _Route, chunk: Any, to: Handler) -> bool:
    """Report the chunk if it is a delta with this route, as nearly all are; return whether it is."""
    try:
        fields = chunk if type(chunk) is dict else {} if chunk.__pydantic_extra__ else chunk.__dict__
        text = fields["delta"]
        goes = route.address == _full_address(fields) and _READ["delta"].issuperset(fields)
    except (AttributeError, KeyError):
        return False
    if not goes or type(text) is not str or not text or fields.get("logprobs"):
        return False
    if route.field is None or route.part is None:
        to.call(_CHOICE, route.item.ordinal, "", "", text, 0, False, None, ITEMS[route.item.type].form)
    else:
        to.text(_CHOICE, route.field, text, False, route.part.number)
    return True


def _list_of(value: object, member: str, to: Handler) -> list[Any]:
    """Return a list; an empty one if the value is absent or, which is recorded, not a list."""
    return [] if value is None else checked(list, value, member, _CHOICE, to) or []


def _named(name: object) -> str:
    """Return the name of a field, which may be of any type in a client's object."""
    return without_surrogates(name if isinstance(name, str) else show(name))


def _name(kind: Kind, fields: _Fields, to: Handler) -> int | None:
    """Return the wire's number of a part."""
    return integer(fields, "summary_index" if kind == "summary" else "content_index", _CHOICE, to)


def _part_text(kind: Kind, told: _Fields, to: Handler) -> str:
    return _text_of(kind, told.get("refusal" if kind == "refusal" else "text"), kind, to)


def _text_of(kind: Kind, value: object, member: str, to: Handler) -> str:
    """Return a text. Older events have it in an object, and some servers send arguments as a JSON value."""
    if isinstance(value, str):
        return value
    if FIELDS[kind] is None and says(value):
        return json.dumps(_canonical(value, nulls=True), ensure_ascii=False)
    if isinstance(text := fields_of(value).get("text"), str):
        return text
    if value is not None:
        to.take(AnomalyReport("wrong_type", f"{member} is {show(value)}", _CHOICE, {member: value}))
    return ""


def _canonical(value: object, *, nulls: bool = False) -> Any:
    """Return a value as plain data with sorted keys, so that dicts and a client's objects give the same."""
    plain = as_plain(value)
    return show(value) if plain is None else _sorted(plain, nulls=nulls)


def _sorted(value: Any, *, nulls: bool) -> Any:
    if isinstance(value, list):
        return [_sorted(each, nulls=nulls) for each in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key], nulls=nulls) for key in sorted(value) if nulls or value[key] is not None}
    return value
