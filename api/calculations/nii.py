"""`tidemark calc nii`: change of net interest income over a horizon when rates move in parallel (LIQ-15)."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative, Positive
from api.calculations.liquidity_lines import Overrides
from api.calculations.rate_fields import Calibrated, sizes_of, sizes_result
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_or_null, decimal_text, not_computable
from engines.nii import RepricingLine, net_interest_income_changes
from engines.rate_shocks import BASIS_POINTS

DIGITS = 8


class Bucket(Inputs):
    """Balances that reprice at a bucket's midpoint; a beta is how much of a rate change reaches them."""

    midpoint_years: NonNegative
    repricing_assets: NonNegative
    repricing_liabilities: NonNegative
    asset_beta: Exact = Fraction(1)
    liability_beta: Exact = Fraction(1)

    def line(self) -> RepricingLine:
        return RepricingLine(
            self.midpoint_years,
            self.repricing_assets,
            self.repricing_liabilities,
            self.asset_beta,
            self.liability_beta,
        )


class _Lines(Inputs):
    buckets: list[Bucket]
    horizon_years: Positive = Fraction(1)
    base_nii: Exact | None = Field(default=None, description="net interest income without the shock")


class OneShock(_Lines):
    """A parallel shock as given."""

    shock_bp: Exact


class BothShocks(_Lines, Calibrated):
    """Both parallel shocks of a currency, from the table unless `parallel_bp` is given."""

    currency: str
    parallel_bp: NonNegative | None = None


def _one_shock(inputs: OneShock) -> Result:
    return _change(inputs, inputs.shock_bp) | not_computable(_reasons(inputs))


def _both_shocks(inputs: BothShocks) -> Result:
    overrides = Overrides()
    given: tuple[Fraction | None, ...] = (inputs.parallel_bp, None, None)
    if inputs.parallel_bp is not None:  # short and long shocks do not enter: a currency may be outside the table
        given = (inputs.parallel_bp, Fraction(0), Fraction(0))
    sizes = sizes_of(inputs, given, overrides)
    overrides.found = [found for found in overrides.found if found["field"] == "parallel_bp"]
    used = sizes_result(inputs, sizes, overrides)
    scenarios = {"parallel_up": sizes.parallel_bp, "parallel_down": -sizes.parallel_bp}
    return {
        "scenarios": {name: _change(inputs, shock) for name, shock in scenarios.items()},
        "calibration": used["calibration"],
        "parallel_bp": used["sizes_bp"][0],
        "overrides": used["overrides"],
    } | not_computable(_reasons(inputs))


def _change(inputs: _Lines, shock_bp: Fraction) -> dict[str, Any]:
    lines = [bucket.line() for bucket in inputs.buckets]
    changes = net_interest_income_changes(lines, shock_bp / BASIS_POINTS, inputs.horizon_years)
    total = sum(changes, Fraction(0))
    shown: dict[str, Any] = {
        "per_bucket": [decimal_text(change, DIGITS) for change in changes],
        "delta_nii": decimal_text(total, DIGITS),
    }
    if inputs.base_nii is not None:
        share = total / inputs.base_nii * 100 if inputs.base_nii else None
        shown["delta_nii_pct_of_base"] = decimal_or_null(share, DIGITS)
    return shown


def _reasons(inputs: _Lines) -> list[str]:
    return ["base_nii is 0"] if inputs.base_nii == 0 else []


CALCULATION = Calculation(
    "nii",
    "Change of net interest income over a horizon under parallel rate shocks, with pass-through.",
    (Variant("one_shock", OneShock, _one_shock), Variant("both_shocks", BothShocks, _both_shocks)),
)
