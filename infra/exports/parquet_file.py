"""Parquet for data platforms: exact decimal columns, days, instants in UTC, and the stamp as the file's metadata."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import BinaryIO

import polars as pl

from engines.primitives.errors import InvalidInput
from infra.exports.cells import exact
from infra.exports.stamp import Stamp
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

DIGITS_MAX = 38  # of a Parquet decimal
PLAIN = {Kind.DATE: pl.Date(), Kind.INSTANT: pl.Datetime("us", "UTC"), Kind.YES_NO: pl.Boolean()}


def write_parquet(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """Columns go by their stable names. Raises InvalidInput: a number has more than 38 digits."""
    cells = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    series = [_series(column, found) for column, found in zip(table.columns, cells, strict=True)]
    facts = {
        "ledger": stamp.name,
        "as_of": stamp.as_of,
        "known_at": exact(stamp.known_at),
        "position": str(stamp.position),
        "user": stamp.user,
        "asked": stamp.asked,
        "row_count": str(stamp.row_count),
        "digest": stamp.digest,
        "language": stamp.language,
    }
    metadata = {f"tidemark.{name}": value for name, value in facts.items()}
    pl.DataFrame(series).write_parquet(out, compression="zstd", compression_level=3, metadata=metadata)


def _series(column: Column, cells: Sequence[Cell]) -> pl.Series:
    if column.kind in PLAIN:
        if column.kind is Kind.INSTANT:
            cells = [cell.astimezone(UTC) if isinstance(cell, datetime) else cell for cell in cells]
        return pl.Series(column.name, cells, PLAIN[column.kind], strict=True)
    numeric = column.kind in (Kind.MONEY, Kind.NUMBER, Kind.PER_CENT)
    if not numeric:
        return pl.Series(column.name, [None if cell is None else exact(cell) for cell in cells], pl.String())
    if column.kind is Kind.NUMBER and not any(isinstance(cell, Decimal) for cell in cells):
        return pl.Series(column.name, cells, pl.Int64())
    numbers = [cell if cell is None else Decimal(str(cell)) for cell in cells]
    scale = max((-int(one.as_tuple().exponent) for one in numbers if one is not None), default=2)
    scale = max(scale, 2)
    if any(one is not None and one.adjusted() + 1 + scale > DIGITS_MAX for one in numbers):
        raise InvalidInput(f"{column.name} has a number of over {DIGITS_MAX} digits", field=column.name)
    return pl.Series(column.name, numbers, pl.Decimal(DIGITS_MAX, scale))
