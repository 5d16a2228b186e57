"""Parts as they are shown: rounded so that they add up to a rounded whole that is given.

Not for the split of integers whose whole is their own sum: `engines.flow_views.largest_remainder`.
"""

from collections.abc import Sequence
from fractions import Fraction

from engines.exact_ratio import half_up


def rounded(value: Fraction, digits: int) -> Fraction:
    """HALF_UP to `digits` decimals (decision Q2)."""
    return Fraction(half_up(value.numerator * 10**digits, value.denominator), 10**digits)


def shown_parts(parts: Sequence[Fraction], total: Fraction, digits: int) -> list[Fraction]:
    """`parts` to `digits` decimals, by largest remainder, so that they add up to `total`.

    Each is cut off towards zero; units of the last digit that are then missing go to the parts that lost most, the
    first of equals first. So the negated parts are shown as the negated figures, which rounding down would not do.

    Args:
        total: a multiple of the last digit, beside the sum of the parts: the sum rounded, or the difference of two
            figures that are shown rounded.
    Raises:
        ValueError: the total has more digits, or there are no parts for it; mistakes of the calling code.
    """
    unit = Fraction(1, 10**digits)
    whole = [int(part / unit) for part in parts]  # towards zero
    missing = total / unit - sum(whole)
    if missing.denominator != 1 or (missing and not parts):
        raise ValueError(f"{total} cannot be shown as parts of {digits} digits")
    sign = -1 if missing < 0 else 1
    order = sorted(range(len(parts)), key=lambda at: (sign * (whole[at] - parts[at] / unit), at))
    for place in range(abs(int(missing))):
        whole[order[place % len(order)]] += sign
    return [count * unit for count in whole]
