"""Stress: shocks combined, scenarios, the two sides of a stressed balance sheet, against formulas written out."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.scenario import Scenario, Shock, check_library, compare, effective_shocks, newest, review_due
from engines.shock_families import (
    ADDITIONS,
    PARAMETERS,
    SEVERITIES,
    SHARES,
    FamilyTable,
    combine,
    parse_families,
    scaled,
)
from engines.stress import Book, ReserveRelease, deposit_run_off, stress
from tests.stress_books import DECK, books, hundredths
from tests.stress_books import shocks as all_shocks

F = Fraction


def table() -> FamilyTable:
    family = {"name_en": "x", "name_zh": "x", "source": "x", "status": "x"}
    sizes = {severity: {"security_haircut": f"0.0{at}"} for at, severity in enumerate(SEVERITIES, 1)}
    rows = [family | {"number": number, "sizes": sizes} for number in range(1, 15)]
    return parse_families({"version": [{"name": "test", "effective_from": date(2020, 1, 1), "family": rows}]})[0]


# -- shocks


@given(st.lists(hundredths, max_size=4))
def test_shares_combine_in_any_order_within_their_bounds(sizes: list[Fraction]) -> None:
    for rule in ("COMPOUND", "ADD", "MAX"):
        found = {combine(list(order), "security_haircut", rule) for order in permutations(sizes)}
        assert len(found) == 1
        assert max(sizes, default=0) <= found.pop() <= 1
    assert combine(sizes, "security_haircut", "MAX") <= combine(sizes, "security_haircut")
    assert combine(sizes, "security_haircut") <= combine(sizes, "security_haircut", "ADD")


def test_additions_add_where_shares_compound() -> None:
    for parameter in ADDITIONS:
        assert combine([F(1, 100), F(2, 100)], parameter) == F(3, 100)
    assert combine([F(7, 10), F(6, 10)], "reserve_ratio_rise") == 1
    assert combine([F(200), F(100)], "funding_spread_bp", "MAX") == 200
    assert combine([F(7, 10), F(6, 10)], "line_loss", "ADD") == 1


@pytest.mark.parametrize(
    ("parameter", "size"),
    [("unheard_of", F(0)), ("line_loss", F(-1)), ("line_loss", F(11, 10)), ("reserve_ratio_rise", F(2))],
)
def test_a_wrong_shock_is_refused(parameter: str, size: Fraction) -> None:
    with pytest.raises(InvalidInput) as caught:
        stress(DECK, {parameter: size}, horizon_days=30)
    assert caught.value.facts["field"] == f"shocks.{parameter}"


@given(all_shocks)
def test_a_scenario_times_one_is_itself(shocks: dict[str, Fraction]) -> None:
    assert scaled(shocks, F(1)) == shocks
    assert not any(scaled(shocks, F(0)).values())
    assert all(size <= 1 for name, size in scaled(shocks, F(10**6)).items() if name in SHARES)


# -- scenarios


def scenario(*shocks: Shock, **changed: object) -> Scenario:
    return replace(Scenario("s", 1, "market", 30, "severe", shocks), **changed)  # type: ignore[arg-type]


def test_a_family_alone_takes_the_sizes_of_the_severity() -> None:
    assert effective_shocks(scenario(Shock(family=1)), table()) == {"security_haircut": F(3, 100)}
    assert effective_shocks(scenario(Shock(family=1), severity="mild"), table()) == {"security_haircut": F(1, 100)}
    both = scenario(Shock(family=1), Shock(7, "security_haircut", F(5, 100)))
    assert effective_shocks(both, table()) == {"security_haircut": 1 - F(97, 100) * F(95, 100)}


@pytest.mark.parametrize(
    "shock",
    [Shock(), Shock(family=0), Shock(family=15), Shock(parameter="line_loss"), Shock(size=F(1)), Shock(1, size=F(1))],
)
def test_half_a_shock_is_refused(shock: Shock) -> None:
    with pytest.raises(InvalidInput) as caught:
        effective_shocks(scenario(shock), table())
    assert caught.value.facts["record"] == "shocks[0]"


def test_a_base_scenario_has_no_shocks() -> None:
    assert effective_shocks(scenario(kind="base"), table()) == {}
    with pytest.raises(InvalidInput):
        effective_shocks(scenario(Shock(family=1), kind="base"), table())


def test_a_library_keeps_versions_and_runs_the_newest() -> None:
    lines = [scenario(version=2), scenario(version=10), scenario(scenario_id="t"), scenario(version=9)]
    assert [(one.scenario_id, one.version) for one in newest(lines)] == [("s", 10), ("t", 1)]
    with pytest.raises(InvalidInput):
        check_library([*lines, scenario(version=9)])
    with pytest.raises(InvalidInput):
        check_library([scenario(version=0)])


def test_reviews_are_due_every_quarter() -> None:
    assert review_due(date(2025, 11, 30)) == date(2026, 2, 28)


def test_a_missing_metric_has_no_change() -> None:
    changes = compare({"a": F(1), "b": None, "c": F(2)}, {"a": F(3), "b": F(1)})
    assert [change.change for change in changes] == [2, None, None]


def test_there_are_fourteen_families() -> None:
    with pytest.raises(InvalidInput):
        parse_families({"version": [{"name": "x", "effective_from": date(2020, 1, 1), "family": []}]})


# -- the stressed balance sheet


@given(books, all_shocks, st.integers(1, 365))
def test_against_the_formula_written_out(book: Book, shocks: dict[str, Fraction], days: int) -> None:
    s = {name: shocks.get(name, F(0)) for name in PARAMETERS}
    deposits = book.retail_deposits + book.corporate_deposits
    left = book.retail_deposits * s["retail_run_off"] + book.corporate_deposits * s["corporate_run_off"]
    available = (
        book.cash_and_excess
        + book.securities * (1 - s["security_haircut"]) * (1 - s["price_impact"])
        + book.loans_due * (1 - s["loan_default"])
        + book.counterparty_claims_due * (1 - s["counterparty_default"])
        + book.foreign_currency_inflows * (1 - s["foreign_currency_loss"])
        + book.facilities * (1 - s["line_loss"])
        + book.central_bank_facilities * (1 - s["central_bank_line_loss"])
        + book.other_inflows
        + book.recoveries
    )
    need = (
        book.other_outflows
        + left
        + book.interbank * s["interbank_run_off"]
        + s["reserve_ratio_rise"] * (deposits - left)
        + book.maturing_funding * s["rollover_loss"]
        + book.maturing_funding * (1 - s["rollover_loss"]) * s["funding_spread_bp"] * days / 3_600_000
        + book.undrawn_commitments * s["commitment_drawdown"]
        + book.margined_exposure * s["margin_call"]
        + book.group_commitments * s["group_support"]
        + book.incoming_payments_per_hour * s["outage_hours"]
    )
    found = stress(book, shocks, horizon_days=days)
    assert (found.available, found.need, found.net) == (available, need, available - need)
    assert found.passes is (available >= need)
    assert found.cover.value == (available / need if need else None)
    release = stress(book, shocks, horizon_days=days, release=ReserveRelease(F(8, 100)))
    assert release.net - found.net == F(8, 100) * left
    assert deposit_run_off(book, shocks) * deposits == left


@given(books, all_shocks, st.sampled_from(SHARES), hundredths)
def test_no_shock_ever_helps(book: Book, shocks: dict[str, Fraction], name: str, more: Fraction) -> None:
    worse = shocks | {name: max(more, shocks.get(name, F(0)))}
    assert stress(book, worse, horizon_days=30).net <= stress(book, shocks, horizon_days=30).net


def test_a_net_of_zero_passes() -> None:
    book = Book(F(100), F(0), retail_deposits=F(100))
    assert stress(book, {"retail_run_off": F(1)}, horizon_days=1).passes
    assert not stress(replace(book, retail_deposits=F(101)), {"retail_run_off": F(1)}, horizon_days=1).passes


@pytest.mark.parametrize(
    ("book", "days", "ratio", "field"),
    [
        (replace(DECK, interbank=F(-1)), 30, F(0), "interbank"),
        (DECK, 0, F(0), "horizon_days"),
        (DECK, 30, F(2), "reserve_ratio"),
    ],
)
def test_stress_refuses(book: Book, days: int, ratio: Fraction, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        stress(book, {}, horizon_days=days, release=ReserveRelease(ratio))
    assert caught.value.facts["field"] == field
