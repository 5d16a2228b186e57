"""Calculations of scenarios, stress, liquidity at risk, capital: worked examples, other shapes, zero, bad input."""

from fractions import Fraction
from typing import Any

import pytest

from api.calculations.registry import find
from api.calculations.stressed_inputs import responses
from api.calculations.texts import plain_text
from engines.primitives.errors import InvalidInput
from engines.shock_families import SHARES
from tests.api.golden_cases import cases, differences

EXAMPLE = {
    case["id"]: case for number in ("32", "33", "34", "35", "49", "50", "51") for case in cases(f"liq-{number}")
}
SEVERE = EXAMPLE["liq-34-breaking-run-off"]["inputs"]["shocks"]
BOOK = EXAMPLE["liq-33-six-runs"]["inputs"]
LCR = {
    "hqla": [{"code": "LCR.HQ1.02", "amount": "500"}, {"code": "LCR.HQ1.03", "amount": "1200"}],
    "outflows": [{"code": "LCR.OF.RET.03", "amount": "5000"}, {"code": "LCR.OF.NFC.01", "amount": "1500"}],
    "inflows": [{"code": "LCR.IF.CPT.01", "amount": "600"}],
}


def compute(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return find(name).compute(given)


def refused(name: str, given: dict[str, Any]) -> Any:
    with pytest.raises(InvalidInput) as caught:
        compute(name, given)
    return caught.value.facts.get("field")


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_worked_example(case: dict[str, Any]) -> None:
    assert differences(case) == []


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_every_result_has_sheets_that_can_be_printed(case: dict[str, Any]) -> None:
    calculation = find(case["family"])
    assert calculation.sheets is not None
    for sheet in calculation.sheets(compute(case["family"], case["inputs"])):
        for row in sheet.rows:
            assert set(row) == set(sheet.columns)
            assert all(cell is None or isinstance(cell, str) for cell in row.values())
            assert all(row[amount] is None or Fraction(row[amount]) is not None for amount in sheet.amounts)


# -- stress


def test_indicators_are_computed_again_on_the_shocked_balances() -> None:
    loans = {"loans": "5800", "deposits": "8000"}
    found = compute("stress", BOOK | {"calculations": {"lcr": LCR, "loan_to_deposit": loans}})
    severe = next(run for run in found["runs"] if run["run_id"] == "30d-severe")
    lcr, ratio = ({row["figure"]: row for row in one["figures"]} for one in severe["calculations"])
    # Paid: 640 of deposits, 150 of interbank, 73.6 to the central bank; out of 500 of reserves, then securities.
    left = 1200 * Fraction(92, 100) - (640 + 150 + Fraction(736, 10) - 500)
    assert Fraction(lcr["hqla_stock"]["stressed"]) == left
    outflows = (5000 * Fraction(10, 100) + 1500 * Fraction(40, 100)) * Fraction(92, 100)
    net = outflows - 600 * Fraction(50, 100) * Fraction(90, 100)
    assert Fraction(lcr["lcr_exact"]["stressed"]) == left / net
    assert Fraction(ratio["loan_to_deposit_exact"]["stressed"]) == Fraction(5800) / (8000 * Fraction(92, 100))
    assert [one["unpaid"] for one in severe["calculations"]] == ["0.000000", "0.000000"]


def test_what_the_stock_cannot_pay_is_said() -> None:
    poor = LCR | {"hqla": [{"code": "LCR.HQ1.02", "amount": "100"}]}
    found = compute("stress", BOOK | {"calculations": {"lcr": poor}})
    paid = 640 + 150 + Fraction(736, 10)
    assert Fraction(found["runs"][-1]["calculations"][0]["unpaid"]) == paid - 100


#: Inputs of every calculation that answers to stress.
STRESSABLE = {
    "lcr": LCR,
    "loan_to_deposit": cases("liq-23")[0]["inputs"],
    "liquidity_ratio": cases("liq-21")[0]["inputs"],
    "adjusted_liquidity_ratio": {
        "liquid_assets": "2000",
        "liquid_liabilities": "8000",
        "adjustments": [{"side": "asset", "amount": "100"}],
    },
    "liquidity_gap_ratio": {"assets_90d": "3000", "liabilities_90d": "2500"},
    "core_liability_ratio": {
        "total_liabilities": "9000",
        "time_deposits_3m": "3000",
        "issued_bonds_3m": "500",
        "demand_low_12m": "2000",
    },
    "excess_reserve_ratio": {"central_bank_balance": "1500", "required_reserves": "640", "deposits": "8000"},
    "concentration": {"balances": [{"customer": "a", "amount": "10"}, {"customer": "b", "amount": "30"}]},
    "liquidity_need": cases("liq-28")[0]["inputs"],
    "sources_and_uses": cases("liq-29")[0]["inputs"],
    "funding_gap": cases("liq-30")[0]["inputs"],
    "liquidity_indicators": cases("liq-31")[0]["inputs"],
    "survival_horizon": cases("liq-14")[0]["inputs"],
}


def test_every_response_works_and_without_a_shock_changes_nothing() -> None:
    assert STRESSABLE.keys() == responses().keys()
    calm = {"run_id": "calm", "horizon_days": 30, "severity": "mild", "shocks": {}}
    storm = {
        "run_id": "storm",
        "horizon_days": 30,
        "severity": "severe",
        "shocks": SEVERE | {"security_haircut": "0.5"},
    }
    given = BOOK | {"calculations": STRESSABLE, "standard_runs": False, "runs": [calm, storm]}
    quiet, loud = compute("stress", given)["runs"]
    for one in quiet["calculations"]:
        assert all(row["base"] == row["stressed"] for row in one["figures"]), one["calculation"]
    unmoved = {
        one["calculation"] for one in loud["calculations"] if all(r["base"] == r["stressed"] for r in one["figures"])
    }
    assert unmoved == set()


def test_every_parameter_of_the_responses_exists() -> None:
    named = {parameter for one in responses().values() for parameter in one.get("falls", {}).values()}
    assert named <= {*SHARES, "deposit_run_off"}


def test_own_runs_stand_beside_the_standard_ones_and_may_fail() -> None:
    own = {"run_id": "own", "horizon_days": 30, "severity": "severe", "shocks": {"retail_run_off": "0.5"}}
    found = compute("stress", BOOK | {"runs": [own]})
    assert (len(found["runs"]), found["all_pass"], found["failed"]) == (7, False, ["own"])
    assert Fraction(found["runs"][-1]["net"]) == 2550 - 400 - 2500


def test_a_need_of_zero_has_no_cover() -> None:
    found = compute("stress", {"cash_and_excess": "1", "securities": "0", "flows": [{"horizon_days": 7}]})
    assert found["runs"][0]["cover"] is None
    assert found["runs"][0]["passes"] is True
    assert found["status"] == "NOT_COMPUTABLE"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"recognise_reserve_release": True}, "reserve_ratio"),
        ({"runs": [{"run_id": "x", "horizon_days": 9, "severity": "mild", "shocks": {}}]}, "flows"),
        ({"runs": [{"run_id": "7d-mild", "horizon_days": 7, "severity": "mild", "shocks": {}}]}, "runs"),
        (
            {"runs": [{"run_id": "x", "horizon_days": 7, "severity": "mild", "shocks": {"run_off": "1"}}]},
            "runs[0].shocks.run_off",
        ),
        ({"calculations": {"stress": {}}}, "calculations.stress"),
        ({"calculations": {"unheard_of": {}}}, "calculations.unheard_of"),
        ({"calculations": {"loan_to_deposit": {"loans": "1"}}}, "calculations.loan_to_deposit.deposits"),
        ({"securities": "-1"}, "securities"),
    ],
)
def test_stress_refuses(changed: dict[str, Any], field: str) -> None:
    found = refused("stress", BOOK | changed)
    assert found == field or found.startswith(field)


# -- scenarios


def line(**changed: Any) -> dict[str, Any]:
    base = {"scenario_id": "a", "kind": "market", "horizon_days": 30, "severity": "severe", "shocks": [{"family": 1}]}
    return base | changed


def test_a_scenario_stands_beside_the_base_case() -> None:
    given = {"scenarios": [line(reviewed_on="2026-05-31")], "as_of": "2026-09-01", "calculations": {"lcr": LCR}}
    found = compute("scenario", BOOK | given)
    (shown,) = found["scenarios"]
    assert shown["parameters"] == [{"parameter": "security_haircut", "size": "0.08"}]
    assert (shown["review_due"], shown["is_review_overdue"]) == ("2026-08-31", True)
    table = {row["metric"]: row for row in found["comparison"]}
    assert (table["net"]["base"], table["net"]["value"], table["net"]["change"]) == (
        "2150.000000",
        "2054.000000",
        "-96.000000",
    )
    assert Fraction(table["lcr: lcr_pct"]["change"]) < 0


def test_the_newest_version_of_a_scenario_runs() -> None:
    lines = [line(version=2, shocks=[]), line(version=1), line(scenario_id="b", kind="base", shocks=[])]
    found = compute("scenario", BOOK | {"scenarios": lines})
    assert [(one["scenario_id"], one["version"]) for one in found["scenarios"]] == [("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ([line(), line()], "scenarios[1].version"),
        ([line(kind="base")], "shocks"),
        ([line(shocks=[{"family": 15}])], "shocks[0].family"),
        ([line(shocks=[{"family": 1, "size": "0.1"}])], "shocks[0].parameter"),
        ([line(shocks=[{"parameter": "security_haircut", "size": "1.1"}])], "shocks[0].size"),
    ],
)
def test_scenario_refuses(changed: list[dict[str, Any]], field: str) -> None:
    assert refused("scenario", BOOK | {"scenarios": changed}) == field


# -- reverse stress


def test_multiples_that_break_limits() -> None:
    given = BOOK | {"horizon_days": 30, "shocks": SEVERE}
    given["calculations"] = {"loan_to_deposit": {"loans": "5800", "deposits": "8000"}}
    given["limits"] = [{"calculation": "loan_to_deposit", "figure": "loan_to_deposit_pct", "maximum": "75"}]
    found = compute("reverse_stress", given)
    # 5,800 / (8,000 (1 - 0.08 m)) = 75%: m = 5/12.
    assert abs(Fraction(found["limits"][0]["multiple"]) - Fraction(5, 12)) < Fraction(2, 10**6)
    survived = Fraction(found["scenario_multiple"]["multiple"])
    for multiple, passes in ((survived, True), (survived + Fraction(2, 10**6), False)):
        shocks = {name: plain_text(Fraction(size) * multiple) for name, size in SEVERE.items()}
        run = {"run_id": "m", "horizon_days": 30, "severity": "severe", "shocks": shocks}
        assert compute("stress", BOOK | {"standard_runs": False, "runs": [run]})["all_pass"] is passes


def test_a_replayed_crisis_names_the_day_it_breaks() -> None:
    path = [{"retail_run_off": "0.1", "corporate_run_off": "0.05"}] * 6
    found = compute("reverse_stress", BOOK | {"horizon_days": 30, "path": path})
    assert (found["broken_on_day"], found["worst_day"], len(found["days"])) == (4, 6, 6)


def test_the_smallest_set_of_depositors() -> None:
    depositors = [
        {"depositor": name, "balances": {"retail": amount}} for name, amount in (("a", "5.5"), ("b", "3"), ("c", "4"))
    ]
    limits = [
        {"kind": "cash", "name": "exactly all of a and c", "cash": "9.5"},
        {"kind": "cash", "name": "nine", "cash": "9"},
        {"kind": "cash", "name": "more than there is", "cash": "12.5"},
        {"kind": "cash", "name": "broken", "cash": "1", "minimum": "2"},
        {
            "kind": "maximum_ratio",
            "name": "loans to deposits",
            "numerator": "6",
            "denominator": "12.5",
            "limit_pct": "75",
            "from_denominator": {"retail": "1"},
        },
    ]
    rows = compute("reverse_stress", {"depositors": depositors, "limits": limits})["limits"]
    assert [(row["state"], row["count"], row["amount"]) for row in rows] == [
        ("BREAKS", 3, "12.5"),
        ("BREAKS", 2, "9.5"),
        ("NOT_BREAKABLE", None, "0"),
        ("ALREADY_BROKEN", 0, "0"),
        ("BREAKS", 1, "5.5"),
    ]


def test_reverse_stress_refuses() -> None:
    twice = [{"depositor": "a", "balances": {}}] * 2
    limits = [{"kind": "cash", "name": "x", "cash": "1"}]
    assert refused("reverse_stress", {"depositors": twice, "limits": limits}) == "depositors[1]"
    given = BOOK | {"horizon_days": 30, "shocks": SEVERE, "limits": [{"calculation": "lcr", "figure": "lcr_pct"}]}
    assert refused("reverse_stress", given) == "limits[0].calculation"
    assert refused("reverse_stress", BOOK | {"horizon_days": 30, "path": [{}, {"x": "1"}]}) == "path[1].shocks.x"


def test_without_deposits_there_is_no_breaking_run_off() -> None:
    given = {
        "cash_and_excess": "1",
        "securities": "0",
        "flows": [{"horizon_days": 7}],
        "horizon_days": 7,
        "shocks": {},
    }
    found = compute("reverse_stress", given)
    assert (found["breaking_run_off_pct"], found["status"]) == (None, "NOT_COMPUTABLE")
    assert found["scenario_multiple"]["state"] == "NOT_BROKEN"


# -- liquidity at risk, capital


def test_a_simulation_repeats_by_its_seed() -> None:
    given = {
        "lines": [{"balance": "8000", "rate_mean": "0.05", "rate_deviation": "0.02"}],
        "seed": 7,
        "paths": 5000,
        "confidence": "0.99",
    }
    first = compute("liquidity_at_risk", given)
    assert compute("liquidity_at_risk", given) == first
    assert compute("liquidity_at_risk", given | {"seed": 8}) != first
    # Normal with mean 400 and deviation 160, hardly clipped.
    assert abs(Fraction(first["liquidity_at_risk"]) - Fraction("772.2")) < 25


def test_a_confidence_of_one_is_refused() -> None:
    assert refused("liquidity_at_risk", {"history": ["1"], "confidence": "1"}) == "confidence"


def test_nothing_is_divided_by_zero() -> None:
    plan = compute(
        "capital_plan", {"opening_capital": "0", "target_pct": "10", "years": [{"rwa": "0", "profit": "1"}]}
    )
    assert (plan["years"][0]["ratio_pct"], plan["years"][0]["self_financed_growth_pct"]) == (None, None)
    assert plan["reason"] == "RWA of 1 are 0; the opening capital of 1 is 0"
    forecast = compute("capital_forecast", {"cet1": "5", "rwa": "0"})
    assert (forecast["periods"][0]["cet1_ratio_pct"], forecast["status"]) == (None, "NOT_COMPUTABLE")
    shock = {"capital": "5", "rwa": "0", "tax_rate": "0", "migration": "0"}
    stressed = compute("capital_stress", shock)
    assert (stressed["ratio_after_pct"], stressed["meets_target"], stressed["capital_after"]) == (None, None, "5")


def test_volumes_from_daily_balances() -> None:
    closings = [{"date": "2026-01-01", "balance": "100"}, {"date": "2026-01-03", "balance": "400"}]
    given = {"closings": closings, "period_end": "2026-01-03", "growth": "0.5", "periods": 2}
    found = compute("volume_forecast", given)
    assert (found["base"], found["volume"]) == ("200.000000", "450.000000")
