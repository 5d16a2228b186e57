"""Commands on what is kept under a number, a view or a pivot: sent, and the events that they made shown."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.markup import escape

from api.cli.client import Api
from api.cli.options import load_settings
from api.cli.output import out, print_json


def posted(path: str, body: dict[str, Any], cmd_id: str | None, data_dir: Path | None) -> dict[str, Any]:
    """What the server answers to a command."""
    with Api(load_settings(data_dir=data_dir)) as api:
        return api.post(path, body | {"cmd_id": cmd_id or str(uuid4())})


def send(path: str, body: dict[str, Any], cmd_id: str | None, data_dir: Path | None, as_json: bool) -> None:
    answer = posted(path, body, cmd_id, data_dir)
    if as_json:
        print_json(answer, indent=2)
        return
    for event in answer.get("events", []):
        out().print(f"[green]{escape(str(event['type']))}[/] {escape(str(event['key']))}")
