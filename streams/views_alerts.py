"""Alerts and near-alerts as the view holds them.

An alert's identity is (source partition, sequence) within one log (decision S16): a repeat is dropped, a
hole in the sequence proves a loss and is counted until it is filled. All alerts stay in memory, some 1.5 kB
each: that is what makes any replica able to resume any client from the vector {partition: sequence}. Not
for delivery on channels: webhooks and mail have their own records (decision S33).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import msgspec

from engines.primitives.errors import InvalidInput
from streams.views_wire import Alert, Source, Withdrawal, lane_of

_PLACE = re.compile(r"([0-9]{1,9}):(-1|[0-9]{1,18})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Vector = dict[int, int]  # newest sequence delivered, per source partition


def vector_text(vector: Mapping[int, int]) -> str:
    """`"0:12,3:4"`: the form of an SSE id."""
    return ",".join(f"{partition}:{sequence}" for partition, sequence in sorted(vector.items()))


def parse_vector(text: str, field: str = "last_event_id") -> Vector:
    """Raises InvalidInput for anything but `partition:sequence,…`; a sequence of -1 stands for none yet."""
    vector: Vector = {}
    for part in filter(None, text.strip().split(",")):
        found = _PLACE.fullmatch(part)
        if found is None:
            raise InvalidInput(f"{text[:50]!r} is not a vector partition:sequence,…", field=field)
        vector[int(found[1])] = int(found[2])
    return vector


@dataclass(slots=True)
class Held:
    """The alerts of one lane, by sequence: of one partition of entries, or of the recorded cuts."""

    place: str
    sequences: list[int] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    ordinals: list[int] = field(default_factory=list)  # order in which this view applied them


@dataclass(slots=True)
class AlertBook:
    """`tm.risk.alert.v1`."""

    partitions: dict[int, Held] = field(default_factory=dict)
    by_id: dict[str, Alert] = field(default_factory=dict)
    count: int = 0
    repeats: int = 0
    conflicts: int = 0  # another alert under a known sequence: the fold is not deterministic, or its rules changed
    changed: list[Alert] = field(default_factory=list)
    decoder: msgspec.json.Decoder[Alert] = field(default_factory=lambda: msgspec.json.Decoder(Alert))

    def waiting(self) -> list[Alert]:
        return []

    def decode(self, key: bytes, value: bytes) -> tuple[Source, Alert]:
        alert = self.decoder.decode(value)
        return alert.source, alert

    def hold(self, waiting: list[Alert], item: Alert) -> None:
        waiting.append(item)

    def settle(self, place: str, waiting: list[Alert], limit: int) -> None:
        for alert in sorted((a for a in waiting if a.source.offset <= limit), key=lambda a: a.sequence):
            self._put(place, alert)
        waiting[:] = [alert for alert in waiting if alert.source.offset > limit]

    def clear(self, place: str, *, same_log: bool) -> None:
        """Another log starts its own sequences. A higher fold version repeats those known, so they stay."""
        if same_log:
            return
        gone = self.partitions.pop(lane_of(place), None)
        for alert in gone.alerts if gone else ():
            self.by_id.pop(alert.alert_id, None)

    def _put(self, place: str, alert: Alert) -> None:
        held = self.partitions.get(alert.lane)
        if held is None:
            held = self.partitions[alert.lane] = Held(place)
        at = bisect_right(held.sequences, alert.sequence)
        if at and held.sequences[at - 1] == alert.sequence:
            self.repeats += 1
            self.conflicts += held.alerts[at - 1].alert_id != alert.alert_id
            return
        held.sequences.insert(at, alert.sequence)
        held.alerts.insert(at, alert)
        held.ordinals.insert(at, self.count)
        self.count += 1
        self.by_id[alert.alert_id] = alert
        self.changed.append(alert)

    def missing(self) -> dict[int, int]:
        """How many sequences are missing below the newest, per source partition that misses any."""
        gaps = {p: held.sequences[-1] + 1 - len(held.sequences) for p, held in self.partitions.items()}
        return {partition: gap for partition, gap in sorted(gaps.items()) if gap}

    def vector(self) -> Vector:
        return {partition: held.sequences[-1] for partition, held in sorted(self.partitions.items())}

    def after(self, vector: Mapping[int, int], limit: int) -> list[Alert]:
        """At most `limit` alerts that a client at `vector` has not had, in the order this view applied them.

        Inside a partition that is the order of sequences, so the client's vector stays true after each of
        them.
        """
        found: list[tuple[int, Alert]] = []
        for partition, held in self.partitions.items():
            start = bisect_right(held.sequences, vector.get(partition, -1))
            end = start + limit
            # A hole filled late has a high ordinal between low ones: the running maximum keeps the order of
            # sequences.
            newest = -1
            for ordinal, alert in zip(held.ordinals[start:end], held.alerts[start:end], strict=True):
                newest = max(newest, ordinal)
                found.append((newest, alert))
        found.sort(key=lambda item: (item[0], item[1].lane, item[1].sequence))
        return [alert for _, alert in found[:limit]]

    def newest_first(self, before: Mapping[int, int] | None, after: Mapping[int, int]) -> Iterator[Alert]:
        """Alerts from the newest back, merged by the time Kafka took their entry; equal on every replica.

        Args:
            before: exclusive upper sequence per partition; a partition not named is left out. None: from
            the newest. after: exclusive lower sequence per partition; a partition not named has none.
        """
        heads: list[tuple[int, int, int]] = []  # -moment, partition, place in its list

        def push(partition: int, at: int) -> None:
            held = self.partitions[partition]
            if at >= 0 and held.sequences[at] > after.get(partition, -1):
                heappush(heads, (-_moment_us(held.alerts[at]), partition, at))

        for partition, held in self.partitions.items():
            if before is None or partition in before:
                bound = held.sequences[-1] + 1 if before is None else before[partition]
                push(partition, bisect_right(held.sequences, bound - 1) - 1)
        while heads:
            _, partition, at = heappop(heads)
            yield self.partitions[partition].alerts[at]
            push(partition, at - 1)


def _moment_us(alert: Alert) -> int:
    return (datetime.fromisoformat(alert.appended_at or alert.event_time) - EPOCH) // timedelta(microseconds=1)


@dataclass(slots=True)
class WithdrawalBook:
    """`tm.risk.withdrawal.v1`: the newest record per source partition and Kafka key."""

    rows: dict[tuple[str, bytes], Withdrawal] = field(default_factory=dict)
    changed: bool = False
    decoder: msgspec.json.Decoder[Withdrawal] = field(default_factory=lambda: msgspec.json.Decoder(Withdrawal))

    def waiting(self) -> list[tuple[bytes, Withdrawal]]:
        return []

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[bytes, Withdrawal]]:
        row = self.decoder.decode(value)
        return row.source, (key, row)

    def hold(self, waiting: list[tuple[bytes, Withdrawal]], item: tuple[bytes, Withdrawal]) -> None:
        waiting.append(item)

    def settle(self, place: str, waiting: list[tuple[bytes, Withdrawal]], limit: int) -> None:
        for key, row in waiting:
            held = self.rows.get((place, key))
            if row.source.offset <= limit and (held is None or row.source.offset > held.source.offset):
                self.rows[place, key] = row
                self.changed = True
        waiting[:] = [item for item in waiting if item[1].source.offset > limit]

    def clear(self, place: str, *, same_log: bool) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key[0] != place}
        self.changed = True
