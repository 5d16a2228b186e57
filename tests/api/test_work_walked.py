"""To-dos and offered commands in every state that commands can reach, against the rules of the aggregates."""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from aggregates.envelope import ROLES, Principal
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.rows import Row
from api.allowed import allowed
from api.command_values import CODES
from engines.primitives.errors import InvalidInput, NotFound, Rejected, TidemarkError
from infra.decision_views import DecisionViews, command_name
from projections.work.duties import MACHINES
from projections.work.todos import Todo, todos
from tests.aggregates.walker import BRANCH, ENTITY, LOAN, PAYLOADS, Walker, _is_open_to
from tests.work_oracle import assert_as_the_aggregates

#: Few enough to be quick: every derived stage, every pattern; the others differ in their nouns.
WALKED = (
    "RiskAsset",
    "Target",
    "Inspection",
    "RecoveryFlow",
    "LiabilityDetermination",
    "CommitteeMeeting",
    "WriteOff",
    "DebtReduction",
    "AssetPackage",
    "ForeclosedAsset",
    "Expense",
    "Parameter",
)
PEOPLE_ROLES = tuple(role for role in ROLES if role not in MACHINES)


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    opened = Walker(tmp_path_factory.mktemp("walked"))
    opened.ways = cache(opened.ways)  # type: ignore[method-assign]
    chance = random.Random(11)
    for name in WALKED:
        for way in list(opened.ways(KINDS[name]).values()):
            wander(opened, KINDS[name], opened.take(KINDS[name], way), chance)
    yield opened
    opened.app.close()
    opened.store.close()


def wander(walker: Walker, kind: type[Case], key: str, chance: random.Random) -> None:
    """Some further commands, whichever go through: also back to states that were left."""
    for _ in range(3):
        case = walker.app.find(kind.NAME, key)
        rows = [row for row in kind.ROWS if not row.partner and _is_open_to(row, case)]
        if not rows:
            return
        row = chance.choice(rows)
        with suppress(TidemarkError):
            payload = walker.completed(kind, row, key, chance.choice(PAYLOADS.get(row.event, ({},))))
            walker.app.execute(walker.command(kind, row, key, payload))


def waiting(walker: Walker) -> list[Todo]:
    views = DecisionViews(walker.app.published_after, walker.app.bank_day)
    with views.current() as state:
        return list(todos(state, views.today(walker.now + timedelta(seconds=1))))


def offered(walker: Walker, todo: Todo, actor: str) -> dict[str, dict[str, object]]:
    reader = Principal(actor, PEOPLE_ROLES, BRANCH, (ENTITY,))
    found = allowed(walker.app, walker.now, reader, todo.aggregate, todo.key)
    return {command["command"]: command for command in found["commands"]}


def test_every_state_is_the_aggregates_own(walker: Walker) -> None:
    state = assert_as_the_aggregates(walker.app)
    assert len({(case.aggregate, case.stage) for case in state.cases.values()}) > 60


def test_what_waits_can_be_taken_by_a_stranger_in_the_role_and_not_by_those_who_are_barred(walker: Walker) -> None:
    """One to-do of each kind, aggregate and state: its commands are offered, and refused only to whom it says."""
    seen: set[tuple[str, str, str]] = set()
    barred = 0
    for todo in waiting(walker):
        mark = (todo.kind, todo.aggregate, todo.state)
        if mark in seen or not todo.commands or todo.kind == "VOTE":
            continue
        seen.add(mark)
        free = offered(walker, todo, "U-STRANGER")
        assert set(todo.commands) <= free.keys(), todo
        assert not todo.is_for("U-STRANGER", tuple(MACHINES))
        for name in todo.commands:
            refused = free[name]["refused"]
            assert refused is None or not str(refused["guard"]).startswith("SD"), (todo, name)  # type: ignore[index]
        for actor in todo.not_by:
            assert not todo.is_for(actor, todo.roles)
            refusals = [offered(walker, todo, actor)[name]["refused"] for name in todo.commands]
            guards = {str(one["guard"]) for one in refusals if one is not None}  # type: ignore[index]
            assert any(guard.startswith("SD") for guard in guards), (todo, actor)
            barred += 1
    assert len(seen) > 40
    assert barred > 15


def test_who_is_refused_a_duty_is_barred_from_the_todo(walker: Walker) -> None:
    """The other way round: nobody who played a part and is refused for it sees the to-do."""
    seen: set[tuple[str, str, str]] = set()
    with DecisionViews(walker.app.published_after, walker.app.bank_day).current() as state:
        for todo in waiting(walker):
            mark = (todo.kind, todo.aggregate, todo.state)
            if mark in seen or not todo.commands or todo.kind in ("VOTE", "DEADLINE"):
                continue
            seen.add(mark)
            people = state.cases[todo.aggregate, todo.key].people
            for actor in sorted({actor for played in people.values() for actor in played}):
                found = offered(walker, todo, actor)
                refused = [found[name]["refused"] for name in todo.commands]
                duties = [str(one["guard"]) for one in refused if one is not None]  # type: ignore[index]
                if len(duties) == len(todo.commands) and all(guard.startswith("SD") for guard in duties):
                    assert actor in todo.not_by, (todo, actor, duties)


def test_the_fields_that_are_needed_are_those_that_a_command_misses(walker: Walker) -> None:
    """Given what is said to be needed a command goes through; without any one of them it is refused for it."""
    tried = spare = 0
    for name in ("WriteOff", "RecoveryFlow", "Target", "Inspection"):
        kind = KINDS[name]
        for way in list(walker.ways(kind).values()):
            key = walker.take(kind, way)
            everybody = Principal("U-EVERY", tuple(ROLES), BRANCH, (ENTITY,))
            found = allowed(walker.app, walker.now, everybody, name, key, f"{LOAN}{key}")
            for command in found["commands"]:
                row = kind.rows_of(command["command"])[0]
                assert command_name(kind, row) == command["command"]
                needed = {one["name"] for one in command["fields"] if one["required"]}
                about = {one["name"] for one in command["fields"] if one["required"] and "value" in one}
                for variant in PAYLOADS.get(row.event, ({},)):
                    try:
                        payload = walker.completed(kind, row, key, variant)
                        walker.attempt(kind, row, key, payload)
                    except TidemarkError:
                        continue
                    tried += 1
                    least = {one: payload[one] for one in payload if one in needed}
                    walker.attempt(kind, row, key, least)
                    for one in needed - about:
                        rest = {other: value for other, value in least.items() if other != one}
                        try:
                            walker.attempt(kind, row, key, rest)
                            spare += 1
                        except InvalidInput as refusal:
                            assert refusal.facts["field"] == one  # noqa: PT017 - it may go through
                        except (Rejected, NotFound):
                            pass
    assert tried > 60
    assert spare == 0


class Told:
    """A step that was told some fields, of a case that is not there: as far as the check of a code asks."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields, self.exists, self.asset_ids = fields, False, ["LN-1"]

    def get(self, name: str, default: Any = None) -> Any:
        return self.fields.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]


def rows_with(aggregate: str, event: str) -> list[Row]:
    if aggregate == "*":
        return [row for kind in KINDS.values() for row in kind.ROWS if row.event.endswith(event[1:])]
    return list(KINDS[aggregate].rows_of(event))[:1]


#: Checked by a clause of the guard column, or by the reading of the payload itself.
NOT_DERIVED = {"ProjectDrafted", "ProjectAmended", "InstructionPrepared"}


@pytest.mark.parametrize(("aggregate", "event", "field"), CODES, ids=str)
def test_listed_codes_pass_the_aggregates_own_check_and_another_does_not(
    aggregate: str, event: str, field: str
) -> None:
    for row in rows_with(aggregate, event):
        assert field.split(".", maxsplit=1)[0] in {spec.name for spec in (*row.fields, *row.extra)}
        if event in NOT_DERIVED:
            continue
        assert not is_taken(row, field, "NOT_A_CODE"), row.event
        for code in CODES[aggregate, event, field]:
            assert is_taken(row, field, code), (row.event, code)


def is_taken(row: Row, field: str, code: str) -> bool:
    """Whether the row's own derivation gets past the code; what it asks of the case afterwards is not there."""
    name, _, inner = field.partition(".")
    fields: dict[str, Any] = {
        "to_class": "LOSS",
        name: [{"split_no": 1, "amount": 1, inner: code}] if inner else code,
    }
    assert row.derive is not None
    try:
        row.derive(Told(fields))  # type: ignore[arg-type]
    except InvalidInput as refusal:
        return refusal.facts.get("field") != name
    except (AttributeError, KeyError):
        return True
    return True
