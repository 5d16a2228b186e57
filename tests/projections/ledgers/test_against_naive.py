"""Every ledger at random pairs of instants against the naive recomputation, over histories of every kind of case.

`LEDGER_PAIRS` says how many pairs (default 25), `LEDGER_HISTORIES` how many random histories.
"""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.event_view import EventView
from engines.primitives.errors import TidemarkError
from infra.ledger_views import lean
from projections.ledgers.book import LedgerBook
from projections.ledgers.frame import frame
from projections.ledgers.registry import LEDGERS
from projections.ledgers.selection import Selection, select
from streams.feeds.cases.driver import command_id
from streams.feeds.cases.portfolio import cases
from tests.aggregates.scenarios import FILES, lines_of, play
from tests.aggregates.test_cases_machine import CasesMachine
from tests.projections.ledgers.naive import BUCKETS, Rows
from tests.projections.ledgers.naive_cases import recomputed
from tests.streams.test_feeds_cases import NOW, TODAY, Bank

PAIRS = int(os.environ.get("LEDGER_PAIRS", "25"))
HISTORIES = int(os.environ.get("LEDGER_HISTORIES", "1"))
NUMBERED = tuple(ledger for ledger in LEDGERS.values() if ledger.id.startswith("LG-"))


# --- Comparing -----------------------------------------------------------------------------------------------------


def shown(book: LedgerBook, name: str, as_of: date, position: int) -> dict[str, dict[str, Any]]:
    """Rows of a ledger as a reader gets them, by key."""
    found = frame(book, LEDGERS[name], as_of.toordinal(), position)
    table = select(book, found, Selection(), NOW)
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    keys = ["|".join(_text(row[part]) for part in LEDGERS[name].key) for row in rows]
    return dict(zip(keys, rows, strict=True))


def _text(cell: Any) -> str:
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def wanted(naive: Rows, name: str) -> dict[str, dict[str, Any]]:
    """What the naive ledger says, in the columns that it knows anywhere."""
    rows = naive.get("write_off" if name == "card_write_off" else name, {})
    if name == "card_write_off":
        notes = naive.get("risk_asset", {})
        rows = {key: row for key, row in rows.items() if notes.get(key.split("|")[-1], {}).get("segment") == "CARD"}
    plain = {
        key: {c: v for c, v in row.items() if c != "there" and not c.startswith("term ")} for key, row in rows.items()
    }
    known = {column for row in plain.values() for column in row}
    found: dict[str, dict[str, Any]] = {
        key: {column: row.get(column) for column in known} for key, row in plain.items()
    }
    for key, row in found.items():
        if "tags" in row:
            row["tags"] = ", ".join(sorted(row["tags"] or ())) or None
        terms = [value for column, value in rows[key].items() if column.startswith("term ") and value is not None]
        if name == "litigation":
            row["next_deadline"] = min(terms, default=None)
        if name == "risk_asset":
            row["claim"] = sum((row[bucket] for bucket in BUCKETS), Decimal(0))
            row["off_bal"] = row["interest_off"] + row["penalty"] + row["compound"]
        if name == "recovery" and row.get("amount") is not None:
            row["net"] = row["amount"] - row["reversed"]
    return found


def assert_equal(book: LedgerBook, events: Sequence[EventView], as_of: date, position: int) -> int:
    """Rows compared."""
    naive, count = recomputed(events, as_of, position), 0
    for ledger in NUMBERED:
        ours, theirs = shown(book, ledger.name, as_of, position), wanted(naive, ledger.name)
        assert set(ours) == set(theirs), (ledger.name, as_of, position)
        for key, row in theirs.items():
            same = {column: ours[key][column] for column in row}
            assert same == row, (ledger.name, key, as_of, position)
        count += len(theirs)
    return count


def pairs(events: Sequence[EventView], count: int, seed: int) -> Iterator[tuple[date, int]]:
    """Random instants: days from before the first event to after the last, positions anywhere."""
    chance = random.Random(seed)
    days = sorted({event.envelope.valid_on for event in events})
    for _ in range(count):
        day = chance.choice(days) + timedelta(days=chance.choice([0, 0, -1, 1, 30]))
        yield day, chance.choice([chance.randint(0, events[-1].position), events[-1].position])


# --- Histories -----------------------------------------------------------------------------------------------------


def late_events(bank: Bank, seed: int, count: int) -> int:
    """Costs, recoveries and reversals of both kinds with days in the past, on notes in any state; those that were
    accepted."""
    chance, accepted = random.Random(seed), 0
    notes = [row["loan_no"] for row in bank.app.list_risk_assets(reader=Principal("IA", ("IA",), "-", ("*",)))]
    flows: list[tuple[str, str]] = []
    for number in range(count):
        note, day = chance.choice(notes), TODAY - timedelta(days=chance.randint(0, 500))
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("CostAdvanced", {"kind": "COURT_FEE", "amount": f"{chance.randint(1, 9)}00.00"}),
            (
                "RecoveryApplied",
                {"flow_id": f"L{number}", "split_no": 1, "mode": "CASH_VOLUNTARY", "amount": "700.00"},
            ),
            ("WriteOffRecoveryApplied", {"flow_id": f"L{number}", "amount": "50.00"}),
            ("AssetTagged", {"tag": chance.choice(["DESIGNATED", "WATCH"]), "on": True}),
            ("InterestMovedOffBalance", {"interest": "0.01"}),
        ]
        name, payload = chance.choice(kinds)
        if flows and chance.random() < 0.4:
            note, flow = chance.choice(flows)
            name = chance.choice(["RecoveryReversed", "WriteOffRecoveryReversed"])
            payload = {"flow_id": flow, "split_no": 1, "kind": chance.choice(["CORRECTION", "ECONOMIC"])}
        role = {"AssetTagged": "AM", "InterestMovedOffBalance": "CB"}.get(name, "SY")
        if execute(bank, role, "RiskAsset", note, name, payload, day):
            accepted += 1
            flows += [(note, payload["flow_id"])] if name in ("RecoveryApplied", "WriteOffRecoveryApplied") else []
    return accepted


def execute(bank: Bank, role: str, aggregate: str, key: str, name: str, payload: dict[str, Any], day: date) -> bool:
    bank.now += timedelta(seconds=1)
    number = int((bank.now - NOW).total_seconds())
    principal = Principal(f"late-{role}", (role,), "-", ("*",))
    command = Command(f"late-{number}", aggregate, key, name, payload, principal, bank.now)
    with suppress(TidemarkError):
        bank.app.execute(replace(command, valid_on=day, reason="late"))
        return True
    return False


def customers(bank: Bank) -> None:
    """Customers that come, are tagged, go and come again; a term of a suit."""
    rows = bank.app.list_risk_assets(reader=Principal("IA", ("IA",), "-", ("*",)))
    for number, row in enumerate(rows[:6]):
        no, day = row["customer_no"], TODAY - timedelta(days=300 - number)
        facts: dict[str, Any] = {"customer_no": no, "kind": "CORPORATE", "name_ref": f"甲公司{number}"}
        assert execute(
            bank, "EX", "RiskCustomer", no, "CustomerRegistered", facts | {"entity_id": row["entity"]}, day
        )
        execute(bank, "AM", "RiskCustomer", no, "TagAdded", {"tag": "DESIGNATED"}, day)
        leaving: dict[str, Any] = {"cause": "REPAID", "exited_on": str(TODAY), "recovered": "1.00", "loss": "0.00"}
        execute(bank, "SY", "RiskCustomer", no, "CustomerExited", leaving, TODAY)
    suits = bank.app.list_cases("LitigationCase", reader=Principal("IA", ("IA",), "-", ("*",)))
    for number, suit in enumerate(suits[:3]):
        term = {
            "rule_code": "TL07",
            "subject": suit["case_no"],
            "start_on": "2026-01-01",
            "raw_last_day": "2026-09-01",
        }
        execute(
            bank, "SY", "Deadline", f"TL07.{number}", "DeadlineOpened", term | {"entity_id": suit["entity"]}, TODAY
        )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[EventView]]:
    """Cases of every path, then late events of every kind."""
    bank = Bank(tmp_path_factory.mktemp("bank"))
    for case in cases(1, 17, TODAY):
        for number, act in enumerate(case.acts):
            bank.give(case, act, command_id(1, case, number))
    customers(bank)
    assert late_events(bank, 5, 120) > 40
    yield bank.app.published_after(0, 100_000)
    bank.app.close()
    bank.store.close()


def book_of(events: Sequence[EventView]) -> LedgerBook:
    book = LedgerBook()
    book.fold(map(lean, events))
    return book


# --- Tests ---------------------------------------------------------------------------------------------------------


def test_every_ledger_equals_the_naive_one_at_random_pairs_of_instants(history: list[EventView]) -> None:
    book = book_of(history)
    seen = {ledger.name: 0 for ledger in NUMBERED}
    for as_of, position in pairs(history, PAIRS, 11):
        assert assert_equal(book, history, as_of, position) >= 0
    for ledger in NUMBERED:
        seen[ledger.name] = len(shown(book, ledger.name, TODAY, history[-1].position))
    # Idle assets and outsourcing by batch come from the tables' own tests; the others all have rows here.
    assert {name for name, rows in seen.items() if not rows} <= {"card_write_off", "customer_exit"}, seen


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_scenario_equals_the_naive_one(file: Path, tmp_path: Path) -> None:
    played = play(lines_of(file), tmp_path)
    events = played.app.published_after(0, 10_000)
    played.close()
    book = book_of(events)
    for as_of, position in pairs(events, 2, 3):
        assert_equal(book, events, as_of, position)


class LedgersMachine(CasesMachine):
    """Random histories with detours and back again; at the end all ledgers are compared."""

    def teardown(self) -> None:
        app: Assets = self.app
        events = app.published_after(0, 10_000)
        super().teardown()
        if events:
            book = book_of(events)
            for as_of, position in pairs(events, 10, len(events)):
                assert_equal(book, events, as_of, position)


def test_random_histories_equal_the_naive_one() -> None:
    run_state_machine_as_test(LedgersMachine, settings=settings(max_examples=HISTORIES, stateful_step_count=12))
