"""Sources of contingency funding and free securities as input lines of `funding_gates` and `contingency_plan`.

Not for the order in which they are used, nor for results.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Count, Inputs, Name, NonNegative, PositiveCount, Share
from api.calculations.texts import decimal_text, plain_text
from engines.funding_gates import INTERBANK_SHARE, STRESS_AVAILABILITY, Gate, Market, Source, Use
from engines.primitives.errors import InvalidInput


class SourceLine(Inputs):
    """One way to raise money. Gate 1: central bank; gate 2: interbank; gate 3: bond market."""

    name: Name
    gate: Literal[1, 2, 3]
    rate: NonNegative = Field(description="cost a year, a fraction")
    limit: NonNegative | None = Field(
        default=None, description="undrawn line, or quota left; null: securities bound it"
    )
    lead_days: Count = 0
    availability: Share = Field(default=Fraction(1), description="of gates 2 and 3, in calm times")
    stress_availability: Share = Field(default=STRESS_AVAILABILITY, description="in stress, if it is less")
    securities: Name = Field(default="", description="the pool of free securities that it pledges or sells")
    use: Literal["none", "pledge", "sale"] = "none"
    haircut: Share = Fraction(0)
    market_depth: NonNegative | None = Field(default=None, description="market value that the market takes")
    tenor_days: PositiveCount | None = Field(
        default=None, description="repaid so long after; null: not in the horizon"
    )


class SecuritiesLine(Inputs):
    """A pool of securities that sources share: what one has pledged or sold, another no longer finds."""

    name: Name
    market_value: NonNegative
    encumbered: NonNegative = Fraction(0)


class FundingInputs(Inputs):
    sources: list[SourceLine]
    securities: list[SecuritiesLine] = Field(default_factory=list)
    total_assets: NonNegative | None = Field(default=None, description="null: gate 2 has no common cap")
    interbank_share: Share = INTERBANK_SHARE
    is_stressed: bool = False
    order: Literal["gate", "cost"] = Field(default="gate", description="gate, cost, lead time; or pure cost")


def sources_of(inputs: FundingInputs) -> list[Source]:
    return [
        Source(
            line.name,
            Gate(line.gate),
            line.rate,
            line.limit,
            line.lead_days,
            line.availability,
            line.stress_availability,
            line.securities,
            Use(line.use),
            line.haircut,
            line.market_depth,
            line.tenor_days,
        )
        for line in inputs.sources
    ]


def market_of(inputs: FundingInputs) -> Market:
    return Market(free_securities(inputs.securities), inputs.total_assets, inputs.interbank_share, inputs.is_stressed)


def free_securities(lines: Sequence[SecuritiesLine]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for at, line in enumerate(lines):
        record = f"securities[{at}]"
        if line.name in found:
            raise InvalidInput(f"{line.name!r} stands twice", field=f"{record}.name", record=record)
        if line.encumbered > line.market_value:
            message = "more is encumbered than there is"
            raise InvalidInput(message, field=f"{record}.encumbered", record=record)
        found[line.name] = line.market_value - line.encumbered
    return found


def amount_text(value: Fraction) -> str:
    """All decimals of an amount, or six of one that was divided and has no end, as a market value by a haircut."""
    try:
        return plain_text(value)
    except ValueError:
        return decimal_text(value, 6)
