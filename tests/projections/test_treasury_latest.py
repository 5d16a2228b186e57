"""The latest record of each key: whatever the batches, whatever is repeated, one state to the byte."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import CorruptRecord
from projections.treasury_latest import LatestRecordsState

RECORDS = st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=2)), max_size=20)


def fold(state: LatestRecordsState, log: list[tuple[str, bytes]], start: int, end: int) -> LatestRecordsState:
    records = [((key,), record) for key, record in log[start:end]]
    state.fold(np.arange(start, end, dtype=np.int64), records, start, end)
    return state


@given(RECORDS, st.data())
def test_any_cut_and_any_repetition_end_in_the_same_bytes(log: list[tuple[str, bytes]], data: st.DataObject) -> None:
    whole = fold(LatestRecordsState(), log, 0, len(log))
    at = data.draw(st.integers(0, len(log)))
    again = data.draw(st.integers(0, at))
    parts = fold(fold(LatestRecordsState(), log, 0, at), log, again, len(log))
    assert parts.canonical_bytes() == whole.canonical_bytes()
    assert [record for _, record in sorted({(key,): record for key, record in log}.items())] == whole.records()


@given(RECORDS, st.data())
def test_a_dump_and_its_deltas_are_the_state(log: list[tuple[str, bytes]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log)))
    state = fold(LatestRecordsState(), log, 0, at)
    restored = LatestRecordsState.load(state.dump())
    fold(state, log, at, len(log))
    restored.apply_delta(state.dump_delta())
    assert restored.canonical_bytes() == state.canonical_bytes()


def test_only_what_changed_is_told_once() -> None:
    state = fold(LatestRecordsState(), [("a", b"1"), ("b", b"2"), ("a", b"3")], 0, 3)
    assert state.take_changed() == [b"3", b"2"]
    fold(state, [("a", b"1"), ("b", b"2"), ("a", b"3"), ("b", b"2")], 3, 4)
    assert state.take_changed() == []


def test_missing_records_and_broken_dumps_stop_it() -> None:
    with pytest.raises(CorruptRecord):
        fold(LatestRecordsState(), [("a", b"1")] * 3, 1, 3)
    with pytest.raises(CorruptRecord):
        LatestRecordsState.load(b"\xc1")
