"""SWPPV where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import close, flows, refused, run

SWAP: dict[str, Any] = {
    "contractType": "SWPPV",
    "contractID": "swap-1",
    "contractRole": "RF",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "maturityDate": "2025-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.06,
    "nominalInterestRate2": 0.03,
    "dayCountConvention": "30E360",
    "cycleAnchorDateOfInterestPayment": "2024-07-01",
    "cycleOfInterestPayment": "P6ML1",
    "cycleAnchorDateOfRateReset": "2024-04-01",
    "cycleOfRateReset": "P6ML1",
    "marketObjectCodeOfRateReset": "RATE",
    "rateSpread": 0.01,
}
RATES = {"RATE": {"2024-04-01": 0.05, "2024-10-01": 0.01}}


def test_delivered_both_legs_pay_and_a_reset_between_payments_splits_the_floating_one() -> None:
    paid = [flow for flow in flows(run(SWAP, RATES)) if flow[1] != "RR"]
    assert paid == close(
        [
            ("24-01-01", "IED", 0.0),
            ("24-07-01", "IPFX", 30.0),
            ("24-07-01", "IPFL", -7.5 - 15.0),
            ("25-01-01", "IPFX", 30.0),
            ("25-01-01", "IPFL", -15.0 - 5.0),
            ("25-01-01", "MD", 0.0),
        ]
    )


def test_techspec_7_12_without_a_cycle_interest_is_paid_at_the_maturity_alone() -> None:
    once = flows(run(SWAP, RATES, cycleOfInterestPayment=None, deliverySettlement="S"))
    assert [row for row in once if row[1] == "IP"] == close([("25-01-01", "IP", 60.0 - 7.5 - 30.0 - 5.0)])


@pytest.mark.parametrize("role", ["RF", "PF"])
def test_netted_the_difference_is_the_sum_of_the_delivered_legs(role: str) -> None:
    delivered = flows(run(SWAP, RATES, contractRole=role))
    netted = flows(run(SWAP, RATES, contractRole=role, deliverySettlement="S"))
    sums: dict[str, float] = {}
    for day, kind, payoff in delivered:
        if kind in ("IPFX", "IPFL"):
            sums[day] = sums.get(day, 0.0) + payoff
    assert {day: payoff for day, kind, payoff in netted if kind == "IP"} == pytest.approx(sums)


def test_the_accrued_interest_shown_is_net_only_when_settlement_is() -> None:
    bought = {"purchaseDate": "2024-03-01", "priceAtPurchaseDate": 4}
    delivered, netted = run(SWAP, RATES, **bought), run(SWAP, RATES, deliverySettlement="S", **bought)
    assert flows(delivered)[0] == ("24-03-01", "PRD", -4.0)
    assert delivered.flows[0].after.accrued_interest == pytest.approx(10.0)
    assert netted.flows[0].after.accrued_interest == pytest.approx(5.0)
    assert netted.flows[0].after.accrued_interest2 == pytest.approx(5.0)


def test_in_mid_life_both_legs_have_accrued_since_the_last_payment() -> None:
    later = run(SWAP, RATES, statusDate="2024-08-01", nominalInterestRate2=0.06)
    assert later.initial.accrued_interest1 == pytest.approx(5.0)
    assert later.initial.accrued_interest2 == pytest.approx(5.0)
    given = run(SWAP, RATES, statusDate="2024-08-01", deliverySettlement="S", accruedInterest=2)
    assert flows(given)[1:2] == close([("25-01-01", "IP", 2 + 5.0 + 10.0)])


def test_a_known_rate_takes_the_place_of_the_first_reset() -> None:
    known = run(SWAP, RATES, nextResetRate=0.1)
    first = next(flow for flow in known.flows if flow.event.kind == "RRF")
    assert first.after.nominal_interest_rate == 0.1
    assert [kind for _, kind, _ in flows(known)].count("RR") == 1


def test_without_cycles_interest_is_paid_at_maturity_and_the_rate_stays() -> None:
    plain = SWAP | {
        name: None
        for name in (
            "cycleAnchorDateOfInterestPayment",
            "cycleOfInterestPayment",
            "cycleAnchorDateOfRateReset",
            "cycleOfRateReset",
        )
    }
    assert flows(run(plain))[1:] == close(
        [("25-01-01", "IPFX", 60.0), ("25-01-01", "IPFL", -30.0), ("25-01-01", "MD", 0.0)]
    )


def test_a_termination_pays_its_price_without_role_sign() -> None:
    ended = run(SWAP, RATES, contractRole="PF", terminationDate="2024-03-01", priceAtTerminationDate=9)
    assert flows(ended)[-1] == ("24-03-01", "TD", 9.0)
    assert ended.flows[-1].after.notional_principal == 0.0


@pytest.mark.parametrize(
    "term", ["nominalInterestRate", "nominalInterestRate2", "maturityDate", "marketObjectCodeOfRateReset"]
)
def test_missing_terms_are_named(term: str) -> None:
    refused(term, SWAP | {term: None})


def test_a_swap_ends_after_it_begins() -> None:
    refused("maturityDate", SWAP | {"maturityDate": "2024-01-01"})
