"""`tidemark audit access`: who was refused, signed in, took papers or looked, read from the topic itself."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput

COLUMNS = (
    "occurred_at", "action", "actor", "via", "address", "aggregate", "key", "command", "guard", "cmd_id", "route",
)  # fmt: skip
DAYS = 7


def access(
    *,
    actor: Annotated[str | None, typer.Option("--actor", help="Only this actor's.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="INSTANT", help="Date or instant (UTC); default: seven days ago.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many, newest first.")] = 100,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The access log, newest first: refused commands and tokens, sign-ins, papers taken, reads by auditors."""
    from infra.kafka.clients import consumer_config, resolve_bootstrap
    from streams.access_reader import AccessReader

    start = instant_of(since) if since is not None else datetime.now(UTC) - timedelta(days=DAYS)
    settings = load_settings(data_dir=data_dir)
    search = AccessReader(consumer_config(settings, resolve_bootstrap(settings)))
    found = search(start, lambda record: actor in (None, record.actor), limit)
    rows = [msgspec.to_builtins(record) for record in found]
    if as_json:
        print_json({"records": rows}, indent=2)
    else:
        out().print(table(rows, COLUMNS))


def instant_of(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is neither a date nor an instant", field="--since") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
