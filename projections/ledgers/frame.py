"""One ledger at two instants, as columns: rows that exist then, and every cell as an integer.

A cell holds minor units, a day or plain number, a flag, microseconds, or the code of a text; `NOTHING` where there is
none. Columns that come from others, and those that the loan note or the customer behind a row brings along, are here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import SEPARATOR, Field, Gather, Ledger, code, day, instant, text
from projections.ledgers.effects import NOTHING, PLAIN, Folded
from projections.ledgers.history import told_by_history
from projections.ledgers.registry import ledger_of

Ints = NDArray[np.int64]

#: In front of the own columns of every ledger, in this order; the two instants stand at the end.
COMMON = (
    text("entity", "Legal entity", "法人"),
    text("org", "Organisation", "经办机构"),
    text("branch", "Branch", "管户支行"),
    text("customer_no", "Customer", "客户号"),
    text("customer_name", "Customer's name", "客户名称", personal=True),
    text("manager", "Manager", "管户人"),
    code("ccy", "Currency", "币种"),
)
MOMENTS = (day("valid_from", "Valid from", "生效日"), instant("known_from", "Known from", "获知时间"))


@dataclass(slots=True)
class Frame:
    """`keys`: code of each row's key, rising; `columns` by name, one integer a row."""

    ledger: Ledger
    day: int
    position: int
    keys: Ints
    columns: dict[str, Ints]

    def take(self, rows: NDArray[Any]) -> "Frame":
        """Some of the rows, by mask or in an order."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Frame(self.ledger, self.day, self.position, self.keys[rows], columns)


def fields_of(ledger: Ledger) -> tuple[Field, ...]:
    """Every column that a ledger shows, in order."""
    return (*COMMON, *(one for one in ledger.fields if not one.name.startswith("own_")), *MOMENTS)


def frame(book: LedgerBook, ledger: Ledger, day: int, position: int) -> Frame:
    """A ledger as it was on a day, as far as it was known at a position of the log."""
    return _Builder(book, day, position).build(ledger)


class _Builder:
    """Builds a ledger and those that it joins, each once."""

    def __init__(self, book: LedgerBook, day: int, position: int) -> None:
        self._book, self._day, self._position = book, day, position
        self._built: dict[str, Frame] = {}
        self._lights: dict[str, Frame] = {}

    def build(self, ledger: Ledger) -> Frame:
        if (found := self._built.get(ledger.name)) is None:
            found = self._built[ledger.name] = self._make(ledger)
        return found

    def _make(self, ledger: Ledger) -> Frame:
        found, folded, row = self._pivoted(ledger, None)
        keys = found.keys
        self._moments(found, folded, row)
        self._common(found)
        for one in ledger.fields:
            if one.joined:
                found.columns[one.name] = self._joined(found, *one.joined.split("."), through=one.through)
        for one in ledger.fields:
            if one.derived.startswith("history "):
                what = one.derived.removeprefix("history ")
                found.columns[one.name] = told_by_history(
                    self._book, found.keys, found.columns, what, self._day, self._position
                )
            elif one.derived:
                found.columns[one.name] = derived(one.derived, found.columns, self._day, len(keys))
            if one.default:
                values = found.columns[one.name]
                values[values == NOTHING] = self._book.names.code(one.default)
        if ledger.where is not None:
            wanted = self._book.names.find(ledger.where[1])
            found = found.take(found.columns[ledger.where[0]] == wanted)
        return found

    def _pivoted(self, ledger: Ledger, wanted: frozenset[str] | None) -> tuple[Frame, Folded, Ints]:
        """The rows that exist with the columns from effects, or with the wanted ones of them; the effects folded, and
        the row of each."""
        names = {name: own for name, own in ledger.numbers.items() if wanted is None or name in wanted}
        columns = None if wanted is None else frozenset(names.values())
        folded = self._book.effects_of(ledger).fold(self._day, self._position, columns)
        number, key = folded.column, folded.key
        keys = np.sort(key[(number == ledger.numbers["exists"]) & (folded.value == 1)])
        place = np.full(len(self._book.names) + 1, -1, np.int64)
        place[keys] = np.arange(len(keys))
        row = place[key]
        cells = np.full((len(ledger.numbers), len(keys)), NOTHING, np.int64)
        plain = (row >= 0) & (folded.member == PLAIN)
        cells[number[plain], row[plain]] = folded.value[plain]
        found = Frame(ledger, self._day, self._position, keys, {name: cells[own] for name, own in names.items()})
        for one in ledger.fields:
            if one.gather is not Gather.ONE and one.name in names:
                mine = (number == names[one.name]) & (row >= 0)
                gathered = row[mine], folded.value[mine], folded.member[mine]
                found.columns[one.name] = self._gathered(one.gather, *gathered, len(keys))
        return found, folded, row

    def _gathered(self, gather: Gather, row: Ints, value: Ints, member: Ints, count: int) -> Ints:
        column = np.full(count, NOTHING, np.int64)
        if gather is Gather.EARLIEST:
            held = value != NOTHING
            column[row[held]] = np.iinfo(np.int64).max
            np.minimum.at(column, row[held], value[held])
            return column
        texts = self._book.names.texts
        names: dict[int, list[str]] = {}
        for at, one in zip(row[value == 1].tolist(), member[value == 1].tolist(), strict=True):
            names.setdefault(at, []).append(texts[one])
        for at, found in names.items():
            column[at] = self._book.names.code(", ".join(sorted(found)))
        return column

    def _moments(self, found: Frame, folded: Folded, row: Ints) -> None:
        mine = row >= 0
        valid, known = np.zeros(len(found.keys), np.int64), np.zeros(len(found.keys), np.int64)
        np.maximum.at(valid, row[mine], folded.day[mine])
        np.maximum.at(known, row[mine], folded.position[mine])
        found.columns["valid_from"] = valid
        found.columns["known_from"] = self._book.log.recorded_at(known) if len(known) else known

    def _common(self, found: Frame) -> None:
        """Branch, customer and manager of the loan note behind a row; the customer's name."""
        ledger, columns = found.ledger, found.columns
        nothing = np.full(len(found.keys), NOTHING, np.int64)
        if ledger.name == "risk_asset":
            columns["customer_no"], columns["manager"] = columns["own_customer"], columns["own_manager"]
        elif ledger.name == "risk_customer":
            columns["customer_no"], columns["manager"] = found.keys, nothing
            columns["customer_name"] = columns["name_ref"]
            return
        else:
            columns["customer_no"], columns["manager"] = columns.get("own_customer", nothing), nothing
            if ledger.loan:
                for name, other in (
                    ("customer_no", "own_customer"),
                    ("manager", "own_manager"),
                    ("branch", "branch"),
                ):
                    theirs = self._joined(found, "risk_asset", other, through=ledger.loan)
                    columns[name] = np.where(theirs == NOTHING, columns[name], theirs)
        columns["customer_name"] = self._joined(found, "risk_customer", "name_ref", through="customer_no")

    def _joined(self, found: Frame, ledger: str, column: str, *, through: str) -> Ints:
        """A column of another ledger at the same instants, by the key that a column of this one holds."""
        other = self._light(ledger_of(ledger), column)
        place = np.full(len(self._book.names) + 1, -1, np.int64)
        place[other.keys] = np.arange(len(other.keys))
        keys = found.columns[through]
        at = np.where(keys == NOTHING, -1, place[np.where(keys == NOTHING, -1, keys)])
        values = np.full(len(keys), NOTHING, np.int64)
        values[at >= 0] = other.columns[column][at[at >= 0]]
        return values

    def _light(self, ledger: Ledger, column: str) -> Frame:
        """A ledger with the columns that others join, one column among them for certain."""
        if (found := self._built.get(ledger.name)) is not None:
            return found
        field = ledger.field_of(column)
        parts = frozenset(re.findall(r"\w+", field.derived)) if field is not None and field.derived else frozenset()
        known = self._lights.get(ledger.name)
        if known is None:
            known = self._lights[ledger.name] = self._pivoted(ledger, frozenset(JOINED[ledger.name]) | parts)[0]
        elif missing := {column, *parts} - known.columns.keys() - {one.name for one in ledger.fields if one.derived}:
            more = self._pivoted(ledger, frozenset({"exists", *missing}))[0]
            known.columns.update({name: more.columns[name] for name in missing})
        if field is not None and field.derived and column not in known.columns:
            known.columns[column] = derived(field.derived, known.columns, self._day, len(known.keys))
        return known


#: What nearly every ledger takes from these two.
JOINED = {
    "risk_asset": ("exists", "own_customer", "own_manager", "branch"),
    "risk_customer": ("exists", "name_ref"),
}

_DAYS = re.compile(r"days from (\w+) to (\w+)|months from (\w+) to (\w+)|days since (\w+)|days until (\w+)")


def derived(how: str, columns: dict[str, Ints], today: int, count: int) -> Ints:
    """A column from others: sums and differences, days between, whole months between."""
    found = _DAYS.fullmatch(how)
    if found is None:
        return _sum(how, columns, count)
    start, end, first, last, since, until = found.groups()
    if since is not None:
        return _between(columns[since], np.full(count, today, np.int64), lambda a, b: np.maximum(0, b - a))
    if until is not None:
        return _between(np.full(count, today, np.int64), columns[until], lambda a, b: b - a)
    if start is not None:
        return _between(columns[start], columns[end], lambda a, b: b - a)
    return _between(columns[first], columns[last], _months)


def _sum(how: str, columns: dict[str, Ints], count: int) -> Ints:
    total, empty = np.zeros(count, np.int64), np.ones(count, np.bool_)
    for sign, name in re.findall(r"([+-]?)\s*(\w+)", how):
        values = columns[name]
        held = values != NOTHING
        total[held] += -values[held] if sign == "-" else values[held]
        empty &= ~held
    total[empty] = NOTHING
    return total


def _between(first: Ints, last: Ints, count: Callable[[Ints, Ints], Ints]) -> Ints:
    found = np.full(len(first), NOTHING, np.int64)
    held = (first != NOTHING) & (last != NOTHING)
    found[held] = count(first[held], last[held])
    return found


_EPOCH = 719_163  # day number of 1970-01-01


def _months(first: Ints, last: Ints) -> Ints:
    """Whole months from one day to another, never below 0."""
    start, end = ((days - _EPOCH).astype("datetime64[D]") for days in (first, last))
    months = (end.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
    part = (end - end.astype("datetime64[M]")) < (start - start.astype("datetime64[M]"))
    found: Ints = np.maximum(0, months - part)
    return found


def key_text(book: LedgerBook, code: int) -> tuple[str, ...]:
    """The parts of a row's key."""
    return tuple(book.names.texts[code].split(SEPARATOR))
