"""The average of ratios, not the ratio of averages; lines; what stands in the way of an average (LIQ-42)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.disclosure import DailyResult, DisclosedLine, disclosed_lcr
from engines.primitives.errors import InvalidInput

START = date(2024, 1, 1)
positive = st.integers(1, 10**8).map(Fraction)


def quarter(pairs: list[tuple[Fraction, Fraction]]) -> list[DailyResult]:
    return [DailyResult(START + timedelta(at), hqla, net, {}) for at, (hqla, net) in enumerate(pairs)]


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=10))
def test_the_average_lies_among_the_daily_ratios(pairs: list[tuple[Fraction, Fraction]]) -> None:
    found = disclosed_lcr(quarter(pairs))
    daily = [hqla / net for hqla, net in pairs]
    assert found.lcr is not None
    assert found.lcr.value == sum(daily) / len(daily)
    assert found == disclosed_lcr(quarter(pairs)[::-1])


@given(positive, st.lists(positive, min_size=1, max_size=10))
def test_with_equal_outflows_both_averages_agree(net: Fraction, hqla: list[Fraction]) -> None:
    found = disclosed_lcr(quarter([(one, net) for one in hqla]))
    assert found.lcr is not None
    assert found.lcr.value == found.ratio_of_averages.value


def test_a_line_absent_on_a_day_counts_as_nothing_there() -> None:
    days = [
        DailyResult(START, Fraction(1), Fraction(1), {"21": DisclosedLine(Fraction(30), Fraction(3))}),
        DailyResult(date(2024, 1, 2), Fraction(1), Fraction(1), {"11": DisclosedLine(Fraction(8), Fraction(4))}),
    ]
    found = disclosed_lcr(days)
    assert list(found.lines) == ["11", "21"]
    assert found.lines["21"] == DisclosedLine(Fraction(15), Fraction(3, 2))


def test_a_day_without_a_ratio_leaves_the_quarter_without_one() -> None:
    found = disclosed_lcr(quarter([(Fraction(5), Fraction(4)), (Fraction(5), Fraction(0))]))
    assert (found.lcr, found.days_without_lcr) == (None, (date(2024, 1, 2),))
    assert found.average_hqla == 5


def test_no_day_and_a_day_twice_are_refused() -> None:
    with pytest.raises(InvalidInput):
        disclosed_lcr([])
    with pytest.raises(InvalidInput) as caught:
        disclosed_lcr([DailyResult(START, Fraction(1), Fraction(1), {})] * 2)
    assert caught.value.facts == {"field": "days[1].date", "record": "days[1]"}
