"""Entries through a rule: they telescope to the whole, in the order of offsets, the same forwards and backwards."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.explain_entries import (
    BalanceEntry,
    Customer,
    FacilityUse,
    InsuredDeposit,
    NetPosition,
    movements,
    reversed_movements,
)
from engines.explain_lines import Entry, Movement
from engines.lcr_lines import split_facility, split_insured_deposit
from engines.primitives.errors import InvalidInput

DEPOSIT = InsuredDeposit("stable", "less stable", 500, "overdrawn")
NETTED, FACILITY = NetPosition("claim", "debt"), FacilityUse("liquidity", "credit")

rules = st.sampled_from([DEPOSIT, NETTED, FACILITY]) | st.integers(0, 900).map(
    lambda limit: InsuredDeposit("stable", "less stable", limit, "overdrawn")
)


def _entry(offset: int) -> Entry:
    return Entry(f"entry {offset}", 3, offset)


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    rule = draw(rules)
    before = draw(st.tuples(*[st.integers(-800, 1_500)] * rule.balances))
    drawn = st.tuples(st.integers(-900, 900), st.integers(0, rule.balances - 1))
    entries = [BalanceEntry(_entry(at), *one) for at, one in enumerate(draw(st.lists(drawn, max_size=5)))]
    limit = draw(st.none() | st.integers(0, 900))
    after = InsuredDeposit("stable", "less stable", limit, "overdrawn") if limit and rule.balances == 1 else None
    return Customer("c", rule, before, draw(st.permutations(entries)), after)


def _sums(found: list[Movement]) -> dict[str, Fraction]:
    sums: dict[str, Fraction] = {}
    for one in found:
        sums[one.cell] = sums.get(one.cell, Fraction(0)) + one.quantity
    return {cell: amount for cell, amount in sums.items() if amount}


@given(customers())
def test_movements_add_up_to_the_cells_after_less_the_cells_before(customer: Customer) -> None:
    balances = list(customer.balances_before)
    for one in customer.entries:
        balances[one.place] += one.amount
    before = customer.rule.cells(customer.balances_before)
    after = (customer.rule_after or customer.rule).cells(tuple(balances))
    assert _sums(movements([customer])) == {
        cell: after[cell] - before[cell] for cell in after if after[cell] != before[cell]
    }


@given(customers())
def test_backwards_from_the_later_balances_each_entry_has_the_other_sign(customer: Customer) -> None:
    balances = list(customer.balances_before)
    for one in customer.entries:
        balances[one.place] += one.amount
    last = len(customer.entries)
    undone = [BalanceEntry(_entry(last - one.entry.offset), -one.amount, one.place) for one in customer.entries]
    backwards = Customer("c", customer.rule_after or customer.rule, tuple(balances), undone, customer.rule)
    found = {
        (one.cell, one.cause, None if one.entry is None else last - one.entry.offset): one.quantity
        for one in movements([backwards])
    }
    forward = reversed_movements(movements([customer]))
    assert found == {(one.cell, one.cause, one.entry and one.entry.offset): one.quantity for one in forward}


def test_the_order_of_offsets_decides_who_filled_the_limit() -> None:
    entries = [BalanceEntry(_entry(8), 300), BalanceEntry(_entry(4), 400)]
    assert movements([Customer("c", DEPOSIT, (0,), entries)]) == [
        Movement("stable", 400, "ENTRY", _entry(4)),
        Movement("stable", 100, "ENTRY", _entry(8)),
        Movement("less stable", 200, "ENTRY", _entry(8)),
    ]


def test_another_limit_is_shared_between_the_table_and_the_entries() -> None:
    customer = Customer(
        "c", DEPOSIT, (600,), [BalanceEntry(_entry(0), 200)], InsuredDeposit("stable", "less stable", 700)
    )
    assert movements([customer]) == [
        # Under 500 nothing of the 200 is insured, under 700 100 of it; the limit alone brings 100, or 200 afterwards.
        Movement("stable", 50, "ENTRY", _entry(0)),
        Movement("less stable", 150, "ENTRY", _entry(0)),
        Movement("stable", 150, "FACTOR"),
        Movement("less stable", -150, "FACTOR"),
    ]


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_rules_agree_with_the_amounts_of_the_lcr(first: int, second: int) -> None:
    split = split_insured_deposit(first, second, cover_ratio=Fraction(1), relationship_or_transactional=True)
    deposit = InsuredDeposit("stable", "less stable", second).cells((first,))
    assert deposit == {"stable": split.stable, "less stable": split.less_stable}
    facility = split_facility(first, second)
    assert FACILITY.cells((first, second)) == {"liquidity": facility.liquidity_part, "credit": facility.credit_part}


@pytest.mark.parametrize(
    ("entries", "balances", "message"),
    [
        ([BalanceEntry(Entry("a", 1, 1), 1), BalanceEntry(Entry("b", 2, 2), 1)], (0,), "one partition"),
        ([BalanceEntry(_entry(1), 1), BalanceEntry(_entry(1), 1)], (0,), "one offset"),
        ([BalanceEntry(_entry(1), 1, 1)], (0,), "1 balances"),
        ([], (0, 0), "1 balances"),
    ],
)
def test_refusals(entries: list[BalanceEntry], balances: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        movements([Customer("c", DEPOSIT, balances, entries)])
    assert caught.value.facts["record"] == "c"
