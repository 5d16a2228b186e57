"""The records that a stored event becomes for neighbour systems (spec/risk-assets.md 9.1).

They hold what the event and what is settled before it say, nothing that changes later: a record that is sent again,
after a crash or because nobody answered, is the same to the byte.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from aggregates.assets import Assets
from aggregates.rendering import EventView, instant
from streams.audit_publisher import SOURCE, OutboundRecord
from streams.integrations import names
from streams.integrations.outbound_schemas import (
    ApprovalRequest,
    AssetStatus,
    DisposalStatus,
    FaCard,
    FileRequest,
    GatewayMessage,
    GraphQuery,
    InspectionResult,
    PostingQuery,
    TaskRequest,
)
from streams.integrations.registry import INTEGRATIONS
from streams.schemas import cloud_event_headers

Said = Iterator[tuple[str, msgspec.Struct]]  # topic and record
Teller = Callable[[Assets, EventView, dict[str, Any]], Said]

GRAPH_DEPTH = 2
LIFECYCLE_AFTER = {
    "AssetAdmitted": "ACTIVE",
    "AssetWrittenOff": "WRITTEN_OFF",
    "AssetWriteOffReversed": "ACTIVE",
    "AssetTransferred": "CLOSED",
    "NoRecourseMarked": "CLOSED",
    "AssetClosed": "CLOSED",
    "AssetReopened": "ACTIVE",
}
STATUS_CHANGES = (*LIFECYCLE_AFTER, "AssetReclassified", "AssetRestructured", "TransferUnwound")
CLOSED_AS = {"AssetTransferred": "TRANSFERRED", "NoRecourseMarked": "NO_RECOURSE"}
USAGES = {
    "InKindSettled": ("FORECLOSED", "foreclosure_no"),
    "InKindReversed": ("FORECLOSURE_REVERSED", "foreclosure_no"),
    "AssetTransferred": ("TRANSFERRED", "case_no"),
    "TransferUnwound": ("TRANSFER_UNWOUND", "case_no"),
}


def records_of(app: Assets, event: EventView) -> list[OutboundRecord]:
    """Everything that neighbours are told because of an event, in the order of the topics' table."""
    common = {
        "event_id": str(event.id),
        "entity_id": event.envelope.entity,
        "occurred_at": instant(event.recorded_at),
    }
    found = []
    for tell in _tellers(event):
        for topic, record in tell(app, event, common):
            key = str(getattr(record, INTEGRATIONS[topic].key)).encode()
            # One event may tell a topic several things: the key is part of the id.
            name = f"{event.id}/{key.decode()}"
            headers = cloud_event_headers(topic, name, SOURCE, common["occurred_at"])
            found.append(OutboundRecord(topic, key, msgspec.json.encode(record), headers))
    return found


def _tellers(event: EventView) -> Iterator[Teller]:
    yield from BY_EVENT.get((event.aggregate, event.type), ())
    if event.aggregate == "ForeclosedAsset":
        yield _card
    if event.type.endswith("Submitted") and "wf_no" in event.payload:
        yield _approval
    if event.type.endswith(("PostingTimedOut", "ReversalTimedOut")):
        yield _posting_query


def _status(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    payload = event.payload
    yield (
        names.ASSET_STATUS,
        AssetStatus(
            **common,
            loan_no=event.key,
            change=event.type,
            version=event.version,
            valid_on=event.envelope.valid_on.isoformat(),
            lifecycle=LIFECYCLE_AFTER.get(event.type),
            classification=payload.get("to_class", payload.get("classification")),
            closed_as=payload.get("closed_as", CLOSED_AS.get(event.type)),
        ),
    )


def _usage(app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    usage, case_field = USAGES[event.type]
    asset: Any = app.find("RiskAsset", event.key)
    for collateral_id in asset.facts.get("collateral_ids", []):
        yield (
            names.DISPOSAL_STATUS,
            DisposalStatus(
                **common,
                collateral_id=collateral_id,
                loan_no=event.key,
                usage=usage,  # type: ignore[arg-type]
                case_no=event.payload[case_field],
                valid_on=event.envelope.valid_on.isoformat(),
            ),
        )


def _inspection(app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    case: Any = app.find("Inspection", event.key)
    subject = str(case.facts.get("subject_no", event.key))
    asset: Any = app.find("RiskAsset", subject)
    payload = event.payload
    yield (
        names.INSPECTION_RESULT,
        InspectionResult(
            **common,
            inspection_no=event.key,
            customer_no=subject if asset is None else str(asset.facts.get("customer_no", subject)),
            subject_no=subject,
            step="RECORDED" if event.type == "InspectionRecorded" else "REVIEWED",
            valid_on=event.envelope.valid_on.isoformat(),
            findings=list(payload.get("findings", [])),
            results=dict(payload.get("results", {})),
            outcome=payload.get("outcome", "-"),
        ),
    )


def _task(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    payload = event.payload
    if event.type == "CollectionRequested":
        request = TaskRequest(
            **common,
            task_no=event.key,
            step="START",
            asset_nos=list(payload.get("asset_ids", [])),
            targets=list(payload.get("targets", [])),
            method=payload["method"],
        )
        yield names.TASK_REQUEST, request
    elif event.envelope.role != "EX":  # else it was they who closed it
        yield names.TASK_REQUEST, TaskRequest(**common, task_no=event.key, step="STOP")


def _card(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    day = event.envelope.valid_on.isoformat()
    detail = {name: value for name, value in event.payload.items() if name not in ("entity_id", "branch")}
    line = FaCard(**common, fa_no=event.key, change=event.type, version=event.version, valid_on=day, detail=detail)
    yield names.FA_CARD, line


def _file(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    payload = event.payload
    if payload.get("ecm_ref", "-") == "-":  # else the archive has it already
        yield (
            names.FILE_REQUEST,
            FileRequest(
                **common,
                doc_id=payload["doc_id"],
                customer_no=event.key,
                version=payload["version"],
                sha256=payload["sha256"],
                category=payload.get("category", "-"),
            ),
        )


def _approval(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    payload = event.payload
    yield (
        names.APPROVAL_REQUEST,
        ApprovalRequest(
            **common,
            wf_no=payload["wf_no"],
            case_kind=event.aggregate,
            noun=event.type.removesuffix("Submitted"),
            case_no=event.key,
            snapshot_hash=payload["snapshot_hash"],
            submitted_by=event.envelope.actor,
            ccy=payload.get("ccy", "-"),
            amount=payload.get("amount"),
        ),
    )


def _message(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    names_of = ("method", "template", "to")
    told = {name: event.payload[name] for name in names_of}
    yield names.MESSAGE, GatewayMessage(**common, message_id=event.key, **told)


def _graph_query(_app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    query = GraphQuery(**common, query_id=str(event.id), customer_no=event.key, depth=GRAPH_DEPTH)
    yield names.GRAPH_QUERY, query


def _posting_query(app: Assets, event: EventView, common: dict[str, Any]) -> Said:
    """PM6. The instruction is read as it stood when core fell silent, not as it stands now."""
    case: Any = app.repository.get(event.stream_id, version=event.version)
    reverses = event.type.endswith("ReversalTimedOut")
    asked = case.reversal["instruction_id"] if reverses else case.instruction["id"]
    attempt = 1 if reverses else event.payload["attempt"]
    query = PostingQuery(**common, instruction_id=asked, attempt=attempt, case_no=event.key)
    yield names.POSTING_QUERY, query


BY_EVENT: Mapping[tuple[str, str], tuple[Teller, ...]] = MappingProxyType(
    {
        **{("RiskAsset", name): (_status,) for name in STATUS_CHANGES},
        **{("RiskAsset", name): (_usage,) for name in USAGES},
        ("RiskAsset", "AssetTransferred"): (_status, _usage),
        ("RiskAsset", "TransferUnwound"): (_status, _usage),
        ("Inspection", "InspectionRecorded"): (_inspection,),
        ("Inspection", "InspectionReviewed"): (_inspection,),
        ("CollectionTask", "CollectionRequested"): (_task,),
        ("CollectionTask", "CollectionClosed"): (_task,),
        ("CustomerFile", "DocumentFiled"): (_file,),
        ("CustomerFile", "DocumentRevised"): (_file,),
        ("Notification", "MessageQueued"): (_message,),
        ("RiskCustomer", "CustomerRegistered"): (_graph_query,),
        ("RiskCustomer", "CustomerReentered"): (_graph_query,),
    }
)
