"""Ballots of the committee (spec/risk-assets.md 3.10, SD3, SD4): counted in exact fractions, one person one vote."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.committee import needed
from tests.aggregates.scenarios import Answer, Line, play

MEMBERS = [f"V-{number}" for number in range(1, 8)]
MEETING = "CM1"


def line(role: str, actor: str, command: str, *, key: str = MEETING, **payload: Any) -> Line:
    aggregate = "MeetingRuleSet" if command == "RuleSetPublished" else "CommitteeMeeting"
    named = {"actor": actor, "role": role, "aggregate": aggregate, "key": key}
    return {"at": "2024-03-01T01:00:00Z", **named, "command": command, "payload": payload}


def opened(present: list[str], **convened: Any) -> list[Line]:
    return [
        line("CS", "U-CS", "MeetingConvened", members=MEMBERS, **convened),
        line("CS", "U-CS", "AgendaItemAdded", item_no=1, case_kind="WRITE_OFF", case_no="WO1"),
        line("CS", "U-CS", "MeetingOpened", present=present),
    ]


def votes(present: list[str], votes_for: int, conditional: int = 0) -> list[Line]:
    cast = ["FOR"] * (votes_for - conditional) + ["FOR_CONDITIONAL"] * conditional
    cast += ["AGAINST"] * (len(present) - votes_for)
    return [line("CV", member, "VoteCast", item_no=1, vote=vote) for member, vote in zip(present, cast, strict=True)]


CLOSE = line("CS", "U-CS", "ResolutionAdopted", item_no=1)


def answers(lines: list[Line], folder: Path) -> list[Answer]:
    played = play(lines, folder)
    played.close()
    return played.answers


def guards(found: list[Answer]) -> list[str | None]:
    return [None if answer["ok"] else answer["error"]["guard"] for answer in found]


@pytest.mark.parametrize(
    ("present", "votes_for", "result"),
    [(7, 6, "PASSED"), (7, 5, "PASSED"), (7, 4, "REJECTED"), (6, 5, "PASSED"), (6, 4, "PASSED"), (6, 3, "REJECTED")],
)
def test_vectors_of_the_specification(tmp_path: Path, present: int, votes_for: int, result: str) -> None:
    """7 eligible: of 7 present 5 are needed, of 6 present 4 (66.67% would ask for 5)."""
    there = MEMBERS[:present]
    found = answers([*opened(there), *votes(there, votes_for, conditional=1), CLOSE], tmp_path)
    assert set(guards(found)) == {None}
    resolution = found[-1]["events"][0]["payload"]
    counted = {"eligible": 7, "present": present, "votes_for": votes_for, "votes_against": present - votes_for}
    assert resolution.items() >= (counted | {"votes_abstain": 0, "result": result}).items()


def test_four_of_seven_are_no_quorum(tmp_path: Path) -> None:
    assert guards(answers(opened(MEMBERS[:4]), tmp_path)) == [None, None, "CommitteeMeeting.Open.2"]


def test_an_item_loses_its_quorum_by_recusals(tmp_path: Path) -> None:
    """Recused people count neither as eligible nor as present: 3 of 5 are less than two thirds."""
    there = MEMBERS[:5]
    recused = [line("CV", member, "RecusalDeclared", item_no=1) for member in there[:2]]
    found = answers([*opened(there), *recused, *votes(there[2:], 3), CLOSE], tmp_path)
    resolution = found[-1]["events"][0]["payload"]
    assert (resolution["eligible"], resolution["present"], resolution["result"]) == (5, 3, "NO_QUORUM")


def test_a_derived_count_may_be_given_but_not_differ(tmp_path: Path) -> None:
    wrong = CLOSE | {"payload": {"item_no": 1, "votes_for": 6}}
    found = answers([*opened(MEMBERS), *votes(MEMBERS, 5), wrong], tmp_path)
    assert guards(found)[-1] == "FIELD"


@pytest.mark.parametrize("ballot", ["OPEN", "SECRET"])
def test_who_may_vote(tmp_path: Path, ballot: str) -> None:
    rules = {"quorum": "2/3", "pass_ratio": "2/3", "base": "ELIGIBLE", "ballot": ballot}
    published = line("CS", "U-CS", "RuleSetPublished", key="R1", **rules)
    vote = line("CV", "V-1", "VoteCast", item_no=1, vote="FOR")
    found = answers(
        [
            published,
            *opened(MEMBERS[:6], rule_set="R1"),
            vote,
            vote,  # a second vote
            vote | {"actor": "V-7"},  # absent
            line("CV", "V-1", "RecusalDeclared", item_no=1),  # after the own vote
            line("CV", "V-2", "RecusalDeclared", item_no=1),
            vote | {"actor": "V-2"},  # recused
            line("CV", "V-3", "VoteCast", item_no=2, vote="FOR"),  # no such item
            line("CV", "V-3", "VoteCast", item_no=1, vote="MAYBE"),
            line("CV", "V-3", "RecusalDeclared", item_no=9),
        ],
        tmp_path,
    )
    cannot = "CommitteeMeeting.Vote.1"
    assert guards(found)[4:] == [
        None,
        cannot,
        cannot,
        "CommitteeMeeting.Recuse.1",
        None,
        cannot,
        cannot,
        "FIELD",
        "STATE",
    ]
    voter = found[4]["events"][0]["payload"]["member"]
    assert (voter == "V-1") is (ballot == "OPEN")


def test_a_maker_does_not_vote_on_his_own_case(tmp_path: Path) -> None:
    """SD4, of a case that stands on the agenda by its kind and number."""
    admitted = {
        "loan_no": "LN-1",
        "customer_no": "C-1",
        "principal": "1.00",
        "classification": "LOSS",
        "branch": "3301",
    }
    lines = [
        line("EX", "postloan", "AssetAdmitted", key="LN-1", **admitted) | {"aggregate": "RiskAsset"},
        line("AM", "V-1", "WriteOffDrafted", key="WO1", asset_no="LN-1", ground="DEATH") | {"aggregate": "WriteOff"},
        line("CS", "U-CS", "MeetingConvened", members=MEMBERS),
        line("CS", "U-CS", "AgendaItemAdded", item_no=1, case_kind="WRITE_OFF", case_no="WO1"),  # not submitted yet
        line("LG", "U-LG", "ComplianceReviewed", key="WO1", outcome="PASS") | {"aggregate": "WriteOff"},
        line("AM", "V-1", "WriteOffSubmitted", key="WO1") | {"aggregate": "WriteOff"},
        line("CS", "U-CS", "AgendaItemAdded", item_no=1, case_kind="WRITE_OFF", case_no="WO1"),
        line("CS", "U-CS", "MeetingOpened", present=MEMBERS),
        line("CV", "V-1", "VoteCast", item_no=1, vote="FOR"),
        line("CV", "V-2", "VoteCast", item_no=1, vote="FOR"),
    ]
    found = guards(answers(lines, tmp_path))
    assert (found[3], found[6], found[8], found[9]) == ("CommitteeMeeting.AddItem.1", None, "SD4", None)


@pytest.mark.parametrize(("veto", "guard"), [(True, None), (False, "SD4")])
def test_a_veto_only_where_the_rules_have_one(tmp_path: Path, veto: bool, guard: str | None) -> None:
    published = line("CS", "U-CS", "RuleSetPublished", key="R1", veto=veto)
    vetoed = line("CC", "V-1", "ItemVetoed", item_no=1, why="risk")
    lines = [published, *opened(MEMBERS, rule_set="R1"), *votes(MEMBERS, 7), vetoed, CLOSE, vetoed]
    found = guards(answers(lines, tmp_path))
    assert found[-3] == "SD4"  # nothing has passed yet
    assert found[-1] == guard


def test_minutes_are_signed_when_every_item_is_decided(tmp_path: Path) -> None:
    sign, close = line("CC", "V-1", "MinutesSigned", doc_id="D-1"), line("CS", "U-CS", "MeetingClosed")
    lines = [*opened(MEMBERS), sign, close, *votes(MEMBERS, 7), CLOSE, CLOSE, sign, close]
    lines.append(line("CS", "U-CS", "MeetingCancelled", why="late"))
    found = guards(answers(lines, tmp_path))
    assert found[3:5] == ["CommitteeMeeting.SignMinutes.1", "CommitteeMeeting.Close.1"]
    assert found[-5:] == [None, "STATE", None, None, "STATE"]


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 60))
def test_needed_is_the_least_number_that_makes_the_ratio(numerator: int, denominator: int, of: int) -> None:
    if numerator <= denominator:
        least = needed(f"{numerator}/{denominator}", of)
        assert least * denominator >= numerator * of > (least - 1) * denominator or of == least == 0
