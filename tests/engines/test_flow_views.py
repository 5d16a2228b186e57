"""Gap tables against plain Python sums: every dimension, intragroup, calendars, currencies, ratios (LIQ-12)."""

from collections import defaultdict
from datetime import date
from fractions import Fraction
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.buckets import BUCKETS, ON, UNDATED
from engines.flow_frame import DEMAND_DAY, UNDATED_DAY, check_flows, check_size, pooled
from engines.flow_views import (
    adjusted_days,
    all_currencies,
    coverages,
    gap_table,
    largest_remainder,
    mismatch_ratios,
)
from engines.primitives.errors import InvalidInput
from tests.flow_rows import AS_OF, Row, books, day_of, frame, row

LAST = {"ON": 1, "D2_7": 7, "D8_30": 30, "D31_90": 90, "D91_180": 180, "D181_365": 365} | {
    "Y1_2": 730,
    "Y2_3": 1_095,
    "Y3_5": 1_825,
}


def bucket_of(day: int) -> str:
    if day in {DEMAND_DAY, UNDATED_DAY}:
        return "ON" if day == DEMAND_DAY else "UNDATED"
    if day < AS_OF:
        return "OVERDUE"
    return next((name for name, last in LAST.items() if day - AS_OF <= last), "Y5P")


def sums(table: pl.DataFrame, *keys: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """(in, out) by the keys and bucket, without what is zero."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for line in table.iter_rows(named=True):
        cell = found[(*(line[key] for key in keys), line["bucket"])]
        cell[0] += line["inflow_minor"]
        cell[1] += line["outflow_minor"]
    return {key: (cell[0], cell[1]) for key, cell in found.items() if any(cell)}


def expected(rows: list[Row], *, intragroup: bool | None) -> dict[tuple[str, ...], tuple[int, int]]:
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for line in rows:
        if intragroup is None or line[7] == intragroup:
            found[line[4], bucket_of(line[1])][line[3] < 0] += abs(line[3])
    return {key: (cell[0], cell[1]) for key, cell in found.items() if any(cell)}


@given(books)
def test_bucket_sums_are_flow_sums(rows: list[Row]) -> None:
    assert sums(gap_table(frame(rows), as_of_day=AS_OF), "currency") == expected(rows, intragroup=False)


@given(books)
def test_organisations_less_intragroup_are_the_bank(rows: list[Row]) -> None:
    flows = frame(rows)
    organisations = sums(gap_table(flows, as_of_day=AS_OF, by=["organisation"]), "currency")
    only = sums(gap_table(flows, as_of_day=AS_OF, intragroup="only"), "currency")
    bank = sums(gap_table(flows, as_of_day=AS_OF), "currency")
    less = {
        key: (organisations[key][0] - only.get(key, (0, 0))[0], organisations[key][1] - only.get(key, (0, 0))[1])
        for key in organisations
    }
    assert {key: cell for key, cell in less.items() if any(cell)} == bank
    assert organisations == expected(rows, intragroup=None)


@given(books, st.randoms())
def test_order_and_dimensions_do_not_matter(rows: list[Row], random: Random) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    by = ["product", "organisation"]
    table = gap_table(frame(rows), as_of_day=AS_OF, by=by)
    assert table.equals(gap_table(frame(shuffled), as_of_day=AS_OF, by=by))
    whole = sums(gap_table(frame(rows), as_of_day=AS_OF, intragroup="kept"), "currency")
    assert sums(table, "currency") == whole
    assert sums(gap_table(pooled(frame(rows), ["product"]), as_of_day=AS_OF, intragroup="kept"), "currency") == whole


@given(books)
def test_gap_and_cumulative_of_each_row(rows: list[Row]) -> None:
    table = gap_table(frame(rows), as_of_day=AS_OF, by=["organisation"])
    for _, group in table.group_by("currency", "organisation"):
        assert group["bucket"].to_list() == list(BUCKETS)
        running = 0
        for line in group.iter_rows(named=True):
            assert line["gap_minor"] == line["inflow_minor"] - line["outflow_minor"]
            if line["bucket"] in {"OVERDUE", "UNDATED"}:
                assert line["cumulative_minor"] is None
            else:
                running += line["gap_minor"]
                assert line["cumulative_minor"] == running


@given(books)
def test_all_currencies_adds_up_exactly(rows: list[Row]) -> None:
    rates = {"USD": Fraction("7.1234"), "JPY": Fraction("0.0487")}
    table = gap_table(frame(rows), as_of_day=AS_OF, by=["organisation"])
    together = all_currencies(table, rates, "CNY")
    factor = {"CNY": Fraction(1), "USD": rates["USD"], "JPY": rates["JPY"] * 100}  # yen have no minor unit
    for name in ("inflow_minor", "outflow_minor"):
        exact: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for line in table.iter_rows(named=True):
            exact[line["organisation"], line["bucket"]] += line[name] * factor[line["currency"]]
        for organisation in {key[0] for key in exact}:
            shown = together.filter(pl.col("organisation") == organisation)
            total = sum((exact[organisation, bucket] for bucket in BUCKETS), Fraction(0))
            assert abs(shown[name].sum() - total) <= Fraction(1, 2)
            for line in shown.iter_rows(named=True):
                assert abs(line[name] - exact[organisation, line["bucket"]]) < 1
    if rows:
        assert set(together["currency"]) <= {"CNY"}


def test_all_currencies_wants_usable_rates() -> None:
    table = gap_table(frame([row(AS_OF, 100, currency="USD")]), as_of_day=AS_OF)
    for rates in ({}, {"USD": Fraction(0)}, {"USD": Fraction(-1)}):
        with pytest.raises(InvalidInput, match="mid rate for USD"):
            all_currencies(table, rates, "CNY")
    with pytest.raises(InvalidInput, match="mid rate for USD"):
        all_currencies(table, {"USD": Fraction(2)}, "USD")
    assert all_currencies(table, {}, "USD").equals(table)


@given(st.lists(st.fractions(-(10**6), 10**6, max_denominator=1_000), max_size=15))
def test_largest_remainder_adds_up(values: list[Fraction]) -> None:
    parts = largest_remainder(values)
    assert abs(sum(parts) - sum(values, Fraction(0))) <= Fraction(1, 2)
    assert all(abs(part - value) < 1 for part, value in zip(parts, values, strict=True))


def test_largest_remainder_prefers_the_largest_then_the_first() -> None:
    assert largest_remainder([Fraction(1, 3), Fraction(2, 3), Fraction(0)]) == [0, 1, 0]
    assert largest_remainder([Fraction(1, 2), Fraction(1, 2)]) == [1, 0]
    assert largest_remainder([Fraction(5, 2)]) == [3]


def test_modified_following() -> None:
    calendar = np.busdaycalendar(holidays=["2026-02-16"])
    cases = {
        "2026-01-31": "2026-01-30",  # a Saturday; the next business day lies in February
        "2026-02-01": "2026-02-02",
        "2026-02-14": "2026-02-17",  # over the weekend and a holiday
        "2026-02-17": "2026-02-17",
    }
    given_days = np.array([*map(day_of, cases), DEMAND_DAY, UNDATED_DAY], np.int64)
    moved = adjusted_days(given_days, calendar)
    assert moved.tolist() == [*map(day_of, cases.values()), DEMAND_DAY, UNDATED_DAY]


def test_calendars_move_flows_between_buckets() -> None:
    as_of = day_of("2026-02-06")  # a Friday; Saturday is day 1 (ON), Monday day 3
    flows = frame([row(day_of("2026-02-07"), 500), row(day_of("2026-02-07"), 700, currency="USD")])
    plain = sums(gap_table(flows, as_of_day=as_of), "currency")
    assert plain == {("CNY", "ON"): (500, 0), ("USD", "ON"): (700, 0)}
    calendars = {"CNY": np.busdaycalendar(), "USD": np.busdaycalendar(weekmask="1111111")}
    moved = sums(gap_table(flows, as_of_day=as_of, calendars=calendars), "currency")
    assert moved == {("CNY", "D2_7"): (500, 0), ("USD", "ON"): (700, 0)}
    with pytest.raises(InvalidInput, match="no calendar for USD"):
        gap_table(flows, as_of_day=as_of, calendars={"CNY": np.busdaycalendar()})


def test_ratios() -> None:
    assert mismatch_ratios([-150, -210], 10_000) == [Fraction(-3, 200), Fraction(-21, 1_000)]
    assert mismatch_ratios([5], 0) == [None]
    with pytest.raises(InvalidInput):
        mismatch_ratios([5], -1)
    assert coverages([300, 260, 500], [450, 200, 620]) == [Fraction(2, 3), Fraction(56, 65), Fraction(106, 127)]
    assert coverages([1, 0], [0, 2]) == [None, Fraction(1, 2)]


def test_empty_book() -> None:
    table = gap_table(frame([]), as_of_day=AS_OF, by=["organisation"])
    assert table.is_empty()
    assert table.columns[:3] == ["currency", "organisation", "bucket"]
    assert all_currencies(table, {}, "CNY").is_empty()


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (frame([row(AS_OF, 1)]).drop("currency"), "currency"),
        (frame([row(AS_OF, 1)]).drop("organisation"), "organisation"),
        (frame([row(AS_OF, 1)]).cast({"amount_minor": pl.Float64}), "amount_minor"),
        (frame([row(AS_OF, 1)]).cast({"day": pl.Int32}), "day"),
        (frame([row(AS_OF, 1)]).with_columns(day=pl.lit(None, pl.Int64)), "day"),
        (frame([row(AS_OF, 2**61), row(AS_OF, 2**61)]), "amount_minor"),
    ],
)
def test_bad_frames_are_refused(broken: pl.DataFrame, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        gap_table(broken, as_of_day=AS_OF, by=["organisation"])
    assert caught.value.facts["field"] == field


def test_unknown_treatment_is_refused() -> None:
    with pytest.raises(InvalidInput):
        gap_table(frame([]), as_of_day=AS_OF, by=["day"])
    with pytest.raises(InvalidInput):
        gap_table(frame([]), as_of_day=AS_OF, intragroup="dropped")


def test_size_is_exact_near_the_limit() -> None:
    below = pl.Series([2**62 - 2, 1, 0])  # largest x rows is far above the limit, the sum is not
    check_size(below)
    check_size(pl.Series([], dtype=pl.Int64))
    with pytest.raises(InvalidInput):
        check_size(pl.Series([2**62 - 2, -2, 0]))
    with pytest.raises(InvalidInput):
        check_size(pl.Series([-(2**63)]))


def test_flows_get_a_rule_column() -> None:
    assert check_flows(frame([row(AS_OF, 1)]))["rule"].to_list() == [""]
    assert (ON, UNDATED) == (1, 11)
    assert date.fromordinal(AS_OF + date(1970, 1, 1).toordinal()) == date(2026, 1, 31)
