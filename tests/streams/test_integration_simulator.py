"""Neighbours that behave badly: silent, late, twice, out of order, refusing, unreadable. Once they behave,
nothing is lost and nothing was done twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from streams import topics
from streams.core_simulator import NOT_FOUND
from streams.integrations import names
from streams.integrations.manners import Manner, manners
from streams.integrations.simulator import ANSWERS, Neighbours
from streams.schemas import PostingReply
from tests.aggregates.world import open_world
from tests.streams.integration_world import GOLDEN
from tests.streams.whole_bank import WholeBank, folder_in_memory

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SYSTEMS = ("riskctl", "smartcoll", "ecm", "gateway")


@contextmanager
def bank(core: str = "", neighbours: str = "") -> Iterator[WholeBank]:
    with folder_in_memory() as folder:
        world = open_world(folder)
        world.clock.now = datetime(2024, 9, 25, 4, tzinfo=UTC)
        yield WholeBank(world, core, neighbours)
        world.store.close()


def a_day(one: WholeBank) -> None:
    """Every neighbour is asked something, core to write the loan off."""
    one.hear(names.HANDOVER, classification="LOSS")
    one.act("AM", "RequestCollection", aggregate="CollectionTask", key="T-1", asset_ids=["LN-7001"])
    one.act("AM", "FileDocument", aggregate="CustomerFile", key="C-9", doc_id="D-1", category="C", sha256=SHA)
    one.act("SY", "Queue", aggregate="Notification", key="M-1", method="SMS", to="U-77", template="T")
    case = {"aggregate": "WriteOff", "key": "WO1"}
    one.act("AM", "Draft", asset_no="LN-7001", ground="BANKRUPTCY", **case)
    one.act("LG", "ReviewCompliance", outcome="PASS", **case)
    one.act("AM", "Submit", wf_no="WF-1", **case)
    one.act("HA", "Approve", approval_no="A-1", **case)
    one.act("FN", "RequestPosting", **case)
    one.act("FC", "ConfirmInstruction", **case)
    one.pass_time(70)


BAD = st.sampled_from(("silent:2", "late=900:1", "late=2700", "twice", "reorder:1", "garbage:1", "garbage:2"))
NEIGHBOURS = st.fixed_dictionaries(dict.fromkeys(SYSTEMS, st.none() | BAD))
CORE = st.sampled_from(
    [
        f"WO1:{act}" if act else ""
        for act in (
            *("", "mute", "lost:1", "lost:2", "garbage", "twice", "late=300", "late=1500", "reorder"),
            *("reject=ACCT_BUSY:3", "reject=TIMEOUT:1"),
        )
    ]
)


@settings(max_examples=10, deadline=None)
@given(CORE, NEIGHBOURS)
def test_once_they_behave_nothing_is_lost_and_nothing_done_twice(core: str, bad: dict[str, str | None]) -> None:
    text = "; ".join(f"{system}:{act}" for system, act in bad.items() if act)
    with bank(core, text) as one:
        a_day(one)
        stories = one.stories()
        assert stories["CollectionTask/T-1"] == [
            "CollectionRequested",
            "CollectionAccepted",
            "CollectionActionLogged",
        ]
        assert stories["Notification/M-1"] == ["MessageQueued", "MessageDelivered"]
        assert Counter(stories["RiskCustomer/C-9"]) == {"CustomerRegistered": 1, "RelationsSynced": 1}
        assert [fact.key for fact in one.reference.of_kind("FILE")] == [f"D-1.{SHA}"]
        events = Counter(stories["WriteOff/WO1"])
        assert events["WriteOffPosted"] == 1
        assert stories["WriteOff/WO1"][-1] == "WriteOffPosted"
        assert Counter(stories["RiskAsset/LN-7001"])["AssetWrittenOff"] == 1
        accepted = {reply.core_txn_no for reply in replies(one) if reply.outcome == "accepted"}
        assert len(accepted) == 1
        assert all("not what it should be" in reason for _, reason in one.dead), one.dead


def replies(one: WholeBank) -> list[PostingReply]:
    found = []
    for _, value in one.log[topics.POSTING_REPLY]:
        try:
            found.append(msgspec.json.decode(value, type=PostingReply))
        except msgspec.DecodeError:
            continue  # garbage
    return found


def test_core_that_lost_a_request_says_so_and_is_asked_anew() -> None:
    with bank("WO1:lost:1") as one:
        a_day(one)
        codes = [(reply.attempt, reply.outcome, reply.error_code) for reply in replies(one)]
        assert codes == [(1, "rejected", NOT_FOUND), (2, "accepted", None)]


def test_a_refusal_is_an_answer() -> None:
    with bank(neighbours="smartcoll:refuse; gateway:refuse; riskctl:refuse:1; ecm:refuse:1") as one:
        a_day(one)
        stories = one.stories()
        assert stories["CollectionTask/T-1"] == ["CollectionRequested", "CollectionClosed"]
        assert stories["Notification/M-1"] == ["MessageQueued", "MessageFailed"]
        assert stories["RiskCustomer/C-9"] == ["CustomerRegistered", "RelationsSynced"]
        assert len(one.reference.of_kind("FILE")) == 1


def test_workflow_decides_only_when_it_is_told_to() -> None:
    with bank(neighbours="workflow:approve") as one:
        one.hear(names.HANDOVER, classification="LOSS")
        case = {"aggregate": "WriteOff", "key": "WO1"}
        one.act("AM", "Draft", asset_no="LN-7001", ground="BANKRUPTCY", **case)
        one.act("LG", "ReviewCompliance", outcome="PASS", **case)
        one.act("AM", "Submit", wf_no="WF-1", **case)
        assert one.world.state("WriteOff", "WO1")["approvers"] == ["simulated-approver"]
    request = (GOLDEN / f"{names.APPROVAL_REQUEST}.json").read_bytes()
    assert Neighbours().answer(names.APPROVAL_REQUEST, request, 0.0) == []


@pytest.mark.parametrize("topic", [topic for topic in ANSWERS if topic != names.APPROVAL_REQUEST])
def test_the_same_request_has_the_same_answer(topic: str) -> None:
    request = (GOLDEN / f"{topic}.json").read_bytes()
    asked_first, asked_again = Neighbours(), Neighbours(manners("*:twice:1"))
    first = asked_first.answer(topic, request, 0.0)
    assert first
    assert asked_first.answer(topic, request, 9.0) == first
    assert sorted(asked_again.answer(topic, request, 0.0), key=repr) == sorted(first * 2, key=repr)


def test_manners_are_read_from_text() -> None:
    assert manners("") == ()
    assert manners(" smartcoll:silent:2; r*:late=2.5 ") == (
        Manner("smartcoll", "silent", times=2),
        Manner("r*", "late", 2.5),
    )


@pytest.mark.parametrize("text", ["x", "x:dance", "x:late", "x:silent=3", "x:late=9999", "x:late=1.2.3", "x:late:0"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        manners(text)
