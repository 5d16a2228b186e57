"""A simulated sheet balances at every step and agrees with formulas written out (LIQ-52)."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.balance_sheet_items import Weights
from engines.balance_sheet_lines import EMPTY, Layer, Line, Step, opening_state, roll
from engines.balance_sheet_simulation import Balancing, Bank, Scenario, simulate
from engines.ftp_margins import Side
from engines.primitives.errors import InvalidInput

ZERO, ONE = Fraction(0), Fraction(1)
STEPS = 3
QUARTERS = [Fraction(1, 4)] * STEPS

shares = st.integers(0, 10).map(lambda part: Fraction(part, 10))
rates = st.integers(-200, 900).map(lambda bp: Fraction(bp, 10_000))
amounts = st.integers(0, 10**7).map(lambda cents: Fraction(cents, 100))
sides: st.SearchStrategy[Side] = st.sampled_from(["asset", "liability"])
no_volume: list[Fraction] = []
volumes = st.just(no_volume) | st.lists(amounts, min_size=STEPS, max_size=STEPS)
lines = st.builds(
    Line,
    st.just(""),
    st.builds(Weights, sides, risk_weight=shares),
    amounts,
    rates,
    st.none() | st.just("LPR"),
    shares,
    shares,
    st.just([]),
    shares,
    volumes,
    st.none() | rates,
    modified_duration=st.sampled_from([ZERO, ONE]),
    price_index=st.just("LPR"),
)
books = st.lists(lines, max_size=4).map(
    lambda found: [replace(line, name=f"line {at}") for at, line in enumerate(found)]
)
paths = st.lists(rates, min_size=STEPS + 1, max_size=STEPS + 1)


def step(run_off_factor: Fraction = ONE, new_volume_factor: Fraction = ONE) -> Step:
    """A year in which the index goes from 3% to 4%."""
    return Step(0, ONE, {"LPR": [Fraction("0.03"), Fraction("0.04")]}, run_off_factor, new_volume_factor)


def test_the_example() -> None:
    line = Line(
        "loans",
        Weights("asset"),
        Fraction(1000),
        Fraction("0.05"),
        run_off=[Fraction(200)],
        new_volume=[Fraction(250)],
        new_rate=Fraction("0.045"),
    )
    found = roll(line, opening_state(line), step())
    assert (found.interest, found.closing.balance) == (Fraction("50.625"), Fraction(1050))
    assert simulate(Bank([line], [ONE]), Scenario("base")).steps[0].net_interest_income == Fraction("50.625")


def test_the_oldest_layer_runs_off_first() -> None:
    state = EMPTY.with_newest(Layer(Fraction(100), Fraction("0.05"))).with_newest(
        Layer(Fraction(50), Fraction("0.03"))
    )
    line = Line("loans", Weights("asset"), ZERO, Fraction("0.04"), run_off=[Fraction(120)])
    found = roll(line, state, step())
    assert found.closing.layers == (Layer(Fraction(30), Fraction("0.03")),)
    # All year on 30 at 3%, half a year on the 100 at 5% and 20 at 3% that leave.
    assert found.interest == Fraction("0.9") + Fraction("2.5") + Fraction("0.3")


def test_a_floating_line_pays_margin_and_its_part_of_the_index() -> None:
    line = Line("deposits", Weights("liability"), Fraction(1000), Fraction("0.002"), "LPR", Fraction("0.5"))
    assert roll(line, opening_state(line), step()).interest == 1000 * (Fraction("0.002") + Fraction("0.02"))


def test_new_business_keeps_the_rate_of_its_day() -> None:
    line = Line(
        "loans",
        Weights("asset"),
        ZERO,
        ZERO,
        new_volume=[Fraction(100), ZERO],
        new_rate=Fraction("0.01"),
        new_index="LPR",
    )
    path = {"LPR": [Fraction("0.03"), Fraction("0.04"), Fraction("0.09")]}
    found = simulate(Bank([line], [ONE, ONE]), Scenario("base", path))
    assert [one.net_interest_income for one in found.steps] == [Fraction("2.5"), Fraction(5)]


def test_market_values_follow_yields_and_prices_and_end_at_par() -> None:
    bond = Line(
        "bonds",
        Weights("asset"),
        Fraction(300),
        Fraction("0.03"),
        run_off=[ZERO, Fraction(300)],
        modified_duration=Fraction(4),
        price_index="CGB",
    )
    path = {"CGB": [Fraction("0.02"), Fraction("0.021"), Fraction("0.021")]}
    found = simulate(Bank([bond], [ONE, ONE], Fraction(300)), Scenario("base", path))
    assert [one.revaluation for one in found.steps] == [Fraction("-1.2"), Fraction("1.2")]
    assert [one.lines[0].closing.balance for one in found.steps] == [Fraction("298.8"), ZERO]
    crash = Scenario("crash", path, price_change={"bonds": [Fraction("-0.1"), ZERO]})
    assert simulate(Bank([bond], [ONE, ONE]), crash).steps[0].revaluation == Fraction("-31.2")


@given(books, amounts, paths, shares, shares)
def test_the_sheet_balances_and_capital_is_what_was_earned(
    book: list[Line], capital: Fraction, path: list[Fraction], tax_rate: Fraction, payout: Fraction
) -> None:
    bank = Bank(
        book,
        QUARTERS,
        capital,
        costs=[ONE] * STEPS,
        tax_rate=tax_rate,
        payout_rate=payout,
        balancing=Balancing("LPR", Fraction("0.01")),
    )
    found = simulate(bank, Scenario("base", {"LPR": path}))
    before = capital
    for one in found.steps:
        signed = [
            rolled.closing.balance * (1 if line.weights.side == "asset" else -1)
            for line, rolled in zip(book, one.lines, strict=True)
        ]
        assert sum(signed, ZERO) == one.capital + one.balancing
        assert sum(one.ratios.gap_by_bucket.values(), ZERO) == one.capital
        assert one.profit == one.net_interest_income + one.revaluation - 1
        assert one.tax == tax_rate * max(ZERO, one.profit)
        assert one.dividend == payout * max(ZERO, one.profit - one.tax)
        assert one.capital == before + one.profit - one.tax - one.dividend
        assert one.ratios.capital_adequacy.numerator == one.capital
        before = one.capital


@given(books, paths)
def test_what_is_paid_overnight_is_on_the_opening_amount(book: list[Line], path: list[Fraction]) -> None:
    terms = Balancing("LPR", Fraction("0.01"), Fraction("-0.005"), Fraction("0.2"))
    found = simulate(Bank(book, QUARTERS, balancing=terms), Scenario("base", {"LPR": path}))
    amount = found.opening_balancing
    for at, one in enumerate(found.steps):
        spread = Fraction("0.01") if amount > 0 else Fraction("-0.005")
        assert one.balancing_interest == -amount * (path[at + 1] + spread) / 4
        amount = one.balancing


@given(lines, amounts, rates)
def test_a_step_moves_balances_by_what_runs_off_and_what_is_new(
    line: Line, balance: Fraction, rate: Fraction
) -> None:
    line = replace(line, opening=balance, rate=rate, modified_duration=ZERO)
    found = roll(line, opening_state(line), step())
    assert found.run_off == balance * line.run_off_rate
    assert found.closing.balance == balance - found.run_off + found.new_business
    new_rate = rate if line.new_rate is None else line.new_rate
    index = line.beta * Fraction("0.04") if line.index else ZERO
    expected = (balance - found.run_off / 2) * (rate + index) + found.new_business / 2 * (new_rate + index)
    assert found.interest == expected


def test_a_factor_of_the_market_takes_no_more_than_there_is() -> None:
    line = Line("deposits", Weights("liability"), Fraction(100), ZERO, run_off_rate=Fraction("0.4"))
    found = [roll(line, opening_state(line), step(run_off_factor=Fraction(factor))).run_off for factor in (0, 2, 3)]
    assert found == [0, 80, 100]
    renewed = replace(line, renewal_rate=Fraction("0.5"), new_volume=[Fraction(10)])
    assert roll(renewed, opening_state(renewed), step(new_volume_factor=Fraction(2))).new_business == 40


def test_overnight_money_counts_in_the_ratios() -> None:
    loans = Line("loans", Weights("asset", risk_weight=ONE), Fraction(100), ZERO)
    short = simulate(Bank([loans], [ONE], Fraction(20)), Scenario("base")).opening
    assert short.liquidity_ratio.denominator == short.liquidity_coverage.denominator == 80
    assert (short.gap_by_bucket["ON"], short.repricing_gap_within_year) == (Fraction(-80), Fraction(-80))
    placing = Balancing(placement_risk_weight=Fraction("0.2"))
    long = simulate(Bank([loans], [ONE], Fraction(150), balancing=placing), Scenario("base")).opening
    assert long.capital_adequacy.denominator == 110
    assert long.liquidity_ratio.numerator == 50


LINE = Line("loans", Weights("asset"), Fraction(100), ZERO)
BANK = Bank([LINE], QUARTERS)


@pytest.mark.parametrize(
    ("bank", "scenario", "field"),
    [
        (replace(BANK, year_shares=[]), {}, "year_shares"),
        (replace(BANK, year_shares=[ZERO]), {}, "year_shares"),
        (replace(BANK, year_shares=[ONE] * 121), {}, "year_shares"),
        (replace(BANK, tax_rate=Fraction(2)), {}, "tax_rate"),
        (replace(BANK, costs=[ONE]), {}, "costs"),
        (replace(BANK, lines=[LINE, LINE]), {}, "lines[1].name"),
        (replace(BANK, lines=[replace(LINE, run_off=[ONE])]), {}, "lines[0].run_off"),
        (replace(BANK, lines=[replace(LINE, run_off=[Fraction(60)] * STEPS)]), {}, "lines[0].run_off"),
        (replace(BANK, lines=[replace(LINE, new_volume=[-ONE] * STEPS)]), {}, "lines[0].new_volume"),
        (replace(BANK, lines=[replace(LINE, run_off_rate=Fraction(2))]), {}, "lines[0].run_off_rate"),
        (replace(BANK, lines=[replace(LINE, opening=-ONE)]), {}, "lines[0].opening"),
        (replace(BANK, lines=[replace(LINE, index="LPR", new_index="LPR")]), {}, "lines[0].new_index"),
        (
            replace(BANK, lines=[replace(LINE, weights=Weights("asset", risk_weight=-ONE))]),
            {},
            "lines[0].risk_weight",
        ),
        (replace(BANK, lines=[replace(LINE, index="LPR")]), {}, "rate_path.LPR"),
        (replace(BANK, balancing=Balancing("LPR")), {}, "rate_path.LPR"),
        (BANK, {"rate_path": {"LPR": [ONE]}}, "rate_path.LPR"),
        (BANK, {"run_off_factor": {"loans": -ONE}}, "run_off_factor.loans"),
        (BANK, {"new_volume_factor": {"bonds": ONE}}, "new_volume_factor.bonds"),
        (BANK, {"price_change": {"loans": [ONE]}}, "price_change.loans"),
        (BANK, {"price_change": {"loans": [Fraction(-2), ZERO, ZERO]}}, "lines[0].modified_duration"),
    ],
)
def test_bad_banks_and_scenarios_are_refused(bank: Bank, scenario: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        simulate(bank, Scenario("base", **scenario))
    assert caught.value.facts["field"] == field
