"""Views on dated flows: in, out, gap and cumulative gap by maturity bucket (LIQ-12, spec/liquidity.md section 1).

A contractual, a behavioural and a stressed view are the same table over other flows: `engines.behaviour_rules` makes
the other two out of the contractual flows. Everything is integer minor units and exact; ratios are fractions. Not for
regulatory windows (decision Q12), nor for repricing (`engines.repricing`).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.buckets import BUCKETS, ON, UNDATED, bucket_index, cumulative
from engines.exact_ratio import half_up
from engines.flow_frame import DEMAND_DAY, SUM_MINOR_MAX, UNDATED_DAY, Integers, check_flows
from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent

BUCKET = pl.Enum(BUCKETS)
ELIMINATED, KEPT, ONLY = "eliminated", "kept", "only"  # what a table does with intragroup flows
AMOUNTS = ("inflow_minor", "outflow_minor", "gap_minor", "cumulative_minor")


def gap_table(
    flows: pl.DataFrame,
    *,
    as_of_day: int,
    by: Sequence[str] = (),
    calendars: Mapping[str, np.busdaycalendar] | None = None,
    intragroup: str | None = None,
) -> pl.DataFrame:
    """In, out, gap and cumulative gap of every bucket, per currency and the dimensions `by`.

    gap = in - out (positive: surplus); cumulative: running sum from ON to Y5P. OVERDUE and UNDATED are shown, their
    cumulative is null. What is payable on demand falls into ON.

    Args:
        flows: see `engines.flow_frame`; the order of its rows does not matter.
        as_of_day: days since 1970-01-01.
        by: dimensions besides the currency, columns of `flows`.
        calendars: business days by currency; a flow moves to the next business day, or to the one before when the
            next lies in another month (modified following). None: days stand as they are.
        intragroup: "eliminated", "kept" or "only" (the table of what is eliminated). By default flows between two
            organisations of the bank are kept where `by` names the organisation and eliminated elsewhere, so that
            the sum over organisations less the "only" table is the bank (LIQ-12, decision S22).
    Returns:
        One row for each group and bucket, all buckets present, sorted by group (ascending) and bucket: currency, the
        columns of `by`, bucket, inflow_minor and outflow_minor (>= 0), gap_minor, cumulative_minor (int64, minor
        units of the row's currency).
    Raises:
        InvalidInput: a column is missing or wrong, `by` names a day, a currency has no calendar, sums could pass
            2**62.
    Source: LIQ-12; spec/liquidity.md section 1; decision Q12.
    """
    keys = list(dict.fromkeys(("currency", *by)))
    if not {"day", "amount_minor", "bucket"}.isdisjoint(keys):
        raise InvalidInput("a table by bucket is not by day or amount", field="by")
    checked = check_flows(flows, keys)
    treatment = intragroup or (KEPT if "organisation" in keys else ELIMINATED)
    if treatment not in {ELIMINATED, KEPT, ONLY}:
        raise InvalidInput(f"no treatment {treatment!r} of intragroup flows", field="intragroup")
    if treatment != KEPT:
        checked = checked.filter(pl.col("intragroup") == (treatment == ONLY))
    amount = pl.col("amount_minor")
    by_day = checked.group_by(*keys, "day").agg(
        inflow_minor=amount.filter(amount > 0).sum(),
        outflow_minor=-amount.filter(amount < 0).sum(),
    )
    sums = (
        by_day.join(_bucket_of_days(by_day, as_of_day, calendars), on=["currency", "day"], validate="m:1")
        .group_by(*keys, "bucket")
        .agg(pl.col("inflow_minor", "outflow_minor").sum())
    )
    groups = sums.select(keys).unique().sort(keys)
    grid = groups.join(pl.DataFrame({"bucket": pl.Series(BUCKETS, dtype=BUCKET)}), how="cross", maintain_order="left")
    full = grid.join(sums, on=[*keys, "bucket"], how="left", maintain_order="left", nulls_equal=True)
    return _with_gaps(full.with_columns(pl.col("inflow_minor", "outflow_minor").fill_null(0)))


def all_currencies(table: pl.DataFrame, mid_rates: Mapping[str, Fraction], reporting_currency: str) -> pl.DataFrame:
    """The rows of a gap table added up over currencies, at given mid rates; to show beside the rows per currency.

    The conversion is exact. The total of a group's inflows over all buckets is rounded HALF_UP once, the buckets get
    their parts by largest remainder, so that they add up to it; so for its outflows.

    Args:
        table: from `gap_table`.
        mid_rates: units of the reporting currency for one unit of each currency, > 0; its own rate may be left out.
    Returns:
        As `gap_table`, currency being the reporting currency.
    Raises:
        InvalidInput: a currency has no rate or one that is not above 0.
    Source: spec/liquidity.md section 1 (dimensions); decision Q17; largest remainder as in Q9.
    """
    dims = [name for name in table.columns if name not in {"currency", "bucket", *AMOUNTS}]
    factors = {
        currency: _minor_factor(currency, mid_rates, reporting_currency)
        for currency in table["currency"].unique(maintain_order=True).to_list()
    }
    parts = []
    for key, rows in table.sort(*dims, "bucket", "currency").group_by(dims or pl.lit(0), maintain_order=True):
        converted = {
            name: largest_remainder(_by_bucket(rows, name, factors)) for name in ("inflow_minor", "outflow_minor")
        }
        for sizes in converted.values():
            if sum(sizes) >= SUM_MINOR_MAX:
                raise InvalidInput("the flows add up to more than 2**62 minor units", field="mid_rates")
        columns = {"bucket": pl.Series(BUCKETS, dtype=BUCKET), **converted}
        labels = dict(zip(dims, key, strict=True)) if dims else {}
        parts.append(
            pl.DataFrame(columns).with_columns(
                currency=pl.lit(reporting_currency),
                **{name: pl.lit(value, dtype=table.schema[name]) for name, value in labels.items()},
            )
        )
    if not parts:
        return table.clear()
    return _with_gaps(pl.concat(parts).select("currency", *dims, "bucket", "inflow_minor", "outflow_minor"))


def mismatch_ratios(cumulative_minor: Sequence[int], total_assets_minor: int) -> list[Fraction | None]:
    """Cumulative gap / total assets for each bucket, exact; None (not computable) when total assets are 0.

    Args:
        cumulative_minor: minor units, inflow minus outflow; negative means a shortage, and so a negative ratio.
    Raises:
        InvalidInput: total assets are negative.
    Source: LIQ-12; decision Q5.
    """
    if total_assets_minor < 0:
        raise InvalidInput("total assets are negative", field="total_assets")
    if total_assets_minor == 0:
        return [None] * len(cumulative_minor)
    return [Fraction(value, total_assets_minor) for value in cumulative_minor]


def coverages(inflow_minor: Sequence[int], outflow_minor: Sequence[int]) -> list[Fraction | None]:
    """Inflows / outflows, both up to and with each bucket, exact; None where nothing has flowed out yet.

    Args:
        inflow_minor, outflow_minor: >= 0, minor units, the buckets from ON on in their order.
    Source: LIQ-12; decision Q5.
    """
    ratios: list[Fraction | None] = []
    received = paid = 0
    for inflow, outflow in zip(inflow_minor, outflow_minor, strict=True):
        received, paid = received + inflow, paid + outflow
        ratios.append(Fraction(received, paid) if paid else None)
    return ratios


def largest_remainder(values: Sequence[Fraction]) -> list[int]:
    """Integers next to `values` that add up to their sum rounded HALF_UP; ties go to the first.

    Each is the value rounded down or up; those with the largest part cut off are rounded up.
    """
    down = [value.numerator // value.denominator for value in values]
    total = sum(values, Fraction(0))
    missing = half_up(total.numerator, total.denominator) - sum(down)
    order = sorted(range(len(values)), key=lambda at: (down[at] - values[at], at))
    for at in order[:missing]:
        down[at] += 1
    return down


def adjusted_days(days: Integers, calendar: np.busdaycalendar) -> Integers:
    """Business days of `days` (since 1970-01-01) by modified following; DEMAND_DAY and UNDATED_DAY stay."""
    dated = (days != DEMAND_DAY) & (days != UNDATED_DAY)
    moved = days.copy()
    dates = days[dated].astype("datetime64[D]")
    moved[dated] = np.busday_offset(dates, 0, roll="modifiedfollowing", busdaycal=calendar).astype(np.int64)
    return moved


def _bucket_of_days(
    flows: pl.DataFrame, as_of_day: int, calendars: Mapping[str, np.busdaycalendar] | None
) -> pl.DataFrame:
    """currency, day, bucket: a bank has millions of flows on some ten thousand days."""
    parts = []
    for (currency,), rows in (
        flows.select("currency", "day").unique().sort("currency", "day").group_by("currency", maintain_order=True)
    ):
        days = rows["day"].to_numpy()
        moved = days
        if calendars is not None:
            if currency not in calendars:
                raise InvalidInput(f"no calendar for {currency}", field="calendars", record=str(currency))
            moved = adjusted_days(days, calendars[str(currency)])
        found: NDArray[np.intp] = bucket_index(moved - as_of_day)
        found[days == DEMAND_DAY] = ON
        found[days == UNDATED_DAY] = UNDATED
        parts.append(rows.with_columns(bucket=pl.Series([BUCKETS[at] for at in found.tolist()], dtype=BUCKET)))
    if not parts:
        return flows.select("currency", "day").clear().with_columns(bucket=pl.lit(None, dtype=BUCKET))
    return pl.concat(parts)


def _with_gaps(table: pl.DataFrame) -> pl.DataFrame:
    """Adds gap and cumulative gap to rows in whole groups of buckets, in the order of BUCKETS."""
    gaps = (table["inflow_minor"] - table["outflow_minor"]).to_numpy().reshape(-1, len(BUCKETS))
    running = np.zeros_like(gaps)
    running[:, ON:UNDATED] = cumulative(gaps)
    cumulated = (pl.col("bucket") != "OVERDUE") & (pl.col("bucket") != "UNDATED")
    return table.with_columns(
        gap_minor=pl.Series(gaps.ravel(), dtype=pl.Int64), cumulative_minor=pl.Series(running.ravel(), dtype=pl.Int64)
    ).with_columns(cumulative_minor=pl.when(cumulated).then("cumulative_minor"))


def _minor_factor(currency: str, mid_rates: Mapping[str, Fraction], reporting_currency: str) -> Fraction:
    rate = mid_rates.get(currency, Fraction(1) if currency == reporting_currency else None)
    if rate is None or rate <= 0 or (currency == reporting_currency and rate != 1):
        raise InvalidInput(f"no usable mid rate for {currency}", field="mid_rates", record=currency)
    return rate * Fraction(10) ** (exponent(reporting_currency) - exponent(currency))


def _by_bucket(rows: pl.DataFrame, name: str, factors: Mapping[str, Fraction]) -> list[Fraction]:
    totals = dict.fromkeys(BUCKETS, Fraction(0))
    for bucket, currency, amount in rows.select("bucket", "currency", name).iter_rows():
        totals[bucket] += amount * factors[currency]
    return list(totals.values())
