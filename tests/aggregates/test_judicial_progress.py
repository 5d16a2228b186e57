"""The report of one suit: what it says on any day, knowing what was known on any other."""

from typing import Any

import pytest

from aggregates.judicial_progress import judicial_progress
from engines.primitives.errors import NotFound
from tests.aggregates.deadline_world import SUIT, Managed, day
from tests.aggregates.world import AUDITOR, LOAN, World


@pytest.fixture
def managed(world: World) -> Managed:
    found = Managed(world)
    world.admit(maturity="2022-03-10")
    found.follow()
    found.file_suit("2022-09-05")
    found.suit("LG", "Hear", day="2022-11-02", note="first hearing")
    found.suit("LG", "ServeJudgment", day="2022-12-15", kind="JUDGMENT", outcome="WON")
    found.suit("LG", "BecomeEffective", day="2023-01-09", on="2023-01-03", perform_by="2023-01-10")
    found.suit("AM", "ApplyEnforcement", day="2023-03-01")
    return found


def report(managed: Managed, as_of: str, known_at: str | None = None) -> dict[str, Any]:
    known = None if known_at is None else day(known_at)
    return judicial_progress(managed.world.app, SUIT, reader=AUDITOR, as_of=day(as_of), known_at=known)


def test_stages_with_their_dates(managed: Managed) -> None:
    found = report(managed, "2023-03-01")
    assert [(line["stage"], line["since"]) for line in found["stages"]] == [
        ("DRAFT", "2022-09-05"),
        ("SUBMITTED", "2022-09-05"),
        ("APPROVED", "2022-09-05"),
        ("FILED", "2022-09-05"),
        ("JUDGED", "2022-12-15"),
        ("EFFECTIVE", "2023-01-03"),
        ("ENFORCING", "2023-03-01"),
    ]
    assert (found["stage"], found["owner"], found["loan_nos"]) == ("ENFORCING", "U-118", [LOAN])
    assert found["court_case_no"] == "(2022) 1"
    assert [event["note"] for event in found["events"] if event["type"] == "HearingHeld"] == ["first hearing"]


def test_running_deadlines_with_days_left_and_the_next_act(managed: Managed) -> None:
    found = report(managed, "2023-02-01")
    running = {line["rule_code"]: line["days_left"] for line in found["deadlines"]}
    assert running == {
        "TL09": (day("2023-01-10") - day("2023-02-01")).days,
        "TL11": (day("2023-07-03") - day("2023-02-01")).days,
        "TL12": (day("2025-01-10") - day("2023-02-01")).days,
        "TL01": (day("2026-01-04") - day("2023-02-01")).days,  # 3 January is a holiday, that Sunday is worked
    }
    assert found["next_act"]["rule_code"] == "TL11"
    assert {line["rule_code"]: line["state"] for line in found["other_deadlines"]} == {"TL05": "MET", "TL10": "VOID"}


def test_a_day_is_told_as_it_is_known_now_or_as_it_was_known_then(managed: Managed) -> None:
    assert report(managed, "2023-01-05")["stage"] == "EFFECTIVE"
    then = report(managed, "2023-01-05", known_at="2023-01-05")
    assert then["stage"] == "JUDGED"
    assert then["next_act"] is None or then["next_act"]["rule_code"] != "TL12"
    assert report(managed, "2022-12-20", known_at="2022-12-20")["next_act"]["rule_code"] == "TL10"


def test_a_case_closed_and_opened_again_stands_where_it_stood(managed: Managed) -> None:
    managed.suit("LG", "Close", day="2023-04-01", outcome="SETTLED")
    managed.suit("LG", "Reopen", day="2023-05-01", why="breach")
    found = report(managed, "2023-05-02")
    assert [line["stage"] for line in found["stages"]][-3:] == ["ENFORCING", "CLOSED", "ENFORCING"]
    assert report(managed, "2023-04-02")["deadlines"][0]["rule_code"] == "TL01"


def test_the_same_question_has_the_same_answer(managed: Managed) -> None:
    first = report(managed, "2023-02-01", known_at="2023-02-01")
    managed.suit("LG", "Close", on="2023-01-20", day="2023-06-01", outcome="SETTLED")
    assert report(managed, "2023-02-01", known_at="2023-02-01") == first
    assert report(managed, "2023-02-01")["stage"] != first["stage"]


def test_nobody_reads_a_case_that_is_not_there(managed: Managed) -> None:
    with pytest.raises(NotFound):
        judicial_progress(managed.world.app, "NONE", reader=AUDITOR, as_of=day("2023-01-01"))
