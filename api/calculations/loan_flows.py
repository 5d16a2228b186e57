"""Variant `loan` of the calculation `cashflows`: one contract as core banking tells it, with its flows as the gap
books them, and what the standard gives before any rounding (LIQ-11, decisions Q13, Q17)."""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from api.calculations.fields import Inputs
from api.calculations.registry import Result
from api.calculations.texts import number_text
from engines.actus.dates import show_day
from engines.actus.events import EventType
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from engines.flow_frame import DEMAND_DAY, KINDS, PRINCIPAL, UNDATED_DAY
from engines.primitives.money import to_text
from projections.contract_flows import actus_terms, flows_minor
from projections.contract_terms import COLUMNS, ContractTerms, values_of
from streams.contract_rows import contract_terms
from streams.schemas import Contract

DAYS = {DEMAND_DAY: "DEMAND", UNDATED_DAY: "UNDATED"}


class Loan(Inputs):
    """A contract of the topic `tm.in.core.contract.v1`, by the names there."""

    amort: Literal["bullet", "equal_principal", "annuity", "zero"]
    principal: str = Field(description="decimal text, outstanding at the start")
    rate: str = Field(description="annual decimal fraction as text")
    start_date: str
    maturity_date: str
    day_count: Literal["ACT/360", "ACT/365", "30/360"] = "ACT/360"
    pay_freq: Literal["1M", "3M", "6M", "1Y", "-"] = "-"
    ccy: str = Field(default="CNY", description="ISO 4217: how many decimals money has")


def loan_flows(loan: Loan) -> Result:
    """Booked flows by date with their totals; `unrounded`: the standard's own instalment and interest.

    Raises:
        InvalidInput: as for a record of the topic.
    """
    terms = contract_terms(
        Contract(contract_id="loan", event_time="", entity_id="-", side="asset", **loan.model_dump())
    )
    rows = _booked(terms)

    def text(minor: int) -> str:
        return to_text(minor, loan.ccy)

    paying = [row for row in rows if row[1]]
    found: Result = {
        "payments": len(paying) or len(rows),
        "total_interest": text(sum(interest for _, interest, _ in rows)),
        "total_principal": text(sum(principal for _, _, principal in rows)),
    }
    for name, place in (("first", 0), ("second", 1), ("last", -1)):
        if len(rows) > (place if place >= 0 else 0):
            _, interest, principal = rows[place]
            found |= {
                f"{name}_interest": text(interest),
                f"{name}_principal": text(principal),
                f"{name}_total": text(interest + principal),
            }
    found["unrounded"] = _unrounded(terms)
    found["flows"] = [
        {"date": day, "interest": text(interest), "principal": text(principal), "total": text(interest + principal)}
        for day, interest, principal in rows
    ]
    found["terms"] = {
        name: number_text(value) if isinstance(value, float) else value for name, value in actus_terms(terms).items()
    }
    return found


def _booked(terms: ContractTerms) -> list[tuple[str, int, int]]:
    """Date, interest and principal in minor units, by date."""
    table = {name: np.array([value], np.int64) for name, value in zip(COLUMNS, values_of(terms, 0), strict=True)}
    flows = flows_minor(table, {})
    by_day: dict[int, list[int]] = {}
    columns = (flows.flow_day, flows.kind, flows.amount_minor)
    for day, kind, amount in zip(*(column.tolist() for column in columns), strict=True):
        by_day.setdefault(day, [0, 0])[KINDS[kind] == PRINCIPAL] += amount
    return [(DAYS.get(day) or show_day(day), interest, repaid) for day, (interest, repaid) in sorted(by_day.items())]


def _unrounded(terms: ContractTerms) -> Result:
    """Without the instalment that is fixed in minor units: the standard computes its own."""
    raw = actus_terms(terms)
    raw.pop("nextPrincipalRedemptionPayment", None)
    flows = evaluate(read_terms(raw)).flows
    interest = math.fsum(flow.payoff for flow in flows if flow.event.kind is EventType.IP)
    instalment = next(
        (flow.before.next_principal_redemption_payment for flow in flows if flow.event.kind is EventType.PR), None
    )
    return {
        "total_interest": number_text(interest),
        "instalment": None if instalment is None else number_text(instalment),
    }
