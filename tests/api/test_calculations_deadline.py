"""`tidemark calc deadline`: the vectors of the specification, restarts, obstacles, sheets."""

from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases, differences


@pytest.mark.parametrize("case", cases("deadline"), ids=lambda case: str(case["id"]))
def test_golden(case: dict[str, Any]) -> None:
    assert differences(case) == []


def compute(**inputs: Any) -> dict[str, Any]:
    return find("deadline").compute(inputs)


def test_what_a_person_reads() -> None:
    result = compute(rule="TL01", start_on="2022-03-10", as_of="2025-02-20")
    assert (result["days_to_act"], result["days_left"], result["is_missed"]) == (-12, 18, False)
    assert result["reminders"][0] == {"step": 90, "on": "2024-11-10", "to": ["AM SMS+MAIL", "LG MAIL"]}
    assert result["reminders"][-1]["to"] == ["AM SMS+MAIL", "LG MAIL", "BR MAIL"]
    sheets = find("deadline").sheets
    assert sheets is not None
    facts, steps = sheets(result)
    assert {"what": "legal_due_on", "value": "2025-03-10"} in facts.rows
    assert len(steps.rows) == 8


def test_what_the_calendar_does_not_know_is_said() -> None:
    result = compute(rule="TL01", start_on="2025-10-02")
    assert result["calendar_known"] is False
    sheets = find("deadline").sheets
    assert sheets is not None
    assert "2026-12-31" in str(sheets(result)[0].rows[-1]["value"])


def test_restarts_and_an_obstacle_together() -> None:
    result = compute(
        rule="TL01",
        start_on="2022-03-10",
        restarts=["2022-03-15", "2023-06-01"],
        obstacle={"from_day": "2026-05-01", "removed_on": "2026-06-01"},
    )
    assert (result["start_on"], result["raw_last_day"]) == ("2023-06-01", "2026-12-01")


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"rule": "TL99", "start_on": "2022-03-10"}, "rule"),
        ({"rule": "TL10", "start_on": "2022-03-10"}, "kind"),
        ({"rule": "TL09", "start_on": "2022-03-10"}, "agreed_last_day"),
        ({"rule": "TL01", "start_on": "2019-03-10"}, "start_on"),
        ({"rule": "TL03", "start_on": "2022-03-10", "restarts": ["2022-04-01"]}, "restart_on"),
        ({"rule": "TL01", "start_on": "10.3.2022"}, "start_on"),
    ],
)
def test_what_is_wrong_is_named(inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compute(**inputs)
    assert caught.value.facts["field"] == field
