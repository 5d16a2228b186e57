"""Rules on the records of a data set, one class for each kind; each says what passed and what failed (LIQ-54).

A rule looks at the records that have its fields: an absent or empty one is a matter of completeness alone, so that
one gap is not counted five times. Numbers are integers or decimal text, days are ISO text. Weights and the score are
`engines.data_quality`; rules that compare with other data are `engines.data_rules_across`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any, Literal, Protocol

Value = str | int | bool | None
Record = Mapping[str, Value]
Comparison = Literal["<", "<=", "=", "!=", ">=", ">"]
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"<": lt, "<=": le, "=": eq, "!=": ne, ">=": ge, ">": gt}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failed` names what failed: places of records as text, or the groups of a tie-out."""

    checked: int
    failed: tuple[str, ...]

    @property
    def pass_rate(self) -> Fraction | None:
        return Fraction(self.checked - len(self.failed), self.checked) if self.checked else None


class Rule(Protocol):
    def apply(self, records: Sequence[Record]) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Completeness:
    """Every field is there and not empty."""

    fields: Sequence[str]

    def apply(self, records: Sequence[Record]) -> Outcome:
        return judged(records, (), lambda record: all(has(record, name) for name in self.fields))


@dataclass(frozen=True, slots=True)
class OfType:
    field: str
    type: Literal["decimal", "integer", "day", "boolean", "text"]

    def apply(self, records: Sequence[Record]) -> Outcome:
        return judged(records, (self.field,), lambda record: self._holds(record[self.field]))

    def _holds(self, value: Value) -> bool:
        match self.type:
            case "decimal":
                return number(value) is not None
            case "integer":
                found = number(value)
                return found is not None and found.denominator == 1
            case "day":
                return day(value) is not None
            case "boolean":
                return isinstance(value, bool)
            case "text":
                return isinstance(value, str)


@dataclass(frozen=True, slots=True)
class Domain:
    """One of `values`, where they are given, and a number from `minimum` to `maximum`, both inside."""

    field: str
    values: Sequence[Value] | None = None
    minimum: Fraction | None = None
    maximum: Fraction | None = None

    def apply(self, records: Sequence[Record]) -> Outcome:
        return judged(records, (self.field,), lambda record: self._holds(record[self.field]))

    def _holds(self, value: Value) -> bool:
        if self.values is not None and not any(type(one) is type(value) and one == value for one in self.values):
            return False
        if self.minimum is None and self.maximum is None:
            return True
        found = number(value)
        if found is None or (self.minimum is not None and found < self.minimum):
            return False
        return self.maximum is None or found <= self.maximum


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """No earlier record has the same fields: of two alike the second fails."""

    fields: Sequence[str]

    def apply(self, records: Sequence[Record]) -> Outcome:
        seen: set[tuple[Value, ...]] = set()

        def is_new(record: Record) -> bool:
            key = tuple(record[name] for name in self.fields)
            known = key in seen
            seen.add(key)
            return not known

        return judged(records, self.fields, is_new)


@dataclass(frozen=True, slots=True)
class CrossField:
    """`left comparison right`, as `maturity_date >= start_date`: numbers as numbers, else as text, which orders days.

    `right` is a field, unless `value` is given in its place.
    """

    left: str
    comparison: Comparison
    right: str | None = None
    value: Value = None

    def apply(self, records: Sequence[Record]) -> Outcome:
        fields = (self.left,) if self.right is None else (self.left, self.right)
        return judged(records, fields, self._holds)

    def _holds(self, record: Record) -> bool:
        sides = record[self.left], self.value if self.right is None else record[self.right]
        numbers = [number(side) for side in sides]
        left, right = sides if None in numbers else numbers
        if type(left) is not type(right):
            return self.comparison == "!="
        return _COMPARE[self.comparison](left, right)


@dataclass(frozen=True, slots=True)
class Timeliness:
    """The day of the field is not after `as_of` and at most `age_days_max` calendar days before it."""

    field: str
    as_of: date
    age_days_max: int

    def apply(self, records: Sequence[Record]) -> Outcome:
        def is_timely(record: Record) -> bool:
            found = day(record[self.field])
            return found is not None and 0 <= (self.as_of - found).days <= self.age_days_max

        return judged(records, (self.field,), is_timely)


def judged(records: Sequence[Record], fields: Sequence[str], holds: Callable[[Record], bool]) -> Outcome:
    """What `holds` of the records that have the fields."""
    looked_at = [(place, record) for place, record in enumerate(records) if all(has(record, name) for name in fields)]
    return Outcome(len(looked_at), tuple(str(place) for place, record in looked_at if not holds(record)))


def has(record: Record, name: str) -> bool:
    return record.get(name) not in (None, "")


def number(value: Value) -> Fraction | None:
    """Exact, of an integer or decimal text; None: it is something else."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value)
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def day(value: Value) -> date | None:
    """Of an ISO date, or of an instant the date that it is written with; None: it is something else."""
    if not isinstance(value, str) or not _DAY.match(value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:  # as 30 February
        return None
