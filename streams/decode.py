"""Raw values of `tm.in.core.txn.v1` to columns: the hot path's decoder.

Compiled code reads the records of the common shape (`entry_scan`); the others, and whatever may be wrong, are read
one by one with care (`entry_care`). What a record means may not depend on which of the two read it, nor on the
batch it came in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.digests import Digest
from projections.entry_batch import EntryBatch, Refusal
from streams import entry_care
from streams.entry_care import CarefulEntry, EntryFault
from streams.entry_scan import LEFT, Scanned, scan
from streams.raw_batch import RawBatch


@dataclass(slots=True)
class Decoded:
    """The good entries as columns, and a reason for each of the others."""

    batch: EntryBatch
    refusals: list[Refusal] = field(default_factory=list)


def decode(raw: RawBatch) -> Decoded:
    """Every record becomes a row or a refusal; none is lost."""
    scanned = scan(raw)
    left = np.flatnonzero(scanned.verdict == LEFT)
    refusals = _read_with_care(raw, scanned, left) if len(left) else []
    if not refusals:
        return Decoded(_batch(raw, scanned, slice(None), np.arange(len(raw))))
    good = np.ones(len(raw), np.bool_)
    good[np.searchsorted(raw.offsets, [refusal.offset for refusal in refusals])] = False
    rows = np.flatnonzero(good)
    return Decoded(_batch(raw, scanned, rows, rows), refusals)


def _read_with_care(raw: RawBatch, scanned: Scanned, left: NDArray[np.intp]) -> list[Refusal]:
    """Read the rows that were left into the columns of the others; the refusals among them."""
    refusals: list[Refusal] = []
    rows: list[int] = []
    entries: list[CarefulEntry] = []
    for row in left.tolist():
        try:
            entries.append(entry_care.read(raw.value(row), int(raw.appended_us[row])))
            rows.append(row)
        except EntryFault as fault:
            refusals.append(Refusal(int(raw.offsets[row]), fault.field, fault.reason))
    if entries:
        _put(scanned, np.array(rows, np.int64), entries)
    return refusals


def _put(scanned: Scanned, rows: NDArray[np.int64], entries: list[CarefulEntry]) -> None:
    event_us, value_day, amount_minor, outgoing, status, opening, texts = zip(*entries, strict=True)
    digests = entry_care.digests(texts)
    scanned.event_us[rows], scanned.value_day[rows], scanned.amount_minor[rows] = event_us, value_day, amount_minor
    scanned.outgoing[rows], scanned.status[rows], scanned.opening[rows] = outgoing, status, opening
    scanned.is_reversal[rows] = [entry_care.reverses(entry) for entry in texts]
    for column, found in (
        (scanned.identity, digests.identity),
        (scanned.reverses, digests.reverses),
        (scanned.position, digests.position),
    ):
        column.low[rows], column.high[rows] = found
    for lane in scanned.reverses:
        lane[rows] = np.where(scanned.is_reversal[rows], lane[rows], 0)


def _batch(raw: RawBatch, scanned: Scanned, rows: Any, numbers: NDArray[np.int64]) -> EntryBatch:
    def taken(digest: Digest) -> Digest:
        return Digest(digest.low[rows], digest.high[rows])

    return EntryBatch(
        raw.offsets[rows],
        raw.appended_us[rows],
        scanned.event_us[rows],
        scanned.value_day[rows],
        scanned.amount_minor[rows],
        scanned.outgoing[rows],
        scanned.status[rows],
        scanned.opening[rows],
        taken(scanned.identity),
        taken(scanned.reverses),
        scanned.is_reversal[rows],
        taken(scanned.position),
        _Keys(raw, numbers),
        _TxnIds(raw, numbers),
    )


class _TxnIds(Sequence[str]):
    """Entry ids, read again when asked: only alerts ask."""

    __slots__ = ("_raw", "_rows")

    def __init__(self, raw: RawBatch, rows: NDArray[np.int64]) -> None:
        self._raw, self._rows = raw, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return _TxnIds(self._raw, self._rows[row])
        return entry_care.read_texts(self._raw.value(int(self._rows[row])) or b"").txn_id


class _Keys:
    """Position keys of rows, read again when asked: only new positions ask."""

    __slots__ = ("_raw", "_rows")

    def __init__(self, raw: RawBatch, rows: NDArray[np.int64]) -> None:
        self._raw, self._rows = raw, rows

    def rows_from(self, start: int) -> "_Keys":
        return _Keys(self._raw, self._rows[start:])

    def many(self, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
        values = (self._raw.value(row) or b"" for row in self._rows[rows].tolist())
        return [entry_care.position_key(entry_care.read_texts(value)) for value in values]
