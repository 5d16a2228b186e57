"""CAPFL where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import close, flows, refused, run

LOAN: dict[str, Any] = {
    "contractType": "PAM",
    "contractID": "loan-1",
    "initialExchangeDate": "2024-01-01",
    "maturityDate": "2025-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.05,
    "dayCountConvention": "30E360",
    "cycleAnchorDateOfInterestPayment": "2024-04-01",
    "cycleOfInterestPayment": "P3ML1",
    "cycleAnchorDateOfRateReset": "2024-04-01",
    "cycleOfRateReset": "P3ML1",
    "marketObjectCodeOfRateReset": "RATE",
}
SWAP = LOAN | {"contractType": "SWPPV", "contractID": "swap-1", "nominalInterestRate2": 0.05}
RATES = {"RATE": {"2024-04-01": 0.10, "2024-07-01": 0.01, "2024-10-01": 0.06}}


def option(underlying: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "contractType": "CAPFL",
        "contractID": "cap-1",
        "contractRole": "BUY",
        "currency": "EUR",
        "statusDate": "2023-12-31",
        "contractStructure": [{"object": underlying, "referenceType": "CNT", "referenceRole": "UDL"}],
        **more,
    }


COLLAR = {"lifeCap": 0.07, "lifeFloor": 0.02}


@pytest.mark.parametrize("settled", ["D", "S"])
@pytest.mark.parametrize("role", ["BUY", "SEL"])
def test_a_collar_over_a_loan_or_a_swap_pays_what_both_bounds_change(role: str, settled: str) -> None:
    sign = 1 if role == "BUY" else -1
    expected = close(
        [
            ("24-04-01", "IP", 0.0),
            ("24-07-01", "IP", sign * 7.5),
            ("24-10-01", "IP", sign * 2.5),
            ("25-01-01", "IP", 0.0),
        ]
    )
    assert flows(run(option(LOAN, contractRole=role, **COLLAR), RATES)) == expected
    swap = SWAP | {"deliverySettlement": settled}
    assert flows(run(option(swap, contractRole=role, **COLLAR), RATES)) == expected


def test_bounds_of_the_underlying_itself_do_not_count() -> None:
    bounded = option(LOAN | {"lifeCap": 0.03}, lifeCap=0.07)
    assert flows(run(bounded, RATES)) == flows(run(option(LOAN, lifeCap=0.07), RATES))


@pytest.mark.parametrize("underlying", [LOAN, SWAP])
def test_purchase_and_termination_pay_their_price_with_what_has_accrued(underlying: dict[str, Any]) -> None:
    traded = option(
        underlying,
        **COLLAR,
        purchaseDate="2024-05-01",
        priceAtPurchaseDate=4,
        terminationDate="2024-09-01",
        priceAtTerminationDate=5,
    )
    assert flows(run(traded, RATES)) == close(
        [("24-05-01", "PRD", -4 + 2.5), ("24-07-01", "IP", 7.5), ("24-09-01", "TD", 5 + 10 / 6)]
    )


def test_monitoring_shows_what_has_accrued() -> None:
    watched = run(option(LOAN, **COLLAR), RATES, [{"time": "2024-05-01", "type": "AD"}])
    shown = next(flow for flow in watched.flows if flow.event.kind == "AD")
    assert shown.after.accrued_interest == pytest.approx(2.5)


def test_bad_structures_and_bounds_are_named() -> None:
    refused("lifeCap", option(LOAN))
    refused("lifeCap", option(LOAN, lifeCap=0.01, lifeFloor=0.02))
    refused("contractStructure", option(LOAN | {"contractType": "STK"}, lifeCap=0.01))
    refused("contractStructure", option(LOAN, lifeCap=0.01) | {"contractStructure": []})
    refused("notionalPrincipal", option(LOAN | {"notionalPrincipal": None}, lifeCap=0.01), record="loan-1")
