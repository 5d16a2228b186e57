"""Input lines of `tidemark calc data_quality`: rules by kind, and how each becomes a rule of the engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from api.calculations.fields import Count, Exact, Inputs, Name, NonNegative, Share
from engines.data_quality import Severity
from engines.data_rules import (
    Comparison,
    Completeness,
    CrossField,
    Domain,
    OfType,
    Record,
    Rule,
    Timeliness,
    Uniqueness,
    Value,
    number,
)
from engines.data_rules_across import LedgerTieOut, Plausibility, Reference, record_key
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)
Kind = Literal[
    "completeness",
    "type",
    "domain",
    "uniqueness",
    "reference",
    "cross_field",
    "tie_out",
    "timeliness",
    "plausibility",
]


def _cell(value: Any) -> Value:
    if value is not None and not isinstance(value, str | int):
        raise ValueError("want text, an integer, true, false or null; a decimal is text")
    return value


#: A value of a record: a JSON number with a point is refused.
Cell = Annotated[Value, PlainValidator(_cell), WithJsonSchema({"type": ["string", "integer", "boolean", "null"]})]

#: Fields that each kind must have, and those that it may.
_FIELDS: Mapping[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "completeness": (frozenset({"fields"}), frozenset()),
    "type": (frozenset({"field", "type"}), frozenset()),
    "domain": (frozenset({"field"}), frozenset({"values", "minimum", "maximum"})),
    "uniqueness": (frozenset({"fields"}), frozenset()),
    "reference": (frozenset({"field", "reference"}), frozenset()),
    "cross_field": (frozenset({"field", "comparison"}), frozenset({"other_field", "value"})),
    "tie_out": (frozenset({"field", "general_ledger", "tolerance"}), frozenset({"group_field"})),
    "timeliness": (frozenset({"field", "age_days_max"}), frozenset()),
    "plausibility": (frozenset({"field", "key_fields", "tolerance"}), frozenset()),
}
_COMMON = frozenset({"rule_id", "kind", "severity", "weight", "failures_allowed"})


class RuleLine(Inputs):
    """Which fields a kind takes: see docs/forecast-and-reconciliation.md; one of another kind is refused."""

    rule_id: Name
    kind: Kind
    severity: Severity = "major"
    weight: Share
    failures_allowed: Share = Field(default=ZERO, description="share of failures that still passes")
    field: Name = ""
    fields: list[Name] = Field(default=[])
    type: Literal["decimal", "integer", "day", "boolean", "text"] = "text"
    values: list[Cell] | None = None
    minimum: Exact | None = None
    maximum: Exact | None = None
    reference: Name = Field(default="", description="name of a list in `references`")
    comparison: Comparison = "="
    other_field: Name | None = None
    value: Cell = None
    general_ledger: dict[Name, Exact] = Field(default={}, description="balance by group; without group_field by ''")
    group_field: Name | None = None
    tolerance: NonNegative = Field(default=ZERO, description="share of the general ledger, or of yesterday's number")
    age_days_max: Count = 0
    key_fields: list[Name] = Field(default=[])


@dataclass(frozen=True, slots=True)
class Beside:
    """What rules compare the records with, as far as it was given."""

    as_of: date | None
    references: Mapping[str, Sequence[Value]]
    yesterday: Sequence[Record] | None


def engine_rule(at: int, line: RuleLine, beside: Beside) -> Rule:
    """The rule of line `at`.

    Raises:
        InvalidInput: the line lacks a field of its kind or has one of another; what it compares with was not given.
    """
    required, optional = _FIELDS[line.kind]
    given = line.model_fields_set - _COMMON
    for name in sorted(required - given):
        raise _wrong(at, name, f"a rule of kind {line.kind} needs it")
    for name in sorted(given - required - optional):
        raise _wrong(at, name, f"is not a field of kind {line.kind}")
    return _RULES[line.kind](at, line, beside)


def _domain(at: int, line: RuleLine, beside: Beside) -> Rule:
    if line.values is None and line.minimum is None and line.maximum is None:
        raise _wrong(at, "values", "want values, a minimum or a maximum")
    return Domain(line.field, line.values, line.minimum, line.maximum)


def _reference(at: int, line: RuleLine, beside: Beside) -> Rule:
    if line.reference not in beside.references:
        raise _wrong(at, "reference", f"there is no list {line.reference!r} in references")
    return Reference(line.field, beside.references[line.reference])


def _cross_field(at: int, line: RuleLine, beside: Beside) -> Rule:
    if ("other_field" in line.model_fields_set) == ("value" in line.model_fields_set):
        raise _wrong(at, "other_field", "want either other_field or value")
    return CrossField(line.field, line.comparison, line.other_field, line.value)


def _timeliness(at: int, line: RuleLine, beside: Beside) -> Rule:
    if beside.as_of is None:
        raise InvalidInput("a rule of kind timeliness needs it", field="as_of")
    return Timeliness(line.field, beside.as_of, line.age_days_max)


def _plausibility(at: int, line: RuleLine, beside: Beside) -> Rule:
    if beside.yesterday is None:
        raise InvalidInput("a rule of kind plausibility needs it", field="yesterday")
    before = {record_key(one, line.key_fields): number(one.get(line.field)) for one in beside.yesterday}
    known = {key: value for key, value in before.items() if value is not None}
    return Plausibility(line.key_fields, line.field, known, line.tolerance)


_RULES: Mapping[Kind, Callable[[int, RuleLine, Beside], Rule]] = MappingProxyType(
    {
        "completeness": lambda at, line, beside: Completeness(line.fields),
        "type": lambda at, line, beside: OfType(line.field, line.type),
        "domain": _domain,
        "uniqueness": lambda at, line, beside: Uniqueness(line.fields),
        "reference": _reference,
        "cross_field": _cross_field,
        "tie_out": lambda at, line, beside: LedgerTieOut(
            line.field, line.group_field, line.general_ledger, line.tolerance
        ),
        "timeliness": _timeliness,
        "plausibility": _plausibility,
    }
)


def _wrong(at: int, name: str, message: str) -> InvalidInput:
    return InvalidInput(message, field=f"rules[{at}].{name}", record=f"rules[{at}]")
