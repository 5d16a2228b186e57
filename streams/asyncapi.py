"""The AsyncAPI 3.0 document of our topics, generated from the structs and the topic declarations.

Not written by hand anywhere: what is sent is what is documented. Served at /asyncapi.json.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from infra.channels.message_body import NotificationBody
from streams import access_log, audit_heads, cut_records, nostro_records, schemas, topics
from streams.integrations.registry import INTEGRATIONS

Document = dict[str, Any]

REF = "#/components/schemas/{name}"


class Channel(NamedTuple):
    """`direction` is ours: `receive` what others send us, `send` what we publish."""

    direction: Literal["send", "receive"]
    key: str
    structs: tuple[type[msgspec.Struct], ...]  # empty: another form, which `note` states
    note: str


CUT_NOTE = " A record of key `cut` ends each tick; readers apply whole ticks only."
CUSTOMER_KEY = "`entity_id|customer_id`; for bank-owned accounts `entity_id|account_id`"

CHANNELS: Mapping[str, Channel] = {
    topics.TXN: Channel("receive", CUSTOMER_KEY, (schemas.Txn,), "Core-banking entries."),
    topics.CONTRACT: Channel("receive", CUSTOMER_KEY, (schemas.Contract,), "Contracts, each record the whole state."),
    topics.RESERVATION: Channel("receive", CUSTOMER_KEY, (schemas.Reservation,), "Announced withdrawals."),
    topics.HOLDING: Channel("receive", "`entity_id|security_id`", (schemas.Holding,), "Security positions."),
    topics.PRICE: Channel("receive", "`security_id`", (schemas.MarketPrice,), "Prices of securities."),
    topics.FX: Channel("receive", "`base_ccy/quote_ccy`", (schemas.FxRate,), "Mid rates of currencies."),
    topics.RESERVE: Channel("receive", "`entity_id|ccy`", (schemas.ReserveState,), "Required reserves and cash."),
    topics.BUSINESS_DATE: Channel("receive", "`entity_id`", (schemas.BusinessDate,), "The date an entity works on."),
    topics.NOSTRO_STATEMENT: Channel(
        "receive",
        "`entity_id|account_id`",
        (nostro_records.NostroStatement,),
        "Statements of our accounts elsewhere.",
    ),
    topics.COMMAND: Channel("receive", "`aggregate/key`", (schemas.WorkflowCommand,), "Commands on aggregates."),
    topics.POSTING_REPLY: Channel("receive", "`instruction_id`", (schemas.PostingReply,), "Core banking's answers."),
    topics.POSTING_REQUEST: Channel("send", "`instruction_id`", (schemas.PostingRequest,), "What to post."),
    topics.TRANSFER_INSTRUCTION: Channel(
        "send", "`instruction_id`", (schemas.TransferInstruction,), "Approved transfers between branches."
    ),
    topics.POSITION: Channel(
        "send",
        "the cell, unique in its partition",
        (schemas.Position, schemas.Cut),
        "Live positions." + CUT_NOTE,
    ),
    topics.RESERVATION_TOTAL: Channel(
        "send",
        "the cell, unique in its partition",
        (schemas.ReservationTotal, schemas.Cut),
        "Approved withdrawals not executed yet." + CUT_NOTE,
    ),
    topics.WITHDRAWAL: Channel(
        "send",
        "`entity|customer|currency`",
        (schemas.Withdrawal, schemas.Cut),
        "Customers near or above the rolling threshold." + CUT_NOTE,
    ),
    topics.GAP: Channel(
        "send",
        "the cell, unique in its partition",
        (schemas.GapFlow, schemas.Cut),
        "Contractual flows by date." + CUT_NOTE,
    ),
    topics.DEPOSIT: Channel(
        "send",
        "the cell, unique in its partition",
        (schemas.Deposit, schemas.Cut),
        "Deposits, insured and not, and the bank's own accounts." + CUT_NOTE,
    ),
    topics.HOLDING_STATE: Channel(
        "send",
        "`entity|security_id|portfolio`",
        (schemas.HoldingState, schemas.Cut),
        "Security positions." + CUT_NOTE,
    ),
    topics.PRICE_STATE: Channel(
        "send", "`security_id`", (schemas.PriceState, schemas.Cut), "Newest prices." + CUT_NOTE
    ),
    topics.FX_STATE: Channel("send", "`base|quote`", (schemas.FxState, schemas.Cut), "Newest mid rates." + CUT_NOTE),
    topics.RESERVE_TOTAL: Channel(
        "send", "`entity|currency`", (schemas.ReserveTotal, schemas.Cut), "Required reserves and cash." + CUT_NOTE
    ),
    **{
        row.topic: Channel("receive" if row.is_inbound else "send", f"`{row.key}`", (row.struct,), row.note)
        for row in INTEGRATIONS.values()
    },
    topics.ALERT: Channel("send", "`entity|customer`", (schemas.Alert, schemas.Cut), "Large-flow alerts." + CUT_NOTE),
    topics.CUT: Channel(
        "send", "`cut`", (cut_records.RiskCut,), "Totals that limits look at, cut by cut; one order."
    ),
    topics.AUDIT: Channel("send", "stream id of the aggregate", (), "Stored events of aggregates, in order."),
    topics.HEAD: Channel("send", "`origin`", (audit_heads.AuditHead,), "Signed heads of the log of decisions."),
    topics.NOTIFICATION: Channel(
        "send",
        "the subscription, as `SUB-1`",
        (NotificationBody,),
        "What a subscription tells of alerts: the body of its webhook (docs/alert-delivery.md); `ce_id` is its id.",
    ),
    topics.ACCESS: Channel(
        "send", "`actor`", (access_log.AccessRecord,), "Refusals, sign-ins, papers taken, reads by auditors; expires."
    ),
    topics.DEAD_LETTER: Channel(
        "send",
        "`topic/partition/offset` of the refused record",
        (),
        "Refused records as raw bytes; headers topic, partition, offset, reason, field, id.",
    ),
}


def document(version: str = "0.1.0") -> Document:
    """The whole document, as JSON values; equal for equal declarations."""
    structs = sorted(
        {struct for channel in CHANNELS.values() for struct in channel.structs}, key=lambda s: s.__name__
    )
    _, components = msgspec.json.schema_components(structs, schema_hook=_any_value, ref_template=REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidemark",
            "version": version,
            "description": (
                "Topics of Tidemark. Amounts are decimal strings, instants RFC 3339 UTC, a missing dimension "
                "is `-`. Values are JSON; CloudEvents 1.0 attributes travel in the headers (binary mode)."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "variables": {"bootstrap": {"description": "TIDEMARK_KAFKA_BOOTSTRAP, or the embedded broker"}},
            }
        },
        "channels": {topic: _channel(topic, channel) for topic, channel in CHANNELS.items()},
        "operations": {
            _operation_id(topic, channel): _operation(topic, channel) for topic, channel in CHANNELS.items()
        },
        "components": {
            "schemas": {name: components[name] for name in sorted(components)},
            "messages": {
                message["name"]: message
                for topic, channel in CHANNELS.items()
                for message in _messages(topic, channel)
            },
            "messageTraits": {"cloudEvent": {"headers": _cloud_event()}},
        },
    }


def _any_value(kind: type) -> Document:
    """A command's payload holds whatever the command takes."""
    if kind is object:
        return {"description": "any JSON value"}
    raise NotImplementedError


def _channel(topic: str, channel: Channel) -> Document:
    declared = next((found for found in topics.topics() if found.name == topic), topics.notification(topic))
    named = {"parameters": {"name": {"description": "as the policy of notifications lists it"}}}
    return {
        "address": topic.replace("NAME", "{name}"),
        **(named if topic == topics.NOTIFICATION else {}),
        "description": channel.note,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {
            message["name"]: {"$ref": f"#/components/messages/{message['name']}"}
            for message in _messages(topic, channel)
        },
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": declared.partitions,
                "topicConfiguration": _configuration(declared.config),
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation_id(topic: str, channel: Channel) -> str:
    return f"{channel.direction}.{topic}"


def _operation(topic: str, channel: Channel) -> Document:
    return {
        "action": channel.direction,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [
            {"$ref": f"#/channels/{topic}/messages/{message['name']}"} for message in _messages(topic, channel)
        ],
    }


def _messages(topic: str, channel: Channel) -> list[Document]:
    named = [
        (f"{topic}.{struct.__name__}", {"$ref": REF.format(name=struct.__name__)}, struct)
        for struct in channel.structs
    ]
    if not named:
        raw = topic == topics.DEAD_LETTER
        payload = {"type": "string", "format": "binary"} if raw else {"type": "object"}
        return [_message(topic, payload, channel.key, "application/octet-stream" if raw else "application/json")]
    return [
        _message(name, payload, "`cut`" if struct is schemas.Cut else channel.key, "application/json")
        for name, payload, struct in named
    ]


def _message(name: str, payload: Document, key: str, content_type: str) -> Document:
    return {
        "name": name,
        "contentType": content_type,
        "payload": payload,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}},
    }


def _cloud_event() -> Document:
    names = [name for name, _ in schemas.cloud_event_headers("type", "id", "source", "time")]
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def _configuration(config: Mapping[str, str]) -> Document:
    """The part of a topic's configuration that the Kafka binding has names for."""
    known: Document = {}
    if "cleanup.policy" in config:
        known["cleanup.policy"] = [config["cleanup.policy"]]
    for name in ("retention.ms", "retention.bytes", "max.message.bytes"):
        if name in config:
            known[name] = int(config[name])
    return known
