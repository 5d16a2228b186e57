"""Alert rules over HTTP and at the terminal: drafted, tried, enabled by another person, with what they did."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregates.assets import Assets
from api.alert_rules import AlertRules, at_work, telling, vocabularies
from api.counterfactual_jobs import Counterfactuals
from infra.event_store import open_event_store
from projections.alert_rules import check_rule, rule_set
from projections.limit_cuts import LargeFlow
from projections.rule_cut_watch import CutWatchState, fold
from streams.alert_rules_preview import Answer, PreviewQuestion, Told, preview
from tests.api.test_counterfactual import until
from tests.api.test_plans import Client, assert_problem, verify_token
from tests.api_doubles import NOW, client_of, services
from tests.projections.test_rule_watch import CASH, NOBODY, OTHER, cut, rule
from tests.streams.test_alert_rules import logs, walk

STORED = walk(14, 120)
DRAFT: dict[str, Any] = {
    "entity_id": "BANK-A", "name": "low cash", "severity": "CRITICAL", "expression": 'amount < money("450.00")',
    "clear_readings": 2, "why": "the desk asked for it",
}  # fmt: skip


def run(question: PreviewQuestion, told: Told, is_cancelled: threading.Event) -> Answer:
    return preview(logs(STORED), question, told)


def state_at_work() -> CutWatchState:
    """One rule in force: open for two entities, and not computable for a flow."""
    state = CutWatchState(NOBODY)
    rules = rule_set(
        [rule(rule_id="low-cash"), rule("window_minutes / window_minutes == 1", rule_id="f", about="flow")]
    )
    flow = LargeFlow("a1", "BANK", "CNY", "5", "t")
    fold(state, [cut(0, {CASH: "0", OTHER: "0"}, rules=rules, flows=[flow])], 0, 1)
    return state


@pytest.fixture
def decisions(tmp_path: Path) -> Iterator[Assets]:
    store = open_event_store("sqlite", tmp_path, clock=lambda: NOW)
    yield Assets(store.factory)
    store.close()


@pytest.fixture
def jobs(decisions: Assets) -> Counterfactuals[PreviewQuestion]:
    return Counterfactuals(telling(run, decisions, lambda: NOW), check=lambda asked: check_rule(asked.rule))


@pytest.fixture
def client(decisions: Assets, jobs: Counterfactuals[PreviewQuestion]) -> Iterator[Client]:
    ours = AlertRules(jobs, lambda entities: at_work(state_at_work(), entities))
    found = replace(services(assets=decisions, verify_token=verify_token), alert_rules=ours)
    with client_of(found, who="") as http:
        yield Client(http)


def finished(client: Client, begun: httpx.Response, **parameters: str) -> dict[str, Any]:
    assert begun.status_code == 202, begun.text
    job: dict[str, Any] = {}

    def over() -> bool:
        job.update(client.get("auditor", f"/alert-rules/preview/{begun.json()['id']}", **parameters).json())
        return job["state"] not in ("waiting", "running")

    until(over)
    return job


def ask(client: Client, path: str, who: str = "treasurer", **body: Any) -> httpx.Response:
    return client.http.post(f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {who}"})


def test_a_rule_from_its_draft_to_its_end(client: Client) -> None:
    drafted = client.done("treasurer", "/alert-rules", rule_no="low-cash", payload=DRAFT)
    assert [event["type"] for event in drafted["events"]] == ["AlertRuleDrafted"]
    enabling = {"payload": {"why": "agreed"}}
    assert_problem(client.post("risk", "/alert-rules/low-cash/enable", **enabling), 409, "rejected", guard="STATE")
    job = finished(client, ask(client, "/alert-rules/low-cash/preview"))
    assert (job["state"], job["rule_no"], job["asked_by"]) == ("done", "low-cash", "U-701")
    assert job["answer"]["fired"] > 0
    assert job["progress"]["done"] == job["progress"]["whole"]
    tried = client.get("auditor", "/alert-rules/low-cash").json()
    assert (tried["state"], tried["previewed"]["fired"]) == ("PREVIEWED", job["answer"]["fired"])
    assert tried["previewed"]["answer_digest"] == job["answer"]["digest"]
    assert_problem(
        client.post("treasurer", "/alert-rules/low-cash/enable", **enabling), 403, "forbidden", guard="ROLE"
    )
    client.done("risk", "/alert-rules/low-cash/enable", **enabling)
    (row,) = client.get("auditor", "/alert-rules", stage="ENABLED").json()["rows"]
    assert row["at_work"]["raised"] == 2
    assert [one["subject"].split("|")[2] for one in row["at_work"]["open"]] == ["BANK", "OTHER"]
    assert client.get("risk", "/alert-rules/low-cash").json()["at_work"]["open"] == []  # of BANK-A alone
    client.done("committee", "/alert-rules/low-cash/disable", payload={"why": "too loud"})
    shown = client.get("auditor", "/alert-rules/low-cash").json()
    assert (shown["state"], shown["in_force"], shown["at_work"]) == ("DISABLED", None, None)
    events = client.get("auditor", "/alert-rules/low-cash/history").json()["events"]
    assert [one["type"].removeprefix("AlertRule") for one in events] == [
        "Drafted",
        "Previewed",
        "Enabled",
        "Disabled",
    ]
    assert events[1]["payload"]["asked_by"] == "U-701"


def test_who_drafted_it_does_not_enable_it(client: Client) -> None:
    client.done("risk", "/alert-rules", rule_no="r", payload=DRAFT)
    finished(client, ask(client, "/alert-rules/r/preview"))
    answer = client.post("risk", "/alert-rules/r/enable", payload={"why": "mine"})
    assert_problem(answer, 403, "forbidden", guard="SD1")


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"expression": "amount < luck"}, "expression", "1:10: undeclared reference to 'luck'"),
        ({"clear_expression": "amount"}, "clear_expression", "yes or no"),
        ({"metrics": ["luck"]}, "metrics", "lcr"),
        ({"about": "luck"}, "about", "Invalid enum value"),
        ({"severity": 3}, "severity", "Expected `str`"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_with_the_place(
    client: Client, changed: dict[str, Any], field: str, words: str
) -> None:
    answer = client.post("treasurer", "/alert-rules", rule_no="r", payload=DRAFT | changed)
    assert_problem(answer, 422, "invalid-input", field=field)
    assert words in answer.json()["detail"]
    assert client.get("auditor", "/alert-rules").json()["rows"] == []


def test_an_expression_is_tried_without_a_draft(client: Client) -> None:
    body: dict[str, Any] = {"rule": {"expression": 'amount < money("450.00")'}, "from": {"tm.risk.cut.v1/0": 20}}
    job = finished(client, ask(client, "/alert-rules/preview", **body), rows_max="1")
    answer = job["answer"]
    assert (answer["first_cut"], answer["end_cut"], answer["cuts"] <= 100) == (20, 120, True)
    assert len(answer["incidents"]) == 1
    assert answer["left_off"] == answer["fired"] - 1
    assert answer["incidents"][0]["facts"]["amount"] == answer["incidents"][0]["amount"]
    refused = ask(client, "/alert-rules/preview", rule={"expression": "amount <"})
    assert_problem(refused, 422, "invalid-input", field="expression")


def test_a_reader_sees_incidents_of_its_entities(client: Client) -> None:
    begun = ask(client, "/alert-rules/preview", rule={"expression": 'amount < money("450.00")'})
    finished(client, begun)
    seen = client.get("risk", f"/alert-rules/preview/{begun.json()['id']}").json()["answer"]
    assert (seen["incidents"], seen["by_entity"], seen["left_off"]) == ([], {}, 0)


def test_a_draft_that_changed_meanwhile_was_not_tried(client: Client, jobs: Counterfactuals[PreviewQuestion]) -> None:
    client.done("treasurer", "/alert-rules", rule_no="r", payload=DRAFT)
    job = jobs.ask(PreviewQuestion(rule=rule(), rule_no="r", content_digest="0f" * 32, asked_by="U-701"), "U-701")
    until(lambda: job.is_over)
    assert job.error is not None
    assert (job.state, job.error.facts["guard"]) == ("failed", "AlertRule.Preview.1")
    assert client.get("auditor", "/alert-rules/r").json()["state"] == "DRAFT"


def test_the_vocabulary_is_what_an_editor_needs(client: Client) -> None:
    body = client.get("auditor", "/alert-rules/vocabulary").json()
    assert body == vocabularies()
    types = {one["about"]: {fact["name"]: fact["type"] for fact in one["facts"]} for one in body["vocabularies"]}
    assert types["totals"]["amount"] == "money"
    assert types["flow"]["rolling"] == "bool"
    for one in body["vocabularies"]:
        assert all(fact["text"] and fact["text_zh"] for fact in one["facts"])


def test_problems_are_shown_with_the_rule() -> None:
    found = at_work(state_at_work(), None)["f"]
    assert found["problems"]["count"] == 1
    assert "divide by zero" in found["problems"]["message"]
    assert found["problems"]["subject"] == "a1"
