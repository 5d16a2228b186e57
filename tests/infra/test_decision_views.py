"""The work lists' fold against the aggregates themselves: each history ends at the same stages, people and claims.

Every state that commands can reach is compared in `tests/api/test_work_walked.py`.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregates.event_view import EventView
from aggregates.registry import KINDS
from engines.primitives.errors import Unavailable
from infra.decision_views import DecisionViews, command_name, rendered, stage_table
from projections.work.stages import BY_HISTORY, DERIVED
from projections.work.state import WorkState, fold
from tests.aggregates.scenarios import FILES, lines_of, play
from tests.aggregates.walker import Walker
from tests.aggregates.world import World, open_world
from tests.work_oracle import assert_as_the_aggregates


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_scenario_ends_as_the_aggregates_do(file: Path, auto: bool, tmp_path: Path) -> None:
    played = play(lines_of(file), tmp_path, auto=auto)
    try:
        assert_as_the_aggregates(played.app)
    finally:
        played.close()


def test_a_reopened_case_goes_back_to_where_it_was_closed(tmp_path: Path) -> None:
    walker = Walker(tmp_path)
    kind = KINDS["LitigationCase"]
    walker.prepare(kind, "LC")
    events: tuple[tuple[str, dict[str, Any]], ...] = (
        ("CaseProposalDrafted", {"loan_nos": ["LNLC"]}),
        ("EnforcementApplied", {"applied_on": "2024-01-02"}),
        ("EnforcementSuspended", {"kind": "NO_PROPERTY"}),
        ("EnforcementResumed", {}),
        ("CaseClosed", {"outcome": "RECOVERED", "recovered": "0.00"}),
        ("CaseReopened", {"why": "new property"}),
    )
    for event, payload in events:
        walker.fixture("LitigationCase", "LC", event, **payload)
    state = assert_as_the_aggregates(walker.app)
    assert state.cases["LitigationCase", "LC"].stage == "ENFORCING"
    walker.app.close()
    walker.store.close()


def test_cash_taken_back_from_a_written_off_claim_is_memo_claim(world: World) -> None:
    """Decision E16."""
    world.lost()
    flow: dict[str, Any] = {"flow_id": "F-1", "split_no": 1}
    world.do("SY", "RecoveryApplied", mode="CASH_VOLUNTARY", amount="1000.00", **flow)
    world.to_stage("POSTED")
    world.do("SY", "RecoveryReversed", kind="ECONOMIC", **flow)
    state = assert_as_the_aggregates(world.app)
    claim = state.claims["LN-7001"]
    assert claim.lifecycle == "WRITTEN_OFF"
    assert claim.memo_places["restored", "costs"] == 100_000


def test_every_derived_stage_has_its_rule_and_no_rule_is_left_over() -> None:
    used = {(move.aggregate, move.command) for move in stage_table().moves if move.next == BY_HISTORY}
    written = {key for key in DERIVED if key[0] != "*"}
    general = {command for name, command in DERIVED if name == "*"}
    assert {key for key in used if key[1] not in general} == written
    assert general <= {command for _, command in used}


def test_a_command_by_its_name_means_its_row() -> None:
    for kind in KINDS.values():
        for row in kind.ROWS:
            if name := command_name(kind, row):
                assert kind.rows_of(name)[0] is row
    assert command_name(KINDS["RiskAsset"], KINDS["RiskAsset"].rows_of("AssetWrittenOff")[0]) == ""


def test_however_the_log_is_cut_and_whatever_comes_twice_the_state_is_the_same(tmp_path: Path) -> None:
    played = play([line for file in FILES[:6] for line in lines_of(file)], tmp_path)
    events = [rendered(event) for event in played.app.published_after(0, 10_000)]
    played.close()
    whole = fold(WorkState(stage_table()), events).canonical_bytes()
    chance = random.Random(7)
    for _ in range(5):
        state, at = WorkState(stage_table()), 0
        while at < len(events):
            back, ahead = chance.randrange(0, 4), chance.randrange(1, 40)
            fold(state, events[max(0, at - back) : at + ahead])
            at += ahead
        assert state.canonical_bytes() == whole
    assert fold(WorkState(stage_table()), events[:-1]).canonical_bytes() != whole


def test_a_reader_sees_what_was_stored_before_it_asked(world: World) -> None:
    views = DecisionViews(world.app.published_after, world.app.bank_day)
    for number in range(3):
        world.admit(f"LN-{number}")
        with views.current() as state:
            assert len(state.claims) == number + 1
            assert state.position == world.log_length


def test_a_store_that_is_away_leaves_the_state_where_it_was(world: World) -> None:
    world.admit()
    away = False

    def pull(position: int, limit: int) -> Sequence[EventView]:
        if away:
            raise Unavailable("the event store does not answer")
        return world.app.published_after(position, limit)

    views = DecisionViews(pull, world.app.bank_day)
    with views.current() as state:
        before = state.canonical_bytes()
    away = True
    with pytest.raises(Unavailable), views.current():
        pass
    away = False
    with views.current() as state:
        assert state.canonical_bytes() == before
