"""Slots of the 19 repricing buckets, the gap table and net interest income against plain sums (LIQ-15)."""

import json
from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.repricing import cumulative_gap_within_year, net_interest_income_change, repricing_gap_table
from engines.repricing_buckets import REPRICING_BUCKETS, UNSLOTTED, repricing_bucket, repricing_bucket_by_months
from tests.flow_rows import AS_OF, day_of

SCHEMA = {
    "currency": pl.String,
    "side": pl.String,
    "principal_minor": pl.Int64,
    "reprice_day": pl.Int64,
    "maturity_day": pl.Int64,
    "organisation": pl.String,
}
Contract = tuple[str, str, int, int | None, int | None, str]

contracts = st.lists(
    st.tuples(
        st.sampled_from(["CNY", "USD"]),
        st.sampled_from(["asset", "liability", "obs_in", "obs_out"]),
        st.integers(0, 10**16),
        st.none() | st.integers(AS_OF - 10, AS_OF + 9_000),
        st.none() | st.integers(AS_OF - 10, AS_OF + 9_000),
        st.sampled_from(["B1", "B2"]),
    ),
    max_size=25,
)


numbers = st.integers(-3_000, 3_000).map(lambda hundredths: Fraction(hundredths, 100))


def frame(rows: list[Contract]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def number_of(day: int | None) -> int:
    """By date arithmetic of the standard library, one contract at a time."""
    if day is None or day < AS_OF:
        return UNSLOTTED
    if day <= AS_OF + 1:
        return 1
    when = date.fromordinal(day + date(1970, 1, 1).toordinal())
    for bucket in REPRICING_BUCKETS[1:-1]:
        assert bucket.upper_months is not None
        year, month = divmod(bucket.upper_months, 12)  # from 31 January: every bound is the month's last day
        first_after = date(2026 + year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
        if when < first_after:
            return bucket.number
    return 19


@given(st.lists(st.integers(AS_OF - 5, AS_OF + 9_000), max_size=50))
def test_dates_fall_into_calendar_buckets(days: list[int]) -> None:
    assert repricing_bucket(np.array(days, np.int64), AS_OF).tolist() == [number_of(day) for day in days]


def test_lower_bound_open_upper_bound_closed() -> None:
    cases = {"2026-01-30": 0, "2026-01-31": 1, "2026-02-01": 1, "2026-02-02": 2, "2026-02-28": 2, "2026-03-01": 3}
    cases |= {"2026-04-30": 3, "2026-05-01": 4, "2046-01-31": 18, "2046-02-01": 19, "2099-01-01": 19}
    found = repricing_bucket(np.array([day_of(day) for day in cases], np.int64), AS_OF)
    assert found.tolist() == list(cases.values())


def test_slots_by_months() -> None:
    """Golden case irr-004 of the reference tables: BCBS 368 Table 1."""
    slots = {"0": 1, "0.5": 2, "1": 2, "1.0001": 3, "3": 3, "6": 4, "9": 5, "12": 6, "12.01": 7, "18": 7, "24": 8}
    slots |= {"24.5": 9, "36": 9, "60": 11, "84": 13, "84.1": 14, "120": 16, "180": 17, "240": 18, "240.01": 19}
    assert repricing_bucket_by_months([Fraction(months) for months in slots]) == list(slots.values())
    with pytest.raises(InvalidInput):
        repricing_bucket_by_months([Fraction(-1)])


def test_the_table_is_that_of_the_standard() -> None:
    midpoints = "0.0028 0.0417 0.1667 0.375 0.625 0.875 1.25 1.75 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5 12.5 17.5 25"
    assert [bucket.midpoint_years for bucket in REPRICING_BUCKETS] == [Fraction(text) for text in midpoints.split()]
    assert [bucket.number for bucket in REPRICING_BUCKETS] == list(range(1, 20))


@given(contracts, st.randoms())
def test_gap_table_is_the_plain_sum(rows: list[Contract], random: Random) -> None:
    sums: dict[tuple[str, str, int, bool], int] = defaultdict(int)
    for currency, side, amount, reprice, maturity, organisation in rows:
        number = number_of(maturity if reprice is None else reprice)
        sums[currency, organisation, number, side in {"asset", "obs_in"}] += amount
    table = repricing_gap_table(frame(rows), as_of_day=AS_OF, by=["organisation"])
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert table.equals(repricing_gap_table(frame(shuffled), as_of_day=AS_OF, by=["organisation"]))
    running: dict[tuple[str, str], int] = defaultdict(int)
    for line in table.iter_rows(named=True):
        key = (line["currency"], line["organisation"])
        assets, liabilities = (sums[(*key, line["bucket_no"], is_asset)] for is_asset in (True, False))
        assert (line["assets_minor"], line["liabilities_minor"]) == (assets, liabilities)
        assert line["gap_minor"] == assets - liabilities
        if line["bucket_no"] == UNSLOTTED:
            assert line["cumulative_minor"] is None
        else:
            running[key] += assets - liabilities
            assert line["cumulative_minor"] == running[key]
    assert len(table) == 20 * len({(row[0], row[5]) for row in rows})
    assert table["assets_minor"].sum() == sum(row[2] for row in rows if row[1] in {"asset", "obs_in"})


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=8))
def test_income_is_linear_in_the_gaps(lines: list[tuple[Fraction, Fraction, Fraction]]) -> None:
    gaps, midpoints, changes = [[line[at] for line in lines] for at in range(3)]
    midpoints = [abs(midpoint) / 20 for midpoint in midpoints]
    whole = net_interest_income_change(gaps, midpoints, changes)
    parts = [net_interest_income_change([g], [m], [c]) for g, m, c in zip(gaps, midpoints, changes, strict=True)]
    assert whole == sum(parts, Fraction(0))
    assert net_interest_income_change([-gap for gap in gaps], midpoints, changes) == -whole
    within = [at for at, midpoint in enumerate(midpoints) if midpoint < 1]
    assert whole == net_interest_income_change(
        *[[column[at] for at in within] for column in (gaps, midpoints, changes)]
    )
    assert cumulative_gap_within_year(gaps, midpoints) == sum((gaps[at] for at in within), Fraction(0))


def test_worked_example_liq_15() -> None:
    (case,) = json.loads((Path(__file__).parents[1] / "golden" / "liq-15.json").read_text())
    lines = case["inputs"]["gaps"]
    gaps, midpoints = ([Fraction(line[name]) for line in lines] for name in ("gap", "midpoint_years"))
    change = net_interest_income_change(gaps, midpoints, [Fraction(case["inputs"]["rate_change"])] * 3)
    assert change == Fraction(case["expected"]["net_interest_income_change"])


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (frame([]).drop("side"), "side"),
        (frame([]).drop("organisation"), "organisation"),
        (frame([("CNY", "equity", 1, None, None, "B1")]), "side"),
        (frame([("CNY", "asset", -1, None, None, "B1")]), "principal_minor"),
        (frame([("CNY", "asset", 1, None, None, "B1")]).cast({"reprice_day": pl.Int32}), "reprice_day"),
        (frame([("CNY", None, 1, None, None, "B1")]), "side"),  # type: ignore[list-item]
        (frame([("CNY", "asset", 2**61, None, None, "B1")] * 2), "amount_minor"),
    ],
)
def test_bad_contracts_are_refused(broken: pl.DataFrame, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        repricing_gap_table(broken, as_of_day=AS_OF, by=["organisation"])
    assert caught.value.facts["field"] == field


def test_bad_buckets_are_refused() -> None:
    with pytest.raises(InvalidInput):
        net_interest_income_change([Fraction(1)], [], [])
    with pytest.raises(InvalidInput):
        net_interest_income_change([Fraction(1)], [Fraction(-1)], [Fraction(1)])
