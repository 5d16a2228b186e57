"""Whole columns and the walk event by event say yes to the same rows; and names that hash alike are told apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.assets import Assets
from infra.event_store import EventStore, open_event_store
from infra.event_store_sound import sound_part
from infra.event_store_verify import decoder, verify
from infra.event_store_walk import Wanted, walk_part
from tests.aggregates.world import Clock
from tests.infra.tampering import filled

LAST = 40
EVENT = ("position", "name", "version", "topic", "state", "recorded_us", "chain", "head")
#: Of the row at position 17, what stands in one column, in place of what the store wrote.
OTHERS: list[tuple[str, Any]] = [
    ("name", str.upper), ("name", lambda name: name[:8] + " " + name[8:]), ("name", lambda name: name + "00"),
    ("name", lambda name: name[:-2]), ("name", lambda _: None), ("name", lambda _: 5),
    ("version", lambda version: version + 1), ("version", lambda _: -1), ("version", str), ("version", float),
    ("topic", lambda topic: topic + "x"), ("topic", str.encode), ("topic", lambda _: None),
    ("state", lambda state: state + b" "), ("state", bytes.decode), ("state", lambda _: b""),
    ("recorded_us", lambda moment: moment + 1), ("recorded_us", lambda _: 1), ("recorded_us", lambda _: None),
    ("chain", lambda chain: chain[:-1] + bytes([chain[-1] ^ 1])), ("chain", lambda chain: chain[:-1]),
    ("chain", lambda _: None), ("head", lambda head: head + b"\0"), ("head", lambda head: head[::-1]),
    ("head", lambda _: "head"),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path_factory.mktemp("store"), clock=Clock()) as opened:
        filled(opened)
        yield opened


@pytest.mark.parametrize("start", [1, 2, 30])
def test_what_holds_is_the_same_part_either_way(store: EventStore, start: int) -> None:
    wanted = Wanted(start - 1, start, LAST, (3,))
    found = sound_part(store.recorder, wanted)
    assert found is not None
    assets = Assets(store.factory)
    assert found[0] == walk_part(store.recorder, wanted, decoder(assets))
    assert found[0].events == LAST - start + 1
    assert {sample.topic for sample in found[1].values()} == {shape[0] for shape in found[1]}
    assets.close()


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_what_does_not_hold_is_left_to_the_walk(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    column, change = OTHERS[number]
    rows = [list(row) for row in store.recorder.select_log(1, LAST)]
    at = EVENT.index(column)
    rows[16][at] = change(rows[16][at])
    monkeypatch.setattr(store.recorder, "select_log", lambda start, stop: [tuple(row) for row in rows])
    wanted = Wanted(0, 1, LAST)
    assert sound_part(store.recorder, wanted) is None
    assets = Assets(store.factory)
    assert 17 in [one.position for one in walk_part(store.recorder, wanted, decoder(assets)).faults[:1]]
    assets.close()


@pytest.mark.parametrize("states", [(b'{"a":1', b'"b":2}'), (b'{"a":1}\n{"a":2}', b"")])
def test_a_state_does_not_end_in_the_next_ones_line(states: tuple[bytes, bytes]) -> None:
    from infra.event_store_sound import _Doubt, _shapes

    with pytest.raises((_Doubt, ValueError, IndexError)):
        _shapes(["kind", "kind"], states)


def test_shapes_are_told_by_topic_and_names() -> None:
    from infra.event_store_sound import _shapes

    states = [b'{"a":1,"b":[2]}', b'{"a":3,"b":4}', b'{"a":1}', b'{"a":2,"b":3}', b'{"a":1,"c":"d"}']
    assert _shapes(["x", "x", "x", "y", "x"], states) == {
        ("x", "a", "b"): 0, ("x", "a"): 2, ("y", "a", "b"): 3, ("x", "a", "c"): 4,
    }  # fmt: skip


def test_an_id_in_other_digits_of_the_same_bytes_is_found(tmp_path: Path) -> None:
    import sqlite3

    with open_event_store("sqlite", tmp_path, clock=Clock()) as opened:
        filled(opened)
        assert verify(opened).ok
        with sqlite3.connect(tmp_path / "events.db") as database:
            database.execute("UPDATE stored_events SET originator_id = upper(originator_id) WHERE rowid = 20")
        report = verify(opened)
    assert report.faults[0].position == 20
    assert "cannot be read" in report.faults[0].what
