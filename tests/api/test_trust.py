"""Trust over HTTP: what is told of sources and figures, to whom, in provenance and on the live stream."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from aggregates.envelope import Principal
from api.cli.trust import tables
from api.pivots import Pivots
from api.trust import compact
from api.trust_operations import Operations, processes
from infra.deadline_policies import holiday_calendar
from infra.pivot_definition import Definition
from infra.policies import load_policy
from infra.settings import Settings
from projections.trust import Letter, Sighting
from projections.trust_judgement import FIGURES
from projections.trust_policy import SourceKey, TrustPolicy
from streams.deadletters import DeadLetter
from streams.topics import CONTRACT, TXN
from streams.trust_board import TrustBoard, expected_of, figure_name, folded_of
from streams.trust_records import letter_of, sighting
from tests.api.test_stream import stream
from tests.api_doubles import Running, running, services, verify_token

Get = Callable[..., httpx.Response]
POLICY = TrustPolicy.parse(load_policy("trust"), holiday_calendar())


class Sources:
    """A bank of two entities whose feeds a test stops, on a clock of its own."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.board = TrustBoard(POLICY, lambda: self.now)
        self.stopped: set[str] = set()
        self.ours = services(trust=self.board, verify_token=self.verify)

    def verify(self, token: str, now: datetime) -> Principal:
        return Principal("operator", ("OP",), "-", ("*",)) if token == "operator" else verify_token(token, now)

    def second(self, count: int = 1) -> None:
        for _ in range(count):
            self.now += timedelta(seconds=1)
            heard = [
                Sighting(SourceKey("entries", entity, "core"), self.now.isoformat(), self.now)
                for entity in ("NORTH", "SOUTH")
                if entity not in self.stopped
            ]
            dates = [Sighting(SourceKey("business-dates", one), None, self.now) for one in ("NORTH", "SOUTH")]
            folded = self.ours.live.read(folded_of)
            self.board.note([*heard, *dates], [], self.ours.live.read(lambda view: expected_of(view, POLICY)))
            self.board.looked(folded, folded)


@pytest.fixture(scope="module")
def one_server() -> Iterator[tuple[Sources, Running]]:
    """One application for all: making it takes longer than every test here."""
    sources = Sources()
    with running(sources.ours) as server:
        yield sources, server


@pytest.fixture
def sources(one_server: tuple[Sources, Running]) -> Sources:
    found, _ = one_server
    found.stopped.clear()
    found.second()
    return found


@pytest.fixture
def get(one_server: tuple[Sources, Running]) -> Get:
    server = one_server[1]
    return lambda path, who="all": httpx.get(
        f"http://127.0.0.1:{server.port}/api/v1{path}", headers={"Authorization": f"Bearer {who}"}
    )


def test_a_stopped_feed_is_told_with_the_figures_that_stand_on_it(sources: Sources, get: Get) -> None:
    sources.stopped.add("SOUTH")
    sources.second(9)
    body = get("/trust").json()
    state = {(one["source"], one["state"]) for one in body["sources"] if one["name"] == "entries"}
    assert state == {("entries/NORTH/core", "FRESH"), ("entries/SOUTH/core", "SILENT")}
    marked = {(one["figure"], one["entity"]) for one in body["figures"] if one["state"] == "SILENT"}
    on_entries = {figure for figure, inputs in FIGURES.items() if "entries" in inputs}
    assert marked == {(figure, entity) for figure in on_entries for entity in ("SOUTH", None)}
    assert [len(shown.rows) for shown in tables(body)] == [len(body["sources"]), len(
        [one for one in body["figures"] if one["state"] != "FRESH"]
    )]  # fmt: skip


def test_a_reader_of_one_entity_hears_of_no_other(sources: Sources, get: Get) -> None:
    sources.stopped.add("SOUTH")
    sources.second(9)
    assert "SOUTH" not in get("/trust", "north").text
    assert get("/positions", "north").json()["provenance"]["trust"]["state"] == "FRESH"


def test_a_pivot_in_a_reporting_currency_stands_on_the_rates_too() -> None:
    own, key = Sources(), SourceKey("rates", "-", "market")
    own.second()
    own.board.note([Sighting(key, None, own.now)], [Letter("tm.in.market.fx.v1/0/7", key, own.now)], [])
    own.second()
    reader = Principal("operator", ("OP",), "-", ("*",))
    asked = {"source": "positions", "rows": ["currency"], "measures": ["sum(position)"]}

    def mark(**more: str) -> object:
        return Pivots(2, 30).run(own.ours, Definition.of(asked | more), reader).body["provenance"]["trust"]

    assert mark(reporting_currency="EUR") == {"state": "DAMAGED", "sources": ["rates/market"]}
    assert mark() == {"state": "FRESH", "sources": []}


def test_an_answer_carries_its_mark_and_one_of_the_past_does_not(sources: Sources, get: Get) -> None:
    sources.stopped.add("SOUTH")
    sources.second(9)
    found = get("/positions?by=entity,currency").json()
    assert found["provenance"]["trust"] == {"state": "SILENT", "sources": ["entries/SOUTH/core"]}
    own = get("/positions?entity=NORTH").json()
    assert own["provenance"]["trust"] == {"state": "FRESH", "sources": []}
    assert sources.board.is_present(found["offsets"])
    assert not sources.board.is_present({place: 0 for place in found["offsets"]})


def test_the_stream_tells_when_something_turned_and_when_it_recovered(
    sources: Sources, one_server: tuple[Sources, Running]
) -> None:
    with stream(one_server[1]) as open_stream:
        assert {one["state"] for one in open_stream.next("trust").data["sources"]} == {"FRESH"}
        sources.stopped.add("NORTH")
        sources.second(9)
        told = [open_stream.next("trust").data]
        while told[-1]["version"] < sources.board.version:
            told.append(open_stream.next("trust").data)
        assert {one["source"] for one in told[-1]["sources"] if one["state"] == "SILENT"} == {"entries/NORTH/core"}
        sources.stopped.clear()
        sources.second()
        assert {one["state"] for one in open_stream.next("trust").data["sources"]} == {"FRESH"}


def test_who_asks_notices_that_nobody_looks_at_the_logs_any_more(sources: Sources, get: Get) -> None:
    sources.now += timedelta(seconds=6)
    assert get("/positions").json()["provenance"]["trust"]["state"] == "UNKNOWN"


def test_without_a_board_an_answer_has_no_mark() -> None:
    assert compact(services(), {"figure": "positions"}, {}) is None


@pytest.mark.parametrize(
    ("asked", "figure"),
    [
        ("positions", "positions"), ("gap/stressed/mild/abc", "gap"), ("ratios/lcr", "consolidated-lcr"),
        ("ratios", "consolidated-lcr"), ("reports/daily", "limits"), ("contracts", None),
    ],
)  # fmt: skip
def test_names_of_answers_lead_to_figures(asked: str, figure: str | None) -> None:
    assert figure_name(asked) == figure


def test_a_record_says_whose_it_is() -> None:
    value = b'{"txn_id":"1","entity_id":"NORTH","source_system":"core","event_time":"2026-11-22T12:00:00Z"}'
    found = sighting(POLICY.inputs[TXN], value, 1_000, {"tm_retry_of": b"a/0/1"})
    assert found == Sighting(
        SourceKey("entries", "NORTH", "core"), "2026-11-22T12:00:00Z", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        None, "a/0/1",
    )  # fmt: skip
    assert sighting(POLICY.inputs[TXN], b"{broken", 1_000, {}) is None


def refused(topic: str, value: bytes) -> DeadLetter:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return DeadLetter(f"{topic}/0/1", topic, 0, 1, "not JSON", "", value, 0, at)


def test_a_dead_letter_is_its_records_sources_as_far_as_it_can_be_read() -> None:
    named = letter_of(refused(CONTRACT, b'{"entity_id":"NORTH","source_system":"core"}'), POLICY.inputs)
    assert named is not None
    assert named.source == SourceKey("contracts", "NORTH", "core")
    odd = letter_of(
        refused(CONTRACT, b'{"entity_id":"' + b"N" * 99 + b'","source_system":"a\\u0007"}'), POLICY.inputs
    )
    assert odd is not None
    assert odd.source == SourceKey("contracts")
    assert letter_of(refused("tm.in.workflow.command.v1", b""), POLICY.inputs) is None


def test_operations_are_told_to_operators(get: Get, tmp_path: Path) -> None:
    sources = Sources()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api.json").write_text('{"pid": 1, "port": 80}')
    (tmp_path / "run" / "worker-999999999.json").write_text("{}")
    told = list(processes(tmp_path / "run"))
    assert told == [
        {"process": "api", "pid": 1, "running": True},
        {"process": "worker", "pid": 999_999_999, "running": False},
    ]
    sources.board.note([], [Letter("x/0/1", SourceKey("entries", "NORTH", "core"), sources.now)], [])
    settings = Settings.model_validate({"data_dir": tmp_path})
    body = Operations(settings).body(sources.ours)
    assert body["processes"] == told
    assert body["dead_letters"]["total"] == 1
    assert body["readiness"]["ready"] is True
    assert not body["snapshots"]["present"]
    assert get("/operations").status_code == 403
    answer = get("/operations", "operator")
    assert answer.status_code == 503  # it does not know its files
