"""Kupiec's test against its published table of acceptance, its edges, and counting of exceptions (LIQ-63)."""

from fractions import Fraction
from math import isclose, log, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.model_backtest import BandForecast, exceptions_of, kupiec
from engines.primitives.errors import InvalidInput


@pytest.mark.parametrize(
    ("observations", "probability_pct", "accepted"),
    [
        (255, 1, range(1, 7)),  # the table prints no lower end here, though the formula gives 5.13 for none
        (510, 1, range(2, 11)),
        (1_000, 1, range(5, 17)),
        (255, 5, range(7, 21)),
        (510, 5, range(17, 36)),
        (1_000, 5, range(38, 65)),
    ],
)
def test_numbers_of_exceptions_accepted_as_in_kupiec_1995(
    observations: int, probability_pct: int, accepted: range
) -> None:
    found = [
        exceptions
        for exceptions in range(observations + 1)
        if not kupiec(observations, exceptions, Fraction(probability_pct, 100)).is_rejected
    ]
    assert found == list(accepted)


@given(st.integers(1, 2_000), st.data())
def test_the_ratio_is_that_of_the_likelihoods_and_zero_at_the_stated_share(
    observations: int, data: st.DataObject
) -> None:
    exceptions = data.draw(st.integers(0, observations))
    probability = Fraction(data.draw(st.integers(1, 999)), 1_000)
    found = kupiec(observations, exceptions, probability)
    assert found.likelihood_ratio >= 0
    assert 0 <= found.p_value <= 1
    if 0 < exceptions < observations:
        exact = kupiec(observations, exceptions, Fraction(exceptions, observations))
        assert exact.likelihood_ratio < 1e-9
    mirror = kupiec(observations, observations - exceptions, 1 - probability)
    assert isclose(mirror.likelihood_ratio, found.likelihood_ratio, rel_tol=1e-9, abs_tol=1e-9)


def test_no_exceptions_and_nothing_but_exceptions() -> None:
    none = kupiec(1_000, 0, Fraction(1, 100))
    assert isclose(none.likelihood_ratio, -2_000 * log(0.99))
    assert none.finding == "TOO_FEW_EXCEPTIONS"
    always = kupiec(10, 10, Fraction(1, 100))
    assert isclose(always.likelihood_ratio, -20 * log(0.01))
    assert always.finding == "TOO_MANY_EXCEPTIONS"


@given(st.integers(0, 250))
def test_the_p_value_is_that_of_a_squared_normal(exceptions: int) -> None:
    found = kupiec(250, exceptions, Fraction(1, 100))
    two_sided = 2 * NormalDist().cdf(-sqrt(found.likelihood_ratio))
    assert isclose(found.p_value, two_sided, rel_tol=1e-6, abs_tol=1e-12)
    assert (found.p_value < 0.05) is found.is_rejected  # no count lies between 3.841 and the exact 3.8415


def test_a_band_has_its_edges_inside_and_may_be_open() -> None:
    def forecast(actual: int, lower: int | None, upper: int | None) -> BandForecast:
        edges = [None if edge is None else Fraction(edge) for edge in (lower, upper)]
        return BandForecast(Fraction(actual), edges[0], edges[1])

    lines = [forecast(1, 1, 3), forecast(3, 1, 3), forecast(4, 1, 3), forecast(0, 1, None), forecast(9, 1, None)]
    assert exceptions_of([*lines, forecast(9, None, 8)]) == [2, 3, 5]


@pytest.mark.parametrize(
    ("observations", "exceptions", "probability"), [(0, 0, 0.5), (5, 6, 0.5), (5, -1, 0.5), (5, 1, 0), (5, 1, 1)]
)
def test_what_is_out_of_range_is_refused(observations: int, exceptions: int, probability: float) -> None:
    with pytest.raises(InvalidInput):
        kupiec(observations, exceptions, Fraction(probability))
