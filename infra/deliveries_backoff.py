"""When a failed delivery is tried again: exponential steps with jitter, for a day, then never by itself.

Pure: the jitter derives from id and attempt, so that a schedule can be recomputed and receivers that failed together
are not called together. Steps after the first attempt, without jitter: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, 3
h, 4 h …
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    first: timedelta = timedelta(seconds=5)
    factor: int = 3
    longest: timedelta = timedelta(hours=4)
    give_up_after: timedelta = timedelta(hours=24)

    def next_try(
        self, delivery_id: str, attempt: int, since: datetime, now: datetime, not_before: datetime | None = None
    ) -> datetime | None:
        """When attempt `attempt` (from 1) that failed at `now` is followed by the next; None: given up.

        `since` is when the first was due, `not_before` what the receiver asked for (Retry-After): kept, unless it
        lies beyond the day.
        """
        seconds = self.first.total_seconds() * self.factor ** min(attempt - 1, 40)
        step = timedelta(seconds=min(seconds, self.longest.total_seconds()) * jitter(delivery_id, attempt))
        at = max(now + step, not_before or now)
        return at if at <= since + self.give_up_after else None


def jitter(delivery_id: str, attempt: int) -> float:
    """A factor from 0.8 to 1.2, always the same for an id and attempt."""
    digest = hashlib.sha256(f"{delivery_id}/{attempt}".encode()).digest()
    return 0.8 + 0.4 * int.from_bytes(digest[:4]) / 0xFFFF_FFFF


def retry_after(value: str | None, now: datetime) -> datetime | None:
    """RFC 9110 10.2.3: seconds, or a date. None: there is none, or it cannot be read."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return now + timedelta(seconds=min(int(text), 366 * 86_400))
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
