"""Sums, exact ratios and raw quantiles in every cell; which legs a cell leaves out; conversion (LIQ-60)."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput
from engines.roll_up import Amount, Cell, Measure, Quotient, Row, Statistic, roll_up

SUM: dict[str, Measure] = {"sum": Amount("x")}
amounts = st.integers(-(10**6), 10**6).map(lambda cents: Fraction(cents, 100))
rows = st.lists(
    st.builds(
        lambda currency, organisation, line, x, y: Row(
            {"currency": currency, "organisation": organisation, "line": line}, {"x": x, "y": y}
        ),
        st.sampled_from(["CNY", "USD"]),
        st.sampled_from("AB"),
        st.sampled_from("LM"),
        amounts,
        amounts,
    ),
    max_size=10,
)
RATES = {"USD": Fraction(71, 10)}


def row(organisation: str, x: int, other: dict[str, str] | None = None, **dimensions: str) -> Row:
    return Row(
        {"currency": "CNY", "entity": "E1", "organisation": organisation, **dimensions}, {"x": Fraction(x)}, other
    )


def sums(cells: Sequence[Cell]) -> dict[tuple[str, ...], Any]:
    return {cell.key: cell.figures["sum"] for cell in cells}


@given(rows, st.lists(st.sampled_from(["currency", "organisation", "line"]), unique=True))
def test_cells_add_up_to_the_whole_and_ratios_to_the_ratio_of_sums(lines: list[Row], dimensions: list[str]) -> None:
    measures: dict[str, Measure] = {"sum": Amount("x"), "ratio": Quotient("x", "y")}
    (whole,) = roll_up(lines, [], measures, reporting_currency="CNY", rates=RATES)
    cells = roll_up(lines, dimensions, measures, reporting_currency="CNY", rates=RATES)
    assert whole.rows == sum(cell.rows for cell in cells)
    worth = {"USD": RATES["USD"], "CNY": Fraction(1)}
    assert whole.figures["sum"] == sum(line.amounts["x"] * worth[line.dimensions["currency"]] for line in lines)
    total, ratio = Fraction(0), Ratio(Fraction(0), Fraction(0))
    for cell in cells:
        share = worth[cell.currency] if "currency" in dimensions else 1
        figure, part = cell.figures["sum"], cell.figures["ratio"]
        assert isinstance(figure, Fraction)
        assert isinstance(part, Ratio)
        total += figure * share
        ratio += Ratio(part.numerator * share, part.denominator * share)
    assert (total, ratio) == (whole.figures["sum"], whole.figures["ratio"])
    keys = {tuple(one.dimensions[name] for name in dimensions) for one in lines}
    assert [cell.key for cell in cells] == (sorted(keys) if dimensions else [()])


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(lines: list[Row], random: Random) -> None:
    measures: dict[str, Measure] = {"sum": Amount("x"), "p90": Statistic("x", "quantile", Fraction(9, 10))}
    shuffled = sorted(lines, key=lambda _: random.random())
    for dimensions in ([], ["organisation"], ["currency", "line"]):
        found = [
            roll_up(one, dimensions, measures, reporting_currency="CNY", rates=RATES) for one in (lines, shuffled)
        ]
        assert found[0] == found[1]


def test_statistics_come_from_rows_not_from_cells() -> None:
    lines = [row("A", 1), row("A", 2), row("A", 3), row("B", 100)]
    measures: dict[str, Measure] = {
        "median": Statistic("x", "quantile", Fraction(1, 2)),
        "least": Statistic("x", "minimum"),
        "most": Statistic("x", "maximum"),
        "none": Statistic("other", "maximum"),
    }
    (whole,) = roll_up(lines, [], measures)
    assert whole.figures == {"median": Fraction(5, 2), "least": 1, "most": 100, "none": None}


def test_days_are_not_converted_and_money_is() -> None:
    lines = [Row({"currency": "USD"}, {"days": Fraction(30), "x": Fraction(10)})]
    measures: dict[str, Measure] = {
        "days": Statistic("days", "minimum", is_money=False),
        "least": Statistic("x", "minimum"),
    }
    (cell,) = roll_up(lines, [], measures, reporting_currency="CNY", rates=RATES)
    assert cell.figures == {"days": 30, "least": 71}
    assert cell.currency == "CNY"
    (own,) = roll_up(lines, ["currency"], measures, reporting_currency="CNY", rates=RATES)
    assert own.figures == {"days": 30, "least": 10}
    assert own.currency == "USD"


# -- legs within the bank

LEGS = [
    row("A1", 100, {"organisation": "B1", "entity": "E1"}),
    row("B1", -100, {"organisation": "A1", "entity": "E1"}),
    row("A1", 30, {"organisation": "A2", "entity": "E1"}),
    row("A2", -30, {"organisation": "A1", "entity": "E1"}),
    row("A1", 7),
    row("C1", -50, {"organisation": "A1", "entity": "E1"}, entity="E2"),
    row("A1", 50, {"organisation": "C1", "entity": "E2"}),
]


def test_legs_are_left_out_where_a_cell_holds_both() -> None:
    assert sums(roll_up(LEGS, [], SUM)) == {(): 7}
    assert sums(roll_up(LEGS, ["organisation"], SUM)) == {("A1",): 187, ("A2",): -30, ("B1",): -100, ("C1",): -50}
    assert sums(roll_up(LEGS, ["entity"], SUM)) == {("E1",): 57, ("E2",): -50}  # legs between entities stay
    (whole,) = roll_up(LEGS, [], SUM)
    assert (whole.rows, whole.eliminated_rows) == (1, 6)
    assert whole.eliminated == {"sum": 0}


def test_above_two_branches_their_legs_are_left_out() -> None:
    parents = {"A1": "A", "A2": "A", "B1": "B", "A": "HQ", "B": "HQ", "C1": "HQ"}
    found = sums(roll_up(LEGS, ["organisation"], SUM, parents=parents))
    assert found[("A",)] == 157  # 100 to B1, 50 to C1, 7 to others; the 30 stay inside
    assert found[("B",)] == -100
    assert found[("HQ",)] == 7
    assert found[("A1",)] == 187


def test_a_leg_of_which_nothing_is_known_is_of_the_same_entity_and_another_organisation() -> None:
    lines = [row("A1", 100, {}), row("B1", -90, {}), row("A1", 7)]
    assert sums(roll_up(lines, [], SUM)) == {(): 7}
    assert sums(roll_up(lines, ["entity"], SUM)) == {("E1",): 7}
    assert sums(roll_up(lines, ["organisation"], SUM)) == {("A1",): 107, ("B1",): -90}
    (whole,) = roll_up(lines, [], SUM)
    assert whole.eliminated == {"sum": 10}  # legs that do not cancel are seen


@pytest.mark.parametrize(
    ("dimension", "parents"), [("entity", {}), ("organisation", {}), ("organisation", {"A1": "A", "A2": "A"})]
)
def test_a_filter_shows_what_the_cell_shows(dimension: str, parents: dict[str, str]) -> None:
    for cell in roll_up(LEGS, [dimension], SUM, parents=parents):
        (filtered,) = roll_up(LEGS, [], SUM, filters={dimension: [cell.key[0]]}, parents=parents)
        assert (filtered.figures, filtered.rows, filtered.eliminated) == (cell.figures, cell.rows, cell.eliminated)


def test_a_filter_on_a_line_does_not_bring_legs_back() -> None:
    """The opposite leg may be in another line; it is within the bank all the same."""
    lines = [row("A1", 5, {"organisation": "B1"}, line="L"), row("A1", 1, line="L"), row("A1", 8, line="M")]
    assert sums(roll_up(lines, [], SUM, filters={"line": ["L"]})) == {(): 1}


# -- edges


def test_without_rows_there_is_one_cell_of_nothing_or_none() -> None:
    (cell,) = roll_up([], [], {"sum": Amount("x"), "ratio": Quotient("x", "y")})
    assert cell.figures == {"sum": 0, "ratio": Ratio(Fraction(0), Fraction(0))}
    assert roll_up([], ["organisation"], SUM) == []


def test_a_cell_whose_every_row_is_left_out_is_still_there() -> None:
    (cell,) = roll_up(LEGS[:2], ["entity"], SUM)
    assert (cell.key, cell.rows, cell.eliminated_rows) == (("E1",), 0, 2)
    assert cell.figures == {"sum": 0}


@pytest.mark.parametrize(
    ("lines", "dimensions", "other", "field"),
    [
        ([row("A", 1), row("A", 1, currency="USD")], [], {}, "reporting_currency"),
        ([row("A", 1, currency="USD")], [], {"reporting_currency": "CNY"}, "rates.USD"),
        ([row("A", 1)], ["product"], {}, "rows[0].product"),
        ([Row({}, {})], [], {}, "rows[0].currency"),
        ([row("A", 1)], ["line", "line"], {}, "dimensions"),
        ([row("A", 1)], ["organisation"], {"parents": {"A": "B", "B": "A"}}, "parents.A"),
    ],
)
def test_what_is_wrong_is_named(lines: list[Row], dimensions: list[str], other: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        roll_up(lines, dimensions, SUM, **other)
    assert caught.value.facts["field"] == field
