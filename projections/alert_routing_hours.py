"""When a subscription may be told, and when a bundle of it ends: quiet hours, days, digests, windows. No clock.

Source of working days: the bank's holiday calendar, handed in. All results are aware UTC instants.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from engines.work_calendar import WorkCalendar

WORKDAYS = "WORKDAYS"
ONE_DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_DAYS_AHEAD_MAX = 370  # a calendar without a single allowed day holds nothing back for ever
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Digest(StrEnum):
    IMMEDIATELY = "IMMEDIATELY"
    HOURLY = "HOURLY"
    DAILY = "DAILY"


@dataclass(frozen=True, slots=True)
class Hours:
    """`days`: none for all, ISO weekdays "1" to "7", WORKDAYS of the bank's calendar. Quiet from `quiet_from` on
    until before `quiet_until`, over midnight where that is earlier."""

    zone: ZoneInfo
    quiet_from: time | None = None
    quiet_until: time | None = None
    days: frozenset[str] = frozenset()

    def allowed_from(self, moment: datetime, calendar: WorkCalendar) -> datetime:
        """The first instant at or after `moment` at which somebody may be told."""
        for _ in range(_DAYS_AHEAD_MAX):
            local = moment.astimezone(self.zone)
            if not self._is_allowed(local.date(), calendar):
                moment = self._instant(local.date() + ONE_DAY, time(0))
            elif (end := self._end_of_quiet(local)) is not None:
                moment = end
            else:
                break
        return moment.astimezone(UTC)

    def next_at(self, clock: time, moment: datetime) -> datetime:
        """The first instant after `moment` at which clocks of the zone show `clock`."""
        day = moment.astimezone(self.zone).date()
        found = self._instant(day, clock)
        return found if found > moment else self._instant(day + ONE_DAY, clock)

    def _is_allowed(self, day: date, calendar: WorkCalendar) -> bool:
        if not self.days or str(day.isoweekday()) in self.days:
            return True
        return WORKDAYS in self.days and calendar.is_workday(day)

    def _end_of_quiet(self, local: datetime) -> datetime | None:
        starts, ends = self.quiet_from, self.quiet_until
        if starts is None or ends is None or starts == ends:
            return None
        clock = local.time()
        if starts < ends:
            return self._end(local, ends, 0) if starts <= clock < ends else None
        if clock >= starts:
            return self._end(local, ends, 1)
        return self._end(local, ends, 0) if clock < ends else None

    def _end(self, local: datetime, clock: time, days: int) -> datetime:
        """When clocks show the end; in the hour that a change of clocks repeats, its second time."""
        found = self._instant(local.date() + timedelta(days=days), clock)
        if found <= local:
            found = self._instant(local.date() + timedelta(days=days), clock.replace(fold=1))
        return found

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def window_end(moment: datetime, length: timedelta) -> datetime:
    """The end of the window of this length that holds the moment. Windows lie side by side from 1970 on, so that an
    alert's window depends on nothing but its time."""
    return _EPOCH + ((moment - _EPOCH) // length + 1) * length
