"""Our side of a Kafka producer: full queues are waited out, and a record that did not arrive is never
forgotten.

For feeds, publishers of stored events and the simulated core. Not for the outputs of folds inside a worker:
those go through the worker's own loop, tick by tick.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engines.primitives.errors import InvalidInput, Unavailable
from streams.nostro_records import NostroStatement
from streams.schemas import (
    BusinessDate,
    Contract,
    FxRate,
    Holding,
    MarketPrice,
    PostingReply,
    PostingRequest,
    Reservation,
    ReserveState,
    Txn,
    WorkflowCommand,
)

InboundRecord = (
    Txn
    | Contract
    | Reservation
    | BusinessDate
    | Holding
    | MarketPrice
    | FxRate
    | ReserveState
    | NostroStatement
    | WorkflowCommand
    | PostingRequest
    | PostingReply
)
Headers = Sequence[tuple[str, bytes]]
OnDelivery = Callable[[KafkaError | None, Message], None]

#: The one partitioner that Java and librdkafka agree on (decision S11).
PARTITIONER = "murmur2_random"

_encoder = msgspec.json.Encoder()


def encode(record: InboundRecord) -> bytes:
    """The value bytes of one record: JSON, fields in the order of the struct, defaults left out."""
    return _encoder.encode(record)


def record_id(record: InboundRecord) -> str:
    """What makes a record itself, for CloudEvents: the same id and the same body is the same record, told
    again.
    """
    parts: tuple[str, ...]
    match record:
        case Txn():
            parts = record.entity_id, record.source_system, record.txn_id, record.status
        case Contract():
            parts = record.entity_id, record.contract_id, record.event_time
        case Reservation():
            parts = record.entity_id, record.res_id, record.status
        case Holding():
            parts = record.entity_id, record.security_id, record.portfolio_id, record.event_time
        case MarketPrice():
            parts = record.security_id, record.event_time
        case FxRate():
            parts = record.base_ccy, record.quote_ccy, record.event_time
        case ReserveState():
            parts = record.entity_id, record.ccy, record.event_time
        case NostroStatement():
            parts = record.entity_id, record.account_id, record.statement_id, f"{record.sequence}.{record.page}"
        case BusinessDate():
            parts = record.entity_id, record.business_date
        case WorkflowCommand():
            parts = (record.cmd_id,)
        case PostingRequest() | PostingReply():
            parts = record.instruction_id, str(record.attempt)
    return "/".join(parts)


def headers_of(topic: str, record: InboundRecord, source: bytes) -> Headers:
    """CloudEvents attributes of one record (decision S25), in Kafka's binary mode.

    The same as `streams.schemas.cloud_event_headers`, spelled out because a feed does it 50,000 times a
    second; a test holds them equal. Records without an instant of their own have no `ce_time`, which
    CloudEvents allows.
    """
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", topic.encode()),
        ("ce_id", record_id(record).encode()),
        ("ce_source", source),
    ]
    event_time = getattr(record, "event_time", None)
    if event_time is not None:
        headers.append(("ce_time", event_time.encode()))
    headers.append(("content-type", b"application/json"))
    return headers


class RecordProducer:
    """A confluent_kafka Producer that counts, waits and complains.

    Args:
        config: librdkafka settings. `partitioner` is set, and another one refused; only failed deliveries are
            reported to Python unless `delivery.report.only.error` says otherwise, which saves a call for each
            delivered record.
    Raises:
        InvalidInput: another partitioner, which would scatter a customer over partitions.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        if config.get("partitioner", PARTITIONER) != PARTITIONER:
            raise InvalidInput(f"the partitioner must be {PARTITIONER}", field="partitioner")
        self._producer = Producer({"delivery.report.only.error": True, **config, "partitioner": PARTITIONER})
        self._accepted = 0
        self._delivered = 0
        self._failed = 0
        self._first_failure: tuple[str, str] | None = None

    @property
    def failed(self) -> int:
        """Records that were refused here or by the broker, or timed out on the way."""
        return self._failed

    @property
    def delivered(self) -> int:
        """Records that the broker has acknowledged: exact after `flush`, in between at least so many.

        The client's queue length, which is all that is known in between, counts its own notices too.
        """
        self._delivered = max(self._delivered, self._accepted - self._failed - len(self._producer))
        return self._delivered

    def send(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Headers | None = None,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Queue one record; a full queue is polled until there is room.

        `on_delivery` is called from a later `send`, `poll` or `flush`, only for failures unless the config
        asks
        for all reports.
        Raises:
            InvalidInput: the record is above `message.max.bytes`; nothing was queued, and it counts as
                failed.
            Unavailable: the producer can take no more records.
        """
        report = self._report if on_delivery is None else self._report_also(on_delivery)
        while True:
            try:
                self._producer.produce(
                    topic, value, key, on_delivery=report, headers=None if headers is None else list(headers)
                )
                break
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                self._accepted += 1
                self._failed += 1
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise InvalidInput(
                        f"a record for {topic} is larger than the producer may send",
                        topic=topic,
                        key=key.decode(errors="replace"),
                        value_bytes=len(value),
                    ) from error
                raise Unavailable(f"cannot produce to {topic}: {error.args[0].str()}", topic=topic) from error
        self._accepted += 1
        if self._accepted % 256 == 0:
            self._producer.poll(0)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take delivery reports in."""
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything sent so far is delivered.

        Raises Unavailable if anything since the last call was not, naming the first failure: the failure is
        told once, and `failed` keeps the count.
        """
        remaining = self._producer.flush(timeout_s)
        failure, self._first_failure = self._first_failure, None
        if failure is not None:
            topic, reason = failure
            raise Unavailable(f"a record for {topic} was not delivered: {reason}", topic=topic, failed=self._failed)
        if remaining:
            raise Unavailable(f"{remaining} records were not delivered in {timeout_s:g} s", undelivered=remaining)

    def _report(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed += 1
            if self._first_failure is None:
                self._first_failure = (message.topic() or "?", error.str())

    def _report_also(self, on_delivery: OnDelivery) -> OnDelivery:
        def both(error: KafkaError | None, message: Message) -> None:
            self._report(error, message)
            on_delivery(error, message)

        return both
