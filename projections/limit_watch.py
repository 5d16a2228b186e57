"""Crossings of limits, folded from the recorded cuts in their order (LIQ-36, 37; decisions S16, S18).

Every cut holds the totals that changed; a limit whose figure crosses an edge raises an alert at once and eases step
by step, after readings in a row that clear the edge by a margin: a figure that hovers at its limit is one incident.
Time is the cut's own, so that a replay of the recorded cuts gives the same alerts under the same ids. No clock, no
I/O; what an alert leads to is not decided here.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import ClassVar, Self
from uuid import NAMESPACE_URL, uuid5

import msgspec

from engines.limit_breaches import BreachState, LevelChange, Observation, observe
from engines.limits import Headroom, Light, headroom
from engines.primitives.errors import CorruptRecord
from projections.limit_cuts import (
    LIMIT,
    WITHDRAWAL,
    AssetKey,
    LargeFlow,
    LimitAlert,
    LiquidAsset,
    RecordedCut,
    Total,
)
from projections.limit_policy import LargeWithdrawal, TotalKey, Watched, WatchPolicy
from projections.state import check_contiguous

TRANSACTIONS_REMEMBERED = 256


class _Watch(msgspec.Struct, array_like=True):
    """One limit on one figure."""

    first_us: int
    armed: bool = False
    level: int = 0
    clear_readings: int = 0
    in_a_row: int = 0
    last_number: int | None = None
    counted_us: int = 0  # the newest clear reading that counted
    incident: str = ""


WatchKey = tuple[str, TotalKey]


class _Dump(msgspec.Struct, array_like=True):
    next_offset: int
    next_sequence: int
    epoch: int
    fenced: int
    totals: list[tuple[TotalKey, Total]]
    watches: list[tuple[WatchKey, _Watch]]
    assets: list[tuple[AssetKey, tuple[LiquidAsset, ...]]]
    transactions: list[tuple[str, str]]


class LimitWatchState:
    """Holds exactly the cuts in [0, next_offset) of the one partition (`projections.state.FoldedState`)."""

    FOLD_VERSION: ClassVar[int] = 1

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self.next_offset = 0
        self.next_sequence = 0
        self.epoch = 0
        self.fenced = 0  # cuts of a sequencer that another had relieved
        self.totals: dict[TotalKey, Total] = {}
        self.assets: dict[AssetKey, tuple[LiquidAsset, ...]] = {}  # as told last, of scopes that are not green
        self._watches: dict[WatchKey, _Watch] = {}
        self._transactions: list[tuple[str, str]] = []  # the newest that were judged as withdrawals

    def lights(self) -> dict[WatchKey, Light]:
        """The light in force of every limit that has been judged, by limit and figure."""
        watched = {one.limit.limit_id: one for one in self.policy.limits}
        return {
            key: _light(watch.level, watched[key[0]])
            for key, watch in sorted(self._watches.items())
            if watch.armed and key[0] in watched
        }

    # -- the laws (projections.state) --------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._dumped())

    def dump_delta(self) -> bytes:
        """The whole state again: it is a few rows, and smaller than a record of what changed in them."""
        return self.dump()

    def apply_delta(self, delta: bytes) -> None:
        try:
            dump = msgspec.msgpack.decode(delta, type=_Dump)
        except msgspec.DecodeError as error:
            raise CorruptRecord("the dump is unreadable") from error
        self.next_offset, self.next_sequence = dump.next_offset, dump.next_sequence
        self.epoch, self.fenced = dump.epoch, dump.fenced
        self.totals, self._watches = dict(dump.totals), dict(dump.watches)
        self.assets, self._transactions = dict(dump.assets), list(dump.transactions)

    @classmethod
    def load(cls, dump: bytes, policy: WatchPolicy) -> Self:
        state = cls(policy)
        state.apply_delta(dump)
        return state

    def canonical_bytes(self) -> bytes:
        return msgspec.msgpack.encode((self.FOLD_VERSION, self._dumped()))

    def _dumped(self) -> _Dump:
        totals, watches = sorted(self.totals.items()), sorted(self._watches.items())
        counts = self.next_offset, self.next_sequence, self.epoch, self.fenced
        return _Dump(*counts, totals, watches, sorted(self.assets.items()), self._transactions)

    # -- one cut -----------------------------------------------------------------------------------------------

    def take(self, cut: RecordedCut) -> list[LimitAlert]:
        if cut.epoch < self.epoch:
            self.fenced += 1
            return []
        self.epoch = cut.epoch
        gone = self.totals.keys() - cut.totals.keys() if cut.whole else set(cut.gone)
        for key in gone:
            self.totals.pop(key, None)
        self.totals.update(cut.totals)
        self.assets = ({} if cut.whole else self.assets) | dict(cut.assets)
        alerts = [
            alert
            for watched in self.policy.limits
            for key in sorted(self.totals)
            if (alert := self._judge(watched, key, cut)) is not None
        ]
        for flow in cut.flows:
            alerts += self._judge_flow(flow, cut)
        return alerts

    def _judge(self, watched: Watched, key: TotalKey, cut: RecordedCut) -> LimitAlert | None:
        total = self.totals[key]
        known = self._watches.get((watched.limit.limit_id, key))
        # What is green and has not moved needs no look; a limit at work also counts the cuts in which nothing moves.
        if known is not None and known.armed and not known.level and key not in cut.totals:
            return None
        if total.value is None or not watched.binds(key, date.fromisoformat(total.as_of)):
            return None
        watch = known or self._watches.setdefault((watched.limit.limit_id, key), _Watch(cut.taken_us))
        value = Fraction(total.value)
        room = headroom(value, watched.limit)
        found = watched.bands.level_of(room.value)
        if not watch.armed:
            if found and cut.taken_us - watch.first_us < watched.arming_us:
                return None
            watch.armed = True
        if watch.level and found < watch.level and watched.bands.clears(room.value, watch.level):
            if watch.clear_readings and cut.taken_us - watch.counted_us < watched.clear_interval_us:
                return None
            watch.counted_us = cut.taken_us
        before = BreachState(watch.level, watch.clear_readings, watch.in_a_row, watch.last_number)
        after, change = observe(before, Observation(cut.offset, room.value), watched.bands)
        watch.level, watch.clear_readings = after.level, after.clear_readings
        watch.in_a_row, watch.last_number = after.breaches_in_a_row, after.last_number
        return None if change is None else self._alert(watched, watch, key, value, room, change, cut)

    def _alert(
        self,
        watched: Watched,
        watch: _Watch,
        key: TotalKey,
        value: Fraction,
        room: Headroom,
        change: LevelChange,
        cut: RecordedCut,
    ) -> LimitAlert:
        limit = watched.limit
        kind = "raised" if change.level > change.level_before else "eased" if change.level else "cleared"
        alert_id = self._id(LIMIT, limit.limit_id, *key, str(cut.offset), cut.taken_at)
        if not change.level_before:
            watch.incident = alert_id
        return LimitAlert(
            alert_id,
            kind,
            LIMIT,
            limit.limit_id,
            self.policy.name,
            self._next(),
            watch.incident,
            key,
            self.totals[key],
            value,
            limit.minimum,
            limit.maximum,
            room,
            _light(change.level_before, watched),
            _light(change.level, watched),
            watched.policy_ref,
            watched.owner,
            watched.deadline_days,
            watched.plan,
            cut,
            self.assets.get(key[1:], ()) if change.level else (),
        )

    def _judge_flow(self, flow: LargeFlow, cut: RecordedCut) -> list[LimitAlert]:
        rules = [rule for rule in self.policy.withdrawals if rule.binds(flow.entity, flow.currency)]
        assets = cut.assets.get(("currency", flow.entity, flow.currency))
        told = (flow.entity, flow.txn_id)
        # One entry may raise two alerts of large flows, its own and its window's; it is one withdrawal.
        if not rules or assets is None or told in self._transactions:
            return []
        amount = Fraction(flow.amount)
        available = sum((Fraction(asset.liquidity_value) for asset in assets), Fraction(0))
        found = [rule for rule in rules if amount >= rule.share * available]
        if found:
            self._transactions = [*self._transactions, told][-TRANSACTIONS_REMEMBERED:]
        return [self._withdrawal(rule, flow, amount, available, cut) for rule in found]

    def _withdrawal(
        self, rule: LargeWithdrawal, flow: LargeFlow, amount: Fraction, available: Fraction, cut: RecordedCut
    ) -> LimitAlert:
        key = TotalKey(WITHDRAWAL, "currency", flow.entity, flow.currency)
        alert_id = self._id(WITHDRAWAL, rule.rule_id, *key, flow.alert_id)
        return LimitAlert(
            alert_id,
            "raised",
            WITHDRAWAL,
            rule.rule_id,
            self.policy.name,
            self._next(),
            alert_id,
            key,
            Total(cut.taken_at[:10], str(amount), str(amount), str(available)),
            amount,
            None,
            rule.share * available,
            None,
            Light.GREEN,
            Light.RED,
            rule.policy_ref,
            rule.owner,
            0,
            rule.plan,
            cut,
            cut.assets[key[1:]],
            flow,
        )

    def _id(self, *parts: str) -> str:
        return str(uuid5(NAMESPACE_URL, "/tm/alert/" + "|".join((self.policy.name, *parts))))

    def _next(self) -> int:
        sequence, self.next_sequence = self.next_sequence, self.next_sequence + 1
        return sequence


def fold(state: LimitWatchState, cuts: Sequence[RecordedCut], start: int, end: int) -> list[LimitAlert]:
    """Fold the cuts of [start, end), rising by offset; those below `next_offset` count nothing again.

    Raises:
        CorruptRecord: cuts are missing before `start`.
    """
    check_contiguous(state.next_offset, start, end)
    alerts: list[LimitAlert] = []
    for cut in cuts:
        if cut.offset >= state.next_offset:
            alerts += state.take(cut)
    state.next_offset = max(state.next_offset, end)
    return alerts


def _light(level: int, watched: Watched) -> Light:
    return Light.RED if level == len(watched.bands.thresholds) else Light(level)
