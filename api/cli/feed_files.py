"""`tidemark feed iso20022|mt940|jsonl|csv|debezium`: files, and topics, of other systems into Kafka.

Thin: which reader, which mapping, which files. What is refused goes to a rejects file and makes the exit code 1, as
does a statement that does not add up; the rest is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.feed import Count, Rate, feed, feeding_progress
from api.cli.options import DataDir, load_settings, taking
from api.cli.output import FAILED, Json, err, out, print_json, table
from engines.primitives.errors import InvalidInput

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.feeds.event import Event
    from streams.feeds.file_feed import FileFeed, FilesResult
    from streams.feeds.start import FeedOptions
    from streams.producer import RecordProducer

__all__ = ("feed",)

SHOWN = 10
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, or directories of them.")]
SomeFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Files, or directories of them.")]
Mapping = Annotated[Path, typer.Option("--mapping", metavar="TOML", help="Says what is what; see docs/feeds.md.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check; show what would be sent, send nothing.")]

Run = Callable[["RecordProducer", "FeedOptions"], "FilesResult"]
Read = Callable[[Callable[["Event"], None]], "FilesResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """What every feed from files takes besides its own."""

    rate: Rate = None
    count: Count = None
    dry_run: DryRun = False
    data_dir: DataDir = None
    as_json: Json = False

    def settings(self) -> "Settings":
        return load_settings(data_dir=self.data_dir)


@feed.command()
@taking(Feeding)
def iso20022(
    feeding: Feeding,
    *,
    files: Files,
    mapping: Mapping,
) -> None:
    """Bank statements and payments in ISO 20022: camt.052, camt.053, camt.054, pacs.008, pacs.009, any version."""
    from infra.statements.iso20022 import read_iso20022
    from streams.feeds.account_mapping import read_mapping
    from streams.feeds.file_feed import FileFeed, files_of
    from streams.feeds.statement_events import statement_events

    accounts = read_mapping(mapping)
    kind = FileFeed(
        "iso20022",
        lambda stream, report: statement_events(
            read_iso20022(stream, report.file, accounts.is_ours), accounts, report
        ),
        accounts.digest,
    )
    _files(kind, files_of(files, (".xml", ".camt", ".053", ".054", ".052")), feeding)


@feed.command()
@taking(Feeding)
def mt940(
    feeding: Feeding,
    *,
    files: Files,
    mapping: Mapping,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Such as gb18030; UTF-8 or Latin-1 if left out.")
    ] = None,
) -> None:
    """Bank statements in SWIFT MT940 and MT942, with or without SWIFT envelopes, several messages in a file."""
    from infra.statements.mt940_reader import read_mt940
    from streams.feeds.account_mapping import read_mapping
    from streams.feeds.file_feed import FileFeed, files_of
    from streams.feeds.statement_events import statement_events

    accounts = read_mapping(mapping)
    kind = FileFeed(
        "mt940",
        lambda stream, report: statement_events(read_mt940(stream, report.file, encoding), accounts, report),
        accounts.digest,
    )
    endings = (".sta", ".mt940", ".mt942", ".940", ".942", ".txt", ".swi", ".fin")
    _files(kind, files_of(files, endings), feeding)


@feed.command()
@taking(Feeding)
def jsonl(
    feeding: Feeding,
    *,
    files: Files,
    topic: Annotated[str, typer.Option("--topic", help="Of lines that name none.")] = "tm.in.core.txn.v1",
) -> None:
    """Records in our own form, one JSON object a line, bare or as {"topic", "record"}."""
    from streams.feeds.file_feed import FileFeed, files_of
    from streams.feeds.json_lines import json_line_events

    kind = FileFeed("jsonl", partial(json_line_events, topic=topic), topic)
    _files(kind, files_of(files, (".jsonl", ".ndjson", ".json")), feeding)


@feed.command(name="csv")
@taking(Feeding)
def csv_files(
    feeding: Feeding,
    *,
    files: Files,
    mapping: Mapping,
) -> None:
    """CSV files of any bank: columns, dates, decimal comma, sign and encoding by a mapping."""
    from streams.feeds.csv_rows import csv_events
    from streams.feeds.file_feed import FileFeed, files_of
    from streams.feeds.row_mapping import read_row_mapping

    rows = read_row_mapping(mapping)
    kind = FileFeed("csv", partial(csv_events, mapping=rows), rows.digest)
    _files(kind, files_of(files, (".csv", ".txt", ".tsv")), feeding)


@feed.command()
@taking(Feeding)
def debezium(
    feeding: Feeding,
    *,
    mapping: Mapping,
    files: SomeFiles = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Of the table's changes, in the same Kafka.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on when the topic's end is reached.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="Of this feed, which remembers rows; the mapping's if left out.")
    ] = None,
) -> None:
    """Changes of a table of entries, in Debezium's envelope: from files of messages, or from its topic."""
    from infra.kafka.clients import consumer_config, resolve_bootstrap
    from streams.feeds.debezium_feed import TopicSource, read_debezium, run_debezium
    from streams.feeds.file_feed import files_of
    from streams.feeds.row_mapping import read_row_mapping

    if (topic is None) == (not files):
        raise InvalidInput("give files or --topic, one of them", field="--topic")
    settings, rows = feeding.settings(), read_row_mapping(mapping)
    source: Any = (
        files_of(files or [], (".json", ".jsonl", ".ndjson"))
        if topic is None
        else TopicSource(topic, consumer_config(settings, resolve_bootstrap(settings)), follow)
    )
    _drive(
        settings,
        "debezium",
        lambda producer, options: run_debezium(name or mapping.stem, rows, source, producer, options),
        partial(read_debezium, rows, source),
        feeding,
    )


def _files(kind: "FileFeed", files: list[Path], feeding: Feeding) -> None:
    from streams.feeds.file_feed import read_files, run_files

    _drive(
        feeding.settings(),
        kind.kind,
        lambda producer, options: run_files(kind, files, producer, options),
        partial(read_files, kind, files),
        feeding,
    )


def _drive(settings: "Settings", kind: str, run: Run, read: Read, feeding: Feeding) -> None:
    dry_run = feeding.dry_run
    if dry_run:
        shown: list[Event] = []
        result = read(lambda event: shown.append(event) if len(shown) < SHOWN else None)
    else:
        shown, result = [], _sent(settings, kind, run, feeding)
    body = {
        "feed": kind,
        "dry_run": dry_run,
        "produced": 0 if dry_run else result.produced,
        "would_produce": result.produced if dry_run else None,
        "stopped": result.stopped,
        "whole": result.whole,
        "seconds": round(result.seconds, 3),
        "refused": result.refused,
        "files": [report.as_dict() for report in result.reports],
        "sequence_findings": _rows(result),
        "events": [_event(event) for event in shown],
    }
    if feeding.as_json:
        print_json(body)
    else:
        _show(body)
    if result.refused or result.findings:
        raise typer.Exit(FAILED)


def _sent(settings: "Settings", kind: str, run: Run, feeding: Feeding) -> "FilesResult":
    from api.startup import stop_on_signals
    from infra.kafka.clients import producer_config, resolve_bootstrap
    from streams.feeds.start import FeedOptions
    from streams.producer import RecordProducer

    producer = RecordProducer(producer_config(settings, resolve_bootstrap(settings)))
    with stop_on_signals() as stop, feeding_progress(kind) as (tell, _):
        run_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        return run(producer, FeedOptions(settings.data_dir / "feed", run_id, feeding.rate, feeding.count, tell, stop))


def _rows(result: "FilesResult") -> list[dict[str, Any]]:
    from streams.feeds.file_report import finding_row

    return [finding_row(finding) for finding in result.sequence_findings]


def _event(event: "Event") -> dict[str, Any]:
    import json

    from streams.producer import encode

    return {"topic": event.topic, "key": event.key.decode(), "record": json.loads(encode(event.record))}


def _show(body: dict[str, Any]) -> None:
    """Figures on stdout, notices and faults on stderr."""
    sent = body["would_produce"] if body["dry_run"] else body["produced"]
    err().print(f"{body['feed']}: {'would send' if body['dry_run'] else 'sent'} {sent:,} events")
    columns = (
        "file",
        "accepted",
        "refused",
        "skipped",
        "statements",
        "statements_with_balances",
        "statements_agreeing",
    )
    out().print(table(body["files"], columns))
    totals = [
        {"file": one["file"], "currency": currency, **row}
        for one in body["files"]
        for currency, row in one["totals"].items()
    ]
    if totals:
        amounts = ("credits", "debits", "net")
        out().print(table(totals, ("file", "currency", "entries", "pending", *amounts), amounts=amounts))
    faults = [reject for one in body["files"] for reject in one["rejects"]]
    for fault in faults[:20]:
        err().print(f"  {fault['file']} line {fault['line']} {fault['path']} {fault['field']}: {fault['reason']}")
    for one in body["files"]:
        for gap in one["gaps"][:20]:
            err().print(f"  {gap['file']} line {gap['line']}: {gap['message']}")
        if one["rejects_file"]:
            err().print(f"  all rejects: {one['rejects_file']}")
    for finding in [*(f for one in body["files"] for f in one["findings"]), *body["sequence_findings"]]:
        what = f"expected {finding['expected']}, found {finding['found']}"
        err().print(f"  {finding['file']} {finding['account']} {finding['statement']}: {finding['message']}; {what}")
    for event in body["events"]:
        out().print(f"{event['topic']} {event['key']} {event['record']}", markup=False, soft_wrap=True)
