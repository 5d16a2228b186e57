"""Ratios and gaps of a planned sheet against plain sums (LIQ-12, 19 to 21, 23, 24, 49)."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.balance_sheet_items import Weights, sheet_ratios
from engines.buckets import BUCKETS
from engines.ftp_margins import Side
from engines.primitives.errors import InvalidInput

shares = st.integers(0, 4).map(lambda part: Fraction(part, 4))
halves = st.integers(0, 2).map(lambda part: Fraction(part, 4))
sides: st.SearchStrategy[Side] = st.sampled_from(["asset", "liability"])
weights = st.builds(
    Weights,
    sides,
    st.booleans(),
    st.booleans(),
    shares,
    st.sampled_from(["1", "2A", "2B", "none"]),
    shares,
    shares,
    shares,
    st.integers(0, 6).map(lambda part: Fraction(part, 4)),
    shares,
    st.dictionaries(st.sampled_from(BUCKETS), halves, max_size=2),
)
amounts = st.integers(0, 10**6).map(lambda cents: Fraction(cents, 100))
sheets = st.lists(st.tuples(weights, amounts), max_size=6)


@given(sheets, amounts, amounts)
def test_ratios_are_plain_sums(sheet: list[tuple[Weights, Fraction]], capital: Fraction, other: Fraction) -> None:
    found = sheet_ratios(sheet, capital, other_risk_weighted_assets=other)

    def total(side: Side, name: str) -> Fraction:
        return sum((Fraction(getattr(one, name)) * value for one, value in sheet if one.side == side), Fraction(0))

    pairs = {
        "loan_to_deposit": (total("asset", "is_loan"), total("liability", "is_deposit")),
        "liquidity_ratio": (total("asset", "liquid_share"), total("liability", "liquid_share")),
        "net_stable_funding": (
            total("liability", "stable_funding_factor") + capital,
            total("asset", "stable_funding_factor"),
        ),
        "capital_adequacy": (capital, total("asset", "risk_weight") + other),
    }
    for name, (numerator, denominator) in pairs.items():
        ratio = getattr(found, name)
        assert (ratio.numerator, ratio.denominator) == (numerator, denominator)
    due = {side: total(side, "due_within_90_days") for side in ("asset", "liability")}
    assert found.liquidity_gap_ratio.numerator == due["asset"] - due["liability"]
    near = [found.gap_by_bucket[name] for name in ("ON", "D2_7", "D8_30", "D31_90")]
    assert sum(near, Fraction(0)) == found.liquidity_gap_ratio.numerator
    assets, liabilities = (
        sum((value for one, value in sheet if one.side == side), Fraction(0)) for side in ("asset", "liability")
    )
    assert sum(found.gap_by_bucket.values(), Fraction(0)) == assets - liabilities
    flows = [total(side, "thirty_day_flow_rate") for side in ("liability", "asset")]
    assert found.liquidity_coverage.denominator == max(flows[0] - flows[1], flows[0] / 4)


def test_level_2_is_capped() -> None:
    """60 of Level 1 carry 40 of Level 2A, of 100 there are."""
    sheet = [
        (Weights("asset", hqla_level="1"), Fraction(60)),
        (Weights("asset", hqla_level="2A", hqla_factor=Fraction("0.85")), Fraction(100)),
        (Weights("liability", thirty_day_flow_rate=Fraction("0.5")), Fraction(100)),
    ]
    assert sheet_ratios(sheet, Fraction(0)).liquidity_coverage.value == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"liquid_share": Fraction(2)}, "items[0].liquid_share"),
        ({"hqla_factor": Fraction(-1)}, "items[0].hqla_factor"),
        ({"risk_weight": Fraction(-1)}, "items[0].risk_weight"),
        ({"due_share_by_bucket": {"SOON": Fraction(1)}}, "items[0].due_share_by_bucket.SOON"),
        ({"due_share_by_bucket": {"ON": Fraction(-1)}}, "items[0].due_share_by_bucket.ON"),
        ({"due_share_by_bucket": {"ON": Fraction(1), "Y5P": Fraction(1)}}, "items[0].due_share_by_bucket"),
    ],
)
def test_bad_weights_are_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sheet_ratios([(replace(Weights("asset"), **changed), Fraction(1))], Fraction(0))
    assert caught.value.facts["field"] == field


def test_a_negative_balance_is_refused() -> None:
    with pytest.raises(InvalidInput):
        sheet_ratios([(Weights("asset"), Fraction(-1))], Fraction(0))
