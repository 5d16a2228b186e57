"""Why a row says what it says, and what made two reports of one ledger differ.

An explanation lists the events behind a row in the order in which they count, each with what it did to which cell and
what stood there before and after: the changes of a column add up to its cell exactly. A difference compares two
reports row by row and names the events that one of them knew, or counted, and the other did not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import Field, Gather, Ledger, code, number, text
from projections.ledgers.effects import NOTHING, PLAIN, Cell
from projections.ledgers.event_log import Told
from projections.ledgers.frame import Frame, fields_of
from projections.ledgers.registry import LEDGERS
from projections.ledgers.selection import maker
from projections.ledgers.table import Cell as Value

Ints = NDArray[np.int64]
_BASE = {"exists": number("exists", "Exists", "存在"), "entity": text("entity", "Legal entity", "法人")}
_BASE |= {"org": text("org", "Organisation", "机构"), "branch": text("branch", "Branch", "支行")}
_BASE |= {"ccy": code("ccy", "Currency", "币种")}


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did to one cell on `counts_on`. `set`: it set the cell, else it added `value`. `member`: of a
    column that gathers several values. For amounts and numbers `after - before` is the change."""

    column: str
    member: str | None
    counts_on: date
    sets: bool
    value: Value
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Step:
    """One event behind a row, and its changes."""

    event: Told
    changes: tuple[Change, ...]


def explain(book: LedgerBook, ledger: Ledger, key: int, day: int, position: int) -> list[Step]:
    """The events behind one row at two instants, in the order in which they count (day, position)."""
    if not ledger.rules:
        return [Step(book.log.told(key), ())]
    effects = book.effects_of(ledger).of_key(key, day, position)
    ccy = next((value for _, cell, _, value, _ in reversed(effects) if cell.column == ledger.numbers["ccy"]), NOTHING)
    held: dict[Cell, int] = {}
    steps: dict[tuple[int, int], list[Change]] = {}
    for at, cell, when, value, sets in effects:
        field = _field(ledger, cell)
        show = (lambda code: code == 1) if _is_member(field, cell) else maker(book, field, ccy)
        before = held.get(cell, NOTHING)
        added = 0 if before == NOTHING else before
        held[cell] = value if sets else added + value
        change = Change(
            field.name,
            None if cell.member == PLAIN else book.names.texts[cell.member],
            date.fromordinal(when),
            sets,
            *(None if one == NOTHING else show(one) for one in (value, before, held[cell])),
        )
        steps.setdefault((when, at), []).append(change)
    return [Step(book.log.told(at), tuple(changes)) for (_, at), changes in steps.items()]


def _field(ledger: Ledger, cell: Cell) -> Field:
    name = next(name for name, number in ledger.numbers.items() if number == cell.column)
    return ledger.field_of(name) or _BASE[name]


def _is_member(field: Field, cell: Cell) -> bool:
    return cell.member != PLAIN and field.gather is Gather.MEMBERS


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One row of which two reports say something else. `kind`: NEW, GONE or CHANGED; `cells`: column, before, after;
    `events`: those that only one of the two took into account."""

    key: int
    kind: str
    cells: tuple[tuple[str, Value, Value], ...]
    events: tuple[Told, ...]


def differences(book: LedgerBook, first: Frame, second: Frame) -> Iterator[RowDifference]:
    """Every row that differs between two reports of one ledger, by rising key; the two instants of each row's making
    are left out."""
    ledger = first.ledger
    fields = [one for one in fields_of(ledger) if one.name not in ("valid_from", "known_from")]
    keys = np.union1d(first.keys, second.keys)
    places = [np.searchsorted(one.keys, keys) for one in (first, second)]
    there = [_found(one.keys, place, keys) for one, place in zip((first, second), places, strict=True)]
    differs = there[0] != there[1]
    both = there[0] & there[1]
    for one in fields:
        a, b = (side.columns[one.name] for side in (first, second))
        differs[both] |= a[places[0][both]] != b[places[1][both]]
    for at in np.flatnonzero(differs).tolist():
        kind = "CHANGED" if both[at] else "NEW" if there[1][at] else "GONE"
        cells = []
        for one in fields:
            sides = [
                side.columns[one.name][place[at]] if here[at] else NOTHING
                for side, place, here in zip((first, second), places, there, strict=True)
            ]
            if sides[0] != sides[1]:
                shown = second if there[1][at] else first
                ccy = int(shown.columns["ccy"][places[1][at] if there[1][at] else places[0][at]])
                show = maker(book, one, ccy)
                before, after = (None if side == NOTHING else show(int(side)) for side in sides)
                cells.append((one.name, before, after))
        yield RowDifference(int(keys[at]), kind, tuple(cells), _made_by(book, ledger, int(keys[at]), first, second))


def _found(keys: Ints, place: Ints, wanted: Ints) -> NDArray[np.bool_]:
    inside = place < len(keys)
    found = np.zeros(len(wanted), np.bool_)
    found[inside] = keys[place[inside]] == wanted[inside]
    return found


def _made_by(book: LedgerBook, ledger: Ledger, key: int, first: Frame, second: Frame) -> tuple[Told, ...]:
    """Events that one report took into account for a row, or for the loan note behind it, and the other did not."""
    if not ledger.rules:
        return (book.log.told(key),)
    behind = [(ledger, key)]
    if ledger.loan and ledger.name != "risk_asset":
        behind += [(LEDGERS["risk_asset"], note) for note in _notes(first, key) | _notes(second, key)]
    found: set[int] = set()
    for one, row in behind:
        taken = [set(book.effects_of(one).of_key(row, side.day, side.position)) for side in (first, second)]
        found.update(effect[0] for effect in taken[0] ^ taken[1])
    return tuple(book.log.told(position) for position in sorted(found))


def _notes(side: Frame, key: int) -> set[int]:
    """The loan note that a row's branch, customer and joined figures come from."""
    notes: set[int] = set(side.columns[side.ledger.loan][side.keys == key].tolist())
    return notes - {NOTHING}
