"""Which rows and columns of which ledgers an event moved, for its trace: found by its position, told by the ledgers.

A row is shown as `Ledgers.explain` shows it to the reader, at every day, as known now; a ledger of decisions, which
has no effects, has the event itself as a row and is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from aggregates.envelope import Principal
from api.ledgers import Ledgers
from engines.primitives.errors import NotFound
from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import Ledger
from projections.ledgers.effects import DAY_MAX
from projections.ledgers.registry import LEDGERS
from streams.lineage_events import LedgerRows

EVERY_DAY = date(9999, 12, 31)


def ledger_rows(ledgers: Ledgers) -> LedgerRows:
    """For `EventLineage`."""

    def rows(position: int, reader: Principal) -> Sequence[Mapping[str, Any]]:
        with ledgers.seen(next(iter(LEDGERS)), None, None, reader=reader) as (book, _, _):
            touched = {ledger.name: keys_at(book, ledger, position) for ledger in LEDGERS.values() if ledger.rules}
        return [
            {"ledger": name, "key": key, **change}
            for name, keys in touched.items()
            for key in keys
            for change in _changes(ledgers, name, key, position, reader)
        ]

    return rows


def keys_at(book: LedgerBook, ledger: Ledger, position: int) -> list[str]:
    """Keys of the rows that the event at a position moved."""
    found = book.effects_of(ledger).fold(DAY_MAX, position)  # as known right after it: nothing is newer than it
    codes = dict.fromkeys(found.key[found.position == position].tolist())
    return [book.names.texts[code] for code in codes]


def _changes(ledgers: Ledgers, name: str, key: str, position: int, reader: Principal) -> Iterator[Mapping[str, Any]]:
    try:
        told = ledgers.explain(name, key, as_of=EVERY_DAY, reader=reader)
    except NotFound:
        return  # not this reader's, or a row that is no more
    for event in told["events"]:
        if event["position"] == position:
            yield from event["changes"]
