"""The smaller and the greater of two numbers, alike for one number and for an array.

Not `min` and `numpy.minimum`: those two disagree on which zero of 0.0 and -0.0 they return, and one contract must
equal its row of a portfolio bit for bit (Q18).
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Integers = TypeVar("Integers", int, NDArray[np.int64])
Numbers = TypeVar("Numbers", float, NDArray[np.float64])


def lesser(first: Integers, second: Integers | int) -> Integers:
    """The smaller of two integers or integer arrays; `first` where they are equal."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.where(second < first, second, first)
    return second if second < first else first


def lower_of(first: Numbers, second: Numbers | float) -> Numbers:
    """The smaller of two numbers or arrays; `first` where they are equal."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.where(second < first, second, first)
    return lower_number(first, second)


def higher_of(first: Numbers, second: Numbers | float) -> Numbers:
    """The greater of two numbers or arrays; `first` where they are equal."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.where(second > first, second, first)
    return higher_number(first, second)


def lower_number(first: float, second: float) -> float:
    """`lower_of` two numbers, as machine code knows it (`portfolio_walk`)."""
    return second if second < first else first


def higher_number(first: float, second: float) -> float:
    """`higher_of` two numbers, as machine code knows it."""
    return second if second > first else first
