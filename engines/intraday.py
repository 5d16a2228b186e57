"""Intraday liquidity monitoring measures of one route on one business day, and the month's report (BCBS 248).

A route is one payment system or one correspondent, in one entity and currency. Exact for Fractions and integers
alike. Not for stress: `engines.intraday_stress` edits the payments, these formulas stay the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

DAY_SECONDS = 86_400
RANKS = 3  # the form has three columns before the average


@dataclass(frozen=True, slots=True)
class Payment:
    """A settled payment. Equal seconds keep the ledger's sequence; they are not netted first."""

    second: int  # since the opening of the business day, 0..86,399
    sequence: int  # in the route's ledger, unique
    amount: Fraction  # >= 0
    is_sent: bool
    time_specific: bool = False
    deadline_second: int | None = None
    customer: str | None = None  # sent on behalf of this customer of the correspondent bank
    counterparty: str | None = None
    internalised: bool = False  # between two customers on our own books: moves nothing on the route


@dataclass(frozen=True, slots=True)
class Peak:
    amount: Fraction  # >= 0
    second: int | None  # null: the path never left zero on that side
    sequence: int | None


@dataclass(frozen=True, slots=True)
class DailyMeasures:
    net_path: tuple[Fraction, ...]  # after each payment, in order; from 0, not from the opening balance
    largest_negative: Peak  # A(i): daily maximum usage
    largest_positive: Peak
    gross_sent: Fraction  # A(iii)
    gross_received: Fraction
    count_sent: int
    count_received: int
    time_specific_total: Fraction  # A(iv)
    time_specific_count: int
    late_amount: Fraction  # settled after their deadline
    late_count: int
    customer_payments: Fraction  # B(i)
    payments_by_customer: Mapping[str, Fraction]
    internalised_payments: Fraction


def daily_measures(payments: Sequence[Payment], *, include_internalised: bool = False) -> DailyMeasures:
    """A(i), A(iii), A(iv) and B(i) of one day; payments may come in any order.

    Args:
        include_internalised: count internalised payments in B(i); they never enter the other measures.
    Raises:
        InvalidInput: a time outside the day, a negative amount, a sequence twice; `record` is the payment.
    Source: SRP50.64-50.81 (BCBS 248).
    """
    _check(payments)
    ordered = sorted(
        (payment for payment in payments if not payment.internalised), key=lambda p: (p.second, p.sequence)
    )
    path = tuple(accumulate(-payment.amount if payment.is_sent else payment.amount for payment in ordered))
    sent = [payment for payment in ordered if payment.is_sent]
    pressed = [payment for payment in sent if payment.time_specific]
    late = [p for p in pressed if p.deadline_second is not None and p.second > p.deadline_second]
    internal = [payment for payment in payments if payment.internalised and payment.is_sent]
    by_customer: dict[str, Fraction] = {}
    for payment in sent + (internal if include_internalised else []):
        if payment.customer is not None:
            by_customer[payment.customer] = by_customer.get(payment.customer, Fraction(0)) + payment.amount
    return DailyMeasures(
        net_path=path,
        largest_negative=_peak(ordered, [-net for net in path]),
        largest_positive=_peak(ordered, path),
        gross_sent=_total(sent),
        gross_received=_total([payment for payment in ordered if not payment.is_sent]),
        count_sent=len(sent),
        count_received=len(ordered) - len(sent),
        time_specific_total=_total(pressed),
        time_specific_count=len(pressed),
        late_amount=_total(late),
        late_count=len(late),
        customer_payments=sum(by_customer.values(), Fraction(0)),
        payments_by_customer=dict(sorted(by_customer.items())),
        internalised_payments=_total(internal),
    )


def throughput(payments: Sequence[Payment], mark_seconds: Sequence[int]) -> list[tuple[Fraction, Fraction | None]]:
    """C(i): value sent up to each mark and its share of the day's; a payment that settles at the mark counts.

    The share is null on a day without sent payments: there is no throughput then, not a throughput of 0.
    """
    sent = [payment for payment in payments if payment.is_sent and not payment.internalised]
    total = _total(sent)
    found: list[tuple[Fraction, Fraction | None]] = []
    for mark in mark_seconds:
        so_far = _total([payment for payment in sent if payment.second <= mark])
        found.append((so_far, so_far / total if total else None))
    return found


@dataclass(frozen=True, slots=True)
class Ranked:
    """A column block of the monthly form: three extreme days, null where the month has fewer, and the mean."""

    values: tuple[Fraction | None, ...]
    days: tuple[int | None, ...]  # places of those days in the input
    average: Fraction | None


def ranked(values: Sequence[Fraction], *, smallest: bool = False) -> Ranked:
    """The three largest (or smallest) daily values and the mean over all days; equal days fill two columns."""
    order = sorted(range(len(values)), key=lambda place: (values[place] if smallest else -values[place], place))
    best: list[int | None] = [*order[:RANKS], *[None] * (RANKS - len(order))]
    average = sum(values, Fraction(0)) / len(values) if values else None
    return Ranked(tuple(None if place is None else values[place] for place in best), tuple(best), average)


def usage_of_routes(
    route: NDArray[np.int64],
    second: NDArray[np.int64],
    sequence: NDArray[np.int64],
    signed_minor: NDArray[np.int64],
    routes: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A(i) of many routes at once: largest negative and largest positive, both >= 0, shape (routes,), int64.

    Args:
        route: row of the route, 0..routes-1. signed_minor: minor units, received +, sent -. Same shape, any order.
    Raises:
        InvalidInput: shapes differ, an unknown route, or sizes add up to 2**62 or more.
    Source: SRP50.64-50.68.
    """
    if not route.shape == second.shape == sequence.shape == signed_minor.shape:
        raise InvalidInput("columns differ in length", field="payments")
    if len(route) and not 0 <= route.min() <= route.max() < routes:
        raise InvalidInput("a payment names a route that is not there", field="route")
    if np.abs(signed_minor.astype(np.float64)).sum() >= 2.0**62:
        raise InvalidInput("the amounts add up to 2**62 minor units or more", field="signed_minor")
    negative, positive = np.zeros(routes, np.int64), np.zeros(routes, np.int64)
    if not len(route):
        return negative, positive
    order = np.lexsort((sequence, second, route))
    rows, running = route[order], np.cumsum(signed_minor[order])
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    present = rows[starts]
    # One running sum over all routes: what stood before a route's first payment is taken off again.
    before = np.r_[np.int64(0), running[starts[1:] - 1]]
    negative[present] = np.maximum(0, before - np.minimum.reduceat(running, starts))
    positive[present] = np.maximum(0, np.maximum.reduceat(running, starts) - before)
    return negative, positive


def _peak(ordered: Sequence[Payment], path: Sequence[Fraction]) -> Peak:
    """The first moment of the path's maximum, if that is above zero."""
    place = max(range(len(path)), key=lambda at: path[at], default=None)
    if place is None or path[place] <= 0:
        return Peak(Fraction(0), None, None)
    return Peak(path[place], ordered[place].second, ordered[place].sequence)


def _total(payments: Sequence[Payment]) -> Fraction:
    return sum((payment.amount for payment in payments), Fraction(0))


def _check(payments: Sequence[Payment]) -> None:
    seen: set[int] = set()
    for place, payment in enumerate(payments):
        record = f"payments[{place}]"
        if not 0 <= payment.second < DAY_SECONDS:
            raise InvalidInput("the time is outside the business day", field=f"{record}.time", record=record)
        if payment.amount < 0:
            raise InvalidInput("an amount is negative", field=f"{record}.amount", record=record)
        if payment.sequence in seen:
            raise InvalidInput("the sequence stands twice", field=f"{record}.seq", record=record)
        seen.add(payment.sequence)
