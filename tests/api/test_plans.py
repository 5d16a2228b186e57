"""Plans and breaches over HTTP: the whole way of a plan, preview, idempotency, versions, four eyes, rights."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregates.assets import Assets
from aggregates.envelope import Principal
from infra.event_store import open_event_store
from infra.security import Unauthenticated
from tests.aggregates.liquidity_world import BREACHED, FUNDING, REQUEST
from tests.api_doubles import NOW, client_of, services

V1 = "/api/v1"
PEOPLE = {
    "treasurer": Principal("U-701", ("TR",), "HQ", ("BANK-A",)),
    "committee": Principal("U-801", ("AC",), "HQ", ("BANK-A",)),
    "both": Principal("U-900", ("TR", "AC"), "HQ", ("BANK-A",)),
    "risk": Principal("U-501", ("RM",), "HQ", ("BANK-A",)),
    "auditor": Principal("U-601", ("IA",), "-", ("*",)),
    "stranger": Principal("U-9", ("TR", "AC"), "-", ("BANK-B",)),
}


class Client:
    """Asks as a person; numbers the commands."""

    def __init__(self, http: httpx.Client) -> None:
        self.http, self.commands = http, 0

    def get(self, who: str, path: str, **parameters: str) -> httpx.Response:
        return self.http.get(V1 + path, params=parameters, headers={"Authorization": f"Bearer {who}"})

    def post(self, who: str, path: str, **body: Any) -> httpx.Response:
        self.commands += 1
        body = {"cmd_id": f"c-{self.commands}"} | body
        return self.http.post(V1 + path, json=body, headers={"Authorization": f"Bearer {who}"})

    def done(self, who: str, path: str, **body: Any) -> Any:
        answer = self.post(who, path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def propose(self, plan_no: str = "CFP-1", who: str = "treasurer", **changed: Any) -> Any:
        return self.done(who, "/plans", plan_no=plan_no, payload=REQUEST | changed)


def verify_token(token: str, now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    store = open_event_store("sqlite", tmp_path, clock=lambda: NOW)
    decisions = Assets(store.factory)
    with client_of(services(assets=decisions, verify_token=verify_token), who="") as http:
        yield Client(http)
    store.close()


def assert_problem(answer: httpx.Response, status: int, code: str, **facts: str | int) -> None:
    body = answer.json()
    assert (answer.status_code, body["title"]) == (status, code), body
    assert {name: body["facts"].get(name) for name in facts} == facts


def test_a_command_names_the_version_it_was_decided_on(client: Client) -> None:
    def approve(tag: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": "Bearer committee", "If-Match": tag}
        body = {"cmd_id": "approve", "payload": {"approval_no": "ALCO-7"}} | more
        return client.http.post(f"{V1}/plans/CFP-1/approve", json=body, headers=headers)

    client.propose()
    tag = client.get("committee", "/plans/CFP-1").headers["etag"]
    assert tag == '"1"'
    known = {"Authorization": "Bearer committee", "If-None-Match": tag}
    assert client.http.get(f"{V1}/plans/CFP-1", headers=known).status_code == 304
    assert_problem(approve('"2"'), 409, "conflict", version=1)
    assert_problem(approve('"one"'), 422, "invalid-input", field="If-Match")
    assert_problem(approve(tag, expected_version=2), 422, "invalid-input", field="expected_version")
    done = approve(tag)
    assert (done.status_code, done.headers["etag"]) == (200, f'"{done.json()["state"]["version"]}"')
    assert client.get("committee", "/plans/CFP-1").headers["etag"] == done.headers["etag"]


def test_a_plan_from_a_posted_shortfall_to_its_end(client: Client) -> None:
    proposed = client.propose()
    assert [event["type"] for event in proposed["events"]] == ["PlanTriggered"]
    assert proposed["state"]["state"] == "ALERT"
    version = proposed["state"]["version"]
    client.done("committee", "/plans/CFP-1/approve", expected_version=version, payload={"approval_no": "ALCO-7"})
    client.done("committee", "/plans/CFP-1/activate")
    deal = {"line": "1-1", "amount": "500.00", "counterparty": "BANK-B", "deal_ref": "D-1"}
    taken = client.done("treasurer", "/plans/CFP-1/action", payload=deal, valid_on="2026-11-21")
    assert taken["events"][0]["valid_on"] == "2026-11-21"
    assert taken["state"]["residual"] == "400.00"
    client.done("treasurer", "/plans/CFP-1/recover", payload={"surplus": "3.00"})
    closed = client.done("committee", "/plans/CFP-1/close", payload={"outcome": "deposits came back"})
    assert closed["state"]["state"] == "CLOSED"
    history = client.get("auditor", "/plans/CFP-1/history").json()["events"]
    assert [event["type"] for event in history] == [
        "PlanTriggered",
        "PlanApproved",
        "PlanActivated",
        "PlanActionTaken",
        "PlanRecoveryBegun",
        "PlanClosed",
    ]
    assert history == client.get("auditor", "/aggregates/ContingencyPlan/CFP-1/history").json()["events"]
    assert client.get("auditor", "/plans/CFP-1").json() == closed["state"]


def test_a_preview_is_the_plan_before_it_is_stored(client: Client) -> None:
    answer = client.http.post(
        V1 + "/plans/preview",
        json={"funding": FUNDING, "as_of": "2026-11-22"},
        headers={"Authorization": "Bearer auditor"},
    )
    found = answer.json()
    assert answer.status_code == 200, found
    assert [line["amount"] for line in found["lines"]] == ["500.00", "200.00", "200.00"]
    assert found["ranking"][0]["reasons"] == ["covers the need on every day"]
    assert found["ranking"][2]["reasons"] == ["leaves uncovered at the worst: 200.00", "days below the limit: 1"]
    assert client.get("auditor", "/plans").json() == {"rows": [], "cursor": None}
    assert client.propose()["state"]["simulation_digest"] == found["simulation_digest"]


def test_a_plan_from_the_result_of_a_stress(client: Client) -> None:
    stress = {
        "cash": "100.00",
        "excess_reserves": "0",
        "holdings": [],
        "facilities": [],
        "net_flows": ["-80.00", "-120.00", "-90.00"],
    }
    result = client.http.post(
        V1 + "/calculations/survival_horizon", json=stress, headers={"Authorization": "Bearer treasurer"}
    ).json()
    path = [row | {"surplus": f"{row['surplus']}.00"} for row in result["path"]]
    funding = {"path": path, "sources": FUNDING["sources"], "securities": FUNDING["securities"]}
    state = client.propose(funding=funding)["state"]
    assert (state["shortfall"], state["first_shortfall_on"]) == ("190.00", "2026-11-24")
    assert [(line["source"], line["planned"]) for line in state["lines"]] == [("repo", "100.00"), ("repo", "90.00")]


def test_the_same_cmd_id_gives_the_same_events_again(client: Client) -> None:
    body = {"cmd_id": "once", "plan_no": "CFP-1", "payload": REQUEST}
    first, again = client.done("treasurer", "/plans", **body), client.done("treasurer", "/plans", **body)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["events"] == again["events"]
    other = client.post("treasurer", "/plans", **(body | {"payload": REQUEST | {"trigger": "MANUAL"}}))
    assert_problem(other, 409, "conflict", field="cmd_id")


def test_a_stale_version_and_a_wrong_stage_are_conflicts(client: Client) -> None:
    client.propose()
    client.done("treasurer", "/plans/CFP-1/amend", payload=REQUEST)
    assert_problem(client.post("committee", "/plans/CFP-1/approve", expected_version=1), 409, "conflict", version=2)
    assert_problem(client.post("committee", "/plans/CFP-1/activate"), 409, "rejected", guard="STATE")


def test_four_eyes(client: Client) -> None:
    client.propose(who="both")
    assert_problem(client.post("both", "/plans/CFP-1/approve"), 403, "forbidden", guard="SD1")
    assert_problem(client.post("treasurer", "/plans/CFP-1/approve"), 403, "forbidden", guard="ROLE")
    client.done("committee", "/plans/CFP-1/approve")


def test_drills_are_labelled_and_listed_apart(client: Client) -> None:
    client.propose()
    client.propose("CFP-2", mode="DRILL")
    rows = client.get("auditor", "/plans", mode="DRILL").json()["rows"]
    assert [(row["plan_no"], row["mode"]) for row in rows] == [("CFP-2", "DRILL")]
    assert [row["plan_no"] for row in client.get("auditor", "/plans", stage="ALERT").json()["rows"]] == [
        "CFP-2",
        "CFP-1",
    ]


def test_what_is_wrong_is_named(client: Client) -> None:
    wrong = REQUEST | {"funding": FUNDING | {"shortfall": "900.001"}}
    answer = client.post("treasurer", "/plans", plan_no="CFP-1", payload=wrong)
    assert_problem(answer, 422, "invalid-input", field="funding.shortfall", guard="FIELD")
    assert_problem(client.post("treasurer", "/plans/CFP-1/sign"), 404, "not-found", field="command")
    assert_problem(client.post("treasurer", "/plans/CFP-1/approve", at="2026-11-22"), 422, "invalid-input")


def test_another_entity_finds_nothing(client: Client) -> None:
    client.propose()
    for path in ("/plans/CFP-1", "/plans/CFP-1/history"):
        assert client.get("stranger", path).status_code == 404
    assert client.get("stranger", "/plans").json() == {"rows": [], "cursor": None}
    assert client.post("stranger", "/plans/CFP-1/approve").status_code == 404
    assert client.get("nobody", "/plans").status_code == 401


def test_a_breach_over_http(client: Client) -> None:
    opened = client.done("risk", "/breaches", breach_no="LB-1", payload=BREACHED)
    assert opened["state"]["state"] == "OPEN"
    explained = {"cause": "year-end lending", "action": "sell loans"}
    client.done("treasurer", "/breaches/LB-1/explain", payload=explained)
    waived = {"waived_until": "2026-11-25", "comment": "until the sale settles"}
    assert_problem(client.post("treasurer", "/breaches/LB-1/waive", payload=waived), 403, "forbidden", guard="ROLE")
    state = client.done("committee", "/breaches/LB-1/waive", payload=waived)["state"]
    assert (state["state"], state["waived_by"]) == ("WAIVED", "U-801")
    assert client.get("auditor", "/breaches", stage="WAIVED").json()["rows"] == [state]
    assert client.get("auditor", "/breaches/LB-1").json() == state
    assert len(client.get("auditor", "/breaches/LB-1/history").json()["events"]) == 3
    kept = BREACHED | {"value": "0.75"}
    answer = client.post("risk", "/breaches", breach_no="LB-2", payload=kept)
    assert_problem(answer, 409, "rejected", guard="LimitBreach.Open.1")


def test_plans_can_be_commanded_by_the_common_door(client: Client) -> None:
    body = {"aggregate": "ContingencyPlan", "key": "CFP-1", "command": "Propose", "payload": REQUEST}
    assert client.done("treasurer", "/commands", **body)["state"]["state"] == "ALERT"
