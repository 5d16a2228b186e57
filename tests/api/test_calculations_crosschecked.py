"""`calc`: what a second reading of the reference texts found: records sent twice, payments that did not settle."""

from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput


def compute(name: str, **given: Any) -> dict[str, Any]:
    return find(name).compute(given)


def refused(name: str, **given: Any) -> dict[str, str | int]:
    with pytest.raises(InvalidInput) as caught:
        find(name).compute(given)
    return caught.value.facts


DEPOSIT = {"deposit": "D1", "balance": "150", "insurance_limit": "100", "relationship_or_transactional": True}
MORTGAGE = {"id": "M1", "loan": "70000", "property_value": "100000"}
DEBTOR = {
    "debtor": "E1",
    "claims_here": ["100"],
    "non_performing_here": [False],
    "debt_all_banks": "5000",
    "overdue_gt90_all_banks": "0",
}
LOAN = {"loan": "L1", "days_overdue": 0, "judged_tier": "normal"}


@pytest.mark.parametrize(
    ("name", "records", "record", "field"),
    [
        ("lcr", "deposits", DEPOSIT, "deposit"),
        ("capital", "mortgages", MORTGAGE, "id"),
        ("classification", "debtors", DEBTOR, "debtor"),
        ("classification", "loans", LOAN, "loan"),
    ],
)
def test_a_record_sent_twice_is_named(name: str, records: str, record: dict[str, Any], field: str) -> None:
    other = record | {field: "another"}
    compute(name, **{records: [record, other]})
    found = refused(name, **{records: [record, other, record]})
    assert found == {"field": f"{records}[2].{field}", "record": f"{records}[2]"}


PAYMENTS: list[dict[str, Any]] = [
    {"seq": 1, "time": "09:00", "direction": "sent", "amount": "300"},
    {"seq": 2, "time": "09:30", "direction": "received", "amount": "120"},
]


def test_a_payment_without_settlement_is_left_out() -> None:
    """Reference intraday_tools.md section 3: reversed or failed, so without a settlement stamp."""
    failed = {"seq": 1, "time": None, "direction": "sent", "amount": "1000", "time_specific": True, "customer": "K1"}
    given: dict[str, Any] = {"throughput_marks": ["09:00", "10:00"], "available_at_start": {"other": "400"}}
    assert compute("intraday", payments=[failed, *PAYMENTS], **given) == compute(
        "intraday", payments=PAYMENTS, **given
    )
    no_time = {key: value for key, value in failed.items() if key != "time"}
    assert refused("intraday", payments=[no_time])["field"] == "payments[0].time"
    assert refused("intraday", payments=[failed, *PAYMENTS, PAYMENTS[0]])["field"] == "payments[3].seq"
    assert refused("intraday", payments=[failed | {"time": "9:00"}])["field"] == "payments[0].time"


def test_a_total_is_not_added_to_its_parts() -> None:
    """Each key of `available_at_start` is summed (decision Q14): with the total among them all would count twice."""
    parts = {"central_bank_reserves": "300", "collateral_central_bank": "500"}
    total = {"total": "800"}
    of_parts, of_total = (compute("intraday", payments=[], available_at_start=given) for given in (parts, total))
    assert of_parts["available_at_start"] == of_total["available_at_start"] == "800.00"
    field = refused("intraday", payments=[], available_at_start=parts | total)["field"]
    assert field == "available_at_start.total"


def test_a_yield_change_out_of_range_is_named() -> None:
    bond = {"face": "100", "coupon_rate": "0.05", "periods_per_year": 1, "periods": 3}
    assert refused("duration", **bond, **{"yield": "0.05", "yield_change": "-2"})["field"] == "yield_change"
    assert refused("duration", **bond, **{"yield": "-1"})["field"] == "yield"


def test_the_worst_of_gains_is_the_smallest_gain() -> None:
    """At rates of 0 with a floor of 0 a fall changes nothing, and a rise is a gain on liabilities."""
    flows = ["0"] * 12 + ["-100"] + ["0"] * 6
    found = compute("eve", net_cash_flows=flows, flat_base_rate="0", floor="0", currency="CNY", calibration="2024")
    assert found["scenarios"]["parallel_down"]["delta_eve_loss"] == "0.000000"
    assert found["scenarios"]["parallel_up"]["delta_eve_loss"].startswith("-")
    assert (found["worst_scenario"], found["eve_risk_measure"]) == ("parallel_down", "0.000000")
