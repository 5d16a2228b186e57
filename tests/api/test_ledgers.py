"""Ledgers over HTTP and on the command line, on a real store: instants, readers, conditions, explanations."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from aggregates.envelope import Principal
from api.ledgers import Ledgers
from api.main import app
from infra.ledger_views import LedgerViews
from infra.security import Unauthenticated
from projections.ledgers.registry import LEDGERS
from tests.aggregates.world import BRANCH, CASE, ENTITY, LOAN, World, open_world
from tests.api.cli_api import CannedApi, canned_api
from tests.api_doubles import client_of, services

PEOPLE = {
    "auditor": Principal("U-601", ("IA",), "-", ("*",)),
    "maker": Principal("U-118", ("AM",), BRANCH, (ENTITY,)),
    "elsewhere": Principal("U-900", ("AM",), "3399", (ENTITY,)),
    "above": Principal("U-901", ("AM",), "3300", (ENTITY,)),
    "stranger": Principal("U-9", ("HA",), "-", ("BANK-B",)),
}


class Client:
    def __init__(self, http: httpx.Client, world: World) -> None:
        self.http, self.world = http, world

    def ask(self, path: str, who: str = "auditor", **parameters: Any) -> httpx.Response:
        return self.http.get("/api/v1/" + path, params=parameters, headers={"Authorization": f"Bearer {who}"})

    def get(self, path: str, who: str = "auditor", **parameters: Any) -> Any:
        answer = self.ask(path, who, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


def verify_token(token: str, _now: datetime) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A loan note that was lost, paid 5000.00, and was written off."""
    world = open_world(tmp_path_factory.mktemp("store"))
    world.lost()
    world.do(
        "SY", "RecoveryApplied", day="2024-09-10", mode="CASH_VOLUNTARY", amount="5000.00", flow_id="F-1", split_no=1
    )
    world.to_stage("POSTED")
    world.do("SY", "WriteOffRecoveryApplied", day="2024-10-09", on="2024-10-01", flow_id="F-2", amount="100.00")
    made = Ledgers(LedgerViews(world.app.published_after), world.clock, world.app.bank_day)
    ours = services(assets=world.app, verify_token=verify_token, clock=world.clock, ledgers=made)
    with client_of(ours) as http:
        yield Client(http, world)
    world.store.close()


def test_the_list_names_every_ledger_with_its_columns(client: Client) -> None:
    found = client.get("ledgers")["ledgers"]
    assert [one["name"] for one in found] == list(LEDGERS)
    columns = {column["name"]: column for column in found[0]["columns"]}
    assert columns["claim"] == {
        "name": "claim", "title": "Claim", "title_zh": "债权总额", "kind": "money", "personal": False, "summed": True,
    }  # fmt: skip
    assert columns["customer_name"]["personal"]
    for one in found:
        assert {"entity", "org", "branch", "customer_no", "customer_name", "manager", "ccy", "valid_from"} <= {
            column["name"] for column in one["columns"]
        }


@pytest.mark.parametrize("name", list(LEDGERS))
def test_every_ledger_answers_at_one_position(client: Client, name: str) -> None:
    found = client.get(f"ledgers/{name}")
    assert (found["name"], found["position"]) == (name, client.world.log_length)
    assert all(set(row) == {column["name"] for column in found["columns"]} for row in found["rows"])


def test_a_ledger_at_two_instants(client: Client) -> None:
    now = client.get("ledgers/write_off")["rows"][0]
    assert (now["recovered_after"], now["memo_left"], now["status"]) == ("100.00", "3695488.23", "POSTED")
    then = client.get("ledgers/write_off", as_of="2024-10-05", known_at="2024-10-08")
    assert then["rows"][0]["recovered_after"] == "0.00"
    assert then["known_at"] == "2024-10-08T15:59:59.999999Z"
    later = client.get("ledgers/write_off", as_of="2024-10-05", known_at="2024-10-09T12:00:00+08:00")
    assert later["rows"][0]["recovered_after"] == "100.00"
    assert client.get("ledgers/write_off", as_of="2024-09-24T20:00:00Z")["as_of"] == "2024-09-25"


def test_conditions_order_columns_and_pages(client: Client) -> None:
    asked: dict[str, Any] = {"where": ["memo > 1", "lifecycle = WRITTEN_OFF"], "columns": "loan_no,memo", "limit": 1}
    found = client.get("ledgers/risk_asset", **asked)
    assert found["rows"] == [{"loan_no": LOAN, "memo": "3695488.23"}]
    assert found["totals"] == {"CNY": {"memo": "3695488.23"}}
    assert client.get("ledgers/risk_asset", offset=1)["rows"] == []
    assert client.get("ledgers/decisions", where="type = AssetWrittenOff")["row_count"] == 1


def test_what_is_behind_a_row_adds_up(client: Client) -> None:
    found = client.get(f"ledgers/write_off/{CASE}%7C{LOAN}/explain")
    assert found["row"]["memo_left"] == "3695488.23"
    changes = [change for event in found["events"] for change in event["changes"] if change["column"] == "memo_left"]
    assert [(change["counts_on"], change["value"]) for change in changes] == [
        ("2024-09-25", "0.00"), ("2024-09-25", "3695588.23"), ("2024-10-01", "-100.00"),
    ]  # fmt: skip
    assert [event["type"] for event in found["events"]][-1] == "WriteOffRecoveryApplied"
    decision = client.get("ledgers/decisions/1/explain")
    assert decision["events"][0]["type"] == "AssetAdmitted"


def test_two_reports_differ_by_what_was_learnt_between(client: Client) -> None:
    asked = {"as_of": "2024-10-05", "known_at": "2024-10-08", "other_known_at": "now"}
    found = client.get("ledgers/risk_asset/difference", **asked)
    assert found["count"] == 1
    cells = {cell["column"]: (cell["before"], cell["after"]) for cell in found["rows"][0]["cells"]}
    assert cells["rec_cash"] == ("5000.00", "5100.00")
    assert [event["type"] for event in found["rows"][0]["events"]] == ["WriteOffRecoveryApplied"]
    assert client.get("ledgers/risk_asset/difference", as_of="2024-10-05", other_as_of="2024-10-05")["count"] == 0


@pytest.mark.parametrize(("who", "seen"), [("maker", 1), ("elsewhere", 0), ("above", 0), ("stranger", 0)])
def test_rows_are_those_that_a_reader_may_see(client: Client, who: str, seen: int) -> None:
    for name in ("risk_asset", "write_off", "recovery"):
        found = client.get(f"ledgers/{name}", who)
        assert bool(found["row_count"]) == bool(seen)
        assert bool(found["totals"]) == bool(seen)
    assert client.ask(f"ledgers/risk_asset/{LOAN}/explain", who).status_code == (200 if seen else 404)
    asked = {"known_at": "2024-09-01", "other_known_at": "now"}
    assert bool(client.get("ledgers/risk_asset/difference", who, **asked)["count"]) == bool(seen)


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("ledgers/nothing", {}, 404),
        ("ledgers/risk_asset", {"where": "nothing = 1"}, 422),
        ("ledgers/risk_asset", {"as_of": "yesterday"}, 422),
        ("ledgers/risk_asset", {"known_at": "2024-01-01T00:00:00"}, 422),
        ("ledgers/risk_asset/difference", {}, 422),
        ("ledgers/risk_asset/nothing/explain", {}, 404),
    ],
)
def test_what_cannot_be_answered(client: Client, path: str, parameters: dict[str, str], status: int) -> None:
    answer = client.ask(path, **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_an_organisation_above_sees_what_is_below(tmp_path: Path) -> None:
    world = open_world(tmp_path)
    world.admit()
    made = Ledgers(LedgerViews(world.app.published_after), world.clock, world.app.bank_day)
    assert made.table("risk_asset", reader=PEOPLE["above"]).row_count == 0
    with made._views.current() as book:  # as an `OrgUnitCreated` event would
        book.memory.parents[BRANCH] = "3300"
    assert made.table("risk_asset", reader=PEOPLE["above"]).row_count == 1
    assert made.table("risk_asset", reader=PEOPLE["elsewhere"]).row_count == 0
    world.store.close()


# --- The command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def canned(client: Client) -> Iterator[CannedApi]:
    paths = ["ledgers", "ledgers/write_off", f"ledgers/write_off/{CASE}%7C{LOAN}/explain"]
    with canned_api() as api:
        api.answers.update({f"/{path}": client.get(path) for path in paths})
        asked = {"known_at": "2024-09-01", "other_known_at": "now"}
        api.answers["/ledgers/risk_asset/difference"] = client.get("ledgers/risk_asset/difference", **asked)
        yield api


def run(canned: CannedApi, tmp_path: Path, *words: str) -> str:
    environment = {"TIDEMARK_API": canned.address, "TIDEMARK_TOKEN": "x", "TIDEMARK_DATA_DIR": str(tmp_path)}
    found = CliRunner().invoke(app, ["ledger", *words], env=environment)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_command_line_asks_and_shows(canned: CannedApi, tmp_path: Path) -> None:
    words = ("write_off", "--as-of", "2024-12-31", "--known-at", "2024-12-31", "--where", "memo_left > 1", "--sort")
    shown = run(canned, tmp_path, *words, "memo_left:desc", "--limit", "5")
    assert "核销资产台账" in shown
    assert "3,695,488.23" in shown
    assert "meeting no" not in shown  # no row has one
    query = canned.last().query
    assert query == {
        "as_of": "2024-12-31", "known_at": "2024-12-31", "where": "memo_left > 1", "sort": "memo_left:desc",
        "limit": "5", "offset": "0",
    }  # fmt: skip
    assert json.loads(run(canned, tmp_path, "write_off", "--format", "json"))["row_count"] == 1
    assert json.loads(run(canned, tmp_path, "write_off", "--json"))["row_count"] == 1


def test_the_command_line_lists_explains_and_compares(canned: CannedApi, tmp_path: Path) -> None:
    assert "risk_asset" in run(canned, tmp_path, "--list")
    assert len(json.loads(run(canned, tmp_path, "list", "--json"))["ledgers"]) == len(LEDGERS)
    assert "WriteOffRecoveryApplied" in run(canned, tmp_path, "explain", "write_off", f"{CASE}|{LOAN}")
    assert "NEW" in run(canned, tmp_path, "difference", "risk_asset", "--known-at", "2024-09-01")


def test_instants_in_the_answer_are_utc(client: Client) -> None:
    found = client.get("ledgers/decisions", limit=1)["rows"][0]
    assert datetime.fromisoformat(found["recorded_at"]).tzinfo == UTC
