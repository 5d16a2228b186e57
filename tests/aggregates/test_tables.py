"""Every aggregate against its own table: each command in each stage, each role, each field that is not its own.

The tables are compared with the specification by `docs/risk-assets.md`, which is generated from them; here the
behaviour is compared with the tables.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from aggregates.envelope import ROLES
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.rows import IN_STAGE, Row
from engines.primitives.errors import Forbidden, NotFound, Rejected, TidemarkError
from tests.aggregates.walker import PAYLOADS, State, Walker, Way, _is_open_to

#: Written as tables too, with their own tests: their commands carry whole engine inputs.
ELSEWHERE = frozenset(
    {
        "ContingencyPlan",
        "LimitBreach",
        "Alert",
        "AlertSubscription",
        "AlertTeam",
        "AlertSilence",
        "AlertRule",
        "WithdrawalReservation",
        "DispatchProposal",
        "PivotDefinition",
        "Dashboard",
    }
)
TABLES = [kind for kind in KINDS.values() if kind.NAME not in ELSEWHERE]
#: Stages and events that need a history of their own, and have it in the scenarios.
ELSEWHERE_STAGES = {"BREACHED", "-"}
ELSEWHERE_EVENTS = {"ReductionBreached"}


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    opened = Walker(tmp_path_factory.mktemp("tables"))
    opened.ways = cache(opened.ways)  # type: ignore[method-assign]
    yield opened
    opened.app.close()
    opened.store.close()


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.NAME)
def test_commands_lead_to_every_stage_of_the_table(walker: Walker, kind: type[Case]) -> None:
    named = {stage for row in kind.ROWS for stage in row.stages}
    named |= {row.next for row in kind.ROWS if isinstance(row.next, str) and row.next}
    states = [state for state in walker.ways(kind) if state is not None]
    reached = {stage for stage, _ in states} | {stage for _, tracks in states for _, stage in tracks}
    assert named - ELSEWHERE_STAGES <= reached


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.NAME)
def test_every_command_in_every_stage(walker: Walker, kind: type[Case]) -> None:
    """Allowed ones do what the row says somewhere, and are never refused for the stage; all others always are."""
    done: set[str] = set()
    for state, way in walker.ways(kind).items():
        key = walker.take(kind, way)
        case = walker.app.find(kind.NAME, key)
        length = walker.store.recorder.max_notification_id()
        for row in kind.ROWS:
            if row.partner or _is_shadowed(kind, row):
                continue
            if _is_open_to(row, case) or (case is None and row.makes_if_absent):
                done |= _allowed(walker, kind, row, way, key)
                length = walker.store.recorder.max_notification_id()
            else:
                _refused(walker, kind, row, state, key)
        assert walker.store.recorder.max_notification_id() == length
    commands = {row.event for row in kind.ROWS if not row.partner}
    assert commands - done <= ELSEWHERE_EVENTS


def _allowed(walker: Walker, kind: type[Case], row: Row, way: Way, key: str) -> set[str]:
    ready, _ = walker.unlocked(kind, row, way, key)
    done: set[str] = set()
    for variant in PAYLOADS.get(row.event, ({},)):
        try:
            payload = walker.completed(kind, row, ready, variant)
        except TidemarkError as refusal:
            if "is not possible while" in str(refusal):
                pytest.fail(f"{row.command} is refused for a stage of its own: {refusal}")
            continue
        after = walker.attempt(kind, row, ready, payload).find(kind.NAME, ready)
        assert after is not None
        stored = [type(event).__name__ for event in after.pending_events]
        assert row.event in stored
        if isinstance(row.next, str) and row.next and stored[-1] == row.event:
            assert (after.tracks[row.track] if row.track else after.stage) == row.next
        done.add(row.event)
    return done


def _refused(walker: Walker, kind: type[Case], row: Row, state: State | None, key: str) -> None:
    command = walker.command(kind, row, key, {})
    if state is None:
        with pytest.raises(NotFound):
            walker.app.execute(command)
        return
    named = [item.guard for item in row.clauses if item.text == IN_STAGE]
    guard = f"{kind.NAME}.{named[0]}" if named else "STATE"
    with pytest.raises(Rejected) as caught:
        walker.app.execute(command)
    assert caught.value.facts["guard"] == guard, (row.command, state, str(caught.value))


def _is_shadowed(kind: type[Case], row: Row) -> bool:
    """A second row of the same command and event is the first one's variant, chosen by nobody."""
    return next(one for one in kind.ROWS if (one.command, one.event) == (row.command, row.event)) is not row


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.NAME)
def test_the_role_comes_first(walker: Walker, kind: type[Case]) -> None:
    """Before fields, before the stage, before whether the aggregate exists at all."""
    for row in kind.ROWS:
        rows = kind.rows_of(row.event)
        for role in sorted(set(ROLES) - {role for one in rows for role in one.roles}):
            command = walker.command(kind, row, "nowhere", {"surprise": 1}, role)
            with pytest.raises(Forbidden) as caught:
                walker.app.execute(command)
            assert caught.value.facts["guard"] == "ROLE", (row.command, role)


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.NAME)
def test_a_field_that_is_not_its_own_is_refused(walker: Walker, kind: type[Case]) -> None:
    for row in kind.ROWS:
        command = walker.command(kind, row, "nowhere", {"surprise": 1})
        with pytest.raises(TidemarkError) as caught:
            walker.app.execute(command)
        assert caught.value.facts["guard"] == "FIELD"
        assert caught.value.facts["field"] == ("command" if row.partner else "surprise")
