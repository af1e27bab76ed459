"""Reads Chat Completions chunks: ``openai`` objects, or dicts of the same shape.

The order within a chunk is fixed, because deltas say nothing of it: choices in list order, and in each: reasoning,
content, refusal, tool calls in list order, the legacy function call, an audio transcript, the finish reason; then
usage, then an error. What is not read is kept as an extra.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from streamfsm.core.events import (
    Begin,
    CallPiece,
    Envelope,
    Extra,
    Failure,
    Finish,
    Handler,
    Oddity,
    Recorder,
    Text,
    TextField,
    Thought,
    UsageReport,
)
from streamfsm.core.json_values import as_json, as_plain, fields_and_extra, fields_of, show
from streamfsm.core.text import without_surrogates
from streamfsm.machines.choices import RULES, Counting, Entry, counted
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.chat.shortcut import CALL, CHOICE, CHUNK, DELTA, Plain, more, of_dict, of_model

_T = TypeVar("_T")
_NOTHING: Mapping[str, Any] = {}
_CHUNK_READ = CHUNK | {"moderation", "x_groq", "error"}
_CHOICE_READ = CHOICE | {"message", "usage"}
_LARGEST = 2**63 - 1  # of an integer that is one to every reader


@dataclass(slots=True)
class ChatCompletions:
    """Reads the chunks of one response. Its only state: what it need not read again."""

    dialect: Dialect
    has_id: bool = False
    has_model: bool = False
    has_spoken: bool = False
    """Whether any choice has said anything: the id and the model are those of the chunk that did."""
    choices: dict[int, bool] = field(default_factory=dict)
    """Those that began: whether their deltas have said anything."""
    counting: Counting = "maybe"
    """Whether the index of choices counts tokens; by the rules of :mod:`streamfsm.machines.choices`."""
    latest: int | None = None
    """The index of the entry of ``choices`` before this one, as long as it may count tokens."""
    finished: bool = False
    """Whether that entry had a finish reason."""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """Entries after the first choice's that may be tokens of the same answer."""
    reasoning_fields: dict[str, None] = field(default_factory=dict)
    """Those that held reasoning as plain text so far, in order."""

    def read(self, chunk: object, to: Handler) -> bool:
        """Tell what ``chunk`` says, in reading order; see :class:`streamfsm.wires.source.Source`.

        Looks first and checks only what is there: what is empty says nothing.
        """
        plain = self._plain(chunk)
        if plain is not None and self._is_sound(plain):
            choice, field, wire_index, text = plain
            self.counting = "no"
            if field is None:
                to.call(choice, wire_index, "", "", text)
            else:
                to.text(choice, field, text)
            return True
        fields, maybe_extra = fields_and_extra(chunk)
        if fields is None:
            to.take(Oddity("not_a_chunk", show(chunk), None))
            return False
        if not (self.has_id and self.has_model and self.has_spoken):
            self._read_envelope(fields, to)
        if choices := fields.get("choices"):
            if not isinstance(choices, list):
                choices = _checked(list, choices, "choices", None, to) or ()
            position, alone = 0, len(choices) == 1
            for choice in choices:
                self._read_entry(position, choice, to, alone=alone)
                position += 1  # noqa: SIM113 - enumerate takes longer than the loop
        if usage := fields.get("usage"):
            _read_usage(usage, to)
        if moderation := fields.get("moderation"):
            to.take(Extra(None, "moderation", moderation))
        if maybe_extra and not CHUNK.issuperset(maybe_extra):
            if self.waiting:  # what the stream said before an error comes before it
                rest = Recorder()
                _read_rest(maybe_extra, rest)
                if any(isinstance(event, Failure) for event in rest.events):
                    self.close(to)
                rest.tell(to)
            else:
                _read_rest(maybe_extra, to)
        return False

    def close(self, to: Handler) -> None:
        """See :class:`streamfsm.wires.source.Source`."""
        one = counted(len(self.waiting), finished=self.finished)
        if one:
            what = "choices that each spoke once, of which only the last was finished, were read as one"
            to.take(Oddity("ambiguous_choice", f"{what}; Dialect.choice tells", next(iter(self.choices))))
        self._release(to, one=one)

    @property
    def reasoning_field(self) -> str | None:
        """See :class:`streamfsm.wires.source.Source`."""
        return next(iter(self.reasoning_fields), None)

    def _plain(self, chunk: Any) -> Plain | None:
        """What a plain chunk says, unchecked; ``None`` if it is not plain."""
        try:
            return (of_dict if type(chunk) is dict else of_model)(chunk, self.reasoning_fields)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def _is_sound(self, plain: Plain) -> bool:
        """Whether that is all the chunk says: text in a choice that has spoken, all of it of its declared type."""
        choice, field, wire_index, text = plain
        return (
            self.has_id
            and self.has_model
            and not self.waiting
            and self.dialect.choice != "one"
            and self.counting != "yes"
            and type(choice) is int
            and self.choices.get(choice, False)
            and (field is not None or (type(wire_index) is int and 0 <= wire_index <= _LARGEST))
            and type(text) is str
            and text != ""
        )

    def _read_envelope(self, fields: Mapping[str, Any], to: Handler) -> None:
        response_id = None if self.has_id and self.has_spoken else _string(fields, "id", None, to) or None
        model = None if self.has_model and self.has_spoken else _string(fields, "model", None, to) or None
        if response_id or model:
            to.take(Envelope(response_id, model))
            self.has_id, self.has_model = self.has_id or bool(response_id), self.has_model or bool(model)

    def _read_entry(self, position: int, choice: object, to: Handler, *, alone: bool) -> None:
        fields, maybe_extra = fields_and_extra(choice)
        if fields is None:
            to.take(Oddity("wrong_type", f"choices[{position}] is {show(choice)}", None))
            return
        index = fields.get("index")
        if self.counting != "no" or type(index) is not int or index not in self.choices:
            found = self._which(position, fields, to, alone=alone)
            if found is None and (plain := as_plain(choice)):
                self.waiting.append(plain)
                self.has_spoken = True
                return
            if found is None:  # it cannot be kept, so it does not wait
                self.counting = "no"
                self._release(to, one=False)
                found = cast("int", self.latest)
            index = found
        self._read_choice(index, fields, maybe_extra, to)

    def _which(self, position: int, fields: Mapping[str, Any], to: Handler, *, alone: bool) -> int | None:
        """The choice that an entry speaks for; ``None`` if it has to wait."""
        index = _choice_index(fields, to)
        entry = Entry(
            policy=self.dialect.choice,
            index=index,
            alone=alone,
            speaks=any(value for name, value in fields_of(fields.get("delta")).items() if name != "role"),
            known=index in self.choices,
            silent=not self.choices.get(index, False) if index is not None else False,
            begun=len(self.choices),
            latest=self.latest,
            finished=self.finished,
            waiting=len(self.waiting),
            counting=self.counting,
        )
        rule = next(rule for rule in RULES if rule.fits(entry))
        self.latest, self.finished = index, bool(fields.get("finish_reason"))
        if rule.owner == "wait":
            return None
        self.counting = rule.counting or self.counting
        self._release(to, one=rule.owner == "one")
        first = next(iter(self.choices), 0)
        choice = {"own": index, "position": position, "one": first}[rule.owner]
        if rule.tells:
            to.take(Oddity(rule.tells, f"{rule.name}: {rule.because}; Dialect.choice tells", first))
        return choice

    def _release(self, to: Handler, *, one: bool) -> None:
        """Read the entries that wait: as what the ``one`` choice says that has begun, or each for its own."""
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
        if (delta := fields.get("delta")) and self._read_delta(delta, index, to):
            self.choices[index] = self.has_spoken = True
        if maybe_extra and not CHOICE.issuperset(maybe_extra):
            if (message := fields.get("message")) and not self.choices[index]:
                self.has_spoken = True
                self._read_message(message, index, to)
            if usage := fields.get("usage"):
                _read_usage(usage, to)
            _read_extras(maybe_extra, _CHOICE_READ, index, to)
        if fields.get("finish_reason") and (reason := _string(fields, "finish_reason", index, to)):
            to.take(Finish(index, reason))

    def _read_delta(self, delta: object, choice: int, to: Handler) -> bool:
        """Tell what a delta says; return whether it says anything."""
        fields, _ = fields_and_extra(delta)
        if fields is None:
            to.take(Oddity("wrong_type", f"delta is {show(delta)}", choice))
            return True
        unusual = not DELTA.issuperset(fields) and self._read_unusual(fields, choice, to)
        if content := fields.get("content"):
            if isinstance(content, str):
                to.text(choice, "content", content)
            else:
                _read_parts(content, choice, to)
        if refusal := fields.get("refusal"):
            _read_refusal(refusal, choice, to)
        if calls := fields.get("tool_calls"):
            _read_calls(calls, choice, to)
        if function := fields.get("function_call"):
            _read_calls([{"function": function}], choice, to)
        if audio := fields.get("audio"):
            _read_audio(audio, choice, to)
        return bool(content or calls or refusal or function or audio or unusual)

    def _read_unusual(self, delta: Mapping[str, Any], choice: int, to: Handler) -> bool:
        """Tell what other fields say; return whether any says anything."""
        said = more(delta, DELTA)
        reasoning = self.dialect.reasoning_names
        if not reasoning.isdisjoint(said):
            self._read_reasoning(delta, choice, to)
        for name in said:
            if name not in reasoning:
                to.take(Extra(choice, name, delta[name]))
        return bool(said)

    def _read_message(self, message: object, choice: int, to: Handler) -> None:
        """A message beside no delta, whole so far: each text in one piece, calls with their positions as indexes."""
        delta, whole = Recorder(), Recorder()
        self._read_delta(message, choice, delta)
        texts: dict[str, Text] = {}
        for event in delta.events:
            if isinstance(event, Text) and event.field in texts:
                texts[event.field].text += event.text
                continue
            if isinstance(event, Text):
                texts[event.field] = event
            if isinstance(event, CallPiece) and event.wire_index is None:
                event.wire_index = event.entry
            if isinstance(event, Text | CallPiece | Thought):
                event.whole = True
            whole.take(event)
        whole.tell(to)

    def _read_reasoning(self, delta: Mapping[str, Any], choice: int, to: Handler) -> None:
        """The text once, whichever fields carry it; what differs between fields is odd, and read as well.

        Fields with structure come first, because they tell the order of what can be read and what cannot.
        """
        names = [name for name in self.dialect.reasoning_order if delta.get(name)]
        for name in names:
            if name in self.dialect.reasoning_texts and isinstance(delta[name], str):
                self.reasoning_fields[name] = None
        if len(names) == 1:
            _read_thinking(names[0], delta[names[0]], choice, to)
        elif names:
            _read_once(delta, names, choice, to)
        if delta.get("reasoning_opaque") and (opaque := _string(delta, "reasoning_opaque", choice, to)):
            to.take(Thought(choice, "opaque", None, None, "", opaque, None, field="reasoning_opaque"))


def _read_thinking(name: str, value: object, choice: int, to: Handler) -> None:
    """What one of the fields with reasoning says."""
    if reader := _REASONING_READERS.get(name):
        reader(value, choice, to)
    elif text := _checked(str, value, name, choice, to):
        to.text(choice, "reasoning", text)


def _read_once(delta: Mapping[str, Any], names: Collection[str], choice: int, to: Handler) -> None:
    """The same of several fields, where a text that is in more than one counts once."""
    read: set[str] = set()
    for name in names:
        said = Recorder()
        _read_thinking(name, delta[name], choice, said)
        text = "".join([event.text for event in said.events if isinstance(event, Text)])
        if text in read:
            said.events[:] = [event for event in said.events if not isinstance(event, Text)]
        elif text:
            if read:
                to.take(Oddity("reasoning_conflict", f"{name} is not the text of another field", choice))
            read.add(text)
        said.tell(to)


def _read_details(details: object, choice: int, to: Handler) -> None:
    """Structured reasoning: ``[{"type": "reasoning.text", "index": 0, "text": …, "signature": …}, …]``."""
    for detail in _checked(list, details, "reasoning_details", choice, to) or ():
        fields, _ = fields_and_extra(detail)
        if fields is None:
            to.take(Oddity("wrong_type", f"a reasoning detail is {show(detail)}", choice))
            continue
        texts = [_checked(str, fields[key], key, choice, to) for key in ("text", "summary") if fields.get(key)]
        text = next((text for text in texts if text), "")
        to.take(
            Thought(
                choice,
                kind=_string(fields, "type", choice, to).removeprefix("reasoning."),
                index=_integer(fields, "index", choice, to),
                id=_string(fields, "id", choice, to) or None,
                text=text,
                data=_string(fields, "data", choice, to),
                signature=_string(fields, "signature", choice, to) or None,
            )
        )
        if text:
            to.text(choice, "reasoning", text)


def _read_blocks(blocks: object, choice: int, to: Handler) -> None:
    """Anthropic's own, as some proxies pass them on: ``[{"type": "thinking", "thinking": …, "signature": …}, …]``."""
    _read_parts(_checked(list, blocks, "thinking_blocks", choice, to) or [], choice, to, "thinking_blocks")


def _read_audio(audio: object, choice: int, to: Handler) -> None:
    fields, _ = fields_and_extra(audio)
    if fields is None:
        to.take(Oddity("wrong_type", f"audio is {show(audio)}", choice))
        return
    if transcript := _checked(str, fields.get("transcript") or "", "transcript", choice, to):
        to.text(choice, "transcript", transcript)
    if rest := {key: value for key, value in fields.items() if value and key != "transcript"}:
        to.take(Extra(choice, "audio", rest))


def _read_rest(fields: Mapping[str, Any], to: Handler) -> None:
    """What few chunks have."""
    groq = fields_of(fields.get("x_groq"))
    if usage := groq.get("usage"):
        _read_usage(usage, to)
    if rest := {key: value for key, value in groq.items() if value and key not in ("usage", "error")}:
        to.take(Extra(None, "x_groq", rest))
    _read_extras(fields, _CHUNK_READ, None, to)
    if error := fields.get("error") or groq.get("error"):
        to.take(_failure(error))


def _read_extras(fields: Mapping[str, Any], known: frozenset[str], choice: int | None, to: Handler) -> None:
    for name in more(fields, known):
        to.take(Extra(choice, name, fields[name]))


def _read_refusal(refusal: object, choice: int, to: Handler) -> None:
    if text := _checked(str, refusal, "refusal", choice, to):
        to.text(choice, "refusal", text)


def _read_parts(content: object, choice: int, to: Handler, name: str = "content") -> None:
    """Content as a list of parts: ``{"type": "text"}``, or ``{"type": "thinking"}`` that may hold a list of its own."""
    for part in content if isinstance(content, list) else [content]:
        fields = fields_of(part)
        thinking = fields.get("thinking")
        if isinstance(thinking, list):
            for thought in thinking:
                _read_part(thought, "reasoning", choice, to)
        elif thinking:
            _read_part({"text": thinking}, "reasoning", choice, to)
        elif fields.get("type") == "redacted_thinking":
            to.take(Thought(choice, "redacted", None, None, "", _string(fields, "data", choice, to), None, field=name))
        else:
            _read_part(part, "content", choice, to)
        signature = _string(fields, "signature", choice, to) or None
        text = thinking if isinstance(thinking, str) and (signature or name == "thinking_blocks") else ""
        if text or signature:
            to.take(Thought(choice, "text", None, None, text, "", signature, field=name))


def _read_part(part: object, name: TextField, choice: int, to: Handler) -> None:
    fields = fields_of(part)
    text = fields.get("text")
    if isinstance(text, str):
        if text:
            to.text(choice, name, text)
    elif fields:
        to.take(Extra(choice, name, dict(fields)))
    else:
        to.take(Oddity("wrong_type", f"a part of the content is {show(part)}", choice))


def _read_calls(calls: object, choice: int, to: Handler) -> None:
    entry = -1
    for call in calls if isinstance(calls, list) else _checked(list, calls, "tool_calls", choice, to) or ():
        entry += 1
        fields, maybe_extra = fields_and_extra(call)
        if fields is None:
            to.take(Oddity("wrong_type", f"an entry of tool_calls is {show(call)}", choice))
            continue
        function, _ = fields_and_extra(fields.get("function"))
        if function is None:
            function = _NOTHING
            if fields.get("function"):
                to.take(Oddity("wrong_type", f"function is {show(fields['function'])}", choice))
        index, call_id = fields.get("index"), fields.get("id") or ""
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        typed = type(call_id) is type(name) is type(arguments) is str and (index is None or type(index) is int)
        if not (typed and call_id.isascii() and (index is None or abs(index) <= _LARGEST)):
            index = _integer(fields, "index", choice, to)
            call_id = _string(fields, "id", choice, to)
            name = _checked(str, name, "name", choice, to) or ""
            if not isinstance(arguments, str):
                # Some servers send the parsed object. Its text is lost, its value is not.
                to.take(Oddity("wrong_type", f"arguments is {show(arguments)}", choice))
                arguments = as_json(arguments) or show(arguments)
        extras = None
        if maybe_extra and (unread := more(maybe_extra, CALL)):
            extras = {key: maybe_extra[key] for key in unread}
        to.call(choice, index, call_id, name, arguments, entry, False, extras)


_REASONING_READERS: dict[str, Callable[[Any, int, Handler], None]] = {
    "reasoning_details": _read_details,
    "thinking_blocks": _read_blocks,
}

# A count's names, in order of preference; those in brackets are in an object of their own.
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    *("cached_tokens", "num_cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
)
_REASONING = (("completion_tokens_details", "reasoning_tokens"), "reasoning_tokens")


def _read_usage(usage: object, to: Handler) -> None:
    fields, _ = fields_and_extra(usage)
    if fields is None:
        to.take(Oddity("wrong_type", f"usage is {show(usage)}", None))
        return

    def count(names: tuple[str | tuple[str, str], ...]) -> int | None:
        for name in names:
            place, key = (fields, name) if isinstance(name, str) else (fields_of(fields.get(name[0])), name[1])
            if (found := _integer(place, key, None, to)) is not None:
                return found
        return None

    to.take(
        UsageReport(
            count(_INPUT),
            count(_OUTPUT),
            count(_CACHED),
            count(_REASONING),
            raw={key: value for key, value in fields.items() if value is not None},
        )
    )


def _failure(error: object) -> Failure:
    fields = fields_of(error) or {"message": error}
    code = next((fields[key] for key in ("code", "type") if fields.get(key)), None)
    message = fields.get("message") or dict(fields)
    return Failure(None if code is None else _words(code), _words(message))


def _words(value: object) -> str:
    return without_surrogates(value if isinstance(value, str) else as_json(value) or show(value))


# -- checks: what has the wrong type is named in an oddity, and counts as absent --------------------------------------


def _checked(kind: type[_T], value: object, key: str, choice: int | None, to: Handler) -> _T | None:
    if isinstance(value, kind):
        return value
    to.take(Oddity("wrong_type", f"{key} is {show(value)}", choice))
    return None


def _string(fields: Mapping[str, Any], key: str, choice: int | None, to: Handler) -> str:
    value = fields.get(key)
    return "" if value is None else without_surrogates(_checked(str, value, key, choice, to) or "")


def _choice_index(fields: Mapping[str, Any], to: Handler) -> int | None:
    """The index of an entry of ``choices``, also as a string of digits or as a float."""
    value = fields.get("index")
    if (type(value) is float and value.is_integer()) or (type(value) is str and value.isascii() and value.isdecimal()):
        fields = {"index": int(value)}
    return _integer(fields, "index", None, to)


def _integer(fields: Mapping[str, Any], key: str, choice: int | None, to: Handler) -> int | None:
    value = fields.get(key)
    if value is None or (type(value) is int and abs(value) <= _LARGEST):  # a bool is an int to Python, not to JSON
        return value
    to.take(Oddity("wrong_type", f"{key} is {show(value)}", choice))
    return None
