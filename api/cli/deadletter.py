"""`tidemark deadletter list|retry`: refused records, why they were refused, and another try."""

from typing import Annotated

import typer

from api.cli.options import DataDir, load_settings
from api.cli.output import Json, err, out, print_json, table
from engines.primitives.errors import InvalidInput, NotFound

deadletter = typer.Typer(help="Records that could not be folded: see why, and send them again.")

SHOWN_CHARACTERS = 60


@deadletter.command("list")
def list_letters(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many, newest first.")] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Refused records, newest first, each with its place in the log and the reason."""
    from infra.kafka.clients import consumer_config, resolve_bootstrap
    from streams.deadletters import read_letters

    settings = load_settings(data_dir=data_dir)
    letters = read_letters(consumer_config(settings, resolve_bootstrap(settings)))
    shown = letters[::-1][:limit]
    if as_json:
        print_json({"total": len(letters), "letters": [letter.as_json() for letter in shown]}, indent=2)
        return
    rows = [letter.as_json() | {"value": preview(letter.value)} for letter in shown]
    out().print(table(rows, ("id", "reported_at", "reason", "field", "value_bytes", "value")))
    err().print(f"[dim]{len(shown)} of {len(letters)} dead letters[/]")


@deadletter.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids as `list` shows them: topic/partition/offset.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters not yet retried.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Produce refused records again, unchanged, into the partition they came from."""
    from infra.kafka.clients import consumer_config, producer_config, resolve_bootstrap
    from streams.deadletters import read_letters, retry_letters

    if bool(ids) == everything:
        raise InvalidInput("name the letters, or give --all", field="IDS")
    settings = load_settings(data_dir=data_dir)
    bootstrap = resolve_bootstrap(settings)
    config = consumer_config(settings, bootstrap)
    by_id = {letter.id: letter for letter in read_letters(config)}
    for wanted in ids or []:
        if wanted not in by_id:
            raise NotFound("no such dead letter", record=wanted)
    sent, left = retry_letters(
        config, producer_config(settings, bootstrap), [by_id[wanted] for wanted in ids or by_id]
    )
    if as_json:
        print_json({"sent": sent, "left_out": left}, indent=2)
    else:
        out().print(f"{len(sent)} sent again, {len(left)} left out because they were retried before")


def preview(value: bytes) -> str:
    """The start of a record as one line of text, whatever its bytes are."""
    text = value[: SHOWN_CHARACTERS * 4].decode("utf-8", errors="backslashreplace")
    text = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
