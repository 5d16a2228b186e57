"""Contract records of the common shape, many at once: to the columns that the gap is folded from.

`streams/contract_rows.py` says what a record means, one by one; this reads a record to the same terms or leaves it.
What is left: schedules, raw ACTUS terms, and whatever may be wrong, so that refusals and reasons have one source.
A book has few dates, rates and combinations of codes: each distinct one is read once a batch.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, TypeVar, cast

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from engines.flow_frame import RATE_SCALE
from engines.primitives.errors import InvalidInput
from engines.primitives.money import AMOUNT_MINOR_MAX, exponent
from projections.contract_plan import ANNUITY
from projections.contract_table import VALUES, ContractTable
from projections.contract_terms import AMORTISATIONS, DAY_COUNTS, SIDES, Integers
from projections.dictionary import Key
from streams.contract_rows import (
    ANNUITY_GROWTH_MAX,
    FLOWS_MINOR_MAX,
    MONTHS_BY_FREQUENCY,
    TERM_DAYS_MAX,
    day_number,
    facts,
    liquidity_tag,
    rate_units,
)
from streams.schemas import Contract, Repayment

LEFT = np.iinfo(np.int64).min  # not read here
NO_DAY = LEFT + 1

_WHOLE_DIGITS_MAX = 14  # of an amount; longer ones are left, so that int64 holds the others in any currency
_LETTERS_MAX = _WHOLE_DIGITS_MAX + 5  # a point and four decimals
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SHAPE = ("side", "amort", "day_count", "pay_freq", "reprice_freq", "on_demand", "closed", "ccy")
_RATES = ("rate", "spread", "next_reprice_date")
_shape = attrgetter(*_SHAPE, *_RATES)
_SHAPE_VALUES = ("side", "amortisation", "day_count", "months", "on_demand", "open", "exponent", "rate_units")
_dimensions = attrgetter("entity_id", "org_id", "line_id", "product_id", "ccy")
_key = attrgetter("entity_id", "contract_id")

Value = TypeVar("Value")


def _plain_contract() -> type[Any]:
    """`Contract` without its patterns, which are asked here once a distinct value, and without schedules and raw
    terms: a record that has some is no plain contract."""
    nothing = Annotated[list[Repayment], Meta(max_length=0)] | UnsetType
    no_terms = Annotated[dict[str, object], Meta(max_length=0)] | UnsetType
    others: dict[str, tuple[Any, ...]] = {
        "principal": (str,),
        "start_date": (str,),
        "maturity_date": (str | None, None),
        "next_reprice_date": (str | None, None),
        "schedule": (nothing, UNSET),
        "actus": (no_terms, UNSET),
        "fixings": (no_terms, UNSET),
    }
    fields = [
        (one.name, *others.get(one.name, (one.type,) if one.required else (one.type, one.default)))
        for one in msgspec.structs.fields(Contract)
    ]
    return msgspec.defstruct("PlainContract", fields, kw_only=True, gc=False)


_decode = msgspec.json.Decoder(_plain_contract()).decode


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was read, by place in the values: `rows` of `table`, and the places `left`."""

    rows: Integers
    table: ContractTable
    left: Integers


def scan(values: Sequence[bytes | None]) -> Scanned:
    records: list[Any] = []
    unread: list[int] = []
    decoded = map(_decode, cast(Sequence[bytes], values))  # no value at all is a TypeError
    while True:  # a bad record ends the loop inside, and what is behind it is read on
        try:
            for record in decoded:
                records.append(record)
            break
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
            unread.append(len(records) + len(unread))
    rows = np.delete(np.arange(len(values)), unread)
    table, good = _table(records)
    taken = rows[good]
    left = np.ones(len(values), np.bool_)
    left[taken] = False
    return Scanned(taken, table if good.all() else table.take(np.flatnonzero(good)), np.flatnonzero(left))


def _table(records: list[Any]) -> tuple[ContractTable, NDArray[np.bool_]]:
    """The terms of records, and which of them were read and are as they should be."""
    shapes = list(map(_shape, records))
    place_of = {shape: place for place, shape in enumerate(dict.fromkeys(shapes))}
    distinct = np.array([_shape_values(shape) for shape in place_of], np.int64).reshape(-1, len(_SHAPE_VALUES))
    by_shape = distinct[np.fromiter(map(place_of.__getitem__, shapes), np.int64, len(shapes))].T
    column = dict(zip(_SHAPE_VALUES, by_shape, strict=True))
    column["principal_minor"] = _minor([record.principal for record in records], column["exponent"])
    start = column["start_day"] = _each([record.start_date for record in records], _day)
    end = _each([record.maturity_date for record in records], _day)
    column["dated"] = np.where(end == NO_DAY, 0, 1)
    end = column["maturity_day"] = np.where(end == NO_DAY, start, end)

    good = np.array([bool(record.contract_id) for record in records], np.bool_)
    for values in column.values():
        good &= values != LEFT
    good &= column["principal_minor"] <= AMOUNT_MINOR_MAX
    good &= _in_bounds(column, np.where(good, end - start, 0))
    columns = {name: column[name] for name in VALUES}
    return ContractTable(list(map(_key, records)), list(map(_cell, records)), columns, {}), good


def _cell(record: Any) -> Key:
    """As `ContractTerms.cell`."""
    entity, organisation, line, product, currency = _dimensions(record)
    return entity, organisation, line, product, liquidity_tag(*facts(record)), currency


def _in_bounds(column: dict[str, Integers], days: Integers) -> NDArray[np.bool_]:
    """Clearly within what the check of one contract's term allows, which has the last word on the others."""
    good = (days >= 0) & (days <= TERM_DAYS_MAX)
    growth = np.abs(column["rate_units"]) * (days + 366.0)
    grown = np.abs(column["principal_minor"]) * (360.0 * RATE_SCALE + growth)
    good &= grown < 0.99 * FLOWS_MINOR_MAX * 360.0 * RATE_SCALE
    steep = growth > 0.99 * ANNUITY_GROWTH_MAX * 360.0 * RATE_SCALE
    good &= (column["amortisation"] != ANNUITY) | ~steep
    return good


def _shape_values(shape: tuple[Any, ...]) -> tuple[int, ...]:
    side, amortisation, day_count, frequency, reprice_frequency, on_demand, closed, currency = shape[: len(_SHAPE)]
    rate, spread, reprice_date = shape[len(_SHAPE) :]
    try:
        months = MONTHS_BY_FREQUENCY[frequency]
        _, _, _ = MONTHS_BY_FREQUENCY[reprice_frequency], rate_units(spread), _day(reprice_date)
        codes = SIDES.index(side), AMORTISATIONS.index(amortisation), DAY_COUNTS.index(day_count)
        return (*codes, months, on_demand, not closed, exponent(currency), rate_units(rate))
    except (InvalidInput, KeyError):
        return (LEFT,) * len(_SHAPE_VALUES)


def _minor(texts: list[str], digits: Integers) -> Integers:
    """Minor units of amounts in their plain form, LEFT for any other; `digits`: those of each currency."""
    if not "".join(texts).isascii():
        texts = [text if text.isascii() else "" for text in texts]
    length = np.fromiter(map(len, texts), np.int64, len(texts))
    # A longer text is cut, and then holds fewer digits than it has letters.
    letters = np.array(texts, np.dtype((np.bytes_, _LETTERS_MAX))).view(np.uint8).reshape(len(texts), _LETTERS_MAX)
    is_digit, is_point = (letters >= ord("0")) & (letters <= ord("9")), letters == ord(".")
    points = is_point.sum(axis=1)
    whole = np.where(points == 0, length, is_point.argmax(axis=1))
    decimals = np.where(points == 0, 0, length - whole - 1)
    plain = (points + is_digit.sum(axis=1) == length) & (points <= 1)
    plain &= (whole >= 1) & (whole <= _WHOLE_DIGITS_MAX) & (decimals >= points) & (decimals <= digits)
    number = np.zeros(len(texts), np.int64)
    for column, counts in zip((letters.T - ord("0")).astype(np.int64), is_digit.T, strict=True):
        number = np.where(counts, number * 10 + column, number)
    found: Integers = np.where(plain, number * 10 ** np.where(plain, digits - decimals, 0), LEFT)
    return found


def _day(text: str | None) -> int:
    if text is None:
        return NO_DAY
    if not _DAY.fullmatch(text):
        raise InvalidInput("not a date such as 2026-01-31")
    return day_number(text, "")


def _each(values: list[Value], read: Callable[[Value], int]) -> Integers:
    """`read` of each value, asked once a distinct one; LEFT where it refuses."""
    found: dict[Value, int] = {}
    for value in set(values):
        try:
            found[value] = read(value)
        except InvalidInput:
            found[value] = LEFT
    return np.fromiter(map(found.__getitem__, values), np.int64, len(values))
