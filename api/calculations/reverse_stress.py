"""Calculation `reverse_stress`: what breaks the bank, by run-off, multiple, past crisis, or depositors who leave."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Positive, PositiveCount, Share
from api.calculations.nested_sheets import sheets
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.reverse_stress_depositors import Depositors, smallest_sets
from api.calculations.stress import ShockSizes
from api.calculations.stress_inputs import DIGITS, BookInputs, Calculations, base_results, figures, results_after
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, not_computable, percent_text, plain_text
from engines.primitives.errors import InvalidInput
from engines.reverse_stress import BreakingMultiple, bisect_multiple, breaking_multiple, breaking_run_off, replay
from engines.shock_families import DEFAULT_RULE, Rule, check_shocks, scaled
from engines.stress import second_round

BRACKET = Fraction(1, 10**9)


class FigureLimit(Inputs):
    """A limit on a figure of one of the `calculations`."""

    calculation: Name
    figure: Name = Field(description="a figure with a value, as lcr_pct; compared on its exact twin if there is one")
    minimum: Exact | None = None
    maximum: Exact | None = None


class Breaking(BookInputs, Calculations):
    """The breaking run-off and the breaking multiple of a scenario, and multiples that break limits."""

    horizon_days: PositiveCount
    shocks: ShockSizes
    minimum_cover: Positive = Fraction(1)
    largest_multiple: Positive = Fraction(100)
    limits: list[FigureLimit] = Field(default=[])


class SecondRound(Inputs):
    """Securities sold into a fallen market."""

    market_value: NonNegative
    price_fall: Share
    price_impact: Share


class Replay(BookInputs):
    """A past crisis day by day on today's book."""

    horizon_days: PositiveCount = Field(description="whose flows are due")
    path: list[ShockSizes] = Field(min_length=1, description="the shocks of each day alone", max_length=1000)
    rule: Rule = DEFAULT_RULE


def _breaking(inputs: Breaking) -> Result:
    check_shocks(inputs.shocks)
    book, release, days = inputs.book(inputs.horizon_days), inputs.release(), inputs.horizon_days
    found = breaking_run_off(book, inputs.shocks, horizon_days=days, release=release)
    multiple = breaking_multiple(
        book,
        inputs.shocks,
        horizon_days=days,
        minimum_cover=inputs.minimum_cover,
        largest=inputs.largest_multiple,
        release=release,
    )
    reasons = []
    if found.run_off is None:
        reasons.append("deposits that leave change nothing")
    elif found.multiple is None:
        reasons.append("the scenario's run-off is 0")
    return {
        **figures(inputs.stressed(inputs.shocks, days)),
        "scenario_run_off_pct": percent_text(found.scenario_run_off),
        "breaking_run_off_pct": percent_text(found.run_off),
        "breaking_run_off_exact": exact_text(found.run_off),
        "run_off_multiple": decimal_or_null(found.multiple, DIGITS),
        "run_off_multiple_exact": exact_text(found.multiple),
        "breaking_amount": None if found.run_off is None else decimal_text(found.run_off * book.deposits, DIGITS),
        "scenario_multiple": _multiple(multiple),
        "limits": _limits(inputs),
        **not_computable(reasons),
    }


def _limits(inputs: Breaking) -> list[dict[str, Any]]:
    base = base_results(inputs.calculations)
    rows = []
    for at, limit in enumerate(inputs.limits):
        record = f"limits[{at}]"
        if limit.calculation not in base:
            raise InvalidInput("there are no inputs of that name", field=f"{record}.calculation", record=record)
        if limit.minimum is None and limit.maximum is None:
            raise InvalidInput("want a minimum or a maximum", field=f"{record}.minimum", record=record)
        _value(base[limit.calculation], limit.figure, record)
        found = bisect_multiple(_breaks(inputs, limit, record), inputs.largest_multiple, tolerance=BRACKET)
        rows.append({"calculation": limit.calculation, "figure": limit.figure, **_multiple(found)})
    return rows


def _breaks(inputs: Breaking, limit: FigureLimit, record: str) -> Any:
    given = {limit.calculation: inputs.calculations[limit.calculation]}

    def breaks(multiple: Fraction) -> bool:
        shocks = scaled(inputs.shocks, multiple)
        result, unpaid = results_after(given, inputs, shocks, inputs.horizon_days)[limit.calculation]
        value = _value(result, limit.figure, record)
        if unpaid:
            return True  # out of money: no figure of what is left makes that good
        if value is None:
            return False
        is_below = limit.minimum is not None and value < limit.minimum
        return is_below or (limit.maximum is not None and value > limit.maximum)

    return breaks


def _value(result: Mapping[str, Any], figure: str, record: str) -> Fraction | None:
    """A figure without its rounding where `_exact` stands beside `_pct`; null as it is."""
    if figure not in result:
        raise InvalidInput(f"the calculation has no figure {figure!r}", field=f"{record}.figure", record=record)
    exact = result.get(figure.removesuffix("_pct") + "_exact") if figure.endswith("_pct") else None
    value = result[figure] if exact is None else exact
    if value is None:
        return None
    try:
        number = Fraction(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{figure!r} is not a number", field=f"{record}.figure", record=record) from error
    return number if exact is None else number * 100


def _multiple(found: BreakingMultiple) -> dict[str, Any]:
    """Rounded down: the bank survives at the multiple shown."""
    state = "ALREADY_BROKEN" if found.is_broken_unshocked else "BREAKS" if found.breaks is not None else "NOT_BROKEN"
    return {
        "multiple": None if found.survives is None else decimal_text(_down(found.survives), DIGITS),
        "multiple_exact": exact_text(found.survives) if found.is_exact else None,
        "is_exact": found.is_exact,
        "state": state,
    }


def _down(value: Fraction) -> Fraction:
    return Fraction(value * 10**DIGITS // 1, 10**DIGITS)


def _second_round(inputs: SecondRound) -> Result:
    value = second_round(inputs.market_value, inputs.price_fall, inputs.price_impact)
    return {
        "market_value_after": plain_text(value),
        "loss": plain_text(inputs.market_value - value),
        "first_round_loss": plain_text(inputs.market_value * inputs.price_fall),
    }


def _replayed(inputs: Replay) -> Result:
    found = replay(inputs.book(inputs.horizon_days), inputs.path, rule=inputs.rule)
    days = [{"day": day, **figures(one)} for day, one in enumerate(found.days, 1)]
    for row in days:
        del row["cover_exact"]  # its digits grow with every day
    return {"broken_on_day": found.broken_on, "worst_day": found.worst_on, "days": days}


CALCULATION = Calculation(
    "reverse_stress",
    "What breaks the bank: run-off, multiple of a scenario, past crisis, smallest set of depositors (LIQ-34).",
    (
        Variant("breaking_point", Breaking, _breaking),
        Variant("second_round", SecondRound, _second_round),
        Variant("replay", Replay, _replayed),
        Variant("depositors", Depositors, smallest_sets),
    ),
    sheets,
)
