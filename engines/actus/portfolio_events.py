"""The events of many contracts of one shape, in order: schedules merged by sorting one integer an event.

The integer of an event, its key, holds from its highest bits the day it happens, its place among events of one
instant (`events.ORDER`) and how far its schedule lies from it. So the order of keys is the order of the standard, and
nothing but keys is carried along. What is past, terminated or beyond the horizon has none.

This is `cycles.schedule`, `Context.event` and the schedules of the four types, said in whole days for numba, which
makes it machine code: it reads like C.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.actus.events import ORDER, EventType
from engines.actus.portfolio_batch import (
    ANN,
    CAPITALISED,
    HAPPENS,
    INTEREST_ANCHOR,
    LAM,
    MATURITY,
    MONTH,
    NEXT_RESET_RATE,
    PAM,
    PAYMENT,
    PURCHASED,
    RATE,
    REDEMPTION_ANCHOR,
    RESET_ANCHOR,
    START,
    STATUS,
    TERMINATED,
    Every,
    Floats,
    Rules,
)
from engines.actus.portfolio_columns import ABSENT, DAY_MIN, Days
from engines.actus.portfolio_schedules import FIRST_DAY, Flags
from engines.primitives.compiled import compiled_with

KINDS = tuple(EventType)
DAY_SHIFT, ORDER_SHIFT, OFFSET = 12, 4, 8  # bits of the order and of the offset; offsets are -8..7 days

IED, PR, IP, IPCI, RRF, RR, PRF, PRD, TD, MD = (
    ORDER[EventType(name)] for name in ("IED", "PR", "IP", "IPCI", "RRF", "RR", "PRF", "PRD", "TD", "MD")
)
SINGLE = 8  # what `single_events` needs room for
FIXED_AT_START = IED + 1  # a PRF between the initial exchange and a redemption of the same day

Keys = NDArray[np.int64]


def key_of(day: int, order: int, offset: int) -> int:
    """The key of an event: with order 0 and offset 0 not greater than any of its day."""
    return ((day - DAY_MIN) << DAY_SHIFT) + (order << ORDER_SHIFT) + offset


def happens(calendar: Days, scheduled: int, start: int, maturity: int) -> int:
    """When a cyclic event happens: `Context.event`.

    It moves to a business day, but not the one at maturity, and not out of the contract's life.
    """
    if scheduled == maturity:
        return scheduled
    moved = min(int(calendar[scheduled - FIRST_DAY, HAPPENS]), maturity)
    return max(moved, start) if scheduled >= start else moved


def after(rules: Rules, calendar: Days, months: Days, day: int, every: Every, times: int) -> int:
    """`Period.after`: so many cycles later. A day beyond the tables comes after every maturity."""
    if not every.months:
        return min(day + every.days * times, FIRST_DAY + len(calendar) - 1)
    month = int(calendar[day - FIRST_DAY, MONTH])
    kept = day - int(months[month, 0]) + 1
    if rules.end_of_month and kept == months[month, 1]:
        kept = 31
    moved = min(max(month + every.months * times, 0), len(months) - 1)
    return int(months[moved, 0]) + min(kept, int(months[moved, 1])) - 1


def passed(rules: Rules, calendar: Days, months: Days, start: int, every: Every, day: int) -> int:
    """How many of the times start, start + c, start + 2c, ... lie on or before a day."""
    if not every.months:
        return max((day - start) // every.days + 1, 0)
    whole = (int(calendar[day - FIRST_DAY, MONTH]) - int(calendar[start - FIRST_DAY, MONTH])) // every.months
    if whole < 0:
        return 0
    return whole + 1 if after(rules, calendar, months, start, every, whole) <= day else whole


def times(
    rules: Rules,
    calendar: Days,
    months: Days,
    every: Every,
    anchor: int,
    start: int,
    end: int,
    since: int,
    found: Keys,
) -> int:
    """`Context.times` without its end, S(s, c, T): s is the anchor, else `start` plus one cycle.

    Args:
        end: T; times are before it. A long stub drops the last time where it misses T.
        since: times long before this day are left out; the last time up to it is always there.
        found: where the days go; what it has no room for does not, but is counted.
    """
    if not every.months and not every.days:
        return 0
    base = anchor if anchor != ABSENT else start
    # Two cycles, or the eight days that a shift may reach across, before the last time up to `since`.
    skipped = passed(rules, calendar, months, base, every, since) - 3
    if not every.months:
        skipped -= 8 // every.days
    total = passed(rules, calendar, months, base, every, end - 1)
    if every.long_stub and total > 1 and after(rules, calendar, months, base, every, total) != end:
        total -= 1
    first = max(skipped, 0 if anchor != ABSENT else 1)
    for number in range(first, min(total, first + len(found))):
        found[number - first] = after(rules, calendar, months, base, every, number)
    return max(total - first, 0)


def merge(keys: Keys, begin: int, middle: int, end: int, spare: Keys) -> None:
    """Sorts keys[begin:end], of which keys[begin:middle] is in order and the rest nearly."""
    for place in range(middle + 1, end):
        key, before = keys[place], place - 1
        while before >= middle and keys[before] > key:
            keys[before + 1] = keys[before]
            before -= 1
        keys[before + 1] = key
    count = end - middle
    for place in range(count):
        spare[place] = keys[middle + place]
    first, second = middle - 1, count - 1
    for place in range(end - 1, begin - 1, -1):
        if second < 0:
            break
        if first >= begin and keys[first] > spare[second]:
            keys[place] = keys[first]
            first -= 1
        else:
            keys[place] = spare[second]
            second -= 1


def interest_days(
    rules: Rules,
    calendar: Days,
    months: Days,
    dates: Days,
    numbers: Floats,
    one: int,
    first_redemption: int,
    redemptions: Keys,
    found: Keys,
) -> int:
    """Scheduled interest payments but for the one at maturity (`pam.interest_times`, `nam.interest_times`)."""
    start, status, anchor = int(dates[one, START]), int(dates[one, STATUS]), int(dates[one, INTEREST_ANCHOR])
    every = rules.interest
    if rules.kind in (PAM, LAM):
        return times(rules, calendar, months, every, anchor, start, int(dates[one, MATURITY]), status, found)
    count = 0
    if every.months or every.days:
        end = after(rules, calendar, months, first_redemption, rules.redemption, -1)
        if (anchor if anchor != ABSENT else after(rules, calendar, months, start, every, 1)) <= end:
            count = times(rules, calendar, months, every, anchor, start, end, status, found)
            if count < len(found):
                found[count] = end
            count += 1
    for place in range(min(len(redemptions), len(found) - count)):
        found[count + place] = redemptions[place]
    return count + len(redemptions)


def resets(
    rules: Rules, calendar: Days, months: Days, dates: Days, numbers: Floats, one: int, days: Keys, keys: Keys
) -> int:
    """RR; RRF for the first after the status date where its rate is known; PRF as `ann.fixing_events`."""
    start, status, maturity = int(dates[one, START]), int(dates[one, STATUS]), int(dates[one, MATURITY])
    known = not np.isnan(numbers[one, NEXT_RESET_RATE])
    for place in range(len(days)):
        scheduled = int(days[place])
        day = happens(calendar, scheduled, start, maturity)
        order = RR
        if known and day > status:
            order, known = RRF, False
        keys[place] = key_of(day, order, scheduled - day + OFFSET)
    if rules.kind != ANN or not np.isnan(numbers[one, PAYMENT]):
        return len(days)
    for place in range(len(days)):
        scheduled = int(days[place])
        day = happens(calendar, scheduled, start, maturity)
        keys[len(days) + place] = key_of(day, PRF, scheduled - day + OFFSET)
    return 2 * len(days)


def single_events(
    rules: Rules,
    calendar: Days,
    months: Days,
    dates: Days,
    numbers: Floats,
    one: int,
    first_redemption: int,
    keys: Keys,
) -> int:
    """What no cycle makes; how many keys were written, at most SINGLE."""
    start, maturity = int(dates[one, START]), int(dates[one, MATURITY])
    capitalised = int(dates[one, CAPITALISED])
    keys[0] = key_of(start, IED, OFFSET)
    keys[1] = key_of(maturity, MD, OFFSET)
    count = 2
    if dates[one, PURCHASED] != ABSENT:
        keys[count] = key_of(dates[one, PURCHASED], PRD, OFFSET)
        count += 1
    if dates[one, TERMINATED] != ABSENT:
        keys[count] = key_of(dates[one, TERMINATED], TD, OFFSET)
        count += 1
    if not np.isnan(numbers[one, RATE]):
        if maturity != capitalised:
            keys[count] = key_of(maturity, IPCI if maturity < capitalised else IP, OFFSET)
            count += 1
        if capitalised != ABSENT:  # capitalises whether or not it is in the cycle
            day = happens(calendar, capitalised, start, maturity)
            keys[count] = key_of(day, IPCI, capitalised - day + OFFSET)
            count += 1
    # PRF a day before the first redemption where no instalment is given (`ann.fixing_events`).
    if rules.kind == ANN and np.isnan(numbers[one, PAYMENT]) and start < first_redemption < maturity:
        at_start = first_redemption - 1 <= start
        keys[count] = key_of(max(first_redemption - 1, start), FIXED_AT_START if at_start else PRF, OFFSET)
        count += 1
    return count


def keep(keys: Keys, begin: int, end: int, low: int, high: int) -> int:
    """Moves the keys from low to high to the front of keys[begin:end]; where they end."""
    kept = begin
    for place in range(begin, end):
        if low <= keys[place] <= high:
            keys[kept] = keys[place]
            kept += 1
    return kept


# One pass: a call that is given arrays is dear in machine code.
def _lay(  # noqa: PLR0915
    rules: Rules,
    calendar: Days,
    months: Days,
    dates: Days,
    numbers: Floats,
    horizon: int,
    keys: Keys,
    ends: Keys,
    redemptions: Keys,
    redemption_ends: Keys,
    interest_before: Keys,
    done: Flags,
) -> None:
    """The keys of all contracts after their status dates, up to the terminations and the horizon.

    Args:
        horizon: a day, inclusive.
        keys, ends: where the keys go, contract after contract, each in order; where each contract's end.
        redemptions, redemption_ends: t^PR before the maturity, likewise, some of the past among them.
        interest_before: the last scheduled interest payment up to the status date, ABSENT where there is none.
        done: set to False for contracts for which there is no room left.
    """
    end = redeemed = 0
    days, spare = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    for one in range(len(ends)):
        begin = end
        start, status, maturity = int(dates[one, START]), int(dates[one, STATUS]), int(dates[one, MATURITY])
        low, high = key_of(status + 1, 0, 0), key_of(horizon + 1, 0, 0) - 1
        if dates[one, TERMINATED] != ABSENT:
            high = min(high, key_of(dates[one, TERMINATED], TD, 15))
        first, coming = start, 0
        if rules.kind != PAM:
            anchor = int(dates[one, REDEMPTION_ANCHOR])
            first = anchor if anchor != ABSENT else after(rules, calendar, months, start, rules.redemption, 1)
            coming = times(
                rules, calendar, months, rules.redemption, anchor, start, maturity, status, redemptions[redeemed:]
            )
        room = len(keys) - end - SINGLE
        planned = redemptions[redeemed : redeemed + min(coming, len(redemptions) - redeemed)]
        paid = interest_days(rules, calendar, months, dates, numbers, one, first, planned, days)
        ends[one], redemption_ends[one] = end, redeemed
        if coming > len(planned) or coming + paid > room:
            done[one] = False
            continue
        redeemed += coming
        redemption_ends[one] = redeemed

        before = ABSENT
        until = dates[one, CAPITALISED]
        middle = end
        for place in range(paid):
            scheduled = int(days[place])
            if scheduled <= status:
                before = max(before, scheduled)
            if scheduled != until:
                day = happens(calendar, scheduled, start, maturity)
                keys[end] = key_of(day, IPCI if scheduled < until else IP, scheduled - day + OFFSET)
                end += 1
        interest_before[one] = maturity if maturity <= status else before
        if np.isnan(numbers[one, RATE]):
            end = begin
        end = keep(keys, middle, end, low, high)
        merge(keys, begin, middle, end, spare)

        middle = end
        for place in range(coming):
            scheduled = int(planned[place])
            day = happens(calendar, scheduled, start, maturity)
            keys[end] = key_of(day, PR, scheduled - day + OFFSET)
            end += 1
        end = keep(keys, middle, end, low, high)
        merge(keys, begin, middle, end, spare)

        middle = end
        reset = times(rules, calendar, months, rules.reset, dates[one, RESET_ANCHOR], start, maturity, status, days)
        if end + 2 * reset + SINGLE > len(keys):
            done[one], end = False, begin
            continue
        end += resets(rules, calendar, months, dates, numbers, one, days[:reset], keys[middle:])
        end += single_events(rules, calendar, months, dates, numbers, one, first, keys[end:])
        end = keep(keys, middle, end, low, high)
        merge(keys, begin, middle, end, spare)
        ends[one] = end


@cache
def layer() -> Callable[..., None]:
    """`_lay` as machine code."""
    parts = (key_of, happens, after, passed, times, merge, interest_days, resets, single_events, keep)
    return compiled_with(_lay, {part.__name__: part for part in parts})
