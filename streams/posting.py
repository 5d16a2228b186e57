"""Postings through core banking (decision S30): the request that leaves, the answer that comes back.

Pure: it turns a stored InstructionConfirmed into a PostingRequest, a PostingReply into a command, and, in the
embedded default, a request into the simulated core's answer. Sending and reading are done elsewhere.
"""

from datetime import date, datetime
from uuid import NAMESPACE_URL, uuid5

import msgspec

from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.read_model import Instructed
from aggregates.rendering import EventView
from streams.schemas import PostingReply, PostingRequest

CONFIRMED = "InstructionConfirmed"

#: Who answers on tm.in.core.posting-reply.v1. The records bear no token: the topic's access list is their
#: proof.
CORE_BANKING = Principal("core-banking", ("CB",), "-", ("*",))


def posting_request(event: EventView) -> PostingRequest:
    """The request that a confirmed instruction sends; its id is the idempotency key in core."""
    payload = event.payload
    return PostingRequest(
        instruction_id=payload["instruction_id"],
        attempt=payload["attempt"],
        kind=payload["kind"],
        entity_id=event.envelope.entity,
        case_no=payload["case_no"],
        asset_no=payload["asset_no"],
        ccy=payload["ccy"],
        amount=payload["amount"],
        alloc=payload.get("alloc", {}),
        value_date=payload.get("value_date", event.envelope.valid_on.isoformat()),
        reverses=payload.get("reverses"),
    )


def reply_command(reply: PostingReply, case: Instructed, at: datetime) -> Command:
    """The command that core's answer stands for. The same answer has the same `cmd_id`, however often it
    comes."""
    body: dict[str, object] = {}
    if reply.outcome == "accepted":
        name = "MarkReversed" if case.reverses else "MarkPosted"
        body["core_txn_no"] = reply.core_txn_no
        if not case.reverses:
            body |= {"value_date": reply.value_date, "instruction_id": reply.instruction_id}
    else:
        name = "MarkReversalRejected" if case.reverses else "MarkRejected"
        body |= {"error_code": reply.error_code or "UNSPECIFIED", "error_text": reply.error_text or "-"}
        if not case.reverses:
            body |= {"attempt": reply.attempt, "instruction_id": reply.instruction_id}
    # An acceptance is one fact whichever attempt it names; core's own number tells two of them apart.
    part = reply.core_txn_no if reply.outcome == "accepted" else str(reply.attempt)
    value_date = None if reply.value_date is None or case.reverses else date.fromisoformat(reply.value_date)
    return Command(
        cmd_id=str(uuid5(NAMESPACE_URL, f"/tm/PostingReply/{reply.instruction_id}/{reply.outcome}/{part}")),
        aggregate=case.aggregate,
        key=case.key,
        command=name,
        payload={field: value for field, value in body.items() if value is not None},
        principal=CORE_BANKING,
        at=at,
        valid_on=value_date,
    )


def simulated_reply(request: PostingRequest) -> PostingReply:
    """What the built-in simulated core answers: it accepts everything, the same request with the same
    number."""
    return PostingReply(
        instruction_id=request.instruction_id,
        attempt=request.attempt,
        outcome="accepted",
        core_txn_no=f"SIM-{uuid5(NAMESPACE_URL, f'/tm/SimulatedCore/{request.instruction_id}').hex[:16]}",
        value_date=request.value_date,
    )


def simulate(value: bytes) -> tuple[bytes, bytes]:
    """Key and value of the simulated core's answer to a raw PostingRequest record."""
    reply = simulated_reply(msgspec.json.decode(value, type=PostingRequest))
    return reply.instruction_id.encode(), msgspec.json.encode(reply)
