"""Finds an entry by its id: the log is read backwards and its letters are searched, since no index of ids is kept.

A compiled search of bytes over what Kafka gives; each hit is then read. Not for many ids at once.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from engines.primitives.errors import NotFound
from streams.ratio_movements import Batches
from streams.raw_batch import RawBatch
from streams.topics import TXN

CHUNK = 50_000
SEARCHED_MAX = 5_000_000

Place = tuple[str, int, int]


def entries_of(
    batches: Batches, ends: Mapping[str, int], txn_id: str, *, searched_max: int = SEARCHED_MAX
) -> list[Place]:
    """Every place of the newest `searched_max` entries that holds this id, rising: an entry and its later statuses.

    Args:
        ends: {"topic/partition": next offset} of the logs; others than entries are passed over.
    Raises NotFound: none of those searched has it; its facts say how many were.
    """
    letters = msgspec.json.encode(txn_id)
    found: list[Place] = []
    searched = 0
    left = {place: end for place, end in ends.items() if place.rpartition("/")[0] == TXN and end}
    while left and searched < searched_max:
        for place in sorted(left):  # the newest of every partition, then those before
            topic, _, partition = place.rpartition("/")
            start = max(0, left[place] - CHUNK)
            for raw in batches(topic, int(partition), start, left[place]):
                found += [(topic, int(partition), offset) for offset in _hits(raw, letters, txn_id)]
                searched += len(raw)
            left[place] = start
        left = {place: end for place, end in left.items() if end}
        if found:
            return sorted(found)
    if not found:
        raise NotFound(f"no entry {txn_id!r:.80} among the newest {searched}", field="txn", searched=searched)
    return sorted(found)


def _hits(raw: RawBatch, letters: bytes, txn_id: str) -> list[int]:
    hay, at, rows = raw.letters.tobytes(), 0, set[int]()
    while (at := hay.find(letters, at)) >= 0:
        rows.add(int(np.searchsorted(raw.starts, at, "right")) - 1)
        at += len(letters)
    return [int(raw.offsets[row]) for row in sorted(rows) if row >= 0 and _is(raw.value(row), txn_id)]


def _is(value: bytes | None, txn_id: str) -> bool:
    try:
        return bool(msgspec.json.decode(value or b"").get("txn_id") == txn_id)
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError):
        return False
