"""Who asked for what and was refused, signed in, took papers away, or looked: records of `tm.events.access.v1`.

Whoever tells never waits: a bounded queue, sent by one thread, at least once (a reader drops the ids it knows).
What a full queue had to leave out is counted, and the count becomes a record of its own. Not decisions: those are
events, kept for good; these records expire with their topic. Never in one: what a request said beyond its keys, and
tokens.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Literal
from uuid import uuid4

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.rendering import instant
from engines.primitives.errors import TidemarkError, Unavailable
from infra.event_store import Clock
from streams.audit_publisher import OutboundRecord, Send
from streams.producer import RecordProducer
from streams.schemas import Instant, WorkflowCommand, cloud_event_headers
from streams.topics import ACCESS

log = structlog.get_logger()

SOURCE = "/tidemark/access"
CAPACITY = 10_000
BATCH_RECORDS = 500
IDLE_S = 0.2
TEXT_MAX = 200  # a refused record's fields are whatever its sender wrote
DELIVERY_S = 5  # then the broker counts as away, and the records wait here instead of in the client

Via = Literal["http", "kafka", "-"]
Action = Literal[
    "command-refused",
    "request-refused",
    "token-refused",
    "sign-in-refused",
    "signed-in",
    "signed-out",
    "case-read",
    "document-rendered",
    "document-drafted",
    "attachment-read",
    "attachment-stored",
    "rows-uploaded",
    "report-read",
    "proof-exported",
    "ledger-exported",
    "ledger-printed",
    "archive-read",
    "records-lost",
]


class AccessRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`tm.events.access.v1`: one access. Key: `actor`. `-` where something does not apply or is not known."""

    record_id: str
    occurred_at: Instant
    action: Action
    actor: str
    via: Via
    roles: list[str] = msgspec.field(default_factory=list)
    organisation: str = "-"
    entities: list[str] = msgspec.field(default_factory=list)
    address: str = "-"
    aggregate: str = "-"
    key: str = "-"
    command: str = "-"
    role: str = "-"
    cmd_id: str = "-"
    guard: str = "-"
    code: str = "-"
    route: str = "-"
    status: int = 0
    count: int = 0
    schema_version: int = 1


class AccessLog:
    """`tell` from any thread; `run` in one. `registry` counts what was sent and what was left out."""

    def __init__(self, send: Send, *, clock: Clock, capacity: int = CAPACITY) -> None:
        self._send, self._clock, self._capacity = send, clock, capacity
        self._waiting: deque[AccessRecord] = deque()
        self._lock = threading.Lock()
        self._lost = 0  # since the newest record that says so
        self._is_away = False
        self.registry = CollectorRegistry()
        self.sent = Counter("tidemark_access_records_total", "Access records sent.", registry=self.registry)
        self.dropped = Counter(
            "tidemark_access_records_dropped_total", "Access records left out: no room.", registry=self.registry
        )
        waiting = Gauge("tidemark_access_records_waiting", "Access records not sent yet.", registry=self.registry)
        waiting.set_function(lambda: len(self._waiting))

    def tell(self, action: Action, who: Principal | None, via: Via, **facts: Any) -> None:
        """Queue one record of now; returns at once. `facts` are fields of AccessRecord, texts cut to 200 letters."""
        record = self._record(action, who, via, facts)
        with self._lock:
            # Anybody can cause records of nobody: they must not push out what signed people did.
            room = self._capacity // 2 if who is None else self._capacity
            if len(self._waiting) >= room:
                self._lost += 1
                self.dropped.inc()
            else:
                self._waiting.append(record)

    def refused(self, command: Command, error: TidemarkError, via: Via, **facts: Any) -> None:
        """A command that the actor's role or segregation of duties did not allow."""
        named = {
            "aggregate": command.aggregate,
            "key": command.key,
            "command": command.command,
            "role": command.role or "-",
            "cmd_id": command.cmd_id,
        }
        self.tell("command-refused", command.principal, via, **named, **blame(error), **facts)

    def refused_token(self, record: WorkflowCommand, error: TidemarkError) -> None:
        """A command from Kafka by nobody we know; what it names is only what it claims."""
        named = {"aggregate": record.aggregate, "key": record.key, "command": record.command}
        self.tell("token-refused", None, "kafka", **named, cmd_id=record.cmd_id, **blame(error))

    def run(self, stop: threading.Event, *, idle_s: float = IDLE_S) -> None:
        """Send until `stop` is set, then what still waits. While Kafka is away records wait; at a stop such ones
        are lost, and the log of the process says how many."""
        while not stop.is_set():
            if not self.send_once():
                stop.wait(idle_s)
        while self.send_once():
            pass
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self.dropped.inc(left)
            log.error("access_records_lost", records=left)

    def send_once(self) -> int:
        """Send one batch; how many records the broker took, 0 also while it is away."""
        with self._lock:
            batch, lost = list(islice(self._waiting, BATCH_RECORDS)), self._lost
        told = [self._record("records-lost", None, "-", {"count": lost})] if lost else []
        if not batch and not told:
            return 0
        try:
            self._send([outbound(record) for record in [*told, *batch]])
        except Unavailable as error:
            if not self._is_away:
                log.warning("access_records_waiting", error=str(error))
            self._is_away = True
            return 0
        self._is_away = False
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
            self._lost -= lost
        self.sent.inc(len(batch) + len(told))
        return len(batch) + len(told)

    def _record(self, action: Action, who: Principal | None, via: Via, facts: Mapping[str, Any]) -> AccessRecord:
        clipped: dict[str, Any] = {
            name: value[:TEXT_MAX] if isinstance(value, str) else value for name, value in facts.items()
        }
        return AccessRecord(
            record_id=str(uuid4()),
            occurred_at=instant(self._clock()),
            action=action,
            actor="-" if who is None else who.actor,
            via=via,
            roles=[] if who is None else [*who.roles],
            organisation="-" if who is None else who.organisation,
            entities=[] if who is None else [*who.entities],
            **clipped,
        )


def blame(error: TidemarkError) -> dict[str, str]:
    """The code and the guard of a refusal; not its sentence, which may say more."""
    return {"code": error.code, "guard": str(error.facts.get("guard", "-"))}


def outbound(record: AccessRecord) -> OutboundRecord:
    headers = cloud_event_headers(ACCESS, record.record_id, SOURCE, record.occurred_at)
    return OutboundRecord(ACCESS, record.actor.encode(), msgspec.json.encode(record), headers)


def kafka_send(producer_config: Mapping[str, Any]) -> Send:
    """Delivers through a producer of its own, which gives up after seconds: then the records wait in the queue."""
    producer = RecordProducer({**producer_config, "message.timeout.ms": DELIVERY_S * 1_000})

    def send(records: Sequence[OutboundRecord]) -> None:
        for record in records:
            producer.send(record.topic, record.key, record.value, record.headers)
        producer.flush(DELIVERY_S + 1)

    return send
