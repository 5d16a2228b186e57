"""`tidemark command`: decisions on aggregates, sent to the API. Reading them back is `tidemark audit`."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.markup import escape

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput


def command(
    *,
    aggregate: Annotated[str, typer.Argument(help="Kind of aggregate, as RiskAsset.")],
    key: Annotated[str, typer.Argument(help="Its business key, as the loan number.")],
    name: Annotated[str, typer.Argument(metavar="COMMAND", help="What to do, as ProposeWriteOff.")],
    payload: Annotated[str, typer.Option("--payload", help="JSON object of the command's fields, or @FILE.")] = "{}",
    valid_on: Annotated[
        str | None, typer.Option("--valid-on", metavar="DATE", help="When it is true in the business.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, kept with the event.")] = "",
    cmd_id: Annotated[
        str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send a command to an aggregate, as the actor and role of the token; shows its events and new state."""
    body: dict[str, Any] = {
        "cmd_id": cmd_id or str(uuid4()),
        "aggregate": aggregate,
        "key": key,
        "command": name,
        "payload": _payload(payload),
        "reason": reason,
    }
    if valid_on is not None:
        body["valid_on"] = _day(valid_on, "--valid-on")
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/commands", body)
    if as_json:
        print_json({"cmd_id": body["cmd_id"], **answer}, indent=2)
        return
    console = out()
    for event in answer.get("events", []):
        console.print(f"[green]{escape(str(event.get('type')))}[/] version {event.get('version')}")
    state = answer.get("state") or {}
    console.print(
        table(({"field": name, "value": text_of(value)} for name, value in state.items()), ("field", "value"))
    )


def _payload(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read {text[1:]}", field="--payload") from error
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"not JSON: {error}", field="--payload") from error
    if not isinstance(value, dict):
        raise InvalidInput("want a JSON object", field="--payload")
    return value


def _day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field=field) from error


def text_of(value: Any) -> str:
    """A value of an answer in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {text_of(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "; ".join(text_of(inner) for inner in value)
    return "" if value is None else str(value)
