"""A ledger as it is handed on: typed columns, rows, totals, and the two instants it stands for.

The one shape between those who compute ledgers and those who show, join or export them. Cells are None, str, int,
bool, `datetime.date`, aware UTC `datetime.datetime`, or `decimal.Decimal` (money in major units of the row's `ccy`,
per cents); never a float.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

Cell = None | str | int | bool | date | datetime | Decimal


class Kind(StrEnum):
    """How a column's cells are compared, added up and shown."""

    TEXT = "text"
    CODE = "code"  # one of a few upper-case words; shown translated
    MONEY = "money"
    NUMBER = "number"
    PER_CENT = "per_cent"
    DATE = "date"
    INSTANT = "instant"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is snake_case and stable; titles are what people read. A `personal` one is masked unless the reader may
    see it; a `summed` one has a total per currency."""

    name: str
    title: str
    title_zh: str
    kind: Kind = Kind.TEXT
    personal: bool = False
    summed: bool = False


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """Rows in their final order, one cell per column.

    `known_at` is the instant asked for; `position` the last log position at or before it, so that the same table can
    be made again to the byte. `totals` are per currency, of all rows that pass the filter, also those not on this
    page of rows; `row_count` likewise.
    """

    name: str
    title: str
    title_zh: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    totals: Mapping[str, Mapping[str, Decimal]]  # currency -> column -> sum
    row_count: int
    as_of: date
    known_at: datetime
    position: int
