"""Rows by others (CSV, database tables) to our records, as the operator's TOML mapping says.

A field of ours comes from a column, from several joined by a blank, or is a constant; its values may be translated.
Amounts and dates are read from text as the mapping describes it; no float comes near an amount.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from engines.primitives.errors import InvalidInput
from infra.files import read_bytes
from infra.statements.records import Place, Unreadable
from streams import topics
from streams.feeds.checked_record import STRUCT_BY_TOPIC
from streams.feeds.event import instant_text

Unit = Literal["days", "seconds", "milliseconds", "microseconds", "nanoseconds"]
_PER_SECOND = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
_PLAIN = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]{1,17}))?")
_AMOUNTS = frozenset({"amount", "principal", "executed_amount", "face", "accrued", "required", "vault_cash"})
_DAYS = frozenset({"value_date", "start_date", "maturity_date", "business_date", "next_reprice_date"})
_NUMBERS = frozenset({"source_seq", "overdue_days", "schema_version"})
_FLAGS = frozenset({"intragroup", "closed", "on_demand", "insured", "operational"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Direction(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How a row says which way money goes: a mark in `column`, the amount's sign, or two amount columns."""

    column: str = ""
    into: list[str] = msgspec.field(default_factory=list, name="in")
    out: list[str] = []
    signed: bool = False
    credit: str = ""
    debit: str = ""


class MappingFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The TOML file. `[columns]` says which column or columns a field is in."""

    topic: str = topics.TXN
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    skip_lines: int = 0
    header: list[str] = []  # of files that have none
    multiline: bool = False  # quoted fields may hold line ends
    decimal: str = "."
    grouping: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    instants: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
    time_zone: str = "UTC"
    columns: dict[str, str | list[str]] = {}
    constants: dict[str, str | int | bool] = {}
    values: dict[str, dict[str, str]] = {}
    units: dict[str, Unit] = {}
    direction: Direction | None = None
    key: list[str] = []  # columns of a table's primary key
    sequence: str = ""  # a column that counts a table's rows without a gap


class RowMapping:
    """A checked mapping; `digest` is of the file's bytes."""

    def __init__(self, file: MappingFile, digest: str = "") -> None:
        self.file, self.digest = file, digest
        if file.topic not in STRUCT_BY_TOPIC:
            raise InvalidInput(f"topic {file.topic!r} is none of {', '.join(STRUCT_BY_TOPIC)}", field="topic")
        known = set(STRUCT_BY_TOPIC[file.topic].__struct_fields__)
        for section, names in (("columns", file.columns), ("constants", file.constants), ("values", file.values)):
            for name in names:
                if name not in known:
                    raise InvalidInput(f"[{section}]: {name!r} is not a field of {file.topic}", field=name)
        try:
            self._zone = ZoneInfo(file.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InvalidInput(f"there is no time zone {file.time_zone!r}", field="time_zone") from error
        self._days: dict[str, str] = {}

    @property
    def wanted_columns(self) -> set[str]:
        """Every column that the mapping reads."""
        wanted = {one for columns in self.file.columns.values() for one in _listed(columns)}
        direction = self.file.direction
        if direction is not None:
            wanted |= {name for name in (direction.column, direction.credit, direction.debit) if name}
        return wanted | set(self.file.key) | ({self.file.sequence} if self.file.sequence else set())

    def fields(self, row: Mapping[str, str], place: Place) -> dict[str, Any]:
        """The record's fields. Raises Unreadable naming the column that is wrong."""
        told: dict[str, Any] = dict(self.file.constants)
        for name, columns in self.file.columns.items():
            text = " ".join(part for column in _listed(columns) if (part := row.get(column, "").strip()))
            translated = self.file.values.get(name)
            if translated is not None and text:
                if text not in translated:
                    where = place.at(_listed(columns)[0])
                    raise Unreadable(where, name, f"none of {', '.join(translated)}", text)
                text = translated[text]
            if text:
                told[name] = self._value(name, text, place.at(_listed(columns)[0]))
        if self.file.direction is not None:
            self._direct(told, row, self.file.direction, place)
        if self.file.topic == topics.TXN:
            self._complete(told)
        return told

    def _value(self, name: str, text: str, place: Place) -> Any:
        if name in _AMOUNTS:
            return self._amount(text, name, place)
        if name in _DAYS:
            return self._day(text, name, place)
        if name == "event_time":
            return self._instant(text, place)
        if name in _NUMBERS:
            if not text.isdecimal():
                raise Unreadable(place, name, "not a number", text)
            return int(text)
        if name in _FLAGS:
            if text.lower() not in {"true", "false", "1", "0"}:
                raise Unreadable(place, name, "neither true nor false", text)
            return text.lower() in {"true", "1"}
        return text

    def _amount(self, text: str, name: str, place: Place) -> str:
        plain = text.replace(" ", "").replace("\xa0", "")
        if self.file.grouping:
            plain = plain.replace(self.file.grouping, "")
        if self.file.decimal != ".":
            if "." in plain:
                raise Unreadable(place, name, f"the decimal mark is {self.file.decimal!r}", text)
            plain = plain.replace(self.file.decimal, ".")
        found = _PLAIN.fullmatch(plain)
        if found is None:
            raise Unreadable(place, name, "not an amount", text)
        sign = "-" if found[1] == "-" else ""
        whole = found[2].lstrip("0") or "0"
        return f"{sign}{whole}" + (f".{found[3]}" if found[3] else "")

    def _day(self, text: str, name: str, place: Place) -> str:
        known = self._days.get(text)
        if known is not None:
            return known
        if name in self.file.units:
            day = (_EPOCH + self._since(text, name, place)).date()
        else:
            day = self._parsed(text, self.file.dates, name, place).date()
        self._days[text] = found = day.isoformat()
        return found

    def _instant(self, text: str, place: Place) -> str:
        if "event_time" in self.file.units:
            return instant_text(_EPOCH + self._since(text, "event_time", place))
        found = self._parsed(text, self.file.instants, "event_time", place)
        aware = found if found.tzinfo is not None else found.replace(tzinfo=self._zone)
        return instant_text(aware.astimezone(UTC))

    def _since(self, text: str, name: str, place: Place) -> timedelta:
        unit = self.file.units[name]
        try:
            number = int(text)
            if unit == "days":
                return timedelta(days=number)
            return timedelta(microseconds=number * 1_000_000 // _PER_SECOND[unit])
        except (ValueError, OverflowError) as error:
            raise Unreadable(place, name, f"not a number of {unit} since 1970", text) from error

    def _parsed(self, text: str, formats: tuple[str, ...], name: str, place: Place) -> datetime:
        for form in formats:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 (the mapping's zone is given to it by the caller)
            except ValueError:
                continue
        raise Unreadable(place, name, f"of none of the forms {', '.join(formats)}", text)

    def _direct(self, told: dict[str, Any], row: Mapping[str, str], how: Direction, place: Place) -> None:
        if how.credit or how.debit:
            credit, debit = (row.get(name, "").strip() for name in (how.credit, how.debit))
            sides = [(side, text) for side, text in (("in", credit), ("out", debit)) if text and not _is_zero(text)]
            if len(sides) != 1:
                where = place.at(how.credit)
                raise Unreadable(where, "amount", "want an amount in exactly one of two columns", f"{credit} {debit}")
            told["direction"], text = sides[0]
            told["amount"] = self._amount(text, "amount", place).removeprefix("-")
        elif how.signed:
            amount = str(told.get("amount", ""))
            told["direction"], told["amount"] = "out" if amount.startswith("-") else "in", amount.removeprefix("-")
        else:
            mark = row.get(how.column, "").strip()
            if mark not in how.into and mark not in how.out:
                marks = ", ".join([*how.into, *how.out])
                raise Unreadable(place.at(how.column), "direction", f"none of {marks}", mark)
            told["direction"] = "in" if mark in how.into else "out"

    def _complete(self, told: dict[str, Any]) -> None:
        """An entry without an instant is of the beginning of its value date, in the mapping's time zone."""
        if "event_time" not in told and "value_date" in told:
            day = date.fromisoformat(told["value_date"])
            begun = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            told["event_time"] = instant_text(begun.astimezone(UTC))


def read_row_mapping(path: Path) -> RowMapping:
    """Raises InvalidInput naming what is wrong, NotFound."""
    data = read_bytes(path)
    try:
        content = msgspec.toml.decode(data, type=MappingFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(f"{path.name}: {error}", file=path.name, field="mapping") from error
    return RowMapping(content, hashlib.sha256(data).hexdigest())


def _listed(columns: str | list[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else columns


def _is_zero(text: str) -> bool:
    return not text.strip("0.,+- ")
