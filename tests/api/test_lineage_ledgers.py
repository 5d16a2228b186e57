"""A trace names the rows and columns of the ledgers that its event moved, and they add up to the ledgers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.ledgers import Ledgers
from api.lineage_ledgers import EVERY_DAY, ledger_rows
from infra.ledger_views import LedgerViews
from projections.ledgers.registry import LEDGERS
from tests.aggregates.world import AUDITOR, World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = open_world(tmp_path_factory.mktemp("ledgers"))
    found.lost()
    found.to_stage("POSTED")
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def ledgers(world: World) -> Ledgers:
    return Ledgers(LedgerViews(world.app.published_after), world.clock, world.app.bank_day)


def test_the_changes_of_all_events_are_those_of_every_explanation(world: World, ledgers: Ledgers) -> None:
    rows = ledger_rows(ledgers)
    told: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for position in range(1, world.log_length + 1):
        for one in rows(position, AUDITOR):
            change = {name: value for name, value in one.items() if name not in ("ledger", "key")}
            told.setdefault((one["ledger"], one["key"]), []).append(change)
    assert {name for name, _ in told} >= {"risk_asset"} or len(told) > 1
    for (name, key), changes in told.items():
        events = ledgers.explain(name, key, as_of=EVERY_DAY, reader=AUDITOR)["events"]
        whole = [change for event in events for change in event["changes"]]
        assert sorted(map(str, changes)) == sorted(map(str, whole))


def test_a_posting_moves_the_asset_and_the_case(world: World, ledgers: Ledgers) -> None:
    (posted,) = [one for one in world.app.published_after(0, 1_000) if one.type == "WriteOffPosted"]
    written = next(one for one in world.app.published_after(0, 1_000) if one.type == "AssetWrittenOff")
    found = [one for at in (posted.position, written.position) for one in ledger_rows(ledgers)(at, AUDITOR)]
    assert len({one["ledger"] for one in found}) > 1
    assert all(LEDGERS[one["ledger"]] for one in found)


def test_another_entitys_reader_sees_no_rows(world: World, ledgers: Ledgers, tmp_path: Path) -> None:
    other = replace(AUDITOR, entities=("BANK-B",))
    assert [one for at in range(1, world.log_length + 1) for one in ledger_rows(ledgers)(at, other)] == []
