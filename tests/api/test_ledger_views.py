"""Ledgers asked freely, taken away, kept and printed over HTTP, on a real store with the scenario of spec 8.1."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any

import httpx
import polars as pl
import pytest
import python_calamine

from aggregates.commands import Command
from aggregates.envelope import Principal
from api.ledger_desk import LedgerDesk
from api.ledger_exports import LedgerExports, telling
from api.ledger_views import SavedViews
from api.ledgers import Ledgers
from infra.decision_views import DecisionViews
from infra.exports.jobs import ExportJobs
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.security import Unauthenticated
from tests.access_world import Told
from tests.aggregates.scenarios import FOLDER, Played, lines_of, play
from tests.api_doubles import client_of, services
from tests.waiting import until

V1 = "/api/v1"
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
LEDGER = "risk_asset"
SYNC_ROWS = 1


def people(entity: str) -> dict[str, Principal]:
    return {
        "maker": Principal("U-118", ("AM", "HM"), "-", (entity,)),
        "checker": Principal("U-205", ("RM",), "-", (entity,)),
        "auditor": Principal("U-601", ("IA",), "-", ("*",)),
        "stranger": Principal("U-9", ("AM",), "-", ("BANK-B",)),
    }


@dataclass
class World:
    http: httpx.Client
    played: Played
    told: Told
    people: dict[str, Principal]
    known_at: str  # when the last event of the scenarios was recorded

    def ask(
        self, path: str, who: str = "maker", headers: dict[str, str] | None = None, **given: Any
    ) -> httpx.Response:
        return self.http.get(V1 + path, params=given, headers={"Authorization": f"Bearer {who}", **(headers or {})})

    def get(self, path: str, who: str = "maker", **given: Any) -> Any:
        answer = self.ask(path, who, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], who: str = "maker") -> httpx.Response:
        return self.http.post(V1 + path, json=body, headers={"Authorization": f"Bearer {who}"})

    def command(self, who: str, key: str, name: str, cmd_id: str, **payload: Any) -> None:
        self.played.app.execute(Command(cmd_id, "LedgerSupplement", key, name, payload, self.people[who], NOW))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("ledgers")
    lines = [
        line for name in ("one-asset", "restructuring", "no-recourse") for line in lines_of(FOLDER / f"{name}.jsonl")
    ]
    lines.sort(key=lambda line: line["at"])
    for number, line in enumerate(lines):
        line["cmd_id"] = f"c{number}"
    played = play(lines, folder)
    app, told = played.app, Told()
    entity = app.list_risk_assets(reader=Principal("U-0", ("IA",), "-", ("*",)))[0]["entity"]
    known = people(entity)

    def verify_token(token: str, _now: datetime) -> Principal:
        if token not in known:
            raise Unauthenticated("this token is not valid")
        return known[token]

    ledgers = Ledgers(LedgerViews(app.published_after, LedgerStore(folder / "ledgers")), lambda: NOW, app.bank_day)
    jobs = ExportJobs(folder / "exports", lambda: NOW, telling(app, lambda: NOW))
    exports = LedgerExports(LedgerDesk(ledgers, app, lambda _reader: str), SavedViews(app), jobs, sync_rows=SYNC_ROWS)
    ours = services(
        assets=app,
        verify_token=verify_token,
        clock=lambda: NOW,
        ledgers=ledgers,
        ledger_exports=exports,
        access=told.access("IA"),
        work=DecisionViews(app.published_after, app.bank_day),
    )
    with client_of(ours) as http:
        yield World(http, played, told, known, app.published_after(0, 1_000)[-1].recorded_at.isoformat())
    jobs.close()
    played.close()


def test_a_query_groups_and_computes_over_a_real_ledger(world: World) -> None:
    whole = world.get(f"/ledgers/{LEDGER}")
    found = world.get(
        f"/ledgers/{LEDGER}/query",
        group_by="ccy",
        columns="ccy, count(), total = sum(claim), per_cent(sum(costs), sum(claim))",
    )
    claims: dict[str, Decimal] = {}
    for row in whole["rows"]:
        claims[row["ccy"]] = claims.get(row["ccy"], Decimal(0)) + Decimal(row["claim"])
    assert {row["ccy"]: Decimal(row["total"]) for row in found["rows"]} == claims
    assert sum(row["count()"] for row in found["rows"]) == whole["row_count"] > SYNC_ROWS
    assert found["position"] == whole["position"]


def test_ledgers_are_joined_at_one_position(world: World) -> None:
    found = world.get(
        f"/ledgers/{LEDGER}/query",
        joins="recovery on loan_no",
        columns="loan_no, claim, recovery.mode, recovery.amount",
    )
    recovered = world.get("/ledgers/recovery")
    amounts = sorted(row["recovery.amount"] for row in found["rows"] if row["recovery.mode"])
    assert amounts == sorted(row["amount"] for row in recovered["rows"])
    assert amounts


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"where": "claim > many"}, "claim", "want an amount"),
        ({"where": "nothing = 1"}, "nothing", "no column 'nothing'"),
        ({"columns": "exec(claim)"}, "columns", "no function 'exec'"),
        ({"joins": "recovery on ccy"}, "joins", "not on 'ccy'"),
        ({"as_of": "yesterday"}, "as_of", "want a day"),
    ],
)
def test_what_cannot_be_asked_is_named(world: World, given: dict[str, str], field: str, words: str) -> None:
    answer = world.ask(f"/ledgers/{LEDGER}/query", **given)
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert words in body["detail"]
    assert body["facts"]["field"] == field


def test_a_small_answer_is_a_file_at_once_and_is_told(world: World) -> None:
    world.told.take()
    asked = {"where": "claim > 0", "columns": "loan_no, ccy, claim", "known_at": NOW.isoformat()}
    small = world.get(f"/ledgers/{LEDGER}/query", **asked)["rows"][:SYNC_ROWS]
    asked["where"] = "loan_no in " + ",".join(row["loan_no"] for row in small)
    answer = world.ask(f"/ledgers/{LEDGER}/export", form="csv", **asked)
    assert answer.status_code == 200, answer.text
    head, _, body = answer.content.partition(b"\r\n\r\n")
    assert sha256(body).hexdigest() == answer.headers["x-body-sha256"]
    assert answer.headers["x-body-sha256"].encode() in head
    assert answer.content == world.ask(f"/ledgers/{LEDGER}/export", form="csv", **asked).content
    sheet = world.ask(f"/ledgers/{LEDGER}/export", form="xlsx", **asked)
    rows = python_calamine.load_workbook(BytesIO(sheet.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows if str(row[0]).startswith("LN")] == [row["loan_no"] for row in small]
    (first, second, third) = world.told.take()
    assert (first.action, first.actor, first.key, first.status) == ("ledger-exported", "U-118", LEDGER, 200)
    assert (second.action, third.route) == ("ledger-exported", "GET /ledgers/{name}/export")


def test_a_big_answer_is_a_job_with_progress_a_resumable_file_and_a_notice(world: World) -> None:
    asked = {"form": "parquet", "known_at": world.known_at, "where": "claim >= 0"}
    started = world.ask(f"/ledgers/{LEDGER}/export", **asked)
    assert started.status_code == 202
    path = started.headers["location"].removeprefix(V1)
    job = until(lambda: found if (found := world.get(path))["state"] not in ("WAITING", "RUNNING") else None)
    assert job["state"] == "DONE"
    assert job["done"] == job["rows"] > SYNC_ROWS
    whole = world.ask(path + "/file")
    assert sha256(whole.content).hexdigest() == job["sha256"]
    part = world.ask(path + "/file", headers={"Range": "bytes=100-", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:])
    assert pl.read_parquet(BytesIO(whole.content)).height == job["rows"]
    assert world.ask(f"/ledgers/{LEDGER}/export", **asked).json()["job_no"] == job["job_no"]
    assert world.ask(path, "checker").status_code == 404  # somebody else's
    assert job["job_no"] in [one["job_no"] for one in world.get("/ledger-exports")["exports"]]
    notices = until(lambda: world.get("/worklists/messages")["notices"])
    assert job["job_no"] in str(notices)
    assert not world.get("/worklists/messages", "checker")["notices"]


def test_a_view_is_kept_shared_run_by_the_readers_rights_and_retired(world: World) -> None:
    body = {
        "cmd_id": "view-1",
        "view_no": "BY-CLASS",
        "ledger": LEDGER,
        "title": "按五级分类",
        "where": ["claim > 0"],
        "group_by": ["ccy", "classification"],
        "columns": ["ccy", "classification", "n = count()", "claims = sum(claim)"],
        "sort": ["claims:desc"],
    }
    assert world.post("/ledger-views", body | {"columns": ["nothing"], "cmd_id": "x"}).status_code == 422
    saved = world.post("/ledger-views", body)
    assert saved.status_code == 200, saved.text
    shown = world.get("/ledger-views/BY-CLASS")
    assert (shown["maker"], shown["shared_with"], shown["title"]) == ("U-118", None, "按五级分类")
    assert shown["query"] == {name: body[name] for name in ("where", "group_by", "columns", "sort")}
    assert world.ask("/ledger-views/BY-CLASS/run", "checker").status_code == 404
    refused = world.post("/ledger-views/BY-CLASS/share", {"cmd_id": "view-2", "roles": ["RM"]}, "checker")
    assert refused.json()["facts"]["guard"] == "ReportDefinition.Share.1"
    assert world.post("/ledger-views/BY-CLASS/share", {"cmd_id": "view-3", "roles": ["RM", "IA"]}).status_code == 200
    mine, theirs = world.get("/ledger-views/BY-CLASS/run"), world.get("/ledger-views/BY-CLASS/run", "checker")
    assert mine["rows"] == theirs["rows"] != []
    assert [one["view_no"] for one in world.get("/ledger-views", "checker")["views"]] == ["BY-CLASS"]
    assert world.ask("/ledger-views/BY-CLASS", "stranger").status_code == 404
    printed = world.ask("/ledger-views/BY-CLASS/print", "checker", language="en")
    assert "U-205" in printed.text
    assert mine["rows"][0]["classification"] in printed.text
    assert world.post("/ledger-views/BY-CLASS/retire", {"cmd_id": "view-4"}).status_code == 200
    assert world.ask("/ledger-views/BY-CLASS").status_code == 404


def test_a_stranger_sees_no_rows_whatever_is_asked(world: World) -> None:
    assert world.get(f"/ledgers/{LEDGER}/query", "stranger")["rows"] == []
    assert world.get(f"/ledgers/{LEDGER}/query", "stranger", columns="count()")["rows"] == [{"count()": 0}]


def test_a_printed_page_is_escaped_stamped_and_told(world: World) -> None:
    world.told.take()
    page = world.ask(f"/ledgers/{LEDGER}/print", "auditor", language="zh")
    assert page.headers["content-type"].startswith("text/html")
    assert "<style" not in page.text  # the API's policy would not let it work
    assert "U-601" in page.text
    assert "风险资产" in page.text
    style = world.ask("/ledger-print.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "counter(pages)" in style.text
    assert [(one.action, one.actor) for one in world.told.take()] == [("ledger-printed", "U-601")]


def test_supplements_lie_over_the_ledger_until_they_end(world: World) -> None:
    loan = world.get(f"/ledgers/{LEDGER}")["rows"][0]
    entered = {
        "dataset": LEDGER,
        "row_key": loan["loan_no"],
        "field": "costs",
        "period": "2026-11",
        "value": "123.45",
        "reason": "受理费尚未入账",
        "evidence": "ab" * 32,
        "valid_until": "2026-11-25",
    }
    world.command("maker", "SU-1", "Enter", "su-1", **entered)
    with pytest.raises(Exception, match="another person"):
        world.command("maker", "SU-1", "Approve", "su-2")
    same = {"as_of": "2026-11-22"}
    assert world.get(f"/ledgers/{LEDGER}/query", with_supplements="true", **same)["rows"][0]["supplemented"] is None
    before = world.get(f"/ledgers/{LEDGER}")["position"]
    world.command("checker", "SU-1", "Approve", "su-3")
    seen = world.get(
        f"/ledgers/{LEDGER}/query", with_supplements="true", where=f"loan_no = {loan['loan_no']}", **same
    )
    assert (seen["rows"][0]["costs"], seen["rows"][0]["supplemented"]) == ("123.45", "costs")
    assert seen["position"] > before
    assert Decimal(seen["totals"][loan["ccy"]]["costs"]) == Decimal("123.45")
    told = world.get(f"/ledgers/{LEDGER}/supplements", **same)
    (cell,) = told["cells"]
    assert (cell["system"], cell["effective"], cell["maker"], cell["approver"]) == (
        loan["costs"],
        "123.45",
        "U-118",
        "U-205",
    )
    assert Decimal(told["share_pct"]) > 0
    for day in ("2026-10-31", "2026-11-26"):
        later = world.get(f"/ledgers/{LEDGER}/supplements", as_of=day)
        assert later["cells"] == []
    plain = world.get(f"/ledgers/{LEDGER}/query", where=f"loan_no = {loan['loan_no']}", **same)
    assert plain["rows"][0]["costs"] == loan["costs"]
    assert json.dumps(plain["rows"]).count("supplemented") == 0
