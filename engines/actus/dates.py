"""Instants and days as integers, for one contract and for arrays of contracts.

An instant is the number of seconds since 1970-01-01T00:00:00; ACTUS knows no time zones (techspec 2.8). A day is
the number of days since then. All arithmetic is integer arithmetic, so an int and an int64 array give the same.
"""

import re
from datetime import date

from engines.actus.arithmetic import Integers, lesser

DAY_SECONDS = 86_400

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.0+)?)?)?Z?")


def parse_instant(text: str) -> int:
    """The instant of an ISO 8601 date or date and time; 24:00:00 is read as 23:59:59, which counts as midnight.

    Raises:
        ValueError: not such a text, or no such day.
    Source: techspec 2.8 Date/Time, "a note on implementation".
    """
    found = _ISO.fullmatch(text.strip())
    if not found:
        raise ValueError(f"not an ISO 8601 date and time: {text!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    start = (date(year, month, day) - date(1970, 1, 1)).days * DAY_SECONDS
    if (hour, minute, second) == (24, 0, 0):
        return start + DAY_SECONDS - 1
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"no such time of day: {text!r}")
    return start + hour * 3_600 + minute * 60 + second


def show_instant(instant: int) -> str:
    """`2013-01-01T00:00:00`."""
    seconds = instant % DAY_SECONDS
    return f"{show_day(instant // DAY_SECONDS)}T{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def show_day(day: int) -> str:
    """`2013-01-01`."""
    year, month, day_of_month = civil(day)
    return f"{year:04}-{month:02}-{day_of_month:02}"


def accrual_day(instant: Integers) -> Integers:
    """The day at whose beginning interest counts an instant: 23:59:59 is midnight, the next day's beginning.

    Source: techspec 2.8 Date/Time.
    """
    return (instant + 1) // DAY_SECONDS


def civil(day: Integers) -> tuple[Integers, Integers, Integers]:
    """Year, month 1..12 and day of the month, in the proleptic Gregorian calendar."""
    shifted = day + 719_468  # days since 0000-03-01: a leap day is then the last of its year
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    past_december = march_month // 10
    return (
        year_of_era + era * 400 + past_december,
        march_month + 3 - 12 * past_december,
        day_of_year - (153 * march_month + 2) // 5 + 1,
    )


def day_number(year: Integers, month: Integers, day_of_month: Integers | int) -> Integers:
    """The day of a year, a month 1..12 and a day of the month."""
    before_march = (14 - month) // 12
    march_year = year - before_march
    day_of_year = (153 * (month + 12 * before_march - 3) + 2) // 5 + day_of_month - 1
    leap_days = march_year // 4 - march_year // 100 + march_year // 400
    day: Integers = 365 * march_year + leap_days + day_of_year - 719_468
    return day


def is_month_end(day: Integers) -> Integers:
    """1 for the last day of its month, else 0."""
    ends: Integers = 1 - lesser(civil(day + 1)[2] - 1, 1)
    return ends


def add_months(day: Integers, months: Integers | int, to_month_end: Integers | int = 0) -> Integers:
    """The same day of the month, `months` later: the month's last where it has no such day, or where told (1)."""
    year, month, day_of_month = civil(day)
    index = year * 12 + month - 1 + months
    year, month = index // 12, index - index // 12 * 12 + 1
    last = day_number(year + month // 12, month % 12 + 1, 1) - day_number(year, month, 1)
    return day_number(year, month, lesser(day_of_month + 31 * to_month_end, last))
