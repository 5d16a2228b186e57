"""Change of net interest income over a horizon when rates move in parallel, with pass-through.

The balance sheet is constant: what reprices is renewed at the new rate for the rest of the horizon. Not for the
value of equity: that is `engines.eve`. `engines.repricing` has the one-year form of a gap table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from engines.primitives.errors import InvalidInput
from engines.rate_shocks import Floats


@dataclass(frozen=True, slots=True)
class RepricingLine:
    """Balances that reprice at `midpoint_years`; betas are how much of a rate change reaches them (1: all)."""

    midpoint_years: Fraction
    assets: Fraction
    liabilities: Fraction
    asset_beta: Fraction = Fraction(1)
    liability_beta: Fraction = Fraction(1)


def net_interest_income_changes(
    lines: Sequence[RepricingLine], rate_change: Fraction, horizon_years: Fraction = Fraction(1)
) -> list[Fraction]:
    """Change of each line, exact: `(A beta_A - L beta_L) (H - t) dr` for `t < H`, else 0. Positive: income rises.

    Args:
        rate_change: fraction a year (0.01 is one percentage point). horizon_years: above 0.
    Raises:
        InvalidInput: a horizon that is not above 0, a negative time or balance; `record` is the line.
    Source: repricing gap; parallel shocks only, BCBS 368 Annex 2, SRP31.90.
    """
    if horizon_years <= 0:
        raise InvalidInput("the horizon must be above 0 years", field="horizon_years")
    changes = []
    for place, line in enumerate(lines):
        sizes = {
            "midpoint_years": line.midpoint_years,
            "repricing_assets": line.assets,
            "repricing_liabilities": line.liabilities,
        }
        for name, value in sizes.items():
            if value < 0:
                record = f"buckets[{place}]"
                raise InvalidInput("may not be negative", field=f"{record}.{name}", record=record)
        net = line.assets * line.asset_beta - line.liabilities * line.liability_beta
        changes.append(net * rate_change * max(Fraction(0), horizon_years - line.midpoint_years))
    return changes


def net_interest_income_changes_of_many(
    sensitive: Floats, midpoint_years: Floats, rate_changes: Floats, horizon_years: float = 1.0
) -> Floats:
    """Change of many books under many parallel shocks at once, in float64.

    Args:
        sensitive: shape (books, buckets): assets x beta less liabilities x beta.
        midpoint_years: shape (buckets,). rate_changes: shape (shocks,).
    Returns:
        float64, shape (books, shocks).
    """
    if sensitive.ndim != 2 or sensitive.shape[1:] != midpoint_years.shape or horizon_years <= 0:
        raise InvalidInput("want shape (books, buckets), a midpoint a bucket, a horizon above 0", field="sensitive")
    earning = np.maximum(0.0, horizon_years - midpoint_years)
    return np.outer(sensitive @ earning, rate_changes)
