"""The 19 time buckets of interest-rate risk in the banking book and how a date falls into one (LIQ-15, eve, nii).

Source: BCBS 368 (April 2016) Table 1 in Annex 2, unchanged in SRP31.96 Table 3: both calibrations of the shocks use
it, so it carries no version. Lower bound open, upper bound closed; overnight is a bucket of its own (decision Q12).
Not the buckets of the maturity mismatch: those are `engines.buckets`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.actus.dates import add_months
from engines.flow_frame import Integers
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class RepricingBucket:
    number: int  # 1..19
    label: str  # upper bound
    upper_months: int | None  # None: no upper bound; 0: overnight
    midpoint_years: Fraction


_TABLE = (
    ("O/N", 0, "0.0028"),
    ("1M", 1, "0.0417"),
    ("3M", 3, "0.1667"),
    ("6M", 6, "0.375"),
    ("9M", 9, "0.625"),
    ("1Y", 12, "0.875"),
    ("1.5Y", 18, "1.25"),
    ("2Y", 24, "1.75"),
    ("3Y", 36, "2.5"),
    ("4Y", 48, "3.5"),
    ("5Y", 60, "4.5"),
    ("6Y", 72, "5.5"),
    ("7Y", 84, "6.5"),
    ("8Y", 96, "7.5"),
    ("9Y", 108, "8.5"),
    ("10Y", 120, "9.5"),
    ("15Y", 180, "12.5"),
    ("20Y", 240, "17.5"),
    (">20Y", None, "25"),
)

REPRICING_BUCKETS = tuple(
    RepricingBucket(number, label, upper, Fraction(midpoint))
    for number, (label, upper, midpoint) in enumerate(_TABLE, 1)
)

#: What has no date, or one before the business date: outside the 19, shown but neither cumulated nor repriced.
UNSLOTTED = 0

_UPPER_MONTHS = [bucket.upper_months for bucket in REPRICING_BUCKETS if bucket.upper_months is not None]


def repricing_bucket(days: Integers, as_of_day: int) -> NDArray[np.int64]:
    """Bucket numbers 1..19 of the days (since 1970-01-01) on which balances reprice; UNSLOTTED before `as_of_day`.

    Overnight is up to one calendar day after `as_of_day`, as ON is; later bounds are calendar months after it,
    clipped to the month's end. Same shape as `days`.
    """
    bounds = add_months(np.full(len(_UPPER_MONTHS), as_of_day, np.int64), np.array(_UPPER_MONTHS, np.int64))
    bounds[0] = as_of_day + 1
    numbers: NDArray[np.int64] = np.searchsorted(bounds, days, side="left").astype(np.int64) + 1
    return np.where(days < as_of_day, UNSLOTTED, numbers)


def repricing_bucket_by_months(months: Sequence[Fraction]) -> list[int]:
    """Bucket numbers 1..19 of times to repricing in months; 0 is overnight.

    Raises:
        InvalidInput: a time is negative; `record` is its place.
    """
    numbers = []
    for at, time in enumerate(months):
        if time < 0:
            raise InvalidInput("a time to repricing is negative", field="months_to_repricing", record=at)
        numbers.append(1 + sum(time > upper for upper in _UPPER_MONTHS))
    return numbers
