"""Which past moment a command is about: `--at TIME` or `--at-offsets VECTOR`, for figures, pages and replays."""

import json
import re
from datetime import datetime
from typing import Annotated

import typer

from engines.primitives.errors import InvalidInput

At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As it was at an instant with its zone, as 2026-03-16T09:00Z."),
]
AtOffsets = Annotated[
    str | None,
    typer.Option("--at-offsets", help='As it was at a past cut: the JSON object "offsets" of an earlier answer.'),
]


def instant(text: str | None, option: str = "--at") -> str | None:
    """RFC 3339. Raises InvalidInput naming the option."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text.strip()))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no instant, want 2026-03-16T09:00Z", field=option) from error
    if found.tzinfo is None:
        raise InvalidInput(f"{text!r} needs its offset from UTC, as Z", field=option)
    return found.isoformat()


def vector(text: str | None, option: str = "--at-offsets") -> dict[str, int] | None:
    """Raises InvalidInput naming the option."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=option) from error
    good = isinstance(value, dict) and all(type(offset) is int and offset >= 0 for offset in value.values())
    if not good or not value:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=option)
    return {str(place): offset for place, offset in value.items()}


def moment(at: str | None, at_offsets: str | None, *, follow: bool = False) -> dict[str, str | None]:
    """The query of a past moment. Raises InvalidInput: both are given, or the figure is to go on live."""
    if at is not None and at_offsets is not None:
        raise InvalidInput("a moment is an instant or a vector, not both", field="--at")
    if follow and (at is not None or at_offsets is not None):
        raise InvalidInput("a past moment does not move: leave out --follow", field="--at")
    found = vector(at_offsets)
    text = None if found is None else json.dumps(found, sort_keys=True, separators=(",", ":"))
    return {"at": instant(at), "at_offsets": text}
