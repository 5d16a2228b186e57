"""AlertRule: drafted in versions, tried, enabled by another person only as tried, superseded, disabled."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregates.alert_rule import digest_of
from aggregates.commands import Outcome
from aggregates.rendering import Json
from tests.aggregates.world import AUDITOR, World, open_world
from tests.work_oracle import assert_as_the_aggregates

KIND, KEY = "AlertRule", "low-cash"
DRAFT: dict[str, Any] = {
    "name": "low cash",
    "name_zh": "头寸偏低",
    "severity": "CRITICAL",
    "about": "totals",
    "expression": 'amount < money("5000000.00")',
    "metrics": ["position"],
    "clear_readings": 3,
    "why": "the desk asked for it",
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    assert_as_the_aggregates(opened.app)
    opened.store.close()


def give(world: World, role: str, command: str, /, *, actor: str | None = None, **payload: Any) -> Outcome:
    wish = world.command(role, command, aggregate=KIND, key=KEY, actor=actor, day="2022-03-11")
    return world.app.execute(replace(wish, payload={**wish.payload, **payload}))


def state(world: World) -> Json:
    return world.app.state(KIND, KEY, reader=AUDITOR)


def preview(world: World, digest: str | None = None) -> Outcome:
    facts: dict[str, Any] = {
        "content_digest": digest or state(world)["content_digest"], "asked_by": "U-1", "first_cut": 0, "end_cut": 100,
        "fired": 2, "problems": 0, "answer_digest": "0f" * 32,
    }  # fmt: skip
    return give(world, "SY", "Preview", **facts)


def enable(world: World, actor: str = "U-2") -> Outcome:
    return give(world, "RM", "Enable", actor=actor, why="tried on November")


def test_drafted_tried_and_enabled_by_another(world: World) -> None:
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    preview(world)
    (event,) = enable(world).events
    assert (event.type, event.topic) == ("AlertRuleEnabled", "alert-rule.alert-rule-enabled")
    found = state(world)
    assert found["in_force"] == {
        "rule_version": 1, "clear_interval_s": 0, "arming_s": 0, "owner": "U-1",
        **{name: value for name, value in DRAFT.items() if name != "why"},
    }  # fmt: skip
    assert (found["drafter"], found["enabler"], found["previewed"]["fired"]) == ("U-1", "U-2", 2)


def test_nobody_enables_what_he_drafted(world: World) -> None:
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    preview(world)
    world.refused("SD1", lambda: enable(world, "U-1"))
    give(world, "RM", "Draft", actor="U-2", **DRAFT)  # now the version is another's
    preview(world)
    world.refused("SD1", lambda: enable(world, "U-2"))
    enable(world, "U-1")


def test_only_what_was_tried_is_enabled(world: World) -> None:
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    world.refused("STATE", lambda: enable(world))
    world.refused("AlertRule.Preview.1", lambda: preview(world, "00" * 32))
    preview(world)
    give(world, "RM", "Draft", actor="U-1", **DRAFT | {"expression": "amount < 0"})
    world.refused("STATE", lambda: enable(world))
    world.refused("ROLE", lambda: give(world, "RM", "Preview", content_digest="0f" * 32))


def test_a_newer_version_leaves_the_one_in_force_at_work_until_it_is_enabled(world: World) -> None:
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    preview(world)
    enable(world)
    give(world, "RM", "Draft", actor="U-1", **DRAFT | {"expression": "amount < 0"})
    found = state(world)
    assert (found["state"], found["in_force"]["rule_version"], found["rule_version"]) == ("DRAFT", 1, 2)
    assert found["in_force"]["expression"] == DRAFT["expression"]
    preview(world)
    assert [event.type for event in enable(world).events] == ["AlertRuleSuperseded", "AlertRuleEnabled"]
    assert state(world)["in_force"]["expression"] == "amount < 0"


def test_a_draft_is_dropped_and_a_rule_taken_out_of_force(world: World) -> None:
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    preview(world)
    enable(world)
    give(world, "RM", "Draft", actor="U-1", **DRAFT | {"expression": "amount < 0"})
    give(world, "RM", "Discard", why="not worth it")
    found = state(world)
    assert (found["state"], found["content"]["expression"]) == ("ENABLED", DRAFT["expression"])
    world.refused("FIELD", lambda: give(world, "RM", "Disable", why=""))
    (event,) = give(world, "RM", "Disable", why="too many").events
    assert event.payload["rule_version"] == 1
    assert (state(world)["state"], state(world)["in_force"]) == ("DISABLED", None)
    world.refused("STATE", lambda: give(world, "RM", "Disable", why="again"))
    give(world, "RM", "Draft", actor="U-1", **DRAFT)
    assert state(world)["rule_version"] == 3
    world.refused("AlertRule.Disable.1", lambda: give(world, "RM", "Disable", why="again"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("severity", "LOUD"), ("expression", ""), ("why", ""), ("clear_readings", 0), ("arming_s", -1)],
)
def test_a_draft_that_cannot_be_names_its_field(world: World, field: str, value: object) -> None:
    world.refused("FIELD", lambda: give(world, "RM", "Draft", **DRAFT | {field: value}))


def test_the_digest_is_of_what_decides() -> None:
    assert digest_of(DRAFT) == digest_of(DRAFT | {"name": "other", "severity": "INFO", "entities": []})
    assert digest_of(DRAFT) != digest_of(DRAFT | {"clear_readings": 2})
