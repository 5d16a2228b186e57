"""Commands and core's answers from Kafka: what is executed, what is set aside and why, what is read again."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eventsourcing.persistence import OperationalError

from engines.primitives.errors import Unavailable
from infra.security import SigningKeys, issue_token, verify_token
from streams.command_handler import CommandHandler
from streams.posting import posting_request, simulate, simulated_reply
from streams.schemas import PostingReply, PostingRequest
from tests.aggregates.world import AUDITOR, CASE, LOAN, World, open_world, swap


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.load_or_create(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def handler(world: World, keys: SigningKeys) -> CommandHandler:
    return CommandHandler(world.app, lambda token, at: verify_token(keys, token, at))


def record(keys: SigningKeys, at: datetime, role: str = "EX", **changes: Any) -> bytes:
    token = issue_token(
        keys,
        actor="berka-feed",
        roles=[role],
        organisation="-",
        entities=["BANK-A"],
        issued_at=at,
        lifetime=timedelta(hours=1),
    )
    fields: dict[str, Any] = {
        "cmd_id": "feed:1",
        "aggregate": "RiskAsset",
        "key": LOAN,
        "command": "Admit",
        "payload": {
            "entity_id": "BANK-A",
            "ccy": "CZK",
            "customer_no": "C-9",
            "branch": "3301",
            "principal": "96396.00",
            "classification": "SUBSTANDARD",
        },
        "token": token,
    }
    return json.dumps(fields | changes).encode()


def test_a_command_is_executed_once(world: World, handler: CommandHandler, keys: SigningKeys) -> None:
    value = record(keys, world.clock.now)
    first, again = (handler.handle_command(value, world.clock.now) for _ in range(2))
    assert first.outcome is not None
    assert again.outcome is not None
    assert (first.outcome.repeated, again.outcome.repeated) == (False, True)
    assert again.outcome.events == first.outcome.events
    envelope = first.outcome.events[0].envelope
    assert (envelope.actor, envelope.role, envelope.org) == ("berka-feed", "EX", "3301")
    assert world.log_length == 1


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"cmd_id": 5}', b"[" * 100_000])
def test_what_is_no_command_is_a_dead_letter(handler: CommandHandler, world: World, value: bytes | None) -> None:
    for handle in (handler.handle_command, handler.handle_posting_reply):
        handled = handle(value, world.clock.now)
        assert handled.outcome is None
        assert handled.dead_letter is not None
        assert (handled.dead_letter.code, handled.dead_letter.field) == ("invalid-input", "value")


@pytest.mark.parametrize(
    ("changes", "code", "field", "guard"),
    [
        ({"token": "forged"}, "unauthenticated", "-", "-"),
        ({"role": "AM"}, "forbidden", "-", "ROLE"),
        ({"command": "Destroy"}, "invalid-input", "command", "FIELD"),
        ({"aggregate": "Bank"}, "invalid-input", "aggregate", "FIELD"),
        ({"cmd_id": ""}, "invalid-input", "cmd_id", "FIELD"),
        ({"key": "a/b"}, "invalid-input", "key", "FIELD"),
        ({"valid_on": "2022-02-30"}, "invalid-input", "valid_on", "FIELD"),
        ({"valid_on": "2099-01-01"}, "invalid-input", "valid_on", "FIELD"),
        ({"payload": {"principal": 1.5}}, "invalid-input", "principal", "FIELD"),
        ({"payload": {"a": 10**400}}, "invalid-input", "customer_no", "FIELD"),
    ],
)
def test_a_refused_command_is_a_dead_letter(
    handler: CommandHandler,
    world: World,
    keys: SigningKeys,
    changes: dict[str, Any],
    code: str,
    field: str,
    guard: str,
) -> None:
    changes = dict(changes)
    value = record(keys, world.clock.now, changes.pop("role", "EX"), **changes)
    handled = handler.handle_command(value, world.clock.now)
    assert handled.dead_letter is not None
    letter = handled.dead_letter
    assert letter.code == code
    if field in ("principal", "customer_no"):
        assert letter.field in ("principal", "customer_no", "entity_id", "a")
    else:
        assert letter.field == field
    assert letter.guard == guard
    assert world.log_length == 0


def test_an_expired_token_is_a_dead_letter(handler: CommandHandler, world: World, keys: SigningKeys) -> None:
    handled = handler.handle_command(record(keys, world.clock.now), world.clock.now + timedelta(hours=2))
    assert handled.dead_letter is not None
    assert handled.dead_letter.code == "unauthenticated"


def test_a_dead_store_raises_so_that_nothing_is_acknowledged(
    handler: CommandHandler, world: World, keys: SigningKeys
) -> None:
    def dead(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    swap(world.store.recorder, "insert_events", dead)
    with pytest.raises(Unavailable):
        handler.handle_command(record(keys, world.clock.now), world.clock.now)


def reply(**changes: Any) -> bytes:
    fields = {"instruction_id": "WO1.1", "attempt": 1, "outcome": "accepted", "core_txn_no": "C-1"}
    return msgspec.json.encode(msgspec.convert(fields | changes, PostingReply))


def test_core_accepts(world: World, handler: CommandHandler) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    for _ in range(2):
        handled = handler.handle_posting_reply(reply(value_date="2024-09-25"), world.clock.now)
        assert handled.outcome is not None
        types = [event.type for event in handled.outcome.events]
        assert types == ["WriteOffPosted", "AssetWrittenOff", "DisposalHoldReleased"]
    assert handled.outcome is not None
    assert handled.outcome.repeated
    assert world.state()["lifecycle"] == "WRITTEN_OFF"


def test_core_rejects_then_accepts_the_next_attempt(world: World, handler: CommandHandler) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    rejection = reply(outcome="rejected", core_txn_no=None, error_code="ACCT_BUSY", error_text="busy")
    for _ in range(2):
        assert handler.handle_posting_reply(rejection, world.clock.now).outcome is not None
    assert world.state("WriteOff")["state"] == "POSTING_FAILED"
    world.case("FN", "Retry")
    world.case("FC", "ConfirmInstruction")
    # The old rejection again: it was carried out, and says nothing about the second attempt.
    late = handler.handle_posting_reply(rejection, world.clock.now).outcome
    assert late is not None
    assert late.repeated
    assert world.state("WriteOff")["state"] == "POSTING"
    assert handler.handle_posting_reply(reply(attempt=2), world.clock.now).outcome is not None
    assert world.state("WriteOff")["state"] == "POSTED"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instruction_id": "I-unknown"}, "not-found"),
        ({"core_txn_no": None}, "invalid-input"),
        ({"value_date": "2024-02-31"}, "invalid-input"),
        ({"value_date": "2030-01-01"}, "invalid-input"),
    ],
)
def test_an_answer_that_fits_nothing_is_a_dead_letter(
    world: World, handler: CommandHandler, changes: dict[str, Any], code: str
) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    handled = handler.handle_posting_reply(reply(**changes), world.clock.now)
    assert handled.dead_letter is not None
    assert handled.dead_letter.code == code
    assert world.state("WriteOff")["state"] == "POSTING"


def test_an_answer_to_what_was_not_sent_is_a_dead_letter(world: World, handler: CommandHandler) -> None:
    world.lost()
    world.to_stage("POSTING")
    handled = handler.handle_posting_reply(reply(), world.clock.now)
    assert handled.dead_letter is not None
    assert handled.dead_letter.guard == "STATE"


def test_the_simulated_core_answers_alike_every_time(world: World, handler: CommandHandler) -> None:
    world.lost()
    world.to_stage("CONFIRMED")
    confirmed = world.app.history("WriteOff", CASE, reader=AUDITOR)[-1]
    request = posting_request(confirmed)
    assert (request.amount, request.alloc) == ("2635308.70", {"costs": "2600.00", "principal": "2632708.70"})
    raw = msgspec.json.encode(request)
    key, value = simulate(raw)
    assert (key, value) == simulate(raw)
    assert msgspec.json.decode(value, type=PostingReply) == simulated_reply(
        msgspec.json.decode(raw, type=PostingRequest)
    )
    assert handler.handle_posting_reply(value, world.clock.now).outcome is not None
    assert world.state()["lifecycle"] == "WRITTEN_OFF"
