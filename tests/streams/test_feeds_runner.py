"""Pace, stop, crash and resume of the feed runner, against a sink of our own."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput, Unavailable
from streams import topics
from streams.feeds.cursor import Cursor
from streams.feeds.event import Event
from streams.feeds.runner import run_feed
from streams.producer import Headers
from streams.schemas import BusinessDate


class Memory:
    """A topic in memory, which can fail at flushing from the nth record on."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.values: list[bytes] = []
        self.fails_at = fails_at

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
        assert headers is not None
        self.values.append(value)

    def poll(self, timeout_s: float = 0.0) -> None:
        pass

    def flush(self, timeout_s: float = 30.0) -> None:
        if self.fails_at is not None and len(self.values) >= self.fails_at:
            raise Unavailable("the broker is gone")


def dates(count: int, first: int = 0) -> Iterator[Event]:
    for i in range(first, count):
        record = BusinessDate(entity_id=f"E{i}", business_date="2026-03-02", event_time="2026-03-02T00:00:00Z")
        yield Event(topics.BUSINESS_DATE, b"E", record)


def cursor(directory: Path) -> Cursor:
    return Cursor.open(directory, "test", seed=1, run_id="r")


def test_a_second_run_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    sink = Memory()
    first = run_feed(dates(5_000), sink, cursor(tmp_path), count=1_200)
    assert (first.produced, first.index, first.stopped) == (1_200, 1_200, False)
    second = run_feed(dates(5_000), sink, cursor(tmp_path))
    assert (second.produced, second.index) == (3_800, 5_000)
    assert len(sink.values) == len(set(sink.values)) == 5_000
    assert run_feed(dates(5_000), sink, cursor(tmp_path)).produced == 0


def test_a_feed_that_begins_at_the_cursor_is_not_skipped_again(tmp_path: Path) -> None:
    sink = Memory()
    run_feed(dates(100), sink, cursor(tmp_path), count=40)
    run_feed(dates(100, first=30), sink, cursor(tmp_path), first_index=30)
    assert len(sink.values) == len(set(sink.values)) == 100
    with pytest.raises(InvalidInput):
        run_feed(dates(200, first=150), sink, cursor(tmp_path), first_index=150)


def test_a_crash_repeats_equal_records_and_loses_none(tmp_path: Path) -> None:
    broken = Memory(fails_at=700)
    with pytest.raises(Unavailable):
        run_feed(dates(1_000), broken, cursor(tmp_path))
    assert cursor(tmp_path).index == 0
    assert cursor(tmp_path).ceiling >= len(broken.values)
    after = Memory()
    run_feed(dates(1_000), after, cursor(tmp_path))
    assert after.values[: len(broken.values)] == broken.values
    assert len(after.values) == 1_000


def test_the_ceiling_stands_above_all_that_was_sent_until_a_clean_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    class Looking(Memory):
        def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
            super().send(topic, key, value, headers)
            seen.append((len(self.values), cursor(tmp_path).ceiling))

    run_feed(dates(1_500), Looking(), cursor(tmp_path), rate=100_000.0)
    assert all(sent <= ceiling for sent, ceiling in seen)
    assert (cursor(tmp_path).index, cursor(tmp_path).ceiling) == (1_500, 1_500)


def test_the_ceiling_never_passes_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        run_feed(dates(5_000), Memory(fails_at=900), cursor(tmp_path), count=1_000)
    assert cursor(tmp_path).ceiling == 1_000


def test_the_pace_is_kept_and_openings_are_not_paced(tmp_path: Path) -> None:
    began = time.monotonic()
    result = run_feed(dates(20_100), Memory(), cursor(tmp_path), rate=500.0, unpaced_below=20_000)
    seconds = time.monotonic() - began
    assert result.produced == 20_100
    assert 0.19 <= seconds < 30, "100 paced events at 500 a second take 0.2 s, 20,100 would take 40"


def test_a_stop_ends_a_slow_feed_at_once_and_cleanly(tmp_path: Path) -> None:
    stop = threading.Event()

    class Waiting(Memory):
        def poll(self, timeout_s: float = 0.0) -> None:  # asked before it waits, here for a quarter of an hour
            threading.Timer(0.1, stop.set).start()

    told, sink = list[int](), Waiting()
    result = run_feed(dates(10), sink, cursor(tmp_path), rate=0.001, stop=stop, on_progress=told.append)
    assert result.stopped
    assert result.produced == 1 == len(sink.values) == cursor(tmp_path).index
    assert told[-1] == 1


@pytest.mark.parametrize("arguments", [{"rate": 0.0}, {"rate": float("nan")}, {"count": -1}])
def test_senseless_options_are_refused(tmp_path: Path, arguments: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        run_feed(dates(1), Memory(), cursor(tmp_path), **arguments)  # type: ignore[arg-type]
