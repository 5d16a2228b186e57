"""Which receivers may be called now: so many at once of each lane, and none of one that keeps failing, for a while.

A lane (an origin, a mail server, a gateway) that failed several times in a row is left alone for half a minute, then
tried with one message; each further failure doubles the pause up to ten minutes. In memory: a restart asks again.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FAILURES_TO_OPEN = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Lane:
    in_flight: int = 0
    failures: int = 0
    opened_until: datetime = NEVER
    pause: timedelta = FIRST_PAUSE


@dataclass(slots=True)
class Lanes:
    """`each`: messages of one lane at once."""

    each: int = 4
    _lanes: dict[str, _Lane] = field(default_factory=dict)

    def room(self, name: str, now: datetime) -> int:
        """How many more may be sent to this lane now."""
        lane = self._lanes.get(name)
        if lane is None:
            return self.each
        if lane.failures < FAILURES_TO_OPEN:
            return self.each - lane.in_flight
        return 1 if lane.in_flight == 0 and now >= lane.opened_until else 0

    def take(self, name: str) -> None:
        self._lanes.setdefault(name, _Lane()).in_flight += 1

    def give(self, name: str, now: datetime, *, failed: bool | None) -> None:
        """One came back. `failed` None: it says nothing of the lane."""
        lane = self._lanes[name]
        lane.in_flight -= 1
        if failed:
            lane.failures += 1
            if lane.failures > FAILURES_TO_OPEN:  # the probe failed as well
                lane.pause = min(lane.pause * 2, LONGEST_PAUSE)
            lane.opened_until = now + lane.pause
        elif failed is False:
            lane.failures, lane.pause = 0, FIRST_PAUSE
        if not lane.in_flight and not lane.failures:
            del self._lanes[name]

    def next_probe(self, now: datetime) -> datetime | None:
        """When the first of the lanes that are left alone is tried again."""
        waiting = [
            lane.opened_until
            for lane in self._lanes.values()
            if lane.failures >= FAILURES_TO_OPEN and not lane.in_flight and lane.opened_until > now
        ]
        return min(waiting, default=None)

    def opened(self, now: datetime) -> int:
        """Lanes that are left alone."""
        return sum(lane.failures >= FAILURES_TO_OPEN and lane.opened_until > now for lane in self._lanes.values())
