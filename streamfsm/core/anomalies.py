"""``Anomalies``: records what the server should not have sent, up to a limit."""

from streamfsm.core.run import Run
from streamfsm.result import Anomaly, AnomalyKind

DOUBTS: frozenset[AnomalyKind] = frozenset(
    {
        *("not_a_chunk", "wrong_type", "ambiguous_call", "duplicate_id", "changed_id", "ambiguous_item"),
        *("nameless_call", "late_name", "snapshot_conflict", "unread_arguments", "call_in_text"),
    }
)
"""Anomalies after which arguments may have been assigned to the wrong call."""
LONGEST = 1000
"""Characters of an anomaly's detail, which quotes what came and would otherwise have no limit."""


class Anomalies:
    """The anomalies of one response.

    Args:
        run: where the anomalies are kept.
        bound: how many anomalies are kept.
    """

    __slots__ = ("_bound", "_run")

    def __init__(self, run: Run, bound: int) -> None:
        self._run, self._bound = run, bound

    def record(self, kind: AnomalyKind, detail: str, choice: int | None = None, call: int | None = None) -> None:
        """Record an anomaly; ``choice`` and ``call`` (its position) are those that it concerns, if any."""
        run, anomalies, detail = self._run, self._run.anomalies, detail[:LONGEST]
        run.arguments_astray = run.arguments_astray or (
            kind in DOUBTS and (choice is not None or kind == "not_a_chunk")
        )
        if len(anomalies) < self._bound:
            anomalies.append(Anomaly(kind=kind, detail=detail, choice=choice, call=call))
        elif len(anomalies) == self._bound:
            anomalies.append(Anomaly(kind="more_anomalies", detail="there were more, which were not kept"))

    def record_once(
        self,
        kind: AnomalyKind,
        detail: str,
        choice: int | None = None,
        call: int | None = None,
        *,
        key: str | None = None,
    ) -> None:
        """Record an anomaly unless one with the same ``key`` was recorded before. The key defaults to the detail."""
        key = (detail if key is None else key)[:LONGEST]
        if key not in self._run.recorded_once:
            if len(self._run.recorded_once) <= self._bound:
                self._run.recorded_once[key] = None
            self.record(kind, detail, choice, call)
