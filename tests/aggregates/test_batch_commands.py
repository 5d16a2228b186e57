"""Commands stored together or not at all: each judged as if those before it were stored."""

from typing import Any

import pytest

from aggregates.batch_commands import execute_together
from aggregates.commands import Command
from engines.primitives.errors import Conflict, NotFound
from tests.aggregates.world import LOAN, World, swap

FLOW = {"loan_no": LOAN, "amount": "100.00"}


def flows(world: World, *numbers: int, **changes: object) -> list[Command]:
    return [
        world.command(
            "CB", "Receive", aggregate="RecoveryFlow", key=f"F{number}", cmd_id=f"f-{number}", **FLOW | changes
        )
        for number in numbers
    ]


def test_all_are_stored_in_one_transaction_and_once(world: World) -> None:
    world.admit()
    before = world.log_length
    wanted = flows(world, 1, 2, 3)
    done = execute_together(world.app, wanted, batch_id="b-1")
    assert [[event.type for event in outcome.events] for outcome in done.outcomes] == [["FlowReceived"]] * 3
    assert [outcome.events[0].key for outcome in done.outcomes] == ["F1", "F2", "F3"]
    assert world.log_length == before + 3
    again = execute_together(world.app, wanted, batch_id="b-1")
    assert [outcome.repeated for outcome in again.outcomes] == [True] * 3
    assert [outcome.events for outcome in again.outcomes] == [outcome.events for outcome in done.outcomes]
    with pytest.raises(Conflict):
        execute_together(world.app, wanted[:2], batch_id="b-1")
    assert world.log_length == before + 3


def test_one_refusal_stores_nothing_and_all_refusals_are_told(world: World) -> None:
    world.admit()
    before = world.log_length
    wanted = [*flows(world, 1), *flows(world, 2, loan_no="NONE"), *flows(world, 3), *flows(world, 4, amount="-1.00")]
    done = execute_together(world.app, wanted, batch_id="b-1")
    assert sorted(done.refused) == [1, 3]
    assert done.refused[1].facts["guard"] == "RecoveryFlow.Receive.2"
    assert done.refused[3].facts["field"] == "amount"
    assert world.log_length == before
    assert execute_together(world.app, flows(world, 1, 3), batch_id="b-1").outcomes


def test_a_command_sees_what_those_before_it_did(world: World) -> None:
    world.lost()
    drafts = [
        world.command("AM", "Draft", aggregate="WriteOff", key=f"W{number}", asset_no=LOAN, ground="DEATH")
        for number in (1, 2)
    ]
    done = execute_together(world.app, drafts, batch_id="b-1")
    assert done.refused[1].facts["guard"] == "WriteOff.Draft.4"  # no other open case of the kind on the asset
    tags = [world.command("AM", "AddTag", aggregate="RiskCustomer", key="C-9", tag=tag) for tag in ("A", "B", "A")]
    world.do("EX", "Register", aggregate="RiskCustomer", key="C-9", entity_id="BANK-A")
    done = execute_together(world.app, tags, batch_id="b-2")
    assert list(done.refused) == [2]
    assert execute_together(world.app, tags[:2], batch_id="b-3").outcomes
    assert world.state("RiskCustomer", "C-9")["tags"] == ["A", "B"]


def test_a_refused_command_leaves_no_trace_for_the_next(world: World) -> None:
    """The posting is stored in the case, then its partner refuses: what the command did before that is forgotten."""
    world.lost()
    world.to_stage("POSTING")
    case: dict[str, Any] = {"aggregate": "WriteOff", "key": "WO1"}
    better = {"from_class": "LOSS", "to_class": "DOUBTFUL", "basis": "REVIEW", "approval_no": "A"}
    wanted = [
        world.command("FC", "ConfirmInstruction", **case),
        world.command("RM", "Reclassify", **better),
        world.command("CB", "MarkPosted", **case, core_txn_no="C-1"),
        world.command("CB", "MarkRejected", **case, error_code="X", attempt=1),
    ]
    done = execute_together(world.app, wanted, batch_id="b-1")
    assert {place: error.facts["guard"] for place, error in done.refused.items()} == {2: "RiskAsset.WriteOff.3"}
    assert world.state("WriteOff", "WO1")["state"] == "POSTING"


def test_a_command_stored_alone_keeps_its_batch_out(world: World) -> None:
    world.admit()
    wanted = flows(world, 1, 2)
    world.app.execute(wanted[0])
    with pytest.raises(Conflict) as caught:
        execute_together(world.app, wanted, batch_id="b-1")
    assert caught.value.facts["cmd_id"] == "f-1"
    assert world.app.find("RecoveryFlow", "F2") is None


def test_another_entity_does_not_exist_and_judging_alone_stores_nothing(world: World) -> None:
    world.admit()
    before = world.log_length
    stranger = world.command("BR", "AssignManager", manager="U-1", actor="U-7", entities=("BANK-B",))
    done = execute_together(world.app, [stranger], batch_id="b-1")
    assert isinstance(done.refused[0], NotFound)
    assert execute_together(world.app, flows(world, 1), batch_id="b-2", store=False).refused == {}
    assert world.log_length == before


def test_who_was_first_wins_and_everything_is_judged_again(world: World) -> None:
    world.admit()
    wanted = flows(world, 1, 2)
    save, tries = world.app.save, []

    def slow(*cases: object, **more: object) -> object:
        if not tries:
            tries.append(1)
            world.app.save = save  # type: ignore[method-assign]
            world.app.execute(flows(world, 2)[0])
            swap(world.app, "save", slow)
        return save(*cases, **more)  # type: ignore[arg-type]

    swap(world.app, "save", slow)
    with pytest.raises(Conflict):  # F2 was stored alone meanwhile, by this very row
        execute_together(world.app, wanted, batch_id="b-1")
    assert world.app.find("RecoveryFlow", "F1") is None


def test_the_very_batch_stored_meanwhile_is_a_repetition(world: World) -> None:
    world.admit()
    wanted = flows(world, 1)
    ask = world.app.decisions.stored_command

    def overtaken(cmd_id: str) -> object:
        if cmd_id != "b-1":
            swap(world.app.decisions, "stored_command", ask)
            execute_together(world.app, wanted, batch_id="b-1")
        return ask(cmd_id) if cmd_id != wanted[0].cmd_id else None

    swap(world.app.decisions, "stored_command", overtaken)
    done = execute_together(world.app, wanted, batch_id="b-1")
    assert [outcome.repeated for outcome in done.outcomes] == [True]
