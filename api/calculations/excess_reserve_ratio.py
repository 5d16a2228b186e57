"""Calculation `excess_reserve_ratio`: reserves above the requirement over deposits, one ratio per currency group."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Inputs, NonNegative
from api.calculations.ratio_results import ratio_keys_or_reason
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, plain_text
from engines.indicators import Ratio, excess_reserve_ratio


class _Excess(Inputs):
    central_bank_balance: NonNegative
    required_reserves: NonNegative
    deposits: NonNegative


class Rmb(_Excess):
    """Renminbi."""

    include_vault_cash: bool = False
    vault_cash: NonNegative = Fraction(0)
    amber_below_pct: NonNegative = Fraction(2)


class ForeignCurrency(_Excess):
    """All foreign currencies together, converted: what banks owe on demand and cash count as well."""

    due_from_banks_on_demand: NonNegative
    cash: NonNegative = Field(description="foreign notes")
    amber_below_pct: NonNegative = Fraction(5)


def _rmb(inputs: Rmb) -> Result:
    excess = inputs.central_bank_balance - inputs.required_reserves
    cash = inputs.vault_cash if inputs.include_vault_cash else Fraction(0)
    return _result(excess, excess_reserve_ratio(excess, inputs.deposits, cash=cash), inputs.amber_below_pct)


def _foreign(inputs: ForeignCurrency) -> Result:
    excess = inputs.central_bank_balance - inputs.required_reserves
    due = inputs.due_from_banks_on_demand
    ratio = excess_reserve_ratio(excess, inputs.deposits, due_from_banks_on_demand=due, cash=inputs.cash)
    return _result(excess, ratio, inputs.amber_below_pct)


def _result(excess: Fraction, ratio: Ratio, amber_below_pct: Fraction) -> Result:
    is_enough = ratio.is_at_least(amber_below_pct / 100)
    return {
        "excess_reserves": plain_text(excess),
        "numerator": plain_text(ratio.numerator),
        "deposits": plain_text(ratio.denominator),
        **ratio_keys_or_reason("excess_reserve_ratio", ratio, "deposits"),
        "amber_below_pct": decimal_text(amber_below_pct, 6),
        "is_amber": None if is_enough is None else not is_enough,
    }


CALCULATION = Calculation(
    "excess_reserve_ratio",
    "Excess reserves over deposits, RMB or foreign currency (LIQ-26).",
    (Variant("rmb", Rmb, _rmb), Variant("foreign_currency", ForeignCurrency, _foreign)),
)
