"""Score, bands and the slow way down, against a model that remembers every check (LIQ-37)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.early_warning import CHECK_HOURS, Reading, WarningLevel, WarningState, band_level, next_state, score
from engines.primitives.errors import InvalidInput

levels = st.sampled_from(WarningLevel)
readings = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=6).map(
    lambda rows: [Reading(level, Fraction(weight, sum(w for w, _ in rows))) for weight, level in rows]
)


@given(readings)
def test_the_score_is_between_its_lowest_and_highest_level(rows: list[Reading]) -> None:
    found = score(rows)
    assert min(row.level for row in rows) <= found.value <= max(row.level for row in rows)


@given(readings, st.data())
def test_a_worse_indicator_never_lowers_the_level(rows: list[Reading], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    worse = [*rows]
    worse[at] = Reading(min(3, rows[at].level + 1), rows[at].weight)
    assert score(worse).level >= score(rows).level


@pytest.mark.parametrize(
    ("tenths", "level"),
    [(9, "NORMAL"), (10, "YELLOW"), (19, "YELLOW"), (20, "ORANGE"), (24, "ORANGE"), (25, "RED"), (30, "RED")],
)
def test_a_level_holds_from_its_score_on(tenths: int, level: str) -> None:
    high = Fraction(tenths, 30)
    found = score([Reading(3, high), Reading(0, 1 - high)])
    assert (found.value, found.level.name) == (Fraction(tenths, 10), level)


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([Reading(4, Fraction(1))], "indicators[0].level"),
        ([Reading(-1, Fraction(1))], "indicators[0].level"),
        ([Reading(1, Fraction(2)), Reading(1, Fraction(-1))], "indicators[1].weight"),
        ([Reading(1, Fraction(99, 100))], "indicators"),
        ([], "indicators"),
    ],
)
def test_bad_readings_are_named(rows: list[Reading], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        score(rows)
    assert caught.value.facts["field"] == field


@pytest.mark.parametrize(("value", "level"), [("1.3", 0), ("1.2", 0), ("1.19", 1), ("1", 2), ("0.99", 3)])
def test_a_band_itself_is_not_crossed(value: str, level: int) -> None:
    bands = [Fraction("1.2"), Fraction("1.1"), Fraction(1)]
    assert band_level(Fraction(value), bands, "min") == level
    assert band_level(-Fraction(value), [-band for band in bands], "max") == level


@pytest.mark.parametrize("bands", [[1, 2], [1, 3, 2], [3, 2, 1]])
def test_bands_get_worse(bands: list[int]) -> None:
    with pytest.raises(InvalidInput):
        band_level(Fraction(1), [Fraction(band) for band in bands], "max")


@given(st.lists(levels, max_size=30))
def test_the_level_is_that_of_a_model_with_all_checks(found: list[WarningLevel]) -> None:
    state, held = WarningState(WarningLevel.NORMAL), WarningLevel.NORMAL
    run: list[WarningLevel] = []  # checks since the level was set, all below it
    for level in found:
        state = next_state(state, level)
        run = [] if level >= held else [*run, level]
        if level >= held:
            held = level
        elif len(run) == 3:
            held, run = max(run), []
        assert (state.level, state.clean_checks) == (held, len(run))
        assert state.level >= level


def test_the_worse_the_level_the_sooner_the_next_check() -> None:
    hours = [CHECK_HOURS[level] for level in WarningLevel]
    assert hours == sorted(hours, reverse=True)
