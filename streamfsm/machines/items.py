"""Which item does an event of the Responses wire speak of? What the event claims and the items so far decide.

An answer on this wire is a list of items: messages, thoughts, calls. Events name an item by an id, by its place in the
list, by both or neither; gateways change ids from event to event, or use one place for all items. The rules below are
tried in order, each with the evidence that decides. An event considers only items of a type that it fits:
`response.function_call_arguments.delta` speaks of no message. Where a rule says so, an anomaly is recorded; where it
doubts, calls that the text could belong to are never ready.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from streamfsm.result import AnomalyKind

Tells: TypeAlias = Literal["added", "done", "piece", "output"]
"""What an event tells: that an item begins; that it is over; something of it; or that it is in the final list."""


class Item(Protocol):
    """What the rules need to know about an item that has begun."""

    @property
    def index(self) -> int | None:
        """Its place in the list, if any event told it."""

    @property
    def call_id(self) -> str:
        """The id of its call, if it is one."""

    @property
    def done(self) -> bool:
        """Whether the wire said that it is over."""

    @property
    def is_call(self) -> bool:
        """Whether it is a call, whose pieces make no sense in another one."""

    @property
    def announced(self) -> bool:
        """Whether an event told it as an item; if not, it began with a piece."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The identity that an event claims, and the items that it may speak of."""

    tells: Tells
    index: int | None
    """Always ``None`` for ``output``: the final list may leave items out."""
    has_id: bool
    call_id: str
    """The id of the call that the event tells, if it tells an item that is one."""
    own: Item | None
    """The only fitting item that has this id."""
    shared: Item | None
    """The fitting item at this index, if it has this id and others have it too."""
    here: Item | None
    """The latest fitting item at this index."""
    taken: bool
    """Whether any item is at this index."""
    latest: Item | None
    """The latest fitting item that is not over."""
    open: int
    """How many fitting items are not over."""
    last: Item | None
    """The latest fitting item, over or not."""
    next: Item | None
    """For ``output``: the first fitting item that the final list has not told yet."""

    @property
    def calls_another(self) -> bool:
        """Whether the event tells a call, with another id than that of the item with this id, or else at this index."""
        item = self.own or self.here
        return bool(item and item.call_id and self.call_id and item.call_id != self.call_id)


Owner: TypeAlias = Literal["own", "shared", "here", "latest", "next", "new"]


class Rule(NamedTuple):
    """One way to decide: the first rule that ``fits`` a claim says which item the event speaks of."""

    name: str
    owner: Owner
    """The item of the claim; ``new``: the event begins an item."""
    fits: Callable[[Claim], object]
    because: str
    records: AnomalyKind | None = None
    """What is recorded where the rule decides."""
    doubts: bool = False
    """Whether calls that the event could speak of are in doubt."""


# fmt: off
RULES = (
    Rule("same id, another call", "new",
         lambda c: c.own and c.tells == "added" and c.calls_another,
         "an item begins with a known id, but its call has another: one id for two items", "duplicate_id"),
    Rule("same id, begins again", "new",
         lambda c: c.own and c.tells == "added"
         and (c.own.done or (None not in (c.index, c.own.index) and c.index != c.own.index)),
         "an item begins with a known id, but at another place, or after that item was over: one id for two items",
         "duplicate_id"),
    Rule("same id", "own",
         lambda c: c.own and (c.index is None or c.own.index in (None, c.index) or c.here is None),
         "one item has the id, and no other one that fits is at this place"),
    Rule("same id, another place", "own",
         lambda c: c.own,
         "one item has the id, but another one is at this place: OpenAI moves places after hosted calls",
         "ambiguous_item"),
    Rule("shared id", "shared",
         lambda c: c.shared,
         "several items have the id, and one of them is at this place"),
    Rule("begins at a taken place", "new",
         lambda c: c.tells == "added" and c.taken,
         "an item begins where another one is: some gateways have one place for all", "duplicate_index"),
    Rule("begins", "new",
         lambda c: c.tells == "added",
         "an item begins, and nothing says that it is a known one"),
    Rule("another call is over", "new",
         lambda c: c.tells == "done" and c.here and c.calls_another,
         "a call at this place is over, but it is not the known one: it never began", "duplicate_index"),
    Rule("another item is over", "new",
         lambda c: c.tells == "done" and c.has_id and c.here and c.here.done,
         "the item at this place is over already, and the id is another: it never began", "duplicate_index"),
    Rule("same place", "here",
         lambda c: c.here,
         "no item has the id, if there is one: some gateways change it on every event"),
    Rule("next of the list", "next",
         lambda c: c.tells == "output" and c.next,
         "no item has the id: the final list keeps the order of items of one type"),
    Rule("only in the list", "new",
         lambda c: c.tells == "output",
         "the final list has more items than were told"),
    Rule("never began", "new",
         lambda c: c.has_id and c.latest and c.index is None and c.latest.is_call and not c.latest.announced,
         "another id than that of a call which began with a piece, too", "ambiguous_item"),
    Rule("new place", "new",
         lambda c: c.index is not None and not c.taken and not (c.latest and c.latest.index is None),
         "nothing is at this place yet"),
    Rule("the only open one", "latest",
         lambda c: c.open == 1,
         "nothing names it, and one item of this type is not over"),
    Rule("the latest open one", "latest",
         lambda c: c.latest,
         "nothing names it, and several items of this type are not over", "ambiguous_item", doubts=True),
    Rule("after all others", "new",
         lambda c: c.last,
         "nothing names it, and all items of this type are over", "ambiguous_item"),
    Rule("first", "new",
         lambda _: True,
         "nothing names it, and there is no item of this type"),
)
# fmt: on
