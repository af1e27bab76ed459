"""``Items``: the items of one response, and the ids and indexes by which events refer to them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from streamfsm.core.text import join_surrogates
from streamfsm.machines.items import RULES, Claim, Owner, Tells
from streamfsm.machines.rules import Rule, decide
from streamfsm.wires.responses.events import FIELDS, ITEMS, OTHER_ITEM, Kind

_FIRST_HALVES = range(0xD800, 0xDC00)


@dataclass(slots=True)
class Beginning:
    """The text in the event that begins an item or part. Some servers send all of it there, and again in deltas."""

    text: str = ""
    at: int = 0
    """How many of its characters deltas have repeated."""
    half: int = 0
    """The first half of a surrogate pair with which the latest delta ended; 0: there is none."""
    went_on: bool = False
    """Whether deltas have repeated all of it and gone on."""

    def new_in(self, delta: str) -> str:
        """Return what is new in the next delta: nothing while deltas repeat the text from its start."""
        if not self.text:
            return delta
        more, held = join_surrogates(chr(self.half) if self.half else "", delta)
        at = self.at + len(more)
        if self.text.startswith(more, self.at) and (not held or _begins(held, self.text[at : at + 1])):
            self.at, self.half = at, ord(held) if held else 0
            return ""
        rest = self.text[self.at :]
        went_on = more.startswith(rest)
        new = more.removeprefix(rest) if went_on else self.text[: self.at] + more
        self.forget()
        self.went_on = went_on
        return new + held

    @property
    def repeated(self) -> bool:
        """Whether deltas have repeated all of it, and nothing else came."""
        return 0 < self.at == len(self.text)

    def fits(self) -> bool:
        """Whether the state is one that texts can lead to."""
        repeated = 0 <= self.at <= len(self.text) - bool(self.half) and not (self.went_on and self.text)
        return repeated and (not self.half or self.half in _FIRST_HALVES)

    def forget(self) -> None:
        """Stop comparing: the complete text has come, or deltas say something else."""
        self.text, self.at, self.half, self.went_on = "", 0, 0, False


def _begins(half: str, character: str) -> bool:
    """Whether a character is a surrogate pair with this first half, or stands for a lone one."""
    return character == "\ufffd" or character.encode("utf-16-le").startswith(half.encode("utf-16-le", "surrogatepass"))


@dataclass(slots=True)
class Part:
    """A part of an item with some text."""

    number: int
    """Its number in the core."""
    kind: Kind
    name: int | None
    """Its number on the wire, which is a name and not a position."""
    logprobs: int = 0
    """The number of its log probabilities that were reported."""
    beginning: Beginning = field(default_factory=Beginning)
    fed: bool = False
    """Whether a delta of it has come."""
    retells: tuple[int, ...] = ()
    """The parts of another kind whose texts, joined, its own may be, because an item listed it in their place."""


@dataclass(slots=True)
class Item:
    """An item that has begun."""

    ordinal: int
    """Its position in the order in which items began; also the wire index of its call."""
    type: str
    index: int | None
    announced: bool
    call_id: str = ""
    id: str = ""
    """The first id that it had."""
    ids: dict[str, None] = field(default_factory=dict)
    done: bool = False
    parts: dict[str, Part] = field(default_factory=dict)
    """Kind and name → part, in the order in which they began."""
    encrypted: bool = False
    """Whether it is known to have encrypted reasoning."""
    kept: bool = False
    """Whether its encrypted reasoning, its call or its extra was reported."""
    called: bool = False
    """Whether it was reported as a call, although it comes complete."""
    twin: int | None = None
    """The position of an item that may be this one once more, or whose repetition this one may be."""
    fed: bool = False
    """Whether some of its arguments have come."""
    told: bool = False
    """Whether an event contained it as an item."""
    placed: bool = False
    """Whether arguments were assigned to it by their index or order alone, and no event with its id repeated them."""
    ended: bool = False
    """Whether an event ended it or, if it is a call, contained its complete arguments."""
    overtaken: bool = False
    """Whether another item began at its place before anything of this one had come."""
    beginning: Beginning = field(default_factory=Beginning)
    """That of its arguments, if it is a call."""

    @property
    def key(self) -> str:
        """A key that no other item has."""
        return f"item {self.ordinal}"

    @property
    def silent(self) -> bool:
        """Whether it shows texts, and none has come."""
        return not self.is_call and not self.parts

    @property
    def free(self) -> bool:
        """Whether nothing but its end shows that its arguments are complete: they are text, or there are none."""
        return not self.fed or ITEMS[self.type].form == "text"

    @property
    def begun_twice(self) -> bool:
        """Whether deltas repeated the beginning of its arguments, or went on with it, and nothing shows which."""
        return self.beginning.at > 0 or self.beginning.went_on

    @property
    def is_call(self) -> bool:
        """Whether its pieces are pieces of a call's arguments."""
        return ITEMS.get(self.type, OTHER_ITEM).becomes == "call"

    def part(self, kind: Kind, name: int | None) -> Part | None:
        """Return the part with this name, or else one without a name; without a name, the latest part of the kind."""
        if name is None:
            return next((part for part in reversed(self.parts.values()) if part.kind == kind), None)
        return self.parts.get(f"{kind}/{name}") or self.parts.get(f"{kind}/None")

    def parts_of(self, kind: Kind) -> list[Part]:
        """Return the parts of a kind in the order in which they began, which is that of a complete item's lists."""
        return [part for part in self.parts.values() if part.kind == kind]

    def parts_besides(self, kinds: Collection[Kind]) -> list[int]:
        """Return the parts with thoughts of other kinds than these."""
        return [
            part.number for part in self.parts.values() if part.kind not in kinds and FIELDS[part.kind] == "reasoning"
        ]

    def begin(self, kind: Kind, name: int | None, number: int, retells: Iterable[int] = ()) -> Part:
        """Add a part."""
        part = Part(number, kind, name, retells=(*retells,))
        self.parts[f"{kind}/{name}"] = part
        return part


@dataclass(slots=True)
class Listing:
    """A list of items, the final one or one of the items so far, as far as it has been read."""

    told: set[int] = field(default_factory=set)
    """The items that have come in it."""
    waiting: dict[str, list[int]] = field(default_factory=dict)
    """Type → the items whose ids are not in it, from the last one to the first. Those that came in it are removed."""
    passed: dict[str, int] = field(default_factory=dict)
    """Type and id → how many of the items that have both are known to have come in it."""

    def add(self, item: Item) -> None:
        """Record that an item has come in the list."""
        self.told.add(item.ordinal)
        waiting = self.waiting.get(item.type)
        if waiting and waiting[-1] == item.ordinal:
            waiting.pop()

    def next_of(self, key: str, places: Sequence[int]) -> int | None:
        """Return the first of these items, which have a type and an id in common, that has not come in the list."""
        at = self.passed.get(key, 0)
        while at < len(places) and places[at] in self.told:
            at += 1
        self.passed[key] = at
        return places[at] if at < len(places) else None


@dataclass(slots=True)
class Items:
    """The items of one response, in the order in which they began. :mod:`streamfsm.machines.items` has the rules."""

    all: list[Item] = field(default_factory=list)
    with_id: dict[str, list[int]] = field(default_factory=dict)
    """Type and id → the items that have both."""
    at_index: dict[str, int] = field(default_factory=dict)
    """Type and the wire's index → the latest item that has both."""
    taken: dict[int, None] = field(default_factory=dict)
    """The wire's indexes that an item has."""
    open: dict[str, dict[int, None]] = field(default_factory=dict)
    """Type → the items that have not ended."""
    last: dict[str, int] = field(default_factory=dict)
    """Type → the latest item."""

    def refer(self, calls: Collection[int]) -> bool:
        """Whether all positions refer to items that exist, and ``calls``, the core's, has all items that are calls."""
        places = [*self.at_index.values(), *self.last.values(), *(at for each in self.with_id.values() for at in each)]
        opened: dict[str, list[int]] = {}
        for at, item in enumerate(self.all):
            if item.ordinal != at or (item.is_call and at not in calls):
                return False
            if not item.done:
                opened.setdefault(item.type, []).append(at)
        twins = [item.twin for item in self.all if item.twin is not None]
        return (
            all(0 <= at < len(self.all) for at in (*places, *twins))
            and all(item.twin != item.ordinal for item in self.all)
            and opened == {kind: sorted(each) for kind, each in self.open.items() if each}
            and all(item.type in self.open for item in self.all)
        )

    def resolve(
        self,
        tells: Tells,
        fits: Collection[str],
        index: int | None,
        ids: Collection[str],
        call_id: str = "",
        *,
        empty: bool = False,
        listing: Listing | None = None,
    ) -> tuple[Rule[Claim, Owner], Item | None, Item | None]:
        """Decide which item an event belongs to.

        ``ids`` are in order of preference. ``empty``: the event contains a call that has ended without
        arguments. ``listing`` is given for an item of a list.

        Returns:
            The rule that decided; the item, unless it is a new one; and, if it is, the item that it may repeat.
        """
        named: Sequence[int] = ()
        sharing: int | None = None
        for each in ids:
            keys = [key for kind in fits if (key := f"{kind}/{each}") in self.with_id]
            found = [place for key in keys for place in self.with_id[key][:2]]
            if found and (not named or len(found) == 1):
                named = found
                sharing = listing.next_of(keys[0], self.with_id[keys[0]]) if listing else None
            if len(found) == 1:
                break
        waiting = [place for kind in fits for place in listing.waiting.get(kind, [])[-1:]] if listing else ()
        own = self.all[named[0]] if len(named) == 1 and not (listing and sharing is None) else None
        here = self._latest(self.at_index.get(f"{kind}/{index}") for kind in fits)
        open_ones = [self.open.get(kind, {}) for kind in fits]
        claim = Claim(
            tells,
            index,
            bool(ids),
            call_id,
            empty,
            known=self.all[named[-1]] if named else None,
            own=own,
            shared=here if here and len(named) > 1 and not here.ids.keys().isdisjoint(ids) else None,
            sharing=None if sharing is None else self.all[sharing],
            listed=listing is not None and bool(named) and sharing is None,
            here=here,
            taken=index in self.taken,
            latest=self._latest(next(reversed(places), None) for places in open_ones),
            open=sum(map(len, open_ones)),
            last=self._latest(self.last.get(kind) for kind in fits),
            next=self._latest(waiting),
        )
        rule = decide(RULES, claim)
        if rule.decision == "new":
            return rule, None, cast("Item | None", claim.again)
        return rule, cast("Item", getattr(claim, rule.decision)), None

    def listing(self, told: Iterable[tuple[str, str]]) -> Listing:
        """Return a list that has not been read, given the types and ids of what it contains."""
        named = {place for kind, each in set(told) for place in self.with_id.get(f"{kind}/{each}", ())}
        listing = Listing()
        for item in reversed(self.all):
            if item.ordinal not in named:
                listing.waiting.setdefault(item.type, []).append(item.ordinal)
        return listing

    def open_items(self, fits: Iterable[str]) -> list[Item]:
        """Return the items of these types that have not ended."""
        return [self.all[place] for kind in fits for place in self.open.get(kind, ())]

    def begin(self, kind: str, index: int | None, again: Item | None, *, announced: bool) -> Item:
        """Add an item; ``again``: the one that it may be once more."""
        here = self._latest([self.at_index.get(f"{kind}/{index}")])
        if here and not (here.fed or here.done):
            here.overtaken = True
        item = Item(len(self.all), kind, None, announced, twin=again.ordinal if again else None)
        if again and again.twin is None:
            again.twin = item.ordinal
        self.all.append(item)
        self.open.setdefault(kind, {})[item.ordinal] = None
        self.last[kind] = item.ordinal
        self.place(item, index)
        return item

    def place(self, item: Item, index: int | None) -> None:
        """Record an item's index on the wire, unless it has one."""
        if index is not None and item.index is None:
            item.index = index
            self.at_index[f"{item.type}/{index}"] = item.ordinal
            self.taken[index] = None

    def move(self, item: Item, index: int) -> None:
        """Record another index of an item, at which no item is."""
        self.at_index[f"{item.type}/{index}"] = item.ordinal
        self.taken[index] = None

    def identify(self, item: Item, ids: Iterable[str]) -> list[str]:
        """Record that an item has these ids; return those that are new."""
        new = [each for each in dict.fromkeys(ids) if each not in item.ids]
        for each in new:
            item.ids[each] = None
            self.with_id.setdefault(f"{item.type}/{each}", []).append(item.ordinal)
        return new

    def end(self, item: Item) -> None:
        """Record that an item has ended."""
        item.done = item.ended = True
        self.open[item.type].pop(item.ordinal, None)

    def _latest(self, places: Iterable[int | None]) -> Item | None:
        found = [place for place in places if place is not None]
        return self.all[max(found)] if found else None
