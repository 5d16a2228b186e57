"""Why positions and gaps moved, over HTTP and at the terminal: parts that add up as they are shown."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api import changes_models
from api.main import app
from engines.primitives.errors import InvalidInput
from streams import topics
from streams.change_reader import ChangeReader
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.views_live import LiveView
from tests.api.cli_api import CannedApi, canned_api
from tests.api_doubles import client_of, services
from tests.live_bank import LiveBank, live_policy
from tests.memory_replay import MemoryReplay, vector

MORNING = datetime(2026, 3, 16, 9, tzinfo=UTC)
QUIET = MORNING + timedelta(days=1)


class Bank:
    def __init__(self) -> None:
        source = SimulatedBank(Simulation(5, date(2026, 3, 16), 5_000, 500, treasury=True))
        events = list(islice(source.events(), source.opening_events + 3_000))
        self.bank = LiveBank().feed(events[: source.opening_events + 1_000])
        self.morning = vector(self.bank)
        self.bank.feed(events[source.opening_events + 1_000 :])
        self.now = vector(self.bank)

    def reader(self) -> ChangeReader:
        replay: Any = MemoryReplay(self.bank)

        def offsets_at(places: Any, milliseconds: int) -> dict[tuple[str, int], int]:
            if milliseconds == QUIET.timestamp() * 1_000:  # later than every record: ends that the view has not seen
                ends = {(topic, part): self.now[f"{topic}/{part}"] + (topic == topics.FX) for topic, part in places}
                return ends | {(topics.FX, 7): 1}  # a log of which the view has folded nothing
            assert milliseconds == MORNING.timestamp() * 1_000
            return {(topic, part): self.morning[f"{topic}/{part}"] for topic, part in places}

        return ChangeReader(replay, replay, replay.batches, offsets_at)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.fixture(scope="module")
def client(bank: Bank) -> Iterator[httpx.Client]:
    live = LiveView()
    live.feed(bank.bank.published)
    live.set_status(ready=True)
    with client_of(services(live, ratio_policy=live_policy(), changes=bank.reader())) as found:
        yield found


def get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    changes_models.AmountChanges.model_validate_json(answer.text)
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("path", ["/positions/changes", "/gap/changes"])
def test_parts_add_up_as_shown_and_the_end_is_the_live_figure(client: httpx.Client, bank: Bank, path: str) -> None:
    body = get(client, path, from_offsets=json.dumps(bank.morning), limit=7)
    kind = topics.TXN if path.startswith("/positions") else topics.CONTRACT
    assert {place.rpartition("/")[0] for place in body["offsets"]} == {kind, topics.FX, topics.BUSINESS_DATE}
    assert any(part["entries"] > 1 and part["entry"] is None for row in body["rows"] for part in row["parts"])
    for row in body["rows"]:
        change = Decimal(row["after"]) - Decimal(row["before"])
        assert sum(Decimal(part["amount"]) for part in row["parts"]) == Decimal(row["change"]) == change
        assert Decimal(row["residual"]) == 0
        assert sum(part["entry"] is not None for part in row["parts"]) <= 7
    assert body["rows"][-1]["scope"] == "group"
    live = client.get(f"/api/v1{path.removesuffix('/changes')}", params={"by": "entity"}).json()["rows"]
    for row in body["rows"][:-1]:
        mine = [one for one in live if (one["entity"], one["currency"]) == (row["entity"], row["currency"])]
        amounts = [
            one.get("position") or ("0" if one["bucket"] in ("OVERDUE", "UNDATED") else one["gap"]) for one in mine
        ]
        assert sum(map(Decimal, amounts)) == Decimal(row["after"])


def test_equal_questions_have_equal_answers_and_others_have_not(client: httpx.Client, bank: Bank) -> None:
    asked = {"from_offsets": json.dumps(bank.morning), "to_offsets": json.dumps(bank.now)}
    one, other = (get(client, "/gap/changes", **asked) for _ in range(2))
    assert one == other
    ids = {
        get(client, "/gap/changes", **asked, **more)["provenance"]["result_id"]
        for more in ({"bucket": "D8_30"}, {"bucket": "D8_30", "cumulative": True}, {"limit": 1})
    }
    assert len({*ids, one["provenance"]["result_id"]}) == 4


def test_an_instant_names_a_cut(client: httpx.Client, bank: Bank) -> None:
    by_time = get(client, "/positions/changes", from_time=MORNING.isoformat(), entity="BANK", currency="CNY")
    by_cut = get(client, "/positions/changes", from_offsets=json.dumps(bank.morning), entity="BANK", currency="CNY")
    assert by_time == by_cut
    assert [row["entity"] for row in by_time["rows"]] == ["BANK"]


def test_an_instant_at_the_end_of_a_log_is_no_later_than_what_is_shown(client: httpx.Client, bank: Bank) -> None:
    body = get(client, "/positions/changes", from_time=QUIET.isoformat())
    assert body["offsets_before"] == body["offsets"]
    assert all(Decimal(row["change"]) == 0 for row in body["rows"])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "from_offsets"),
        ({"from_offsets": "{}", "from_time": MORNING.isoformat()}, "from_time"),
        ({"from_time": "2026-03-16T09:00:00"}, "from_time"),
        ({"from_offsets": "{}", "bucket": "D9"}, "bucket"),
    ],
)
def test_what_names_no_two_cuts_is_refused(client: httpx.Client, asked: dict[str, str], field: str) -> None:
    answer = client.get("/api/v1/gap/changes", params=asked)
    assert answer.status_code == 422
    assert field in answer.text


def test_only_entities_that_the_reader_may_see(bank: Bank) -> None:
    live = LiveView()
    live.feed(bank.bank.published)
    live.set_status(ready=True)
    with client_of(services(live, ratio_policy=live_policy(), changes=bank.reader()), "north") as found:
        assert get(found, "/positions/changes", from_offsets=json.dumps(bank.morning))["rows"] == []
    with client_of(services(live)) as found:
        assert found.get("/api/v1/gap/changes", params={"from_offsets": "{}"}).status_code == 503


PART = {
    "cause": "ENTRY", "line": "D2_7", "entry": "K1", "place": f"{topics.CONTRACT}/3", "offset": 9, "flags": [],
    "entries": 1, "amount": "-1234.50",
}  # fmt: skip
ROW = {
    "figure": "gap", "scope": "currency", "entity": "BANK", "currency": "CNY", "as_of": "2026-03-16",
    "as_of_before": "2026-03-15", "before": "2000.00", "after": "765.50", "change": "-1234.50", "residual": "0.00",
    "without_rate": ["USD"], "parts": [PART],
}  # fmt: skip
ANSWER = {"as_of": "2026-03-16", "offsets": {"a/0": 7}, "offsets_before": {"a/0": 1}, "log": {}, "rows": [ROW]}


@pytest.fixture
def canned() -> Iterator[CannedApi]:
    with canned_api() as api:
        yield api


@pytest.fixture
def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")
    return lambda *arguments: CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def test_the_terminal_shows_the_move_and_its_parts(run: Any, canned: CannedApi) -> None:
    canned.answers["/gap/changes"] = ANSWER
    shown = run("gap", "--explain", '{"a/0": 1}:{"a/0": 7}', "--bucket", "D2_7", "--cumulative").stdout
    for text in ("2,000.00 -> 765.50 (-1,234.50), without USD", "D2_7", "K1", "3/9", "-1,234.50"):
        assert text in shown
    asked = {"bucket": "D2_7", "cumulative": "true", "from_offsets": '{"a/0":1}', "to_offsets": '{"a/0":7}'}
    assert canned.last().query == asked


def test_the_terminal_takes_instants(run: Any, canned: CannedApi) -> None:
    canned.answers["/positions/changes"] = ANSWER
    run("positions", "--explain", "2026-03-16T09:00Z/2026-03-16T10:00+01:00", "--account", "A1", "--json")
    instants = {"from_time": "2026-03-16T09:00:00+00:00", "to_time": "2026-03-16T10:00:00+01:00"}
    assert canned.last().query == instants | {"account": "A1"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("positions", "--explain", "yesterday"),
        ("positions", "--explain", "2026-03-16T09:00"),
        ("positions", "--explain", "{}"),
        ("positions", "--explain", '{"a/0": 1} {"a/0": 2}'),
        ("positions", "--explain", '{"a/0": 1}', "--follow"),
        ("gap", "--explain", '{"a/0": 1}', "--contracts"),
        ("gap", "--cumulative"),
    ],
)
def test_the_terminal_refuses_what_it_cannot_ask(run: Any, canned: CannedApi, arguments: tuple[str, ...]) -> None:
    assert isinstance(run(*arguments).exception, InvalidInput | SystemExit)
    assert not canned.requests
