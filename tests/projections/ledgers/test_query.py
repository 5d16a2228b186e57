"""Queries against plain Python: every operator, groups, joins, order; what cannot be is named."""

import operator
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from projections.ledgers.query import Query, ask
from projections.ledgers.query_where import condition
from projections.ledgers.table import Cell, Column, Kind, LedgerTable
from tests.export_tables import AS_OF, KNOWN_AT, loans, table

#: Random tables of each property; `QUERY_EXAMPLES=2000` for a long search.
few = settings(max_examples=int(os.environ.get("QUERY_EXAMPLES", "15")))
COLUMNS = (
    Column("key", "Key", "键"),
    Column("loan_no", "Loan", "借据"),
    Column("ccy", "Currency", "币种", Kind.CODE),
    Column("amount", "Amount", "金额", Kind.MONEY, summed=True),
    Column("days", "Days", "天数", Kind.NUMBER),
    Column("on", "On", "日", Kind.DATE),
    Column("is_held", "Held", "冻结", Kind.YES_NO),
)
MONEY = st.integers(-(10**17), 10**17).map(lambda minor: Decimal(minor).scaleb(-2))
CELLS = (
    st.sampled_from(["L1", "L2", "L3"]) | st.none(),
    st.sampled_from(["CNY", "USD"]),
    MONEY | st.none(),
    st.integers(-5, 5) | st.none(),
    st.dates(date(2024, 1, 1), date(2024, 1, 9)) | st.none(),
    st.booleans() | st.none(),
)
ROWS = st.lists(st.tuples(*CELLS), max_size=25).map(
    lambda rows: [(f"K{number:02d}", *row) for number, row in enumerate(rows)]
)
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Rows = list[tuple[Cell, ...]]


def made(rows: Rows, name: str = "small") -> LedgerTable:
    return table(rows, COLUMNS, name)


def total(cells: list[Any]) -> Decimal | None:
    found = [cell for cell in cells if cell is not None]
    exact = sum((Fraction(cell) for cell in found), Fraction(0))
    return None if not found else Decimal(exact.numerator * 100 // exact.denominator).scaleb(-2)


def six_places(value: Fraction) -> Decimal:
    """Half away from zero, in integers."""
    scaled = abs(value) * 10**6
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    whole += 2 * rest >= scaled.denominator
    return Decimal(whole if value >= 0 else -whole).scaleb(-6)


@few
@given(
    ROWS, st.sampled_from(sorted(COMPARED)), MONEY, st.integers(-5, 5), st.dates(date(2024, 1, 1), date(2024, 1, 9))
)
def test_comparisons_agree_with_python(rows: Rows, sign: str, amount: Decimal, days: int, on: date) -> None:
    for place, name, value in ((3, "amount", amount), (4, "days", days), (5, "on", on)):
        found = ask(made(rows), Query(where=(f"{name} {sign} {value}",)))
        held = [row for row in rows if row[place] is not None]
        assert list(found.rows) == [row for row in held if COMPARED[sign](row[place], value)]
        assert found.row_count == len(found.rows)


@few
@given(ROWS, st.lists(st.integers(-5, 5), min_size=1, max_size=3), st.integers(-5, 5), st.integers(-5, 5))
def test_sets_ranges_and_missing_cells_agree_with_python(rows: Rows, among: list[int], low: int, high: int) -> None:
    listed = ", ".join(map(str, among))
    for text, wanted in (
        (f"days in {listed}", lambda cell: cell in among),
        (f"days not in ({listed})", lambda cell: cell not in among),
        (f"days between {low} and {high}", lambda cell: cell is not None and low <= cell <= high),
        (f"days != {low}", lambda cell: cell != low),
        ("days is null", lambda cell: cell is None),
        ("days IS NOT NULL", lambda cell: cell is not None),
    ):
        found = ask(made(rows), Query(where=(text,)))
        assert list(found.rows) == [row for row in rows if wanted(row[4])]


@few
@given(ROWS)
def test_totals_are_exact_and_of_the_rows_that_pass(rows: Rows) -> None:
    found = ask(made(rows), Query(where=("days > 0",)))
    passed = [row for row in rows if row[4] is not None and row[4] > 0]  # type: ignore[operator]
    for ccy in ("CNY", "USD"):
        wanted = total([row[3] for row in passed if row[2] == ccy])
        assert found.totals.get(ccy, {}).get("amount") == wanted


@few
@given(ROWS)
def test_groups_agree_with_python(rows: Rows) -> None:
    asked = Query(
        group_by=("ccy", "loan_no"),
        columns=(
            "loan_no",
            "ccy",
            "n = count()",
            "count(amount)",
            "sum(amount)",
            "avg(amount)",
            "min(on)",
            "max(days)",
        ),
    )
    found = ask(made(rows), asked)
    groups: dict[tuple[Any, Any], Rows] = {}
    for row in rows:
        groups.setdefault((row[2], row[1]), []).append(row)
    assert len(found.rows) == len(groups)
    for loan_no, ccy, *values in found.rows:
        group = groups[ccy, loan_no]
        amounts: list[Any] = [row[3] for row in group if row[3] is not None]
        ons: list[Any] = [row[5] for row in group if row[5] is not None]
        days: list[Any] = [row[4] for row in group if row[4] is not None]
        mean = six_places(sum(map(Fraction, amounts), Fraction(0)) / len(amounts)) if amounts else None
        assert values == [
            len(group),
            len(amounts),
            total(list(amounts)),
            mean,
            min(ons, default=None),
            max(days, default=None),
        ]
    order = [(row[1], row[0] is None, row[0] or "") for row in found.rows]
    assert order == sorted(order)  # by ccy, then loan, a missing one last
    for ccy, sums in found.totals.items():
        assert sums["sum(amount)"] == total([row[3] for row in rows if row[2] == ccy])


@few
@given(ROWS, st.sampled_from(["amount", "days", "on"]), st.booleans())
def test_order_is_stable_with_the_key_last_and_missing_cells_at_the_end(rows: Rows, name: str, falling: bool) -> None:
    at = [column.name for column in COLUMNS].index(name)
    found = ask(made(rows[::-1]), Query(sort=(f"{name}:desc" if falling else name,)))
    held: list[Any] = sorted((row for row in rows if row[at] is not None), key=lambda row: row[0])
    held.sort(key=lambda row: row[at], reverse=falling)
    assert list(found.rows) == held + [row for row in rows if row[at] is None]
    assert ask(made(rows[::-1]), Query(sort=(f"-{name}" if falling else name,))).rows == found.rows


@few
@given(ROWS, ROWS)
def test_a_join_counts_each_row_of_each_ledger_once(left: Rows, right: Rows) -> None:
    other = {"other": made(right, "other")}
    found = ask(made(left), Query(joins=("other on loan_no",)), other)
    pairs = [(row, twin) for row in left for twin in right if row[1] is not None and row[1] == twin[1]]
    alone = [row for row in left if row[1] is None or all(row[1] != twin[1] for twin in right)]
    width = len(COLUMNS)
    shown = [(row[:width], row[width:]) for row in found.rows if row[width] is not None]
    assert shown == pairs
    assert [row[:width] for row in found.rows if row[width] is None] == alone
    for ccy in ("CNY", "USD"):
        beside = {twin[0]: twin for _, twin in pairs}.values()
        assert found.totals.get(ccy, {}).get("amount") == total([row[3] for row in left if row[2] == ccy])
        assert found.totals.get(ccy, {}).get("other.amount") == total([twin[3] for twin in beside if twin[2] == ccy])
    by_ccy = Query(joins=("other on loan_no",), group_by=("ccy",), columns=("ccy", "sum(amount)"))
    for ccy, summed in ask(made(left), by_ccy, other).rows:
        assert summed == total([row[3] for row in left if row[2] == ccy])


@few
@given(MONEY, MONEY)
def test_per_cent_is_rounded_half_away_from_zero(part: Decimal, whole: Decimal) -> None:
    columns = (Column("part", "", "", Kind.MONEY), Column("whole", "", "", Kind.MONEY))
    found = ask(table([(part, whole)], columns), Query(columns=("x = per_cent(part, whole)",))).rows[0][0]
    assert found == (six_places(Fraction(part) * 100 / Fraction(whole)) if whole else None)


def test_days_are_counted_to_the_day_of_the_ledger() -> None:
    found = ask(table(loans(3)), Query(columns=("loan_no", "age = days_between(admitted_on, as_of)", "as_of")))
    assert [row[1] for row in found.rows] == [(AS_OF - row[10]).days for row in loans(3)]  # type: ignore[operator]
    assert [column.kind for column in found.columns] == [Kind.TEXT, Kind.NUMBER, Kind.DATE]
    assert {row[2] for row in found.rows} == {AS_OF}


def test_amounts_of_two_currencies_are_never_added() -> None:
    with pytest.raises(InvalidInput, match="CNY and USD meet") as refused:
        ask(table(loans(10)), Query(columns=("sum(principal)",)))
    assert refused.value.facts["field"] == "columns"
    assert ask(table(loans(10)), Query(where=("ccy = CNY",), columns=("sum(principal)",))).row_count == 1


def test_sums_over_nothing_have_an_answer() -> None:
    found = ask(table([]), Query(columns=("count()", "sum(principal)")))
    assert list(found.rows) == [(0, None)]
    assert ask(table([]), Query(group_by=("ccy",))).rows == []


def test_a_grouped_query_without_columns_counts_and_adds_what_has_totals() -> None:
    found = ask(table(loans(10)), Query(group_by=("ccy",)))
    assert [column.name for column in found.columns] == ["ccy", "count", "sum(principal)", "sum(costs)"]
    assert found.totals["USD"]["sum(principal)"] == table(loans(10)).totals["USD"]["principal"]


def test_what_is_made_of_a_personal_column_is_personal() -> None:
    found = ask(table(loans(3)), Query(columns=("max(customer_name)", "count()")))
    assert [column.personal for column in found.columns] == [True, False]


def test_quoted_values_may_hold_commas_and_quotes() -> None:
    text = 'name in \'a, b\', "c ""d""", e'
    assert condition(text).values == ("a, b", 'c "d"', "e")
    assert condition("name = 'it''s'").values == ("it's",)
    assert condition("name contains 商贸").values == ("商贸",)


def test_contains_passes_over_case() -> None:
    found = ask(table(loans(8)), Query(where=("customer_name contains ZHANG",), columns=("loan_no",)))
    assert list(found.rows) == [("LN-000002",), ("LN-000006",)]


def test_instants_compare_across_zones() -> None:
    columns = (Column("at", "", "", Kind.INSTANT),)
    rows: Rows = [(datetime(2026, 1, 1, 1, tzinfo=UTC),), (datetime(2026, 1, 1, 3, tzinfo=UTC),)]
    assert ask(table(rows, columns), Query(where=("at > 2026-01-01T10:00:00+08:00",))).rows == rows[1:]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        (Query(where=("principal > abc",)), "principal", "want an amount as 1234.50, got 'abc'"),
        (Query(where=("principal > 1e5",)), "principal", "1e5"),
        (Query(where=("admitted_on = 2026-02-30",)), "admitted_on", "2026-02-30"),
        (Query(where=("known_from > 2026-01-01T00:00:00",)), "known_from", "with its zone"),
        (Query(where=("is_held = maybe",)), "is_held", "true or false"),
        (Query(where=("principal contains 1",)), "principal", "contains is for texts"),
        (Query(where=("principal between 1",)), "where", "between"),
        (Query(where=("principal is null 3",)), "where", "is null"),
        (Query(where=("org in",)), "where", "in wants"),
        (Query(where=("org ~ B01",)), "where", "column operator value"),
        (Query(where=("nothing = 1",)), "nothing", "no column 'nothing'; there are loan_no, org"),
        (Query(columns=("nothing",)), "nothing", "no column"),
        (Query(columns=("sum(customer_name)",)), "columns", "wants amounts or numbers"),
        (Query(columns=("days_between(principal, as_of)",)), "columns", "wants two days"),
        (Query(columns=("sum(sum(principal))",)), "columns", "stands inside another"),
        (Query(columns=("sum(principal",)), "columns", "want , or )"),
        (Query(columns=("sum(principal))",)), "columns", "left over"),
        (Query(columns=("sum()",)), "columns", "sum wants 1"),
        (Query(columns=("per_cent(principal)",)), "columns", "per_cent wants 2"),
        (Query(columns=("__import__('os')",)), "columns", "no function '__import__'"),
        (Query(columns=("x = principal; drop",)), "columns", "left over"),
        (Query(columns=("2026-02-30",)), "columns", "is no day"),
        (Query(columns=("org", "count()")), "columns", "org is neither in group_by"),
        (Query(columns=("org", "org")), "columns", "asked for twice"),
        (Query(sort=("org:up",)), "sort", "column:desc"),
        (Query(group_by=("nothing",)), "nothing", "no column"),
        (Query(joins=("recovery",)), "joins", "ledger on key"),
        (Query(joins=("recovery on loan_no",)), "joins", "no ledger 'recovery'"),
    ],
)
def test_what_cannot_be_is_named(query: Query, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(table(loans(3)), query)
    assert words in str(refused.value)
    assert refused.value.facts["field"] == field


def test_ledgers_of_two_positions_are_not_joined() -> None:
    other = LedgerTable("other", "", "", COLUMNS, [], {}, 0, AS_OF, KNOWN_AT, 4_712)
    with pytest.raises(InvalidInput, match="another day or position"):
        ask(made([]), Query(joins=("other on loan_no",)), {"other": other})
    same = LedgerTable("other", "", "", COLUMNS, [], {}, 0, AS_OF, KNOWN_AT, 4_711)
    with pytest.raises(InvalidInput, match="not on 'ccy'"):
        ask(made([]), Query(joins=("other on ccy",)), {"other": same})


def test_a_query_is_kept_as_it_was_written() -> None:
    query = Query(("a on loan_no",), ("x = 1",), ("ccy",), ("ccy", "n = count()"), ("n:desc",))
    assert Query.from_json(query.to_json()) == query
    assert str(Query(where=("x = 1", "y = 2"))) == "where: x = 1, y = 2"
    for body in ({"wher": []}, {"where": "x = 1"}, {"where": [1]}):
        with pytest.raises(InvalidInput):
            Query.from_json(body)


@pytest.mark.parametrize(("part", "wanted"), [(1, "0.000001"), (-1, "-0.000001"), (3, "0.000002"), (5, "0.000003")])
def test_what_stands_between_two_places_goes_away_from_zero(part: int, wanted: str) -> None:
    columns = (Column("part", "", "", Kind.NUMBER), Column("whole", "", "", Kind.NUMBER))
    found = ask(table([(part, 200_000_000)], columns), Query(columns=("per_cent(part, whole)",)))
    assert found.rows[0][0] == Decimal(wanted)  # 0.0000005 for each
