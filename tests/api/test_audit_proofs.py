"""Heads, proofs and verification over HTTP and at the command line, on a real server and a real store."""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import pytest
from typer.testing import CliRunner

from aggregates.envelope import Principal
from api.audit_room import AuditRoom
from api.main import app
from api.services import Services
from engines.primitives.errors import Conflict
from infra.checkpoint import Checkpoint, Vkey
from infra.security import Unauthenticated
from infra.settings import Settings
from infra.witness_server import open_witness, serving
from tests.aggregates.world import ENTITY, LOAN, World, open_world
from tests.api_doubles import client_of, running, services

WAIT_S = 60.0  # others may be using the machine
PEOPLE = {
    "auditor": Principal("U-IA", ("IA",), "-", ("*",)),
    "elsewhere": Principal("U-IA-2", ("IA",), "-", ("OTHER",)),
    "manager": Principal("U-AM", ("AM",), "-", (ENTITY,)),
}


def known(token: str, _: object) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("no token")
    return PEOPLE[token]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    return Settings(data_dir=tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    opened.admit()
    for number in range(3):
        opened.do("SY", "AdvanceCost", day=f"2022-03-1{number + 2}", kind="FEE", amount="5.00")
    yield opened
    opened.store.close()


@pytest.fixture
def ours(settings: Settings, world: World) -> Services:
    room = AuditRoom(settings, world.store, world.app, world.clock)
    return services(assets=world.app, audit=room, verify_token=known)


def test_a_proof_is_checked_without_us(ours: Services, world: World, tmp_path: Path) -> None:
    with client_of(ours, "auditor") as client:
        client.timeout = WAIT_S
        kept = client.get("/api/v1/audit/checkpoint")
        assert kept.headers["content-type"].startswith("text/plain")
        world.do("SY", "AdvanceCost", day="2022-03-20", kind="FEE", amount="5.00")
        proof = client.get(f"/api/v1/audit/proofs/RiskAsset/{LOAN}", params={"known": "4"}).json()
        script = client.get("/api/v1/audit/verifier").content
        status = client.get("/api/v1/audit/status").json()
    assert [item["originator_version"] for item in proof["items"]] == [1, 2, 3, 4, 5]
    assert proof["items"][1]["shown"]["payload"]["amount"] == "5.00"
    assert (status["size"], status["keys"]) == (5, proof["logs"][0]["keys"])
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    (tmp_path / "check.py").write_bytes(script)
    (tmp_path / "kept.txt").write_text(kept.text, encoding="utf-8")
    command = [sys.executable, "-I", "-S", "check.py", "proof.json", "--head", "kept.txt", "--key", status["keys"][0]]
    done = run_process(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same log as the head of size 4 that you kept" in done.stdout
    assert "versions 1 to 5" in done.stdout


def test_one_event_or_none(ours: Services) -> None:
    with client_of(ours, "auditor") as client:
        client.timeout = WAIT_S
        path = f"/api/v1/audit/proofs/RiskAsset/{LOAN}"
        assert [item["position"] for item in client.get(path, params={"version": 2}).json()["items"]] == [2]
        assert [item["position"] for item in client.get(path, params={"position": 3}).json()["items"]] == [3]
        assert client.get(path, params={"version": 9}).status_code == 404
        assert client.get(path, params={"known": "99"}).json()["logs"][0]["known"] == []
        assert client.get(path, params={"known": "x"}).status_code == 422
        assert client.get("/api/v1/audit/proofs/RiskAsset/LN-0").status_code == 404


def test_proofs_are_for_auditors_of_the_entity(ours: Services) -> None:
    path = f"/api/v1/audit/proofs/RiskAsset/{LOAN}"
    with client_of(ours, "manager") as client:
        client.timeout = WAIT_S
        assert client.get(path).status_code == 403
        assert client.post("/api/v1/audit/verification").status_code == 403
        assert client.get("/api/v1/audit/checkpoint").status_code == 200
    with client_of(ours, "elsewhere") as client:
        client.timeout = WAIT_S
        assert client.get(path).status_code == 404
    with client_of(ours, "") as client:
        client.timeout = WAIT_S
        assert client.get("/api/v1/audit/checkpoint").status_code == 401


def test_verification_is_a_job(ours: Services, world: World, tmp_path: Path) -> None:
    with client_of(ours, "auditor") as client:
        client.timeout = WAIT_S
        assert client.get("/api/v1/audit/verification").json()["state"] == "none"
        assert client.post("/api/v1/audit/verification").status_code == 202
        found = _ended(client)
        assert found["state"] == "done"
        assert (found["by"], found["report"]["ok"], found["report"]["events"]) == ("U-IA", True, 4)
        connection = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
        connection.execute("UPDATE stored_events SET state = replace(state, '5.00', '6.00') || ' ' WHERE rowid = 3")
        connection.close()
        client.post("/api/v1/audit/verification")
        fault = _ended(client)["report"]["faults"][0]
        assert (fault["position"], fault["aggregate"], fault["key"], fault["version"]) == (3, "RiskAsset", LOAN, 3)
    assert ours.audit is not None
    ours.audit._state = {"state": "running", "started_at": "now"}
    with pytest.raises(Conflict):
        ours.audit.start_verification("U-IA")


def _ended(client: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, Any] = client.get("/api/v1/audit/verification").json()
        if found["state"] != "running" or time.monotonic() > deadline:
            return found


# --- At the command line ------------------------------------------------------------------------------------


def invoke(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def test_verify_names_the_place_and_exits_1(world: World, settings: Settings, tmp_path: Path) -> None:
    result = invoke("audit", "verify", "--json", "--jobs", "1")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"], found["events"], found["heads"]) == (0, True, 4, 4)
    assert found["complete"] == "unknown beyond head 4"
    note = invoke("audit", "checkpoint").stdout
    (tmp_path / "kept.txt").write_text(note, encoding="utf-8")
    assert Checkpoint.parse(note).size == 4
    assert (
        json.loads(invoke("audit", "verify", "--json", "--head", str(tmp_path / "kept.txt")).stdout)["complete"]
        == "yes"
    )
    connection = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    for table, column in (("stored_events", "rowid"), ("tidemark_leaf", "position"), ("tidemark_head", "position")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = 4")  # noqa: S608
    connection.close()
    result = invoke("audit", "verify", "--head", str(tmp_path / "kept.txt"))
    assert result.exit_code == 1
    assert "cut off" in result.stdout
    assert invoke("audit", "verify", "--head", str(tmp_path / "absent")).exit_code == 2
    assert invoke("audit", "verify", "--from", "5", "--to", "3").exit_code == 2


def test_verify_asks_a_witness(world: World, settings: Settings, tmp_path: Path) -> None:
    recorder = world.store.recorder
    head, key = recorder.last_head(), Vkey.parse(recorder.head_keys()[0])
    assert head is not None
    seen = open_witness(tmp_path / "witness", "w", [key])
    with serving(seen, "127.0.0.1", 0) as url:
        assert invoke("audit", "verify", "--witness", url).exit_code == 2  # it knows nothing yet
        assert seen.add_checkpoint(f"old 0\n\n{head.checkpoint(key.name)}", 1).status == 200
        result = invoke("audit", "verify", "--witness", url, "--json")
    assert json.loads(result.stdout)["complete"] == "yes"


def test_a_proof_with_its_verifier(
    ours: Services, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out" / "proof.json"
    with running(ours) as server:
        monkeypatch.setenv("TIDEMARK_API", server.address)
        monkeypatch.setenv("TIDEMARK_TOKEN", "auditor")
        result = invoke(
            "audit", "proof", "risk-asset", LOAN, "--all", "--out", str(target), "--with-verifier", str(target.parent)
        )
        assert result.exit_code == 0, result.output
        assert invoke("audit", "proof", "RiskAsset", LOAN, "--all", "--version", "1", "--out", "x").exit_code == 2
    script = str(target.parent / "tidemark_verify.py")
    assert run_process([sys.executable, "-I", "-S", script, str(target)], timeout=60, check=False).returncode == 0


def test_rotating_the_key(world: World, settings: Settings) -> None:
    result = invoke("audit", "rotate-key", "--json")
    assert result.exit_code == 0, result.output
    world.do("SY", "AdvanceCost", day="2022-03-20", kind="FEE", amount="5.00")
    found = json.loads(invoke("audit", "verify", "--json").stdout)
    assert (found["ok"], found["signed_by"]) == (True, [json.loads(result.stdout)["vkey"]])
