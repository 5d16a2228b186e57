"""Types of input fields that calculations share: exact numbers, dates, counts.

A decimal is read from text as an exact fraction, never through a binary float (decision Q3). Not for the
meaning of a field: each calculation's input model says that.
"""

import re
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

DIGITS_MAX = 40  # more is a mistake, and would let a short request ask for a long computation
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Inputs(BaseModel):
    """Base of input models: nothing is converted silently, unknown fields are refused, nothing changes later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _exact(value: Any) -> Fraction:
    if isinstance(value, float):
        raise ValueError('a JSON number with a point is not exact: write it as text, as "0.1"')
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError('want decimal text, as "1250.00"')
    if len(value) > DIGITS_MAX:
        raise ValueError(f"want at most {DIGITS_MAX} characters")
    return Fraction(value)


def _not_negative(value: Fraction) -> Fraction:
    if value < 0:
        raise ValueError("may not be negative")
    return value


def _positive(value: Fraction) -> Fraction:
    if value <= 0:
        raise ValueError("must be above zero")
    return value


def _share(value: Fraction) -> Fraction:
    if not 0 <= value <= 1:
        raise ValueError('must be from 0 to 1: a share of one half is "0.5"')
    return value


def _cents(value: Fraction) -> Fraction:
    if (value * 100).denominator != 1:
        raise ValueError("money has at most 2 decimals here")
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError('want a date, as "2024-01-31"')
    return date.fromisoformat(value)


def _text_or_integer(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "pattern": pattern}, {"type": "integer"}]})


_SIGNED = _text_or_integer(r"^-?[0-9]+(\.[0-9]+)?$")
_UNSIGNED = _text_or_integer(r"^[0-9]+(\.[0-9]+)?$")

#: Any exact number: an amount, a rate, a change. Decimal text or a JSON integer; a float is refused.
Exact = Annotated[Fraction, PlainValidator(_exact), _SIGNED]
NonNegative = Annotated[Fraction, PlainValidator(_exact), AfterValidator(_not_negative), _UNSIGNED]
Positive = Annotated[Fraction, PlainValidator(_exact), AfterValidator(_positive), _UNSIGNED]
#: A share, factor or cap: a fraction from 0 to 1.
Share = Annotated[Fraction, PlainValidator(_exact), AfterValidator(_share), _UNSIGNED]
#: Money >= 0 in units with two decimals, for engines that round to cents.
Cents = Annotated[Fraction, PlainValidator(_exact), AfterValidator(_not_negative), AfterValidator(_cents), _UNSIGNED]
Day = Annotated[date, BeforeValidator(_day)]
#: How many: a JSON integer >= 0.
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(max_length=200)]
