"""A busy, messy hour of entries for the tests that kill things."""

import random

import msgspec

from streams.schemas import Txn
from tests.projections.entries import event_time, txn


def entries(count: int, start: int = 0) -> list[Txn]:
    """A busy hour: 200 customers, amounts around the limits, pending ones that settle, repeats, reversals."""
    choice = random.Random(start)
    made: list[Txn] = []
    for number in range(start, start + count):
        who = choice.randrange(200)
        made.append(
            txn(
                number,
                number / 200,
                account_id=f"A{who}",
                customer_id=f"C{who}",
                direction=choice.choice(["in", "out", "out"]),
                amount=f"{choice.choice([3, 50, 1_000, 9_000_000, 31_000_000])}.{choice.randrange(100):02d}",
                status=choice.choice(["settled", "settled", "pending"]),
            )
        )
        if made and choice.random() < 0.05:
            again = choice.choice(made)
            made.append(msgspec.structs.replace(again, status="settled"))
        if made and choice.random() < 0.01:
            back = choice.choice(made)
            made.append(
                msgspec.structs.replace(
                    back,
                    txn_id=f"R{number}",
                    reversal_of=back.txn_id,
                    direction="in",
                    event_time=event_time(number / 200),
                )
            )
    return made
