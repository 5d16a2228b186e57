"""What the simulated core answers. With Kafka: tests/kafka/test_core_simulator.py."""

import msgspec
import pytest

from streams.core_simulator import SimulatedCore, reject_on_sundays
from streams.core_transfers import booked, core_number
from streams.producer import encode
from streams.schemas import PostingReply, PostingRequest, TransferInstruction

REQUEST = PostingRequest(
    instruction_id="I1",
    attempt=1,
    kind="WRITE_OFF",
    entity_id="BANK",
    case_no="W1",
    asset_no="LN-1",
    ccy="CNY",
    amount="100.10",
    alloc={"principal": "100.00", "interest_on": "0.10"},
    value_date="2026-03-02",
)


def changed(**changes: object) -> PostingRequest:
    return msgspec.structs.replace(REQUEST, **changes)


def ask(core: SimulatedCore, request: PostingRequest) -> PostingReply:
    reply = core.answer(request.instruction_id.encode(), encode(request))
    assert reply is not None
    return reply


def test_what_adds_up_is_accepted_under_one_number() -> None:
    core = SimulatedCore()
    want = PostingReply(
        instruction_id="I1",
        attempt=1,
        outcome="accepted",
        core_txn_no=core_number("I1"),
        value_date="2026-03-02",
    )
    assert ask(core, REQUEST) == want
    assert ask(core, REQUEST) == want
    assert ask(core, changed(attempt=2)).core_txn_no == want.core_txn_no
    assert ask(SimulatedCore(), REQUEST) == want
    assert core_number("I2") != core_number("I1")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "100.11"}, "ALLOCATION_MISMATCH"),
        ({"alloc": {}}, "ALLOCATION_MISMATCH"),
        ({"amount": "0.00", "alloc": {}}, "AMOUNT_NOT_POSITIVE"),
        ({"amount": "-1.00", "alloc": {"principal": "-1.00"}}, "AMOUNT_NOT_POSITIVE"),
        ({"amount": "1e2"}, "UNREADABLE"),
        ({"ccy": "XXX"}, "INVALID_FIELD"),
        ({"alloc": {"principal": "100.105"}}, "INVALID_FIELD"),
        ({"value_date": "2026-02-30"}, "INVALID_FIELD"),
    ],
)
def test_what_does_not_add_up_is_rejected(changes: dict[str, object], code: str) -> None:
    core = SimulatedCore()
    value = encode(changed(**changes))
    reply = core.answer(b"I1", value)
    assert reply is not None
    assert (reply.outcome, reply.error_code, reply.core_txn_no) == ("rejected", code, None)
    assert reply.attempt == 1
    assert reply.error_text
    assert core.answer(b"I1", value) == reply


def test_an_instruction_with_another_content_is_rejected_and_the_first_stands() -> None:
    core = SimulatedCore()
    ask(core, REQUEST)
    other = ask(core, changed(amount="1.00", alloc={"principal": "1.00"}, attempt=2))
    assert (other.outcome, other.error_code) == ("rejected", "DUPLICATE_INSTRUCTION")
    assert ask(core, changed(attempt=3)).outcome == "accepted"


def test_no_calendar_is_kept_unless_asked_for() -> None:
    sunday = changed(value_date="2026-03-01")
    assert ask(SimulatedCore(), sunday).outcome == "accepted"
    assert ask(SimulatedCore(reject_on_sundays), sunday).error_code == "ACCT_STATUS_FROZEN"
    assert ask(SimulatedCore(reject_on_sundays), REQUEST).outcome == "accepted"


def test_garbage_is_rejected_by_its_key_or_passed_over() -> None:
    core = SimulatedCore()
    reply = core.answer(b"I9", b'{"instruction_id": ')
    assert reply is not None
    assert (reply.instruction_id, reply.outcome, reply.error_code) == ("I9", "rejected", "UNREADABLE")
    assert core.answer(b"", b"\xff\xfe") is None
    assert core.answer(b"\xff", b"{}") is None


def test_a_transfer_is_booked_as_two_on_us_legs_and_told_again_as_the_same() -> None:
    told = TransferInstruction(
        instruction_id="DP-7/1",
        proposal_no="DP-7",
        revision=1,
        entity_id="BANK",
        ccy="CNY",
        source_org="N1",
        destination_org="N2",
        amount="400.00",
        value_date="2026-11-23",
        approved_by="second",
        event_time="2026-11-23T04:00:00.000000Z",
    )
    out, into = booked(msgspec.json.encode(told))
    assert (out.direction, out.org_id, into.direction, into.org_id) == ("out", "N1", "in", "N2")
    assert out.amount == into.amount == "400.00"
    assert out.intragroup
    assert into.intragroup
    assert out.txn_id != into.txn_id
    assert out.payment_ref == "DP-7/1"
    assert booked(msgspec.json.encode(told)) == (out, into)
    other = booked(msgspec.json.encode(msgspec.structs.replace(told, instruction_id="DP-7/2")))
    assert {one.txn_id for one in other}.isdisjoint({out.txn_id, into.txn_id})


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b"\xff", b'{"instruction_id": 7}'],
)
def test_what_is_no_transfer_is_not_booked(value: bytes) -> None:
    assert booked(value) == ()
