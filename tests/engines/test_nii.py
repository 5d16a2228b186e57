"""Change of net interest income against the plain formula (LIQ-15, SRP31.90)."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.nii import RepricingLine, net_interest_income_changes, net_interest_income_changes_of_many
from engines.primitives.errors import InvalidInput
from engines.repricing import net_interest_income_change

amounts = st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100))
times = st.integers(0, 3_000).map(lambda thousandths: Fraction(thousandths, 1_000))
betas = st.integers(0, 20).map(lambda part: Fraction(part, 20))
lines = st.lists(st.builds(RepricingLine, times, amounts, amounts, betas, betas), max_size=5)
changes = st.integers(-1_000, 1_000).map(lambda bp: Fraction(bp, 10_000))
horizons = st.integers(2, 60).map(lambda part: Fraction(part, 20))


@given(lines, changes, horizons)
def test_each_bucket_is_the_formula(given_: list[RepricingLine], change: Fraction, horizon: Fraction) -> None:
    found = net_interest_income_changes(given_, change, horizon)
    for line, value in zip(given_, found, strict=True):
        if line.midpoint_years >= horizon:
            assert value == 0
        else:
            net = line.assets * line.asset_beta - line.liabilities * line.liability_beta
            assert value == net * (horizon - line.midpoint_years) * change
    assert net_interest_income_changes(given_, -change, horizon) == [-value for value in found]
    assert net_interest_income_changes(given_[::-1], change, horizon) == found[::-1]


@given(lines, changes)
def test_one_year_with_full_pass_through_is_the_repricing_gap(given_: list[RepricingLine], change: Fraction) -> None:
    full = [RepricingLine(line.midpoint_years, line.assets, line.liabilities) for line in given_]
    gaps, midpoints = [line.assets - line.liabilities for line in full], [line.midpoint_years for line in full]
    expected = net_interest_income_change(gaps, midpoints, [change] * len(full))
    assert sum(net_interest_income_changes(full, change), Fraction(0)) == expected


@given(lines.filter(bool), st.lists(changes, min_size=1, max_size=3), horizons)
def test_many_in_float_are_the_exact_ones(
    given_: list[RepricingLine], shocks: list[Fraction], horizon: Fraction
) -> None:
    sensitive = [float(line.assets * line.asset_beta - line.liabilities * line.liability_beta) for line in given_]
    found = net_interest_income_changes_of_many(
        np.array([sensitive, [0.0] * len(sensitive)]),
        np.array([float(line.midpoint_years) for line in given_]),
        np.array([float(shock) for shock in shocks]),
        float(horizon),
    )
    scale = 1e-9 * (1 + sum(abs(value) for value in sensitive))
    for place, shock in enumerate(shocks):
        exact = float(sum(net_interest_income_changes(given_, shock, horizon), Fraction(0)))
        assert found[0, place] == pytest.approx(exact, abs=scale)
    assert not found[1].any()


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (RepricingLine(Fraction(-1), Fraction(1), Fraction(1)), "buckets[0].midpoint_years"),
        (RepricingLine(Fraction(1), Fraction(-1), Fraction(1)), "buckets[0].repricing_assets"),
        (RepricingLine(Fraction(1), Fraction(1), Fraction(-1)), "buckets[0].repricing_liabilities"),
    ],
)
def test_bad_lines_are_refused(line: RepricingLine, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        net_interest_income_changes([line], Fraction(1, 100))
    assert caught.value.facts == {"field": field, "record": "buckets[0]"}


def test_bad_horizons_and_shapes_are_refused() -> None:
    with pytest.raises(InvalidInput):
        net_interest_income_changes([], Fraction(0), Fraction(0))
    with pytest.raises(InvalidInput):
        net_interest_income_changes_of_many(np.ones((1, 2)), np.ones(3), np.ones(1))
