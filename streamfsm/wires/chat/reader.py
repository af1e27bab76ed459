"""Reads Chat Completions chunks: ``openai`` objects, or dicts of the same shape.

The reading order within a chunk is fixed, because deltas give none: choices in list order, and in each: reasoning,
content, refusal, tool calls in list order, the legacy function call, an audio transcript, the finish reason; then
usage, then an error. A field that the reader does not interpret is kept as an extra.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, PlainSerializer

from streamfsm.core.events import (
    AnomalyReport,
    Begin,
    CallPiece,
    Envelope,
    Extra,
    Failure,
    Finish,
    Handler,
    Recorder,
    Remembered,
    Text,
    Thought,
)
from streamfsm.core.json_values import as_json, as_plain, fields_and_extra, fields_of, more, says, show
from streamfsm.core.meter import DECODED
from streamfsm.machines.choices import RULES, Counting, Entry, counted
from streamfsm.machines.rules import decide
from streamfsm.wires.chat.calls import read_calls, read_function_call
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.chat.fields import CALL, CHOICE, CHUNK, DELTA, FUNCTION, STAMPS, Stamps
from streamfsm.wires.chat.structure import read_text
from streamfsm.wires.checked import LARGEST, checked, integer, string
from streamfsm.wires.error_shapes import failure_in, failure_of, untold
from streamfsm.wires.foreign import AMID_CHAT, RESPONSES, keeps_alive, protocol_of
from streamfsm.wires.usage import read_usage

_CHUNK_READ = CHUNK | {"moderation", "x_groq", "error"}
_CHOICE_READ = CHOICE | {"message", "usage", "error"}

# In a snapshot, entries and messages are JSON in ASCII, because one may end in half a character.
_read, _written = BeforeValidator(json.loads), PlainSerializer(json.dumps)
_Waiting: TypeAlias = Annotated[list[dict[str, Any]], _read, _written]
_Messages: TypeAlias = Annotated[dict[int, dict[str, Any]], _read, _written]
_Error: TypeAlias = tuple[object, Mapping[str, Any]]
"""The value of an ``error``, and the fields around it."""
_Plain: TypeAlias = tuple[Any, str | None, Any, Any]
"""Choice, name of the delta's field, wire index of the call (if it is one), and text; none of them is checked."""


@dataclass(slots=True)
class ChatCompletions:
    """Reads the chunks of one response. Its state is all that is needed from earlier chunks."""

    dialect: Dialect
    wire: Literal["chat"] = "chat"
    has_id: bool = False
    has_model: bool = False
    has_spoken: bool = False
    """Whether any choice has said anything. The id and the model are taken from the first chunk in which one does."""
    stamps: Stamps = (None, None)
    choices: dict[int, bool] = field(default_factory=dict)
    """The choices that have begun, and whether their deltas have said anything."""
    counting: Counting = "maybe"
    """Whether the index of choices counts tokens, by the rules of :mod:`streamfsm.machines.choices`."""
    latest: int | None = None
    """The index of the previous entry of ``choices``, as long as the index may count tokens."""
    finished: bool = False
    """Whether the previous entry had a finish reason."""
    waiting: _Waiting = field(default_factory=list)
    """Entries after the first choice's that may be tokens of its answer."""
    whole: _Messages = field(default_factory=dict)
    """Choice whose deltas have spoken → its latest cumulative message, until it is compared with them."""
    reasoning_fields: tuple[str, ...] = ()
    """The fields that have held reasoning as plain text, in order."""

    def fits(self, begun: Collection[int], _: Collection[int]) -> bool:
        """See :class:`streamfsm.wires.source.Source`."""
        return self.choices.keys() == set(begun) and self.choices.keys() >= self.whole.keys()

    def read(self, chunk: object, to: Handler) -> bool:
        """Pass the events of ``chunk`` on, in reading order; see :class:`streamfsm.wires.source.Source`.

        Only fields that are not empty are checked: an empty field says nothing.
        """
        if self._read_plain(chunk, to):
            return True
        before = self._habits
        one = self._read_whole(chunk, to)
        return one and self._habits == before and not self.whole

    @property
    def _habits(self) -> tuple[object, ...]:
        """The state that decides how a chunk is read, except whether its choice has spoken."""
        has = self.has_id, self.has_model, self.has_spoken
        return *has, self.stamps, self.counting, len(self.choices), len(self.waiting)

    def _read_whole(self, chunk: object, to: Handler) -> bool:
        """Read a chunk of any form; return whether it is one entry of a choice that has spoken."""
        fields, maybe_extra = fields_and_extra(chunk)
        if fields is None:
            to.take(AnomalyReport("not_a_chunk", show(chunk), None))
            return False
        for name in self.dialect.error_fields:
            if fields.get(name):
                maybe_extra = fields = {key: fields[key] for key in fields if key != name} | {"error": fields[name]}
        choices = fields.get("choices")
        if not choices and keeps_alive(fields):
            rest = {key: fields[key] for key in fields if key not in ("type", "sequence_number")}
            self._read_unknown(rest, (), to)
            return False
        if not (choices and self.choices) and self._read_other(fields, to):
            return False
        if not (self.has_id and self.has_model and self.has_spoken):
            self._read_envelope(fields, to)
        self._read_stamps((fields.get("service_tier"), fields.get("system_fingerprint")), to)
        if choices:
            if not isinstance(choices, list):
                choices = checked(list, choices, "choices", None, to) or ()
            position, alone = 0, len(choices) == 1
            for choice in choices:
                self._read_entry(position, choice, to, alone=alone)
                position += 1  # noqa: SIM113 - enumerate takes longer than the loop
        if usage := fields.get("usage"):
            read_usage(usage, to)
        if moderation := fields.get("moderation"):
            to.take(Extra(None, "moderation", moderation))
        errors = _errors_in(choices or ())
        if errors or (maybe_extra and not CHUNK.issuperset(maybe_extra)):
            self._read_unknown(maybe_extra or {}, errors, to)
        index = fields_of(choices[0]).get("index") if choices and len(choices) == 1 else None
        return self.counting == "no" and type(index) is int and self.choices.get(index, False)

    def _read_unknown(self, fields: Mapping[str, Any], errors: Iterable[_Error], to: Handler) -> None:
        if not (self.waiting or self.whole):
            _read_rest(fields, errors, to)
            return
        rest = Recorder()
        _read_rest(fields, errors, rest)
        if any(isinstance(event, Failure) for event in rest.events):
            self.close(to)  # what came before the error is read before it
        rest.tell(to)

    def goes_on(self, _: object) -> bool:
        """See :class:`streamfsm.wires.source.Source`: nothing is expected after a failure."""
        return False

    def read_late(self, chunk: object, to: Handler) -> None:
        """See :class:`streamfsm.wires.source.Source`."""
        ChatCompletions(self.dialect).read(chunk, to)

    def let_go(self) -> None:
        """See :class:`streamfsm.wires.source.Source`: nothing is kept here for the result."""

    def close(self, to: Handler) -> None:
        """See :class:`streamfsm.wires.source.Source`."""
        one = counted(len({show(entry.get("index")) for entry in self.waiting}), finished=self.finished)
        if one:
            what = "choices that each spoke once, with a finish reason only on the last, were read as one"
            to.take(AnomalyReport("ambiguous_choice", f"{what}; Dialect(choice=…) decides", next(iter(self.choices))))
        self._release(to, one=one)
        for index, message in self.whole.items():
            self._tell_whole(message, index, to)
        self.whole = {}

    @property
    def reasoning_field(self) -> str | None:
        """See :class:`streamfsm.wires.source.Source`."""
        return self.reasoning_fields[0] if self.reasoning_fields else None

    def _read_plain(self, chunk: Any, to: Handler) -> bool:
        """Report the content of a plain chunk; return whether it is plain, and its choice has spoken before."""
        if not (self.has_id and self.has_model):
            return False
        try:
            plain = (_of_dict if type(chunk) is dict else _of_model)(chunk, self.stamps)
        except (AttributeError, KeyError, TypeError, ValueError):
            return False
        if plain is None:
            return False
        choice, name, wire_index, text = plain
        if type(text) is not str or not text or type(choice) is not int or not self.choices.get(choice):
            return False
        if self.counting != "no" and (self.counting == "yes" or self.waiting or self.dialect.choice == "one"):
            return False
        if name == "content":
            to.text(choice, "content", text)
        elif name == "tool_calls":
            if type(wire_index) is not int or not 0 <= wire_index <= LARGEST:
                return False
            to.call(choice, wire_index, "", "", text)
        elif name in self.reasoning_fields and name not in DELTA:
            to.text(choice, "reasoning", text)
        else:
            return False
        self.counting = "no"
        return True

    def _read_other(self, fields: Mapping[str, Any], to: Handler) -> bool:
        """Report an error, or an object of another protocol; return whether the object is nothing else."""
        if fields.get("error"):
            return False
        if foreign := protocol_of(fields, AMID_CHAT):
            reads = "the stream is" if foreign is RESPONSES else "streamfsm reads Responses and"
            words = f"{foreign.name} protocol came, but {reads} Chat Completions: {foreign.because}"
            to.take(AnomalyReport("foreign_wire", words, None))
            if not self.choices:
                to.take(Failure("foreign_wire", words))
            return not self.choices
        if fields.get("choices") or fields.get("usage") or _is_chunk(fields):
            return False
        failure = failure_of(fields, amid=bool(self.choices))
        if failure:
            self.close(to)
            for name, value in untold(fields, failure).items():
                to.take(Extra(None, name, value))
            to.take(failure)
        elif _CHUNK_READ.isdisjoint(fields):
            to.take(AnomalyReport("not_a_chunk", show(dict(fields)), None))
        return failure is not None

    def _read_envelope(self, fields: Mapping[str, Any], to: Handler) -> None:
        response_id = None if self.has_id and self.has_spoken else string(fields, "id", None, to) or None
        model = None if self.has_model and self.has_spoken else string(fields, "model", None, to) or None
        if response_id or model:
            to.take(Envelope(response_id, model))
            self.has_id, self.has_model = self.has_id or bool(response_id), self.has_model or bool(model)

    def _read_stamps(self, stamps: tuple[Any, Any], to: Handler) -> None:
        if stamps == self.stamps:
            return
        for name, stamp, before in zip(STAMPS, stamps, self.stamps, strict=True):
            if stamp and stamp != before:
                to.take(Extra(None, name, stamp))
        if all(stamp is None or type(stamp) is str for stamp in stamps):
            self.stamps = stamps

    def _read_entry(self, position: int, choice: object, to: Handler, *, alone: bool) -> None:
        fields, maybe_extra = fields_and_extra(choice)
        if fields is None:
            to.take(AnomalyReport("wrong_type", f"choices[{position}] is {show(choice)}", None, {"choices": choice}))
            return
        index = fields.get("index")
        if self.counting != "no" or type(index) is not int or index not in self.choices:
            found = self._which(position, fields, to, alone=alone)
            if found is None and (plain := as_plain(choice)):
                self.waiting.append(plain)
                self.has_spoken = True
                return
            if found is None:  # an entry that is not plain data cannot wait
                self.counting = "no"
                self._release(to, one=False)
                found = cast("int", self.latest)
            index = found
        self._read_choice(index, fields, maybe_extra, to)

    def _which(self, position: int, fields: Mapping[str, Any], to: Handler, *, alone: bool) -> int | None:
        """Return the choice that an entry belongs to; ``None`` if the entry has to wait."""
        index = _choice_index(fields, to)
        entry = Entry(
            policy=self.dialect.choice,
            index=index,
            alone=alone,
            speaks=bool(more(fields_of(fields.get("delta") or fields.get("message")), ("role",))),
            known=index in self.choices,
            silent=not self.choices.get(index, False) if index is not None else False,
            begun=len(self.choices),
            latest=self.latest,
            finished=self.finished,
            waiting=len(self.waiting),
            counting=self.counting,
            ends=bool(fields.get("finish_reason")),
        )
        rule = decide(RULES, entry)
        self.latest, self.finished = index, bool(fields.get("finish_reason"))
        if rule.decision == "wait":
            return None
        self.counting = rule.counting or self.counting
        self._release(to, one=rule.decision == "one")
        first = next(iter(self.choices), 0)
        choice = {"own": index, "position": position, "one": first}[rule.decision]
        if rule.records:
            to.take(AnomalyReport(rule.records, f"{rule.name}: {rule.because}; Dialect(choice=…) decides", first))
        return choice

    def _release(self, to: Handler, *, one: bool) -> None:
        """Read the entries that wait: all for the choice that has begun if ``one``, else each for its own choice."""
        waiting, self.waiting = self.waiting, []
        first = next(iter(self.choices), 0)
        for fields in waiting:
            self._read_choice(first if one else cast("int", _choice_index(fields, to)), fields, fields, to)

    def _read_choice(
        self, index: int, fields: Mapping[str, Any], maybe_extra: Mapping[str, Any] | None, to: Handler
    ) -> None:
        if index not in self.choices:
            self.choices[index] = False
            to.take(Begin(index))
        said = False
        if delta := fields.get("delta"):
            said, has_more = self._read_delta(delta, index, to)
            self.choices[index] = said or self.choices[index]
            self.has_spoken = said or has_more or self.has_spoken
        if (logprobs := fields.get("logprobs")) and any(map(says, fields_of(logprobs).values() or [logprobs])):
            to.take(Extra(index, "logprobs", logprobs))
        if maybe_extra and not CHOICE.issuperset(maybe_extra):
            if message := fields.get("message"):
                self.has_spoken = True
                self._read_message(message, index, to, beside=said)
            if usage := fields.get("usage"):
                read_usage(usage, to)
            _read_extras(maybe_extra, _CHOICE_READ, index, to)
        if fields.get("finish_reason") and (reason := string(fields, "finish_reason", index, to)):
            self.has_spoken = True
            if message := self.whole.pop(index, None):
                self._tell_whole(message, index, to)
            to.take(Finish(index, reason))

    def _read_delta(self, delta: object, choice: int, to: Handler) -> tuple[bool, bool]:
        """Report the events of a delta; return whether it says anything, and whether it has other fields."""
        fields, _ = fields_and_extra(delta)
        if fields is None:
            to.take(AnomalyReport("wrong_type", f"delta is {show(delta)}", choice, {"delta": delta}))
            return True, False
        thinks, unusual = (False, False) if DELTA.issuperset(fields) else self._read_unusual(fields, choice, to)
        if content := fields.get("content"):
            if isinstance(content, str):
                to.text(choice, "content", content)
            elif thinks:
                self._read_beside_thoughts(content, fields, choice, to)
            else:
                read_text(content, "content", "content", choice, to)
        if refusal := fields.get("refusal"):
            read_text(refusal, "refusal", "refusal", choice, to)
        if calls := fields.get("tool_calls"):
            read_calls(calls, choice, to)
        if function := fields.get("function_call"):
            read_function_call(function, calls, choice, to)
        if audio := fields.get("audio"):
            _read_audio(audio, choice, to)
        return bool(content or calls or refusal or function or audio or thinks), unusual

    def _read_beside_thoughts(self, content: object, delta: Mapping[str, Any], choice: int, to: Handler) -> None:
        """Read content in parts, except thoughts in it that the delta's own fields have said already."""
        parts, thoughts = Recorder(), Recorder()
        read_text(content, "content", "content", choice, parts)
        self._read_reasoning(delta, choice, thoughts)
        mine, known = (_reasoning_in(each) for each in (parts, thoughts))
        if mine == known:
            parts.events[:] = [e for e in parts.events if not (isinstance(e, Text) and e.field == "reasoning")]
        elif mine and known:
            to.take(AnomalyReport("reasoning_conflict", "content differs from the text of another field", choice))
        parts.tell(to)

    def _read_unusual(self, delta: Mapping[str, Any], choice: int, to: Handler) -> tuple[bool, bool]:
        """Report the events of less common fields; return whether there was reasoning, and any other of them."""
        unusual = more(delta, DELTA)
        reasoning = self.dialect.reasoning_names
        if thinks := not reasoning.isdisjoint(unusual):
            self._read_reasoning(delta, choice, to)
        others = [name for name in unusual if name not in reasoning and name != "error"]
        for name in others:
            to.take(Extra(choice, name, delta[name]))
        return thinks, bool(others)

    def _read_message(self, message: object, choice: int, to: Handler, *, beside: bool) -> None:
        """Read a cumulative message in place of a delta: each text in one piece, calls with positions as indexes.

        If deltas have said something, it waits until the choice is finished, and is compared with all that they said.
        ``beside`` a delta that says something, only its extras are read: some servers repeat the answer so far there,
        others the delta.
        """
        heard = Recorder()
        self._read_delta(message, choice, heard)
        if not self.choices[choice]:
            _cumulative(heard, in_order=False).tell(to)
            return
        for event in heard.events:
            if isinstance(event, Extra):
                to.take(event)
        if not beside and any(isinstance(event, _SPEECH) for event in heard.events):
            names = DELTA | self.dialect.reasoning_names
            said = {name: value for name, value in fields_of(message).items() if name in names and value is not None}
            plain = as_plain(said)
            if plain is None:  # a message that is not plain data cannot wait
                self._tell_whole(message, choice, to)
                return
            known = self.whole.pop(choice, None)
            grown = len(as_json(plain) or "") - len(as_json(known) or "") * bool(known)
            to.take(Remembered(None if known else "field", DECODED * max(grown, 0)))
            self.whole[choice] = plain

    def _tell_whole(self, message: object, choice: int, to: Handler) -> None:
        """Report a cumulative message after deltas. Its calls are found by their id or their order."""
        heard = Recorder()
        self._read_delta(message, choice, heard)
        heard.events[:] = [event for event in heard.events if not isinstance(event, Extra)]
        _cumulative(heard, in_order=True).tell(to)

    def _read_reasoning(self, delta: Mapping[str, Any], choice: int, to: Handler) -> None:
        """Read the text once if several fields carry it; fields that differ are an anomaly, and all are read.

        Structured fields come first, because they give the order of readable and unreadable parts.
        """
        names = [name for name in self.dialect.reasoning_order if delta.get(name)]
        plain = [name for name in names if name in self.dialect.reasoning_texts and isinstance(delta[name], str)]
        self.reasoning_fields = (*self.reasoning_fields, *(name for name in plain if name not in self.reasoning_fields))
        if len(names) == 1:
            read_text(delta[names[0]], "reasoning", names[0], choice, to)
        elif names:
            _read_once(delta, names, choice, to)
        if delta.get("reasoning_opaque") and (opaque := string(delta, "reasoning_opaque", choice, to)):
            to.take(Thought(choice, "opaque", None, None, "", opaque, None, field="reasoning_opaque"))


_SPEECH = (Text, CallPiece, Thought)


def _cumulative(heard: Recorder, *, in_order: bool) -> Recorder:
    """Return the events of a cumulative message. Its calls have no index if they are found ``in_order``."""
    cumulative = Recorder()
    texts: dict[str, Text] = {}
    for event in heard.events:
        if isinstance(event, Text) and event.field in texts:
            texts[event.field].text += event.text
            continue
        if isinstance(event, Text):
            texts[event.field] = event
        if isinstance(event, CallPiece) and in_order:
            event.wire_index = None
        elif isinstance(event, CallPiece) and event.wire_index is None:
            event.wire_index = event.entry
        if isinstance(event, _SPEECH):
            event.cumulative = True
        cumulative.take(event)
    return cumulative


def _reasoning_in(heard: Recorder) -> str:
    return "".join([event.text for event in heard.events if isinstance(event, Text) and event.field == "reasoning"])


def _read_once(delta: Mapping[str, Any], names: Collection[str], choice: int, to: Handler) -> None:
    """Read several fields; a text that is in more than one of them is read once."""
    read: set[str] = set()
    for name in names:
        recorder = Recorder()
        read_text(delta[name], "reasoning", name, choice, recorder)
        text = "".join([event.text for event in recorder.events if isinstance(event, Text)])
        if text in read:
            recorder.events[:] = [event for event in recorder.events if not isinstance(event, Text)]
        elif text:
            if read:
                to.take(AnomalyReport("reasoning_conflict", f"{name} differs from the text of another field", choice))
            read.add(text)
        recorder.tell(to)


def _read_audio(audio: object, choice: int, to: Handler) -> None:
    fields, _ = fields_and_extra(audio)
    if fields is None:
        to.take(AnomalyReport("wrong_type", f"audio is {show(audio)}", choice, {"audio": audio}))
        return
    if transcript := fields.get("transcript"):
        read_text(transcript, "transcript", "transcript", choice, to)
    if rest := {key: fields[key] for key in more(fields, ("transcript",))}:
        to.take(Extra(choice, "audio", rest))


def _errors_in(choices: Iterable[object]) -> list[_Error]:
    """Return the errors in entries of ``choices``, in their deltas and in their messages."""
    found: list[_Error] = []
    for choice in choices:
        fields = fields_of(choice)
        for place in (fields, fields_of(fields.get("delta")), fields_of(fields.get("message"))):
            found += [(place["error"], place)] if place.get("error") else []
    return found


def _read_rest(fields: Mapping[str, Any], errors: Iterable[_Error], to: Handler) -> None:
    """Read what few chunks have: the ``fields`` that may be unknown, and errors, also those in choices."""
    groq = fields_of(fields.get("x_groq"))
    if usage := groq.get("usage"):
        read_usage(usage, to)
    if rest := {key: groq[key] for key in more(groq, ("usage", "error"))}:
        to.take(Extra(None, "x_groq", rest))
    elif not groq and says(fields.get("x_groq")):
        to.take(Extra(None, "x_groq", fields["x_groq"]))
    _read_extras(fields, _CHUNK_READ, None, to)
    for error, around in ((fields.get("error"), fields), (groq.get("error"), groq), *errors):
        if error:
            failure = failure_in(error, around)
            if rest := untold(fields_of(error), failure):
                to.take(Extra(None, "error", rest))
            to.take(failure)


def _read_extras(fields: Mapping[str, Any], known: frozenset[str], choice: int | None, to: Handler) -> None:
    for name in more(fields, known):
        to.take(Extra(choice, name, fields[name]))


def _is_chunk(fields: Mapping[str, Any]) -> bool:
    kind = fields.get("object")
    return isinstance(kind, str) and kind.startswith("chat.completion")


def _choice_index(fields: Mapping[str, Any], to: Handler) -> int | None:
    """Return the index of an entry of ``choices``, which may be a string of digits or a float."""
    value = fields.get("index")
    if (type(value) is float and value.is_integer()) or (type(value) is str and value.isascii() and value.isdecimal()):
        fields = {"index": int(value)}
    index = integer(fields, "index", None, to)
    if index is not None and index < 0:
        to.take(AnomalyReport("wrong_type", f"index is {index}", None, {"index": index}))
        return None
    return index


# -- plain chunks carry one text, or one piece of arguments, and nothing else; nearly all chunks are plain. Reading them
# field by field gives the same events, but takes more than twice the time (``benchmarks/feed.py``), so each form of
# chunk is read in the way that is fastest for it.


def _of_dict(chunk: Mapping[str, Any], stamps: Stamps) -> _Plain | None:
    """Return the content of a plain chunk that is a ``dict``; ``None`` if it is not plain.

    Args:
        chunk: the decoded JSON.
        stamps: the stamps of the previous chunk, which a plain chunk repeats.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the chunk is not plain.
    """
    (choice,) = chunk["choices"]
    if (
        chunk.get("usage")
        or choice.get("finish_reason")
        or choice.get("logprobs")
        or (chunk.get("service_tier"), chunk.get("system_fingerprint")) != stamps
        or (not CHUNK.issuperset(chunk) and more(chunk, CHUNK))
        or (not CHOICE.issuperset(choice) and more(choice, CHOICE))
    ):
        return None
    name, said = _of_delta(choice["delta"])
    if name != "tool_calls":
        return choice["index"], name, None, said
    (call,) = said
    function = call["function"]
    if call.get("id") or function.get("name") or (not CALL.issuperset(call) and more(call, CALL)):
        return None
    if len(function) > 1 and not FUNCTION.issuperset(function) and more(function, FUNCTION):
        return None
    return choice["index"], name, call["index"], function["arguments"]


def _of_model(chunk: Any, stamps: Stamps) -> _Plain | None:
    """Return the content of a plain chunk that is the client's object; ``None`` if it is not plain.

    Extra fields are those that its types do not declare; a field that older clients do not declare is looked up in
    ``__dict__``.
    """
    extra, fields = chunk.__pydantic_extra__, chunk.__dict__
    (choice,) = fields["choices"]
    if (
        fields["usage"]
        or fields.get("moderation")
        or (fields.get("service_tier"), fields.get("system_fingerprint")) != stamps
        or (extra and more(extra, CHUNK))
    ):
        return None
    extra, fields = choice.__pydantic_extra__, choice.__dict__
    if fields["finish_reason"] or fields["logprobs"] or (extra and more(extra, CHOICE)):
        return None
    delta, index = fields["delta"], fields["index"]
    extra, fields = delta.__pydantic_extra__, delta.__dict__
    name, said = _of_delta({**fields, **extra} if extra else fields)
    if name != "tool_calls":
        return index, name, None, said
    (call,) = said
    function = call.function
    if (
        call.id
        or function.name
        or ((extra := call.__pydantic_extra__) and more(extra, CALL))
        or ((extra := function.__pydantic_extra__) and more(extra, FUNCTION))
    ):
        return None
    return index, name, call.index, function.arguments


def _of_delta(fields: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return the name and value of the only field with content, besides the role; ``None`` unless there is just one."""
    name = said = None
    for key, value in fields.items():
        if value is not None and (value or value == 0) and key != "role":  # what `more` does, inlined
            if name is not None:
                return None, None
            name, said = key, value
    return name, said
