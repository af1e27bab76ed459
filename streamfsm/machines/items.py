"""Which item does an event of the Responses API belong to? The event's ids and index and the items so far decide.

An answer on this wire is a list of items: messages, thoughts, calls. Events refer to an item by an id, by its index in
the list, by both or neither; gateways change ids from event to event, or use one index for all items. The first rule
whose evidence fits decides. Only items of a fitting type are considered: `response.function_call_arguments.delta` does
not belong to a message. A rule may record an anomaly. It may also put all calls that the event could belong to in
doubt; they are never ready.

A call that begins may repeat an earlier one, because a server sends events again after a lost connection, or changes
the ids of a call: if both have the same id or are at the same index, or if the new one has no id. If their names and
arguments turn out to be the same, the later one is in doubt.

The second table has the reasons that show only at the end of the response why a call is in doubt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from streamfsm.machines.rules import Rule
from streamfsm.result import AnomalyKind

Tells: TypeAlias = Literal["added", "done", "piece", "output", "so_far"]
"""What an event reports: that an item begins; that it has ended; a piece of it; that it is in the final list; or that
it is in a list of the items so far."""


class Item(Protocol):
    """What the rules need to know about an item that has begun."""

    @property
    def index(self) -> int | None:
        """Its index in the list, if it is known."""

    @property
    def call_id(self) -> str:
        """The id of the call, if it is one."""

    @property
    def done(self) -> bool:
        """Whether the wire said that it has ended."""

    @property
    def is_call(self) -> bool:
        """Whether it is a call, whose pieces must not get into another one."""

    @property
    def fed(self) -> bool:
        """Whether some of its arguments have come, if it is a call."""

    @property
    def silent(self) -> bool:
        """Whether it shows texts, and none has come."""

    @property
    def told(self) -> bool:
        """Whether an event contained it as an item."""

    @property
    def placed(self) -> bool:
        """Whether arguments are its own by their index or order alone."""

    @property
    def overtaken(self) -> bool:
        """Whether another item began at its index before anything of this one had come."""

    @property
    def ended(self) -> bool:
        """Whether an event ended it, or contained its complete text."""

    @property
    def free(self) -> bool:
        """Whether nothing but its end shows that its arguments are complete: they are text, or there are none."""

    @property
    def begun_twice(self) -> bool:
        """Whether pieces repeated the arguments with which it began, or went on with them, and nothing shows which."""

    @property
    def announced(self) -> bool:
        """Whether an event contained it as an item; if not, it began with a piece."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The identity that an event claims, and the items that it may belong to."""

    tells: Tells
    index: int | None
    """Always ``None`` in a list of items, which may leave some out."""
    has_id: bool
    call_id: str
    """The id of the call in the event, if it contains an item that is one."""
    empty: bool
    """Whether the event contains a call that has ended, without arguments."""
    known: Item | None
    """The latest fitting item with this id."""
    own: Item | None
    """The only fitting item with this id."""
    shared: Item | None
    """The fitting item at this index, if it has this id and other items have it too."""
    sharing: Item | None
    """In a list: the first item with this id that has not come in the list yet."""
    listed: bool
    """In a list: whether all items with this id have come in the list."""
    here: Item | None
    """The latest fitting item at this index."""
    taken: bool
    """Whether any item is at this index."""
    latest: Item | None
    """The latest fitting item that has not ended."""
    open: int
    """The number of fitting items that have not ended."""
    last: Item | None
    """The latest fitting item, whether or not it has ended."""
    next: Item | None
    """In a list: the first fitting item that has not come in the list yet."""

    @property
    def lists(self) -> bool:
        """Whether the event is a list of items."""
        return self.tells in ("output", "so_far")

    @property
    def again(self) -> Item | None:
        """The item that a new one may be once more."""
        if self.known and not (self.known.call_id and self.call_id and self.known.call_id != self.call_id):
            return self.known
        return self.here or (None if self.has_id or self.tells == "piece" else self.last)

    @property
    def elsewhere(self) -> bool:
        """Whether the item with this id is at another index."""
        return self.own is not None and None not in (self.index, self.own.index) and self.index != self.own.index

    def denies(self, item: Item | None) -> bool:
        """Whether the event says that a call has ended without the arguments that have come of this one."""
        return item is not None and self.empty and item.fed

    @property
    def calls_another(self) -> bool:
        """Whether the event contains a call with another call id than the item with this id or, else, at this index."""
        item = self.own or self.here
        return bool(item and item.call_id and self.call_id and item.call_id != self.call_id)


Owner: TypeAlias = Literal["own", "shared", "sharing", "here", "latest", "next", "new"]
"""Which item of the claim the event belongs to; ``new``: it begins an item."""


# fmt: off
RULES: tuple[Rule[Claim, Owner], ...] = (
    Rule("same id, another call", "new",
         lambda c: c.own and c.tells == "added" and c.calls_another,
         "an item begins with a known id, but its call has another id: one id for two items", "duplicate_id"),
    Rule("same id, begins again", "new",
         lambda c: c.own and c.tells == "added" and (c.own.done or c.elsewhere),
         "an item begins with a known id, but at another index, or after that item had ended: one id for two items",
         "duplicate_id"),
    Rule("same id, ends again", "new",
         lambda c: c.own and c.tells == "done" and c.own.done and c.elsewhere,
         "an item ends with the id of one that had ended at another index: one id for two items", "duplicate_id"),
    Rule("same id", "own",
         lambda c: c.own and (c.index is None or c.own.index in (None, c.index) or c.here is None),
         "one item has the id, and no other fitting item is at this index"),
    Rule("same id, another place", "own",
         lambda c: c.own,
         "one item has the id, but another one is at this index: OpenAI shifts indexes after hosted calls",
         "ambiguous_item"),
    Rule("shared id", "shared",
         lambda c: c.shared,
         "several items have the id, and one of them is at this index"),
    Rule("shared id, in the list", "sharing",
         lambda c: c.sharing,
         "several items have the id; the final list keeps their order"),
    Rule("listed again", "new",
         lambda c: c.listed,
         "every item with the id has come in the final list before: one id for another item", "duplicate_id"),
    Rule("begins at a taken place", "new",
         lambda c: c.tells == "added" and c.taken,
         "an item begins at the index of another one: some gateways use one index for all", "duplicate_index"),
    Rule("begins", "new",
         lambda c: c.tells == "added",
         "an item begins, and nothing shows that it is a known one"),
    Rule("another call is over", "new",
         lambda c: c.tells == "done" and c.here and c.calls_another,
         "a call at this index has ended, but it is not the known one: it never began", "duplicate_index"),
    Rule("another item is over", "new",
         lambda c: c.has_id and c.here and c.here.done and (c.tells == "done" or c.here.is_call),
         "the item at this index had ended already, and the id is another: this one never began", "duplicate_index"),
    Rule("same place, ended empty", "here",
         lambda c: not c.has_id and c.tells == "piece" and c.here and c.here.is_call and c.here.done and not c.here.fed,
         "there is no id, and the call at this index had ended without arguments", "ambiguous_item", doubts=True),
    Rule("same place, but empty", "here",
         lambda c: c.denies(c.here),
         "no item has the id, if there is one; arguments came at this index, but the call has none", "ambiguous_item",
         doubts=True),
    Rule("same place", "here",
         lambda c: c.here,
         "no item has the id, if there is one: some gateways change it with every event"),
    Rule("next of the list, but empty", "next",
         lambda c: c.lists and c.denies(c.next),
         "the final list keeps the order of items of one type, but the call in it has none of the arguments that came",
         "ambiguous_item", doubts=True),
    Rule("next of the list", "next",
         lambda c: c.lists and c.next,
         "no item has the id; but the final list keeps the order of items of one type"),
    Rule("only in the list", "new",
         lambda c: c.lists,
         "the final list has more items than have come"),
    Rule("never began", "new",
         lambda c: c.has_id and c.latest and c.index is None and c.latest.is_call and not c.latest.announced,
         "another id than that of a call that also began with a piece", "ambiguous_item"),
    Rule("new place, the only silent one", "latest",
         lambda c: c.tells == "piece" and not c.has_id and not c.taken and c.index is not None
         and c.open == 1 and c.latest and c.latest.silent and c.latest.announced and c.latest.index is not None,
         "there is no id, and no item is at this index; but a single item of this type is open, and has no text yet",
         "ambiguous_item"),
    Rule("new place", "new",
         lambda c: c.index is not None and not c.taken and not (c.latest and c.latest.index is None),
         "no item is at this index yet"),
    Rule("the only open one, but empty", "latest",
         lambda c: c.open == 1 and c.denies(c.latest),
         "there is no index; arguments came of the only call that has not ended, but the call has none",
         "ambiguous_item", doubts=True),
    Rule("the only open one", "latest",
         lambda c: c.open == 1,
         "nothing identifies it, and only one item of this type has not ended"),
    Rule("the latest open one", "latest",
         lambda c: c.latest,
         "nothing identifies it, and several items of this type have not ended", "ambiguous_item", doubts=True),
    Rule("only its end", "new",
         lambda c: c.tells == "done" and c.last and not c.latest and (c.call_id or (c.has_id and not c.last.is_call)),
         "an item with an id of its own has ended, and all others of this type had: some servers send only the ends"),
    Rule("after all others", "new",
         lambda c: c.last,
         "nothing identifies it, and all items of this type have ended", "ambiguous_item"),
    Rule("first", "new",
         lambda _: True,
         "nothing identifies it, and there is no item of this type"),
)
# fmt: on


class Beside(NamedTuple):
    """What came of the other calls of a call's type."""

    astray: bool
    """Whether arguments came of a call that never began."""
    placed: bool
    """Whether arguments were assigned to one by their index or order alone."""
    empty: bool
    """Whether nothing came of one, not even its end."""
    ended: bool
    """Whether the server says when items end: it did of another call, of any type."""


class Doubt(NamedTuple):
    """A row of the second table. Each row that ``fits`` a call at the end puts it in doubt."""

    name: str
    fits: Callable[[Item, Beside], object]
    because: str
    records: AnomalyKind | None = None


DOUBTS = (
    Doubt(
        "shifted",
        lambda item, beside: beside.astray and item.placed and item.told,
        "arguments came at an index where no call began, so those of other calls may have come at wrong indexes",
        "ambiguous_item",
    ),
    Doubt(
        "left empty",
        lambda item, beside: beside.placed and not (item.fed or item.done),
        "nothing came of it, not even its end, and arguments of another call were assigned by their index alone",
        "ambiguous_item",
    ),
    Doubt(
        "beside an empty one",
        lambda item, beside: beside.empty and item.placed and item.told,
        "its arguments were assigned by their index or order alone, and nothing came of another call: they may be its",
    ),
    Doubt(
        "overtaken",
        lambda item, _: item.overtaken and not (item.fed or item.done),
        "another call began at its index, and nothing more came of it",
    ),
    Doubt(
        "never ended",
        lambda item, beside: beside.ended and item.free and not item.ended,
        "it has no arguments, or they are text, and nothing ended it, although other calls ended: some may lack",
    ),
    Doubt(
        "begun twice",
        lambda item, _: item.begun_twice,
        "deltas repeated the arguments with which it began, or went on with them, and nothing shows which",
        "ambiguous_call",
    ),
)
