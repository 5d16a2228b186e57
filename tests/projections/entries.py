"""Making batches of entries for tests, and the plainest possible oracle to hold the folds against."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from projections.large_flow_policy import LargeFlowPolicy
from projections.transactions import TransactionState, fold
from streams.decode import decode
from streams.raw_batch import RawBatch
from streams.schemas import Txn

DAY = date(2026, 11, 22)
MINUTE_US = 60_000_000
APPENDED_US = 2_000_000_000_000_000  # 2033: no event of a test lies ahead of it
POLICY = LargeFlowPolicy.parse(
    {
        "version": [
            {
                "name": "test.1",
                "effective_from": "1970-01-01T00:00:00Z",
                "window_minutes": 60,
                "lateness_minutes": 30,
                "rule": [{"currency": "CNY", "single": "30.00", "rolling": "50.00"}],
            }
        ]
    }
)
HORIZON_DAYS = 5


def event_time(minute: float) -> str:
    """`minute` minutes after 08:00 on the test day, as text."""
    seconds = 8 * 3600 + minute * 60
    day = DAY + timedelta(days=int(seconds // 86_400))
    left = seconds % 86_400
    return f"{day}T{int(left // 3600):02d}:{int(left % 3600 // 60):02d}:{left % 60:09.6f}Z"


def txn(number: object, minute: float = 0, **fields: Any) -> Txn:
    """An outflow of 1.00 CNY of customer C1, settled on the test day, unless said otherwise."""
    known: dict[str, Any] = {
        "txn_id": f"T{number}",
        "source_system": "core",
        "event_time": event_time(minute),
        "value_date": DAY.isoformat(),
        "entity_id": "BANK",
        "account_id": "A1",
        "customer_id": "C1",
        "org_id": "O1",
        "ccy": "CNY",
        "direction": "out",
        "amount": "1.00",
    }
    return Txn(**(known | fields))


def raw(values: list[bytes | None], start: int = 0) -> RawBatch:
    count = len(values)
    offsets = np.arange(start, start + count, dtype=np.int64)
    return RawBatch.of_values(start, start + count, offsets, values, np.full(count, APPENDED_US, np.int64))


def encoded(entries: list[Txn]) -> list[bytes | None]:
    return [msgspec.json.encode(entry) for entry in entries]


@dataclass
class Run:
    """A state and everything its folds brought to light."""

    state: TransactionState = field(default_factory=lambda: TransactionState(POLICY, HORIZON_DAYS))
    alerts: list[Any] = field(default_factory=list)
    refusals: list[Any] = field(default_factory=list)

    def feed(self, values: list[bytes | None], start: int) -> "Run":
        batch = raw(values, start)
        decoded = decode(batch)
        known = self.state.next_offset
        folded = fold(self.state, decoded.batch, batch.from_offset, batch.to_offset)
        self.alerts += folded.alerts
        self.refusals += [one for one in decoded.refusals if one.offset >= known] + folded.refusals
        return self

    def balances(self) -> dict[tuple[str, str, str], tuple[int, int, int]]:
        """(entity, account, currency) -> settled, pending in, pending out; positions that never moved left out."""
        sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for row in self.state.positions.accounts_by_day():
            total = sums[row.key[0], row.key[6], row.key[4]]
            for place, minor in enumerate((row.settled_minor, row.pending_in_minor, row.pending_out_minor)):
                total[place] += minor
        return {key: (total[0], total[1], total[2]) for key, total in sums.items()}


@dataclass
class Oracle:
    """Entry by entry, no cleverness: what LIQ-01, LIQ-02 and decisions S2 and S15 say, in the words of a child."""

    policy: LargeFlowPolicy = POLICY
    horizon_days: int = HORIZON_DAYS
    newest_us: int = -(2**62)
    known: dict[str, Txn] = field(default_factory=dict)
    settled: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    pending: dict[tuple[str, str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    outflows: dict[tuple[str, str, str], list[list[Any]]] = field(default_factory=lambda: defaultdict(list))
    above: set[tuple[str, str, str]] = field(default_factory=set)
    alerts: list[tuple[str, str, str]] = field(default_factory=list)  # kind, rule, txn_id
    refused: list[tuple[int, str]] = field(default_factory=list)  # offset, field
    raised: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def feed(self, offset: int, entry: Txn) -> None:
        t = _us(entry.event_time)
        before, self.newest_us = self.newest_us, max(self.newest_us, t)
        oldest = date(1970, 1, 1) + timedelta(days=self.newest_us // 86_400_000_000 - self.horizon_days)
        if date.fromisoformat(entry.value_date) < oldest:
            self.refused.append((offset, "value_date"))
            return
        status = entry.status
        first = self.known.get(entry.txn_id)
        moved = False
        if first is not None:
            if _body(first) != _body(entry):
                self.refused.append((offset, "txn_id"))
                return
            if not (first.status == "pending" and status != "pending"):
                return
            moved = True
        self.known[entry.txn_id] = replace_status(entry, status)
        self._move(entry, moved)
        self._watch(entry, moved, t, before)

    def _move(self, entry: Txn, moved: bool) -> None:
        where = (entry.entity_id, entry.account_id, entry.ccy)
        minor = int(Decimal(entry.amount) * 100)
        if entry.status == "settled":
            self.settled[where] += minor if entry.direction == "in" else -minor
        if entry.status == "pending":
            self.pending[(*where, entry.direction)] += minor
        elif moved:
            self.pending[(*where, entry.direction)] -= minor

    def _watch(self, entry: Txn, moved: bool, t: int, before: int) -> None:
        if entry.intragroup:
            return
        minor = int(Decimal(entry.amount) * 100)
        who = (entry.entity_id, entry.customer_id, entry.ccy)
        reversal = entry.reversal_of != "-"
        if (reversal and not moved and entry.status != "rejected") or (
            moved and entry.status == "rejected" and not reversal
        ):
            gone = entry.reversal_of if reversal else entry.txn_id
            for held in self.outflows[who]:
                if held[2] == gone:
                    held[1] = 0
            self.alerts += [("corrected", rule, entry.txn_id) for rule in self.raised.pop(gone, [])]
            return
        if entry.direction == "in" or moved or entry.status == "rejected" or reversal:
            return
        version = self.policy.versions[0]
        single, rolling = version.thresholds(entry.entity_id, entry.ccy, entry.org_id, entry.customer_class)
        if minor >= single:
            self._raise("large-flow-single", entry)
        if t < before - version.lateness_us:
            return
        self.outflows[who].append([t, minor, entry.txn_id])
        total = sum(much for when, much, _ in self.outflows[who] if t - version.window_us < when <= t)
        if total >= rolling:
            if who not in self.above:
                self._raise("large-flow-rolling", entry)
            self.above.add(who)
        else:
            self.above.discard(who)

    def _raise(self, rule: str, entry: Txn) -> None:
        self.alerts.append(("raised", rule, entry.txn_id))
        self.raised[entry.txn_id].append(rule)


def replace_status(entry: Txn, status: Any) -> Txn:
    return msgspec.structs.replace(entry, status=status)


def _body(entry: Txn) -> Txn:
    neutral: dict[str, Any] = {"status": "settled", "event_time": "", "source_seq": 0, "txn_type": "-"}
    return msgspec.structs.replace(entry, **neutral)


def _us(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "us").astype(np.int64))


__all__ = ["DAY", "POLICY", "Oracle", "Run", "encoded", "event_time", "raw", "replace", "replace_status", "txn"]
