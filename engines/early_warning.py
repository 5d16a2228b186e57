"""Tiered early warning: a level per indicator, a weighted score, an overall level and how often to look (LIQ-37).

The overall level rises at once and falls only after three clean checks in a row, so that an indicator that hovers at
a band does not switch the alarm on and off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from engines.primitives.errors import InvalidInput

LEVEL_MAX = 3
CLEAN_CHECKS = 3


class WarningLevel(IntEnum):
    """Higher is worse."""

    NORMAL = 0
    YELLOW = 1
    ORANGE = 2
    RED = 3


#: The score from which each level holds.
SCORE_FROM = (
    (Fraction(5, 2), WarningLevel.RED),
    (Fraction(2), WarningLevel.ORANGE),
    (Fraction(1), WarningLevel.YELLOW),
)

#: Hours to the next check: daily, twice a day, hourly, and continuous as 0.
CHECK_HOURS = {WarningLevel.NORMAL: 24, WarningLevel.YELLOW: 12, WarningLevel.ORANGE: 1, WarningLevel.RED: 0}


@dataclass(frozen=True, slots=True)
class Reading:
    """One indicator: its level 0 to 3, its weight, and the level from which it forces RED, null if it never does."""

    level: int
    weight: Fraction
    knock_out_level: int | None = None

    @property
    def is_knock_out(self) -> bool:
        return self.knock_out_level is not None and self.level >= self.knock_out_level


@dataclass(frozen=True, slots=True)
class Score:
    value: Fraction
    level: WarningLevel
    knocked_out: tuple[int, ...]  # places of the readings that forced RED


def band_level(value: Fraction, bands: Sequence[Fraction], direction: Literal["max", "min"]) -> int:
    """How many of the three bands the value is beyond; a band itself is not crossed, as with a limit.

    Args:
        bands: of level 1, 2 and 3; rising where high values are bad (`max`), falling where low ones are (`min`).
    Raises:
        InvalidInput: not three bands, or not in that order.
    """
    sign = 1 if direction == "max" else -1
    if len(bands) != LEVEL_MAX or any(sign * later < sign * earlier for earlier, later in pairwise(bands)):
        raise InvalidInput(f"want {LEVEL_MAX} bands, each worse than the one before", field="bands")
    return sum(sign * value > sign * band for band in bands)


def score(readings: Sequence[Reading]) -> Score:
    """`sum of weight x level` and the level that it, or a knock-out indicator, gives.

    Raises:
        InvalidInput: a level outside 0..3, a negative weight, or weights that do not add up to exactly 1.
    Source: LIQ-37.
    """
    for at, reading in enumerate(readings):
        wrong = "level" if not 0 <= reading.level <= LEVEL_MAX else "weight" if reading.weight < 0 else ""
        if wrong:
            record = f"indicators[{at}]"
            raise InvalidInput(f"the {wrong} is out of range", field=f"{record}.{wrong}", record=record)
    if sum((reading.weight for reading in readings), Fraction(0)) != 1:
        raise InvalidInput("the weights do not add up to 1", field="indicators")
    value = sum((reading.weight * reading.level for reading in readings), Fraction(0))
    knocked_out = tuple(at for at, reading in enumerate(readings) if reading.is_knock_out)
    level = next((level for edge, level in SCORE_FROM if value >= edge), WarningLevel.NORMAL)
    return Score(value, WarningLevel.RED if knocked_out else level, knocked_out)


@dataclass(frozen=True, slots=True)
class WarningState:
    """The level in force; how many checks in a row found less, and the worst that they found."""

    level: WarningLevel
    clean_checks: int = 0
    worst_clean: WarningLevel = WarningLevel.NORMAL


def next_state(state: WarningState, found: WarningLevel) -> WarningState:
    """The state after a check that found `found`.

    Up at once. Down after `CLEAN_CHECKS` checks in a row below the level, and then to the worst of these: one calm
    check at their end does not make the others calm.
    Source: LIQ-37.
    """
    if found >= state.level:
        return WarningState(found)
    checks, worst = state.clean_checks + 1, max(state.worst_clean, found)
    return WarningState(worst) if checks >= CLEAN_CHECKS else WarningState(state.level, checks, worst)
