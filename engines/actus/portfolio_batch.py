"""Some contracts of one shape, as machine code reads them: tables and numbers that they share, terms in arrays."""

from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from engines.actus.calendars import calculates_after_shift
from engines.actus.cycles import Cycle
from engines.actus.observed import Series
from engines.actus.portfolio_columns import Columns, Days, narrow
from engines.actus.portfolio_schedules import MONTH_DAYS, MONTH_OF_DAY, MONTH_START, axis_table, shift_table
from engines.actus.portfolio_shapes import Rows, Shape
from engines.actus.terms import ROLE_SIGN

PAM, LAM, NAM, ANN = range(4)
_TYPES = {"PAM": PAM, "LAM": LAM, "NAM": NAM, "ANN": ANN}

# Columns of `Contracts.dates`, of `Contracts.numbers` (after the sign of the role) and of calendars.
STATUS, START, MATURITY, PURCHASED, TERMINATED, CAPITALISED, INTEREST_ANCHOR, REDEMPTION_ANCHOR, RESET_ANCHOR = range(
    9
)
_DATES = (
    "statusDate",
    "initialExchangeDate",
    "maturityDate",
    "purchaseDate",
    "terminationDate",
    "capitalizationEndDate",
    "cycleAnchorDateOfInterestPayment",
    "cycleAnchorDateOfPrincipalRedemption",
    "cycleAnchorDateOfRateReset",
)
SIGN, NOTIONAL, RATE, ACCRUED, PAYMENT, PREMIUM, PRICE_AT_PURCHASE, PRICE_AT_TERMINATION = range(8)
NEXT_RESET_RATE, MULTIPLIER, SPREAD, PERIOD_FLOOR, PERIOD_CAP, LIFE_FLOOR, LIFE_CAP = range(8, 15)
_NUMBERS = (
    "notionalPrincipal",
    "nominalInterestRate",
    "accruedInterest",
    "nextPrincipalRedemptionPayment",
    "premiumDiscountAtIED",
    "priceAtPurchaseDate",
    "priceAtTerminationDate",
    "nextResetRate",
    "rateMultiplier",
    "rateSpread",
    "periodFloor",
    "periodCap",
    "lifeFloor",
    "lifeCap",
)
MONTH, HAPPENS, COUNTED, AXIS, AXIS_END = range(5)

MONTHS = np.column_stack((MONTH_START, MONTH_DAYS))

Floats = NDArray[np.float64]


class Every(NamedTuple):
    """A cycle; without months and days: none."""

    months: int
    days: int
    long_stub: bool


class Rules(NamedTuple):
    """What the contracts of a batch share.

    Attributes:
        kind: PAM, LAM, NAM or ANN.
        denominator: of differences of places on the axis of the day count.
    """

    kind: int
    interest: Every
    redemption: Every
    reset: Every
    end_of_month: bool
    denominator: int


class Contracts(NamedTuple):
    """Terms, one row a contract.

    Attributes:
        row, currency: uint32, the row in the portfolio and the place among the values of the term.
        dates: int32 days, shape (contracts, 9), ABSENT where not given.
        numbers: float64, shape (contracts, 15), NaN where not given.
    """

    row: NDArray[np.uint32]
    currency: NDArray[np.uint32]
    dates: Days
    numbers: Floats


def rules_of(shape: Shape) -> Rules:
    return Rules(
        kind=_TYPES[shape.contract_type],
        interest=_every(shape.interest_cycle),
        redemption=_every(shape.redemption_cycle),
        reset=_every(shape.reset_cycle),
        end_of_month=shape.end_of_month,
        denominator=axis_table(shape.day_count)[2],
    )


def _every(cycle: Cycle | None) -> Every:
    return Every(cycle.months, cycle.days, cycle.long_stub) if cycle else Every(0, 0, False)


@lru_cache(maxsize=8)
def calendar_of(convention: str, day_count: str | None) -> Days:
    """One row a day, from FIRST_DAY on, int32, all that is asked of a day side by side.

    Its place in MONTHS; when an event scheduled on it happens, and the day for which interest counts that event; its
    place on the axis of the day count, as any day and as the maturity at a period's end.
    """
    happens, as_scheduled = shift_table(convention), shift_table("NOS")
    counted = happens if calculates_after_shift(convention) else as_scheduled
    axis, as_maturity, _ = axis_table(day_count)
    axis_end = as_maturity if day_count == "30E360ISDA" else axis
    return narrow(np.column_stack((MONTH_OF_DAY, happens, counted, axis, axis_end)))


def contracts_of(columns: Columns, rows: Rows, maturity: Days) -> Contracts:
    dates = np.empty((len(rows), len(_DATES)), np.int32)
    for place, name in enumerate(_DATES):
        dates[:, place] = columns.days[name][rows]
    dates[:, MATURITY] = maturity
    role = np.array([ROLE_SIGN.get(value or "", 0.0) for value in columns.values["contractRole"]])
    numbers = np.empty((len(rows), 1 + len(_NUMBERS)))
    numbers[:, SIGN] = role[columns.codes["contractRole"][rows]]
    for place, name in enumerate(_NUMBERS, start=1):
        numbers[:, place] = columns.numbers[name][rows]
    currency = columns.codes["currency"][rows].astype(np.uint32)
    return Contracts(rows.astype(np.uint32), currency, cast(Days, dates), numbers)


def fixings_of(series: Series | None) -> tuple[NDArray[np.int64], Floats]:
    """The market series of rate resets: rising seconds since 1970-01-01, and values."""
    if series is None:
        return np.empty(0, np.int64), np.empty(0)
    return np.array(series.instants, np.int64), np.array(series.values, np.float64)
