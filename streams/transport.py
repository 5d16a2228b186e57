"""Faust's aiokafka driver, delivering batches and leaving seeks and commits to our snapshots (ADR 0001).

Chosen by the broker URL `tidemark://host:port` through the entry-point group `faust.transports`. For topics that
are folded: one message a fetched range; the seek after an assignment goes where the snapshots say, whatever the
group has committed (S6); an acknowledged message commits its own range's end, for lag displays only (S7).
All other topics behave as Faust's own driver does.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.fetch_waits import set_fetch_waits
from streams.raw_batch import RawBatch

FULL_RETRY_S = 0.005
PREFETCH_BACKOFF_S = 0.004  # aiokafka's own 0.1 s is latency as soon as a partition is busy


class BatchSchema(faust.Schema[Any, Any]):
    """Hands a batch, or a raw value, to the agent as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


class ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes these in its constructor call; aiokafka reads them when it starts.
        consumer._isolation_level = "read_committed"  # S10
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher
        fetcher._prefetch_backoff = PREFETCH_BACKOFF_S
        set_fetch_waits(fetcher)


class Consumer(driver.Consumer):
    """`app.folded_topics` names the topics that come in batches; `app.claim` gives each one's next offset."""

    RebalanceListener: ClassVar[Any] = driver.ConsumerRebalanceListener

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._folded: frozenset[str] = self.app.folded_topics  # type: ignore[attr-defined]  # WorkerApp's
        self._claim: Callable[[set[TP]], Awaitable[Mapping[TP, int]]] = self.app.claim  # type: ignore[attr-defined]
        self._durable_offset: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if type(record) is not RawBatch:
            return super()._to_message(tp, record)
        self.app.bytes_in_flight += record.size_bytes  # type: ignore[attr-defined]  # WorkerApp's
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.to_offset - 1,
            int(record.appended_us[-1]) / 1e6 if len(record) else 0.0,
            0,
            [],
            None,
            record,  # type: ignore[arg-type]  # Faust's annotation says bytes; nothing of its reads it
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,  # without it streams skip the message in silence
        )

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - the signature is Faust's
        """Faust's own, once there is room: its buffers count batches, and what matters is bytes (S8)."""
        while self.app.is_full and not self.should_stop:  # type: ignore[attr-defined]  # WorkerApp's
            await self.sleep(FULL_RETRY_S)
        async for item in super().getmany(timeout):
            yield item

    async def seek_to_committed(self) -> Mapping[TP, int]:
        offsets = dict(await super().seek_to_committed())
        folded = {tp for tp in self.assignment() if tp.topic in self._folded}
        if folded:
            claimed = await self._claim(folded)
            await self._thread.seek_wait(claimed)
            offsets |= claimed
        return offsets

    def ack(self, message: Any) -> bool:
        if message.tp.topic not in self._folded:
            return super().ack(message)
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._durable_offset[message.tp] = max(message.offset + 1, self._durable_offset.get(message.tp, 0))
        self._n_acked += 1
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        yield from (tp for tp in self._durable_offset if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._durable_offset.get(tp) if tp.topic in self._folded else super()._new_offset(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self._folded:  # Faust would expand every offset of the range into an object
            await super()._add_gap(tp, offset_from, offset_to)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        for tp in revoked:
            self._durable_offset.pop(tp, None)
        await super().on_partitions_revoked(revoked)


class Transport(driver.Transport):
    Consumer: ClassVar[type[Consumer]] = Consumer
