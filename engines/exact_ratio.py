"""Exact products and quotients of money, vectorised, rounded HALF_UP: no float, the same on every platform.

Not for ratios that are published: those stay fractions until the end (decision Q1).
"""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

#: With 20-bit limbs and a divisor below 2**39, remainder * 2**20 + limb * factor stays below 2**60.
LIMB_BITS = 20
LIMBS = 3
DIVISOR_MAX = 1 << 39


def times_ratio_half_up(amount: Integers, numerator: Integers, divisor: int) -> Integers:
    """`amount * numerator / divisor`, rounded to the nearest, midpoints away from zero (decision Q2).

    The product of three such factors passes 2**63 long before a mortgage does, so the amount is divided
    limb by limb as on paper.

    Args:
        amount, numerator: int64, same shape; abs(amount) < 2**60.
        divisor: 1 .. 2**39.
    Returns:
        int64, same shape. The caller bounds the result below 2**62: it is not checked here.
    """
    if not 0 < divisor <= DIVISOR_MAX:
        raise ValueError(f"divisor {divisor} is out of range")
    negative = (amount < 0) ^ (numerator < 0)
    amount, numerator = np.abs(amount), np.abs(numerator)
    whole, part = np.divmod(numerator, divisor)
    quotient = np.zeros_like(amount)
    remainder = np.zeros_like(amount)
    mask = (1 << LIMB_BITS) - 1
    for place in range(LIMBS - 1, -1, -1):
        limb = (amount >> (LIMB_BITS * place)) & mask
        digit, remainder = np.divmod((remainder << LIMB_BITS) + limb * part, divisor)
        quotient = (quotient << LIMB_BITS) + digit
    quotient += amount * whole + (2 * remainder >= divisor)
    return np.where(negative, -quotient, quotient)


def half_up(numerator: int, divisor: int) -> int:
    """One exact quotient of Python integers, `divisor` > 0, midpoints away from zero."""
    rounded = (2 * abs(numerator) + divisor) // (2 * divisor)
    return -rounded if numerator < 0 else rounded
