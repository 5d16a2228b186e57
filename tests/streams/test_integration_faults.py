"""The process is killed at every place between an event and its notice, between a reply and its command: no step is
lost and none is done twice."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams import topics
from streams.integrations import names
from tests.aggregates.world import open_world
from tests.streams.whole_bank import Fuse, WholeBank, folder_in_memory

#: By who dies there.
PLACES = {
    "whoever stores": ("before insert_events", "after insert_events"),
    "whoever sends": ("before send", "within send", "after send"),
    "whoever saves a position": ("before move_cursor", "after move_cursor"),
    "whoever reads a reply": ("before handling", "after handling", "after dead letter"),
    "whoever keeps a fact": ("before put", "after put", "before remove", "after remove"),
}
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

BALANCES = {
    "principal": "1000.00",
    "interest_on": "20.00",
    "interest_off": "5.00",
    "penalty": "3.00",
    "compound": "1.00",
    "costs": "2.00",
}


def play(folder: Path, places: Collection[str]) -> WholeBank:
    """A day of the bank: money before its loan, a hand-over, collection, a write-off, a recovery, core's balances."""
    world = open_world(folder)
    world.clock.now = datetime(2024, 9, 25, 4, tzinfo=UTC)
    bank = WholeBank(world, core="WO1:mute:1", fuse=Fuse(places))
    bank.hear(names.FLOW, record_id="EARLY")
    bank.hear(names.HANDOVER, classification="LOSS")
    bank.pass_time(5)
    ahead = BALANCES | {"principal": "900.00"}  # core knows of the money, we have not applied it
    bank.hear(names.BALANCE_EOD, record_id="EOD-1", balances=ahead)
    loan = {"aggregate": "CollectionTask", "key": "T-1", "asset_ids": ["LN-7001"]}
    bank.act("AM", "RequestCollection", **loan)
    filed = {"doc_id": "D-1", "category": "CONTRACT", "sha256": SHA}
    bank.act("AM", "FileDocument", aggregate="CustomerFile", key="C-9", **filed)
    bank.act("SY", "Queue", aggregate="Notification", key="M-1", method="SMS", to="U-77", template="T")
    splits = [{"split_no": 1, "mode": "CASH_VOLUNTARY", "amount": "100.00"}]
    bank.act("AM", "Tag", aggregate="RecoveryFlow", key="CT-1", splits=splits)
    bank.act("BR", "ConfirmTag", aggregate="RecoveryFlow", key="CT-1", actor="U-502")
    after = BALANCES | {"principal": "902.00", "costs": "0"}  # costs first, then principal
    bank.hear(names.BALANCE_EOD, record_id="EOD-2", as_of="2024-09-25", balances=after)
    return bank


def write_off(bank: WholeBank) -> None:
    case = {"aggregate": "WriteOff", "key": "WO1"}
    bank.act("AM", "Draft", asset_no="LN-7001", ground="BANKRUPTCY", **case)
    bank.act("LG", "ReviewCompliance", outcome="PASS", **case)
    bank.act("AM", "Submit", wf_no="WF-1", **case)
    bank.act("HA", "Approve", approval_no="A-1", **case)
    bank.act("FN", "RequestPosting", **case)
    bank.act("FC", "ConfirmInstruction", **case)
    bank.pass_time(30)


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[WholeBank]:
    with folder_in_memory() as folder:
        bank = play(folder, ())
        write_off(bank)
        yield bank
        bank.world.store.close()


def test_the_day_goes_as_it_should(undisturbed: WholeBank) -> None:
    stories = undisturbed.stories()
    assert stories["RecoveryFlow/CT-1"] == ["FlowReceived", "FlowTagged", "FlowTagConfirmed"]
    assert stories["CollectionTask/T-1"] == ["CollectionRequested", "CollectionAccepted", "CollectionActionLogged"]
    assert stories["Notification/M-1"] == ["MessageQueued", "MessageDelivered"]
    assert "WriteOffPostingTimedOut" in stories["WriteOff/WO1"]
    assert stories["WriteOff/WO1"][-1] == "WriteOffPosted"
    asset = stories["RiskAsset/LN-7001"]
    assert [name for name in asset if name in ("RecoveryApplied", "AssetTagged", "AssetWrittenOff")] == [
        "AssetTagged",
        "RecoveryApplied",
        "AssetTagged",
        "AssetWrittenOff",
    ]
    assert undisturbed.fuse.passed.keys() == {place for places in PLACES.values() for place in places}
    assert undisturbed.dead == []


@pytest.mark.parametrize("who", PLACES)
def test_killed_at_every_passage(undisturbed: WholeBank, who: str) -> None:
    with folder_in_memory() as folder:
        bank = play(folder, PLACES[who])
        write_off(bank)
        assert bank.fuse.deaths == sum(len(bank.fuse.passed[place]) for place in PLACES[who]) > 10
        assert bank.stories() == undisturbed.stories()
        assert bank.world.state() == undisturbed.world.state()
        for topic in (*names.OUTBOUND, topics.POSTING_REQUEST):
            assert keys(bank, topic) == keys(undisturbed, topic), topic
        assert facts(bank) == facts(undisturbed)
        assert bank.dead == []
        bank.world.store.close()


def keys(bank: WholeBank, topic: str) -> list[str]:
    """What a reader is left with that drops repeats: ids are stable, so every repeat is one."""
    read = [json.loads(value) for value in bank.distinct(topic)]
    return sorted(str(one.get("event_id", one.get("instruction_id"))) for one in read)


def facts(bank: WholeBank) -> list[tuple[str, str]]:
    kinds = ("ACCRUAL", "BALANCE_EOD", "FILE", "GRAPH", "WAITING", "REFUSED")
    return [(fact.kind, fact.key) for kind in kinds for fact in bank.reference.of_kind(kind)]
