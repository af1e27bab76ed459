"""A parser and a simple model side by side, through whatever a stream, its reader and its owner can do, in any order.

The model knows what was meant, because it is told so; it knows no table, and JSON only by ``json``. Each row of each
table has its rule: a way to take it, wherever the streams at hand have got to.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from helpers import ALPHABET, ID, call, chunk, chunked, told
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rows import LEGAL, NEVER, Cell, cells

from streamfsm import Dialect, Limits, StreamParser, ThinkTags, coalesce
from streamfsm.machines import ENDINGS
from streamfsm.trace import Transition

LIMITS = Limits(text=4000, arguments=4000, name=16, tool_calls=3, choices=2)
TAGS = ("[", "]")
MODES = [ThinkTags(*TAGS, starts, where) for starts in ("outside", "inside", "auto") for where in ("start", "anywhere")]
OUTSIDE, OUTSIDE_ANYWHERE, INSIDE, INSIDE_ANYWHERE, AUTO, AUTO_ANYWHERE = MODES
SPEECH = "send_message"
WORDS = {"stop": 1, "tool_calls": 2, "length": 3, "content_filter": 3}
STOPS = {"stop": "end_turn", "length": "max_tokens_exceeded"}
STATES = {"end": "done", "error": "failed", "limit": "failed", "cancel": "cancelled"}


# -- the model ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Call:
    """What one call has said. ``where`` in its arguments it is: what may come next."""

    choice: int
    index: int
    name: str = ""
    named: bool = False
    """Whether the name is complete."""
    where: str = "start"
    arguments: str = ""
    members: int = 0
    raw_members: int = 0
    untold: list[tuple[str, str]] = field(default_factory=list)
    """What came before the name."""
    spoke: bool = False

    @property
    def whole(self) -> bool:
        try:
            return not self.arguments or isinstance(json.loads(self.arguments, strict=False), dict)
        except ValueError:
            return False


@dataclass
class Choice:
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Field → what it said to the user, and what it thought."""
    calls: list[Call] = field(default_factory=list)
    redacted: bool = False
    finish: str | None = None


@dataclass
class Model:
    """What was said so far, and what a client must have been told."""

    hides_reasoning: bool
    mode: ThinkTags
    state: str = "open"
    choices: dict[int, Choice] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, int, Any, str]] = field(default_factory=list)
    """Kind, choice, call and text; neighbours of a kind, choice and call are one."""

    def tell(self, kind: str, choice: int, owner: Call | None, text: str) -> None:
        if not self.told and self.hides_reasoning and kind not in ("reasoning", "hidden", "stop"):
            self.told.append(("hidden", 0, None, "omitted"))
        if self.told and kind != "hidden" and self.told[-1][:3] == (kind, choice, owner):
            text = self.told.pop()[3] + text
        if text:
            self.told.append((kind, choice, owner, text))

    def text(self, choice: int, name: str, text: str) -> None:
        begins = {"content": self.mode.starts, "reasoning": "thought"}.get(name, "answer")
        new = {"assistant": "", "reasoning": "", "held": "", "now": begins}
        said = self.choice(choice).texts.setdefault(name, new)
        for char in text:
            if said["now"] == "auto":
                said["held"] += char
                if char in TAGS:
                    self.release(choice, "outside" if char == TAGS[0] else "inside")
            elif name != "content" or not self.is_tag(said, char):
                kind = "reasoning" if said["now"] in ("inside", "thought") else "assistant"
                said[kind] += char
                self.tell(kind, choice, None, char)

    def is_tag(self, said: dict[str, str], char: str) -> bool:
        """Whether a character of content is a tag that counts; ``now`` is where it stands."""
        after = "outside" if self.mode.where == "anywhere" else "answer"
        match said["now"], char:
            case (("outside" | "inside"), "["):
                said["now"] = "thought"
            case (("inside" | "thought"), "]"):
                said["now"] = after
            case now, _:
                if char.strip():
                    said["now"] = {"inside": "thought", "outside": after}.get(now, now)
                return False
        return True

    def release(self, choice: int, now: str) -> None:
        """Read the content that is held back, if it is, now that it is known where it began."""
        said = self.choice(choice).texts.get("content")
        if said and said["now"] == "auto":
            held, said["held"], said["now"] = said["held"], "", now
            self.text(choice, "content", held)

    def redact(self, choice: int) -> None:
        self.text(choice, "reasoning", "")
        if not self.choice(choice).redacted:
            self.choice(choice).redacted = True
            self.tell("hidden", choice, None, "redacted")

    def choice(self, index: int) -> Choice:
        return self.choices.setdefault(index, Choice())

    def complete_names(self, calls: list[Call]) -> None:
        for each in calls:
            if each.name and not each.named:
                each.named = True
                each.untold.insert(0, ("name", each.name))
                self.tell_call(each)

    def write(self, each: Call, text: str, **told: str) -> None:
        """Arguments came, and were to be told as ``told``: kind → text."""
        self.complete_names([each])
        each.arguments += text
        each.untold += told.items()
        self.tell_call(each)

    def tell_call(self, each: Call) -> None:
        """Tell what is untold. The message tool is speech: only what is not JSON is told as it stands."""
        if each.named:
            speech = each.name == SPEECH
            for kind, part in each.untold:
                if kind not in (("name", "arguments") if speech else ("spoken",)):
                    said = "assistant" if kind == "spoken" else kind
                    each.spoke = each.spoke or (said == "assistant" and bool(part))
                    self.tell(said, each.choice, each, part)
            each.untold.clear()

    def finish(self, choice: int, word: str) -> None:
        kept = self.choice(choice).finish
        if kept is None or WORDS[word] > WORDS[kept]:
            self.choice(choice).finish = word
        self.complete_names(self.choice(choice).calls)

    def end(self, event: str) -> None:
        if self.state == "open":
            for choice in self.choices.values() if event != "limit" else ():
                self.complete_names(choice.calls)
            for index, choice in self.choices.items():
                self.release(index, "answer")
                self.complete_names(choice.calls)
            self.state = STATES[event]
            first = self.choices[min(self.choices)] if self.choices else Choice()
            self.tell("stop", 0, None, self.stop_reason(first))

    def stop_reason(self, choice: Choice) -> str:
        if self.state != "done":
            return {"failed": "error", "cancelled": "cancelled"}[self.state]
        return STOPS.get(choice.finish, choice.finish) if choice.finish else "incomplete"

    def ready(self, each: Call) -> bool:
        """Law 10."""
        finish = self.choices[each.choice].finish
        silent = each.name == SPEECH and not each.spoke
        return (
            bool(each.name) and each.whole and not silent and self.state == "done" and finish in ("stop", "tool_calls")
        )


# -- the parser beside it ----------------------------------------------------------------------------------------------


class Stream:
    """Says the same to a parser, on the wire, and to the model, as it is meant."""

    def __init__(self, *, hides_reasoning: bool = False, mode: ThinkTags = OUTSIDE_ANYWHERE) -> None:
        self.model = Model(hides_reasoning, mode)
        self.trace: list[Transition] = []
        self.messages: list[Any] = []
        self.parser = StreamParser(
            dialect=Dialect(choice="many"),  # nothing waits: tests/test_choices.py has what does
            message_id=ID,
            think_tags=mode,
            reasoning_model=hides_reasoning,
            limits=LIMITS,
            trace=self.trace,
        )

    @property
    def open(self) -> bool:
        return self.model.state == "open"

    def calls(self) -> list[Call]:
        return [each for choice in self.model.choices.values() for each in choice.calls]

    @property
    def may_adopt(self) -> bool:
        """Whether a named call may get the arguments of a nameless one at a finish: tests/test_identity.py has that."""
        return any(
            any(each.arguments and not each.name for each in choice.calls) and any(each.name for each in choice.calls)
            for choice in self.model.choices.values()
        )

    @property
    def has_nameless_arguments(self) -> bool:
        return any(each.arguments and not each.name for each in self.calls())

    def feed(self, piece: Any) -> None:
        self.messages += self.parser.feed(piece)

    def text(self, choice: int, name: str, text: str, size: int = 4) -> None:
        for piece in chunked(text, size):
            self.feed(chunk(choice=choice, **{"reasoning_content" if name == "reasoning" else name: piece}))
        if choice not in self.model.choices and len(self.model.choices) == LIMITS.choices:
            self.model.end("limit")
            return
        said = self.model.choice(choice).texts.get(name, {})
        room = LIMITS.text - len(said.get("assistant", "") + said.get("reasoning", ""))
        self.model.text(choice, name, text[:room])
        if len(text) > room:
            self.model.end("limit")

    def redact(self, choice: int) -> None:
        self.feed(chunk(choice=choice, reasoning_details=[{"type": "reasoning.encrypted", "data": "c2VjcmV0"}]))
        self.model.redact(choice)

    def open_call(self, choice: int, name: str) -> Call:
        calls = self.model.choice(choice).calls
        new = Call(choice, len(calls))
        self.feed(chunk(call(new.index, f"call_{choice}_{new.index}", name[:1]), choice=choice))
        if len(calls) == LIMITS.tool_calls:
            self.model.end("limit")
            return new
        self.model.complete_names(calls)
        calls.append(new)
        new.name = name[:1]
        self.more_name(new, name[1:])
        return new

    def more_name(self, each: Call, text: str) -> None:
        self.feed(chunk(call(each.index, name=text), choice=each.choice))
        fits = len(each.name + text) <= LIMITS.name
        each.name = (each.name + text)[: LIMITS.name]
        if not fits:
            self.model.end("limit")

    def write(self, each: Call, text: str, size: int = 4, **told: str) -> None:
        for piece in chunked(text, size):
            self.feed(chunk(call(each.index, arguments=piece), choice=each.choice))
        self.model.write(each, text, **told)

    def finish(self, choice: int, word: str) -> None:
        self.feed(chunk(finish=word, choice=choice))
        self.model.finish(choice, word)

    def usage(self, **counts: int) -> None:
        self.feed({"choices": [], "usage": counts})
        self.model.usage.update(counts)

    def end(self, event: str, how: str = "") -> None:
        match event, how:
            case "end", _:
                self.messages += self.parser.close()
            case "cancel", _:
                self.messages += self.parser.cancel()
            case "error", "payload":
                self.feed({"error": {"code": 429, "message": "slow down"}})
            case "error", _:
                self.messages += self.parser.fail(ConnectionError("reset"))
            case "limit", "name":
                self.open_call(0, "n" * (LIMITS.name + 1))
            case "limit", "choices":
                for choice in range(LIMITS.choices + 1):
                    self.text(choice, "content", "Hi")
            case "limit", "nothing said":
                for choice in range(LIMITS.choices + 1):
                    self.feed(chunk(choice=choice))
                    self.model.choice(min(choice, LIMITS.choices - 1))
            case "limit", "tool_calls":
                while self.open:
                    self.open_call(0, "f")
            case "limit", _:
                self.text(0, "refusal", "z" * (LIMITS.text + 1), 999)
        self.model.end(event)

    def restore(self) -> None:
        kept = json.loads(json.dumps(self.parser.snapshot()))
        self.parser = StreamParser.restore(kept, trace=self.trace)

    # -- arguments, by the letter --------------------------------------------------------------------------------------

    def play(self, each: Call, letters: str) -> None:
        """Write what ``letters`` mean (see ``MAY``)."""
        for letter in letters:
            comma = "," if each.members else ""
            raw_comma = "," if each.raw_members else ""
            match letter:
                case "{":
                    self.write(each, "{", arguments="{")
                    each.where = "object"
                case "m":
                    self.write(each, f'{comma}"a":[{{}}, 1]', arguments=f'{raw_comma}"a":[{{}}, 1]')
                    each.members, each.raw_members = each.members + 1, each.raw_members + 1
                case "t" | "s":
                    key, where = ("thinking", "thoughts") if letter == "t" else ("message", "message")
                    self.write(each, f'{comma}"{key}":"')
                    each.where, each.members = where, each.members + 1
                case '"':
                    self.write(each, '"')
                    each.where = "object"
                case "\\":
                    self.write(each, "\\q", **{KIND[each.where]: "\\q"})
                case "}":
                    self.write(each, "}", arguments="}")
                    each.where = "closed"
                case " ":
                    self.write(each, " ", arguments=" ")
                case "T" | "S":
                    key, kind = ("thinking", "reasoning") if letter == "T" else ("message", "assistant")
                    self.write(each, f'{comma}"{key}":-x', **{kind: "-", "arguments": "x", "spoken": "x"})
                    each.where = "broken"
                case "x":
                    brace = "{" if each.where == "object" and not each.members else ""
                    self.write(each, "x", arguments="x", spoken=f"{brace}x")
                    each.where = "broken"

    def say(self, each: Call, text: str, size: int, *, ascii_only: bool) -> None:
        """More of the thoughts or the message that are open."""
        self.write(each, json.dumps(text, ensure_ascii=ascii_only)[1:-1], size, **{KIND[each.where]: text})


KIND = {"thoughts": "reasoning", "message": "assistant"}
# What its machine may call where a call is: other members are streamed, or not.
STATE = {
    "start": ("raw_args", "between_members"),
    "object": ("raw_args", "between_members"),
    "thoughts": ("inner_thoughts",),
    "message": ("message_kwarg",),
    "closed": ("closed",),
    "broken": ("malformed", "spoken_verbatim"),
}
# What may come, where: begin the object; a member; open thoughts, or speech; close them; an escape that is none; close
# the object; white space; thoughts, or speech, that are no JSON; what is no JSON at all.
MAY = {"start": "{x", "object": "mtTx}", "thoughts": '"\\', "message": '"\\', "closed": " x", "broken": "x"}


def may(each: Call) -> str:
    """What may come next in ``each``."""
    return MAY[each.where] + ("sS" if each.where == "object" and each.named and each.name == SPEECH else "")


# -- a rule for each row -----------------------------------------------------------------------------------------------

# How a call gets to a state, and how it takes a row: the tool and what it writes.
REACH = {
    "awaiting_name": ("", ""),
    "raw_args": ("search", "{m"),
    "between_members": (SPEECH, "{"),
    "inner_thoughts": ("search", "{t"),
    "message_kwarg": (SPEECH, "{s"),
    "closed": ("search", "{}"),
    "malformed": ("search", "x"),
    "spoken_verbatim": (SPEECH, "x"),
}
TAKE = {
    ("awaiting_name", "tool_named"): ("search", "{"),
    ("awaiting_name", "speech_named"): (SPEECH, "{"),
    ("raw_args", "thoughts_open"): ("search", "{t"),
    ("between_members", "thoughts_open"): (SPEECH, "{t"),
    ("between_members", "message_open"): (SPEECH, "{s"),
    ("inner_thoughts", "value_closed"): (SPEECH, '{t"s"'),
    ("message_kwarg", "value_closed"): (SPEECH, '{s"t'),
    ("between_members", "raw_resumed"): ("search", '{t"m}'),
    ("raw_args", "object_closed"): ("search", "{m}"),
    ("between_members", "object_closed"): (SPEECH, '{s"}'),
    ("raw_args", "malformed"): ("search", "{x"),
    ("between_members", "malformed"): ("search", '{t"x'),
    ("between_members", "misspoken"): (SPEECH, "{x"),
    ("inner_thoughts", "malformed"): ("search", "{T"),
    ("inner_thoughts", "misspoken"): (SPEECH, "{T"),
    ("message_kwarg", "misspoken"): (SPEECH, "{S"),
    ("closed", "misspoken"): (SPEECH, '{s"}x'),
    ("closed", "trailing"): ("search", "{}x"),
}
# How a text gets to a state, and how it takes a row: the field, what comes in it, and the mode.
TEXTS: dict[str | tuple[str, str], tuple[str, str, ThinkTags]] = {
    "before_answer": ("content", " ", OUTSIDE),
    "before_thought": ("content", " ", INSIDE),
    "interleaved": ("content", "Hi", OUTSIDE_ANYWHERE),
    "reasoning": ("reasoning", "Hm", OUTSIDE),
    "answer": ("content", "Hi]", OUTSIDE),
    ("awaiting_text", "answer"): ("refusal", "No", OUTSIDE),
    ("awaiting_text", "reasoning"): ("reasoning", "Hm", OUTSIDE),
    ("awaiting_text", "outside"): ("content", "Hi", OUTSIDE),
    ("awaiting_text", "interleave"): ("content", "Hi", OUTSIDE_ANYWHERE),
    ("awaiting_text", "inside"): ("content", "Hm", INSIDE),
    ("awaiting_text", "auto"): ("content", "Hi", AUTO),
    ("undecided", "inside"): ("content", " Hm]Hi", AUTO),
    ("undecided", "outside"): ("content", "Hi [x]", AUTO),
    ("undecided", "interleave"): ("content", "Hi [Hm]", AUTO_ANYWHERE),
    ("undecided", "answer"): ("content", "Hi", AUTO),
    ("before_answer", "think_open"): ("content", " [Hm", OUTSIDE),
    ("before_answer", "words"): ("content", " a[b]", OUTSIDE),
    ("before_thought", "think_open"): ("content", " [Hm]Hi", INSIDE_ANYWHERE),
    ("before_thought", "words"): ("content", " ]Hi[", INSIDE),
    ("interleaved", "think_open"): ("content", "a[b]", OUTSIDE_ANYWHERE),
    ("reasoning", "think_close"): ("content", "[a]b]", OUTSIDE),
    ("reasoning", "think_pause"): ("content", "[a]b[c]", OUTSIDE_ANYWHERE),
}
# The model knows no custom tools, and Chat Completions tells no thought that nothing is shown of.
UNTOLD = {"text_input", "text_named", "omitted"}
ROWS = [cell for cell in LEGAL if cell not in NEVER and UNTOLD.isdisjoint(cell)]


def take(stream: Stream, choice: int, cell: Cell) -> None:
    """Take the row ``cell`` in ``choice``, unless a limit comes first."""
    machine, state, event = cell
    if "redacted" in (state, event):
        if state == "reasoning":
            stream.text(choice, *TEXTS[state][:2])
        stream.redact(choice)
    elif machine == "text":
        stream.text(choice, *TEXTS[state if event in ENDINGS else (state, event)][:2])
    elif machine == "tool_call":
        name, letters = REACH[state] if event in ENDINGS else TAKE[state, event]
        each = stream.open_call(choice, name)
        if stream.open:
            stream.play(each, letters)
    elif state == "heard" or event in ("heard", "hidden"):
        stream.text(choice, "content" if event == "hidden" else "reasoning", "Hi")
    if event == "finish":
        stream.finish(choice, "stop")
    if event == "usage":
        stream.end({"done": "end", "failed": "error", "cancelled": "cancel"}[state])
        stream.usage(prompt_tokens=1)
    if event in ENDINGS and stream.open:
        stream.end(event, "nothing said" if state == "silent" else "")


def mode_of(cell: Cell) -> ThinkTags:
    """Of the think tags, that in which the row ``cell`` can be taken."""
    machine, state, event = cell
    *_, mode = TEXTS.get(state if event in ENDINGS else (state, event), TEXTS["interleaved"])
    return mode if machine == "text" else OUTSIDE_ANYWHERE


# -- what must hold ----------------------------------------------------------------------------------------------------


def check(stream: Stream) -> None:
    """Parser and model agree, whatever happened."""
    model, result, messages = stream.model, stream.parser.result, stream.messages
    joined = coalesce(messages)
    assert [(kind, choice, text) for choice, kind, _, text in told(joined)] == [
        (kind, choice, text) for kind, choice, _, text in model.told
    ]
    assert coalesce(joined) == joined
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    assert [message.message_type == "stop_reason" for message in messages[:-1]].count(True) == 0
    assert stream.parser.state == model.state
    assert (result.error is None) == (model.state != "failed")
    assert {name: count for name, count in wire_usage(result.usage).items() if count is not None} == model.usage
    assert [choice.index for choice in result.choices] == sorted(model.choices)
    for found in result.choices:
        said = model.choices[found.index]
        assert found.content == said.texts.get("content", {}).get("assistant", "")
        assert found.refusal == said.texts.get("refusal", {}).get("assistant", "")
        assert found.reasoning == "".join(each["reasoning"] for each in said.texts.values())
        assert found.finish_reason == said.finish
        assert found.stop_reason == (None if stream.open else model.stop_reason(said))
        assert [(each.name, each.arguments, each.ready) for each in found.tool_calls] == [
            (each.name, each.arguments, model.ready(each)) for each in said.calls
        ]
    states = {(step.choice, step.lane): step.target for step in stream.trace}
    for each in stream.calls():
        state = states.get((each.choice, f"call {each.index}"), "awaiting_name")
        assert state in (("done",) if not stream.open else STATE[each.where] if each.named else ("awaiting_name",))


def wire_usage(usage: Any) -> dict[str, int | None]:
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}


@pytest.mark.parametrize("before", [None, "", '{s"', "x"])
@pytest.mark.parametrize("cell", ROWS, ids="-".join)
def test_the_rule_of_a_row_takes_it(cell: Cell, before: str | None):
    stream = Stream(hides_reasoning=True, mode=mode_of(cell))
    if before is not None and (cell[1], before) != ("silent", "x"):  # which would be heard
        stream.play(stream.open_call(0, SPEECH), before)
        stream.finish(1, "tool_calls")
        check(stream)
    take(stream, 1, cell)
    check(stream)
    stream.restore()
    stream.end("end")
    check(stream)
    assert cell in cells(stream.trace)


@pytest.mark.parametrize("name", [SPEECH, "search", ""])
def test_parser_and_model_agree_on_every_call_of_up_to_six_letters(name: str):
    scripts = [""]
    for script in scripts:
        stream = Stream()
        each = stream.open_call(0, name)
        stream.play(each, script)
        check(stream)
        if len(script) < 6:
            scripts += [script + letter for letter in may(each)]
        if not name:
            stream.more_name(each, "f")
        stream.finish(0, "stop")
        stream.end("end")
        check(stream)


# -- in any order ------------------------------------------------------------------------------------------------------

texts = st.text(ALPHABET, min_size=1, max_size=12)
sizes = st.integers(1, 12)
choices = st.integers(0, 1)
is_open = precondition(lambda self: self.stream.open)
may_finish = precondition(lambda self: self.stream.open and not self.stream.may_adopt)
may_take = precondition(lambda self: self.stream.open and not self.stream.has_nameless_arguments)
may_end = precondition(lambda self: not self.stream.has_nameless_arguments and len(self.stream.trace) >= self.length)


class Streams(RuleBasedStateMachine):
    """Streams, one after the other."""

    @initialize(hides_reasoning=st.booleans(), mode=st.sampled_from(MODES), length=st.integers(0, 20))
    def begin(self, *, hides_reasoning: bool, mode: ThinkTags, length: int):
        self.stream = Stream(hides_reasoning=hides_reasoning, mode=mode)
        self.length = length

    @precondition(lambda self: not self.stream.open)
    @rule(hides_reasoning=st.booleans(), mode=st.sampled_from(MODES), length=st.integers(0, 20))
    def begin_another(self, *, hides_reasoning: bool, mode: ThinkTags, length: int):
        self.begin(hides_reasoning=hides_reasoning, mode=mode, length=length)

    @is_open
    @rule(choice=choices, name=st.sampled_from(["content", "reasoning", "refusal"]), text=texts, size=sizes)
    def text(self, choice: int, name: str, text: str, size: int):
        self.stream.text(choice, name, text, size)

    @is_open
    @rule(choice=choices, name=st.sampled_from(["", SPEECH, SPEECH, "search", "send_"]))
    def open_call(self, choice: int, name: str):
        self.stream.open_call(choice, name)

    def calls_that(self, may: Callable[[Call], object]) -> st.SearchStrategy[Call]:
        return st.sampled_from([each for each in self.stream.calls() if may(each)])

    @precondition(lambda self: self.stream.open and not all(each.named for each in self.stream.calls()))
    @rule(data=st.data(), piece=st.sampled_from(["message", "f", "_"]))
    def more_name(self, data: st.DataObject, piece: str):
        self.stream.more_name(data.draw(self.calls_that(lambda each: not each.named)), piece)

    @precondition(lambda self: self.stream.open and self.stream.calls())
    @rule(data=st.data())
    def write(self, data: st.DataObject):
        each = data.draw(self.calls_that(may))
        self.stream.play(each, data.draw(st.sampled_from(may(each))))

    @precondition(lambda self: self.stream.open and any(each.where in KIND for each in self.stream.calls()))
    @rule(data=st.data(), text=texts, size=sizes, ascii_only=st.booleans())
    def say(self, data: st.DataObject, text: str, size: int, *, ascii_only: bool):
        each = data.draw(self.calls_that(lambda each: each.where in KIND))
        self.stream.say(each, text, size, ascii_only=ascii_only)

    @may_finish
    @rule(choice=choices, words=st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=3))
    def finish(self, choice: int, words: list[str]):
        for word in words:
            self.stream.finish(choice, word)

    @is_open
    @rule(counts=st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), st.integers(0, 9)))
    def usage(self, counts: dict[str, int]):
        self.stream.usage(**counts)

    @rule()
    def restore(self):
        self.stream.restore()

    @is_open
    @may_end
    @rule(how=st.sampled_from([("error", "payload"), *(("limit", how) for how in ("name", "choices", "tool_calls"))]))
    def end(self, how: tuple[str, str]):
        self.stream.end(*how)

    @precondition(lambda self: not self.stream.open)
    @rule(late=st.sampled_from(["content", "finish", "close", "cancel", "fail", "error"]))
    def more_comes_after_the_end(self, late: str):
        parser = self.stream.parser
        match late:
            case "content":
                found = parser.feed(chunk(content="late"))
            case "finish":
                found = parser.feed(chunk(finish="stop"))
            case "error":
                found = parser.feed({"error": "late"})
            case "fail":
                found = parser.fail("late")
            case _:
                found = getattr(parser, late)()
        assert found == []

    @invariant()
    def parser_and_model_agree(self):
        check(self.stream)


def rule_of(cell: Cell) -> Any:
    @(may_end if cell[2] in ENDINGS else may_take)
    @is_open
    @rule(choice=choices)
    def take_row(self, choice: int):
        take(self.stream, choice, cell)

    return take_row


for cell in ROWS:
    setattr(Streams, "take_" + "_".join(cell), rule_of(cell))

TestStreams = Streams.TestCase
TestStreams.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)
