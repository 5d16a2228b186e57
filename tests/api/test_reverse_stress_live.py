"""Who can break us now, over HTTP and at the terminal: who may see whom, and that the answer is of one cut."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api import reverse_stress_models
from api.main import app
from api.services import Services
from streams import topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.reverse_stress_states import LiveDepositors
from streams.views_live import LiveView
from tests.api.cli_api import CannedApi, canned_api
from tests.api_doubles import client_of, services
from tests.live_bank import LiveBank, live_policy
from tests.memory_replay import MemoryReplay, vector


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    source = SimulatedBank(Simulation(5, date(2026, 3, 16), 5_000, 500, treasury=True))
    return LiveBank().feed(islice(source.events(), source.opening_events + 500))


def of(bank: LiveBank) -> Services:
    live = LiveView()
    live.feed(bank.published)
    live.set_status(ready=True)
    replay: Any = MemoryReplay(bank)
    kept = LiveDepositors(bank.folders[topics.TXN], replay, replay, replay.batches)
    return services(live, ratio_policy=live_policy(), depositors=kept)


@pytest.fixture(scope="module")
def client(bank: LiveBank) -> Iterator[httpx.Client]:
    with client_of(of(bank)) as found:
        yield found


def get(client: httpx.Client, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/reverse-stress", params=parameters)
    assert answer.status_code == 200, answer.text
    reverse_stress_models.ReverseStress.model_validate_json(answer.text)
    body: dict[str, Any] = answer.json()
    return body


def test_every_limit_has_an_answer_of_the_live_cut(client: httpx.Client, bank: LiveBank) -> None:
    body = get(client, limit=3)
    assert body["offsets"].items() <= vector(bank).items()
    rows = body["rows"]
    assert {row["limit_id"] for row in rows} == {
        "lcr-regulatory",
        "lcr-board",
        "nsfr-regulatory",
        "available_position",
    }
    ratios = {
        (row["figure"], row["scope"], row["entity"], row["currency"]): row["ratio_pct"]
        for row in client.get("/api/v1/ratios").json()["rows"]
    }
    for row in rows:
        if row["figure"] != "available_position":
            assert row["value"] == ratios[row["figure"], row["scope"], row["entity"], row["currency"]]
        if row["status"] == "breakable":
            assert len(row["depositors"]) == min(3, row["count"])
            assert 0 < Decimal(row["amount"]) <= Decimal(row["deposits"])
    assert any(row["status"] == "breakable" for row in rows)
    stricter = {
        (row["scope"], row["entity"], row["currency"]): row["count"] for row in rows if "board" in row["limit_id"]
    }
    for row in rows:
        if row["limit_id"] == "lcr-regulatory" and row["count"] is not None:
            assert stricter[row["scope"], row["entity"], row["currency"]] <= row["count"]


def test_what_is_asked_for_is_chosen(client: httpx.Client) -> None:
    rows = get(client, entity="BANK", currency="CNY", limit=0)["rows"]
    assert {(row["scope"], row["entity"], row["currency"]) for row in rows} == {("currency", "BANK", "CNY")}
    assert not any(row["depositors"] for row in rows)
    assert get(client)["provenance"] == get(client)["provenance"] != get(client, limit=1)["provenance"]


def test_only_customers_of_entities_that_the_reader_may_see(bank: LiveBank) -> None:
    with client_of(of(bank), "north") as found:
        assert get(found)["rows"] == []
    empty = LiveView()
    empty.set_status(ready=True)
    with client_of(services(empty)) as found:
        assert found.get("/api/v1/reverse-stress").status_code == 503
        nobody = {"Authorization": "Bearer nobody"}
        assert found.get("/api/v1/reverse-stress", headers=nobody).status_code == 403


ROW: dict[str, Any] = {
    "figure": "lcr", "limit_id": "lcr-board", "scope": "currency", "entity": "BANK", "currency": "CNY",
    "as_of": "2026-03-16", "minimum": "110.000000", "value": "123.400000", "status": "breakable", "reason": "",
    "count": 2, "amount": "1234567.00", "deposits": "9000000.00", "share_pct": "13.717411",
    "depositors": [{"entity": "BANK", "customer": "C-77", "amount": "1000000.00"}],
}  # fmt: skip


def test_the_terminal_says_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(status: str, reason: str = "") -> dict[str, Any]:
        return ROW | {"status": status, "count": None, "amount": None, "depositors": [], "reason": reason}

    rows = [
        ROW,
        other("unbreakable"),
        other("not_computable", "net cash outflows are 0"),
        other("broken") | {"count": 0},
    ]
    with canned_api() as canned:
        monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("TIDEMARK_API", canned.address)
        monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")
        canned.answers["/reverse-stress"] = {"as_of": "2026-03-16", "offsets": {"a/0": 7}, "rows": rows}
        shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["reverse-stress", "--entity", "BANK"]).stdout
        check(shown, canned)


def check(shown: str, canned: CannedApi) -> None:
    for text in ("2 depositors", "nobody", "broken already", "net cash outflows are 0", "C-77", "1,000,000.00"):
        assert text in shown
    assert canned.last().query == {"entity": "BANK", "limit": "5"}
