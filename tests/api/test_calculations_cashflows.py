"""ACTUS cash flows as a calculation, and `tidemark actus check`."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from api.calculations.registry import find
from api.calculations.texts import number_text
from api.main import app
from engines.primitives.errors import InvalidInput

LOAN = {
    "contractType": "PAM",
    "contractID": "loan-1",
    "contractRole": "RPA",
    "statusDate": "2023-12-31T00:00:00",
    "contractDealDate": "2023-12-31T00:00:00",
    "initialExchangeDate": "2024-01-01T00:00:00",
    "maturityDate": "2025-01-01T00:00:00",
    "notionalPrincipal": "1000",
    "nominalInterestRate": "0.0365",
    "dayCountConvention": "A365",
    "currency": "EUR",
    "cycleAnchorDateOfInterestPayment": "2024-07-01T00:00:00",
    "cycleOfInterestPayment": "P6ML0",
}
FLOATER = LOAN | {
    "contractID": "floater",
    "cycleAnchorDateOfRateReset": "2024-07-01T00:00:00",
    "cycleOfRateReset": "P6ML0",
    "marketObjectCodeOfRateReset": "INDEX",
    "rateMultiplier": "1",
    "rateSpread": "0",
    "fixingPeriod": "P0D",
}
SERIES = {"INDEX": {"identifier": "INDEX", "data": [{"timestamp": "2024-07-01T00:00:00", "value": "0.073"}]}}


def cashflows(*contracts: dict[str, Any], **others: Any) -> dict[str, Any]:
    return find("cashflows").compute({"contracts": list(contracts), **others})


def shown(result: dict[str, Any], contract_id: str = "loan-1") -> list[tuple[str, str, str]]:
    flows = [flow for flow in result["flows"] if flow["contractID"] == contract_id]
    return [(flow["eventDate"][:10], flow["eventType"], flow["payoff"]) for flow in flows]


def test_a_loan_has_its_flows_by_their_dictionary_names() -> None:
    result = cashflows(LOAN)
    assert result["errors"] == []
    # 182 and 184 days of 2024 at 3.65% / 365 a day on 1000.
    assert [(day, kind) for day, kind, _ in shown(result)] == [
        ("2024-01-01", "IED"),
        ("2024-07-01", "IP"),
        ("2025-01-01", "IP"),
        ("2025-01-01", "MD"),
    ]
    assert [float(payoff) for *_, payoff in shown(result)] == pytest.approx([-1000, 18.2, 18.4, 1000])
    first = result["flows"][0]
    assert first["currency"] == "EUR"
    assert (first["notionalPrincipal"], first["nominalInterestRate"]) == ("1000.0", "0.0365")
    assert first["statusDate"] == "2024-01-01"


def test_nothing_is_rounded() -> None:
    third = cashflows(LOAN | {"nominalInterestRate": "0.1"})["flows"][1]["payoff"]
    assert len(third.partition(".")[2]) > 10


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_as_they_were(value: float) -> None:
    text = number_text(value)
    assert float(text) == value
    assert "e" not in text.lower()
    assert text.startswith("-") == (value < 0)


@pytest.mark.parametrize(
    "observed", [SERIES, {"dataObserved": SERIES}, {"dataObserved": SERIES, "eventsObserved": []}]
)
def test_series_are_given_alone_or_with_events(observed: dict[str, Any]) -> None:
    result = cashflows(FLOATER, observed=observed)
    assert float(shown(result, "floater")[-2][2]) == pytest.approx(36.8)


def test_the_horizon_is_inclusive() -> None:
    assert [kind for _, kind, _ in shown(cashflows(LOAN, to="2024-07-01T00:00:00"))] == ["IED", "IP"]
    assert [kind for _, kind, _ in shown(cashflows(LOAN, to="2024-06-30"))] == ["IED"]
    assert len(shown(cashflows(LOAN, to=""))) == 4


def test_a_bad_contract_is_named_and_the_others_are_computed() -> None:
    bad = LOAN | {"contractID": "bad", "dayCountConvention": "A999"}
    result = cashflows(FLOATER, bad, LOAN, LOAN)
    assert [(e["contractID"], e["field"], e["record"]) for e in result["errors"]] == [
        ("floater", "dataObserved", "floater"),
        ("bad", "dayCountConvention", "bad"),
        ("loan-1", "contractID", "loan-1"),
    ]
    assert all(error["code"] == "invalid-input" and error["message"] for error in result["errors"])
    assert len(shown(result)) == 4
    (error,) = cashflows({"contractType": "PAM"})["errors"]
    assert error["record"] == "contracts[0]"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "soon"}, "to"),
        ({"observed": {"INDEX": 7}}, "observed.INDEX"),
        ({"observed": {"dataObserved": [1]}}, "observed.dataObserved"),
        ({"observed": {"eventsObserved": {"a": 1}}}, "observed.eventsObserved"),
        ({"observed": {"eventsObserved": ["x"]}}, "eventsObserved"),
        ({"observed": {"INDEX": [{"timestamp": "x", "value": "1"}]}}, "dataObserved"),
        ({"explain": "yes"}, "explain"),
        ({"contracts": [7]}, "contracts[0]"),
    ],
)
def test_input_that_is_wrong_as_a_whole_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        find("cashflows").compute({"contracts": [LOAN]} | changes)
    assert refused.value.facts["field"] == field


def test_an_explanation_has_formula_numbers_states_and_paragraph() -> None:
    plain, explained = cashflows(LOAN), cashflows(LOAN, explain=True)
    assert [flow | {"explanation": ...} for flow in plain["flows"]] == [
        flow | {"explanation": ...} for flow in explained["flows"]
    ]
    interest = explained["flows"][1]["explanation"]
    assert "POF_IP_PAM" in interest["source"]
    payoff = interest["formulas"][0]
    assert payoff["result"] == explained["flows"][1]["payoff"]
    assert {"target", "formula", "numbers", "result", "source"} == set(payoff)
    assert interest["before"].keys() == interest["after"].keys()


@pytest.mark.parametrize("kind", ["pam", "ann", "clm", "fxout", "futur", "optns", "swaps"])
def test_published_cases_give_the_published_payoffs(kind: str, reference: Path) -> None:
    path = reference / "reference" / "actus" / f"{kind}.json"
    if not path.is_file():
        pytest.skip("no ACTUS cases in the reference data")
    for case in json.loads(path.read_text(encoding="utf-8")).values():
        observed = {name: case[name] for name in ("dataObserved", "eventsObserved")}
        result = cashflows(case["terms"], observed=observed, to=case["to"], explain=True)
        assert result["errors"] == []
        assert sorted(float(flow["payoff"]) for flow in result["flows"]) == pytest.approx(
            sorted(float(row["payoff"]) for row in case["results"]), rel=1e-8, abs=1e-8
        )


# -- tidemark actus check

EXPECTED = [
    {"eventDate": "2024-01-01T00:00", "eventType": "IED", "payoff": "-1000.0", "currency": "EUR"},
    {"eventDate": "2024-07-01T00:00", "eventType": "IP", "payoff": "18.2", "currency": "EUR"},
    {"eventDate": "2025-01-01T00:00", "eventType": "IP", "payoff": "18.4", "currency": "EUR"},
    {"eventDate": "2025-01-01T00:00", "eventType": "MD", "payoff": "1000.0", "currency": "EUR"},
]
CASE = {"identifier": "own-1", "terms": LOAN, "to": "", "dataObserved": {}, "eventsObserved": [], "results": EXPECTED}


def check(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["actus", "check", *arguments])


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.json"
    path.write_text(json.dumps({"own-1": CASE}))
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.json"
    wrong = CASE | {
        "identifier": "own-2",
        "results": [*EXPECTED[:1], EXPECTED[1] | {"payoff": "18.3"}, *EXPECTED[2:]],
    }
    crash = CASE | {"identifier": "own-3", "results": [{"eventType": "IED"}]}
    path.write_text(json.dumps({"own-2": wrong, "own-3": crash}))
    return str(path)


def test_a_line_for_each_type(good: str) -> None:
    result = check(good)
    assert (result.exit_code, result.stdout.split()) == (0, ["PAM", "1/1"])


def test_a_failed_case_is_shown_and_ends_with_1(good: str, bad: str) -> None:
    result = check(good, bad)
    assert (result.exit_code, result.stdout.split()) == (1, ["PAM", "1/3"])
    assert "18.3" in result.stderr
    assert "crashed" in result.stderr


def test_the_json_names_types_and_cases(good: str, bad: str) -> None:
    result = check(bad, good, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["types"] == {"PAM": {"passed": 1, "total": 3}}
    assert [(case["id"], case["passed"]) for case in found["cases"]] == [
        ("own-2", False),
        ("own-3", False),
        ("own-1", True),
    ]
    assert found["cases"][2]["difference"] is None


@pytest.mark.parametrize("content", ["{", "7", "{}", '{"a": {"terms": {}}}', '{"a": 1}'])
def test_what_holds_no_cases_is_wrong_input(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    assert check(str(path)).exit_code == 2
    assert check(str(tmp_path / "absent.json")).exit_code == 2


PLAIN = {
    "amort": "annuity",
    "principal": "1200000",
    "rate": "0.06",
    "start_date": "2024-01-31",
    "maturity_date": "2025-01-31",
    "pay_freq": "1M",
    "day_count": "30/360",
}


def test_a_plain_loan_is_booked_and_its_terms_give_the_same_flows() -> None:
    result = find("cashflows").compute(PLAIN)
    assert (result["total_interest"], result["total_principal"]) == ("39356.58", "1200000.00")
    assert result["unrounded"]["total_interest"].startswith("39356.5877")  # 39,356.59 of LIQ-11
    assert result["unrounded"]["instalment"].startswith("103279.7156")
    assert result["flows"][0] == {
        "date": "2024-02-29",
        "interest": "6000.00",
        "principal": "97279.72",
        "total": "103279.72",
    }
    again = cashflows(result["terms"])["flows"]
    first = next(flow for flow in again if flow["eventType"] == "PR")
    assert first["payoff"].startswith("97279.72")


def test_a_plain_loan_keeps_the_decimals_of_its_currency() -> None:
    result = find("cashflows").compute(PLAIN | {"ccy": "JPY"})
    assert result["first_total"] == "103280"
    with pytest.raises(InvalidInput) as caught:
        find("cashflows").compute(PLAIN | {"maturity_date": "2023-01-31"})
    assert caught.value.facts["field"] == "maturity_date"
