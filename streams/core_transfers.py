"""What the simulated core does with an instruction to move money between branches: it books both legs (LIQ-06).

Not for answers to postings (`streams.core_simulator`), and not for production, where a real core books.
"""

import hashlib

import msgspec

from engines.primitives.money import to_minor
from streams.schemas import Direction, TransferInstruction, Txn

#: The simulated feed's own name: these entries come from the same core, and are watched as part of it.
SOURCE_SYSTEM = "core"


def booked(value: bytes) -> tuple[Txn, ...]:
    """The entries of one instruction as it came: out of the giving branch, into the receiving one.

    Both are on-us legs, so no total of the entity or the bank moves (decision S22). They follow from the instruction
    alone: told again it gives the same entries under the same ids, which count once. Nothing is booked of what is no
    instruction, or moves nothing.
    """
    try:
        told = msgspec.json.decode(value, type=TransferInstruction)
        if to_minor(told.amount, told.ccy) <= 0 or told.source_org == told.destination_org:
            return ()
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return ()
    number = core_number(told.instruction_id)
    legs: tuple[tuple[Direction, str], ...] = (("out", told.source_org), ("in", told.destination_org))
    return tuple(
        Txn(
            txn_id=f"{number}-{direction.upper()}",
            source_system=SOURCE_SYSTEM,
            event_time=told.event_time,
            value_date=told.value_date,
            entity_id=told.entity_id,
            account_id=f"BRANCH-{organisation}",
            ccy=told.ccy,
            direction=direction,
            amount=told.amount,
            org_id=organisation,
            txn_type="TRANSFER",
            intragroup=True,
            payment_ref=told.instruction_id,
        )
        for direction, organisation in legs
    )


def core_number(instruction_id: str) -> str:
    """The core's own number of what it books: the same however often it is told, so that it is booked once."""
    return f"CORE-{hashlib.sha256(instruction_id.encode()).hexdigest()[:20].upper()}"
