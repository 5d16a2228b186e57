"""A real bank's year, from its file through Kafka to the command line, held against the bank's own balances."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engines.primitives.money import to_minor
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore
from streams import topics
from streams.folded import folders
from streams.instants import day_number
from tests.kafka.test_up import Running, port, start, until

__all__ = ["port", "start"]  # fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.berka, pytest.mark.timeout(600)]
TRANSACTIONS = 28_205
ACCOUNT_DAYS = 23_440


def rows(directory: Path) -> Iterator[dict[str, str]]:
    with (directory / "trans.asc").open(newline="") as file:
        yield from csv.DictReader(file, delimiter=";")


def signed(row: dict[str, str]) -> Decimal:
    return Decimal(row["amount"]) if row["type"] == "PRIJEM" else -Decimal(row["amount"])


def day_of(row: dict[str, str]) -> date:
    text = row["date"]
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:6]))


def test_every_account_and_day_agrees_with_the_banks_own_record(
    start: Callable[..., Running], reference: Path, tmp_path: Path
) -> None:
    directory = reference / "data" / "berka"
    if not directory.exists():
        pytest.skip(f"no Berka data in {directory}")
    running = start("--feed", f"berka:{directory}")
    running.wait_up()

    def folded() -> int:
        figures = running.json("positions", "--by", "account")
        return sum(end for place, end in figures["offsets"].items() if place.startswith(topics.TXN))

    until(lambda: folded() >= TRANSACTIONS, "the whole file to be folded", 300)
    assert folded() == TRANSACTIONS

    expected: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(directory):
        expected[row["account_id"]] += signed(row)
    figures = running.json("positions", "--by", "account", "--as-of", "1993-12-31")
    assert {row["account"]: Decimal(row["position"]) for row in figures["rows"]} == expected
    total = running.json("positions", "--by", "entity,currency", "--as-of", "1993-12-31")
    assert [Decimal(row["position"]) for row in total["rows"]] == [sum(expected.values())]
    branches = running.json("positions", "--by", "organisation", "--as-of", "1993-12-31")
    assert sum(Decimal(row["position"]) for row in branches["rows"]) == sum(expected.values())

    # Loans of status B and D are risk assets; nothing of a real bank's year is refused.
    until(lambda: len(running.json("audit", "history", "RiskAsset", "BERKA-5314")["events"]) == 1, "the risk assets")
    assert running.json("deadletter", "list")["letters"] == []
    assert running.stop() == 0
    compare_account_days(directory, tmp_path / "data")


def compare_account_days(directory: Path, data_dir: Path) -> None:
    """Within 1.00 CZK per month of history of one of the balances the bank itself recorded on that day."""
    settings = Settings.model_validate({"data_dir": data_dir})
    folder, store = folders(settings)[topics.TXN], LocalSnapshotStore(settings.snapshots)
    moves: dict[str, dict[int, int]] = defaultdict(dict)
    for where in store.partitions(topics.TXN, folder.state_name):
        newest = store.newest(where, folder.state_name)
        assert newest is not None
        for row in folder.load(newest.base, newest.deltas).positions.accounts_by_day():
            moves[row.key[6]][row.value_day] = row.settled_minor
    recorded: dict[tuple[str, int], list[int]] = defaultdict(list)
    first_day: dict[str, int] = {}
    for row in rows(directory):
        day = day_number(day_of(row))
        recorded[row["account_id"], day].append(to_minor(row["balance"], "CZK"))
        first_day[row["account_id"]] = min(day, first_day.get(row["account_id"], day))
    assert len(recorded) == ACCOUNT_DAYS
    for (account, day), balances in recorded.items():
        position = sum(minor for moved, minor in moves[account].items() if moved <= day)
        months = (day - first_day[account]) // 30 + 1
        nearest = min(abs(position - balance) for balance in balances)
        assert nearest <= 100 * months, (account, day, position, balances)
