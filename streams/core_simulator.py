"""A core banking system that is not there: answers our posting requests as a real one would (decision S30).

Accepts what adds up, once: an instruction told again gets the same answer, one told again with another
content is refused. Transfers between branches it books (`streams.core_transfers`). It keeps nothing of its own; at
start it reads the request topic again from the beginning. On demand it misbehaves (`streams.core_behaviour`). For
`tidemark up`, demonstrations and tests. Not for production, where a real core answers on the same topics.
"""

import hashlib
import heapq
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from engines.primitives.errors import InvalidInput, TidemarkError, Unavailable
from engines.primitives.money import to_minor
from streams import topics
from streams.core_behaviour import Misbehaviour, of_request
from streams.core_transfers import booked, core_number
from streams.integrations.outbound_schemas import PostingQuery
from streams.producer import RecordProducer, encode, headers_of
from streams.schemas import PostingReply, PostingRequest

GROUP = "tidemark-core-simulator"
SOURCE = b"/tidemark/core-simulator"
UNREADABLE, NOT_FOUND = "UNREADABLE", "NOT_FOUND"
GARBAGE = b'{"instruction_id": 7, "outcome"'
#: Postings that take nothing from a claim have no parts of one.
WITHOUT_PARTS = frozenset({"FA_DISPOSAL", "RESTRUCTURING"})
_POLL_S = 0.2
_BATCH = 500

#: Says why a request is refused, as (error code, text), or None. Must depend on nothing but the request.
RejectRule = Callable[[PostingRequest], tuple[str, str] | None]

log = structlog.get_logger(__name__)


def reject_on_sundays(request: PostingRequest) -> tuple[str, str] | None:
    """A rule for demonstrations: what is valued on a Sunday meets a frozen account."""
    if date.fromisoformat(request.value_date).isoweekday() == 7:
        return "ACCT_STATUS_FROZEN", "the account is frozen"
    return None


@dataclass(frozen=True, slots=True)
class CoreSimulatorConfig:
    """`consumer` and `producer` are librdkafka settings; group and offset handling come from here."""

    consumer: Mapping[str, Any]
    producer: Mapping[str, Any]
    reject: RejectRule | None = None
    misbehaviours: tuple[Misbehaviour, ...] = ()
    group: str = GROUP
    request_topic: str = topics.POSTING_REQUEST
    reply_topic: str = topics.POSTING_REPLY
    query_topic: str | None = None  # None: cannot be asked
    transfer_topic: str | None = None  # None: books no transfers between branches
    entry_topic: str = topics.TXN


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, how often it is given (0: never) and after how long."""

    reply: PostingReply
    times: int = 1
    delay_s: float = 0.0
    is_garbled: bool = False
    is_overtaken: bool = False

    def value(self) -> bytes:
        return GARBAGE if self.is_garbled else encode(self.reply)


@dataclass(slots=True)
class LateReplies:
    """Replies that wait for their time. A core that is stopped meanwhile gives them when it is asked, or never."""

    waiting: list[tuple[float, int, PostingReply]] = field(default_factory=list)
    overtaken: list[PostingReply] = field(default_factory=list)
    count: int = 0

    def add(self, at_s: float, reply: PostingReply) -> None:
        self.count += 1  # replies do not compare: equal times go by the order in which they came
        heapq.heappush(self.waiting, (at_s, self.count, reply))

    def held_back(self, answer: Answer, now_s: float) -> list[PostingReply]:
        """What is to be given at once; the rest waits, what is to be overtaken for the next answer."""
        if answer.is_overtaken:
            self.overtaken.append(answer.reply)
            return []
        if not answer.delay_s:
            before, self.overtaken = self.overtaken, []
            return [answer.reply] * answer.times + before
        for _ in range(answer.times):
            self.add(now_s + answer.delay_s, answer.reply)
        return []

    def due(self, now_s: float) -> list[PostingReply]:
        found = []
        while self.waiting and self.waiting[0][0] <= now_s:
            found.append(heapq.heappop(self.waiting)[2])
        return found


class SimulatedCore:
    """The answers, without Kafka. What was asked under an instruction id is remembered; answers follow from
    it.
    """

    def __init__(self, reject: RejectRule | None = None, misbehaviours: tuple[Misbehaviour, ...] = ()) -> None:
        self._reject, self._misbehaviours = reject, misbehaviours
        self._digest_by_instruction: dict[str, bytes] = {}
        self._given: dict[str, PostingReply] = {}  # the newest answer, whether told or not
        self._disowned: dict[str, int] = {}  # up to which attempt we said that we know of none

    def answer(self, key: bytes, value: bytes) -> PostingReply | None:
        """The reply to one request; None where not even an instruction id can be told."""
        try:
            request = msgspec.json.decode(value, type=PostingRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _unreadable(key, value, str(error))
        disowned = request.attempt <= self._disowned.get(request.instruction_id, 0)
        late = (NOT_FOUND, "this attempt arrived after we had said that there is none")
        refused = late if disowned else self._refusal(request)
        reply = PostingReply(
            instruction_id=request.instruction_id,
            attempt=request.attempt,
            outcome="rejected" if refused else "accepted",
            core_txn_no=None if refused else core_number(request.instruction_id),
            value_date=None if refused else request.value_date,
            error_code=refused[0] if refused else None,
            error_text=refused[1] if refused else None,
        )
        known = self._given.get(request.instruction_id)
        if known is None or known.outcome == "rejected":
            self._given[request.instruction_id] = reply
        return reply

    def tell(self, value: bytes) -> PostingReply | None:
        """The answer to a query (PM6): what became of an instruction, or NOT_FOUND, after which the attempt that was
        asked about is not posted any more, should it still arrive. None: no answer."""
        try:
            query = msgspec.json.decode(value, type=PostingQuery)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        asked = _as_request(query)
        manner = of_request(self._misbehaviours, asked)
        if manner is not None and not manner.answers and not manner.is_mute:
            return None
        known = self._given.get(query.instruction_id)
        if known is not None and (known.outcome == "accepted" or known.attempt >= query.attempt):
            return known
        self._disowned[query.instruction_id] = max(query.attempt, self._disowned.get(query.instruction_id, 0))
        return PostingReply(
            instruction_id=query.instruction_id,
            attempt=query.attempt,
            outcome="rejected",
            error_code=NOT_FOUND,
            error_text="no such instruction has arrived",
        )

    def respond(self, key: bytes, value: bytes) -> Answer | None:
        """The reply to one request with the manner in which it is given; None where there can be none."""
        manner = self._manner(value)
        if manner is not None and manner.is_lost:
            return None
        reply = self.answer(key, value)
        if reply is None or manner is None:
            return None if reply is None else Answer(reply)
        return Answer(reply, manner.answers, manner.delay_s, manner.is_garbled, manner.is_overtaken)

    def _manner(self, value: bytes) -> Misbehaviour | None:
        try:
            return of_request(self._misbehaviours, msgspec.json.decode(value, type=PostingRequest))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _refusal(self, request: PostingRequest) -> tuple[str, str] | None:
        content = hashlib.sha256(encode(msgspec.structs.replace(request, attempt=0))).digest()
        if self._digest_by_instruction.setdefault(request.instruction_id, content) != content:
            return "DUPLICATE_INSTRUCTION", "this instruction was sent with another content"
        try:
            amount = to_minor(request.amount, request.ccy)
            parts = sum(to_minor(part, request.ccy) for part in request.alloc.values())
            date.fromisoformat(request.value_date)
        except (InvalidInput, ValueError) as error:
            return "INVALID_FIELD", str(error)
        if amount <= 0:
            return "AMOUNT_NOT_POSITIVE", f"cannot post {request.amount} {request.ccy}"
        is_whole = request.kind.removesuffix("_REVERSAL") in WITHOUT_PARTS and not request.alloc
        if amount != parts and not is_whole:
            return "ALLOCATION_MISMATCH", f"the parts of {request.amount} do not add up to it"
        manner = of_request(self._misbehaviours, request)
        if manner is not None and manner.error_code is not None:
            return manner.error_code, "the simulated core was told to refuse this"
        return self._reject(request) if self._reject else None


def _as_request(query: PostingQuery) -> PostingRequest:
    """What the rules of misbehaviour look at."""
    return PostingRequest(
        instruction_id=query.instruction_id,
        attempt=query.attempt,
        kind="-",
        entity_id=query.entity_id,
        case_no=query.case_no,
        asset_no="-",
        ccy="-",
        amount="0",
        alloc={},
        value_date="-",
    )


def run_core_simulator(
    config: CoreSimulatorConfig, stop: threading.Event, on_answered: Callable[[int], None] | None = None
) -> None:
    """Answer requests until `stop` is set. Offsets are committed after the replies are delivered, so a kill
    repeats answers, which are equal, and loses none.

    Raises Unavailable where the broker, or the topic, is not there.
    """
    # Assigned by hand, not subscribed: the whole topic is read each time, whatever the group has committed,
    # and two simulators by mistake both give the same answers.
    consumer = Consumer(
        {
            **config.consumer,
            "group.id": config.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
        }
    )
    producer = RecordProducer(config.producer)
    core = SimulatedCore(config.reject, config.misbehaviours)
    late = LateReplies()
    answered = 0

    def give(reply: PostingReply, value: bytes | None = None) -> None:
        producer.send(
            config.reply_topic,
            reply.instruction_id.encode(),
            value or encode(reply),
            headers_of(config.reply_topic, reply, SOURCE),
        )

    def take(message: Message, topic: str, is_old: bool) -> int:
        """Whether a request was answered, now or later."""
        key, value = message.key() or b"", message.value() or b""
        if topic == config.query_topic:
            told = core.tell(value)
            if told is not None and not is_old:
                give(told)
            return 0
        if topic == config.transfer_topic:
            for entry in () if is_old else booked(value):
                place = topics.record_key(entry.entity_id, entry.customer_id, entry.account_id)
                producer.send(config.entry_topic, place, encode(entry), headers_of(config.entry_topic, entry, SOURCE))
            return 0
        answer = core.respond(key, value)
        if is_old:
            return 0
        if answer is None:
            log.warning("posting_request_not_answered", offset=message.offset())
            return 0
        for reply in late.held_back(answer, time.monotonic()):
            give(reply, answer.value() if reply is answer.reply else None)
        return 1

    try:
        asked_on = [config.request_topic, *filter(None, (config.query_topic, config.transfer_topic))]
        answered_up_to = _begin(consumer, asked_on)
        while not stop.is_set():
            messages = consumer.consume(_BATCH, timeout=_POLL_S)
            done: dict[tuple[str, int], int] = {}
            overdue = late.due(time.monotonic())
            for reply in overdue:
                give(reply)
            for message in messages:
                place, offset = _place(message)
                is_old = offset < answered_up_to.get(place, 0)  # answered by an earlier run: read to be remembered
                if not is_old:
                    done[place] = offset + 1
                answered += take(message, place[0], is_old)
            if done or overdue:
                producer.flush()
            if done:
                offsets = [TopicPartition(topic, p, next_) for (topic, p), next_ in done.items()]
                consumer.commit(offsets=offsets, asynchronous=False)
                if on_answered:
                    on_answered(answered)
    except KafkaException as error:
        raise Unavailable(f"the simulated core lost its broker: {error}") from error
    finally:
        consumer.close()


def _begin(consumer: Consumer, names: Sequence[str]) -> dict[tuple[str, int], int]:
    """Assign every partition of the topics from its beginning; returns the next offset to answer of each."""
    partitions = []
    for name in names:
        metadata = consumer.list_topics(name, timeout=10.0).topics[name]
        if metadata.error is not None:
            raise Unavailable(f"topic {name}: {metadata.error}", topic=name)
        partitions += [TopicPartition(name, p) for p in metadata.partitions]
    committed = consumer.committed(partitions, timeout=10.0)
    consumer.assign([TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions])
    return {(p.topic, p.partition): max(p.offset, 0) for p in committed}


def _place(message: Message) -> tuple[tuple[str, int], int]:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TidemarkError("a fetched record has no offset")
    return (topic, partition), offset


def _unreadable(key: bytes, value: bytes, text: str) -> PostingReply | None:
    """The refusal of what is not a request, under its key: its sender must not wait for ever."""
    try:
        instruction_id = key.decode()
    except UnicodeDecodeError:
        return None
    if not instruction_id:
        return None
    try:
        attempt = msgspec.json.decode(value, type=_Attempt).attempt
    except (msgspec.DecodeError, UnicodeDecodeError):
        attempt = 0
    return PostingReply(
        instruction_id=instruction_id,
        attempt=attempt,
        outcome="rejected",
        error_code=UNREADABLE,
        error_text=text,
    )


class _Attempt(msgspec.Struct):
    attempt: int = 0
