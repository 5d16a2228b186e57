"""Commands, audit, settings and housekeeping at the terminal."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import doctor
from api.main import app
from tests.api.cli_api import CannedApi, canned_api

EVENT = {
    "position": 1,
    "aggregate": "RiskAsset",
    "key": "LN-7001",
    "version": 1,
    "type": "AssetRegistered",
    "valid_on": "2026-11-22",
    "recorded_at": "2026-11-22T01:00:00Z",
    "actor": "U-1",
    "role": "AM",
    "payload": {"principal": "100.00", "ccy": "CNY"},
}


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


def test_a_command_is_sent_with_an_idempotency_key(run: Any, canned: CannedApi) -> None:
    canned.answers["/commands"] = {"events": [EVENT], "state": {"lifecycle": "ACTIVE"}}
    arguments = ["command", "RiskAsset", "LN-7001", "Register", "--payload", '{"principal": "100.00"}']
    result = run(*arguments, "--valid-on", "2026-11-22", "--reason", "new", "--cmd-id", "c-1")
    assert result.exit_code == 0, result.stderr
    assert "AssetRegistered" in result.stdout
    assert "ACTIVE" in result.stdout
    assert canned.last().body == {
        "cmd_id": "c-1",
        "aggregate": "RiskAsset",
        "key": "LN-7001",
        "command": "Register",
        "payload": {"principal": "100.00"},
        "reason": "new",
        "valid_on": "2026-11-22",
    }
    run(*arguments)
    run(*arguments)
    first, second = (request.body["cmd_id"] for request in canned.requests[-2:])
    assert first != second


def test_a_refused_command_exits_1(run: Any, canned: CannedApi) -> None:
    canned.answers["/commands"] = (
        409,
        {"title": "rejected", "detail": "not that way", "facts": {"guard": "STATE"}},
    )
    result = run("command", "RiskAsset", "LN-7001", "Close", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["facts"] == {"guard": "STATE"}


@pytest.mark.parametrize("payload", ["[]", "{", "@nowhere.json"])
def test_a_payload_that_is_no_object_is_bad_input(run: Any, canned: CannedApi, payload: str) -> None:
    assert run("command", "RiskAsset", "LN-7001", "Close", "--payload", payload).exit_code == 2
    assert canned.requests == []


def test_a_payload_may_come_from_a_file(run: Any, canned: CannedApi, tmp_path: Path) -> None:
    canned.answers["/commands"] = {"events": [], "state": {}}
    (tmp_path / "p.json").write_text('{"a": 1}')
    run("command", "RiskAsset", "LN-7001", "Close", "--payload", f"@{tmp_path / 'p.json'}")
    assert canned.last().body["payload"] == {"a": 1}


@pytest.mark.parametrize("arguments", [["LN-7001"], ["RiskAsset", "LN-7001"], ["risk-asset", "LN-7001"]])
def test_history_shows_who_did_what(run: Any, canned: CannedApi, arguments: list[str]) -> None:
    answer = {"events": [EVENT], "state": {"lifecycle": "ACTIVE", "principal": "12.50"}}
    answer |= {"as_of": None, "known_at": None, "events_that_count_later": 0}
    canned.answers["/histories/RiskAsset/LN-7001"] = answer
    output = run("audit", "history", *arguments).stdout
    assert "AssetRegistered" in output
    assert "principal 100.00, ccy CNY" in output
    assert json.loads(run("audit", "history", *arguments, "--json").stdout) == answer
    assert "12.50" in output


def test_a_key_cannot_become_another_path(run: Any, canned: CannedApi) -> None:
    run("audit", "history", "../../me")
    assert canned.last().path.startswith("/histories/RiskAsset/..%2F..%2Fme")


def test_config_shows_where_from_and_no_secret(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("TIDEMARK_EVENT_STORE", "postgresql://tidemark:hunter2@db/tidemark")
    result = run("config", "print", "--json")
    assert "hunter2" not in result.stdout
    assert "signed-token" not in result.stdout
    shown = json.loads(result.stdout)
    assert shown["event_store"] == "postgresql://tidemark:**********@db/tidemark"
    assert shown["kafka_partitions"] == 8
    table = run("config", "print").stdout
    assert "hunter2" not in table
    assert "TIDEMARK_KAFKA_PARTITIONS" in table


def test_a_setting_out_of_range_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA_PARTITIONS", "0")
    result = run("config", "print", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["field"] == "TIDEMARK_KAFKA_PARTITIONS"


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are(run: Any) -> None:
    result = run("bench", "../setup")
    assert result.exit_code == 2
    assert "no benchmark '../setup'" in result.stderr


def test_doctor_fails_on_a_port_in_use_and_says_what_to_do(run: Any, canned: CannedApi) -> None:
    port = canned.address.rpartition(":")[2]
    result = run("doctor", "--port", port, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    check = next(check for check in told["checks"] if check["name"] == "port")
    assert (check["ok"], check["required"]) == (False, True)
    assert "--port" in check["fix"]
    assert told["ok"] is False


def test_doctor_knows_java_and_a_missing_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = doctor._program("java", ["-version"], 17, True, "install it")
    assert java.ok, java.found
    assert not doctor._program("java", ["-version"], 99, True, "install it").ok
    monkeypatch.setenv("PATH", str(tmp_path))
    gone = doctor._program("java", ["-version"], 17, True, "install it")
    assert (gone.ok, gone.found, gone.fix) == (False, "not on PATH", "install it")


def test_doctor_sees_a_token_that_others_can_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o644)
    assert not doctor._data_dir(tmp_path).ok
    token.chmod(0o600)
    assert doctor._data_dir(tmp_path).ok


def test_every_command_has_help(run: Any) -> None:
    result = run("--help")
    for name in ("up", "broker", "worker", "api", "core", "feed", "positions", "gap", "withdrawals", "alerts",
                 "token", "command", "audit", "deadletter", "doctor", "config", "bench"):  # fmt: skip
        assert f" {name} " in result.stdout, name
        assert run(name, "--help").exit_code == 0


def test_an_unknown_command_is_bad_input(run: Any) -> None:
    assert run("calculate").exit_code == 2
