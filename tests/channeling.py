"""What declared channels are to take of arguments, by ``json`` and a walk that has never seen the trie."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from helpers import ALPHABET, ID, call, chunk
from hypothesis import strategies as st

from streamfsm import ArgumentMessage, Channel, StreamParser, coalesce

TOOL = "write_file"


class Pairs(list):
    """An object, with repeated keys."""


class Took(NamedTuple):
    """What a channel is to give: a string in pieces, a value, or what opens."""

    channel: str
    path: str
    value: Any
    how: str


def decoded(text: str) -> Any:
    return without_lone_surrogates(json.loads(text, object_pairs_hook=Pairs))


def without_lone_surrogates(value: Any) -> Any:
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case Pairs():
            return Pairs((without_lone_surrogates(key), without_lone_surrogates(each)) for key, each in value)
        case list():
            return [without_lone_surrogates(each) for each in value]
    return value


def plain(value: Any) -> Any:
    """As ``json.loads`` gives it: of a key that comes again, the last value."""
    if isinstance(value, Pairs):
        return {key: plain(each) for key, each in value}
    return [plain(each) for each in value] if isinstance(value, list) else value


def path_of(place: tuple[str | int, ...]) -> str:
    path = "$"
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"
    return path


def channel_at(place: tuple[str | int, ...], channels: list[Channel], *, leaf: bool) -> Channel | None:
    """The channel that takes what is at ``place``: of those that fit, the one with the longest path."""
    fits = []
    for channel in channels:
        steps = [step for step in channel.steps if step.kind != "leaves"]
        leaves = len(steps) < len(channel.steps)
        fit = all(
            (step.kind == "each") if isinstance(at, int) else step == ("member", at, -1)
            for step, at in zip(steps, place, strict=False)
        )
        if fit and (len(place) >= len(steps) and leaf if leaves else len(place) == len(steps)):
            fits.append((len(steps), not leaves, channel))
    return max(fits, key=lambda found: found[:2])[2] if fits else None


def taken(value: Any, channels: list[Channel], place: tuple[str | int, ...] = ()) -> Iterator[Took]:
    """All that channels are to give, in order."""
    exact = [channel for channel in channels if channel.steps[-1].kind != "leaves"]
    container = isinstance(value, list)
    channel = channel_at(place, exact if container else channels, leaf=True) if place else None
    if channel and not container and isinstance(value, str) and channel.when == "delta":
        yield Took(channel.name, path_of(place), value, "text")
        return
    if channel:
        yield Took(channel.name, path_of(place), plain(value), "value")
        return
    if container:
        if place and (channel := channel_at(place, channels, leaf=True)):
            yield Took(channel.name, path_of(place), type(plain(value))(), "opens")
        for step, each in value if isinstance(value, Pairs) else enumerate(value):
            yield from taken(each, channels, (*place, step))


def left(value: Any, channels: list[Channel], place: tuple[str | int, ...] = ()) -> Any:
    """The arguments as the raw deltas are to have them."""
    exact = [channel for channel in channels if channel.steps[-1].kind != "leaves"]
    channel = channel_at(place, channels if isinstance(value, str) else exact, leaf=True) if place else None
    if channel:
        return "" if isinstance(value, str) else value
    if isinstance(value, Pairs):
        moved = [each.steps for each in channels if each.takes == "move"]
        return Pairs(
            (key, left(each, channels, (*place, key)))
            for key, each in value
            if place or (("member", key, -1),) not in moved
        )
    return [left(each, channels, (*place, at)) for at, each in enumerate(value)] if isinstance(value, list) else value


def gave(messages: list[Any]) -> list[Took]:
    """What a parser gave, joined."""
    found = []
    for message in coalesce(messages):
        if isinstance(message, ArgumentMessage):
            how = "text" if message.delta is not None else "value" if message.done else "opens"
            value = message.value if message.delta is None else message.delta
            assert message.done or how == "opens"
            found.append(Took(message.channel, message.path, value, how))
    return found


def raw(messages: list[Any]) -> str:
    return "".join(each.tool_call.arguments or "" for each in messages if each.message_type == "tool_call_message")


def fed(pieces: list[str], channels: list[Channel], **options: Any) -> tuple[list[Any], StreamParser]:
    """The messages of a call whose arguments come in ``pieces``."""
    parser = StreamParser(channels=channels, message_id=ID, **{"inner_thoughts_kwarg": None, **options})
    messages = parser.feed(chunk(call(0, "call_1", TOOL)))
    for piece in pieces:
        messages += parser.feed(chunk(call(0, arguments=piece)))
    return messages + parser.feed(chunk(finish="tool_calls")) + parser.close(), parser


# -- generated documents -----------------------------------------------------------------------------------------------

NAMES = ("a", "b", "first name", "é", "")
SPACE = st.sampled_from(["", "", " ", "\n\t"])
CHARS = [
    *ALPHABET.replace('"', "").replace("\\", "").replace("\n", ""),
    r"\n",
    r"\"",
    r"\\",
    r"\/",
    r"\u0061",
    r"\ud83d\ude00",
]
STRINGS = st.lists(st.sampled_from([*CHARS, r"\ud83d", r"\ude00"]), max_size=4).map(lambda units: f'"{"".join(units)}"')
KEYS = st.sampled_from(['"a"', '"b"', r'"\u0061"', '"first name"', '"é"', '""']) | STRINGS
SCALARS = STRINGS | st.sampled_from(["0", "-1.5e3", "12", "true", "false", "null"])


def _spaced(inner: Any) -> Any:
    return st.tuples(SPACE, inner, SPACE).map("".join)


def _objects(values: Any) -> Any:
    members = st.tuples(_spaced(KEYS), _spaced(values)).map(":".join)
    return st.lists(members, max_size=4).map(lambda found: "{" + (",".join(found) or " ") + "}")


VALUES = st.recursive(
    SCALARS,
    lambda inner: _objects(inner) | st.lists(_spaced(inner), max_size=3).map(lambda found: f"[{','.join(found)}]"),
    max_leaves=8,
)
DOCUMENTS = _spaced(_objects(VALUES))


@st.composite
def channels(draw: Any, *, moves: bool = True) -> list[Channel]:
    """Channels of one tool that leave each other something."""
    step = st.sampled_from([".a", ".b", '["first name"]', '["é"]', '[""]', "[*]"])
    paths = draw(st.lists(st.lists(step, min_size=1, max_size=3).map("".join), max_size=4, unique=True))
    paths = [
        "$" + path
        for path in paths
        if not any(path != other and path.startswith((f"{other}.", f"{other}[")) for other in paths)
    ]
    paths += draw(st.lists(st.sampled_from(["$..*", "$.a.b..*", "$.b[*]..*"]), max_size=2, unique=True))
    paths = [
        path
        for path in paths
        if not any(path != other and path.startswith((f"{other}.", f"{other}[")) for other in paths)
    ]
    found = []
    for number, path in enumerate(paths):
        top = moves and re.fullmatch(r"\$(\.\w+|\[\"[^\"]*\"\])", path)
        takes = draw(st.sampled_from(["blank", "move"])) if top else "blank"
        found.append(Channel(path, TOOL, f"c{number}", draw(st.sampled_from(["delta", "whole"])), takes))
    return found


def repeats_a_key(value: Any) -> bool:
    """Whether an object in a decoded value has a key more than once."""
    if isinstance(value, Pairs):
        keys = [key for key, _ in value]
        return len(keys) > len(set(keys)) or any(repeats_a_key(each) for _, each in value)
    return isinstance(value, list) and any(map(repeats_a_key, value))
