"""Capital ratios, what the minimums leave free for buffers, and the output floor. Exact.

Minimums, buffers and the floor come in as arguments: they are policy data. Not for risk-weighting exposures: that is
`engines.risk_weighted_assets`; not for forecasts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput

TIERS = ("cet1", "tier1", "total")
RISKS = ("credit", "market", "operational")


@dataclass(frozen=True, slots=True)
class Capital:
    """Amounts of one unit."""

    cet1_gross: Fraction
    cet1_deductions: Fraction  # >= 0
    at1: Fraction  # Additional Tier 1
    tier2: Fraction

    @property
    def amount_by_tier(self) -> dict[str, Fraction]:
        """CET1 after deductions, Tier 1, total. CET1 below 0 is a fact of a failing bank, not an error."""
        cet1 = self.cet1_gross - self.cet1_deductions
        return {"cet1": cet1, "tier1": cet1 + self.at1, "total": cet1 + self.at1 + self.tier2}


@dataclass(frozen=True, slots=True)
class TierRatio:
    """Null where there are no risk-weighted assets."""

    amount: Fraction
    ratio: Fraction | None
    meets_minimum: bool | None
    meets_minimum_and_buffer: bool | None


@dataclass(frozen=True, slots=True)
class CapitalRatios:
    tier: Mapping[str, TierRatio]  # by TIERS
    cet1_free_for_buffer: Fraction | None  # share of RWA; negative: a minimum is missed
    buffer_requirement: Fraction
    buffer_shortfall: Fraction | None  # share of RWA, >= 0


def capital_ratios(
    capital: Capital, rwa: Fraction, minimums: Mapping[str, Fraction], buffers: Mapping[str, Fraction]
) -> CapitalRatios:
    """Ratios of the three tiers against their minimums, and with all buffers on top.

    CET1 that fills no minimum is free for buffers. Spare Additional Tier 1 may fill a gap of Tier 2, therefore
    `free = min(CET1 - its minimum, Tier 1 - its, total - its)`, in shares of RWA. Decided on exact values; equality
    meets a requirement.

    Args:
        rwa: credit + market + operational, after the output floor where it binds; >= 0.
        minimums: by TIERS, shares of RWA. buffers: conservation, countercyclical, systemic and so on, all in CET1.
    Raises:
        InvalidInput: a tier has no minimum; a share outside 0..1; an amount negative that may not be.
    Source: RBC20.1, RBC30; NFRA Order 2023 No 4.
    """
    _check_amounts(
        {"cet1_deductions": capital.cet1_deductions, "at1": capital.at1, "tier2": capital.tier2, "rwa": rwa}
    )
    for name in TIERS:
        if name not in minimums:
            raise InvalidInput(f"{name} has no minimum", field=f"minimums.{name}")
    for group, shares in (("minimums", minimums), ("buffers", buffers)):
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise InvalidInput("want a share from 0 to 1", field=f"{group}.{name}")
    buffer = sum(buffers.values(), Fraction(0))
    tiers = {}
    for name, amount in capital.amount_by_tier.items():
        if rwa:
            ratio = amount / rwa
            tiers[name] = TierRatio(amount, ratio, ratio >= minimums[name], ratio >= minimums[name] + buffer)
        else:
            tiers[name] = TierRatio(amount, None, None, None)
    if not rwa:
        return CapitalRatios(tiers, None, buffer, None)
    free = min(amount / rwa - minimums[name] for name, amount in capital.amount_by_tier.items())
    return CapitalRatios(tiers, free, buffer, max(Fraction(0), buffer - max(Fraction(0), free)))


@dataclass(frozen=True, slots=True)
class FlooredAssets:
    pre_floor_total: Fraction
    standardised_total: Fraction
    floored_base: Fraction
    rwa_for_ratios: Fraction
    floor_binding: bool


def output_floor(
    pre_floor_rwa: Mapping[str, Fraction], standardised_rwa: Mapping[str, Fraction], floor: Fraction
) -> FlooredAssets:
    """Risk-weighted assets for the ratios: `max(internal, floor x standardised)`, totals over all risks.

    Args:
        pre_floor_rwa, standardised_rwa: by risk, >= 0. floor: share, 0..1 (0.725 in the end).
    Raises:
        InvalidInput: an amount is negative, the floor is outside 0..1.
    Source: RBC20.4, RBC20.13 Table 1; phase-in RBC90.1.
    """
    _check_amounts({f"pre_floor_rwa.{risk}": amount for risk, amount in pre_floor_rwa.items()})
    _check_amounts({f"standardised_rwa.{risk}": amount for risk, amount in standardised_rwa.items()})
    if not 0 <= floor <= 1:
        raise InvalidInput("want a share from 0 to 1", field="floor")
    internal, standardised = (sum(side.values(), Fraction(0)) for side in (pre_floor_rwa, standardised_rwa))
    base = floor * standardised
    return FlooredAssets(internal, standardised, base, max(internal, base), base > internal)


def _check_amounts(amounts: Mapping[str, Fraction]) -> None:
    for name, amount in amounts.items():
        if amount < 0:
            raise InvalidInput("may not be negative", field=name)
