"""A write-off through publisher, simulated core, reply handler and process managers, whatever the core does."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from infra.security import Unauthenticated
from streams.audit_publisher import AuditPublisher, OutboundRecord
from streams.command_handler import CommandHandler
from streams.core_behaviour import misbehaviours
from streams.core_simulator import LateReplies, SimulatedCore
from streams.process_manager_runner import ProcessManagerRunner, Rules
from streams.producer import encode
from streams.topics import POSTING_REQUEST
from tests.aggregates.world import CASE, World, open_world


class Bank:
    """All parts on one clock; `pass_time` lets each of them work once a second or so."""

    def __init__(self, world: World, manners: str) -> None:
        self.world, self.late = world, LateReplies()
        self.core = SimulatedCore(misbehaviours=misbehaviours(manners))
        self.requests: list[OutboundRecord] = []
        self.answers: list[str] = []
        self.dead: list[str] = []
        self.publisher = AuditPublisher(world.app, world.store, self._send, clock=world.clock, holder="publisher")
        self.runner = ProcessManagerRunner(
            world.app, world.store, clock=world.clock, holder="runner", rules=Rules(), timers_every_s=1.0
        )
        self.handler = CommandHandler(world.app, _nobody)

    def pass_time(self, *, minutes: int) -> None:
        for _ in range(minutes * 4):
            self.world.clock.now += timedelta(seconds=15)
            while self.runner.run_once():
                pass
            while self.publisher.run_once():
                pass
            self._answer()

    @property
    def state(self) -> str:
        return str(self.world.state("WriteOff", CASE)["state"])

    def attempts(self) -> int:
        return len(self.requests)

    def _send(self, records: Sequence[OutboundRecord]) -> None:
        self.requests.extend(record for record in records if record.topic == POSTING_REQUEST)

    def _answer(self) -> None:
        now_s = self.world.clock.now.timestamp()
        replies = self.late.due(now_s)
        for record in self.requests[len(self.answers) :]:
            answer = self.core.respond(record.key, record.value)
            assert answer is not None
            self.answers.append(answer.reply.outcome)
            replies += self.late.held_back(answer, now_s)
        for reply in replies:
            handled = self.handler.handle_posting_reply(encode(reply), self.world.clock.now)
            if handled.dead_letter is not None:
                self.dead.append(handled.dead_letter.reason)


def _nobody(_token: str, _at: datetime) -> NoReturn:
    raise Unauthenticated("core's answers bear no token")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    opened.lost()
    opened.to_stage("POSTING")
    opened.case("FC", "ConfirmInstruction", day="2024-09-25")
    yield opened
    opened.store.close()


def test_a_busy_core_is_asked_again_and_posts_once(world: World) -> None:
    bank = Bank(world, "WO*:reject=ACCT_BUSY:3")
    bank.pass_time(minutes=1)
    assert bank.state == "POSTING_FAILED"
    bank.pass_time(minutes=24)
    assert (bank.state, bank.attempts()) == ("POSTED", 4)
    assert bank.answers == ["rejected", "rejected", "rejected", "accepted"]
    assert len({record.key for record in bank.requests}) == 1
    assert world.state()["lifecycle"] == "WRITTEN_OFF"
    assert bank.dead == []


def test_a_core_that_stays_busy_is_left_to_people(world: World) -> None:
    bank = Bank(world, "WO*:reject=TIMEOUT")
    bank.pass_time(minutes=60)
    assert (bank.state, bank.attempts()) == ("POSTING_FAILED", 4)


def test_a_frozen_account_is_asked_once(world: World) -> None:
    bank = Bank(world, "WO*:reject=ACCT_STATUS_FROZEN")
    bank.pass_time(minutes=60)
    assert (bank.state, bank.attempts()) == ("POSTING_FAILED", 1)


def test_an_answer_that_comes_twice_posts_once(world: World) -> None:
    bank = Bank(world, "WO*:twice")
    bank.pass_time(minutes=1)
    assert bank.state == "POSTED"
    assert bank.dead == []
    history = world.app.history("WriteOff", CASE, reader=world.command("IA", "-").principal)
    assert [event.type for event in history].count("WriteOffPosted") == 1


def test_an_answer_after_the_time_out_still_counts(world: World) -> None:
    bank = Bank(world, "WO*:late=1800")
    bank.pass_time(minutes=15)
    assert bank.state == "POSTING_UNKNOWN"
    bank.pass_time(minutes=20)
    assert (bank.state, bank.attempts()) == ("POSTED", 1)


def test_a_core_that_never_answers_is_never_asked_blindly_again(world: World) -> None:
    bank = Bank(world, "WO*:never")
    bank.pass_time(minutes=60)
    assert (bank.state, bank.attempts()) == ("POSTING_UNKNOWN", 1)
    world.clock.now += timedelta(days=2)
    bank.pass_time(minutes=1)
    assert bank.runner.metrics.incidents._value.get() == 1
