"""Old snapshots stay ever further apart, within their bound, and are found again; what is damaged is not served."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.snapshots import LocalSnapshotStore, LogPartition
from infra.snapshots_history import LADDER, Held, History, Rung, chosen, listing, path

LOG = LogPartition("cluster", "tm.in.core.txn.v1", "topic", 0, 1)
MINUTE, HOUR, DAY = 60, 3_600, 86_400
TIMES = st.lists(st.integers(0, 90 * DAY), min_size=1, max_size=60)


def kept(times: list[int], size: int = 1, bytes_max: int = 10**9) -> list[int]:
    held = [Held(float(time), size) for time in times]
    return sorted(times[place] for place in chosen(held, LADDER, bytes_max))


def test_every_ten_minutes_then_every_hour_then_every_day() -> None:
    found = kept(list(range(0, 60 * DAY, 5 * MINUTE)))
    now = found[-1]
    last_day = [time for time in found if now - time < DAY - HOUR]
    last_month = [time for time in found if DAY + HOUR < now - time < 31 * DAY - HOUR]
    before = [time for time in found if now - time > 32 * DAY]
    assert {later - time for time, later in pairwise(last_day[:-1])} == {10 * MINUTE}
    assert {later - time for time, later in pairwise(last_month)} == {HOUR}
    assert {later - time for time, later in pairwise(before)} == {DAY}


@given(TIMES)
def test_any_moment_is_near_one_and_the_newest_stays(times: list[int]) -> None:
    found = kept(times)
    now = max(times)
    assert found[-1] == now
    for time in times:
        spacing = next(rung.spacing_s for rung in LADDER if now - time <= rung.age_s)
        assert any(0 <= time - one < spacing for one in found)


@given(TIMES, st.integers(0, 90 * DAY))
def test_thinning_again_takes_nothing_and_later_thinning_is_the_same_as_at_once(times: list[int], pause: int) -> None:
    first = kept(times)
    assert kept(first) == first
    later = max(times) + pause
    assert set(kept([*first, later])) <= set(kept([*times, later])) | {max(times)}


@given(TIMES, st.integers(1, 30))
def test_within_its_bound_whatever_comes(times: list[int], room: int) -> None:
    found = kept(times, size=10, bytes_max=10 * room)
    assert len(found) <= max(room, 1)
    assert found[-1] == max(times)


def test_where_room_is_short_the_ends_stay_and_the_middle_is_spread() -> None:
    found = kept([day * DAY for day in range(100)], size=1, bytes_max=10)
    assert len(found) == 10
    gaps = [later - time for time, later in pairwise(found)]
    assert gaps[0] >= gaps[-1]  # the older, the further apart


def store_with(directory: Path, offsets: range, history: History) -> LocalSnapshotStore:
    """Bases an hour apart by the clock of the files."""
    store = LocalSnapshotStore(directory, history)
    epoch = store.claim(LOG, "txn")
    for offset in offsets:
        save(store, epoch, offset)
        (newest,) = [file for file in directory.rglob("*.base") if f"{offset:020d}" in file.name]
        os.utime(newest, (offset * HOUR, offset * HOUR))
        store.prune(LOG, "txn")
    return store


def save(store: LocalSnapshotStore, epoch: int, offset: int) -> None:
    payload = str(offset).encode()
    store.save(LOG, "txn", epoch=epoch, fold_version=1, next_offset=offset, payload=payload, base=True)


def test_a_past_offset_is_answered_by_what_was_pruned(tmp_path: Path) -> None:
    store = store_with(tmp_path, range(1, 21), History())
    for offset in range(1, 21):
        found = store.newest_at_or_below(LOG, "txn", offset)
        assert found is not None
        assert (found.meta.next_offset, found.base, found.deltas) == (offset, str(offset).encode(), ())
    assert store.newest_at_or_below(LOG, "txn", 0) is None


def test_which_state_a_worker_goes_on_from_is_decided_without_history(tmp_path: Path) -> None:
    store_with(tmp_path, range(1, 6), History())
    for file in tmp_path.rglob("*.base"):
        if "history" not in file.parts:
            file.unlink()
    again = LocalSnapshotStore(tmp_path)
    assert again.newest(LOG, "txn") is None
    old = again.newest_at_or_below(LOG, "txn", 9)
    assert old is not None
    assert old.meta.next_offset == 3


def test_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    store = store_with(tmp_path, range(1, 9), History())
    (folder,) = {file.parents[2] for file in tmp_path.rglob("history/*/*.base")}
    hit = next(name for name in listing(folder) if name.next_offset == 4)
    file = path(folder, hit)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
    found = store.newest_at_or_below(LOG, "txn", 4)
    assert found is not None
    assert found.meta.next_offset == 3


def test_no_ladder_keeps_nothing(tmp_path: Path) -> None:
    store = store_with(tmp_path, range(1, 6), History(ladder=()))
    assert not list(tmp_path.rglob("history"))
    assert store.newest_at_or_below(LOG, "txn", 3) is None


def test_each_rung_is_a_multiple_of_the_one_before() -> None:
    assert all(later.spacing_s % rung.spacing_s == 0 for rung, later in pairwise(LADDER))
    assert [rung.age_s for rung in LADDER] == sorted(rung.age_s for rung in LADDER)
    assert isinstance(LADDER[0], Rung)


@pytest.mark.parametrize("state", ["txn", "contract"])
def test_states_have_histories_of_their_own(tmp_path: Path, state: str) -> None:
    store_with(tmp_path, range(1, 6), History())
    found = LocalSnapshotStore(tmp_path).newest_at_or_below(LOG, state, 2)
    assert (found is not None) == (state == "txn")
