"""What goes into a reconciliation and what comes out: entries, matches by hand, results with their rung (LIQ-05)."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from fractions import Fraction
from typing import Literal


class Rung(Enum):
    """How an item was cleared; a lower number is stronger evidence."""

    REFERENCE = 1
    ACCOUNT_AND_DATE = 2
    SUM_OF_LEGS = 3
    MANUAL = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A forecast item or a booked transaction; `amount` > 0. An empty reference is none."""

    entry_id: str
    account: str
    direction: Literal["in", "out"]
    amount: Fraction
    value_date: date
    currency: str = ""
    payment_ref: str = ""


@dataclass(frozen=True, slots=True)
class ManualMatch:
    """What two people agreed to belong together; an item may have several."""

    item_id: str
    transaction_ids: tuple[str, ...]
    maker: str
    checker: str


Status = Literal["MATCHED", "PARTIAL", "OPEN"]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """A forecast item: `matched` and `open_amount` add up to its amount."""

    item: Entry
    status: Status
    rung: Rung | None
    transaction_ids: tuple[str, ...]
    booked: Fraction  # sum of the transactions
    too_many_legs: bool  # the third rung was not tried: more bookings than it may search

    @property
    def matched(self) -> Fraction:
        """All of a matched item, a cent of tolerance included; of a partial one what was booked."""
        return self.item.amount if self.status == "MATCHED" else self.booked

    @property
    def open_amount(self) -> Fraction:
        return self.item.amount - self.matched


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """A booked transaction; without a rung it was unexpected."""

    transaction: Entry
    rung: Rung | None
    item_id: str | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """In the order of the input."""

    items: tuple[ItemResult, ...]
    transactions: tuple[TransactionResult, ...]
