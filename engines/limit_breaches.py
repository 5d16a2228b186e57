"""The breach of a limit as a fold over observations: how bad, how often in a row, and what changed (LIQ-36, PLT-52).

A level rises with the observation that shows it and falls one step at a time, after several observations in a row
that clear the present threshold by a margin: a figure that hovers at its limit opens one case and not ten. Not for
the case itself, its owner and waiver, which is an aggregate, nor for headroom, which `limits` computes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from engines.primitives.errors import InvalidInput

CLEAR_READINGS = 2


@dataclass(frozen=True, slots=True)
class Bands:
    """Thresholds falling from level 1 to the worst: the level is how many of them the value is below.

    For a limit the value is its headroom and the thresholds are the amber headroom and 0, so that level 2 is a
    breach. `margin` is how far above a threshold a reading must be to clear it, `clear_readings` how many in a row.
    """

    thresholds: Sequence[Fraction]
    margin: Fraction = Fraction(0)
    clear_readings: int = CLEAR_READINGS

    def check(self) -> None:
        """Raises InvalidInput where the bands cannot be used."""
        if not self.thresholds or any(later >= earlier for earlier, later in pairwise(self.thresholds)):
            raise InvalidInput("want thresholds, each below the one before", field="thresholds")
        if self.margin < 0 or self.clear_readings < 1:
            raise InvalidInput("want a margin >= 0 and at least one clear reading", field="margin")

    def level_of(self, value: Fraction) -> int:
        return sum(value < threshold for threshold in self.thresholds)

    def clears(self, value: Fraction, level: int) -> bool:
        return value >= self.thresholds[level - 1] + self.margin


@dataclass(frozen=True, slots=True)
class Observation:
    """A value and its place in the order of observations, as a day or an offset: rising, holes allowed."""

    number: int
    value: Fraction


@dataclass(frozen=True, slots=True)
class BreachState:
    """The level in force, how many observations in a row cleared it, and how many in a row were in breach."""

    level: int = 0
    clear_readings: int = 0
    breaches_in_a_row: int = 0
    last_number: int | None = None


class ChangeKind(StrEnum):
    BREACHED = "breached"  # the worst level is in force from now on
    WORSENED = "worsened"
    EASED = "eased"
    RESTORED = "restored"  # level 0 is in force again


@dataclass(frozen=True, slots=True)
class LevelChange:
    kind: ChangeKind
    number: int
    value: Fraction
    level_before: int
    level: int


def observe(state: BreachState, observation: Observation, bands: Bands) -> tuple[BreachState, LevelChange | None]:
    """The state after one observation, and the change of level that it caused.

    An observation that is not newer than the last one changes nothing: delivered twice, it counts once.
    Source: LIQ-36; up at once, down one step after clear readings: PLT-52, example EX-33.
    """
    if state.last_number is not None and observation.number <= state.last_number:
        return state, None
    found, worst = bands.level_of(observation.value), len(bands.thresholds)
    in_a_row = state.breaches_in_a_row + 1 if found == worst else 0
    seen = replace(state, breaches_in_a_row=in_a_row, last_number=observation.number)
    if found > state.level:
        after = replace(seen, level=found, clear_readings=0)
    elif state.level and bands.clears(observation.value, state.level):
        clear = state.clear_readings + 1
        is_over = clear >= bands.clear_readings
        after = replace(seen, level=state.level - is_over, clear_readings=0 if is_over else clear)
    else:
        after = replace(seen, clear_readings=0)
    if after.level == state.level:
        return after, None
    kind = _kind(state.level, after.level, worst)
    return after, LevelChange(kind, observation.number, observation.value, state.level, after.level)


def fold(
    state: BreachState, observations: Iterable[Observation], bands: Bands
) -> tuple[BreachState, tuple[LevelChange, ...]]:
    """All observations in order; however they are cut into batches, state and changes are the same.

    Raises:
        InvalidInput: bands that cannot be used.
    """
    bands.check()
    changes = []
    for observation in observations:
        state, change = observe(state, observation, bands)
        if change is not None:
            changes.append(change)
    return state, tuple(changes)


def _kind(before: int, after: int, worst: int) -> ChangeKind:
    if after > before:
        return ChangeKind.BREACHED if after == worst else ChangeKind.WORSENED
    return ChangeKind.RESTORED if after == 0 else ChangeKind.EASED
