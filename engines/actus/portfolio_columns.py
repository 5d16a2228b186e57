"""A portfolio's terms as numpy columns, and which of its contracts the vectorised path may take.

Every text is read by the very reader of `terms`, once per distinct value. A contract leaves the vectorised path
(`simple` is False) for anything that this module does not know, could not read or finds unusual: the one-contract
path then computes it, or says what is wrong with it. So nothing is judged here, only sorted out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.actus.dates import DAY_SECONDS
from engines.actus.terms import ALIASES, READINGS

ABSENT = -(1 << 30)  # the day of a date that is not given
DAY_MIN, DAY_MAX = -25_567, 120_000  # 1900-01-01 to 2298: what the tables of days hold, with room to shift

# To the type checker, as the shared functions know no other; inside a batch int32, for half the memory traffic.
Days = NDArray[np.int64]
Codes = NDArray[np.int64]

# Bounds inside which a number is ordinary; beyond them the one-contract path decides.
_AMOUNT, _RATE = 1e15, 10.0
NUMBERS: Mapping[str, tuple[float, float]] = {
    "notionalPrincipal": (0.0, _AMOUNT),
    "nextPrincipalRedemptionPayment": (0.0, _AMOUNT),
    "premiumDiscountAtIED": (-_AMOUNT, _AMOUNT),
    "accruedInterest": (-_AMOUNT, _AMOUNT),
    "priceAtPurchaseDate": (-_AMOUNT, _AMOUNT),
    "priceAtTerminationDate": (-_AMOUNT, _AMOUNT),
    "nominalInterestRate": (-_RATE, _RATE),
    "nextResetRate": (-_RATE, _RATE),
    "rateSpread": (-_RATE, _RATE),
    "rateMultiplier": (-_RATE, _RATE),
    "lifeCap": (-_RATE, _RATE),
    "lifeFloor": (-_RATE, _RATE),
    "periodCap": (0.0, _RATE),
    "periodFloor": (-_RATE, _RATE),
    "feeRate": (0.0, 0.0),
}
DATES = (
    "statusDate",
    "initialExchangeDate",
    "maturityDate",
    "amortizationDate",
    "cycleAnchorDateOfInterestPayment",
    "cycleAnchorDateOfPrincipalRedemption",
    "cycleAnchorDateOfRateReset",
    "capitalizationEndDate",
    "purchaseDate",
    "terminationDate",
)
CODES = (
    "contractType",
    "contractRole",
    "calendar",
    "businessDayConvention",
    "endOfMonthConvention",
    "dayCountConvention",
    "cycleOfInterestPayment",
    "cycleOfPrincipalRedemption",
    "cycleOfRateReset",
    "marketObjectCodeOfRateReset",
    "currency",
    "settlementCurrency",
)
# Terms that loans do not read, or that say nothing at this value; any other value is left to the one-contract path.
_UNREAD_TEXT = ("contractID", "creatorID", "counterpartyID", "marketObjectCode", "unit")
_UNREAD_CODES = ("seniority", "contractPerformance", "fixingPeriod", "clearingHouse", "contractDealDate")
_NEUTRAL: Mapping[str, str] = {
    "scalingEffect": "000",
    "prepaymentEffect": "N",
    "penaltyType": "O",
    "interestCalculationBase": "NT",
    "cyclePointOfInterestPayment": "E",
    "cyclePointOfRateReset": "B",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Terms of all contracts, by dictionary name; one element a contract, and not to be written to.

    Attributes:
        numbers: float64, NaN where absent.
        days: int64 days since 1970-01-01, ABSENT where absent.
        codes: int64 places in `values[name]`, whose place 0 is None: absent.
        simple: bool: nothing speaks against the vectorised path so far.
    """

    numbers: Mapping[str, NDArray[np.float64]]
    days: Mapping[str, Days]
    codes: Mapping[str, Codes]
    values: Mapping[str, list[Any]]
    simple: NDArray[np.bool_]


def narrow(days: Days) -> Days:
    """The same days as int32."""
    return cast(Days, days.astype(np.int32))


def read_columns(portfolio: pl.DataFrame) -> Columns:
    """Reads what the vectorised path knows and marks the contracts that hold anything else."""
    simple = np.ones(len(portfolio), bool)
    given: dict[str, pl.Series] = {}
    for column in portfolio.columns:
        name, series = ALIASES.get(column, column), portfolio[column]
        if name not in given and name in _READERS:
            given[name] = series
        else:
            simple &= _is_blank(series)
    numbers, days, codes, values = {}, {}, {}, {}
    for name in NUMBERS:
        numbers[name] = _numbers(name, given.get(name), simple)
    for name in DATES:
        days[name] = _days(name, given.get(name), simple)
    for name in CODES:
        codes[name], values[name] = _codes(name, given.get(name), simple)
    for name in (*_UNREAD_TEXT, *_UNREAD_CODES, *_NEUTRAL):
        if name in given:
            _check(name, given[name], simple)
    return Columns(numbers, days, codes, values, simple)


def row_terms(portfolio: pl.DataFrame, row: int) -> dict[str, Any]:
    """One contract's terms as the mapping that `terms.read_terms` reads; dates and decimals as text."""
    return {name: _plain(value) for name, value in portfolio.row(row, named=True).items() if value is not None}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        moment = value.isoformat()
        return moment.removesuffix("+00:00")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | dict) else str(value)


def _numbers(name: str, series: pl.Series | None, simple: NDArray[np.bool_]) -> NDArray[np.float64]:
    if series is None:
        return np.broadcast_to(np.nan, len(simple))
    if series.dtype.is_integer() or series.dtype in (pl.Float32, pl.Float64):
        values = series.cast(pl.Float64).to_numpy().astype(np.float64)
        absent = series.is_null().to_numpy()
    else:
        places, read = _read_text(name, series)
        table = np.array([np.nan if value is None else value for value in read], np.float64)
        simple &= places >= 0
        values, absent = table[places], places == 0
    low, high = NUMBERS[name]
    with np.errstate(invalid="ignore"):
        simple &= absent | ((values >= low) & (values <= high))
    simple &= ~((values == 0.0) & np.signbit(values))  # -0.0: which zero comes out is the one-contract path's to say
    return values


def _days(name: str, series: pl.Series | None, simple: NDArray[np.bool_]) -> Days:
    if series is None:
        return np.broadcast_to(np.int64(ABSENT), len(simple))
    if series.dtype == pl.Date:
        days = series.cast(pl.Int64).fill_null(ABSENT).to_numpy().astype(np.int64)
    elif isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone in (None, "UTC"):
        instants = series.dt.cast_time_unit("us").cast(pl.Int64).fill_null(ABSENT * DAY_SECONDS * 1_000_000)
        days = _whole_days(instants.to_numpy(), DAY_SECONDS * 1_000_000, simple)
    else:
        places, read = _read_text(name, series)
        simple &= places >= 0
        instants_read = np.array([ABSENT * DAY_SECONDS if value is None else value for value in read], np.int64)
        days = _whole_days(instants_read[places], DAY_SECONDS, simple)
    simple &= (days == ABSENT) | ((days >= DAY_MIN) & (days <= DAY_MAX))
    return days


def _whole_days(instants: NDArray[np.int64], unit: int, simple: NDArray[np.bool_]) -> Days:
    """Instants at the beginning of a day; a time of day is left to the one-contract path."""
    days: Days = instants // unit
    simple &= days * unit == instants
    return days


def _codes(name: str, series: pl.Series | None, simple: NDArray[np.bool_]) -> tuple[Codes, list[Any]]:
    if series is None:
        return np.broadcast_to(np.int64(0), len(simple)), [None]
    places, read = _read_text(name, series)
    simple &= places >= 0
    return places, read


def _check(name: str, series: pl.Series, simple: NDArray[np.bool_]) -> None:
    if name in _UNREAD_TEXT and series.dtype == pl.String:
        return
    if name == "contractDealDate" and series.dtype.is_temporal():
        _days(name, series, simple)
        return
    places, read = _read_text(name, series)
    simple &= places >= 0
    if name in _NEUTRAL:
        neutral = np.array([value is None or value == _NEUTRAL[name] for value in read])
        simple &= neutral[places]


def _read_text(name: str, series: pl.Series) -> tuple[Codes, list[Any]]:
    """For each row the place of its value among the distinct values read; 0: absent; -1: not to be read here."""
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return np.where(_is_blank(series), 0, -1), [None]
    texts = series.cast(pl.String)
    distinct = texts.drop_nulls().unique().sort().to_list()
    reading = READINGS[name][1]
    place_of: dict[Any, int] = {None: 0}
    places = []
    for text in distinct:
        try:
            value = reading.read(text) if text.strip() else None
        except ValueError:
            places.append(-1)
            continue
        places.append(place_of.setdefault(value, len(place_of)))
    if not distinct:
        return np.zeros(len(series), np.int64), [None]
    found = texts.replace_strict(distinct, places, default=0, return_dtype=pl.Int64).fill_null(0)
    return found.to_numpy().astype(np.int64), list(place_of)


def _is_blank(series: pl.Series) -> NDArray[np.bool_]:
    blank = series.is_null()
    if series.dtype == pl.String:
        blank = blank | (series.str.strip_chars() == "").fill_null(True)
    return blank.to_numpy()


_READERS = frozenset((*NUMBERS, *DATES, *CODES, *_UNREAD_TEXT, *_UNREAD_CODES, *_NEUTRAL))
