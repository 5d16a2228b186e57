"""The thread that looks at the inbound logs: where they end, and whose the newest records are.

It does not read all: of each partition the newest `sample_records` since the last look, so that heavy traffic costs
no more. A source that has less than a thousandth of a partition's records may then go unseen for a while, and wants a
longer rhythm in the policy. Not for judging: `streams.trust_board`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import TidemarkError
from infra.kafka.admin import log_bounds
from projections.trust import Letter, Sighting
from streams.deadletters import parse
from streams.topics import DEAD_LETTER
from streams.trust_board import LETTERS_MAX, TrustBoard, expected_of, folded_of
from streams.trust_records import letter_of, sighting
from streams.views_live import LiveView

log = structlog.get_logger()

READ_S = 1.0  # a look ends by then, read or not: the next one goes on
ANSWER_S = 2.0
Place = tuple[str, int]
#: Small: what is fetched ahead of a look's end is thrown away.
CONSUMER: Mapping[str, str | int | float | bool] = {
    "group.id": "tidemark-trust",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 20,
    "max.partition.fetch.bytes": 262_144,
    "queued.max.messages.kbytes": 1_024,
    "fetch.queue.backoff.ms": 5,
}


def both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    """One call for two parts that start, or stop, together."""

    def run() -> None:
        first()
        second()

    return run


class TrustReader:
    """`start`, then `stop`. It tries again by itself; meanwhile the board says that it is blind."""

    def __init__(
        self,
        live: LiveView,
        board: TrustBoard,
        kafka: Mapping[str, str | int | float | bool],
        dead_letters: str = DEAD_LETTER,
    ) -> None:
        """`kafka`: librdkafka's connection properties."""
        self._live, self._board, self._kafka, self._dead_letters = live, board, dict(kafka), dead_letters
        self._position: dict[Place, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trust-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            consumer = Consumer(self._kafka | dict(CONSUMER))
            try:
                admin = AdminClient(self._kafka)
                while not self._stopping.is_set():
                    began = monotonic()
                    self.look(consumer, admin)
                    self._board.refresh()
                    self._stopping.wait(max(0.0, self._board.policy.look_s - (monotonic() - began)))
            except (KafkaException, TidemarkError) as error:
                log.debug("trust_reader_failed", error=str(error))
                self._board.refresh()
                self._stopping.wait(self._board.policy.look_s)
            finally:
                consumer.close()

    def look(self, consumer: Consumer, admin: AdminClient) -> None:
        """One look at every log. Raises KafkaException, Unavailable, NotFound: it could not be done."""
        inputs = self._board.policy.inputs
        bounds = log_bounds(admin, [*inputs, self._dead_letters], ANSWER_S)
        starts, skipped = self._starts(bounds)
        messages = self._read(consumer, starts, {place: bounds[place][1] for place in starts})
        if starts and not messages and any(self._position[place] < bounds[place][1] for place in starts):
            return  # records are there and none came: what was not seen cannot be called silent
        sightings, letters = self._told(messages)
        self._board.note(sightings, letters, self._live.read(lambda view: expected_of(view, self._board.policy)))
        ends = {f"{topic}/{partition}": end for (topic, partition), (_, end) in bounds.items()}
        self._board.looked(ends, self._live.read(folded_of), {inputs[topic].name for topic in skipped})

    def _starts(self, bounds: Mapping[Place, tuple[int, int]]) -> tuple[dict[Place, int], set[str]]:
        """Where reading goes on in each partition that has news, and the topics of which some is left out."""
        starts: dict[Place, int] = {}
        skipped: set[str] = set()
        for place, (first, end) in bounds.items():
            is_letters = place[0] == self._dead_letters
            newest = LETTERS_MAX if is_letters else self._board.policy.sample_records
            known = self._position.get(place)
            if known is None or known > end:  # never read, or the log was made anew
                known, is_new = first, True
            else:
                is_new = False
            start = max(known, end - newest, first)
            if not is_letters and (is_new or start > known):
                skipped.add(place[0])
            self._position[place] = start
            if start < end:
                starts[place] = start
        return starts, skipped

    def _read(self, consumer: Consumer, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> list[Message]:
        """Records from `starts` on, as far as they come in time."""
        if not starts:
            return []
        found: list[Message] = []
        deadline = monotonic() + READ_S
        left = set(starts)
        consumer.assign([TopicPartition(*place, start) for place, start in starts.items()])
        try:
            while left and monotonic() < deadline and not self._stopping.is_set():
                first = consumer.poll(0.05)
                if first is None:
                    continue
                for message in (first, *consumer.consume(2_000, 0)):
                    place = (message.topic() or "", message.partition() or 0)
                    offset, error = message.offset() or 0, message.error()
                    if error is None:
                        self._position[place] = max(self._position[place], offset + 1)
                        found.append(message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        self._position[place] = max(self._position[place], offset)
                    elif error.fatal():
                        raise KafkaException(error)
                    if self._position.get(place, 0) >= ends.get(place, 0):
                        left.discard(place)
        finally:
            consumer.unassign()
        return found

    def _told(self, messages: Iterable[Message]) -> tuple[list[Sighting], list[Letter]]:
        inputs = self._board.policy.inputs
        sightings: list[Sighting] = []
        letters: list[Letter] = []
        for message in messages:
            topic = message.topic() or ""
            if topic == self._dead_letters:
                try:
                    letter = letter_of(parse(message), inputs)
                except TidemarkError:
                    continue  # a letter that does not say where its record stood is nobody's
                letters += [letter] if letter else []
                continue
            headers = message.headers() or []
            pairs = headers.items() if isinstance(headers, dict) else headers
            told = {name: value if isinstance(value, bytes) else (value or "").encode() for name, value in pairs}
            seen = sighting(inputs[topic], message.value(), message.timestamp()[1], told)
            sightings += [seen] if seen else []
        return sightings, letters
