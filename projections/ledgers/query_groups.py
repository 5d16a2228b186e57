"""Formulas carried out: over the cells of each row, or over the rows of each group.

A group adds amounts of one currency alone. Of joined ledgers each row counts once in a group, whatever stands
beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_formula import (
    AS_OF,
    GROUPED,
    Call,
    Literal,
    Name,
    Shown,
    Term,
    days_between,
    folded,
    is_grouped,
    kind_of,
    names,
    per_cent,
)
from projections.ledgers.query_join import Rows
from projections.ledgers.query_values import column_of
from projections.ledgers.table import Cell, Column, Kind

COUNT = Shown("count", Call("count", ()))


def computed(rows: Rows, wanted: Sequence[Shown], as_of: date) -> Rows:
    """The rows with a further column for each formula over their cells."""
    for one in wanted:
        column = _column(rows, one)
        places, currencies = rows.places, _money(rows, one.term)
        cells = []
        for row in rows.rows:
            _one_currency(((row, currencies),), one.name)
            cells.append((*row, _cell(one.term, row, places, as_of)))
        sides, of_amounts = (*rows.sides, rows.sides[0]), (*rows.currencies, None)
        rows = replace(rows, columns=(*rows.columns, column), sides=sides, currencies=of_amounts, rows=cells)
    return rows


def grouped(rows: Rows, by: Sequence[str], wanted: Sequence[Shown], as_of: date) -> tuple[Rows, list[Shown]]:
    """One row per group, with the columns `by` and those wanted; none wanted: `by`, a count, and the sums that have
    a total. Returns the rows and what is shown of them."""
    keys = [column_of(rows.places, name) for name in by]
    wanted = list(wanted) or _usual(rows, by)
    formulas = [one for one in wanted if not one.is_plain]
    for one in wanted:
        if one.is_plain and one.place not in by:
            raise InvalidInput(f"{one.place} is neither in group_by nor inside a function", field="columns")
        if one.name in by and not one.is_plain:
            raise InvalidInput(f"{one.name} names a column of group_by already", field="columns")
    # Before any value, so that what cannot be is refused by its kind and its place.
    columns = [*(rows.columns[key] for key in keys), *(_column(rows, one, by) for one in formulas)]
    members: dict[tuple[Cell, ...], list[int]] = {}
    for at, row in enumerate(rows.rows):
        members.setdefault(tuple(row[key] for key in keys), []).append(at)
    if not keys:
        members.setdefault((), [])  # sums over everything have an answer where there is nothing, too
    cells: list[tuple[Cell, ...]] = []
    for values, group in members.items():
        shown = dict(zip(by, values, strict=True))
        cells.append((*values, *(_over(one, rows, group, shown, as_of) for one in formulas)))
    currencies = [*(None for _ in keys), *(_currency(rows, one, keys) for one in formulas)]
    columns = [replace(column, summed=False) if at < len(keys) else column for at, column in enumerate(columns)]
    sources = [(number,) for number in range(len(cells))]
    return Rows(tuple(columns), (0,) * len(columns), tuple(currencies), cells, sources), wanted


def _usual(rows: Rows, by: Sequence[str]) -> list[Shown]:
    sums = [
        Shown(f"sum({column.name})", Call("sum", (Name(column.name),)))
        for at, column in enumerate(rows.columns)
        if column.summed and (rows.currencies[at] is None or rows.columns[rows.currencies[at] or 0].name in by)
    ]
    return [*(Shown(name, Name(name)) for name in by), COUNT, *sums]


# --- Values ------------------------------------------------------------------------------------------------------


def _cell(term: Term, row: Sequence[Cell], places: Mapping[str, int], as_of: date) -> Cell:
    if isinstance(term, Literal):
        return term.value
    if isinstance(term, Name):
        return as_of if term.name == AS_OF else row[column_of(places, term.name)]
    first, second = (_cell(argument, row, places, as_of) for argument in term.arguments)
    return days_between(first, second) if term.function == "days_between" else per_cent(first, second)


def _over(one: Shown, rows: Rows, group: Sequence[int], keys: dict[str, Cell], as_of: date) -> Cell:
    currencies = _money(rows, one.term)
    _one_currency(((rows.rows[at], currencies) for at in group), one.name)
    return _value(one.term, rows, group, keys, as_of)


def _value(term: Term, rows: Rows, group: Sequence[int], keys: dict[str, Cell], as_of: date) -> Cell:
    if isinstance(term, Literal):
        return term.value
    if isinstance(term, Name):
        if term.name == AS_OF:
            return as_of
        if term.name not in keys:
            raise InvalidInput(f"{term.name} is neither in group_by nor inside a function", field="columns")
        return keys[term.name]
    if term.function not in GROUPED:
        first, second = (_value(argument, rows, group, keys, as_of) for argument in term.arguments)
        return days_between(first, second) if term.function == "days_between" else per_cent(first, second)
    if not term.arguments:
        return len(group)
    argument, places = term.arguments[0], rows.places
    counted = _counted_once(rows, group, {rows.sides[column_of(places, name)] for name in names(argument)})
    return folded(term.function, [_cell(argument, rows.rows[at], places, as_of) for at in counted])


def _counted_once(rows: Rows, group: Sequence[int], sides: set[int]) -> Sequence[int]:
    if len(sides) != 1 or len(rows.sources[0] if rows.sources else ()) == 1:
        return group
    (side,) = sides
    first: dict[int, int] = {}
    for at in group:
        source = rows.sources[at][side]
        if source is not None:
            first.setdefault(source, at)
    return list(first.values())


# --- Kinds and currencies -------------------------------------------------------------------------------------------


def _column(rows: Rows, one: Shown, by: Sequence[str] = ()) -> Column:
    kind = _kind(one.term, rows, one.name, inside=False)
    is_personal = any(rows.columns[column_of(rows.places, name)].personal for name in names(one.term))
    is_sum = isinstance(one.term, Call) and one.term.function == "sum" and kind is Kind.MONEY
    currency = _currency_name(rows, one)
    return Column(
        one.name,
        one.name,
        one.name,
        kind,
        personal=is_personal,
        summed=is_sum and (currency is None or currency in by),
    )


def _kind(term: Term, rows: Rows, text: str, *, inside: bool) -> Kind:
    if isinstance(term, Literal):
        return Kind.DATE if isinstance(term.value, date) else Kind.NUMBER
    if isinstance(term, Name):
        return Kind.DATE if term.name == AS_OF else rows.columns[column_of(rows.places, term.name)].kind
    if inside and is_grouped(term):
        raise InvalidInput(f"a function over rows stands inside another one in {text!r:.60}", field="columns")
    goes_over_rows = inside or term.function in GROUPED
    kinds = [_kind(argument, rows, text, inside=goes_over_rows) for argument in term.arguments]
    return kind_of(term.function, kinds, text)


def _money(rows: Rows, term: Term) -> list[tuple[int, int]]:
    """(amount, its currency) columns that a term adds, compares or divides; a count does none of these."""
    if isinstance(term, Call) and term.function == "count":
        return []
    if isinstance(term, Call):
        return [pair for argument in term.arguments for pair in _money(rows, argument)]
    if not isinstance(term, Name) or term.name == AS_OF:
        return []
    at = column_of(rows.places, term.name)
    currency = rows.currencies[at]
    return [] if currency is None else [(at, currency)]


def _one_currency(amounts: Iterable[tuple[Sequence[Cell], Sequence[tuple[int, int]]]], text: str) -> None:
    found = {row[ccy] for row, pairs in amounts for at, ccy in pairs if row[at] is not None}
    if len(found) > 1:
        named = " and ".join(sorted(map(str, found))[:2])
        raise InvalidInput(f"{text!r:.60}: amounts in {named} meet; group by ccy or filter", field="columns")


def _currency(rows: Rows, one: Shown, keys: Sequence[int]) -> int | None:
    """Place among the group's columns of the currency of what a formula gives."""
    found = {currency for _, currency in _money(rows, one.term)}
    return keys.index(found.pop()) if len(found) == 1 and found <= {*keys} else None


def _currency_name(rows: Rows, one: Shown) -> str | None:
    found = sorted({rows.columns[currency].name for _, currency in _money(rows, one.term)})
    return found[0] if found else None
