"""The invariants of the state of every response, besides its types; a snapshot that violates one is rejected.

State that follows from other state is not checked here: a call's arguments are read again, which checks its state.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, get_args

from streamfsm.core.buffer import holds_half
from streamfsm.core.events import TextField
from streamfsm.core.extras import Extras, Kept
from streamfsm.core.json_values import kept
from streamfsm.core.lanes import CallLane, TextLane
from streamfsm.core.run import Choice, Options, Run
from streamfsm.core.writer import Turn
from streamfsm.machines import STREAM, TEXT

Holds: TypeAlias = Callable[[Run, Options], bool]

_FIELDS = frozenset(get_args(TextField))
_STREAM_STATES = frozenset(state.name for state in STREAM.table.states)
_TEXT_STATES = frozenset(state.name for state in TEXT.table.states)


def broken(run: Run, options: Options) -> Iterator[str]:
    """Yield the invariants that do not hold."""
    return (what for what, holds in INVARIANTS if not holds(run, options))


def _texts(run: Run) -> Iterator[tuple[int, str, TextLane]]:
    return ((index, name, lane) for index, choice in run.choices.items() for name, lane in choice.texts.items())


def _calls(run: Run) -> Iterator[tuple[int, int, CallLane]]:
    return ((index, at, lane) for index, choice in run.choices.items() for at, lane in enumerate(choice.calls.lanes))


def _extras(run: Run) -> Iterator[Kept]:
    all_of: list[Extras] = [run.extras]
    for choice in run.choices.values():
        all_of += [choice.extras, *(detail.extras for detail in choice.details)]
        all_of += [lane.extras for lane in choice.calls.lanes]
    return (each for extras in all_of for each in extras.values())


def _states(run: Run, _: Options) -> bool:
    return run.stream.state in _STREAM_STATES and all(lane.state in _TEXT_STATES for _, _, lane in _texts(run))


def _ended_together(run: Run, _: Options) -> bool:
    """All lanes have ended if the stream has, and none otherwise."""
    over = not run.stream.is_open
    ended = [lane.state in TEXT.table.final for _, _, lane in _texts(run)]
    ended += [lane.state in lane.machine.table.final for _, _, lane in _calls(run)]
    return all(each is over for each in ended)


def _lanes(run: Run, _: Options) -> bool:
    stream = run.stream
    return (
        (stream.choice, stream.label) == (0, "stream")
        and all((lane.choice, lane.label) == (index, name) for index, name, lane in _texts(run))
        and all(lane.text_field in _FIELDS and lane.part >= 0 for _, _, lane in _texts(run))
        and all((lane.choice, lane.ordinal) == (index, at) for index, at, lane in _calls(run))
    )


def _positions(run: Run, _: Options) -> bool:
    return all(_refers(choice) for choice in run.choices.values())


def _refers(choice: Choice) -> bool:
    calls, count = choice.calls, len(choice.calls.lanes)
    places: list[int] = [*calls.at_index.values()]
    places += [at for each in calls.with_id.values() for at in each.values()]
    adopters = [lane.adopter for lane in calls.lanes if lane.adopter is not None]
    adopted = [lane for lane in calls.lanes if lane.adopted]
    before = [(lane.repeats, lane.ordinal) for lane in calls.lanes if lane.repeats is not None]
    return (
        _within([*places, *adopters], count)
        and _within([calls.last], max(count, 1))
        and all("" in each for each in calls.with_id.values())
        and all(calls.lanes[at].named and calls.lanes[at].in_doubt and not calls.lanes[at].adopted for at in adopters)
        and all(lane.size and not lane.has_name for lane in adopted)
        and all(0 <= at < ordinal for at, ordinal in before)
        and _within(choice.detail_at.values(), len(choice.details))
        and all(detail.place >= 0 for detail in choice.details)
        and 0 <= calls.vouched <= calls.entries
        and 0 <= calls.doubted <= count
        and all(0 <= lane.entry <= calls.entries for lane in calls.lanes)
    )


def _within(places: Iterable[int], count: int) -> bool:
    return all(0 <= at < count for at in places)


def _turns(run: Run, _: Options) -> bool:
    return all(_is_turn(run, turn) for turn in run.numbering.turns or ())


def _is_turn(run: Run, turn: Turn) -> bool:
    choice = run.choices.get(turn.choice)
    if choice is None or turn.start < 0:
        return False
    if isinstance(turn.lane, str):
        return turn.lane in choice.texts
    return 0 <= turn.lane < len(choice.calls.lanes) and choice.calls.lanes[turn.lane].speaks


def _held_back(run: Run, options: Options) -> bool:
    """Lanes hold back nothing but half a surrogate pair, the beginning of a tag, or what repeats the text."""
    texts = all(lane.holds_back_what_came(len(options.think_tags or ())) for _, _, lane in _texts(run))
    texts = texts and all(len(detail.half) <= 1 for choice in run.choices.values() for detail in choice.details)
    return texts and all(lane.holds_back_what_came for _, _, lane in _calls(run))


def _whole_characters(run: Run, _: Options) -> bool:
    """No name holds half of a surrogate pair: a half that waits for the other is stored separately."""
    return not any(holds_half(lane.name) for _, _, lane in _calls(run))


def _extras_are_json(run: Run, _: Options) -> bool:
    return all(_is_kept(each) for each in _extras(run))


def _is_kept(found: Kept) -> bool:
    try:
        found.values()
    except (ValueError, RecursionError):
        return False
    names = found.texts.values() if found.policy == "set" else map(str, range(len(found.texts)))
    return list(found.texts) == list(names)


def _sizes(run: Run, options: Options) -> bool:
    """Texts, lists and counts are within the limits; at the end, half a surrogate pair may add one character."""
    over = not run.stream.is_open
    limits, raw = options.limits, run.usage.raw or {}
    return (
        len(run.choices) <= limits.choices
        and len(run.anomalies) <= limits.anomalies + 1
        and len(run.recorded_once) <= limits.anomalies + 1
        and 0 <= run.items <= limits.items + 1
        and all(len(choice.texts) <= limits.items for choice in run.choices.values())
        and all(len(choice.calls.lanes) <= limits.tool_calls for choice in run.choices.values())
        and all(lane.kept <= lane.size + over and lane.size <= limits.text for _, _, lane in _texts(run))
        and all(lane.kept <= lane.size + over and lane.size <= limits.arguments for _, _, lane in _calls(run))
        and all(len(lane.name) <= limits.name + 1 for _, _, lane in _calls(run))
        and all(size >= 0 for size in run.spent.values())
        and run.spent.get("usage", 0) == sum(len(name) + len(kept(value)) for name, value in raw.items())
        and 0 <= run.meter.weight <= limits.total
        and run.numbering.next_seq >= 0
        and run.numbering.ordinal >= -1
    )


INVARIANTS: tuple[tuple[str, Holds], ...] = (
    ("each state belongs to its lane's machine", _states),
    ("lanes end with the stream", _ended_together),
    ("each lane has the choice and the position that it is stored under", _lanes),
    ("positions refer to calls and details that exist", _positions),
    ("turns refer to lanes that exist", _turns),
    ("text held back is short, and was received", _held_back),
    ("names hold no half of a surrogate pair", _whole_characters),
    ("extras hold JSON", _extras_are_json),
    ("sizes are within the limits", _sizes),
)
"""Each invariant, in words and as a predicate."""
