"""Days and instants in addresses: since when something counts, and as of when it was known (decision E2)."""

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator, Strict

from engines.primitives.errors import InvalidInput

Moment = date | datetime | None
"""A day, an instant with its offset from UTC, or None for now."""

# Text, since pydantic reads a date as an instant at midnight, or not, by the order of its imports.
AsOf = Annotated[str | None, Query(max_length=40, description="a day, or an instant: its bank day; default: today")]
KnownAt = Annotated[str | None, Query(max_length=40, description="an instant, or a day for its end; default: now")]


def _written_as_a_day(value: object) -> object:
    """pydantic would also take a count of seconds: `0` for the first day of 1970."""
    if isinstance(value, date) or (isinstance(value, str) and len(value) == len("2026-01-01")):
        return value
    raise ValueError("want a day as 2026-01-01")


IsoDay = Annotated[date, Strict(False), BeforeValidator(_written_as_a_day)]
"""A day in an address or a body, in ISO form only. JSON has text only, so a strict model takes it too."""


def _written_as_an_instant(value: object) -> object:
    if isinstance(value, datetime) or (
        isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[Tt ]", value) is not None
    ):
        return value
    raise ValueError("want an instant as 2023-03-12T16:00:00Z")


IsoInstant = Annotated[datetime, Strict(False), BeforeValidator(_written_as_an_instant)]
"""An instant in an address or a body, in RFC 3339 form only."""
ZonedInstant = Annotated[AwareDatetime, Strict(False), BeforeValidator(_written_as_an_instant)]
"""The same, refused without its zone."""


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
