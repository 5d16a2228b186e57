"""Intraday measures against a walk through the day, one payment at a time (BCBS 248)."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.intraday import Payment, daily_measures, ranked, throughput, usage_of_routes
from engines.intraday_stress import PaymentEdit, cut_sources, edited
from engines.primitives.errors import InvalidInput

_payments = st.builds(
    Payment,
    second=st.integers(0, 9).map(lambda hour: hour * 3_600),  # few times, so that many are equal
    sequence=st.integers(0, 1_000),
    amount=st.integers(0, 10_000).map(lambda cents: Fraction(cents, 100)),
    is_sent=st.booleans(),
    time_specific=st.booleans(),
    deadline_second=st.none() | st.integers(0, 40_000),
    customer=st.sampled_from([None, "K1", "K2"]),
    internalised=st.sampled_from([False, False, True]),
)


def days() -> st.SearchStrategy[list[Payment]]:
    return st.lists(_payments, max_size=8, unique_by=lambda payment: payment.sequence)


@given(days(), st.randoms())
def test_measures_are_those_of_a_walk(payments: list[Payment], random: Random) -> None:
    found = daily_measures(payments)
    net, path = Fraction(0), []
    sent = received = pressed = late = customers = Fraction(0)
    for payment in sorted(payments, key=lambda one: (one.second, one.sequence)):
        if payment.internalised:
            continue
        if payment.is_sent:
            net, sent = net - payment.amount, sent + payment.amount
            pressed += payment.amount if payment.time_specific else 0
            deadline = payment.deadline_second
            is_late = payment.time_specific and deadline is not None and payment.second > deadline
            late += payment.amount if is_late else 0
            customers += payment.amount if payment.customer else 0
        else:
            net, received = net + payment.amount, received + payment.amount
        path.append(net)
    assert list(found.net_path) == path
    assert found.largest_negative.amount == max([Fraction(0)] + [-value for value in path])
    assert found.largest_positive.amount == max([Fraction(0), *path])
    assert (found.gross_sent, found.gross_received) == (sent, received)
    assert (found.time_specific_total, found.late_amount) == (pressed, late)
    assert found.customer_payments == customers == sum(found.payments_by_customer.values())
    random.shuffle(payments)
    assert daily_measures(payments) == found


@given(days())
def test_internalised_payments_enter_customers_only_if_asked(payments: list[Payment]) -> None:
    without, with_them = daily_measures(payments), daily_measures(payments, include_internalised=True)
    internal = [one for one in payments if one.internalised and one.is_sent]
    assert without.internalised_payments == sum(one.amount for one in internal)
    extra = sum(one.amount for one in internal if one.customer)
    assert with_them.customer_payments == without.customer_payments + extra
    assert with_them.net_path == without.net_path


@given(days(), st.lists(st.integers(0, 19).map(lambda half: half * 1_800), max_size=5))  # also exactly at a payment
def test_throughput_rises_to_all(payments: list[Payment], marks: list[int]) -> None:
    found = throughput(payments, [*sorted(marks), 86_399])
    total = daily_measures(payments).gross_sent
    values = [value for value, _ in found]
    assert values == sorted(values)
    assert found[-1] == (total, Fraction(1) if total else None)
    for mark, (value, share) in zip(sorted(marks), found, strict=False):
        sent = [one for one in payments if one.is_sent and not one.internalised]
        assert value == sum(one.amount for one in sent if one.second <= mark)
        assert share == (value / total if total else None)


def test_a_peak_has_the_first_moment_it_was_reached() -> None:
    payments = [
        Payment(10, 1, Fraction(5), is_sent=True),
        Payment(20, 2, Fraction(5), is_sent=False),
        Payment(30, 3, Fraction(5), is_sent=True),
    ]
    found = daily_measures(payments)
    assert (found.largest_negative.second, found.largest_negative.sequence) == (10, 1)
    assert (found.largest_positive.amount, found.largest_positive.second) == (0, None)


@given(st.lists(days(), min_size=1, max_size=4))
def test_many_routes_at_once_are_the_single_days(routes: list[list[Payment]]) -> None:
    rows = [
        (route, one.second, one.sequence, int(one.amount * 100) * (-1 if one.is_sent else 1))
        for route, payments in enumerate(routes)
        for one in payments
        if not one.internalised
    ]
    columns = [np.array([row[at] for row in rows], np.int64) for at in range(4)]
    negative, positive = usage_of_routes(columns[0], columns[1], columns[2], columns[3], len(routes))
    for route, payments in enumerate(routes):
        single = daily_measures(payments)
        assert negative[route] == single.largest_negative.amount * 100
        assert positive[route] == single.largest_positive.amount * 100


@given(st.lists(st.integers(0, 5).map(Fraction), max_size=8), st.booleans())
def test_ranks_are_the_sorted_days(values: list[Fraction], smallest: bool) -> None:
    found = ranked(values, smallest=smallest)
    best: list[Fraction | None] = [*sorted(values, reverse=not smallest)[:3]]
    assert list(found.values) == best + [None] * (3 - len(best))
    assert [None if day is None else values[day] for day in found.days] == list(found.values)
    chosen = [day for day in found.days if day is not None]
    assert len(set(chosen)) == len(chosen)
    assert found.average == (sum(values, Fraction(0)) / len(values) if values else None)


@given(days())
def test_edits_delay_scale_and_remove(payments: list[Payment]) -> None:
    assert edited(payments, []) == [one for one in payments if one.amount]
    gone = edited(payments, [PaymentEdit(is_sent=False, scale=Fraction(0))])
    assert daily_measures(gone).gross_received == 0
    assert daily_measures(gone).gross_sent == daily_measures(payments).gross_sent
    # Whatever is received later can only deepen the worst moment.
    later = edited(payments, [PaymentEdit(is_sent=False, delay_minutes=120)])
    assert daily_measures(later).largest_negative.amount >= daily_measures(payments).largest_negative.amount
    half = edited(payments, [PaymentEdit(customer="K1", scale=Fraction(1, 2))])
    by_customer = daily_measures(payments).payments_by_customer
    halved = daily_measures(half).payments_by_customer
    assert halved.get("K1", 0) == by_customer.get("K1", Fraction(0)) / 2
    assert halved.get("K2", 0) == by_customer.get("K2", 0)


def test_a_payment_delayed_past_the_day_does_not_settle() -> None:
    late = Payment(86_000, 1, Fraction(1), is_sent=False)
    assert edited([late], [PaymentEdit(delay_minutes=10)]) == []
    assert len(edited([late], [PaymentEdit(delay_minutes=6)])) == 1


def test_haircuts_cut_sources() -> None:
    sources = {"reserves": Fraction(100), "lines": Fraction(50)}
    assert cut_sources(sources, {"lines": Fraction(1)}) == {"reserves": 100, "lines": 0}
    for haircuts in ({"gold": Fraction(0)}, {"lines": Fraction(2)}):
        with pytest.raises(InvalidInput):
            cut_sources(sources, haircuts)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (Payment(86_400, 2, Fraction(1), is_sent=True), "payments[1].time"),
        (Payment(0, 2, Fraction(-1), is_sent=True), "payments[1].amount"),
        (Payment(0, 1, Fraction(1), is_sent=True), "payments[1].seq"),
    ],
)
def test_bad_payments_are_refused(broken: Payment, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        daily_measures([Payment(0, 1, Fraction(1), is_sent=True), broken])
    assert caught.value.facts == {"field": field, "record": "payments[1]"}


def test_bad_edits_and_columns_are_refused() -> None:
    with pytest.raises(InvalidInput):
        edited([], [PaymentEdit(delay_minutes=-1)])
    one = np.ones(1, np.int64)
    with pytest.raises(InvalidInput):
        usage_of_routes(one, one, one, np.ones(2, np.int64), 2)
    with pytest.raises(InvalidInput):
        usage_of_routes(one, one, one, one, 1)
    with pytest.raises(InvalidInput):
        usage_of_routes(one, one, one, one * 2**62, 2)
