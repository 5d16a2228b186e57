"""CEG and CEC where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import close, flows, refused, run

LOAN: dict[str, Any] = {
    "contractType": "PAM",
    "contractID": "loan-1",
    "contractRole": "RPA",
    "currency": "EUR",
    "initialExchangeDate": "2024-01-01",
    "maturityDate": "2025-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.12,
    "dayCountConvention": "30E360",
    "marketObjectCode": "LOAN",
}
OTHER = LOAN | {
    "contractID": "loan-2",
    "notionalPrincipal": 500,
    "maturityDate": "2024-10-01",
    "marketObjectCode": "OTHER",
}
GOLD = {"contractType": "COM", "contractID": "gold-1", "marketObjectCode": "GOLD", "quantity": 3}


def reference(contract: dict[str, Any], role: str) -> dict[str, Any]:
    kind = "CNT" if "contractType" in contract else "CID"
    return {"object": contract, "referenceType": kind, "referenceRole": role}


GUARANTEE: dict[str, Any] = {
    "contractType": "CEG",
    "contractID": "guarantee-1",
    "contractRole": "BUY",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "contractStructure": [reference(LOAN, "COVE"), reference(OTHER, "COVE")],
    "coverageOfCreditEnhancement": 0.8,
    "guaranteedExposure": "NO",
    "creditEventTypeCovered": "DF",
    "settlementPeriod": "P10D",
}
COLLATERAL = GUARANTEE | {
    "contractType": "CEC",
    "contractID": "collateral-1",
    "contractStructure": [*GUARANTEE["contractStructure"], reference(GOLD, "COVI")],
}


def fails(day: str, performance: str = "DF", contract: str = "loan-1") -> list[dict[str, Any]]:
    return [{"time": day, "type": "CE", "contractId": contract, "states": {"contractPerformance": performance}}]


def test_it_matures_with_the_last_event_of_what_it_covers() -> None:
    assert flows(run(GUARANTEE)) == [("25-01-01", "MD", 0.0)]
    assert flows(run(GUARANTEE, maturityDate="2024-06-01")) == [("24-06-01", "MD", 0.0)]
    assert run(GUARANTEE, statusDate="2024-02-01").initial.notional_principal == pytest.approx(1200.0)


@pytest.mark.parametrize(
    ("exposure", "covered"), [("NO", 1500.0), ("NI", 1500.0 + 30.0 + 15.0), ("MV", 700.0), (None, 1500.0)]
)
@pytest.mark.parametrize("role", ["BUY", "SEL"])
def test_the_exposure_covered(exposure: str | None, covered: float, role: str) -> None:
    sign = 1 if role == "BUY" else -1
    prices = {"LOAN": {"2024-02-01": 600.0}, "OTHER": {"2024-02-01": 100.0}}
    result = run(GUARANTEE, prices, fails("2024-04-01"), guaranteedExposure=exposure, contractRole=role)
    assert flows(result) == close([("24-04-01", "XD", 0.0), ("24-04-11", "STD", sign * 0.8 * covered)])


def test_what_has_matured_is_no_longer_owed() -> None:
    result = run(GUARANTEE, events=fails("2024-11-01"))
    assert flows(result)[-1:] == close([("24-11-11", "STD", 800.0)])


@pytest.mark.parametrize(
    "events",
    [
        fails("2024-04-01", "DQ"),
        fails("2024-04-01", contract="loan-3"),
        fails("2025-02-01"),
        fails("2023-12-01"),
    ],
)
def test_what_does_not_trigger(events: list[dict[str, Any]]) -> None:
    assert flows(run(GUARANTEE, events=events)) == [("25-01-01", "MD", 0.0)]


def test_several_types_of_credit_event_may_be_covered_and_the_first_one_counts() -> None:
    events = [*fails("2024-05-01"), *fails("2024-04-01", "DQ", "loan-2"), *fails("2024-03-01", "DL")]
    result = run(GUARANTEE, events=events, creditEventTypeCovered=["DQ", "DF"])
    assert flows(result)[0] == ("24-04-01", "XD", 0.0)


def test_settlement_keeps_to_business_days_and_is_reported_beyond_the_horizon() -> None:
    weekend = {"calendar": "MF", "businessDayConvention": "SCF", "settlementPeriod": "P5D"}
    result = run(GUARANTEE, events=fails("2024-04-01"), to="2024-04-01", **weekend)
    assert flows(result)[-1][:2] == ("24-04-08", "STD")


def test_a_credit_event_of_the_past_leaves_its_settlement() -> None:
    loan = LOAN | {"contractPerformance": "DF"}
    past = GUARANTEE | {
        "contractStructure": [reference(loan, "COVE")],
        "statusDate": "2024-04-05",
        "exerciseDate": "2024-04-01",
        "exerciseAmount": 640,
    }
    assert flows(run(past)) == [("24-04-11", "STD", 640.0)]
    unexercised = {name: value for name, value in past.items() if not name.startswith("exercise")}
    assert flows(run(unexercised)) == [("25-01-01", "MD", 0.0)]


FEE = {"feeRate": 9, "cycleAnchorDateOfFee": "2024-02-01", "cycleOfFee": "P3ML1", "dayCountConvention": "30E360"}


def test_fees_as_an_amount_stop_at_the_credit_event_and_the_running_one_is_paid_in_whole_units() -> None:
    result = run(GUARANTEE, events=fails("2024-06-16"), feeBasis="A", **FEE)
    assert flows(result) == close(
        [
            ("24-02-01", "FP", 9.0),
            ("24-05-01", "FP", 9.0),
            ("24-06-16", "XD", 0.0),
            ("24-06-26", "STD", 1200.0 + 4.0),  # 45 of 90 days of 9 are 4.50
        ]
    )
    whole = [day for day, kind, _ in flows(run(GUARANTEE, feeBasis="A", **FEE)) if kind == "FP"]
    assert whole == ["24-02-01", "24-05-01", "24-08-01", "24-11-01", "25-01-01"]


def test_fees_as_a_rate_accrue_on_what_is_guaranteed() -> None:
    bought = {"purchaseDate": "2024-02-01", "priceAtPurchaseDate": 7}
    rate = FEE | {"feeRate": 0.012, "cycleAnchorDateOfFee": None}
    result = run(GUARANTEE, events=fails("2024-06-01"), feeBasis="N", **bought, **rate)
    assert flows(result) == close(
        [
            ("24-02-01", "PRD", -7.0),
            ("24-05-01", "FP", 1200 * 0.003),
            ("24-06-01", "XD", 0.0),
            ("24-06-11", "STD", 1200 + 1200 * 0.001),
        ]
    )


def test_a_given_notional_needs_no_covered_contract_in_full() -> None:
    named = GUARANTEE | {
        "contractStructure": [reference({"contractIdentifier": "US1"}, "COVE")],
        "maturityDate": "2024-12-31",
        "notionalPrincipal": 50,
    }
    result = run(named, events=fails("2024-04-01", contract="US1"))
    assert flows(result)[-1] == ("24-04-11", "STD", 40.0)
    refused("notionalPrincipal", named | {"notionalPrincipal": None})
    refused("maturityDate", named | {"maturityDate": None})


def test_a_termination_ends_it_at_its_price() -> None:
    ended = run(GUARANTEE, contractRole="SEL", terminationDate="2024-03-01", priceAtTerminationDate=5)
    assert flows(ended) == [("24-03-01", "TD", -5.0)]


@pytest.mark.parametrize(("price", "paid"), [(1_000.0, 1200.0), (100.0, 300.0), (0.0, 0.0)])
@pytest.mark.parametrize("role", ["BUY", "SEL"])
def test_collateral_pays_what_is_covered_as_far_as_it_goes(price: float, paid: float, role: str) -> None:
    sign = 1 if role == "BUY" else -1
    result = run(COLLATERAL, {"GOLD": {"2024-03-01": price}}, fails("2024-04-01"), contractRole=role)
    assert flows(result) == close([("24-04-01", "XD", 0.0), ("24-04-11", "STD", sign * paid)])
    assert result.flows[0].after.notional_principal == pytest.approx(sign * 1200.0)


def test_collateral_is_valued_only_when_a_credit_event_asks() -> None:
    assert flows(run(COLLATERAL)) == [("25-01-01", "MD", 0.0)]
    refused("dataObserved", COLLATERAL, events=fails("2024-04-01"))


def test_several_covering_contracts_add_up() -> None:
    silver = reference({"contractIdentifier": "SILVER"}, "COVI")
    both = COLLATERAL | {"contractStructure": [*COLLATERAL["contractStructure"], silver]}
    prices = {"GOLD": {"2024-03-01": 100.0}, "SILVER": {"2024-03-01": 11.0}}
    assert flows(run(both, prices, fails("2024-04-01")))[-1][2] == pytest.approx(311.0)


def test_monitoring_follows_the_exposure() -> None:
    for contract in (GUARANTEE, COLLATERAL):
        watched = run(contract, events=[{"time": "2024-11-15", "type": "AD"}])
        assert [kind for _, kind, _ in flows(watched)] == ["AD", "MD"]
    assert watched.flows[0].after.notional_principal == pytest.approx(800.0)


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("contractStructure", {"contractStructure": [reference(GOLD, "COVI")]}),
        ("coverageOfCreditEnhancement", {"coverageOfCreditEnhancement": 1.5}),
        ("exerciseAmount", {"exerciseDate": "2023-12-01"}),
        ("creditEventTypeCovered", {"creditEventTypeCovered": "XX"}),
        ("feeBasis", {"feeRate": 1}),
        ("cycleAnchorDateOfFee", FEE | {"feeBasis": "A", "cycleAnchorDateOfFee": None}),
        ("contractRole", {"contractRole": None}),
    ],
)
def test_bad_terms_are_named(term: str, change: dict[str, Any]) -> None:
    refused(term, GUARANTEE | change)


def test_collateral_wants_a_covering_contract() -> None:
    refused("contractStructure", COLLATERAL | {"contractStructure": GUARANTEE["contractStructure"]})
