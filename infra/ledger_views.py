"""The ledgers of one process: our own puller over the decision log (decision E5), with its position kept with the
effects, in memory and in a stored snapshot (`ledger_store.py`). A reader sees every event stored before it asked.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from aggregates.event_view import EventView
from projections.ledgers.book import LedgerBook

PULL_LIMIT = 1_000
Pull = Callable[[int, int], Sequence[EventView]]  # after a position, at most so many
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BookStore(Protocol):
    """Where a book is kept between processes."""

    def load(self) -> LedgerBook | None: ...

    def save(self, book: LedgerBook) -> None: ...


class LedgerViews:
    """`pull` gives the next events of the log, as `Assets.published_after` does; `save_every`: events after which the
    book is stored again; `book`: one to go on from, without a look into the store."""

    def __init__(
        self, pull: Pull, store: BookStore | None = None, save_every: int = 50_000, book: LedgerBook | None = None
    ) -> None:
        self._pull, self._store, self._save_every = pull, store, save_every
        self._lock = Lock()
        self._book = book
        self._saved_at = 0

    @contextmanager
    def current(self) -> Iterator[LedgerBook]:
        """The book up to the end of the log as it is now; nothing changes it inside the block.

        Raises Unavailable: the store does not answer; the book stays at the last event that it holds.
        """
        with self._lock:
            book = self._book = self._book or self._loaded()
            while batch := self._pull(book.position, PULL_LIMIT):
                book.fold(map(lean, batch))
            if self._store is not None and book.position - self._saved_at >= self._save_every:
                self._store.save(book)
                self._saved_at = book.position
            yield book

    def _loaded(self) -> LedgerBook:
        stored = None if self._store is None else self._store.load()
        if stored is not None and self._fits(stored):
            self._saved_at = stored.position
            return stored
        return LedgerBook()

    def _fits(self, book: LedgerBook) -> bool:
        """Whether the last event that the book holds is the log's own: another log is another book."""
        if not book.position:
            return True
        last = self._pull(book.position - 1, 1)
        if not last or last[0].position != book.position:
            return False
        event, told = lean(last[0]), book.log.told(book.position)
        return (event["recorded_us"], event["type"], event["key"]) == (told.recorded_us, told.type, told.key)


def lean(event: EventView) -> dict[str, Any]:
    """What the ledgers read of an event."""
    who = event.envelope
    return {
        "position": event.position,
        "recorded_us": microseconds(event.recorded_at),
        "aggregate": event.aggregate,
        "key": event.key,
        "version": event.version,
        "type": event.type,
        "valid_on": who.valid_on.toordinal(),
        "actor": who.actor,
        "role": who.role,
        "org": who.org,
        "entity": who.entity,
        "reason": who.reason,
        "payload": event.payload,
    }


def microseconds(moment: datetime) -> int:
    """Since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND
