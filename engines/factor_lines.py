"""Lines of a liquidity ratio: an amount, the factor that applies to it, and where that factor comes from.

What the ratios of `engines.lcr`, `nsfr`, `lmr`, `hqlaar` and `liquidity_ratio` share. All arithmetic is exact
(decision Q1): amounts are integers or fractions of any one unit, factors are fractions, nothing is rounded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_tables import FactorItem, FactorTable
from engines.primitives.errors import InvalidInput

Amount = Fraction | int  # money in any one unit, minor units included; never a float

ZERO = Fraction(0)
_EXACT = frozenset({int, Fraction})  # no bool, no float


@dataclass(frozen=True, slots=True)
class Line:
    """An amount under a code of the factor table; its own `factor` wins over the table's."""

    code: str
    amount: Amount
    factor: Fraction | None = None
    maturity_bucket: str | None = None


@dataclass(frozen=True, slots=True)
class WeighedLine:
    record: str  # where it stood, as `outflows[3]`
    item: FactorItem
    amount: Amount
    factor: Fraction

    @property
    def weighted(self) -> Fraction:
        return self.amount * self.factor


@dataclass(frozen=True, slots=True)
class Ratio:
    """`numerator / denominator`, compared with its minimum on the exact value; None: nothing to divide by."""

    numerator: Fraction
    denominator: Fraction
    minimum: Fraction | None = None

    @property
    def value(self) -> Fraction | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def meets_minimum(self) -> bool | None:
        """Equality meets it (decision Q2). None: not computable, or no minimum in force."""
        value = self.value
        return None if value is None or self.minimum is None else value >= self.minimum

    @property
    def surplus(self) -> Fraction | None:
        """Numerator above what the minimum asks for; negative: what is missing."""
        return None if self.minimum is None else self.numerator - self.minimum * self.denominator

    @property
    def headroom(self) -> Fraction | None:
        """(ratio - minimum) / minimum; for a minimum of 0 the difference itself (LIQ-36)."""
        value = self.value
        if value is None or self.minimum is None:
            return None
        return (value - self.minimum) / (self.minimum or 1)


def weigh(
    lines: Sequence[Line], table: FactorTable, *, record: str, categories: Sequence[str]
) -> tuple[WeighedLine, ...]:
    """Each line with the factor that applies: its own, else the table's (decision Q8).

    Args:
        record: what the lines are called in errors, as `outflows`. categories: those of the table allowed here.
    Raises:
        InvalidInput: `field` as `outflows[3].amount`, `record` as `outflows[3]`: an amount is negative or a float,
            a factor is outside 0..1 or neither given nor in the table, a code is unknown or of another category.
    """
    return tuple(_weigh(line, table, f"{record}[{at}]", categories) for at, line in enumerate(lines))


def total(lines: Iterable[WeighedLine], category: str | None = None) -> Fraction:
    """Sum of amount x factor, of all lines or of one category; amounts are added before they are weighed."""
    by_factor: dict[tuple[int, int], Amount] = {}
    for line in lines:
        if category is None or line.item.category == category:
            factor = line.factor.as_integer_ratio()  # hashing a fraction costs more than adding one
            by_factor[factor] = by_factor.get(factor, 0) + line.amount
    return sum((amount * Fraction(*factor) for factor, amount in by_factor.items()), ZERO)


def check_amount(amount: Amount, field: str, record: str | None = None) -> Fraction:
    """The amount as a fraction. Raises InvalidInput: negative, or not an exact number."""
    if type(amount) not in _EXACT:
        raise InvalidInput(f"{field} must be an exact number", field=field, record=record or field)
    if amount.numerator < 0:
        raise InvalidInput(f"{field} may not be negative", field=field, record=record or field)
    return amount if isinstance(amount, Fraction) else Fraction(amount)


def check_share(share: Fraction, field: str, record: str | None = None) -> Fraction:
    """A share from 0 to 1. Raises InvalidInput."""
    checked = check_amount(share, field, record)
    if checked.numerator > checked.denominator:
        raise InvalidInput(f"{field} must be from 0 to 1", field=field, record=record or field)
    return share


def _weigh(line: Line, table: FactorTable, record: str, categories: Sequence[str]) -> WeighedLine:
    try:
        item = table.item(line.code, line.maturity_bucket)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.{error.facts['field']}", record=record) from error
    if item.category not in categories:
        message = f"{line.code} is {item.category}, which does not belong here"
        raise InvalidInput(message, field=f"{record}.code", record=record)
    factor = item.factor if line.factor is None else check_share(line.factor, f"{record}.factor", record)
    if factor is None:
        message = f"{line.code} has no factor in the {table.policy} table (national discretion): configure one"
        raise InvalidInput(message, field=f"{record}.factor", record=record)
    check_amount(line.amount, f"{record}.amount", record)
    return WeighedLine(record, item, line.amount, factor)
