"""Rows of a ledger chosen, ordered and cut into pages, and turned into cells: whole columns at a time, so that only
the rows that are shown are ever made.

Conditions are those of `query_where`. Currencies are never summed together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import Field
from projections.ledgers.effects import NOTHING
from projections.ledgers.frame import Frame, fields_of
from projections.ledgers.query_where import condition
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
NUMBERS = (Kind.NUMBER, Kind.PER_CENT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """`where`: conditions that all hold; `sort`: columns, `-` or `:desc` for falling, the key comes last; `columns`:
    those shown, all by default; `limit`, `offset`: of the rows shown."""

    where: tuple[str, ...] = ()
    sort: str = ""
    columns: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0


def select(book: LedgerBook, frame: Frame, asked: Selection, known_at: datetime) -> LedgerTable:
    """The rows asked for as a table; totals and count are of all that pass the conditions.

    Raises InvalidInput: a column or an operator that is not there, a value that its column cannot hold.
    """
    fields = {one.name: one for one in fields_of(frame.ledger)}
    shown = [_known(fields, name) for name in asked.columns] or list(fields.values())
    mask = np.ones(len(frame.keys), np.bool_)
    for text in asked.where:
        mask &= matching(book, frame, fields, text)
    rows = frame.take(mask)
    order = ordered(book, rows, fields, asked.sort or frame.ledger.sort)
    stop = None if asked.limit is None else asked.offset + asked.limit
    page = rows.take(order[asked.offset : stop])
    cells = [cells_of(book, page, one) for one in shown]
    ledger = frame.ledger
    return LedgerTable(
        ledger.name,
        ledger.title,
        ledger.title_zh,
        tuple(one.column for one in shown),
        list(zip(*cells, strict=True)),
        totals_of(book, rows, [one.column for one in shown]),
        len(rows.keys),
        date.fromordinal(frame.day),
        known_at,
        frame.position,
    )


# --- Conditions ----------------------------------------------------------------------------------------------------


def matching(book: LedgerBook, frame: Frame, fields: Mapping[str, Field], text: str) -> Mask:
    """Which rows a condition holds for, as `query_where` reads it, for whole columns at a time."""
    asked = condition(text)
    field, values = _known(fields, asked.column), asked.values
    cells = frame.columns[field.name]
    held: Mask = cells != NOTHING

    def compared(operator: str, wanted: str) -> Mask:
        return _compared(book, frame, field, cells, held, operator, wanted, text)

    match asked.operator:
        case "is null":
            return ~held
        case "is not null":
            return held
        case "between":
            return compared(">=", values[0]) & compared("<=", values[1])
        case "in" | "not in":
            met = np.zeros(len(cells), np.bool_)
            for one in values:
                met |= compared("=", one)
            return met if asked.operator == "in" else ~met
        case operator:
            return compared(operator, values[0])


def _compared(
    book: LedgerBook, frame: Frame, field: Field, values: Ints, held: Mask, op: str, wanted: str, condition: str
) -> Mask:
    met = np.zeros(len(values), np.bool_)
    if field.is_text:
        test = _text_test(field, op, wanted, condition)
        codes, inverse = np.unique(values[held], return_inverse=True)
        met[held] = np.array([test(book.names.texts[one]) for one in codes.tolist()], np.bool_)[inverse.reshape(-1)]
    elif op == "contains":
        raise InvalidInput("only texts contain something", field="where", record=condition[:80])
    else:
        bound = _bound(book, frame, field, wanted, condition)
        met[held] = _ORDERED[op](values[held], bound[held])
    return met | ~held if op == "!=" else met


def _text_test(field: Field, op: str, wanted: str, condition: str) -> Callable[[str], bool]:
    if op == "contains":
        return lambda text: wanted.casefold() in text.casefold()
    compare = _ORDERED[op]
    if field.column.kind in NUMBERS:
        bound = _decimal(wanted, condition)
        return lambda text: bool(compare(Decimal(text), bound))
    return lambda text: bool(compare(text, wanted))


def _bound(book: LedgerBook, frame: Frame, field: Field, wanted: str, condition: str) -> NDArray[Any]:
    """What each row's cell is compared with, in the unit of the cell."""
    kind, count = field.column.kind, len(frame.keys)
    if kind is Kind.MONEY:
        amount = _decimal(wanted, condition)
        scales = {code: amount.scaleb(_digits(book, code)) for code in np.unique(frame.columns["ccy"]).tolist()}
        bounds = [scales[code] for code in frame.columns["ccy"].tolist()]
        # A bound between two minor units stays a fraction: comparing Decimals is exact where rounding is not.
        whole = all(bound == int(bound) and abs(bound) < 2**62 for bound in scales.values())
        return np.array([int(one) for one in bounds] if whole else bounds, np.int64 if whole else object)
    try:
        if kind is Kind.DATE:
            value = date.fromisoformat(wanted).toordinal()
        elif kind is Kind.INSTANT:
            moment = datetime.fromisoformat(wanted)
            since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
            value = since // timedelta(microseconds=1)
        elif kind is Kind.YES_NO:
            value = {"yes": 1, "true": 1, "no": 0, "false": 0}[wanted.casefold()]
        else:
            return np.full(count, _decimal(wanted, condition), object)
    except (ValueError, KeyError):
        raise InvalidInput(f"{wanted!r:.40} is no {kind.value}", field="where", record=condition[:80]) from None
    return np.full(count, value, np.int64)


def _decimal(text: str, condition: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InvalidInput(f"{text!r:.40} is no number", field="where", record=condition[:80]) from None
    if not value.is_finite():
        raise InvalidInput(f"{text!r:.40} is no number", field="where", record=condition[:80])
    return value


# --- Order ---------------------------------------------------------------------------------------------------------


def ordered(book: LedgerBook, frame: Frame, fields: Mapping[str, Field], sort: str) -> Ints:
    """Row numbers in the order asked for: empty cells last, equal rows by key."""
    keys: list[Ints] = []
    for part in [part.strip() for part in sort.split(",") if part.strip()]:
        name, _, way = part.removeprefix("-").partition(":")
        if way not in ("", "asc", "desc"):
            raise InvalidInput(f"want {name}:asc or {name}:desc", field="sort")
        field = _known(fields, name)
        values = frame.columns[field.name]
        held = values != NOTHING
        rank = np.zeros(len(values), np.int64)
        rank[held] = _ranks(book, field, values[held], frame.columns["ccy"][held])
        falling = part.startswith("-") or way == "desc"
        keys += [~held, -rank if falling else rank]
    # Rows of the ledger of decisions are named by their position, all others by a text.
    tie = book.names.ranks(frame.keys) if frame.ledger.rules else frame.keys
    return np.lexsort([*reversed([np.asarray(key) for key in (*keys, tie)])])


def _ranks(book: LedgerBook, field: Field, values: Ints, ccy: Ints) -> Ints:
    if field.column.kind is Kind.MONEY:
        digits = {code: -_digits(book, code) for code in np.unique(ccy).tolist()}
        if len(set(digits.values())) > 1:  # yen beside yuan: compared as amounts, not as minor units
            amounts = [Decimal(v).scaleb(digits[c]) for v, c in zip(values.tolist(), ccy.tolist(), strict=True)]
            places = {amount: rank for rank, amount in enumerate(sorted(set(amounts)))}
            return np.array([places[amount] for amount in amounts], np.int64)
    if not field.is_text:
        return values
    if field.column.kind not in NUMBERS:
        return book.names.ranks(values)
    codes, inverse = np.unique(values, return_inverse=True)
    numbers = [Decimal(book.names.texts[one]) for one in codes.tolist()]
    distinct = {number: rank for rank, number in enumerate(sorted(set(numbers)))}
    return np.array([distinct[number] for number in numbers], np.int64)[inverse.reshape(-1)]


# --- Cells and totals ----------------------------------------------------------------------------------------------


def cells_of(book: LedgerBook, frame: Frame, field: Field) -> list[Cell]:
    """One column as a reader gets it."""
    values = frame.columns[field.name].tolist()
    if field.column.kind is Kind.MONEY:
        digits = {code: -_digits(book, code) for code in set(frame.columns["ccy"].tolist())}
        scales = [digits[code] for code in frame.columns["ccy"].tolist()]
        return [None if v == NOTHING else Decimal(v).scaleb(s) for v, s in zip(values, scales, strict=True)]
    made = maker(book, field)
    return [None if value == NOTHING else made(value) for value in values]


def maker(book: LedgerBook, field: Field, ccy: int = NOTHING) -> Callable[[int], Cell]:
    """Turns the integers of a column into cells; amounts are of one currency."""
    kind, texts = field.column.kind, book.names.texts
    if kind is Kind.MONEY:
        digits = _digits(book, ccy)
        return lambda value: Decimal(value).scaleb(-digits)
    if field.is_text:
        return (lambda value: Decimal(texts[value])) if kind in NUMBERS else (lambda value: texts[value])
    if kind is Kind.DATE:
        return date.fromordinal
    if kind is Kind.INSTANT:
        return instant_of
    return bool if kind is Kind.YES_NO else int


def totals_of(book: LedgerBook, frame: Frame, columns: Sequence[Column]) -> dict[str, dict[str, Decimal]]:
    """Sums of the summed columns by currency, over all rows of a frame."""
    totals: dict[str, dict[str, Decimal]] = {}
    summed = [column.name for column in columns if column.summed]
    for code in sorted(np.unique(frame.columns["ccy"]).tolist(), key=lambda one: _ccy(book, one)):
        mine = frame.columns["ccy"] == code
        for name in summed:
            values = frame.columns[name][mine]
            minor = sum(values[values != NOTHING].tolist())  # Python's integers know no end
            totals.setdefault(_ccy(book, code), {})[name] = Decimal(minor).scaleb(-_digits(book, code))
    return totals


def instant_of(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _ccy(book: LedgerBook, code: int) -> str:
    return "-" if code == NOTHING else book.names.texts[code]


def _digits(book: LedgerBook, code: int) -> int:
    return 2 if code == NOTHING else exponent(book.names.texts[code])


def _known(fields: Mapping[str, Field], name: str) -> Field:
    if (found := fields.get(name)) is None:
        raise InvalidInput(f"no column {name!r:.40}", field="column", known=", ".join(fields))
    return found
