"""Edges of the maturity buckets (decision Q12) and the running sum that leaves two of them out (LIQ-12)."""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.buckets import BUCKETS, ON, OVERDUE, UNDATED, bucket_index, cumulative
from engines.primitives.errors import InvalidInput

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-100_000, "OVERDUE"),
        (-1, "OVERDUE"),
        (0, "ON"),
        (1, "ON"),
        (2, "D2_7"),
        (7, "D2_7"),
        (8, "D8_30"),
        (30, "D8_30"),
        (31, "D31_90"),
        (90, "D31_90"),
        (91, "D91_180"),
        (180, "D91_180"),
        (181, "D181_365"),
        (365, "D181_365"),
        (366, "Y1_2"),
        (730, "Y1_2"),
        (731, "Y2_3"),
        (1_095, "Y2_3"),
        (1_096, "Y3_5"),
        (1_825, "Y3_5"),
        (1_826, "Y5P"),
        (3_000_000, "Y5P"),
    ],
)
def test_edges(days: int, bucket: str) -> None:
    assert BUCKETS[int(bucket_index(np.array([days], np.int64))[0])] == bucket


def test_any_shape_and_none() -> None:
    assert bucket_index(np.zeros((2, 3), np.int64)).tolist() == [[ON] * 3] * 2
    assert bucket_index(np.zeros(0, np.int64)).tolist() == []


@given(st.lists(st.integers(-(10**15), 10**15), min_size=12, max_size=12))
def test_cumulative_is_the_running_sum_between(gaps: list[int]) -> None:
    running = cumulative(np.array(gaps, np.int64)).tolist()
    assert running == [sum(gaps[1 : index + 1]) for index in range(1, 11)]


def test_cumulative_wants_every_bucket() -> None:
    with pytest.raises(InvalidInput):
        cumulative(np.zeros(11, np.int64))


@pytest.mark.parametrize("case", json.loads((GOLDEN / "liq-12.json").read_text()), ids=lambda case: case["id"])
def test_worked_example_liq_12(case: dict[str, Any]) -> None:
    def column(amounts: dict[str, str]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        return np.array([int(amounts.get(bucket, "0")) for bucket in BUCKETS], np.int64)

    def per_cent(part: int, whole: int) -> str:
        return str((Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.01"), ROUND_HALF_UP))

    inputs, expected = case["inputs"], case["expected"]
    inflow, outflow = column(inputs["inflow"]), column(inputs["outflow"])
    gaps = inflow - outflow
    running = cumulative(gaps)
    assert {name: str(gaps[BUCKETS.index(name)]) for name in expected["gaps"]} == expected["gaps"]
    shown = {name: str(running[BUCKETS.index(name) - ON]) for name in expected["cumulative"]}
    assert shown == expected["cumulative"]
    to_30_days = slice(ON, BUCKETS.index("D8_30") + 1)
    mismatch = per_cent(int(running[BUCKETS.index("D8_30") - ON]), int(str(inputs["total_assets"])))
    assert mismatch == expected["mismatch_30_day_pct"]
    coverage = per_cent(int(inflow[to_30_days].sum()), int(outflow[to_30_days].sum()))
    assert coverage == expected["coverage_30_day_pct"]
    assert (OVERDUE, UNDATED) == (0, 11)
