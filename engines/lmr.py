"""Liquidity matching ratio 流动性匹配率: weighted sources over weighted uses of funds by residual maturity. Exact.

Deals with the central bank stay out of the interbank items. `matching_bucket` gives a maturity its bucket.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.actus.dates import add_months
from engines.factor_lines import Line, Ratio, WeighedLine, total, weigh
from engines.factor_tables import FactorTable

SOURCE, USE = ("source",), ("use",)
BUCKETS = ("<3m", "3m-<1y", ">=1y")  # lower end included, upper end not


@dataclass(frozen=True, slots=True)
class LiquidityMatching:
    source_lines: tuple[WeighedLine, ...]
    use_lines: tuple[WeighedLine, ...]
    ratio: Ratio  # numerator: weighted sources, denominator: weighted uses


def liquidity_matching(
    sources: Sequence[Line], uses: Sequence[Line], table: FactorTable, *, minimum: Fraction | None = None
) -> LiquidityMatching:
    """The ratio with its weighted lines.

    Raises:
        InvalidInput: as `factor_lines.weigh`; a line of a code with several buckets names none of them.
    Source: CBIRC Order 2018 No 3, annex on the liquidity matching ratio.
    """
    source_lines = weigh(sources, table, record="sources", categories=SOURCE)
    use_lines = weigh(uses, table, record="uses", categories=USE)
    return LiquidityMatching(source_lines, use_lines, Ratio(total(source_lines), total(use_lines), minimum))


def matching_bucket(maturity_day: NDArray[np.int64], as_of_day: int) -> NDArray[np.intp]:
    """Index into `BUCKETS` of each maturity: three months and one year on the calendar, month ends clipped.

    Args:
        maturity_day: int64, days since 1970-01-01; on demand or overdue is at or before `as_of_day`: the first.
    Source: decision Q12.
    """
    bounds = add_months(np.full(2, as_of_day, np.int64), np.array([3, 12], np.int64))
    return np.searchsorted(bounds, maturity_day, side="right")
