"""Statements of our accounts elsewhere beside our own positions: what agrees, what is timing, what is a break."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from engines.nostro_reconciliation import BookedEntry, NostroResult, reconcile_nostro
from engines.primitives.money import to_minor, to_text
from infra.statements.checks import End, check_sequence
from streams.feeds.file_report import finding_row
from streams.nostro_records import NostroEntry, NostroStatement
from streams.past_figures import Accounts
from streams.views_figures import AsOf

#: Our settled position, minor units, of one account and currency on a date; None: we have no such account.
PositionOf = Callable[[str, str, str, date], int | None]
Statements = Callable[[], Sequence[NostroStatement]]


class Asked(NamedTuple):
    """Which statements; empty is any. `status` matched, timing or break."""

    entities: Collection[str] | None = None
    account: str | None = None
    currency: str | None = None
    since: date | None = None
    until: date | None = None
    status: str | None = None
    limit: int = 100


def reconciliations(
    statements: Iterable[NostroStatement],
    position_of: PositionOf,
    asked: Asked,
    ours: Mapping[tuple[str, str, str], Sequence[BookedEntry]] | None = None,
) -> dict[str, Any]:
    """One row a closing balance, newest first, at most `asked.limit`; pages that do not close a day's statement and
    statements replaced later that day are in no row. Gaps in the numbers of all statements asked for stand beside.

    Args:
        ours: our entries by entity, account and currency, where they are known.
    """
    wanted = [one for one in statements if _is_asked(one, asked)]
    rows: list[dict[str, Any]] = []
    for one, entries in _closings(wanted):
        own = None if ours is None else ours.get((one.entity_id, one.account_id, one.ccy), ())
        row = _row(one, entries, position_of, own)
        if asked.status is None or row["status"] == asked.status:
            rows.append(row)
        if len(rows) == asked.limit:
            break
    found = check_sequence((_end(one) for one in wanted), "-")
    counts = {status: sum(row["status"] == status for row in rows) for status in ("matched", "timing", "break")}
    return {"counts": counts, "rows": rows, "gaps": [_gap(finding_row(finding)) for finding in found]}


def positions_from(accounts: Accounts, names: Collection[str]) -> PositionOf:
    """Positions of the accounts named, as the newest snapshots hold them; one reading a date serves all of them."""
    read: dict[date, dict[tuple[str, str, str], int]] = {}

    def position(entity: str, account: str, currency: str, day: date) -> int | None:
        if day not in read:
            sums: dict[tuple[str, str, str], int] = {}
            for row in accounts(AsOf(day, {}), {"account": frozenset(names)})[1]:
                key = row["entity"], row["account"], row["currency"]
                sums[key] = sums.get(key, 0) + row["settled_minor"]
            read[day] = sums
        return read[day].get((entity, account, currency))

    return position


def _closings(wanted: Sequence[NostroStatement]) -> list[tuple[NostroStatement, list[NostroEntry]]]:
    """The last statement of each account and date with the entries of all of that date, newest first."""
    by_day: dict[tuple[str, str, str, str], list[NostroStatement]] = {}
    for one in wanted:
        by_day.setdefault((one.closing_date, one.entity_id, one.account_id, one.ccy), []).append(one)
    closings = []
    for _, day in sorted(by_day.items(), reverse=True):
        day.sort(key=lambda one: (one.sequence, one.page))
        entries = {entry.entry_id: entry for one in day for entry in one.entries}
        closings.append((day[-1], list(entries.values())))
    return closings


def _row(
    one: NostroStatement,
    entries: Sequence[NostroEntry],
    position_of: PositionOf,
    own: Sequence[BookedEntry] | None,
) -> dict[str, Any]:
    closed = date.fromisoformat(one.closing_date)
    position = position_of(one.entity_id, one.account_id, one.ccy, closed)
    booked = [_booked(entry, one.ccy) for entry in entries if not entry.pending]
    result = reconcile_nostro(to_minor(one.closing, one.ccy), position or 0, closed, booked, own)
    return {
        "entity": one.entity_id,
        "account": one.account_id,
        "currency": one.ccy,
        "date": one.closing_date,
        "status": result.status,
        "closing": one.closing,
        "position": to_text(position or 0, one.ccy),
        "known_account": position is not None,
        "difference": to_text(result.difference_minor, one.ccy),
        "timing": to_text(result.timing_minor, one.ccy),
        "break": to_text(result.break_minor, one.ccy),
        **_behind(result, one.ccy),
        "statement": {
            "id": one.statement_id,
            "sequence": one.sequence,
            "page": one.page,
            "file": one.file,
            "sha256": one.file_sha256,
            "refused": one.refused,
            "entries_left_out": one.entries_left_out,
            "findings": [
                {"check": f.check, "expected": f.expected, "found": f.found, "message": f.message}
                for f in one.findings
            ],
        },
    }


def _behind(result: NostroResult, currency: str) -> dict[str, list[dict[str, str]]]:
    """The entries behind timing and break; `missing` are ours that no statement has."""

    def shown(entries: Sequence[BookedEntry]) -> list[dict[str, str]]:
        return [
            {
                "entry": entry.entry_id,
                "amount": to_text(entry.amount_minor, currency),
                "booking_date": entry.booking_date.isoformat(),
                "value_date": entry.value_date.isoformat(),
                "reference": entry.reference or "-",
            }
            for entry in entries
        ]

    return {
        "timing_entries": shown(result.timing),
        "suspects": shown(result.suspects),
        "missing": shown(result.missing),
    }


def _booked(entry: NostroEntry, currency: str) -> BookedEntry:
    return BookedEntry(
        entry.entry_id,
        to_minor(entry.amount, currency),
        date.fromisoformat(entry.booking_date),
        date.fromisoformat(entry.value_date),
        "" if entry.reference == "-" else entry.reference,
    )


def _is_asked(one: NostroStatement, asked: Asked) -> bool:
    day = date.fromisoformat(one.closing_date)
    return (
        (asked.entities is None or one.entity_id in asked.entities)
        and asked.account in {None, one.account_id}
        and asked.currency in {None, one.ccy}
        and (asked.since is None or day >= asked.since)
        and (asked.until is None or day <= asked.until)
    )


def _end(one: NostroStatement) -> End:
    opening = None if one.opening is None else to_minor(one.opening, one.ccy)
    account = f"{one.entity_id}/{one.account_id}"
    closing = to_minor(one.closing, one.ccy)
    return End(account, one.closing_date, one.sequence, one.page, one.statement_id, one.ccy, opening, closing)


def _gap(row: Mapping[str, Any]) -> dict[str, Any]:
    entity, _, account = str(row["account"]).partition("/")
    kept = ("statement", "check", "currency", "expected", "found", "message")
    return {"entity": entity, "account": account} | {name: row[name] for name in kept}
