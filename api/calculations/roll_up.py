"""Calculation `roll_up`: figures of rows along any dimensions, with eliminations, conversion, and exact ratios."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, Positive, Share
from api.calculations.ratio_results import ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import not_computable, plain_text
from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput
from engines.roll_up import CURRENCY, ZERO, Amount, Cell, Measure, Quotient, Row, Statistic, roll_up


class OtherLeg(Inputs):
    """Of business within the bank: where the opposite leg is, as far as it is known."""

    entity: Name | None = None
    organisation: Name | None = None


class RowLine(Inputs):
    ccy: Name = "CNY"
    dimensions: dict[Name, Name] = Field(default={}, description="entity, organisation, line, ... of the row")
    amounts: dict[Name, Exact]
    intragroup: bool = Field(default=False, description="a leg within the bank")
    other_leg: OtherLeg | None = Field(default=None, description="makes the row intragroup")


class MeasureLine(Inputs):
    """`amount`, `minimum`, `maximum` and `quantile` take `field`; `ratio` takes numerator and denominator."""

    name: Name
    kind: Literal["amount", "ratio", "minimum", "maximum", "quantile"]
    field: Name | None = None
    numerator: Name | None = None
    denominator: Name | None = None
    probability: Share | None = Field(default=None, description="of a quantile")
    is_money: bool = Field(default=True, description="false: days or pieces, never converted")


class RollUp(Inputs):
    """`dimensions` may name `currency`; then amounts stay in their own."""

    rows: list[RowLine]
    measures: list[MeasureLine] = Field(min_length=1)
    dimensions: list[Name] = Field(default=[])
    filters: dict[Name, list[Name]] = Field(default={}, description="by dimension, the values that count")
    reporting_currency: Name | None = None
    rates: dict[Name, Positive] = Field(default={}, description="of one unit, in the reporting currency")
    organisation_parents: dict[Name, Name] = Field(default={}, description="organisation above each organisation")


def _compute(inputs: RollUp) -> Result:
    cells = roll_up(
        [_row(line) for line in inputs.rows],
        inputs.dimensions,
        _measures(inputs.measures),
        filters=inputs.filters,
        reporting_currency=inputs.reporting_currency,
        rates=inputs.rates,
        parents=inputs.organisation_parents,
    )
    reasons = [reason for cell in cells for reason in _reasons(cell)]
    return {
        "dimensions": list(inputs.dimensions),
        "cells": [_of_cell(cell, inputs.dimensions) for cell in cells],
    } | not_computable(reasons)


def _row(line: RowLine) -> Row:
    other = None
    if line.intragroup or line.other_leg is not None:
        other = {} if line.other_leg is None else line.other_leg.model_dump(exclude_none=True)
    return Row({**line.dimensions, CURRENCY: line.ccy}, line.amounts, other)


def _measures(lines: Sequence[MeasureLine]) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for at, line in enumerate(lines):
        wanted = {"ratio": {"numerator", "denominator"}, "quantile": {"field", "probability"}}.get(
            line.kind, {"field"}
        )
        given = {
            name for name in ("field", "numerator", "denominator", "probability") if getattr(line, name) is not None
        }
        wrong = sorted(wanted ^ given)
        if wrong:
            message = f"a measure of kind {line.kind} takes {' and '.join(sorted(wanted))}"
            raise InvalidInput(message, field=f"measures[{at}].{wrong[0]}", record=f"measures[{at}]")
        if line.name in found:
            raise InvalidInput("the name stands twice", field=f"measures[{at}].name", record=f"measures[{at}]")
        found[line.name] = _measure(line)
    return found


def _measure(line: MeasureLine) -> Measure:
    if line.kind == "ratio":
        return Quotient(line.numerator or "", line.denominator or "")
    if line.kind == "amount":
        return Amount(line.field or "")
    probability = ZERO if line.probability is None else line.probability
    return Statistic(line.field or "", line.kind, probability, line.is_money)


def _of_cell(cell: Cell, dimensions: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = dict(zip(dimensions, cell.key, strict=True))
    shown |= {"ccy": cell.currency, "rows": cell.rows, "eliminated_rows": cell.eliminated_rows}
    for name, figure in cell.figures.items():
        if isinstance(figure, Ratio):
            shown |= ratio_keys(name, figure)
            shown |= {f"{name}_numerator": plain_text(figure.numerator)}
            shown |= {f"{name}_denominator": plain_text(figure.denominator)}
        else:
            shown[name] = None if figure is None else plain_text(figure)
    return shown | {f"{name}_eliminated": plain_text(amount) for name, amount in _not_zero(cell.eliminated.items())}


def _not_zero(pairs: Iterable[tuple[str, Fraction]]) -> list[tuple[str, Fraction]]:
    return [(name, amount) for name, amount in pairs if amount]


def _reasons(cell: Cell) -> list[str]:
    where = f" of {', '.join(cell.key)}" if cell.key else ""
    ratios = [
        f"{name}{where}: the denominator is 0"
        for name, figure in cell.figures.items()
        if isinstance(figure, Ratio) and not figure.denominator
    ]
    return ratios + [f"{name}{where}: no row has it" for name, figure in cell.figures.items() if figure is None]


CALCULATION = Calculation(
    "roll_up",
    "Amounts, ratios and quantiles by any dimensions, legs within the bank eliminated (LIQ-60).",
    (Variant("default", RollUp, _compute),),
    sheets_of(),
)
