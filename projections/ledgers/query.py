"""A question to ledgers: filter, join, group, compute, sort, and choose columns (spec/risk-assets.md 4.3, RA-33).

Pure: tables in, a table out, which stands for the same instants. Who may see which rows and columns was settled
before: a table holds what its reader may see, so that no condition can ask about anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_formula import EXACT, Shown, decimal_of, is_grouped, shown
from projections.ledgers.query_groups import computed, grouped
from projections.ledgers.query_join import Rows, joined, rows_of
from projections.ledgers.query_values import column_of
from projections.ledgers.query_where import condition, tests
from projections.ledgers.table import Column, LedgerTable

MANY = 100  # columns, conditions or keys of one query
NO_CURRENCY = "-"


@dataclass(frozen=True, slots=True)
class Query:
    """All parts as a reader writes them, so that a query can be saved as it is.

    `joins`: `ledger on key`; `where`: conditions, all of them to be met, on cells of the rows before grouping;
    `group_by`: columns; `columns`: columns and formulas, none: all; `sort`: `column`, `column:desc` or `-column`.
    """

    joins: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        return {name: list(getattr(self, name)) for name in PARTS if getattr(self, name)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Query":
        """Raises InvalidInput: another part, or one that is no list of texts."""
        if strange := sorted(set(body) - set(PARTS)):
            raise InvalidInput(f"a query has {', '.join(PARTS)}, not {strange[0]:.60}", field=strange[0])
        for name, listed in body.items():
            if not isinstance(listed, list | tuple) or not all(isinstance(text, str) for text in listed):
                raise InvalidInput(f"{name}: want a list of texts", field=name)
            if len(listed) > MANY:
                raise InvalidInput(f"{name}: want at most {MANY}", field=name)
        return cls(**{name: tuple(listed) for name, listed in body.items()})

    def __str__(self) -> str:
        """One line for the head of an export."""
        return "; ".join(f"{name}: {', '.join(getattr(self, name))}" for name in PARTS if getattr(self, name))


PARTS = ("joins", "where", "group_by", "columns", "sort")


def join_of(text: str) -> tuple[str, str]:
    """(ledger, key) of `recovery on loan_no`."""
    words = text.split()
    if len(words) != 3 or words[1].lower() != "on":
        raise InvalidInput(f"want `ledger on key`, got {text!r:.60}", field="joins")
    return words[0], words[2]


def ask(
    table: LedgerTable,
    query: Query,
    others: Mapping[str, LedgerTable] | None = None,
    *,
    key: Sequence[str] = (),
) -> LedgerTable:
    """The answer to a query on `table`; `others` holds the ledgers it joins, by name, of the same log position.

    Rows that sort alike stand by `key` (default: the first column), then as they stood. Totals are per currency, each
    ledger's row counted once. Raises InvalidInput naming the column, condition or formula that cannot be.
    """
    rows = _filtered(_joined(table, query.joins, others or {}), query.where)
    wanted = [shown(text) for text in query.columns]
    _each_once(wanted)
    if query.group_by or any(is_grouped(one.term) for one in wanted):
        rows, wanted = grouped(rows, query.group_by, wanted, table.as_of)
        rows = _sorted(rows, query.sort, query.group_by)
    else:
        rows = computed(rows, [one for one in wanted if not one.is_plain], table.as_of)
        rows = _sorted(rows, query.sort, key or [rows.columns[0].name]) if query.sort else rows
    places = [column_of(rows.places, one.place) for one in wanted] or list(range(len(rows.columns)))
    names = [one.name for one in wanted] or [column.name for column in rows.columns]
    columns = tuple(_renamed(rows.columns[at], name) for at, name in zip(places, names, strict=True))
    is_whole = places == list(range(len(rows.columns)))
    return replace(
        table,
        columns=columns,
        rows=rows.rows if is_whole else [tuple([row[at] for at in places]) for row in rows.rows],
        totals=_totals(rows, dict(zip(names, places, strict=True))),
        row_count=len(rows.rows),
    )


def _joined(table: LedgerTable, joins: Sequence[str], others: Mapping[str, LedgerTable]) -> Rows:
    rows = rows_of(table)
    for text in joins:
        name, on = join_of(text)
        if name not in others:
            raise InvalidInput(f"no ledger {name!r:.60} to join", field="joins")
        other = others[name]
        if (other.as_of, other.position) != (table.as_of, table.position):
            raise InvalidInput(f"{name} stands for another day or position", field="joins")
        rows = joined(rows, other, on)
    return rows


def _renamed(column: Column, name: str) -> Column:
    return column if column.name == name else replace(column, name=name, title=name, title_zh=name)


def _each_once(wanted: Sequence[Shown]) -> None:
    seen = set[str]()
    for one in wanted:
        if one.name in seen:
            raise InvalidInput(f"{one.name!r:.60} is asked for twice", field="columns")
        seen.add(one.name)


def _filtered(rows: Rows, where: Sequence[str]) -> Rows:
    checks = tests([condition(text) for text in where], rows.columns)
    if not checks:
        return rows
    kept = [at for at, row in enumerate(rows.rows) if all(test(row[place]) for place, test in checks)]
    return replace(rows, rows=[rows.rows[at] for at in kept], sources=[rows.sources[at] for at in kept])


def _sorted(rows: Rows, sort: Sequence[str], key: Sequence[str]) -> Rows:
    """Least significant first, since each pass is stable. Missing cells come last in either direction."""
    order = list(range(len(rows.rows)))
    for text in reversed([*sort, *key]):
        name, _, direction = text.partition(":")
        if name.startswith("-") and not direction:
            name, direction = name[1:], "desc"
        if direction not in ("", "asc", "desc"):
            raise InvalidInput(f"want `column` or `column:desc`, got {text!r:.60}", field="sort")
        at = column_of(rows.places, name.strip())
        cells: dict[int, Any] = {number: row[at] for number, row in enumerate(rows.rows)}
        held = [one for one in order if cells[one] is not None]
        missing = [one for one in order if cells[one] is None]
        held.sort(key=cells.__getitem__, reverse=direction == "desc")
        order = held + missing
    return replace(rows, rows=[rows.rows[one] for one in order], sources=[rows.sources[one] for one in order])


def _totals(rows: Rows, place_by_name: Mapping[str, int]) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for name, at in place_by_name.items():
        if not rows.columns[at].summed:
            continue
        currency, side = rows.currencies[at], rows.sides[at]
        seen: set[int | None] = {None}
        for row, source in zip(rows.rows, rows.sources, strict=True):
            cell = row[at]
            if source[side] in seen or cell is None:
                continue
            seen.add(source[side])
            ccy = NO_CURRENCY if currency is None else str(row[currency])
            sums = found.setdefault(ccy, {})
            sums[name] = EXACT.add(sums.get(name, Decimal(0)), decimal_of(cell))
    return found
