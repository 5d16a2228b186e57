"""The archive and a real log: what was cut off the log's start is read from the archive, to the byte."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from engines.primitives.errors import CorruptRecord, InvalidInput, Rejected
from infra.archive_store import ArchiveStore
from infra.archive_verify import verify
from infra.kafka.admin import log_bounds
from infra.kafka.clients import consumer_config, producer_config
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import archive_prune
from streams.archive import Archiver, Due
from streams.archive_log import KafkaSource
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import TransactionFolder
from streams.partitions import PartitionKeeper
from streams.stored_states import LogReader, Replay
from tests.conftest import Cluster, MakeTopics
from tests.kafka.entries import entries
from tests.projections.entries import HORIZON_DAYS, POLICY
from tests.streams.test_partitions import MemorySink

FOLDER = TransactionFolder(POLICY, HORIZON_DAYS)
TOMORROW = "9999-12-31"


def produce(kafka: Cluster, topic: str, count: int, start: int) -> None:
    """Entries on two partitions, with headers; and an aborted transaction longer than a file of the archive."""
    producer = Producer(producer_config(kafka.settings, kafka.bootstrap))
    for entry in entries(count, start):
        partition = int(entry.customer_id[1:]) % 2
        value = msgspec.json.encode(entry)
        producer.produce(topic, value, b"BANK|x", partition, headers=[("ce_id", entry.txn_id), ("empty", None)])
    assert producer.flush(30) == 0
    config = producer_config(kafka.settings, kafka.bootstrap) | {"transactional.id": f"{topic}-{start}"}
    aborted = Producer(config)
    aborted.init_transactions(10)
    aborted.begin_transaction()
    for number in range(150):
        aborted.produce(topic, b"aborted %d" % number, b"k", 0)
    aborted.flush(30)
    aborted.abort_transaction(10)


def states(replay: Replay, logs: Mapping[tuple[str, int], LogPartition], offsets: Mapping[Any, int]) -> list[bytes]:
    return [state.canonical_bytes() for _, _, state in replay.states(logs, offsets)]


def test_figures_of_the_past_are_the_same_after_the_start_of_the_log_was_cut_off(
    kafka: Cluster, make_topics: MakeTopics, tmp_path: Path
) -> None:
    (topic,) = make_topics("txn", partitions=2, config={"message.timestamp.type": "LogAppendTime"})
    produce(kafka, topic, 400, 0)
    produce(kafka, topic, 400, 400)
    consumer = consumer_config(kafka.settings, kafka.bootstrap)
    source = KafkaSource(kafka.admin, consumer, {topic: 2})
    logs = {(where.topic, where.partition): where for where in source.logs()}
    ends = {place: end for place, (_, end) in source.bounds().items()}
    cuts = [{place: end * share // 7 for place, end in ends.items()} for share in (1, 3, 7)]
    folders, snapshots = {topic: FOLDER}, LocalSnapshotStore(tmp_path / "snapshots")
    whole = Replay(folders, snapshots, consumer)
    before = [states(whole, logs, cut) for cut in cuts]

    store = ArchiveStore(tmp_path / "archive")
    archiver = Archiver(store, source, source.logs, Due(records=100, age_s=0.0))
    archived = archiver.run_once(everything=True)
    source.close()
    reader = LogReader(consumer)
    live = [raw for place in logs for raw in reader.batches(*place, 0, ends[place])]
    assert archived == sum(map(len, live))
    archive = ArchiveReader(store, by_topic(logs))
    stored = [raw for place in logs for raw in archive.batches(*place, 0, archive.bounds(*place)[1])]  # type: ignore[index]
    for name in ("offsets", "appended_us"):
        assert [x for raw in live for x in getattr(raw, name).tolist()] == [
            x for raw in stored for x in getattr(raw, name).tolist()
        ]
    assert [value for raw in live for value in raw.values] == [value for raw in stored for value in raw.values]
    assert verify(store, jobs=1).findings == []

    # One partition's snapshot stands at its end, the other's in the middle of a file: both bound what may go.
    def plan() -> list[archive_prune.Cut]:
        bounds = log_bounds(kafka.admin, [topic])
        return archive_prune.plan(store, snapshots, folders, list(logs.values()), bounds, TOMORROW)

    assert [cut.records for cut in plan()] == [0, 0]  # no snapshot: nothing may go
    for (_, partition), where in logs.items():
        end = ends[topic, partition] if partition else cuts[1][topic, partition]
        ((_, _, state),) = whole.states(logs, {(topic, partition): end})
        epoch = snapshots.claim(where, FOLDER.state_name)
        snapshots.save(
            where,
            FOLDER.state_name,
            epoch=epoch,
            fold_version=FOLDER.fold_version,
            next_offset=end,
            payload=state.dump(),
            base=True,
        )
    planned = plan()
    assert [cut.offset for cut in planned] == [cuts[1][topic, 0], archive.bounds(topic, 1)[1]]  # type: ignore[index]
    path = store.file(store.manifest(logs[topic, 1]).segments[0])  # type: ignore[union-attr]
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(Rejected, match="nothing was deleted"):
        plan()
    path.write_bytes(good)
    assert archive_prune.carry_out(kafka.admin, planned) == sum(cut.offset for cut in planned)
    firsts = {place: first for place, (first, _) in log_bounds(kafka.admin, [topic]).items()}
    assert firsts == {(topic, 0): planned[0].offset, (topic, 1): planned[1].offset}

    empty = LocalSnapshotStore(tmp_path / "no-snapshots")
    with_archive = Replay(folders, empty, consumer, archive)
    assert [states(with_archive, logs, cut) for cut in cuts] == before
    assert [states(Replay(folders, snapshots, consumer, archive), logs, cut) for cut in cuts] == before
    with pytest.raises(InvalidInput, match="the archive nothing"):
        states(Replay(folders, empty, consumer), logs, cuts[0])
    anew = ArchiveReader(store, lambda name, number: LogPartition("c", name, "another-life", number, 2))
    with pytest.raises(InvalidInput, match="the archive nothing"):
        states(Replay(folders, empty, consumer, anew), logs, cuts[0])
    assert [len(raw) > 0 for raw in with_archive.raw(topic, 0, 3)] == [True]

    def keeper(archive: ArchiveReader | None) -> PartitionKeeper:
        def bounds(names: set[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
            return log_bounds(kafka.admin, names)

        where = by_topic(logs)
        return PartitionKeeper(folders, empty, MemorySink(), where, bounds, 0.0, archive=archive)

    with pytest.raises(CorruptRecord, match="TIDEMARK_ARCHIVE"):
        keeper(None).claim({(topic, 0)})
    starting = keeper(archive)
    assert starting.claim({(topic, 0)}) == {(topic, 0): planned[0].offset}
    (expected,) = states(with_archive, logs, {(topic, 0): planned[0].offset})
    assert starting.owned[topic, 0].state.canonical_bytes() == expected
    reader.close()
