"""What neighbours are told: of which events, under which key, again if silent, never with another content."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.audit_publisher import AuditPublisher, OutboundRecord
from streams.integrations import names
from streams.integrations.publisher import IntegrationPublisher
from streams.integrations.registry import INTEGRATIONS
from streams.posting import posting_request
from streams.topics import AUDIT, POSTING_REQUEST
from tests.aggregates.world import CASE
from tests.streams.integration_world import CUSTOMER, LOAN, Neighbourhood, neighbourhood

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Told(Neighbourhood):
    """Neighbours that only listen."""

    sent: list[OutboundRecord]

    def publisher(self, holder: str = "one") -> IntegrationPublisher:
        clock = self.world.clock
        return IntegrationPublisher(
            self.app, self.world.store, self.reference, self.send_all, clock=clock, holder=holder
        )

    def send_all(self, records: Sequence[OutboundRecord]) -> None:
        self.sent.extend(records)

    def told(self, topic: str) -> list[Any]:
        found = [record for record in self.sent if record.topic == topic]
        for record in found:
            read: Any = msgspec.json.decode(record.value, type=INTEGRATIONS[topic].struct, strict=True)
            assert record.key == getattr(read, INTEGRATIONS[topic].key).encode()
        return [msgspec.json.decode(record.value) for record in found]

    def fixture(self, name: str, aggregate: str, key: str, **payload: Any) -> None:
        self.app.store_fixture(self.world.command("SY", name, aggregate=aggregate, key=key, **payload))


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Told]:
    found = Told(neighbourhood(tmp_path).world)
    found.sent = []
    found.world.clock.now = datetime(2024, 9, 25, 4, tzinfo=UTC)
    found.send(names.HANDOVER)
    yield found
    found.world.store.close()


def drain(publisher: IntegrationPublisher) -> None:
    while publisher.run_once():
        pass


def test_a_risk_asset_and_its_customer_are_told_of(bank: Told) -> None:
    bank.world.do("RM", "Reclassify", from_class="SUBSTANDARD", to_class="LOSS", basis="REVIEW")
    sold = {"price": "900.00", "alloc": {"principal": "1000.00"}, "book_amount": "1000.00", "loss": "100.00"}
    bank.fixture("AssetTransferred", "RiskAsset", LOAN, case_no="TR-1", **sold)
    drain(bank.publisher())
    statuses = bank.told(names.ASSET_STATUS)
    assert [
        (one["change"], one.get("lifecycle"), one.get("classification"), one.get("closed_as")) for one in statuses
    ] == [
        ("AssetAdmitted", "ACTIVE", "SUBSTANDARD", None),
        ("AssetReclassified", None, "LOSS", None),
        ("AssetTransferred", "CLOSED", None, "TRANSFERRED"),
    ]
    assert [one["version"] for one in statuses] == [1, 2, 3]
    (usage,) = bank.told(names.DISPOSAL_STATUS)
    assert (usage["collateral_id"], usage["usage"], usage["case_no"]) == ("CO-1", "TRANSFERRED", "TR-1")
    (query,) = bank.told(names.GRAPH_QUERY)
    assert (query["customer_no"], query["query_id"]) == (CUSTOMER, query["event_id"])


def test_inspections_files_messages_and_cards_are_told_of(bank: Told) -> None:
    world = bank.world
    bank.send(names.INSPECTION_TASK)
    filled = dict.fromkeys(("operations", "willingness"), "seen")
    world.do("AM", "Record", aggregate="Inspection", key="IN-1", results=filled, findings=["halted"])
    filed = {"doc_id": "D-1", "category": "CONTRACT", "sha256": SHA}
    world.do("AM", "FileDocument", aggregate="CustomerFile", key=CUSTOMER, **filed)
    world.do(
        "AM", "FileDocument", aggregate="CustomerFile", key=CUSTOMER, **filed | {"sha256": "0" * 64, "ecm_ref": "E"}
    )
    world.do("SY", "Queue", aggregate="Notification", key="M-1", method="SMS", to="U-77", template="T")
    bank.fixture("CustodianChanged", "ForeclosedAsset", "FA-1", custodian_branch="3302")
    drain(bank.publisher())
    (result,) = bank.told(names.INSPECTION_RESULT)
    assert (result["customer_no"], result["step"], result["findings"]) == (CUSTOMER, "RECORDED", ["halted"])
    (file,) = bank.told(names.FILE_REQUEST)  # the second one is in the archive already
    assert (file["customer_no"], file["sha256"], file["version"]) == (CUSTOMER, SHA, 1)
    (message,) = bank.told(names.MESSAGE)
    assert (message["method"], message["to"], message["template"]) == ("SMS", "U-77", "T")
    (card,) = bank.told(names.FA_CARD)
    assert (card["change"], card["detail"]["custodian_branch"]) == ("CustodianChanged", "3302")


def test_a_task_is_asked_for_and_stopped_by_us_only(bank: Told) -> None:
    for task in ("T-1", "T-2"):
        bank.world.do("AM", "RequestCollection", aggregate="CollectionTask", key=task, asset_ids=[LOAN])
    bank.world.do("AM", "Close", aggregate="CollectionTask", key="T-1", outcome="PAID")
    bank.send(names.COLLECTION_ACTION, task_no="T-2", step="CLOSED", outcome="PAID", action_no=...)
    drain(bank.publisher())
    assert [(one["task_no"], one["step"]) for one in bank.told(names.TASK_REQUEST)] == [
        ("T-1", "START"),
        ("T-2", "START"),
        ("T-1", "STOP"),
    ]


def test_a_submitted_case_asks_for_its_decision_every_day_until_it_has_one(bank: Told) -> None:
    bank.world.lost("LN-8")
    bank.world.to_stage("SUBMITTED", loan="LN-8")
    publisher = bank.publisher()
    drain(publisher)
    (asked,) = bank.told(names.APPROVAL_REQUEST)
    digest = bank.world.state("WriteOff", CASE)["snapshot_hash"]
    assert (asked["case_kind"], asked["noun"], asked["snapshot_hash"]) == ("WriteOff", "WriteOff", digest)
    assert (asked["amount"], asked["submitted_by"]) == ("2635308.70", "U-118")
    bank.world.clock.now += timedelta(hours=23)
    drain(publisher)
    assert len(bank.told(names.APPROVAL_REQUEST)) == 1
    bank.world.clock.now += timedelta(hours=2)
    drain(publisher)
    assert len(bank.told(names.APPROVAL_REQUEST)) == 2
    bank.world.case("HA", "Approve", approval_no="A")
    bank.world.clock.now += timedelta(days=3)
    drain(publisher)
    first, second = [record for record in bank.sent if record.topic == names.APPROVAL_REQUEST]
    assert first == second


def test_silence_of_core_is_asked_about_every_five_minutes(bank: Told) -> None:
    bank.world.lost("LN-8")
    bank.world.to_stage("CONFIRMED", loan="LN-8")
    bank.world.case("SY", "MarkTimedOut")
    publisher = bank.publisher()
    for _ in range(4):
        drain(publisher)
        bank.world.clock.now += timedelta(minutes=4)
    queries = bank.told(names.POSTING_QUERY)
    assert [(one["instruction_id"], one["attempt"]) for one in queries] == [("WO1.1", 1)] * 2
    bank.world.case("CB", "MarkPosted", core_txn_no="C-1")
    bank.world.clock.now += timedelta(minutes=40)
    drain(publisher)
    assert len(bank.told(names.POSTING_QUERY)) == 2
    # Told later again, the query still names the instruction of its time.
    assert len({record.value for record in bank.sent if record.topic == names.POSTING_QUERY}) == 1


def test_a_message_without_a_receipt_is_sent_three_times_more(bank: Told) -> None:
    bank.world.do("SY", "Queue", aggregate="Notification", key="M-1", method="SMS", to="U-77", template="T")
    publisher = bank.publisher()
    for _ in range(12):
        drain(publisher)
        bank.world.clock.now += timedelta(minutes=10)
    assert len(bank.told(names.MESSAGE)) == 4


def test_what_was_answered_is_not_asked_again(bank: Told) -> None:
    world = bank.world
    world.do("AM", "RequestCollection", aggregate="CollectionTask", key="T-1", asset_ids=[LOAN])
    world.do("AM", "FileDocument", aggregate="CustomerFile", key=CUSTOMER, doc_id="D-1", category="C", sha256=SHA)
    publisher = bank.publisher()
    drain(publisher)
    bank.send(names.COLLECTION_ACTION)
    bank.send(names.FILE_STORED)
    bank.send(names.GRAPH)
    before = len(bank.sent)
    world.clock.now += timedelta(days=2)
    drain(publisher)
    assert len(bank.sent) == before


def test_one_publisher_at_a_time_and_a_successor_goes_on(bank: Told) -> None:
    one, two = bank.publisher(), bank.publisher("two")
    drain(one)
    before = len(bank.sent)
    bank.world.do("RM", "Reclassify", from_class="SUBSTANDARD", to_class="LOSS", basis="REVIEW")
    assert two.run_once() == 0
    bank.world.clock.now += timedelta(seconds=20)
    drain(two)
    assert [record.topic for record in bank.sent[before:]] == [names.ASSET_STATUS]
    assert one.run_once() == 0


def test_an_instruction_of_the_books_is_no_posting_request(bank: Told) -> None:
    bank.fixture("InstructionConfirmed", "AccountingInstruction", "AI-1", checker="U-411")
    clock = bank.world.clock
    audit = AuditPublisher(bank.app, bank.world.store, bank.send_all, clock=clock, holder="audit")
    while audit.run_once():
        pass
    assert "AccountingInstruction" in {json.loads(one.value)["aggregate"] for one in bank.sent if one.topic == AUDIT}
    assert [one for one in bank.sent if one.topic == POSTING_REQUEST] == []


def test_a_reversal_tells_core_what_it_reverses(bank: Told) -> None:
    bank.world.lost("LN-8")
    bank.world.to_stage("POSTED", loan="LN-8")
    bank.world.case("FN", "RequestReversal", kind="CORRECTION")
    event = bank.world.case("FC", "ConfirmInstruction").events[0]
    assert posting_request(event).reverses == "C-2290"
