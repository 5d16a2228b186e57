"""Calculation `duration_gap`: asset and liability durations, their gap, and what a yield change does to equity."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.duration import DatedFlow, dated
from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, PositiveCount
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, not_computable
from engines.duration import duration_gap, measures_of_dated_flows
from engines.primitives.errors import InvalidInput

TOTAL_DIGITS, DURATION_DIGITS, CHANGE_DIGITS = 6, 10, 8

Line = tuple[Fraction, Fraction]  # value, duration in years


class _Gap(Inputs):
    """`yield_change` adds the change of equity."""

    yield_: Exact = Field(alias="yield")
    yield_change: Exact | None = None


class ValuedLine(Inputs):
    name: Name = ""
    amount: NonNegative = Field(description="present value")
    duration: Exact = Field(description="years")


class ValuedLines(_Gap):
    """Lines whose value and duration are known."""

    assets: list[ValuedLine]
    liabilities: list[ValuedLine]
    durations: Literal["macaulay", "modified"] = "macaulay"


class Book(Inputs):
    name: Name = ""
    flows: list[DatedFlow] = Field(description="what the holder receives, >= 0 on both sides")
    yield_: Exact | None = Field(default=None, alias="yield", description="default: that of the input")


class Books(_Gap):
    """Lines as dated flows: value and Macaulay duration come from the flows, at the line's own yield."""

    as_of: Day
    assets: list[Book]
    liabilities: list[Book]
    periods_per_year: PositiveCount = 1


def _from_lines(inputs: ValuedLines) -> Result:
    assets, liabilities = (
        [(line.amount, line.duration) for line in side] for side in (inputs.assets, inputs.liabilities)
    )
    return _result(inputs, assets, liabilities, modified=inputs.durations == "modified")


def _from_books(inputs: Books) -> Result:
    assets, liabilities = _measured(inputs, "assets"), _measured(inputs, "liabilities")
    sides = {
        f"{side}_lines": [
            {
                "name": book.name,
                "amount": decimal_text(value, TOTAL_DIGITS),
                "duration": decimal_text(duration, DURATION_DIGITS),
            }
            for book, (value, duration) in zip(books, lines, strict=True)
        ]
        for side, books, lines in (
            ("asset", inputs.assets, assets),
            ("liability", inputs.liabilities, liabilities),
        )
    }
    return _result(inputs, assets, liabilities) | sides


def _measured(inputs: Books, side: Literal["assets", "liabilities"]) -> list[Line]:
    found = []
    for place, book in enumerate(inputs.assets if side == "assets" else inputs.liabilities):
        record = f"{side}[{place}]"
        yield_ = inputs.yield_ if book.yield_ is None else book.yield_
        try:
            value = measures_of_dated_flows(dated(book.flows, inputs.as_of), yield_, inputs.periods_per_year)
        except InvalidInput as error:
            field = error.facts.get("field", "")
            raise InvalidInput(str(error), field=f"{record}.{field}", record=record) from error
        if value.price < 0:
            raise InvalidInput("the flows have a negative value", field=f"{record}.flows", record=record)
        found.append((value.price, value.macaulay or Fraction(0)))
    return found


def _result(inputs: _Gap, assets: list[Line], liabilities: list[Line], *, modified: bool = False) -> Result:
    found = duration_gap(assets, liabilities)
    reasons = []
    if found.gap is None:
        reasons.append("total assets are 0")
    if found.liability_duration is None:
        reasons.append("total liabilities are 0, so they have no duration")
    result: Result = {
        "total_assets": decimal_text(found.assets, TOTAL_DIGITS),
        "total_liabilities": decimal_text(found.liabilities, TOTAL_DIGITS),
        "equity": decimal_text(found.equity, TOTAL_DIGITS),
        "asset_duration": decimal_or_null(found.asset_duration, DURATION_DIGITS),
        "liability_duration": decimal_or_null(found.liability_duration, DURATION_DIGITS),
        "duration_gap": decimal_or_null(found.gap, DURATION_DIGITS),
        "duration_gap_exact": exact_text(found.gap),
    }
    if inputs.yield_change is not None:
        change = found.equity_change(inputs.yield_, inputs.yield_change, modified=modified)
        share = change / found.equity * 100 if found.equity else None
        result["equity_change"] = decimal_text(change, CHANGE_DIGITS)
        result["equity_change_pct_of_equity"] = decimal_or_null(share, CHANGE_DIGITS)
        if share is None:
            reasons.append("equity is 0")
    return result | not_computable(reasons)


CALCULATION = Calculation(
    "duration_gap",
    "Duration gap of assets and liabilities, and the change of equity for a change of yields.",
    (Variant("valued_lines", ValuedLines, _from_lines), Variant("books", Books, _from_books)),
)
