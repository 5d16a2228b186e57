"""Questions to ledgers as the API asks them: rows by the reader's rights, values opened by the reader's lens,
supplements laid over, then the query. Not for files: `ledger_exports.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.event_view import EventView
from aggregates.personal_tokens import BEGIN
from engines.primitives.errors import InvalidInput
from projections.ledgers.query import Query, ask, join_of
from projections.ledgers.query_supplements import KIND, Overlaid, Overlay, overlaid, overlays
from projections.ledgers.registry import ledger_of
from projections.ledgers.table import Cell, LedgerTable

Open = Callable[[str], str]


class Tables(Protocol):
    """Ledgers by a reader's rights: `api.ledgers.Ledgers`."""

    def table(
        self,
        name: str,
        as_of: date | datetime | None = None,
        known_at: date | datetime | None = None,
        *,
        reader: Principal,
        entity: str | None = None,
    ) -> LedgerTable: ...


class Assets(Protocol):
    """What is asked of the aggregates: `aggregates.assets.Assets`."""

    def execute(self, command: Command) -> Outcome: ...

    def history(
        self, aggregate: str, key: str, *, reader: Principal, known_at: datetime | date | None = None
    ) -> Sequence[EventView]: ...

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]: ...

    def list_cases(
        self, aggregate: str, *, reader: Principal, entity: str | None = None, stage: str | None = None
    ) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """One ledger at two instants, and what is asked of it."""

    ledger: str
    query: Query = field(default_factory=Query)
    as_of: date | datetime | None = None
    known_at: date | datetime | None = None
    entity: str | None = None
    with_supplements: bool = False

    def __str__(self) -> str:
        """What an export shows of the question beside the instants."""
        parts = [str(self.query)] if str(self.query) else []
        parts += [f"entity: {self.entity}"] if self.entity else []
        return "; ".join([*parts, *(["supplements: yes"] if self.with_supplements else [])])


class LedgerDesk:
    """`lens` gives what opens, masks or blots out the sealed values of a cell for a reader."""

    def __init__(self, tables: Tables, assets: Assets, lens: Callable[[Principal], Open]) -> None:
        self._tables, self._assets, self._lens = tables, assets, lens

    def answer(self, question: Question, reader: Principal) -> LedgerTable:
        """The table that answers a question, all ledgers in it at one log position.

        Raises NotFound: no such ledger; InvalidInput: the query cannot be.
        """
        main = self._seen(question, question.ledger, question.known_at, reader)
        # Joined ones stand where the first does, also when it was asked for as of now.
        names = {join_of(text)[0] for text in question.query.joins}
        others = {name: self._seen(question, name, main.known_at, reader) for name in sorted(names)}
        return ask(main, question.query, others, key=_key(main))

    def supplements(self, question: Question, reader: Principal) -> Overlaid:
        """The ledger with its supplements, and each overlaid cell with what the ledger itself says."""
        table = self._opened(
            self._tables.table(
                question.ledger, question.as_of, question.known_at, reader=reader, entity=question.entity
            ),
            reader,
        )
        return overlaid(table, self.overlays(reader, table.known_at), _key(table))

    def overlays(self, reader: Principal, known_at: datetime) -> list[Overlay]:
        """Supplements that the reader may see, as known at an instant."""
        events: list[EventView] = []
        for state in self._assets.list_cases(KIND, reader=reader):
            key = str(state["supplement_no"])
            events += [
                event for event in self._assets.history(KIND, key, reader=reader) if event.recorded_at <= known_at
            ]
        events.sort(key=lambda event: event.position)
        opened = self._lens(reader)
        return overlays(
            {
                "type": event.type,
                "key": event.key,
                "position": event.position,
                "actor": event.envelope.actor,
                "valid_on": event.envelope.valid_on,
                "payload": {
                    name: opened(value) if isinstance(value, str) else value for name, value in event.payload.items()
                },
            }
            for event in events
        )

    def _seen(
        self, question: Question, name: str, known_at: date | datetime | None, reader: Principal
    ) -> LedgerTable:
        if question.with_supplements:
            return self.supplements(replace(question, ledger=name, known_at=known_at), reader).table
        table = self._tables.table(name, question.as_of, known_at, reader=reader, entity=question.entity)
        return self._opened(table, reader)

    def _opened(self, table: LedgerTable, reader: Principal) -> LedgerTable:
        """Sealed values as the reader sees them, before anything is filtered or sorted by them."""
        if not any(isinstance(cell, str) and BEGIN in cell for row in table.rows for cell in row):
            return table
        opened = self._lens(reader)

        def seen(cell: Cell) -> Cell:
            return opened(cell) if isinstance(cell, str) and BEGIN in cell else cell

        return replace(table, rows=[tuple(map(seen, row)) for row in table.rows])


def _key(table: LedgerTable) -> tuple[str, ...]:
    """Columns that name a row, as far as the table has them."""
    names = {column.name for column in table.columns}
    return tuple(name for name in ledger_of(table.name).key if name in names)


def parts(texts: Sequence[str] | None, field_name: str) -> tuple[str, ...]:
    """Columns of a request: `a, per_cent(b, c)` in one text or in several; commas inside brackets part nothing."""
    found: list[str] = []
    for text in texts or ():
        depth, start = 0, 0
        for at, letter in enumerate(text + ","):
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "," and depth <= 0:
                found.append(text[start:at].strip())
                start = at + 1
        if depth > 0:
            raise InvalidInput(f"{field_name}: a bracket is left open in {text!r:.60}", field=field_name)
    return tuple(part for part in found if part)
