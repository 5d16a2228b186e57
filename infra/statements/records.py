"""What a bank statement says, whatever format it came in: entries, balances, and what could not be read.

Amounts are minor units with the sign of the account's own side: money in is positive. Not what we send on:
`streams.feeds.statement_events` maps these to records.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

Kind = Literal["statement", "report", "notification", "payment"]
#: Longest piece of a wrong value that is shown.
SHOWN_MAX = 80


class Place(NamedTuple):
    """Where something stands: `path` is an XPath, a tag such as `:61:`, or a column."""

    file: str
    line: int
    path: str = ""

    def at(self, path: str) -> "Place":
        return Place(self.file, self.line, path)


@dataclass(frozen=True, slots=True)
class Refused:
    """One item that was read and cannot be used; accepted and refused items add up to those read."""

    place: Place
    field: str
    reason: str
    value: str = ""


@dataclass(slots=True)
class Unreadable(Exception):
    """Raised inside a reader for one item; the reader turns it into `Refused` and goes on."""

    place: Place
    field: str
    reason: str
    value: str = ""

    def refused(self) -> Refused:
        return Refused(self.place, self.field, self.reason, self.value[:SHOWN_MAX])


@dataclass(frozen=True, slots=True)
class Part:
    """One payment of an entry: a batch has several, which add up to it. `amount_minor` is signed."""

    amount_minor: int
    reference: str = ""
    end_to_end: str = ""
    counterparty_bank: str = ""
    counterparty_account: str = ""
    text: str = ""
    charge: bool = False


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One entry of one account; `parts` has one item or more and adds up to `amount_minor`.

    `reference` is the account servicer's, without which `end_to_end` or the content identifies the entry. A reversal
    has the sign of what it does now, not of what it takes back.
    """

    place: Place
    kind: Kind
    account: str
    currency: str
    amount_minor: int
    pending: bool
    reversal: bool
    booking_date: date
    value_date: date
    reference: str
    entry_reference: str
    code: str
    statement_id: str
    parts: tuple[Part, ...]

    @property
    def end_to_end(self) -> str:
        return self.parts[0].end_to_end


@dataclass(frozen=True, slots=True)
class StatementBalance:
    """`amount_minor` is signed: a debit balance is below zero."""

    currency: str
    amount_minor: int
    date: date
    intermediate: bool = False


@dataclass(slots=True)
class Statement:
    """A whole statement, yielded after its entries. Sums are of booked entries, read and refused ones apart.

    `told_*` are the statement's own totals, None where it gives none. `refused` counts entries that could not be
    read: with any of them the sums cannot be expected to agree.
    """

    place: Place
    kind: Kind
    account: str
    statement_id: str = ""
    currency: str = ""
    sequence: int | None = None
    page: int = 1
    opening: StatementBalance | None = None
    closing: StatementBalance | None = None
    entries: int = 0
    pending: int = 0
    refused: int = 0
    other_currency: int = 0  # booked, in another currency than the balances': in no sum
    credits_minor: int = 0
    debits_minor: int = 0
    told_entries: int | None = None
    told_credits_minor: int | None = None
    told_debits_minor: int | None = None

    def add(self, entry: StatementEntry) -> None:
        self.entries += 1
        if entry.pending:
            self.pending += 1
        elif self.currency and entry.currency != self.currency:
            self.other_currency += 1
        elif entry.amount_minor >= 0:
            self.credits_minor += entry.amount_minor
        else:
            self.debits_minor -= entry.amount_minor

    @property
    def booked_minor(self) -> int:
        return self.credits_minor - self.debits_minor


Item = StatementEntry | Statement | Refused
Items = Iterator[Item]
