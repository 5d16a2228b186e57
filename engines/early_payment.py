"""Principal that comes before its day, a constant share of the balance each month: the kernel of prepayment and early
withdrawal (LIQ-13). All contracts at once, in integer minor units.
"""

import numpy as np
import polars as pl

from engines.actus.dates import add_months
from engines.behaviour import Floats
from engines.flow_frame import INTEREST, PRINCIPAL, Integers, dimensions
from engines.flow_parts import SHARE_SCALE, part, with_amounts
from engines.primitives.errors import InvalidInput

MONTHS_MAX = 1_200  # of a month grid


def paid_early(selected: pl.DataFrame, monthly: Floats, as_of_day: int, name: str) -> pl.DataFrame:
    """Principal leaves at the end of each month after `as_of_day`, a share `monthly` (per row) of what is left.

    Left at a time = scheduled balance x (1 - share)^(month ends so far), rounded HALF_UP: so what comes early is
    taken from all later instalments alike. A month end that is also an instalment's day comes after the instalment.
    """
    keys = ["contract", *dimensions(selected)]
    units = np.rint((1.0 - monthly) * SHARE_SCALE).astype(np.int64)
    rows = selected.with_columns(stay=pl.Series(units))
    loans = (
        rows.filter(pl.col("kind").cast(pl.String) == PRINCIPAL)
        .group_by(*keys, "stay")
        .agg(last_day=pl.col("day").max(), total=pl.col("amount_minor").sum())
        .sort(*keys, "stay")
        .with_row_index("loan")
        .cast({"loan": pl.Int64})
    )
    ends = _month_ends(as_of_day, selected)
    before_last = np.searchsorted(ends, loans["last_day"].to_numpy(), side="left")  # month ends before the last flow
    table = _month_table(loans, ends, before_last)
    paid = (
        rows.filter(pl.col("kind").cast(pl.String) == PRINCIPAL)
        .join(loans.select(*keys, "stay", "loan"), on=[*keys, "stay"], nulls_equal=True)
        .group_by("loan", "day")
        .agg(pl.col("amount_minor").sum(), pl.col("kind").first())
        .select("loan", "day", pl.lit(0, pl.Int64).alias("month_end"), "amount_minor")
    )
    path = pl.concat([paid, table]).sort("loan", "day", "month_end")
    path = path.with_columns(amount_minor=_early_differences(path, loans))
    shown = path.join(loans.drop("last_day", "total"), on="loan").with_columns(
        rule=pl.when(pl.col("month_end") == 1).then(pl.lit(name)).otherwise(pl.lit("")),
        kind=pl.lit(PRINCIPAL).cast(selected.schema["kind"]),
    )
    interest = rows.filter(pl.col("kind").cast(pl.String) == INTEREST)
    passed = np.searchsorted(ends, interest["day"].to_numpy(), side="left")
    left = _power_units(interest["stay"].to_numpy(), passed)
    scaled = with_amounts(interest, amount=part(interest["amount_minor"].to_numpy(), left))
    return pl.concat([shown.select(selected.columns), scaled.select(selected.columns)])


def _month_ends(as_of_day: int, selected: pl.DataFrame) -> Integers:
    """Days 1, 2, ... calendar months after `as_of_day`, up to the last flow."""
    last = selected["day"].max()
    if not isinstance(last, int):
        raise InvalidInput("flows have no day", field="day")
    months = min(MONTHS_MAX, max(0, (last - as_of_day) // 28 + 1))
    return add_months(np.full(months, as_of_day, np.int64), np.arange(1, months + 1))


def _month_table(loans: pl.DataFrame, ends: Integers, before_last: Integers) -> pl.DataFrame:
    """One row for each loan and month end before its last flow."""
    loan = np.repeat(loans["loan"].to_numpy(), before_last)
    first = np.cumsum(before_last) - before_last
    number = np.arange(len(loan)) - np.repeat(first, before_last)
    zeros = np.zeros(len(loan), np.int64)
    return pl.DataFrame({"loan": loan, "day": ends[number], "month_end": zeros + 1, "amount_minor": zeros})


def _early_differences(path: pl.DataFrame, loans: pl.DataFrame) -> pl.Series:
    """Flows of each row of `path` (sorted by loan and time): differences of the rounded balances."""
    loan, amount, is_end = (path[name].to_numpy() for name in ("loan", "amount_minor", "month_end"))
    begins = np.ones(len(loan), bool)
    begins[1:] = loan[1:] != loan[:-1]
    start = np.flatnonzero(begins)
    total = loans["total"].to_numpy()

    def running(values: Integers) -> Integers:
        sums = np.cumsum(values)
        offsets = (sums - values)[start]
        within: Integers = sums - np.repeat(offsets, np.diff(np.append(start, len(values))))
        return within

    scheduled = total[loan] - running(amount)
    left = part(scheduled, _power_units(loans["stay"].to_numpy()[loan], running(is_end)))
    before = np.empty_like(left)
    before[1:] = left[:-1]
    before[start] = total[loan[start]]
    return pl.Series(before - left)


def _power_units(stay: Integers, months: Integers) -> Integers:
    """(stay / SHARE_SCALE) ** months in units of 1e-11."""
    powers: Integers = np.rint((stay / SHARE_SCALE) ** months * SHARE_SCALE).astype(np.int64)
    return powers
