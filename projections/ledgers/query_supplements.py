"""Cells entered by hand, laid over a ledger (PLT-58): effective is the latest approved and unexpired one, else the
ledger's own.

Pure: what was entered comes in as events in recorded order, the ledger as it stands. Every overlaid row says which of
its columns are, so that a filter, a spreadsheet and a page can show it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_formula import EXACT, decimal_of, per_cent
from projections.ledgers.query_values import value_of
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

KIND = "LedgerSupplement"
SEPARATOR = "|"  # between the parts of a row's key
MARK = Column("supplemented", "Entered by hand", "补录字段")
BETWEEN = ", "  # the names in a mark
RUNNING = 3  # periods in a row: then the source has a fault, and not the row


@dataclass(frozen=True, slots=True)
class Overlay:
    """One approved entry. It holds for as-of days from `first_on` to `last_on`, and `valid_until` at the latest."""

    supplement_no: str
    dataset: str
    row_key: str
    field: str
    period: str
    value: str
    reason: str
    evidence: str
    maker: str
    approver: str
    approved_position: int
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        first, last = period_of(self.period)
        return first <= day <= last and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class OverlaidCell:
    """What the ledger itself says and what is shown instead; `problem`: why an overlay could not be shown."""

    overlay: Overlay
    system: Cell
    effective: Cell
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Overlaid:
    """`share_pct`: overlaid cells of all cells, in per cent."""

    table: LedgerTable
    cells: tuple[OverlaidCell, ...]
    share_pct: Decimal


def period_of(text: str) -> tuple[date, date]:
    """First and last day of `2026`, `2026-Q4`, `2026-11` or `2026-11-30`. Raises InvalidInput."""
    try:
        year = int(text[:4])
        if len(text) == 10:
            day = date.fromisoformat(text)
            return day, day
        first, months = (
            (1, 12) if len(text) == 4 else (int(text[6]) * 3 - 2, 3) if "Q" in text else (int(text[5:]), 1)
        )
        last = date(year + (first + months > 12), (first + months - 1) % 12 + 1, 1) - timedelta(days=1)
        return date(year, first, 1), last
    except (ValueError, IndexError):
        raise InvalidInput(f"{text!r:.20} is no period", field="period") from None


def overlays(events: Iterable[Mapping[str, Any]]) -> list[Overlay]:
    """What is approved after these events, latest approval last; an expired one holds up to the day before.

    An event has `type`, `key`, `position`, `actor`, `valid_on` and `payload`, as the log shows them; other kinds are
    passed over.
    """
    entered: dict[str, Mapping[str, Any]] = {}
    approved: dict[str, Overlay] = {}
    for event in events:
        key = str(event["key"])
        if event["type"] == "SupplementEntered":
            entered[key] = event
        elif event["type"] == "SupplementApproved" and key in entered:
            first = entered[key]
            facts = first["payload"]
            until = facts.get("valid_until")
            approved[key] = Overlay(
                supplement_no=key,
                dataset=str(facts["dataset"]),
                row_key=str(facts["row_key"]),
                field=str(facts["field"]),
                period=str(facts["period"]),
                value=str(facts["value"]),
                reason=str(facts.get("reason", "")),
                evidence=str(facts.get("evidence", "")),
                maker=str(first["actor"]),
                approver=str(event["actor"]),
                approved_position=int(event["position"]),
                valid_until=None if until is None else _day(until),
            )
        elif event["type"] == "SupplementExpired" and key in approved:
            one, last = approved[key], _day(event["valid_on"]) - timedelta(days=1)
            approved[key] = replace(one, valid_until=min(one.valid_until or last, last))
    return sorted(approved.values(), key=lambda one: one.approved_position)


def overlaid(table: LedgerTable, found: Sequence[Overlay], key: Sequence[str] = ()) -> Overlaid:
    """The ledger with what holds for its day laid over it, and a column that names the overlaid ones of each row.

    `key`: columns that name a row, joined by `|`; default: the first. Totals follow. An overlay whose row or column
    is not there, or whose value the column cannot have, changes nothing and says so in its cell.
    """
    places = {column.name: at for at, column in enumerate(table.columns)}
    keys = [places[name] for name in key or (table.columns[0].name,)]
    latest = {
        (one.row_key, one.field): one for one in found if one.dataset == table.name and one.holds_on(table.as_of)
    }
    wanted: dict[str, list[Overlay]] = {}
    for one in latest.values():
        wanted.setdefault(one.row_key, []).append(one)
    rows: list[tuple[Cell, ...]] = []
    cells: list[OverlaidCell] = []
    totals = {ccy: dict(sums) for ccy, sums in table.totals.items()}
    for row in table.rows:
        shown, names = list(row), []
        for one in wanted.pop(SEPARATOR.join(str(row[at]) for at in keys), ()):
            cell = _cell(table, places, keys, row, one)
            cells.append(cell)
            if not cell.problem:
                names.append(one.field)
                shown[places[one.field]] = cell.effective
                _retotal(table, places, row, cell, totals)
        rows.append((*shown, BETWEEN.join(sorted(names)) or None))
    cells += [OverlaidCell(one, None, None, "no such row") for left in wanted.values() for one in left]
    share = per_cent(sum(not cell.problem for cell in cells), len(table.rows) * len(table.columns)) or Decimal(0)
    shown_table = replace(table, columns=(*table.columns, MARK), rows=rows, totals=totals)
    return Overlaid(shown_table, tuple(sorted(cells, key=lambda cell: cell.overlay.approved_position)), share)


def _cell(
    table: LedgerTable, places: Mapping[str, int], keys: Sequence[int], row: Sequence[Cell], one: Overlay
) -> OverlaidCell:
    at = places.get(one.field)
    if at is None:
        return OverlaidCell(one, None, None, "no such column")
    if at in keys or one.field == "ccy":
        return OverlaidCell(one, row[at], row[at], "a key or a currency is never entered by hand")
    try:
        value = value_of(table.columns[at], one.value)
    except InvalidInput as error:
        return OverlaidCell(one, row[at], row[at], str(error))
    if table.columns[at].kind is Kind.NUMBER and value == int(decimal_of(value)):
        value = int(decimal_of(value))
    return OverlaidCell(one, row[at], value)


def _retotal(
    table: LedgerTable,
    places: Mapping[str, int],
    row: Sequence[Cell],
    cell: OverlaidCell,
    totals: dict[str, dict[str, Decimal]],
) -> None:
    column = table.columns[places[cell.overlay.field]]
    if not column.summed:
        return
    ccy = str(row[places["ccy"]]) if "ccy" in places else "-"
    sums = totals.setdefault(ccy, {})
    before = Decimal(0) if cell.system is None else decimal_of(cell.system)
    change = EXACT.subtract(decimal_of(cell.effective), before)
    sums[column.name] = EXACT.add(sums.get(column.name, Decimal(0)), change)


def running(found: Iterable[Overlay], count: int = RUNNING) -> list[tuple[str, str, str]]:
    """(ledger, row, field) overlaid in so many periods of one length running: the source is to be mended instead."""
    starts: dict[tuple[str, str, str], dict[int, set[date]]] = {}
    for one in found:
        by_step = starts.setdefault((one.dataset, one.row_key, one.field), {})
        by_step.setdefault(_step(one.period), set()).add(period_of(one.period)[0])
    return sorted(
        place for place, by_step in starts.items() if any(_runs(days, step, count) for step, days in by_step.items())
    )


def _step(period: str) -> int:
    """Months from one period to the next; 0: a day."""
    return {4: 12, 10: 0}.get(len(period), 3 if "Q" in period else 1)


def _runs(days: set[date], step: int, count: int) -> bool:
    return any(all(_later(day, step, number) in days for number in range(count)) for day in days)


def _later(day: date, step: int, number: int) -> date:
    if not step:
        return day + timedelta(days=number)
    month = day.month - 1 + step * number
    return date(day.year + month // 12, month % 12 + 1, 1)


def _day(given: object) -> date:
    return given if isinstance(given, date) else date.fromisoformat(str(given))
