"""Calculations of contingency funding: worked examples, variants, sheets, null where nothing is raised, bad input."""

from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences

EXAMPLE = {case["id"]: case for number in ("39", "40") for case in cases(f"liq-{number}")}
GATES, PLAN = EXAMPLE["liq-39-three-gates"]["inputs"], EXAMPLE["liq-40-too-late"]["inputs"]


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_worked_example(case: dict[str, Any]) -> None:
    assert differences(case) == []


def test_a_golden_case_can_fail() -> None:
    wrong = {"unmet": "1", "weighted_cost_exact": "1/2"}
    assert len(differences(EXAMPLE["liq-39-three-gates"] | {"expected": wrong})) == 2


def test_pure_cost_order_and_lead_time_are_options() -> None:
    found = find("funding_gates").compute(GATES | {"order": "cost"})
    assert [(draw["source"], draw["amount"]) for draw in found["draws"]] == [
        ("dealing lines", "500"),
        ("bond sale", "380"),
        ("standing facility", "20"),
    ]
    slow = [source | {"lead_days": 2} for source in GATES["sources"]]
    found = find("funding_gates").compute(GATES | {"sources": slow, "within_days": 1})
    assert (found["unmet"], found["too_late"]) == ("900", ["standing facility", "dealing lines", "bond sale"])
    assert (found["weighted_cost_pct"], found["status"]) == (None, "NOT_COMPUTABLE")


def test_the_three_shapes_of_a_shortfall_say_the_same() -> None:
    shared = {key: PLAN[key] for key in ("sources", "securities")}
    plan = find("contingency_plan")
    path = [{"day": day, "surplus": text} for day, text in enumerate(("5", "5", "-895"), 1)]
    expected = plan.compute(PLAN)
    for shape in ({"surplus": ["5", "5", "-895"], "limit": "5"}, {"path": path, "limit": "5"}):
        assert plan.compute(shared | shape) == expected


def test_the_result_of_a_stress_is_taken_as_it_is() -> None:
    stress = cases("liq-14")[0]["inputs"]
    path = find("survival_horizon").compute(stress)["path"]
    found = find("contingency_plan").compute({"path": path, "sources": PLAN["sources"][:2]})
    assert (found["shortfall"], found["first_shortfall_day"], found["residual"]) == ("40", 6, "0")


def test_both_have_sheets_to_read() -> None:
    for name, given in (("funding_gates", GATES), ("contingency_plan", PLAN)):
        calculation = find(name)
        assert calculation.sheets is not None
        sheets = calculation.sheets(calculation.compute(given))
        assert len(sheets) >= 3
        for sheet in sheets:
            assert sheet.rows
            assert all(set(sheet.columns) <= row.keys() for row in sheet.rows)


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("funding_gates", GATES | {"need": "-1"}, "need"),
        ("funding_gates", GATES | {"need": 1.5}, "need"),
        ("funding_gates", GATES | {"securities": []}, "sources[2].securities"),
        ("funding_gates", GATES | {"securities": GATES["securities"] * 2}, "securities[1].name"),
        ("funding_gates", GATES | {"sources": [{"name": "a", "gate": 4, "rate": "0"}]}, "sources[0].gate"),
        ("funding_gates", GATES | {"sources": [{"name": "a", "gate": 1, "rate": "0"}]}, "sources[0].limit"),
        ("contingency_plan", PLAN | {"day": 0}, "day"),
        ("contingency_plan", PLAN | {"year_days": 364}, "year_days"),
        ("contingency_plan", {"path": [{"day": 2, "surplus": "1"}], "sources": []}, "path[0].day"),
        ("contingency_plan", PLAN | {"surplus": ["1"]}, "day"),
    ],
)
def test_what_is_wrong_is_named(name: str, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(name).compute(given)
    assert caught.value.facts["field"] == field
