"""The ladder: each rung, its ties, what it must never do; legs against brute force; rates and ageing (LIQ-05)."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.reconciliation import reconcile
from engines.reconciliation_legs import matching_legs
from engines.reconciliation_records import Entry, ManualMatch, Reconciliation, Rung
from engines.reconciliation_summary import age_bucket, summaries

FRIDAY = date(2024, 3, 1)
CENT = Fraction(1, 100)


def entry(entry_id: str, amount: str, day: date = FRIDAY, **other: Any) -> Entry:
    return Entry(
        **{"entry_id": entry_id, "account": "N", "direction": "out", "value_date": day, **other},
        amount=Fraction(amount),
    )


def matched(found: Reconciliation) -> dict[str, tuple[Rung | None, tuple[str, ...]]]:
    return {one.item.entry_id: (one.rung, one.transaction_ids) for one in found.items}


def entries(prefix: str) -> st.SearchStrategy[list[Entry]]:
    one = st.builds(
        Entry,
        st.just(""),
        st.sampled_from("MN"),
        st.sampled_from(["in", "out"]),
        st.integers(1, 12).map(lambda cents: Fraction(cents, 100)),
        st.integers(0, 4).map(lambda days: FRIDAY + timedelta(days)),
        st.sampled_from(["CNY", "USD"]),
        st.sampled_from(["", "R1", "R2"]),
    )

    def named(lines: list[Entry]) -> list[Entry]:
        return [
            Entry(
                f"{prefix}{at}", one.account, one.direction, one.amount, one.value_date, one.currency, one.payment_ref
            )
            for at, one in enumerate(lines)
        ]

    return st.lists(one, max_size=9).map(named)


# -- what holds whatever comes


@given(entries("F"), entries("T"))
def test_no_transaction_counts_twice_and_both_sides_agree(items: list[Entry], booked: list[Entry]) -> None:
    found = reconcile(items, booked)
    used = [name for one in found.items for name in one.transaction_ids]
    assert len(used) == len(set(used))
    by_item = {name: one.item.entry_id for one in found.items for name in one.transaction_ids}
    assert {one.transaction.entry_id: one.item_id for one in found.transactions if one.item_id} == by_item
    by_id = {one.entry_id: one for one in booked}
    for one in found.items:
        legs = [by_id[name] for name in one.transaction_ids]
        assert one.matched + one.open_amount == one.item.amount
        assert one.booked == sum((leg.amount for leg in legs), Fraction(0))
        assert all((leg.currency, leg.direction) == (one.item.currency, one.item.direction) for leg in legs)
        if one.rung is Rung.REFERENCE:
            assert [(leg.payment_ref, leg.amount) for leg in legs] == [(one.item.payment_ref, one.item.amount)]
        if one.rung in (Rung.ACCOUNT_AND_DATE, Rung.SUM_OF_LEGS):
            assert abs(one.booked - one.item.amount) <= CENT
            assert {leg.account for leg in legs} == {one.item.account}
        if one.rung is Rung.SUM_OF_LEGS:
            assert 2 <= len(legs) <= 5
            assert {leg.value_date for leg in legs} == {one.item.value_date}


@given(entries("F"), entries("T"), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(items: list[Entry], booked: list[Entry], random: Random) -> None:
    def shuffled(lines: list[Entry]) -> list[Entry]:
        return sorted(lines, key=lambda _: random.random())

    assert matched(reconcile(shuffled(items), shuffled(booked))) == matched(reconcile(items, booked))


@given(entries("F"), entries("T"))
def test_what_is_left_would_not_match_by_itself(items: list[Entry], booked: list[Entry]) -> None:
    """A pair that a rung allows is never left open on both sides."""
    found = reconcile(items, booked)
    open_items = [one.item for one in found.items if one.rung is None]
    left = [one.transaction for one in found.transactions if one.rung is None]
    for item in open_items:
        assert all(rung is None for rung, _ in matched(reconcile([item], left)).values())


# -- rung by rung


def test_a_reference_wins_over_an_older_booking_and_over_account_and_date() -> None:
    booked = [entry("T1", "100"), entry("T2", "100", date(2024, 6, 3), payment_ref="R", account="OTHER")]
    found = reconcile([entry("F1", "100", payment_ref="R"), entry("F2", "100")], booked)
    assert matched(found) == {"F1": (Rung.REFERENCE, ("T2",)), "F2": (Rung.ACCOUNT_AND_DATE, ("T1",))}


def test_a_reference_asks_for_the_very_amount_and_an_empty_one_is_none() -> None:
    found = reconcile([entry("F1", "100", payment_ref="R")], [entry("T1", "100.02", payment_ref="R")])
    assert matched(found)["F1"] == (None, ())
    far = date(2024, 6, 3)
    assert matched(reconcile([entry("F1", "100")], [entry("T1", "100", far)]))["F1"] == (None, ())


@pytest.mark.parametrize(
    ("amount", "day", "holidays", "is_matched"),
    [
        ("100.01", FRIDAY, (), True),
        ("99.99", FRIDAY, (), True),
        ("100.011", FRIDAY, (), False),
        ("100", date(2024, 2, 29), (), True),
        ("100", date(2024, 2, 28), (), False),
        ("100", date(2024, 3, 2), (), True),  # Saturday, on the way to Monday
        ("100", date(2024, 3, 4), (), True),
        ("100", date(2024, 3, 5), (), False),
        ("100", date(2024, 3, 5), (date(2024, 3, 4),), True),
    ],
)
def test_one_cent_and_one_business_day(amount: str, day: date, holidays: tuple[date, ...], is_matched: bool) -> None:
    found = reconcile([entry("F1", "100")], [entry("T1", amount, day)], holidays=holidays)
    assert matched(found)["F1"] == ((Rung.ACCOUNT_AND_DATE, ("T1",)) if is_matched else (None, ()))


def test_an_item_on_a_weekend_reaches_friday_and_monday() -> None:
    saturday = date(2024, 3, 2)
    for day, reached in (
        (FRIDAY, True),
        (date(2024, 3, 4), True),
        (date(2024, 2, 29), False),
        (date(2024, 3, 5), False),
    ):
        found = reconcile([entry("F1", "100", saturday)], [entry("T1", "100", day)])
        assert (found.items[0].status == "MATCHED") is reached


def test_ties_go_to_the_oldest_then_the_lowest_id() -> None:
    monday = date(2024, 3, 4)
    booked = [entry("T1", "100", monday), entry("T3", "100"), entry("T2", "100")]
    found = reconcile([entry("F2", "100", monday), entry("F1", "100", monday), entry("F9", "100")], booked)
    assert {name: legs for name, (_, legs) in matched(found).items()} == {"F9": ("T2",), "F1": ("T3",), "F2": ("T1",)}


def test_of_equal_references_the_oldest_goes_first() -> None:
    booked = [
        entry("T2", "100", payment_ref="R"),
        entry("T1", "100", payment_ref="R"),
        entry("T9", "100", date(2024, 2, 1), payment_ref="R"),
    ]
    found = reconcile([entry(name, "100", payment_ref="R") for name in ("F2", "F1", "F3")], booked)
    assert {name: legs for name, (_, legs) in matched(found).items()} == {"F1": ("T9",), "F2": ("T1",), "F3": ("T2",)}


def test_legs_serve_one_item_only() -> None:
    found = reconcile([entry("F1", "60"), entry("F2", "60")], [entry("T1", "35"), entry("T2", "25")])
    assert matched(found) == {"F1": (Rung.SUM_OF_LEGS, ("T1", "T2")), "F2": (None, ())}


def test_one_to_one_comes_before_sums_for_every_item() -> None:
    found = reconcile([entry("F1", "60"), entry("F2", "35")], [entry("T1", "35"), entry("T2", "25")])
    assert matched(found) == {"F1": (None, ()), "F2": (Rung.ACCOUNT_AND_DATE, ("T1",))}


def test_six_legs_are_one_too_many_and_so_is_another_day() -> None:
    legs = [entry(f"T{at}", "10") for at in range(6)]
    assert matched(reconcile([entry("F1", "60")], legs))["F1"] == (None, ())
    assert matched(reconcile([entry("F1", "50")], legs))["F1"] == (Rung.SUM_OF_LEGS, ("T0", "T1", "T2", "T3", "T4"))
    next_day = [entry("T1", "35"), entry("T2", "25", date(2024, 2, 29))]
    assert matched(reconcile([entry("F1", "60")], next_day))["F1"] == (None, ())


def test_too_many_bookings_are_left_to_a_person_and_said_so() -> None:
    legs = [entry(f"T{at}", "10") for at in range(4)]
    (found,) = reconcile([entry("F1", "20")], legs, leg_candidates_max=3).items
    assert (found.status, found.too_many_legs) == ("OPEN", True)
    huge = [*legs[:3], entry("T9", "999")]  # one that cannot be a leg does not count
    (found,) = reconcile([entry("F1", "20")], huge, leg_candidates_max=3).items
    assert (found.status, found.too_many_legs) == ("MATCHED", False)


# -- by hand


def test_two_people_may_match_what_no_rung_would_and_the_ladder_leaves_it() -> None:
    booked = [entry("T1", "70"), entry("T2", "100")]
    by_hand = [ManualMatch("F1", ("T1",), "ann", "bob")]
    (found,) = reconcile([entry("F1", "100")], booked, by_hand).items
    assert (found.status, found.rung) == ("PARTIAL", Rung.MANUAL)
    assert (found.matched, found.open_amount) == (Fraction(70), Fraction(30))
    more = [*by_hand, ManualMatch("F1", ("T2",), "ann", "bob")]
    (found,) = reconcile([entry("F1", "100")], booked, more).items
    assert found.status == "MATCHED"
    assert (found.booked, found.matched, found.open_amount) == (Fraction(170), Fraction(100), Fraction(0))


@pytest.mark.parametrize(
    ("match", "field"),
    [
        (ManualMatch("F1", ("T1",), "ann", "ann"), "checker"),
        (ManualMatch("F9", ("T1",), "ann", "bob"), "item_id"),
        (ManualMatch("F1", ("T9",), "ann", "bob"), "transaction_ids"),
        (ManualMatch("F1", ("T1", "T1"), "ann", "bob"), "transaction_ids"),
        (ManualMatch("F1", ("T2",), "ann", "bob"), "transaction_ids"),
        (ManualMatch("F1", (), "ann", "bob"), "transaction_ids"),
    ],
)
def test_a_manual_match_is_checked(match: ManualMatch, field: str) -> None:
    booked = [entry("T1", "100"), entry("T2", "100", direction="in")]
    with pytest.raises(InvalidInput) as caught:
        reconcile([entry("F1", "100")], booked, [match])
    assert caught.value.facts == {"field": f"manual[0].{field}", "record": "manual[0]"}


def test_ids_stand_once_and_amounts_are_above_zero() -> None:
    for lines, field in (
        ([entry("F1", "1"), entry("F1", "1")], "items[1].id"),
        ([entry("F1", "0")], "items[0].amount"),
    ):
        with pytest.raises(InvalidInput) as caught:
            reconcile(lines, [])
        assert caught.value.facts["field"] == field


# -- legs


@given(st.integers(1, 60), st.lists(st.integers(1, 30), max_size=9), st.integers(0, 2), st.integers(2, 5))
@example(21, [10, 10], 1, 2)  # reached by the tolerance only, from below
@example(19, [10, 10], 1, 2)
def test_legs_are_those_of_brute_force(target: int, amounts: list[int], tolerance: int, legs_max: int) -> None:
    fitting = [
        places
        for count in range(2, legs_max + 1)
        for places in combinations(range(len(amounts)), count)
        if abs(sum(amounts[place] for place in places) - target) <= tolerance
    ]
    assert matching_legs(target, amounts, tolerance, legs_max) == (fitting[0] if fitting else None)


# -- rates and ageing


def test_rates_and_ageing_are_of_one_currency() -> None:
    items = [entry("F1", "100"), entry("F2", "40", currency="USD"), entry("F3", "60", date(2024, 2, 1))]
    booked = [
        entry("T1", "100"),
        entry("T2", "7", date(2024, 3, 20), currency="USD"),
        entry("T3", "45", date(2024, 2, 1)),
    ]
    by_hand = [ManualMatch("F3", ("T3",), "ann", "bob")]
    nothing, dollars = summaries(reconcile(items, booked, by_hand), date(2024, 3, 4))
    assert (nothing.currency, dollars.currency) == ("", "USD")
    assert (nothing.rate_by_count.value, nothing.rate_by_amount.value) == (Fraction(1, 2), Fraction(145, 160))
    assert nothing.ageing["D31P"].open_items == 1
    assert nothing.ageing["D31P"].open_amount == 15
    assert dollars.ageing["D2_7"].open_amount == 40
    assert dollars.ageing["NOT_DUE"].unexpected_amount == 7
    assert dollars.rate_by_count.value == 0
    assert sum(aged.unexpected for aged in nothing.ageing.values()) == 0


@given(entries("F"), entries("T"))
def test_every_open_cent_has_its_age(items: list[Entry], booked: list[Entry]) -> None:
    found = reconcile(items, booked)
    for one in summaries(found, date(2024, 3, 3)):
        left = [line for line in found.items if line.item.currency == one.currency and line.status != "MATCHED"]
        assert sum(aged.open_items for aged in one.ageing.values()) == len(left)
        assert sum(aged.open_amount for aged in one.ageing.values()) == sum(line.open_amount for line in left)


@pytest.mark.parametrize(
    ("days", "name"),
    [(-1, "NOT_DUE"), (0, "D0_1"), (1, "D0_1"), (2, "D2_7"), (7, "D2_7"), (8, "D8_30"), (30, "D8_30"), (31, "D31P")],
)
def test_age_buckets(days: int, name: str) -> None:
    assert age_bucket(FRIDAY, FRIDAY + timedelta(days)) == name
