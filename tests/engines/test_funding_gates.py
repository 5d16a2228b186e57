"""The three gates: worked example, caps that sources share, stress, order, and properties of every allocation."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.funding_gates import Gate, Market, Order, Room, Source, Use, fund
from engines.primitives.errors import InvalidInput

F = Fraction
FACILITY = Source("facility", Gate.CENTRAL_BANK, F("0.0325"), F(150))
LINES = Source("lines", Gate.INTERBANK, F("0.022"), F(620), availability=F("0.9"))
SALE = Source("sale", Gate.BOND_MARKET, F("0.029"), securities="bonds", use=Use.SALE, haircut=F("0.05"))
EXAMPLE = (FACILITY, LINES, SALE)
MARKET = Market({"bonds": F(400)}, F(10_000))


def amounts(**changed: Any) -> list[tuple[str, Fraction]]:
    market = replace(MARKET, **changed.pop("market", {}))
    found = fund(F(900), changed.pop("sources", EXAMPLE), market, **changed)
    return [(draw.source.name, draw.amount) for draw in found.draws]


def test_liq_39_worked_example() -> None:
    found = fund(F(900), EXAMPLE, MARKET)
    assert amounts() == [("facility", 150), ("lines", 500), ("sale", 250)]
    assert found.unmet == 0
    assert found.weighted_cost == F(2_312_500, 900) / 100_000
    assert found.draws[2].securities == F(250) / F("0.95")
    assert list(found.capacity_by_gate.values()) == [150, 500, 380]


def test_liq_39_in_stress_half_of_the_lines_is_there() -> None:
    assert amounts(market={"is_stressed": True}) == [("facility", 150), ("lines", 310), ("sale", 380)]
    assert fund(F(900), EXAMPLE, replace(MARKET, is_stressed=True)).unmet == 60


def test_in_stress_the_market_is_less_deep_and_the_central_bank_is_not() -> None:
    shallow = replace(SALE, market_depth=F(300))
    assert Room([shallow], MARKET).capacity(shallow) == 300 * F("0.95")
    assert Room([shallow], replace(MARKET, is_stressed=True)).capacity(shallow) == 150 * F("0.95")
    assert Room([FACILITY], replace(MARKET, is_stressed=True)).capacity(FACILITY) == 150


def test_stress_never_offers_more_than_calm_times() -> None:
    scarce = replace(LINES, availability=F("0.3"))
    assert Room([scarce], replace(MARKET, is_stressed=True)).capacity(scarce) == 620 * F("0.3")


def test_pure_cost_order_is_an_option() -> None:
    assert amounts(order=Order.COST) == [("lines", 500), ("sale", 380), ("facility", 20)]


def test_ties_go_by_lead_time_and_then_by_name() -> None:
    later = replace(FACILITY, name="a", lead_days=1)
    same = replace(FACILITY, name="b")
    assert amounts(sources=(later, same, FACILITY))[:3] == [("b", 150), ("facility", 150), ("a", 150)]


def test_what_takes_too_long_is_left_out_and_named() -> None:
    slow = replace(SALE, lead_days=3)
    found = fund(F(900), (FACILITY, slow), MARKET, within_days=2)
    assert (found.unmet, found.too_late, found.capacity_by_gate[Gate.BOND_MARKET]) == (750, (slow,), 0)


def test_securities_are_pledged_or_sold_once() -> None:
    repo = Source("repo", Gate.INTERBANK, F("0.02"), F(300), securities="bonds", use=Use.PLEDGE, haircut=F("0.25"))
    (draw,) = fund(F(10_000), (repo, SALE), MARKET).draws
    assert (draw.amount, draw.securities) == (300, 400)
    small = replace(repo, limit=F(150))
    assert amounts(sources=(small, SALE)) == [("repo", 150), ("sale", 190)]


def test_gate_two_shares_one_cap() -> None:
    other = replace(LINES, name="other", rate=F("0.021"))
    assert amounts(sources=(LINES, other), market={"total_assets": F(12_000)}) == [("other", 558), ("lines", 42)]
    assert amounts(sources=(LINES, other), market={"total_assets": None}) == [("other", 558), ("lines", 342)]


def test_a_repayment_frees_the_pledge_and_not_what_was_sold() -> None:
    repo = Source("repo", Gate.INTERBANK, F("0.02"), F(300), securities="bonds", use=Use.PLEDGE)
    for source, free in ((repo, 400), (SALE, 0)):
        room = Room([source], MARKET)
        draw = room.draw(source, F(380))
        room.give_back(draw)
        assert room.free_securities["bonds"] == free


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"limit": F(-1)}, "limit"),
        ({"limit": None, "use": Use.NONE, "securities": ""}, "limit"),
        ({"lead_days": -1}, "lead_days"),
        ({"tenor_days": 0}, "tenor_days"),
        ({"availability": F(2)}, "availability"),
        ({"haircut": F(1)}, "haircut"),
        ({"market_depth": F(-1)}, "market_depth"),
        ({"securities": "gold"}, "securities"),
        ({"use": Use.NONE}, "securities"),
        ({"name": ""}, "name"),
    ],
)
def test_a_source_that_cannot_be_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        fund(F(1), (FACILITY, replace(SALE, **changed)), MARKET)
    assert caught.value.facts == {"field": f"sources[1].{field}", "record": "sources[1]"}


def test_a_need_and_a_market_that_cannot_be() -> None:
    with pytest.raises(InvalidInput):
        fund(F(-1), EXAMPLE, MARKET)
    with pytest.raises(InvalidInput):
        fund(F(1), EXAMPLE, replace(MARKET, free_securities={"bonds": F(-1)}))


def test_nothing_needed_costs_nothing() -> None:
    found = fund(F(0), EXAMPLE, MARKET)
    assert (found.draws, found.unmet, found.weighted_cost) == ((), 0, None)


numbers = st.integers(0, 1_000).map(F)
shares = st.integers(0, 100).map(lambda percent: F(percent, 100))


@st.composite
def sources(draw: st.DrawFn) -> tuple[Source, ...]:
    found = []
    for name in "abcdef"[: draw(st.integers(0, 6))]:
        use = draw(st.sampled_from(Use))
        found.append(
            Source(
                name,
                draw(st.sampled_from(Gate)),
                draw(shares),
                draw(numbers) if use is Use.NONE else draw(st.none() | numbers),
                draw(st.integers(0, 5)),
                draw(shares),
                draw(shares),
                "" if use is Use.NONE else draw(st.sampled_from(["bonds", "bills"])),
                use,
                draw(st.integers(0, 99).map(lambda percent: F(percent, 100))),
                draw(st.none() | numbers) if use is Use.SALE else None,
            )
        )
    return tuple(found)


markets = st.builds(
    Market,
    st.fixed_dictionaries({"bonds": numbers, "bills": numbers}),
    st.none() | st.integers(0, 20_000).map(F),
    is_stressed=st.booleans(),
)


@given(st.integers(0, 5_000).map(F), sources(), markets, st.sampled_from(Order))
def test_every_allocation_adds_up_and_keeps_every_cap(
    need: Fraction, given_sources: tuple[Source, ...], market: Market, order: Order
) -> None:
    found = fund(need, given_sources, market, order=order)
    assert sum(draw.amount for draw in found.draws) + found.unmet == need
    assert found.unmet >= 0
    for pool, free in market.free_securities.items():
        assert sum(draw.securities for draw in found.draws if draw.source.securities == pool) <= free
    interbank = sum(draw.amount for draw in found.draws if draw.source.gate is Gate.INTERBANK)
    assert market.total_assets is None or interbank <= market.total_assets / 20
    for draw in found.draws:
        share = draw.source.share_available(market.is_stressed)
        assert draw.source.limit is None or draw.amount <= draw.source.limit * share
        assert draw.source.market_depth is None or draw.securities <= draw.source.market_depth * share
        if draw.source.use is not Use.NONE:
            assert draw.securities * (1 - draw.source.haircut) == draw.amount


@given(st.integers(0, 5_000).map(F), sources(), markets, st.randoms())
def test_the_order_of_the_input_means_nothing(
    need: Fraction, given_sources: tuple[Source, ...], market: Market, random: Any
) -> None:
    shuffled = list(given_sources)
    random.shuffle(shuffled)
    assert fund(need, shuffled, market).draws == fund(need, given_sources, market).draws


@given(st.integers(0, 5_000).map(F), sources(), markets)
def test_stress_never_raises_more(need: Fraction, given_sources: tuple[Source, ...], market: Market) -> None:
    plain = tuple(
        replace(source, securities="", use=Use.NONE, limit=source.limit or F(0)) for source in given_sources
    )
    calm, stressed = replace(market, is_stressed=False), replace(market, is_stressed=True)
    assert fund(need, plain, stressed).unmet >= fund(need, plain, calm).unmet
