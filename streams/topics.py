"""Every topic of the house, declared in one place: partitions, retention, compaction, size limits.

`infra.kafka.admin` creates or verifies them at start. Changing a partition count means a v2 topic (decision S11).
"""

from infra.kafka.topic import Topic

MIB = 1024 * 1024
FOREVER = {"retention.ms": "-1", "retention.bytes": "-1"}
INBOUND = FOREVER | {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(12 * MIB)}
COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2", "segment.ms": "600000"}

TXN = "tm.in.core.txn.v1"
CONTRACT = "tm.in.core.contract.v1"
RESERVATION = "tm.in.channel.reservation.v1"
BUSINESS_DATE = "tm.in.core.business-date.v1"
COMMAND = "tm.in.workflow.command.v1"
POSTING_REQUEST = "tm.out.core.posting-request.v1"
POSTING_REPLY = "tm.in.core.posting-reply.v1"
POSITION = "tm.risk.position.v1"
RESERVATION_TOTAL = "tm.risk.reservation.v1"
WITHDRAWAL = "tm.risk.withdrawal.v1"
GAP = "tm.risk.gap.v1"
ALERT = "tm.risk.alert.v1"
AUDIT = "tm.audit.event.v1"
DEAD_LETTER = "tm.dlq.v1"

#: Topics whose records arrive as batches of raw values through the batch transport, one fold state per partition.
FOLDED = (TXN, CONTRACT, RESERVATION)


def topics(partitions: int = 8) -> tuple[Topic, ...]:
    """All topics; `partitions` is the count of the keyed ones (fixed for the life of a log, S11)."""
    return (
        Topic(TXN, partitions, INBOUND),
        Topic(CONTRACT, partitions, INBOUND),
        Topic(RESERVATION, partitions, INBOUND),
        Topic(BUSINESS_DATE, 1, INBOUND),
        Topic(COMMAND, 1, INBOUND),
        Topic(POSTING_REPLY, 1, INBOUND),
        Topic(POSTING_REQUEST, 1, FOREVER),
        Topic(POSITION, partitions, COMPACTED),
        Topic(RESERVATION_TOTAL, partitions, COMPACTED),
        Topic(WITHDRAWAL, partitions, COMPACTED),
        Topic(GAP, partitions, COMPACTED),
        Topic(ALERT, partitions, FOREVER),
        Topic(AUDIT, 1, FOREVER),
        Topic(DEAD_LETTER, 1, FOREVER | {"max.message.bytes": str(16 * MIB)}),
    )


def record_key(entity_id: str, customer_id: str, account_id: str) -> bytes:
    """Kafka key of a txn, contract or reservation: the customer; for bank-owned accounts the account (S11)."""
    return f"{entity_id}|{account_id if customer_id == '-' else customer_id}".encode()
