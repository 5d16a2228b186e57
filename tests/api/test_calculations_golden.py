"""Golden cases of calculations: those of the reference and the worked examples of the specification."""

from typing import Any

import pytest

from tests.api.golden_cases import cases, differences

FILES = (
    "duration",
    "duration_gap",
    "hqlaar",
    "lcr",
    "liq-11",
    "liq-16",
    "liq-19",
    "liq-20",
    "liq-21",
    "liquidity_ratio",
    "lmr",
    "nsfr",
    "ra-36",
)


@pytest.mark.parametrize(
    "case", [case for name in FILES for case in cases(name)], ids=lambda case: f"{case['family']}-{case['id']}"
)
def test_golden(case: dict[str, Any]) -> None:
    assert differences(case) == []


def test_a_golden_case_can_fail() -> None:
    case = cases("duration_gap")[0]
    wrong = {"duration_gap": "1.7180000200", "duration_gap_exact": "1718/1000", "unknown": "1"}
    assert len(differences(case | {"expected": wrong})) == 3
