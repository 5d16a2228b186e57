"""Calculation `large_flow`: which outflows alert; whether one is released, queued, or covered by finding funds."""

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, Positive, PositiveCount
from api.calculations.intraday_inputs import Time
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import plain_text
from engines.intraday import DAY_SECONDS
from engines.large_flow_decision import FlowKind, Outflow, decide, flow_alerts
from engines.primitives.errors import InvalidInput


class FlowLine(Inputs):
    """Outflows in the order in which they became known; one currency."""

    customer: Name = ""
    date: Day | None = Field(default=None, description="of the event; all lines have one, or none: one day")
    time: Time
    amount: Positive


class Flows(Inputs):
    flows: list[FlowLine]
    single_threshold: Positive
    rolling_threshold: Positive
    window_minutes: PositiveCount = 60


class Payment(Inputs):
    """One large outflow; `kind` says whether the bank may hold it back."""

    available: Exact = Field(description="position before the payment, see four_positions")
    amount: Positive
    floor: Exact
    kind: FlowKind = "bank_payment"
    has_approved_reservation: bool = False
    cash_notice_threshold: NonNegative | None = Field(default=None, description="cash above it needs notice")


def _alerts(inputs: Flows) -> Result:
    flows = [Outflow(line.customer, _second(inputs, at), line.amount) for at, line in enumerate(inputs.flows)]
    found = flow_alerts(flows, inputs.single_threshold, inputs.rolling_threshold, 60 * inputs.window_minutes)
    rows = [
        {
            "customer": line.customer,
            "amount": plain_text(line.amount),
            "rolling": plain_text(one.rolling),
            "is_single_alert": one.is_single,
            "is_at_rolling_threshold": one.is_rolling,
            "is_rolling_alert": one.is_rolling_alert,
            "is_alert": one.is_alert,
        }
        for line, one in zip(inputs.flows, found, strict=True)
    ]
    return {"alerts": sum(one.is_alert for one in found), "flows": rows}


def _second(inputs: Flows, at: int) -> int:
    line = inputs.flows[at]
    if (line.date is None) != (inputs.flows[0].date is None):
        record = f"flows[{at}]"
        raise InvalidInput("want a date in all lines, or in none", field=f"{record}.date", record=record)
    return line.time + (0 if line.date is None else line.date.toordinal() * DAY_SECONDS)


def _decision(inputs: Payment) -> Result:
    found = decide(
        inputs.kind,
        inputs.amount,
        inputs.available,
        inputs.floor,
        has_approved_reservation=inputs.has_approved_reservation,
        cash_notice_threshold=inputs.cash_notice_threshold,
    )
    return {
        "decision": found.decision,
        "actions": list(found.actions),
        "reason": found.reason,
        "post": plain_text(found.post),
        "shortfall": plain_text(found.shortfall),
        "may_queue": found.may_queue,
    }


CALCULATION = Calculation(
    "large_flow",
    "Alerts on single and adding-up outflows, and the decision on one of them (LIQ-02).",
    (Variant("flows", Flows, _alerts), Variant("decision", Payment, _decision)),
    sheets_of("amount", "rolling"),
)
