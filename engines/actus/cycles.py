"""Periods, cycles and the schedules S(s, c, T) that they make.

Source: techspec 3.1 Schedule, 3.3 End Of Month Shift Convention; dictionary, types Cycle and Period.
"""

import re
from dataclasses import dataclass

from engines.actus.dates import DAY_SECONDS, add_months, is_month_end

MONTHS_MAX = 12 * 1_000
TIMES_MAX = 100_000

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)H)?(?:(\d+)Q)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:L([01]))?")
_OLD_CYCLE = re.compile(r"(\d+)([DWMQHY])([+-])")
_MONTHS = {"Y": 12, "H": 6, "Q": 3, "M": 1}


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: months and days, one of them usually 0."""

    months: int
    days: int

    def after(self, instant: int, times: int = 1, *, end_of_month: bool = False) -> int:
        """The instant that many periods later, counted from `instant` and not step by step.

        The day of the month is kept, or clipped to the month's last; under end of month a count of months from
        the last day of a month ends on the last day of a month.
        """
        day = instant // DAY_SECONDS
        to_month_end = is_month_end(day) if end_of_month and self.months else 0
        moved = add_months(day, self.months * times, to_month_end) if self.months else day
        return instant + (moved + self.days * times - day) * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Cycle(Period):
    """A period that repeats, and its stub: is the last, broken period joined to the one before it (long)?"""

    long_stub: bool


def parse_period(text: str) -> Period:
    """`P5D`, `P2M`; a stub, as in `P5DL0`, has no meaning here and is passed over. ValueError if it is neither."""
    period, _ = _read(text)
    return period


def parse_cycle(text: str) -> Cycle:
    """`P1ML0` (long last stub), `P1ML1` (short); the older `1M+` (long) and `1M-` (short); no stub is a short one.

    Raises:
        ValueError: not a cycle, or one that does not move.
    """
    period, stub = _read(text)
    if not period.months and not period.days:
        raise ValueError(f"a cycle must be longer than nothing: {text!r}")
    return Cycle(period.months, period.days, long_stub=stub == "0")


def _read(text: str) -> tuple[Period, str | None]:
    text = text.strip()
    if old := _OLD_CYCLE.fullmatch(text):
        count, unit, sign = old.groups()
        text = f"P{count}{unit}L{'0' if sign == '+' else '1'}"
    found = _PERIOD.fullmatch(text)
    if not found or not any(found.groups()[:6]):
        raise ValueError(f"not a period: {text!r}")
    years, halves, quarters, months, weeks, days = (int(part or 0) for part in found.groups()[:6])
    period = Period(12 * years + 6 * halves + 3 * quarters + months, 7 * weeks + days)
    if period.months > MONTHS_MAX or period.days > MONTHS_MAX * 31:
        raise ValueError(f"a period of more than a thousand years: {text!r}")
    return period, found.group(7)


def schedule(
    start: int | None, cycle: Cycle | None, end: int | None, *, end_of_month: bool = False, with_end: bool = True
) -> list[int]:
    """The schedule times S(s, c, T), rising, before any business day shift.

    Times are counted from `start`. Where they miss `end` by a broken period, a long stub drops the last of them
    (never `start` itself), a short one keeps it.

    Args:
        start: the anchor s; None and no end: no times; after `end`: no times but the end.
        cycle: c; None: only start and end.
        end: T; None: only the start.
        end_of_month: EOM, not SD: months counted from a month's last day end on one.
        with_end: whether T belongs to the schedule (the argument B of the standard).
    Raises:
        ValueError: more than TIMES_MAX times.
    """
    if end is None:
        return [] if start is None else [start]
    times: list[int] = []
    if start is not None and start < end:
        times = [start]
        if cycle:
            while (time := cycle.after(start, len(times), end_of_month=end_of_month)) < end:
                times.append(time)
                if len(times) > TIMES_MAX:
                    raise ValueError(f"a schedule of more than {TIMES_MAX} times")
            if cycle.long_stub and time != end and len(times) > 1:
                times.pop()
    return [*times, end] if with_end else times
