"""The timeline of a case: differences that add up to its state, as of a day, as it was known at an instant."""

import copy
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.case_timelines import differences, timeline
from engines.primitives.errors import NotFound
from tests.aggregates.world import LOAN, PEOPLE, World, open_world
from tests.paper_world import AUDITOR, CASES, STRANGER, open_paper_world

Json = dict[str, Any]
VALUES = st.none() | st.text(max_size=3) | st.integers() | st.lists(st.integers(), max_size=2)
STATES = st.dictionaries(
    st.sampled_from("abc"),
    VALUES | st.dictionaries(st.sampled_from("xy"), VALUES, min_size=1, max_size=2),
    max_size=3,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cases")
    opened = open_world(folder)
    open_paper_world(opened, folder)
    yield opened
    opened.store.close()


def with_changes(state: Json, changes: Any) -> Json:
    """What somebody makes who has the state before and the differences."""
    found = copy.deepcopy(state)
    for change in changes:
        *path, last = change.field.split(".")
        inner = found
        for name in path:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = change.after
    return found


def meaning(state: Any) -> Any:
    """A field without a value, and a record of such fields, says as much as none."""
    if not isinstance(state, dict):
        return state
    shown = {name: meaning(value) for name, value in state.items()}
    return {name: value for name, value in shown.items() if value not in (None, {})} or None


@given(STATES, STATES)
def test_the_differences_of_two_states_make_one_of_the_other(before: Json, after: Json) -> None:
    found = list(differences(before, after))
    assert meaning(with_changes(before, found)) == meaning(after)
    assert all(change.before != change.after for change in found)
    assert [change.field for change in found] == sorted({change.field for change in found})


@pytest.mark.parametrize("case", [*CASES, ("RiskAsset", LOAN)])
def test_steps_add_up_to_the_live_state(world: World, case: tuple[str, str]) -> None:
    found = timeline(world.app, *case, reader=AUDITOR)
    assert found.state == world.app.state(*case, reader=AUDITOR)
    assert [step.event for step in found.steps] == list(world.app.history(*case, reader=AUDITOR))
    made: Json = {}
    for step in found.steps:
        made = with_changes(made, step.changes)
    state = {name: value for name, value in found.state.items() if name != "version"}
    assert meaning(made) == meaning(state)
    assert found.steps[0].changes
    assert found.position == found.steps[-1].event.position


def test_a_difference_says_field_before_and_after(tmp_path: Path) -> None:
    other = open_world(tmp_path)
    other.admit(key="LN-1", principal="100.00", interest_on="0", penalty="0", compound="0")
    other.do("SY", "ApplyRecovery", key="LN-1", day="2022-03-12", flow_id="F-1", mode="CASH_VOLUNTARY", amount="7.50")
    _, recovered = timeline(other.app, "RiskAsset", "LN-1", reader=AUDITOR).steps
    other.store.close()
    shown = {one["field"]: (one["before"], one["after"]) for one in recovered.to_json()["changes"]}
    assert shown == {"principal": ("100.00", "92.50"), "rec_cash": ("0.00", "7.50")}
    assert recovered.to_json()["actor"] == PEOPLE["SY"]


def test_what_was_not_known_yet_and_what_counts_later_is_left_out(world: World) -> None:
    whole = timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR)
    for number, step in enumerate(whole.steps):
        known = timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR, known_at=step.event.recorded_at)
        assert known.steps == whole.steps[: number + 1]
        assert known.left_out == 0
    days = sorted({step.event.envelope.valid_on for step in whole.steps})
    for day in days:
        counted = timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR, as_of=day)
        expected = [one.event for one in whole.steps if one.event.envelope.valid_on <= day]
        assert [one.event for one in counted.steps] == expected
        assert counted.left_out == len(whole.steps) - len(expected)


def test_before_the_first_event_and_for_strangers_there_is_nothing(world: World) -> None:
    first = timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR).steps[0].event
    with pytest.raises(NotFound):
        timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR, known_at=first.recorded_at - timedelta(seconds=1))
    with pytest.raises(NotFound):
        timeline(world.app, "RiskAsset", LOAN, reader=AUDITOR, as_of=date(2000, 1, 1))
    with pytest.raises(NotFound):
        timeline(world.app, "RiskAsset", LOAN, reader=STRANGER)
    with pytest.raises(NotFound):
        timeline(world.app, "RiskAsset", "none", reader=AUDITOR)
