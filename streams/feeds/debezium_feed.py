"""Runs a Debezium feed from files or from a topic; what rows were told as outlives the run (`row_states`)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from engines.primitives.errors import NotFound, Unavailable
from infra.statements.records import Place
from infra.statements.row_states import RowStates
from streams.feeds.cursor import Cursor
from streams.feeds.debezium import DebeziumTable
from streams.feeds.event import Event
from streams.feeds.file_feed import FilesResult
from streams.feeds.file_report import FileReport
from streams.feeds.row_mapping import RowMapping
from streams.feeds.runner import Sink, run_feed
from streams.feeds.start import FeedOptions
from streams.producer import Headers
from streams.views_live import CLIENT_LOG

LINE_MAX = 12 * 1024 * 1024


class TopicMessage(NamedTuple):
    partition: int
    offset: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TopicSource:
    """A topic to follow. `follow` goes on at its end; otherwise what is in it now is read."""

    topic: str
    kafka: Mapping[str, Any]
    follow: bool = False


def run_debezium(
    name: str,
    mapping: RowMapping,
    source: Sequence[Path] | TopicSource,
    producer: Sink,
    options: FeedOptions,
) -> FilesResult:
    """Send what the changes tell anew; `name` is of the feed, whose rows are remembered in the cursors' directory.

    Raises as `run_feed`; Unavailable where the topic cannot be read.
    """
    cursor = Cursor.open(options.cursors, f"debezium-{name}", seed=0, run_id=options.run_id)
    with RowStates(options.cursors / f"debezium-{name}.sqlite") as states:
        result = FilesResult()
        stopped = options.stop.is_set if options.stop is not None else (lambda: False)
        events = _events(name, mapping, source, states, result, options.cursors, stopped)
        done = run_feed(
            events if options.count is None else _at_most(events, options.count),
            CommittingSink(producer, states),
            cursor,
            rate=options.rate,
            first_index=cursor.index,
            source="/tidemark/feed/debezium",
            on_progress=options.on_progress,
            stop=options.stop,
        )
        states.commit()
    for report in result.reports:
        report.close()
    result.produced, result.seconds, result.stopped = done.produced, done.seconds, done.stopped
    result.whole = not done.stopped and options.count is None
    return result


def read_debezium(
    mapping: RowMapping, source: Sequence[Path] | TopicSource, on_event: Callable[[Event], None]
) -> FilesResult:
    """As a first run on nothing, with nothing sent and nothing kept."""
    result = FilesResult()
    with RowStates(None) as states:
        for event in _events("dry-run", mapping, source, states, result, None, lambda: False):
            on_event(event)
            result.produced += 1
    return result


class CommittingSink:
    """A producer whose flush also keeps the states: never before what they stand for was delivered."""

    def __init__(self, producer: Sink, states: RowStates) -> None:
        self._producer, self._states = producer, states

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
        self._producer.send(topic, key, value, headers)

    def poll(self, timeout_s: float = 0.0) -> None:
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float = 30.0) -> None:
        self._producer.flush(timeout_s)
        self._states.commit()


def _events(
    name: str,
    mapping: RowMapping,
    source: Sequence[Path] | TopicSource,
    states: RowStates,
    result: FilesResult,
    directory: Path | None,
    stopped: Callable[[], bool],
) -> Iterator[Event]:
    if isinstance(source, TopicSource):
        report = _report(name, source.topic, "-", directory)
        result.reports.append(report)
        table = DebeziumTable(mapping, states, report)
        for message in read_topic(source, states.offsets(), stopped):
            yield from table.events(message.value, Place(source.topic, message.offset, f"/{message.partition}"))
            states.set_offset(message.partition, message.offset + 1)
        return
    for path in source:
        with path.open("rb") as stream:
            report = _report(name, path.name, hashlib.file_digest(stream, "sha256").hexdigest(), directory)
            result.reports.append(report)
            table = DebeziumTable(mapping, states, report)
            stream.seek(0)
            for number, line in enumerate(iter(lambda: stream.readline(LINE_MAX), b""), start=1):
                yield from table.events(line, Place(path.name, number))


def _report(name: str, file: str, digest: str, directory: Path | None) -> FileReport:
    stem = file.rpartition("/")[2][:60]
    rejects = None if directory is None else directory / "rejects" / f"debezium-{name}-{stem}-{digest[:8]}.jsonl"
    return FileReport(file, digest, rejects)


def _at_most(events: Iterable[Event], count: int) -> Iterator[Event]:
    """The first `count`; the one after is asked for and left, so that the state of the last is known to be told."""
    for number, event in enumerate(events):
        if number == count:
            return
        yield event


def read_topic(
    source: TopicSource, offsets: Mapping[int, int], stopped: Callable[[], bool], timeout_s: float = 10.0
) -> Iterator[TopicMessage]:
    """Messages of all partitions, each from its offset on, to the end as it is met there.

    Raises NotFound: no such topic. Unavailable: Kafka does not answer.
    """
    config = {"group.id": "tidemark-feed", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    config |= {"enable.partition.eof": True, "allow.auto.create.topics": False}
    consumer = Consumer(dict(source.kafka) | config, logger=CLIENT_LOG)
    try:
        known = consumer.list_topics(source.topic, timeout=timeout_s).topics.get(source.topic)
        if known is None or known.error is not None or not known.partitions:
            raise NotFound(f"there is no topic {source.topic}", topic=source.topic)
        partitions = set(known.partitions)
        consumer.assign(
            [TopicPartition(source.topic, part, offsets.get(part, OFFSET_BEGINNING)) for part in partitions]
        )
        while partitions and not stopped():
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield TopicMessage(message.partition() or 0, message.offset() or 0, message.value())
            elif error.code() == KafkaError._PARTITION_EOF:
                if not source.follow:
                    partitions.discard(message.partition())
            else:
                raise Unavailable(f"cannot read {source.topic}: {error.str()}", topic=source.topic)
    except KafkaException as error:
        raise Unavailable(f"cannot read {source.topic}: {error.args[0].str()}", topic=source.topic) from error
    finally:
        consumer.close()
