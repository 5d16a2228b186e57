"""Tells the log of announced withdrawals what the desk decided, and core banking which transfers were approved.

A reader of the decision log with a stored position and a lease, as the audit publisher: at least once, in order,
the same bytes each time, since a record holds the state as of its own event. Workers fold the latest record of a
reservation, so reserved amounts and the projected end of day follow (LIQ-01). Not for what channels tell: those
records are on the topic already, and are told again only where this house decided otherwise.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from aggregates.assets import Assets
from aggregates.dispatch_proposal import DispatchProposal
from aggregates.rendering import EventView, instant
from aggregates.withdrawal_reservation import WithdrawalReservation
from aggregates.withdrawal_reservation_rules import STATUS_BY_STAGE
from engines.primitives.money import to_text
from infra.event_store import Clock, EventStore
from streams.audit_publisher import SOURCE, AuditPublisher, OutboundRecord, Send
from streams.schemas import Reservation, TransferInstruction, cloud_event_headers
from streams.topics import RESERVATION, TRANSFER_INSTRUCTION, record_key

CURSOR_NAME = "reservation-publisher"
UNSAID = ("ReservationGraded", "ApproverProved", "ReservationDelegated", "ReservationTakenOver")


def reservation_publisher(
    app: Assets, store: EventStore, send: Send, *, clock: Clock, holder: str, lease_s: float = 15.0
) -> AuditPublisher:
    """`holder` names this publisher: another string for every process, or a lease is shared unawares."""
    return AuditPublisher(
        app,
        store,
        send,
        clock=clock,
        holder=holder,
        lease_s=lease_s,
        cursor_name=CURSOR_NAME,
        records_of=lambda event: list(records_of(app, event)),
    )


def records_of(app: Assets, event: EventView) -> Iterator[OutboundRecord]:
    """What one stored event becomes: the whole state of its reservation, or the transfers of its proposal."""
    if event.aggregate == WithdrawalReservation.NAME and event.type not in UNSAID:
        case = as_of(app, event)
        if event.type != "ReservationFollowed" or STATUS_BY_STAGE[case.stage] != event.payload["status"].lower():
            yield _reservation(case, event)
    elif event.aggregate == DispatchProposal.NAME and event.type == "TransfersApproved":
        yield from _transfers(as_of(app, event), event)


def as_of(app: Assets, event: EventView) -> Any:
    """The aggregate as it stood after this event, whatever happened since."""
    return cast("Any", app.repository.get(event.stream_id, version=event.version))


def reservation_record(case: Any, at: str) -> Reservation:
    """The whole present state of a reservation as channels tell it."""
    facts = case.facts
    return Reservation(
        res_id=case.key,
        event_time=at,
        entity_id=case.entity_id,
        ccy=case.ccy,
        amount=to_text(facts["amount"], case.ccy),
        value_date=facts["value_date"].isoformat(),
        status=cast("Any", STATUS_BY_STAGE[case.stage]),
        customer_id=facts["customer_no"],
        account_id=facts["account_id"],
        org_id=facts["organisation"],
        line_id=facts["line_id"],
        product_id=facts["product_id"],
        purpose=facts["purpose"],
        channel=facts["channel"],
        executed_amount=to_text(case.executed, case.ccy),
    )


def _reservation(case: Any, event: EventView) -> OutboundRecord:
    at = instant(event.recorded_at)
    record = reservation_record(case, at)
    headers = cloud_event_headers("tidemark.reservation", str(event.id), SOURCE, at)
    key = record_key(record.entity_id, record.customer_id, record.account_id)
    return OutboundRecord(RESERVATION, key, msgspec.json.encode(record), headers)


def _transfers(case: Any, event: EventView) -> Iterator[OutboundRecord]:
    at = instant(event.recorded_at)
    for one in case.facts["transfers"]:
        instruction = TransferInstruction(
            instruction_id=f"{case.key}/{one['transfer_id']}",
            proposal_no=case.key,
            revision=case.revision,
            entity_id=case.entity_id,
            ccy=case.ccy,
            source_org=one["source"],
            destination_org=one["destination"],
            amount=to_text(one["amount"], case.ccy),
            value_date=event.envelope.valid_on.isoformat(),
            approved_by=event.envelope.actor,
            event_time=at,
        )
        headers = cloud_event_headers("tidemark.transfer-instruction", instruction.instruction_id, SOURCE, at)
        key = instruction.instruction_id.encode()
        yield OutboundRecord(TRANSFER_INSTRUCTION, key, msgspec.json.encode(instruction), headers)
