"""Alerts against a naive sum over every window; who is held back and who is not (LIQ-02)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.large_flow_decision import FlowKind, Outflow, decide, flow_alerts
from engines.primitives.errors import InvalidInput

SINGLE, ROLLING, WINDOW = Fraction(30), Fraction(50), 60
flows = st.lists(
    st.builds(Outflow, st.sampled_from("AB"), st.integers(0, 200), st.integers(1, 35).map(Fraction)), max_size=25
)
amounts = st.integers(0, 1_000).map(Fraction)


@given(flows)
def test_alerts_are_those_of_a_naive_sum(given_: list[Outflow]) -> None:
    found = flow_alerts(given_, SINGLE, ROLLING, WINDOW)
    above = {"A": False, "B": False}
    for at, (flow, one) in enumerate(zip(given_, found, strict=True)):
        window = [
            other.amount
            for other in given_[: at + 1]
            if other.customer == flow.customer and 0 <= flow.second - other.second < WINDOW
        ]
        assert one.rolling == sum(window)
        assert one.is_single is (flow.amount >= 30)
        assert one.is_rolling_alert is (sum(window) >= 50 and not above[flow.customer])
        above[flow.customer] = one.is_rolling


def test_the_window_is_open_at_its_start() -> None:
    amount = Fraction(25)
    for start, alerts in ((0, False), (1, True)):
        found = flow_alerts([Outflow("A", start, amount), Outflow("A", 60, amount)], SINGLE, ROLLING, 60)
        assert found[1].is_alert is alerts


def test_a_threshold_that_is_reached_alerts_and_one_alert_is_enough_until_it_is_below_again() -> None:
    lines = [Outflow("A", second, Fraction(amount)) for second, amount in ((0, 50), (10, 1), (70, 1), (75, 48))]
    found = flow_alerts(lines, Fraction(50), Fraction(50), 60)
    assert [one.is_rolling_alert for one in found] == [True, False, False, False]
    assert [one.is_single for one in found] == [True, False, False, False]
    assert [one.is_rolling for one in found] == [True, True, False, False]
    again = flow_alerts([*lines, Outflow("A", 76, Fraction(1))], Fraction(50), Fraction(50), 60)
    assert again[-1].is_rolling_alert is True  # 1 + 48 + 1, armed again at 70


@given(st.sampled_from(["bank_payment", "loan_drawdown", "customer_cash", "customer_transfer"]), amounts, amounts)
def test_what_leaves_the_floor_is_released_whatever_it_is(kind: FlowKind, floor: Fraction, spare: Fraction) -> None:
    found = decide(kind, Fraction(5), floor + spare + 5, floor)
    assert (found.decision, found.actions) == ("RELEASE", ("RELEASE",))
    assert found.shortfall == 0


@given(st.sampled_from(["customer_transfer", "customer_cash"]), amounts, amounts, st.booleans())
def test_a_customer_with_a_right_to_the_money_is_never_queued(
    kind: FlowKind, available: Fraction, floor: Fraction, reserved: bool
) -> None:
    found = decide(kind, Fraction(7), available, floor, has_approved_reservation=reserved)
    assert found.decision == "RELEASE"
    assert ("DISPATCH" in found.actions) is (found.shortfall > 0)


@pytest.mark.parametrize(
    ("kind", "amount", "reserved", "notice", "actions"),
    [
        ("bank_payment", 55, False, None, ("QUEUE", "ESCALATE")),
        ("loan_drawdown", 55, False, None, ("QUEUE", "ESCALATE")),
        ("loan_drawdown", 55, True, None, ("RELEASE", "DISPATCH")),
        ("customer_cash", 55, False, 54, ("QUEUE", "ESCALATE")),
        ("customer_cash", 55, False, 55, ("RELEASE", "DISPATCH", "ESCALATE")),  # notice is asked above it only
        ("customer_cash", 55, True, 54, ("RELEASE", "DISPATCH")),
        ("customer_cash", 55, False, None, ("RELEASE", "DISPATCH", "ESCALATE")),
        ("customer_transfer", 55, False, 54, ("RELEASE", "DISPATCH", "ESCALATE")),
    ],
)
def test_below_the_floor(
    kind: FlowKind, amount: int, reserved: bool, notice: int | None, actions: tuple[str, ...]
) -> None:
    threshold = None if notice is None else Fraction(notice)
    found = decide(
        kind,
        Fraction(amount),
        Fraction(800),
        Fraction(780),
        has_approved_reservation=reserved,
        cash_notice_threshold=threshold,
    )
    assert found.actions == actions
    assert found.decision == actions[0]
    assert (found.post, found.shortfall) == (Fraction(745), Fraction(35))


def test_wrong_amounts_and_windows_are_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        flow_alerts([Outflow("A", 0, Fraction(1)), Outflow("A", 0, Fraction(0))], SINGLE, ROLLING)
    assert caught.value.facts == {"field": "flows[1].amount", "record": "flows[1]"}
    with pytest.raises(InvalidInput):
        flow_alerts([], SINGLE, ROLLING, 0)
    with pytest.raises(InvalidInput):
        decide("bank_payment", Fraction(0), SINGLE, ROLLING)
