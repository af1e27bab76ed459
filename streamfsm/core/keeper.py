"""``Keeper``: keeps extras, and fields that must be sent back, each within a limit of its own."""

import json
from collections.abc import Mapping
from typing import Any

from streamfsm.core.anomalies import Anomalies
from streamfsm.core.buffer import Buffer
from streamfsm.core.events import Thought
from streamfsm.core.extras import Extras, Kept
from streamfsm.core.json_values import kept, says, show
from streamfsm.core.meter import DECODED
from streamfsm.core.policies import SENT_BACK, Policies
from streamfsm.core.run import Choice, Purse, Run
from streamfsm.core.text import join_surrogates, without_surrogates
from streamfsm.limits import Limits

_decode = json.JSONDecoder(parse_constant=lambda _: None).decode  # JSON, and so a snapshot, cannot hold NaN


class Keeper:
    """Keeps the fields that the parser does not interpret, and the structured reasoning, of one response."""

    __slots__ = ("_anomalies", "_limits", "_policies", "_run")

    def __init__(self, run: Run, policies: Policies, limits: Limits, anomalies: Anomalies) -> None:
        self._run, self._policies, self._limits, self._anomalies = run, policies, limits, anomalies

    def keep(self, fields: Mapping[str, Any], extras: Extras) -> None:
        """Add the values to ``extras``, each by its field's policy, within the limits."""
        policies = self._policies
        for field_name, value in fields.items():
            name = without_surrogates(field_name if isinstance(field_name, str) else show(field_name))
            if (apart := policies.kept_apart.get(name)) and isinstance(value, Mapping):
                self.keep({f"{name}.{key}": value[key] for key in apart if says(value.get(key))}, extras)
                value = {key: each for key, each in value.items() if key not in apart}  # noqa: PLW2901 - what is left
                if not value:
                    continue
            found = extras.get(name) or Kept(policies.keep(name))
            is_piece = found.policy == "concatenate" and isinstance(value, str)
            text = json.dumps(value) if is_piece else kept(value)  # a piece may end with half a surrogate pair
            if found.policy == "set" and text in found.texts:
                continue
            purse: Purse = "sent_back" if name in SENT_BACK else "extras"
            if self.has_room(purse, len(name) + len(text), name):
                self._run.meter.add("value" if name in extras else "field", len(text) + len(name))
                self._spend(purse, len(name) + len(text))
                extras.setdefault(name, found).add(text)

    def has_room(self, purse: Purse, size: int, what: str) -> bool:
        """Whether a limit allows ``size`` more characters of ``what``; if not, an anomaly is recorded."""
        limit = "extras" if purse == "usage" else purse
        bound = getattr(self._limits, limit)
        fits, recorded = size <= bound - self._run.spent.get(purse, 0), self._run.recorded_once
        if fits and not recorded:
            return True
        detail = f"no room for all of {show(what)}: Limits.{limit} is {bound}"
        if fits and detail not in recorded:
            return True
        self._anomalies.record_once("more_extras", detail)
        if detail not in recorded:  # there are too many anomalies to record it: nothing more is kept
            self._run.spent[purse] = bound
        return False

    def _spend(self, purse: Purse, size: int) -> None:
        self._run.spent[purse] = self._run.spent.get(purse, 0) + size

    def _write(self, purse: Purse, text: str, to: Buffer, what: str) -> None:
        """Add as much of ``text`` as a limit allows."""
        if not self.has_room(purse, len(text), what):
            text = text[: max(getattr(self._limits, purse) - self._run.spent.get(purse, 0), 0)]
        self._spend(purse, len(text))
        to.write(text)

    def merge_usage(self, known: dict[str, Any], fields: Mapping[str, Any]) -> None:
        """Merge the fields of a usage report into the ``known`` ones, within the limit; the last value stands."""
        new = _decode(kept(fields))
        for name, value in new.items() if isinstance(new, dict) else ():
            if type(value) is int and value == known.get(name) and type(known[name]) is int:
                continue
            more = len(kept(value)) - (len(kept(known[name])) if name in known else -len(name))
            if self.has_room("usage", more, "usage"):
                self._run.meter.add("value", DECODED * max(more, 0))
                self._spend("usage", more)
                known[name] = value

    def keep_thought(self, event: Thought, choice: Choice, room: int) -> None:
        """Add a piece of the structured reasoning.

        Args:
            event: the piece.
            choice: the choice that it belongs to.
            room: how many more characters fit into the lane that reads the same text next.
        """
        size = len(event.kind) + len(event.id or "") + 1
        if not self.has_room("sent_back", size, "reasoning_details"):
            return
        self._run.meter.add(None, len(event.text[:room]) + len(event.data) + len(event.signature or ""))
        known = len(choice.details)
        detail = choice.detail(event)
        if len(choice.details) > known:
            self._spend("sent_back", size)
            self._run.meter.note("detail", 2 * size)
        if event.cumulative or self._policies.reasoning == "snapshot":
            self._spend("text", -detail.text.size)
            detail.text, detail.half = Buffer(), ""
        if event.text:
            text, detail.half = join_surrogates(detail.half, event.text[:room])
            self._write("text", text, detail.text, "reasoning_details.text")
        if event.data:
            self._write("sent_back", event.data, detail.data, "reasoning_details.data")
        signature = event.signature
        if signature not in (None, detail.signature) and self.has_room(
            "sent_back", len(signature), "reasoning_details.signature"
        ):
            self._spend("sent_back", len(signature))
            detail.signature = signature
        if event.extras:
            self.keep(event.extras, detail.extras)
