import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.court_fee import court_fee
from engines.primitives.errors import InvalidInput

claims = st.integers(0, 10**13)


@pytest.mark.parametrize(
    ("claim", "fee"),
    [
        (0, 50_00),
        (10_000_00, 50_00),
        (100_000_00, 2_300_00),
        (200_000_00, 4_300_00),
        (500_000_00, 8_800_00),
        (1_000_000_00, 13_800_00),
        (2_000_000_00, 22_800_00),
        (5_000_000_00, 46_800_00),
        (10_000_000_00, 81_800_00),
        (20_000_000_00, 141_800_00),
        (30_000_000_00, 191_800_00),
        (8_272_671_38, 69_708_70),  # spec 8.1, line 12: the fee of the claim in line 10
        (10_000_20, 50_01),  # half a fen rounds up
    ],
)
def test_brackets_of_order_481(claim: int, fee: int) -> None:
    assert court_fee(claim) == fee


@given(claims, st.integers(1, 10**9))
def test_a_larger_claim_never_costs_less_and_never_more_than_the_steepest_bracket(claim: int, more: int) -> None:
    difference = court_fee(claim + more) - court_fee(claim)
    assert 0 <= difference <= more * 250 // 10_000 + 1


def test_a_negative_claim_is_refused() -> None:
    with pytest.raises(InvalidInput):
        court_fee(-1)
