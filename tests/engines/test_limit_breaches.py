"""Levels of a limit as a fold: published example, hysteresis, batches, repetition."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.limit_breaches import Bands, BreachState, ChangeKind, Observation, fold
from engines.primitives.errors import InvalidInput

F = Fraction
#: Headroom of a limit: amber below 5%, red below 0.
LIMIT = Bands((F(5, 100), F(0)))


def observations(*values: Fraction | int | str, start: int = 0) -> list[Observation]:
    return [Observation(number, F(value)) for number, value in enumerate(values, start)]


def test_plt_52_example_ex_33() -> None:
    bands = Bands([F(115), F(110), F(105), F(100)], margin=F(1), clear_readings=2)
    state, levels = BreachState(), []
    for observation in observations(118, 112, 108, 104, 99, 101, 106, 107, 111, 112, 113, 121):
        state, _ = fold(state, [observation], bands)
        levels.append(state.level)
    assert levels == [0, 1, 2, 3, 4, 4, 3, 3, 2, 2, 1, 1]


def test_a_figure_that_hovers_at_its_limit_breaches_once() -> None:
    state, changes = fold(BreachState(), observations(*["-0.001", "0.001"] * 5), LIMIT)
    assert [change.kind for change in changes] == [ChangeKind.BREACHED]
    assert (state.level, state.breaches_in_a_row) == (2, 0)


def test_the_limit_itself_is_kept() -> None:
    state, changes = fold(BreachState(), observations(0), LIMIT)
    assert (state.level, changes[0].kind) == (1, ChangeKind.WORSENED)


def test_down_step_by_step_and_restored_at_the_end() -> None:
    state, changes = fold(BreachState(), observations("-0.1", *["0.5"] * 4), LIMIT)
    assert [(change.kind, change.level) for change in changes] == [
        (ChangeKind.BREACHED, 2),
        (ChangeKind.EASED, 1),
        (ChangeKind.RESTORED, 0),
    ]
    assert state.level == 0


def test_breaches_in_a_row_are_counted_and_one_good_value_ends_the_row() -> None:
    state, _ = fold(BreachState(), observations("-0.1", "-0.2", "-0.1"), LIMIT)
    assert state.breaches_in_a_row == 3
    state, _ = fold(state, observations("0", "-0.1", start=3), LIMIT)
    assert state.breaches_in_a_row == 1


@pytest.mark.parametrize(
    "bands",
    [Bands(()), Bands((F(0), F(0))), Bands((F(0), F(1))), Bands((F(1),), F(-1)), Bands((F(1),), clear_readings=0)],
)
def test_bands_that_cannot_be_used(bands: Bands) -> None:
    with pytest.raises(InvalidInput):
        fold(BreachState(), [], bands)


values = st.lists(st.integers(-20, 20).map(lambda percent: F(percent, 100)), max_size=30)
bands = st.builds(
    Bands,
    st.sampled_from([(F(0),), (F(5, 100), F(0)), (F(10, 100), F(5, 100), F(0))]),
    st.sampled_from([F(0), F(1, 100), F(5, 100)]),
    st.integers(1, 4),
)


@given(values, bands, st.integers(0, 30), st.integers(0, 30))
def test_however_the_observations_are_cut_and_repeated_the_end_is_the_same(
    given_values: list[Fraction], given_bands: Bands, cut: int, back: int
) -> None:
    everything = observations(*given_values)
    whole, changes = fold(BreachState(), everything, given_bands)
    first, early = fold(BreachState(), everything[:cut], given_bands)
    second, late = fold(first, everything[max(0, cut - back) :], given_bands)
    assert (second, early + late) == (whole, changes)


@given(values, bands)
def test_a_level_is_never_below_what_the_value_shows_and_falls_by_one(
    given_values: list[Fraction], given_bands: Bands
) -> None:
    state, before = BreachState(), 0
    for observation in observations(*given_values):
        state, change = fold(state, [observation], given_bands)
        assert state.level >= given_bands.level_of(observation.value)
        assert state.level >= before - 1
        assert bool(change) == (state.level != before)
        before = state.level
