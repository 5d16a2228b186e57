"""Repricing gap: rate-sensitive assets less liabilities by repricing bucket, and what a rate change does (LIQ-15).

Net interest income over one year, with the balance sheet constant. The effect on equity is the duration gap's
(`engines.duration`), the six shocks of economic value are `eve`'s.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import polars as pl

from engines.flow_frame import check_size
from engines.primitives.errors import InvalidInput
from engines.repricing_buckets import REPRICING_BUCKETS, UNSLOTTED, repricing_bucket

ASSETS, LIABILITIES = ("asset", "obs_in"), ("liability", "obs_out")
_NEEDED = ("currency", "side", "principal_minor", "reprice_day", "maturity_day")


def repricing_gap_table(contracts: pl.DataFrame, *, as_of_day: int, by: Sequence[str] = ()) -> pl.DataFrame:
    """Rate-sensitive assets, liabilities, gap and cumulative gap of every bucket, per currency and `by`.

    A contract reprices on its next reprice date, without one at maturity; the whole principal then. Without either
    date, or with one before `as_of_day`, it is UNSLOTTED (bucket 0). Off-balance legs count on their own side.

    Args:
        contracts: currency, side (asset, liability, obs_in, obs_out), principal_minor (int64, >= 0), reprice_day and
            maturity_day (int64, days since 1970-01-01, may be null), the columns of `by`.
        as_of_day: days since 1970-01-01.
    Returns:
        One row for each group and bucket 0..19, sorted: currency, the columns of `by`, bucket_no, assets_minor,
        liabilities_minor, gap_minor (assets - liabilities: positive gains from rising rates), cumulative_minor
        (from bucket 1; null for UNSLOTTED); int64, minor units of the row's currency.
    Raises:
        InvalidInput: a column is missing or wrong, a side unknown, a principal negative, sums could pass 2**62.
    Source: LIQ-15; buckets BCBS 368 Table 1, decision Q12.
    """
    keys = list(dict.fromkeys(("currency", *by)))
    _check(contracts, keys)
    day = pl.coalesce("reprice_day", "maturity_day")
    slotted = contracts.with_columns(day=day.fill_null(as_of_day - 1))
    numbers = repricing_bucket(slotted["day"].to_numpy(), as_of_day)
    is_asset = pl.col("side").cast(pl.String).is_in(ASSETS)
    sums = (
        slotted.with_columns(bucket_no=pl.Series(numbers, dtype=pl.Int64))
        .group_by(*keys, "bucket_no")
        .agg(
            assets_minor=pl.col("principal_minor").filter(is_asset).sum(),
            liabilities_minor=pl.col("principal_minor").filter(~is_asset).sum(),
        )
    )
    all_numbers = pl.DataFrame({"bucket_no": np.arange(len(REPRICING_BUCKETS) + 1)})
    grid = sums.select(keys).unique().sort(keys).join(all_numbers, how="cross", maintain_order="left")
    table = grid.join(sums, on=[*keys, "bucket_no"], how="left", maintain_order="left")
    slots = pl.col("bucket_no") != UNSLOTTED
    gap = pl.col("gap_minor")
    return (
        table.with_columns(pl.col("assets_minor", "liabilities_minor").fill_null(0))
        .with_columns(gap_minor=pl.col("assets_minor") - pl.col("liabilities_minor"))
        .with_columns(
            cumulative_minor=pl.when(slots).then(pl.when(slots).then(gap).otherwise(0).cum_sum().over(keys))
        )
    )


def net_interest_income_change(
    gaps: Sequence[Fraction], midpoint_years: Sequence[Fraction], rate_changes: Sequence[Fraction]
) -> Fraction:
    """Change of net interest income over one year: sum of gap x rate change x (1 - midpoint), exact.

    Buckets whose midpoint is a year or more do not reprice within it and count nothing. Positive: income rises.

    Args:
        gaps: rate-sensitive assets less liabilities, one amount unit; the result has the same unit.
        midpoint_years: >= 0. rate_changes: fractions a year, one a bucket (0.01 is one percentage point).
    Raises:
        InvalidInput: the columns differ in length; a midpoint is negative.
    Source: LIQ-15.
    """
    if not len(gaps) == len(midpoint_years) == len(rate_changes):
        raise InvalidInput("want one gap, midpoint and rate change a bucket", field="buckets")
    total = Fraction(0)
    for at, (gap, midpoint, change) in enumerate(zip(gaps, midpoint_years, rate_changes, strict=True)):
        if midpoint < 0:
            raise InvalidInput("a midpoint is negative", field="midpoint_years", record=at)
        total += gap * change * max(Fraction(0), 1 - midpoint)
    return total


def cumulative_gap_within_year(gaps: Sequence[Fraction], midpoint_years: Sequence[Fraction]) -> Fraction:
    """Sum of the gaps that reprice within a year (midpoint < 1): the cumulative gap of LIQ-15."""
    within = (gap for gap, midpoint in zip(gaps, midpoint_years, strict=True) if midpoint < 1)
    return sum(within, Fraction(0))


def _check(contracts: pl.DataFrame, keys: Sequence[str]) -> None:
    for name in dict.fromkeys((*_NEEDED, *keys)):
        if name not in contracts.columns:
            raise InvalidInput(f"contracts have no column {name!r}", field=name)
        if name not in {"reprice_day", "maturity_day"} and contracts[name].null_count():
            row = int(contracts[name].is_null().arg_max() or 0)
            raise InvalidInput(f"column {name!r} has an empty value", field=name, record=row)
    for name in ("principal_minor", "reprice_day", "maturity_day"):
        if contracts.schema[name] != pl.Int64:
            raise InvalidInput(f"column {name!r} is {contracts.schema[name]}, not Int64", field=name)
    bad = ~contracts["side"].cast(pl.String).is_in([*ASSETS, *LIABILITIES])
    if bad.any():
        raise InvalidInput("a side is none of asset, liability, obs_in, obs_out", field="side", record=_first(bad))
    negative = contracts["principal_minor"] < 0
    if negative.any():
        raise InvalidInput("a principal is negative", field="principal_minor", record=_first(negative))
    check_size(contracts["principal_minor"])


def _first(flags: pl.Series) -> int:
    return int(flags.arg_max() or 0)
