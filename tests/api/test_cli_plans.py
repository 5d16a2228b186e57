"""`tidemark plan` against an API of canned answers: what is asked, what is shown, how it exits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aggregates.contingency_plan import ContingencyPlan
from aggregates.rendering import state_of
from api.calculations.registry import find
from api.main import app
from tests.aggregates.liquidity_world import FUNDING, PLAN, REQUEST, open_liquidity_world
from tests.api.cli_api import CannedApi, canned_api


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state of a real drill with one action."""
    world, store = open_liquidity_world(tmp_path_factory.mktemp("store"))
    world.to_stage("ACTIVATED", mode="DRILL")
    world.do("TR", "TakeAction", line="1-1", amount="300.00", counterparty="BANK-B")
    found = world.app.find("ContingencyPlan", PLAN)
    assert isinstance(found, ContingencyPlan)
    store.close()
    return state_of(found)


@pytest.fixture
def canned() -> Iterator[CannedApi]:
    with canned_api() as api:
        yield api


@pytest.fixture
def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner(env={"COLUMNS": "250"}).invoke(app, ["plan", *arguments], input=stdin)

    return invoke


def test_a_drill_is_proposed_from_a_file_and_labelled(
    run: Any, canned: CannedApi, drill: dict[str, Any], tmp_path: Path
) -> None:
    canned.answers["/plans"] = {"events": [], "state": drill}
    file = tmp_path / "proposal.json"
    file.write_text(json.dumps(REQUEST))
    result = run("propose", "CFP-1", "--input", str(file), "--drill", "--cmd-id", "c-1")
    assert result.exit_code == 0, result.stderr
    assert canned.last().body == {
        "cmd_id": "c-1",
        "plan_no": "CFP-1",
        "payload": REQUEST | {"mode": "DRILL"},
        "reason": "",
    }
    assert result.stdout.startswith("DRILL CFP-1 ACTIVATED, revision 1, version 4")
    assert "need 900.00, executed 300.00, residual 600.00 CNY" in result.stdout


def test_a_preview_stores_nothing_and_shows_the_ranking(run: Any, canned: CannedApi) -> None:
    calculated = find("contingency_plan").compute(FUNDING)
    canned.answers["/plans/preview"] = calculated | {"ccy": "CNY"}
    result = run("propose", "CFP-1", "--preview", stdin=json.dumps(REQUEST))
    assert result.exit_code == 0, result.stderr
    assert canned.last().path == "/plans/preview"
    assert canned.last().body == {"funding": FUNDING}
    assert "covers the need on every day" in result.stdout


def test_plans_are_listed(run: Any, canned: CannedApi, drill: dict[str, Any]) -> None:
    canned.answers["/plans"] = {"rows": [drill]}
    result = run("list", "--drill", "--stage", "ACTIVATED")
    assert canned.last().query == {"mode": "DRILL", "stage": "ACTIVATED"}
    assert "CFP-1" in result.stdout
    assert json.loads(run("list", "--json").stdout)["rows"] == [drill]
    assert canned.last().query == {}


def test_a_plan_is_shown(run: Any, canned: CannedApi, drill: dict[str, Any]) -> None:
    canned.answers["/plans/CFP-1"] = drill
    shown = run("show", "CFP-1").stdout
    for text in ("DRILL", "bond sale", "BANK-B", "gate_order"):
        assert text in shown
    assert json.loads(run("show", "CFP-1", "--json").stdout) == drill


@pytest.mark.parametrize(
    ("arguments", "name", "payload"),
    [
        (["approve", "CFP-1", "--approval-no", "A-1"], "approve", {"approval_no": "A-1", "conditions": "-"}),
        (["reject", "CFP-1", "--comment", "no"], "reject", {"comment": "no"}),
        (["activate", "CFP-1"], "activate", {"comment": "-"}),
        (
            ["action", "CFP-1", "1-1", "--amount", "5.00", "--counterparty", "B", "--deal", "D-1"],
            "action",
            {"line": "1-1", "amount": "5.00", "counterparty": "B", "deal_ref": "D-1"},
        ),
        (["recover", "CFP-1", "--surplus", "0.00"], "recover", {"surplus": "0.00", "comment": "-"}),
        (["close", "CFP-1", "--outcome", "done"], "close", {"outcome": "done"}),
        (["cancel", "CFP-1"], "cancel", {"comment": "-"}),
    ],
)
def test_commands_carry_key_version_and_payload(
    run: Any, canned: CannedApi, drill: dict[str, Any], arguments: list[str], name: str, payload: dict[str, Any]
) -> None:
    canned.answers[f"/plans/CFP-1/{name}"] = {"events": [], "state": drill}
    result = run(*arguments, "--cmd-id", "c-1", "--expected-version", "3", "--reason", "why", "--json")
    assert result.exit_code == 0, result.stderr
    body = {"cmd_id": "c-1", "expected_version": 3, "payload": payload, "reason": "why"}
    assert canned.last().body == body
    assert json.loads(result.stdout)["state"] == drill


def test_an_amendment_and_the_day_of_a_deal(run: Any, canned: CannedApi, drill: dict[str, Any]) -> None:
    canned.answers["/plans/CFP-1/amend"] = canned.answers["/plans/CFP-1/action"] = {"events": [], "state": drill}
    assert run("amend", "CFP-1", stdin=json.dumps(REQUEST)).exit_code == 0
    assert canned.last().body["payload"] == REQUEST
    deal = ["action", "CFP-1", "1-1", "--amount", "5.00", "--counterparty", "B", "--valid-on"]
    assert run(*deal, "2026-11-21").exit_code == 0
    assert canned.last().body["valid_on"] == "2026-11-21"
    assert run(*deal, "yesterday").exit_code == 2


def test_a_rule_that_says_no_exits_1_and_wrong_input_2(run: Any, canned: CannedApi) -> None:
    canned.answers["/plans/CFP-1/approve"] = (
        403,
        {"title": "forbidden", "detail": "the maker of a plan does not decide on it", "facts": {"guard": "SD1"}},
    )
    result = run("approve", "CFP-1", "--json")
    assert (result.exit_code, json.loads(result.stderr)["facts"]) == (1, {"guard": "SD1"})
    assert run("propose", "CFP-1", stdin="[]").exit_code == 2
    assert run("propose", "CFP-1", "--input", "nowhere.json").exit_code == 2
