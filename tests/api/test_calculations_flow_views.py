"""`calc gap`, `calc behaviour` and `calc repricing_gap`: worked examples, variants, optional inputs, bad input."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = [
    case for name in ("liq-12", "liq-13", "liq-15") for case in json.loads((GOLDEN / f"{name}.json").read_text())
]


def same(shown: Any, wanted: Any, tolerance: Decimal) -> bool:
    """Whether all of `wanted` is in `shown`; numbers may differ by the tolerance."""
    if isinstance(wanted, dict):
        return all(name in shown and same(shown[name], value, tolerance) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(shown) == len(wanted) and all(same(*pair, tolerance) for pair in zip(shown, wanted, strict=True))
    return abs(Decimal(shown) - Decimal(wanted)) <= tolerance


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_worked_examples(case: dict[str, Any]) -> None:
    shown = find(case["family"]).compute(case["inputs"])
    assert same(shown, case["expected"], Decimal(case.get("tolerance", "0"))), shown


def flow(date: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"contract": "C1", "date": date, "amount": amount, "currency": "CNY", **more}


BOOK = {
    "as_of": "2026-01-30",
    "flows": [
        flow("2026-01-31", "100.00", organisation="B1"),
        flow("2026-02-20", "40.00", organisation="B2", intragroup=True),
        flow("2026-02-20", "-40.00", organisation="B1", intragroup=True),
        flow("DEMAND", "-80.50", organisation="B2", product="DEMAND"),
        flow("UNDATED", "7", organisation="B2"),
        flow("2026-06-30", "10.00", currency="USD", organisation="B2"),
    ],
}


def test_gap_of_flows() -> None:
    result = find("gap").compute(BOOK | {"total_assets": {"CNY": "1000", "USD": "0"}})
    yuan, dollars = result["contractual"]
    assert yuan["inflow"]["ON"] == "100.00"
    assert yuan["outflow"]["ON"] == "80.50"
    assert yuan["gaps"]["UNDATED"] == "7.00"
    assert yuan["cumulative"]["Y5P"] == "19.50"
    assert "UNDATED" not in yuan["cumulative"]
    assert yuan["mismatch_30_day_exact"] == "39/2000"
    assert yuan["coverage_30_day_exact"] == "200/161"
    assert dollars["gaps"]["D91_180"] == "10.00"
    assert dollars["mismatch_30_day_pct"] is None
    assert dollars["status"] == "NOT_COMPUTABLE"
    assert "total assets are 0" in dollars["reason"]


def test_gap_by_organisation_keeps_intragroup_legs() -> None:
    by_organisation = find("gap").compute(BOOK | {"by": ["organisation"]})["contractual"]
    inflow = {(group["currency"], group["organisation"]): group["inflow"]["D8_30"] for group in by_organisation}
    assert inflow == {("CNY", "B1"): "0.00", ("CNY", "B2"): "40.00", ("USD", "B2"): "0.00"}
    only = find("gap").compute(BOOK | {"intragroup": "only"})["contractual"]
    assert [(group["currency"], group["outflow"]["D8_30"]) for group in only] == [("CNY", "40.00")]


def test_gap_in_one_currency_and_on_business_days() -> None:
    result = find("gap").compute(
        BOOK
        | {
            "reporting_currency": "CNY",
            "mid_rates": {"USD": "7.1"},
            "calendars": {"CNY": {}, "USD": {"holidays": []}},
        }
    )
    (together,) = result["contractual_all_currencies"]
    assert (together["currency"], together["inflow"]["D91_180"]) == ("CNY", "71.00")
    assert together["cumulative"]["Y5P"] == "90.50"


def test_behavioural_and_stressed_views() -> None:
    core = {"core_share": "0.6", "decay_rate": "0.05", "horizon_months": "3"}
    result = find("gap").compute(
        BOOK
        | {
            "behaviour": [{"name": "core", "kind": "core", "parameters": core, "where": {"product": ["DEMAND"]}}],
            "stress": [
                {"name": "run", "kind": "run_off", "parameters": {"run_off_rate": "0.08", "horizon_days": "7"}}
            ],
        }
    )
    views = {name: result[name][0]["outflow"] for name in ("contractual", "behavioural", "stressed")}
    assert views["contractual"]["ON"] == "80.50"
    assert views["behavioural"]["ON"] == "32.20"  # 40% of 80.50 is volatile
    assert (views["stressed"]["ON"], views["stressed"]["D2_7"], views["stressed"]["UNDATED"]) == (
        "0.00",
        "6.44",
        "74.06",
    )
    totals = [sum(Decimal(amount) for amount in outflow.values()) for outflow in views.values()]
    assert totals == [Decimal("80.50")] * 3


CONTRACTS = [
    {
        "side": "asset",
        "principal": "300",
        "currency": "CNY",
        "reprice_date": "2026-06-30",
        "maturity_date": "2030-01-01",
    },
    {"side": "liability", "principal": "200.50", "currency": "CNY", "maturity_date": "2026-02-28"},
    {"side": "asset", "principal": "9", "currency": "CNY"},
]


def test_repricing_gap_of_contracts() -> None:
    result = find("repricing_gap").compute({"as_of": "2026-01-31", "contracts": CONTRACTS, "rate_change": "0.01"})
    (yuan,) = result["currencies"]
    lines = {line["up_to"]: line for line in yuan["buckets"]}
    assert lines["UNSLOTTED"]["gap"] == "9.00"
    assert lines["UNSLOTTED"]["cumulative"] is None
    assert (lines["1M"]["gap"], lines["6M"]["gap"], lines[">20Y"]["cumulative"]) == ("-200.50", "300.00", "99.50")
    assert yuan["net_interest_income_change"] == "-0.0463915"  # -200.5 x (1 - .0417)% + 300 x (1 - .375)%
    assert yuan["assets_to_liabilities_1_year_exact"] == "600/401"


def test_repricing_gap_of_buckets() -> None:
    buckets = [
        {"midpoint_years": "0.5", "assets": "100", "liabilities": "60", "rate_change": "0.02"},
        {"midpoint_years": "2", "assets": "5", "liabilities": "0"},
    ]
    result = find("repricing-gap").compute({"buckets": buckets, "rate_change": "0.01"})
    assert result["gaps"] == ["40", "5"]
    assert result["net_interest_income_change"] == "0.4"
    assert result["assets_to_liabilities_1_year_pct"] == "166.666667"
    nothing = find("repricing_gap").compute({"buckets": buckets[1:]})
    assert nothing["status"] == "NOT_COMPUTABLE"
    assert "net_interest_income_change" not in nothing


def test_behaviour_fit_and_back_test() -> None:
    history = {"maturing": ["100"] * 4, "renewed": ["50", "50", "40", "60"]}
    fitted = find("behaviour").compute({"fit": "rollover", "history": history})
    assert fitted["parameters"] == {"rollover": "0.5000000000"}
    assert fitted["sample_size"] == 4
    tested = find("behaviour").compute({"back_test": "rollover", "history": history, "first_origin": 2, "horizon": 1})
    assert tested["overall"]["mean_absolute_error"] == "11.666667"
    assert [line["predicted"] for line in tested["forecasts"]] == ["50.000000", "46.666667"]
    core = {"balance": ["100"] * 14}
    tested = find("behaviour").compute({"back_test": "core", "history": core, "first_origin": 12, "horizon": 1})
    assert [line["upper"] for line in tested["forecasts"]] == [None, None]  # a core is a lower bound
    assert find("behaviour").compute({"fit": "core", "history": core})["status"] == "NOT_COMPUTABLE"


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("gap", {"inflow": {"ON": "-1"}, "outflow": {}}, "inflow.ON"),
        ("gap", {"inflow": {"D9": "1"}, "outflow": {}}, "inflow"),
        ("gap", BOOK | {"flows": [flow("2026-02-01", "1.005")]}, "flows[0].amount"),
        ("gap", BOOK | {"flows": [flow("2026-02-01", "1", currency="XYZ")]}, "flows[0].currency"),
        ("gap", BOOK | {"flows": [flow("2026-02-01", "1", rate="0.0123456789")]}, "flows[0].rate"),
        ("gap", BOOK | {"flows": [flow("tomorrow", "1")]}, "flows[0].date"),
        ("gap", BOOK | {"total_assets": {"CNY": "1"}}, "total_assets"),
        ("gap", BOOK | {"reporting_currency": "CNY"}, "mid_rates"),
        ("gap", BOOK | {"calendars": {"CNY": {"week": "0000000"}}}, "calendars"),
        ("gap", BOOK | {"stress": [{"name": "x", "kind": "nothing", "parameters": {}}]}, "kind"),
        ("behaviour", {"cpr": "1.2"}, "cpr"),
        ("behaviour", {"base_rate": "0", "sensitivity": "0", "balance": "1"}, "incentive"),
        ("behaviour", {"maturing": "1", "rollover": "1", "undrawn": "1", "drawdown_rate": "1"}, None),
        ("behaviour", {"fit": "rollover", "history": {"maturing": ["1", "1"]}}, "renewed"),
        ("repricing_gap", {"gaps": [{"midpoint_years": "-1", "gap": "1"}]}, "gaps[0].midpoint_years"),
        (
            "repricing_gap",
            {"gaps": [{"midpoint_years": "1", "gap": "1", "rate_change": "0"}, {"midpoint_years": "1", "gap": "1"}]},
            "gaps[1].rate_change",
        ),
        (
            "repricing_gap",
            {"as_of": "2026-01-31", "contracts": [CONTRACTS[0] | {"principal": "0.001"}]},
            "contracts[0].principal",
        ),
    ],
)
def test_bad_input_names_the_field(name: str, given: dict[str, Any], field: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(name).compute(given)
    if field is not None:
        assert str(caught.value.facts["field"]).startswith(field)
