"""Runs the cases through Kafka: commands out, events back from the audit topic, refusals from the dead letters."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from aggregates.envelope import ROLES
from engines.primitives.errors import Unavailable
from streams import topics
from streams.feeds.cases.acts import Act, Fact
from streams.feeds.cases.driver import Driver, Refusal
from streams.feeds.cases.portfolio import Case, cases
from streams.feeds.runner import Sink
from streams.producer import encode, headers_of
from streams.schemas import WorkflowCommand

#: Who acts, by the letters of a role in a path: segregation of duties and three votes want different people.
PEOPLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {role: (f"simulated-{role.lower()}", role) for role in ROLES}
    | {f"CV{number}": (f"simulated-voter-{number}", "CV") for number in (1, 2, 3)}
)
TokenOf = Callable[[str, str, str], str]  # the signed token of an actor in a role of an entity
SOURCE = "/tidemark/feed/cases"
PATIENCE_S = 120.0  # without any news, cases are given up
_BATCH, _POLL_S = 1_000, 0.1


@dataclass(frozen=True, slots=True)
class CasesResult:
    """`acts`: commands done, in this or an earlier run; `stuck`: what was still waited for when it stopped."""

    cases: int
    finished: int
    acts: int
    produced: int
    seconds: float
    refusals: tuple[Refusal, ...]
    stuck: tuple[str, ...]


class _Audited(msgspec.Struct):
    aggregate: str
    key: str
    type: str
    cmd_id: str


class _Command(msgspec.Struct):
    cmd_id: str


@dataclass(frozen=True, slots=True)
class CasesOptions:
    seed: int
    count: int
    today: date
    in_flight: int = 200
    on_progress: Callable[[int], None] | None = None
    on_total: Callable[[int], None] | None = None
    stop: threading.Event | None = None


def run_cases(
    producer: Sink, consumer_config: Mapping[str, Any], token_of: TokenOf, options: CasesOptions
) -> CasesResult:
    """Take the cases along until all have ended, `stop` is set, or nothing has been heard for two minutes.

    Raises Unavailable: the broker does not answer, or a record was not delivered. A second run goes on.
    """
    chosen = list(cases(options.seed, options.count, options.today))
    if options.on_total is not None:
        options.on_total(sum(len(case.acts) for case in chosen))
    produced = 0

    def give(case: Case, act: Act, cmd_id: str) -> None:
        nonlocal produced
        actor, role = PEOPLE[act.role]
        record = WorkflowCommand(
            cmd_id=cmd_id,
            aggregate=act.aggregate,
            key=act.key,
            command=act.command,
            payload=dict(act.payload),
            token=token_of(actor, role, case.loan.entity),
            valid_on=act.day.isoformat(),
            reason=f"simulated case {case.path}",
        )
        key = f"{act.aggregate}/{act.key}".encode()
        producer.send(topics.COMMAND, key, encode(record), headers_of(topics.COMMAND, record, SOURCE.encode()))
        produced += 1

    driver = Driver.of(options.seed, give, chosen, options.in_flight)
    started = heard = time.monotonic()
    with _reading(consumer_config) as news:
        _tell(driver, news.up_to_now())  # an earlier run's acts are not given again
        driver.fill()
        while not driver.is_done and not (options.stop is not None and options.stop.is_set()):
            producer.poll()
            messages = news.next()
            _tell(driver, messages)
            driver.fill()
            heard = time.monotonic() if messages else heard
            if options.on_progress is not None:
                options.on_progress(driver.acts_done)
            if time.monotonic() - heard > PATIENCE_S:
                break
        producer.flush()
    seconds = time.monotonic() - started
    return CasesResult(
        len(chosen),
        driver.finished,
        driver.acts_done,
        produced,
        seconds,
        tuple(driver.refusals),
        tuple(driver.stuck()),
    )


def _tell(driver: Driver, messages: list[Message]) -> None:
    for message in messages:
        value = message.value() or b""
        if message.topic() == topics.AUDIT:
            event = msgspec.json.decode(value, type=_Audited)
            driver.told(Fact(event.aggregate, event.key, event.type), event.cmd_id)
        else:
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):  # another topic's dead letter
                refused = msgspec.json.decode(value, type=_Command).cmd_id
                driver.refused(refused, _reason(message))


def _reason(message: Message) -> str:
    headers = dict(message.headers() or ())
    reason = headers.get("reason") or b"-"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


class _News:
    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._ends: dict[str, int] = {}

    def begin(self) -> None:
        """Both topics from their beginning, as far as they reach now and beyond."""
        partitions = []
        for topic in (topics.AUDIT, topics.DEAD_LETTER):
            partition = TopicPartition(topic, 0, OFFSET_BEGINNING)
            low, high = self._consumer.get_watermark_offsets(partition, timeout=10.0)
            self._ends[topic] = high if high > low else 0
            partitions.append(partition)
        self._consumer.assign(partitions)

    def up_to_now(self) -> list[Message]:
        found: list[Message] = []
        at = dict.fromkeys(self._ends, 0)
        while any(at[topic] < end for topic, end in self._ends.items()):
            for message in self.next():
                found.append(message)
                at[message.topic() or ""] = (message.offset() or 0) + 1
        return found

    def next(self) -> list[Message]:
        messages: list[Message] = self._consumer.consume(_BATCH, timeout=_POLL_S)
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
        return messages


@contextmanager
def _reading(config: Mapping[str, Any]) -> Iterator[_News]:
    consumer = Consumer(dict(config))
    try:
        news = _News(consumer)
        news.begin()
        yield news
    except KafkaException as error:
        raise Unavailable(f"the broker does not answer: {error}") from error
    finally:
        consumer.close()
