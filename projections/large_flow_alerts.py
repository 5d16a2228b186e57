"""Alerts of large flows as they are raised and taken back: their ids, their order, and which entry raised which.

The id follows from rule, policy version, customer and entry, so that a refold raises the same alert. Not for
judging: who is above a threshold is `projections.large_flows`'.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from projections.large_flow_policy import LargeFlowPolicy

SINGLE, ROLLING = "large-flow-single", "large-flow-rolling"
MICROSECONDS_A_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class WindowEntry:
    offset: int
    event_time_us: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """One alert or correction, complete: whoever publishes it adds nothing but text forms."""

    alert_id: str
    kind: str  # raised, corrected
    rule: str
    rule_version: str
    sequence: int
    position_key: tuple[str, ...]
    amount_minor: int
    threshold_minor: int
    event_time_us: int
    appended_us: int
    offset: int
    txn_id: str
    rolling_minor: int | None = None
    window_minutes: int | None = None
    late: bool = False
    corrects: str | None = None
    entries: tuple[WindowEntry, ...] = ()


@dataclass(slots=True)
class Outflows:
    """The outflows of a batch and what takes earlier ones back, in offset order."""

    position_row: NDArray[np.int64]
    event_time_us: NDArray[np.int64]
    appended_us: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    offset: NDArray[np.int64]
    identity: NDArray[np.uint64]  # low lane of the entry's identity; of the original, where it takes one back
    takes_back: NDArray[np.bool_]
    batch_row: NDArray[np.int64]  # where each stands in `txn_ids`
    txn_ids: Sequence[str]
    newest_before_us: NDArray[np.int64]  # the partition's newest event time before this entry


@dataclass(slots=True)
class RaisedAlerts:
    """Which entries have raised what, and the number of the next alert of this partition."""

    policy: LargeFlowPolicy
    next_sequence: int = 0
    _by_identity: dict[int, list[tuple[str, str, int]]] = field(default_factory=dict)  # alert id, rule, threshold
    _touched: set[int] = field(default_factory=set)  # identities whose alerts changed since the last dump

    def answer(
        self,
        batch: Outflows,
        keys: Sequence[tuple[str, ...]],
        version: NDArray[np.int64],
        single: NDArray[np.int64],
        rolling: NDArray[np.int64],
        single_hits: list[int],
        rolling_hits: list[tuple[int, int, tuple[WindowEntry, ...]]],
    ) -> list[AlertRaised]:
        """The alerts of a batch's hits and the corrections of what it takes back, in order of the log.

        Args:
            keys: of positions, by `position_row`. version, single, rolling: by batch row, the policy that applies.
            single_hits: batch rows at or above their single threshold.
            rolling_hits: batch row, window total and entries of each step to or above the rolling threshold.
        """
        found = [(row, 0, 0, ()) for row in single_hits]
        todo: list[tuple[int, int, int, tuple[WindowEntry, ...]]] = [*found]
        todo += [(row, 1, total, entries) for row, total, entries in rolling_hits]
        todo += [(row, 2, 0, ()) for row in np.flatnonzero(batch.takes_back).tolist()]
        alerts: list[AlertRaised] = []
        for row, what, total, entries in sorted(todo, key=lambda one: one[:2]):
            identity = int(batch.identity[row])
            self._touched.add(identity)
            if what == 2:
                for alert_id, rule, threshold in self._by_identity.pop(identity, ()):
                    alerts.append(self._alert(batch, keys, version, row, rule, threshold, corrects=alert_id))
                continue
            rule, threshold = (SINGLE, int(single[row])) if what == 0 else (ROLLING, int(rolling[row]))
            alert = self._alert(batch, keys, version, row, rule, threshold, total=total, entries=entries)
            self._by_identity.setdefault(identity, []).append((alert.alert_id, rule, threshold))
            alerts.append(alert)
        return alerts

    def _alert(
        self,
        batch: Outflows,
        keys: Sequence[tuple[str, ...]],
        version: NDArray[np.int64],
        row: int,
        rule: str,
        threshold: int,
        *,
        total: int = 0,
        entries: tuple[WindowEntry, ...] = (),
        corrects: str | None = None,
    ) -> AlertRaised:
        policy = self.policy.versions[int(version[row])]
        key = keys[int(batch.position_row[row])]
        owner = key[6] if key[5] == "-" else key[5]
        name = "|".join(
            (
                rule,
                policy.name,
                key[0],
                owner,
                key[4],
                batch.txn_ids[int(batch.batch_row[row])],
                corrects or "",
            )
        )
        rolling = rule == ROLLING and corrects is None
        sequence, self.next_sequence = self.next_sequence, self.next_sequence + 1
        return AlertRaised(
            alert_id=str(uuid5(NAMESPACE_URL, f"/tm/alert/{name}")),
            kind="raised" if corrects is None else "corrected",
            rule=rule,
            rule_version=policy.name,
            sequence=sequence,
            position_key=key,
            amount_minor=int(batch.amount_minor[row]),
            threshold_minor=threshold,
            event_time_us=int(batch.event_time_us[row]),
            appended_us=int(batch.appended_us[row]),
            offset=int(batch.offset[row]),
            txn_id=batch.txn_ids[int(batch.batch_row[row])],
            rolling_minor=total if rolling else None,
            window_minutes=policy.window_us // MICROSECONDS_A_MINUTE if rolling else None,
            late=int(batch.event_time_us[row]) < int(batch.newest_before_us[row]),
            corrects=corrects,
            entries=entries,
        )

    def dump(self, whole: bool) -> tuple[dict[int, list[tuple[str, str, int]]], int]:
        """By identity what it has raised, of all or of those changed since the last dump; the next number."""
        named = self._by_identity.keys() if whole else self._touched
        raised = {identity: self._by_identity.get(identity, []) for identity in sorted(named)}
        self._touched = set()
        return raised, self.next_sequence

    def apply(self, raised: dict[Any, Any], next_sequence: int) -> None:
        """Take over what `dump` gave, on top of what is here."""
        for identity, alerts in raised.items():
            self._by_identity[int(identity)] = [tuple(one) for one in alerts]
            if not alerts:
                del self._by_identity[int(identity)]
        self.next_sequence = next_sequence

    def rows(self) -> list[tuple[int, list[tuple[str, str, int]]]]:
        return sorted(self._by_identity.items())
