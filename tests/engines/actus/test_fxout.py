"""FXOUT where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import close, flows, refused, run

FORWARD: dict[str, Any] = {
    "contractType": "FXOUT",
    "contractID": "forward-1",
    "contractRole": "RPA",
    "currency": "USD",
    "currency2": "EUR",
    "statusDate": "2023-12-31",
    "maturityDate": "2024-03-29",
    "notionalPrincipal": 110,
    "notionalPrincipal2": 100,
}
CASH = FORWARD | {"deliverySettlement": "S", "settlementPeriod": "P1D"}


def test_delivered_each_amount_is_a_flow_in_its_own_currency() -> None:
    result = run(FORWARD, contractRole="RPL")
    assert [(flow.payoff, flow.currency) for flow in result.flows] == [(-110.0, "USD"), (100.0, "EUR")]
    rates = {"USD/GBP": {"2024-01-01": 0.75}, "EUR/GBP": {"2024-01-01": 0.8}}
    third = run(FORWARD, rates, settlementCurrency="GBP")
    assert [(flow.payoff, flow.currency) for flow in third.flows] == [(82.5, "GBP"), (-80.0, "GBP")]


def test_the_second_currency_may_be_the_one_of_settlement() -> None:
    own = run(FORWARD, {"USD/EUR": {"2024-01-01": 0.9}}, settlementCurrency="EUR")
    assert [flow.payoff for flow in own.flows] == pytest.approx([99.0, -100.0])


def test_cash_settlement_takes_the_rate_of_the_maturity_and_waits_for_a_business_day() -> None:
    rates = {"EUR/USD": {"2024-03-29": 1.05, "2024-03-30": 2.0}}
    assert flows(run(CASH, rates)) == close([("24-03-30", "STD", 5.0)])
    following = run(CASH, rates, calendar="MF", businessDayConvention="CSF")
    assert flows(following) == close([("24-04-01", "STD", 5.0)])
    modified = run(CASH, rates, calendar="MF", businessDayConvention="CSMF")
    assert flows(modified) == close([("24-03-29", "STD", 5.0)])


def test_a_settlement_is_reported_beyond_a_horizon_that_its_maturity_meets() -> None:
    rates = {"EUR/USD": {"2024-03-29": 1.05}}
    assert flows(run(CASH, rates, to="2024-03-29")) == close([("24-03-30", "STD", 5.0)])
    assert flows(run(CASH, rates, to="2024-03-28")) == []


def test_between_maturity_and_settlement_the_amount_is_given() -> None:
    fixed = run(CASH, statusDate="2024-03-29", exerciseDate="2024-03-29", exerciseAmount=7)
    assert flows(fixed) == [("24-03-30", "STD", 7.0)]


def test_a_termination_pays_its_price_and_ends_it() -> None:
    ended = run(FORWARD, contractRole="RPL", terminationDate="2024-02-01", priceAtTerminationDate=-3)
    assert flows(ended) == [("24-02-01", "TD", -3.0)]


@pytest.mark.parametrize("term", ["currency2", "maturityDate", "notionalPrincipal", "notionalPrincipal2"])
def test_missing_terms_are_named(term: str) -> None:
    refused(term, FORWARD | {term: None})


def test_two_currencies_differ_and_a_rate_must_be_observed() -> None:
    refused("currency2", FORWARD | {"currency2": "USD"})
    refused("dataObserved", CASH)
