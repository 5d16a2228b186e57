"""Vector of spec/risk-assets.md 7.3 (2024, as of 2024-06-30), and what ranking must keep."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.targets_ranking import (
    Standing,
    completion,
    percent,
    rank_by_amount,
    rank_by_completion,
    rank_customers,
    roll_up,
    time_progress,
)

VECTOR = [
    Standing("3301", 42_000_000_00, 31_500_000_00),
    Standing("3302", 30_000_000_00, 22_500_000_00),
    Standing("3303", 18_000_000_00, 9_360_000_00),
    Standing("3304", 0, 1_200_000_00),
    Standing("3305", 25_000_000_00, 20_125_000_00),
]


def test_ranking_of_the_vector() -> None:
    ranked = [(one.org, one.completion and str(one.completion), one.rank) for one in rank_by_completion(VECTOR)]
    assert ranked == [
        ("3305", "80.50", 1),
        ("3301", "75.00", 2),
        ("3302", "75.00", 2),
        ("3303", "52.00", 4),
        ("3304", None, None),
    ]
    assert rank_by_amount(VECTOR) == ["3301", "3302", "3305", "3303", "3304"]


def test_roll_up_of_the_vector() -> None:
    """84,685,000 of 115,000,000: what head office counts includes the branch without a target of its own."""
    assert roll_up(VECTOR) == completion(84_685_000_00, 115_000_000_00) == Decimal("73.64")
    assert time_progress(date(2024, 6, 30), date(2024, 1, 1), date(2024, 12, 31)) == Decimal("49.73")


def test_no_target_no_completion() -> None:
    assert completion(5, 0) is None
    assert roll_up([Standing("1", 0, 5)]) is None


@pytest.mark.parametrize(
    ("share", "shown"), [("1/8", "12.50"), ("-1/20000", "-0.01"), ("1/20000", "0.01"), ("2/3", "66.67")]
)
def test_percentages_round_half_up(share: str, shown: str) -> None:
    assert str(percent(Fraction(share))) == shown


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 9)), max_size=9))
def test_ranks_never_fall_and_count_those_before(pairs: list[tuple[int, int]]) -> None:
    standings = [Standing(f"{place}", target, actual) for place, (target, actual) in enumerate(pairs)]
    ranked = rank_by_completion(standings)
    shown = [one for one in ranked if one.rank is not None]
    for one in shown:
        better = [other for other in shown if other.completion > one.completion]  # type: ignore[operator]
        assert one.rank == len(better) + 1
    assert ranked == rank_by_completion(reversed(standings))


def test_customers_by_the_sum_of_their_claims() -> None:
    assert rank_customers([("C2", 5), ("C1", 5), ("C3", 1), ("C3", 9)]) == [("C3", 10), ("C1", 5), ("C2", 5)]
