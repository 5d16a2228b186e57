"""LCR: the caps against a brute-force maximum and the one-step formula, monotonicity (decision Q10), unwinding."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engines.factor_lines import Line, total, weigh
from engines.lcr import (
    HqlaStock,
    Leg,
    Levels,
    SecuredDeal,
    hqla_stock,
    liquidity_coverage,
    net_cash_outflows,
    unwind,
)
from engines.lcr_lines import lending_excess, split_facility, split_insured_deposit
from engines.primitives.errors import InvalidInput
from tests.factor_policies import newest

TABLE = newest("lcr")
CODES = {
    record: [
        item.code for item in TABLE.items.values() if item.category.startswith(start) and item.factor is not None
    ]
    for record, start in (("hqla", "HQLA"), ("outflows", "outflow"), ("inflows", "inflow"))
}

amounts = st.integers(0, 10**6).map(lambda cents: Fraction(cents, 100)) | st.integers(0, 5 * 10**15)
positive = st.integers(1, 10**6).map(Fraction)
levels = st.builds(Levels, *[st.integers(0, 2_000).map(Fraction)] * 3)
signed_levels = st.builds(Levels, *[st.integers(-2_000, 2_000).map(Fraction)] * 3)
caps = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: [Fraction(c, 100) for c in sorted(pair)])
legs = st.builds(Leg, st.sampled_from(["1", "2A", "2B", "none"]), amounts, st.fractions(0, 1, max_denominator=20))
deals = st.lists(st.builds(SecuredDeal, legs, legs, st.integers(0, 60), st.booleans()), max_size=4)


def lines(record: str, size_max: int = 6) -> st.SearchStrategy[list[Line]]:
    return st.lists(st.builds(Line, st.sampled_from(CODES[record]), amounts), max_size=size_max)


books = st.tuples(lines("hqla"), lines("outflows"), lines("inflows"))


def best_stock(held: Levels, cap2: Fraction, cap2b: Fraction) -> Fraction:
    """The most that counts when some of Level 2A and 2B is left out until both caps hold: corners of the region."""
    one, a_max, b_max = held.level1, held.level2a, held.level2b
    # Each row: p*a + q*b <= r.
    rows = [
        (Fraction(-1), Fraction(0), Fraction(0)),
        (Fraction(0), Fraction(-1), Fraction(0)),
        (Fraction(1), Fraction(0), a_max),
        (Fraction(0), Fraction(1), b_max),
        (-cap2b, 1 - cap2b, cap2b * one),
        (1 - cap2, 1 - cap2, cap2 * one),
    ]
    best = one
    for (p, q, r), (s, t, u) in combinations(rows, 2):
        determinant = p * t - q * s
        if determinant:
            a, b = (r * t - q * u) / determinant, (p * u - r * s) / determinant
            if all(left * a + right * b <= limit for left, right, limit in rows):
                best = max(best, one + a + b)
    return best


def in_one_step(held: Levels, adjusted: Levels, cap2: Fraction, cap2b: Fraction) -> Fraction:
    a1, a2, b2 = adjusted.level1, adjusted.level2a, adjusted.level2b
    over2, over2b = a2 + b2 - cap2 / (1 - cap2) * a1, b2 - cap2b / (1 - cap2b) * (a1 + a2)
    return held.total - max(over2, over2b, Fraction(0))


@given(levels)
def test_the_caps_leave_the_most_that_respects_them(held: Levels) -> None:
    assert hqla_stock(held).amount == best_stock(held, Fraction(2, 5), Fraction(3, 20))


@given(levels, caps)
def test_other_caps_leave_the_most_that_respects_them(held: Levels, given_caps: list[Fraction]) -> None:
    cap2b, cap2 = given_caps
    found = hqla_stock(held, level2_share_cap=cap2, level2b_share_cap=cap2b)
    assert found.amount == best_stock(held, cap2, cap2b)


@given(levels, signed_levels, caps)
def test_both_formulas_of_the_stock_agree(held: Levels, adjusted: Levels, given_caps: list[Fraction]) -> None:
    for cap2b, cap2 in (given_caps, (Fraction(3, 20), Fraction(2, 5))):
        found = hqla_stock(held, adjusted, level2_share_cap=cap2, level2b_share_cap=cap2b)
        formula = in_one_step(held, adjusted, cap2, cap2b)
        assert found.amount == max(formula, 0)
        assert found.floor_amount == max(-formula, 0)


def test_short_decimals_would_move_the_stock() -> None:
    held = Levels(Fraction(10**17), Fraction(10**17), Fraction(10**17))
    assert hqla_stock(held).amount == 10**17 + Fraction(2, 3) * 10**17
    assert hqla_stock(held).amount != 10**17 + Fraction("0.6667") * 10**17


def test_a_stock_below_zero_is_floored_and_says_so() -> None:
    found = hqla_stock(Levels(Fraction(100)), Levels(Fraction(-900), Fraction(600)))
    assert found == HqlaStock(
        Levels(Fraction(100)), Levels(Fraction(-900), Fraction(600)), Fraction(225), Fraction(975)
    )
    assert found.amount == 0
    assert found.floor_amount == 1100


@pytest.mark.parametrize(
    ("cap2", "cap2b", "field"),
    [
        (Fraction(1), Fraction(0), "level2_share_cap"),
        (Fraction(-1, 10), Fraction(0), "level2_share_cap"),
        (Fraction(2, 5), Fraction(11, 10), "level2b_share_cap"),
        (Fraction(2, 5), Fraction(1, 2), "level2b_share_cap"),
    ],
)
def test_caps_that_mean_nothing_are_refused(cap2: Fraction, cap2b: Fraction, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        hqla_stock(Levels(), level2_share_cap=cap2, level2b_share_cap=cap2b)
    assert caught.value.facts["field"] == field


# -- monotonicity, decision Q10


@given(books, deals, st.sampled_from(CODES["outflows"]), positive)
def test_more_outflow_never_raises_the_ratio(
    book: tuple[list[Line], ...], unwound: list[SecuredDeal], code: str, more: Fraction
) -> None:
    hqla, outflows, inflows = book
    before = liquidity_coverage(hqla, outflows, inflows, TABLE, deals=unwound).ratio.value
    after = liquidity_coverage(hqla, [*outflows, Line(code, more)], inflows, TABLE, deals=unwound).ratio.value
    assume(before is not None)
    assert before is not None
    assert after is not None
    assert after <= before


@given(books, deals, st.sampled_from(CODES["inflows"]), positive)
def test_more_inflow_never_lowers_the_ratio(
    book: tuple[list[Line], ...], unwound: list[SecuredDeal], code: str, more: Fraction
) -> None:
    hqla, outflows, inflows = book
    before = liquidity_coverage(hqla, outflows, inflows, TABLE, deals=unwound).ratio.value
    after = liquidity_coverage(hqla, outflows, [*inflows, Line(code, more)], TABLE, deals=unwound).ratio.value
    assume(before is not None)
    assert before is not None
    assert after is not None
    assert after >= before


@given(lines("hqla"), st.sampled_from(CODES["hqla"]), positive)
def test_more_stock_never_lowers_the_ratio(hqla: list[Line], code: str, more: Fraction) -> None:
    out = [Line("LCR.OF.OLE.01", 1_000)]
    before = liquidity_coverage(hqla, out, [], TABLE).ratio.value
    after = liquidity_coverage([*hqla, Line(code, more)], out, [], TABLE).ratio.value
    assert before is not None
    assert after is not None
    assert after >= before


# -- net outflows


def test_the_inflow_cap_binds_above_it_only() -> None:
    at, above = net_cash_outflows(Fraction(400), Fraction(300)), net_cash_outflows(Fraction(400), Fraction(301))
    assert at.amount == above.amount == 100
    assert not at.cap_binds
    assert above.cap_binds


def test_the_cap_is_not_rounded() -> None:
    assert net_cash_outflows(Fraction(1, 100), Fraction(1)).inflow_cap == Fraction(3, 400)


def test_no_outflow_no_ratio() -> None:
    found = liquidity_coverage([Line("LCR.HQ1.01", 5)], [], [Line("LCR.IF.CPT.03", 9)], TABLE, minimum=Fraction(1))
    assert found.net.amount == 0
    assert found.ratio.value is None
    assert found.ratio.meets_minimum is None
    assert found.ratio.surplus == 5


@given(lines("outflows"), lines("inflows"))
def test_the_order_of_lines_does_not_matter(outflows: list[Line], inflows: list[Line]) -> None:
    found = liquidity_coverage([], outflows, inflows, TABLE)
    shuffled = sorted(outflows, key=lambda line: (line.code, line.amount))
    assert liquidity_coverage([], shuffled, inflows[::-1], TABLE).ratio == found.ratio


# -- unwinding


def test_a_deal_is_undone_up_to_the_horizon_only() -> None:
    held = Levels(Fraction(1_000))
    repo = SecuredDeal(Leg("1", 425), Leg("2A", 500, Fraction("0.85")), 30)
    assert unwind(held, [repo], horizon_days=30) == Levels(Fraction(575), Fraction(425))
    assert unwind(held, [replace(repo, days_to_maturity=31)], horizon_days=30) == held


def test_collateral_that_is_not_hqla_moves_nothing() -> None:
    held = Levels(Fraction(10))
    outside = Leg("none", 70, Fraction(0))
    for deal in (SecuredDeal(Leg("1", 50), outside, 1), SecuredDeal(outside, Leg("1", 50), 1)):
        assert unwind(held, [deal], horizon_days=30) == held
    upgrade = SecuredDeal(Leg("1", 50), outside, 1, is_swap=True)  # Level 1 borrowed against other collateral
    assert unwind(held, [upgrade], horizon_days=30) == Levels(Fraction(-40))


@given(deals)
def test_reversing_every_deal_reverses_the_unwinding(given_deals: list[SecuredDeal]) -> None:
    held = unwind(Levels(), given_deals, horizon_days=30)
    back = [replace(deal, received=deal.given, given=deal.received) for deal in given_deals]
    assert unwind(held, back, horizon_days=30) == Levels()


@pytest.mark.parametrize(
    ("deal", "field"),
    [
        (SecuredDeal(Leg("1", -1), Leg("2A", 1), 1), "sft[1].received.market_value"),
        (SecuredDeal(Leg("1", 1), Leg("2A", 1, Fraction(2)), 1), "sft[1].given.factor"),
        (SecuredDeal(Leg("1", 1), Leg("2A", 1), -1), "sft[1].days_to_maturity"),
    ],
)
def test_a_wrong_deal_is_named(deal: SecuredDeal, field: str) -> None:
    good = SecuredDeal(Leg("1", 1), Leg("2A", 1), 1)
    with pytest.raises(InvalidInput) as caught:
        unwind(Levels(), [good, deal], horizon_days=30)
    assert caught.value.facts == {"field": field, "record": "sft[1]"}


# -- lines


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (Line("LCR.OF.RET.99", 1), "outflows[1].code"),
        (Line("LCR.HQ1.01", 1), "outflows[1].code"),
        (Line("LCR.OF.RET.02", -1), "outflows[1].amount"),
        (Line("LCR.OF.RET.02", 1.5), "outflows[1].amount"),  # type: ignore[arg-type]
        (Line("LCR.OF.RET.02", 1, Fraction(3, 2)), "outflows[1].factor"),
        (Line("LCR.OF.CTG.01", 1), "outflows[1].factor"),
        (Line("LCR.OF.RET.02", 1, None, "<3m"), "outflows[1].maturity_bucket"),
    ],
)
def test_a_wrong_line_is_named(line: Line, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        weigh([Line("LCR.OF.RET.02", 1), line], TABLE, record="outflows", categories=("outflow",))
    assert caught.value.facts == {"field": field, "record": "outflows[1]"}


def test_a_factor_of_its_own_wins_and_configures_what_the_table_leaves_open() -> None:
    own = [Line("LCR.OF.CTG.01", 100, Fraction(1, 20)), Line("LCR.OF.RET.02", 100, Fraction(0))]
    found = weigh(own, TABLE, record="outflows", categories=("outflow",))
    assert [line.weighted for line in found] == [5, 0]


@given(lines("outflows", 20))
def test_the_total_is_the_sum_of_the_lines(given_lines: list[Line]) -> None:
    found = weigh(given_lines, TABLE, record="outflows", categories=("outflow",))
    assert total(found) == sum((line.weighted for line in found), Fraction(0))


# -- amounts with a rule of their own


@given(amounts, amounts, st.sampled_from([Fraction(9, 10), Fraction(1)]), st.booleans())
def test_a_deposit_is_split_without_rest(
    balance: Fraction, limit: Fraction, cover: Fraction, has_relationship: bool
) -> None:
    found = split_insured_deposit(balance, limit, cover_ratio=cover, relationship_or_transactional=has_relationship)
    assert found.stable + found.less_stable == balance
    assert found.stable == (min(balance, limit) if cover == 1 and has_relationship else 0)


@given(amounts, amounts)
def test_a_facility_is_split_without_rest(undrawn: Fraction, debt: Fraction) -> None:
    found = split_facility(undrawn, debt)
    assert found.liquidity_part + found.credit_part == undrawn
    assert found.liquidity_part == min(undrawn, debt)


def test_lending_runs_off_above_half_of_the_inflows() -> None:
    assert [lending_excess(owed, 600) for owed in (299, 300, 420)] == [0, 0, 120]
    assert lending_excess(420, 600, inflow_share=Fraction(1)) == 0
    with pytest.raises(InvalidInput) as caught:
        lending_excess(-1, 600)
    assert caught.value.facts["field"] == "contractual_obligations"
