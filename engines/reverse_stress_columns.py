"""The smallest set of depositors whose leaving breaks a limit, of a whole book at once (LIQ-34).

As `engines.reverse_stress_depositors`, for books that are there as columns: nothing is kept between two questions, so
that a question costs what a pass over the deposits costs, some milliseconds for a hundred thousand, and can never be
about an earlier book. Exact: whole numbers, as int64 where they surely fit and as Python integers where not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput
from engines.reverse_stress_limits import DepositorLimit, Face

Integers = NDArray[np.int64]
INT64_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class DepositColumns:
    """Deposits, minor units, a row for each depositor and class.

    Attributes:
        depositor: codes from 0, rising; of equal losses the lower code is named first.
        deposit_class: code in `classes`.
        minor: int64, >= 0.
        classes: names as in `Face.loss_by_class`; a class that is missing there is lost without effect.
    """

    depositor: Integers
    deposit_class: Integers
    minor: Integers
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises InvalidInput: columns differ in length, depositors fall, a deposit is negative."""
        if not len(self.depositor) == len(self.deposit_class) == len(self.minor):
            raise InvalidInput("columns of one length are wanted", field="depositor")
        if (np.diff(self.depositor) < 0).any():
            raise InvalidInput("depositors must rise", field="depositor")
        if (self.minor < 0).any():
            raise InvalidInput("a deposit is negative", field="minor")


@dataclass(frozen=True, slots=True)
class BreakingCodes:
    """`count` 0: broken already; None: even all of them leaving together does not break it."""

    count: int | None
    depositors: Integers  # the largest losses first


def smallest_breaking_set(limit: DepositorLimit, deposits: DepositColumns) -> BreakingCodes:
    """The fewest depositors whose leaving breaks the limit: for one face the largest losses, the least over faces.

    A face's loss is a sum over those who leave, so the k largest losses do the most harm that k can do.

    Raises:
        InvalidInput: the limit has no face.
    """
    if not limit.faces:
        raise InvalidInput(f"limit {limit.name!r} has no face", field="limits")
    nobody = np.zeros(0, np.int64)
    if any(face.surplus < 0 for face in limit.faces):
        return BreakingCodes(0, nobody)
    best: BreakingCodes = BreakingCodes(None, nobody)
    seen: dict[tuple[tuple[str, Fraction], ...], NDArray[Any]] = {}
    starts = np.flatnonzero(np.diff(deposits.depositor, prepend=-1))
    for face in limit.faces:
        unit, whole = _in_whole_numbers(face)
        if not whole or not len(starts):
            continue
        key = tuple(sorted(whole.items()))
        if key not in seen:
            seen[key] = _losses(whole, deposits, starts)
        chosen = _fewest(seen[key], floor(face.surplus / unit), best.count)
        if chosen is not None:
            best = BreakingCodes(len(chosen), deposits.depositor[starts[chosen]])
    return best


def _in_whole_numbers(face: Face) -> tuple[Fraction, Mapping[str, Fraction]]:
    """The unit and the losses in it: faces that differ by a factor only are worked out once."""
    losses = {key: loss for key, loss in face.loss_by_class.items() if loss}
    if not losses:
        return Fraction(1), {}
    scale = lcm(*(loss.denominator for loss in losses.values()))
    numbers = [int(loss * scale) for loss in losses.values()]
    common = int(np.gcd.reduce(np.array(numbers, object)))
    unit = Fraction(abs(common), scale)
    return unit, {key: loss / unit for key, loss in losses.items()}


def _losses(whole: Mapping[str, Fraction], deposits: DepositColumns, starts: Integers) -> NDArray[Any]:
    """Of each depositor."""
    by_class = np.array([int(whole.get(name, 0)) for name in deposits.classes], object)
    largest = max(abs(one) for one in by_class)
    is_safe = float(deposits.minor.astype(np.float64).sum()) * largest < INT64_SAFE
    dtype: Any = np.int64 if is_safe else object
    rows = deposits.minor.astype(dtype) * by_class.astype(dtype)[deposits.deposit_class]
    found: NDArray[Any] = np.add.reduceat(rows, starts)
    return found


def _fewest(losses: NDArray[Any], surplus: int, below: int | None) -> Integers | None:
    """Places of the fewest losses that add up to more than `surplus`, the largest first and of equals the first.

    None: all do not, or `below` (None: any number) are needed.
    """
    harmful = losses[losses > 0]
    if harmful.sum() <= surplus:
        return None
    ranked = np.sort(harmful)[::-1]
    enough = np.cumsum(ranked[: None if below is None else below - 1]) > surplus
    if not enough.any():
        return None
    count = int(np.argmax(enough)) + 1
    edge = ranked[count - 1]
    above, equal = np.flatnonzero(losses > edge), np.flatnonzero(losses == edge)
    chosen = np.concatenate((above, equal[: count - len(above)]))
    return chosen[np.argsort(-losses[chosen], kind="stable")]
