"""`tidemark audit bundle`: what it asks for, what it writes, and that the written directory verifies by itself."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import api.lineage_bundles
from api.ledgers import Ledgers
from api.main import app
from infra.checkpoint_keys import HeadKey
from infra.ledger_views import LedgerViews
from infra.lineage_log import AuditSigner
from projections.ledgers.registry import LEDGERS
from projections.ledgers.table import Kind
from streams import topics
from tests.aggregates.world import LOAN, open_world
from tests.api.cli_api import canned_api
from tests.live_bank import LiveBank
from tests.memory_replay import vector
from tests.streams.test_lineage_bundle import alerts, positions
from tests.streams.test_lineage_effects import entry

BANK = LiveBank(partitions=1).feed([entry(1, "A1", 900), entry(2, "A1", -70), entry(3, "A1", -31_000_000)])
VECTOR = json.dumps(vector(BANK))


class Double:
    """Makes bundles of the bank in memory; remembers what it was asked."""

    asked: Any = ()

    def __init__(self, settings: Any) -> None:
        key = HeadKey(settings.data_dir / "audit" / "key.pem", "bank.example/log")
        key.key()
        self.signer = AuditSigner(key)

    def positions(self, scope: Any, offsets: Any, as_of: date | None, *, whole: bool) -> Any:
        Double.asked = (dict(scope), dict(offsets), as_of, whole)
        return positions(BANK, self.signer, whole=whole, **scope)

    def alert(self, alert: Any, *, whole: bool) -> Any:
        Double.asked = (alert.alert_id, whole)
        return positions(BANK, self.signer, whole=whole)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(api.lineage_bundles, "Bundler", Double)
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TIDEMARK_TOKEN", "t")

    def invoke(*arguments: str) -> Result:
        out = str(tmp_path / "out")
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["audit", "bundle", *arguments, "--out", out])

    return invoke


def test_the_directory_verifies_by_itself(run: Any, tmp_path: Path) -> None:
    told = run("positions", "--account", "A1", "--at-offsets", VECTOR, "--as-of", "2026-03-16", "--whole-partition")
    assert told.exit_code == 0, told.output
    assert "3 records in 1 logs" in told.output
    assert Double.asked == ({"account": "A1"}, vector(BANK), date(2026, 3, 16), True)
    folder = tmp_path / "out"
    vkey = (folder / "key.vkey").read_text(encoding="utf-8").strip()
    command = [sys.executable, "-I", "tidemark_verify.py", "bundle.json", "--key", vkey]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all of it holds" in found.stdout
    assert "NOT PROVED" in found.stdout
    bundle = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    bundle["figure"]["amounts"][0]["amount"] = "1.00"
    (folder / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    edited = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert edited.returncode == 1
    assert "WRONG" in edited.stdout


def test_an_alert_and_the_cut_of_now_are_asked_of_the_api(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (alert, *_) = alerts(BANK)
    with canned_api() as canned:
        monkeypatch.setenv("TIDEMARK_API", canned.address)
        from msgspec import to_builtins

        canned.answers |= {f"/alerts/{alert.alert_id}": to_builtins(alert), "/positions": {"offsets": vector(BANK)}}
        assert run("alert", "--alert", alert.alert_id).exit_code == 0
        assert Double.asked == (alert.alert_id, False)
        assert json.loads(run("positions", "--customer", "C-A1", "--json").output)["records"] == 3
        assert Double.asked[1] == {f"{topics.TXN}/0": 3}


@pytest.mark.parametrize(
    "arguments",
    [
        ("ratios",),
        ("ledger",),
        ("ledger", "--cell", "risk-assets"),
        ("ledger", "--cell", "no-ledger/LN-1/principal"),
        ("ledger", "--cell", "a/b/c", "--known-at", "2026-03-16T09:00"),
        ("positions",),
        ("positions", "--account", "A1", "--alert", "x"),
        ("alert", "--account", "A1"),
        ("positions", "--account", "A1", "--at-offsets", VECTOR, "--as-of", "soon"),
        ("positions", "--account", "A1", "--at-offsets", "nonsense"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Any, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code not in (0, 1)


def test_a_cell_of_a_ledger_is_proved_from_the_store_of_this_host(run: Any, tmp_path: Path) -> None:
    world = open_world(tmp_path / "data")
    world.lost()
    ledgers = Ledgers(LedgerViews(world.app.published_after), world.clock, world.app.bank_day)
    cell = next(cell for cell in amounts(ledgers) if cell[1] == LOAN and cell[2] == "principal")
    world.store.close()
    told = run("ledger", "--cell", "/".join(cell))
    assert told.exit_code == 0, told.output
    assert "events" in told.output
    assert "principal 2632708.70 CNY" in told.output
    command = [sys.executable, "-I", "tidemark_verify.py", "bundle.json"]
    found = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "263270870 minor units" in found.stdout


def amounts(ledgers: Ledgers) -> Any:
    for name, ledger in LEDGERS.items():
        for field in ledger.fields if ledger.rules else ():
            if field.column.kind is Kind.MONEY and not field.derived and not field.joined:
                yield name, LOAN, field.name
