"""PM1 waits while a posting is open, PM4 frees packages, PM5 stands on two people, a reminder becomes a message."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.commands import SCENARIO_POLICY, Policy
from aggregates.process_managers import Runner
from aggregates.process_managers.postings import RECONFIRM, RETRY, confirm_retry
from aggregates.process_managers.wanted import Wanted
from aggregates.rendering import EventView
from engines.primitives.errors import Forbidden, TidemarkError
from tests.aggregates.world import CASE, LOAN, World, open_world

FLOW = "CT-1"


class Managed(World):
    """A world whose process managers follow the log from where they stood."""

    runner: Runner


def managed(folder: Path, policy: Policy | None = None) -> Managed:
    opened = open_world(folder, policy)
    found = Managed(opened.store, opened.clock, policy)
    found.runner = Runner(found.app)
    return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Managed]:
    opened = managed(tmp_path)
    yield opened
    opened.store.close()


def follow(world: Managed) -> list[EventView | TidemarkError]:
    return list(world.runner.run(world.clock.now))


def types(results: list[EventView | TidemarkError]) -> list[str]:
    return [result.type if isinstance(result, EventView) else result.code for result in results]


def confirmed_flow(world: Managed, key: str = FLOW, amount: str = "100.00", mode: str = "CASH_VOLUNTARY") -> None:
    flow = {"aggregate": "RecoveryFlow", "key": key}
    world.do("CB", "Receive", loan_no=LOAN, amount=amount, **flow)
    world.do("AM", "Tag", splits=[{"split_no": 1, "mode": mode, "amount": amount}], **flow)
    world.do("BR", "ConfirmTag", actor="U-502", **flow)


def test_money_waits_while_a_posting_is_open_and_is_then_laid_on_the_claim(world: Managed) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    confirmed_flow(world)
    assert follow(world) == []
    world.case("SY", "MarkTimedOut")
    assert follow(world) == []  # unknown is open too
    world.case("CB", "MarkRejected", error_code="ACCT_STATUS_FROZEN")
    assert types(follow(world)) == ["RecoveryApplied"]
    assert follow(world) == []
    assert world.state()["rec_cash"] == "100.00"


def test_money_that_waited_for_a_write_off_is_recovered_from_the_memo(world: Managed) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    confirmed_flow(world)
    confirmed_flow(world, "CT-2", "7.00")
    follow(world)
    world.case("CB", "MarkPosted", core_txn_no="C-1")
    assert types(follow(world)) == ["WriteOffRecoveryApplied"] * 2
    state = world.state()
    assert (state["lifecycle"], state["rec_cash"]) == ("WRITTEN_OFF", "107.00")


def test_money_that_core_took_back_meanwhile_is_not_applied(world: Managed) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    confirmed_flow(world)
    follow(world)
    world.do("CB", "ReverseByCore", aggregate="RecoveryFlow", key=FLOW, core_rev_no="R-1", kind="CORRECTION")
    world.case("CB", "MarkRejected", error_code="ACCT_STATUS_FROZEN")
    assert follow(world) == []


def test_a_posted_package_frees_its_assets_from_the_pools_hold(tmp_path: Path) -> None:
    world = managed(tmp_path, SCENARIO_POLICY)

    def fixture(name: str, aggregate: str, key: str, **payload: Any) -> None:
        command = world.command("SY", name, aggregate=aggregate, key=key, **payload)
        world.app.store_fixture(command)

    for loan in ("LN-1", "LN-2", "LN-3"):
        world.lost(loan)
        fixture("DisposalHoldPlaced", "RiskAsset", loan, kind="BATCH", case_no="POOL-1")
    loans = ["LN-1", "LN-2", "LN-3"]
    fixture("PackageFormed", "AssetPackage", "P-1", pool_no="POOL-1", asset_ids=loans, reserve="1.00")
    fixture("PackageItemFailed", "AssetPackage", "P-1", asset_no="LN-2", error_code="X")
    fixture("PackagePosted", "AssetPackage", "P-1", core_txn_no="C-1")
    assert types(follow(world)) == ["DisposalHoldReleased"] * 2
    held = {loan: world.state(key=loan)["hold"] for loan in loans}
    assert held == {"LN-1": None, "LN-2": {"kind": "BATCH", "case_no": "POOL-1"}, "LN-3": None}
    world.store.close()


def retried(world: Managed) -> EventView:
    """The event of an automatic retry, as the timer asks for it."""
    world.case("CB", "MarkRejected", error_code="ACCT_BUSY")
    command = world.command("FN", "Retry", aggregate="WriteOff", actor=RETRY.actor, entities=("*",))
    return world.app.execute(command).events[0]


def test_a_retry_is_confirmed_in_the_words_of_two_people(world: Managed) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    (wanted,) = confirm_retry(world.app, retried(world))
    assert isinstance(wanted, Wanted)
    assert wanted.principal == RECONFIRM
    assert wanted.reason == "unchanged since U-410 asked for it and U-411 confirmed it"
    assert types(follow(world))[-1] == "InstructionConfirmed"


@pytest.mark.parametrize("part", ["posting maker", "posting checker"])
def test_a_retry_behind_which_one_person_stands_twice_waits_for_people(world: Managed, part: str) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    event = retried(world)
    case: Any = world.app.find("WriteOff", CASE)
    case.people[part] = [RETRY.actor] if part == "posting maker" else case.people["posting maker"][:1]

    class Store:
        def find(self, *_: str) -> Any:
            return case

    one: Any = Store()
    (refused,) = confirm_retry(one, event)
    assert isinstance(refused, Forbidden)
    assert refused.facts["guard"] == "SD5"


def test_a_reminder_becomes_one_message(world: Managed) -> None:
    world.admit()
    payload: dict[str, Any] = {"step": 30, "method": "MAIL", "to": "U-77", "message_id": "M-9"}
    reminder = world.command("SY", "ReminderSent", aggregate="Deadline", key="TL01.X.1", **payload)
    world.app.store_fixture(reminder)
    assert types(follow(world)) == ["MessageQueued"]
    assert follow(world) == []
    state = world.state("Notification", "M-9")
    assert (state["method"], state["to"], state["state"]) == ("MAIL", "U-77", "QUEUED")
