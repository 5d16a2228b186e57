"""`tidemark positions|gap --explain`: why the figure moved between two cuts, part by part."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.contracts import cut_line
from api.cli.options import load_settings
from api.cli.output import grouped, out, print_json, table
from engines.primitives.errors import InvalidInput

COLUMNS = ("entity", "currency", "cause", "line", "entry", "offset", "entries", "amount")
WANTED = 'want the JSON object "offsets" of an answer, or an instant as 2026-03-16T12:00Z; two of them: A:B or A/B'
OPTION = "--explain"

Explain = Annotated[
    str | None,
    typer.Option(
        OPTION,
        metavar="OFFSETS[:OFFSETS]|TIME[/TIME]",
        help='Why it moved: from an earlier cut ("offsets" of an answer, or an instant) to a later one, or now.',
    ),
]


def print_changes(
    path: str,
    explain: str,
    asked: Mapping[str, str | None],
    *,
    data_dir: Any,
    as_json: bool,
    refused: Mapping[str, Any],
) -> None:
    """`refused`: options that make no sense here, by name.

    Raises InvalidInput: one of them is given, or the cuts cannot be read.
    """
    for name, value in refused.items():
        if value:
            raise InvalidInput(f"{OPTION} is of two cuts as they were: leave out {name}", field=name)
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get(path, **asked, **cuts(explain))
        print_json(answer, indent=2) if as_json else out().print(changes_table(answer))


def cuts(text: str) -> dict[str, str]:
    """The query of two cuts. Raises InvalidInput."""
    if not text.lstrip().startswith("{"):
        names = ("from_time", "to_time")
        return dict(zip(names, map(_instant, _one_or_two(text.split("/"))), strict=False))
    first, end = _vector(text, 0)
    rest = text[end:].strip()
    found = {"from_offsets": first}
    if rest:
        if not rest.startswith(":"):
            raise InvalidInput(WANTED, field=OPTION)
        found["to_offsets"], end = _vector(rest, 1)
        if rest[end:].strip():
            raise InvalidInput(WANTED, field=OPTION)
    return found


def changes_table(answer: dict[str, Any]) -> Lines:
    rows = [
        part | {"entity": row["entity"], "currency": row["currency"], "offset": _place(part)}
        for row in answer["rows"]
        for part in row["parts"]
    ]
    moves = [
        Text(
            f"{row['entity']} {row['currency']}: {grouped(row['before'])} -> {grouped(row['after'])}"
            f" ({grouped(row['change'])}){_without(row)}"
        )
        for row in answer["rows"]
    ]
    return Lines(*moves, Text(), table(rows, COLUMNS, amounts=("amount",)), cut_line(answer))


def _place(part: Mapping[str, Any]) -> str:
    return "" if part["offset"] is None else f"{part['place'].rpartition('/')[2]}/{part['offset']}"


def _without(row: Mapping[str, Any]) -> str:
    return f", without {', '.join(row['without_rate'])}: no rate" if row["without_rate"] else ""


def _one_or_two(texts: list[str]) -> list[str]:
    if len(texts) > 2:
        raise InvalidInput(WANTED, field=OPTION)
    return texts


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.strip()))
    except ValueError as error:
        raise InvalidInput(WANTED, field=OPTION) from error
    if found.tzinfo is None:
        raise InvalidInput(f"{text!r} needs its offset from UTC, as Z", field=OPTION)
    return found.isoformat()


def _vector(text: str, start: int) -> tuple[str, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as error:
        raise InvalidInput(WANTED, field=OPTION) from error
    if not isinstance(value, dict) or not value:
        raise InvalidInput(WANTED, field=OPTION)
    return json.dumps(value, sort_keys=True, separators=(",", ":")), end
