"""From the engine's unrounded payoffs to booked minor units (decision Q17)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.contract_terms import Integers

#: What a float64 may be short of a midpoint that decimal arithmetic would meet: a millionth of a minor unit, and
#: two units in the last place, but never so much that a whole number is lost.
_SHORT, _LAST_PLACES, _SHORT_MAX = 1e-6, 2.0**-51, 0.25
_FINE = 2.0**50  # from here on float64 has no room for that, nor for the half


def half_up(amount: NDArray[np.float64]) -> Integers:
    """Rounded to the nearest, midpoints away from zero (decision Q2); float64 below 2**62 in size.

    0.125 of a rate and a principal is rarely a midpoint in binary: what is as near to one as float64 can tell is
    taken for one.
    """
    size = np.abs(amount)
    near = np.minimum(_SHORT + size * _LAST_PLACES, _SHORT_MAX)
    whole = np.where(size < _FINE, np.floor(size + 0.5 + near), np.rint(size))
    rounded: Integers = (np.sign(amount) * whole).astype(np.int64)
    return rounded


def booked(
    group: Integers, amount: NDArray[np.float64], principal: NDArray[np.bool_], total: "NDArray[Any]"
) -> Integers:
    """Flows in minor units, HALF_UP; the last principal flow of a group takes what the others leave of its total.

    Args:
        group: place in `total`, the same for flows that stand together: a contract, or one of its currencies.
        amount: unrounded, in minor units, in order of time.
        principal: which flows are principal.
        total: what the principal flows of each group add up to; a group without any keeps none.
    Returns:
        int64, may have zeros.
    """
    minor = half_up(amount)
    paid = np.zeros(len(total), np.int64)
    np.add.at(paid, group[principal], minor[principal])
    last = np.full(len(total), -1)
    # A later flow overwrites an earlier one; one of nothing only where there is no other.
    for some in (principal, principal & (minor != 0)):
        at = np.flatnonzero(some)
        last[group[at]] = at
    with_last = np.flatnonzero(last >= 0)
    minor[last[with_last]] += total[with_last] - paid[with_last]
    return minor
