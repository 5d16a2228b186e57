"""Calculations of liquidity indicators, need, limits and warning: worked examples, other shapes, zero, bad input."""

from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences

EXAMPLES = ("07", "10", "14", "17", "18", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "36", "37")
EXAMPLE = {case["id"]: case for number in EXAMPLES for case in cases(f"liq-{number}")}


def compute(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return find(name).compute(given)


def example(name: str, **changed: Any) -> dict[str, Any]:
    """The inputs of a worked example, some keys changed; None takes a key away."""
    inputs = EXAMPLE[name]["inputs"] | changed
    return {key: value for key, value in inputs.items() if value is not None}


def refused(name: str, given: dict[str, Any]) -> tuple[Any, Any]:
    with pytest.raises(InvalidInput) as caught:
        compute(name, given)
    return caught.value.facts.get("field"), caught.value.facts.get("record")


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_worked_example(case: dict[str, Any]) -> None:
    assert differences(case) == []


# -- a zero denominator is no error (decision Q5)


@pytest.mark.parametrize(
    ("name", "given", "null", "reason"),
    [
        (
            "adjusted_liquidity_ratio",
            {
                "liquid_assets": "5",
                "liquid_liabilities": "7",
                "adjustments": [{"side": "liability", "amount": "7"}],
                "minimum_pct": "25",
            },
            ("adjusted_liquidity_ratio_pct", "adjusted_liquidity_ratio_exact", "meets_minimum"),
            "adjusted liquid liabilities are 0",
        ),
        (
            "loan_to_deposit",
            {"loans": "5", "deposits": "0"},
            ("loan_to_deposit_pct", "loan_to_deposit_exact", "meets_maximum", "headroom_pct", "headroom_exact"),
            "deposits are 0",
        ),
        (
            "liquidity_gap_ratio",
            {"assets_90d": "0", "liabilities_90d": "4"},
            ("liquidity_gap_ratio_pct", "liquidity_gap_ratio_exact", "meets_minimum"),
            "assets that mature within 90 days are 0",
        ),
        (
            "core_liability_ratio",
            example("liq-25-half-of-demand", total_liabilities="0"),
            ("core_liability_ratio_pct", "core_liability_ratio_exact", "meets_minimum"),
            "total liabilities are 0",
        ),
        (
            "excess_reserve_ratio",
            example("liq-26-rmb", deposits="0"),
            ("excess_reserve_ratio_pct", "excess_reserve_ratio_exact", "is_amber"),
            "deposits are 0",
        ),
        ("concentration", {"balances": []}, ("top_share_pct", "top_share_exact"), "the total is 0"),
        (
            "reserve",
            {"maintenance_days": 1, "required_average": "5", "balances": ["4"]},
            ("needed_average", "needed_average_exact"),
            "no days are left in the maintenance period",
        ),
    ],
)
def test_a_zero_denominator_gives_null_with_the_reason(
    name: str, given: dict[str, Any], null: tuple[str, ...], reason: str
) -> None:
    found = compute(name, given)
    assert {key: found[key] for key in null} == dict.fromkeys(null)
    assert (found["status"], found["reason"]) == ("NOT_COMPUTABLE", reason)


def test_amounts_are_there_where_the_ratio_is_not() -> None:
    assert compute("liquidity_gap_ratio", {"assets_90d": "0", "liabilities_90d": "4"})["liquidity_gap_90d"] == "-4"
    tiers = compute("reserve_tiers", {"tiers": [{"amount": "5", "outflow": "0"}, {"amount": "1", "outflow": "3"}]})
    assert [row["meets_target"] for row in tiers["tiers"]] == [None, True]
    assert tiers["reason"] == "the outflow of tier 1 is 0"
    empty = compute("liquid_assets", {"cash": "0", "excess_reserves": "0", "holdings": []})
    assert (empty["total_market_value"], empty["lines"][0]["share_pct"]) == ("0", None)
    assert empty["status"] == "NOT_COMPUTABLE"


# -- limits are inclusive, on the exact value


@pytest.mark.parametrize(
    ("name", "given", "key", "passes"),
    [
        ("loan_to_deposit", {"loans": "75", "deposits": "100"}, "meets_maximum", True),
        ("loan_to_deposit", {"loans": "75.0000000001", "deposits": "100"}, "meets_maximum", False),
        ("liquidity_gap_ratio", {"assets_90d": "100", "liabilities_90d": "110"}, "meets_minimum", True),
        ("liquidity_gap_ratio", {"assets_90d": "100", "liabilities_90d": "110.0000000001"}, "meets_minimum", False),
    ],
)
def test_the_limit_itself_passes(name: str, given: dict[str, Any], key: str, passes: bool) -> None:
    found = compute(name, given)
    assert found[key] is passes


def test_a_target_of_the_adjusted_ratio_is_only_there_where_it_is_chosen() -> None:
    assert "meets_minimum" not in compute("adjusted_liquidity_ratio", example("liq-22-encumbered"))
    for minimum, passes in (("25", True), ("100", False)):
        found = compute("adjusted_liquidity_ratio", example("liq-22-encumbered", minimum_pct=minimum))
        assert found["meets_minimum"] is passes


# -- shapes beside the worked one


def test_gap_items_use_the_window_and_the_prudent_date() -> None:
    items = [
        {"side": "asset", "amount": "10", "date": "2024-06-30"},  # n = 90, inside
        {"side": "obs_in", "amount": "2", "date": "2024-06-30", "adjusted_date": "2024-07-01"},  # later: outside
        {"side": "liability", "amount": "5", "date": "2024-06-30", "adjusted_date": "2024-07-01"},  # earlier: inside
        {"side": "obs_out", "amount": "1", "date": "2024-07-01"},
        {"side": "asset", "amount": "7", "date": "2024-03-31"},  # overdue
    ]
    found = compute("liquidity_gap_ratio", {"as_of": "2024-04-01", "items": items})
    assert (found["assets_90d"], found["liabilities_90d"], found["overdue_not_counted"]) == ("10", "5", "7")


def test_the_core_of_demand_deposits_stays_in_unless_switched_on() -> None:
    given = {"assets_90d": "100", "liabilities_90d": "120", "demand_deposit_core": "30"}
    assert compute("liquidity_gap_ratio", given)["liquidity_gap_90d"] == "-20"
    switched = given | {"exclude_demand_deposit_core": True}
    assert compute("liquidity_gap_ratio", switched)["liquidity_gap_90d"] == "10"
    del switched["demand_deposit_core"]
    assert refused("liquidity_gap_ratio", switched) == ("demand_deposit_core", None)


HISTORY = [
    {"date": "2023-03-30", "balance": "100"},  # before the one in force: not used
    {"date": "2023-03-31", "balance": "2700"},
    {"date": "2023-09-15", "balance": "2600"},
    {"date": "2024-03-31", "balance": "4000"},
]


def with_history(history: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    sums = {"time_deposits_3m": "3000", "issued_bonds_3m": "500", "total_liabilities": "9500"}
    return compute("core_liability_ratio", {"as_of": "2024-03-31", "demand_balances": history, **sums, **more})


def test_the_low_of_twelve_months_comes_from_closings() -> None:
    found = with_history(HISTORY)
    assert (found["demand_deposit_core"], found["core_liability_ratio_exact"]) == ("2600", "61/95")
    assert (found["closings_used"], found["longest_gap_days"]) == (3, 198)


def test_a_short_history_has_no_ratio_unless_it_is_accepted() -> None:
    short = with_history(HISTORY[2:])
    assert (short["status"], short["core_liability_ratio_pct"], short["core_liabilities"]) == (
        "NOT_COMPUTABLE",
        None,
        None,
    )
    assert with_history(HISTORY[2:], accept_short_history=True)["core_liabilities"] == "6100"
    assert with_history([], accept_short_history=True)["reason"] == "there is no demand-deposit balance"


def test_core_terms_have_three_calendar_months_left_the_day_included() -> None:
    lines = [
        {"kind": "time_deposit", "amount": "3000", "maturity_date": "2024-06-30"},  # 31 March + 3 months, clipped
        {"kind": "time_deposit", "amount": "999", "maturity_date": "2024-06-29"},
        {"kind": "issued_bond", "amount": "500", "maturity_date": "2030-01-01"},
    ]
    given = {
        "as_of": "2024-03-31",
        "demand_balances": HISTORY,
        "total_liabilities": "9500",
        "term_liabilities": lines,
    }
    assert compute("core_liability_ratio", given)["core_liabilities"] == "6100"


def test_tiers_of_assets_by_kind() -> None:
    lines = [
        {"kind": "cash", "amount": "80"},
        {"kind": "excess_reserves", "amount": "420"},
        {"kind": "repo_eligible_level1", "amount": "200"},
        {"kind": "demand_interbank", "amount": "100"},
        {"kind": "other_saleable", "amount": "180"},
    ]
    found = compute("reserve_tiers", {"lines": lines, "outflows": ["450", "750", "1000"]})
    assert [row["coverage_exact"] for row in found["tiers"]] == ["10/9", "16/15", "49/50"]
    assert refused("reserve_tiers", {"lines": lines, "outflows": ["1"]}) == ("outflows", None)


def test_connected_customers_are_one_and_equals_go_by_id() -> None:
    balances = [
        {"customer": "B", "amount": "30"},
        {"customer": "A", "amount": "30"},
        {"customer": "C", "group": "G", "amount": "20"},
        {"customer": "D", "group": "G", "amount": "15"},
    ]
    found = compute("concentration", {"balances": balances, "top": 2})
    assert [row["customer"] for row in found["customers"]] == ["G", "A"]
    assert found["top_share_exact"] == "13/19"
    assert refused("concentration", {"balances": balances, "total": "94"}) == ("total", None)


def test_concentration_by_dimension_takes_the_total_of_each_population() -> None:
    balances = [
        {"customer": "A", "amount": "30", "currency": "USD", "product": "time"},
        {"customer": "A", "amount": "10", "currency": "CNY", "product": "time"},
        {"customer": "B", "amount": "30", "currency": "CNY", "product": "demand"},
    ]
    found = compute("concentration", {"balances": balances, "by": ["currency"], "top": 1})["populations"]
    assert [(one["currency"], one["top_share_pct"]) for one in found] == [("CNY", "75.000000"), ("USD", "100.000000")]
    assert len(compute("concentration", {"balances": balances, "by": ["currency", "product"]})["populations"]) == 3


def test_liquid_assets_by_class_level_and_currency() -> None:
    line = {"security_id": "U", "asset_class": "sovereign", "hqla_level": "L1", "currency": "USD", "face": "100"}
    given = {
        "cash": "10",
        "excess_reserves": "0",
        "holdings": [line | {"dirty_price": "50", "fx": "7"}],
        "haircuts": {"L1": "0.1"},
    }
    found = compute("liquid_assets", given)
    assert [(row["currency"], row["liquidity_value"]) for row in found["by_currency"]] == [
        ("CNY", "10"),
        ("USD", "315"),
    ]
    assert [row["asset_class"] for row in found["by_asset_class"]] == ["cash", "excess_reserves", "sovereign"]
    assert [(row["hqla_level"], row["share_pct"]) for row in found["by_hqla_level"]] == [("L1", "100.000000")]
    assert refused("liquid_assets", given | {"haircuts": {}}) == ("holdings[0].haircut", "holdings[0]")
    pledged = [line | {"dirty_price": "50", "haircut": "0", "encumbered_face": "101"}]
    assert refused("liquid_assets", given | {"holdings": pledged}) == ("holdings[0].encumbered_face", "holdings[0]")


def test_need_with_own_weights_and_a_reserve_above_the_balance() -> None:
    given = example("liq-28-set-b", weights={"hot": "1", "volatile": "0.5", "core": "0"})
    given["volatile"] = {"balance": "100", "required_reserve": "160"}
    found = compute("liquidity_need", given)
    assert (found["weight_set"], found["hot_need"], found["volatile_need"]) == ("own", "920", "0")


def test_periods_cumulate_their_needs() -> None:
    one = {"uses": [{"amount": "10"}], "sources": [{"amount": "4"}]}
    other = {"uses": [{"amount": "-3"}], "sources": [{"amount": "5"}]}  # loans shrink
    found = compute("sources_and_uses", {"periods": [one, other]})["periods"]
    assert [(row["funding_need"], row["cumulative_funding_need"]) for row in found] == [("6", "6"), ("-8", "-2")]
    assert [row["position"] for row in found] == ["SHORTAGE", "SURPLUS"]


def test_the_funding_gap_of_daily_closings() -> None:
    closings = [
        {"date": "2024-01-01", "loans": "100", "core_deposits": "40"},
        {"date": "2024-01-03", "loans": "130", "core_deposits": "40"},
    ]
    found = compute("funding_gap", {"closings": closings, "period_end": "2024-01-03", "liquid_assets": "5"})
    assert (found["average_loans"], found["funding_gap_exact"], found["borrowing_need"]) == (
        "110.000000",
        "70/1",
        "75.000000",
    )
    bad = {"closings": closings[::-1], "period_end": "2024-01-03", "liquid_assets": "5"}
    assert refused("funding_gap", bad) == ("closings[1].date", "closings[1]")
    late = {"closings": closings, "period_end": "2024-01-02", "liquid_assets": "5"}
    assert refused("funding_gap", late) == ("closings[1].date", "closings[1]")


def test_indicators_compare_with_before_and_with_peers() -> None:
    sheet = example("liq-31-eight-ratios")
    found = compute(
        "liquidity_indicators",
        sheet | {"previous": sheet | {"cash": "400", "loans_and_leases": "6100"}, "peers": {"capacity": "0.60"}},
    )
    rows = {row["indicator"]: row for row in found["indicators"]}
    assert (rows["cash_position"]["change_pct"], rows["cash_position"]["change_means"]) == ("1.000000", "MORE_LIQUID")
    assert rows["capacity"]["change_means"] == "LESS_LIQUID"  # more loans, higher ratio, less liquid
    assert rows["core_deposits"]["change_means"] == "UNCHANGED"
    assert (rows["capacity"]["difference_pct"], rows["capacity"]["difference_means"]) == ("2.000000", "LESS_LIQUID")
    assert rows["cash_position"]["difference_pct"] is None


def test_an_indicator_without_denominator_leaves_the_others() -> None:
    found = compute("liquidity_indicators", example("liq-31-eight-ratios", time_deposits="0"))
    assert found["indicators"][7]["ratio_pct"] is None
    assert found["indicators"][0]["ratio_pct"] == "8.000000"
    assert found["reason"] == "time deposits are 0"


@pytest.mark.parametrize(
    ("balance", "action", "amount"),
    [("84", "RAISE", "16"), ("100", "HOLD", "0"), ("130", "HOLD", "0"), ("131", "PLACE", "1"), ("70", "RAISE", "30")],
)
def test_the_reserve_is_brought_into_its_corridor(balance: str, action: str, amount: str) -> None:
    given = {
        "central_bank_balance": balance,
        "required_reserve_ratio": "0.08",
        "reservable_deposits": "1000",
        "corridor": {"low": "0.02", "high": "0.05"},
    }
    found = compute("reserve", given)
    assert (found["required_reserves"], found["action"], found["action_amount"]) == ("80", action, amount)


def test_both_parts_of_the_reserve_say_why_they_have_no_value() -> None:
    given = {
        "central_bank_balance": "1",
        "required_reserve_ratio": "0",
        "reservable_deposits": "0",
        "corridor": {"low": "0", "high": "1"},
        "averaging": {"maintenance_days": 1, "required_average": "1", "balances": ["1"]},
    }
    found = compute("reserve", given)
    assert found["reason"] == "deposits are 0; no days are left in the maintenance period"
    assert found["action"] is None
    given["averaging"]["balances"] = ["1", "1"]  # type: ignore[index]
    assert refused("reserve", given) == ("averaging.balances", None)


def test_lines_that_are_not_committed_count_nothing() -> None:
    lines = [{"undrawn": "50", "lead_days": 3, "is_committed": False}]
    assert compute("survival_horizon", example("liq-14-line-from-day-3", facilities=lines))["horizon_days"] == 4


def limit(**changed: Any) -> dict[str, Any]:
    return {"limit_id": "A", "metric": "m", "value": "1", "maximum": "2", **changed}


@pytest.mark.parametrize(
    ("line", "light", "exact"),
    [
        (limit(value="2"), "AMBER", "0/1"),
        (limit(value="2.0000001"), "RED", "-1/20000000"),
        (limit(value="1.9"), "GREEN", "1/20"),  # exactly 5% is not below 5%
        (limit(value="1.9", amber_headroom="0.1"), "AMBER", "1/20"),
        (limit(minimum="0.5", value="0.51"), "AMBER", "1/50"),  # a range: the nearer edge
        (limit(maximum="0", value="-0.01"), "AMBER", "1/100"),  # an edge of 0: absolute
        (limit(maximum="0", minimum="-1", value="-0.9"), "GREEN", "1/10"),
        (limit(maximum="-4", value="-5"), "GREEN", "1/4"),  # a share of the edge's size
    ],
)
def test_headroom_and_light(line: dict[str, Any], light: str, exact: str) -> None:
    row = compute("limits", {"limits": [line]})["limits"][0]
    assert (row["light"], row["headroom_exact"]) == (light, exact)
    assert (row["headroom_pct"] is None) == row["is_absolute"]


@pytest.mark.parametrize(
    ("child", "field"),
    [
        ({"maximum": "2.1"}, "maximum"),
        ({"maximum": None, "minimum": "0"}, "maximum"),
        ({"metric": "other"}, "metric"),
        ({"parent": "C"}, "parent"),
        ({"parent": "B"}, "parent"),  # itself
        ({"limit_id": "A"}, "limit_id"),
        ({"maximum": None}, "minimum"),
        ({"minimum": "3"}, "minimum"),
    ],
)
def test_a_limit_that_breaks_the_tree_is_refused(child: dict[str, Any], field: str) -> None:
    line = limit(limit_id="B", parent="A") | child
    assert refused("limits", {"limits": [limit(), line]}) == (f"limits[1].{field}", "limits[1]")


def test_a_tighter_child_is_welcome_and_a_metric_without_value_has_no_light() -> None:
    lines = [limit(value=None), limit(limit_id="B", parent="A", maximum="1.5", minimum="0")]
    found = compute("limits", {"limits": lines})
    assert found["limits"][0]["light"] is None
    assert found["status"] == "NOT_COMPUTABLE"
    assert found["worst"] == found["limits"][1]["light"] == "GREEN"


def warned(*levels: int, **more: Any) -> dict[str, Any]:
    weight = {1: "1", 2: "0.5"}[len(levels)]
    lines = [{"name": f"i{at}", "weight": weight, "level": level} for at, level in enumerate(levels)]
    return compute("early_warning", {"indicators": lines, **more})


def test_a_knock_out_indicator_forces_red() -> None:
    lines = [
        {"name": "calm", "weight": "0.9", "level": 0},
        {"name": "failed payments", "weight": "0.1", "level": 2, "knock_out_level": 2},
    ]
    found = compute("early_warning", {"indicators": lines})
    assert (found["score"], found["level"], found["knocked_out_by"]) == ("0.200000", "RED", ["failed payments"])
    lines[1]["level"] = 1
    assert compute("early_warning", {"indicators": lines})["level"] == "NORMAL"


def test_a_value_takes_its_level_from_bands() -> None:
    line = {"name": "lcr", "weight": "1", "value": "1.05", "bands": ["1.2", "1.1", "1"], "direction": "min"}
    found = compute("early_warning", {"indicators": [line]})
    assert (found["indicators"][0]["level"], found["level"], found["next_check_hours"]) == (2, "ORANGE", 1)
    assert refused("early_warning", {"indicators": [line | {"bands": ["1", "1.1", "1.2"]}]}) == (
        "indicators[0].bands",
        "indicators[0]",
    )
    assert refused("early_warning", {"indicators": [line | {"level": 1}]}) == ("indicators[0].level", "indicators[0]")
    del line["bands"]
    assert refused("early_warning", {"indicators": [line]}) == ("indicators[0].bands", "indicators[0]")


def test_a_level_falls_after_three_clean_checks_to_the_worst_of_them() -> None:
    before: dict[str, Any] = {"level": "RED"}
    held = []
    for level in (2, 0, 0):
        found = warned(level, previous=before)
        before = {key: found[key] for key in ("level", "clean_checks", "worst_clean")}
        held.append((found["score_level"], found["level"], found["next_check_hours"]))
    assert held == [("ORANGE", "RED", 0), ("NORMAL", "RED", 0), ("NORMAL", "ORANGE", 1)]
    assert warned(3, 3, previous={"level": "NORMAL"})["level"] == "RED"  # up at once


def test_weights_add_up_to_one() -> None:
    lines = [{"name": "a", "weight": "0.5", "level": 1}, {"name": "b", "weight": "0.4", "level": 1}]
    assert refused("early_warning", {"indicators": lines}) == ("indicators", None)


@pytest.mark.parametrize(
    ("name", "given", "field", "record"),
    [
        (
            "adjusted_liquidity_ratio",
            {
                "liquid_assets": "5",
                "liquid_liabilities": "7",
                "adjustments": [{"side": "asset", "amount": "3"}, {"side": "asset", "amount": "3"}],
            },
            "adjustments[1].amount",
            "adjustments[1]",
        ),
        ("liquidity_gap_ratio", {"assets_90d": "-1", "liabilities_90d": "1"}, "assets_90d", None),
        ("concentration", {"balances": [{"customer": "A", "amount": "-1"}]}, "balances[0].amount", "balances[0]"),
        (
            "reserve",
            {
                "central_bank_balance": "1",
                "required_reserve_ratio": "0",
                "reservable_deposits": "1",
                "corridor": {"low": "1", "high": "0"},
            },
            "corridor.low",
            None,
        ),
        ("four_positions", {"change": {}}, "change.deposits_before", None),
    ],
)
def test_bad_input_names_field_and_record(name: str, given: dict[str, Any], field: str, record: str | None) -> None:
    assert refused(name, given) == (field, record)
