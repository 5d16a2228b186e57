"""Writes down when alerts and position updates arrive: `sse ADDRESS TOKEN`, `topic BOOTSTRAP` or `webhook PORT_FILE`.

Lines go to stdout: microseconds, kind, and the txn_id or the offsets a positions event stands at. A process of its
own, so that the sender's work does not delay its clock, which is the machine's monotonic one that processes share.
"""

import asyncio
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

SOURCE = "tm.in.core.txn.v1/"


def put(kind: str, what: Any) -> None:
    sys.stdout.write(f"{time.monotonic_ns() // 1_000}\t{kind}\t{json.dumps(what)}\n")
    sys.stdout.flush()


def receive_sse(address: str, token: str) -> None:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        put("ready", None)
        name = ""
        for line in answer:
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: ") and name == "alert":
                body = json.loads(line[6:])
                if body["kind"] == "raised":
                    put("alert", body["txn_id"])
            elif line.startswith(b"data: ") and name == "positions":
                at = time.monotonic_ns() // 1_000  # before the rows are parsed: they are many
                offsets = json.loads(line[6:])["offsets"]
                own = {place.removeprefix(SOURCE): at for place, at in offsets.items() if place.startswith(SOURCE)}
                sys.stdout.write(f"{at}\tpositions\t{json.dumps(own)}\n")
                sys.stdout.flush()


def receive_topic(bootstrap: str) -> None:
    from confluent_kafka import OFFSET_END, Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "fetch.wait.max.ms": 100})
    topic = "tm.risk.alert.v1"
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in partitions])
    consumer.poll(1.0)
    put("ready", None)
    while True:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None and message.key() != b"cut":
            put("record", json.loads(message.value() or b"{}")["txn_id"])


async def receive_webhook(told: Path) -> None:
    """Answers 200 to everything at once; connections are kept open, as the notifier likes them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            length = 0
            while (header := (await reader.readline()).strip()) != b"":
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = json.loads(await reader.readexactly(length))
            for alert in body["data"]["alerts"]:
                put("webhook", alert["record"]["txn_id"])
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await asyncio.to_thread(told.write_text, str(server.sockets[0].getsockname()[1]))
    put("ready", None)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        if sys.argv[1] == "sse":
            receive_sse(sys.argv[2], sys.argv[3])
        elif sys.argv[1] == "webhook":
            asyncio.run(receive_webhook(Path(sys.argv[2])))
        else:
            receive_topic(sys.argv[2])
    except KeyboardInterrupt:
        pass
