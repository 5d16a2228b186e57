"""Calculations of forecasts, reconciliation, dispatch and data: worked examples, other shapes, zero, bad input."""

import json
from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences

FILES = ("02", "03", "04", "05", "06", "08-outlier", "41", "42", "54", "60", "63")
EXAMPLE = {case["id"]: case for number in FILES for case in cases(f"liq-{number}")}


def compute(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return find(name).compute(given)


def example(name: str, **changed: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = json.loads(json.dumps(EXAMPLE[name]["inputs"]))
    return inputs | changed


def refused(name: str, given: dict[str, Any]) -> tuple[Any, Any]:
    with pytest.raises(InvalidInput) as caught:
        compute(name, given)
    return caught.value.facts.get("field"), caught.value.facts.get("record")


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_worked_example(case: dict[str, Any]) -> None:
    assert differences(case) == []


@pytest.mark.parametrize("case", EXAMPLE.values(), ids=EXAMPLE.keys())
def test_every_result_has_tables(case: dict[str, Any]) -> None:
    calculation = find(case["family"])
    assert calculation.sheets is not None
    sheets = calculation.sheets(calculation.compute(case["inputs"]))
    assert sheets
    for sheet in sheets:
        assert sheet.rows
        assert set(sheet.amounts) <= set(sheet.columns)
        for row in sheet.rows:
            assert set(row) == set(sheet.columns)
            assert all(cell is None or isinstance(cell, str) for cell in row.values())


# -- a zero denominator is no error (decision Q5)


@pytest.mark.parametrize(
    ("name", "given", "null", "reason"),
    [
        (
            "withdrawal_forecast",
            {"reservations": [], "unreserved": [], "executed": {"reserved": [], "unreserved": []}},
            ("hit_rate_amount_pct", "hit_rate_count_pct"),
            "there was no large withdrawal",
        ),
        ("position_forecast", {"forecasts": [], "actuals": []}, ("wape_pct", "bias"), "there is no forecast"),
        ("position_forecast", {"forecasts": ["1"], "actuals": ["0"]}, ("wape_pct",), "every actual is 0"),
        (
            "reconciliation",
            {"as_of": "2024-03-01", "items": [], "transactions": []},
            ("rate_count_pct", "rate_amount_pct"),
            "there is no forecast item",
        ),
        ("outlier", {"history": [], "value": "1"}, ("is_outlier", "median"), "there is no history"),
        ("trend", {"values": ["1"]}, ("slope", "days_to_breach"), "one day was observed, so there is no slope"),
        (
            "disclosure",
            {"days": [{"date": "2024-03-29", "hqla": "1", "net_cash_outflows": "0"}]},
            ("lcr_pct", "lcr_exact", "meets_minimum", "ratio_of_averages_pct"),
            "there are no net cash outflows on 2024-03-29",
        ),
        (
            "data_quality",
            {"records": [], "rules": [{"rule_id": "R", "kind": "uniqueness", "weight": "1", "fields": ["a"]}]},
            ("score_pct",),
            "rule 'R' had nothing to look at",
        ),
        (
            "roll_up",
            {"rows": [], "measures": [{"name": "ldr", "kind": "ratio", "numerator": "a", "denominator": "b"}]},
            (),
            "ldr: the denominator is 0",
        ),
        ("model_backtest", {"forecasts": [], "probability": "0.1"}, ("bias", "verdict"), "there is no forecast"),
    ],
)
def test_a_zero_denominator_gives_null_with_the_reason(
    name: str, given: dict[str, Any], null: tuple[str, ...], reason: str
) -> None:
    found = compute(name, given)
    assert {key: found[key] for key in null} == dict.fromkeys(null)
    assert (found["status"], found["reason"]) == ("NOT_COMPUTABLE", reason)


# -- bad input names field and record


def entry(entry_id: str, amount: str = "1", **other: Any) -> dict[str, Any]:
    return {"id": entry_id, "direction": "out", "amount": amount, "value_date": "2024-03-01", **other}


RULE = {"rule_id": "R", "weight": "1"}


@pytest.mark.parametrize(
    ("name", "given", "field", "record"),
    [
        (
            "large_flow",
            example("liq-02-rolling")
            | {"flows": [{"time": "09:00", "amount": "1"}, {"time": "09:00", "amount": "1", "date": "2024-03-01"}]},
            "flows[1].date",
            "flows[1]",
        ),
        ("large_flow", {"available": "1", "amount": "0", "floor": "1"}, "amount", None),
        (
            "withdrawal_forecast",
            {
                "as_of": "2024-03-01",
                "days": ["2024-03-02"],
                "reservations": [],
                "history": [{"date": "2024-03-02", "amount": "1"}],
            },
            "history[0].date",
            "history[0]",
        ),
        (
            "withdrawal_forecast",
            {"as_of": "2024-03-01", "days": ["2024-03-01"], "reservations": [], "history": []},
            "days",
            None,
        ),
        ("position_forecast", example("liq-04-path", actuals=["720"]), "actuals", None),
        (
            "reconciliation",
            {"as_of": "2024-03-01", "items": [entry("F"), entry("F")], "transactions": []},
            "items[1].id",
            "items[1]",
        ),
        (
            "reconciliation",
            {
                "as_of": "2024-03-01",
                "items": [entry("F")],
                "transactions": [entry("T")],
                "manual": [{"item_id": "F", "transaction_ids": ["T"], "maker": "ann", "checker": "ann"}],
            },
            "manual[0].checker",
            "manual[0]",
        ),
        (
            "dispatch",
            example("liq-06-two-deficits", routes=[{"source": "A", "destination": "Z", "cost_bp": "1"}]),
            "routes[0].destination",
            "routes[0]",
        ),
        (
            "trend",
            {"metrics": [{"metric": "LCR", "values": ["1", "2"], "dates": ["2024-03-01", "2024-03-01"]}]},
            "metrics[0].dates[1]",
            "metrics[0]",
        ),
        ("trend", {"values": ["1", "2"], "dates": ["2024-03-01"]}, "dates", None),
        (
            "disclosure",
            example("liq-42-average", period_start="2024-03-28"),
            "days[0].date",
            "days[0]",
        ),
        (
            "disclosure",
            example(
                "liq-42-average",
                nsfr={"date": "2023-12-31", "available_stable_funding": "1", "required_stable_funding": "1"},
            ),
            "nsfr.date",
            None,
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "type", "field": "a"}]},
            "rules[0].type",
            "rules[0]",
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "uniqueness", "fields": ["a"], "tolerance": "1"}]},
            "rules[0].tolerance",
            "rules[0]",
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "domain", "field": "a"}]},
            "rules[0].values",
            "rules[0]",
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "reference", "field": "a", "reference": "codes"}]},
            "rules[0].reference",
            "rules[0]",
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "cross_field", "field": "a", "comparison": "="}]},
            "rules[0].other_field",
            "rules[0]",
        ),
        (
            "data_quality",
            {"records": [], "rules": [RULE | {"kind": "timeliness", "field": "a", "age_days_max": 1}]},
            "as_of",
            None,
        ),
        (
            "roll_up",
            example("liq-60-ratio", measures=[{"name": "r", "kind": "ratio", "numerator": "a", "field": "b"}]),
            "measures[0].denominator",
            "measures[0]",
        ),
        ("roll_up", example("liq-60-ratio", dimensions=["product"]), "rows[0].product", "rows[0]"),
        ("model_backtest", {"observations": 5, "exceptions": 6, "probability": "0.01"}, "exceptions", None),
        (
            "model_backtest",
            {"forecasts": [{"forecast": "1", "actual": "1"}], "probability": "0.1"},
            "forecasts[0].lower",
            "forecasts[0]",
        ),
    ],
)
def test_bad_input_is_named(name: str, given: dict[str, Any], field: str, record: str | None) -> None:
    assert refused(name, given) == (field, record)


def test_a_record_with_a_binary_float_is_refused() -> None:
    given = {"records": [{"a": 1.5}], "rules": [RULE | {"kind": "type", "field": "a", "type": "decimal"}]}
    assert refused("data_quality", given) == ("records[0].a", "records[0]")


# -- shapes beside the worked ones


def test_a_window_reaches_over_midnight() -> None:
    flows = [
        {"date": "2024-03-01", "time": "23:50", "amount": "20"},
        {"date": "2024-03-02", "time": "00:10", "amount": "30"},
    ]
    given = {"flows": flows, "single_threshold": "100", "rolling_threshold": "50"}
    assert compute("large_flow", given)["flows"][1]["is_rolling_alert"] is True


def test_withdrawals_by_day_and_organisation() -> None:
    def withdrawal(day: str, amount: str, organisation: str) -> dict[str, str]:
        return {"date": day, "amount": amount, "organisation": organisation}

    given = {
        "as_of": "2024-03-29",  # a Friday
        "days": ["2024-04-01"],
        "history": [
            withdrawal("2024-03-04", "10", "A"),
            withdrawal("2024-03-11", "30", "B"),
            withdrawal("2024-03-25", "50", "A"),
            withdrawal("2024-03-26", "99", "A"),  # a Tuesday
            withdrawal("2024-02-26", "77", "A"),  # the fifth Monday back
        ],
        "reservations": [
            {"status": "approved", "amount": "100", "value_date": "2024-04-01", "organisation": "A"},
            {"status": "approved", "amount": "900", "value_date": "2024-04-02", "organisation": "A"},
        ],
    }
    both, one, other = compute("withdrawal_forecast", given)["days"]
    assert [row["organisation"] for row in (both, one, other)] == [None, "A", "B"]
    assert [float(row["base"]) for row in (both, one, other)] == [22.5, 15, 7.5]  # 10 + 30 + 0 + 50 over four Mondays
    assert [row["worst"] for row in (both, one, other)] == ["150", "150", "30"]  # worst cases do not add up


def test_the_path_takes_the_smoothed_level_and_the_band_of_its_step() -> None:
    past = [{"step": 1, "forecast": str(100 + error), "actual": "100"} for error in range(11)]
    found = compute(
        "position_forecast",
        {
            "opening": "0",
            "days": [{"date": "2024-03-01"}, {"behavioural_net": "1"}],
            "smoothing": {"alpha": "0.3", "level": "40", "observations": ["50"]},
            "past": past,
        },
    )
    first, second = found["path"]
    assert (first["position"], first["low"], first["high"]) == ("43", "34", "42")
    assert (second["position"], second["low"], second["errors_used"]) == ("44", None, 0)
    assert float(found["past"]["bias"]) == 5


def test_amounts_of_two_currencies_have_no_common_rate() -> None:
    items = [entry("F1"), entry("F2", ccy="USD")]
    found = compute("reconciliation", {"as_of": "2024-03-01", "items": items, "transactions": [entry("T1")]})
    assert (found["rate_count_exact"], found["rate_amount_exact"]) == ("1/2", None)
    assert [row["rate_amount_exact"] for row in found["currencies"]] == ["1/1", "0/1"]
    assert (found["items"][0]["rung"], found["items"][0]["matched_by"]) == (2, "ACCOUNT_AND_DATE")


def test_a_closed_route_leaves_a_deficit_for_the_gates() -> None:
    route = {"source": "A", "destination": "B", "cost_bp": "1", "cut_off": "17:00"}
    for at, uncovered in (("17:00", "0"), ("17:00:01", "80")):
        nodes = [{"node": "A", "available": "80"}, {"node": "B", "available": "0", "target": "80"}]
        found = compute("dispatch", {"nodes": nodes, "routes": [route], "at": at})
        assert found["currencies"][0]["uncovered"] == uncovered


def test_a_series_finds_its_outliers() -> None:
    series = [*(str(100 + at % 3) for at in range(20)), "130", "101"]
    assert compute("outlier", {"series": series})["outliers"] == [1, 20]  # 1: after one observation any change is


def test_trends_use_the_last_observations_and_carry_on() -> None:
    metric = {"metric": "LCR", "values": ["1", "9", "118", "116", "115", "113"], "minimum": "100"}
    given = {"metrics": [metric | {"last_observations": 4, "horizon_days": 5}]}
    (row,) = compute("trend", given)["metrics"]
    assert (row["days_to_breach"], float(row["value_at_horizon"]), row["observations"]) == (9, 105, 4)
    late = compute("trend", {"values": ["102", "99"], "minimum": "100"})
    assert (late["days_to_breach"], late["is_breached"]) == (0, True)


def test_a_table_has_lines_of_both_ratios() -> None:
    given = example(
        "liq-42-average",
        nsfr={
            "date": "2024-03-31",
            "available_stable_funding": "110",
            "required_stable_funding": "100",
            "lines": {"33": {"unweighted": "150", "weighted": "100"}},
        },
    )
    given["days"][0]["lines"] = {"21": {"unweighted": "30", "weighted": "3"}}
    found = compute("disclosure", given)
    assert found["nsfr"]["nsfr_exact"] == "11/10"
    assert [(line["table"], float(line["weighted"])) for line in found["lines"]] == [("LCR", 1), ("NSFR", 100)]


def test_rules_on_records_reject_and_block() -> None:
    given = {
        "as_of": "2024-03-31",
        "references": {"currencies": ["CNY", "USD"]},
        "yesterday": [{"id": "1", "amount": "100"}],
        "records": [
            {"id": "1", "ccy": "CNY", "amount": "180", "start": "2024-03-30", "end": "2024-04-30"},
            {"id": "1", "ccy": "XXX", "amount": "20", "start": "2024-03-01", "end": "2024-02-01"},
        ],
        "rules": [
            {"rule_id": "id", "kind": "uniqueness", "severity": "critical", "weight": "0.2", "fields": ["id"]},
            {"rule_id": "ccy", "kind": "reference", "weight": "0.2", "field": "ccy", "reference": "currencies"},
            {
                "rule_id": "days",
                "kind": "cross_field",
                "weight": "0.2",
                "field": "end",
                "comparison": ">=",
                "other_field": "start",
            },
            {"rule_id": "new", "kind": "timeliness", "weight": "0.2", "field": "start", "age_days_max": 1},
            {
                "rule_id": "move",
                "kind": "plausibility",
                "weight": "0.1",
                "field": "amount",
                "key_fields": ["id"],
                "tolerance": "0.9",
            },
            {
                "rule_id": "gl",
                "kind": "tie_out",
                "weight": "0.1",
                "field": "amount",
                "general_ledger": {"": "200"},
                "tolerance": "0",
            },
        ],
    }
    found = compute("data_quality", given)
    assert [row["failed"] for row in found["rules"]] == [["1"], ["1"], ["1"], ["1"], [], []]
    assert (found["score_exact"], found["may_publish"], found["blocked_by"]) == ("3/5", False, ["id"])
    assert (found["rejects"], found["failed"]) == ([1], ["id", "ccy", "days", "new"])


def test_an_organisation_tree_leaves_out_what_stays_inside() -> None:
    rows = [
        {"dimensions": {"organisation": "A1"}, "amounts": {"x": "9"}, "other_leg": {"organisation": "A2"}},
        {"dimensions": {"organisation": "A2"}, "amounts": {"x": "-9"}, "other_leg": {"organisation": "A1"}},
        {"dimensions": {"organisation": "A1"}, "amounts": {"x": "2"}, "ccy": "USD"},
    ]
    given = {
        "rows": rows,
        "measures": [{"name": "net", "kind": "amount", "field": "x"}],
        "dimensions": ["organisation"],
        "reporting_currency": "CNY",
        "rates": {"USD": "7.1"},
        "organisation_parents": {"A1": "A", "A2": "A"},
    }
    cells = {row["organisation"]: (row["net"], row["eliminated_rows"]) for row in compute("roll_up", given)["cells"]}
    assert cells == {"A": ("14.2", 2), "A1": ("23.2", 0), "A2": ("-9", 0)}
    only = given | {"filters": {"organisation": ["A2"]}, "dimensions": []}
    found = compute("roll_up", only)
    assert (found["cells"][0]["net"], found["cells"][0]["eliminated_rows"]) == ("-9", 0)  # as in the cell of A2


def test_a_band_is_tested_with_its_forecasts() -> None:
    lines = [{"forecast": "10", "actual": "12", "upper": "11"}] * 3 + [
        {"forecast": "10", "actual": "8", "upper": "11"}
    ]
    found = compute("model_backtest", {"forecasts": lines, "probability": "0.01"})
    assert (found["exceptions"], found["exceptions_at"], found["verdict"]) == (3, [0, 1, 2], "REJECT")
    assert (found["finding"], found["wape_exact"], float(found["bias"])) == ("TOO_MANY_EXCEPTIONS", "2/11", -1)
