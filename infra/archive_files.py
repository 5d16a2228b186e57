"""One file of the archive: records of a log as Parquet, readable by DuckDB, Spark and polars without us.

Columns: `offset` and `timestamp_us` (int64; Kafka's time, microseconds since 1970, UTC), `key` and `value` (the raw
bytes, null where there are none), `headers` (list of {name, value}), then whatever typed columns the archiver adds.
zstd, row groups of `GROUP_ROWS`: a power of two, so that a file's Merkle root follows from those of its groups.
Not for manifests, nor for what a value means.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.primitives.errors import CorruptRecord, InvalidInput
from infra.archive_manifest import Group
from infra.merkle import leaf_hash, root
from infra.snapshot_files import sync_directory

GROUP_ROWS = 65_536
HEADERS = pl.List(pl.Struct({"name": pl.String, "value": pl.Binary}))
RAW: dict[str, pl.DataType | type[pl.DataType]] = {
    "offset": pl.Int64,
    "timestamp_us": pl.Int64,
    "key": pl.Binary,
    "value": pl.Binary,
    "headers": HEADERS,
}
NO_VALUE = 0xFFFF_FFFF  # the length of a key or value that is not there

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(slots=True)
class Records:
    """Records of one log in the order of their offsets, one list a column."""

    offsets: list[int] = field(default_factory=list)
    timestamps_us: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self, start: int, stop: int) -> "Records":
        return Records(
            self.offsets[start:stop],
            self.timestamps_us[start:stop],
            self.keys[start:stop],
            self.values[start:stop],
            self.headers[start:stop],
        )


def record_bytes(offset: int, timestamp_us: int, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """What a leaf of the Merkle tree is over: every field, with lengths, so that no two records read alike.

    offset 8 ‖ timestamp 8 ‖ key ‖ value ‖ number of headers 4 ‖ name ‖ value …; all integers big-endian, texts and
    byte strings behind their length of 4 bytes (0xFFFFFFFF: none).
    """
    parts = [offset.to_bytes(8, "big"), timestamp_us.to_bytes(8, "big", signed=True), _framed(key), _framed(value)]
    parts.append(len(headers).to_bytes(4, "big"))
    for name, text in headers:
        parts += (_framed(name.encode()), _framed(text))
    return b"".join(parts)


def _framed(data: bytes | None) -> bytes:
    return NO_VALUE.to_bytes(4, "big") if data is None else len(data).to_bytes(4, "big") + data


def groups_of(records: Records) -> tuple[Group, ...]:
    """The row groups that these records make, with their Merkle roots."""
    columns = (records.offsets, records.timestamps_us, records.keys, records.values, records.headers)
    leaves = [leaf_hash(record_bytes(*row)) for row in zip(*columns, strict=True)]
    starts = range(0, len(leaves), GROUP_ROWS)
    return tuple(
        Group(records.offsets[at], len(leaves[at : at + GROUP_ROWS]), root(leaves[at : at + GROUP_ROWS]).hex())
        for at in starts
    )


def root_of(groups: Sequence[Group]) -> str:
    """Root over all records: groups are complete subtrees, all but the last (RFC 6962, 2.1)."""
    return root([bytes.fromhex(group.root) for group in groups]).hex()


def frame_of(records: Records, typed: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows of the file."""
    columns = {"offset": records.offsets, "timestamp_us": records.timestamps_us}
    frame = pl.DataFrame(
        {**columns, "key": records.keys, "value": records.values},
        schema={name: kind for name, kind in RAW.items() if name != "headers"},
    ).with_columns(_header_column(records.headers))
    if typed is None:
        return frame
    if len(typed) != len(frame) or set(typed.columns) & set(RAW):
        raise InvalidInput("typed columns must be of the same rows and other names", rows=len(typed))
    return frame.hstack(typed)


def _header_column(headers: Sequence[Headers]) -> pl.Series:
    """From one flat table: a nested list of Python objects costs polars 70 microseconds a record."""
    counts = np.array([len(one) for one in headers], np.int64)
    flat = pl.DataFrame(
        {
            "row": np.repeat(np.arange(len(headers)), counts),
            "name": [name for one in headers for name, _ in one],
            "value": [value for one in headers for _, value in one],
        },
        schema={"row": pl.Int64, "name": pl.String, "value": pl.Binary},
    )
    grouped = flat.group_by("row", maintain_order=True).agg(pl.struct("name", "value").alias("headers"))
    full = pl.DataFrame({"row": np.arange(len(headers))}, schema={"row": pl.Int64})
    joined = full.join(grouped, on="row", how="left", maintain_order="left")
    return joined["headers"].cast(HEADERS).fill_null(pl.Series([[]], dtype=HEADERS))


@dataclass(frozen=True, slots=True)
class Written:
    bytes: int
    sha256: str


def write(frame: pl.DataFrame, target: Path, mode: int = 0o640) -> Written:
    """Durably write `target`, whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        frame.write_parquet(temporary, compression="zstd", row_group_size=GROUP_ROWS, statistics=True)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        temporary.chmod(mode)
        size = temporary.stat().st_size
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(target.parent)
    return Written(size, digest)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, hive_partitioning=False, glob=False)


def read_rows(path: Path, columns: Sequence[str] | None, first: int, below: int) -> pl.DataFrame:
    """Rows with offset in [first, below), all columns or some; groups outside are not read.

    Raises CorruptRecord, naming the file.
    """
    wanted = (pl.col("offset") >= first) & (pl.col("offset") < below)
    try:
        found = scan(path).filter(wanted)
        return (found if columns is None else found.select(columns)).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CorruptRecord(f"{path.name} cannot be read: {error}"[:300], path=str(path)) from error


def records_of(frame: pl.DataFrame) -> Records:
    """Rows read back."""
    # Flat and cut again: as nested objects each header is a dictionary of its own.
    counts = frame["headers"].list.len().to_list()
    flat = frame["headers"].filter(frame["headers"].list.len() > 0).explode()
    pairs = list(zip(flat.struct.field("name").to_list(), flat.struct.field("value").to_list(), strict=True))
    ends = list(accumulate(counts))
    headers: list[Headers] = [pairs[end - count : end] for end, count in zip(ends, counts, strict=True)]
    return Records(
        frame["offset"].to_list(),
        frame["timestamp_us"].to_list(),
        frame["key"].to_list(),
        frame["value"].to_list(),
        headers,
    )


def offsets_of(frame: pl.DataFrame) -> NDArray[np.int64]:
    return frame["offset"].to_numpy()
