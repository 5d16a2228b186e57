"""Pivots over random entries, held to a recomputation that knows nothing of cubes, and the published example."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from infra import pivot, pivot_table
from infra.exports import FORMS, stamp_of
from infra.pivot_definition import OTHERS, Definition, Function, Measure
from infra.pivot_fields import Kind, Source, dimension, fields, figure, periods
from infra.pivot_query import Facts, behind, opened
from projections.ledgers.table import LedgerTable

DAY = date(2026, 1, 30)
EXAMPLES = int(os.environ.get("PIVOT_EXAMPLES", "6"))
RATES = {"CNY": Fraction(1), "USD": Fraction(71_234, 10_000), "JPY": Fraction(10_000, 210_007)}
SOURCE = Source(
    "test",
    "Test",
    "测试",
    fields(
        [
            dimension("entity", "entity", "Entity", "机构"),
            dimension("organisation", "org", "Branch", "分行"),
            dimension("currency", "ccy", "Currency", "币种"),
            dimension("customer", "customer", "Customer", "客户", personal=True),
            *periods("value_date", "value_date", "Value date", "起息日"),
            figure("inflow", "CASE WHEN amount > 0 THEN amount END", "Inflow", "流入"),
            figure("outflow", "CASE WHEN amount < 0 THEN -amount END", "Outflow", "流出"),
            figure("net", "amount", "Net", "净额"),
            figure("parts", "parts", "Parts", "份数", Kind.NUMBER),
        ]
    ),
    currency='"ccy"',
    intragroup='"on_us"',
    closing_date="value_date",
    key=("number",),
)
Row = dict[str, Any]


def facts(rows: Sequence[Row], folder: Path, name: str = "facts") -> Facts:
    path = folder / f"{name}.parquet"
    schema: Any = {
        **dict.fromkeys(("entity", "org", "ccy", "customer"), pl.String),
        "value_date": pl.Date,
        "amount": pl.Decimal(20, 4),
        "parts": pl.Int64,
        "on_us": pl.Boolean,
    }
    frame = pl.DataFrame(rows, schema=schema).with_row_index("number")
    frame.write_parquet(path)
    return Facts(SOURCE, (path,), "SELECT * FROM read_parquet(getvariable('files'))")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pivots")


# --- The recomputation ---------------------------------------------------------------------------------------------


@dataclass
class Naive:
    """Each cell from the rows that it is about, and from nothing else."""

    rows: list[Row]
    asked: Definition
    rates: Mapping[str, Fraction] | None

    def member(self, row: Row, name: str) -> str:
        day: date = row["value_date"]
        of = {
            "organisation": row["org"],
            "currency": row["ccy"],
            "value_date": day.isoformat(),
            "value_date_week": "{}-W{:02}".format(*day.isocalendar()[:2]),
            "value_date_month": f"{day:%Y-%m}",
            "value_date_quarter": f"{day:%Y}-Q{(day.month + 2) // 3}",
            "value_date_year": f"{day:%Y}",
        }
        return str(of.get(name, row.get(name)))

    def cell(self, row: Sequence[str], column: Sequence[str], one: Measure) -> Fraction | None:
        members = {
            **dict(zip(self.asked.rows, row, strict=False)),
            **dict(zip(self.asked.columns, column, strict=False)),
        }
        shown = {"organisation", "customer"} & members.keys()
        dates = (
            {name for name in members if name.startswith("value_date")} if one.function is Function.CLOSING else set()
        )
        mine = [
            found
            for found in self.rows
            if (shown or not found["on_us"])
            and all(
                self.member(found, name) <= member if name in dates else self.member(found, name) == member
                for name, member in members.items()
            )
        ]
        if one.function is Function.COUNT:
            return Fraction(len(mine))
        return self.figure(mine, one)

    def figure(self, mine: list[Row], one: Measure) -> Fraction | None:
        values = self.values(mine, one.field)
        if one.function is Function.PER_CENT:
            over, under = self.summed(mine, one.field), self.summed(mine, one.of)
            if over is None or under is None or not under[1] or over[0] != under[0]:
                return None
            return 100 * over[1] / under[1]
        if one.function in (Function.SUM, Function.CLOSING):
            total = self.summed(mine, one.field)
            return None if total is None else total[1]
        if not values or (
            len({ccy for ccy, _ in self.amounts(mine, one.field)}) > 1 and self.converts(one.field) is None
        ):
            return None
        if one.function in (Function.MEDIAN, Function.QUANTILE):
            if self.rates is not None and one.field != "parts":
                values = [
                    Fraction(int(value * 100 + (Fraction(1, 2) if value > 0 else Fraction(-1, 2))), 100)
                    for value in values
                ]
            return sorted(values)[ceil(Fraction(one.quantile) * len(values)) - 1]
        return min(values) if one.function is Function.MIN else max(values)

    def raw(self, row: Row, name: str) -> Decimal | int | None:
        amount: Decimal = row["amount"]
        if name == "inflow":
            return amount if amount > 0 else None
        if name == "outflow":
            return -amount if amount < 0 else None
        return row["parts"] if name == "parts" else amount

    def converts(self, name: str) -> Mapping[str, Fraction] | None:
        """None: currencies stay apart. Numbers have none."""
        return dict.fromkeys(RATES, Fraction(1)) if name == "parts" else self.rates

    def amounts(self, rows: list[Row], name: str) -> list[tuple[str, Fraction]]:
        return [(row["ccy"], Fraction(value)) for row in rows if (value := self.raw(row, name)) is not None]

    def values(self, rows: list[Row], name: str) -> list[Fraction]:
        rates = self.converts(name)
        return [value * (rates[ccy] if rates else 1) for ccy, value in self.amounts(rows, name)]

    def summed(self, rows: list[Row], name: str) -> tuple[str, Fraction] | None:
        """(currency, sum), where it is one currency's; nothing of another is no other."""
        if self.converts(name) is not None:
            values = self.values(rows, name)
            return ("", sum(values, Fraction(0))) if values else None
        sums: dict[str, Fraction] = {}
        for ccy, value in self.amounts(rows, name):
            sums[ccy] = sums.get(ccy, Fraction(0)) + value
        if len(sums) > 1:
            sums = {ccy: value for ccy, value in sums.items() if value}
        return next(iter(sums.items())) if len(sums) == 1 else None


ENTRIES = st.fixed_dictionaries(
    {
        "entity": st.sampled_from("AB"),
        "org": st.sampled_from(["N", "S"]),
        "ccy": st.sampled_from(list(RATES)),
        "customer": st.sampled_from(["C1", "C2", "张三", "="]),
        "value_date": st.integers(0, 70).map(lambda days: DAY + timedelta(days)),
        "amount": st.integers(-(10**17), 10**17).map(lambda minor: Decimal(minor) / 100 if minor else Decimal(1)),
        "parts": st.integers(-5, 10**9),
        "on_us": st.booleans(),
    }
)
MEASURES = (
    "sum(net)", "count()", "min(inflow)", "max(outflow)", "per_cent(inflow, outflow)", "closing(net)", "median(net)",
    "quantile(inflow, 0.9)", "sum(parts)", "quantile(parts, 0.07)",
)  # fmt: skip
DATES = ("value_date", "value_date_week", "value_date_month", "value_date_quarter", "value_date_year")


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_every_cell_is_what_its_rows_say(folder: Path, data: st.DataObject) -> None:
    rows = data.draw(st.lists(ENTRIES, min_size=1, max_size=25))
    free = data.draw(st.permutations(["entity", "organisation", "customer", "currency"]))
    a, b = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 1))
    axes = [list(free[:a]), list(free[3 : 3 + b])]
    axes[data.draw(st.integers(0, 1))].append(data.draw(st.sampled_from(DATES)))
    reporting = data.draw(st.sampled_from([None, "CNY"]))
    body = {"source": "test", "rows": axes[0], "columns": axes[1], "measures": list(MEASURES)}
    asked = Definition.of({**body, "reporting_currency": reporting})
    rates = RATES if reporting else None
    found = pivot.run(facts(rows, folder), asked, rates)
    naive = Naive(rows, found.asked, rates)
    assert reporting is not None or "currency" in found.asked.dimensions
    for row in found.rows:
        for column in found.columns:
            for one in found.asked.measures:
                got, want = found.figure(row, column, one), naive.cell(row, column, one)
                if got is None and want == 0 and one.function is Function.COUNT:
                    continue  # nothing stands there
                assert (got and got.value) == want, (row, column, str(one))


GOLDEN = [("A", "20", "100"), ("B", "45", "60")]


def golden_rows() -> list[Row]:
    about = {"org": "N", "ccy": "CNY", "customer": "C1", "value_date": DAY, "parts": 1, "on_us": False}
    return [
        {"entity": entity, "amount": Decimal(sign + text), **about}
        for entity, over, under in GOLDEN
        for sign, text in (("", over), ("-", under))
    ]


def table_of(found: pivot.Pivot) -> LedgerTable:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    return pivot_table.to_table(found, name="liq-60", title="Ratio", as_of=DAY, known_at=at, position=7)


def test_liq_60_a_ratio_is_recomputed_from_summed_parts(folder: Path) -> None:
    body = {"source": "test", "rows": ["entity"], "measures": ["ratio = per_cent(inflow, outflow)"]}
    found = pivot.run(facts(golden_rows(), folder), Definition.of(body | {"where": ["currency = CNY"]}))
    shown = [(row[0], str(row[1])) for row in table_of(found).rows]
    assert shown == [("A", "20.000000"), ("B", "75.000000"), ("合计 Total", "40.625000")]


def test_the_same_definition_at_the_same_cut_gives_the_same_bytes(folder: Path) -> None:
    body = {
        "source": "test", "rows": ["entity", "customer"], "columns": ["value_date_month"],
        "where": ["currency = CNY"],
        "measures": ["sum(net)", "share(inflow)", "closing(net)"], "sort": "-sum(net)",
    }  # fmt: skip
    made: list[bytes] = []
    for order in (1, -1):  # the order of rows in the files says nothing
        found = pivot.run(facts(golden_rows()[::order], folder, f"cut{order}"), Definition.of(body))
        table = table_of(found)
        stamp, out = stamp_of(table, user="u", asked="q"), BytesIO()
        for form in ("csv", "xlsx", "json", "parquet"):
            FORMS[form].write(table, stamp, out)
        made.append(out.getvalue() + pivot_table.digest_of(pivot_table.to_json(found)).encode())
    assert made[0] == made[1]


def test_top_members_stand_apart_and_all_others_together(folder: Path) -> None:
    about = golden_rows()[0]
    rows = [about | {"customer": f"C{n}", "amount": Decimal(n), "parts": n} for n in range(1, 8)]
    body: Row = {
        "source": "test", "rows": ["customer"], "measures": ["sum(net)", "max(net)", "median(net)", "share(net)"],
        "top": {"dimension": "customer", "count": 2, "by": "sum(net)"}, "sort": "-sum(net)",
        "where": ["entity = A", "currency = CNY"],
    }  # fmt: skip
    made = facts(rows, folder)
    found = pivot.run(made, Definition.of(body))
    shown = {str(row[0]): [str(cell) for cell in row[1:]] for row in table_of(found).rows}
    assert list(shown) == ["C7", "C6", OTHERS, "合计 Total"]
    assert shown[OTHERS] == ["15.00", "5.00", "3.00", "53.571429"]
    assert shown["合计 Total"] == ["28.00", "7.00", "4.00", "100.000000"]
    with opened(made) as database:
        columns, listed, count = behind(database, found.asked, {"customer": OTHERS}, found.tops, 3, 1)
    assert (count, [row[columns.index("customer")] for row in listed]) == (5, ["C2", "C3", "C4"])
    body["top"]["others"] = False
    assert [row[0] for row in table_of(pivot.run(made, Definition.of(body))).rows] == ["C7", "C6", "合计 Total"]
    assert str(table_of(pivot.run(made, Definition.of(body))).rows[-1][1]) == "13.00"


def test_a_closing_balance_begins_with_what_came_before_and_is_carried_on(folder: Path) -> None:
    about = golden_rows()[0]
    moves = [("A", date(2025, 12, 5), 100), ("A", date(2026, 2, 3), -30), ("B", date(2026, 1, 9), 7)]
    rows = [about | {"entity": e, "value_date": d, "amount": Decimal(n)} for e, d, n in moves]
    body = {
        "source": "test", "rows": ["entity"], "columns": ["value_date_month"],
        "measures": ["closing(net)", "sum(net)"],
        "where": ["value_date >= 2026-01-01", "currency = CNY"],
    }  # fmt: skip
    found = pivot.run(facts(rows, folder), Definition.of(body))
    assert found.columns == (("2026-01",), ("2026-02",), ())
    shown = [[None if cell is None else str(cell) for cell in row] for row in table_of(found).rows]
    assert shown[0] == ["A", "100.00", None, "70.00", "-30.00", "70.00", "-30.00"]
    assert shown[1] == ["B", "7.00", "7.00", "7.00", None, "7.00", "7.00"]
    assert shown[2] == ["合计 Total", "107.00", "7.00", "77.00", "-30.00", "77.00", "-23.00"]


def test_a_difference_to_a_second_moment_counts_what_one_side_lacks(folder: Path) -> None:
    rows = golden_rows()
    body = {
        "source": "test",
        "rows": ["entity"],
        "measures": ["change(net)"],
        "where": ["currency = CNY"],
        "compare": {},
    }
    now, then = facts(rows[:3], folder, "now"), facts(rows[1:2], folder, "then")
    found = pivot.run(now, Definition.of(body), before=then)
    assert [(row[0], str(row[1])) for row in table_of(found).rows] == [
        ("A", "20.00"),
        ("B", "45.00"),
        ("合计 Total", "65.00"),
    ]


def test_a_currency_without_a_rate_is_told_and_no_sum_hides_it(folder: Path) -> None:
    rows = [golden_rows()[0] | {"ccy": ccy} for ccy in ("CNY", "USD")]
    body = {"source": "test", "rows": ["currency"], "measures": ["sum(net)", "count()"], "reporting_currency": "CNY"}
    found = pivot.run(facts(rows, folder), Definition.of(body), {"CNY": Fraction(1)})
    told = pivot_table.to_json(found)
    assert [row["cells"][0] for row in told["table"]] == [["20.00", 1], [None, 1], [None, 2]]
    assert told["missing_rates"] == ["USD"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rows": ["password"]}, "no field 'password'"),
        ({"rows": ["net"]}, "a figure, not a dimension"),
        ({"rows": ["entity", "entity"]}, "stands twice"),
        ({"measures": ["sum(entity)"]}, "a dimension, not a figure"),
        ({"measures": ["sum(net); DROP TABLE x"]}, "want `function(field)`"),
        ({"measures": ["quantile(net, 2)"]}, "between 0 and 1"),
        ({"measures": ["change(net)"]}, "second moment"),
        ({"where": ["value_date >= yesterday"]}, "want a day"),
        ({"where": ["entity >= A"]}, "no order"),
        ({"where": ["net >= 1e9"]}, "want a number"),
        ({"measures": ["closing(net)"], "where": ["value_date = 2026-01-01"]}, "a closing balance wants"),
        ({"top": {"dimension": "currency", "by": "sum(net)"}}, "a dimension of the rows"),
        ({"sort": "-nothing"}, "no measure"),
        ({"sql": "SELECT 1"}, "no part 'sql'"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(folder: Path, changed: Row, words: str) -> None:
    body = {"source": "test", "rows": ["entity"], "measures": ["sum(net)"]} | changed
    with pytest.raises(InvalidInput, match=words.replace("(", r"\(").replace(")", r"\)")):
        pivot.run(facts(golden_rows(), folder), Definition.of(body))


def test_what_readers_write_is_a_parameter_and_files_beside_the_facts_stay_closed(folder: Path) -> None:
    made = facts(golden_rows(), folder)
    body = {"source": "test", "rows": ["entity"], "measures": ["count()"], "where": ["entity in A,' OR 1=1 --"]}
    assert [row[0] for row in table_of(pivot.run(made, Definition.of(body))).rows] == ["A", "合计 Total"]
    facts(golden_rows(), folder, "secret")
    with opened(made) as database, pytest.raises(Exception, match="read"):
        database.rows("SELECT * FROM read_parquet(?)", [str(folder / "secret.parquet")])


def test_a_definition_reads_back_as_it_was_written() -> None:
    body = {
        "source": "test", "rows": ["customer"], "columns": ["currency"],
        "measures": ["a = sum(net)", "quantile(net,0.25)"],
        "where": ["currency in CNY,USD", "value_date >= 2026-01-01"], "sort": "-a", "reporting_currency": "CNY",
        "top": {"dimension": "customer", "count": 3, "by": "a", "others": False},
        "as_of": "2026-01-31", "at_offsets": {"t/0": 5}, "compare": {"as_of": "2025-12-31"},
    }  # fmt: skip
    assert Definition.of(body).to_json() == body
    assert Definition.of(Definition.of(body).to_json()) == Definition.of(body)
