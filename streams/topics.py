"""Every topic of the house, declared in one place: partitions, retention, compaction, size limits.

`infra.kafka.admin` creates or verifies them at start. Changing a partition count means a v2 topic (decision S11).
"""

from infra.kafka.topic import Topic
from streams.integrations import names as integrations

MIB = 1024 * 1024
FOREVER = {"retention.ms": "-1", "retention.bytes": "-1"}
INBOUND = FOREVER | {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(12 * MIB)}
#: Of the access log alone (NF-05): decisions and what was folded never expire.
ACCESS_KEPT = {"retention.ms": str(400 * 86_400_000), "retention.bytes": "-1", "cleanup.policy": "delete"}
COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2", "segment.ms": "600000"}

TXN = "tm.in.core.txn.v1"
CONTRACT = "tm.in.core.contract.v1"
RESERVATION = "tm.in.channel.reservation.v1"
BUSINESS_DATE = "tm.in.core.business-date.v1"
HOLDING = "tm.in.treasury.holding.v1"
RESERVE = "tm.in.treasury.reserve.v1"
PRICE = "tm.in.market.price.v1"
FX = "tm.in.market.fx.v1"
NOSTRO_STATEMENT = "tm.in.nostro.statement.v1"
COMMAND = "tm.in.workflow.command.v1"
POSTING_REQUEST = "tm.out.core.posting-request.v1"
POSTING_REPLY = "tm.in.core.posting-reply.v1"
TRANSFER_INSTRUCTION = "tm.out.core.transfer-instruction.v1"
POSITION = "tm.risk.position.v1"
RESERVATION_TOTAL = "tm.risk.reservation.v1"
WITHDRAWAL = "tm.risk.withdrawal.v1"
GAP = "tm.risk.gap.v1"
DEPOSIT = "tm.risk.deposit.v1"
HOLDING_STATE = "tm.risk.holding.v1"
RESERVE_TOTAL = "tm.risk.reserve.v1"
PRICE_STATE = "tm.risk.price.v1"
FX_STATE = "tm.risk.fx.v1"
ALERT = "tm.risk.alert.v1"
CUT = "tm.risk.cut.v1"
AUDIT = "tm.audit.event.v1"
HEAD = "tm.audit.head.v1"
ACCESS = "tm.events.access.v1"
DEAD_LETTER = "tm.dlq.v1"
#: Where the bank's policy lets notifications of alerts go, each NAME made when it is first used; else there is none.
NOTIFICATION = "tm.out.notification.NAME.v1"

#: Topics whose records arrive as batches of raw values through the batch transport, one fold state per partition.
FOLDED = (TXN, CONTRACT, RESERVATION, HOLDING, PRICE, FX, RESERVE)
#: Folded topics of one partition: what they hold is common to all customers, and little.
SINGLE = (HOLDING, PRICE, FX, RESERVE)


def topics(partitions: int = 8) -> tuple[Topic, ...]:
    """All topics; `partitions` is the count of the keyed ones (fixed for the life of a log, S11)."""
    return (
        Topic(TXN, partitions, INBOUND),
        Topic(CONTRACT, partitions, INBOUND),
        Topic(RESERVATION, partitions, INBOUND),
        *(Topic(name, 1, INBOUND) for name in SINGLE),
        Topic(BUSINESS_DATE, 1, INBOUND),
        Topic(NOSTRO_STATEMENT, 1, INBOUND),
        Topic(COMMAND, 1, INBOUND),
        Topic(POSTING_REPLY, 1, INBOUND),
        Topic(POSTING_REQUEST, 1, FOREVER),
        Topic(TRANSFER_INSTRUCTION, 1, FOREVER),
        Topic(POSITION, partitions, COMPACTED),
        Topic(RESERVATION_TOTAL, partitions, COMPACTED),
        Topic(WITHDRAWAL, partitions, COMPACTED),
        Topic(GAP, partitions, COMPACTED),
        Topic(DEPOSIT, partitions, COMPACTED),
        *(Topic(name, 1, COMPACTED) for name in (HOLDING_STATE, PRICE_STATE, FX_STATE, RESERVE_TOTAL)),
        *(Topic(name, 1, INBOUND) for name in integrations.INBOUND),
        *(Topic(name, 1, FOREVER) for name in integrations.OUTBOUND),
        Topic(ALERT, partitions, FOREVER),
        Topic(CUT, 1, INBOUND),
        Topic(AUDIT, 1, FOREVER),
        Topic(HEAD, 1, FOREVER),
        Topic(ACCESS, 1, ACCESS_KEPT),
        Topic(DEAD_LETTER, 1, FOREVER | {"max.message.bytes": str(16 * MIB)}),
    )


def notification(name: str) -> Topic:
    """One of `NOTIFICATION`, by its whole name."""
    return Topic(name, 1, FOREVER)


def folded_partitions(partitions: int) -> dict[str, int]:
    """How many partitions each folded topic has, by topic."""
    return {topic.name: topic.partitions for topic in topics(partitions) if topic.name in FOLDED}


def record_key(entity_id: str, customer_id: str, account_id: str) -> bytes:
    """Kafka key of a txn, contract or reservation: the customer; for bank-owned accounts the account (S11)."""
    return f"{entity_id}|{account_id if customer_id == '-' else customer_id}".encode()
