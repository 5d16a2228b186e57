"""Follows the alerts on limits and gives the commands they lead to: breach cases, plan proposals (LIQ-36, 40).

The position in the alert topic is saved in the event store, and a lease on it keeps one runner active, as for the
process managers. After a crash some alerts are followed again: their commands are known by their ids, so nothing is
stored twice. A refusal is for people: it goes to the log and a counter, and the work goes on.
"""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, NamedTuple

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from prometheus_client import CollectorRegistry, Counter

from aggregates.assets import Assets
from aggregates.process_managers import carry_out
from engines.primitives.errors import TidemarkError, Unavailable
from infra.event_store import Clock, Cursor, EventStore
from streams.limit_funding import FundingPolicy
from streams.limit_responses import BREACH, PLAN, breach_no, plan_no, responses
from streams.schemas import Alert
from streams.topics import ALERT
from streams.views import CUT_KEY

log = structlog.get_logger()

CURSOR_NAME = "limit-responses"
LEASE_S = 5.0
IDLE_S = 0.25
READ_S = 0.1
ALERTS_AT_ONCE = 200
PARTITION = 0  # alerts of a log of one partition stand in the partition of that number (S17)


class Followed(NamedTuple):
    """Values in order, and the offset after the last record that was looked at."""

    values: list[bytes]
    next_offset: int


Read = Callable[[int], Followed]
"""Alert records from an offset on, those that are there. Raises Unavailable."""


class ResponseMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stored = Counter(
            "tidemark_limit_response_events_total", "Events that alerts on limits led to.", registry=self.registry
        )
        self.refused = Counter(
            "tidemark_limit_response_refusals_total",
            "Commands that alerts on limits led to and that were refused.",
            ["code"],
            registry=self.registry,
        )


class LimitResponseRunner:
    def __init__(
        self,
        app: Assets,
        store: EventStore,
        read: Read,
        funding: FundingPolicy,
        *,
        clock: Clock,
        holder: str,
        metrics: ResponseMetrics | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        """`holder` names this runner: another string for every process, or a lease is shared unawares."""
        self._app, self._read, self._funding, self._clock = app, read, funding, clock
        self.metrics = metrics or ResponseMetrics()
        self._cursor = Cursor(store, CURSOR_NAME, holder, clock=clock, lease_s=lease_s)

    def run_once(self) -> int:
        """Follow the alerts beyond the saved position; how many records were looked at, 0 also while another runner
        holds the lease.

        Raises:
            Unavailable: Kafka or the store do not answer; what was not saved is followed again.
        """
        position = self._cursor.claim()
        if position is None:
            return 0
        found = self._read(position)
        if found.next_offset == position:
            return 0
        for value in found.values:
            if not self._cursor.is_held:
                log.warning("limit_responses_lease_lost")
                return 0
            self._follow(value)
        if not self._cursor.move(found.next_offset):
            log.warning("limit_responses_lease_lost")
            return 0
        return abs(found.next_offset - position)

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Run until `stop` is set, then end the lease. What is away is tried again."""
        while not stop.is_set():
            try:
                done = self.run_once()
            except Unavailable as error:
                log.warning("limit_responses_unavailable", error=str(error))
                done = 0
            if not done:
                stop.wait(idle_s)
        try:
            self._cursor.release()
        except Unavailable:
            log.warning("limit_responses_lease_left_to_expire")

    def _follow(self, value: bytes) -> None:
        try:
            alert = msgspec.json.decode(value, type=Alert)
        except msgspec.MsgspecError as error:
            log.error("alert_unreadable", error=str(error))
            return
        if alert.limit is None:
            return
        now = self._clock()
        case, plan = self._app.find(BREACH, breach_no(alert.limit)), self._app.find(PLAN, plan_no(alert.limit))
        today = self._app.bank_day(alert.entity, now)
        try:
            wanted = list(
                responses(alert, self._funding, today, is_open=case is not None, is_planned=plan is not None)
            )
        except TidemarkError as error:
            self._refused(error, alert, "-")
            return
        for one in wanted:
            for result in carry_out(self._app, one.wanted, one.cmd_id, now, correlation=alert.alert_id):
                if isinstance(result, TidemarkError):
                    self._refused(result, alert, one.wanted.command)
                else:
                    self.metrics.stored.inc()
                    log.info("limit_response_stored", event_type=result.type, alert_id=alert.alert_id)

    def _refused(self, error: TidemarkError, alert: Alert, command: str) -> None:
        self.metrics.refused.labels(error.code).inc()
        guard = error.facts.get("guard", "-")
        log.warning(
            "limit_response_refused", code=error.code, guard=guard, reason=str(error), alert_id=alert.alert_id,
            command=command,
        )  # fmt: skip


class AlertReader:
    """Alerts as Kafka holds them, for `LimitResponseRunner`. Not thread-safe."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self._consumer = Consumer({**kafka, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        self._at: int | None = None

    def close(self) -> None:
        self._consumer.close()

    def __call__(self, position: int) -> Followed:
        try:
            return self._read(position)
        except KafkaException as error:
            self._at = None
            raise Unavailable(f"no alerts: {error}") from error

    def _read(self, position: int) -> Followed:
        if self._at != position:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(ALERT, PARTITION), timeout=5)
            # Beyond the end: the topic was made anew. Commands already given are known by their ids.
            start = position if position <= end else OFFSET_BEGINNING
            self._consumer.assign([TopicPartition(ALERT, PARTITION, start)])
            self._at = position if position <= end else 0
        values: list[bytes] = []
        for message in self._consumer.consume(ALERTS_AT_ONCE, timeout=READ_S):
            error = message.error()
            if error is None:
                self._at = (message.offset() or 0) + 1
                if message.key() != CUT_KEY:
                    values.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at = message.offset() or 0
            else:
                raise Unavailable(f"no alerts: {error.str()}")
        return Followed(values, self._at if self._at is not None else position)
