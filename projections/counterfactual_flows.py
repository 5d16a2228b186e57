"""Large flows under two rule sets at once: as they are, and as they would have been (LIQ-02).

Both watch the same entries after the same judgement of what is new, so that what differs is the rules' doing alone.
Branches only: nothing here is stored or published, and what no alert reads (sums of positions and deposits) is not
kept. Not for comparing the two: that is `streams.counterfactual_compare`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances
from projections.large_flow_policy import NEVER, LargeFlowPolicy
from projections.large_flows import AlertRaised, LargeFlows, Outflows
from projections.large_flows import _Rising as Rising
from projections.positions import Movements, Positions
from projections.transactions import TransactionState

Key = tuple[str, ...]
NO_RULES = LargeFlowPolicy.parse(
    {
        "version": [
            {
                "name": "-",
                "effective_from": "1970-01-01T00:00:00Z",
                "window_minutes": 1,
                "lateness_minutes": 0,
                "rule": [],
            }
        ]
    }
)


class ChangedFlows(LargeFlows):
    """The watch under changed rules."""

    def judge_again(self, keys: Sequence[Key]) -> None:
        """Who is above, after a state was taken over that other rules had judged.

        The window total at a customer's newest outflow decides; where its positions have several thresholds,
        the lowest. Whoever has no outflow left in the window keeps the total it was last judged by.
        """
        known, self._above = self._above, {}
        starts = [version.effective_from_us for version in self.policy.versions]
        lowest = self._lowest_thresholds()
        reaches = self._flows["bound_minor"] >= lowest.min(axis=0, initial=NEVER)
        window = self._window
        for flow in sorted({*np.flatnonzero(reaches).tolist(), *known}):
            rows = self._entries_of(flow)
            before = known.get(flow)
            if rows:
                t = int(window["event_time_us"][rows[-1]])
            elif before is not None:
                t = before.event_time_us
            else:
                continue
            at = max(int(np.searchsorted(starts, t, "right")) - 1, 0)
            span, threshold = self.policy.versions[at].window_us, int(lowest[at, flow])
            if rows:
                time, amount = window["event_time_us"][rows], window["amount_minor"][rows]
                total = int(amount[(time > t - span) & (time <= t)].sum())
            else:
                total = 0 if before is None else before.rolling_minor
            if total >= threshold:
                position = int(np.flatnonzero(self._flow_of_row["flow"] == flow)[0])
                self._above[flow] = Rising(position, total, threshold, span, t)
        self._changed_flows.clear()

    def _lowest_thresholds(self) -> NDArray[np.int64]:
        """Rolling thresholds, shape (versions, customers), minor units."""
        lowest = np.full((len(self.policy.versions), self._flows.rows), NEVER, np.int64)
        for number in range(len(self.policy.versions)):
            np.minimum.at(lowest[number], self._flow_of_row["flow"], self._thresholds[f"rolling_{number}"])
        return lowest


class BranchedFlows(LargeFlows):
    """The watch under the rules as they are, and beside it the branch; `answers` keeps what the branch raised.

    A changed rule is taken to have been in force from the first entry that is folded. Where that is not the log's
    first, because a stored state was loaded, the windows are facts and are taken over; who counts as above is a
    judgement, and is judged again. What was raised before is what really was raised, so that a correction answers an
    alert that somebody has had.
    """

    def __init__(self, rules: LargeFlowPolicy, changed: LargeFlowPolicy) -> None:
        LargeFlows.__init__(self, rules)
        self.branch = ChangedFlows(changed)
        self.answers: list[AlertRaised] = []

    def learn(self, keys: Sequence[Key]) -> None:
        LargeFlows.learn(self, keys)
        self.branch.learn(keys)

    def add(self, batch: Outflows, keys: Sequence[Key]) -> list[AlertRaised]:
        self.answers += self.branch.add(batch, keys)
        return LargeFlows.add(self, batch, keys)

    def forget(self, newest_us: int) -> None:
        LargeFlows.forget(self, newest_us)
        self.branch.forget(newest_us)

    def apply(self, dump: bytes) -> None:
        LargeFlows.apply(self, dump)
        self.branch.apply(dump)

    def take_answers(self) -> list[AlertRaised]:
        answers, self.answers = self.answers, []
        return answers

    def judge_again(self, keys: Sequence[Key]) -> None:
        """After a stored state was loaded: who is above under the changed rules."""
        if self.branch.policy != self.policy:
            self.branch.judge_again(keys)


class BranchState(TransactionState):
    """A transaction state that is read from a log and thrown away."""

    def restore(self, base: bytes, deltas: Sequence[bytes]) -> None:
        """Take over a stored state; this one must be empty."""
        self._put(base, first=True)
        for delta in deltas:
            self.apply_delta(delta)


class AlertState(BranchState):
    """A transaction state of which only alerts are wanted, under two rule sets."""

    def __init__(self, rules: LargeFlowPolicy, changed: LargeFlowPolicy, horizon_days: int) -> None:
        super().__init__(rules, horizon_days)
        self.branched = BranchedFlows(rules, changed)
        self.flows = self.branched
        self.positions = _KeysOnly()
        self.depositors = _Unmoved(self.insurance)

    def restore(self, base: bytes, deltas: Sequence[bytes]) -> None:
        super().restore(base, deltas)
        self.branched.judge_again(self.positions.keys)


class DepositState(BranchState):
    """A transaction state of which only deposits are wanted: what the ratios are made of."""

    def __init__(self, horizon_days: int, insurance: DepositInsurance) -> None:
        super().__init__(NO_RULES, horizon_days, insurance)
        self.flows = _Unwatched(NO_RULES)
        self.positions = _KeysOnly()


class _KeysOnly(Positions):
    def add(self, moves: Movements) -> None:
        """Nobody asks for sums."""


class _Unmoved(DepositorBalances):
    def learn(self, keys: Sequence[Key], depositors: NDArray[np.int64]) -> None:
        """Nobody asks for deposits."""

    def add(self, position_row: NDArray[np.int64], settled_minor: NDArray[np.int64]) -> None:
        """Nobody asks for deposits."""

    def apply(self, dump: bytes) -> None:
        """Nobody asks for deposits."""


class _Unwatched(LargeFlows):
    def add(self, batch: Outflows, keys: Sequence[Key]) -> list[AlertRaised]:
        return []

    def forget(self, newest_us: int) -> None:
        """Nothing is kept."""

    def apply(self, dump: bytes) -> None:
        """Nothing is kept."""
