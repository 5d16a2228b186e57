"""Risk-weighted assets and capital ratios of coming periods (LIQ-49). Exact.

Minimums and the buffer come in as arguments. Today's ratios with all buffers are `engines.capital`; a shock is
`engines.capital_stress`; several years with their funding are `engines.capital_plan`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.capital import TIERS, Capital
from engines.factor_lines import ZERO, check_amount
from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

CHARGE_TO_RWA = Fraction(25, 2)  # 12.5: the reciprocal of the minimum of 8%


@dataclass(frozen=True, slots=True)
class Step:
    """What a period changes. Profit may be a loss; dividends, issues and deductions are >= 0."""

    rwa_growth: Fraction | None = None  # of the RWA before; -0.1 shrinks it
    rwa: Fraction | None = None  # in place of growth; neither: RWA stays
    profit: Fraction = ZERO
    dividend: Fraction = ZERO
    deductions: Fraction = ZERO
    cet1_issue: Fraction = ZERO
    at1_issue: Fraction = ZERO
    tier2_issue: Fraction = ZERO


@dataclass(frozen=True, slots=True)
class TierForecast:
    amount: Fraction
    ratio: Ratio
    target: Fraction  # share of RWA: minimum and buffer
    surplus: Fraction  # amount - target x RWA; below 0: what is missing

    @property
    def gap(self) -> Fraction:
        return max(ZERO, -self.surplus)


@dataclass(frozen=True, slots=True)
class Forecast:
    rwa: Fraction
    tier: Mapping[str, TierForecast]  # by TIERS


def risk_weighted_assets(
    exposures: Sequence[tuple[Fraction, Fraction]], *, market_capital: Fraction, operational_capital: Fraction
) -> Fraction:
    """`sum of exposure x risk weight + 12.5 x (market + operational capital charge)`.

    Args:
        exposures: exposure at default and risk weight, both >= 0 (1250% is 12.5).
    Raises:
        InvalidInput: one is negative; `record` as `exposures[2]`.
    Source: LIQ-49.
    """
    credit = ZERO
    for at, (exposure, weight) in enumerate(exposures):
        record = f"exposures[{at}]"
        credit += check_amount(exposure, f"{record}.ead", record) * check_amount(
            weight, f"{record}.risk_weight", record
        )
    charges = check_amount(market_capital, "market_capital") + check_amount(
        operational_capital, "operational_capital"
    )
    return credit + CHARGE_TO_RWA * charges


def forecast(
    opening: Capital, rwa: Fraction, steps: Sequence[Step], *, minimums: Mapping[str, Fraction], buffer: Fraction
) -> list[Forecast]:
    """Ratios of the opening position and after each period: `capital + profit - dividend + issue - deductions`.

    Profit, dividends and deductions are CET1; an issue counts in its tier and those above it.

    Args:
        rwa: opening, >= 0. minimums: by TIERS, shares of RWA. buffer: on top of each, in CET1.
    Raises:
        InvalidInput: an amount is negative that may not be, RWA given twice; `record` as `periods[1]`.
    Source: LIQ-49.
    """
    check_amount(rwa, "rwa")
    capital, found = opening, [_ratios(opening, rwa, minimums, buffer)]
    for at, step in enumerate(steps):
        _check(step, f"periods[{at}]")
        if step.rwa is not None:
            rwa = step.rwa
        elif step.rwa_growth is not None:
            rwa *= 1 + step.rwa_growth
        capital = Capital(
            capital.cet1_gross + step.profit - step.dividend + step.cet1_issue,
            capital.cet1_deductions + step.deductions,
            capital.at1 + step.at1_issue,
            capital.tier2 + step.tier2_issue,
        )
        found.append(_ratios(capital, rwa, minimums, buffer))
    return found


def _ratios(capital: Capital, rwa: Fraction, minimums: Mapping[str, Fraction], buffer: Fraction) -> Forecast:
    tiers = {}
    for name, amount in capital.amount_by_tier.items():
        target = minimums[name] + buffer
        tiers[name] = TierForecast(amount, Ratio(amount, rwa), target, amount - target * rwa)
    return Forecast(rwa, {name: tiers[name] for name in TIERS})


def _check(step: Step, record: str) -> None:
    if step.rwa is not None and step.rwa_growth is not None:
        raise InvalidInput("give rwa or rwa_growth, not both", field=f"{record}.rwa", record=record)
    if step.rwa_growth is not None and step.rwa_growth < -1:
        raise InvalidInput("RWA cannot fall by more than all", field=f"{record}.rwa_growth", record=record)
    for name in ("rwa", "dividend", "deductions", "cet1_issue", "at1_issue", "tier2_issue"):
        check_amount(getattr(step, name) or ZERO, f"{record}.{name}", record)
