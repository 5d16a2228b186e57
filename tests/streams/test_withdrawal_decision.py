"""Large outflows with their decision: the worked example of LIQ-02 live, money that has left, what is not known."""

from datetime import date
from fractions import Fraction as F

import pytest

from engines.reserves import four_positions
from streams.topics import RESERVATION_TOTAL
from streams.views import AsOf, RiskView
from streams.views_ratios import PositionsRow
from streams.withdrawal_decision import Outflow, Standing, decided, reserved_outflows, standings
from tests.risk_records import cut, reservation

PAIR = ("BANK", "CNY")
TODAY = date(2026, 11, 22)


def outflow(amount: int = 55, *, customer: str = "-", has_left: bool = True) -> Outflow:
    return Outflow("BANK", "HQ", "CNY", customer, amount, has_left)


@pytest.mark.parametrize(
    ("customer", "decision", "actions", "reason"),
    [
        ("-", "QUEUE", ("QUEUE", "ESCALATE"), "unreserved-below-floor"),
        ("C-1", "RELEASE", ("RELEASE", "DISPATCH", "ESCALATE"), "customer-right-below-floor"),
    ],
)
def test_the_worked_example_of_liq_02_on_money_that_has_left(
    customer: str, decision: str, actions: tuple[str, ...], reason: str
) -> None:
    """LIQ-02: available 800, amount 55, floor 780: post 745, QUEUE. Live, 745 is what is there now."""
    found = decided(outflow(customer=customer), {PAIR: Standing(F(745), 780, floor_is_set=True)})
    assert found.verdict is not None
    assert (found.verdict.post, found.verdict.shortfall) == (F(745), F(35))
    assert (found.verdict.decision, found.verdict.actions, found.reason) == (decision, actions, reason)


def test_a_reservation_is_judged_before_it_leaves_and_released_with_funds_dispatched() -> None:
    known = {PAIR: Standing(F(800), 780, floor_is_set=True)}
    found = decided(outflow(customer="", has_left=False), known)
    assert found.verdict is not None
    assert (found.verdict.post, found.verdict.actions) == (F(745), ("RELEASE", "DISPATCH"))
    small = decided(outflow(20, customer="", has_left=False), known)
    assert small.verdict is not None
    assert small.verdict.actions == ("RELEASE",)  # just at the floor


def test_without_the_available_position_there_is_no_decision() -> None:
    found = decided(outflow(), {("BANK", "USD"): Standing(F(1), 0, floor_is_set=False)})
    assert (found.verdict, found.reason) == (None, "no-available-position")


def test_a_standing_is_the_available_position_and_the_reserve_limit() -> None:
    positions = four_positions(F(1620), F(1200), F(80), F(300), F(250))  # LIQ-07: available 800
    rows = [
        PositionsRow("BANK", "CNY", TODAY, positions, 250, ""),
        PositionsRow("BANK", "EUR", TODAY, positions, None, "no reserve limit is set: no lendable position"),
        PositionsRow("BANK", "USD", TODAY, None, None, "no reserve record"),
    ]
    assert standings(rows) == {
        ("BANK", "CNY"): Standing(F(800), 250, floor_is_set=True),
        ("BANK", "EUR"): Standing(F(800), 0, floor_is_set=False),
    }


def test_reservations_of_the_day_are_outflows_by_organisation() -> None:
    view = RiskView()
    for record in (reservation(2, 345), cut(RESERVATION_TOTAL, 2)):
        view.apply(record)
    (found,) = reserved_outflows(view, AsOf(TODAY, {}), {})
    assert (found.organisation, found.amount_minor, found.has_left) == ("HQ", 345, False)
    assert reserved_outflows(view, AsOf(date(2020, 1, 1), {}), {}) == []
    assert reserved_outflows(view, AsOf(TODAY, {}), {"entity": frozenset({"OTHER"})}) == []
