"""The horizon against a plain walk; it never shrinks with more buffer nor grows with a higher haircut (LIQ-14)."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.survival_horizon import Buffer, survival_horizon

amounts = st.integers(0, 1_000).map(Fraction)
parts = st.integers(0, 100).map(lambda per_cent: Fraction(per_cent, 100))
buffers = st.lists(st.builds(Buffer, amounts, parts, st.integers(0, 12)), max_size=6)
flows = st.lists(st.integers(-400, 200).map(Fraction), min_size=1, max_size=10)


@given(buffers, flows)
def test_the_horizon_is_that_of_a_plain_walk(held: list[Buffer], net: list[Fraction]) -> None:
    def surplus(day: int) -> Fraction:
        usable = sum((one.amount * (1 - one.haircut) for one in held if one.from_day <= day), Fraction(0))
        return usable + sum(net[:day], Fraction(0))

    found = survival_horizon(held, net)
    assert [row.surplus for row in found.path] == [surplus(day) for day in range(1, len(net) + 1)]
    survived = 0
    while survived < len(net) and surplus(survived + 1) >= 0:
        survived += 1
    assert (found.horizon_days, found.is_whole_range) == (survived, survived == len(net))


@given(buffers, flows, st.builds(Buffer, amounts, parts, st.integers(0, 12)))
def test_more_buffer_never_shortens_it(held: list[Buffer], net: list[Fraction], more: Buffer) -> None:
    assert survival_horizon([*held, more], net).horizon_days >= survival_horizon(held, net).horizon_days


@given(buffers, flows, parts, st.integers(0, 5))
def test_a_higher_haircut_or_a_longer_lead_never_lengthens_it(
    held: list[Buffer], net: list[Fraction], haircut: Fraction, lead: int
) -> None:
    worse = [replace(one, haircut=max(one.haircut, haircut), from_day=one.from_day + lead) for one in held]
    assert survival_horizon(worse, net).horizon_days <= survival_horizon(held, net).horizon_days


def test_a_bank_without_buffer_survives_no_outflow() -> None:
    assert survival_horizon([], [Fraction(-1)]).horizon_days == 0
    assert survival_horizon([], [Fraction(0)]).is_whole_range


@pytest.mark.parametrize(
    "bad", [Buffer(Fraction(-1)), Buffer(Fraction(1), Fraction(2)), Buffer(Fraction(1), Fraction(0), -1)]
)
def test_a_bad_buffer_is_named(bad: Buffer) -> None:
    with pytest.raises(InvalidInput) as caught:
        survival_horizon([Buffer(Fraction(1)), bad], [Fraction(1)])
    assert caught.value.facts["field"] == "buffers[1]"
