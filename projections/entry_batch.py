"""One batch of core-banking entries as columns: what `streams/decode.py` makes and the folds read.

Every row is valid by itself: known currency and status, amount within bounds, dates that exist. Codes and the
strings behind them live inside one batch only (decision S1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from projections.digests import Digest

PENDING, SETTLED, REJECTED = 1, 2, 3

#: The dimensions of a position, in the order of a position key.
POSITION_DIMENSIONS = (
    "entity",
    "organisation",
    "business_line",
    "product",
    "currency",
    "customer",
    "account",
    "customer_class",
    "intragroup",
)


class KeysByRow(Protocol):
    """The position dimensions of chosen rows; asked for new positions only, so put together when asked."""

    def many(self, rows: NDArray[np.int64]) -> list[tuple[str, ...]]: ...

    def rows_from(self, start: int) -> "KeysByRow": ...


@dataclass(slots=True)
class EntryBatch:
    """Columns of equal length, in offset order."""

    offset: NDArray[np.int64]
    appended_us: NDArray[np.int64]  # when Kafka took it, microseconds since the epoch
    event_time_us: NDArray[np.int64]
    value_day: NDArray[np.int64]  # days since the epoch
    amount_minor: NDArray[np.int64]  # >= 0, in the minor unit of the position's currency
    outgoing: NDArray[np.bool_]
    status: NDArray[np.int64]  # PENDING, SETTLED, REJECTED
    opening: NDArray[np.bool_]
    identity: Digest  # entity, source system, txn_id (decision S2)
    reverses: Digest  # identity of the entry it takes back; meaningless where `is_reversal` is false
    is_reversal: NDArray[np.bool_]
    position: Digest  # of the position's dimensions
    position_keys: "KeysByRow"
    txn_ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.offset)

    def rows_from(self, start: int) -> "EntryBatch":
        """The batch without its first `start` rows."""
        if start == 0:
            return self
        rows = np.arange(start, len(self))
        return EntryBatch(
            self.offset[start:],
            self.appended_us[start:],
            self.event_time_us[start:],
            self.value_day[start:],
            self.amount_minor[start:],
            self.outgoing[start:],
            self.status[start:],
            self.opening[start:],
            self.identity.take(rows),
            self.reverses.take(rows),
            self.is_reversal[start:],
            self.position.take(rows),
            self.position_keys.rows_from(start),
            self.txn_ids[start:],
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one entry is not in any figure: it goes to the dead letters with this reason."""

    offset: int
    field: str
    reason: str
