"""`calc explain_change`: worked cases, lines that add up as they are shown, and what is refused."""

import json
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.calculations.explain_results import explanation_result
from api.calculations.registry import find
from engines.explain_change import explain_coverage
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences
from tests.explained_pairs import random_pair

CASES = cases("explain-change")
SIDES = ("hqla_stock", "net_outflows")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_golden(case: dict[str, Any]) -> None:
    assert differences(case) == []


@given(st.integers(0, 2**32), st.integers(0, 4))
def test_what_is_shown_adds_up(seed: int, digits: int) -> None:
    pair = random_pair(Random(seed))
    result = explanation_result(explain_coverage(pair.before, pair.after, pair.movements), digits, Fraction(1, 100))
    for side in SIDES:
        start, end, change = (Fraction(result[f"{side}_{at}"]) for at in ("before", "after", "change"))
        assert end - start == change
        assert sum(Fraction(line["amount"]) for line in result["lines"] if line["side"] == side) == change
        assert sum(Fraction(row[side]) for row in result["causes"]) == change
        exact = [Fraction(line["amount_exact"]) for line in result["lines"] if line["side"] == side]
        assert sum(exact) == Fraction(result[f"{side}_change_exact"])
        assert result[f"{side}_residual_exact"] == "0/1"
    if result["lcr_change_pct"] is None:
        assert result["status"] == "NOT_COMPUTABLE"
        return
    change = Fraction(result["lcr_change_pct"])
    assert Fraction(result["lcr_after_pct"]) - Fraction(result["lcr_before_pct"]) == change
    assert sum(Fraction(line["ratio_share_pct"]) for line in result["lines"]) == change
    assert sum(Fraction(row["ratio_share_pct"]) for row in result["causes"]) == change
    assert result["residual_exact"] == "0/1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_sheets_show_every_figure_and_line(case: dict[str, Any]) -> None:
    calculation = find("explain-change")
    result = calculation.compute(case["inputs"])
    assert calculation.sheets is not None
    found = {sheet.title: sheet for sheet in calculation.sheets(result)}
    assert list(found) == ["Figures", "Causes", "Waterfall"]
    assert [row["amount"] for row in found["Waterfall"].rows] == [line["amount"] for line in result["lines"]]
    assert all(
        row["change"] is not None for row in found["Figures"].rows if not (row["figure"] or "").endswith("pct")
    )
    for sheet in found.values():
        assert all(set(sheet.columns) <= set(row) for row in sheet.rows)


def _changed(index: int, path: list[str | int], value: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = json.loads(json.dumps(CASES[index]["inputs"]))
    place: Any = inputs
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return inputs


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["entries", 0, "amount"], "-99", "entries"),
        (["entries", 0, "cell"], None, "entries[0].cell"),
        (["entries", 0, "customer"], "c1", "entries[0].cell"),
        (["entries", 0, "balance"], "claims", "entries[0].balance"),
        (["entries", 1, "balance"], "claims", "entries[1].balance"),
        (["entries", 1, "customer"], "c2", "entries[1].customer"),
        (["entries"], None, "entries"),
        (["lcr_before", "lines", 0, "code"], "LCR.HQ1.99", "lcr_before.lines[0].code"),
        (["lcr_before", "lines", 0, "code"], "LCR.OF.CTG.01", "lcr_before.lines[0].factor"),
        (["lcr_before", "lines", 1, "tag"], "sovereign, free", "lcr_before.lines[1].tag"),
        (["lcr_after", "cells", 1, "cell"], "bond", "lcr_after.cells[1].cell"),
        (["lcr_after", "cells", 0, "tag"], "unknown", "lcr_after.cells[0].tag"),
        (["lcr_after", "cells", 0, "price"], "-1", "lcr_after.cells[0].price"),
        (["amount_digits"], 13, "amount_digits"),
    ],
)
def test_refusals_name_the_field(path: list[str | int], value: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        find("explain_change").compute(_changed(0, path, value))
    assert caught.value.facts["field"] == field


def test_a_customer_stands_once() -> None:
    inputs = _changed(
        0,
        ["netted"],
        [{"customer": "c1", "claims_before": "0", "debts_before": "0", "claim_cell": "a", "debt_cell": "b"}],
    )
    with pytest.raises(InvalidInput, match="stands twice"):
        find("explain_change").compute(inputs)


def test_netting_and_facilities_move_the_cells_they_leave() -> None:
    def cut(claim: str, debt: str, liquidity: str, credit: str) -> list[dict[str, str]]:
        return [
            {"cell": name, "line": name, "quantity": amount}
            for name, amount in (("claim", claim), ("debt", debt), ("liquidity", liquidity), ("credit", credit))
        ]

    result = find("explain_change").compute(
        {
            "position_before": cut("20", "0", "30", "70"),
            "position_after": cut("0", "15", "50", "30"),
            "entries": [
                {"entry_id": "borrowed", "offset": 1, "amount": "35", "customer": "bank", "balance": "debts"},
                {"entry_id": "drawn", "offset": 2, "amount": "-20", "customer": "client", "balance": "undrawn"},
                {"entry_id": "due", "offset": 3, "amount": "20", "customer": "client", "balance": "debt_due"},
            ],
            "netted": [
                {
                    "customer": "bank",
                    "claims_before": "80",
                    "debts_before": "60",
                    "claim_cell": "claim",
                    "debt_cell": "debt",
                }
            ],
            "facilities": [
                {
                    "customer": "client",
                    "undrawn_before": "100",
                    "debt_due_before": "30",
                    "liquidity_cell": "liquidity",
                    "credit_cell": "credit",
                }
            ],
        }
    )
    assert [(line["entry_id"], line["line"], line["amount"]) for line in result["lines"]] == [
        ("borrowed", "claim", "-20.00"),
        ("drawn", "credit", "-20.00"),
        ("due", "credit", "-20.00"),
        ("borrowed", "debt", "15.00"),
        ("due", "liquidity", "20.00"),
    ]


def test_unwound_deals_and_given_caps_size_the_caps() -> None:
    inputs = _changed(2, ["lcr_after", "unwinding"], {"level1": "-150", "level2a": "150"})
    inputs["lcr_after"]["level2_share_cap"] = "0.5"
    result = find("explain_change").compute(inputs)
    # Adjusted 150, 405, 60: 15% of the rest is 15/50 x 150 = 45, so 15 too much; 405 + 60 - 15 - 150 above the half.
    caps = [(line["line"], line["amount"]) for line in result["lines"] if line["cause"] == "CAP"]
    assert caps == [("cap15", "-15.00"), ("cap40", "-300.00")]
    assert result["hqla_stock_after"] == "300.00"
    assert [row["field"] for row in result["overrides"]] == ["lcr_after.level2_share_cap"]
