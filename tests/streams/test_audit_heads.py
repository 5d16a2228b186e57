"""Signed heads leave the store: to the topic, to a file, to witnesses; and what is refused without them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engines.primitives.errors import Unavailable
from infra.checkpoint import Checkpoint, Vkey
from infra.checkpoint_files import HeadsFile, read_heads
from infra.checkpoint_settings import Witness
from infra.event_store import EventStore, open_event_store
from infra.event_store_heads import WitnessRule
from infra.event_store_verify import Options, verify
from infra.witness import WitnessStore
from infra.witness_server import open_witness, serving
from streams.audit_heads import HeadPublisher
from streams.topics import HEAD
from tests.aggregates.world import Clock
from tests.infra.event_stores import events
from tests.streams.test_audit_publisher import Broker


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path, clock=clock) as opened:
        yield opened


def fill(store: EventStore, first: int, last: int) -> None:
    for version in range(first, last + 1):
        store.recorder.insert_events(events(1, first=version))


def publisher(store: EventStore, send: Broker, path: Path, clock: Clock, **options: object) -> HeadPublisher:
    return HeadPublisher(store, send, HeadsFile(path), clock=clock, holder="one", lease_s=10, **options)  # type: ignore[arg-type]


def test_every_head_goes_out_once_and_in_order(store: EventStore, clock: Clock, tmp_path: Path) -> None:
    broker, path = Broker(), tmp_path / "heads" / "heads.jsonl"
    one = publisher(store, broker, path, clock)
    assert one.run_once() == 0
    fill(store, 1, 3)
    assert one.run_once() == 3
    fill(store, 4, 5)
    assert one.run_once() == 2
    assert one.run_once() == 0
    heads = read_heads(path.read_text(encoding="utf-8"))
    assert [head.size for head in heads] == [1, 2, 3, 4, 5]
    assert [record.topic for record in broker.records] == [HEAD] * 5
    assert path.read_bytes().splitlines() == [record.value for record in broker.records]
    key = Vkey.parse(store.recorder.head_keys()[0])
    assert all(head.is_signed_by(key) for head in heads)
    assert all(head.seal_by(key) is not None for head in heads)


def test_a_repetition_is_the_same_bytes(store: EventStore, clock: Clock, tmp_path: Path) -> None:
    broker, path = Broker(), tmp_path / "heads.jsonl"
    fill(store, 1, 3)
    broker.fails_after = 1
    one = publisher(store, broker, path, clock)
    with pytest.raises(ConnectionError):
        one.run_once()
    with path.open("ab") as file:  # a crash in the middle of a line
        file.write(b'{"origin":"tide')
    assert one.run_once() == 3
    first, second = broker.records[:3], broker.records[3:]
    assert [record.value for record in first] == [record.value for record in second]
    assert [record.headers for record in first] == [record.headers for record in second]
    lines = path.read_bytes().splitlines()
    assert [json.loads(line)["size"] for line in lines[1:]] == [1, 2, 3]
    fill(store, 4, 4)
    assert one.run_once() == 1
    assert HeadsFile(path).last_size() == 4


def test_the_file_shows_a_cut_tail(store: EventStore, clock: Clock, tmp_path: Path) -> None:
    fill(store, 1, 4)
    path = tmp_path / "heads.jsonl"
    publisher(store, Broker(), path, clock).run_once()
    kept = tuple(read_heads(path.read_text(encoding="utf-8")))
    key = Vkey.parse(store.recorder.head_keys()[0])
    with open_event_store("sqlite", tmp_path / "copy", key=store.recorder.head_writer.key, clock=clock) as shorter:
        fill(shorter, 1, 3)
        report = verify(shorter, Options(trusted=(key,), outside=kept, snapshots=False))
        assert any("cut off" in fault.what for fault in report.faults)
        assert report.complete.startswith("no: 1 leaves")


def _witness(tmp_path: Path, store: EventStore, name: str) -> WitnessStore:
    fill(store, 1, 1)
    return open_witness(tmp_path / name, name, [Vkey.parse(store.recorder.head_keys()[0])])


def test_witnesses_cosign_the_newest_head(store: EventStore, clock: Clock, tmp_path: Path) -> None:
    seen = _witness(tmp_path, store, "witness.example")
    with serving(seen, "127.0.0.1", 0) as url:
        one = publisher(store, Broker(), tmp_path / "h", clock, witnesses=[Witness(url, seen.vkey)])
        for last in (4, 9):
            fill(store, last - 2, last)
            one.run_once()
            lines = store.recorder.cosignatures(store.recorder.max_leaf_position())
            assert [line.split()[1] for line in lines] == ["witness.example"]
    head = store.recorder.cosigned_head(1)
    assert head is not None
    assert head.size == store.recorder.max_leaf_position()
    report = verify(store, Options(snapshots=False, witnesses=(seen.vkey,)))
    assert f"cosigned by a witness up to the head of size {head.size}" in report.notes


def test_appends_are_refused_while_witnesses_are_late(clock: Clock, tmp_path: Path) -> None:
    """Fail closed: with witness_required, a head may wait so long, and then nothing more is decided."""
    rule = WitnessRule(required=1, lag_us=60_000_000)
    with open_event_store("sqlite", tmp_path, clock=clock, rule=rule) as store:
        seen = _witness(tmp_path, store, "witness.example")
        clock.now += timedelta(seconds=59)
        fill(store, 2, 2)
        clock.now += timedelta(seconds=2)
        with pytest.raises(Unavailable, match="witnesses"):
            fill(store, 3, 3)
        assert store.recorder.max_leaf_position() == 2  # nothing of it was stored
        with serving(seen, "127.0.0.1", 0) as url:
            witnesses = [Witness(url, seen.vkey)]
            publisher(store, Broker(), tmp_path / "h", clock, witnesses=witnesses, required=1).run_once()
        fill(store, 3, 4)
        assert store.verify_chain().verified == 4


def test_a_witness_that_is_away_stops_nothing_else(store: EventStore, clock: Clock, tmp_path: Path) -> None:
    seen = _witness(tmp_path, store, "witness.example")
    broker = Broker()
    one = publisher(store, broker, tmp_path / "h", clock, witnesses=[Witness("http://127.0.0.1:9", seen.vkey)])
    assert one.run_once() == 1
    assert store.recorder.cosignatures(1) == []
    assert len(broker.records) == 1


def test_a_file_of_heads_or_a_bare_checkpoint_is_read(store: EventStore) -> None:
    fill(store, 1, 2)
    head = store.recorder.last_head()
    assert head is not None
    note = str(head.checkpoint("tidemark/x"))
    assert [one.size for one in read_heads(note)] == [2]
    assert [one.size for one in read_heads(json.dumps({"logs": [{"checkpoint": note}]}))] == [2]
    assert Checkpoint.parse(note).root == head.root
