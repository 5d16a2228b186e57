"""CLM where the published cases do not go: calls, observed movements, fees; the principal law of Q16."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.actus.dates import parse_instant
from engines.actus.observed import read_observed
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from tests.engines.actus.running import close, flows, refused, run

CALLABLE: dict[str, Any] = {
    "contractType": "CLM",
    "contractID": "call-1",
    "contractRole": "RPA",
    "currency": "USD",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.12,
    "dayCountConvention": "30E360",
    "xDayNotice": "P1M",
}


def call(day: str) -> list[dict[str, Any]]:
    return [{"time": day, "type": "XD", "value": 0}]


def test_at_maturity_interest_is_paid_once() -> None:
    assert flows(run(CALLABLE, maturityDate="2024-07-01")) == close(
        [("24-01-01", "IED", -1000.0), ("24-07-01", "IP", 60.0), ("24-07-01", "MD", 1000.0)]
    )


def test_a_call_stops_interest_and_settles_after_the_notice_even_beyond_the_horizon() -> None:
    result = run(CALLABLE, events=call("2024-03-01"), to="2024-03-15")
    assert flows(result) == close(
        [("24-01-01", "IED", -1000.0), ("24-03-01", "XD", 0.0), ("24-04-01", "IP", 20.0), ("24-04-01", "STD", 1000.0)]
    )
    called = result.flows[1].after
    assert called.accrued_interest == 0.0
    assert called.exercise_amount == pytest.approx(20.0)
    assert called.exercise_date == parse_instant("2024-03-01")
    watched = run(CALLABLE, events=[*call("2024-03-01"), {"time": "2024-03-20", "type": "AD"}])
    assert flows(watched)[-2:] == close([("24-04-01", "IP", 20.0), ("24-04-01", "STD", 1000.0)])


def test_a_call_after_the_horizon_is_not_seen() -> None:
    assert flows(run(CALLABLE, events=call("2024-03-01"), to="2024-02-15")) == [("24-01-01", "IED", -1000.0)]


def test_a_call_without_notice_pays_at_once_and_shows_its_interest_as_accrued() -> None:
    result = run(CALLABLE, events=call("2024-03-01"), xDayNotice="P0D")
    assert [day for day, _, _ in flows(result)] == ["24-01-01", "24-03-01", "24-03-01", "24-03-01"]
    assert result.flows[1].after.accrued_interest == pytest.approx(20.0)
    assert flows(result)[2:] == close([("24-03-01", "IP", 20.0), ("24-03-01", "STD", 1000.0)])


def test_settlement_waits_for_a_business_day() -> None:
    weekend = run(CALLABLE, events=call("2024-03-01"), xDayNotice="P1D", calendar="MF", businessDayConvention="SCF")
    assert flows(weekend)[-1][:2] == ("24-03-04", "STD")


def test_a_call_whose_notice_runs_past_the_maturity_changes_nothing() -> None:
    called = run(CALLABLE, events=call("2024-06-15"), maturityDate="2024-07-01")
    assert flows(called) == flows(run(CALLABLE, maturityDate="2024-07-01"))
    early = run(CALLABLE, events=call("2024-03-01"), maturityDate="2024-07-01")
    assert flows(early)[-1] == ("24-04-01", "STD", 1000.0)


def test_no_interest_is_capitalised_at_or_after_the_call() -> None:
    result = run(CALLABLE, events=call("2024-03-01"), cycleOfInterestPayment="P1ML1")
    assert [(day, kind) for day, kind, _ in flows(result)][1:] == [
        ("24-02-01", "IPCI"),
        ("24-03-01", "XD"),
        ("24-04-01", "IP"),
        ("24-04-01", "STD"),
    ]
    assert result.flows[-1].payoff == pytest.approx(1010.0)
    assert result.flows[-2].payoff == pytest.approx(10.1)


def test_observed_movements_of_principal_and_the_day_of_the_last_one() -> None:
    moves = [
        {"time": "2024-02-01", "type": "PI", "value": -500},
        {"time": "2024-03-01", "type": "PR", "value": 300},
    ]
    assert flows(run(CALLABLE, events=moves)) == close(
        [
            ("24-01-01", "IED", -1000.0),
            ("24-02-01", "PI", -500.0),
            ("24-03-01", "PR", 300.0),
            ("24-03-01", "IP", 10.0 + 15.0),
            ("24-03-01", "MD", 1200.0),
        ]
    )


def test_interest_in_mid_life_begins_at_the_status_date_unless_it_is_given() -> None:
    """docs/adr/0006."""
    later = run(CALLABLE, statusDate="2024-02-16", maturityDate="2024-03-01", cycleOfInterestPayment="P1ML1")
    assert later.initial.accrued_interest == 0.0
    assert later.flows[0].payoff == pytest.approx(0.12 * 15 / 360 * 1000)
    given = run(CALLABLE, statusDate="2024-02-16", maturityDate="2024-03-01", accruedInterest=7)
    assert given.flows[0].payoff == pytest.approx(7 + 0.12 * 15 / 360 * 1000)


def test_fees_end_with_the_loan_and_not_with_the_horizon() -> None:
    fee = {"feeBasis": "A", "feeRate": 5, "cycleAnchorDateOfFee": "2024-02-01", "cycleOfFee": "P1ML1"}
    open_ended = run(CALLABLE, **fee, to="2024-03-15")
    assert [day for day, kind, _ in flows(open_ended) if kind == "FP"] == ["24-02-01", "24-03-01"]
    ended = run(CALLABLE, **fee, maturityDate="2024-03-15")
    assert [day for day, kind, _ in flows(ended) if kind == "FP"] == ["24-02-01", "24-03-01", "24-03-15"]


def test_a_termination_ends_it_at_its_price_with_the_interest() -> None:
    ended = run(CALLABLE, maturityDate="2024-07-01", terminationDate="2024-04-01", priceAtTerminationDate=990)
    assert flows(ended)[1:] == close([("24-04-01", "TD", 1020.0)])


def test_without_an_end_a_horizon_is_wanted() -> None:
    assert "horizon" in refused("maturityDate", CALLABLE)


@settings(max_examples=200)
@given(
    role=st.sampled_from(("RPA", "RPL")),
    notional=st.floats(1, 1e9),
    rate=st.floats(-0.05, 0.3),
    cycle=st.sampled_from((None, "P10DL1", "P1ML0", "P3ML1")),
    moved=st.lists(st.tuples(st.integers(1, 300), st.floats(-0.2, 0.2)), max_size=4),
    called=st.none() | st.integers(1, 300),
    notice=st.sampled_from(("P0D", "P9D", "P1M")),
    matures=st.none() | st.integers(10, 350),
)
def test_q16_what_goes_out_comes_back(
    role: str,
    notional: float,
    rate: float,
    cycle: str | None,
    moved: list[tuple[int, float]],
    called: int | None,
    notice: str,
    matures: int | None,
) -> None:
    def day(after: int) -> str:
        return str(date(2024, 1, 1) + timedelta(after))

    events: list[dict[str, Any]] = [
        {"time": day(after), "type": "PR" if part > 0 else "PI", "value": part * notional} for after, part in moved
    ]
    events += call(day(called)) if called else []
    raw = CALLABLE | {
        "contractRole": role,
        "notionalPrincipal": notional,
        "nominalInterestRate": rate,
        "cycleOfInterestPayment": cycle,
        "xDayNotice": notice,
        "maturityDate": day(matures) if matures else None,
    }
    result = evaluate(read_terms(raw), read_observed({}, events), to=parse_instant("2026-01-01"))
    left, largest = 0.0, 1.0
    for flow in result.flows:
        largest = max(largest, abs(flow.before.notional_principal))
        match flow.event.kind:
            case "IED":
                left += flow.after.notional_principal
            case "PR" | "PI" | "MD" | "STD":
                left -= flow.payoff
            case "IPCI":
                left += flow.after.notional_principal - flow.before.notional_principal
    ends = any(flow.event.kind in ("MD", "STD") for flow in result.flows)
    outstanding = 0.0 if ends else result.flows[-1].after.notional_principal
    assert abs(left - outstanding) <= 1e-9 * largest
