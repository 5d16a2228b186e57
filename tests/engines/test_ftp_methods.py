"""The six ways to a transfer rate, add-ons and reserve (LIQ-44)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ftp_curve import Curve, curve_from_nodes
from engines.ftp_methods import (
    AddOns,
    Agreed,
    IndexPlusSpread,
    Market,
    MatchedDuration,
    MatchedMaturity,
    Method,
    Pooled,
    RequiredReserve,
    WeightedByFlows,
    pool_rate,
    transfer_rate,
)
from engines.primitives.errors import InvalidInput

ONE, TWO, THREE = (Fraction(years) for years in (1, 2, 3))
CURVE = curve_from_nodes(zip((ONE, TWO, THREE), map(Fraction, ("0.024", "0.028", "0.032")), strict=True))
MARKET = Market({"CNY": CURVE}, {"LPR": Fraction("0.031")}, {"short": Fraction("0.02"), "empty": None})
INSTALMENTS = [(ONE, Fraction(400)), (TWO, Fraction(300)), (THREE, Fraction(300))]

amounts = st.integers(0, 10**9).map(Fraction)
rates = st.integers(-200, 900).map(lambda bp: Fraction(bp, 10_000))


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        (Agreed(Fraction("0.029")), "0.029"),
        (Pooled("short"), "0.02"),
        (MatchedMaturity("CNY", Fraction(18, 12)), "0.026"),
        (WeightedByFlows("CNY", INSTALMENTS), "69/2375"),  # 2.905263%, LIQ-44
        (MatchedDuration("CNY", Fraction("1.25")), "0.025"),
        (IndexPlusSpread("LPR", Fraction("-0.005")), "0.026"),
    ],
)
def test_each_method(method: Method, rate: str) -> None:
    assert transfer_rate(method, MARKET).value == Fraction(rate)


def test_add_ons_and_the_reserve_are_those_of_the_example() -> None:
    add_ons = AddOns(*map(Fraction, ("0.0015", "0.001", "-0.0005")))
    assert transfer_rate(Agreed(Fraction("0.029")), MARKET, add_ons).value == Fraction("0.031")
    reserve = RequiredReserve(Fraction("0.08"), Fraction("0.0162"))
    found = transfer_rate(Agreed(Fraction("0.024")), MARKET, reserve=reserve)
    assert (found.before_reserve, found.value) == (Fraction("0.024"), Fraction("0.023376"))


def test_the_duration_of_a_par_bond_at_its_coupon() -> None:
    """Annual coupon 10%, three years, at 10%: Macaulay 2.7355371901, exactly 331/121."""
    flows = [(ONE, Fraction(10)), (TWO, Fraction(10)), (THREE, Fraction(110))]
    method = MatchedDuration("CNY", None, flows, Fraction("0.1"))
    duration = method.duration()
    assert duration is not None
    assert abs(duration - Fraction(331, 121)) < Fraction(1, 10**50)
    assert transfer_rate(method, MARKET).value == CURVE.rate(duration)


def test_a_bullet_has_the_same_rate_by_maturity_flows_and_duration() -> None:
    bullet = [(Fraction(18, 12), Fraction(250))]
    rates_found = [
        transfer_rate(method, MARKET).value
        for method in (
            MatchedMaturity("CNY", Fraction(18, 12)),
            WeightedByFlows("CNY", bullet),
            MatchedDuration("CNY", None, bullet, Fraction("0.05")),
        )
    ]
    assert rates_found[0] == rates_found[1] == Fraction("0.026")
    assert rates_found[2] is not None
    assert abs(rates_found[2] - Fraction("0.026")) < Fraction(1, 10**50)


@given(st.lists(st.tuples(st.integers(0, 240).map(lambda months: Fraction(months, 12)), amounts), max_size=6))
def test_weighted_rates_lie_within_the_curve_and_do_not_know_the_unit(flows: list[tuple[Fraction, Fraction]]) -> None:
    found = transfer_rate(WeightedByFlows("CNY", flows), MARKET).value
    if not any(years * amount for years, amount in flows):
        assert found is None
        return
    assert found is not None
    assert Fraction("0.024") <= found <= Fraction("0.032")
    scaled = [(years, amount * 1000) for years, amount in flows]
    assert transfer_rate(WeightedByFlows("CNY", scaled), MARKET).value == found


@given(rates, rates, st.integers(0, 100))
def test_the_reserve_lies_between_its_two_rates(base: Fraction, paid: Fraction, percent: int) -> None:
    reserve = RequiredReserve(Fraction(percent, 100), paid)
    found = transfer_rate(Agreed(base), MARKET, reserve=reserve).value
    assert found is not None
    assert min(base, paid) <= found <= max(base, paid)


def test_a_pool_is_the_average_of_its_members() -> None:
    assert pool_rate([(Fraction(100), Fraction("0.02")), (Fraction(300), Fraction("0.04"))]) == Fraction("0.035")
    assert pool_rate([]) is pool_rate([(Fraction(0), Fraction(1))]) is None


def test_what_divides_by_zero_has_no_rate() -> None:
    reserve = RequiredReserve(Fraction("0.08"), Fraction("0.0162"))
    for method in (
        Pooled("empty"),
        WeightedByFlows("CNY", []),
        MatchedDuration("CNY", None, [(ONE, Fraction(0))], ONE),
    ):
        found = transfer_rate(method, MARKET, AddOns(ONE), reserve)
        assert found.base is found.before_reserve is found.value is None


@pytest.mark.parametrize(
    ("method", "field"),
    [
        (Pooled("long"), "pool"),
        (MatchedMaturity("USD", ONE), "curve"),
        (MatchedMaturity("CNY", -ONE), "tenor"),
        (IndexPlusSpread("SHIBOR", ONE), "index"),
        (MatchedDuration("CNY"), "duration"),
        (MatchedDuration("CNY", None, [(Fraction(1, 1_000_003), ONE)], ONE), "flows"),
    ],
)
def test_what_is_not_there_is_refused(method: Method, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        transfer_rate(method, MARKET)
    assert caught.value.facts["field"] == field


def test_a_reserve_above_the_whole_is_refused() -> None:
    with pytest.raises(InvalidInput):
        transfer_rate(Agreed(ONE), MARKET, reserve=RequiredReserve(Fraction("1.01"), ONE))


def test_a_curve_is_taken_by_its_name() -> None:
    market = Market({"CNY": CURVE, "USD": Curve((ONE,), (Fraction("0.04"),))})
    assert transfer_rate(MatchedMaturity("USD", TWO), market).value == Fraction("0.04")
