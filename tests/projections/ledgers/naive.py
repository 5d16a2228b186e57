"""Ledgers computed again from the raw events, the slow way: plain dicts, decimals, nothing shared with the ledgers.

First the events are walked in recorded order, to settle what each aggregate decided then (what a cost was added to,
which suit a recovery counted for). That gives single changes, each with its day; those that count by `as_of` are then
carried out one after the other in the order (day, position). Every cell that this knows is compared; it knows every
amount, stage and date of the 18 ledgers, and leaves out names that are copied from a field without further ado.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from aggregates.event_view import EventView

D = Decimal
BUCKETS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")
BOOK = ("costs", "principal", "interest_on")
Rows = dict[str, dict[str, dict[str, Any]]]


class Naive:
    """`changes`: (day, position, number, ledger, row, column, do, value)."""

    def __init__(self, events: Sequence[EventView], position: int, readers: "Mapping[str, Reader]") -> None:
        self.readers = readers
        self.changes: list[tuple[date, int, int, str, str, str, str, Any]] = []
        self.case: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        for event in events:
            if event.position <= position:
                self.event, self.p, self.day = event, event.payload, event.envelope.valid_on
                self.read()

    def rows(self, as_of: date) -> Rows:
        found: Rows = defaultdict(lambda: defaultdict(dict))
        for day, _, _, ledger, row, column, do, value in sorted(self.changes, key=lambda change: change[:3]):
            if day > as_of:
                continue
            cells = found[ledger][row]
            if do == "=":
                cells[column] = value
            elif do == "+":
                cells[column] = (cells.get(column) or 0) + value
            elif do == "in":
                cells[column] = cells.get(column, frozenset()) | {value}
            else:
                cells[column] = cells.get(column, frozenset()) - {value}
        return {name: {key: row for key, row in rows.items() if row.get("there")} for name, rows in found.items()}

    # --- Writing changes down ------------------------------------------------------------------------------

    def put(self, ledger: str, row: str, day: date | None = None, /, **cells: Any) -> None:
        for column, value in cells.items():
            if value is not None:
                self.note(ledger, row, column, "=", None if value == "NIL" else value, day)

    def add(self, ledger: str, row: str, day: date | None = None, /, **cells: Any) -> None:
        for column, value in cells.items():
            if value is not None:
                self.note(ledger, row, column, "+", D(value) if isinstance(value, str) else value, day)

    def note(self, ledger: str, row: str, column: str, do: str, value: Any, day: date | None = None) -> None:
        number = len(self.changes)
        self.changes.append((day or self.day, self.event.position, number, ledger, row, column, do, value))

    def money(self, *names: str) -> dict[str, Any]:
        return {name: D(self.p[name]) for name in names if self.p.get(name) is not None}

    def text(self, *names: str) -> dict[str, Any]:
        return {name: self.p[name] for name in names if self.p.get(name) is not None}

    def days(self, *names: str) -> dict[str, Any]:
        return {name: date.fromisoformat(self.p[name]) for name in names if self.p.get(name) is not None}

    @property
    def alloc(self) -> dict[str, Decimal]:
        return {bucket: D(part) for bucket, part in (self.p.get("alloc") or {}).items()}

    # --- One event -----------------------------------------------------------------------------------------

    def read(self) -> None:
        event, p = self.event, self.p
        own = self.case[event.aggregate, event.key]
        for name in ("asset_ids", "loan_nos"):
            if p.get(name) and event.aggregate not in ("RiskAsset", "AssetPool"):
                own["notes"] = list(p[name])
        for name in ("asset_no", "loan_no"):
            if p.get(name) and event.aggregate not in ("RiskAsset", "AssetPool"):
                own.setdefault("notes", [p[name]])
        if event.aggregate == "RiskAsset":
            own["notes"] = [event.key]
        if (reader := self.readers.get(event.aggregate)) is not None:
            reader(self, own)


Reader = Callable[[Naive, dict[str, Any]], None]
