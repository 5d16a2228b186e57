"""What can be asked of a source of facts: its fields, each with the expression over the facts' own columns.

Expressions are written here and in the code that makes a source, never by a reader. Not for which sources there are.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from engines.primitives.errors import InvalidInput

CURRENCY = "currency"
#: Dimensions at which on-us legs are shown; above them they cancel out and are left out (decision S22).
ON_US = frozenset({"organisation", "customer", "account"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")


class Kind(StrEnum):
    TEXT = "text"  # a dimension
    MONEY = "money"  # in major units of the row's currency
    NUMBER = "number"
    RATE = "rate"  # a ratio of the row: never added up


class Grain(StrEnum):
    """Periods that a date falls in; their members sort as texts."""

    DAY = "day"
    WEEK = "week"  # ISO 8601: 2026-W47
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Field:
    """`expression` is SQL over the columns of the facts; `of`: the date that a period is of."""

    name: str
    kind: Kind
    expression: str
    title: str
    title_zh: str
    personal: bool = False
    grain: Grain | None = None
    of: str = ""
    order: tuple[str, ...] = ()  # of members that do not sort by name
    column: str = ""  # of a day: compared in conditions, so that files whose statistics say no are not read

    @property
    def is_dimension(self) -> bool:
        return self.kind is Kind.TEXT


@dataclass(frozen=True, slots=True)
class Source:
    """`currency`: the column of the facts' currency, empty where no field is money; `intragroup`: of the on-us flag.
    `closing_date`: the date over which a balance runs."""

    name: str
    title: str
    title_zh: str
    fields: Mapping[str, Field]
    currency: str = ""
    intragroup: str = ""
    closing_date: str = ""
    key: tuple[str, ...] = ()  # columns by which drilled rows stand


def quoted(column: str) -> str:
    """A column's name for SQL. Raises InvalidInput: no name that a table of ours has."""
    if not _NAME.fullmatch(column):
        raise InvalidInput(f"no column {column!r:.60}", field="columns")
    return f'"{column}"'


def dimension(name: str, column: str, title: str, title_zh: str, *, personal: bool = False) -> Field:
    return Field(name, Kind.TEXT, f"coalesce(CAST({quoted(column)} AS VARCHAR), '-')", title, title_zh, personal)


def figure(name: str, expression: str, title: str, title_zh: str, kind: Kind = Kind.MONEY) -> Field:
    return Field(name, kind, expression, title, title_zh)


_PERIODS = {
    Grain.DAY: ("", "strftime({0}, '%Y-%m-%d')", "", ""),
    Grain.WEEK: ("_week", "strftime({0}, '%G-W%V')", ", week", "（周）"),
    Grain.MONTH: ("_month", "strftime({0}, '%Y-%m')", ", month", "（月）"),
    Grain.QUARTER: ("_quarter", "strftime({0}, '%Y') || '-Q' || quarter({0})", ", quarter", "（季）"),
    Grain.YEAR: ("_year", "strftime({0}, '%Y')", ", year", "（年）"),
}


def periods(name: str, column: str, title: str, title_zh: str) -> list[Field]:
    """A date as days, ISO weeks, months, quarters and years: `value_date`, `value_date_month`, …"""
    found = []
    for grain, (suffix, form, words, words_zh) in _PERIODS.items():
        shown = f"coalesce({form.format(quoted(column))}, '-')"
        raw = quoted(column) if grain is Grain.DAY else ""
        titles = title + words, title_zh + words_zh
        found.append(Field(name + suffix, Kind.TEXT, shown, *titles, grain=grain, of=name, column=raw))
    return found


def fields(listed: Iterable[Field]) -> Mapping[str, Field]:
    return MappingProxyType({one.name: one for one in listed})
