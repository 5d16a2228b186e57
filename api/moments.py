"""Days and instants in addresses: since when something counts, and as of when it was known (decision E2)."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query

from engines.primitives.errors import InvalidInput

Moment = date | datetime | None
"""A day, an instant with its offset from UTC, or None for now."""

# Text, since pydantic reads a date as an instant at midnight, or not, by the order of its imports.
AsOf = Annotated[str | None, Query(max_length=40, description="a day, or an instant: its bank day; default: today")]
KnownAt = Annotated[str | None, Query(max_length=40, description="an instant, or a day for its end; default: now")]


def moment(text: str | None, field: str) -> Moment:
    """Raises InvalidInput naming the field."""
    if text is None or text == "now":
        return None
    try:
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"want a day, or an instant with its zone, got {text!r:.40}", field=field) from None
    if found.tzinfo is None:
        raise InvalidInput("an instant needs its zone, as 2023-03-12T16:00:00Z", field=field)
    return found
