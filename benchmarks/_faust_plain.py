"""Contender: faust-streaming as its guide shows it, an agent event by event. Run by throughput.py."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import faust

from benchmarks._plain_fold import PlainFold

BOOTSTRAP, TOPIC, COUNT, DIRECTORY = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
fold = PlainFold(COUNT)
app = faust.App(
    "bench-faust",
    broker=f"kafka://{BOOTSTRAP}",
    store="memory://",
    datadir=DIRECTORY,
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_check_crcs=True,
    broker_max_poll_records=10_000,
    stream_wait_empty=False,
)
topic = app.topic(TOPIC, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")


@app.agent(topic)
async def position(stream: faust.StreamT[bytes]) -> None:
    async for value in stream:
        if not fold.count:
            fold.begin()
        fold.add(value)
        if fold.count == COUNT:
            fold.end()
            fold.report()
            os._exit(0)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN", quiet=True, redirect_stdouts=False).execute_from_commandline()
