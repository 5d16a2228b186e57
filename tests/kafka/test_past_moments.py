"""Past moments on a real broker: what an instant is; that the fast reader and the plain one make the same state."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer

from engines.primitives.errors import InvalidInput
from infra.kafka.clients import consumer_config, producer_config
from infra.policies import load_policy
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.large_flow_policy import LargeFlowPolicy
from projections.transactions import TransactionState
from streams import past_batches, topics
from streams.change_reader import offsets_from_kafka
from streams.figure_digests import figure_digest
from streams.folders import Folder, TransactionFolder
from streams.past_batches import BatchReplay, walked
from streams.past_figures import show_state
from streams.past_views import Moment, NoSnapshots, PastReader
from streams.raw_batch import RawBatch
from streams.stored_states import LogReader
from streams.views import RiskView
from tests.conftest import Cluster, MakeTopics
from tests.kafka.bank import send
from tests.kafka.entries import entries

pytestmark = pytest.mark.kafka

BY = ("entity", "organisation", "currency")
COUNT = 6_000


def rows_digest(view: RiskView) -> str:
    """Of positions, which is what this log has."""
    rows = [
        {"members": list(row.members), "settled": row.settled_minor, "in": row.pending_in_minor}
        for row in view.positions(BY, view.as_of(None), {})
    ]
    assert rows
    return figure_digest(None, {"rows": rows})


class Log:
    """A topic of one partition with messy entries, and the folder that takes it for the entries of the bank."""

    def __init__(self, kafka: Cluster, name: str) -> None:
        self.kafka, self.name = kafka, name
        self.config = consumer_config(kafka.settings, kafka.bootstrap)
        self.producer = Producer(producer_config(kafka.settings, kafka.bootstrap))
        self.folder: Folder = TransactionFolder(LargeFlowPolicy.parse(load_policy("large_flow")), 45)
        self.where = LogPartition("cluster", name, "topic", 0, 1)
        self.end = 0

    def all(self) -> dict[tuple[str, int], LogPartition]:
        return {(self.name, 0): self.where}

    def feed(self, count: int) -> None:
        for entry in entries(count, self.end):
            send(self.producer, self.name, b"k", msgspec.json.encode(entry))
            self.end += 1
        assert self.producer.flush(60) == 0

    def batches(self, start: int, end: int) -> list[RawBatch]:
        reader = LogReader(self.config)
        try:
            return list(reader.batches(self.name, 0, start, end))
        finally:
            reader.close()

    def state(self, batches: list[RawBatch]) -> TransactionState:
        state = self.folder.empty()
        for raw in batches:
            self.folder.absorb(state, raw)
        assert isinstance(state, TransactionState)
        return state

    def reader(self, store: LocalSnapshotStore) -> PastReader:
        replay = BatchReplay({self.name: self.folder}, store, self.config)
        unaided = BatchReplay({self.name: self.folder}, NoSnapshots(), self.config)
        return PastReader(replay, self, offsets_from_kafka(self.config), unaided)


@pytest.fixture
def log(kafka: Cluster, make_topics: MakeTopics) -> Log:
    (name,) = make_topics("entries", config=topics.INBOUND)
    return Log(kafka, name)


def test_a_past_moment_is_reproduced_whatever_reads_it(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.feed(COUNT)
    monkeypatch.setattr(past_batches, "FEW", 500)
    store = LocalSnapshotStore(tmp_path)
    past, rng = log.reader(store), random.Random(11)

    # What was shown at ends of ticks, with a snapshot now and then.
    live, state = RiskView(), log.folder.empty()
    shown: list[tuple[int, str]] = []
    epoch = store.claim(log.where, log.folder.state_name)
    for raw in log.batches(0, log.end):
        log.folder.absorb(state, raw)
        show_state(live, log.folder, log.where, state)
        shown.append((raw.to_offset, rows_digest(live)))
        if rng.random() < 0.5:
            store.save(
                log.where, log.folder.state_name, epoch=epoch, fold_version=log.folder.fold_version,
                next_offset=state.next_offset, payload=state.dump(), base=True,
            )  # fmt: skip
    for offset, digest in shown:
        for from_start in (False, True):
            view, _ = past.view(Moment({f"{log.name}/0": offset}), from_start=from_start)
            assert rows_digest(view) == digest

    # Both readers give the same records of any range, and so the same state to the byte.
    for _ in range(3):
        end = rng.randrange(1, log.end)
        start = rng.randrange(end)
        fast, plain = list(walked(log.config, log.name, 0, start, end)), log.batches(start, end)
        assert [value for raw in fast for value in raw.values] == [value for raw in plain for value in raw.values]
        assert (fast[0].from_offset, fast[-1].to_offset) == (start, end)
        assert all(one.to_offset == two.from_offset for one, two in pairwise(fast))
    whole = list(walked(log.config, log.name, 0, 0, log.end))
    assert log.state(whole).canonical_bytes() == log.state(log.batches(0, log.end)).canonical_bytes()

    # An instant is the records before it, by the broker's clock.
    times = np.concatenate([raw.appended_us for raw in whole])
    middle = int(times[log.end // 2])
    at = past.vector_at(datetime.fromtimestamp(middle / 1e6, UTC), [log.name])
    assert at == {f"{log.name}/0": int((times < middle).sum())}
    assert past.vector_at(datetime(1990, 1, 1, tzinfo=UTC), [log.name]) == {f"{log.name}/0": 0}
    assert past.vector_at(datetime(2100, 1, 1, tzinfo=UTC), [log.name]) == {f"{log.name}/0": log.end}

    with pytest.raises(InvalidInput, match="holds"):
        past.view(Moment({f"{log.name}/0": log.end + 1}))
    for raw in walked(log.config, log.name, 0, 0, log.end):
        assert len(raw)
        break  # whoever leaves early waits for nothing
