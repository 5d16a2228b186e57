"""The hash chain over stored events, and what stands beside each event in `tidemark_leaf` (decision E6).

    hₙ   = SHA256(hₙ₋₁ ‖ originator_id ‖ version ‖ len(topic) ‖ topic ‖ state)      over the stored bytes
    leaf = position ‖ recorded_at ‖ hₙ
    headₙ = SHA256(headₙ₋₁ ‖ leaf)            so that a changed position or instant is noticed as well

Integers are 8 bytes big-endian, `len(topic)` 4, ids 16; h₀ and head₀ are 32 zero bytes. Pure functions:
reading and writing is the recorders'. Not proof that the end was not cut off: that needs a head kept outside
(E7).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent

_PLACE, _SIZES = Struct(">QQ").pack, Struct(">QI").pack
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENESIS = bytes(32)


class Leaf(NamedTuple):
    """`recorded_us`: microseconds since the epoch, UTC, rising strictly from leaf to leaf."""

    position: int
    recorded_us: int
    chain: bytes
    head: bytes


NO_LEAF = Leaf(0, 0, GENESIS, GENESIS)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def instant(recorded_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=recorded_us)


def link(previous: bytes, event: StoredEvent) -> bytes:
    originator = event.originator_id
    topic = event.topic.encode()
    name = originator.bytes if isinstance(originator, UUID) else UUID(originator).bytes
    # One buffer: five updates take twice as long for the few hundred bytes that a decision has.
    return sha256(previous + name + _SIZES(event.originator_version, len(topic)) + topic + event.state).digest()


def next_leaf(last: Leaf, event: StoredEvent, position: int, recorded_us: int) -> Leaf:
    chain = link(last.chain, event)
    leaf = position.to_bytes(8, "big") + recorded_us.to_bytes(8, "big") + chain
    return Leaf(position, recorded_us, chain, sha256(last.head + leaf).digest())


def extend(last: Leaf, events: Sequence[StoredEvent], positions: Sequence[int], now: datetime) -> list[Leaf]:
    """Leaves of the events of one transaction. To be called under the write lock: an instant taken before it
    puts neighbours out of order (decision E2)."""
    leaves = []
    clock_us = microseconds(now)
    _, recorded_us, chain, head = last
    for event, position in zip(events, positions, strict=True):  # as `next_leaf`, without the calls
        recorded_us = max(clock_us, recorded_us + 1)
        chain = link(chain, event)
        head = sha256(head + _PLACE(position, recorded_us) + chain).digest()
        leaves.append(Leaf(position, recorded_us, chain, head))
    return leaves


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Result of walking the log: how many events verify, the last head, and the first place that does not."""

    verified: int
    position: int
    head: bytes
    fault: str | None = None
    fault_position: int | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


class ChainWalk:
    """Verifies a log step by step: give it events and leaves of rising position, None where one is
    missing."""

    def __init__(self) -> None:
        self.last = NO_LEAF
        self.verified = 0

    def step(self, position: int, event: StoredEvent | None, leaf: Leaf | None) -> ChainReport | None:
        """Report of the first fault, or None if this place verifies."""
        fault = self._fault(event, leaf)
        if fault is not None:
            place = f" ({event.topic} of {event.originator_id} version {event.originator_version})" if event else ""
            return self.report(f"position {position}{place}: {fault}", position)
        self.verified += 1
        return None

    def report(self, fault: str | None = None, position: int | None = None) -> ChainReport:
        return ChainReport(self.verified, self.last.position, self.last.head, fault, position)

    def _fault(self, event: StoredEvent | None, leaf: Leaf | None) -> str | None:
        if event is None:
            return "a leaf stands without its event"
        if leaf is None:
            return "an event stands without its leaf"
        wanted = next_leaf(self.last, event, leaf.position, leaf.recorded_us)
        if wanted.chain != leaf.chain:
            return "the chain does not continue here: this event or one before it was changed or removed"
        if leaf.recorded_us <= self.last.recorded_us and self.verified:
            return "recorded_at does not rise"
        if wanted.head != leaf.head:
            return "position or recorded_at was changed"
        self.last = leaf
        return None
