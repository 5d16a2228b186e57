"""`tidemark alert`, `tidemark subscription` and `tidemark teams` against an API of canned answers."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.cli_api import CannedApi, alert, canned_api

LIFE = {"state": "ACKNOWLEDGED", "severity": "CRITICAL", "acknowledged_by": "ann", "resolved_by": None}
CONTENT = {"filter": "true", "entities": ["NORTH"], "channels": [{"channel": "email", "target": "a@b.org"}]}
TEAM = {
    "members": [
        {"person": "ann", "channel": "sms", "target": "10086"},
        {"person": "ann", "channel": "email", "target": "ann@b.org", "language": "zh"},
    ],
    "levels": [{"after_minutes": 15, "persons": ["ann"]}],
}
TEAM_STATE = TEAM | {"team_no": "T/1", "state": "FOUNDED"}
STATE = CONTENT | {"subscription_no": "S1", "state": "ACTIVE", "subscriber": "ann"}


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
        return CliRunner(env={"COLUMNS": "250"}).invoke(app, [*arguments], input=stdin)

    return invoke


def test_the_centre_is_listed(run: Any, canned: CannedApi) -> None:
    canned.answers["/alert-centre"] = {"rows": [{"alert": alert(1), "life": LIFE}], "cursor": None}
    shown = run("alert", "list", "--state", "ACKNOWLEDGED", "--mine").stdout
    assert canned.last().query == {"state": "ACKNOWLEDGED", "mine": "true", "limit": "50"}
    for text in ("A-1", "CRITICAL", "ann", "alert number 1"):
        assert text in shown


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("ack", "A-1", "A-2", "-m", "mine"), {"act": "acknowledge", "alert_ids": ["A-1", "A-2"], "comment": "mine"}),
        (("resolve", "A-1", "--how", "FIXED"), {"act": "resolve", "alert_ids": ["A-1"], "how": "FIXED"}),
        (("comment", "A-1", "-m", "known"), {"act": "comment", "alert_ids": ["A-1"], "comment": "known"}),
        (("reopen", "A-1", "-m", "again"), {"act": "reopen", "alert_ids": ["A-1"], "comment": "again"}),
    ],
)
def test_acts_go_to_many_alerts_at_once(run: Any, canned: CannedApi, arguments: Any, body: dict[str, Any]) -> None:
    stored = {"alert_id": "A-1", "result": "stored", "state": "RESOLVED", "problem": None}
    canned.answers["/alert-centre/acts"] = {"stored": 1, "repeated": 0, "refused": 0, "items": [stored]}
    result = run("alert", *arguments, "--cmd-id", "c-1")
    assert (result.exit_code, canned.last().body) == (0, body | {"cmd_id": "c-1"})


def test_what_is_refused_is_said_and_fails(run: Any, canned: CannedApi) -> None:
    refused = {"alert_id": "A-1", "result": "refused", "state": None, "problem": {"detail": "no such alert"}}
    canned.answers["/alert-centre/acts"] = {"stored": 0, "repeated": 0, "refused": 1, "items": [refused]}
    result = run("alert", "ack", "A-1")
    assert result.exit_code == 1
    assert "no such alert" in result.stdout


def test_a_silence_lasts_so_many_hours(run: Any, canned: CannedApi) -> None:
    canned.answers["/alert-silences"] = {"state": {"silence_no": "Q1", "state": "IN_FORCE", "ends_at": "then"}}
    result = run("alert", "silence", "late", "--hours", "3", "-m", "a run", "--entity", "NORTH", "--number", "Q1")
    assert "Q1 is IN_FORCE until then" in result.stdout
    payload = canned.last().body["payload"]
    starts, ends = (datetime.fromisoformat(payload[name]) for name in ("starts_at", "ends_at"))
    assert ends - starts == timedelta(hours=3)
    assert (payload["matcher"], payload["entities"], payload["covers_critical"]) == ("late", ["NORTH"], False)


def test_subscriptions_are_listed_added_and_ended(run: Any, canned: CannedApi, tmp_path: Path) -> None:
    canned.answers["/alert-subscriptions"] = {"rows": [STATE], "cursor": None, "state": STATE}
    assert "email:a@b.org" in run("subscription", "list", "--mine").stdout
    assert canned.last().query == {"mine": "true", "stage": "ACTIVE"}
    file = tmp_path / "subscription.json"
    file.write_text(json.dumps(CONTENT))
    assert "S1 is ACTIVE" in run("subscription", "add", "S1", "--input", str(file), "--cmd-id", "c-1").stdout
    assert canned.last().body == {"cmd_id": "c-1", "subscription_no": "S1", "payload": CONTENT}
    canned.answers["/alert-subscriptions/S1/end"] = {"state": STATE | {"state": "ENDED"}}
    assert "S1 is ENDED" in run("subscription", "end", "S1").stdout


def test_a_preview_is_read_from_stdin(run: Any, canned: CannedApi) -> None:
    one = {
        "due_at": "2026-11-22T04:00:00Z",
        "channel": "email",
        "purpose": "alert",
        "digest": False,
        "alert_ids": ["A-1"],
    }
    canned.answers["/alert-subscriptions/preview"] = {
        "alerts": 3, "silenced": 1, "notifications": 2, "shown": [one | {"reason": "a large outflow"}],
    }  # fmt: skip
    shown = run("subscription", "preview", "--days", "7", stdin=json.dumps(CONTENT)).stdout
    assert canned.last().body == {"content": CONTENT, "days": 7}
    assert "3 alerts in 7 days, 1 silenced: 2 notifications" in shown
    assert "a large outflow" in shown


def test_teams_are_listed_page_by_page_and_shown(run: Any, canned: CannedApi) -> None:
    canned.answers["/alert-teams"] = {"rows": [TEAM_STATE], "cursor": None}
    shown = run("teams", "list").stdout
    assert canned.last().query == {"stage": "FOUNDED"}
    assert "15 min: ann" in shown
    run("teams", "list", "--disbanded")
    assert canned.last().query == {}
    assert json.loads(run("teams", "list", "--json").stdout)["rows"] == [TEAM_STATE]
    canned.answers["/alert-teams/T%2F1"] = TEAM_STATE
    shown = run("teams", "show", "T/1").stdout
    for text in ("T/1 is FOUNDED", "10086", "ann@b.org", "zh"):
        assert text in shown
    assert json.loads(run("teams", "show", "T/1", "--json").stdout) == TEAM_STATE
    event = {"recorded_at": "2026-11-22T04:00:00Z", "type": "TeamFounded", "actor": "U-1", "position": 7}
    canned.answers["/alert-teams/T%2F1/history"] = {"events": [event]}
    assert "TeamFounded" in run("teams", "history", "T/1").stdout


@pytest.mark.parametrize(
    ("command", "path", "body"),
    [
        ("found", "/alert-teams", {"key": "T/1", "payload": TEAM}),
        ("change", "/alert-teams/T%2F1/change", {"payload": TEAM}),
        ("disband", "/alert-teams/T%2F1/disband", {"payload": {"comment": "merged"}}),
    ],
)
def test_a_team_is_founded_changed_and_disbanded(
    run: Any, canned: CannedApi, command: str, path: str, body: dict[str, Any]
) -> None:
    canned.answers[path] = {"events": [], "state": TEAM_STATE}
    more = ["-m", "merged"] if command == "disband" else []
    shown = run("teams", command, "T/1", *more, "--cmd-id", "c-1", stdin=json.dumps(TEAM))
    assert (shown.exit_code, shown.stdout, canned.last().body) == (0, "T/1 is FOUNDED\n", body | {"cmd_id": "c-1"})
    answer = json.loads(run("teams", command, "T/1", *more, "--json", stdin=json.dumps(TEAM)).stdout)
    assert answer["state"] == TEAM_STATE


def test_exit_codes_of_teams(run: Any, canned: CannedApi) -> None:
    assert run("teams", "show", "T9").exit_code == 2  # there is none
    assert run("teams", "found", "T9", stdin="[]").exit_code == 2
    refused = {"type": "/problems/rejected", "title": "rejected", "status": 409, "detail": "not possible"}
    canned.answers["/alert-teams/T1/disband"] = (409, refused)
    assert run("teams", "disband", "T1").exit_code == 1
