"""The event store as a log of the archive: decisions, with their place in the hash chain (decision E6).

A record is one stored event: its position as offset, recorded_at as timestamp, the stream's id as key, the stored
bytes as value, and version, topic, chain and head in headers, so that the archive's Merkle roots cover them all.
The log is the event store's own life: its id is the first link of its chain.
"""

from collections.abc import Mapping
from typing import Protocol

import polars as pl

from engines.primitives.errors import CorruptRecord
from infra.archive_files import Headers, Records
from infra.event_store import EventStore
from infra.snapshot_files import LogPartition

EVENTS = "events"
WINDOW = 1_000


class Limit(Protocol):
    """How much makes a file."""

    @property
    def records(self) -> int: ...

    @property
    def bytes(self) -> int: ...


class EventSource:
    """As `streams.archive.Source`, of one log with one partition."""

    def __init__(self, store: EventStore) -> None:
        self._recorder = store.recorder

    def logs(self) -> list[LogPartition]:
        """The one log; none while nothing is stored."""
        first = self._recorder.select_leaves(1, 1)
        return [LogPartition("event-store", EVENTS, first[0].chain.hex()[:32], 0, 1)] if first else []

    def bounds(self) -> Mapping[tuple[str, int], tuple[int, int]]:
        last = self._recorder.max_leaf_position()
        return {(EVENTS, 0): (1, last + 1)} if last else {}

    def read(self, topic: str, partition: int, start: int, end: int, limit: Limit) -> tuple[Records, int]:
        """Events at positions [start, to). Raises CorruptRecord where an event stands without its leaf."""
        records, size, at = Records(), 0, start
        while at < end and size < limit.bytes and len(records) < limit.records:
            stop = min(at + WINDOW, end)
            leaves = {leaf.position: leaf for leaf in self._recorder.select_leaves(at, stop - 1)}
            for event in self._recorder.select_recorded(start=at, stop=stop - 1):
                leaf = leaves.get(event.position)
                if leaf is None:
                    raise CorruptRecord("an event stands without its leaf", position=event.position)
                records.offsets.append(event.position)
                records.timestamps_us.append(leaf.recorded_us)
                records.keys.append(str(event.originator_id).encode())
                records.values.append(bytes(event.state))
                records.headers.append(_headers(event.originator_version, event.topic, leaf.chain, leaf.head))
                size += len(event.state)
            at = stop
        return records, at


def _headers(version: int, topic: str, chain: bytes, head: bytes) -> Headers:
    return [("version", str(version).encode()), ("topic", topic.encode()), ("chain", chain), ("head", head)]


def event_columns(records: Records) -> pl.DataFrame:
    """`recorded_at`, `originator_id`, `originator_version`, `event_topic`, `chain` and `head`, one row an event."""
    told = [dict(one) for one in records.headers]
    return pl.DataFrame(
        {
            "recorded_at": pl.Series(records.timestamps_us, dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "originator_id": [(key or b"").decode() for key in records.keys],
            "originator_version": [int(one["version"] or b"0") for one in told],
            "event_topic": [(one["topic"] or b"").decode() for one in told],
            "chain": [one["chain"] for one in told],
            "head": [one["head"] for one in told],
        }
    )
