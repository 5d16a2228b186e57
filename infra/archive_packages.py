"""A package of tables for another system: Parquet and CSV of each, a manifest, and `_COMPLETE` last.

Written beside and moved into place as a whole: who sees the folder sees all of it. The same tables give the same
bytes; a second run with the same content changes nothing, with other content it is refused: a package that was
handed out is never rewritten. Not for what the tables hold: `streams.archive_extract`.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from engines.primitives.errors import Conflict, Unavailable
from infra.snapshot_files import sync_directory

COMPLETE, MANIFEST = "_COMPLETE", "manifest.json"
GROUP_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Table:
    """One data set. `amounts`: columns of which totals are told, by the column `by` (the currency)."""

    name: str
    rows: pl.DataFrame
    amounts: Sequence[str] = ()
    by: str = "currency"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    folder: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    already_there: bool = False


def write_package(folder: Path, tables: Sequence[Table], facts: Mapping[str, Any]) -> Package:
    """Write `folder` with the tables and `facts` in its manifest.

    Raises Conflict where it exists with other content, Unavailable where the disk refuses.
    """
    temporary = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        told = [_written(temporary, table) for table in tables]
        manifest = {"format": 1, **facts, "tables": told}
        encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        if (folder / COMPLETE).is_file():
            same = (folder / MANIFEST).read_bytes() == encoded
            shutil.rmtree(temporary)
            if not same:
                raise Conflict(f"{folder} exists with other content: it is not rewritten", path=str(folder))
            return Package(folder, manifest, already_there=True)
        _write(temporary / MANIFEST, encoded)
        _write(temporary / COMPLETE, hashlib.sha256(encoded).hexdigest().encode() + b"\n")
        sync_directory(temporary)
        os.rename(temporary, folder)
        sync_directory(folder.parent)
    except OSError as error:
        raise Unavailable(f"cannot write {folder}: {error.strerror or error}", path=str(folder)) from error
    return Package(folder, manifest)


def control_totals(table: Table) -> dict[str, dict[str, str]]:
    """{member of `by`: {"rows": …, column: exact decimal sum}}."""
    totals: dict[str, dict[str, str]] = {}
    if table.amounts:
        for (member,), part in table.rows.group_by(table.by, maintain_order=True):
            sums = {name: sum(part[name].drop_nulls().to_list(), Decimal(0)) for name in table.amounts}
            totals[str(member)] = {"rows": str(len(part))} | {name: f"{value:f}" for name, value in sums.items()}
    return dict(sorted(totals.items()))


def _written(folder: Path, table: Table) -> dict[str, Any]:
    parquet, csv = folder / f"{table.name}.parquet", folder / f"{table.name}.csv"
    table.rows.write_parquet(parquet, compression="zstd", row_group_size=GROUP_ROWS)
    table.rows.write_csv(csv)
    files = []
    for path in (parquet, csv):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"file": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return {
        "name": table.name,
        "about": table.about,
        "rows": len(table.rows),
        "control_totals": control_totals(table),
        "schema": [{"name": name, "type": str(kind)} for name, kind in table.rows.schema.items()],
        "files": files,
    }


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
