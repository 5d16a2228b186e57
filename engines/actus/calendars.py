"""Business days: which days are, and where an event goes that falls on another.

Source: techspec 3.4 Business Day Shift Convention and 3.5 Business Day Calendar.
"""

from engines.actus.arithmetic import Integers, lesser
from engines.actus.dates import DAY_SECONDS, civil

CALENDARS = ("NC", "MF")  # no calendar: every day is a business day; Monday to Friday
CONVENTIONS = ("NOS", "SCF", "SCMF", "CSF", "CSMF", "SCP", "SCMP", "CSP", "CSMP")


def calculates_after_shift(convention: str) -> bool:
    """Whether an event is calculated for the shifted day (SC..), not for the scheduled one (CS.., NOS)."""
    return convention.startswith("SC")


def shift_day(day: Integers, convention: str, calendar: str) -> Integers:
    """The business day that takes a day's events, whether calculation shifts with it or not.

    Args:
        day: one day or an array of days.
        convention: one of CONVENTIONS; `F` following, `P` preceding, `M` modified: never into another month.
        calendar: one of CALENDARS.
    """
    if calendar == "NC" or convention == "NOS":
        return day
    weekday = (day + 3) % 7  # Monday is 0
    saturday, sunday = weekday // 5 - weekday // 6, weekday // 6
    following, preceding = day + 2 * saturday + sunday, day - saturday - 2 * sunday
    modified = convention[2] == "M"
    first, second = (following, preceding) if convention.endswith("F") else (preceding, following)
    if not modified:
        return first
    leaves_month = lesser(abs(civil(first)[1] - civil(day)[1]), 1)
    return first + leaves_month * (second - first)


def shift_instant(instant: Integers, convention: str, calendar: str) -> Integers:
    """`shift_day` of an instant: the time of day stays."""
    day = instant // DAY_SECONDS
    return instant + DAY_SECONDS * (shift_day(day, convention, calendar) - day)
