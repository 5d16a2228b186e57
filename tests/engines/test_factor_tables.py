"""Versions of factor tables: which is in force, what a broken file says, that ours say what the reference says."""

import csv
from copy import deepcopy
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engines.factor_tables import FactorPolicy, parse_factor_policy
from engines.primitives.errors import InvalidInput
from tests.factor_policies import NAMES, newest, shipped

ITEM = {
    "code": "A.1",
    "maturity_bucket": "any",
    "category": "use",
    "factor": "0.30",
    "name_en": "Loans",
    "source": "rule 1",
    "status": "confirmed",
    "confidence": "high",
}
POLICY: dict[str, Any] = {
    "minimum": [
        {"effective_from": date(2024, 1, 1), "ratio": "1.00"},
        {"effective_from": date(2020, 1, 1), "ratio": "0.80"},
    ],
    "version": [
        {"name": "new", "effective_from": date(2024, 1, 1), "item": [ITEM | {"factor": "0.35"}]},
        {"name": "old", "effective_from": date(2019, 1, 1), "parameters": {"cap": "0.40"}, "item": [ITEM]},
    ],
}


def sample() -> FactorPolicy:
    return parse_factor_policy("sample", POLICY)


def refused(change: Any) -> dict[str, str | int]:
    policy = deepcopy(POLICY)
    change(policy)
    with pytest.raises(InvalidInput) as caught:
        parse_factor_policy("sample", policy)
    return caught.value.facts


def test_the_version_in_force_is_the_last_that_has_begun() -> None:
    found = [sample().in_force(day).version for day in (date(2019, 1, 1), date(2023, 12, 31), date(2024, 1, 1))]
    assert found == ["old", "old", "new"]
    assert sample().in_force().version == "new"
    with pytest.raises(InvalidInput, match="2019-01-01") as caught:
        sample().in_force(date(2018, 12, 31))
    assert caught.value.facts == {"field": "as_of"}


def test_the_minimum_has_dates_of_its_own() -> None:
    days = (date(2019, 6, 1), date(2020, 1, 1), date(2024, 1, 1))
    assert [sample().minimum(day) for day in days] == [None, Fraction(4, 5), 1]
    assert sample().minimum() == 1
    assert shipped("hqlaar").minimum(date(2019, 6, 29)) == Fraction(4, 5)
    assert shipped("hqlaar").minimum(date(2019, 6, 30)) == 1
    assert {name: shipped(name).minimum() for name in NAMES} == dict.fromkeys(NAMES, 1) | {
        "liquidity_ratio": Fraction(1, 4)
    }


@pytest.mark.parametrize(
    ("change", "record", "field"),
    [
        (lambda p: p.pop("version"), "the policy", "version"),
        (lambda p: p.update(version=[]), "sample", "version"),
        (lambda p: p["version"][0].update(effective_from="2024-01-01"), "version[0]", "effective_from"),
        (lambda p: p["version"][0].update(effective_from=date(2019, 1, 1)), "version", "effective_from"),
        (lambda p: p["version"][0].update(name=""), "version[0]", "name"),
        (lambda p: p["version"][1]["parameters"].update(cap=0.4), "version[1].parameters", "cap"),
        (lambda p: p["version"][0]["item"].append(ITEM), "version[0].item[1]", "code"),
        (lambda p: p["version"][0]["item"][0].update(factor="1.01"), "version[0].item[0]", "factor"),
        (lambda p: p["version"][0]["item"][0].update(factor="-0.1"), "version[0].item[0]", "factor"),
        (lambda p: p["version"][0]["item"][0].update(factor=0.3), "version[0].item[0]", "factor"),
        (lambda p: p["version"][0]["item"][0].pop("source"), "version[0].item[0]", "source"),
        (lambda p: p["minimum"][1].update(ratio="25%"), "minimum[1]", "ratio"),
        (lambda p: p["minimum"][1].update(effective_from=date(2024, 1, 1)), "minimum", "effective_from"),
    ],
)
def test_a_broken_policy_names_the_entry(change: Any, record: str, field: str) -> None:
    assert refused(change) == {"record": record, "field": field}


def test_an_item_is_found_by_code_and_bucket() -> None:
    table = newest("lmr")
    assert table.item("LMR.SRC.02", "3m-<1y").factor == Fraction(7, 10)
    assert table.item("LMR.USE.06").maturity_bucket == "<=7d"
    for code, bucket, field in (("LMR.SRC.02", None, "maturity_bucket"), ("LMR.SRC.02", "3m", "maturity_bucket")):
        with pytest.raises(InvalidInput, match=">=1y") as caught:
            table.item(code, bucket)
        assert caught.value.facts == {"field": field}
    with pytest.raises(InvalidInput, match=r"LMR\.SRC\.99") as caught:
        table.item("LMR.SRC.99")
    assert caught.value.facts == {"field": "code"}


def test_what_is_not_configured_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"LCR\.OF\.CTG\.01"):
        newest("lcr").factor("LCR.OF.CTG.01")
    with pytest.raises(InvalidInput, match="level2_share_cap"):
        newest("lmr").parameter("level2_share_cap")


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_table_says_what_the_reference_says(name: str, reference: Path) -> None:
    path = reference / "reference" / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"no reference table at {path}: set TIDEMARK_REFERENCE to where it is")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    items = newest(name).items
    assert [(row["item_code"], row["maturity_bucket"]) for row in rows] == list(items)
    for row, item in zip(rows, items.values(), strict=True):
        assert item.factor == (Fraction(row["factor"]) if row["factor"] else None)
        assert item.cap_rule == row["cap_rule"].removeprefix("none")
        columns = ("item_name_en", "item_name_zh", "category", "source_paragraph", "status", "confidence", "note")
        found = (item.name_en, item.name_zh, item.category, item.source, item.status, item.confidence, item.note)
        assert found == tuple(row[column] for column in columns)
