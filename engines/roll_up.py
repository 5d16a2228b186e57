"""Any figures along any dimensions: amounts add, ratios and statistics are recomputed, never averaged (LIQ-60).

Legs between two units of the bank are left out of every cell that holds both of them. Not for figures that need flows
to be recomputed, as survival days: ask their own engine for the cell.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput
from engines.quantiles import quantile

ZERO = Fraction(0)
CURRENCY, ENTITY, ORGANISATION = "currency", "entity", "organisation"
_NOWHERE: Mapping[str, str] = MappingProxyType({})
_NO_RATES: Mapping[str, Fraction] = MappingProxyType({})
_NO_FILTERS: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `dimensions` has `currency` at least; `amounts` are in that currency.

    `other_leg` is None for business with others; for a leg within the bank it holds `entity` and `organisation` of
    the opposite one, as far as they are known: of the same entity and of another organisation if not.
    """

    dimensions: Mapping[str, str]
    amounts: Mapping[str, Fraction]
    other_leg: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum; a row without the field adds nothing."""

    field: str


@dataclass(frozen=True, slots=True)
class Quotient:
    """Sum over sum."""

    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Statistic:
    """Of the rows that have the field; a number of days or pieces is not money and is not converted."""

    field: str
    statistic: Literal["minimum", "maximum", "quantile"]
    probability: Fraction = ZERO  # of a quantile
    is_money: bool = True


Measure = Amount | Quotient | Statistic
Figure = Fraction | Ratio | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of values of the dimensions asked for. Statistics of no rows are None."""

    key: tuple[str, ...]
    currency: str
    rows: int  # that count
    eliminated_rows: int
    figures: Mapping[str, Figure]
    eliminated: Mapping[str, Fraction]  # of each Amount, what the rows left out would have added


def roll_up(
    rows: Sequence[Row],
    dimensions: Sequence[str],
    measures: Mapping[str, Measure],
    *,
    filters: Mapping[str, Collection[str]] = _NO_FILTERS,
    reporting_currency: str | None = None,
    rates: Mapping[str, Fraction] = _NO_RATES,
    parents: Mapping[str, str] = _NOWHERE,
) -> list[Cell]:
    """A cell for each combination that occurs, sorted by key; one cell of all rows where no dimension is asked for.

    Args:
        dimensions: to split by, none twice. Split by `currency`, amounts stay in their own.
        filters: values that count, by dimension; an organisation stands for all below it. A leg whose opposite is
            filtered out stays, so that a filter shows what the cell of that value shows.
        reporting_currency: that amounts are converted to otherwise; None: they must all have one currency.
        rates: of one unit of each other currency in the reporting one, at the as-of mid.
        parents: organisation above each organisation. With it every organisation has the cell of all that is below
            it, so that cells overlap and a leg between two branches is left out of what stands above both.
    Raises:
        InvalidInput: a dimension is asked for twice or absent from a row, a rate is missing or not above 0, the
            organisations form a circle.
    Source: LIQ-60.
    """
    if len(set(dimensions)) < len(dimensions):
        raise InvalidInput("a dimension is asked for twice", field="dimensions")
    units = _Units(dimensions, filters, parents)
    shares = _conversion(rows, dimensions, reporting_currency, rates)
    kept: dict[tuple[str, ...], list[int]] = {}
    left_out: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(rows):
        keys = units.keys_of(at, row)
        if not units.counts(row.dimensions):
            continue
        for key in keys:
            kept.setdefault(key, [])
            left_out.setdefault(key, [])
            (left_out if units.holds_both_legs(row, key) else kept)[key].append(at)
    cells = []
    for key in sorted(kept) or ([()] if not dimensions else []):
        own, without = kept.get(key, []), left_out.get(key, [])
        currency = key[dimensions.index(CURRENCY)] if CURRENCY in dimensions else shares.currency
        cells.append(
            Cell(
                key,
                currency,
                len(own),
                len(without),
                {
                    name: _figure(measure, [(rows[at], shares.of[at]) for at in own])
                    for name, measure in measures.items()
                },
                {
                    name: _sum(measure.field, [(rows[at], shares.of[at]) for at in without])
                    for name, measure in measures.items()
                    if isinstance(measure, Amount)
                },
            )
        )
    return cells


@dataclass(frozen=True, slots=True)
class _Shares:
    currency: str
    of: Sequence[Fraction]  # what one unit of a row is worth


def _conversion(
    rows: Sequence[Row], dimensions: Sequence[str], reporting: str | None, rates: Mapping[str, Fraction]
) -> _Shares:
    currencies = []
    for at, row in enumerate(rows):
        if CURRENCY not in row.dimensions:
            raise InvalidInput("the row has no currency", field=f"rows[{at}].currency", record=f"rows[{at}]")
        currencies.append(row.dimensions[CURRENCY])
    if CURRENCY in dimensions:
        return _Shares("", [Fraction(1)] * len(rows))
    if reporting is None:
        if len(set(currencies)) > 1:
            raise InvalidInput("rows of several currencies need a reporting currency", field="reporting_currency")
        return _Shares(currencies[0] if currencies else "", [Fraction(1)] * len(rows))
    shares = []
    for at, currency in enumerate(currencies):
        rate = Fraction(1) if currency == reporting else rates.get(currency, ZERO)
        if rate <= 0:
            message = f"there is no rate above 0 of {currency} in {reporting}"
            raise InvalidInput(message, field=f"rates.{currency}", record=f"rows[{at}]")
        shares.append(rate)
    return _Shares(reporting, shares)


class _Units:
    """Which cells a row belongs to, and which of them hold both legs of business within the bank."""

    def __init__(
        self, dimensions: Sequence[str], filters: Mapping[str, Collection[str]], parents: Mapping[str, str]
    ) -> None:
        self.dimensions = dimensions
        self.filters = filters
        self.parents = parents

    def counts(self, unit: Mapping[str, str]) -> bool:
        """Whether the filters let a row of these dimensions through."""
        for name, some in self.filters.items():
            value = unit.get(name)
            values = self._up_from(value) if name == ORGANISATION and value is not None else [value]
            if not any(one in some for one in values):
                return False
        return True

    def keys_of(self, at: int, row: Row) -> list[tuple[str, ...]]:
        for name in self.dimensions:
            if name not in row.dimensions:
                raise InvalidInput(f"the row has no {name}", field=f"rows[{at}].{name}", record=f"rows[{at}]")
        own = tuple(row.dimensions[name] for name in self.dimensions)
        if ORGANISATION not in self.dimensions:
            return [own]
        place = self.dimensions.index(ORGANISATION)
        return [(*own[:place], one, *own[place + 1 :]) for one in self._up_from(own[place])]

    def holds_both_legs(self, row: Row, key: tuple[str, ...]) -> bool:
        if row.other_leg is None:
            return False
        other = {**row.dimensions, ORGANISATION: "", **row.other_leg}
        if not self.counts(other):
            return False
        for name, value in zip(self.dimensions, key, strict=True):
            if name == ENTITY and other[ENTITY] != value:
                return False
            if name == ORGANISATION and value not in self._up_from(other[ORGANISATION]):
                return False
        return True

    def _up_from(self, organisation: str) -> list[str]:
        found = [organisation]
        while (above := self.parents.get(found[-1])) is not None:
            if above in found:
                raise InvalidInput(f"{above!r} is below itself", field=f"parents.{above}")
            found.append(above)
        return found


Weighed = Sequence[tuple[Row, Fraction]]


def _figure(measure: Measure, rows: Weighed) -> Figure:
    match measure:
        case Amount(field):
            return _sum(field, rows)
        case Quotient(numerator, denominator):
            return Ratio(_sum(numerator, rows), _sum(denominator, rows))
        case Statistic(field, statistic, probability, is_money):
            values = [row.amounts[field] * (share if is_money else 1) for row, share in rows if field in row.amounts]
            probability = {"minimum": ZERO, "maximum": Fraction(1)}.get(statistic, probability)
            return quantile(values, probability)


def _sum(field: str, rows: Weighed) -> Fraction:
    return sum((row.amounts[field] * share for row, share in rows if field in row.amounts), ZERO)
