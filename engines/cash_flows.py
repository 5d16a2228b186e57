"""Contractual cash flows for gap and positions: bullet, equal principal, annuity, zero (LIQ-11, S29).

Many contracts of one type at once, in integer minor units, exact. Flows carry the sign of the contract's
own side: positive is money to its holder. Not the full engine: floating rates, stubs by convention,
business-day calendars, prepayment and irregular (`custom`) schedules are not here; those contracts are
UNDATED and counted (S29). Accrued interest from before `start_day` is not added: the flows of the first
period already hold it.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.exact_ratio import half_up, times_ratio_half_up
from engines.primitives.errors import InvalidInput

Integers = NDArray[np.int64]

RATE_SCALE = 10**9  # an annual rate of 1 (100%) is this many rate units

AMORTISATIONS = ("bullet", "equal_principal", "annuity", "zero", "custom")
DAY_COUNTS = ("ACT/360", "ACT/365", "30/360")
INTEREST, PRINCIPAL = 0, 1  # kinds of flow

DEMAND_DAY = -(1 << 31)  # payable at call: overnight in the contractual view
UNDATED_DAY = (1 << 31) - 1

_BASIS = {"ACT/360": 360, "ACT/365": 365, "30/360": 360}


@dataclass(frozen=True, slots=True)
class Flows:
    """Flat columns, one row a flow; rows of one contract are in time order, interest before principal."""

    contract_row: Integers
    flow_day: Integers  # days since 1970-01-01
    kind: NDArray[np.int8]
    amount_minor: Integers  # never 0


def contractual_flows(
    amortisation: str,
    day_count: str,
    *,
    principal_minor: Integers,
    rate_units: Integers,
    start_day: Integers,
    maturity_day: Integers,
    months: Integers,
) -> Flows:
    """Principal and interest flows of contracts that share a type and a day count.

    Payments fall every `months` months after the start (the day clipped to the month's end, counted from
    the start and not from the clipped day) and at maturity. Interest is balance x rate x days / basis;
    under 30/360 a whole period counts 30 days a month, a broken one by 30E/360. Each flow is rounded
    HALF_UP, the last principal flow takes the difference (Q17), so the principal flows add up to the
    principal, exactly.

    Args:
        amortisation: bullet, equal_principal, annuity or zero (face value at maturity, no interest).
        day_count: ACT/360, ACT/365 or 30/360.
        principal_minor: outstanding at the start, >= 0, at most 10**16.
        rate_units: annual rate in units of 1e-9, may be negative.
        start_day, maturity_day: days since 1970-01-01, maturity not before start.
        months: between payments; 0: everything at maturity.
    Raises:
        InvalidInput: another amortisation or day count; a maturity before its start.
    Source: LIQ-11; decisions S29, Q17.
    """
    if amortisation not in _KERNELS:
        raise InvalidInput(f"no schedule for {amortisation!r}", field="amort")
    if day_count not in _BASIS:
        raise InvalidInput(f"unknown day count {day_count!r}", field="day_count")
    if np.any(maturity_day < start_day):
        raise InvalidInput("a maturity is before its start", field="maturity_date")
    schedule = _schedule(start_day, maturity_day, np.zeros_like(months) if amortisation == "zero" else months)
    days = _days(schedule, day_count, start_day, maturity_day, months)
    factors = rate_units[schedule.row] * days
    contracts = _Contracts(principal_minor, rate_units, months)
    interest, principal = _KERNELS[amortisation](schedule, contracts, factors, _BASIS[day_count] * RATE_SCALE)
    amounts = np.stack([interest, principal], axis=1).ravel()
    kept = amounts != 0
    return Flows(
        np.repeat(schedule.row, 2)[kept],
        np.repeat(schedule.day, 2)[kept],
        np.tile(np.array([INTEREST, PRINCIPAL], np.int8), len(schedule.row))[kept],
        amounts[kept],
    )


def unscheduled_flows(principal_minor: Integers, day: int) -> Flows:
    """One flow of the principal for each contract without a date: on DEMAND_DAY or UNDATED_DAY (S29)."""
    rows = np.flatnonzero(principal_minor)
    return Flows(
        rows, np.full(len(rows), day, np.int64), np.full(len(rows), PRINCIPAL, np.int8), principal_minor[rows]
    )


def add_months(day: Integers, months: Integers) -> Integers:
    """`months` calendar months after `day` (days since 1970-01-01), clipped to the month's last day."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    day_of_month = (date - month).astype(np.int64)
    target = month + months
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
    moved = target.astype("datetime64[D]").astype(np.int64) + np.minimum(day_of_month, length - 1)
    result: Integers = moved
    return result


def instalment_minor(principal_minor: int, rate_units: int, months: int, payments: int) -> int:
    """Level instalment, HALF_UP of principal x i / (1 - (1+i)**-payments), i = rate x months / 12, exact."""
    factor = _annuity_factor(rate_units, months, payments)
    return half_up(principal_minor * factor.numerator, factor.denominator)


@dataclass(frozen=True, slots=True)
class _Contracts:
    principal: Integers
    rate: Integers
    months: Integers


@dataclass(frozen=True, slots=True)
class _Schedule:
    """One row a payment, contract after contract."""

    row: Integers  # which contract
    number: Integers  # of the payment, from 1
    day: Integers
    previous_day: Integers
    payments: Integers  # per contract
    first: Integers  # per contract: index of its first payment

    @property
    def last(self) -> Integers:
        return self.first + self.payments - 1


def _schedule(start_day: Integers, maturity_day: Integers, months: Integers) -> _Schedule:
    start_month = start_day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    maturity_month = maturity_day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    step = np.maximum(months, 1)
    before = np.where(months > 0, (maturity_month - start_month) // step, 0)
    before -= (before > 0) & (add_months(start_day, before * step) >= maturity_day)
    payments = before + 1
    first = np.cumsum(payments) - payments
    row = np.repeat(np.arange(len(payments)), payments)
    number = np.arange(len(row)) - first[row] + 1
    day = add_months(start_day[row], number * step[row])
    day[first + payments - 1] = maturity_day
    previous_day = np.empty_like(day)
    previous_day[1:] = day[:-1]
    previous_day[first] = start_day
    return _Schedule(row, number, day, previous_day, payments, first)


def _days(
    schedule: _Schedule, day_count: str, start_day: Integers, maturity_day: Integers, months: Integers
) -> Integers:
    """Days of interest in each period."""
    if day_count != "30/360":
        elapsed: Integers = schedule.day - schedule.previous_day
        return elapsed
    days: Integers = (months * 30)[schedule.row]
    whole = (months > 0) & (add_months(start_day, months * schedule.payments) == maturity_day)
    broken = schedule.last[~whole]
    days[broken] = _thirty_days(schedule.previous_day[broken], schedule.day[broken])
    return days


def _thirty_days(start: Integers, end: Integers) -> Integers:
    """Days between by 30E/360: every month has 30 days, the 31st is the 30th."""
    counted = []
    for day in (start, end):
        date = day.astype("datetime64[D]")
        month = date.astype("datetime64[M]")
        counted.append(month.astype(np.int64) * 30 + np.minimum((date - month).astype(np.int64), 29))
    between: Integers = counted[1] - counted[0]
    return between


def _bullet(schedule: _Schedule, contracts: _Contracts, factors: Integers, divisor: int) -> tuple[Integers, Integers]:
    repaid = np.zeros_like(schedule.row)
    repaid[schedule.last] = contracts.principal
    return times_ratio_half_up(contracts.principal[schedule.row], factors, divisor), repaid


def _zero(schedule: _Schedule, contracts: _Contracts, factors: Integers, divisor: int) -> tuple[Integers, Integers]:
    return np.zeros_like(contracts.principal), contracts.principal


def _equal_principal(
    schedule: _Schedule, contracts: _Contracts, factors: Integers, divisor: int
) -> tuple[Integers, Integers]:
    principal = contracts.principal
    # Some roundings up may repay all before the last payment (3 in 6 parts): never more than what is left.
    part = (2 * principal + schedule.payments) // (2 * schedule.payments)
    paid_before = np.minimum(part[schedule.row] * (schedule.number - 1), principal[schedule.row])
    balance = principal[schedule.row] - paid_before
    repaid = np.minimum(part[schedule.row], balance)
    repaid[schedule.last] = balance[schedule.last]
    return times_ratio_half_up(balance, factors, divisor), repaid


def _annuity(
    schedule: _Schedule, contracts: _Contracts, factors: Integers, divisor: int
) -> tuple[Integers, Integers]:
    columns = (contracts.principal, contracts.rate, contracts.months, schedule.payments)
    terms = zip(*(column.tolist() for column in columns), strict=True)
    instalment = np.array([instalment_minor(*term) for term in terms], np.int64)
    interest, repaid = np.zeros_like(schedule.row), np.zeros_like(schedule.row)
    balance = contracts.principal.copy()
    live = np.arange(len(balance))
    for number in range(1, int(schedule.payments.max(initial=0)) + 1):  # over time; contracts go side by side
        live = live[schedule.payments[live] >= number]
        at = schedule.first[live] + number - 1
        due = times_ratio_half_up(balance[live], factors[at], divisor)
        part = np.clip(instalment[live] - due, 0, balance[live])
        part = np.where(schedule.payments[live] == number, balance[live], part)
        interest[at], repaid[at] = due, part
        balance[live] -= part
    return interest, repaid


_KERNELS = {"bullet": _bullet, "equal_principal": _equal_principal, "annuity": _annuity, "zero": _zero}


@lru_cache(maxsize=4_096)  # of a long loan the fraction has thousands of digits
def _annuity_factor(rate_units: int, months: int, payments: int) -> Fraction:
    periodic = Fraction(rate_units * months, 12 * RATE_SCALE)
    if periodic == 0 or payments == 1:  # nothing to divide by, or the one payment is the last
        return (1 + periodic) / payments
    growth = (1 + periodic) ** payments
    return periodic * growth / (growth - 1)
