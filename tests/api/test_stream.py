"""The live stream over a real port: state first, changes after, no alert twice and none missing, a prompt stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.services import Services
from streams.topics import ALERT, GAP, POSITION
from streams.views import RiskView
from streams.views_live import LiveView
from tests.api_doubles import Running, running, services
from tests.conftest import REPOSITORY
from tests.risk_records import alert, business_date, cut, gap_flow, position
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Got:
    name: str
    data: Any
    id: str


class Stream:
    """Reads events of an open answer; `id` is kept as a browser keeps it."""

    def __init__(self, answer: httpx.Response, last_id: str) -> None:
        self._lines = answer.iter_lines()
        self.id = last_id
        self.comments: list[str] = []

    def next(self, *names: str) -> Got:
        """The next event, or the next of these names."""
        for event in self:
            if not names or event.name in names:
                return event
        raise AssertionError("the stream ended")

    def __iter__(self) -> Iterator[Got]:
        name = data = ""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(line)
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif field == "id":
                self.id = value
            elif not line and data:
                yield Got(name, json.loads(data), self.id)
                name = data = ""


@contextmanager
def stream(server: Running, last_id: str = "", who: str = "all") -> Iterator[Stream]:
    headers = {"Authorization": f"Bearer {who}"} | ({"Last-Event-ID": last_id} if last_id else {})
    address = f"{server.address}/api/v1/stream"
    timeout = httpx.Timeout(10.0)
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("GET", address, headers=headers, timeout=timeout) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.headers
        yield Stream(answer, last_id)


@pytest.fixture
def ours() -> Services:
    return services(positions_interval_s=0.01)


@pytest.fixture
def server(ours: Services) -> Iterator[Running]:
    with running(ours) as found:
        yield found


def ids(state: Got) -> list[str]:
    return [found["alert_id"] for found in state.data["alerts"]]


def test_a_fresh_client_gets_the_state_then_what_changes(server: Running, ours: Services) -> None:
    with stream(server) as events:
        state = events.next()
        assert (state.name, state.id) == ("state", "0:3,1:0")
        assert ids(state)[0] == "alert-0-3"
        rows = {(r["entity"], r["currency"]): r["position"] for r in state.data["positions"]["rows"]}
        assert rows == {("NORTH", "EUR"): "123.45", ("NORTH", "JPY"): "-45", ("SOUTH", "EUR"): "0.99"}
        assert len(state.data["gap"]["buckets"]) == 12

        ours.live.feed([position(9, 20_000), cut(POSITION, 9)])
        changed = events.next()
        assert changed.name == "positions"
        assert [(r["entity"], r["position"]) for r in changed.data["rows"]] == [("NORTH", "200.00")]
        assert changed.data["offsets"]["tm.in.core.txn.v1/0"] == 9

        ours.live.feed([gap_flow(4, "2026-11-30", 0, 100), cut(GAP, 4)])
        changed = events.next()
        assert (changed.name, len(changed.data["rows"])) == ("gap", 12)
        assert "buckets" not in changed.data

        ours.live.feed([alert(12, 4), cut(ALERT, 12)])
        raised = events.next()
        assert (raised.name, raised.id, raised.data["alert_id"]) == ("alert", "0:4,1:0", "alert-0-4")


def test_a_cut_that_moves_no_row_still_moves_the_offsets(server: Running, ours: Services) -> None:
    with stream(server) as events:
        events.next("state")
        ours.live.feed([cut(POSITION, 8)])
        moved = events.next()
        assert (moved.name, moved.data["rows"]) == ("positions", [])
        assert moved.data["offsets"]["tm.in.core.txn.v1/0"] == 8


def test_a_new_business_date_moves_figures_without_any_entry(server: Running, ours: Services) -> None:
    with stream(server) as events:
        events.next("state")
        ours.live.feed([business_date(2, "SOUTH", "2026-11-21")])
        changed = events.next("positions")
        assert [(r["entity"], r["position"], r["as_of"]) for r in changed.data["rows"]] == [
            ("SOUTH", "0.00", "2026-11-21")
        ]


def test_a_client_sees_its_own_entities_only(server: Running, ours: Services) -> None:
    with stream(server, who="north") as events:
        state = events.next()
        assert {row["entity"] for row in state.data["positions"]["rows"]} == {"NORTH"}
        assert {row["entity"] for row in state.data["gap"]["rows"]} == {"NORTH"}
        assert {found["entity"] for found in state.data["alerts"]} == {"NORTH"}
        ours.live.feed([alert(9, 1, partition=1, entity="SOUTH"), cut(ALERT, 9, partition=1)])
        ours.live.feed([alert(12, 4), cut(ALERT, 12)])
        raised = events.next("alert")
        assert raised.data["alert_id"] == "alert-0-4"
        assert raised.id == "0:4,1:1"  # the other entity's alert is behind it too


def test_resuming_gives_the_missed_alerts_first_and_then_all_rows(server: Running) -> None:
    with stream(server, "0:1") as events:
        missed = [events.next() for _ in range(3)]
        assert [(event.name, event.data["alert_id"]) for event in missed] == [
            ("alert", "alert-0-2"),
            ("alert", "alert-0-3"),
            ("alert", "alert-1-0"),
        ]
        assert [event.id for event in missed] == ["0:2", "0:3", "0:3,1:0"]
        rows = events.next()
        assert (rows.name, len(rows.data["rows"]), rows.id) == ("positions", 3, "0:3,1:0")
        assert events.next().name == "gap"


def test_resuming_by_query_works_where_no_header_can_be_set(server: Running) -> None:
    address = f"{server.address}/api/v1/stream?last_event_id=0:2,1:0"
    headers = {"Authorization": "Bearer all"}
    with httpx.Client(trust_env=False) as client, client.stream("GET", address, headers=headers) as answer:
        assert Stream(answer, "").next().data["alert_id"] == "alert-0-3"


def test_a_vector_ahead_of_the_view_gets_a_state_instead(server: Running) -> None:
    with stream(server, "0:99") as events:
        state = events.next()
        assert (state.name, state.id) == ("state", "0:3,1:0")


def test_a_vector_slightly_ahead_waits_for_the_view(server: Running, ours: Services) -> None:
    with stream(server, "0:4,1:0") as events:
        ours.live.feed([alert(12, 4), alert(13, 5), cut(ALERT, 13)])
        raised = events.next()
        assert (raised.name, raised.data["sequence"]) == ("alert", 5)


def test_before_the_first_alert_there_is_an_id_to_resume_from() -> None:
    live = LiveView()
    live.set_status(ready=True)
    with running(services(live)) as server:
        with stream(server) as events:
            last_id = events.next("state").id
        live.feed([alert(n + 1, n, partition=p) for p in (0, 2) for n in range(60)])
        live.feed([cut(ALERT, 60), cut(ALERT, 60, partition=2)])
        with stream(server, last_id) as events:
            got = [events.next("alert").data["alert_id"] for _ in range(120)]
        assert sorted(got) == sorted(f"alert-{p}-{n}" for p in (0, 2) for n in range(60))


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=30),
    st.lists(st.integers(1, 12), max_size=4),
)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_over_any_breaks_every_alert_arrives_once(server: Running, partitions: list[int], reads: list[int]) -> None:
    """A client that breaks off again and again while alerts are raised, against the whole list."""
    live = server.app.state.services.live
    view = RiskView()
    live.replace(view)
    sequences = dict.fromkeys(range(3), 0)
    expected: list[tuple[int, int]] = []
    got: list[tuple[int, int]] = []
    last_id = "0:-1"

    def take(events: Stream, count: int) -> None:
        for _ in range(min(count, len(expected) - len(got))):
            found = events.next("alert").data
            got.append((found["source"]["partition"], found["sequence"]))

    for number, partition in enumerate(partitions):
        sequence = sequences[partition]
        sequences[partition] += 1
        expected.append((partition, sequence))
        live.feed([alert(sequence + 1, sequence, partition=partition), cut(ALERT, sequence + 1, partition=partition)])
        if number < len(reads):
            with stream(server, last_id) as events:
                take(events, reads[number])
                last_id = events.id
    with stream(server, last_id) as events:
        take(events, len(expected))
    assert sorted(got) == sorted(expected)


def test_alerts_keep_coming_when_the_view_is_built_anew_from_the_same_log(server: Running, ours: Services) -> None:
    with stream(server) as events:
        events.next("state")
        again = LiveView()
        again.feed([alert(2 * n + 1, n) for n in range(70)] + [cut(ALERT, 200)])
        again.feed([alert(4, 0, partition=1, entity="SOUTH"), cut(ALERT, 4, partition=1)])
        ours.live.replace(again.read(lambda view: view))
        # More than a state shows, so that only events can bring them all.
        got = [events.next("alert").data["sequence"] for _ in range(66)]
        assert got == list(range(4, 70))
        assert events.next().name == "state"


def test_another_log_brings_a_new_state(server: Running, ours: Services) -> None:
    with stream(server) as events:
        events.next("state")
        ours.live.feed([alert(1, 0, log="new", alert_id="fresh"), cut(ALERT, 1, log="new")])
        state = events.next()
        assert (state.name, state.id) == ("state", "0:0,1:0")
        assert ids(state) == ["alert-1-0", "fresh"] or set(ids(state)) == {"alert-1-0", "fresh"}
        ours.live.feed([alert(2, 1, log="new", alert_id="second"), cut(ALERT, 2, log="new")])
        assert events.next("alert").data["alert_id"] == "second"


def test_a_stream_waits_for_readiness_with_heartbeats() -> None:
    live = LiveView()
    with running(services(live, heartbeat_s=0.05)) as server, stream(server) as events:

        def ready_after_two() -> None:
            while events.comments.count(": heartbeat") < 2:
                time.sleep(0.01)
            live.set_status(ready=True)

        threading.Thread(target=ready_after_two, daemon=True).start()
        assert events.next().name == "state"


def test_positions_are_conflated_and_end_at_the_newest() -> None:
    ours = services(positions_interval_s=0.1)
    with running(ours) as server, stream(server) as events:
        events.next("state")
        for offset in range(10, 210):
            ours.live.feed([position(offset, offset * 100), cut(POSITION, offset)])
        seen = 0
        while events.next("positions").data["rows"][0]["position"] != "209.00":
            seen += 1
        assert seen < 20


def test_a_client_that_takes_nothing_is_closed_and_the_others_go_on() -> None:
    ours = services(stalled_client_s=2, positions_interval_s=0.01)
    with running(ours) as server:
        stuck = socket.create_connection(("127.0.0.1", server.port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\n\r\n")
        with stream(server) as events:
            events.next("state")
            wanted, closed = 4, server.app.state.metrics.stream_stalled._value
            for _ in range(60):  # some 30 MB: more than sockets and transports hold
                fresh = [alert(n + 1, n) for n in range(wanted, wanted + 400)]
                ours.live.feed([*fresh, cut(ALERT, wanted + 401)])
                for number in range(wanted, wanted + 400):
                    assert events.next("alert").data["sequence"] == number
                wanted += 400
                if closed.get() > 0:
                    break
            until(lambda: closed.get() > 0)
            ours.live.feed([alert(wanted + 1, wanted), cut(ALERT, wanted + 2)])
            assert events.next("alert").data["sequence"] == wanted
        stuck.close()


def test_too_many_clients_are_turned_away() -> None:
    with running(services(stream_clients_max=1)) as server, stream(server) as events:
        events.next("state")
        answer = httpx.get(
            f"{server.address}/api/v1/stream", headers={"Authorization": "Bearer all"}, trust_env=False
        )
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_client_that_leaves_is_forgotten(server: Running) -> None:
    gone = threading.Event()
    hub = server.app.state.hub
    leave = hub.leave

    def left(wake: Any) -> None:
        leave(wake)
        gone.set()

    hub.leave = left
    with stream(server) as events:
        events.next("state")
    assert gone.wait(10)
    assert hub.metrics.stream_clients._value.get() == 0


def test_sigterm_ends_open_streams_and_the_process_at_once() -> None:
    program = """
import sys
from api.app import create_app
from api.server import serve
from tests.api_doubles import services
serve(create_app(services()), "127.0.0.1", 0, lambda port: print(port, flush=True))
print("closed", flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=os.environ | {}
    )
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        headers = {"Authorization": "Bearer all"}
        address = f"http://127.0.0.1:{port}/api/v1/stream"
        with httpx.Client(trust_env=False) as client, client.stream("GET", address, headers=headers) as answer:
            events = Stream(answer, "")
            events.next("state")
            child.send_signal(signal.SIGTERM)
            assert list(events) == []  # a clean end, not a broken connection
        # A stream that we did not end would have broken off above; how long Python takes to go is the host's matter.
        assert child.wait(timeout=60) == 0
        assert child.stdout.read() == "closed\n"
    finally:
        child.kill()
        child.wait()
