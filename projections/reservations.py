"""Announced withdrawals that are approved and not executed, by cell and value date (LIQ-01, LIQ-03).

The latest record of a reservation, by offset, replaces what was known of it. Not for the approval steps:
those are decided elsewhere and arrive as states. No clock: whether a value date has passed is the reader's
question (S13).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from projections.cell_sums import day_text
from projections.dictionary import Key
from projections.latest_sums import LatestSumsState

Integers = NDArray[np.int64]

OUTSTANDING = frozenset({"approved", "partial"})  # states in which money is still to leave


class ReservationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one reservation, checked: as `streams.reservation_rows` makes it of a record."""

    res_id: str
    entity: str
    organisation: str
    currency: str
    value_day: int  # days since 1970-01-01
    outstanding_minor: int  # amount less what was executed, while approved or partial; otherwise 0; >= 0


class ReservationBatch(msgspec.Struct, frozen=True):
    """Records of one range of offsets, rising, without those that became dead letters."""

    offsets: Integers
    rows: Sequence[ReservationTerms]


class ReservationRow(msgspec.Struct, frozen=True):
    """One cell on one value date, absolute, >= 0."""

    entity: str
    organisation: str
    currency: str
    value_date: str
    approved_minor: int


class ReservationState(LatestSumsState[ReservationTerms]):
    FOLD_VERSION: ClassVar[int] = 1
    SUBJECTS = "reservations"
    COLUMNS: ClassVar[Mapping[str, Any]] = {"cell": np.int32, "value_day": np.int32, "outstanding_minor": np.int64}
    SUMS = ("approved_minor",)

    @staticmethod
    def key(row: ReservationTerms) -> Key:
        return row.entity, row.res_id

    def replace(self, rows: Sequence[ReservationTerms]) -> None:
        """Put the latest terms of distinct reservations in the place of what was known of them."""
        codes = self._latest.codes([self.key(row) for row in rows])
        taken = self._latest.get(codes)  # of a new one all zeros: nothing is outstanding
        given = self._latest.table(
            [
                (
                    self._sums.cells.code((row.entity, row.organisation, row.currency)),
                    row.value_day,
                    row.outstanding_minor,
                )
                for row in rows
            ]
        )
        self._sums.add(
            np.concatenate([taken["cell"], given["cell"]]),
            np.concatenate([taken["value_day"], given["value_day"]]),
            np.concatenate([-taken["outstanding_minor"], given["outstanding_minor"]]),
        )
        self._latest.put(codes, given)

    def changes(self) -> list[ReservationRow]:
        """Rows changed since the last call, as they first appeared; 0 says that nothing is left there."""
        return [_reservation_row(cell, day, values) for cell, day, values in self._sums.take_changed()]

    def rows(self) -> list[ReservationRow]:
        """Every row with something outstanding, sorted by cell and date."""
        return [_reservation_row(cell, day, values) for cell, day, values in self._sums.rows()]


def fold(
    state: ReservationState, reservations: ReservationBatch, from_offset: int, to_offset: int
) -> ReservationState:
    """Fold the records of [from_offset, to_offset); those below `next_offset` count nothing again.

    Raises:
        CorruptRecord: records are missing before `from_offset`, or a sum could pass 2**62.
    Source: LIQ-01, LIQ-03, decision S23.
    """
    state.fold(reservations.offsets, reservations.rows, from_offset, to_offset)
    return state


def _reservation_row(cell: Key, day: int, values: tuple[int, ...]) -> ReservationRow:
    entity, organisation, currency = cell
    return ReservationRow(
        entity=entity,
        organisation=organisation,
        currency=currency,
        value_date=day_text(day),
        approved_minor=values[0],
    )
