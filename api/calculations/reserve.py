"""Calculation `reserve`: required and excess reserves, the average still to be held, and what to do."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative, PositiveCount, Share
from api.calculations.ratio_results import AVERAGE_DIGITS, ratio_keys_or_reason
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import NOT_COMPUTABLE, decimal_or_null, exact_text, not_computable, plain_text
from engines.indicators import Ratio
from engines.reserves import Reserve, needed_average, reserve_action


class Averaging(Inputs):
    """A maintenance period that is met on average."""

    maintenance_days: PositiveCount
    required_average: NonNegative
    balances: list[NonNegative] = Field(description="of the days of the period so far")


class Corridor(Inputs):
    """Of the excess ratio, as fractions; its edges are inside."""

    low: Exact
    high: Exact


class Standing(Inputs):
    """`corridor` adds an action, `averaging` the average still to be held."""

    central_bank_balance: NonNegative
    required_reserve_ratio: Share
    reservable_deposits: NonNegative
    deposits: NonNegative | None = Field(default=None, description="of the excess ratio; default: reservable ones")
    corridor: Corridor | None = None
    averaging: Averaging | None = None


def _of_averaging(inputs: Averaging) -> Result:
    return _averaging(inputs)


def _of_standing(inputs: Standing) -> Result:
    required = inputs.required_reserve_ratio * inputs.reservable_deposits
    deposits = inputs.reservable_deposits if inputs.deposits is None else inputs.deposits
    reserve = Reserve(inputs.central_bank_balance, required, deposits)
    result: Result = {
        "required_reserves": plain_text(reserve.required),
        "excess_reserves": plain_text(reserve.excess),
        **ratio_keys_or_reason("excess_ratio", reserve.excess_ratio, "deposits"),
    }
    if inputs.corridor is not None:
        advice = reserve_action(reserve, inputs.corridor.low, inputs.corridor.high)
        result["action"] = None if advice is None else advice[0]
        result["action_amount"] = None if advice is None else plain_text(advice[1])
    if inputs.averaging is not None:
        result = _merged(result, _averaging(inputs.averaging, "averaging."))
    return result


def _averaging(inputs: Averaging, path: str = "") -> dict[str, Any]:
    needed: Ratio = needed_average(inputs.required_average, inputs.balances, inputs.maintenance_days, path=path)
    held = sum(inputs.balances, Fraction(0))
    average = Ratio(held, Fraction(len(inputs.balances))).value
    return {
        "days_left": int(needed.denominator),
        "average_so_far": decimal_or_null(average, AVERAGE_DIGITS),
        "still_to_hold": plain_text(needed.numerator),
        "needed_average": decimal_or_null(needed.value, AVERAGE_DIGITS),
        "needed_average_exact": exact_text(needed.value),
        **not_computable([] if needed.denominator else ["no days are left in the maintenance period"]),
    }


def _merged(first: Result, second: Result) -> Result:
    """Both; if neither part could be computed, both reasons."""
    reasons = [part["reason"] for part in (first, second) if part.get("status") == NOT_COMPUTABLE]
    return first | second | not_computable(reasons)


CALCULATION = Calculation(
    "reserve",
    "Required and excess reserves, average still to be held, and action (LIQ-10).",
    (Variant("standing", Standing, _of_standing), Variant("averaging", Averaging, _of_averaging)),
)
