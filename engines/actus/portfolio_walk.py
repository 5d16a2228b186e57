"""The state machine as machine code: contract after contract of one shape, event after event, into flat columns.

The code below reads like C because numba makes it machine code. It holds no formula: every number comes from
`formulas`, whose functions are compiled as they stand and are asked in the order in which the one-contract path
asks them (decision Q18).
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.actus import formulas as f
from engines.actus.arithmetic import higher_number, lower_number
from engines.actus.dates import DAY_SECONDS
from engines.actus.formulas import (
    accrued_interest,
    annuity_amount,
    annuity_product,
    annuity_redemption,
    annuity_sum,
    capitalised_notional,
    growth,
    initial_exchange_payoff,
    interest_payoff,
    linear_redemption,
    maturity_payoff,
    notional_after,
    purchase_payoff,
    redemption_payoff,
    reset_rate,
    signed_amount,
    termination_payoff,
)
from engines.actus.portfolio_batch import (
    ACCRUED,
    ANN,
    AXIS,
    AXIS_END,
    COUNTED,
    INTEREST_ANCHOR,
    LAM,
    LIFE_CAP,
    LIFE_FLOOR,
    MATURITY,
    MULTIPLIER,
    NEXT_RESET_RATE,
    NOTIONAL,
    PAM,
    PAYMENT,
    PERIOD_CAP,
    PERIOD_FLOOR,
    PREMIUM,
    PRICE_AT_PURCHASE,
    PRICE_AT_TERMINATION,
    PURCHASED,
    RATE,
    REDEMPTION_ANCHOR,
    SIGN,
    SPREAD,
    START,
    STATUS,
    Floats,
    Rules,
)
from engines.actus.portfolio_columns import ABSENT, DAY_MIN, Days
from engines.actus.portfolio_events import (
    DAY_SHIFT,
    FIXED_AT_START,
    IED,
    IP,
    IPCI,
    MD,
    OFFSET,
    ORDER_SHIFT,
    PR,
    PRD,
    PRF,
    RR,
    RRF,
    TD,
    Keys,
    happens,
    key_of,
)
from engines.actus.portfolio_schedules import FIRST_DAY, Flags
from engines.primitives.compiled import compiled_with

_MILLISECONDS = DAY_SECONDS * 1_000


class Written(NamedTuple):
    """One element an event: what `Flows` shows, and room behind it."""

    row: NDArray[np.uint32]
    instant: NDArray[np.int64]
    kind: NDArray[np.uint8]
    payoff: Floats
    currency: NDArray[np.uint32]
    notional: Floats
    rate: Floats
    accrued: Floats


def places(calendar: Days, start: int, end: int, maturity: int) -> int:
    """The numerator of Y(start, end) of days that interest counts."""
    axis = AXIS_END if end == maturity else AXIS
    return int(calendar[end - FIRST_DAY, axis]) - int(calendar[start - FIRST_DAY, AXIS])


def observation(fixed_at: Keys, fixings: Floats, day: int) -> float:
    """The last observation up to the beginning of a day; NaN where there is none."""
    place = np.searchsorted(fixed_at, day * DAY_SECONDS, side="right")
    return float(fixings[place - 1]) if place else np.nan


def given_or(number: float, default: float) -> float:
    return default if np.isnan(number) else number


def instalment(
    rules: Rules,
    calendar: Days,
    redemptions: Keys,
    key: int,
    day: int,
    start: int,
    maturity: int,
    notional: float,
    accrued: float,
    rate: float,
) -> float:
    """`ann.instalment` at an event of a key, counted for a day; NaN where it has none.

    Args:
        redemptions: scheduled days, in order.
    """
    coming, last = 0, int(calendar[maturity - FIRST_DAY, COUNTED])
    while coming < len(redemptions):
        if key_of(happens(calendar, redemptions[coming], start, maturity), PR, 0) > key:
            break
        coming += 1
    first, product, total = last, 1.0, 1.0
    if coming < len(redemptions):
        first = int(calendar[redemptions[coming] - FIRST_DAY, COUNTED])
    since = first
    for place in range(coming + 1, len(redemptions) + 1):
        until = last if place == len(redemptions) else int(calendar[redemptions[place] - FIRST_DAY, COUNTED])
        period = growth(rate, places(calendar, since, until, last) / rules.denominator)
        product, total, since = annuity_product(product, period), annuity_sum(total, period), until
    if total == 0.0:
        return float(np.nan)
    fraction = places(calendar, day, first, last) / rules.denominator
    return annuity_amount(notional, accrued, fraction, rate, product, total)


# One branch an event type, in one function: the states stay in registers.
def _walk(  # noqa: PLR0912, PLR0915
    rules: Rules,
    calendar: Days,
    row_of: NDArray[np.uint32],
    currency_of: NDArray[np.uint32],
    dates: Days,
    numbers: Floats,
    fixed_at: Keys,
    fixings: Floats,
    keys: Keys,
    ends: Keys,
    redemptions: Keys,
    redemption_ends: Keys,
    interest_before: Keys,
    done: Flags,
    written: Written,
) -> int:
    """All events of all contracts; how many were written.

    Args:
        keys, ends, redemptions, redemption_ends, interest_before: as `portfolio_events` lays them.
        done: set to False where the one-contract path must compute: a missing observation, a number out of range.
    """
    rows, instants, kinds, payoffs, currencies, notionals, rates, accruals = written
    end = 0
    for one in range(len(ends)):
        if not done[one]:
            continue
        begin, complete = end, True
        status, start, maturity = int(dates[one, STATUS]), int(dates[one, START]), int(dates[one, MATURITY])
        last = int(calendar[maturity - FIRST_DAY, COUNTED])
        shown_from = 0
        if dates[one, PURCHASED] != ABSENT:
            shown_from = key_of(dates[one, PURCHASED], PRD, 0)
        planned = redemptions[redemption_ends[one - 1] if one else 0 : redemption_ends[one]]

        # Initial states of the four types.
        sign, lent = numbers[one, SIGN], numbers[one, NOTIONAL]
        bears, fixed = not np.isnan(numbers[one, RATE]), not np.isnan(numbers[one, PAYMENT])
        contract_rate = given_or(numbers[one, RATE], 0.0)
        full = signed_amount(sign, lent)
        notional, rate, accrued, payment = 0.0, 0.0, 0.0, 0.0
        if start <= status:
            notional, rate = full, contract_rate
        before = int(calendar[status - FIRST_DAY, COUNTED])
        given = signed_amount(sign, numbers[one, ACCRUED])
        if bears:
            if not np.isnan(given):
                accrued = given
            elif interest_before[one] != ABSENT:
                since = int(calendar[interest_before[one] - FIRST_DAY, COUNTED])
                fraction = places(calendar, since, before, last) / rules.denominator
                accrued = accrued_interest(0.0, fraction, rate, notional)
        if rules.kind == LAM:
            coming = 1
            for day in planned:
                coming += day > status
            payment = numbers[one, PAYMENT] if fixed else lent / coming
        elif rules.kind != PAM:
            payment = signed_amount(sign, given_or(numbers[one, PAYMENT], 0.0))
            if rules.kind == ANN and not fixed and notional != 0.0 and maturity > status:
                key = key_of(status + 1, 0, 0) - 1
                payment = instalment(rules, calendar, planned, key, before, start, maturity, notional, accrued, rate)

        for step in range(ends[one - 1] if one else 0, ends[one]):
            key = keys[step]
            on = (key >> DAY_SHIFT) + DAY_MIN
            order = (key >> ORDER_SHIFT) & 0xFF
            if order == FIXED_AT_START:
                order = PRF
            scheduled = on + (key & 0xF) - OFFSET
            day = int(calendar[scheduled - FIRST_DAY, COUNTED])
            fraction = places(calendar, before, day, last) / rules.denominator
            before = day
            payoff, fixes = 0.0, False
            if order == IP:
                payoff = interest_payoff(1.0, 1.0, accrued, fraction, rate, notional)
                accrued = 0.0
            elif order == PR:
                accrued = accrued_interest(accrued, fraction, rate, notional)
                if rules.kind == LAM:
                    redeemed = linear_redemption(sign, payment, notional)
                else:
                    redeemed = annuity_redemption(sign, payment, accrued, notional)
                payoff = redemption_payoff(1.0, 1.0, redeemed)
                notional = notional_after(notional, redeemed)
            elif order == IPCI:
                notional = capitalised_notional(notional, accrued, fraction, rate, notional)
                accrued = 0.0
            elif order == IED:
                premium = given_or(numbers[one, PREMIUM], 0.0)
                payoff = initial_exchange_payoff(1.0, sign, lent, premium)
                notional, rate, accrued = full, contract_rate, 0.0
                anchor = int(dates[one, INTEREST_ANCHOR])
                if not np.isnan(given):
                    accrued = given
                elif anchor != ABSENT and anchor < start:
                    since, until = calendar[anchor - FIRST_DAY, COUNTED], calendar[start - FIRST_DAY, COUNTED]
                    elapsed = places(calendar, int(since), int(until), last) / rules.denominator
                    accrued = accrued_interest(0.0, elapsed, rate, notional)
                fixes = rules.kind == ANN and not fixed and ABSENT < dates[one, REDEMPTION_ANCHOR] <= start
            elif order == MD:
                payoff = maturity_payoff(1.0, 1.0, notional, 1.0, accrued, 0.0)
                notional, accrued = 0.0, 0.0
            elif order == RR:
                accrued = accrued_interest(accrued, fraction, rate, notional)
                observed = observation(fixed_at, fixings, scheduled)
                complete &= not np.isnan(observed)
                rate = reset_rate(
                    observed,
                    given_or(numbers[one, MULTIPLIER], 1.0),
                    given_or(numbers[one, SPREAD], 0.0),
                    rate,
                    -abs(given_or(numbers[one, PERIOD_FLOOR], np.inf)),
                    given_or(numbers[one, PERIOD_CAP], np.inf),
                    given_or(numbers[one, LIFE_FLOOR], -np.inf),
                    given_or(numbers[one, LIFE_CAP], np.inf),
                )
                fixes = rules.kind == ANN and fixed  # without PRF, a reset fixes (`ann.fixed_with`)
            elif order == RRF:
                accrued = accrued_interest(accrued, fraction, rate, notional)
                rate = numbers[one, NEXT_RESET_RATE]
                fixes = rules.kind == ANN and fixed
            elif order == PRF:
                accrued = accrued_interest(accrued, fraction, rate, notional)
                fixes = True
            elif order == PRD:
                payoff = purchase_payoff(
                    1.0, sign, numbers[one, PRICE_AT_PURCHASE], accrued, fraction, rate, notional
                )
                accrued = accrued_interest(accrued, fraction, rate, notional)
            elif order == TD:
                price = numbers[one, PRICE_AT_TERMINATION]
                payoff = termination_payoff(1.0, sign, price, accrued, fraction, rate, notional)
                notional, accrued = 0.0, 0.0
            if fixes and key_of(maturity, 0, 0) > key:
                payment = instalment(rules, calendar, planned, key, day, start, maturity, notional, accrued, rate)
            complete &= (
                np.isfinite(payoff) and np.isfinite(notional) and np.isfinite(accrued) and np.isfinite(payment)
            )
            if key >= shown_from:
                rows[end] = row_of[one]
                instants[end] = on * _MILLISECONDS
                kinds[end] = order // 10
                payoffs[end] = payoff
                currencies[end] = currency_of[one]
                notionals[end] = notional
                rates[end] = rate
                accruals[end] = accrued
                end += 1
        done[one] = complete
        if not complete:
            end = begin
    return end


_FORMULAS: tuple[Callable[..., object], ...] = (
    accrued_interest,
    annuity_amount,
    annuity_product,
    annuity_redemption,
    annuity_sum,
    capitalised_notional,
    growth,
    initial_exchange_payoff,
    interest_payoff,
    linear_redemption,
    maturity_payoff,
    notional_after,
    purchase_payoff,
    redemption_payoff,
    reset_rate,
    signed_amount,
    termination_payoff,
)


@cache
def walker() -> Callable[..., int]:
    """`_walk` as machine code, with the formulas as they now are."""
    parts = {
        "lower_of": lower_number,
        "higher_of": higher_number,
        **{formula.__name__: getattr(f, formula.__name__) for formula in _FORMULAS},
        **{part.__name__: part for part in (key_of, happens, places, observation, given_or, instalment)},
    }
    return compiled_with(_walk, parts)
