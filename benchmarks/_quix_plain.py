"""Contender: Quix Streams in its fastest honest form: raw bytes, msgspec, no state store, no changelog.

Run by throughput.py with the Python of .venv-bench.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import quixstreams
from _plain_fold import PlainFold

BOOTSTRAP, TOPIC, COUNT, DIRECTORY = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
fold = PlainFold(COUNT)
app = quixstreams.Application(
    broker_address=BOOTSTRAP,
    consumer_group="bench-quix",
    auto_offset_reset="earliest",
    auto_create_topics=False,
    use_changelog_topics=False,
    state_dir=DIRECTORY,
    loglevel="ERROR",
    consumer_extra_config={"check.crcs": True, "fetch.queue.backoff.ms": 20, "isolation.level": "read_committed"},
)


def absorb(value: bytes) -> None:
    if not fold.count:
        fold.begin()
    fold.add(value)
    if fold.count == COUNT:
        fold.end()
        fold.report(version=version("quixstreams"))
        os._exit(0)


app.dataframe(app.topic(TOPIC, value_deserializer="bytes", key_deserializer="bytes")).update(absorb)
app.run()
