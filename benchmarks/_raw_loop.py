"""Contender: a bare confluent-kafka loop; `consume` only reads, `decode` reads and decodes, `fold` adds the dicts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks._plain_fold import DECODER, PlainFold

BOOTSTRAP, TOPIC, COUNT, MODE = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
consumer = Consumer(
    {
        "bootstrap.servers": BOOTSTRAP,
        "group.id": "bench-raw",
        "enable.auto.commit": False,
        "check.crcs": True,
        "isolation.level": "read_committed",
        "fetch.queue.backoff.ms": 20,
        "queued.min.messages": 500_000,
        "max.partition.fetch.bytes": 4 * 1024 * 1024,
    }
)
partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in partitions])
fold = PlainFold(COUNT)
total = 0
while total < COUNT:
    messages = consumer.consume(10_000, timeout=1.0)
    if messages and not fold.started:
        fold.begin()
    if MODE == "decode":
        for message in messages:
            DECODER.decode(message.value() or b"")
    elif MODE == "fold":
        for message in messages:
            fold.add(message.value() or b"")
    total += len(messages)
fold.end()
fold.count = total
fold.report()
consumer.close()
