"""What stress, scenario and reverse stress share at `calc`: the balance sheet, and figures before and after."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, PositiveCount, Share
from api.calculations.registry import Result, find
from api.calculations.stressed_inputs import response_of, stressed_inputs
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, plain_text
from engines.factor_lines import ZERO
from engines.primitives.errors import InvalidInput
from engines.shock_families import Shocks
from engines.stress import Book, ReserveRelease, Stressed, stress

DIGITS = 6
_BOOK = [field.name for field in fields(Book)]
_SKIPPED = frozenset({"lines", "overrides", "factor_table", "path"})


class Flows(Inputs):
    """What falls due within a horizon."""

    horizon_days: PositiveCount
    loans_due: NonNegative = ZERO
    other_inflows: NonNegative = ZERO
    other_outflows: NonNegative = ZERO
    counterparty_claims_due: NonNegative = ZERO
    foreign_currency_inflows: NonNegative = Field(default=ZERO, description="usable once converted")
    maturing_funding: NonNegative = Field(default=ZERO, description="rolled over unless shocked")
    recoveries: NonNegative = Field(default=ZERO, description="expected of disposals, weighed by probability")


class BookInputs(Inputs):
    """A balance sheet in one unit, and its flows by horizon."""

    cash_and_excess: NonNegative = Field(description="cash, and reserves above the requirement")
    securities: NonNegative = Field(description="market value of what is unencumbered")
    retail_deposits: NonNegative = ZERO
    corporate_deposits: NonNegative = ZERO
    interbank: NonNegative = Field(default=ZERO, description="deposits taken from banks and borrowings")
    facilities: NonNegative = Field(default=ZERO, description="committed lines from others, undrawn")
    central_bank_facilities: NonNegative = ZERO
    undrawn_commitments: NonNegative = Field(default=ZERO, description="given to customers")
    margined_exposure: NonNegative = ZERO
    group_commitments: NonNegative = ZERO
    incoming_payments_per_hour: NonNegative = ZERO
    flows: list[Flows] = Field(min_length=1)
    recognise_reserve_release: bool = False
    reserve_ratio: Share | None = Field(default=None, description="needed where its release counts")

    def book(self, horizon_days: int) -> Book:
        """The engine's book at a horizon. Raises InvalidInput: its flows were not given, or twice."""
        flows = [flow for flow in self.flows if flow.horizon_days == horizon_days]
        if len(flows) != 1:
            what = "there are none" if not flows else "they stand twice"
            raise InvalidInput(f"want the flows of {horizon_days} days once: {what}", field="flows")
        due = Flows.model_fields
        return Book(**{name: getattr(flows[0] if name in due else self, name) for name in _BOOK})

    def release(self) -> ReserveRelease | None:
        if not self.recognise_reserve_release:
            return None
        if self.reserve_ratio is None:
            raise InvalidInput("a reserve release needs the reserve ratio", field="reserve_ratio")
        return ReserveRelease(self.reserve_ratio)

    def stressed(self, shocks: Shocks, horizon_days: int) -> Stressed:
        return stress(self.book(horizon_days), shocks, horizon_days=horizon_days, release=self.release())


class Calculations(Inputs):
    """Other calculations to be repeated on the shocked balances."""

    calculations: dict[Name, dict[str, Any]] = Field(
        default={}, description="inputs by name, in the unit of the book: lcr, loan_to_deposit and so on"
    )


def figures(found: Stressed) -> Result:
    return {
        "available": decimal_text(found.available, DIGITS),
        "need": decimal_text(found.need, DIGITS),
        "net": decimal_text(found.net, DIGITS),
        "cover": decimal_or_null(found.cover.value, DIGITS),
        "cover_exact": exact_text(found.cover.value),
        "passes": found.passes,
    }


def line_rows(found: Stressed) -> list[dict[str, str]]:
    """Every line that is not 0, with its side."""
    sides = (("available", found.available_lines), ("need", found.need_lines))
    return [
        {"side": side, "line": name, "amount": decimal_text(amount, DIGITS)}
        for side, lines in sides
        for name, amount in lines.items()
        if amount
    ]


def base_results(calculations: Mapping[str, Mapping[str, Any]]) -> dict[str, Result]:
    """Each calculation on what was given. Raises InvalidInput: `field` as `calculations.lcr.hqla[0].amount`."""
    found = {}
    for name, given in calculations.items():
        response_of(name)
        try:
            found[name] = find(name).compute(given)
        except InvalidInput as error:
            facts = {
                key: f"calculations.{name}.{error.facts[key]}" for key in ("field", "record") if key in error.facts
            }
            raise InvalidInput(str(error), **facts) from error
    return found


def repeated(
    calculations: Mapping[str, Mapping[str, Any]],
    base: Mapping[str, Result],
    inputs: BookInputs,
    shocks: Shocks,
    horizon_days: int,
) -> list[dict[str, Any]]:
    """Each calculation with its figures before and after."""
    rows = []
    for name, (after, unpaid) in results_after(calculations, inputs, shocks, horizon_days).items():
        before, shown = dict(_figures(base[name])), dict(_figures(after))
        compared = [_compared(figure, before[figure], shown.get(figure)) for figure in before]
        rows.append({"calculation": name, "unpaid": decimal_text(unpaid, DIGITS), "figures": compared})
    return rows


def results_after(
    calculations: Mapping[str, Mapping[str, Any]], inputs: BookInputs, shocks: Shocks, horizon_days: int
) -> dict[str, tuple[Result, Fraction]]:
    """Results on the shocked balances, and what could not be paid."""
    book, found = inputs.book(horizon_days), inputs.stressed(shocks, horizon_days)
    answers = {}
    for name, given in calculations.items():
        response = stressed_inputs(name, given, book, shocks, found)
        answers[name] = (find(name).compute(response.inputs), response.unpaid)
    return answers


def _figures(result: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Single figures by name; those of a row of a list after the row's first value."""
    for key, value in result.items():
        if key in _SKIPPED:
            continue
        if isinstance(value, list):
            for row in value:
                if isinstance(row, dict) and row:
                    first = next(iter(row))
                    yield from _figures({name: row[name] for name in row if name != first}, f"{before}{row[first]} ")
        elif not isinstance(value, dict):
            yield before + key, value


def _compared(figure: str, base: Any, stressed: Any) -> dict[str, Any]:
    row = {"figure": figure, "base": base, "stressed": stressed}
    if isinstance(base, str) and isinstance(stressed, str) and not figure.endswith("_exact"):
        try:
            return row | {"change": plain_text(Fraction(stressed) - Fraction(base))}
        except ValueError:
            pass
    return row | {"change": None}
