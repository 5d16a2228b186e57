"""Signed heads of the store: what an append writes, what it refuses to build on, taking over, rotating the key."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.ports import CommandRecord
from engines.primitives.errors import InvalidInput, Unavailable
from infra import merkle
from infra.checkpoint import Checkpoint, Vkey
from infra.checkpoint_keys import KEY_FILE, HeadKey
from infra.checkpoint_rotation import rotate
from infra.event_store import EventStore, open_event_store
from infra.event_store_chain import GENESIS
from infra.event_store_heads import NO_HEAD, CommandRow, leaf_data, seal_after
from infra.event_store_verify import Options, verify
from tests.aggregates.world import Clock
from tests.infra.event_stores import events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path, clock=Clock()) as opened:
        yield opened


def reopened(folder: Path) -> EventStore:
    return open_event_store("sqlite", folder, clock=Clock())


def sql(folder: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(folder / "events.db", isolation_level=None)
    connection.execute(statement, values)
    connection.close()


def head_faults(store: EventStore, **options: Any) -> list[str]:
    """Faults of heads; the events of these tests are no real ones."""
    own = [fault.what for fault in verify(store, Options(snapshots=False, **options)).faults]
    return [what for what in own if "decoded" not in what]


def test_an_append_signs_the_root_of_everything_so_far(store: EventStore) -> None:
    recorder = store.recorder
    recorder.insert_events(events(3), command=CommandRecord("c1", b"digest"))
    recorder.insert_events(events(2, first=4))
    first, second = recorder.select_heads(1, 5)
    hashes = [merkle.leaf_hash(leaf_data(leaf)) for leaf in recorder.select_leaves(1, 5)]
    assert (first.size, first.root, first.position) == (3, merkle.root(hashes[:3]), 3)
    assert (second.size, second.root, second.position) == (5, merkle.root(hashes), 5)
    assert first.seal == seal_after(NO_HEAD, 3, 3, first.root, [CommandRow("c1", b"digest", 1, 3)])
    assert second.seal == seal_after(first, 5, 5, second.root, [])
    key = Vkey.parse(recorder.head_keys()[0])
    assert first.verifies(key)
    assert second.verifies(key)
    note = Checkpoint.parse(str(second.checkpoint(key.name)))
    assert note.is_signed_by(key)
    assert note.seal_by(key) == second.seal
    assert note.origin == key.name


def test_the_key_file_is_private_and_needed(store: EventStore, tmp_path: Path) -> None:
    store.recorder.insert_events(events(1))
    path = tmp_path / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_suffix(".vkey").read_text() == store.recorder.head_keys()[0] + "\n"
    path.chmod(0o640)
    with reopened(tmp_path) as again, pytest.raises(Unavailable, match="read by others"):
        again.recorder.insert_events(events(1, first=2))
    path.chmod(0o600)
    path.write_bytes(b"no key")
    with reopened(tmp_path) as again, pytest.raises(Unavailable, match="private key"):
        again.recorder.insert_events(events(1, first=2))
    with reopened(tmp_path) as again:
        assert again.recorder.max_leaf_position() == 1  # nothing was stored without a signature


def test_another_hosts_key_signs_nothing_here(store: EventStore, tmp_path: Path) -> None:
    store.recorder.insert_events(events(1))
    other = HeadKey(tmp_path / "other" / "key.pem")
    with open_event_store("sqlite", tmp_path, key=other) as again, pytest.raises(Unavailable, match="another key"):
        again.recorder.insert_events(events(1, first=2))
    renamed = HeadKey(tmp_path / KEY_FILE, "bank.example/log")
    with open_event_store("sqlite", tmp_path, key=renamed) as again, pytest.raises(Unavailable, match="origin"):
        again.recorder.insert_events(events(1, first=2))
    with pytest.raises(InvalidInput):
        HeadKey(tmp_path / KEY_FILE, "two words")


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE tidemark_frontier SET peaks = zeroblob(32)",
        "UPDATE tidemark_head SET root = zeroblob(32)",
        "UPDATE tidemark_head SET signatures = zeroblob(168)",
        "DELETE FROM tidemark_head",
        "DELETE FROM tidemark_head_key",
        "DELETE FROM tidemark_frontier",
    ],
)
def test_nothing_is_signed_on_top_of_what_was_tampered_with(
    store: EventStore, tmp_path: Path, tampering: str
) -> None:
    """Else whoever writes the database would have the key's owner sign a rewritten history."""
    store.recorder.insert_events(events(4))
    sql(tmp_path, tampering)
    with reopened(tmp_path) as again, pytest.raises(Unavailable):
        again.recorder.insert_events(events(1, first=5))
    with reopened(tmp_path) as again:
        assert again.recorder.max_leaf_position() == 4


def test_two_processes_take_turns(store: EventStore, tmp_path: Path) -> None:
    with reopened(tmp_path) as other:
        for version in range(1, 9):
            (store if version % 2 else other).recorder.insert_events(events(1, first=version))
    assert head_faults(store, every_signature=True) == []


def test_a_store_from_before_heads_is_taken_over(store: EventStore, tmp_path: Path) -> None:
    store.recorder.insert_events(events(3), command=CommandRecord("old-b", b"1"))
    store.recorder.insert_events(events(2, first=4), command=CommandRecord("old-a", b"2"))
    for table in ("head", "head_key", "frontier", "cosignature"):
        sql(tmp_path, f"DROP TABLE tidemark_{table}")
    for path in (tmp_path / "audit").iterdir():
        path.unlink()
    with reopened(tmp_path) as again:
        report = verify(again, Options(snapshots=False))
        assert any("no head is signed yet" in note for note in report.notes)
        again.recorder.insert_events(events(1, first=6), command=CommandRecord("new", b"3"))
        assert [head.size for head in again.recorder.select_heads(1, 9)] == [6]
        assert head_faults(again) == []
        sql(tmp_path, "UPDATE tidemark_command SET digest = x'00' WHERE cmd_id = 'old-a'")
        assert "seal" in head_faults(again)[0]


def test_a_new_key_is_vouched_for_by_the_old_one(store: EventStore, tmp_path: Path) -> None:
    recorder = store.recorder
    recorder.insert_events(events(2))
    old = Vkey.parse(recorder.head_keys()[0])
    told = rotate(recorder, HeadKey(tmp_path / KEY_FILE))
    new = Vkey.parse(told["vkey"])
    assert (new.name, told["size"]) == (old.name, 2)
    assert new.key != old.key
    recorder.insert_events(events(2, first=3))  # the running process takes the new file
    head = recorder.last_head()
    assert head is not None
    assert head.verifies(new)
    assert not head.verifies(old)
    for trusted in (old, new):  # whoever knows either key can follow
        assert head_faults(store, trusted=(trusted,), every_signature=trusted == old) == []
    stranger = HeadKey(tmp_path / "x" / "key.pem", old.name).vkey()
    assert "no trusted key" in head_faults(store, trusted=(stranger,))[0]
    assert Path(told["old_file"]).exists()
    rotate(recorder, HeadKey(tmp_path / KEY_FILE))
    recorder.insert_events(events(1, first=5))
    assert head_faults(store, trusted=(old,)) == []


def test_a_range_and_many_parts_verify_alike(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import infra.event_store_verify as verifying
    import infra.event_store_walk as walking

    for first in range(1, 90, 3):
        store.recorder.insert_events(events(3, first=first))
    whole = verify(store, Options(snapshots=False))
    for module in (verifying, walking):
        monkeypatch.setattr(module, "PART_LEAVES", 8)
    parts = verify(store, Options(snapshots=False))
    assert (parts.root, parts.size, parts.heads, parts.events) == (whole.root, 90, 30, 90)
    assert head_faults(store) == []
    monkeypatch.setattr(verifying, "PARALLEL_LEAVES", 0)
    told: list[tuple[int, int]] = []
    by_processes = verify(store, Options(snapshots=False, jobs=2), lambda *step: told.append(step))
    assert by_processes == parts
    assert told[-1][0] == 90
    assert len(told) == 12
    monkeypatch.setattr(verifying, "PARALLEL_LEAVES", 1 << 30)
    sql(tmp_path, "UPDATE stored_events SET state = x'00' WHERE rowid = 50")
    assert [one.position for one in verify(store, Options(start=40, stop=60)).faults if "chain" in one.what] == [50]
    assert not [one for one in verify(store, Options(start=60)).faults if "chain" in one.what]
    kept = store.recorder.select_heads(33, 33)[0].checkpoint(store.recorder.head_keys()[0].partition("+")[0])
    assert not [what for what in head_faults(store, outside=(kept,)) if "head" in what and "given" in what]


def test_an_empty_store_verifies(store: EventStore) -> None:
    report = verify(store)
    assert (report.ok, report.size, report.root) == (True, 0, b"")
    assert report.complete == "unknown beyond head 0"
    assert bytes(32) == GENESIS
