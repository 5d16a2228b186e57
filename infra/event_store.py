"""The event store by setting: `sqlite` (data_dir/events.db) or postgresql://…; one log, one events table.

Opened once in `main` and shared by all applications (decision E4). Beside each event stand its leaf
(recorded_at, hash chain: E2, E6), the commands already carried out, and the cursors of the log's readers. Not
for money movements: an append takes one table lock, and entries stay in Kafka.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError

from aggregates.ports import Factory
from engines.primitives.errors import InvalidInput, Unavailable
from infra.checkpoint_keys import KEY_FILE, HeadKey
from infra.event_store_base import BaseDecisionRecorder, Claim
from infra.event_store_chain import ChainReport, ChainWalk, microseconds
from infra.event_store_heads import WitnessRule
from infra.event_store_sqlite import SqliteDecisionFactory

if TYPE_CHECKING:
    from infra.event_store_postgres import PostgresDecisionFactory

Clock = Callable[[], datetime]
SQLITE_FILE = "events.db"
WALK_EVENTS = 1_000


def utc_now() -> datetime:
    """The clock that `main` hands down; tests and scenarios hand down their own."""
    return datetime.now(UTC)


class EventStore:
    """One open store. `factory` goes to the applications; `recorder` is the same object for all of them."""

    def __init__(
        self, factory: "SqliteDecisionFactory | PostgresDecisionFactory", opened_as: tuple[str, Path] = ("", Path())
    ) -> None:
        """`opened_as`: setting and data directory, for processes that open it again."""
        self._opened, self.opened_as = factory, opened_as
        self.recorder: BaseDecisionRecorder = factory.recorder

    @property
    def factory(self) -> Factory:
        return cast("Factory", self._opened)  # the library's two factories differ in their tracking recorders

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def verify_chain(self) -> ChainReport:
        """Walk every event and leaf, oldest first, up to the first place that does not verify.

        A cut-off end cannot be seen from here; compare the report's head with one kept outside (decision E7).
        """
        walk = ChainWalk()
        with _translated():
            recorder, position = self.recorder, 0
            last = max(recorder.max_leaf_position(), recorder.max_notification_id() or 0)
            while position < last:
                # Both sides in the same windows, so that neither can hide a missing partner.
                found = recorder.select_notifications(position + 1, WALK_EVENTS)
                stop = min(found[-1].id, last) if found else last
                events = {event.id: event for event in found if event.id <= stop}
                leaves = {leaf.position: leaf for leaf in recorder.select_leaves(position + 1, stop)}
                for place in sorted(events.keys() | leaves.keys()):
                    if report := walk.step(place, events.get(place), leaves.get(place)):
                        return report
                position = stop
        return walk.report()


class Cursor:
    """A saved reading position with a lease; `claim` before reading, `move` after the work is done."""

    def __init__(self, store: EventStore, name: str, holder: str, *, clock: Clock, lease_s: float) -> None:
        self._recorder, self._name, self._holder = store.recorder, name, holder
        self._clock, self._lease_us = clock, int(lease_s * 1_000_000)
        self._until_us = 0
        self._epoch = 0

    def claim(self) -> int | None:
        """Last position done, if the lease is ours now; None while another owner's is running."""
        now_us = microseconds(self._clock())
        with _translated():
            claim: Claim | None = self._recorder.claim_cursor(
                self._name, self._holder, now_us, now_us + self._lease_us
            )
        if claim is None:
            return None
        self._until_us, self._epoch = now_us + self._lease_us, claim.epoch
        return claim.position

    @property
    def is_held(self) -> bool:
        """Whether the lease, as we last renewed it, is still running."""
        return microseconds(self._clock()) < self._until_us

    def move(self, position: int) -> bool:
        """Save a position and renew the lease; False, and nothing saved, if another owner has taken over."""
        until_us = microseconds(self._clock()) + self._lease_us
        with _translated():
            moved = self._recorder.move_cursor(self._name, self._holder, self._epoch, position, until_us)
        self._until_us = until_us if moved else 0
        return moved

    def release(self) -> None:
        """End the lease at once, so that a successor need not wait for it."""
        with _translated():
            if (position := self._position_if_held()) is not None:
                self._recorder.move_cursor(self._name, self._holder, self._epoch, position, 0)
        self._until_us = 0

    def _position_if_held(self) -> int | None:
        if not self._until_us:
            return None
        now_us = microseconds(self._clock())
        claim = self._recorder.claim_cursor(self._name, self._holder, now_us, now_us + self._lease_us)
        return None if claim is None else claim.position


def open_event_store(
    setting: str,
    data_dir: Path,
    *,
    clock: Clock = utc_now,
    key: HeadKey | None = None,
    rule: WitnessRule | None = None,
) -> EventStore:
    """Open the store that `settings.event_store` names, creating its tables if need be.

    `key` signs the head of every append; None: data_dir/audit/key.pem, made at the first one. `rule` is when appends
    are refused for want of witnesses.
    Raises: InvalidInput (unknown setting), Unavailable (the database does not answer).
    """
    signer = key or HeadKey(data_dir / KEY_FILE)
    with _translated():
        if setting == "sqlite":
            return EventStore(SqliteDecisionFactory(data_dir / SQLITE_FILE, clock, signer, rule), (setting, data_dir))
        if setting.startswith(("postgresql://", "postgres://")):
            from infra.event_store_postgres import PostgresDecisionFactory  # half a second of imports, if wanted

            return EventStore(PostgresDecisionFactory(setting, clock, signer, rule), (setting, data_dir))
    # The setting may hold a password: it is not repeated.
    raise InvalidInput("event_store must be `sqlite` or a postgresql:// URL", field="event_store")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("the event store does not answer") from error
    except PersistenceError as error:
        raise Unavailable(f"the event store failed: {type(error).__name__}") from error
