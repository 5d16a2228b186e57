"""The contingency plan as a workflow: worked example, four eyes, stages, drill, versions, idempotency."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.contingency_plan import ContingencyPlan
from aggregates.envelope import Principal
from engines.primitives.errors import Conflict, Forbidden, InvalidInput, NotFound, Rejected
from tests.aggregates.liquidity_world import (
    AUDITOR,
    FUNDING,
    PEOPLE,
    PLAN,
    REQUEST,
    LiquidityWorld,
    open_liquidity_world,
)

DEAL = {"line": "1-1", "amount": "300.00", "counterparty": "BANK-B", "deal_ref": "D-1"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiquidityWorld]:
    opened, store = open_liquidity_world(tmp_path)
    yield opened
    store.close()


# -- drawing up


def test_the_worked_example_becomes_a_plan(world: LiquidityWorld) -> None:
    (event,) = world.do("TR", "Propose", **REQUEST).events
    assert (event.type, event.topic) == ("PlanTriggered", "contingency-plan.plan-triggered")
    state = world.state()
    assert [(line["source"], line["planned"], line["order_by"]) for line in state["lines"]] == [
        ("repo", "500.00", "2026-11-25"),
        ("parent line", "200.00", "2026-11-24"),
        ("bond sale", "200.00", "2026-11-23"),
    ]
    assert (state["shortfall"], state["residual_planned"], state["residual"]) == ("900.00", "0.00", "900.00")
    assert state["first_shortfall_on"] == "2026-11-25"
    assert state["lines"][2]["market_value"] == "200.00"
    assert state["ranking"][0]["strategy"] == "gate_order"
    assert state["lines"][2]["message"] == "TR: sell CNY 200.00 at bond sale by 2026-11-23 for 2026-11-25"


def test_the_simulation_can_be_computed_again_from_what_is_stored(world: LiquidityWorld) -> None:
    world.do("TR", "Propose", **REQUEST)
    first = world.state()
    world.do("TR", "Propose", key="CFP-2", **(REQUEST | {"funding": first["basis"]}))
    again = world.state(key="CFP-2")
    assert again["simulation_digest"] == first["simulation_digest"]
    world.do("TR", "Propose", key="CFP-3", **(REQUEST | {"funding": FUNDING | {"shortfall": "900.01"}}))
    assert world.state(key="CFP-3")["simulation_digest"] != first["simulation_digest"]


def test_a_path_of_a_stress_and_a_list_of_surpluses_say_the_same(world: LiquidityWorld) -> None:
    plain = {key: FUNDING[key] for key in ("sources", "securities")}
    as_list = plain | {"surplus": ["100.00", "0.00", "-800.00"], "limit": "100.00"}
    path = [{"day": day, "surplus": surplus} for day, surplus in enumerate(as_list["surplus"], 1)]
    as_path = plain | {"path": path, "limit": "100.00"}
    for key, funding in (("CFP-1", as_list), ("CFP-2", as_path)):
        world.do("TR", "Propose", key=key, **(REQUEST | {"funding": funding}))
    assert world.state()["simulation_digest"] == world.state(key="CFP-2")["simulation_digest"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"shortfall": 900}, "funding.shortfall"),
        ({"shortfall": "900.001"}, "funding.shortfall"),
        ({"surplus": ["1.00"]}, "funding.surplus"),
        ({"day": 0}, "funding.day"),
        ({"is_stressed": 1}, "funding.is_stressed"),
        ({"order": "price"}, "funding.order"),
        ({"unknown": "1"}, "funding.unknown"),
        ({"sources": [FUNDING["sources"][0] | {"rate": "2%"}]}, "funding.sources[0].rate"),
        ({"sources": [FUNDING["sources"][0] | {"gate": 4}]}, "funding.sources[0].gate"),
        ({"sources": [FUNDING["sources"][0]] * 2}, "funding.sources[1].name"),
        ({"sources": [FUNDING["sources"][2] | {"securities": "gold"}]}, "funding.sources[0].securities"),
        (
            {"securities": [{"name": "bonds", "market_value": "1", "encumbered": "2"}]},
            "funding.securities[0].encumbered",
        ),
    ],
)
def test_what_is_wrong_is_named(world: LiquidityWorld, changed: dict[str, Any], field: str) -> None:
    error = world.refused("FIELD", lambda: world.do("TR", "Propose", **(REQUEST | {"funding": FUNDING | changed})))
    assert isinstance(error, InvalidInput)
    assert error.facts["field"] == field


def test_without_a_shortfall_there_is_no_plan(world: LiquidityWorld) -> None:
    funding = {"surplus": ["0.00"], "sources": []}
    world.refused("ContingencyPlan.Propose.1", lambda: world.do("TR", "Propose", **(REQUEST | {"funding": funding})))


# -- four eyes, roles, stages


def test_who_drew_up_or_amended_a_plan_does_not_decide_on_it(world: LiquidityWorld) -> None:
    world.to_stage("ALERT")
    world.do("HM", "Amend", **REQUEST)
    for maker in (PEOPLE["TR"], PEOPLE["HM"]):
        for name in ("Approve", "Reject"):
            error = world.refused("SD1", lambda name=name, maker=maker: world.do("AC", name, actor=maker))
            assert isinstance(error, Forbidden)
    world.do("AC", "Approve")
    world.refused("SD1", lambda: world.do("AC", "Activate", actor=PEOPLE["TR"]))
    world.do("AC", "Activate")
    world.do("TR", "BeginRecovery", surplus="1.00")
    world.refused("SD1", lambda: world.do("AC", "Close", actor=PEOPLE["TR"], outcome="-"))


@pytest.mark.parametrize(
    ("role", "name"), [("TR", "Approve"), ("AC", "Propose"), ("RM", "TakeAction"), ("SY", "Approve")]
)
def test_a_command_needs_its_role(world: LiquidityWorld, role: str, name: str) -> None:
    world.refused("ROLE", lambda: world.do(role, name))


PAYLOADS: dict[str, tuple[str, dict[str, Any]]] = {
    "Amend": ("TR", REQUEST),
    "Approve": ("AC", {}),
    "Reject": ("AC", {}),
    "Activate": ("AC", {}),
    "TakeAction": ("TR", DEAL),
    "BeginRecovery": ("TR", {"surplus": "0.00"}),
    "Close": ("AC", {"outcome": "-"}),
    "Cancel": ("TR", {}),
}


@pytest.mark.parametrize("stage", ["ALERT", "APPROVED", "ACTIVATED", "RECOVERY", "CLOSED"])
def test_no_transition_is_skipped(world: LiquidityWorld, stage: str) -> None:
    world.to_stage(stage)
    for name, (role, payload) in PAYLOADS.items():
        if stage not in next(row.stages for row in ContingencyPlan.ROWS if row.command == name):
            error = world.refused(
                "STATE", lambda role=role, name=name, payload=payload: world.do(role, name, **payload)
            )
            assert isinstance(error, Rejected)


@pytest.mark.parametrize(("role", "name", "stage"), [("AC", "Reject", "REJECTED"), ("TR", "Cancel", "CANCELLED")])
def test_a_rejected_or_cancelled_plan_is_at_its_end(world: LiquidityWorld, role: str, name: str, stage: str) -> None:
    world.to_stage("ALERT")
    world.do(role, name, comment="no")
    assert world.state()["state"] == stage
    for other, (by, payload) in PAYLOADS.items():
        world.refused("STATE", lambda by=by, other=other, payload=payload: world.do(by, other, **payload))


def test_what_was_decided_is_what_was_seen(world: LiquidityWorld) -> None:
    world.to_stage("ALERT")
    seen = world.state()
    world.do("HM", "Amend", **REQUEST)
    before = world.log_length
    with pytest.raises(Conflict):
        world.do("AC", "Approve", expected_version=seen["version"])
    assert world.log_length == before
    world.refused("ContingencyPlan.Approve.2", lambda: world.do("AC", "Approve", content_hash=seen["content_hash"]))
    now = world.state()
    world.do("AC", "Approve", expected_version=now["version"], content_hash=now["content_hash"])


# -- actions


def test_executed_and_residual_add_up_to_the_need(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    (event,) = world.do("TR", "TakeAction", on="2026-11-21", **DEAL).events
    assert event.payload["residual"] == "600.00"
    assert (event.payload["planned"], event.payload["executed"]) == ("500.00", "300.00")
    assert event.payload["cost"] == "6.60"  # the planned 2.2% of 300.00
    world.do("TR", "TakeAction", **(DEAL | {"deal_ref": "D-2", "amount": "200.00", "rate": "0.0235"}))
    state = world.state()
    assert (state["executed"], state["residual"]) == ("500.00", "400.00")
    assert [action["annual_cost"] for action in state["actions"]] == ["6.60", "4.70"]
    assert state["actions"][0]["valid_on"] == "2026-11-21"


@pytest.mark.parametrize(
    ("changed", "guard"),
    [
        ({"amount": "500.01"}, "ContingencyPlan.TakeAction.4"),
        ({"amount": "0.00"}, "FIELD"),
        ({"line": "1-9"}, "FIELD"),
        ({"line": "2-1"}, "FIELD"),
        ({"deal_ref": None}, "ContingencyPlan.TakeAction.2"),
        ({"rate": "two"}, "FIELD"),
    ],
)
def test_a_deal_outside_the_plan_is_refused(world: LiquidityWorld, changed: dict[str, Any], guard: str) -> None:
    world.to_stage("ACTIVATED")
    world.refused(guard, lambda: world.do("TR", "TakeAction", **(DEAL | changed)))


def test_one_deal_is_recorded_once(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    world.do("TR", "TakeAction", **DEAL)
    world.refused("ContingencyPlan.TakeAction.3", lambda: world.do("TR", "TakeAction", **(DEAL | {"amount": "1.00"})))
    world.refused("ContingencyPlan.Cancel.2", lambda: world.do("TR", "Cancel"))


def test_a_new_version_is_approved_anew_and_keeps_what_was_done(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    world.do("TR", "TakeAction", **DEAL)
    funding = FUNDING | {"shortfall": "600.00"}
    world.do("TR", "Amend", trigger_reason="the parent bank declined", funding=funding)
    state = world.state()
    assert (state["state"], state["revision"], state["approver"]) == ("ALERT", 2, None)
    assert [line["line"] for line in state["lines"]] == ["2-1", "2-2"]
    assert (state["need"], state["executed"], state["residual"]) == ("600.00", "300.00", "600.00")
    world.refused("STATE", lambda: world.do("TR", "TakeAction", **(DEAL | {"deal_ref": "D-2"})))
    world.do("AC", "Approve")
    world.do("AC", "Activate")
    world.do("TR", "TakeAction", **(DEAL | {"line": "2-1", "deal_ref": "D-2"}))
    assert (world.state()["executed"], world.state()["residual"]) == ("600.00", "300.00")


def test_recovery_begins_when_the_limit_is_kept(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    world.refused("ContingencyPlan.BeginRecovery.2", lambda: world.do("TR", "BeginRecovery", surplus="-0.01"))
    world.do("TR", "BeginRecovery", surplus="0.00")


# -- drill


def test_a_drill_is_labelled_everywhere_and_takes_no_deal(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED", mode="DRILL")
    world.refused("ContingencyPlan.TakeAction.2", lambda: world.do("TR", "TakeAction", **DEAL))
    world.do("TR", "TakeAction", **(DEAL | {"deal_ref": None}))
    world.do("HM", "Amend", **REQUEST)
    world.do("AC", "Approve")
    world.do("AC", "Activate")
    world.do("TR", "BeginRecovery", surplus="0.00")
    world.do("AC", "Close", outcome="the lines answered")
    events = world.app.history("ContingencyPlan", PLAN, reader=AUDITOR)
    assert {event.payload["mode"] for event in events} == {"DRILL"}
    state = world.state()
    assert state["mode"] == "DRILL"
    assert all(line["message"].startswith("DRILL: ") for line in state["lines"])


def test_the_mode_cannot_be_changed_by_an_amendment(world: LiquidityWorld) -> None:
    world.to_stage("ALERT", mode="DRILL")
    error = world.refused("FIELD", lambda: world.do("TR", "Amend", mode="LIVE", **REQUEST))
    assert error.facts["field"] == "mode"
    world.refused("FIELD", lambda: world.do("TR", "Propose", key="CFP-2", mode="TEST", **REQUEST))


# -- the door


def test_a_command_is_executed_once(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    command = world.command("TR", "TakeAction", **DEAL)
    first, again = world.app.execute(command), world.app.execute(command)
    assert (first.repeated, again.repeated) == (False, True)
    assert first.events == again.events
    assert world.state()["executed"] == "300.00"
    with pytest.raises(Conflict):
        world.do("TR", "TakeAction", cmd_id=command.cmd_id, **(DEAL | {"amount": "1.00"}))


def test_another_entity_sees_nothing(world: LiquidityWorld) -> None:
    world.to_stage("ALERT")
    stranger = Principal("U-9", ("AC",), "-", ("BANK-B",))
    with pytest.raises(NotFound):
        world.do("AC", "Approve", entities=("BANK-B",))
    with pytest.raises(NotFound):
        world.app.state("ContingencyPlan", PLAN, reader=stranger)
    assert world.app.list_cases("ContingencyPlan", reader=stranger) == []
    with pytest.raises(Forbidden):
        world.do("TR", "Propose", key="CFP-2", entity_id="BANK-B", **REQUEST)
    with pytest.raises(Forbidden):
        world.app.list_cases("ContingencyPlan", reader=Principal("U-9", (), "-", ("*",)))


def test_plans_are_listed_newest_first(world: LiquidityWorld) -> None:
    world.to_stage("ACTIVATED")
    world.to_stage("ALERT", key="CFP-2", mode="DRILL")
    assert [row["plan_no"] for row in world.app.list_cases("ContingencyPlan", reader=AUDITOR)] == ["CFP-2", "CFP-1"]
    assert [
        row["plan_no"] for row in world.app.list_cases("ContingencyPlan", reader=AUDITOR, where={"mode": "DRILL"})
    ] == ["CFP-2"]
    assert [row["plan_no"] for row in world.app.list_cases("ContingencyPlan", reader=AUDITOR, stage="ACTIVATED")] == [
        "CFP-1"
    ]
    world.do("TR", "TakeAction", **DEAL)
    assert world.app.list_cases("ContingencyPlan", reader=AUDITOR)[1] == world.state()
