"""Large outflows: which of them alert, and whether one is released, queued, or covered by finding funds (LIQ-02).

The rolling rule as on the live stream, for a history that is at hand as a whole. The window over an endless stream,
with late entries and reversals, is `projections.large_flows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput

WINDOW_SECONDS = 3_600
ZERO = Fraction(0)

#: What the bank pays of its own will (first two), or because a customer asks for the customer's money.
FlowKind = Literal["bank_payment", "loan_drawdown", "customer_cash", "customer_transfer"]
Decision = Literal["RELEASE", "QUEUE"]
Action = Literal["RELEASE", "QUEUE", "DISPATCH", "ESCALATE"]


@dataclass(frozen=True, slots=True)
class Outflow:
    """Amounts in one currency, > 0."""

    customer: str
    second: int  # event time, in seconds from any one instant
    amount: Fraction


@dataclass(frozen=True, slots=True)
class FlowAlert:
    """What one outflow raised. `is_rolling` holds above the threshold, `is_rolling_alert` is the step to it."""

    rolling: Fraction  # sum of the customer's outflows in the window, this one included
    is_single: bool
    is_rolling: bool
    is_rolling_alert: bool

    @property
    def is_alert(self) -> bool:
        return self.is_single or self.is_rolling_alert


def flow_alerts(
    outflows: Sequence[Outflow],
    single_threshold: Fraction,
    rolling_threshold: Fraction,
    window_seconds: int = WINDOW_SECONDS,
) -> list[FlowAlert]:
    """Judge each outflow in the order given, by its own event time t: its window is (t - W, t] of those before it.

    A threshold that is just reached alerts. The rolling rule alerts on the step from below and re-arms below.
    Raises:
        InvalidInput: an amount is not above 0, or the window is not.
    Source: LIQ-02; decision S15.
    """
    if window_seconds < 1:
        raise InvalidInput("want a window of at least one second", field="window_seconds")
    seen: dict[str, list[Outflow]] = {}
    above: set[str] = set()
    found = []
    for at, flow in enumerate(outflows):
        if flow.amount <= 0:
            record = f"flows[{at}]"
            raise InvalidInput("an outflow must be above zero", field=f"{record}.amount", record=record)
        own = seen.setdefault(flow.customer, [])
        own.append(flow)
        start = flow.second - window_seconds
        rolling = sum((one.amount for one in own if start < one.second <= flow.second), ZERO)
        is_rolling = rolling >= rolling_threshold
        is_step = is_rolling and flow.customer not in above
        if is_rolling:
            above.add(flow.customer)
        else:
            above.discard(flow.customer)
        found.append(FlowAlert(rolling, flow.amount >= single_threshold, is_rolling, is_step))
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """`shortfall` is what the position lacks to its floor after the payment, >= 0: funds to find on a release."""

    decision: Decision
    actions: tuple[Action, ...]
    post: Fraction  # available position after the payment
    shortfall: Fraction
    may_queue: bool  # no customer's right stands against holding this payment back
    reason: str  # a stable slug


def decide(
    kind: FlowKind,
    amount: Fraction,
    available: Fraction,
    floor: Fraction,
    *,
    has_approved_reservation: bool = False,
    cash_notice_threshold: Fraction | None = None,
) -> Verdict:
    """Release a large outflow, or queue it, by what it leaves of the available position.

    At or above the floor: release. Below it a reserved flow is released and funds are dispatched. Any other is
    queued and escalated where the bank may hold it back; where the customer has a right to the money it is released
    all the same, and the answer is to find funds.

    Args:
        amount: > 0; available, floor: in the same currency, the available position before the payment.
        cash_notice_threshold: unreserved cash above it needs notice; None: no notice is asked, cash is never queued.
    Raises:
        InvalidInput: an amount that is not above 0.
    Source: LIQ-02; the right to withdraw: Commercial Banks Law of the PRC, article 33.
    """
    if amount <= 0:
        raise InvalidInput("an outflow must be above zero", field="amount")
    post = available - amount
    shortfall = max(ZERO, floor - post)
    lacks_notice = (
        kind == "customer_cash"
        and not has_approved_reservation
        and cash_notice_threshold is not None
        and amount > cash_notice_threshold
    )
    may_queue = lacks_notice or kind in ("bank_payment", "loan_drawdown")

    def verdict(decision: Decision, actions: tuple[Action, ...], reason: str) -> Verdict:
        return Verdict(decision, actions, post, shortfall, may_queue, reason)

    if not shortfall:
        return verdict("RELEASE", ("RELEASE",), "at-or-above-floor")
    if has_approved_reservation:
        return verdict("RELEASE", ("RELEASE", "DISPATCH"), "reserved-below-floor")
    if may_queue:
        return verdict("QUEUE", ("QUEUE", "ESCALATE"), "unreserved-below-floor")
    return verdict("RELEASE", ("RELEASE", "DISPATCH", "ESCALATE"), "customer-right-below-floor")
