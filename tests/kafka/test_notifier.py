"""From an alert in Kafka to a webhook and a topic: the process `tidemark notifier` with a real broker and
receiver."""

import asyncio
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from standardwebhooks import Webhook

from aggregates.commands import Command
from aggregates.envelope import Principal
from api.notifier import run_notifier
from api.notifier_wiring import webhook_secrets
from api.opening import opened_assets
from infra.deliveries import DeliveryStore
from infra.deliveries_reading import page
from infra.event_store import utc_now
from infra.kafka.admin import ensure_topics
from infra.kafka.clients import consumer_config, producer_config
from infra.kafka.topic import Topic
from infra.policies import __file__ as shipped
from infra.settings import Settings
from streams.producer import RecordProducer
from streams.topics import ALERT, FOREVER
from tests.conftest import Cluster
from tests.infra.delivery_world import ALERT as AN_ALERT
from tests.infra.delivery_world import Receiver, receiving, text_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

ENTITY = f"N-{uuid.uuid4().hex[:8]}"  # the topic is the session's
TOPIC = f"tm.out.notification.{ENTITY.lower()}.v1"


def policy_in(folder: Path) -> Path:
    text = (Path(shipped).parent / "notifications.toml").read_text()
    text = text.replace("allow_http = false # plain", "allow_http = true # plain").replace(
        "allowed_networks = [] # networks", 'allowed_networks = ["127.0.0.0/8"] # networks'
    )
    text = text.replace("first_retry_s = 5", "first_retry_s = 1")
    folder.mkdir()
    (folder / "notifications.toml").write_text(text.replace("topics = [] #", f'topics = ["{TOPIC}"] #'))
    return folder


def subscribe(settings: Settings, url: str) -> None:
    with opened_assets(settings) as (_, assets):
        payload = {
            "entity_id": ENTITY,
            "filter": 'rule == "large-flow-single"',
            "entities": [ENTITY],
            "channels": [{"channel": "webhook", "target": url}, {"channel": "kafka", "target": TOPIC}],
        }
        who = Principal("U-501", ("RM",), "-", ("*",))
        assets.execute(Command("c-1", "AlertSubscription", "SUB-1", "Subscribe", payload, who, utc_now()))


def raise_alert(settings: Settings, cluster: Cluster) -> dict[str, Any]:
    alert = AN_ALERT | {"alert_id": str(uuid.uuid4()), "entity": ENTITY, "appended_at": text_of(utc_now())}
    producer = RecordProducer(producer_config(settings, cluster.bootstrap))
    producer.send(ALERT, alert["alert_id"].encode(), json.dumps(alert).encode())
    producer.flush()
    return alert


def test_an_alert_goes_out_by_webhook_and_topic(kafka: Cluster, tmp_path: Path) -> None:
    if ALERT not in kafka.admin.list_topics(timeout=10).topics:
        ensure_topics(kafka.admin, [Topic(ALERT, 2, FOREVER)], 1)
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path / "data",
            "kafka_bootstrap": kafka.bootstrap,
            "policy_dir": policy_in(tmp_path / "policy"),
        }
    )
    stop = threading.Event()

    async def work(thread: ThreadPoolExecutor) -> tuple[Receiver, dict[str, Any]]:
        arrived, loop = asyncio.Event(), asyncio.get_running_loop()
        async with receiving("500", on_request=lambda _: arrived.set()) as receiver:
            await loop.run_in_executor(None, subscribe, settings, receiver.url())
            running = loop.run_in_executor(thread, run_notifier, settings, stop)
            alert = await loop.run_in_executor(None, raise_alert, settings, kafka)
            while not receiver.delivered():
                await asyncio.wait({running, loop.create_task(arrived.wait())}, return_when="FIRST_COMPLETED")
                assert not running.done(), running
                arrived.clear()
            stop.set()
            await running
        return receiver, alert

    with ThreadPoolExecutor(1) as thread:
        receiver, alert = asyncio.run(work(thread))
    first, second = receiver.received  # a 500 first: tried again after some seconds
    secret = webhook_secrets(settings).of("SUB-1")[0]
    told = Webhook(secret).verify(second.body, second.headers)
    assert told["data"]["alerts"][0]["record"]["alert_id"] == alert["alert_id"]
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    with opened_assets(settings) as (store, _):
        rows, _ = page(DeliveryStore(store))
    assert {(row["channel"], row["state"]) for row in rows} == {("webhook", "delivered"), ("kafka", "delivered")}
    consumer = Consumer(consumer_config(settings, kafka.bootstrap))
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    record = consumer.poll(20)
    consumer.close()
    assert record is not None
    headers = dict(record.headers() or ())
    delivered = {row["channel"]: row["delivery_id"] for row in rows}
    assert (record.key(), headers["ce_id"]) == (b"SUB-1", delivered["kafka"].encode())
    assert json.loads(record.value())["data"]["alert_ids"] == [alert["alert_id"]]
    kafka.admin.delete_topics([TOPIC])[TOPIC].result()
    assert not list((tmp_path / "data" / "run").glob("notifier-*.json"))
