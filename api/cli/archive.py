"""`tidemark archive`: copy the logs to Parquet, prove the copies, shorten Kafka by them, hand out closed days."""

import json
import os
import sys
import time
from contextlib import redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, err, out, print_json, table
from engines.primitives.errors import Conflict, InvalidInput

COMPACTION_ATTEMPTS = 5

archive = typer.Typer(help="Logs as partitioned Parquet: written once, proved, readable by DuckDB and Spark.")

Topic = Annotated[str | None, typer.Option("--topic", help="Only this topic, or `events`.")]


@archive.command()
def run(
    *,
    once: Annotated[bool, typer.Option("--once", help="Archive everything there is, then end.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Copy every topic of `tm.in.*`, the decisions, alerts and cuts into the archive, until Ctrl-C or SIGTERM."""
    from api.startup import await_kafka, configure_logs

    with suppress(OSError):
        os.nice(10)  # folds and answers come first: what is archived a second later is archived as well
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    await_kafka(settings)
    from api.archive_wiring import run_archive  # seconds of imports, which others need more while Kafka starts

    count = run_archive(settings, once=once)
    if once and as_json:
        print_json({"archived": count, "archive": str(settings.archives)})
    elif once:
        out().print(f"{count:,} records archived in {escape(str(settings.archives))}", soft_wrap=True)


@archive.command("list")
def list_logs(topic: Topic = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What is archived: each log with its range, files, records and bytes."""
    from infra.archive_store import ArchiveStore

    store, rows = ArchiveStore(load_settings(data_dir=data_dir).archives), []
    for log in store.logs(topic):
        manifest = store.manifest(log)
        segments = manifest.segments if manifest is not None else ()
        if manifest is None or not segments:
            continue
        rows.append(
            {
                "topic": log.topic,
                "partition": log.partition,
                "log": log.topic_id,
                "from": manifest.from_offset,
                "to": manifest.to_offset,
                "files": len(segments),
                "records": sum(one.rows for one in segments),
                "bytes": sum(one.bytes for one in segments),
                "first_day": segments[0].date,
                "last_day": segments[-1].date,
                "generation": manifest.header.generation,
            }
        )
    if as_json:
        print_json(rows, indent=2)
    else:
        columns = ("topic", "partition", "from", "to", "files", "records", "bytes", "first_day", "last_day")
        out().print(table(rows, columns))


@archive.command()
def verify(
    topic: Topic = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Processes that read files.")] = 1,
    heads: Annotated[
        Path | None, typer.Option("--heads", help="JSON of an earlier --json run: its heads must still hold.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Check files, digests, the chain of the manifest, contiguity and Merkle roots; exits 1 naming what fails."""
    from rich.progress import Progress

    from infra.archive_store import ArchiveStore
    from infra.archive_verify import verify as verify_archive

    store, started = ArchiveStore(load_settings(data_dir=data_dir).archives), time.perf_counter()
    kept = _kept_heads(heads) if heads is not None else None
    with Progress(console=err(), transient=True, disable=not err().is_terminal) as bar:
        shown = bar.add_task("verifying", total=None)
        report = verify_archive(
            store,
            topic=topic,
            jobs=jobs,
            heads=kept,
            on_progress=lambda done, total: bar.update(shown, completed=done, total=total),
        )
    seconds = time.perf_counter() - started
    if as_json:
        found = [{"path": one.path, "row_group": one.group, "reason": one.reason} for one in report.findings]
        told = {name: {"to": end, "head": head} for name, (end, head) in report.heads.items()}
        counts = {"files": report.files, "records": report.records, "bytes": report.bytes}
        print_json({"ok": report.ok, **counts, "findings": found, "heads": told}, indent=2)
    else:
        for finding in report.findings:
            group = "" if finding.group is None else f", row group {finding.group}"
            out().print(f"[bold red]fault[/] {escape(finding.path)}{group}: {escape(finding.reason)}", soft_wrap=True)
        verdict = "[green]verified[/]" if report.ok else f"[bold red]{len(report.findings)} faults[/] in"
        out().print(f"{verdict} {report.records:,} records in {report.files:,} files, {seconds:.1f} s")
    if not report.ok:
        raise typer.Exit(FAILED)


@archive.command()
def compact(
    records_max: Annotated[int, typer.Option("--records", min=1, help="Of one file.")] = 500_000,
    mib_max: Annotated[int, typer.Option("--mib", min=1, help="Of one file, compressed.")] = 256,
    before: Annotated[
        str | None, typer.Option("--before", metavar="DATE", help="Days before; default: today.")
    ] = None,
    topic: Topic = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Put the files of days that are over together; a new generation of the manifest tells of it."""
    from infra.archive_store import ArchiveStore

    store, gone = ArchiveStore(load_settings(data_dir=data_dir).archives), 0
    limit = _day(before) if before is not None else datetime.now(UTC).date().isoformat()
    for log in store.logs(topic):
        manifest = store.manifest(log)
        if manifest is not None and sum(one.date < limit for one in manifest.segments) > 1:
            with redirect_stdout(sys.stderr):  # a claim may have to say what it cleared away
                gone += _compacted(store, log, records_max, mib_max * 1024 * 1024, limit)
    print_json({"files_gone": gone}) if as_json else out().print(f"{gone:,} files fewer")


@archive.command()
def prune(
    before: Annotated[str, typer.Option("--before", metavar="DATE", help="Archived days before this one (UTC).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Delete from Kafka what is archived, proved and below every snapshot. Only of the folded topics."""
    from confluent_kafka.admin import AdminClient

    from infra.archive_store import ArchiveStore
    from infra.kafka.admin import log_bounds
    from infra.kafka.clients import client_config, resolve_bootstrap
    from infra.snapshots import LocalSnapshotStore
    from streams import topics
    from streams.archive_prune import carry_out, plan
    from streams.folded import folders
    from streams.past_figures import Logs

    settings, limit = load_settings(data_dir=data_dir), _day(before)
    admin = AdminClient(client_config(settings, resolve_bootstrap(settings)))
    partitions = topics.folded_partitions(settings.kafka_partitions)
    cuts = plan(
        ArchiveStore(settings.archives),
        LocalSnapshotStore(settings.snapshots),
        folders(settings),
        list(Logs(admin, partitions).all().values()),
        log_bounds(admin, partitions),
        limit,
    )
    if not dry_run:
        carry_out(admin, cuts)
    rows = [
        {"topic": cut.topic, "partition": cut.partition, "from": cut.first, "to": cut.offset, "because": cut.reason}
        for cut in cuts
    ]
    if as_json:
        print_json({"deleted": not dry_run, "cuts": rows}, indent=2)
    else:
        out().print(table(rows, ("topic", "partition", "from", "to", "because")))
        total = sum(cut.records for cut in cuts)
        out().print(f"{total:,} offsets {'would be' if dry_run else 'were'} deleted from Kafka")


@archive.command()
def extract(
    date: Annotated[str, typer.Option("--date", metavar="DATE", help="A closed business date.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder that gets `business_date=DATE`.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """One closed business date as Parquet and CSV with control totals: the T+1 feed of other platforms."""
    from api.archive_extraction import run_extract

    wanted = datetime.fromisoformat(_day(date, "--date")).date()
    made = run_extract(load_settings(data_dir=data_dir), wanted, out_dir.expanduser().absolute())
    if as_json:
        print_json({"folder": str(made.folder), "already_there": made.already_there} | made.manifest, indent=2)
        return
    rows = [
        {"table": told["name"], "rows": told["rows"], "control totals": json.dumps(told["control_totals"])}
        for told in made.manifest["tables"]
    ]
    out().print(table(rows, ("table", "rows", "control totals")))
    state = "was there already, the same" if made.already_there else "is complete"
    out().print(f"{escape(str(made.folder))} {state}", soft_wrap=True)


def _compacted(store: Any, log: Any, records_max: int, bytes_max: int, before: str) -> int:
    """The archiver may claim the log meanwhile: then it goes first, and we try again."""
    for _ in range(COMPACTION_ATTEMPTS - 1):
        try:
            return int(store.open_log(log).compact(records_max, bytes_max, before))
        except Conflict:
            continue
    return int(store.open_log(log).compact(records_max, bytes_max, before))


def _day(text: str, field: str = "--before") -> str:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field=field) from error


def _kept_heads(path: Path) -> dict[str, str]:
    try:
        return {name: told["head"] for name, told in json.loads(path.read_bytes())["heads"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{path} is not the JSON of `archive verify`", field="--heads") from error
