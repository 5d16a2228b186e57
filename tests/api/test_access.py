"""What the API tells the access log, request by request, and who may read it back."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from aggregates.envelope import Principal
from api.access import WatchedAssets
from api.cli.access import instant_of
from api.main import app
from infra.security import Unauthenticated
from streams.access_log import AccessRecord
from tests.access_world import NOW, Told
from tests.aggregates.world import BRANCH, ENTITY, LOAN, World, open_world
from tests.api_doubles import OneTimeCodes, running, services
from tests.paper_world import AUDITOR, WRITER, PaperWorld, open_paper_world

V1 = "/api/v1"
PEOPLE = {
    "manager": WRITER,
    "auditor": AUDITOR,
    "branch-auditor": Principal("U-602", ("IA",), BRANCH, (ENTITY,)),
    "engineer": Principal("U-700", ("OP",), "-", ("*",)),
    "nobody": Principal("U-8", (), "-", ("*",)),
}
PDF = b"%PDF-1.7\n" + b"x" * 100


def verify_token(token: str, now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


class Served:
    def __init__(self, told: Told, papers: PaperWorld, http: httpx.Client) -> None:
        self.told, self.papers, self.http = told, papers, http

    def ask(self, method: str, path: str, who: str | None = "manager", **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        return self.http.request(method, V1 + path, headers=headers, **more)

    def told_of(self, method: str, path: str, who: str | None = "manager", **more: Any) -> list[AccessRecord]:
        """What one request adds to the log."""
        self.told.take()
        self.answer = self.ask(method, path, who, **more)
        return self.told.take()

    def draft(self, who: str, **payload: Any) -> list[AccessRecord]:
        """What the command to draft a write-off adds to the log, which keeps it."""
        before = len(self.told.records)
        body = {"cmd_id": "c-1", "aggregate": "WriteOff", "key": "WO-9", "command": "Draft", "payload": payload}
        self.answer = self.ask("POST", "/commands", who, json=body)
        return self.told.records[before:]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("access")
    world: World = open_world(folder)
    world.app = WatchedAssets(world.store.factory)
    papers = open_paper_world(world, folder)
    told = Told()
    ours = services(
        assets=world.app,
        verify_token=verify_token,
        papers=papers.papers,
        clock=lambda: max(NOW, world.clock()),
        login_codes=OneTimeCodes(once="manager"),
        access=told.access("IA"),
    )
    with running(ours) as server, httpx.Client(base_url=server.address, timeout=20, trust_env=False) as http:
        yield Served(told, papers, http)
    world.store.close()


def shown(records: list[AccessRecord], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(record, name) for name in ("action", "actor", *names)) for record in records]


def test_a_command_that_the_role_forbids_is_told_once_with_everything_about_it(served: Served) -> None:
    (found,) = served.draft("auditor", asset_no="LN-SECRET", ground="BANKRUPTCY")
    assert served.answer.status_code == 403
    assert (found.action, found.actor, found.roles, found.entities) == ("command-refused", "U-601", ["IA"], ["*"])
    assert (found.aggregate, found.key, found.command, found.cmd_id) == ("WriteOff", "WO-9", "Draft", "c-1")
    assert (found.guard, found.code, found.via, found.address) == ("ROLE", "forbidden", "http", "127.0.0.1")
    assert "SECRET" not in str(found)


def test_what_is_only_wrong_or_allowed_is_not_told(served: Served) -> None:
    assert served.draft("manager") == []
    assert served.answer.status_code in (404, 422)
    assert served.told_of("GET", f"/risk-assets/{LOAN}") == []
    assert served.answer.status_code == 200


@pytest.mark.parametrize("mode", ["rows", "all"])
def test_refused_rows_of_a_file_are_told_one_by_one(served: Served, mode: str) -> None:
    fields = {"kind": "WriteOff.Approve", "mode": mode, "entity": ENTITY}
    sheet = b"write_off_no,approval_no,level\nWO-1,A-1,HEAD_OFFICE\nWO-2,A-2,HEAD_OFFICE\n"
    found = served.told_of("POST", "/uploads", files={"file": ("rows.csv", sheet)}, data=fields)
    assert served.answer.status_code == 200, served.answer.text
    assert shown(found, "key", "guard") == [
        ("command-refused", "U-118", "WO-1", "ROLE"),
        ("command-refused", "U-118", "WO-2", "ROLE"),
        ("rows-uploaded", "U-118", "-", "-"),
    ]
    assert found[-1].aggregate == "WriteOff.Approve"


def test_tokens_that_nobody_knows_are_told_and_missing_ones_are_not(served: Served) -> None:
    (found,) = served.told_of("GET", "/me", "forged-token")
    assert (found.action, found.actor, found.code, found.route) == (
        "token-refused",
        "-",
        "unauthenticated",
        "GET /me",
    )
    assert "forged-token" not in str(found)
    assert served.told_of("GET", "/me", None) == []
    assert shown(served.told_of("GET", "/me", "nobody"), "status") == [("request-refused", "U-8", 403)]


def test_signing_in_and_out_names_who(served: Served) -> None:
    assert shown(served.told_of("GET", "/login", None, params={"code": "once"}), "address") == [
        ("signed-in", "U-118", "127.0.0.1")
    ]
    assert shown(served.told_of("GET", "/login", None, params={"code": "once"}), "status") == [
        ("sign-in-refused", "-", 401)
    ]
    served.http.cookies.set("tidemark_session", "manager")
    assert shown(served.told_of("GET", "/logout", None)) == [("signed-out", "U-118")]
    served.http.cookies.clear()
    assert served.told_of("GET", "/logout", None) == []


def test_papers_that_come_and_go_are_told(served: Served) -> None:
    (stored,) = served.told_of("POST", "/attachments", files={"file": ("合同.pdf", PDF)})
    doc_id = served.answer.json()["doc_id"]
    assert (stored.action, stored.aggregate, stored.key) == ("attachment-stored", "Attachment", doc_id)
    assert "合同" not in str(stored)
    found = served.told_of("GET", f"/attachments/{doc_id}/content")
    assert shown(found, "key") == [("attachment-read", "U-118", doc_id)]
    asked = {"template": "demand-letter", "key": LOAN, "fields": served.papers.entered("demand-letter")}
    found = served.told_of("POST", "/documents/render", json=asked)
    assert shown(found, "aggregate", "key") == [("document-rendered", "U-118", "demand-letter", LOAN)]
    found = served.told_of("POST", "/documents", json=asked | {"cmd_id": "d-9"})
    assert shown(found, "aggregate", "key") == [("document-drafted", "U-118", "demand-letter", LOAN)]


@pytest.mark.parametrize(
    ("path", "aggregate", "key"),
    [
        (f"/risk-assets/{LOAN}", "RiskAsset", LOAN),
        (f"/risk-assets/{LOAN}/history", "RiskAsset", LOAN),
        ("/aggregates/LitigationCase/SU1", "LitigationCase", "SU1"),
        ("/aggregates/LitigationCase", "LitigationCase", "-"),
        ("/risk-assets", "-", "-"),
    ],
)
def test_an_auditors_reads_of_cases_are_told(served: Served, path: str, aggregate: str, key: str) -> None:
    found = served.told_of("GET", path, "auditor")
    assert served.answer.status_code == 200
    assert shown(found, "aggregate", "key") == [("case-read", "U-601", aggregate, key)]


def test_which_roles_are_watched_is_a_choice() -> None:
    told = Told()
    world = services(access=told.access(), verify_token=verify_token)
    with running(world) as server, httpx.Client(base_url=server.address, trust_env=False) as http:
        assert http.get(V1 + "/risk-assets", headers={"Authorization": "Bearer auditor"}).status_code == 200
    assert told.records == []


def test_the_api_answers_while_the_broker_is_away_and_shows_what_waits() -> None:
    told = Told(capacity=2)
    told.is_away = True
    with running(services(access=told.access("IA"), verify_token=verify_token)) as server:
        for _ in range(3):
            answer = httpx.get(
                f"{server.address}{V1}/risk-assets", headers={"Authorization": "Bearer auditor"}, trust_env=False
            )
            assert answer.status_code == 200
        metrics = httpx.get(f"{server.address}/metrics", trust_env=False).text
    assert "tidemark_access_records_waiting 2.0" in metrics
    assert "tidemark_access_records_dropped_total 1.0" in metrics


def test_the_log_is_for_audit_and_masked_for_engineers(served: Served) -> None:
    served.draft("auditor")
    (row,) = served.ask("GET", "/access-log", "auditor", params={"actor": "U-601", "limit": 1}).json()["rows"]
    assert row["action"] == "command-refused"
    assert served.told.searched_since[-1] == NOW - timedelta(days=7)
    assert (row["key"], row["address"]) == ("WO-9", "127.0.0.1")
    since = "2026-11-20T08:00:00+08:00"
    answer = served.ask("GET", "/access-log", "engineer", params={"actor": "U-601", "limit": 1, "since": since})
    assert answer.json()["rows"] == [row | dict.fromkeys(("key", "cmd_id", "address"), "***")]
    assert served.told.searched_since[-1] == datetime(2026, 11, 20, tzinfo=UTC)
    assert served.ask("GET", "/access-log", "manager").json()["facts"]["guard"] == "ROLE"


def test_the_log_is_read_page_by_page(served: Served) -> None:
    for _ in range(5):
        served.draft("auditor")
    whole = [row["record_id"] for row in served.ask("GET", "/access-log", "auditor").json()["rows"]]
    assert len(whole) >= 5
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 2}
    while asked.get("cursor", "") is not None:
        page = served.ask("GET", "/access-log", "auditor", params=asked)
        found += [row["record_id"] for row in page.json()["rows"]]
        asked["cursor"] = page.json()["cursor"]
        assert (asked["cursor"] is None) == ("next" not in page.links)
    assert found[-len(whole) :] == whole  # whoever reads may be told of, too: newer, so before all of these
    assert len(set(found)) == len(found)
    for cursor in (
        "x",
        '["2026-11-20T00:00:00+00:00"]',
        '["2026-11-20T00:00:00","1"]',
        '["2026-11-20T00:00:00Z","1"]',
    ):
        answer = served.ask("GET", "/access-log", "auditor", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["facts"]["field"]) == (422, "cursor")


def test_an_auditor_of_one_entity_sees_what_its_own_people_did(served: Served) -> None:
    served.draft("auditor")  # by somebody of all entities
    served.ask("GET", "/me", "forged")
    served.ask("GET", "/risk-assets", "branch-auditor")
    rows = served.ask("GET", "/access-log", "branch-auditor").json()["rows"]
    assert {tuple(row["entities"]) for row in rows} == {(ENTITY,)}
    assert rows[0]["action"] == "case-read"


def test_the_command_wants_a_date_or_an_instant() -> None:
    assert instant_of("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert instant_of("2026-11-20T08:00:00+08:00") == datetime(2026, 11, 20, tzinfo=UTC)
    refused = CliRunner().invoke(app, ["audit", "access", "--since", "soon", "--json"])
    assert (refused.exit_code, json.loads(refused.stderr)["field"]) == (2, "--since")
