"""Columns that one moment does not show: the highest claim of a customer, and what stood on another day.

Folds the effects of the customer's loan notes by day, up to the day that the row names, as far as they were known.
"""

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.book import LedgerBook
from projections.ledgers.definition import BUCKETS
from projections.ledgers.effects import NOTHING, Effect
from projections.ledgers.registry import LEDGERS

Ints = NDArray[np.int64]


def told_by_history(
    book: LedgerBook, keys: Ints, columns: dict[str, Ints], what: str, day: int, position: int
) -> Ints:
    """`peak`: highest claim, memo included, at the end of a day up to `exited_on`, over the notes of `own_customer`;
    `handed_over`: claim of `loan_no` on `from_date`; else the column of that name, over the customer's notes, on
    `exited_on`. Minor units."""
    found = np.full(len(keys), NOTHING, np.int64)
    for row in range(len(keys)):
        if what == "handed_over":
            notes, until = [int(columns["loan_no"][row])], int(columns["from_date"][row])
        else:
            notes, until = _notes_of(book, int(columns["own_customer"][row])), int(columns["exited_on"][row])
        if until != NOTHING and NOTHING not in notes:
            found[row] = _figure(book, notes, what, min(day, until), position)
    return found


def _notes_of(book: LedgerBook, customer: int) -> list[int]:
    customer_no = book.names.texts[customer]
    notes = book.memory.facts.get("RiskAsset", {})
    return [book.names.find(loan_no) for loan_no, facts in notes.items() if facts.get("customer_no") == customer_no]


def _figure(book: LedgerBook, notes: list[int], what: str, day: int, position: int) -> int:
    ledger = LEDGERS["risk_asset"]
    claim = [ledger.numbers[name] for name in BUCKETS]
    wanted = {"peak": {*claim, ledger.numbers["memo"]}, "handed_over": {*claim}}.get(what) or {ledger.numbers[what]}
    moves: list[Effect] = []
    for note in notes:
        found = book.effects_of(ledger).of_key(note, day, position)
        moves += [effect for effect in found if effect.cell.column in wanted]
    moves.sort(key=lambda effect: (effect.day, effect.position))
    held: dict[object, int] = {}
    total, peak, today = 0, 0, 0
    for _, cell, when, value, sets in moves:
        if when != today:
            peak, today = max(peak, total), when
        after = value if sets else held.get(cell, 0) + value
        total += after - held.get(cell, 0)
        held[cell] = after
    return max(peak, total) if what == "peak" else total
