"""Notifications as records of a Kafka topic `tm.out.notification.NAME.v1`, for programs of the bank that read Kafka.

The value is the body of a webhook; id, type and time stand in CloudEvents headers (S25). Key is the subscription, so
that what one is told stays in order. Only topics that the policy names: a subscription must not write into any other.
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from engines.primitives.errors import InvalidInput, TidemarkError
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, Result, failed, retry
from infra.channels.webhook import of_subscription
from projections.alert_notification import Notification
from streams.producer import RecordProducer
from streams.schemas import cloud_event_headers

SOURCE = "tidemark/notifier"

Prepare = Callable[[str], None]


class KafkaChannel:
    """`prepare` makes or checks a topic before its first record. One record is on its way at a time: what the
    producer reports at its flush is this record's outcome."""

    def __init__(
        self,
        producer: Callable[[], RecordProducer],
        topics: Collection[str],
        messages: Messages,
        *,
        timeout_s: float,
        prepare: Prepare = lambda _: None,
    ) -> None:
        self._make, self._topics, self._messages, self._prepare = producer, frozenset(topics), messages, prepare
        self._producer: RecordProducer | None = None
        self._prepared: set[str] = set()
        self._threads = ThreadPoolExecutor(1, "kafka-channel")  # one record after the other
        self.timeout_s = timeout_s

    async def send(self, notification: Notification, now: datetime) -> Outcome:
        if notification.target not in self._topics:
            return failed("the policy names no such topic")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, notification)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, told: Notification) -> Outcome:
        try:
            if told.target not in self._prepared:
                self._prepare(told.target)
                self._prepared.add(told.target)
            if self._producer is None:
                self._producer = self._make()
            headers = cloud_event_headers(self._messages.type(told), told.notification_id, SOURCE, told.due_at)
            key = of_subscription(told.subscription).encode()
            self._producer.send(told.target, key, self._messages.body(told), headers)
            self._producer.flush(self.timeout_s * 0.8)
        except InvalidInput:
            return failed("the record is larger than the topic takes")
        except TidemarkError as error:
            return retry(f"Kafka did not take it: {error.code}")
        return Outcome(Result.DELIVERED)
