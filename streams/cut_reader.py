"""Reads recorded cuts back, newest first, for whoever asks what the limits were judged on."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import Unavailable
from infra.kafka.admin import log_bounds
from streams.cut_records import RiskCut, decode
from streams.stored_states import LogReader
from streams.topics import CUT


class PlacedCut(NamedTuple):
    offset: int
    cut: RiskCut


RecentCuts = Callable[[int | None, int], list[PlacedCut]]
"""At most so many cuts below an offset (None: from the newest on), newest first. Raises Unavailable."""


class CutReader:
    """One consumer, one request at a time. Thread-safe."""

    def __init__(self, admin: AdminClient, consumer: Mapping[str, Any]) -> None:
        self._admin, self._consumer = admin, dict(consumer)
        self._lock = threading.Lock()

    def __call__(self, before: int | None, limit: int) -> list[PlacedCut]:
        try:
            with self._lock:
                return self._read(before, limit)
        except KafkaException as error:
            raise Unavailable(f"no recorded cuts: {error}") from error

    def newest(self) -> RiskCut | None:
        """None: there is none yet."""
        found = self(None, 1)
        return found[0].cut if found else None

    def _read(self, before: int | None, limit: int) -> list[PlacedCut]:
        first, end = log_bounds(self._admin, {CUT})[CUT, 0]
        end = end if before is None else max(first, min(before, end))
        start = max(first, end - limit)
        if start == end:
            return []
        reader, found = LogReader(self._consumer), []
        try:
            for raw in reader.batches(CUT, 0, start, end):
                for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
                    found += _decoded(offset, value)
        finally:
            reader.close()
        return found[::-1]


def _decoded(offset: int, value: bytes | None) -> list[PlacedCut]:
    """What is no cut has a dead letter of its own, and is left out."""
    try:
        return [PlacedCut(offset, decode(value or b""))]
    except msgspec.MsgspecError:
        return []
