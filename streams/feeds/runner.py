"""Drives a feed into Kafka: paces it, stores its cursor, stops cleanly, goes on where it stopped.

The generators know no clock; this does, and only to pace: nothing that it measures reaches a record.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from engines.primitives.errors import InvalidInput
from streams.feeds.cursor import Cursor
from streams.feeds.event import Event
from streams.producer import Headers, encode, headers_of

SAVE_INTERVAL_S = 1.0
PROGRESS_INTERVAL_S = 0.2
#: How far a feed may run ahead of its stored cursor, in events.
AHEAD_MAX = 200_000
_PACE_STEP_S = 0.005
_LOOK_EVERY = 500


class Sink(Protocol):
    """What a feed needs of `streams.producer.RecordProducer`."""

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None: ...

    def poll(self, timeout_s: float = 0.0) -> None: ...

    def flush(self, timeout_s: float = 30.0) -> None: ...


@dataclass(frozen=True, slots=True)
class FeedResult:
    """`produced` events in this run, of which all are delivered; `index` is where the next run begins."""

    produced: int
    index: int
    seconds: float
    stopped: bool


def run_feed(
    events: Iterable[Event],
    producer: Sink,
    cursor: Cursor,
    *,
    rate: float | None = None,
    count: int | None = None,
    first_index: int = 0,
    unpaced_below: int = 0,
    source: str = "/tidemark/feed",
    on_progress: Callable[[int], None] | None = None,
    stop: threading.Event | None = None,
) -> FeedResult:
    """Produce `events` from the cursor on.

    Args:
        events: in the feed's fixed order; the first one has index `first_index`, and those below the cursor's
            index are passed over.
        rate: events per second; None is as fast as it goes.
        count: at most this many events in this run.
        unpaced_below: events below this index go as fast as they can (opening balances).
        source: CloudEvents source of the records.
        on_progress: told the next index a few times a second and at the end.
        stop: once set, what has been sent is flushed, the cursor stored, and the call returns.
    Raises:
        Unavailable: a record was not delivered; the cursor stays where everything before it was.
        InvalidInput: rate or count out of range, a record above the limit, or events beginning after the
            cursor.
    """
    if rate is not None and not rate > 0:
        raise InvalidInput("the rate must be above 0 events per second", field="rate")
    if count is not None and count < 0:
        raise InvalidInput("the count must not be negative", field="count")
    if first_index > cursor.index:
        raise InvalidInput("the events begin after the cursor", field="first_index", cursor=cursor.index)
    end = None if count is None else cursor.index + count
    run = _Run(producer, cursor, rate, unpaced_below, end, on_progress, stop or threading.Event())
    wanted = islice(events, cursor.index - first_index, None if count is None else cursor.index - first_index + count)
    return run.drive(wanted, source.encode())


class _Run:
    def __init__(  # made in one place, a few lines above
        self,
        producer: Sink,
        cursor: Cursor,
        rate: float | None,
        unpaced_below: int,
        end: int | None,
        on_progress: Callable[[int], None] | None,
        stop: threading.Event,
    ) -> None:
        self._producer, self._cursor, self._rate, self._stop = producer, cursor, rate, stop
        self._on_progress = on_progress
        self._index = self._start = cursor.index
        self._end = end
        self._sent_before = cursor.ceiling  # a run that crashed may have sent as far as this
        self._ceiling = cursor.ceiling
        self._paced_from = max(self._start, unpaced_below)
        self._paced_since: float | None = None
        self._ahead = AHEAD_MAX if rate is None else int(max(2 * _LOOK_EVERY, min(AHEAD_MAX, 4 * rate)))
        self._saved_at = self._told_at = self._began = time.monotonic()

    def drive(self, events: Iterable[Event], source: bytes) -> FeedResult:
        send, look_at = self._producer.send, self._start
        for topic, key, record in events:
            if self._index >= look_at:
                look_at = self._look()
                if self._stop.is_set():
                    break
            send(topic, key, encode(record), headers_of(topic, record, source))
            self._index += 1
        self._producer.flush()
        self._cursor.save(self._index, max(self._index, self._sent_before))
        if self._on_progress:
            self._on_progress(self._index)
        seconds = time.monotonic() - self._began
        return FeedResult(self._index - self._start, self._index, seconds, self._stop.is_set())

    def _look(self) -> int:
        """Save, tell, wait for the pace; returns the index at which to look up again."""
        now = time.monotonic()
        if now - self._saved_at >= SAVE_INTERVAL_S or self._index >= self._ceiling:
            self._producer.flush()
            ahead = self._index + self._ahead
            self._ceiling = max(self._ceiling, ahead if self._end is None else min(ahead, self._end))
            self._cursor.save(self._index, self._ceiling)
            self._saved_at = now
        if self._on_progress and now - self._told_at >= PROGRESS_INTERVAL_S:
            self._on_progress(self._index)
            self._told_at = now
        look_at = min(self._index + _LOOK_EVERY, self._ceiling)
        if self._rate is None:
            return look_at
        if self._index < self._paced_from:
            return min(look_at, self._paced_from)
        return min(look_at, self._wait(self._rate))

    def _wait(self, rate: float) -> int:
        """Wait until the next event is due, or the stop; returns the first index that is not due."""
        since = self._paced_since = time.monotonic() if self._paced_since is None else self._paced_since
        while True:
            elapsed = time.monotonic() - since
            due = self._paced_from + int(elapsed * rate) + 1
            if due > self._index or self._stop.is_set():
                return due
            self._producer.poll()
            self._stop.wait(max(_PACE_STEP_S, (self._index - self._paced_from) / rate - elapsed))
