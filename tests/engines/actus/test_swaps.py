"""SWAPS where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import close, flows, refused, run

LEG: dict[str, Any] = {
    "contractType": "PAM",
    "initialExchangeDate": "2024-01-01",
    "maturityDate": "2025-01-01",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.06,
    "dayCountConvention": "30E360",
    "cycleAnchorDateOfInterestPayment": "2024-07-01",
    "cycleOfInterestPayment": "P6ML1",
}


def swap(first: dict[str, Any] | None = None, second: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    legs = (
        (LEG | {"contractID": "leg-1"} | (first or {}), "FIL"),
        (LEG | {"contractID": "leg-2"} | (second or {}), "SEL"),
    )
    return {
        "contractType": "SWAPS",
        "contractID": "swap-1",
        "contractRole": "RFL",
        "currency": "EUR",
        "statusDate": "2023-12-31",
        "contractStructure": [{"object": leg, "referenceType": "CNT", "referenceRole": role} for leg, role in legs],
        **more,
    }


FLOATING = {"nominalInterestRate": 0.02, "notionalPrincipal": 900}


def test_roles_turn_both_legs_and_legs_inherit_what_they_lack() -> None:
    received, paid = run(swap(second=FLOATING)), run(swap(second=FLOATING, contractRole="PFL"))
    assert flows(received)[:2] == [("24-01-01", "IED", -1000.0), ("24-01-01", "IED", 900.0)]
    assert [-payoff for _, _, payoff in flows(paid)] == [payoff for _, _, payoff in flows(received)]
    assert {flow.currency for flow in received.flows} == {"EUR"}


def test_netted_events_sum_and_what_stands_alone_stays() -> None:
    netted = run(swap(second=FLOATING | {"cycleOfInterestPayment": "P3ML1"}, deliverySettlement="S"))
    assert flows(netted) == close(
        [
            ("24-01-01", "IED", -100.0),
            ("24-07-01", "IP", 30.0 - 9.0),
            ("24-10-01", "IP", -4.5),
            ("25-01-01", "IP", 30.0 - 4.5),
            ("25-01-01", "MD", 100.0),
        ]
    )
    merged, alone = netted.flows[1].after, netted.flows[2].after
    assert (merged.notional_principal, merged.nominal_interest_rate) == (100.0, 0.0)
    assert (alone.notional_principal, alone.nominal_interest_rate) == (-900.0, 0.02)


def test_delivered_and_netted_pay_the_same_in_total_each_day() -> None:
    def by_day(**more: Any) -> dict[str, float]:
        sums: dict[str, float] = {}
        for day, _, payoff in flows(run(swap(second=FLOATING | {"maturityDate": "2025-04-01"}, **more))):
            sums[day] = sums.get(day, 0.0) + payoff
        return sums

    assert by_day(deliverySettlement="S") == pytest.approx(by_day())


def test_rate_resets_of_both_legs_at_one_time_stay_two_events() -> None:
    reset = {"cycleAnchorDateOfRateReset": "2024-04-01", "marketObjectCodeOfRateReset": "RATE"}
    both = swap(reset, reset | {"rateSpread": 0.01}, deliverySettlement="S")
    result = run(both, {"RATE": {"2024-01-01": 0.03}})
    rates = [flow.after.nominal_interest_rate for flow in result.flows if flow.event.kind == "RR"]
    assert rates == pytest.approx([0.03, 0.04])


def test_two_currencies_are_not_netted() -> None:
    crossed = run(swap(second={"currency": "USD"}, deliverySettlement="S"))
    assert [(kind, flow.currency) for flow in crossed.flows for kind in [str(flow.event.kind)]][:2] == [
        ("IED", "EUR"),
        ("IED", "USD"),
    ]


def test_a_purchase_drops_what_was_before_and_a_termination_what_is_after() -> None:
    traded = run(
        swap(
            second=FLOATING,
            purchaseDate="2024-03-01",
            priceAtPurchaseDate=5,
            terminationDate="2024-08-01",
            priceAtTerminationDate=6,
        )
    )
    assert flows(traded) == close(
        [("24-03-01", "PRD", 5.0), ("24-07-01", "IP", 30.0), ("24-07-01", "IP", -9.0), ("24-08-01", "TD", 6.0)]
    )


def test_a_purchase_turns_with_the_role_as_that_of_every_other_type() -> None:
    bought = swap(contractRole="PFL", purchaseDate="2024-03-01", priceAtPurchaseDate=5)
    assert flows(run(bought))[0] == ("24-03-01", "PRD", -5.0)


def test_legs_of_one_name_are_two_legs_all_the_same() -> None:
    assert flows(run(swap(second={"contractID": "leg-1"}))) == flows(run(swap()))


def test_monitoring_shows_the_interest_of_both_legs() -> None:
    watched = run(swap(second=FLOATING), events=[{"time": "2024-03-01", "type": "AD", "contractId": "swap-1"}])
    shown = next(flow for flow in watched.flows if flow.event.kind == "AD")
    assert shown.after.accrued_interest == pytest.approx(10.0 - 3.0)
    assert watched.initial.accrued_interest == 0.0
    later = run(swap(second=FLOATING, statusDate="2024-08-01"))
    assert later.initial.accrued_interest == pytest.approx(5.0 - 1.5)


def test_observed_events_reach_the_leg_that_they_name() -> None:
    prepaid = swap(second={"prepaymentEffect": "A"})
    events = [{"time": "2024-05-01", "type": "PP", "value": -100, "contractId": "leg-2"}]
    result = run(prepaid, events=events)
    assert ("24-05-01", "PP", -100.0) in flows(result)
    assert flows(result)[-1] == ("25-01-01", "MD", -900.0)


def test_a_swap_of_swaps() -> None:
    inner = swap(second=FLOATING) | {"contractID": "leg-1"}
    outer = swap()
    outer["contractStructure"][0]["object"] = inner
    shown = flows(run(outer))
    assert [payoff for _, kind, payoff in shown if kind == "IED"] == [-1000.0, 900.0, 1000.0]
    assert sum(payoff for _, kind, payoff in shown if kind == "MD") == 1000.0 - 900.0 - 1000.0


def test_bad_structures_are_named() -> None:
    whole = swap()
    refused("contractStructure", whole | {"contractStructure": whole["contractStructure"][:1]})
    refused("contractStructure", whole | {"contractStructure": whole["contractStructure"] * 2})
    refused("contractStructure", swap(first={"terminationDate": "2024-02-01", "priceAtTerminationDate": 1}))
    refused("contractRole", swap(contractRole="RPA"))
    refused("notionalPrincipal", swap(second={"notionalPrincipal": None}), record="leg-2")
    refused("contractType", swap(second={"contractType": "XYZ"}), record="leg-2")
    by_name = [
        {"object": {"marketObjectCode": "A"}, "referenceType": "MOC", "referenceRole": role}
        for role in ("FIL", "SEL")
    ]
    refused("contractStructure", whole | {"contractStructure": by_name})
