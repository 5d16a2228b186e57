"""What was shown is what the log gives, at a hundred random past moments; and why not, cause by cause."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api import models, past, past_replay
from api.metrics import Metrics
from api.services import Services
from api.sse import Hub
from api.stream_client import events
from engines.primitives.errors import InvalidInput
from streams import topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.figure_digests import body_digest
from streams.folders import TransactionFolder
from streams.outputs import Output
from streams.past_figures import parse_place
from streams.past_views import PastReader
from streams.schemas import Source
from tests.api_doubles import client_of
from tests.live_bank import live_policy
from tests.past_bank import MemoryStates, PastBank, flow_policy

DAY = date(2026, 3, 16)
MOMENTS = 100
GAP_OF_LINES = {"figure": "gap", "by": ["entity", "business_line", "currency"], "as_of": "2026-03-20", "filters": {}}
MORE: tuple[dict[str, Any], ...] = (
    GAP_OF_LINES,
    {"figure": "positions", "by": ["entity", "organisation", "currency"], "as_of": None, "filters": {}},
    {"figure": "positions-by-date", "by": ["entity", "currency"], "as_of": None, "filters": {}},
    {"figure": "ratios/lcr", "by": ["entity", "currency"], "as_of": None, "filters": {}, "scopes": "entity"},
    {"figure": "liquid-assets", "by": ["entity", "currency"], "as_of": None, "filters": {}, "scopes": None},
)


@dataclass
class Past:
    """A morning of a bank with restarts, resets and thinned snapshots, and every answer that it gave."""

    bank: PastBank
    answers: list[dict[str, Any]] = field(default_factory=list)

    def live_through(self, rng: random.Random) -> "Past":
        source = SimulatedBank(Simulation(5, DAY, 5_000, 500, treasury=True))
        events = list(islice(source.events(), source.opening_events + 2_400))
        self.bank.feed(events[: source.opening_events])
        self.bank.fold(rng)
        at, number = source.opening_events, 0
        while at < len(events):
            step = rng.randint(20, 160)
            self.bank.feed(events[at : at + step])
            self.bank.fold(rng)
            at, number = at + step, number + 1
            if rng.random() < 0.6:
                self.bank.snapshot()
            if number % 6 == 0:
                self.bank.restart()
            if number % 9 == 0:
                self.bank.reset()
            if rng.random() < 0.6:
                self.bank.record_cut()
            asked = [*past.page_queries({}), *MORE]
            self.answers += [self.bank.answer(one) for one in rng.sample(asked, 5)]
        return self


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(PastBank(tmp_path_factory.mktemp("snapshots"))).live_through(random.Random(20))


def answer_of(lived: Past, figure: str) -> dict[str, Any]:
    found = [one for one in lived.answers if one["provenance"]["asked"]["figure"] == figure]
    copied: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found[len(found) // 2]))
    return copied


def replayed(lived: Past, answer: Mapping[str, Any], ours: Services | None = None, **how: bool) -> dict[str, Any]:
    found = past_replay.replay_answer(ours or lived.bank.services(), answer, from_start=how.get("from_start", False))
    return dict(msgspec.json.decode(msgspec.json.encode(found)))


# -- what was shown is what the log gives --------------------------------------------------------------------------


def test_a_hundred_random_past_moments_are_reproduced(lived: Past) -> None:
    rng = random.Random(7)
    assert len(lived.answers) >= MOMENTS
    figures = set()
    for answer in rng.sample(lived.answers, MOMENTS):
        found = replayed(lived, answer)
        assert (found["same"], found["bytes_same"], found["cause"]) == (True, True, None), found
        assert found["digest"] == answer["provenance"]["digest"]
        figures.add(found["figure"])
    assert len(figures) == len(past.FIGURES) - 1  # each but ratios/nsfr, which is made as ratios/lcr is


def test_they_start_near_by_at_snapshots_that_were_thinned(lived: Past) -> None:
    assert list(lived.bank.directory.rglob("history/*/*.base"))
    states = MemoryStates(lived.bank, aided=True)
    answer = answer_of(lived, "positions")
    places = {parse_place(place): end for place, end in answer["offsets"].items()}
    wanted = {place: end for place, end in places.items() if place[0] == topics.TXN}
    assert len(list(states.states(lived.bank.all(), wanted))) == len(wanted)
    assert states.folded_records < sum(wanted.values())


def test_from_the_start_of_the_log_without_any_snapshot_too(lived: Past) -> None:
    for figure in ("positions", "ratios", "alerts", "limits", "withdrawals"):
        found = replayed(lived, answer_of(lived, figure), from_start=True)
        assert found["same"], found


def test_every_recorded_cut_is_reproduced(lived: Past) -> None:
    numbers = list(range(len(lived.bank.logs[topics.CUT, 0])))
    assert len(numbers) > 8
    rows = past_replay.replay_cuts(lived.bank.services(), numbers, from_start=False)
    assert [row["cut"] for row in rows] == numbers
    assert all(row["same"] and row["published_digest"] == row["digest"] for row in rows)


def test_there_are_alerts_and_limits_to_reproduce(lived: Past) -> None:
    assert len(answer_of(lived, "alerts")["alerts"]) > 3
    assert any(one["above"] for one in answer_of(lived, "withdrawals")["rows"])
    shown = [one["rows"] for one in lived.answers if one["provenance"]["asked"]["figure"] == "limits"]
    assert any(shown)


# -- why not -------------------------------------------------------------------------------------------------------


def test_a_changed_answer_is_named_with_its_row(lived: Past) -> None:
    answer = answer_of(lived, "positions")
    answer["rows"][0]["position"] = "1.00"
    found = replayed(lived, answer)
    assert (found["same"], found["cause"]) == (False, "ANSWER")
    assert "digest is the log's" in found["reason"]
    difference = found["difference"]
    assert (difference["field"], difference["published"]) == ("position", "1.00")
    assert difference["row"]["currency"] == answer["rows"][0]["currency"]


def test_a_changed_answer_with_a_digest_to_match_is_not_taken_for_changed_records(lived: Past) -> None:
    answer = answer_of(lived, "positions")
    answer["rows"][0]["position"] = "1.00"
    answer["provenance"]["digest"] = body_digest(answer)
    found = replayed(lived, answer)
    assert (found["same"], found["cause"]) == (False, "UNKNOWN")
    assert "do not show changed records" in found["reason"]


def test_a_missing_row_is_a_difference(lived: Past) -> None:
    answer = answer_of(lived, "gap")
    gone = answer["rows"].pop()
    found = replayed(lived, answer)
    assert (found["same"], found["cause"]) == (False, "ANSWER")
    assert found["difference"]["field"] is None
    assert found["difference"]["row"]["bucket"] == gone["bucket"]


def test_another_log_is_no_fraud(lived: Past) -> None:
    answer = answer_of(lived, "positions")
    place = min(answer["log"])
    answer["log"][place] = "cluster/another"
    found = replayed(lived, answer)
    assert (found["same"], found["cause"], found["digest"]) == (False, "LOG", None)
    assert place in found["reason"]


def test_other_rules_are_named(lived: Past) -> None:
    ours = lived.bank.services(config_version="8", ratio_policy=live_policy(contract=[]))
    found = replayed(lived, answer_of(lived, "ratios"), ours)
    assert (found["same"], found["cause"]) == (False, "RULES")
    assert "published under 7, replayed under 8" in found["reason"]
    rows = past_replay.replay_cuts(ours, [0, 3], from_start=False)
    assert {row["cause"] for row in rows if not row["same"]} == {"RULES"}


class LaterFolder(TransactionFolder):
    """A fold of another version that forgets the yuan."""

    @property
    def fold_version(self) -> int:
        return super().fold_version + 1

    def take_all(self, state: Any, source: Source) -> list[Output]:
        return [one for one in super().take_all(state, source) if b"|CNY" not in one.key]


def test_another_fold_is_named(lived: Past) -> None:
    bank = lived.bank
    later = LaterFolder(flow_policy(), 40_000)
    known, bank.folders = bank.folders, bank.folders | {topics.TXN: later}
    try:
        found = replayed(lived, answer_of(lived, "positions"))
    finally:
        bank.folders = known
    assert (found["same"], found["cause"]) == (False, "FOLD_VERSION")
    assert found["reason"] == f"{topics.TXN} was folded by version 3, now by 4"


@pytest.fixture
def changed(lived: Past) -> Iterator[Callable[[int], tuple[str, int]]]:
    """Changes the amount of an entry in the log, and puts it right again."""
    restored: list[tuple[tuple[str, int], int, bytes]] = []

    def change(at: int) -> tuple[str, int]:
        place = (topics.TXN, 0)
        log = lived.bank.logs[place]
        while b'"status":"settled"' not in log[at] and b'"status"' in log[at]:
            at += 1
        restored.append((place, at, log[at]))
        record = msgspec.json.decode(log[at])
        record["amount"] = f"{record['amount'].partition('.')[0]}9" + ".00" * ("." in record["amount"])
        log[at] = msgspec.json.encode(record)
        return f"{place[0]}/{place[1]}", at

    yield change
    for place, at, value in restored:
        lived.bank.logs[place][at] = value


def test_a_changed_record_is_named_by_where_it_lies(lived: Past, changed: Callable[[int], tuple[str, int]]) -> None:
    bank = lived.bank
    unaided = PastReader(MemoryStates(bank, aided=False), bank, bank.offsets_at, folders=bank.folders)
    ours = bank.services(past=unaided)
    answers = [one for one in lived.answers if one["provenance"]["asked"]["figure"] == "positions"]
    answer = answers[-1]
    place, at = changed(answer["offsets"][f"{topics.TXN}/0"] // 2 + 300)
    found = replayed(lived, answer, ours)
    assert (found["same"], found["cause"]) == (False, "RECORDS"), found
    (where,) = [one for one in found["changed_records"] if one["place"] == place]
    assert where["first"] <= at < where["end"]
    assert where["end"] - where["first"] < answer["offsets"][place] // 4


# -- what is refused -------------------------------------------------------------------------------------------------


def test_an_answer_without_what_a_replay_needs_is_refused(lived: Past) -> None:
    for damage in ("provenance", "offsets"):
        answer = answer_of(lived, "gap")
        del answer[damage]
        with pytest.raises(InvalidInput):
            replayed(lived, answer)
    answer = answer_of(lived, "gap")
    del answer["provenance"]["digest"]
    with pytest.raises(InvalidInput, match="digest"):
        replayed(lived, answer)


def test_a_cut_that_is_not_recorded_is_refused(lived: Past) -> None:
    with pytest.raises(InvalidInput, match="no recorded cut"):
        past_replay.replay_cuts(lived.bank.services(), [10**6], from_start=False)
    with pytest.raises(InvalidInput, match="at most"):
        past_replay.replay_cuts(lived.bank.services(), list(range(51)), from_start=False)


# -- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(lived: Past) -> Iterator[httpx.Client]:
    with client_of(lived.bank.services()) as found:
        yield found


def get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_an_answer_is_replayed_over_http_as_it_was_given(client: httpx.Client) -> None:
    given = get(client, "/positions", by="organisation")
    models.Positions.model_validate(given)
    found = client.post("/api/v1/past/replay", json={"answer": given}).json()
    assert (found["same"], found["figure"]) == (True, "positions")
    asked = {"figure": "positions", "by": ["entity", "organisation", "currency"]}
    named = client.post("/api/v1/past/replay", json={"asked": asked, "at_offsets": given["offsets"]}).json()
    assert (named["same"], named["digest"]) == (True, given["provenance"]["digest"])
    cuts = client.post("/api/v1/past/replay", json={"cuts": [0, 2]}).json()["cuts"]
    assert [(row["cut"], row["same"]) for row in cuts] == [(0, True), (2, True)]
    assert client.post("/api/v1/past/replay", json={}).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/positions", "/positions/by-date", "/gap", "/withdrawals", "/ratios", "/liquid-assets", "/alerts", "/limits"],
)
def test_a_figure_at_an_instant_is_that_of_the_records_before_it(
    client: httpx.Client, lived: Past, path: str
) -> None:
    times = lived.bank.times[topics.TXN, 0]
    now = lived.bank.now
    late = get(client, path, at=now.replace(year=2030).isoformat())
    assert late["provenance"]["digest"] == get(client, path)["provenance"]["digest"]
    middle = times[len(times) * 2 // 3]
    early = get(client, path, at=_instant(middle).isoformat())
    offset = early["offsets"].get(f"{topics.TXN}/0")
    assert offset is None or offset == times.index(middle)
    again = get(client, path, at_offsets=msgspec.json.encode(early["offsets"]).decode())
    assert again["provenance"]["digest"] == early["provenance"]["digest"]


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def test_the_whole_page_is_of_one_vector_and_two_replays_give_the_same_bytes(
    client: httpx.Client, lived: Past
) -> None:
    times = lived.bank.times[topics.TXN, 0]
    asked = {"at": _instant(times[-300]).isoformat()}
    first, second = (client.get("/api/v1/past", params=asked).content for _ in range(2))
    assert first == second
    body = msgspec.json.decode(first)
    for name in ("positions", "gap", "ratios", "withdrawals", "alerts", "limits"):
        one = body[name]
        assert one["offsets"].items() <= body["offsets"].items(), name
        assert client.post("/api/v1/past/replay", json={"answer": one}).json()["same"], name


def test_a_moment_is_one_of_two(client: httpx.Client) -> None:
    both = {"at": "2026-03-16T09:00Z", "at_offsets": "{}"}
    assert client.get("/api/v1/positions", params=both).status_code == 422
    assert client.get("/api/v1/positions", params={"at": "2026-03-16T09:00"}).status_code == 422
    assert client.get("/api/v1/past").status_code == 422


def test_nobody_has_folded_again_what_he_may_not_see(lived: Past) -> None:
    with client_of(lived.bank.services(), "north") as client:
        assert get(client, "/positions")["rows"] == []
        wish = {"answer": answer_of(lived, "positions")}
        assert client.post("/api/v1/past/replay", json=wish).status_code in (403, 409)
        assert client.post("/api/v1/past/replay", json={"cuts": [0]}).status_code in (403, 409)
        assert get(client, "/past", at=lived.bank.now.isoformat())["positions"]["rows"] == []


@pytest.mark.anyio
async def test_the_live_stream_carries_the_digest_that_a_request_at_its_offsets_has(lived: Past) -> None:
    ours = lived.bank.services()
    hub = Hub(ours, Metrics(ours.live))
    hub.start()
    try:
        stream = events(hub, None, None)
        state = (await anext(stream)).data
        await stream.aclose()
    finally:
        await hub.close()
    for asked in past.page_queries({})[:3]:
        body = state[asked["figure"]]
        at_offsets = past.answer(ours, asked, body["offsets"])
        if asked["figure"] != "ratios":  # the stream leaves the four positions out
            assert body["digest"] == at_offsets["provenance"]["digest"]
        assert body["digest"] == body_digest(msgspec.json.decode(msgspec.json.encode(body)))


PAGE = """
import sys, tempfile, random, hashlib, logging
from pathlib import Path
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
from itertools import islice
from pathlib import Path
import msgspec
from api import figures, past
from streams.feeds.simulated import SimulatedBank, Simulation
from tests.past_bank import PastBank
from datetime import date
source = SimulatedBank(Simulation(5, date(2026, 3, 16), 5_000, 500, treasury=True))
bank = PastBank(Path(sys.argv[1]))
bank.feed(list(islice(source.events(), source.opening_events + 300)))
bank.fold(random.Random(int(sys.argv[2])))
bank.record_cut()
bank.snapshot()
ends = {f"{topic}/{part}": len(log) for (topic, part), log in bank.logs.items() if topic in past.WHOLE_PAGE}
page = past.page(bank.services(), figures.Query((), at_offsets=ends))
print(hashlib.sha256(msgspec.json.encode(page)).hexdigest())
"""


def test_replays_in_other_processes_give_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the hash seed, the time zone, the threads, and the batches in which it was folded then."""
    surroundings = (
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "POLARS_MAX_THREADS": "1"},
        {"PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "POLARS_MAX_THREADS": "4"},
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PAGE, str(tmp_path / str(number)), str(number)],
            env=os.environ | around,
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
        )
        for number, around in enumerate(surroundings)
    ]
    told = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert len({text.split()[-1] for text in told}) == 1
