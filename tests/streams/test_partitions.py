"""The keeper of partitions on a real snapshot store and a sink in memory: crashes anywhere change nothing."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engines.primitives.errors import Conflict, CorruptRecord, TidemarkError
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import topics
from streams.folders import TransactionFolder
from streams.partitions import PartitionKeeper
from streams.raw_batch import RawBatch
from tests.kafka.entries import entries
from tests.projections.entries import APPENDED_US, HORIZON_DAYS, POLICY, encoded

WHERE = LogPartition("cluster", topics.TXN, "topic-id", 0, 1)
AT = (topics.TXN, 0)


class MemorySink:
    """Keeps what was produced; `lose` makes the next flush fail as a dead broker would."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, Any]] = []

    def produce(self, topic: str, partition: Any, key: Any, value: Any, headers: Any = None) -> None:
        self.records.append((topic, key or b"", value))

    def flush(self) -> None:
        return None

    def alerts(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for topic, key, value in self.records:
            if topic == topics.ALERT and key != b"cut":
                alert = msgspec.json.decode(value)
                assert found.setdefault(alert["sequence"], alert["alert_id"]) == alert["alert_id"]
        return found


class Log:
    def __init__(self, count: int, seed: int = 0) -> None:
        self.values = encoded(entries(count, seed))

    def batch(self, start: int, end: int) -> RawBatch:
        end = min(end, len(self.values))
        offsets = np.arange(start, end, dtype=np.int64)
        return RawBatch.of_values(
            start, end, offsets, self.values[start:end], np.full(end - start, APPENDED_US, np.int64)
        )

    def bounds(self, _: set[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
        return {AT: (0, len(self.values))}


def keeper(directory: Path, sink: MemorySink, log: Log) -> PartitionKeeper:
    folder = TransactionFolder(POLICY, HORIZON_DAYS)
    store = LocalSnapshotStore(directory)
    return PartitionKeeper({topics.TXN: folder}, store, sink, lambda _t, _p: WHERE, log.bounds, 0.0)


@pytest.mark.parametrize("seed", range(12))
def test_a_crash_at_any_step_leads_to_the_undisturbed_state(tmp_path: Path, seed: int) -> None:
    choice, log, sink = random.Random(seed), Log(1_500, seed), MemorySink()
    whole = TransactionFolder(POLICY, HORIZON_DAYS).empty()
    undisturbed = TransactionFolder(POLICY, HORIZON_DAYS).absorb(whole, log.batch(0, len(log.values)))
    while True:
        here = keeper(tmp_path, sink, log)
        at = here.claim({AT})[AT]
        owned = here.owned[AT]
        crash_after = choice.randrange(1, 12)
        for _ in range(crash_after):
            if at >= len(log.values):
                break
            batch = log.batch(at, at + choice.randrange(1, 120))
            here.absorb(owned, batch)
            at = batch.to_offset
            if choice.random() < 0.5:
                here.publish(owned)
            if choice.random() < 0.4:
                pending = here.dump(owned)
                if choice.random() < 0.8:
                    here.store(pending)
                else:
                    break  # died between outputs and snapshot
        if at >= len(log.values) and not owned.is_dumped:
            here.store(here.dump(owned))
            break
    found = LocalSnapshotStore(tmp_path).newest(WHERE, "txn")
    assert found is not None
    state = TransactionFolder(POLICY, HORIZON_DAYS).load(found.base, found.deltas)
    assert state.canonical_bytes() == whole.canonical_bytes()
    alerts = sink.alerts()
    assert [alerts[number] for number in range(len(alerts))] == [one.alert_id for one in undisturbed.at_once]


def test_a_zombie_is_refused_once_another_has_claimed(tmp_path: Path) -> None:
    log, sink = Log(200), MemorySink()
    old = keeper(tmp_path, sink, log)
    old.claim({AT})
    old.absorb(old.owned[AT], log.batch(0, 50))
    old.store(old.dump(old.owned[AT]))
    new = keeper(tmp_path, sink, log)
    assert new.claim({AT}) == {AT: 50}
    new.absorb(new.owned[AT], log.batch(50, 150))
    new.store(new.dump(new.owned[AT]))
    old.absorb(old.owned[AT], log.batch(50, 60))
    with pytest.raises(Conflict, match="fenced"):
        old.store(old.dump(old.owned[AT]))
    found = LocalSnapshotStore(tmp_path).newest(WHERE, "txn")
    assert found is not None
    assert found.meta.next_offset == 150


def test_claiming_again_keeps_the_state_in_memory_unless_somebody_was_there_in_between(tmp_path: Path) -> None:
    log, sink = Log(200), MemorySink()
    here = keeper(tmp_path, sink, log)
    here.claim({AT})
    here.absorb(here.owned[AT], log.batch(0, 80))
    assert here.claim({AT}) == {AT: 80}
    other = keeper(tmp_path, sink, log)
    assert other.claim({AT}) == {AT: 0}
    assert here.claim({AT}) == {AT: 0}


def test_one_dump_at_a_time(tmp_path: Path) -> None:
    """Stored in the wrong order, two deltas would make a state that lacks the first."""
    log, sink = Log(200), MemorySink()
    here = keeper(tmp_path, sink, log)
    here.claim({AT})
    here.absorb(here.owned[AT], log.batch(0, 50))
    here.dump(here.owned[AT])
    with pytest.raises(TidemarkError, match="still to be stored"):
        here.dump(here.owned[AT])


def test_a_log_that_lost_records_stops_with_the_remedy(tmp_path: Path) -> None:
    log, sink = Log(200), MemorySink()
    here = keeper(tmp_path, sink, log)
    here.claim({AT})
    here.absorb(here.owned[AT], log.batch(0, 100))
    here.store(here.dump(here.owned[AT]))
    shorter = Log(200)
    shorter.values = shorter.values[:60]
    with pytest.raises(CorruptRecord, match="restore them"):
        keeper(tmp_path, sink, shorter).claim({AT})


def test_a_gap_between_batches_stops_the_partition(tmp_path: Path) -> None:
    log, sink = Log(200), MemorySink()
    here = keeper(tmp_path, sink, log)
    here.claim({AT})
    with pytest.raises(CorruptRecord, match="offsets are missing"):
        here.absorb(here.owned[AT], log.batch(5, 10))
