"""Parts of flows: exact shares of amounts, and rows with another amount, day and rule. Helpers of behaviour rules."""

from fractions import Fraction

import numpy as np
import polars as pl

from engines.exact_ratio import LIMB_BITS, LIMBS, times_ratio_half_up
from engines.flow_frame import Integers
from engines.primitives.errors import InvalidInput

AMOUNT_LIMIT = 1 << (LIMB_BITS * LIMBS)
SHARE_SCALE = 10**11  # a share is a count of 1e-11: below exact_ratio.DIVISOR_MAX, finer than any estimated rate


def part(amount: Integers, units: Integers) -> Integers:
    """`units` / SHARE_SCALE of each amount, rounded HALF_UP; int64, same shape.

    Raises:
        InvalidInput: an amount is 2**60 or more, which is what the exact product can hold.
    """
    if max(-int(amount.min(initial=0)), int(amount.max(initial=0))) >= AMOUNT_LIMIT:
        raise InvalidInput("a balance is above 2**60 minor units", field="amount_minor")
    return times_ratio_half_up(amount, units, SHARE_SCALE)


def share_units(value: Fraction) -> int:
    """A share in units of 1e-11."""
    return round(value * SHARE_SCALE)


def with_amounts(
    flows: pl.DataFrame, *, amount: Integers, day: Integers | int | None = None, rule: str | None = None
) -> pl.DataFrame:
    """`flows` with other amounts and, where given, another day and rule."""
    changed = [pl.Series("amount_minor", amount, dtype=pl.Int64)]
    if day is not None:
        changed.append(pl.Series("day", np.broadcast_to(day, len(flows)), dtype=pl.Int64))
    found = flows.with_columns(changed)
    return found if rule is None else found.with_columns(rule=pl.lit(rule))
