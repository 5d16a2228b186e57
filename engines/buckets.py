"""Time buckets of the maturity mismatch (spec/liquidity.md section 1, LIQ-08, LIQ-12).

Not for the 19 buckets of repricing and interest-rate risk, nor for regulatory windows (decision Q12).
"""

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

BUCKETS = (
    "OVERDUE",
    "ON",
    "D2_7",
    "D8_30",
    "D31_90",
    "D91_180",
    "D181_365",
    "Y1_2",
    "Y2_3",
    "Y3_5",
    "Y5P",
    "UNDATED",
)

OVERDUE, ON, UNDATED = BUCKETS.index("OVERDUE"), BUCKETS.index("ON"), BUCKETS.index("UNDATED")

#: Last day of each bucket from OVERDUE to Y3_5, in days after the business date (decision Q12).
LAST_DAYS = np.array([-1, 1, 7, 30, 90, 180, 365, 730, 1_095, 1_825], np.int64)


def bucket_index(days: NDArray[np.int64]) -> NDArray[np.intp]:
    """Index into BUCKETS of flows that fall `days` after the business date.

    0 <= n <= 1 is ON, yearly edges are day counts, below 0 is OVERDUE. Never UNDATED: a flow without a date
    has no day to count from, so the caller sets it; what is payable on demand is day 0.

    Args:
        days: int64, any shape, calendar days from the business date to the flow date.
    Returns:
        intp, same shape.
    Source: spec/liquidity.md section 1, decision Q12.
    """
    found: NDArray[np.intp] = np.searchsorted(LAST_DAYS, days, side="left")
    return found


def cumulative(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running sums of gaps from ON to Y5P; OVERDUE and UNDATED are shown but not cumulated.

    Args:
        gaps: int64, shape (..., 12) in the order of BUCKETS, minor units, inflow minus outflow.
    Returns:
        int64, shape (..., 10): the buckets from ON to Y5P.
    Raises:
        InvalidInput: the last axis is not as long as BUCKETS.
    Source: LIQ-12.
    """
    if gaps.shape[-1:] != (len(BUCKETS),):
        raise InvalidInput("want one gap per bucket", field="gaps", buckets=len(BUCKETS))
    running: NDArray[np.int64] = np.cumsum(gaps[..., ON:UNDATED], axis=-1, dtype=np.int64)
    return running
