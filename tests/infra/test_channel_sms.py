"""Text messages through a gateway of our own: what it is sent, what counts as taken."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from engines.primitives.errors import InvalidInput
from infra.channels.http import HttpCaller
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, Result
from infra.channels.sms import SmsChannel, filled
from infra.deliveries_policy import SmsPolicy, notification_policy
from projections.alert_notification import Channel
from tests.infra.delivery_world import LOOPBACK, PAGE, START, Receiver, note, receiving

TOLD = note("al-1", channel=Channel.SMS, target="+8613912345678")


def policy(**changed: Any) -> SmsPolicy:
    return msgspec.structs.replace(notification_policy().sms, **changed)


def sent(*script: str, told: Any = TOLD, answer: bytes = b"{}", **changed: Any) -> tuple[Outcome, Receiver]:
    async def work() -> tuple[Outcome, Receiver]:
        async with receiving(*script, answer=answer) as receiver:
            caller = HttpCaller(LOOPBACK, timeout_s=5, allow_http=True)
            channel = SmsChannel(policy(url=receiver.url(), **changed), caller, Messages(PAGE), "token-1")
            try:
                return await channel.send(told, START), receiver
            finally:
                await caller.close()

    return asyncio.run(work())


def test_json_with_a_token_and_a_reference() -> None:
    outcome, receiver = sent()
    (request,) = receiver.received
    assert outcome == Outcome(Result.DELIVERED, 200)
    assert request.headers["authorization"] == "Bearer token-1"
    read = json.loads(request.body)
    assert (read["to"], read["reference"]) == ("+8613912345678", TOLD.notification_id)
    assert len(read["text"]) <= 140
    assert read["text"].startswith("[Tidemark] WARNING: large single flow NORTH")


def test_a_form() -> None:
    form = "application/x-www-form-urlencoded"
    _, receiver = sent(content_type=form, body="m={to}&t={text}&i={id}")
    read = parse_qs(receiver.received[0].body.decode())
    assert (read["m"], read["i"]) == (["+8613912345678"], [TOLD.notification_id])


def test_a_text_cannot_add_fields() -> None:
    values = {"to": "1", "text": '", "to": "{to} & 2', "id": "x"}
    assert json.loads(filled('{"to": {to}, "text": {text}}', values, "application/json")) == {
        "to": "1",
        "text": values["text"],
    }
    assert parse_qs(filled("to={to}&text={text}", values, "form"))["to"] == ["1"]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (b'{"result": {"code": 0}}', Result.DELIVERED),
        (b'{"result": {"code": 7}}', Result.RETRY),
        (b'{"result": []}', Result.RETRY),
        (b"no JSON", Result.RETRY),
    ],
)
def test_what_the_gateway_says_counts(answer: bytes, result: Result) -> None:
    outcome, _ = sent(answer=answer, answer_field="result.code", answer_value="0")
    assert outcome.result is result


@pytest.mark.parametrize("status", ["204", "301", "400", "410", "500", "close"])
def test_any_other_answer_is_tried_again(status: str) -> None:
    outcome, _ = sent(status)
    assert outcome.result is Result.RETRY
    assert "token-1" not in outcome.error


def test_what_is_no_number_or_has_no_token_is_refused() -> None:
    outcome, receiver = sent(told=note("al-1", channel=Channel.SMS, target="110; drop"))
    assert (outcome.result, receiver.received) == (Result.FAILED, [])
    with pytest.raises(InvalidInput):
        SmsChannel(policy(url="https://x.example"), HttpCaller(LOOPBACK, timeout_s=1), Messages(PAGE), None)
