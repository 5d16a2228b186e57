"""Calculation `liquidity_indicators`: the eight ratios of asset and liability liquidity, with trend and peers."""

from dataclasses import fields
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative
from api.calculations.ratio_results import ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import not_computable, percent_text
from engines.indicators import DIRECTIONS, Balances, Liquid, Ratio, liquidity_change, liquidity_indicators

TRENDS = {1: "MORE_LIQUID", 0: "UNCHANGED", -1: "LESS_LIQUID"}

DENOMINATORS = {
    "pledged_securities": "total securities",
    "brokered_deposits": "total deposits",
    "deposit_composition": "time deposits",
}


class BalanceSheet(Inputs):
    total_assets: NonNegative
    cash: NonNegative
    due_from_banks: NonNegative
    interbank_lent: NonNegative
    interbank_borrowed: NonNegative
    government_bonds: NonNegative
    loans_and_leases: NonNegative
    pledged_securities: NonNegative
    total_securities: NonNegative
    brokered_deposits: NonNegative
    total_deposits: NonNegative
    core_deposits: NonNegative
    demand_deposits: NonNegative
    time_deposits: NonNegative


class Peers(Inputs):
    """Ratios of a peer group, as fractions."""

    cash_position: Exact | None = None
    net_federal_funds: Exact | None = None
    liquid_securities: Exact | None = None
    capacity: Exact | None = None
    pledged_securities: Exact | None = None
    brokered_deposits: Exact | None = None
    core_deposits: Exact | None = None
    deposit_composition: Exact | None = None


class LiquidityIndicators(BalanceSheet):
    """`previous` adds the change since an earlier date, `peers` the difference from a peer group."""

    previous: BalanceSheet | None = None
    peers: Peers | None = Field(default=None)


def _compute(inputs: LiquidityIndicators) -> Result:
    now = liquidity_indicators(_balances(inputs))
    before = None if inputs.previous is None else liquidity_indicators(_balances(inputs.previous))
    rows: list[dict[str, Any]] = []
    reasons: dict[str, None] = {}  # an ordered set: several ratios share a denominator
    for name, ratio in now.items():
        higher = "more liquid" if DIRECTIONS[name] is Liquid.MORE else "less liquid"
        row: dict[str, Any] = {"indicator": name, "higher_is": higher, **ratio_keys("ratio", ratio)}
        if before is not None:
            row |= _compared("previous", "change", name, ratio, before[name].value)
        if inputs.peers is not None:
            row |= _compared("peer", "difference", name, ratio, getattr(inputs.peers, name))
        rows.append(row)
        denominator = DENOMINATORS.get(name, "total assets")
        if not ratio.denominator:
            reasons[f"{denominator} are 0"] = None
        if before is not None and not before[name].denominator:
            reasons[f"previous {denominator} were 0"] = None
    return {"indicators": rows, **not_computable(reasons)}


def _compared(other_name: str, difference_name: str, name: str, own: Ratio, other: Fraction | None) -> dict[str, Any]:
    """The other ratio, own less other in percentage points, and what it means; null where either has no value."""
    difference = None if own.value is None or other is None else own.value - other
    return {
        f"{other_name}_pct": percent_text(other),
        f"{difference_name}_pct": percent_text(difference),
        f"{difference_name}_means": None if difference is None else TRENDS[liquidity_change(name, difference)],
    }


def _balances(sheet: BalanceSheet) -> Balances:
    return Balances(**{field.name: getattr(sheet, field.name) for field in fields(Balances)})


CALCULATION = Calculation(
    "liquidity_indicators",
    "Eight liquidity ratios of assets and liabilities, with direction, trend and peers (LIQ-31).",
    (Variant("default", LiquidityIndicators, _compute),),
)
