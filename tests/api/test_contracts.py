"""Behind a gap figure, over HTTP: its contracts add up to it, and each flow of a contract is explained."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from httpx import Client, Response

from api import contract_models as models
from api.contracts import Booked, booked_flows, match
from api.services import Replayed
from infra.snapshots import LogPartition
from projections.contract_flows import actus_terms
from projections.gap import GapState
from projections.irregular_flows import evaluated
from streams.contract_rows import contract_terms
from streams.instants import day_number
from streams.past_gap import Contracts
from streams.views import RiskView
from streams.views_live import LiveView
from tests.api_doubles import client_of, services
from tests.contract_records import LOG, contract, folded, published
from tests.risk_records import business_date

V1 = "/api/v1"
#: A loan whose rate follows an index, and a swap of two legs: raw terms of the standard, at their present rates.
FLOATING = {
    "contractType": "NAM",
    "dayCountConvention": "A360",
    "initialExchangeDate": "2026-06-30T00:00:00",
    "maturityDate": "2028-06-30T00:00:00",
    "notionalPrincipal": "1000",
    "nominalInterestRate": "0.06",
    "cycleAnchorDateOfPrincipalRedemption": "2026-12-30T00:00:00",
    "cycleOfPrincipalRedemption": "P6ML0",
    "nextPrincipalRedemptionPayment": "200",
    "cycleAnchorDateOfInterestPayment": "2026-12-30T00:00:00",
    "cycleOfInterestPayment": "P6ML0",
    "cycleAnchorDateOfRateReset": "2026-12-30T00:00:00",
    "cycleOfRateReset": "P6ML0",
    "marketObjectCodeOfRateReset": "INDEX",
    "rateSpread": "0.01",
}
BOOK = (
    contract("LN/1"),
    contract("L2", principal="999.99", rate="0.0475", amort="annuity", maturity_date="2031-06-30"),
    contract("L3", amort="bullet", pay_freq="3M", side="liability", org_id="B2", product_id="deposit"),
    contract("L4", ccy="JPY", principal="123457", amort="zero", pay_freq="-"),
    contract("L5", maturity_date=None, on_demand=True, side="liability", product_id="current"),
    contract("L6", closed=True),
    contract("S1", entity_id="SOUTH", amort="bullet", pay_freq="1Y", maturity_date="2036-06-30"),
    contract("A1", amort="custom", actus=FLOATING, maturity_date="2028-06-30"),
)
DATES = (business_date(0, "NORTH", "2026-11-22"), business_date(1, "SOUTH", "2026-11-22"))


def source(state: GapState) -> Contracts:
    def states() -> Iterator[tuple[LogPartition, GapState, int]]:
        yield LOG, state, state.next_offset

    return Contracts(states, lambda where, end, entity, contract_id: 4 if contract_id == "LN/1" else None)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    live, state = LiveView(), folded(BOOK)
    live.feed([*published(state), *DATES])
    live.set_status(ready=True)
    past_view, past = RiskView(), folded(BOOK[:2])
    for record in (*published(past), *DATES):
        past_view.apply(record)
    ours = services(
        live,
        contracts=source(state),
        contracts_at=lambda offsets: source(past),
        replay=lambda offsets: Replayed(past_view, None),
    )
    with client_of(ours) as found:
        yield found


def get(client: Client, path: str, who: str = "all", **parameters: str | int) -> Any:
    answer = ask(client, path, who, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(client: Client, path: str, who: str = "all", **parameters: str | int) -> Response:
    return client.get(V1 + path, params=parameters, headers={"Authorization": f"Bearer {who}"})


# -- contracts behind a figure ------------------------------------------------------------------------------


def test_for_every_bucket_the_contracts_are_the_gap(client: Client) -> None:
    rows = get(client, "/gap")["rows"]
    assert {row["currency"] for row in rows} == {"EUR", "JPY"}
    for row in rows:
        chosen = {name: row[name] for name in ("entity", "currency", "bucket")}
        body = get(client, "/gap/contracts", **chosen)
        totals = body["totals"] or [{"inflow": "0", "outflow": "0", "gap": "0", "contracts": 0}]
        (total,) = totals
        assert [Decimal(total[name]) for name in ("inflow", "outflow", "gap")] == [
            Decimal(row[name]) for name in ("inflow", "outflow", "gap")
        ]
        assert total["contracts"] == row["contracts"]
        assert sum(Decimal(one["gap"]) for one in body["rows"]) == Decimal(row["gap"])
        assert [sum(Decimal(flow["amount"]) for flow in one["flows"]) for one in body["rows"]] == [
            Decimal(one["gap"]) for one in body["rows"]
        ]


def test_the_answer_names_its_cut_and_matches_its_model(client: Client) -> None:
    gap, body = get(client, "/gap", entity="NORTH"), get(client, "/gap/contracts", entity="NORTH", bucket="D8_30")
    assert body["offsets"] == gap["offsets"] == {"tm.in.core.business-date.v1/0": 2, "tm.in.core.contract.v1/0": 8}
    assert body["log"] == gap["log"]
    assert body["as_of"] == "2026-11-22"
    assert body["provenance"]["result_id"] != gap["provenance"]["result_id"]
    models.GapContracts.model_validate(body)
    assert "flows" not in get(client, "/gap/contracts", flows="false")["rows"][0]


def test_pages_hold_every_contract_once(client: Client) -> None:
    whole = get(client, "/gap/contracts", entity="NORTH")
    assert whole["next"] is None
    seen: list[str] = []
    start: int | None = 0
    while start is not None:
        page = get(client, "/gap/contracts", entity="NORTH", start=start, limit=2)
        assert page["totals"] == whole["totals"]
        seen += [row["contract_id"] for row in page["rows"]]
        start = page["next"]
    assert seen == [row["contract_id"] for row in whole["rows"]]
    assert sorted(seen) == ["A1", "L2", "L3", "L4", "L5", "LN/1"]


def test_filters_and_dates_narrow(client: Client) -> None:
    assert [row["contract_id"] for row in get(client, "/gap/contracts", product="deposit")["rows"]] == ["L3"]
    body = get(
        client, "/gap/contracts", organisation="HQ", currency="EUR", **{"from": "2026-11-30", "to": "2026-11-30"}
    )
    assert {flow["flow_date"] for row in body["rows"] for flow in row["flows"]} == {"2026-11-30"}
    demand = get(client, "/gap/contracts", bucket="ON")["rows"]
    assert [(row["contract_id"], row["flows"][0]["flow_date"]) for row in demand] == [("L5", "DEMAND")]


def test_a_past_cut_has_the_contracts_of_then(client: Client) -> None:
    body = get(client, "/gap/contracts", at_offsets='{"tm.in.core.contract.v1/0": 2}')
    assert {row["contract_id"] for row in body["rows"]} == {"LN/1", "L2"}
    assert body["offsets"]["tm.in.core.contract.v1/0"] == 2


def test_readers_see_their_entities_only(client: Client) -> None:
    assert {row["entity"] for row in get(client, "/gap/contracts", "north")["rows"]} == {"NORTH"}
    assert get(client, "/gap/contracts", "north", entity="SOUTH")["rows"] == []
    assert ask(client, "/contracts/SOUTH/S1/flows", "north").status_code == 404
    assert ask(client, "/contracts/SOUTH/S1/flows").status_code == 200
    assert ask(client, "/gap/contracts", "nobody").status_code == 403


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"bucket": "D9"}, "bucket"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, "to"),
        ({"at_offsets": "7"}, "at_offsets"),
    ],
)
def test_wrong_questions_name_their_field(client: Client, parameters: dict[str, str], field: str) -> None:
    answer = ask(client, "/gap/contracts", **parameters)
    assert (answer.status_code, answer.json()["facts"]["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_stored_states_contracts_are_unavailable() -> None:
    with client_of(services()) as bare:
        for path in ("/gap/contracts", "/contracts/NORTH/L1/flows"):
            assert ask(bare, path).status_code == 503
            assert ask(bare, path, at_offsets="{}").status_code == 503


# -- one contract -------------------------------------------------------------------------------------------


def test_flows_have_payoff_booked_amount_and_bucket(client: Client) -> None:
    body = get(client, "/contracts/NORTH/LN%2F1/flows")
    models.ContractFlows.model_validate(body)
    assert body["record"] == {"topic": "tm.in.core.contract.v1", "partition": 0, "offset": 4}
    assert body["terms"]["contractType"] == "LAM"
    assert "explanation" not in body["flows"][0]
    first, *_ = [flow for flow in body["flows"] if flow["in_gap"]]
    # 1,200.00 in 12 parts of 100.00; four were repaid by the end of October, so that 30 days of November bear
    # interest on 800.00: 800 * 0.05 * 31 / 360 = 3.4444...
    assert (first["flow_date"], first["bucket"]) == ("2026-11-30", "D8_30")
    november = {flow["kind"]: flow["booked"] for flow in body["flows"] if flow["flow_date"] == "2026-11-30"}
    assert november == {"interest": "3.44", "principal": "100.00"}
    assert {flow["in_gap"] for flow in body["flows"] if flow["flow_date"] < "2026-11-22"} == {False}
    whole = sum(Decimal(flow["booked"]) for flow in body["flows"] if flow["kind"] == "principal")
    assert whole == 1200


def test_explanations_carry_the_formula_the_numbers_and_the_paragraph(client: Client) -> None:
    day = {"from": "2026-11-30", "to": "2026-11-30"}
    flows = get(client, "/contracts/NORTH/LN%2F1/flows", explain="true", **day)["flows"]
    assert {flow["flow_date"] for flow in flows} == {"2026-11-30"}
    interest = next(flow for flow in flows if flow["kind"] == "interest")
    why = interest["explanation"]
    assert why["source"].startswith("ACTUS technical specification 1.1, 7.2 LAM: Linear Amortizer, event IP")
    assert why["formulas"][0]["result"] == interest["payoff"]
    assert any("0.05" in line["numbers"] for line in why["formulas"])
    assert why["before"].keys() == why["after"].keys()
    booked, payoff = Decimal(interest["booked"]), Decimal(interest["payoff"])
    assert booked == payoff.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(interest["rounding"]) == booked - payoff


def test_what_is_payable_on_demand_stands_without_an_event(client: Client) -> None:
    (flow,) = get(client, "/contracts/NORTH/L5/flows", explain="true")["flows"]
    assert (flow["flow_date"], flow["event_type"], flow["payoff"]) == ("DEMAND", None, None)
    assert (flow["booked"], flow["bucket"], flow["in_gap"]) == ("-1200.00", "ON", True)


def test_a_floating_loan_keeps_its_present_rate_and_says_so(client: Client) -> None:
    body = get(client, "/contracts/NORTH/A1/flows", explain="true")
    assert (body["terms"]["contractType"], body["terms"]["contractRole"]) == ("NAM", "RPA")
    resets = [flow for flow in body["flows"] if flow["event_type"] == "RR"]
    assert len(resets) > 0
    # the index that gives 6 % with a spread of 1 % is 5 %; a reset moves no money, so nothing of it is booked
    assert all("0.05" in flow["explanation"]["formulas"][0]["numbers"] for flow in resets)
    assert {(flow["booked"], flow["in_gap"]) for flow in resets} == {(None, False)}
    assert sum(Decimal(flow["booked"]) for flow in body["flows"] if flow["kind"] == "principal") == 1000


def test_a_closed_contract_has_terms_and_no_flows(client: Client) -> None:
    body = get(client, "/contracts/NORTH/L6/flows")
    assert (body["closed"], body["flows"]) == (True, [])


def test_an_unknown_contract_is_a_problem(client: Client) -> None:
    answer = ask(client, "/contracts/NORTH/none/flows")
    assert (answer.status_code, answer.json()["facts"]["contract_id"]) == (404, "none")


# -- which amount belongs to which event --------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2, 3, 6, 7])
def test_every_booked_amount_of_a_dated_contract_has_its_event(number: int) -> None:
    terms = contract_terms(BOOK[number])
    booked = booked_flows(terms)
    assert len(booked) > 0
    flows = evaluated(terms, actus_terms(terms)).flows
    matched, others = match(flows, booked)
    assert others == []
    for order, one in matched.items():
        digits = 0 if one.currency == "JPY" else 2
        assert abs(one.amount_minor - Decimal(flows[order].payoff).scaleb(digits)) <= len(flows)
    assert sorted(matched.values()) == sorted(booked)


def test_amounts_of_one_day_go_to_the_nearest_event() -> None:
    # Interest of 1,200.01 and a principal of 1,200.00: only their nearness tells which is which.
    terms = contract_terms(contract("L", amort="bullet", pay_freq="-", rate="0.98631"))
    flows = evaluated(terms, actus_terms(terms)).flows
    last = day_number(date(2027, 6, 30))
    interest, principal = (Booked(last, kind, minor, "EUR") for kind, minor in (("i", 120_001), ("p", 120_000)))
    stranger = Booked(last, "p", 120_002, "EUR")
    for order in ([interest, principal, stranger], [principal, interest, stranger]):
        matched, others = match(flows, order)
        assert {str(flows[at].event.kind): one for at, one in matched.items()} == {"IP": interest, "MD": principal}
        assert others == [stranger]


@pytest.mark.parametrize(
    "stranger",
    [
        Booked(day_number(date(2027, 6, 30)), "p", 5, "EUR"),  # no rounding explains the difference
        Booked(day_number(date(2027, 6, 29)), "p", 120_000, "EUR"),
        Booked(day_number(date(2027, 6, 30)), "p", 120_000, "USD"),
    ],
)
def test_an_amount_that_no_event_gives_stays_alone(stranger: Booked) -> None:
    terms = contract_terms(contract("L", amort="bullet", pay_freq="-"))
    assert match(evaluated(terms, actus_terms(terms)).flows, [stranger]) == ({}, [stranger])
