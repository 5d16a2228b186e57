"""Margins and treasury are net interest income, whatever the transfer rates are (LIQ-44)."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ftp_margins import Deal, OwnDeal, Side, transfer_result
from engines.primitives.errors import InvalidInput

sides: st.SearchStrategy[Side] = st.sampled_from(["asset", "liability"])
amounts = st.integers(0, 10**14).map(lambda cents: Fraction(cents, 100))
rates = st.fractions(-1, 1, max_denominator=10**6)
names = st.sampled_from(["", "A", "B"])
deals = st.lists(st.builds(Deal, sides, amounts, rates, rates, names, names), max_size=6)
own_deals = st.lists(st.builds(OwnDeal, sides, amounts, rates), max_size=3)
shares = st.sampled_from([Fraction(1), Fraction(1, 12), Fraction(31, 365)])

LOAN = Deal("asset", Fraction(1000), Fraction("0.05"), Fraction("0.032"), "corporate", "north")
DEPOSIT = Deal("liability", Fraction(800), Fraction("0.015"), Fraction("0.024"), "retail", "north")
WHOLESALE = OwnDeal("liability", Fraction(200), Fraction("0.026"))


def interest(book: list[Deal] | list[OwnDeal], rate: str, share: Fraction) -> Fraction:
    signed = [one.balance * getattr(one, rate) * (1 if one.side == "asset" else -1) for one in book]
    return sum(signed, Fraction(0)) * share


def test_the_example() -> None:
    found = transfer_result([LOAN, DEPOSIT], [WHOLESALE])
    assert [margin.total for margin in found.margins] == [18, Fraction("7.2")]
    assert (found.treasury, found.net_interest_income) == (Fraction("7.6"), Fraction("32.8"))
    assert found.by_branch["north"].total == Fraction("25.2")
    assert found.by_line["retail"].asset_margin == 0
    assert found.by_line["retail"].liability_margin == Fraction("7.2")


@given(deals, own_deals, shares)
def test_margins_and_treasury_are_net_interest_income(book: list[Deal], own: list[OwnDeal], share: Fraction) -> None:
    found = transfer_result(book, own, year_share=share)
    assert found.total.total is not None
    assert found.treasury is not None
    income = interest(book, "customer_rate", share) + interest(own, "rate", share)
    assert found.total.total + found.treasury == found.net_interest_income == income
    assert found.treasury == interest(book, "transfer_rate", share) + interest(own, "rate", share)
    for groups in (found.by_line, found.by_branch):
        assert sum((margin.total or Fraction(0) for margin in groups.values()), Fraction(0)) == found.total.total
    for deal, margin in zip(book, found.margins, strict=True):
        spread = deal.customer_rate - (deal.transfer_rate or Fraction(0))
        assert margin.total == deal.balance * spread * share * (1 if deal.side == "asset" else -1)


@given(deals.filter(bool), own_deals, rates)
def test_another_transfer_rate_only_moves_income(book: list[Deal], own: list[OwnDeal], rate: Fraction) -> None:
    before = transfer_result(book, own)
    after = transfer_result([replace(deal, transfer_rate=rate) for deal in book], own)
    assert after.net_interest_income == before.net_interest_income


def test_a_contract_without_a_rate_makes_null_what_it_enters_and_nothing_else() -> None:
    found = transfer_result([replace(LOAN, transfer_rate=None), DEPOSIT], [WHOLESALE])
    assert found.margins[0].total is found.total.total is found.treasury is None
    assert found.by_branch["north"].asset_margin is None
    assert found.by_branch["north"].liability_margin == Fraction("7.2")
    assert found.by_line["retail"].total == Fraction("7.2")
    assert found.net_interest_income == Fraction("32.8")
    assert transfer_result([replace(DEPOSIT, transfer_rate=None)]).margins[0].liability_margin is None


def test_an_empty_bank_earns_nothing() -> None:
    found = transfer_result([])
    assert found.total.total == found.treasury == found.net_interest_income == 0


@pytest.mark.parametrize(
    ("book", "own", "share", "field"),
    [
        ([LOAN, replace(LOAN, balance=Fraction(-1))], [], Fraction(1), "contracts[1].balance"),
        ([], [replace(WHOLESALE, balance=Fraction(-1))], Fraction(1), "own_deals[0].balance"),
        ([], [], Fraction(0), "year_share"),
    ],
)
def test_bad_numbers_are_refused(book: list[Deal], own: list[OwnDeal], share: Fraction, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        transfer_result(book, own, year_share=share)
    assert caught.value.facts["field"] == field
