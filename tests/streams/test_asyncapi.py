"""The message contract holds every topic and struct, and what we send fits it."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.channels.message_body import NotificationAlert, NotificationBody, NotificationData
from infra.channels.messages import Messages
from infra.deliveries_policy import TOPIC
from projections.alert_notification import Notification, Purpose
from streams import cut_records, schemas, topics
from streams.access_log import AccessRecord
from streams.asyncapi import CHANNELS, document
from streams.audit_heads import AuditHead
from streams.integrations.registry import INTEGRATIONS
from streams.nostro_records import NostroEntry, NostroStatement, StatementFinding
from tests.infra.delivery_world import ALERT, LIMIT_ALERT, PAGE, note
from tests.risk_records import alert, business_date, cut, gap_flow, position, reservation, withdrawal

DOCUMENT = document()
STRUCTS = {
    name: struct
    for name, struct in inspect.getmembers(schemas, inspect.isclass)
    if issubclass(struct, msgspec.Struct) and struct.__module__ == schemas.__name__
}
NEIGHBOURS = {row.struct.__name__: row.topic for row in INTEGRATIONS.values()}
STRUCTS |= dict.fromkeys((*NEIGHBOURS, "Balances", "GraphEdge"), msgspec.Struct)
STRUCTS |= {one.__name__: one for one in (NotificationBody, NotificationData, NotificationAlert)}
STRUCTS |= dict.fromkeys(("Purpose", "Severity"), msgspec.Struct)
STRUCTS |= {"AccessRecord": AccessRecord, "AuditHead": AuditHead}
STRUCTS |= {one.__name__: one for one in (NostroStatement, NostroEntry, StatementFinding)}
STRUCTS |= dict.fromkeys(
    ("RiskCut", "CutTotal", "CutAssets", "CutFlow", "LiquidAsset", "Decision", "Due", "TotalKey", "Rule", "RuleSet"),
    msgspec.Struct,
)
SOURCE = schemas.Source(topic=topics.TXN, partition=0, offset=1, log="cluster/topic", fold=1)
EXAMPLES: dict[str, msgspec.Struct | bytes] = {
    "Txn": schemas.Txn(
        txn_id="T1",
        source_system="core",
        event_time="2026-11-22T09:00:00Z",
        value_date="2026-11-22",
        entity_id="NORTH",
        account_id="A1",
        ccy="EUR",
        direction="in",
        amount="12.50",
        intragroup=True,
    ),
    "Contract": schemas.Contract(
        contract_id="K1",
        event_time="2026-11-22T09:00:00Z",
        entity_id="NORTH",
        side="asset",
        ccy="EUR",
        principal="1000.00",
        start_date="2026-01-01",
        maturity_date="2027-01-01",
    ),
    "Reservation": schemas.Reservation(
        res_id="R1",
        event_time="2026-11-22T09:00:00Z",
        entity_id="NORTH",
        ccy="EUR",
        amount="10.00",
        value_date="2026-11-23",
        status="approved",
    ),
    "TransferInstruction": schemas.TransferInstruction(
        instruction_id="DP-1/1",
        proposal_no="DP-1",
        revision=1,
        entity_id="BANK-A",
        ccy="CNY",
        source_org="A",
        destination_org="B",
        amount="80.00",
        value_date="2026-11-23",
        approved_by="U-801",
        event_time="2026-11-23T04:00:00.000000Z",
    ),
    "PostingRequest": schemas.PostingRequest(
        instruction_id="I1",
        attempt=1,
        kind="WRITE_OFF",
        entity_id="NORTH",
        case_no="W1",
        asset_no="LN-1",
        ccy="EUR",
        amount="10.00",
        alloc={"principal": "10.00"},
        value_date="2026-11-22",
    ),
    "PostingReply": schemas.PostingReply(instruction_id="I1", attempt=1, outcome="accepted"),
    "WorkflowCommand": schemas.WorkflowCommand(
        cmd_id="c",
        aggregate="RiskAsset",
        key="LN-1",
        command="Classify",
        payload={"class": "LOSS", "n": 1},
        token="t",
    ),
    "Position": position(1, -5).value,
    "ReservationTotal": reservation(1, 5).value,
    "GapFlow": gap_flow(1, "DEMAND", 5, 0).value,
    "Withdrawal": withdrawal(1, "60.00").value,
    "RiskCut": cut_records.RiskCut(
        epoch=1,
        number=0,
        taken_at="2026-11-22T09:00:00.000000Z",
        whole=True,
        offsets={"tm.in.core.txn.v1/0": 7},
        position_offsets={"tm.in.core.txn.v1/0": 7},
        logs={"tm.in.core.txn.v1/0": "cluster/topic"},
        alert_vector={0: 3},
        totals=[cut_records.CutTotal(metric="lcr", scope="entity", entity="NORTH", currency="EUR", value="4/3")],
    ),
    "Alert": alert(1, 0, entries=[schemas.AlertEntry(offset=0, event_time="t", amount="1.00")]).value,
    "Holding": schemas.Holding(
        entity_id="NORTH", security_id="S1", event_time="2026-11-22T09:00:00Z", ccy="EUR", face="100.00"
    ),
    "MarketPrice": schemas.MarketPrice(security_id="S1", event_time="2026-11-22T09:00:00Z", dirty_price="101.25"),
    "FxRate": schemas.FxRate(base_ccy="EUR", quote_ccy="CNY", event_time="2026-11-22T09:00:00Z", mid="7.8"),
    "ReserveState": schemas.ReserveState(
        entity_id="NORTH", ccy="EUR", event_time="2026-11-22T09:00:00Z", required="10.00"
    ),
    "NostroStatement": NostroStatement(
        entity_id="NORTH",
        account_id="N1",
        ccy="EUR",
        statement_id="S1",
        event_time="2026-11-22T00:00:00Z",
        closing_date="2026-11-22",
        closing="-10.00",
    ),
    "Deposit": schemas.Deposit(
        entity="NORTH",
        currency="EUR",
        owner="customer",
        customer_class="RETAIL",
        product="CURRENT",
        insured_whole="1.00",
        insured_part="0.00",
        uninsured="2.00",
        overdrawn="0.00",
        source=SOURCE,
    ),
    "HoldingState": schemas.HoldingState(
        entity="NORTH",
        organisation="-",
        security_id="S1",
        portfolio="-",
        currency="EUR",
        issuer_type="sovereign",
        hqla_level="1",
        face="100.00",
        encumbered_face="0",
        encumbrance="-",
        maturity_date=None,
        source=SOURCE,
    ),
    "PriceState": schemas.PriceState(
        security_id="S1", dirty_price="101.25", event_time="2026-11-22T09:00:00Z", source=SOURCE
    ),
    "FxState": schemas.FxState(
        base_currency="EUR", quote_currency="CNY", mid="7.8", event_time="2026-11-22T09:00:00Z", source=SOURCE
    ),
    "ReserveTotal": schemas.ReserveTotal(
        entity="NORTH",
        currency="EUR",
        required="10.00",
        vault_cash="0",
        central_bank_balance=None,
        source=SOURCE,
    ),
    "Cut": cut(topics.POSITION, 1, business_time=None).value,
    "BusinessDate": business_date(0, "NORTH", "2026-11-22").value,
}


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


EXAMPLES |= {
    name: (Path(__file__).parent.parent / "golden" / "integrations" / f"{topic}.json").read_bytes()
    for name, topic in NEIGHBOURS.items()
}
EXAMPLES["AuditHead"] = (Path(__file__).parent.parent / "golden" / "audit-head.json").read_bytes()
EXAMPLES["NotificationBody"] = Messages(PAGE).body(note("al-1"))
EXAMPLES["AccessRecord"] = (Path(__file__).parent.parent / "golden" / "access-event.json").read_bytes()

KINDS = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def problems(schema: Any, value: Any, at: str = "") -> list[str]:
    """What of JSON Schema our structs use, checked independently of msgspec."""
    if "$ref" in schema:
        return problems(resolve(schema["$ref"]), value, at)
    if "anyOf" in schema:
        return (
            [] if any(not problems(inner, value, at) for inner in schema["anyOf"]) else [f"{at}: no alternative fits"]
        )
    found = []
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, KINDS[kind]) or (kind == "integer" and isinstance(value, bool))):
        return [f"{at}: not a {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not listed")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} breaks the pattern")
    if kind == "object":
        known = schema.get("properties", {})
        found += [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            rest = schema.get("additionalProperties", {})
            found += problems(known.get(name, rest if isinstance(rest, dict) else {}), inner, f"{at}.{name}")
            found += [f"{at}: {name} is unknown"] if known and name not in known else []
    if kind == "array":
        found += [text for item in value for text in problems(schema.get("items", {}), item, f"{at}[]")]
    return found


def test_every_topic_is_a_channel_with_its_key_direction_and_partitions() -> None:
    named = {topic.name for topic in topics.topics()} | {topics.NOTIFICATION}
    assert named == CHANNELS.keys() == DOCUMENT["channels"].keys()
    for topic in topics.topics():
        channel = DOCUMENT["channels"][topic.name]
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        direction = "receive" if topic.name.startswith("tm.in.") else "send"
        operation = DOCUMENT["operations"][f"{direction}.{topic.name}"]
        assert (operation["action"], operation["channel"]) == (direction, {"$ref": f"#/channels/{topic.name}"})
        for reference in channel["messages"].values():
            message = resolve(reference["$ref"])
            assert message["bindings"]["kafka"]["key"]["description"]
            assert "ce_type" in resolve(message["traits"][0]["$ref"])["headers"]["properties"]


def test_topics_of_notifications_are_one_channel_with_a_name_to_fill_in() -> None:
    channel = DOCUMENT["channels"][topics.NOTIFICATION]
    assert channel["address"] == "tm.out.notification.{name}.v1"
    assert list(channel["parameters"]) == ["name"]
    made = topics.notification(topics.NOTIFICATION.replace("NAME", "treasury"))
    assert TOPIC.fullmatch(made.name)  # the policy takes what the contract names
    assert (made.partitions, made.config) == (1, topics.FOREVER)
    others = [one for key, one in DOCUMENT["channels"].items() if key != topics.NOTIFICATION]
    assert not any("parameters" in one for one in others)


def test_every_struct_of_the_wire_is_in_the_contract() -> None:
    assert DOCUMENT["components"]["schemas"].keys() == STRUCTS.keys()


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for inner in value.values() for found in references(inner)]
        return [found for inner in value for found in references(inner)] if isinstance(value, list) else []

    found = references(DOCUMENT)
    assert found
    for reference in found:
        assert resolve(reference)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_we_write_fits_its_schema_and_what_is_broken_does_not(name: str) -> None:
    example = EXAMPLES[name]
    value = msgspec.json.decode(example if isinstance(example, bytes) else msgspec.json.encode(example))
    schema = DOCUMENT["components"]["schemas"][name]
    assert problems(schema, value) == []
    first, *_ = schema["required"]
    assert problems(schema, {key: inner for key, inner in value.items() if key != first})
    assert problems(schema, value | {first: 1.5})


def test_examples_cover_every_struct_that_is_a_message() -> None:
    assert EXAMPLES.keys() == {struct.__name__ for channel in CHANNELS.values() for struct in channel.structs}


@pytest.mark.parametrize(
    "told",
    [
        note("al-1", "al-2", alerts=[ALERT, LIMIT_ALERT], digest=True, language="zh"),
        note("al-2", alerts=[LIMIT_ALERT], purpose=Purpose.ESCALATION, subscription="SUB-1:2:U-7"),
        note("al-2", alerts=[LIMIT_ALERT | {"kind": "cleared"}], purpose=Purpose.RESOLVED),
        note("test-1", alerts=[{"alert_id": "test-1", "kind": "test", "rule": "test", "entity": "NORTH"}]),
    ],
)
@pytest.mark.parametrize("messages", [Messages(PAGE), Messages(PAGE, mask=False, alerts_max=1)])
def test_what_receivers_are_sent_fits_the_schema_of_their_topic(told: Notification, messages: Messages) -> None:
    (message,) = DOCUMENT["channels"][topics.NOTIFICATION]["messages"].values()
    schema, body = resolve(message["$ref"])["payload"], json.loads(messages.body(told))
    assert problems(schema, body) == []
    assert problems(schema, body | {"more": 1})
    assert problems(schema, body | {"type": "alert.lost"})
    assert problems(schema, body | {"data": body["data"] | {"alerts": [{}]}})


def test_an_amount_as_a_number_breaks_the_contract() -> None:
    value = msgspec.json.decode(msgspec.json.encode(EXAMPLES["Txn"]))
    assert problems(DOCUMENT["components"]["schemas"]["Txn"], value | {"amount": 12.5})
    assert problems(DOCUMENT["components"]["schemas"]["Txn"], value | {"amount": "NaN"})


def test_the_document_is_the_same_each_time_and_plain_json() -> None:
    assert document() == DOCUMENT
    assert msgspec.json.decode(msgspec.json.encode(DOCUMENT)) == DOCUMENT
