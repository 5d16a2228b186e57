"""What the cash of disposals is read from, decision events as `tm.audit.event.v1` tells them, and what is kept.

Not for how an event moves a disposal (`recovery_stages.py`, `recovery_promises.py`), nor for the fold
(`recovery_cash.py`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor

__all__ = ["CashMove", "Decision", "Disposal", "DisposalId", "Promise", "decode_decision", "moment_of", "money_of"]

DisposalId = tuple[str, str]  # aggregate, key


class Decision(msgspec.Struct, frozen=True):
    """A decision event, as far as cash needs it; other fields of the record are skipped."""

    id: str
    position: int  # in the one log of decisions, rising
    recorded_at: str
    aggregate: str
    key: str
    type: str
    valid_on: date
    org: str
    entity: str
    payload: dict[str, Any]


class Promise(msgspec.Struct, frozen=True, array_like=True):
    """Cash that is to come on a day, minor units; None: no day was said."""

    due_on: date | None
    amount_minor: int


class Disposal(msgspec.Struct, frozen=True, array_like=True):
    """One way in which a claim is to become cash, as its events have left it; minor units of `currency`."""

    aggregate: str
    key: str
    entity: str
    organisation: str
    currency: str
    loans: tuple[str, ...]
    opened_on: date
    stage: str
    stage_on: date  # valid day of the event that led to the stage
    stage_before: str = ""  # to which a closed or suspended case returns
    ready_stage: str = ""  # to which a cancelled posting returns
    is_closed: bool = False
    basis: str = "NONE"  # where the promises come from: CLAIM, AWARD, AUCTION, REPAYMENT, RESERVE, PRICE, …
    promises: tuple[Promise, ...] = ()  # all of them, paid ones too, in the order in which cash is laid on them
    first_minor: int = 0  # what was promised first, and for when
    first_due_on: date | None = None
    received_minor: int = 0
    stated_minor: int | None = None  # what the closing event said had come in
    failed_rounds: int = 0  # auctions and biddings that brought nothing
    closed_on: date | None = None

    @property
    def id(self) -> DisposalId:
        return self.aggregate, self.key

    @property
    def promised_minor(self) -> int:
        return sum(promise.amount_minor for promise in self.promises)

    @property
    def outstanding(self) -> tuple[Promise, ...]:
        """What is still to come: cash received is laid on the promises in their order. Nothing once closed."""
        if self.is_closed:
            return ()
        left, found = max(0, self.received_minor), []
        for promise in self.promises:
            paid = min(left, promise.amount_minor)
            left -= paid
            if paid < promise.amount_minor:
                found.append(Promise(promise.due_on, promise.amount_minor - paid))
        return tuple(found)


class CashMove(msgspec.Struct, frozen=True, array_like=True):
    """One event that changed disposals, and what they were afterwards."""

    offset: int
    position: int
    event_id: str
    type: str
    aggregate: str
    key: str
    valid_on: date
    recorded_at: str
    changed: tuple[Disposal, ...]


_DECODER = msgspec.json.Decoder(Decision)


def decode_decision(value: bytes) -> Decision:
    """Raises msgspec.ValidationError or DecodeError: not a decision event."""
    return _DECODER.decode(value)


def money_of(payload: Mapping[str, Any], name: str, currency: str) -> int | None:
    """A field of money in minor units; None where it is absent, or is no amount of that currency."""
    text = payload.get(name)
    if not isinstance(text, str):
        return None
    try:
        return to_minor(text, currency)
    except InvalidInput:
        return None


def moment_of(payload: Mapping[str, Any], *names: str) -> date | None:
    """The first of the fields that holds a day."""
    for name in names:
        text = payload.get(name)
        if isinstance(text, str):
            try:
                return date.fromisoformat(text)
            except ValueError:
                continue
    return None
