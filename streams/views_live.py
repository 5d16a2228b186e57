"""The live view, fed from Kafka by a thread and shared with the API.

The thread assigns itself all partitions of the view's topics from their beginning: no group, no commits,
since the whole state is rebuilt from the compacted topics in seconds. It is caught up when it has reached
the end offsets of the moment it started. If it loses its place (topic made anew, log cut off) it builds
another view from the start and swaps it in once that has caught up. Not for figures: `RiskView` has those.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from streams.topics import POSITION, TXN
from streams.views import VIEW_TOPICS, Changes, RiskView
from streams.views_wire import Record

log = structlog.get_logger()
CLIENT_LOG = logging.getLogger("tidemark.kafka_client")  # librdkafka's own lines
GROUP = "tidemark-view"  # librdkafka wants a name; nothing is ever committed under it
T = TypeVar("T")
Listener = Callable[[Changes], None]

#: Low latency before throughput: each request asks for every partition, so that the broker answers with the first
#: record of any, however long it may wait where there is none; and a full queue is drained at once (the
#: default back-off of a second costs a factor of three when queues fill).
CONSUMER: dict[str, str | int | float | bool] = {
    "group.id": GROUP,
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "check.crcs": True,
    "fetch.wait.max.ms": 250,
    "fetch.queue.backoff.ms": 5,
    "fetch.error.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1_000,
    "queued.max.messages.kbytes": 65_536,
}
RECORDS_MAX = 2_000  # taken under the lock in one go: some 10 ms
POLL_S = 0.1
LAG_INTERVAL_S = 1.0
RETRY_S = 0.5
SILENCE_S = 3.0  # a moved leader answers sooner


@dataclass(frozen=True, slots=True)
class Status:
    """How far the view is. `reason` is empty when it is ready."""

    ready: bool
    reason: str
    records_behind: int = 0  # records of the view's own topics still to read before it counts as caught up
    warning: str = ""  # what does not stop us from answering, but should be known


class LiveView:
    """One `RiskView` behind a lock, and who wants to know of its changes. Thread-safe."""

    def __init__(self) -> None:
        self._view = RiskView()
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._status = Status(ready=False, reason="the view has not read its topics yet")
        self._source_ends: dict[str, int] = {}

    def read(self, ask: Callable[[RiskView], T]) -> T:
        """`ask(view)` while nothing is applied: everything it returns comes from one cut."""
        with self._lock:
            return ask(self._view)

    def feed(self, records: Iterable[Record]) -> None:
        """Apply records and tell the listeners, on this thread, what whole ticks have changed."""
        with self._lock:
            for record in records:
                self._view.apply(record)
            changes = self._view.take_changes()
            listeners = tuple(self._listeners)
        if changes:
            for listener in listeners:
                listener(changes)

    def replace(self, view: RiskView) -> None:
        """Serve another view from now on."""
        with self._lock:
            self._view = view
            view.take_changes()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(Changes(reset=True))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each change, on the thread that made it; returns how to stop that."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    @property
    def status(self) -> Status:
        return self._status

    def set_status(self, *, ready: bool, reason: str = "", records_behind: int = 0) -> None:
        """Listeners hear of it when readiness turns: a stream that waits for figures waits for a change."""
        turned = ready != self._status.ready
        self._status = replace(self._status, ready=ready, reason=reason, records_behind=records_behind)
        if turned:
            with self._lock:
                listeners = tuple(self._listeners)
            for listener in listeners:
                listener(Changes(reset=True))

    def warn(self, warning: str) -> None:
        self._status = replace(self._status, warning=warning)

    def note_source_ends(self, ends: Mapping[str, int]) -> None:
        """End offsets of the txn log, {"topic/partition": end}, as of now."""
        self._source_ends = dict(ends)

    def lag_records_of(self, offsets: Mapping[str, int]) -> int:
        """Entries in the txn log that are beyond this cut, by the end offsets of about a second ago."""
        return sum(max(0, end - offsets.get(place, 0)) for place, end in self._source_ends.items())

    def lag_records(self) -> int:
        """Entries in the txn log that are not in the live positions yet."""
        return self.lag_records_of(self.read(lambda view: view.offsets(POSITION)))


class ViewReader:
    """The thread that feeds a LiveView from Kafka. `start`, then `stop`; it retries by itself in between."""

    def __init__(self, live: LiveView, kafka: Mapping[str, str | int | float | bool]) -> None:
        """`kafka`: librdkafka's connection properties (`bootstrap.servers`, security)."""
        self._live = live
        self._kafka: dict[str, str | int | float | bool] = dict(kafka)
        self._stopping = threading.Event()
        self._position: dict[tuple[str, int], int] = {}
        self._threads = [
            threading.Thread(target=self._run, name="view-reader", daemon=True),
            threading.Thread(target=self._watch_lag, name="view-lag", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def _run(self) -> None:
        first = True
        while not self._stopping.is_set():
            consumer = Consumer(self._kafka | CONSUMER, logger=CLIENT_LOG)
            try:
                self._follow(consumer, fresh=not first)
            except KafkaException as error:
                log.warning("view_reader_failed", error=str(error))
                self._live.set_status(ready=False, reason=f"the view lost Kafka and starts again: {error}")
                self._stopping.wait(RETRY_S)
            finally:
                consumer.close()
            first = False

    def _follow(self, consumer: Consumer, *, fresh: bool) -> None:
        ends = self._ends(consumer)
        if ends is None:
            return
        # A second view is filled aside: the figures served so far stay until it has caught up.
        target = LiveView() if fresh else self._live
        self._position = dict.fromkeys(ends, 0)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        caught_up = False
        while not self._stopping.is_set():
            records = self._poll(consumer)
            if records:
                target.feed(records)
            if not caught_up:
                behind = sum(max(0, end - self._position[place]) for place, end in ends.items())
                caught_up = behind == 0
                if caught_up and fresh:
                    self._live.replace(target.read(lambda view: view))
                    target = self._live
                reason = "" if caught_up else f"the view is still reading its topics, {behind} records to go"
                self._live.set_status(ready=caught_up, reason=reason, records_behind=behind)
                if caught_up:
                    log.info("view_caught_up", partitions=len(ends))

    def _poll(self, consumer: Consumer) -> list[Record]:
        records: list[Record] = []
        # `consume` sits out its whole time limit unless it gets all it asked for: wait for one, then take
        # what is there.
        first = consumer.poll(POLL_S)
        if first is None:
            return records
        for message in (first, *consumer.consume(RECORDS_MAX, 0)):
            error = message.error()
            place = (message.topic() or "", message.partition() or 0)
            offset = message.offset() or 0
            if error is None:
                self._position[place] = offset + 1
                records.append(Record(*place, offset, message.key() or b"", message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._position[place] = offset  # also past what leaves no record: markers, compaction
            elif error.code() == KafkaError._AUTO_OFFSET_RESET or error.fatal():
                raise KafkaException(error)
        return records

    def _ends(self, consumer: Consumer) -> dict[tuple[str, int], int] | None:
        """End offsets of all partitions of the view's topics, once they all exist; None: told to stop."""
        while not self._stopping.is_set():
            try:
                topics = consumer.list_topics(timeout=5).topics
                missing = [topic for topic in VIEW_TOPICS if topic not in topics or topics[topic].error]
                if not missing:
                    places = [(topic, partition) for topic in VIEW_TOPICS for partition in topics[topic].partitions]
                    return {
                        place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=5)[1]
                        for place in places
                    }
                reason = f"waiting for topic {missing[0]}"
            except KafkaException as error:
                reason = f"Kafka does not answer: {error.args[0].name() if error.args else error}"
            self._live.set_status(ready=False, reason=reason)
            self._stopping.wait(RETRY_S)
        return None

    # -- how far behind the sources ------------------------------------------------------------------------

    def _watch_lag(self) -> None:
        consumer = Consumer(self._kafka | {"group.id": GROUP, "enable.auto.commit": False}, logger=CLIENT_LOG)
        places: list[TopicPartition] = []
        heard_at = monotonic()
        while not self._stopping.wait(LAG_INTERVAL_S):
            try:
                if not places:
                    topic = consumer.list_topics(TXN, timeout=5).topics[TXN]
                    places = [TopicPartition(TXN, partition) for partition in topic.partitions]
                ends = {
                    f"{TXN}/{place.partition}": consumer.get_watermark_offsets(place, timeout=5)[1]
                    for place in places
                }
            except KafkaException as error:
                silent_s = monotonic() - heard_at
                log.debug("view_lag_unknown", error=str(error))
                if silent_s > SILENCE_S:
                    self._live.warn(f"Kafka has not answered for {silent_s:.0f} s: figures stand still")
                continue
            heard_at = monotonic()
            self._live.warn("")
            self._live.note_source_ends(ends)
        consumer.close()
