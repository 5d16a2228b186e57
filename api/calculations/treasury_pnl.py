"""Calculation `treasury_pnl`: the treasury's statement, its forecast by month, and why two periods differ."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Positive
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text
from engines.treasury_pnl import (
    SIGN_BY_KIND,
    Earning,
    Effects,
    Holding,
    Kind,
    Position,
    Statement,
    effects,
    forecast,
    mark_to_market,
    total_effects,
)

DIGITS = 6


class MarkedHolding(Inputs):
    """A security whose yield moved."""

    name: Name = ""
    market_value: NonNegative
    modified_duration: NonNegative
    yield_change_bp: Exact


class Lines(Inputs):
    """One period whose lines are known."""

    ftp_received: Exact
    ftp_paid: Exact
    investment_income: Exact
    external_funding_cost: Exact
    holdings: list[MarkedHolding] = Field(default=[])


class Compared(Inputs):
    name: Name
    kind: Kind = Field(description="what is paid counts negative")
    before_balance: NonNegative
    before_rate: Exact
    after_balance: NonNegative
    after_rate: Exact


class Comparison(Inputs):
    """Two periods, or plan and result, position by position."""

    compared: list[Compared]
    before_year_share: Positive = Fraction(1)
    after_year_share: Positive = Fraction(1)


class PositionLine(Inputs):
    name: Name
    kind: Kind
    balances: list[NonNegative] = Field(description="average of each month")
    rate: Exact = Field(description="fixed, or with index the spread over it")
    index: Name | None = None


class HoldingLine(Inputs):
    name: Name
    market_values: list[NonNegative] = Field(description="at the start of each month")
    modified_duration: NonNegative
    index: Name = Field(description="whose path moves its yield")


class MonthLine(Inputs):
    name: Name
    year_share: Positive | None = Field(default=None, description="default: a twelfth")


class Forecast(Inputs):
    """Each month by books, holdings, funding plan and rate path."""

    months: list[MonthLine] = Field(min_length=1)
    positions: list[PositionLine]
    holdings: list[HoldingLine] = Field(default=[])
    rate_path: dict[Name, list[Exact]] = Field(
        default={}, description="by index: the rate at the start, then that of each month"
    )


def _of_lines(inputs: Lines) -> Result:
    amounts: dict[Kind, Fraction] = {
        "ftp_received": inputs.ftp_received,
        "ftp_paid": -inputs.ftp_paid,
        "investment": inputs.investment_income,
        "external_funding": -inputs.external_funding_cost,
    }
    marks = [
        mark_to_market(holding.modified_duration, holding.market_value, holding.yield_change_bp / 10_000)
        for holding in inputs.holdings
    ]
    rows = [
        {"name": holding.name, "mark_to_market": _text(mark)}
        for holding, mark in zip(inputs.holdings, marks, strict=True)
    ]
    return _statement(Statement(amounts, sum(marks, Fraction(0)))) | {"holdings": rows}


def _of_comparison(inputs: Comparison) -> Result:
    rows, parts = [], []
    before_interest = after_interest = Fraction(0)
    for line in inputs.compared:
        sign = SIGN_BY_KIND[line.kind]
        before = Earning(line.before_balance, line.before_rate, inputs.before_year_share)
        after = Earning(line.after_balance, line.after_rate, inputs.after_year_share)
        before_interest += sign * before.interest
        after_interest += sign * after.interest
        parts.append(effects(before, after, sign=sign))
        rows.append({"name": line.name, "kind": line.kind, **_effects(parts[-1])})
    return {
        "before": _text(before_interest),
        "after": _text(after_interest),
        **_effects(total_effects(parts)),
        "positions": rows,
    }


def _of_forecast(inputs: Forecast) -> Result:
    shares = [Fraction(1, 12) if month.year_share is None else month.year_share for month in inputs.months]
    positions = [Position(line.name, line.kind, line.balances, line.rate, line.index) for line in inputs.positions]
    holdings = [
        Holding(line.name, line.market_values, line.modified_duration, line.index) for line in inputs.holdings
    ]
    months = forecast(shares, positions, holdings, inputs.rate_path)
    rows, by_position = [], []
    for month, found in zip(inputs.months, months, strict=True):
        row: dict[str, Any] = {"month": month.name, **_statement(found.statement)}
        if found.effects_by_position:
            row |= _effects(found.effects) | {
                "mark_to_market_change": _text(found.mark_to_market_change),
                "change": _text(found.change),
            }
        rows.append(row)
        for position, part in zip(positions, found.effects_by_position, strict=False):
            by_position.append({"month": month.name, "name": position.name, **_effects(part)})
    total = sum((found.statement.total for found in months), Fraction(0))
    return {"total": _text(total), "months": rows, "changes": by_position}


def _statement(statement: Statement) -> dict[str, str]:
    """Lines as they enter the sum: what is paid is negative."""
    names = {"investment": "investment_income", "external_funding": "external_funding_cost"}
    amounts = {names.get(kind, kind): amount for kind, amount in statement.amount_by_kind.items()}
    amounts |= {"mark_to_market": statement.mark_to_market, "total": statement.total}
    return {name: _text(amount) for name, amount in amounts.items()}


def _effects(found: Effects) -> dict[str, str]:
    return {
        "volume_effect": _text(found.volume),
        "rate_effect": _text(found.rate),
        "mix_effect": _text(found.mix),
        "days_effect": _text(found.days),
        "change": _text(found.total),
    }


def _text(amount: Fraction) -> str:
    return decimal_text(amount, DIGITS)


AMOUNTS: Sequence[str] = (
    "ftp_received",
    "ftp_paid",
    "investment_income",
    "external_funding_cost",
    "mark_to_market",
    "total",
    "volume_effect",
    "rate_effect",
    "mix_effect",
    "days_effect",
    "mark_to_market_change",
    "change",
)

CALCULATION = Calculation(
    "treasury_pnl",
    "Treasury result: statement, forecast by month, volume, rate and mix effects (LIQ-46).",
    (
        Variant("lines", Lines, _of_lines),
        Variant("comparison", Comparison, _of_comparison),
        Variant("forecast", Forecast, _of_forecast),
    ),
    sheets_of(*AMOUNTS),
)
