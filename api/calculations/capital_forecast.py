"""Calculation `capital_forecast`: RWA and capital ratios now and after each coming period."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.capital import Minimums, policy
from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import Overrides, chosen
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text
from engines.capital import TIERS, Capital
from engines.capital_forecast import Forecast, Step, forecast, risk_weighted_assets
from engines.factor_lines import ZERO

DIGITS = 6


class Period(Inputs):
    """What a period changes; RWA by growth or by amount, else it stays."""

    name: Name = ""
    rwa_growth: Exact | None = None
    rwa: NonNegative | None = None
    profit: Exact = Field(default=ZERO, description="after tax; a loss is negative")
    dividend: NonNegative = ZERO
    deductions: NonNegative = Field(default=ZERO, description="new ones, from CET1")
    cet1_issue: NonNegative = ZERO
    at1_issue: NonNegative = ZERO
    tier2_issue: NonNegative = ZERO

    def step(self) -> Step:
        return Step(**{name: getattr(self, name) for name in Period.model_fields if name != "name"})


class _Opening(Inputs):
    cet1: Exact = Field(description="after deductions")
    at1: NonNegative = ZERO
    tier2: NonNegative = ZERO
    periods: list[Period] = Field(default=[], max_length=60)
    framework: Literal["PRC", "BCBS"] = "PRC"
    minimums: Minimums = Minimums()
    buffer: Share | None = Field(default=None, description="on top of each minimum; default: conservation")


class FromTotal(_Opening):
    """RWA are known."""

    rwa: NonNegative


class Exposure(Inputs):
    name: Name = ""
    ead: NonNegative
    risk_weight: NonNegative


class FromExposures(_Opening):
    """RWA from exposures, and 12.5 times the charges for market and operational risk."""

    exposures: list[Exposure]
    market_capital: NonNegative
    operational_capital: NonNegative


def _from_total(inputs: FromTotal) -> Result:
    return _forecast(inputs, inputs.rwa)


def _from_exposures(inputs: FromExposures) -> Result:
    rwa = risk_weighted_assets(
        [(one.ead, one.risk_weight) for one in inputs.exposures],
        market_capital=inputs.market_capital,
        operational_capital=inputs.operational_capital,
    )
    return _forecast(inputs, rwa)


def _forecast(inputs: _Opening, rwa: Fraction) -> Result:
    overrides = Overrides()
    table = policy().minimums[inputs.framework]
    minimums = {
        tier: chosen(overrides, f"minimums.{tier}", getattr(inputs.minimums, tier), table[tier]) for tier in TIERS
    }
    buffer = chosen(overrides, "buffer", inputs.buffer, policy().conservation_buffer[inputs.framework])
    found = forecast(
        Capital(inputs.cet1, ZERO, inputs.at1, inputs.tier2),
        rwa,
        [period.step() for period in inputs.periods],
        minimums=minimums,
        buffer=buffer,
    )
    names = ["opening", *(period.name or str(at) for at, period in enumerate(inputs.periods, 1))]
    reasons = [f"RWA of {name} are 0" for name, one in zip(names, found, strict=True) if not one.rwa]
    return {
        "periods": [_row(name, one) for name, one in zip(names, found, strict=True)],
        "targets": [_target(tier, minimums[tier], buffer) for tier in TIERS],
        "framework": inputs.framework,
        "overrides": overrides.found,
        **not_computable(reasons),
    }


def _row(name: str, one: Forecast) -> dict[str, Any]:
    row: dict[str, Any] = {"period": name, "rwa": decimal_text(one.rwa, DIGITS)}
    for tier in TIERS:
        line = one.tier[tier]
        row |= {
            f"{tier}_capital": decimal_text(line.amount, DIGITS),
            f"{tier}_ratio_pct": percent_text(line.ratio.value),
            f"{tier}_ratio_exact": exact_text(line.ratio.value),
            f"{tier}_surplus": decimal_text(line.surplus, DIGITS),
            f"{tier}_gap": decimal_text(line.gap, DIGITS),
        }
    return row


def _target(tier: str, minimum: Fraction, buffer: Fraction) -> dict[str, Any]:
    shares: Sequence[tuple[str, Fraction]] = (("minimum", minimum), ("buffer", buffer), ("target", minimum + buffer))
    return {"tier": tier, **{f"{name}_pct": percent_text(share) for name, share in shares}}


CALCULATION = Calculation(
    "capital_forecast",
    "RWA and capital ratios of coming periods, and the gap to target (LIQ-49).",
    (Variant("exposures", FromExposures, _from_exposures), Variant("rwa", FromTotal, _from_total)),
    sheets_of("rwa", *(f"{tier}_{amount}" for tier in TIERS for amount in ("capital", "surplus", "gap"))),
)
