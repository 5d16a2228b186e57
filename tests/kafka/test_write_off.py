"""One write-off through the whole house: HTTP commands by different people, core banking's answer over Kafka, the
audit topic and the auditor's history."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.kafka.clients import consumer_config, producer_config
from infra.settings import Settings
from streams import topics
from streams.integrations import names
from streams.producer import RecordProducer
from tests.aggregates.world import PEOPLE
from tests.kafka.test_up import Running, port, start, until

__all__ = ["port", "start"]  # fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]
INTEGRATIONS = Path(__file__).parent.parent / "golden" / "integrations"
ASSET = {
    "loan_no": "LN-1",
    "entity_id": "BANK",
    "ccy": "CNY",
    "customer_no": "C1",
    "branch": "3301",
    "product": "LOAN",
    "segment": "CORPORATE",
    "principal": "1000.00",
    "interest_on": "0.00",
    "interest_off": "20.00",
    "penalty": "0.00",
    "compound": "0.00",
    "costs": "0.00",
    "classification": "LOSS",
    "overdue_since": "2024-01-01",
    "maturity": "2024-01-01",
    "rate_terms": {},
    "collateral_ids": [],
    "guarantor_nos": [],
}


class People:
    """Everybody with a token of their own, issued by `tidemark token`."""

    def __init__(self, running: Running) -> None:
        self._running, self._tokens = running, dict[str, str]()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{running.port}/api/v1", trust_env=False, timeout=30)

    def token(self, role: str) -> str:
        if role not in self._tokens:
            arguments = ["token", "--actor", PEOPLE[role], "--role", role, "--entity", "BANK", "--org", "3301"]
            told = self._running.json(*arguments)
            self._tokens[role] = told["token"]
        return self._tokens[role]

    def do(self, role: str, aggregate: str, key: str, command: str, **payload: Any) -> httpx.Response:
        body = {"cmd_id": f"{role}-{command}-{key}", "aggregate": aggregate, "key": key, "command": command}
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        return self._client.post("/commands", json={**body, "payload": payload}, headers=headers)

    def answer(self, path: str) -> httpx.Response:
        return self._client.get(path, headers={"Authorization": f"Bearer {self.token('IA')}"})

    def get(self, path: str) -> Any:
        answer = self.answer(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_proposed_approved_by_another_posted_by_core_and_recovered(start: Callable[..., Running]) -> None:
    running = start("--feed", "none")
    running.wait_up()
    people = People(running)

    def done(role: str, aggregate: str, key: str, command: str, **payload: Any) -> dict[str, Any]:
        answer = people.do(role, aggregate, key, command, **payload)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    done("EX", "RiskAsset", "LN-1", "Admit", **ASSET)
    done("AM", "WriteOff", "WO-1", "Draft", asset_no="LN-1", ground="BANKRUPTCY")
    checklist = {"papers": True}
    done("LG", "WriteOff", "WO-1", "ReviewCompliance", outcome="PASS", checklist=checklist, opinion="in order")
    done("AM", "WriteOff", "WO-1", "Submit")

    # Four eyes: the role alone does not make another person.
    told = running.json("token", "--actor", PEOPLE["AM"], "--role", "HA", "--entity", "BANK")
    body = {"cmd_id": "x", "aggregate": "WriteOff", "key": "WO-1", "command": "Approve", "payload": {}}
    own = httpx.post(
        f"http://127.0.0.1:{running.port}/api/v1/commands",
        json=body,
        headers={"Authorization": f"Bearer {told['token']}"},
        trust_env=False,
    )
    assert own.status_code == 403
    assert own.json()["facts"]["guard"] == "SD1"

    done("HA", "WriteOff", "WO-1", "Approve", approval_no="A-1", level="HEAD_OFFICE")
    done("FN", "WriteOff", "WO-1", "RequestPosting")
    done("FC", "WriteOff", "WO-1", "ConfirmInstruction")
    asset = until(lambda: written_off(people), "core banking to confirm the write-off")
    assert asset["lifecycle"] == "WRITTEN_OFF"
    done("SY", "RiskAsset", "LN-1", "RecoverWrittenOff", flow_id="F-1", split_no=1, amount="100.00")

    history = running.json("audit", "history", "RiskAsset", "LN-1")["events"]
    kinds = [event["type"] for event in history]
    assert kinds[0] == "AssetAdmitted"
    assert {"DisposalHoldPlaced", "AssetWrittenOff", "DisposalHoldReleased"} <= set(kinds)
    assert kinds[-1] == "WriteOffRecoveryApplied"
    assert [event["version"] for event in history] == list(range(1, len(history) + 1))
    published = until(lambda: audit_types(running, len(kinds)), "the audit topic")
    assert {"WriteOffDrafted", "WriteOffApproved", "WriteOffPosted", *kinds} <= set(published)
    assert running.json("audit", "verify")["ok"] is True
    (refusal,) = running.json("audit", "access", "--actor", PEOPLE["AM"])["records"]
    shown = [refusal[name] for name in ("action", "guard", "key", "cmd_id", "address")]
    assert shown == ["command-refused", "SD1", "WO-1", "x", "127.0.0.1"]
    hand_over_by_a_neighbour(running, people)


def hand_over_by_a_neighbour(running: Running, people: People) -> None:
    """A neighbour's record becomes an asset, its customer is asked about and answered; a broken one is set aside."""
    value = json.loads((INTEGRATIONS / "tm.in.dataplat.handover.v1.json").read_bytes())
    value |= {"entity_id": "BANK", "loan_no": "LN-77", "customer_no": "C-77"}
    settings = Settings.model_validate({"data_dir": running.directory})
    bootstrap = json.loads((running.directory / "run" / "kafka.json").read_bytes())["bootstrap"]
    producer = RecordProducer(producer_config(settings, bootstrap))
    producer.send(names.HANDOVER, b"LN-77", json.dumps(value).encode())
    producer.send(names.HANDOVER, b"another", json.dumps(value | {"record_id": "R-2"}).encode())
    producer.flush()

    def related() -> Any:
        answer = people.answer("/aggregates/RiskCustomer/C-77")
        return answer.status_code == 200 and answer.json().get("parties")

    assert until(related, "the relations of the customer")[0]["target"] == "SIM-P1"
    assert people.get("/risk-assets/LN-77")["classification"] == "SUBSTANDARD"
    letters = until(lambda: running.json("deadletter", "list")["letters"], "the dead letter")
    assert [(one["topic"], one["field"]) for one in letters] == [(names.HANDOVER, "key")]
    assert "(record R-2)" in letters[0]["reason"]
    worker = json.loads(next((running.directory / "run").glob("worker-*.json")).read_bytes())
    assert "tidemark_process_manager_events_total" in httpx.get(worker["metrics"], trust_env=False).text


def written_off(people: People) -> dict[str, Any] | None:
    asset = people.get("/risk-assets/LN-1")
    return dict(asset) if asset.get("lifecycle") == "WRITTEN_OFF" else None


def audit_types(running: Running, at_least: int) -> list[str] | None:
    """Outward types on `tm.audit.event.v1`, once all of them are there."""
    settings = Settings.model_validate({"data_dir": running.directory})
    bootstrap = json.loads((running.directory / "run" / "kafka.json").read_bytes())["bootstrap"]
    consumer = Consumer(consumer_config(settings, bootstrap))
    consumer.assign([TopicPartition(topics.AUDIT, 0, 0)])
    found = [json.loads(message.value() or b"{}")["type"] for message in consumer.consume(500, timeout=2)]
    consumer.close()
    return found if found.count("WriteOffRecoveryApplied") and len(found) > at_least else None
