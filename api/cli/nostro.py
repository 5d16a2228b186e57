"""`tidemark nostro reconcile`: statements of correspondents against our own positions (LIQ-05)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, err, out, print_json, table
from engines.primitives.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import date

    from engines.nostro_reconciliation import BookedEntry
    from streams.nostro_records import NostroStatement

nostro = typer.Typer(help="Our accounts with other banks.", no_args_is_help=True, callback=lambda: None)
AMOUNTS = ("closing", "position", "difference", "timing", "break")
COLUMNS = ("entity", "account", "currency", "date", "status", *AMOUNTS)


@nostro.command()
def reconcile(
    *,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Statements, ISO 20022 or MT940; those that were fed if left out."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="TOML", help="Accounts, as for the feed; with files.")
    ] = None,
    own: Annotated[
        Path | None,
        typer.Option("--ours", metavar="JSONL", help="Our entries, to match entry by entry; with files."),
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Only this account of ours.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="Closing dates from here on.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Closing balances against our positions: matched, timing differences, breaks with the entries behind them.

    Exit code 1 if there is a break, a missing statement or one that does not add up.
    """
    first = iso_day(since, "--since")
    with Api(load_settings(data_dir=data_dir)) as api:
        if files:
            if mapping is None:
                raise InvalidInput(
                    "files need --mapping: which of their accounts is which of ours", field="--mapping"
                )
            answer = _of_files(api, files, mapping, own, (entity, account, first))
        elif mapping is not None or own is not None:
            raise InvalidInput("--mapping and --ours go with files", field="FILE")
        else:
            answer = api.get("/nostro/reconciliations", entity=entity, account=account, since=first)
    print_json(answer, indent=2) if as_json else _show(answer)
    damaged = any(row["statement"]["findings"] or row["statement"]["refused"] for row in answer["rows"])
    if answer["counts"]["break"] or answer["gaps"] or damaged or answer.get("refused"):
        raise typer.Exit(FAILED)


def _of_files(
    api: Api, files: list[Path], mapping: Path, own: Path | None, where: tuple[str | None, str | None, str | None]
) -> dict[str, Any]:
    from datetime import date

    from api.nostro import Asked, reconciliations
    from streams.feeds.account_mapping import read_mapping
    from streams.feeds.file_feed import FileFeed, files_of, read_files
    from streams.feeds.statement_files import statement_file_events
    from streams.nostro_records import NostroStatement

    accounts = read_mapping(mapping)
    kind = FileFeed("statements", lambda stream, report: statement_file_events(stream, report, accounts))
    statements: list[NostroStatement] = []
    result = read_files(
        kind,
        files_of(files, (".xml", ".sta", ".mt940", ".940", ".txt")),
        lambda event: statements.append(event.record) if isinstance(event.record, NostroStatement) else None,
    )
    entity, account, first = where
    asked = Asked(
        None if entity is None else {entity}, account, since=date.fromisoformat(first) if first else None, limit=1_000
    )
    ours = None if own is None else _own_entries(own)
    answer = reconciliations(statements, _position_of(api, statements), asked, ours)
    return answer | {"refused": result.refused, "files": [report.as_dict() for report in result.reports]}


def _position_of(api: Api, statements: "list[NostroStatement]") -> Any:
    """Positions by account, asked of the API once a date and account."""
    from engines.primitives.money import to_minor

    known: dict[tuple[str, str, date], list[dict[str, Any]]] = {}

    def position(entity: str, account: str, currency: str, day: "date") -> int | None:
        key = entity, account, day
        if key not in known:
            answer = api.get("/positions", by="account", entity=entity, account=account, as_of=day.isoformat())
            known[key] = answer["rows"]
        found = [row for row in known[key] if row["currency"] == currency]
        return sum(to_minor(row["position"], currency) for row in found) if found else None

    return position


def _own_entries(path: Path) -> "dict[tuple[str, str, str], list[BookedEntry]]":
    from datetime import date

    from engines.nostro_reconciliation import BookedEntry
    from engines.primitives.money import to_minor
    from streams.feeds.file_report import FileReport
    from streams.feeds.json_lines import json_line_events
    from streams.schemas import Txn
    from streams.topics import TXN

    found: dict[tuple[str, str, str], list[BookedEntry]] = {}
    report = FileReport(path.name, "-")
    with path.open("rb") as stream:
        for event in json_line_events(stream, report, TXN):
            one = event.record
            if isinstance(one, Txn) and one.status == "settled":
                minor = to_minor(one.amount, one.ccy) * (1 if one.direction == "in" else -1)
                valued, booked = date.fromisoformat(one.value_date), date.fromisoformat(one.event_time[:10])
                reference = "" if one.payment_ref == "-" else one.payment_ref
                entry = BookedEntry(one.txn_id, minor, booked, valued, reference)
                found.setdefault((one.entity_id, one.account_id, one.ccy), []).append(entry)
    for fault in report.shown:
        err().print(f"  {fault.place.file} line {fault.place.line} {fault.field}: {fault.reason}")
    return found


def _show(answer: dict[str, Any]) -> None:
    out().print(table(answer["rows"], COLUMNS, amounts=AMOUNTS))
    for row in answer["rows"]:
        where = f"{row['account']} {row['date']}"
        for name, what in (("timing_entries", "timing"), ("suspects", "only theirs"), ("missing", "only ours")):
            for entry in row[name]:
                dates = f"booked {entry['booking_date']}, valued {entry['value_date']}"
                out().print(f"  {where} {what}: {entry['amount']} {dates} {entry['reference']} {entry['entry']}")
        for finding in row["statement"]["findings"]:
            err().print(f"  {where} statement {row['statement']['id']}: {finding['message']}")
        if not row["known_account"]:
            err().print(f"  {where}: no position of ours on this account")
    for gap in answer["gaps"]:
        err().print(f"  {gap['account']} {gap['statement']}: {gap['message']}")
