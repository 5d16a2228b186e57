"""Typed columns beside the raw bytes of an archived topic: what a tool of the bank reads without knowing our JSON.

Of `tm.in.core.txn.v1`: the fields of `streams.schemas.Txn` under their own names, `refused` where the fold takes none
of it. They are for reading; folds and proofs stand on the raw bytes alone.
"""

from operator import attrgetter

import msgspec
import numpy as np
import polars as pl

from infra.archive_events import EVENTS, event_columns
from infra.archive_files import Records
from streams.decode import decode
from streams.raw_batch import RawBatch
from streams.schemas import Txn
from streams.topics import TXN

AMOUNT = pl.Decimal(20, 4)  # 16 digits and the 4 decimals that any currency has at most (decision S9)
EVENT_TIME = pl.Datetime("us", "UTC")
_NUMBERS: dict[str, type[pl.DataType]] = {
    "source_seq": pl.Int64,
    "schema_version": pl.Int64,
    "intragroup": pl.Boolean,
}
_DECODER = msgspec.json.Decoder(Txn)
_NOTHING = Txn(  # stands where there is no entry, and is blanked out again
    txn_id="",
    source_system="",
    event_time="",
    value_date="",
    entity_id="",
    account_id="",
    ccy="",
    direction="in",
    amount="0",
)
_DECODED = ("event_time", "value_date")
_TEXTS = tuple(name for name in Txn.__struct_fields__ if name not in _DECODED)


def typed_columns(topic: str, records: Records) -> pl.DataFrame | None:
    """The typed columns of these records, one row each; None for a topic that has none."""
    if topic == TXN:
        return _entries(records)
    return event_columns(records) if topic == EVENTS else None


def _entries(records: Records) -> pl.DataFrame:
    """Entries as sent. A record that is none has nulls, and in `refused` the field and why."""
    count = len(records)
    raw = RawBatch.of_values(
        records.offsets[0],
        records.offsets[-1] + 1,
        np.array(records.offsets, np.int64),
        records.values,
        np.array(records.timestamps_us, np.int64),
    )
    decoded = decode(raw)
    rows = np.searchsorted(raw.offsets, decoded.batch.offset)
    good = np.zeros(count, np.bool_)
    good[rows] = True
    event_us, value_day = np.zeros(count, np.int64), np.zeros(count, np.int64)
    event_us[rows], value_day[rows] = decoded.batch.event_time_us, decoded.batch.value_day
    entries = [_entry(value) if taken else None for value, taken in zip(records.values, good.tolist(), strict=True)]
    reasons = {refusal.offset: f"{refusal.field}: {refusal.reason}" for refusal in decoded.refusals}
    taken = pl.Series(good)
    dates = {
        "event_time": pl.Series(event_us).cast(EVENT_TIME),
        "value_date": pl.Series(value_day).cast(pl.Int32).cast(pl.Date),
    }
    columns = {name: column.to_frame("at").select(pl.when(taken).then("at"))["at"] for name, column in dates.items()}
    present = [entry if entry is not None else _NOTHING for entry in entries]
    known = pl.Series([entry is not None for entry in entries])
    for name in _TEXTS:
        found = pl.Series("at", list(map(attrgetter(name), present)), dtype=_NUMBERS.get(name, pl.String))
        columns[name] = found if known.all() else found.to_frame().select(pl.when(known).then("at"))["at"]
    columns["amount"] = columns["amount"].cast(AMOUNT)
    columns["refused"] = pl.Series([reasons.get(offset) for offset in records.offsets], dtype=pl.String)
    return pl.DataFrame({name: columns[name] for name in (*Txn.__struct_fields__, "refused")})


def _entry(value: bytes | None) -> Txn | None:
    try:
        return _DECODER.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # the careful reader took it; what it cannot be as a whole is left out here
