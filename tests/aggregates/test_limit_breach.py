"""The breach of a limit as a case: opened on figures, explained, waived by another person, restored, closed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.limit_breach import LimitBreach
from tests.aggregates.liquidity_world import AUDITOR, BREACHED, LiquidityWorld, open_liquidity_world

EXPLAINED = {"cause": "year-end lending", "action": "sell loans"}
WAIVED = {"waived_until": "2026-11-25", "comment": "until the loan sale settles"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiquidityWorld]:
    opened, store = open_liquidity_world(tmp_path)
    yield opened
    store.close()


def state(world: LiquidityWorld) -> dict[str, Any]:
    return world.state("LimitBreach")


def test_a_breach_is_opened_on_its_figures(world: LiquidityWorld) -> None:
    (event,) = world.breach("RM", "Open", **BREACHED).events
    assert (event.type, event.payload["value"], event.payload.get("minimum")) == ("LimitBreached", "0.77", None)
    found = state(world)
    assert (found["state"], found["owner"], found["deadline"]) == ("OPEN", "U-701", "2026-12-01")
    assert found["breaches_in_a_row"] == 1


@pytest.mark.parametrize(
    ("changed", "guard"),
    [
        ({"value": "0.75"}, "LimitBreach.Open.1"),
        ({"value": "0.750000000001"}, None),
        ({"maximum": None}, "FIELD"),
        ({"maximum": None, "minimum": "0.77"}, "LimitBreach.Open.1"),
        ({"maximum": None, "minimum": "0.78"}, None),
        ({"minimum": "0.76"}, "FIELD"),
        ({"policy_ref": None}, "FIELD"),
        ({"deadline": "2026-11-21"}, "FIELD"),
        ({"value": "77%"}, "FIELD"),
    ],
)
def test_only_a_value_outside_the_limit_opens_a_case(
    world: LiquidityWorld, changed: dict[str, Any], guard: str | None
) -> None:
    if guard is None:
        world.breach("RM", "Open", **(BREACHED | changed))
    else:
        world.refused(guard, lambda: world.breach("RM", "Open", **(BREACHED | changed)))


def test_observations_in_a_row_are_counted_and_the_worst_is_kept(world: LiquidityWorld) -> None:
    world.breach("RM", "Open", **BREACHED)
    for value in ("0.80", "0.76"):
        world.next_day()
        world.breach("RM", "Observe", value=value)
    world.refused("FIELD", lambda: world.breach("RM", "Observe", value="0.79"))  # the same day again
    world.next_day()
    world.refused("LimitBreach.Observe.2", lambda: world.breach("RM", "Observe", value="0.75"))
    found = state(world)
    assert (found["breaches_in_a_row"], found["worst_value"], found["last_value"]) == (3, "0.80", "0.76")


def test_the_waiver_is_another_persons_and_wants_an_explanation(world: LiquidityWorld) -> None:
    world.breach("RM", "Open", **BREACHED)
    world.refused("LimitBreach.Waive.3", lambda: world.breach("AC", "Waive", **WAIVED))
    world.breach("HM", "Explain", **EXPLAINED)
    for person in ("U-701", "U-501", "U-702"):  # its owner, who opened it, who explained it
        world.refused("SD1", lambda person=person: world.breach("AC", "Waive", actor=person, **WAIVED))
    world.breach("AC", "Waive", **WAIVED)
    found = state(world)
    assert (found["state"], found["waived_by"], found["waived_until"]) == ("WAIVED", "U-801", "2026-11-25")


def test_a_value_within_the_limit_restores_it_and_another_breach_opens_it_again(world: LiquidityWorld) -> None:
    world.breach("RM", "Open", **BREACHED)
    world.next_day()
    world.refused("LimitBreach.Restore.2", lambda: world.breach("RM", "Restore", value="0.7500001"))
    world.breach("RM", "Restore", value="0.75")
    assert state(world)["restored_on"] == "2026-11-23"
    world.refused("LimitBreach.Close.3", lambda: world.breach("AC", "Close", outcome="-"))
    world.next_day()
    world.breach("RM", "Observe", value="0.76")
    found = state(world)
    assert (found["state"], found["breaches_in_a_row"], found["restored_on"]) == ("OPEN", 1, None)


def test_the_owner_does_not_close_it(world: LiquidityWorld) -> None:
    world.breach("RM", "Open", **BREACHED)
    world.breach("TR", "Explain", **EXPLAINED)
    world.next_day()
    world.breach("RM", "Restore", value="0.70")
    world.refused("SD1", lambda: world.breach("AC", "Close", actor="U-701", outcome="-"))
    world.breach("AC", "Close", outcome="loans were sold")
    assert state(world)["state"] == "CLOSED"


@pytest.mark.parametrize("stage", ["OPEN", "WAIVED", "RESTORED", "CLOSED"])
def test_no_transition_is_skipped(world: LiquidityWorld, stage: str) -> None:
    world.breach("RM", "Open", **BREACHED)
    world.breach("TR", "Explain", **EXPLAINED)
    if stage == "WAIVED":
        world.breach("AC", "Waive", **WAIVED)
    world.next_day()
    if stage in ("RESTORED", "CLOSED"):
        world.breach("RM", "Restore", value="0.70")
    if stage == "CLOSED":
        world.breach("AC", "Close", outcome="-")
    assert state(world)["state"] == stage
    payloads: dict[str, tuple[str, dict[str, Any]]] = {
        "Observe": ("RM", {"value": "0.76"}),
        "Explain": ("TR", EXPLAINED),
        "Waive": ("AC", WAIVED),
        "Restore": ("RM", {"value": "0.70"}),
        "Close": ("AC", {"outcome": "-"}),
    }
    assert payloads.keys() == {row.command for row in LimitBreach.ROWS if row.stages}
    for name, (role, payload) in payloads.items():
        if stage not in next(row.stages for row in LimitBreach.ROWS if row.command == name):
            world.refused("STATE", lambda role=role, name=name, payload=payload: world.breach(role, name, **payload))


def test_breaches_are_listed(world: LiquidityWorld) -> None:
    world.breach("RM", "Open", **BREACHED)
    world.breach("RM", "Open", key="LB-2", **(BREACHED | {"limit_id": "LIM-2"}))
    rows = world.app.list_cases("LimitBreach", reader=AUDITOR, where={"limit_id": "LIM-2"})
    assert [row["breach_no"] for row in rows] == ["LB-2"]
    assert world.app.list_cases("ContingencyPlan", reader=AUDITOR) == []
