"""The reference cases of the ACTUS Financial Research Foundation, one test a contract type (decision Q15)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from engines.actus.cases import check_case
from engines.actus.registry import CODES


def cases_of(reference: Path, code: str) -> dict[str, Any]:
    path = reference / "reference" / "actus" / f"{code.lower()}.json"
    if not path.is_file():
        pytest.skip(f"no ACTUS reference cases at {path}: set TIDEMARK_REFERENCE to where they are")
    cases: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("code", CODES)
def test_every_published_case_passes(code: str, reference: Path) -> None:
    cases = cases_of(reference, code)
    results = {name: check_case(case | {"identifier": name}) for name, case in cases.items()}
    assert results, f"no case in the file of {code}"
    assert {name: result.difference for name, result in results.items() if not result.passed} == {}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda rows: rows[2].update(payoff=rows[2]["payoff"] + 1e-5), "payoff"),
        (lambda rows: rows[2].update(accruedInterest=1e-5), "accruedInterest"),
        (lambda rows: rows[2].update(notionalPrincipal=" 3001 "), "notionalPrincipal"),
        (lambda rows: rows[2].update(currency="CHF"), "2013-02-01T00:00:00 IP CHF: missing"),
        (lambda rows: rows[2].update(eventDate="2013-02-02T00:00"), "2013-02-01T00:00:00 IP USD: not expected"),
        (lambda rows: rows.pop(2), "2013-02-01T00:00:00 IP USD: not expected"),
        (lambda rows: rows.append(dict(rows[2])), "2013-02-01T00:00:00 IP USD: missing"),
    ],
)
def test_a_changed_expectation_is_a_difference(change: Any, difference: str, reference: Path) -> None:
    case = copy.deepcopy(cases_of(reference, "PAM")["pam01"])
    change(case["results"])
    assert difference in check_case(case).difference


def test_text_numbers_and_order_do_not_matter(reference: Path) -> None:
    case = copy.deepcopy(cases_of(reference, "PAM")["pam01"])
    for row in case["results"]:
        row["payoff"] = f"  {row['payoff']} "
    case["results"].reverse()
    case["dataObserved"] = {"NOBODY.ASKS": {"data": []}}
    assert check_case(case).difference == ""


def test_a_refused_case_says_why(reference: Path) -> None:
    case = copy.deepcopy(cases_of(reference, "PAM")["pam01"])
    del case["terms"]["notionalPrincipal"]
    assert check_case(case).difference == "refused: notionalPrincipal: required for PAM"
