"""The columns of a batch upload: one field of a command each, and how a cell becomes the field's value.

Made from the aggregates' tables, so every command of every aggregate has a sheet. A cell is text, number, day or
truth; amounts and rates leave here as decimal text. Not for rules: the command judges.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from aggregates.claim import BUCKETS
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.fields import FieldSpec
from aggregates.steps.rows import Row
from engines.primitives.errors import InvalidInput

Cell = str | float | int | bool | date | datetime | None

DIGITS_OF_A_DOUBLE = 15  # a spreadsheet keeps no more
DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
TRUTHS: Mapping[str, bool] = {"true": True, "1": True, "是": True, "false": False, "0": False, "否": False}
VALID_ON, REASON, ENTITY, CURRENCY = "valid_on", "reason", "entity_id", "ccy"
WORDS: Mapping[str, str] = {
    "I": "business id",
    "S": "text",
    "E": "upper-case code",
    "D": "day, as 2024-09-28",
    "N": "whole number",
    "B": "true or false",
    "M": "amount, two decimals",
    "G": "amount, may be negative",
    "A": "amount of one claim bucket",
    "K": 'JSON object of amounts, as {"court": "12.00"}',
    "P": "percentage, 0 to 100",
    "R": "rate, per cent a year",
    "V": "number",
    "L": "ids, parted by ;",
    "T": "texts, parted by ;",
    "J": "JSON object",
    "O": "JSON list of objects",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its header, the field it fills (`alloc.principal`: a part of one), and what a cell may hold."""

    name: str
    kind: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of one command, in the order of its fields; the first is the aggregate's key."""

    aggregate: type[Case]
    row: Row
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        return f"{self.aggregate.NAME}.{self.command}"

    @property
    def command(self) -> str:
        """How a command names the row: by its event where its own name may mean several."""
        events = {row.event for row in self.aggregate.rows_of(self.row.command)}
        return self.row.command if len(events) == 1 else self.row.event

    @property
    def beside(self) -> frozenset[str]:
        """Columns that say something about the command and are none of its fields."""
        fields = {spec.name for spec in (*self.row.fields, *self.row.extra)}
        return frozenset({self.key, *({VALID_ON, REASON} - fields)})

    @property
    def key(self) -> str:
        return self.aggregate.KEY


def sheet_of(name: str) -> Sheet:
    """The sheet of `Aggregate.Command`, or `Aggregate.Event` where a command may mean several. Raises
    InvalidInput."""
    aggregate, _, command = name.partition(".")
    kind = KINDS.get(aggregate)
    rows = () if kind is None else tuple(row for row in kind.rows_of(command) if not row.partner)
    if kind is None or not rows:
        raise InvalidInput(f"want Aggregate.Command, as RiskAsset.Admit, got {name!r:.80}", field="kind")
    if len({row.event for row in rows}) > 1:
        meant = ", ".join(f"{aggregate}.{row.event}" for row in rows)
        raise InvalidInput(f"{name} may mean {meant}", field="kind")
    return Sheet(kind, rows[0], tuple(_columns(kind, rows[0])))


def sheet_names() -> list[str]:
    """Every command that a file of rows may hold."""
    sheets = (Sheet(kind, row, ()) for kind in KINDS.values() for row in kind.ROWS if not row.partner)
    return sorted({sheet.name for sheet in sheets})


def payload_of(sheet: Sheet, cells: Mapping[str, Cell]) -> dict[str, Any]:
    """The payload of one row, empty cells left out. Raises InvalidInput naming the column in `facts`."""
    payload: dict[str, Any] = {}
    for column in sheet.columns:
        cell = cells.get(column.name)
        if column.name in sheet.beside or is_empty(cell):
            continue
        value = cell_value(column, cell)
        field, _, part = column.name.partition(".")
        if part:
            payload.setdefault(field, {})[part] = value
        else:
            payload[field] = value
    return payload


def about_of(sheet: Sheet, cells: Mapping[str, Cell]) -> dict[str, str]:
    """The cells that are no fields of the command: its key, `valid_on` and `reason`, those that are filled."""
    wanted = (column for column in sheet.columns if column.name in sheet.beside)
    given = ((column, cells.get(column.name)) for column in wanted)
    return {column.name: cell_value(column, cell) for column, cell in given if not is_empty(cell)}


def cell_value(column: Column, cell: Cell) -> Any:
    """A cell as the field's kind wants it; InvalidInput names the column."""
    try:
        return _READ[column.kind](cell)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{column.name}: {error}", field=column.name) from error


def is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _columns(kind: type[Case], row: Row) -> list[Column]:
    columns = [Column(kind.KEY, "I", True, "key of the aggregate")]
    specs = [spec for spec in (*row.fields, *row.extra) if spec.name != kind.KEY]
    for spec in specs:
        columns += _of_field(spec)
    named = {column.name for column in columns}
    if row.makes or row.makes_if_absent:
        columns += [Column(name, kind_, False, meaning) for name, kind_, meaning in HOME if name not in named]
    return columns + [Column(name, kind_, False, meaning) for name, kind_, meaning in ABOUT if name not in named]


HOME = ((ENTITY, "I", "entity; default: the token's, where it names one"), (CURRENCY, "E", "currency; default: CNY"))
ABOUT = ((VALID_ON, "D", "when it counts; default: today"), (REASON, "S", "why, kept with the event"))


def _of_field(spec: FieldSpec) -> list[Column]:
    if spec.kind == "A":
        return [Column(f"{spec.name}.{bucket}", "A", False, f"{WORDS['A']}: {bucket}") for bucket in BUCKETS]
    if spec.items:
        shape = "JSON list of objects" if spec.kind == "L" else "JSON object"
        inner = ", ".join(item.notation for item in spec.items)
        return [Column(spec.name, "O" if spec.kind == "L" else "J", not spec.optional, f"{shape} with {inner}")]
    return [Column(spec.name, spec.kind, not spec.optional, WORDS[spec.kind])]


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        raise TypeError("want text, got a truth value")
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float | int):
        number = _number(cell)
        if "." in number:
            raise TypeError("want text; format the column as text")
        return number
    return _day(cell)


def _number(cell: Cell) -> str:
    """Decimal text; a number only with as many digits as a spreadsheet keeps: a float's shortest form shows them."""
    if isinstance(cell, bool):
        raise TypeError("want a number, got a truth value")
    if isinstance(cell, float | int):
        number = Decimal(repr(cell))
        if not number.is_finite() or len(number.normalize().as_tuple().digits) > DIGITS_OF_A_DOUBLE:
            raise ValueError("has more digits than a spreadsheet's number keeps; write it as text")
        return f"{number.normalize():f}"
    text = str(cell).strip().replace(",", "") if isinstance(cell, str) else ""
    if not DECIMAL.fullmatch(text):
        raise ValueError("want a decimal number")
    return text


def _whole(cell: Cell) -> int:
    text = _number(cell)
    if "." in text:
        raise ValueError("want a whole number")
    return int(text)


def _day(cell: Cell) -> str:
    if isinstance(cell, datetime):
        if cell.timetuple()[3:6] != (0, 0, 0):
            raise ValueError("want a day without a time")
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if not isinstance(cell, str):
        raise TypeError("want a day, as 2024-09-28")
    return cell.strip()


def _truth(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    text = _number(cell) if isinstance(cell, float | int) else str(cell).strip().lower()
    if text not in TRUTHS:
        raise ValueError("want true or false")
    return TRUTHS[text]


def _list(cell: Cell) -> list[str]:
    return [part.strip() for part in _text(cell).replace("；", ";").split(";") if part.strip()]


def _json(shape: type) -> Callable[[Cell], Any]:
    def read(cell: Cell) -> Any:
        try:
            value = json.loads(_text(cell))
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"is not JSON: {error}") from None
        if not isinstance(value, shape):
            raise ValueError("want a JSON list" if shape is list else "want a JSON object")
        return value

    return read


_READ: Mapping[str, Callable[[Cell], Any]] = {
    **dict.fromkeys(("I", "S", "E"), _text),
    **dict.fromkeys(("M", "G", "A", "P", "R", "V"), _number),
    **dict.fromkeys(("L", "T"), _list),
    **dict.fromkeys(("J", "K"), _json(dict)),
    "D": _day,
    "N": _whole,
    "B": _truth,
    "O": _json(list),
}


def unknown_columns(sheet: Sheet, header: Sequence[str]) -> list[str]:
    known = {column.name for column in sheet.columns}
    return [name for name in header if name not in known]
