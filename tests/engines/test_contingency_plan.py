"""The plan simulated forward: worked example, repayments, late cover, ranking, properties."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contingency_plan import (
    COST_ORDER,
    GATE_ORDER,
    HORIZON_DAYS_MAX,
    NOTHING,
    STRATEGIES,
    Outlook,
    Reason,
    compare,
    simulate,
)
from engines.funding_gates import Gate, Market, Source, Use
from engines.primitives.errors import InvalidInput

F = Fraction
REPO = Source("repo", Gate.INTERBANK, F("0.022"), F(500))
PARENT = Source("parent line", Gate.INTERBANK, F("0.026"), F(200), 1)
BONDS = Source("bond sale", Gate.BOND_MARKET, F("0.030"), lead_days=2, securities="bonds", use=Use.SALE)
ISSUE = Source("certificates", Gate.BOND_MARKET, F("0.025"), F(400), 5)
SOURCES = (REPO, PARENT, BONDS, ISSUE)
MARKET = Market({"bonds": F(250)})
SHORT_ON_DAY_3 = Outlook([F(0), F(0), F(-900)])


def test_liq_40_worked_example() -> None:
    found = simulate(SHORT_ON_DAY_3, SOURCES, MARKET, GATE_ORDER)
    assert [(line.draw.source.name, line.draw.amount) for line in found.lines] == [
        ("repo", 500),
        ("parent line", 200),
        ("bond sale", 200),
    ]
    assert [line.covered for line in found.lines] == [500, 700, 900]
    assert [line.order_by for line in found.lines] == [3, 2, 1]
    assert (found.residual, found.weighted_cost) == (0, F(2_220_000, 900) / 100_000)
    assert found.lines[2].securities_left == 50
    assert found.left_by_gate[Gate.BOND_MARKET] == 450


def test_what_comes_too_late_covers_later_days() -> None:
    outlook = Outlook([F(0), F(0), F(-1_300), F(-1_300), F(-1_300)])
    found = simulate(outlook, SOURCES, MARKET, GATE_ORDER)
    assert [day.after for day in found.path] == [0, 0, -350, -350, 0]
    assert (found.uncovered, found.days_below, found.first_day_below) == (350, 2, 3)
    assert (found.residual, found.restored_on) == (0, 5)


def test_lead_time_counts_from_the_day_the_plan_is_in_force() -> None:
    found = simulate(replace(SHORT_ON_DAY_3, start_day=2), SOURCES, MARKET, GATE_ORDER)
    assert [line.draw.source.name for line in found.lines] == ["repo", "parent line"]
    assert found.residual == 200
    assert all(line.order_by >= 2 for line in found.lines)


def test_a_short_loan_is_repaid_with_interest_and_found_again() -> None:
    overnight = replace(REPO, tenor_days=1, rate=F("0.0365"))
    found = simulate(Outlook([F(-100)] * 3), (overnight,), MARKET, GATE_ORDER)
    day_2, day_3 = F(100) + F("0.01"), (F(100) + F("0.01")) * (1 + F("0.0001"))
    assert [day.repaid for day in found.path] == [0, day_2, day_3]
    assert [line.draw.amount for line in found.lines] == [100, day_2, day_3]
    assert [day.after for day in found.path] == [0, 0, 0]
    assert found.need == found.raised == 100 + day_2 + day_3
    assert found.lines[2].capacity_left == 500 - day_3


def test_with_a_unit_draws_are_whole_and_interest_is_rounded_against_us() -> None:
    overnight = replace(REPO, tenor_days=1)
    outlook = Outlook([F(-100)] * 2, unit=F(1))
    found = simulate(outlook, (overnight,), MARKET, GATE_ORDER)
    assert found.path[1].repaid == 101  # 100 x 2.2% / 365 is far below one
    with pytest.raises(InvalidInput):
        simulate(Outlook([F(1, 2)], unit=F(1)), SOURCES, MARKET, GATE_ORDER)


def test_half_a_unit_of_capacity_is_none() -> None:
    third = Source("sale", Gate.BOND_MARKET, F(0), securities="bonds", use=Use.SALE, haircut=F(1, 3))
    found = simulate(Outlook([F(-1_000)], unit=F(1)), (third,), MARKET, GATE_ORDER)
    assert found.raised == 166  # of 250 x 2/3


def test_a_plan_that_nobody_could_carry_out_is_refused() -> None:
    overnight = [Source(f"S{at}", Gate.INTERBANK, F("0.02"), F(1), tenor_days=1) for at in range(11)]
    assert len(simulate(Outlook([F(-500)] * 90), overnight, MARKET, GATE_ORDER).lines) == 990
    with pytest.raises(InvalidInput):
        simulate(Outlook([F(-500)] * 100), overnight, MARKET, GATE_ORDER)


def test_nothing_is_drawn_before_it_is_missing() -> None:
    found = simulate(Outlook([F(10), F(-5), F(20)]), SOURCES, MARKET, GATE_ORDER)
    assert [(line.needed_on, line.draw.amount) for line in found.lines] == [(2, 5)]
    assert [day.after for day in found.path] == [10, 0, 25]


def test_alternatives_are_ranked_with_reasons() -> None:
    ranked = compare(SHORT_ON_DAY_3, SOURCES, MARKET)
    assert [one.simulation.strategy.name for one in ranked] == [
        "gate_order",
        "cost_order",
        "gate_2_alone",
        "gate_3_alone",
        "gate_1_alone",
        "nothing",
    ]
    assert [one.rank for one in ranked] == [1, 2, 3, 4, 5, 6]
    assert ranked[0].reasons == {Reason.COVERS: 0}
    assert Reason.SAME in ranked[1].reasons
    assert ranked[2].reasons == {Reason.UNCOVERED: 200, Reason.DAYS_BELOW: 1}


def test_a_cheaper_order_that_covers_as_much_comes_first() -> None:
    dear = Source("facility", Gate.CENTRAL_BANK, F("0.0365"), F(900))
    ranked = compare(SHORT_ON_DAY_3, (dear, *SOURCES), MARKET)
    assert ranked[0].simulation.strategy == COST_ORDER
    gate_order = next(one for one in ranked if one.simulation.strategy == GATE_ORDER)
    cheaper = F(500) * F("0.022") + F(200) * F("0.026") + F(200) * F("0.030")
    assert gate_order.reasons[Reason.COSTS_MORE] == (900 * F("0.0365") - cheaper) / 365


@pytest.mark.parametrize(
    ("outlook", "field"),
    [
        (Outlook([]), "surplus"),
        (Outlook([F(0)] * (HORIZON_DAYS_MAX + 1)), "surplus"),
        (Outlook([F(0)], start_day=-1), "start_day"),
        (Outlook([F(0)], year_days=364), "year_days"),
    ],
)
def test_an_outlook_that_cannot_be(outlook: Outlook, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        simulate(outlook, SOURCES, MARKET, GATE_ORDER)
    assert caught.value.facts["field"] == field


amounts = st.integers(-2_000, 2_000).map(F)
lead_times = st.integers(0, 6)


@st.composite
def simple_sources(draw: st.DrawFn, *, with_tenor: bool = False) -> tuple[Source, ...]:
    found = []
    for name in "abcde"[: draw(st.integers(0, 5))]:
        gate, rate = draw(st.sampled_from(Gate)), F(draw(st.integers(0, 50)), 1_000)
        tenor = draw(st.none() | st.integers(1, 5)) if with_tenor else None
        limit = F(draw(st.integers(0, 900)))
        found.append(Source(name, gate, rate, limit, draw(lead_times), tenor_days=tenor))
    return tuple(found)


paths = st.lists(amounts, min_size=1, max_size=8)


@given(paths, simple_sources(with_tenor=True), st.sampled_from(STRATEGIES), st.booleans())
def test_raised_and_residual_are_the_need_and_each_day_follows_from_the_last(
    path: list[Fraction], sources: tuple[Source, ...], strategy: object, is_whole: bool
) -> None:
    outlook = Outlook(path, unit=F(1) if is_whole else None)
    for ranked in compare(outlook, sources, Market({})):
        found = ranked.simulation
        assert found.raised + found.residual == found.need >= outlook.shortfall
        assert found.residual >= 0
        assert sum((line.draw.amount for line in found.lines), F(0)) == found.raised
        cash = F(0)
        for day in found.path:
            cash += day.drawn - day.repaid
            assert day.after == day.before + cash
        if found.days_below == 0:
            assert found.residual == 0
        if is_whole:
            assert all(line.draw.amount.denominator == 1 for line in found.lines)


@given(paths, simple_sources())
def test_each_day_has_all_that_could_be_there_if_anything_is_missing(
    path: list[Fraction], sources: tuple[Source, ...]
) -> None:
    """Without repayments: a day below zero has drawn every source that delivers by then."""
    found = simulate(Outlook(path), sources, Market({}), GATE_ORDER)
    for day in found.path:
        if day.after < 0:
            usable = {source.name: source for source in sources if source.lead_days <= day.day}
            drawn = sum((line.draw.amount for line in found.lines if line.needed_on <= day.day), F(0))
            assert drawn == sum(source.limit or F(0) for source in usable.values())


@given(paths, simple_sources(with_tenor=True))
def test_doing_nothing_is_never_better_than_the_first(path: list[Fraction], sources: tuple[Source, ...]) -> None:
    ranked = compare(Outlook(path), sources, Market({}))
    nothing = next(one.simulation for one in ranked if one.simulation.strategy == NOTHING)
    assert ranked[0].simulation.uncovered <= nothing.uncovered
    assert [one.simulation.uncovered for one in ranked] == sorted(one.simulation.uncovered for one in ranked)
