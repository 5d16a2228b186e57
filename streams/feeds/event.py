"""What a feed yields: one record on its way to one topic. Not what is on the wire: the producer encodes
it.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from streams.producer import InboundRecord


class Event(NamedTuple):
    topic: str
    key: bytes
    record: InboundRecord


def instant_text(instant: datetime) -> str:
    """RFC 3339 text of an aware UTC instant, always with microseconds so that texts sort as instants do."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def add_months(day: date, months: int) -> date:
    """The same day of the month, `months` later; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))
