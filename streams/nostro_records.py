"""`tm.in.nostro.statement.v1`: what a correspondent's statement of one of our accounts says, for reconciliation.

Beside the entries on `tm.in.core.txn.v1`, which make positions: nothing is folded from this topic.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.schemas import Amount, Day, Instant

SignedAmount = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,16}(\.[0-9]{1,4})?$", description="decimal string, money in is positive")
]


class NostroEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of a statement. `entry_id` is its `txn_id` where the feed tells it as an entry."""

    entry_id: str
    amount: SignedAmount
    booking_date: Day
    value_date: Day
    reference: str = "-"
    pending: bool = False


class StatementFinding(msgspec.Struct, kw_only=True):
    """What does not add up within a statement; `difference` is found less expected."""

    check: Literal["balance", "currency", "count", "sum", "sequence", "opening"]
    expected: str
    found: str
    message: str


class NostroStatement(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One statement, or one page of one. A later record of the same `statement_id`, `sequence`, `page` replaces it.

    `entries` holds the first 20,000; `entries_left_out` says how many more there were.
    """

    entity_id: str
    account_id: str
    ccy: str
    statement_id: str
    event_time: Instant
    closing_date: Day
    closing: SignedAmount
    opening: SignedAmount | None = None
    sequence: int = 0
    page: int = 1
    credits: Amount = "0"
    debits: Amount = "0"
    refused: Annotated[int, Meta(description="entries that could not be read")] = 0
    entries_told: Annotated[bool, Meta(description="its entries are on tm.in.core.txn.v1 too")] = True
    entries: list[NostroEntry] = []
    entries_left_out: int = 0
    findings: list[StatementFinding] = []
    file: str = "-"
    file_sha256: Annotated[str, Meta(description="of the bytes as they were received")] = "-"
    source_system: str = "-"
    schema_version: int = 1
