"""What the applications ask of the event store, so that `aggregates` chooses no database.

`infra.event_store` keeps these promises on SQLite and PostgreSQL; one conformance suite tests both.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory, TrackingRecorder

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored event with its place in the one log: bytes as stored, position, and when it became known."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """Written in the transaction of the events that a command caused; `digest` tells its content apart."""

    cmd_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class StoredCommand:
    digest: bytes
    first_position: int
    last_position: int


class DecisionRecorder(ApplicationRecorder):
    """The log of decisions. `insert_events(events, command=CommandRecord(…))` stores events, leaves and
    command together or not at all, and raises the library's IntegrityError for a stale version or a known
    `cmd_id`."""

    @abstractmethod
    def stored_command(self, cmd_id: str) -> StoredCommand | None: ...

    @abstractmethod
    def select_recorded(
        self,
        *,
        start: int = 1,
        stop: int | None = None,
        limit: int | None = None,
        originator_id: UUID | None = None,
    ) -> Sequence[Recorded]:
        """Events at positions start..stop, rising; of one stream if `originator_id` is given."""

    @abstractmethod
    def position_known_at(self, moment: datetime) -> int:
        """Last position recorded at or before an instant; 0 if none (decision E2)."""

    @abstractmethod
    def chain_at(self, position: int) -> bytes:
        """The hash chain over all events up to a position that exists (decision E6)."""


Factory = InfrastructureFactory[TrackingRecorder]
