"""A portfolio of loans, made from a seed, in ACTUS terms: PAM, LAM, NAM and ANN in equal parts, five years monthly.

Five years are to come of each: fixed and floating, four day counts, with and without business days, some not yet
exchanged, most in mid-life.
"""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.actus.observed import Observed, read_observed

STATUS = date(2024, 6, 30)
MARKET = "EURIBOR-12M"
YEARS = 5


def observations() -> Observed:
    """A yearly rate for each quarter, known in advance: the same fixing for all."""
    days = [date(2018 + quarter // 4, 3 * (quarter % 4) + 1, 1) for quarter in range(60)]
    rows = [{"timestamp": f"{day}T00:00:00", "value": 0.02 + 0.0005 * (place % 9)} for place, day in enumerate(days)]
    return read_observed({MARKET: {"data": rows}})


def portfolio(count: int, seed: int = 7, *, fixed: bool = False) -> pl.DataFrame:
    """That many contracts, one row each.

    `fixed`: bullets and 30E/360 annuities, lent at fixed rates and not yet exchanged, which QuantLib can say as well.
    """
    draw = np.random.default_rng(seed)
    start = np.datetime64(STATUS) + (draw.integers(1, 60, count) if fixed else draw.integers(-1_500, 60, count))
    kind = draw.choice(["PAM", "ANN"] if fixed else ["PAM", "ANN", "LAM", "NAM"], count)
    # Days of the month up to the 28th: QuantLib and ACTUS clip later ones alike, but count on from them differently.
    month = start.astype("datetime64[M]")
    day_of_month = np.minimum((start - month).astype(np.int64), 27)
    start = month.astype("datetime64[D]") + day_of_month
    status_month = np.datetime64(STATUS).astype("datetime64[M]")
    maturity = (np.maximum(month, status_month) + 12 * YEARS).astype("datetime64[D]") + day_of_month
    first = (month + 1).astype("datetime64[D]") + day_of_month
    reset = (month + 12).astype("datetime64[D]") + day_of_month
    notional = np.round(draw.lognormal(11, 1, count), 2)
    rate = np.round(draw.uniform(0.01, 0.08, count), 4)
    floating = np.zeros(count, bool) if fixed else draw.random(count) < 0.25
    shifted = np.zeros(count, bool) if fixed else draw.random(count) < 0.5
    amortising, paying = kind != "PAM", np.isin(kind, ["LAM", "NAM"])
    payment = np.where(kind == "LAM", notional / (12 * YEARS), notional * (rate / 12 + 0.008))
    days = draw.choice(["30E360", "A360", "A365", "AA"], count)
    if fixed:
        days = np.where((kind == "ANN") | (days == "30E360"), "30E360", "A360")

    def where(mask: NDArray[np.bool_], values: pl.Series) -> pl.Series:
        return values.set(pl.Series(~mask), None)

    def same(value: str) -> pl.Series:
        return pl.repeat(value, count, dtype=pl.String, eager=True)

    return pl.DataFrame(
        {
            "contractID": pl.int_range(count, eager=True).cast(pl.String),
            "contractType": kind,
            "contractRole": np.where(draw.random(count) < (1.0 if fixed else 0.7), "RPA", "RPL"),
            "currency": draw.choice(["EUR", "USD", "CNY"], count),
            "statusDate": pl.repeat(STATUS, count, eager=True),
            "initialExchangeDate": pl.Series(start),
            "maturityDate": pl.Series(maturity),
            "notionalPrincipal": notional,
            "nominalInterestRate": rate,
            "dayCountConvention": days,
            "endOfMonthConvention": same("SD"),
            "calendar": np.where(shifted, "MF", "NC"),
            "businessDayConvention": where(shifted, same("SCMF")),
            "cycleAnchorDateOfInterestPayment": pl.Series(first),
            "cycleOfInterestPayment": same("P1ML1"),
            "cycleAnchorDateOfPrincipalRedemption": where(amortising, pl.Series(first)),
            "cycleOfPrincipalRedemption": where(amortising, same("P1ML1")),
            "nextPrincipalRedemptionPayment": where(paying, pl.Series(np.round(payment, 2))),
            "cycleAnchorDateOfRateReset": where(floating, pl.Series(reset)),
            "cycleOfRateReset": where(floating, same("P1YL1")),
            "marketObjectCodeOfRateReset": where(floating, same(MARKET)),
            "rateSpread": where(floating, pl.Series(np.full(count, 0.015))),
        }
    )
