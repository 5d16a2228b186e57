"""UMP where the published cases do not go."""

from typing import Any

from tests.engines.actus.running import close, flows, refused, run

ACCOUNT: dict[str, Any] = {
    "contractType": "UMP",
    "contractID": "account-1",
    "contractRole": "RPL",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.12,
    "dayCountConvention": "30E360",
    "cycleOfInterestPayment": "P1ML0",
}


def test_a_withdrawal_and_a_deposit_carry_the_sign_of_their_flow() -> None:
    moves = [
        {"time": "2024-02-01", "type": "PR", "value": -400},
        {"time": "2024-03-01", "type": "PI", "value": 100},
    ]
    result = run(ACCOUNT, events=moves, to="2025-01-01", nominalInterestRate=0)
    assert [flow for flow in flows(result) if flow[1] in ("PR", "PI")] == [
        ("24-02-01", "PR", -400.0),
        ("24-03-01", "PI", 100.0),
    ]
    assert result.flows[-1].after.notional_principal == -700.0


def test_interest_goes_on_the_account_up_to_the_horizon_whatever_the_stub() -> None:
    result = run(ACCOUNT, to="2024-04-20")
    assert [(day, kind) for day, kind, _ in flows(result)] == [
        ("24-01-01", "IED"),
        ("24-02-01", "IPCI"),
        ("24-03-01", "IPCI"),
        ("24-04-01", "IPCI"),
    ]
    assert abs(result.flows[-1].after.notional_principal + 1000 * 1.01**3) < 1e-9


def test_movements_of_other_contracts_are_not_ours() -> None:
    other = [{"time": "2024-02-01", "type": "PR", "value": 400, "contractId": "account-2"}]
    assert flows(run(ACCOUNT, events=other, to="2024-03-15")) == flows(run(ACCOUNT, to="2024-03-15"))


def test_rates_are_reset_and_fees_paid() -> None:
    result = run(
        ACCOUNT,
        {"RATE": {"2024-01-01": 0.24}},
        to="2024-03-20",
        cycleOfInterestPayment=None,
        cycleAnchorDateOfRateReset="2024-02-01",
        marketObjectCodeOfRateReset="RATE",
        feeBasis="N",
        feeRate=0.012,
        cycleAnchorDateOfFee="2024-03-01",
    )
    assert flows(result) == close([("24-01-01", "IED", 1000.0), ("24-02-01", "RR", 0.0), ("24-03-01", "FP", -2.0)])
    assert abs(result.flows[-1].after.accrued_interest + 10 + 20) < 1e-9


def test_a_call_ends_the_account() -> None:
    called = run(ACCOUNT, events=[{"time": "2024-02-16", "type": "XD"}], xDayNotice="P10D", to="2024-12-31")
    assert flows(called)[1:] == close(
        [
            ("24-02-01", "IPCI", 0.0),
            ("24-02-16", "XD", 0.0),
            ("24-02-26", "IP", -1010 * 0.005),
            ("24-02-26", "STD", -1010.0),
        ]
    )


def test_an_account_needs_a_horizon_and_has_no_maturity() -> None:
    refused("terminationDate", ACCOUNT)
    refused("maturityDate", ACCOUNT | {"maturityDate": "2025-01-01"}, to="2024-12-31")
    refused("nominalInterestRate", ACCOUNT | {"nominalInterestRate": "much"}, to="2024-12-31")
