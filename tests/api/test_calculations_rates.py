"""`calc eve`, `nii`, `capital`, `classification`, `intraday`: golden cases, tables as defaults, what is refused."""

from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences

FILES = ("eve", "nii", "capital", "classification", "intraday", "liq-09", "liq-15-nii", "liq-49-capital")

EVE_TABLE_KEYS = ("parallel_bp", "short_bp", "long_bp", "sizes_bp", "x", "outlier_threshold", "bucket_midpoints")
CAPITAL_TABLE_KEYS = ("minimums", "floor", "secured_share", "secured_weight")
CLASSIFICATION_TABLE_KEYS = ("general_rate", "specific_rates", "coverage_minimum", "loan_provision_minimum")


def compute(name: str, **given: Any) -> dict[str, Any]:
    return find(name).compute(given)


def refused(name: str, **given: Any) -> dict[str, str | int]:
    with pytest.raises(InvalidInput) as caught:
        find(name).compute(given)
    return caught.value.facts


@pytest.mark.parametrize(
    "case", [case for name in FILES for case in cases(name)], ids=lambda case: f"{case['family']}-{case['id']}"
)
def test_golden(case: dict[str, Any]) -> None:
    assert differences(case) == []


def without(inputs: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(inputs, dict):
        return {key: without(value, keys) for key, value in inputs.items() if key not in keys}
    return inputs


@pytest.mark.parametrize(
    "case", [case for case in cases("eve") if case["id"].startswith("eve")], ids=lambda c: c["id"]
)
def test_the_table_has_what_the_cases_give(case: dict[str, Any]) -> None:
    assert differences(case | {"inputs": without(case["inputs"], EVE_TABLE_KEYS)}) == []


def test_minimums_floors_and_rates_come_from_the_table() -> None:
    by_id = {case["id"]: case for name in ("capital", "classification") for case in cases(name)}
    for case_id in ("cap-001", "cap-003", "cap-004", "cap-006", "class-003"):
        case = by_id[case_id]
        bare = without(case["inputs"], (*CAPITAL_TABLE_KEYS, *CLASSIFICATION_TABLE_KEYS))
        framework = {"framework": "BCBS"} if case_id == "cap-001" else {}
        assert differences(case | {"inputs": bare | framework}) == [], case_id


# -- eve and nii

BOOK: dict[str, Any] = {"net_cash_flows": ["100"] * 19, "flat_base_rate": "0.02", "currency": "CNY"}


def test_the_calibration_is_a_dated_setting() -> None:
    assert compute("eve", **BOOK)["calibration"] == "2024"
    assert compute("eve", **BOOK, as_of="2025-12-31")["calibration"] == "2016"
    assert compute("eve", **BOOK, as_of="2025-12-31")["sizes_bp"] == ["250.00", "300.00", "150.00"]
    assert compute("eve", **BOOK, as_of="2026-01-01")["sizes_bp"] == ["225.00", "300.00", "150.00"]
    assert refused("eve", **BOOK, as_of="2017-12-31")["field"] == "as_of"
    assert refused("eve", **BOOK, calibration="2020")["field"] == "calibration"


def test_a_given_size_wins_and_is_listed() -> None:
    found = compute("eve", **BOOK, parallel_bp="200")
    assert found["overrides"] == [{"field": "parallel_bp", "code": "CNY", "used": "200.00", "table": "225.00"}]
    unknown = BOOK | {"currency": "XAF"}
    assert refused("eve", **unknown, parallel_bp="200")["field"] == "currency"
    given = {"parallel_bp": "200", "short_bp": "300", "long_bp": "100"}
    assert compute("eve", **unknown, **given)["overrides"] == []
    assert refused("eve", net_cash_flows=["1"] * 19, flat_base_rate="0")["field"] == "currency"


def test_dated_flows_are_slotted_as_the_buckets_say() -> None:
    flows = [
        {"date": "2026-01-31", "amount": "10.5"},
        {"date": "2026-03-01", "amount": "-0.25"},
        {"date": "2026-03-31", "amount": "4"},
        {"date": "2025-12-31", "amount": "7"},
    ]
    found = compute("eve", as_of="2026-01-31", cash_flows=flows, currency="CNY", flat_base_rate="0.02")
    assert found["net_cash_flows"] == ["10.5", "0", "3.75", *["0"] * 16]
    assert found["not_slotted"] == "7"
    book = compute("eve", **(BOOK | {"net_cash_flows": found["net_cash_flows"], "as_of": "2026-01-31"}))
    assert {key: found[key] for key in book} == book
    huge = [{"date": "2026-01-31", "amount": "1" + "0" * 30}]
    assert (
        refused("eve", as_of="2026-01-31", cash_flows=huge, currency="CNY", flat_base_rate="0")["field"]
        == "cash_flows"
    )


def test_tier_1_of_zero_is_not_computable() -> None:
    found = compute("eve", **BOOK, tier1_capital="0")
    assert (found["pct_of_tier1"], found["outlier"], found["status"]) == (None, None, "NOT_COMPUTABLE")
    assert "outlier" not in compute("eve", **BOOK)


def test_a_base_rate_below_the_floor_is_named() -> None:
    found = compute("eve", **(BOOK | {"flat_base_rate": "-0.02"}), floor="-0.01")
    assert found["base_below_floor"] == list(range(19))
    assert found["scenarios"]["parallel_down"]["delta_eve_loss"] == "0.000000"
    assert "base_below_floor" not in compute("eve", **BOOK, floor="-0.01")


def test_automatic_options_are_losses_of_their_scenario() -> None:
    plain, found = compute("eve", **BOOK), compute("eve", **BOOK, automatic_option_losses={"parallel_up": "3.5"})
    up, with_option = (result["scenarios"]["parallel_up"] for result in (plain, found))
    assert float(with_option["delta_eve_loss"]) == pytest.approx(float(up["delta_eve_loss"]) + 3.5, abs=1e-6)
    assert with_option["eve"] == up["eve"]


def test_bad_books_name_field_and_record() -> None:
    assert refused("eve", **(BOOK | {"net_cash_flows": ["1"]}))["field"] == "net_cash_flows"
    assert refused("eve", **BOOK, base_rates=["0"] * 19)["field"] == "base_rates"
    assert refused("eve", **BOOK, floor="0.01")["field"] == "floor"
    assert refused("eve", **BOOK, bucket_midpoints=["1"] * 18 + ["999"])["record"] == "bucket_midpoints[18]"
    facts = refused("eve", books={"USD": {"net_cash_flows": ["1"], "flat_base_rate": "0"}})
    assert facts == {"field": "books.USD.net_cash_flows", "record": "books.USD"}
    deposit = {"category": "gold", "balance": "1", "stable_share": "1", "core_share_of_stable": "1"}
    assert refused("eve", deposits=[deposit]) == {"field": "deposits[0].core_cap", "record": "deposits[0]"}


def test_core_caps_come_from_the_table_and_a_differing_one_is_listed() -> None:
    deposit = {"category": "wholesale", "balance": "100", "stable_share": "1", "core_share_of_stable": "1"}
    found = compute("eve", deposits=[deposit, deposit | {"core_cap": "0.4"}])
    assert [line["core_balance"] for line in found["deposits"]] == ["50.000000", "40.000000"]
    assert [line["average_maturity_cap_years"] for line in found["deposits"]] == ["4", "4"]
    assert [line["field"] for line in found["overrides"]] == ["deposits[1].core_cap"]


LINES = [{"midpoint_years": "0.5", "repricing_assets": "100", "repricing_liabilities": "60"}]


def test_both_parallel_shocks_mirror() -> None:
    found = compute("nii", buckets=LINES, currency="CNY", base_nii="10")
    assert found["scenarios"]["parallel_up"]["delta_nii"] == "0.45000000"
    assert found["scenarios"]["parallel_down"]["delta_nii"] == "-0.45000000"
    assert found["scenarios"]["parallel_up"]["delta_nii_pct_of_base"] == "4.50000000"
    given = compute("nii", buckets=LINES, currency="CNY", parallel_bp="100")
    assert given["scenarios"]["parallel_up"]["delta_nii"] == "0.20000000"
    assert [line["field"] for line in given["overrides"]] == ["parallel_bp"]
    assert compute("nii", buckets=LINES, currency="XAF", parallel_bp="100")["parallel_bp"] == "100.00"
    assert refused("nii", buckets=LINES, currency="XAF")["field"] == "currency"


def test_income_of_zero_is_not_computable() -> None:
    found = compute("nii", buckets=LINES, shock_bp="100", base_nii="0")
    assert (found["delta_nii"], found["delta_nii_pct_of_base"]) == ("0.20000000", None)
    assert found["status"] == "NOT_COMPUTABLE"
    assert refused("nii", buckets=LINES)["field"] in {"shock_bp", "currency"}
    assert refused("nii", buckets=[LINES[0] | {"midpoint_years": "-1"}], shock_bp="1")["record"] == "buckets[0]"


# -- capital

RWA = {"credit_rwa": "80", "market_rwa": "10", "operational_rwa": "10"}


def test_buffers_default_to_conservation_and_a_differing_one_is_listed() -> None:
    found = compute("capital", cet1_gross="8", **RWA)
    assert found["buffer_requirement_pct"] == "2.500000"
    assert (found["cet1_free_for_buffer_pct"], found["buffer_shortfall_pct"]) == ("0.000000", "2.500000")
    without_buffer = compute("capital", cet1_gross="8", **RWA, buffers={})
    assert [line["field"] for line in without_buffer["overrides"]] == ["buffers.conservation"]
    assert without_buffer["total_meets_minimum_and_buffer"] is True
    zero = compute("capital", cet1_gross="8", credit_rwa="0", market_rwa="0", operational_rwa="0")
    assert (zero["cet1_ratio_pct"], zero["cet1_ratio_exact"], zero["cet1_meets_minimum"]) == (None, None, None)
    assert zero["status"] == "NOT_COMPUTABLE"


def test_the_output_floor_phases_in() -> None:
    given = {"pre_floor_rwa": {"credit": "0"}, "standardised_rwa": {"credit": "100"}}
    floors = {"2023-01-01": "50", "2025-12-31": "60", "2026-06-01": "65", "2027-01-01": "70", "2030-01-01": "72.5"}
    for day, rwa in floors.items():
        assert compute("capital", **given, as_of=day)["rwa_for_ratios"] == f"{float(rwa):.6f}"
    assert refused("capital", **given, as_of="2022-12-31")["field"] == "as_of"


def test_exposures_take_weights_and_factors_by_row() -> None:
    corporate = {"name": "A", "amount": "100", "weight_code": "PRC.018"}
    committed = {"name": "B", "amount": "100", "weight_code": "PRC.020", "ccf_code": "BCBS.094"}
    own = {"name": "C", "amount": "100", "weight_code": "PRC.018", "risk_weight": "0.5"}
    found = compute("capital", exposures=[corporate, committed, own])
    assert [line["rwa"] for line in found["lines"]] == ["100.000000", "34.000000", "50.000000"]
    override = {"field": "exposures[2].risk_weight", "code": "PRC.018", "used": "0.50", "table": "1.00"}
    assert found["overrides"] == [override]
    bad = {"name": "D", "amount": "100"}
    record = "exposures[0]"
    assert refused("capital", exposures=[bad]) == {"field": f"{record}.risk_weight", "record": record}
    facts = refused("capital", exposures=[bad | {"weight_code": "X.1"}])
    assert facts == {"field": f"{record}.weight_code", "record": record, "code": "X.1"}
    assert refused("capital", exposures=[bad | {"weight_code": "BCBS.094"}])["field"] == f"{record}.weight_code"
    facts = refused("capital", exposures=[bad | {"risk_weight": "1", "specific_provision": "101"}])
    assert facts == {"field": f"{record}.specific_provision", "record": record}


# -- classification


def test_a_backstop_only_worsens_a_judgement() -> None:
    loans = [
        {"loan": "L1", "days_overdue": 100, "judged_tier": "normal"},
        {"loan": "L2", "days_overdue": 0, "judged_tier": "doubtful"},
    ]
    found = compute("classification", loans=loans)["loans"]
    assert [line["tier"] for line in found] == ["substandard", "doubtful"]
    assert [line["backstop_applied"] for line in found] == [True, False]
    cards = compute("classification", days_overdue=[120, 121, 181], scheme="credit_card_2011")
    assert [line["worst_allowed_tier"] for line in cards["tiers"]] == ["substandard", "doubtful", "loss"]
    assert refused("classification", days_overdue=[1], scheme="other")["field"] == "scheme"
    assert refused("classification", days_overdue=[-1])["record"] == "days_overdue[0]"


def test_debtors_and_books_without_a_denominator() -> None:
    debtor = {
        "debtor": "E",
        "claims_here": [],
        "non_performing_here": [],
        "debt_all_banks": "0",
        "overdue_gt90_all_banks": "0",
    }
    (line,) = compute("classification", debtors=[debtor])["debtors"]
    assert (line["non_performing_share_here_pct"], line["status"]) == (None, "NOT_COMPUTABLE")
    facts = refused("classification", debtors=[debtor | {"claims_here": ["1"]}])
    assert facts == {"field": "debtors[0].non_performing_here", "record": "debtors[0]"}
    balances = {"normal": "100", "special_mention": "0", "substandard": "0", "doubtful": "0", "loss": "0"}
    found = compute("classification", balances=balances, provisions_held="2.5")
    assert (found["coverage_ratio_pct"], found["meets_both"]) == (None, True)
    assert found["reason"] == "there are no non-performing loans"
    given = compute("classification", balances=balances, provisions_held="2.5", specific_rates={"loss": "0.9"})
    assert [override["field"] for override in given["overrides"]] == ["specific_rates.loss"]


# -- intraday

DAY = [
    {"seq": 1, "time": "09:00", "direction": "sent", "amount": "100", "counterparty": "B"},
    {"seq": 2, "time": "10:00", "direction": "received", "amount": "80.125", "counterparty": "B"},
]


def test_stress_runs_the_same_formulas() -> None:
    sources = {"central_bank_reserves": "100", "uncommitted_lines": "50"}
    found = compute(
        "intraday",
        payments=[DAY[0], DAY[1] | {"time": "08:00"}],
        available_at_start=sources,
        stress=[{"direction": "received", "counterparty": "B", "delay_minutes": 90}],
        source_haircuts={"uncommitted_lines": "1"},
    )
    assert (found["largest_negative_net_cumulative"], found["headroom"]) == ("19.875", "130.125")
    stressed = found["stressed"]
    assert (stressed["largest_negative_net_cumulative"], stressed["headroom"]) == ("100.00", "0.00")
    assert refused("intraday", payments=DAY, source_haircuts={"gold": "1"})["field"] == "source_haircuts.gold"


def test_a_day_that_opens_in_the_evening() -> None:
    payments = [DAY[0] | {"time": "01:00", "deadline": "00:30", "time_specific": True}, DAY[1] | {"time": "22:00"}]
    found = compute("intraday", payments=payments, opening="21:00", throughput_marks=["23:00", "02:00"])
    assert found["net_path"] == ["80.125", "-19.875"]
    assert found["largest_negative_at"] == {"time": "01:00", "seq": 1}
    assert (found["late_count"], found["late_amount"]) == (1, "100.00")
    assert [mark["pct"] for mark in found["throughput"]] == ["0.00", "100.00"]


def test_a_day_without_payments() -> None:
    found = compute("intraday", payments=[], available_at_start={}, throughput_marks=["10:00"])
    assert (found["largest_negative_net_cumulative"], found["closing_net"]) == ("0.00", "0.00")
    assert found["use_rate_pct"] is found["throughput"][0]["pct"] is None
    assert found["status"] == "NOT_COMPUTABLE"
    assert refused("intraday", payments=[DAY[0] | {"time": "24:00"}])["field"] == "payments[0].time"
    assert refused("intraday", payments=[DAY[0], DAY[0]])["field"] == "payments[1].seq"


def test_months_with_few_days_and_their_sources() -> None:
    day = {"date": "2026-03-02", "largest_negative": "5", "largest_positive": "0", "available_at_start": "9"}
    found = compute(
        "intraday", days=[day | {"available_sources": {"reserves": "6", "lines": "3"}, "gross_sent": "4"}]
    )
    assert found["negative_top3"] == ["5.00", None, None]
    assert found["gross_sent_top3"] == ["4.00", None, None]
    assert found["available_sources_bottom3"] == [{"reserves": "6.00", "lines": "3.00"}, None, None]
    assert compute("intraday", days=[])["status"] == "NOT_COMPUTABLE"
    assert refused("intraday", days=[day, day])["field"] == "days[1].date"
    assert refused("intraday", days=[day | {"available_sources": {"reserves": "1"}}])["record"] == "days[0]"
    other = day | {"date": "2026-03-03", "gross_sent": "1"}
    assert refused("intraday", days=[day, other])["field"] == "days[0].gross_sent"
