"""Rows of several ledgers side by side, joined on the keys that ledgers share.

Each row remembers which row of each ledger it is made of, so that a sum counts a row once, however many rows of the
other ledger stand beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_values import column_of
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

KEYS = ("loan_no", "customer_no", "fa_no", "case_no")
CURRENCY = "ccy"
ROWS_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """`sides[c]`: which ledger column c comes from; `currencies[c]`: the column with the currency of its amounts;
    `sources[r][side]`: row r's row in that ledger, None where none matched."""

    columns: tuple[Column, ...]
    sides: tuple[int, ...]
    currencies: tuple[int | None, ...]
    rows: Sequence[tuple[Cell, ...]]
    sources: Sequence[tuple[int | None, ...]]

    @property
    def places(self) -> Mapping[str, int]:
        return {column.name: at for at, column in enumerate(self.columns)}


def rows_of(table: LedgerTable) -> Rows:
    sources = [(number,) for number in range(len(table.rows))]
    return Rows(table.columns, (0,) * len(table.columns), _currencies(table.columns, 0), table.rows, sources)


def joined(left: Rows, right: LedgerTable, on: str) -> Rows:
    """Every row of the left beside each of the right with the same `on`; one without a match stays, its right cells
    missing. Columns of the right are named `ledger.column`. Raises InvalidInput: no such key on either side."""
    if on not in KEYS:
        raise InvalidInput(f"ledgers join on {', '.join(KEYS)}, not on {on!r:.60}", field="joins")
    here = column_of(left.places, on)
    there = column_of({column.name: at for at, column in enumerate(right.columns)}, on)
    matches: dict[Cell, list[int]] = {}
    for number, row in enumerate(right.rows):
        if row[there] is not None:
            matches.setdefault(row[there], []).append(number)
    nothing: tuple[Cell, ...] = (None,) * len(right.columns)
    rows: list[tuple[Cell, ...]] = []
    sources: list[tuple[int | None, ...]] = []
    for row, source in zip(left.rows, left.sources, strict=True):
        if row[here] not in matches:
            rows.append((*row, *nothing))
            sources.append((*source, None))
        for number in matches.get(row[here], ()):
            rows.append((*row, *right.rows[number]))
            sources.append((*source, number))
        if len(rows) > ROWS_MAX:
            raise InvalidInput(f"the ledgers joined have over {ROWS_MAX} rows; filter first", field="joins")
    side = max(left.sides) + 1
    columns = tuple(
        replace(
            column,
            name=f"{right.name}.{column.name}",
            title=f"{right.title}: {column.title}",
            title_zh=f"{right.title_zh}：{column.title_zh}",
        )
        for column in right.columns
    )
    if set(left.places) & {column.name for column in columns}:
        raise InvalidInput(f"{right.name} is joined twice", field="joins")
    sides = (*left.sides, *(side,) * len(columns))
    currencies = (*left.currencies, *_currencies(right.columns, len(left.columns)))
    return Rows((*left.columns, *columns), sides, currencies, rows, sources)


def _currencies(columns: Sequence[Column], start: int) -> tuple[int | None, ...]:
    """For amounts the place of `ccy` in the same ledger, whose columns begin at `start`."""
    ccy = next((start + at for at, column in enumerate(columns) if column.name == CURRENCY), None)
    return tuple(ccy if column.kind is Kind.MONEY else None for column in columns)
