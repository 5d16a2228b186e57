"""A ledger's cells as text: exact for files that programs read, grouped and translated for people.

Nothing that leaves here is read as a formula by a spreadsheet: `guarded` puts an apostrophe before a text that
begins like one, as the batch upload does and takes away again (`api/batch_files.py`).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal

from infra.documents.labels import label
from projections.ledgers.query_supplements import BETWEEN, MARK
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

# The full-width signs too: a spreadsheet with East Asian settings takes them for the plain ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
APOSTROPHE = "'"
TEXTS = frozenset({Kind.TEXT, Kind.CODE})
AMOUNTS = frozenset({Kind.MONEY, Kind.NUMBER, Kind.PER_CENT})
YES_NO = {"zh": ("是", "否"), "en": ("yes", "no")}


def guarded(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would calculate; undone by taking one away."""
    return APOSTROPHE + text if text.startswith((*FORMULA_STARTS, APOSTROPHE)) else text


def exact(cell: Cell) -> str:
    """For programs: ISO days and instants (UTC), plain decimals, `true`/`false`, nothing for None; not guarded."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return instant(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return str(cell)


def instant(at: datetime) -> str:
    """`2026-11-22T06:30:00.000001Z`; the fraction only where there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown(cell: Cell, column: Column, language: Language) -> str:
    """For people: amounts in groups of three, per cents with their sign, codes and yes or no in their language."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return YES_NO[language][0 if cell else 1]
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(cell, Decimal) or (isinstance(cell, int) and column.kind is Kind.MONEY):
        return (
            f"{cell:,f}%"
            if column.kind is Kind.PER_CENT
            else f"{cell:,f}"
            if isinstance(cell, Decimal)
            else f"{cell:,}"
        )
    if isinstance(cell, str) and column.kind is Kind.CODE and language == "zh":
        return label(cell)
    return exact(cell)


def title_of(column: Column, language: Language) -> str:
    return column.title_zh if language == "zh" else column.title


def overlaid_columns(table: LedgerTable) -> Callable[[Sequence[Cell]], frozenset[int]]:
    """Which cells of a row were entered by hand, where the table has the column that says so."""
    places = {column.name: at for at, column in enumerate(table.columns)}
    mark = places.get(MARK.name)
    if mark is None:
        return lambda _row: frozenset()

    def of(row: Sequence[Cell]) -> frozenset[int]:
        names = str(row[mark] or "").split(BETWEEN)
        return frozenset(places[name] for name in names if name in places)

    return of
