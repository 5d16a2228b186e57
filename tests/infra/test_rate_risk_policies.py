"""The shipped tables of rate risk, capital and classification: what they say, row by row, and how they are read."""

import csv
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput, NotFound
from engines.rate_shocks import SCENARIOS
from engines.repricing_buckets import REPRICING_BUCKETS
from infra.policies import load_policy
from infra.rate_risk_policies import capital_policy, classification_policy, irrbb_policy


def reference_rows(reference: Path, name: str) -> list[dict[str, str]]:
    path = reference / "reference" / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"no reference table at {path}: set TIDEMARK_REFERENCE to where it is")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_shocks_say_what_the_reference_says(reference: Path) -> None:
    policy, raw = irrbb_policy(), load_policy("irrbb")
    rows = reference_rows(reference, "irrbb_shocks")
    sizes = [row for row in rows if row["record_type"] == "shock_size"]
    assert len(sizes) == sum(len(table) for table in policy.sizes.values())
    for row in sizes:
        found = policy.sizes_of(row["currency"], row["calibration"])
        assert found.parallel_bp == Fraction(row["parallel_bp"])
        assert (found.short_bp, found.long_bp) == (Fraction(row["short_bp"]), Fraction(row["long_bp"]))
        calibration = raw["calibration"][row["calibration"]]
        assert (calibration["source"], calibration["status"]) == (row["source"], row["status"])
        assert calibration["shock_bp"][row["currency"]].get("note", calibration["note"]) == row["note"]
    parameters = {row["key"]: row for row in rows if row["record_type"] == "parameter"}
    for category, cap in policy.core_cap.items():
        row = parameters.pop(f"nmd_core_cap.{category}")
        assert cap.share == Fraction(row["value"])
        assert f"average maturity cap {float(cap.average_maturity_years)} years" in row["note"]
        assert raw["core_deposit_cap"][category]["source"] == row["source"]
    for scenario in SCENARIOS:
        for kind, table in (
            ("prepayment", policy.prepayment_multiplier),
            ("term_deposit", policy.term_deposit_multiplier),
        ):
            row = parameters.pop(f"{kind}_multiplier.{scenario}")
            assert table[scenario] == Fraction(row["value"])
            assert raw[f"{kind}_multiplier"]["source"] == row["source"]
    assert parameters == {}
    buckets = [row for row in rows if row["record_type"] == "time_bucket"]
    midpoints = [Fraction(row["midpoint_years"]) for row in buckets]
    assert midpoints == [bucket.midpoint_years for bucket in REPRICING_BUCKETS]


@pytest.mark.parametrize("name", ["rwa_weights", "classification"])
def test_rows_say_what_the_reference_says(name: str, reference: Path) -> None:
    found = load_policy(name)["version"][-1]["rows"]
    rows = reference_rows(reference, name)
    assert [row.pop("row_code") for row in rows] == list(found)
    for row, own in zip(rows, found.values(), strict=True):
        wanted = {key.replace("source_rule", "source"): value for key, value in row.items() if value}
        assert {key: str(value) for key, value in own.items()} == wanted


def test_the_tables_hold_together() -> None:
    policy = irrbb_policy()
    assert [name for _, name in policy.in_force] == sorted(policy.sizes)
    assert policy.calibration_on(date(2025, 12, 31)) == "2016"
    assert policy.calibration_on(date(2026, 1, 1)) == "2024"
    assert set(policy.sizes["2016"]) == set(policy.sizes["2024"])
    capital = capital_policy()
    assert set(capital.minimums) == set(capital.conservation_buffer) == {"PRC", "BCBS"}
    assert capital.output_floor_on(None) == Fraction("0.725")
    floors = [floor for _, floor in capital.output_floors]
    assert floors == sorted(floors)
    tiers = classification_policy()
    assert tiers.backstops["five_tier_2023"].first_day == (0, 1, 91, 271, 361)
    assert tiers.backstops["credit_card_2011"].first_day == (0, 1, 91, 121, 181)


def test_every_row_names_its_source_and_how_far_it_was_checked() -> None:
    for name in ("rwa_weights", "classification"):
        for code, row in load_policy(name)["version"][-1]["rows"].items():
            assert row["source"], code
            assert row["status"], code
            assert row["confidence"] in {"high", "medium", "low"}, code


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    policy = irrbb_policy()
    with pytest.raises(InvalidInput):
        policy.calibration_on(date(2010, 1, 1))
    with pytest.raises(InvalidInput):
        policy.sizes_of("CNY", "2020")
    with pytest.raises(InvalidInput):
        policy.sizes_of("XAF", "2016")
    with pytest.raises(InvalidInput):
        capital_policy().output_floor_on(date(2022, 12, 31))
    with pytest.raises(NotFound):
        irrbb_policy(tmp_path)
