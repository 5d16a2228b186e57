"""Calculations of transfer pricing, treasury result, optimisation, pricing, simulation."""

from fractions import Fraction
from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences

EXAMPLE = {case["id"]: case for number in (44, 45, 46, 47, 48, 52) for case in cases(f"liq-{number}")}


def compute(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return find(name).compute(given)


def example(name: str, **changed: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = EXAMPLE[name]["inputs"] | changed
    return inputs


def refused(name: str, given: dict[str, Any]) -> tuple[Any, Any]:
    with pytest.raises(InvalidInput) as caught:
        compute(name, given)
    return caught.value.facts.get("field"), caught.value.facts.get("record")


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_worked_example(case: dict[str, Any]) -> None:
    assert differences(case) == []


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_results_print_as_tables(case: dict[str, Any]) -> None:
    found = find(case["family"])
    assert found.sheets is not None
    sheets = found.sheets(found.compute(case["inputs"]))
    assert sheets
    for sheet in sheets:
        for row in sheet.rows:
            for name in sheet.amounts:
                cell = row.get(name)
                assert cell is None or Fraction(cell) is not None


# -- ftp

NODES = [{"tenor_days": 365, "rate": "0.02"}, {"tenor_years": "3", "rate": "0.04"}]
CURVES = [
    {"name": "risk free", "nodes": NODES},
    {"name": "spread", "nodes": [{"tenor_months": "12", "rate": "0.001"}]},
    {"name": "CNY", "parts": ["risk free", "spread"]},
]


def contract(**changed: Any) -> dict[str, Any]:
    return {"id": "c", "side": "asset", "balance": "100", "customer_rate": "0.05"} | changed


def rate(terms: dict[str, Any], **book: Any) -> Any:
    found = compute("ftp", {"curves": CURVES, "contracts": [contract(**terms)], **book})
    return found["contracts"][0]["ftp_rate_pct"]


def test_a_product_gives_the_terms_that_a_contract_leaves_out() -> None:
    term_loans = {"product": "term", "method": "matched_maturity", "curve": "CNY", "liquidity_premium": "0.002"}
    products = [term_loans, {"product": "overdraft", "method": "index_plus_spread", "index": "LPR", "spread": "0"}]
    book = {"products": products, "indices": {"LPR": "0.031"}}
    assert rate({"product": "term", "tenor_months": "24"}, **book) == "3.300000"
    assert rate({"product": "term", "tenor_months": "24", "curve": "risk free"}, **book) == "3.200000"
    assert rate({"product": "term", "tenor_months": "24", "liquidity_premium": "0"}, **book) == "3.100000"
    assert rate({"product": "overdraft"}, **book) == "3.100000"
    assert rate({"product": "overdraft", "spread": "-0.001"}, **book) == "3.000000"


def test_the_first_curve_is_the_default_and_its_ends_are_told() -> None:
    found = [
        compute("ftp", {"curves": CURVES, "contracts": [contract(method="matched_maturity", tenor_months=months)]})
        for months in ("6", "24", "48")
    ]
    rows = [one["contracts"][0] for one in found]
    assert [row["ftp_rate_pct"] for row in rows] == ["2.000000", "3.000000", "4.000000"]
    assert [row["beyond_curve"] for row in rows] == [True, False, True]


def test_duration_comes_from_the_flows_at_the_customer_rate() -> None:
    flows = [{"tenor_years": "1", "amount": "5"}, {"tenor_years": "2", "amount": "105"}]
    # Macaulay duration of a par bond at 5%: 1 + 1 / 1.05.
    assert rate({"method": "duration", "flows": flows}) == "2.952381"
    assert rate({"method": "duration", "duration_years": "1.5"}) == "2.500000"


def test_a_single_pool_costs_what_the_deposits_cost() -> None:
    book = {
        "contracts": [
            contract(id="loan", method="pool", pool="all"),
            contract(id="cheap", side="liability", customer_rate="0.01", method="pool", pool="all"),
            contract(id="dear", side="liability", balance="300", customer_rate="0.03", method="pool", pool="all"),
        ],
        "pools": [{"name": "all", "average_of": "liability"}],
    }
    found = compute("ftp", book)
    assert [row["ftp_rate_pct"] for row in found["contracts"]] == ["2.500000"] * 3
    assert found["liability_margin"] == "0.000000"
    book["pools"] = [{"name": "all", "rate": "0.028"}]
    assert compute("ftp", book)["contracts"][0]["ftp_rate_pct"] == "2.800000"


def test_an_empty_pool_gives_null_with_the_reason() -> None:
    pools = [{"name": "all", "average_of": "liability"}]
    found = compute("ftp", {"contracts": [contract(method="pool", pool="all", branch="north")], "pools": pools})
    assert found["treasury"] is found["margin"] is found["contracts"][0]["ftp_rate_exact"] is None
    assert found["branches"] == [
        {"branch": "north", "asset_margin": None, "liability_margin": "0.000000", "margin": None}
    ]
    assert found["net_interest_income"] == "5.000000"
    assert (found["status"], found["reason"]) == ("NOT_COMPUTABLE", "contract 'c' has no transfer rate")


def test_a_quarter_earns_a_quarter() -> None:
    found = compute("ftp", example("liq-44-margins", year_share="0.25"))
    assert (found["margin"], found["treasury"], found["net_interest_income"]) == ("6.300000", "1.900000", "8.200000")


C = "contracts[0]"


@pytest.mark.parametrize(
    ("given", "field", "record"),
    [
        ({"contracts": [contract()]}, f"{C}.method", C),
        ({"contracts": [contract(method="agreed")]}, f"{C}.agreed_rate", C),
        ({"contracts": [contract(method="pool")]}, f"{C}.pool", C),
        ({"contracts": [contract(method="pool", pool="x")]}, f"{C}.pool", C),
        ({"contracts": [contract(method="matched_maturity")]}, f"{C}.tenor_months", C),
        ({"contracts": [contract(method="matched_maturity", tenor_months="1")]}, f"{C}.curve", C),
        ({"contracts": [contract(method="matched_maturity", tenor_months="1", tenor_days=3)]}, C, C),
        ({"contracts": [contract(method="cash_flow_weighted")]}, f"{C}.flows", C),
        ({"contracts": [contract(method="duration")]}, f"{C}.duration", C),
        ({"contracts": [contract(method="index_plus_spread", index="x", spread="0")]}, f"{C}.index", C),
        ({"contracts": [contract(method="agreed", agreed_rate="0", reserve_ratio="1")]}, f"{C}.reserve_rate", C),
        ({"contracts": [], "products": [{"product": "p"}] * 2}, "products[1].product", "products[1]"),
        ({"contracts": [], "pools": [{"name": "p"}]}, "pools[0].rate", "pools[0]"),
        ({"contracts": [], "pools": [{"name": "p", "rate": "0"}] * 2}, "pools[1].name", "pools[1]"),
        ({"contracts": [], "curves": [{"name": "c"}]}, "curves[0].nodes", "curves[0]"),
        ({"contracts": [], "curves": [{"name": "c", "parts": ["d"]}]}, "curves[0].parts", "curves[0]"),
        ({"contracts": [], "curves": [CURVES[0], CURVES[0]]}, "curves[1].name", "curves[1]"),
        ({"contracts": [], "curves": [{"name": "c", "nodes": [{"rate": "0"}]}]}, *["curves[0].nodes[0]"] * 2),
        (
            {"contracts": [], "curves": [{"name": "c", "nodes": NODES[:1] * 2}]},
            "curves[0].nodes[1].tenor",
            "curves[0]",
        ),
    ],
)
def test_what_is_wrong_with_a_book_is_named(given: dict[str, Any], field: str, record: str) -> None:
    assert refused("ftp", given) == (field, record)


# -- ftp_simulation


def test_a_trial_may_bring_its_own_curve_and_indices() -> None:
    own = [{"name": "CNY", "nodes": [{"tenor_months": "12", "rate": "0.0325"}]}]
    shifted = compute("ftp_simulation", example("liq-45-fixed"))
    assert compute("ftp_simulation", example("liq-45-fixed", trials=[{"name": "up", "curves": own}])) == shifted


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"trials": [{"name": "none"}]}, "trials[0].shift_bp"),
        ({"trials": [{"name": "both", "shift_bp": "1", "curves": []}]}, "trials[0].shift_bp"),
        ({"trials": [{"name": "far", "curves": CURVES[:1]}]}, "trials[0].curves"),
        ({"new_business": [{"name": "x", "side": "asset", "volume": "1", "customer_rate": "0", "method": "pool"}]},
         "new_business[0].method"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_trial_is_named(changed: dict[str, Any], field: str) -> None:
    assert refused("ftp_simulation", example("liq-45-fixed", **changed))[0] == field


# -- treasury_pnl


def test_a_forecast_explains_each_month() -> None:
    forecast = {
        "months": [{"name": "January"}, {"name": "February"}],
        "positions": [
            {"name": "bonds", "kind": "investment", "balances": ["1200", "1320"], "rate": "0.03"},
            {
                "name": "interbank",
                "kind": "external_funding",
                "balances": ["600", "600"],
                "rate": "0.001",
                "index": "SHIBOR",
            },
        ],
        "holdings": [{"name": "CGB", "market_values": ["300", "300"], "modified_duration": "4", "index": "SHIBOR"}],
        "rate_path": {"SHIBOR": ["0.02", "0.021", "0.021"]},
    }
    found = compute("treasury_pnl", forecast)
    first, second = found["months"]
    assert (first["investment_income"], first["external_funding_cost"]) == ("3.000000", "-1.100000")
    assert (first["mark_to_market"], first["total"]) == ("-1.200000", "0.700000")
    assert "change" not in first
    assert (second["volume_effect"], second["mark_to_market_change"], second["change"]) == (
        "0.300000",
        "1.200000",
        "1.500000",
    )
    assert found["total"] == "2.900000"
    assert [row["name"] for row in found["changes"]] == ["bonds", "interbank"]


def test_months_of_unlike_length_have_an_effect_of_their_own() -> None:
    compared = example("liq-46-effects", before_year_share="0.5", after_year_share="1")
    found = compute("treasury_pnl", compared)
    assert (found["before"], found["after"]) == ("1.500000", "3.520000")
    assert (found["days_effect"], found["change"]) == ("1.500000", "2.020000")


def test_a_path_that_is_too_short_is_named() -> None:
    given = {"months": [{"name": "January"}], "positions": [], "rate_path": {"SHIBOR": ["0.02"]}}
    assert refused("treasury_pnl", given) == ("rate_path.SHIBOR", None)


# -- balance_sheet_optimisation


def test_a_trade_off_prices_the_ratio() -> None:
    trade_off = {"limit": "liquidity_ratio_min", "values": ["0.25", "0.6", "2"]}
    found = compute("balance_sheet_optimisation", example("liq-47-mix", trade_off=trade_off))
    assert [(row["status"], row["income"], row["amount of loans"]) for row in found["trade_off"]] == [
        ("OPTIMAL", "42.000000", "600.000000"),
        ("OPTIMAL", "40.400000", "520.000000"),
        ("INFEASIBLE", None, None),
    ]


def test_binding_bounds_are_named_and_equalities_are_not() -> None:
    items = [dict(item) for item in example("liq-47-mix")["items"]]
    items[0]["maximum"] = "500"
    found = compute("balance_sheet_optimisation", example("liq-47-mix", items=items))
    assert found["binding"] == ["maximum of loans"]
    assert found["income"] == "40.000000"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"items": [{"name": "x", "side": "asset", "rate": "0", "amount": "1", "minimum": "1"}]}, "items[0].amount"),
        ({"trade_off": {"limit": "leverage", "values": ["1"]}}, "trade_off.limit"),
        ({"constraints": [{"name": "c", "coefficients": {"x": "1"}, "sense": "<=", "limit": "1"}]},
         "constraints[0].coefficients.x"),
        ({"items": [{"name": "loans", "side": "asset", "rate": "0.05"},
                    {"name": "debt", "side": "liability", "rate": "0.01"}], "limits": {}}, "constraints"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plan_is_named(changed: dict[str, Any], field: str) -> None:
    assert refused("balance_sheet_optimisation", example("liq-47-mix", **changed))[0] == field


# -- loan_pricing


def test_an_offer_is_held_against_the_floor() -> None:
    found = compute("loan_pricing", example("liq-48-floor", offered_rate="0.0546"))
    assert (found["surplus_pct"], found["meets_minimum"]) == ("0.000000", True)
    assert found["return_on_capital_pct"] == "12.000000"
    below = compute("loan_pricing", example("liq-48-floor", offered_rate="0.0545999999"))
    assert below["meets_minimum"] is False


def test_a_loan_without_capital_has_no_return_on_it() -> None:
    found = compute("loan_pricing", example("liq-48-floor", offered_rate="0.05", risk_weight="0"))
    assert found["return_on_capital_pct"] is found["return_on_capital_exact"] is None
    assert (found["surplus_pct"], found["reason"]) == ("0.800000", "the loan needs no capital")


def test_loss_may_be_given_by_its_two_parts() -> None:
    parts = {key: value for key, value in example("liq-48-floor").items() if key != "expected_loss"}
    parts |= {"probability_of_default": "0.015", "loss_given_default": "0.4"}
    assert compute("loan_pricing", parts)["minimum_rate_exact"] == "273/5000"
    loans = compute("loan_pricing", {"loans": [{"name": "a", **parts}, {"name": "b", **parts, "cost": "0.01"}]})
    assert [row["minimum_rate_pct"] for row in loans["loans"]] == ["5.460000", "5.960000"]
    del parts["loss_given_default"]
    assert refused("loan_pricing", {"loans": [{"name": "a", **parts}]}) == ("loans[0].expected_loss", "loans[0]")
    both = example("liq-48-floor", probability_of_default="0.01")
    assert refused("loan_pricing", both) == ("expected_loss", None)


# -- balance_sheet_simulation

BANK: dict[str, Any] = {
    "year_shares": ["0.5", "0.5"],
    "capital": "100",
    "lines": [
        {"name": "loans", "side": "asset", "opening": "800", "rate": "0.01", "index": "LPR", "risk_weight": "1"},
        {"name": "deposits", "side": "liability", "opening": "700", "rate": "0.02", "thirty_day_flow_rate": "0.1"},
    ],
    "scenarios": [
        {"name": "flat", "rate_path": {"LPR": ["0.03", "0.03", "0.03"]}},
        {"name": "run", "rate_path": {"LPR": ["0.03", "0.04", "0.04"]}, "run_off_factor": {"deposits": "2"}},
    ],
}


def test_scenarios_stand_beside_each_other() -> None:
    found = compute("balance_sheet_simulation", BANK)
    assert [row["net_interest_income"] for row in found["summary"]] == ["18.000000", "26.000000"]
    assert [(row["scenario"], row["step"]) for row in found["steps"]] == [
        (name, step) for name in ("flat", "run") for step in (0, 1, 2)
    ]
    opening, first = found["steps"][:2]
    assert (opening["capital"], opening["balancing"], opening["capital_adequacy_pct"]) == (
        "100.000000",
        "0.000000",
        "12.500000",
    )
    assert (first["capital"], first["balancing"]) == ("109.000000", "-9.000000")
    assert first["loan_to_deposit_pct"] is None
    assert "deposits are 0" in first["reason"]
    assert {row["line"] for row in found["balances"]} == {"loans", "deposits"}
    assert found["gaps"][0]["UNDATED"] == "100.000000"


@pytest.mark.parametrize(
    ("changed", "field", "record"),
    [
        ({"scenarios": [{"name": "none"}]}, "scenarios[0].rate_path.LPR", "scenarios[0]"),
        ({"scenarios": [BANK["scenarios"][0]] * 2}, "scenarios[1].name", "scenarios[1]"),
        ({"year_shares": ["0.5"] * 3}, "scenarios[0].rate_path.LPR", "scenarios[0]"),
        ({"costs": ["1"]}, "costs", None),
        ({"lines": [{"name": "x", "side": "asset", "opening": "1", "rate": "0", "run_off": ["1"]}]},
         "lines[0].run_off", "lines[0]"),
        ({"lines": [{"name": str(at), "side": "asset", "opening": "1", "rate": "0"} for at in range(5_000)]},
         "lines", None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_simulation_is_named(changed: dict[str, Any], field: str, record: str | None) -> None:
    assert refused("balance_sheet_simulation", BANK | changed) == (field, record)
