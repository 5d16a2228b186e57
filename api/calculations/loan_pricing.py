"""Calculation `loan_pricing`: the least rate that covers funds, expected loss, cost and capital."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import exact_text, not_computable, percent_text
from engines.loan_pricing import price_floor
from engines.primitives.errors import InvalidInput


class Loan(Inputs):
    """Rates are fractions of the balance a year."""

    ftp_rate: Exact = Field(description="transfer rate of the loan's funds, add-ons included")
    expected_loss: NonNegative | None = Field(
        default=None, description="or probability_of_default and loss_given_default"
    )
    probability_of_default: Share | None = None
    loss_given_default: Share | None = None
    cost: NonNegative
    risk_weight: NonNegative
    target_capital_ratio: Share
    hurdle_rate: Exact
    offered_rate: Exact | None = Field(default=None, description="a rate to compare with the floor")


class NamedLoan(Loan):
    name: Name


class Loans(Inputs):
    """Several loans."""

    loans: list[NamedLoan]


def _of_loan(inputs: Loan) -> Result:
    found, reason = _priced(inputs)
    return found | not_computable([reason] if reason else [])


def _of_loans(inputs: Loans) -> Result:
    rows, reasons = [], []
    for at, loan in enumerate(inputs.loans):
        with placed(f"loans[{at}]"):
            found, reason = _priced(loan)
        rows.append({"name": loan.name, **found})
        reasons += [f"{loan.name}: {reason}"] if reason else []
    return {"loans": rows} | not_computable(reasons)


def _priced(loan: Loan) -> tuple[dict[str, Any], str]:
    """The figures of one loan, and why one of them is null."""
    floor = price_floor(
        loan.ftp_rate,
        _expected_loss(loan),
        loan.cost,
        risk_weight=loan.risk_weight,
        target_capital_ratio=loan.target_capital_ratio,
        hurdle_rate=loan.hurdle_rate,
    )
    found: dict[str, Any] = {
        "funds_pct": percent_text(floor.funds),
        "expected_loss_pct": percent_text(floor.expected_loss),
        "cost_pct": percent_text(floor.cost),
        "capital_charge_pct": percent_text(floor.capital_charge),
        "minimum_rate_pct": percent_text(floor.rate),
        "minimum_rate_exact": exact_text(floor.rate),
    }
    if loan.offered_rate is None:
        return found, ""
    earned = floor.return_on_capital(loan.offered_rate)
    found |= {
        "offered_rate_pct": percent_text(loan.offered_rate),
        "surplus_pct": percent_text(floor.surplus(loan.offered_rate)),
        "meets_minimum": floor.surplus(loan.offered_rate) >= 0,
        "return_on_capital_pct": percent_text(earned),
        "return_on_capital_exact": exact_text(earned),
    }
    return found, "the loan needs no capital" if earned is None else ""


def _expected_loss(loan: Loan) -> Fraction:
    default, given_default = loan.probability_of_default, loan.loss_given_default
    if loan.expected_loss is not None:
        if default is not None or given_default is not None:
            message = "want expected_loss, or probability_of_default with loss_given_default, not both"
            raise InvalidInput(message, field="expected_loss")
        return loan.expected_loss
    if default is None or given_default is None:
        raise InvalidInput("want it, or probability_of_default with loss_given_default", field="expected_loss")
    return default * given_default


CALCULATION = Calculation(
    "loan_pricing",
    "Minimum loan rate: funds, expected loss, cost and capital charge (LIQ-48).",
    (Variant("loan", Loan, _of_loan), Variant("loans", Loans, _of_loans)),
    sheets_of(
        "funds_pct",
        "expected_loss_pct",
        "cost_pct",
        "capital_charge_pct",
        "minimum_rate_pct",
        "offered_rate_pct",
        "surplus_pct",
        "return_on_capital_pct",
    ),
)
