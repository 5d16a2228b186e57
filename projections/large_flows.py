"""LIQ-02: large single outflows, and many that add up within a rolling window (decisions S15, S16).

Entries are judged in offset order, each at its own event time t: its window total is the sum of the customer's
outflows with event time in (t - W, t] folded so far, itself included. The rolling rule alerts on the step from
below the threshold to at or above it and re-arms below. Only customers whose outflows could reach a threshold
are searched; for all others a bound is kept, which costs one addition.

Legs within the bank (intragroup) and opening balances are no outflow. A reversal, or a pending entry that is
rejected, takes its original out of later sums and answers the alerts the original had raised; past decisions
are not revised.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from projections.columns import Columns
from projections.large_flow_alerts import (
    MICROSECONDS_A_MINUTE,
    ROLLING,
    SINGLE,
    AlertRaised,
    Outflows,
    RaisedAlerts,
    WindowEntry,
)
from projections.large_flow_policy import NEVER, LargeFlowPolicy

NO_TIME = -(2**62)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A customer at or above its rolling threshold, or just back below."""

    position_key: tuple[str, ...]
    rolling_minor: int
    threshold_minor: int
    window_minutes: int
    above: bool
    event_time_us: int


class _Rising(msgspec.Struct, array_like=True):
    """What the rolling rule remembers of a customer that was above: published until it is below again."""

    position_row: int
    rolling_minor: int
    threshold_minor: int
    window_us: int
    event_time_us: int


@dataclass(slots=True)
class LargeFlows:
    policy: LargeFlowPolicy
    newest_us: int = NO_TIME
    needs_base: bool = False
    _flow_of_row: Columns = field(default_factory=lambda: Columns(flow=np.int64))
    _flow_keys: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _flows: Columns = field(default_factory=lambda: Columns(bound_minor=np.int64, newest_entry=np.int64))
    _thresholds: Columns = field(default_factory=Columns)
    _window: Columns = field(
        default_factory=lambda: Columns(
            flow=np.int64,
            event_time_us=np.int64,
            amount_minor=np.int64,
            offset=np.int64,
            identity=np.uint64,
            earlier=np.int64,
        )
    )
    _above: dict[int, _Rising] = field(default_factory=dict)
    _raised: RaisedAlerts = field(init=False)
    _changed_flows: dict[int, WindowRow] = field(default_factory=dict)
    _dumped_window_rows: int = 0
    _zeroed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [f"{kind}_{number}" for number in range(len(self.policy.versions)) for kind in ("single", "rolling")]
        self._thresholds = Columns(**dict.fromkeys(names, np.int64))
        self._raised = RaisedAlerts(self.policy)

    @property
    def next_sequence(self) -> int:
        """How many alerts and corrections there were."""
        return self._raised.next_sequence

    def learn(self, keys: Sequence[tuple[str, ...]]) -> None:
        """New positions, in order: which customer's window they belong to and which thresholds apply."""
        flows: list[int] = []
        limits: dict[str, list[int]] = {name: [] for name in self._thresholds.names()}
        known: dict[tuple[int, str, str, str, str], tuple[int, int]] = {}  # few are distinct, positions are many
        for entity, organisation, _, _, currency, customer, account, customer_class, _ in keys:
            # A bank-owned account has no customer: it is watched by itself, as it is keyed (decision S11).
            owner = account if customer == "-" else customer
            flows.append(self._flow_keys.setdefault((entity, owner, currency), len(self._flow_keys)))
            for number, version in enumerate(self.policy.versions):
                asked = (number, entity, currency, organisation, customer_class)
                if asked not in known:
                    known[asked] = version.thresholds(*asked[1:])
                single, rolling = known[asked]
                limits[f"single_{number}"].append(single)
                limits[f"rolling_{number}"].append(rolling)
        if not flows:
            return
        self._flow_of_row.extend(flow=np.array(flows, np.int64))
        self._thresholds.extend(**{name: np.array(values, np.int64) for name, values in limits.items()})
        new = len(self._flow_keys) - self._flows.rows
        if new:
            self._flows.extend(newest_entry=np.full(new, -1, np.int64))

    def owners(self, start: int = 0) -> NDArray[np.int64]:
        """For each position from `start` on the code of its (entity, customer or own account, currency), in order of
        first appearance."""
        codes: NDArray[np.int64] = self._flow_of_row["flow"][start:]
        return codes

    def add(self, batch: Outflows, keys: Sequence[tuple[str, ...]]) -> list[AlertRaised]:
        """Fold a batch's outflows; returns the alerts they raise, in order."""
        if not len(batch.offset):
            return []
        versions = self.policy.versions
        starts = np.array([version.effective_from_us for version in versions])
        version = np.maximum(np.searchsorted(starts, batch.event_time_us, "right") - 1, 0)
        single, rolling = (self._limits(kind, batch.position_row, version) for kind in ("single", "rolling"))
        flow = self._flow_of_row["flow"][batch.position_row]
        lateness = np.array([one.lateness_us for one in versions])[version]
        in_window = ~batch.takes_back & (batch.event_time_us >= batch.newest_before_us - lateness)

        start = self._window.rows
        self._append(batch, flow, in_window)
        bound = self._flows["bound_minor"]
        np.add.at(bound, flow[in_window], batch.amount_minor[in_window])

        single_hits = np.flatnonzero(~batch.takes_back & (batch.amount_minor >= single))
        # Searched: whoever could reach its threshold, and whoever takes something back while it may matter.
        reaches = in_window & (bound[flow] >= rolling)
        searched = np.unique(flow[reaches | batch.takes_back])
        rolling_hits: list[tuple[int, int, tuple[WindowEntry, ...]]] = []
        if len(searched):
            concerned = np.flatnonzero(np.isin(flow, searched) & (in_window | batch.takes_back))
            entry_at = start + np.cumsum(in_window) - 1
            for one in searched.tolist():
                rows = concerned[flow[concerned] == one]
                rolling_hits += self._judge(one, rows, batch, entry_at, version, rolling, keys)
        # Whoever was above and was not searched must be below by now: its bound says so.
        quiet = set(flow[in_window].tolist()) & self._above.keys() if self._above else set()
        for one in sorted(quiet - set(searched.tolist())):
            rows = np.flatnonzero((flow == one) & in_window)
            rolling_hits += self._judge(one, rows, batch, start + np.cumsum(in_window) - 1, version, rolling, keys)
        return self._raised.answer(batch, keys, version, single, rolling, single_hits.tolist(), rolling_hits)

    def forget(self, newest_us: int) -> None:
        """Let go of outflows no later entry can be judged with."""
        self.newest_us = newest_us
        kept = self._window["event_time_us"] > newest_us - self.policy.retention_us
        if len(kept) < max(4_096, 2 * int(kept.sum())):
            return
        self._window.keep(kept)
        self._link(0)
        bound = self._flows["bound_minor"]
        bound[:] = 0
        np.add.at(bound, self._window["flow"], self._window["amount_minor"])
        self.needs_base = True

    def take_changed_windows(self) -> list[WindowRow]:
        changed, self._changed_flows = list(self._changed_flows.values()), {}
        return changed

    def windows_above(self, keys: Sequence[tuple[str, ...]]) -> list[WindowRow]:
        return [self._row(self._above[flow], True, keys) for flow in sorted(self._above)]

    # -- inside ------------------------------------------------------------------------------------------------

    def _limits(self, kind: str, rows: NDArray[np.int64], version: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(self.policy.versions) == 1:
            return self._thresholds[f"{kind}_0"][rows]
        table = np.stack([self._thresholds[f"{kind}_{number}"] for number in range(len(self.policy.versions))])
        picked: NDArray[np.int64] = table[version, rows]
        return picked

    def _append(self, batch: Outflows, flow: NDArray[np.int64], chosen: NDArray[np.bool_]) -> None:
        start = self._window.rows
        self._window.extend(
            flow=flow[chosen],
            event_time_us=batch.event_time_us[chosen],
            amount_minor=batch.amount_minor[chosen],
            offset=batch.offset[chosen],
            identity=batch.identity[chosen],
        )
        self._link(start)

    def _link(self, start: int) -> None:
        """Chain each window entry from `start` on to the same customer's entry before it."""
        newest = self._flows["newest_entry"]
        if start == 0:
            newest[:] = -1
        flow, earlier = self._window["flow"][start:], self._window["earlier"][start:]
        if not len(flow):
            return
        order = np.argsort(flow, kind="stable")
        ordered = flow[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = ordered[1:] != ordered[:-1]
        before = np.empty(len(order), np.int64)
        before[1:] = order[:-1] + start
        before[first] = newest[ordered[first]]
        earlier[order] = before
        last = np.ones(len(order), np.bool_)
        last[:-1] = first[1:]
        newest[ordered[last]] = order[last] + start

    def _entries_of(self, flow: int) -> list[int]:
        """Rows of a customer's window entries in offset order; one walk along the chain."""
        earlier = self._window["earlier"]
        at, rows = int(self._flows["newest_entry"][flow]), []
        while at >= 0:
            rows.append(at)
            at = int(earlier[at])
        return rows[::-1]

    def _judge(
        self,
        flow: int,
        rows: NDArray[np.int64],
        batch: Outflows,
        entry_at: NDArray[np.int64],
        version: NDArray[np.int64],
        rolling: NDArray[np.int64],
        keys: Sequence[tuple[str, ...]],
    ) -> list[tuple[int, int, tuple[WindowEntry, ...]]]:
        """Judge one customer's entries of the batch; returns (batch row, window total, entries) of each alert."""
        window = self._window
        held = np.array(self._entries_of(flow), np.int64)
        time, amount = window["event_time_us"][held], window["amount_minor"][held]
        live = time > self.newest_us - self.policy.retention_us
        held, time, amount = held[live], time[live], amount[live].copy()
        hits = []
        for row in rows.tolist():
            if batch.takes_back[row]:
                before = window["offset"][held] < batch.offset[row]  # one that comes later stands by itself
                gone = np.flatnonzero(before & (window["identity"][held] == batch.identity[row]) & (amount != 0))
                if len(gone):
                    at = int(held[gone[0]])
                    self._flows["bound_minor"][flow] -= int(amount[gone[0]])
                    amount[gone[0]] = 0
                    window["amount_minor"][at] = 0
                    self._zeroed.append(at)
                continue
            own = int(entry_at[row])
            t = int(batch.event_time_us[row])
            span = self.policy.versions[int(version[row])].window_us
            known = (held <= own) & (time > t - span) & (time <= t)
            total, limit = int(amount[known].sum()), int(rolling[row])
            was_above = flow in self._above
            if total >= limit:
                self._above[flow] = _Rising(int(batch.position_row[row]), total, limit, span, t)
                self._changed_flows[flow] = self._row(self._above[flow], True, keys)
                if not was_above:
                    entries = tuple(
                        WindowEntry(int(window["offset"][at]), int(when), int(much))
                        for at, when, much in zip(held[known], time[known], amount[known], strict=True)
                        if much
                    )
                    hits.append((row, total, entries))
            elif was_above:
                del self._above[flow]
                below = _Rising(int(batch.position_row[row]), total, limit, span, t)
                self._changed_flows[flow] = self._row(below, False, keys)
        if flow not in self._above:  # an exact bound again, so that this customer is left alone until it matters
            self._flows["bound_minor"][flow] = int(amount.sum())
        return hits

    def _row(self, state: _Rising, above: bool, keys: Sequence[tuple[str, ...]]) -> WindowRow:
        return WindowRow(
            keys[state.position_row],
            state.rolling_minor,
            state.threshold_minor,
            state.window_us // MICROSECONDS_A_MINUTE,
            above,
            state.event_time_us,
        )

    # -- snapshots ---------------------------------------------------------------------------------------------

    def dump(self, whole: bool) -> bytes:
        start = 0 if whole else self._dumped_window_rows
        zeroed = [row for row in self._zeroed if row < start]
        self._dumped_window_rows, self._zeroed = self._window.rows, []
        if whole:
            self.needs_base = False
        raised, next_sequence = self._raised.dump(whole)
        return msgspec.msgpack.encode(
            (self._window.pack(start), zeroed, self._above, raised, next_sequence, self.newest_us)
        )

    def apply(self, dump: bytes) -> None:
        """Positions must have been learnt before."""
        window, zeroed, above, raised, next_sequence, self.newest_us = msgspec.msgpack.decode(dump)
        start = self._window.rows
        self._window.unpack(window)
        self._window["amount_minor"][np.array(zeroed, np.int64)] = 0
        self._link(start)
        self._above = {int(flow): _Rising(*state) for flow, state in above.items()}
        self._raised.apply(raised, next_sequence)
        self._dumped_window_rows = self._window.rows
        bound = self._flows["bound_minor"]
        bound[:] = 0
        np.add.at(bound, self._window["flow"], self._window["amount_minor"])

    def canonical_rows(self) -> list[object]:
        names = list(self._flow_keys)
        window = self._window
        live = window["event_time_us"] > self.newest_us - self.policy.retention_us
        columns = [window[name][live].tolist() for name in ("offset", "flow", "event_time_us", "amount_minor")]
        entries = sorted((offset, names[flow], t, amount) for offset, flow, t, amount in zip(*columns, strict=True))
        above = sorted(
            (names[flow], one.rolling_minor, one.threshold_minor, one.event_time_us)
            for flow, one in self._above.items()
        )
        return [entries, above, self._raised.rows(), self.next_sequence, self.newest_us]


__all__ = ["NEVER", "ROLLING", "SINGLE", "AlertRaised", "LargeFlows", "Outflows", "WindowEntry", "WindowRow"]
