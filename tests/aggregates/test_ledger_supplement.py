"""LedgerSupplement: entered, approved by another person, ended by hand or by its day (PLT-58)."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aggregates.commands import Outcome
from tests.aggregates.world import World, open_world

KIND, KEY = "LedgerSupplement", "SU-1"
ENTERED = {
    "dataset": "risk_asset",
    "row_key": "WO1|LN-7001",
    "field": "costs",
    "period": "2022-03",
    "value": "12.50",
    "reason": "fee not booked yet",
    "evidence": "0f" * 32,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def give(world: World, role: str, name: str, actor: str | None = None, **payload: Any) -> Outcome:
    return world.app.execute(
        world.command(role, name, aggregate=KIND, key=KEY, actor=actor, day="2022-03-11", **payload)
    )


def test_entered_approved_and_ended(world: World) -> None:
    give(world, "AM", "Enter", **ENTERED, valid_until="2022-04-30")
    (event,) = give(world, "RM", "Approve").events
    assert (event.type, event.payload["checker"]) == ("SupplementApproved", "U-501")
    (ended,) = give(world, "RM", "Expire", why="booked").events
    assert ended.topic == "ledger-supplement.supplement-expired"


def test_nobody_approves_or_rejects_what_he_entered(world: World) -> None:
    give(world, "RM", "Enter", actor="U-1", **ENTERED)
    for name, payload in (("Approve", {}), ("Reject", {"why": "no"})):
        act = partial(give, world, "RM", name, actor="U-1", **payload)
        world.refused("SD1", act)
    give(world, "RM", "Reject", actor="U-2", why="no evidence")
    world.refused("STATE", lambda: give(world, "RM", "Approve", actor="U-2"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dataset", "Risk Asset"),
        ("field", "1; drop"),
        ("period", "2022-13"),
        ("period", "March"),
        ("reason", ""),
        ("evidence", "a file"),
        ("valid_until", "2022-03-10"),
        ("value", "x" * 2_001),
    ],
)
def test_each_field_is_checked(world: World, field: str, value: str) -> None:
    world.refused("FIELD", lambda: give(world, "AM", "Enter", **(ENTERED | {field: value})))


def test_approval_comes_before_its_end(world: World) -> None:
    give(world, "AM", "Enter", **ENTERED, valid_until="2022-03-11")
    command = world.command("RM", "Approve", aggregate=KIND, key=KEY, day="2022-03-12")
    world.refused("LedgerSupplement.Approve.1", lambda: world.app.execute(command))
