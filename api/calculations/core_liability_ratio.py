"""Calculation `core_liability_ratio`: what stays three months and the low of demand deposits, over liabilities."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name, NonNegative
from api.calculations.ratio_results import minimum_keys, ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import not_computable, plain_text
from engines.core_liabilities import DEMAND_SHARE, Closing, core_liability_ratio, demand_low, is_core_term
from engines.indicators import Ratio


class _Ratio(Inputs):
    total_liabilities: NonNegative
    minimum_pct: NonNegative = Fraction(60)


class _Sums(_Ratio):
    time_deposits_3m: NonNegative = Field(description="three months or more left, the day itself included")
    issued_bonds_3m: NonNegative = Field(description="as the time deposits")


class WithLow(_Sums):
    """The lowest demand-deposit balance of the last 12 months is known."""

    demand_low_12m: NonNegative


class HalfOfDemand(_Sums):
    """Supervisory variant: half of today's demand deposits. Confirm it with compliance before use."""

    demand_deposits: NonNegative


class ClosingLine(Inputs):
    date: Day
    balance: NonNegative


class _History(Inputs):
    as_of: Day
    demand_balances: list[ClosingLine] = Field(description="daily closings; a balance stands until the next")
    accept_short_history: bool = Field(default=False, description="compute with less than 12 months")


class WithHistory(_Sums, _History):
    """The low is taken from daily closings."""


class TermLiability(Inputs):
    name: Name = ""
    kind: Literal["time_deposit", "issued_bond"]
    amount: NonNegative
    maturity_date: Day


class WithContracts(_Ratio, _History):
    """The low from daily closings, and what has three months left from maturity dates."""

    term_liabilities: list[TermLiability]


def _with_low(inputs: WithLow) -> Result:
    return _result(inputs, inputs.time_deposits_3m, inputs.issued_bonds_3m, inputs.demand_low_12m)


def _half_of_demand(inputs: HalfOfDemand) -> Result:
    core = inputs.demand_deposits * DEMAND_SHARE
    return _result(inputs, inputs.time_deposits_3m, inputs.issued_bonds_3m, core)


def _with_history(inputs: WithHistory) -> Result:
    return _of_history(inputs, inputs, inputs.time_deposits_3m, inputs.issued_bonds_3m)


def _with_contracts(inputs: WithContracts) -> Result:
    sums = {"time_deposit": Fraction(0), "issued_bond": Fraction(0)}
    for line in inputs.term_liabilities:
        if is_core_term(line.maturity_date, inputs.as_of):
            sums[line.kind] += line.amount
    return _of_history(inputs, inputs, sums["time_deposit"], sums["issued_bond"])


def _of_history(ratio: _Ratio, history: _History, time_deposits: Fraction, bonds: Fraction) -> Result:
    low = demand_low([Closing(line.date, line.balance) for line in history.demand_balances], history.as_of)
    reasons = []
    if low.balance is None:
        reasons.append("there is no demand-deposit balance")
    elif not low.is_complete and not history.accept_short_history:
        reasons.append("the demand-deposit history is shorter than 12 months")
    shown = {"closings_used": low.closings, "longest_gap_days": low.longest_gap_days}
    return _result(ratio, time_deposits, bonds, low.balance, reasons) | shown


def _result(
    inputs: _Ratio, time_deposits: Fraction, bonds: Fraction, demand: Fraction | None, reasons: Sequence[str] = ()
) -> Result:
    """With `reasons` the core is not known: parts are shown, sums and ratio are null."""
    found = core_liability_ratio(time_deposits, bonds, demand or Fraction(0), inputs.total_liabilities)
    ratio = found if not reasons else Ratio(Fraction(0), Fraction(0))
    why = [*reasons] if inputs.total_liabilities else [*reasons, "total liabilities are 0"]
    shown: dict[str, Any] = {
        "time_deposits_3m": plain_text(time_deposits),
        "issued_bonds_3m": plain_text(bonds),
        "demand_deposit_core": None if demand is None else plain_text(demand),
        "core_liabilities": None if reasons else plain_text(found.numerator),
        "total_liabilities": plain_text(found.denominator),
    }
    return (
        shown
        | ratio_keys("core_liability_ratio", ratio)
        | minimum_keys(ratio, inputs.minimum_pct)
        | not_computable(why)
    )


CALCULATION = Calculation(
    "core_liability_ratio",
    "Core liabilities over total liabilities (LIQ-25).",
    (
        Variant("with_low", WithLow, _with_low),
        Variant("with_history", WithHistory, _with_history),
        Variant("with_contracts", WithContracts, _with_contracts),
        Variant("half_of_demand", HalfOfDemand, _half_of_demand),
    ),
)
