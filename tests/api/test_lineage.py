"""Traces over HTTP and at the terminal."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from aggregates.envelope import Principal
from api.cli.lineage import trace
from api.main import app
from api.services import Services
from engines.primitives.errors import NotFound
from streams import topics
from streams.change_reader import ChangeReader
from streams.cut_reader import PlacedCut
from streams.cut_records import CutTotal, RiskCut
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.lineage_events import EventLineage
from streams.views_entries import Entry
from streams.views_live import LiveView
from tests.aggregates.world import World, open_world
from tests.api.cli_api import canned_api
from tests.api_doubles import client_of, services
from tests.live_bank import LiveBank, live_policy, two_cuts_of
from tests.memory_replay import MemoryReplay, vector
from tests.risk_records import NOON


class Bank:
    """A simulated bank with one recorded cut at its end, and decisions beside it."""

    def __init__(self, folder: Path) -> None:
        source = SimulatedBank(Simulation(5, date(2026, 3, 16), 5_000, 500, treasury=True))
        self.bank = LiveBank(partitions=1).feed(islice(source.events(), source.opening_events + 400))
        self.world: World = open_world(folder)
        self.world.admit()
        self.ends = vector(self.bank)

    def entry(self, topic: str, partition: int, offset: int) -> Entry:
        log = self.bank.logs.get((topic, partition), [])
        if offset >= len(log):
            raise NotFound("no record at this offset")
        return Entry(topic, partition, offset, NOON, None, msgspec.json.decode(log[offset]), {})

    def cuts(self, before: int | None, limit: int) -> list[PlacedCut]:
        total = CutTotal(metric="lcr", scope="group", entity="-", currency="CNY", value="1.5")
        cut = RiskCut(
            epoch=1,
            number=0,
            taken_at=NOON,
            offsets=self.ends,
            position_offsets=self.ends,
            logs={},
            alert_vector={},
            totals=[total],
        )
        return [PlacedCut(4, cut)] if limit and (before is None or before > 4) else []

    def services(self) -> Services:
        live = LiveView()
        live.feed(self.bank.published)
        live.set_status(ready=True)
        replay: Any = MemoryReplay(self.bank)

        def two_cuts(before: Any, after: Any) -> Any:
            places = [{_place(name): end for name, end in cut.items()} for cut in (before, after)]
            return two_cuts_of(self.bank, places[0], places[1])

        return services(
            live,
            read_entry=self.entry,
            changes=ChangeReader(replay, replay, replay.batches, lambda *_: {}),
            recent_cuts=self.cuts,
            ratio_cuts=two_cuts,
            ratio_policy=live_policy(),
            event_lineage=EventLineage(self.world.app),
        )


def _place(name: str) -> tuple[str, int]:
    topic, _, partition = name.rpartition("/")
    return topic, int(partition)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    found = Bank(tmp_path_factory.mktemp("lineage"))
    yield found
    found.world.store.close()


@pytest.fixture(scope="module")
def client(bank: Bank) -> Iterator[httpx.Client]:
    with client_of(bank.services()) as found:
        yield found


def get(client: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/lineage/{path}", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def settled(bank: Bank) -> int:
    """The newest settled entry of a customer."""
    log = bank.bank.logs[topics.TXN, 0]
    records = [(offset, msgspec.json.decode(value)) for offset, value in enumerate(log)]
    return max(
        offset
        for offset, one in records
        if one.get("status", "settled") == "settled" and one.get("customer_id", "-") != "-"
    )


def test_an_entry_names_every_figure_it_touched(client: httpx.Client, bank: Bank) -> None:
    offset = settled(bank)
    body = get(client, f"entries/{topics.TXN}/0/{offset}")
    record = body["record"]
    (position,) = body["positions"]
    sign = 1 if record["direction"] == "in" else -1
    assert Decimal(position["settled"]) == sign * Decimal(record["amount"])
    assert (position["account"], position["value_date"]) == (record["account_id"], record["value_date"])
    assert body["verdict"] == "counted"
    assert sum(Decimal(one["amount"]) for one in body["deposits"] if one["part"] != "overdrawn")
    assert body["cuts"]["positions"]["cut"] == body["cuts"]["ratios"]["cut"] == 4
    assert [one["metric"] for one in body["cuts"]["ratios"]["changed"]] == ["lcr"]
    assert body["ratios"] is None


def test_ratio_lines_are_the_records_own(client: httpx.Client, bank: Bank) -> None:
    """Without the record and with it, at one cut: the parts are what it did alone, to numerator and denominator."""
    body = get(client, f"entries/{topics.TXN}/0/{settled(bank)}", ratios=True)
    rows = body["ratios"]
    assert {row["figure"] for row in rows} == {"lcr", "nsfr"}
    assert all(row["line"] for row in rows)


def test_a_contract_shows_its_flows_by_bucket(client: httpx.Client, bank: Bank) -> None:
    body = get(client, f"entries/{topics.CONTRACT}/0/3")
    rows = body["gap"]["rows"]
    assert rows
    assert body["gap"]["as_of"] == "2026-03-16"
    for row in rows:
        assert (row["bucket"] is None) == row["paid"]
        assert isinstance(row["net"], str)


def test_an_entry_is_found_by_its_id(client: httpx.Client, bank: Bank) -> None:
    offset = settled(bank)
    txn = bank.entry(topics.TXN, 0, offset).record["txn_id"]
    found = get(client, "entries", txn=txn)["entries"]
    assert {"topic": topics.TXN, "partition": 0, "offset": offset} in found
    assert client.get("/api/v1/lineage/entries", params={"txn": "nobody"}).status_code == 404


def test_a_record_that_no_fold_takes_says_so(client: httpx.Client) -> None:
    body = get(client, f"entries/{topics.BUSINESS_DATE}/0/0")
    assert body["verdict"] == "not folded"


def test_an_event_shows_what_it_changed(client: httpx.Client, bank: Bank) -> None:
    body = get(client, "events/1")
    assert body["event"]["type"] == "AssetAdmitted"
    assert body == get(client, "events/RiskAsset/LN-7001/1")
    assert body["recovery_cash"] == []
    assert client.get("/api/v1/lineage/events/99").status_code == 404


def test_who_may_not_see_an_entity_finds_nothing(bank: Bank) -> None:
    with client_of(bank.services(), "north") as north:
        assert north.get(f"/api/v1/lineage/entries/{topics.TXN}/0/0").status_code == 404
        assert north.get("/api/v1/lineage/events/1").status_code == 404
    with client_of(services(), "all") as bare:
        assert bare.get("/api/v1/lineage/events/1").status_code == 503
        assert bare.get(f"/api/v1/lineage/entries/{topics.TXN}/0/0").status_code == 503
    assert Principal("x", ("BR",), "-", ("BANK-B",)).may_act_for("BANK-A") is False


def test_the_command_asks_and_prints(client: httpx.Client, bank: Bank, tmp_path: Path) -> None:
    ratio = {"figure": "lcr", "scope": "group", "line": "LCR.HQ1.03", "amount_minor_exact": "-70"}
    entry = get(client, f"entries/{topics.TXN}/0/{settled(bank)}") | {"ratios": [ratio]}
    event = get(client, "events/1")
    alert = {"alert_id": "A", "reason": "above", "entries": [{"topic": topics.TXN, "partition": 0, "offset": 1}]}
    with canned_api() as api:
        api.answers |= {
            f"/lineage/entries/{topics.TXN}/0/7": entry,
            "/lineage/entries": {"entries": [{"topic": topics.TXN, "partition": 0, "offset": 7}]},
            "/lineage/events/1": event,
            "/lineage/events/RiskAsset/LN%2F7/1": event,
            "/alerts/A": alert,
        }
        run = CliRunner()
        environment = {
            "TIDEMARK_API": api.address,
            "TIDEMARK_DATA_DIR": str(tmp_path),
            "TIDEMARK_TOKEN": "t",
            "COLUMNS": "200",
        }
        for arguments, words in (
            ([f"{topics.TXN}/0/7", "--ratios"], [entry["record"]["account_id"], "first in cut 4", "lcr"]),
            (["--txn", "T1"], ["counted"]),
            (["--event", "1"], ["AssetAdmitted", "principal"]),
            (["--event", "RiskAsset/LN/7/1"], ["AssetAdmitted"]),
            (["--alert", "A"], ["above"]),
        ):
            found = run.invoke(app, ["audit", "trace", *arguments], env=environment)
            assert found.exit_code == 0, found.output
            for word in words:
                assert word in found.output
        told = run.invoke(app, ["audit", "trace", "--event", "1", "--json"], env=environment)
        assert json.loads(told.output) == event
        for wrong in ([], ["--event", "1", "--txn", "T"], ["nonsense"], [f"{topics.TXN}/0/x"]):
            assert run.invoke(app, ["audit", "trace", *wrong], env=environment).exit_code != 0
    assert trace.__doc__
