"""Capital ratios, buffers, output floor, loan splitting and exposures: exact, monotone, order-free."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.capital import TIERS, Capital, capital_ratios, output_floor
from engines.primitives.errors import InvalidInput
from engines.risk_weighted_assets import RiskWeights, WeightRow, exposure_rwa, split_loan

MINIMUMS = {"cet1": Fraction(5, 100), "tier1": Fraction(6, 100), "total": Fraction(8, 100)}
BUFFERS = {"conservation": Fraction(25, 1_000)}

amounts = st.integers(0, 10**10).map(lambda cents: Fraction(cents, 100))
shares = st.integers(0, 40).map(lambda part: Fraction(part, 40))
capitals = st.builds(Capital, amounts, amounts, amounts, amounts)


@given(capitals, amounts.filter(bool), amounts)
def test_more_cet1_never_lowers_a_ratio_and_more_assets_never_raise_one(
    capital: Capital, rwa: Fraction, more: Fraction
) -> None:
    found = capital_ratios(capital, rwa, MINIMUMS, BUFFERS)
    richer = Capital(capital.cet1_gross + more, capital.cet1_deductions, capital.at1, capital.tier2)
    better = capital_ratios(richer, rwa, MINIMUMS, BUFFERS)
    worse = capital_ratios(capital, rwa + more, MINIMUMS, BUFFERS)
    assert found.cet1_free_for_buffer is not None
    assert better.cet1_free_for_buffer is not None
    assert better.cet1_free_for_buffer >= found.cet1_free_for_buffer
    for tier in TIERS:
        own, up, down = (result.tier[tier].ratio for result in (found, better, worse))
        assert own is not None
        assert up is not None
        assert down is not None
        assert up >= own
        assert down <= own or own < 0  # a negative ratio shrinks towards 0
        assert bool(better.tier[tier].meets_minimum) >= bool(found.tier[tier].meets_minimum)
        assert own * rwa == found.tier[tier].amount
    # CET1 that is free covers all buffers exactly when every tier meets its minimum with them.
    covered = found.cet1_free_for_buffer >= found.buffer_requirement
    assert covered == all(found.tier[tier].meets_minimum_and_buffer for tier in TIERS)
    assert (found.buffer_shortfall == 0) == (covered or found.buffer_requirement == 0)


def test_equality_meets_a_minimum() -> None:
    found = capital_ratios(
        Capital(Fraction(5), Fraction(0), Fraction(1), Fraction(2)), Fraction(100), MINIMUMS, BUFFERS
    )
    assert all(found.tier[tier].meets_minimum for tier in TIERS)
    assert not any(found.tier[tier].meets_minimum_and_buffer for tier in TIERS)
    assert (found.cet1_free_for_buffer, found.buffer_shortfall) == (0, Fraction(25, 1_000))


def test_without_assets_nothing_is_decided() -> None:
    found = capital_ratios(Capital(Fraction(5), *[Fraction(0)] * 3), Fraction(0), MINIMUMS, BUFFERS)
    assert found.cet1_free_for_buffer is found.buffer_shortfall is None
    assert {(tier.ratio, tier.meets_minimum) for tier in found.tier.values()} == {(None, None)}
    assert found.tier["total"].amount == 5


@given(*[st.dictionaries(st.sampled_from(["credit", "market", "operational"]), amounts)] * 2, shares)
def test_the_floor_is_a_maximum(
    internal: dict[str, Fraction], standard: dict[str, Fraction], floor: Fraction
) -> None:
    found = output_floor(internal, standard, floor)
    total, base = sum(internal.values(), Fraction(0)), floor * sum(standard.values(), Fraction(0))
    assert found.rwa_for_ratios == max(total, base)
    assert found.floor_binding == (base > total)
    assert output_floor(internal, standard, Fraction(0)).rwa_for_ratios == total


@given(amounts, amounts, amounts, amounts, shares)
def test_split_loans_add_up_and_room_is_respected(
    loan: Fraction, value: Fraction, senior: Fraction, equal: Fraction, share: Fraction
) -> None:
    weights = {"counterparty_weight": Fraction(3, 4), "secured_weight": Fraction(1, 5)}
    found = split_loan(loan, value, senior, equal, secured_share=share, **weights)
    assert found.secured + found.rest == loan
    room = max(Fraction(0), share * value - senior)
    assert found.secured == (min(loan, room * loan / (loan + equal)) if loan else 0)
    assert found.rwa == found.secured / 5 + found.rest * 3 / 4
    more = split_loan(loan, value, senior + 1, equal, secured_share=share, **weights)
    assert more.rwa >= found.rwa


@given(amounts, shares, shares, shares)
def test_exposures_weigh_exactly(amount: Fraction, provided: Fraction, factor: Fraction, weight: Fraction) -> None:
    assert exposure_rwa(amount, amount * provided, factor, weight) == amount * (1 - provided) * factor * weight


def test_the_table_names_what_it_cannot_give() -> None:
    rows = {"A": WeightRow("risk_weight", Fraction(1, 5)), "B": WeightRow("risk_weight", None)}
    table = RiskWeights("1", rows)
    assert table.value("A", "risk_weight") == Fraction(1, 5)
    for code, measure in (("B", "risk_weight"), ("C", "risk_weight"), ("A", "credit_conversion_factor")):
        with pytest.raises(InvalidInput) as caught:
            table.value(code, measure)
        assert caught.value.facts["code"] == code


def test_bad_numbers_are_refused() -> None:
    one, zero, bad = Fraction(1), Fraction(0), Fraction(-1)
    good = Capital(one, zero, zero, zero)
    weights = {"counterparty_weight": one, "secured_weight": one}
    cases = {
        "at1": lambda: capital_ratios(Capital(one, zero, bad, zero), one, MINIMUMS, BUFFERS),
        "rwa": lambda: capital_ratios(good, bad, MINIMUMS, BUFFERS),
        "minimums.total": lambda: capital_ratios(good, one, {"cet1": zero, "tier1": zero}, BUFFERS),
        "buffers.systemic": lambda: capital_ratios(good, one, MINIMUMS, {"systemic": Fraction(2)}),
        "standardised_rwa.credit": lambda: output_floor({}, {"credit": bad}, one),
        "floor": lambda: output_floor({}, {}, Fraction(2)),
        "loan": lambda: split_loan(bad, one, zero, zero, secured_share=one, **weights),
        "secured_share": lambda: split_loan(one, one, zero, zero, secured_share=Fraction(2), **weights),
        "specific_provision": lambda: exposure_rwa(one, Fraction(2), one, one),
        "ccf": lambda: exposure_rwa(one, zero, Fraction(2), one),
        "risk_weight": lambda: exposure_rwa(one, zero, one, Fraction(13)),
        "amount": lambda: exposure_rwa(bad, bad, one, one),
    }
    for field, call in cases.items():
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.facts["field"] == field
