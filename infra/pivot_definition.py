"""What a pivot asks: rows × columns of dimensions, measures, filters; as a person writes it and as it is kept.

A definition holds no SQL and no path: names only, which `check` compares with the fields of a source before anything
is built from them. Not for what the fields are: `infra.pivot_fields`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from infra.pivot_fields import Field, Grain, Kind, Source

ROWS_MAX, COLUMNS_MAX, MEASURES_MAX, CONDITIONS_MAX, MEMBERS_MAX = 5, 3, 12, 20, 500
TOP_MAX = 1_000
TEXT_MAX = 200
OTHERS = "…"  # the member that stands for all below the top ones
PARTS = ("source", "rows", "columns", "measures", "where", "top", "sort", "reporting_currency", "as_of", "compare")
_MEASURE = re.compile(r"\s*(?:([a-z][a-z0-9_]{0,39})\s*=)?\s*([a-z_]+)\s*\(\s*([a-z0-9_.,\s]*)\)\s*")
_CONDITION = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|!=|=|in\b|not in\b)\s*(.+?)\s*", re.DOTALL)


class Function(StrEnum):
    """How the values behind a cell become one figure."""

    SUM = "sum"
    COUNT = "count"  # rows behind the cell
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    QUANTILE = "quantile"  # the smallest value that at least this share of the rows does not exceed
    PER_CENT = "per_cent"  # of two sums: never a mean of ratios (LIQ-60)
    SHARE = "share"  # of the row above it, per cent
    CLOSING = "closing"  # running over the date on an axis: the balance at the end of the period
    CHANGE = "change"  # of the sum, since the second moment


ARGUMENTS: Mapping[Function, int] = {Function.COUNT: 0, Function.QUANTILE: 2, Function.PER_CENT: 2}
ORDERED = frozenset({Function.MEDIAN, Function.QUANTILE})
RATIOS = frozenset({Function.PER_CENT, Function.SHARE})
UNADDED = ORDERED | {Function.MIN, Function.MAX}
UNRANKED = ORDERED | {Function.SHARE, Function.CHANGE}


@dataclass(frozen=True, slots=True)
class Measure:
    """`field`: what is added up; `of`: the denominator of a per cent; `quantile`: in (0, 1)."""

    name: str
    function: Function
    field: str = ""
    of: str = ""
    quantile: Decimal = Decimal("0.5")

    @classmethod
    def parse(cls, text: str) -> "Measure":
        """`sum(outflow)`, `share = per_cent(inflow, outflow)`, `quantile(amount, 0.9)`. Raises InvalidInput."""
        found = _MEASURE.fullmatch(text)
        if found is None or found[2] not in {one.value for one in Function}:
            known = ", ".join(Function)
            raise _wrong("measures", f"want `function(field)` with one of {known}, got {text!r:.60}")
        function = Function(found[2])
        given = [part.strip() for part in found[3].split(",")] if found[3].strip() else []
        if len(given) != ARGUMENTS.get(function, 1):
            raise _wrong("measures", f"{function} takes {ARGUMENTS.get(function, 1)} fields, got {text!r:.60}")
        name = found[1] or f"{function}({','.join(given)})"
        if function is Function.QUANTILE:
            return cls(name, function, given[0], quantile=_share(given[1]))
        of = given[1] if function is Function.PER_CENT else ""
        return cls(name, function, given[0] if given else "", of)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name in (self.field, self.of) if name)

    def __str__(self) -> str:
        given = [*self.fields, *([f"{self.quantile:f}"] if self.function is Function.QUANTILE else [])]
        plain = f"{self.function}({','.join(given)})"
        return plain if plain == self.name else f"{self.name} = {plain}"


@dataclass(frozen=True, slots=True)
class Condition:
    """All of a definition's conditions hold. `values`: several for `in` and `not in`, else one."""

    field: str
    operator: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """`currency in CNY,USD`, `value_date >= 2026-01-01`. Raises InvalidInput."""
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise _wrong("where", f"want `field operator value`, got {text!r:.60}")
        operator = found[2]
        values = tuple(part.strip() for part in found[3].split(",")) if "in" in operator else (found[3],)
        if len(values) > MEMBERS_MAX or any(len(value) > TEXT_MAX for value in values):
            raise _wrong("where", f"{found[1]}: want at most {MEMBERS_MAX} values of {TEXT_MAX} letters")
        return cls(found[1], operator, values)

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {','.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Top:
    """The members of a dimension with the largest figure of one measure; all others together, or left out."""

    dimension: str
    count: int
    by: str
    others: bool = True

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Top":
        _only(body, ("dimension", "count", "by", "others"), "top")
        count = body.get("count", 10)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= TOP_MAX:
            raise _wrong("top", f"count: want 1 to {TOP_MAX}")
        others = body.get("others", True)
        if not isinstance(others, bool):
            raise _wrong("top", "others: want true or false")
        return cls(_text(body.get("dimension"), "top"), count, _text(body.get("by"), "top"), others)

    def to_json(self) -> dict[str, Any]:
        return {"dimension": self.dimension, "count": self.count, "by": self.by, "others": self.others}


@dataclass(frozen=True, slots=True)
class Moment:
    """When: a business date, an instant of knowledge, or an offset vector of the logs; nothing: now."""

    as_of: date | None = None
    known_at: str | None = None
    at_offsets: Mapping[str, int] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any], place: str) -> "Moment":
        _only(body, ("as_of", "known_at", "at_offsets"), place)
        vector = body.get("at_offsets")
        if vector is not None and not (
            isinstance(vector, Mapping)
            and all(isinstance(at, int) and not isinstance(at, bool) and at >= 0 for at in vector.values())
        ):
            raise _wrong("at_offsets", "want an object {topic/partition: next offset}")
        known_at = body.get("known_at")
        return cls(
            _day(body.get("as_of"), "as_of"),
            None if known_at is None else _text(known_at, "known_at"),
            None if vector is None else dict(sorted(vector.items())),
        )

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"as_of": self.as_of and self.as_of.isoformat(), "known_at": self.known_at}
        found |= {"at_offsets": None if self.at_offsets is None else dict(self.at_offsets)}
        return {name: value for name, value in found.items() if value is not None}


NOW = Moment()


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole question. `sort`: a measure's name, `-` before it for the largest first; empty: members by name."""

    source: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    measures: tuple[Measure, ...]
    where: tuple[Condition, ...] = ()
    top: Top | None = None
    sort: str = ""
    reporting_currency: str | None = None
    moment: Moment = field(default_factory=Moment)
    compare: Moment | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Definition":
        """From JSON; `at_offsets` and `known_at` may stand beside `as_of`. Raises InvalidInput naming the part."""
        _only(body, (*PARTS, "known_at", "at_offsets"), "definition")
        measures = tuple(map(Measure.parse, _texts(body, "measures", MEASURES_MAX)))
        where = tuple(map(Condition.parse, _texts(body, "where", CONDITIONS_MAX)))
        moment = {name: body[name] for name in ("as_of", "known_at", "at_offsets") if body.get(name) is not None}
        currency = body.get("reporting_currency")
        if currency is not None:
            exponent(_text(currency, "reporting_currency"))
        for name in ("top", "compare"):
            if body.get(name) is not None and not isinstance(body[name], Mapping):
                raise _wrong(name, "want an object")
        return cls(
            _text(body.get("source"), "source"),
            _texts(body, "rows", ROWS_MAX),
            _texts(body, "columns", COLUMNS_MAX),
            measures,
            where,
            None if body.get("top") is None else Top.of(body["top"]),
            _text(body.get("sort", ""), "sort", empty=True),
            currency,
            Moment.of(moment, "definition"),
            None if body.get("compare") is None else Moment.of(body["compare"], "compare"),
        )

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "source": self.source,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "measures": [str(one) for one in self.measures],
            "where": [str(one) for one in self.where],
        }
        more = {
            "top": None if self.top is None else self.top.to_json(),
            "sort": self.sort or None,
            "reporting_currency": self.reporting_currency,
            "compare": None if self.compare is None else self.compare.to_json(),
        }
        return found | {name: value for name, value in more.items() if value is not None} | self.moment.to_json()

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.rows + self.columns

    def at(self, moment: Moment) -> "Definition":
        """The same question at another moment; parts of it that are not given stay."""
        own = self.moment
        merged = Moment(
            moment.as_of or own.as_of,
            moment.known_at or own.known_at,
            own.at_offsets if moment.at_offsets is None else moment.at_offsets,
        )
        return replace(self, moment=merged)


def check(asked: Definition, source: Source) -> None:
    """Raises InvalidInput naming the field that a source lacks, or that cannot be used so."""
    if not asked.measures:
        raise _wrong("measures", "want at least one")
    for name in asked.dimensions:
        if not _field(source, name, "rows").is_dimension:
            raise _wrong("rows", f"{name} is a figure, not a dimension")
    if len(set(asked.dimensions)) != len(asked.dimensions):
        raise _wrong("rows", "a dimension stands twice")
    if len({one.name for one in asked.measures}) != len(asked.measures):
        raise _wrong("measures", "two have the same name")
    for one in asked.measures:
        _check_measure(one, asked, source)
    for condition in asked.where:
        _check_condition(condition, _field(source, condition.field, "where"))
    _check_order(asked)


def _check_measure(one: Measure, asked: Definition, source: Source) -> None:
    dates = [name for name in asked.dimensions if source.fields[name].grain is not None]
    for name in one.fields:
        if _field(source, name, "measures").is_dimension:
            raise _wrong("measures", f"{name} is a dimension, not a figure")
    if one.function not in UNADDED and any(source.fields[name].kind is Kind.RATE for name in one.fields):
        raise _wrong("measures", f"{one.name}: ratios are never added up (LIQ-60): take per_cent of its parts")
    if one.function is Function.PER_CENT and source.fields[one.field].kind is not source.fields[one.of].kind:
        raise _wrong("measures", f"{one.name}: an amount of money and a number have no ratio in per cent")
    if one.function is Function.CLOSING:
        if not source.closing_date or len(dates) > 1:
            raise _wrong("measures", f"{one.name}: a closing balance wants one date at most, of a source by dates")
        if any(source.fields[name].of != source.closing_date for name in dates):
            raise _wrong("measures", f"{one.name}: a closing balance runs over {source.closing_date} alone")
    if one.function is Function.CHANGE and asked.compare is None:
        raise _wrong("compare", f"{one.name}: want the second moment")


def _check_order(asked: Definition) -> None:
    measures = {one.name: one for one in asked.measures}
    if asked.top is not None:
        if asked.top.dimension not in asked.rows or asked.top.by not in measures:
            raise _wrong("top", "want a dimension of the rows and the name of a measure")
        if measures[asked.top.by].function in UNRANKED:
            raise _wrong("top", f"{asked.top.by} says nothing of a member alone: want a sum, count or per cent")
    if asked.sort and asked.sort.removeprefix("-") not in measures:
        raise _wrong("sort", f"no measure {asked.sort!r:.60}")


def _check_condition(condition: Condition, about: Field) -> None:
    if about.grain is Grain.DAY:
        for value in condition.values:
            _day(value, "where")
    elif about.kind is not Kind.TEXT:
        for value in condition.values:
            if not re.fullmatch(r"-?\d{1,18}(\.\d{1,4})?", value):
                raise _wrong("where", f"{condition.field}: want a number, got {value!r:.40}")
    elif about.grain is None and condition.operator in (">=", "<="):
        raise _wrong("where", f"{condition.field} has no order: want = != in, not in")


def _field(source: Source, name: str, place: str) -> Field:
    if name not in source.fields:
        raise _wrong(place, f"{source.name} has no field {name!r:.60}; it has {', '.join(source.fields)}"[:500])
    return source.fields[name]


def _share(text: str) -> Decimal:
    if not re.fullmatch(r"0?\.\d{1,6}", text):
        raise _wrong("measures", f"want a quantile between 0 and 1, got {text!r:.20}")
    found = Decimal(text)
    if not found:
        raise _wrong("measures", "want a quantile above 0")
    return found.normalize()


def _texts(body: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    listed: Sequence[Any] | None = body.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list | tuple) or len(listed) > most:
        raise _wrong(name, f"want a list of at most {most} texts")
    return tuple(_text(one, name) for one in listed)


def _text(value: Any, place: str, *, empty: bool = False) -> str:
    limit = TEXT_MAX * MEMBERS_MAX if place == "where" else TEXT_MAX
    if not isinstance(value, str) or len(value) > limit or not (value or empty):
        raise _wrong(place, f"want a text of at most {limit} letters")
    return value


def _day(value: Any, place: str) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(place, f"want a day as 2026-11-22, got {value!r:.40}") from None


def _only(body: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    if strange := sorted(set(body) - set(known)):
        raise _wrong(place, f"no part {strange[0]!r:.60}; there are {', '.join(known)}")


def _wrong(place: str, message: str) -> InvalidInput:
    return InvalidInput(f"{place}: {message}", field=place)
