"""Liquid assets: their market value, what of it is free, what it would bring (LIQ-17), and in tiers (LIQ-18).

Not the stock of the LCR: that takes the regulation's factors and caps (`engines.lcr`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Literal

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Holding:
    """A security position; prices per cent of face, dirty; `fx` converts into the unit of the result."""

    face: Fraction
    encumbered_face: Fraction  # 0..face
    dirty_price: Fraction
    haircut: Fraction  # 0..1
    fx: Fraction = Fraction(1)

    @property
    def market_value(self) -> Fraction:
        return self._value(self.face)

    @property
    def unencumbered_market_value(self) -> Fraction:
        return self._value(self.face - self.encumbered_face)

    @property
    def liquidity_value(self) -> Fraction:
        """What the free part brings: unencumbered market value less the haircut."""
        return self.unencumbered_market_value * (1 - self.haircut)

    def _value(self, face: Fraction) -> Fraction:
        return face * self.dirty_price / 100 * self.fx


def check_holdings(holdings: Sequence[Holding]) -> None:
    """Raises InvalidInput: face, price or rate negative, more encumbered than held, a haircut outside 0..1."""
    for at, holding in enumerate(holdings):
        record = f"holdings[{at}]"
        for name in ("face", "encumbered_face", "dirty_price", "haircut", "fx"):
            if getattr(holding, name) < 0:
                raise InvalidInput("may not be negative", field=f"{record}.{name}", record=record)
        if holding.encumbered_face > holding.face:
            message = "more is encumbered than is held"
            raise InvalidInput(message, field=f"{record}.encumbered_face", record=record)
        if holding.haircut > 1:
            raise InvalidInput("a haircut is at most 1", field=f"{record}.haircut", record=record)


def shares(values: Sequence[Fraction]) -> list[Fraction | None]:
    """Each value over their sum; they add up to exactly 1. Null where the sum is 0."""
    total = sum(values, Fraction(0))
    return [Ratio(value, total).value for value in values]


Kind = Literal["cash", "excess_reserves", "demand_interbank", "repo_eligible_level1", "other_saleable"]

#: Tier 1 is money today, tier 2 within 7 days, tier 3 within 30: the seed names tiers only, this reading is LIQ-18's.
TIER_OF_KIND: dict[Kind, int] = {
    "cash": 1,
    "excess_reserves": 1,
    "demand_interbank": 2,
    "repo_eligible_level1": 2,
    "other_saleable": 3,
}


def tier_amounts(lines: Sequence[tuple[Kind, Fraction]]) -> list[Fraction]:
    """The amounts of tiers 1, 2 and 3."""
    found = [Fraction(0)] * max(TIER_OF_KIND.values())
    for kind, amount in lines:
        found[TIER_OF_KIND[kind] - 1] += amount
    return found


def tier_coverage(amounts: Sequence[Fraction], outflows: Sequence[Fraction]) -> list[Ratio]:
    """For each tier, the tiers up to it over the stressed net outflow up to its horizon.

    Args:
        amounts: one a tier, >= 0, the quickest first. outflows: one a tier, >= 0, from now to that tier's horizon:
            each includes the one before.
    Raises:
        InvalidInput: the counts differ.
    Source: LIQ-18.
    """
    if len(amounts) != len(outflows):
        raise InvalidInput(
            f"want one outflow a tier: {len(amounts)} tiers, {len(outflows)} outflows", field="outflows"
        )
    return [Ratio(held, needed) for held, needed in zip(accumulate(amounts), outflows, strict=True)]
