"""Instants and dates between their column form (integers) and their wire form (RFC 3339, ISO 8601)."""

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = date(1970, 1, 1)


def instant_text(microseconds: int) -> str:
    """RFC 3339 in UTC with microseconds: `2026-01-31T09:30:00.000000Z`."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def day_text(days: int) -> str:
    return (_DAY + timedelta(days=days)).isoformat()


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _DAY).days
