"""Figures at the terminal: what is asked of the API, what is printed, and which exit code tells what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.cli_api import POSITIONS, CannedApi, alert, canned_api, sse


@pytest.fixture
def canned() -> Iterator[CannedApi]:
    with canned_api() as api:
        yield api


@pytest.fixture
def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")

    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))

    return invoke


def test_positions_json_is_the_answer_of_the_api(run: Any, canned: CannedApi) -> None:
    canned.answers["/positions"] = POSITIONS
    result = run("positions", "--by", "account", "--json")
    assert result.exit_code == 0, result.stderr
    body = json.loads(result.stdout)
    assert body["offsets"] == {"tm.in.core.txn.v1/0": 7, "tm.in.core.txn.v1/1": 5}
    assert body["rows"][0]["position"] == "1234567.80"
    assert canned.last().query == {"by": "account"}
    assert canned.last().headers["authorization"] == "Bearer signed-token"


def test_every_option_reaches_the_api(run: Any, canned: CannedApi) -> None:
    canned.answers["/positions"] = POSITIONS
    result = run(
        "positions", "--by", "entity, business-line", "--entity", "BANK", "--currency", "CNY",
        "--as-of", "2026-11-20", "--at-offsets", '{"tm.in.core.txn.v1/0": 7}',
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert canned.last().query == {
        "by": "entity,business_line",
        "entity": "BANK",
        "currency": "CNY",
        "as_of": "2026-11-20",
        "at_offsets": '{"tm.in.core.txn.v1/0":7}',
    }


def test_the_table_groups_thousands_and_aligns_the_points(run: Any, canned: CannedApi) -> None:
    canned.answers["/positions"] = POSITIONS
    lines = run("positions").stdout.splitlines()
    cny = next(line for line in lines if "CNY" in line)
    jpy = next(line for line in lines if "JPY" in line)
    assert "1,234,567.80" in cny
    assert "-12.34" in cny
    # the yen's last digit stands over the last digit before the point
    assert jpy.index("5,000") + 5 == cny.index(".80")
    assert "12 records of 2 partitions, 3 records behind" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["positions", "--by", "colour"], "--by"),
        (["positions", "--as-of", "yesterday"], "--as-of"),
        (["positions", "--at-offsets", "7"], "--at-offsets"),
        (["positions", "--at-offsets", '{"t/0": -1}'], "--at-offsets"),
        (["positions", "--at-offsets", '{"t/0": true}'], "--at-offsets"),
        (["positions", "--at-offsets", '{"t0": 1}'], "--at-offsets"),
        (["gap", "--at-offsets", '{"t/0": 1}', "--follow"], "--at-offsets"),
    ],
)
def test_bad_input_names_the_field_and_asks_nobody(
    run: Any, canned: CannedApi, arguments: list[str], field: str
) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["field"] == field
    assert canned.requests == []


@pytest.mark.parametrize(
    ("status", "title", "code", "exit_code"),
    [
        (422, "invalid-input", "invalid-input", 2),
        (404, "not-found", "not-found", 2),
        (403, "forbidden", "forbidden", 1),
        (409, "conflict", "conflict", 1),
        (409, "write-off-already-approved", "write-off-already-approved", 1),
        (401, "unauthenticated", "unauthenticated", 2),
        (503, "unavailable", "unavailable", 3),
        (500, "internal", "internal", 3),
    ],
)
def test_a_problem_document_becomes_an_exit_code(
    run: Any, canned: CannedApi, status: int, title: str, code: str, exit_code: int
) -> None:
    problem = {
        "title": title,
        "status": status,
        "detail": "because",
        "facts": {"field": "by", "record": "r-1"},
    }
    canned.answers["/positions"] = (status, problem)
    result = run("positions", "--json")
    told = json.loads(result.stderr)
    assert (result.exit_code, told["code"], told["message"]) == (exit_code, code, "because")
    assert (told["field"], told["record"]) == ("by", "r-1")
    shown = run("positions")
    assert shown.exit_code == exit_code
    assert f"{code}: because (field by, record r-1)" in shown.stderr
    assert shown.stdout == ""


def test_no_api_is_unavailable(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_API", "http://127.0.0.1:1")
    result = run("gap")
    assert result.exit_code == 3
    assert "is `tidemark up` running?" in result.stderr


def test_something_else_on_the_port_is_unavailable(run: Any, canned: CannedApi) -> None:
    canned.answers["/gap"] = (200, b"<html>another program</html>")
    assert run("gap").exit_code == 3


def test_the_local_token_and_address_are_found_in_the_data_directory(
    run: Any, canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMARK_API")
    monkeypatch.delenv("TIDEMARK_TOKEN")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api.json").write_text(json.dumps({"address": canned.address}))
    (tmp_path / "token").write_text("left-by-up\n")
    canned.answers["/positions"] = POSITIONS
    assert run("positions").exit_code == 0
    assert canned.last().headers["authorization"] == "Bearer left-by-up"


def test_the_local_token_is_not_sent_to_another_host(
    run: Any, canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMARK_TOKEN")
    monkeypatch.setenv("TIDEMARK_API", "http://tidemark.example:8000")
    (tmp_path / "token").write_text("left-by-up\n")
    result = run("positions")
    assert result.exit_code == 2
    assert "TIDEMARK_TOKEN is needed" in result.stderr


def test_gap_shows_buckets_and_leaves_what_has_no_running_sum_empty(run: Any, canned: CannedApi) -> None:
    row = {
        "entity": "BANK",
        "currency": "CNY",
        "inflow": "1.00",
        "outflow": "2.00",
        "gap": "-1.00",
        "contracts": 4,
    }
    canned.answers["/gap"] = {
        "as_of": "2026-11-22",
        "offsets": {},
        "rows": [
            row | {"bucket": "ON", "cumulative": "-1.00"},
            row | {"bucket": "OVERDUE", "cumulative": None},
        ],
    }
    output = run("gap").stdout
    assert "OVERDUE" in output
    assert "None" not in output


def test_withdrawals_say_whether_above_or_near(run: Any, canned: CannedApi) -> None:
    row = {"entity": "BANK", "customer": "C-1", "currency": "CNY", "rolling": "9.00", "threshold": "10.00"}
    canned.answers["/withdrawals"] = {"offsets": {}, "rows": [row | {"above": False}, row | {"above": True}]}
    output = run("withdrawals").stdout
    assert "near" in output
    assert "above" in output


def test_alerts_follow_resumes_and_repeats_none(run: Any, canned: CannedApi) -> None:
    canned.answers["/alerts"] = {"offsets": {}, "cursor": None, "vector": "0:1", "alerts": [alert(2), alert(1)]}
    state = {"alerts": [alert(3), alert(2), alert(1)]}
    canned.streams = [
        [sse("state", state, "0:2"), sse("alert", alert(4), "0:3"), "event: alert\ndata: {half"],
        [": heartbeat\n\n", sse("alert", alert(4), "0:3"), sse("alert", alert(5), "0:4")],
    ]
    result = run("alerts", "--follow", "--json")  # the third connection is a 404, which ends it
    shown = [json.loads(line)["alert_id"] for line in result.stdout.splitlines()]
    assert shown == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    resumed = [r.headers.get("last-event-id") for r in canned.requests if r.path == "/stream"]
    assert resumed == [None, "0:3", "0:4"]
    assert result.exit_code == 2


def test_alerts_follow_keeps_to_one_entity(run: Any, canned: CannedApi) -> None:
    canned.answers["/alerts"] = {"offsets": {}, "cursor": None, "vector": "", "alerts": []}
    canned.streams = [[sse("alert", alert(1, "LEASE"), "0:0"), sse("alert", alert(2), "0:1")]]
    result = run("alerts", "--entity", "BANK", "--follow", "--json")
    assert [json.loads(line)["alert_id"] for line in result.stdout.splitlines()] == ["A-2"]


def test_positions_follow_asks_again_when_the_stream_says_so(run: Any, canned: CannedApi) -> None:
    changed = POSITIONS | {"as_of": "2026-11-23"}
    answers = iter([POSITIONS, changed])

    class Turning(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return next(answers, changed) if key == "/positions" else default

    canned.answers = Turning()
    canned.streams = [[sse("positions", {"offsets": {}, "rows": []})]]
    result = run("positions", "--by", "currency", "--follow", "--json")
    days = [json.loads(line)["as_of"] for line in result.stdout.splitlines()]
    assert days == ["2026-11-22", "2026-11-23"]
    asked = [r.query for r in canned.requests if r.path == "/positions"]
    assert asked[:2] == [{"by": "currency"}] * 2
