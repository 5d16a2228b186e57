"""`tidemark work` against an API of canned answers: what is asked, what is shown. The answers are real ones."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aggregates.envelope import Principal
from api import work, work_totals, work_views
from api.allowed import allowed
from api.main import app
from api.paging import PageAsked
from infra.decision_views import DecisionViews
from projections.work.search import Query
from tests.aggregates.world import CASE, ENTITY, LOAN, open_world
from tests.api.cli_api import CannedApi, canned_api

READER = Principal("U-301", ("HA", "AM"), "-", (ENTITY,))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the API says of a write-off that waits for its decision."""
    world = open_world(tmp_path_factory.mktemp("store"))
    world.lost()
    world.do("RM", "Tag", tag="特定资产")
    world.to_stage("SUBMITTED")
    term = {"rule_code": "TL01", "subject": LOAN, "start_on": "2021-09-01", "entity_id": ENTITY}
    world.do("SY", "Open", aggregate="Deadline", key="TL01.1", raw_last_day="2024-09-20", **term)
    views = DecisionViews(world.app.published_after, world.app.bank_day)
    with views.current() as state:
        view = work.View(state, READER, views.today(world.clock()))
        year: dict[str, Any] = {"start": date(2024, 1, 1), "end": date(2024, 12, 31)}
        found = {
            "worklists/todos": work.todo_list(view, PageAsked()),
            "worklists/done": work.done_list(view, PageAsked()),
            "worklists/deadlines": work.deadline_list(view, PageAsked()),
            "worklists/messages": work.message_list(view, PageAsked()),
            "worklists/totals": work_totals.total_list(view, by=("classification",), moved_by=("mode",), **year),
            "worklists/plan": work_totals.plan_list(view, PageAsked()),
            "worklists/rankings": work_totals.ranking_list(view, PageAsked(), kind="RECOVERY", **year),
            "worklists/search": work.search_page(view, Query("ln")),
            "worklists/tags": work.tag_list(view, PageAsked()),
            "worklists/customers/C-9": work_views.customer_view(view, "C-9"),
            f"worklists/assets/{LOAN}": work_views.asset_view(view, LOAN),
            "worklists/home": work_views.home(view, **year),
            f"aggregates/WriteOff/{CASE}/allowed": allowed(world.app, world.clock(), READER, "WriteOff", CASE),
        }
    world.store.close()
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]


@pytest.fixture
def canned(answers: dict[str, Any]) -> Iterator[CannedApi]:
    with canned_api() as api:
        api.answers.update({f"/{path}": answer for path, answer in answers.items()})
        yield api


@pytest.fixture
def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")

    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "250"}).invoke(app, ["work", *arguments])

    return invoke


SHOWN = {
    "todos": ("DECIDE", CASE, "2635308.70 CNY LN-7001", "Approve"),
    "done": ("position",),
    "deadlines": ("TL01", "LAPSED", LOAN),
    "messages": ("position",),
    "totals": ("LOSS", "3,700,588.23"),
    "plan": ("position",),
    "rankings": ("C-9", "3,700,588.23"),
    "search ln": (LOAN, "特定资产"),
    "tags": ("特定资产", "1"),
    "customer C-9": ("C-9", LOAN, CASE, "LAPSED"),
    f"asset {LOAN}": ("principal", "opening 2632708.70", CASE),
    "home": ("to-dos", "DECIDE", "Stock", "Customers by claim"),
    f"allowed WriteOff {CASE}": ("Approve as HA", "approval_no: id, may be left out", "Refer: waits for CS"),
}


@pytest.mark.parametrize(("asked", "texts"), SHOWN.items())
def test_what_is_shown(run: Any, asked: str, texts: tuple[str, ...]) -> None:
    result = run(*asked.split())
    assert result.exit_code == 0, result.output
    for text in texts:
        assert text in result.output


@pytest.mark.parametrize("asked", ["todos", "home"])
def test_json_is_the_answer_as_it_came(run: Any, canned: CannedApi, asked: str) -> None:
    result = run(asked, "--json")
    assert json.loads(result.output) == canned.answers[canned.last().path]


def test_what_is_asked(run: Any, canned: CannedApi) -> None:
    run("todos", "--mine", "--kind", "DECIDE", "--as-of", "2024-09-25", "--org", "3301")
    assert canned.last().query == {"mine": "true", "kind": "DECIDE", "as_of": "2024-09-25", "org": "3301"}
    run("search", "浦东", "--tag", "特定资产", "--open", "--cursor", "7", "--limit", "5")
    asked = {"q": "浦东", "tag": "特定资产", "open": "true", "cursor": "7", "limit": "5"}
    assert canned.last().query == asked
    run("totals", "--by", "org", "--from", "2024-01-01", "--to", "2024-06-30")
    assert canned.last().query == {"by": "org", "moved_by": "mode", "start": "2024-01-01", "end": "2024-06-30"}
    refused = run("todos", "--as-of", "soon")
    assert refused.exit_code == 2
    assert "--as-of" in refused.output
    run("customer", "../me")
    assert canned.last().path.removeprefix("/") == "worklists/customers/..%2Fme"


def test_a_tag_is_a_command(run: Any, canned: CannedApi) -> None:
    canned.answers["/commands"] = {"key": LOAN, "events": [], "state": {"tags": ["DESIGNATED"]}}
    result = run("tag", LOAN, "DESIGNATED")
    assert (result.exit_code, "DESIGNATED" in result.output) == (0, True)
    body = canned.last().body
    assert (body["aggregate"], body["command"], body["payload"]) == ("RiskAsset", "Tag", {"tag": "DESIGNATED"})
    run("tag", "C-9", "VIP", "--off", "--customer")
    assert (canned.last().body["aggregate"], canned.last().body["command"]) == ("RiskCustomer", "RemoveTag")
