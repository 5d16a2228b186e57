"""The simulated core that misbehaves on demand. Its good manners: test_simulated_core.py."""

import msgspec
import pytest

from engines.primitives.errors import InvalidInput
from streams.core_behaviour import Misbehaviour, misbehaviours
from streams.core_simulator import NOT_FOUND, Answer, LateReplies, SimulatedCore
from streams.integrations.outbound_schemas import PostingQuery
from streams.producer import encode
from streams.schemas import PostingReply
from tests.streams.test_simulated_core import changed


def answer(core: SimulatedCore, case_no: str, attempt: int = 1) -> Answer:
    request = changed(case_no=case_no, instruction_id=f"{case_no}.1", attempt=attempt)
    found = core.respond(request.instruction_id.encode(), encode(request))
    assert found is not None
    return found


def core(text: str) -> SimulatedCore:
    return SimulatedCore(misbehaviours=misbehaviours(text))


def test_a_text_is_read_rule_by_rule() -> None:
    assert misbehaviours(" WO-1*:reject=ACCT_BUSY:2 ; WO-7:twice; R-*:late=2.5;F-3:never; ") == (
        Misbehaviour("WO-1*", error_code="ACCT_BUSY", attempts=2),
        Misbehaviour("WO-7", answers=2),
        Misbehaviour("R-*", delay_s=2.5),
        Misbehaviour("F-3", answers=0),
    )
    assert misbehaviours("") == ()


@pytest.mark.parametrize(
    "text",
    ["W1", "W1:reject", "W1:late", "W1:late=soon", "W1:late=0", "W1:twice=2", "W1:sulk", "W1:never:0", "a b:never"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        misbehaviours(text)


def test_it_rejects_up_to_an_attempt_and_then_posts_once() -> None:
    busy = core("W*:reject=ACCT_BUSY:2")
    first, second, third = (answer(busy, "W1", attempt).reply for attempt in (1, 2, 3))
    assert [(reply.outcome, reply.error_code) for reply in (first, second)] == [("rejected", "ACCT_BUSY")] * 2
    assert third.outcome == "accepted"
    assert answer(busy, "W1", 4).reply.core_txn_no == third.core_txn_no
    assert answer(busy, "X1").reply.outcome == "accepted"


def test_it_answers_twice_late_or_never() -> None:
    rude = core("A:twice; B:late=3; C:never")
    assert answer(rude, "A").times == 2
    assert (answer(rude, "B").times, answer(rude, "B").delay_s) == (1, 3.0)
    assert answer(rude, "C").times == 0
    assert answer(rude, "D") == Answer(answer(core(""), "D").reply)


def test_what_does_not_add_up_is_told_before_any_misbehaviour() -> None:
    request = changed(case_no="W1", amount="1.00")
    found = core("W1:reject=ACCT_BUSY").respond(b"I1", encode(request))
    assert found is not None
    assert found.reply.error_code == "ALLOCATION_MISMATCH"
    garbage = core("*:never").respond(b"I1", b"{")
    assert garbage is not None
    assert (garbage.times, garbage.reply.error_code) == (1, "UNREADABLE")


def test_what_is_late_is_held_back_and_the_rest_is_given() -> None:
    late = LateReplies()
    rude = core("A:twice; B:late=3; C:never")
    given = [len(late.held_back(answer(rude, case_no), 10.0)) for case_no in "ABCD"]
    assert given == [2, 0, 0, 1]
    assert late.due(12.9) == []
    assert [reply.instruction_id for reply in late.due(13.0)] == ["B.1"]


def test_late_replies_come_in_the_order_of_their_time() -> None:
    def reply(name: str) -> PostingReply:
        return PostingReply(instruction_id=name, attempt=1, outcome="accepted")

    late = LateReplies()
    for at_s, name in ((5.0, "b"), (1.0, "a"), (5.0, "c")):
        late.add(at_s, reply(name))
    assert late.due(0.9) == []
    assert [found.instruction_id for found in late.due(1.0)] == ["a"]
    assert [found.instruction_id for found in late.due(9.0)] == ["b", "c"]
    assert late.due(9.0) == []


def query(core: SimulatedCore, case_no: str, attempt: int = 1) -> PostingReply | None:
    asked = PostingQuery(
        event_id="E",
        entity_id="BANK",
        occurred_at="2024-09-25T04:00:00Z",
        instruction_id=f"{case_no}.1",
        attempt=attempt,
        case_no=case_no,
    )
    return core.tell(msgspec.json.encode(asked))


def test_a_query_tells_what_became_of_an_instruction() -> None:
    rude = core("A:mute; B:never; C:reject=ACCT_BUSY:1")
    posted, told = answer(rude, "A"), query(rude, "A")
    assert posted.times == 0
    assert told == posted.reply
    answer(rude, "B")
    assert query(rude, "B") is None
    assert query(rude, "C") is not None
    answer(rude, "D")
    assert query(rude, "D", attempt=2) == answer(rude, "D").reply  # accepted is accepted, whatever the attempt
    assert rude.tell(b"no query") is None


def test_what_core_says_it_does_not_know_it_does_not_post_later() -> None:
    forgetful = core("")
    told = query(forgetful, "A")
    assert told is not None
    assert (told.outcome, told.error_code) == ("rejected", NOT_FOUND)
    late, again = answer(forgetful, "A").reply, answer(forgetful, "A", attempt=2).reply
    assert (late.outcome, late.error_code) == ("rejected", NOT_FOUND)
    assert again.outcome == "accepted"


def test_a_lost_second_attempt_is_not_taken_for_the_first() -> None:
    losing = core("A:reject=ACCT_BUSY:1; A:lost:2")
    assert answer(losing, "A").reply.error_code == "ACCT_BUSY"
    request = changed(case_no="A", instruction_id="A.1", attempt=2)
    assert losing.respond(b"A.1", encode(request)) is None
    told = query(losing, "A", attempt=2)
    assert told is not None
    assert (told.attempt, told.error_code) == (2, NOT_FOUND)


def test_it_answers_garbage_or_lets_the_next_answer_overtake() -> None:
    rude, late = core("A:garbage; B:reorder"), LateReplies()
    garbled = answer(rude, "A")
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(garbled.value(), type=PostingReply)
    overtaken, prompt = answer(rude, "B"), answer(rude, "C")
    assert late.held_back(overtaken, 0.0) == []
    assert late.held_back(prompt, 0.0) == [prompt.reply, overtaken.reply]
