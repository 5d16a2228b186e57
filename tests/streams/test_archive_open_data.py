"""The archive without us: DuckDB reads the tree by globs and partitions, and the files that a manifest names."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from infra.archive_store import ArchiveStore
from streams.archive import Due
from tests.streams.test_archive import AT, TXN, archiver, txn_logs

TOTALS = (
    "SELECT ccy, direction, count(*), sum(amount) FROM read_parquet('{files}', hive_partitioning = true) "
    "WHERE date >= '2026-11-01' AND refused IS NULL GROUP BY ALL ORDER BY ALL"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open")
    archiver(folder, txn_logs(400, 3), Due(records=150, age_s=0.0)).run_once(everything=True)
    return folder


def totals_by_polars(root: Path) -> list[tuple[str, str, int, Decimal]]:
    rows = pl.scan_parquet(root / "topic=*/**/*.parquet", hive_partitioning=True).filter(
        (pl.col("topic") == AT[0]) & pl.col("refused").is_null()
    )
    summed = rows.group_by("ccy", "direction").agg(pl.len(), pl.col("amount").sum()).sort("ccy", "direction")
    return summed.collect().rows()


def test_polars_reads_the_tree_by_its_partitions(root: Path) -> None:
    found = totals_by_polars(root)
    assert sum(row[2] for row in found) == len(txn_logs(400, 3).records[AT]) - 1  # one is no entry
    assert all(isinstance(row[3], Decimal) for row in found)


def test_duckdb_reads_the_same_from_the_tree_and_by_the_manifest(root: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: the same files are read by polars above")
    with duckdb.connect() as database:
        by_tree = database.sql(TOTALS.format(files=f"{root}/topic=tm.in.core.txn.v1/**/*.parquet")).fetchall()
        assert by_tree == totals_by_polars(root)
        manifest = max(root.glob("manifest/*/*/*/*.jsonl"))
        database.execute(
            "SET VARIABLE files = (SELECT list(? || '/' || path) FROM read_json(?, format = 'newline_delimited') "
            "WHERE path IS NOT NULL)",
            [str(root), str(manifest)],
        )
        (count, first, last) = database.sql(
            'SELECT count(*), min("offset"), max("offset") FROM read_parquet(getvariable(\'files\'))'
        ).fetchall()[0]
        segments = ArchiveStore(root).manifest(TXN).segments  # type: ignore[union-attr]
        assert count == sum(one.rows for one in segments)
        assert (first, last) == (0, segments[-1].to_offset - 1)
        described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [f"{root}/{segments[0].path}"])
        kinds = {row[0]: row[1] for row in described.fetchall()}
    assert kinds["amount"] == "DECIMAL(20,4)"
    assert kinds["event_time"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["value_date"] == "DATE"
