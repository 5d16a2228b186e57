"""OPTNS and FUTUR where the published cases do not go."""

from typing import Any

import pytest

from engines.actus.dates import parse_instant
from tests.engines.actus.running import close, flows, refused, run

CALL: dict[str, Any] = {
    "contractType": "OPTNS",
    "contractID": "option-1",
    "contractRole": "BUY",
    "currency": "USD",
    "statusDate": "2023-12-31",
    "maturityDate": "2024-06-28",
    "optionType": "C",
    "optionExerciseType": "A",
    "optionStrike1": 100,
    "settlementPeriod": "P2D",
    "contractStructure": [{"object": {"marketObjectCode": "SHARE"}, "referenceType": "MOC", "referenceRole": "UDL"}],
}
PRICES = {"SHARE": {"2024-01-01": 90.0, "2024-03-01": 130.0, "2024-06-01": 95.0}}
FUTURE = CALL | {
    "contractType": "FUTUR",
    "futuresPrice": 100,
    "optionType": None,
    "optionExerciseType": None,
    "optionStrike1": None,
}


def exercise(day: str) -> list[dict[str, Any]]:
    return [{"time": day, "type": "XD", "value": 0}]


def test_an_american_option_is_exercised_when_observed_and_ends_with_its_settlement() -> None:
    result = run(CALL, PRICES, exercise("2024-03-05"))
    assert flows(result) == [("24-03-05", "XD", 0.0), ("24-03-07", "STD", 30.0)]
    assert result.flows[0].after.exercise_date == parse_instant("2024-03-05")
    assert result.flows[1].after.exercise_amount == 0.0


def test_an_exercise_whose_settlement_comes_after_the_maturity_lets_it_pass() -> None:
    late = run(CALL, PRICES | {"SHARE": {"2024-01-01": 130.0}}, exercise("2024-06-27"))
    assert [(day, kind) for day, kind, _ in flows(late)] == [
        ("24-06-27", "XD"),
        ("24-06-28", "MD"),
        ("24-06-29", "STD"),
    ]
    assert late.flows[1].after.exercise_date == parse_instant("2024-06-27")


def test_an_american_option_not_exercised_is_by_itself_at_maturity_if_worth_something() -> None:
    worthless = run(CALL, PRICES)
    assert flows(worthless) == [("24-06-28", "MD", 0.0), ("24-06-28", "XD", 0.0), ("24-06-30", "STD", 0.0)]
    assert worthless.flows[1].after.exercise_date is None
    worth = run(CALL, PRICES, optionStrike1=90)
    assert flows(worth)[-1] == ("24-06-30", "STD", 5.0)
    assert worth.flows[0].after.exercise_date == parse_instant("2024-06-28")


@pytest.mark.parametrize(
    ("change", "day"),
    [
        ({"optionExerciseType": "E"}, "2024-03-05"),
        ({"cycleAnchorDateOfOptionality": "2024-04-01"}, "2024-03-05"),
        ({"optionExerciseEndDate": "2024-03-01"}, "2024-03-05"),
        (
            {
                "optionExerciseType": "B",
                "cycleAnchorDateOfOptionality": "2024-02-01",
                "cycleOfOptionality": "P1ML1",
            },
            "2024-03-05",
        ),
        ({}, "2024-07-01"),
        ({}, "2023-12-30"),
    ],
)
def test_an_exercise_that_the_option_does_not_allow_is_none(change: dict[str, Any], day: str) -> None:
    assert flows(run(CALL, PRICES, exercise(day), **change)) == flows(run(CALL, PRICES, **change))


def test_a_bermudan_option_is_exercised_on_the_dates_of_its_cycle() -> None:
    bermudan = {
        "optionExerciseType": "B",
        "cycleAnchorDateOfOptionality": "2024-02-01",
        "cycleOfOptionality": "P1ML1",
    }
    assert flows(run(CALL, PRICES, exercise("2024-03-01"), **bermudan))[-1] == ("24-03-03", "STD", 30.0)
    observed = [*exercise("2024-02-15"), *exercise("2024-04-01")]
    assert flows(run(CALL, PRICES, observed, **bermudan))[0][:2] == ("24-04-01", "XD")


@pytest.mark.parametrize(
    ("kind", "strikes", "worth"),
    [("C", (120, None), 10.0), ("P", (150, None), 20.0), ("CP", (120, 145), 10.0 + 15.0), ("P", (120, None), 0.0)],
)
@pytest.mark.parametrize("settled", ["S", "D"])
@pytest.mark.parametrize("role", ["BUY", "SEL"])
def test_worth_by_type_role_and_settlement(
    kind: str, strikes: tuple[float, float | None], worth: float, settled: str, role: str
) -> None:
    change = {"optionType": kind, "optionStrike1": strikes[0], "optionStrike2": strikes[1]}
    result = run(CALL, PRICES, exercise("2024-03-05"), deliverySettlement=settled, contractRole=role, **change)
    assert flows(result)[-1] == ("24-03-07", "STD", worth if role == "BUY" else -worth)


def test_settlement_keeps_to_business_days_and_is_reported_beyond_the_horizon() -> None:
    weekend = {"calendar": "MF", "settlementPeriod": "P1D"}
    for convention, day in (("CSF", "24-03-11"), ("SCP", "24-03-08"), ("CSMF", "24-03-11"), ("NOS", "24-03-09")):
        result = run(CALL, PRICES, exercise("2024-03-08"), businessDayConvention=convention, **weekend)
        assert flows(result)[-1] == (day, "STD", 30.0)
    assert flows(run(CALL, PRICES, exercise("2024-03-05"), to="2024-03-05"))[-1] == ("24-03-07", "STD", 30.0)
    assert flows(run(CALL, PRICES, exercise("2024-03-05"), to="2024-03-04")) == []


def test_exercised_before_the_status_date_only_the_settlement_is_left() -> None:
    past = run(CALL, {}, statusDate="2024-03-06", exerciseDate="2024-03-05", exerciseAmount=30)
    assert flows(past) == [("24-03-07", "STD", 30.0)]
    ahead = run(CALL, PRICES, optionExerciseType="E", exerciseDate="2024-03-05")
    assert flows(ahead) == [("24-03-05", "XD", 0.0), ("24-03-07", "STD", 30.0)]


def test_trades_and_the_currency_of_settlement() -> None:
    traded = {"purchaseDate": "2024-01-05", "priceAtPurchaseDate": 4, "terminationDate": "2024-02-05"}
    result = run(CALL, PRICES, contractRole="SEL", priceAtTerminationDate=6, **traded)
    assert flows(result) == [("24-01-05", "PRD", 4.0), ("24-02-05", "TD", 6.0)]
    euro = run(CALL, PRICES | {"USD/EUR": {"2024-01-01": 0.5}}, exercise("2024-03-05"), settlementCurrency="EUR")
    assert (euro.flows[-1].payoff, euro.flows[-1].currency) == (15.0, "EUR")


def test_the_underlying_may_be_a_contract_or_a_name() -> None:
    share = {"contractType": "STK", "contractID": "x", "marketObjectCode": "SHARE"}
    for reference in (
        {"object": share, "referenceType": "CNT", "referenceRole": "UDL"},
        {"object": {"contractIdentifier": "SHARE"}, "referenceType": "CID", "referenceRole": "UDL"},
    ):
        result = run(CALL | {"contractStructure": [reference]}, PRICES, exercise("2024-03-05"))
        assert flows(result)[-1] == ("24-03-07", "STD", 30.0)


def test_a_future_settles_gain_and_loss() -> None:
    assert flows(run(FUTURE, PRICES)) == close(
        [("24-06-28", "MD", 0.0), ("24-06-28", "XD", 0.0), ("24-06-30", "STD", -5.0)]
    )
    assert flows(run(FUTURE, PRICES, exercise("2024-03-05"), contractRole="SEL"))[-1] == ("24-06-30", "STD", 5.0)


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("optionType", {"optionType": None}),
        ("optionExerciseType", {"optionExerciseType": None}),
        ("optionStrike1", {"optionStrike1": None}),
        ("optionStrike2", {"optionType": "CP"}),
        ("maturityDate", {"maturityDate": None}),
        ("contractStructure", {"contractStructure": []}),
        (
            "contractStructure",
            {"contractStructure": [{"object": {}, "referenceType": "MOC", "referenceRole": "UDL"}]},
        ),
        ("exerciseAmount", {"exerciseDate": "2023-12-01"}),
        ("exerciseDate", {"exerciseDate": "2025-01-01"}),
        ("dataObserved", {}),
    ],
)
def test_bad_terms_are_named(term: str, change: dict[str, Any]) -> None:
    refused(term, CALL | change)


def test_a_future_wants_its_price() -> None:
    refused("futuresPrice", FUTURE | {"futuresPrice": None})
