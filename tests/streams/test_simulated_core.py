"""What the simulated core answers. With Kafka: tests/kafka/test_core_simulator.py."""

import msgspec
import pytest

from streams.core_simulator import SimulatedCore, core_txn_no, reject_on_sundays
from streams.producer import encode
from streams.schemas import PostingReply, PostingRequest

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
        core_txn_no=core_txn_no("I1"),
        value_date="2026-03-02",
    )
    assert ask(core, REQUEST) == want
    assert ask(core, REQUEST) == want
    assert ask(core, changed(attempt=2)).core_txn_no == want.core_txn_no
    assert ask(SimulatedCore(), REQUEST) == want
    assert core_txn_no("I2") != core_txn_no("I1")


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
