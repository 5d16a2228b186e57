"""Transfers between branches: proposed with their figures, decided by another person while those count (LIQ-06)."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engines.primitives.errors import Conflict, Rejected
from tests.aggregates.liquidity_world import open_liquidity_world
from tests.aggregates.withdrawal_world import PROPOSAL, PROPOSAL_NO, TRANSFERS, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened, store = open_liquidity_world(tmp_path)
    yield Desk(opened)
    store.close()


def state(desk: Desk, key: str = PROPOSAL_NO) -> dict[str, Any]:
    return desk.state(key, PROPOSAL)


def test_another_person_approves_what_was_proposed(desk: Desk) -> None:
    desk.propose()
    desk.world.refused("SD1", lambda: desk.decide("treasurer", "Approve"))
    desk.decide("committee", "Approve", seen_revision=1)
    found = state(desk)
    assert (found["state"], found["moved"], found["uncovered_total"], found["cost"]) == (
        "APPROVED",
        "120.00",
        "20.00",
        "0.02",
    )


def test_old_figures_are_refused_and_the_new_proposal_is_named(desk: Desk) -> None:
    desk.propose()
    desk.world.now += timedelta(minutes=31)
    with pytest.raises(Rejected, match="ask for a new one"):
        desk.decide("committee", "Approve")
    desk.propose(key="DP-2")
    with pytest.raises(Rejected, match="decide on DP-2") as caught:
        desk.decide("committee", "Approve")
    assert caught.value.facts["newer"] == "DP-2"
    desk.decide("committee", "Approve", key="DP-2")
    desk.decide("system", "Lapse")
    assert state(desk)["state"] == "LAPSED"


def test_who_amends_does_not_approve_and_the_old_reading_is_stale(desk: Desk) -> None:
    desk.propose()
    less = [TRANSFERS[0] | {"amount": "50.00"}]
    desk.decide("second", "Amend", transfers=less, seen_revision=1)
    assert (state(desk)["revision"], state(desk)["moved"]) == (2, "50.00")
    for maker in ("treasurer", "second"):
        desk.world.refused("SD1", partial(desk.decide, maker, "Approve"))
    with pytest.raises(Conflict):
        desk.decide("committee", "Approve", seen_revision=1)
    desk.decide("committee", "Approve", seen_revision=2)


@pytest.mark.parametrize(
    "transfers",
    [
        [TRANSFERS[0] | {"amount": "80.01"}],  # more than B lacks
        [TRANSFERS[0], TRANSFERS[1] | {"amount": "60.01"}],  # more than C lacks
        [TRANSFERS[0] | {"source": "C"}],  # from where there is none
        [TRANSFERS[0] | {"source": "X"}],  # from nowhere
    ],
)
def test_no_transfer_makes_a_new_hole(desk: Desk, transfers: list[dict[str, Any]]) -> None:
    desk.world.refused("DispatchProposal.Propose.2", lambda: desk.propose(transfers=transfers))


def test_nothing_to_move_is_no_proposal(desk: Desk) -> None:
    desk.world.refused("FIELD", lambda: desk.propose(transfers=[]))


def test_an_approved_one_is_booked_and_a_rejected_one_is_not(desk: Desk) -> None:
    desk.propose()
    desk.decide("committee", "Approve")
    desk.decide("treasurer", "Book", core_txn_no="CT-1")
    assert state(desk)["state"] == "BOOKED"
    desk.propose(key="DP-2")
    desk.decide("committee", "Reject", key="DP-2", comment="B repays tomorrow")
    desk.world.refused("STATE", lambda: desk.decide("treasurer", "Book", key="DP-2", core_txn_no="CT-2"))
