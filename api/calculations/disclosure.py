"""Calculation `disclosure`: the figures of the public LCR and NSFR tables of a quarter."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative
from api.calculations.ratio_results import AVERAGE_DIGITS, minimum_keys, ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, not_computable, plain_text
from engines.disclosure import DailyResult, DisclosedLine, LcrDisclosure, disclosed_lcr
from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

MINIMUM_PCT = Fraction(100)


class LineValues(Inputs):
    unweighted: Exact
    weighted: Exact


class DayValues(Inputs):
    date: Day
    hqla: NonNegative
    net_cash_outflows: NonNegative
    lines: dict[Name, LineValues] = Field(default={}, description="of the template, by code")


class PeriodEnd(Inputs):
    date: Day
    available_stable_funding: NonNegative
    required_stable_funding: NonNegative
    lines: dict[Name, LineValues] = Field(default={}, description="of the template, by code")


class Quarter(Inputs):
    """Daily results of the quarter; `nsfr` is that of its last day."""

    days: list[DayValues] = Field(min_length=1)
    period_start: Day | None = None
    period_end: Day | None = None
    nsfr: PeriodEnd | None = None
    minimum_pct: NonNegative = MINIMUM_PCT


def _compute(inputs: Quarter) -> Result:
    _check_period(inputs)
    found = disclosed_lcr(
        [DailyResult(line.date, line.hqla, line.net_cash_outflows, _lines(line.lines)) for line in inputs.days]
    )
    ratio = found.lcr or Ratio(Fraction(0), Fraction(0))
    reasons = [f"there are no net cash outflows on {day.isoformat()}" for day in found.days_without_lcr]
    result: Result = {
        "observations": found.observations,
        "average_hqla": decimal_text(found.average_hqla, AVERAGE_DIGITS),
        "average_net_cash_outflows": decimal_text(found.average_net_cash_outflows, AVERAGE_DIGITS),
        **ratio_keys("lcr", ratio),
        **minimum_keys(ratio, inputs.minimum_pct),
        **ratio_keys("ratio_of_averages", found.ratio_of_averages),
    }
    lines = _shown("LCR", found)
    if inputs.nsfr is not None:
        end = inputs.nsfr
        stable = Ratio(end.available_stable_funding, end.required_stable_funding)
        reasons += [] if stable.denominator else ["required stable funding is 0"]
        result["nsfr"] = {
            "date": end.date.isoformat(),
            "available_stable_funding": plain_text(stable.numerator),
            "required_stable_funding": plain_text(stable.denominator),
            **ratio_keys("nsfr", stable),
            **minimum_keys(stable, inputs.minimum_pct),
        }
        lines += [
            {
                "table": "NSFR",
                "code": code,
                "unweighted": plain_text(one.unweighted),
                "weighted": plain_text(one.weighted),
            }
            for code, one in sorted(end.lines.items())
        ]
    return {**result, "lines": lines} | not_computable(reasons)


def _check_period(inputs: Quarter) -> None:
    first, last = inputs.period_start, inputs.period_end
    for at, line in enumerate(inputs.days):
        if (first is not None and line.date < first) or (last is not None and line.date > last):
            record = f"days[{at}]"
            raise InvalidInput("the date is outside the period", field=f"{record}.date", record=record)
    newest = last or max(line.date for line in inputs.days)
    if inputs.nsfr is not None and inputs.nsfr.date < newest:
        raise InvalidInput("the NSFR is of an earlier day than the period's end", field="nsfr.date")


def _lines(lines: Mapping[str, LineValues]) -> dict[str, DisclosedLine]:
    return {code: DisclosedLine(one.unweighted, one.weighted) for code, one in lines.items()}


def _shown(table: str, found: LcrDisclosure) -> list[dict[str, Any]]:
    return [
        {
            "table": table,
            "code": code,
            "unweighted": decimal_text(one.unweighted, AVERAGE_DIGITS),
            "weighted": decimal_text(one.weighted, AVERAGE_DIGITS),
        }
        for code, one in found.lines.items()
    ]


CALCULATION = Calculation(
    "disclosure",
    "Public disclosure of a quarter: average of the daily LCRs, NSFR at its end, lines of both tables (LIQ-42).",
    (Variant("default", Quarter, _compute),),
    sheets_of("unweighted", "weighted"),
)
