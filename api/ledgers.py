"""Ledgers as a reader may see them: any of them, as of a day, as far as it was known at an instant.

`Ledgers.table` gives one as a `LedgerTable`; so do the exports, which take it from here. Rows are those of the
reader's entities, and of the reader's organisation and those below it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from aggregates.assets import BANK_ZONE
from aggregates.commands import end_of_day
from aggregates.envelope import Principal
from aggregates.event_view import instant
from api.moments import Moment
from engines.primitives.errors import NotFound
from infra.ledger_views import LedgerViews, microseconds
from projections.ledgers.book import LedgerBook
from projections.ledgers.decisions import decisions_frame
from projections.ledgers.definition import Ledger
from projections.ledgers.event_log import Told
from projections.ledgers.explanation import Change, differences, explain
from projections.ledgers.frame import Frame, fields_of, frame
from projections.ledgers.registry import LEDGERS, ledger_of
from projections.ledgers.selection import Selection, instant_of, select
from projections.ledgers.table import Cell, Column, LedgerTable
from projections.work.sight import HEAD_OFFICE, NOWHERE

Json = dict[str, Any]
EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Moments:
    """The two instants of a question, resolved."""

    as_of: date
    known_at: datetime
    position: int


class Ledgers:
    """`bank_day` is the business day of an instant in an entity's bank time."""

    def __init__(
        self,
        views: LedgerViews,
        clock: Callable[[], datetime],
        bank_day: Callable[[str, datetime], date],
        zone: str = BANK_ZONE,
    ) -> None:
        self._views, self._clock, self._bank_day, self._zone = views, clock, bank_day, ZoneInfo(zone)

    def table(
        self,
        name: str,
        as_of: Moment = None,
        known_at: Moment = None,
        *,
        reader: Principal,
        entity: str | None = None,
        asked: Selection = EVERYTHING,
    ) -> LedgerTable:
        """One ledger. `as_of`: a day, or an instant for its bank day; default today. `known_at`: an instant, or a day
        for its end; default now.

        Raises NotFound: no such ledger; InvalidInput: a column, a condition or an order that cannot be; Unavailable.
        """
        with self.seen(name, as_of, known_at, reader=reader, entity=entity) as (book, found, moments):
            return select(book, found, asked, moments.known_at)

    @contextmanager
    def seen(
        self,
        name: str,
        as_of: Moment,
        known_at: Moment,
        *,
        reader: Principal,
        entity: str | None = None,
    ) -> Iterator[tuple[LedgerBook, Frame, Moments]]:
        """The rows that a reader may see, before any condition; the book stands still inside the block."""
        ledger = ledger_of(name)
        with self._views.current() as book:
            moments = self.moments(book, as_of, known_at)
            yield book, self.visible(book, ledger, moments, reader, entity), moments

    def visible(
        self, book: LedgerBook, ledger: Ledger, moments: Moments, reader: Principal, entity: str | None
    ) -> Frame:
        make = decisions_frame if ledger.name == "decisions" else frame
        whole = make(book, ledger, moments.as_of.toordinal(), moments.position)
        codes, inverse = np.unique(whole.columns["entity"], return_inverse=True)
        names = [book.names.texts[code] for code in codes.tolist()]
        allowed = [reader.may_act_for(name) and entity in (None, name) for name in names]
        mask = np.array(allowed, np.bool_)[inverse.reshape(-1)]
        if (orgs := organisations(book, reader)) is not None:
            own = [book.names.find(org) for org in orgs]
            mask &= np.isin(whole.columns["org"], own) | np.isin(whole.columns["branch"], own)
        return whole if bool(mask.all()) else whole.take(mask)

    def moments(self, book: LedgerBook, as_of: Moment, known_at: Moment) -> Moments:
        """The day, the instant and the position that a question stands for (decision E2)."""
        now = self._clock()
        # "Now" is everything that was stored before the question; the newest may be stamped a little later.
        known = max(now, instant_of(book.log.newest_us)) if known_at is None else known_at
        if not isinstance(known, datetime):
            known = end_of_day(known, self._zone)
        day = now if as_of is None else as_of
        if isinstance(day, datetime):
            day = self._bank_day("-", day)
        return Moments(day, known, book.log.position_at(microseconds(known)))

    def explain(
        self, name: str, key: str, as_of: Moment = None, known_at: Moment = None, *, reader: Principal
    ) -> Json:
        """The events behind one row and what each did to which cell. Raises NotFound: no such row then, or not for
        this reader."""
        with self.seen(name, as_of, known_at, reader=reader) as (book, found, moments):
            ledger = found.ledger
            code = int(key) if not ledger.rules and key.isdigit() else book.names.find(key)
            at = np.flatnonzero(found.keys == code)
            if not len(at):
                raise NotFound(f"no row {key!r:.80} in {name} then", field="key")
            row = select(book, found.take(at), EVERYTHING, moments.known_at)
            steps = explain(book, ledger, code, found.day, found.position)
            return {
                **stamp(ledger, moments),
                "key": key,
                "row": {one.name: plain(cell) for one, cell in zip(row.columns, row.rows[0], strict=True)},
                "derived": {
                    one.name: one.derived or one.joined for one in ledger.fields if one.derived or one.joined
                },
                "events": [
                    {**told_event(step.event), "changes": [told_change(change) for change in step.changes]}
                    for step in steps
                ],
            }

    def difference(
        self,
        name: str,
        first: tuple[Moment, Moment],
        second: tuple[Moment, Moment],
        *,
        reader: Principal,
        entity: str | None = None,
        limit: int | None = None,
    ) -> Json:
        """Rows and cells of which two reports (as_of, known_at) say something else, and the events behind it."""
        ledger = ledger_of(name)
        with self._views.current() as book:
            moments = [self.moments(book, *pair) for pair in (first, second)]
            sides = [self.visible(book, ledger, one, reader, entity) for one in moments]
            found = list(differences(book, *sides))
        rows = [
            {
                "key": book.names.texts[one.key] if ledger.rules else str(one.key),
                "kind": one.kind,
                "cells": [{"column": c, "before": plain(b), "after": plain(a)} for c, b, a in one.cells],
                "events": [told_event(event) for event in one.events],
            }
            for one in found[:limit]
        ]
        return {
            "first": stamp(ledger, moments[0]),
            "second": stamp(ledger, moments[1]),
            "count": len(found),
            "rows": rows,
        }


# --- As JSON -------------------------------------------------------------------------------------------------------


def listed() -> list[Json]:
    """Every ledger: name, titles, key, default order, columns."""
    return [
        {
            "name": ledger.name,
            "id": ledger.id,
            "title": ledger.title,
            "title_zh": ledger.title_zh,
            "key": list(ledger.key),
            "sort": ledger.sort,
            "fed_by": ledger.fed_by,
            "columns": [told_column(one.column) for one in fields_of(ledger)],
        }
        for ledger in LEDGERS.values()
    ]


def told(table: LedgerTable) -> Json:
    """A table as JSON: amounts as decimal text, instants in UTC."""
    names = [column.name for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "title_zh": table.title_zh,
        "as_of": table.as_of.isoformat(),
        "known_at": instant(table.known_at),
        "position": table.position,
        "row_count": table.row_count,
        "columns": [told_column(column) for column in table.columns],
        "rows": [dict(zip(names, map(plain, row), strict=True)) for row in table.rows],
        "totals": {ccy: {name: str(sum_) for name, sum_ in sums.items()} for ccy, sums in table.totals.items()},
    }


def told_column(column: Column) -> Json:
    return {
        "name": column.name,
        "title": column.title,
        "title_zh": column.title_zh,
        "kind": column.kind.value,
        "personal": column.personal,
        "summed": column.summed,
    }


def told_event(event: Told) -> Json:
    shown = event._asdict()
    del shown["recorded_us"]
    return shown | {
        "recorded_at": instant(instant_of(event.recorded_us)),
        "valid_on": date.fromordinal(event.valid_on).isoformat(),
    }


def told_change(change: Change) -> Json:
    return {
        "column": change.column,
        "member": change.member,
        "counts_on": change.counts_on.isoformat(),
        "how": "set" if change.sets else "add",
        "value": plain(change.value),
        "before": plain(change.before),
        "after": plain(change.after),
    }


def stamp(ledger: Ledger, moments: Moments) -> Json:
    return {
        "name": ledger.name,
        "as_of": moments.as_of.isoformat(),
        "known_at": instant(moments.known_at),
        "position": moments.position,
    }


def plain(cell: Cell) -> str | int | bool | None:
    """A cell as JSON has it."""
    if isinstance(cell, datetime):
        return instant(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell) if isinstance(cell, Decimal) else cell


def organisations(book: LedgerBook, reader: Principal) -> frozenset[str] | None:
    """The reader's organisation and all below it; None: every one (`projections.work.sight`)."""
    if reader.organisation == NOWHERE or any(role in HEAD_OFFICE for role in reader.roles):
        return None
    below: dict[str, list[str]] = {}
    for org, parent in book.memory.parents.items():
        below.setdefault(parent, []).append(org)
    found, waiting = {reader.organisation}, [reader.organisation]
    while waiting:
        fresh = [child for child in below.get(waiting.pop(), ()) if child not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return frozenset(found)
