"""Exact numbers as text: rounded HALF_UP at output and nowhere before (decisions Q2, Q3, Q5)."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engines.exact_ratio import half_up

NOT_COMPUTABLE = "NOT_COMPUTABLE"


def decimal_text(value: Fraction, digits: int) -> str:
    """`value` with `digits` decimals, midpoints away from zero: `decimal_text(Fraction(1, 8), 2) == "0.13"`."""
    units = half_up(value.numerator * 10**digits, value.denominator)
    sign, text = ("-" if units < 0 else ""), str(abs(units)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


def number_text(value: float) -> str:
    """The shortest decimal text that reads back as the same float64; no exponent, no negative zero."""
    return format(Decimal(repr(value + 0.0)), "f")


def decimal_or_null(value: Fraction | None, digits: int) -> str | None:
    return None if value is None else decimal_text(value, digits)


def percent_text(ratio: Fraction | None, digits: int = 6) -> str | None:
    """A ratio as per cent: `percent_text(Fraction(1, 4)) == "25.000000"`; None, not computable, stays null."""
    return None if ratio is None else decimal_text(ratio * 100, digits)


def exact_text(value: Fraction | None) -> str | None:
    """The fraction n/d in lowest terms, for fields that end in `_exact`: zero is `0/1`."""
    return None if value is None else f"{value.numerator}/{value.denominator}"


def plain_text(value: Fraction) -> str:
    """All the decimals of a number that came in as decimal text and was at most added and multiplied.

    Raises:
        ValueError: it has no end in decimals; that is a bug of the caller.
    """
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        raise ValueError(f"{value} has no end in decimals")
    return decimal_text(value, max(twos, fives))


def not_computable(reasons: Iterable[str]) -> dict[str, Any]:
    """`status` and `reason` if something was divided by zero, else nothing: merge it into the result (Q5)."""
    found = "; ".join(reasons)
    return {"status": NOT_COMPUTABLE, "reason": found} if found else {}
