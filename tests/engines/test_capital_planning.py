"""Capital forecast, capital stress, volumes, capital plan: worked examples, laws between them, edges."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.capital import TIERS, Capital
from engines.capital_forecast import Step, forecast, risk_weighted_assets
from engines.capital_plan import Year, capital_plan
from engines.capital_stress import Bonds, Credit, capital_stress, years_to_retain
from engines.primitives.errors import InvalidInput
from engines.volume_forecast import volume_forecast

F = Fraction
MINIMUMS = {"cet1": F(5, 100), "tier1": F(6, 100), "total": F(8, 100)}
BUFFER = F(25, 1000)
money = st.integers(0, 10**6).map(F)
steps = st.builds(
    Step,
    rwa_growth=st.integers(-50, 50).map(lambda n: F(n, 100)),
    profit=st.integers(-1000, 1000).map(F),
    dividend=money,
    deductions=money,
    cet1_issue=money,
    at1_issue=money,
    tier2_issue=money,
)


def test_rwa_worked_example() -> None:
    exposures = [(F(2000), F(1, 2)), (F(3000), F(1)), (F(500), F(0)), (F(1000), F(3, 4))]
    assert risk_weighted_assets(exposures, market_capital=F(20), operational_capital=F(40)) == 5500


@given(st.lists(steps, max_size=5), money)
def test_capital_is_what_came_in_less_what_went_out(path: list[Step], rwa: Fraction) -> None:
    opening = Capital(F(660), F(10), F(30), F(20))
    found = forecast(opening, rwa, path, minimums=MINIMUMS, buffer=BUFFER)
    assert len(found) == len(path) + 1
    last = found[-1]
    cet1 = 650 + sum(one.profit - one.dividend - one.deductions + one.cet1_issue for one in path)
    assert last.tier["cet1"].amount == cet1
    assert last.tier["tier1"].amount == cet1 + 30 + sum(one.at1_issue for one in path)
    assert last.tier["total"].amount == last.tier["tier1"].amount + 20 + sum(one.tier2_issue for one in path)
    for one in found:
        for tier in TIERS:
            line = one.tier[tier]
            assert line.target == MINIMUMS[tier] + BUFFER
            assert line.surplus == line.amount - line.target * one.rwa
            assert line.gap == max(0, -line.surplus)
            # A gap filled reaches the target exactly.
            assert not one.rwa or not line.gap or (line.amount + line.gap) / one.rwa == line.target


def test_forecast_worked_example() -> None:
    path = [Step(rwa_growth=F(1, 10), profit=F(90), dividend=F(27))]
    opening, after = forecast(Capital(F(660), F(0), F(0), F(0)), F(5500), path, minimums=MINIMUMS, buffer=BUFFER)
    assert (opening.tier["total"].ratio.value, after.rwa, after.tier["total"].ratio.value) == (
        F(12, 100),
        6050,
        F(723, 6050),
    )


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (Step(rwa=F(1), rwa_growth=F(0)), "rwa"),
        (Step(rwa_growth=F(-2)), "rwa_growth"),
        (Step(rwa=F(-1)), "rwa"),
        (Step(dividend=F(-1)), "dividend"),
    ],
)
def test_forecast_refuses(step: Step, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        forecast(Capital(F(1), F(0), F(0), F(0)), F(1), [Step(), step], minimums=MINIMUMS, buffer=BUFFER)
    assert caught.value.facts == {"field": f"periods[1].{field}", "record": "periods[1]"}


# -- an extreme shock


def shocked(**changed: Fraction):  # type: ignore[no-untyped-def]
    chosen = {"tax_rate": F(1, 4), "migration": F(6, 100), "target": F(105, 1000)} | changed
    bonds, loans = [Bonds(F(300), F(4), F(200))], [Credit(F(5000), F(12, 1000))]
    return capital_stress(F(660), F(5500), bonds, loans, **chosen)


def test_stress_worked_example() -> None:
    found = shocked()
    assert (found.bond_losses, found.credit_losses, found.capital, found.rwa) == ((24,), (60,), 597, 5830)
    assert (found.ratio.value, found.buffer_needed) == (F(597, 5830), F("15.15"))


def test_each_option_alone_restores_the_target() -> None:
    found = shocked()
    assert (found.capital + found.buffer_needed) / found.rwa == found.target
    assert found.rwa_to_shrink is not None
    assert found.capital / (found.rwa - found.rwa_to_shrink) == found.target
    assert shocked(target=F(0)).rwa_to_shrink is None
    spare = shocked(target=F(5, 100))
    assert (spare.buffer_needed, spare.rwa_to_shrink) == (0, 0)


@given(st.integers(0, 10**4).map(F), st.integers(-100, 100).map(F), st.integers(0, 100).map(lambda n: F(n, 100)))
def test_years_to_retain_are_the_fewest(needed: Fraction, profit: Fraction, payout: Fraction) -> None:
    years = years_to_retain(needed, profit, payout)
    kept = profit * (1 - payout)
    if years is None:
        assert needed > 0 >= kept
    else:
        assert years * max(kept, F(0)) >= needed
        assert years == 0 or (years - 1) * kept < needed


def test_falling_yields_are_a_gain() -> None:
    assert Bonds(F(300), F(4), F(-200)).loss == -24


# -- volumes


def test_volume_worked_example() -> None:
    found = volume_forecast(F(8000), F(8, 1000), [F(1), F(1), F(101, 100)], 3)
    assert found[-1].volume == 8000 * F(1008, 1000) ** 3 * F(101, 100)
    assert float(found[-1].volume) == pytest.approx(8275.4755, abs=5e-5)


@given(
    st.integers(0, 10**6).map(F),
    st.integers(-100, 100).map(lambda n: F(n, 100)),
    st.lists(st.integers(0, 300).map(lambda n: F(n, 100)), max_size=4),
    st.integers(1, 12),
)
def test_volumes_follow_the_formula_and_changes_add_up(
    base: Fraction, growth: Fraction, seasons: list[Fraction], periods: int
) -> None:
    found = volume_forecast(base, growth, seasons, periods)
    for one in found:
        season = seasons[(one.period - 1) % len(seasons)] if seasons else 1
        assert one.volume == base * (1 + growth) ** one.period * season
    assert base + sum(one.change for one in found) == found[-1].volume


@pytest.mark.parametrize(
    ("base", "growth", "seasons", "periods", "field"),
    [
        (F(-1), F(0), [], 1, "base"),
        (F(1), F(-2), [], 1, "growth"),
        (F(1), F(11), [], 1, "growth"),
        (F(1), F(0), [F(-1)], 1, "seasons[0]"),
        (F(1), F(0), [], 0, "periods"),
        (F(1), F(0), [], 601, "periods"),
    ],
)
def test_volumes_refuse(base: Fraction, growth: Fraction, seasons: list[Fraction], periods: int, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        volume_forecast(base, growth, seasons, periods)
    assert caught.value.facts["field"] == field


# -- the plan

YEAR = Year(F(6050), F(90), F(3, 10))


def test_plan_worked_example() -> None:
    (enough,) = capital_plan(F(660), [YEAR], F(115, 1000))
    assert (enough.need_margin, enough.capital_need) == (F("-27.25"), 0)
    assert enough.self_financed_growth.value == F(63, 660)
    (short,) = capital_plan(F(660), [replace(YEAR, rwa=F(6600))], F(115, 1000))
    assert (short.capital_need, short.retain, short.raise_) == (36, 27, 9)


@given(
    st.lists(
        st.builds(
            Year,
            rwa=st.integers(0, 20_000).map(F),
            profit=st.integers(-200, 200).map(F),
            payout=st.integers(0, 100).map(lambda n: F(n, 100)),
            issue=st.integers(0, 50).map(F),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_funded_plan_keeps_its_target_every_year(years: list[Year]) -> None:
    target, opening = F(115, 1000), F(660)
    for year, found in zip(years, capital_plan(opening, years, target), strict=True):
        assert found.opening == opening
        assert found.closing + found.capital_need >= target * year.rwa
        assert found.retain + found.raise_ == found.capital_need
        assert 0 <= found.retain <= found.dividend
        assert found.raise_ >= 0
        assert year.profit > 0 or not found.dividend
        opening = found.closing + found.capital_need
    unfunded = capital_plan(F(660), years, target, is_funded=False)
    assert all(two.opening == one.closing for one, two in pairwise(unfunded))


def test_the_self_financed_growth_keeps_the_ratio() -> None:
    (found,) = capital_plan(F(660), [YEAR], F(12, 100))
    growth = found.self_financed_growth.value
    assert growth is not None
    assert found.closing / (5500 * (1 + growth)) == F(660, 5500)


def test_plan_refuses() -> None:
    with pytest.raises(InvalidInput) as caught:
        capital_plan(F(1), [YEAR, replace(YEAR, payout=F(2))], F(1, 10))
    assert caught.value.facts["record"] == "years[1]"
