"""Working days: weekends, statutory holidays and the weekend days that are worked instead.

The days come in as data. Not for interest day counts: `engines.actus.calendars`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from engines.primitives.errors import InvalidInput

SATURDAY = 5
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Holidays and adjusted workdays from `first_day` to `last_day`, both included.

    Outside that range only weekends are off, and `is_known` says so: the holidays of a later year are published in
    the autumn before it.
    """

    first_day: date
    last_day: date
    holidays: frozenset[date]
    adjusted_workdays: frozenset[date]

    def is_workday(self, day: date) -> bool:
        if day in self.adjusted_workdays:
            return True
        return day.weekday() < SATURDAY and day not in self.holidays

    def is_known(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def next_workday(self, day: date) -> date:
        """`day` itself if it is worked, else the first working day after it."""
        while not self.is_workday(day):
            day += ONE_DAY
        return day

    def workdays_before(self, day: date, count: int) -> date:
        """The working day from which `count` full working days lie before `day`, itself the first of them."""
        for _ in range(count):
            day -= ONE_DAY
            while not self.is_workday(day):
                day -= ONE_DAY
        return day


def work_calendar(
    first_day: date, last_day: date, holidays: Iterable[date], adjusted_workdays: Iterable[date]
) -> WorkCalendar:
    """A calendar whose data make sense.

    Raises:
        InvalidInput: a day outside the range, both a holiday and worked, or an adjusted workday on a weekday.
    """
    off, worked = frozenset(holidays), frozenset(adjusted_workdays)
    for day in sorted(off | worked):
        if not first_day <= day <= last_day:
            raise InvalidInput(f"{day} is outside the calendar from {first_day} to {last_day}", field="holidays")
    for day in sorted(worked):
        if day in off or day.weekday() < SATURDAY:
            raise InvalidInput(f"{day} is no weekend day that is worked", field="adjusted_workdays")
    return WorkCalendar(first_day, last_day, off, worked)
