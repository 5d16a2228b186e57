"""The worker's producer: fast, partition given by the caller, and no lost record goes unnoticed."""

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from engines.primitives.errors import Unavailable


class KafkaSink:
    def __init__(self, config: Mapping[str, Any], flush_timeout_s: float = 120.0) -> None:
        self._producer = Producer({**config, "delivery.report.only.error": True})
        self._failure: str | None = None
        self._flush_timeout_s = flush_timeout_s
        self._flushing = threading.Lock()
        self.produced = 0

    def produce(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Queue a record; waits while the queue is full.

        Raises Unavailable if an earlier one was not delivered: the caller must not go on as if it had been.
        """
        self._check()
        options: dict[str, Any] = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(
                    topic, value, key, on_delivery=self._report, headers=dict(headers or {}), **options
                )
                break
            except BufferError:
                self._producer.poll(0.05)
        self.produced += 1
        if self.produced % 512 == 0:
            self._producer.poll(0)

    def flush(self) -> None:
        """Returns when everything queued is delivered; raises Unavailable where something was not."""
        with self._flushing:
            remaining = self._producer.flush(self._flush_timeout_s)
        self._check()
        if remaining:
            raise Unavailable(f"{remaining} records were not delivered in {self._flush_timeout_s:g} s")

    def _report(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"a record for {message.topic()} was not delivered: {error.str()}"

    def _check(self) -> None:
        if self._failure is not None:
            raise Unavailable(self._failure)
