"""NSFR, liquidity matching ratio, adequacy ratio and liquidity ratio: bounds, monotonicity, what is refused."""

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.factor_lines import Line, Ratio
from engines.hqlaar import hqla_adequacy
from engines.liquidity_ratio import liquidity_ratio
from engines.lmr import BUCKETS, liquidity_matching, matching_bucket
from engines.nsfr import Derivatives, derivative_funding, factor_after_encumbrance, stable_funding
from engines.primitives.errors import InvalidInput
from tests.factor_policies import newest

NSFR, LMR, HQLAAR, LIQUIDITY = (newest(name) for name in ("nsfr", "lmr", "hqlaar", "liquidity_ratio"))
ADD_ON = Fraction(1, 5)

amounts = st.integers(0, 5 * 10**15).map(lambda minor: Fraction(minor, 100))
derivatives = st.builds(Derivatives, amounts, amounts, amounts, amounts)


# -- NSFR


@given(derivatives)
def test_derivatives_stand_on_one_side(given_derivatives: Derivatives) -> None:
    found = derivative_funding(given_derivatives, ADD_ON)
    assert 0 in {found.net_assets, found.net_liabilities}
    assert found.net_assets - found.net_liabilities == found.assets - found.liabilities
    assert found.addon == given_derivatives.negative_replacement_cost * ADD_ON


@given(derivatives, amounts)
def test_margin_never_makes_derivatives_worse_and_the_addon_ignores_it(
    given_derivatives: Derivatives, more: Fraction
) -> None:
    margin = Derivatives(
        given_derivatives.positive_replacement_cost,
        given_derivatives.cash_variation_margin_received + more,
        given_derivatives.negative_replacement_cost,
        given_derivatives.variation_margin_posted,
    )
    before, after = derivative_funding(given_derivatives, ADD_ON), derivative_funding(margin, ADD_ON)
    assert after.net_assets <= before.net_assets
    assert after.addon == before.addon


@given(st.lists(amounts, min_size=1, max_size=5), amounts)
def test_more_required_funding_never_raises_the_ratio(required: list[Fraction], more: Fraction) -> None:
    asf = [Line("NSFR.ASF.95.01", 1_000)]
    rsf = [Line("NSFR.RSF.85.02", amount + 1) for amount in required]
    before = stable_funding(asf, rsf, NSFR).ratio.value
    after = stable_funding(asf, [*rsf, Line("NSFR.RSF.100.04", more)], NSFR).ratio.value
    richer = stable_funding([*asf, Line("NSFR.ASF.100.01", more)], rsf, NSFR).ratio.value
    assert before is not None
    assert after is not None
    assert richer is not None
    assert after <= before <= richer


@pytest.mark.parametrize(
    ("months", "factor"), [(0, "0.05"), (5, "0.05"), (6, "0.50"), (11, "0.50"), (12, "1"), (99, "1")]
)
def test_encumbrance_raises_the_factor_in_steps(months: int, factor: str) -> None:
    assert factor_after_encumbrance(Fraction("0.05"), months, NSFR) == Fraction(factor)
    assert factor_after_encumbrance(Fraction("0.85"), months, NSFR) == max(Fraction("0.85"), Fraction(factor))


def test_what_an_nsfr_refuses() -> None:
    swaps = Derivatives(1, 0, 0, 0)
    for code, side in (("NSFR.RSF.100.02", "rsf"), ("NSFR.RSF.100.05", "rsf"), ("NSFR.ASF.0.03", "asf")):
        given_lines: dict[str, list[Line]] = {"asf": [], "rsf": []} | {side: [Line(code, 1, Fraction(1))]}
        stable_funding(given_lines["asf"], given_lines["rsf"], NSFR)  # alone it may stand
        with pytest.raises(InvalidInput, match="derivatives") as caught:
            stable_funding(given_lines["asf"], given_lines["rsf"], NSFR, derivatives=swaps)
        assert caught.value.facts == {"field": f"{side}[0].code", "record": f"{side}[0]"}
    with pytest.raises(InvalidInput, match=r"NSFR\.OBS\.02"):
        stable_funding([], [Line("NSFR.OBS.02", 1)], NSFR)
    with pytest.raises(InvalidInput, match="negative") as caught:
        derivative_funding(Derivatives(1, 1, 1, -1), ADD_ON)
    assert caught.value.facts["field"] == "derivatives.vm_posted"
    with pytest.raises(InvalidInput, match="negative"):
        factor_after_encumbrance(Fraction(0), -1, NSFR)


def test_derivative_items_that_weigh_nothing_may_stand_beside_derivatives() -> None:
    swaps = Derivatives(220, 90, 160, 120)
    alone = stable_funding([], [], NSFR, derivatives=swaps)
    asf, rsf = [Line("NSFR.ASF.0.03", 40)], [Line("NSFR.RSF.100.02", 0), Line("NSFR.RSF.100.05", 0)]
    assert stable_funding(asf, rsf, NSFR, derivatives=swaps).ratio == alone.ratio


# -- liquidity matching ratio


def test_a_matching_ratio_needs_its_bucket() -> None:
    with pytest.raises(InvalidInput, match="3m-<1y") as caught:
        liquidity_matching([Line("LMR.SRC.02", 1)], [], LMR)
    assert caught.value.facts == {"field": "sources[0].maturity_bucket", "record": "sources[0]"}
    with pytest.raises(InvalidInput, match=r"LMR\.USE\.05"):
        liquidity_matching([], [Line("LMR.USE.05", 1)], LMR)


@pytest.mark.parametrize(
    ("as_of", "maturity", "bucket"),
    [
        ("2024-03-15", "2024-03-01", "<3m"),
        ("2024-03-15", "2024-06-14", "<3m"),
        ("2024-03-15", "2024-06-15", "3m-<1y"),
        ("2024-03-15", "2025-03-14", "3m-<1y"),
        ("2024-03-15", "2025-03-15", ">=1y"),
        ("2024-11-30", "2025-02-27", "<3m"),
        ("2024-11-30", "2025-02-28", "3m-<1y"),  # the 30th of February is clipped
        ("2024-02-29", "2025-02-28", ">=1y"),
    ],
)
def test_buckets_are_calendar_months_with_their_lower_end(as_of: str, maturity: str, bucket: str) -> None:
    as_of_day, day = (
        date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal() for text in (as_of, maturity)
    )
    assert BUCKETS[matching_bucket(np.array([day], np.int64), as_of_day)[0]] == bucket


# -- adequacy ratio


@given(amounts, amounts)
def test_level_two_is_at_most_two_fifths_of_the_stock(level1: Fraction, level2: Fraction) -> None:
    lines = [Line("HQLAAR.1.1.1", level1), Line("HQLAAR.1.2.1", level2)]
    found = hqla_adequacy(lines, [Line("HQLAAR.2.2.2", 1)], [], HQLAAR)
    stock = found.ratio.numerator
    assert found.level2_recognised <= stock * Fraction(2, 5)
    assert found.cap40_binds == (found.level2 * 3 > level1 * 2)
    assert found.level2_recognised == (stock * Fraction(2, 5) if found.cap40_binds else found.level2)


def test_level_two_may_not_be_the_whole_stock() -> None:
    with pytest.raises(InvalidInput) as caught:
        hqla_adequacy([], [], [], HQLAAR, level2_share_cap=Fraction(1))
    assert caught.value.facts["field"] == "level2_share_cap"


# -- liquidity ratio


@given(amounts, amounts)
def test_interbank_positions_stand_on_one_side(claims: Fraction, debts: Fraction) -> None:
    found = liquidity_ratio([], [], LIQUIDITY, interbank_claims=claims, interbank_debts=debts)
    assert 0 in {found.net_interbank_asset, found.net_interbank_liability}
    assert found.ratio.numerator - found.ratio.denominator == claims - debts
    line = Line("LR.A.04", claims - debts) if claims >= debts else Line("LR.L.03", debts - claims)
    sides = ([line], []) if claims >= debts else ([], [line])
    netted = liquidity_ratio(*sides, LIQUIDITY)
    assert netted.ratio == found.ratio
    assert netted.net_interbank_asset == found.net_interbank_asset
    assert netted.net_interbank_liability == found.net_interbank_liability


def test_a_net_position_is_given_once() -> None:
    claim, debt = Line("LR.A.04", 5), Line("LR.L.03", 5)
    with pytest.raises(InvalidInput, match="gross") as caught:
        liquidity_ratio([claim], [], LIQUIDITY, interbank_debts=0)
    assert caught.value.facts == {"field": "assets[0].code", "record": "assets[0]"}
    with pytest.raises(InvalidInput, match="one side") as caught:
        liquidity_ratio([claim], [debt], LIQUIDITY)
    assert caught.value.facts == {"field": "liabilities[0].code", "record": "liabilities[0]"}


def test_the_other_side_of_a_net_position_may_be_a_line_of_nought() -> None:
    found = liquidity_ratio([Line("LR.A.04", 0)], [Line("LR.L.03", 5)], LIQUIDITY)
    assert (found.net_interbank_asset, found.net_interbank_liability) == (0, 5)


# -- every ratio


def test_a_minimum_is_met_by_equality_on_the_exact_value() -> None:
    at, below = Ratio(Fraction(1), Fraction(3), Fraction(1, 3)), Ratio(Fraction(1), Fraction(3), Fraction(334, 1000))
    assert at.meets_minimum is True
    assert at.surplus == at.headroom == 0
    assert below.meets_minimum is False
    assert below.surplus == Fraction(-1, 500)
    assert Ratio(Fraction(1), Fraction(0), Fraction(1)).meets_minimum is None
    assert Ratio(Fraction(1), Fraction(2)).meets_minimum is None
    assert Ratio(Fraction(1), Fraction(2), Fraction(0)).headroom == Fraction(1, 2)
