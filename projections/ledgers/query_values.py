"""Values of a query: text of a reader turned into a cell of a column's kind."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from engines.primitives.errors import InvalidInput
from projections.ledgers.table import Cell, Column, Kind

NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,12})?")
YES_NO = {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}
NUMERIC = frozenset({Kind.MONEY, Kind.NUMBER, Kind.PER_CENT})
SHOWN = 60  # letters of a reader's text in an error


def value_of(column: Column, text: str) -> Cell:
    """The cell that a text names in this column. Raises InvalidInput: no such value, with the column and the text."""
    read = _READ[column.kind]
    try:
        return read(text)
    except ValueError:
        wanted = _WANTED.get(column.kind, "a text")
        raise InvalidInput(f"{column.name}: want {wanted}, got {text!r:.{SHOWN}}", field=column.name) from None


def number(text: str) -> Decimal:
    """A plain decimal, digits grouped by commas or not. Raises ValueError: exponents, blanks and words are none."""
    plain = text.replace(",", "")
    if not NUMBER.fullmatch(plain):
        raise ValueError(text)
    return Decimal(plain)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)


def _yes_no(text: str) -> bool:
    if text.lower() not in YES_NO:
        raise ValueError(text)
    return YES_NO[text.lower()]


_READ: Mapping[Kind, Callable[[str], Cell]] = {
    Kind.TEXT: str,
    Kind.CODE: str,
    Kind.MONEY: number,
    Kind.NUMBER: number,
    Kind.PER_CENT: number,
    Kind.DATE: date.fromisoformat,
    Kind.INSTANT: _instant,
    Kind.YES_NO: _yes_no,
}
_WANTED = {
    Kind.MONEY: "an amount as 1234.50",
    Kind.NUMBER: "a number",
    Kind.PER_CENT: "per cents as 4.35",
    Kind.DATE: "a day as 2026-11-20",
    Kind.INSTANT: "an instant with its zone as 2026-11-20T08:00:00Z",
    Kind.YES_NO: "true or false",
}


def column_of(columns: Mapping[str, int], name: str) -> int:
    """Place of a column. Raises InvalidInput naming the one that is not there, and those that are."""
    if name not in columns:
        known = ", ".join(list(columns)[:40])
        raise InvalidInput(f"no column {name!r:.{SHOWN}}; there are {known}", field=name[:SHOWN] or "columns")
    return columns[name]
