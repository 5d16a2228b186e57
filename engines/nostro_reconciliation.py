"""Our position on a nostro account against the correspondent's closing balance: agreed, timing, or a break (LIQ-05).

A statement counts an entry from its booking date, our position from its value date: what differs for that reason
alone is timing. Entry-level matching is the ladder of `engines.reconciliation`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from engines.reconciliation import LEG_CANDIDATES_MAX, LEGS_MAX, reconcile
from engines.reconciliation_legs import matching_legs
from engines.reconciliation_records import Entry

Status = Literal["matched", "timing", "break"]


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """An entry of a statement, or of ours; minor units, money in is positive. An empty reference is none."""

    entry_id: str
    amount_minor: int
    booking_date: date
    value_date: date
    reference: str = ""


@dataclass(frozen=True, slots=True)
class NostroResult:
    """`difference_minor` = closing - position = `timing_minor` + `break_minor`.

    `timing` are the statement's entries behind the timing difference. `suspects` are those of the statement, and
    `missing` those of ours, that can be behind the break: unmatched ones where our entries are known, else the
    fewest of the statement's that add up to it, none where no five do.
    """

    status: Status
    difference_minor: int
    timing_minor: int
    break_minor: int
    timing: tuple[BookedEntry, ...]
    suspects: tuple[BookedEntry, ...]
    missing: tuple[BookedEntry, ...]


def reconcile_nostro(
    closing_minor: int,
    position_minor: int,
    closing_date: date,
    entries: Sequence[BookedEntry],
    ours: Sequence[BookedEntry] | None = None,
    *,
    holidays: Collection[date] = (),
) -> NostroResult:
    """Compare one closing balance with our settled position of value dates up to `closing_date`.

    Args:
        entries: booked entries of the statement that closes so; pending ones are in no booked balance.
        ours: our entries of the same days, for entry-level matching; None: not known.
    Raises:
        InvalidInput: an entry's id stands twice.
    Source: LIQ-05.
    """
    difference = closing_minor - position_minor
    timing = tuple(one for one in entries if one.booking_date <= closing_date < one.value_date)
    early = tuple(one for one in entries if one.value_date <= closing_date < one.booking_date)
    timing_minor = sum(one.amount_minor for one in timing) - sum(one.amount_minor for one in early)
    rest = difference - timing_minor
    if difference == 0:
        return NostroResult("matched", 0, 0, 0, (), (), ())
    behind = (*timing, *early)
    if rest == 0:
        return NostroResult("timing", difference, timing_minor, 0, behind, (), ())
    others = [one for one in entries if one not in behind]
    if ours is None:
        return NostroResult("break", difference, timing_minor, rest, behind, _adding_up(rest, others), ())
    suspects, missing = _unmatched(others, ours, holidays)
    return NostroResult("break", difference, timing_minor, rest, behind, suspects, missing)


def _adding_up(rest: int, entries: Sequence[BookedEntry]) -> tuple[BookedEntry, ...]:
    """The statement's entries that we may lack: one of the break's amount, or the fewest that sum to it."""
    same_way = [one for one in entries if (one.amount_minor > 0) == (rest > 0) and one.amount_minor]
    single = next((one for one in same_way if one.amount_minor == rest), None)
    if single is not None:
        return (single,)
    candidates = [one for one in same_way if abs(one.amount_minor) < abs(rest)]
    if len(candidates) > LEG_CANDIDATES_MAX:
        return ()
    places = matching_legs(abs(rest), [abs(one.amount_minor) for one in candidates], 0, LEGS_MAX)
    return tuple(candidates[place] for place in places or ())


def _unmatched(
    entries: Sequence[BookedEntry], ours: Sequence[BookedEntry], holidays: Collection[date]
) -> tuple[tuple[BookedEntry, ...], tuple[BookedEntry, ...]]:
    found = reconcile(
        [_entry(one) for one in ours if one.amount_minor],
        [_entry(one) for one in entries if one.amount_minor],
        tolerance=Fraction(0),
        holidays=holidays,
    )
    unexpected = {one.transaction.entry_id for one in found.transactions if one.rung is None}
    left = {one.item.entry_id for one in found.items if one.status != "MATCHED"}
    return (
        tuple(one for one in entries if one.entry_id in unexpected),
        tuple(one for one in ours if one.entry_id in left),
    )


def _entry(one: BookedEntry) -> Entry:
    direction: Literal["in", "out"] = "in" if one.amount_minor > 0 else "out"
    return Entry(
        one.entry_id, "-", direction, Fraction(abs(one.amount_minor)), one.value_date, payment_ref=one.reference
    )
