"""Work lists over HTTP on a real store: what each reader gets, at which position; versions, keys and 304."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregates.envelope import Principal
from api.allowed import allowed
from infra.decision_views import DecisionViews
from infra.security import Unauthenticated
from infra.settings import Settings
from projections.trust import Letter, Sighting
from projections.trust_policy import SourceKey
from streams.trust_board import TrustBoard
from streams.trust_policy import trust_policy
from tests.aggregates.world import BRANCH, CASE, ENTITY, LOAN, World, open_world
from tests.api_doubles import client_of, services

V1 = "/api/v1/"
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
PEOPLE = {
    "maker": Principal("U-118", ("AM",), BRANCH, (ENTITY,)),
    "legal": Principal("U-205", ("LG",), BRANCH, (ENTITY,)),
    "approver": Principal("U-301", ("HA",), "HO", (ENTITY,)),
    "finance": Principal("U-410", ("FN",), BRANCH, (ENTITY,)),
    "elsewhere": Principal("U-900", ("AM",), "3399", (ENTITY,)),
    "auditor": Principal("U-601", ("IA",), "-", ("*",)),
    "stranger": Principal("U-9", ("AM", "HA"), "-", ("BANK-B",)),
}


class Client:
    def __init__(self, http: httpx.Client, world: World, board: TrustBoard) -> None:
        self.http, self.world, self.board = http, world, board

    def ask(self, who: str, path: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
        given = {"Authorization": f"Bearer {who}"} | (headers or {})
        return self.http.get(V1 + path, params=parameters, headers=given)

    def get(self, who: str, path: str, **parameters: Any) -> Any:
        answer = self.ask(who, path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def command(self, who: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        given = {"Authorization": f"Bearer {who}"} | (headers or {})
        return self.http.post(V1 + "commands", json=body, headers=given)


def verify_token(token: str, _now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    world = open_world(tmp_path)
    app = world.app
    board = TrustBoard(trust_policy(Settings()), lambda: NOW)
    ours = services(
        trust=board,
        assets=app,
        verify_token=verify_token,
        clock=world.clock,
        work=DecisionViews(app.published_after, app.bank_day),
        allowed=lambda *asked: allowed(app, world.clock(), *asked),
    )
    with client_of(ours) as http:
        yield Client(http, world, board)
    world.store.close()


def test_todos_are_the_readers_own_at_one_position(client: Client) -> None:
    client.world.lost()
    client.world.to_stage("SUBMITTED")
    found = client.get("approver", "worklists/todos")
    assert (found["position"], found["total"], found["counts"]) == (client.world.log_length, 1, {"DECIDE": 1})
    (todo,) = found["rows"]
    assert (todo["id"], todo["key"], todo["state"]) == (f"WriteOff/{CASE}/DECIDE", CASE, "SUBMITTED")
    assert set(todo["commands"]) == {"Approve", "Return", "Reject"}
    assert (todo["amount"], todo["ccy"], todo["asset_nos"]) == ("2635308.70", "CNY", [LOAN])
    assert "not_by" not in todo
    assert client.get("maker", "worklists/todos")["rows"] == []
    assert client.get("maker", "worklists/todos", everyone=True)["total"] == 3  # decision, committee, manager
    assert client.get("elsewhere", "worklists/todos", everyone=True)["rows"] == []
    assert client.get("stranger", "worklists/todos", everyone=True)["rows"] == []
    done = client.get("maker", "worklists/done")["rows"]
    assert [deed["type"] for deed in done] == ["WriteOffSubmitted", "WriteOffDrafted"]


def test_a_work_list_tells_whether_its_log_can_be_trusted_and_is_no_304_once_that_turned(client: Client) -> None:
    board, key = client.board, SourceKey("decisions")
    assert client.get("maker", "worklists/todos")["trust"]["state"] == "UNKNOWN"  # nobody has looked yet
    board.note([Sighting(key, None, NOW)], [], [])
    board.looked({}, {})
    fresh = client.ask("maker", "worklists/todos")
    assert fresh.json()["trust"] == {"state": "FRESH", "sources": []}
    known = {"If-None-Match": fresh.headers["etag"]}
    assert client.ask("maker", "worklists/todos", known).status_code == 304
    board.note([], [Letter("tm.audit.event.v1/0/3", key, NOW)], [])
    board.refresh()
    turned = client.ask("maker", "worklists/todos", known)
    assert (turned.status_code, turned.json()["trust"]) == (200, {"state": "DAMAGED", "sources": ["decisions"]})
    assert client.get("auditor", "worklists/home", entity=ENTITY)["trust"]["state"] == "DAMAGED"


def test_what_is_allowed_says_fields_values_rules_and_who_else(client: Client) -> None:
    client.world.lost()
    path = f"aggregates/WriteOff/{CASE}/allowed"
    (draft,) = client.get("maker", path, asset_no=LOAN)["commands"]
    fields = {field["name"]: field for field in draft["fields"]}
    assert draft["command"] == "Draft"
    assert (fields["ground"]["required"], fields["ground"]["type"]) == (True, "code")
    assert (fields["book_amount"]["required"], fields["book_amount"]["value"]) == (False, "2635308.70")
    client.world.to_stage("DRAFT")
    (review,) = client.get("legal", path)["commands"]
    outcome = next(field for field in review["fields"] if field["name"] == "outcome")
    assert (review["command"], outcome["values"]) == ("ReviewCompliance", ["PASS", "FAIL"])
    assert any("complete" in guard["text"] for guard in review["guards"])
    offered = client.get("maker", path)
    assert (offered["version"], offered["state"]) == (1, "DRAFT")
    assert {one["command"] for one in offered["others"]} == {"ReviewCompliance"}
    stranger = client.get("stranger", path)
    assert (stranger["version"], stranger["state"]) == (0, None)  # as if it did not exist
    assert client.ask("maker", "aggregates/Nothing/K/allowed").status_code == 422


def test_a_stale_version_is_a_conflict_that_names_the_present_one(client: Client) -> None:
    client.world.lost()
    client.world.to_stage("SUBMITTED")
    seen = client.ask("approver", f"aggregates/WriteOff/{CASE}")
    assert seen.headers["etag"] == '"3"'
    again = client.ask("approver", f"aggregates/WriteOff/{CASE}", headers={"If-None-Match": '"3"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"3"')
    body = {"aggregate": "WriteOff", "key": CASE, "command": "Return", "payload": {"comment": "no"}}
    stale = client.command("approver", {"If-Match": '"2"'}, cmd_id="c-1", **body)
    assert stale.status_code == 409
    assert (stale.json()["title"], stale.json()["facts"]["version"]) == ("conflict", 3)
    for wrong in ("yes", '"0"', '"1", "2"'):
        refused = client.command("approver", {"If-Match": wrong}, cmd_id="c-1", **body)
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "If-Match")
    done = client.command("approver", {"If-Match": '"3"'}, cmd_id="c-1", **body)
    assert (done.status_code, done.headers["etag"]) == (200, '"4"')
    repeated = client.command("approver", {"If-Match": '"3"'}, cmd_id="c-1", **body).json()
    assert repeated["repeated"]
    assert client.ask("approver", f"aggregates/WriteOff/{CASE}", {"If-None-Match": '"3"'}).status_code == 200


def test_the_idempotency_key_may_be_a_header(client: Client) -> None:
    client.world.admit()
    body: dict[str, Any] = {"aggregate": "RiskAsset", "key": LOAN, "command": "Tag", "payload": {"tag": "DESIGNATED"}}
    first = client.command("maker", {"Idempotency-Key": "k-1"}, **body).json()
    again = client.command("maker", {"Idempotency-Key": '"k-1"'}, **body).json()
    assert (first["repeated"], again["repeated"], again["cmd_id"]) == (False, True, "k-1")
    assert client.command("maker", cmd_id="k-1", **body).json()["repeated"]
    for headers, cmd_id in (({}, {}), ({"Idempotency-Key": "k-2"}, {"cmd_id": "k-3"})):
        refused = client.command("maker", headers, **body, **cmd_id)
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "cmd_id")


def test_an_answer_that_holds_still_is_not_sent_again(client: Client) -> None:
    client.world.admit()
    first = client.ask("maker", "worklists/search")
    tag = first.headers["etag"]
    assert client.ask("maker", "worklists/search", headers={"If-None-Match": tag}).status_code == 304
    assert client.ask("auditor", "worklists/search", headers={"If-None-Match": tag}).status_code == 200
    client.world.do("RM", "Tag", tag="DESIGNATED")
    assert client.ask("maker", "worklists/search", headers={"If-None-Match": tag}).status_code == 200


def test_pages_go_on_where_the_last_one_ended_though_its_row_is_done(client: Client) -> None:
    world = client.world
    world.admit(day="2024-09-01")
    term = {"rule_code": "TL01", "subject": LOAN, "start_on": "2021-09-01", "entity_id": ENTITY}
    for number in range(4):
        world.do("SY", "Open", aggregate="Deadline", key=f"TL01.{number}", raw_last_day="2024-09-20", **term)
    whole = client.get("auditor", "worklists/deadlines")
    assert ([row["key"] for row in whole["rows"]], whole["cursor"]) == ([f"TL01.{n}" for n in range(4)], None)
    first = client.ask("auditor", "worklists/deadlines", limit=2)
    assert first.json()["total"] == 4
    assert first.links["next"]["url"].startswith("/api/v1/worklists/deadlines?limit=2&cursor=")
    world.do("LG", "Void", aggregate="Deadline", key="TL01.1")
    rest = client.get("auditor", "worklists/deadlines", limit=2, cursor=first.json()["cursor"])
    assert ([row["key"] for row in rest["rows"]], rest["cursor"], rest["total"]) == (["TL01.2", "TL01.3"], None, 3)
    for cursor in ("2", "[1]", "[]x"):
        answer = client.ask("auditor", "worklists/deadlines", limit=2, cursor=cursor)
        assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "cursor")


def test_search_pages_and_tags(client: Client) -> None:
    for number in range(5):
        client.world.admit(f"LN-{number}", branch=BRANCH if number % 2 else "3302")
    client.world.do("RM", "Tag", key="LN-1", tag="特定资产")
    first = client.get("auditor", "worklists/search", q="ln", aggregate="RiskAsset", limit=2)
    assert [row["key"] for row in first["rows"]] == ["LN-4", "LN-3"]
    found = client.get("auditor", "worklists/search", q="ln", aggregate="RiskAsset", limit=9, cursor=first["cursor"])
    assert ([row["key"] for row in found["rows"]], found["cursor"]) == (["LN-2", "LN-1", "LN-0"], None)
    assert [row["key"] for row in client.get("maker", "worklists/search", aggregate="RiskAsset")["rows"]] == [
        "LN-3",
        "LN-1",
    ]
    (row,) = client.get("maker", "worklists/search", q="定资")["rows"]
    assert (row["key"], row["tags"], row["claim"]) == ("LN-1", ["特定资产"], "8198313.45")
    assert client.get("maker", "worklists/tags")["rows"] == [
        {"aggregate": "RiskAsset", "tag": "特定资产", "count": 1}
    ]
    assert client.get("elsewhere", "worklists/tags")["rows"] == []
    assert client.ask("maker", "worklists/search", limit=201).status_code == 422


def test_totals_rankings_and_the_plan_are_those_of_the_specification(client: Client) -> None:
    """The vector of spec 7.3: completions, shared rank, no rank without a target, and the whole."""
    world = client.world
    vector = {
        "3301": ("42000000.00", "31500000.00"),
        "3302": ("30000000.00", "22500000.00"),
        "3303": ("18000000.00", "9360000.00"),
        "3304": ("0.00", "1200000.00"),
        "3305": ("25000000.00", "20125000.00"),
    }
    for org, (target, actual) in vector.items():
        key = f"LN-{org}"
        world.admit(key, day="2024-01-02", branch=org, principal="90000000.00", customer_no=f"C-{org}")
        recovery = {"flow_id": f"F-{org}", "mode": "CASH_VOLUNTARY", "amount": actual}
        world.do("SY", "RecoveryApplied", key=key, day="2024-06-30", **recovery)
        draft: dict[str, Any] = {
            "org": org,
            "kind": "RECOVERY",
            "level": "BRANCH",
            "amount": target,
            "entity_id": ENTITY,
        }
        period = {"period_start": "2024-01-01", "period_end": "2024-12-31", "campaign": "-"}
        for event, payload in (("TargetDrafted", draft | period), ("TargetApproved", {})):
            world.app.store_fixture(world.command("AM", event, aggregate="Target", key=f"T-{org}", **payload))
    found = client.get("auditor", "worklists/plan", as_of="2024-06-30")
    rows = {row["org"]: (row["completion"], row["rank"]) for row in found["rows"]}
    assert rows == {
        "3301": ("75.00", 2),
        "3302": ("75.00", 2),
        "3303": ("52.00", 4),
        "3304": (None, None),
        "3305": ("80.50", 1),
    }
    (whole,) = found["groups"]
    assert (whole["amount"], whole["actual"], whole["completion"]) == ("115000000.00", "84685000.00", "73.64")
    assert {row["time_progress"] for row in found["rows"]} == {"49.73"}
    assert [row["org"] for row in client.get("maker", "worklists/plan")["rows"]] == [BRANCH]
    year = {"start": "2024-01-01", "end": "2024-12-31"}
    ranks = client.get("auditor", "worklists/rankings", **year)
    assert [row["org"] for row in ranks["branches"]] == ["3301", "3302", "3305", "3303", "3304"]
    assert ranks["branches"][0]["amount"] == "31500000.00"
    assert [row["customer_no"] for row in ranks["customers"]][:2] == ["C-3304", "C-3303"]
    assert client.ask("auditor", "worklists/rankings", kind="OTHER").status_code == 422
    sums = client.get("auditor", "worklists/totals", by="org", moved_by="mode", **year)
    assert sums["moved"][0]["recovery"] == whole["actual"]
    assert {row["org"]: row["count"] for row in sums["stock"]} == dict.fromkeys(vector, 1)
    assert client.ask("auditor", "worklists/totals", by="colour").status_code == 422
    home = client.get("auditor", "worklists/home", as_of="2024-06-30")
    assert home["plan"]["groups"][0]["completion"] == "73.64"
    assert {part["position"] for part in (found, ranks, sums, home)} == {world.log_length}


def test_deadlines_and_messages_with_what_became_of_them(client: Client) -> None:
    world = client.world
    world.admit(day="2024-09-01")
    key = f"TL01.{LOAN}.1"
    days = {"start_on": "2021-10-10", "raw_last_day": "2024-10-10", "act_by": "2024-09-10"}
    term = {"rule_code": "TL01", "subject": LOAN, "entity_id": ENTITY}
    world.do("SY", "Open", aggregate="Deadline", key=key, **term, **days)
    reminder = {"step": 7, "method": "SMS", "message_id": "M-1"}
    world.do("SY", "Remind", aggregate="Deadline", key=key, to="U-118", **reminder)
    message = {"aggregate": "Notification", "key": "M-1", "entity_id": ENTITY}
    world.do("SY", "Queue", method="SMS", to="U-118", template="TL", **message)
    world.do("EX", "Deliver", aggregate="Notification", key="M-1")
    (sent,) = client.get("maker", "worklists/messages")["rows"]
    assert (sent["deadline_no"], sent["delivery"], sent["legal_due_on"]) == (key, "DELIVERED", "2024-10-10")
    assert client.get("legal", "worklists/messages")["rows"] == []
    assert len(client.get("legal", "worklists/messages", everyone=True)["rows"]) == 1
    (line,) = client.get("maker", "worklists/deadlines", as_of="2024-09-05")["rows"]
    assert (line["days_left"], line["days_to_due"], line["colour"], line["reminders"]) == (5, 35, "RED", 1)
    over = client.get("maker", "worklists/deadlines", as_of="2024-11-01")
    assert over["counts"] == {"LAPSED": 1}
    assert client.get("maker", "worklists/deadlines", colour="GREEN")["rows"] == []
    notice: dict[str, Any] = {"title": "Year end", "body": "Close by noon", "audience": ["AM"]}
    command = world.command("IA", "Publish", aggregate="Notice", key="N-1", **notice)
    world.app.execute(replace(command, principal=Principal("U-SA", ("SA",), "-", (ENTITY,))))
    assert [one["title"] for one in client.get("maker", "worklists/messages")["notices"]] == ["Year end"]
    assert client.get("approver", "worklists/messages")["notices"] == []  # not the audience
    assert client.get("stranger", "worklists/messages")["notices"] == []


def test_one_customer_and_one_asset_on_one_body(client: Client) -> None:
    world = client.world
    world.lost()
    world.admit("LN-2", day="2024-09-06", guarantor_nos=["G-1"], collateral_ids=["COL-1"])
    world.to_stage("POSTED")
    customer: dict[str, Any] = {"aggregate": "RiskCustomer", "key": "C-9"}
    world.do("EX", "Register", entity_id=ENTITY, kind="CORPORATE", name_ref="N-9", **customer)
    world.do("EX", "SyncProfile", source="COURT", facts={"suits": 2}, **customer)
    world.do("EX", "SyncRelations", graph_hash="h", parties=[{"customer_no": "G-1", "kind": "GUARANTOR"}], **customer)
    filed = {"doc_id": "D-1", "category": "CONTRACT", "sha256": "aa", "entity_id": ENTITY}
    world.do("AM", "FileDocument", aggregate="CustomerFile", key="C-9", **filed)
    found = client.get("maker", "worklists/customers/C-9")
    assert [(claim["loan_no"], claim["lifecycle"]) for claim in found["claims"]] == [
        (LOAN, "WRITTEN_OFF"),
        ("LN-2", "ACTIVE"),
    ]
    assert [case["key"] for case in found["cases"]] == [CASE]
    assert found["guarantors"] == [{"customer_no": "G-1", "guarantees": ["LN-2"]}]
    assert [claim["loan_no"] for claim in client.get("maker", "worklists/customers/C-9")["claims"]] == [LOAN, "LN-2"]
    assert found["external"] == [{"source": "COURT", "as_of": "2024-09-25", "facts": {"suits": 2}}]
    assert found["files"][0]["versions"][0]["sha256"] == "aa"
    assert found["relations"][0]["customer_no"] == "G-1"
    assert found["totals"][0]["memo"] == "3700588.23"
    assert len(found["timeline"]) == len(client.get("auditor", "worklists/customers/C-9")["timeline"])
    asset = client.get("maker", f"worklists/assets/{LOAN}")
    principal = next(row for row in asset["claim_places"] if row["bucket"] == "principal")
    assert principal == {
        "bucket": "principal",
        "came": {"opening": "2632708.70"},
        "went": {"written_off": "2632708.70"},
        "total_came": "2632708.70",
        "total_went": "2632708.70",
        "left": "0.00",
    }
    assert sum(float(row["left"]) for row in asset["memo_places"]) == pytest.approx(float(asset["memo"]))
    assert [deed["type"] for deed in asset["timeline"]][-1] == "AssetAdmitted"
    for path in ("worklists/customers/C-9", f"worklists/assets/{LOAN}"):
        for who in ("elsewhere", "stranger"):
            assert client.ask(who, path).status_code == 404
    assert client.ask("maker", "worklists/customers/NOBODY").status_code == 404


def test_without_a_decision_log_the_lists_are_not_there() -> None:
    with client_of(services(clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))) as http:
        for path in ("worklists/todos", "aggregates/WriteOff/W-1/allowed"):
            answer = http.get(V1 + path)
            assert (answer.status_code, answer.json()["title"]) == (503, "unavailable")
