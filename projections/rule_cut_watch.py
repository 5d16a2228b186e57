"""The state over the log of recorded cuts: limits of the policy, then alert rules, in one order and one sequence.

Alerts of a cut are numbered limits first. What either decides is its own (`projections.limit_watch`,
`projections.rule_watch`); here they share totals, epochs and the place in the log.

A state of version 1 (limits alone) is carried over: the log is folded again up to where it stood for what rules look
at, telling nothing, and there its limits go on, with their lights, incidents and place in the sequence. A client's
vector stays true whatever the policy was before, and nothing told is told otherwise (ADR 0016).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Self

import msgspec

from engines.primitives.errors import CorruptRecord
from projections.alert_rules import RuleSet
from projections.limit_cuts import LimitAlert, RecordedCut
from projections.limit_policy import WatchPolicy
from projections.limit_watch import LimitWatchState
from projections.rule_incidents import RuleAlert
from projections.rule_watch import RuleDump, RuleWatch
from projections.state import check_contiguous

CutAlert = LimitAlert | RuleAlert


NO_LIMITS = WatchPolicy("none", (), ())
Limits = Callable[[WatchPolicy], LimitWatchState]


class _Carried(msgspec.Struct, array_like=True):
    """Limits of version 1 as they stood at an offset; `rules`: the newest set that the cuts below it tell."""

    limits: bytes
    offset: int
    rules: RuleSet | None = None


class _Dump(msgspec.Struct, array_like=True):
    limits: bytes
    rules: RuleDump
    carried: _Carried | None = None


class CutWatchState:
    """Holds exactly the cuts in [0, next_offset) of the one partition (`projections.state.FoldedState`)."""

    FOLD_VERSION: ClassVar[int] = 2  # 1: limits alone

    def __init__(self, policy: WatchPolicy, limits: Limits = LimitWatchState) -> None:
        self._policy, self._limits_of = policy, limits
        self.limits = limits(policy)
        self.rules = RuleWatch()
        self._carried: _Carried | None = None

    @classmethod
    def after_limits(cls, dump: bytes, policy: WatchPolicy) -> Self:
        """At the log's start, carrying over a state of version 1. Raises CorruptRecord: unreadable."""
        state = cls(policy)
        state._carried = _Carried(dump, LimitWatchState.load(dump, policy).next_offset)
        state.limits = LimitWatchState(NO_LIMITS)
        return state

    @property
    def is_settled(self) -> bool:
        """False while an older state is carried over: then its limits are not yet those of its offset."""
        return self._carried is None

    @property
    def next_offset(self) -> int:
        return self.limits.next_offset

    @next_offset.setter
    def next_offset(self, offset: int) -> None:
        self.limits.next_offset = offset

    @property
    def next_sequence(self) -> int:
        return self.limits.next_sequence

    @property
    def fenced(self) -> int:
        return self.limits.fenced

    # -- the laws (projections.state) --------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(_Dump(self.limits.dump(), self.rules.dumped(), self._carried))

    def dump_delta(self) -> bytes:
        """The whole state again: it is small, and what changed in it is most of it."""
        return self.dump()

    def apply_delta(self, delta: bytes) -> None:
        dump = _decoded(delta)
        self._carried = dump.carried
        self.limits = self._limits_of(self._policy if self._carried is None else NO_LIMITS)
        self.limits.apply_delta(dump.limits)
        self.rules.restore(dump.rules)

    @classmethod
    def load(cls, dump: bytes, policy: WatchPolicy, limits: Limits = LimitWatchState) -> Self:
        state = cls(policy, limits)
        state.apply_delta(dump)
        return state

    def canonical_bytes(self) -> bytes:
        parts = self.FOLD_VERSION, self.limits.canonical_bytes(), self.rules.dumped(), self._carried
        return msgspec.msgpack.encode(parts)

    # -- one cut -----------------------------------------------------------------------------------------------

    def take(self, cut: RecordedCut) -> list[CutAlert]:
        if self._carried is not None:
            if cut.offset < self._carried.offset:
                self._look_back(cut, self._carried)
                return []
            cut = self._settle(cut, self._carried)
        return self._take(cut)

    def _take(self, cut: RecordedCut) -> list[CutAlert]:
        fenced = self.limits.fenced
        known = list(self.limits.totals)
        alerts: list[CutAlert] = [*self.limits.take(cut)]
        if self.limits.fenced != fenced:
            return alerts
        totals = self.limits.totals
        gone = [key for key in known if key not in totals] if cut.whole else cut.gone
        found = self.rules.take(cut, totals, gone, self.limits.next_sequence)
        self.limits.next_sequence += len(found)
        return [*alerts, *found]

    # -- what an older version left ----------------------------------------------------------------------------

    def _look_back(self, cut: RecordedCut, carried: _Carried) -> None:
        """What rules look at is taken, and none is asked: the alerts of this cut were told, or never will be."""
        fenced = self.limits.fenced
        self._take(replace(cut, rules=None))
        if cut.rules is not None and self.limits.fenced == fenced:
            carried.rules = cut.rules

    def _settle(self, cut: RecordedCut, carried: _Carried) -> RecordedCut:
        """The limits as they were left; rules that were told meanwhile are in force from this cut on."""
        self.limits, self._carried = self._limits_of(self._policy), None
        self.limits.apply_delta(carried.limits)
        return cut if cut.rules is not None or cut.epoch < self.limits.epoch else replace(cut, rules=carried.rules)


def fold(state: CutWatchState, cuts: Sequence[RecordedCut], start: int, end: int) -> list[CutAlert]:
    """Fold the cuts of [start, end), rising by offset; those below `next_offset` count nothing again.

    Raises:
        CorruptRecord: cuts are missing before `start`.
    """
    check_contiguous(state.next_offset, start, end)
    alerts: list[CutAlert] = []
    for cut in cuts:
        if cut.offset >= state.next_offset:
            alerts += state.take(cut)
    state.next_offset = max(state.next_offset, end)
    return alerts


def _decoded(dump: bytes) -> _Dump:
    try:
        return msgspec.msgpack.decode(dump, type=_Dump)
    except msgspec.DecodeError as error:
        raise CorruptRecord("the dump is unreadable") from error
