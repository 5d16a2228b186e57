from datetime import date
from pathlib import Path

import pytest

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput
from streams.feeds.cursor import Anchor, Cursor


def opened(directory: Path, **changes: object) -> Cursor:
    arguments: dict[str, object] = {
        "seed": 7,
        "run_id": "r1",
        "identity": {"digest": "d"},
        "parameters": {"day": "x"},
    }
    return Cursor.open(directory, "simulated", **{**arguments, **changes})  # type: ignore[arg-type]


def test_a_cursor_outlives_its_process(tmp_path: Path) -> None:
    cursor = opened(tmp_path)
    assert (cursor.index, cursor.ceiling) == (0, 0)
    cursor.save(10, 30)
    again = opened(tmp_path, run_id="r2", parameters={"day": "y"})
    assert (again.index, again.ceiling) == (10, 30)
    assert again.run_id == "r1"
    assert again.parameters == {"day": "x"}, "later runs keep what the first one chose"


@pytest.mark.parametrize("change", [{"seed": 8}, {"identity": {"digest": "e"}}])
def test_another_feed_under_the_same_name_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    opened(tmp_path).save(1, 1)
    with pytest.raises(Conflict):
        opened(tmp_path, **change)


def test_a_broken_cursor_is_not_a_beginning(tmp_path: Path) -> None:
    (tmp_path / "simulated.json").write_bytes(b'{"feed": "simulated"')
    with pytest.raises(CorruptRecord):
        opened(tmp_path)


def test_a_feed_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Cursor.open(tmp_path, "../x", seed=1, run_id="r")


def test_a_cursor_never_goes_back(tmp_path: Path) -> None:
    cursor = opened(tmp_path)
    cursor.save(10, 10)
    with pytest.raises(AssertionError):
        cursor.save(9, 20)


def test_live_time_begins_anew_only_where_nothing_was_sent(tmp_path: Path) -> None:
    cursor = opened(tmp_path)
    assert cursor.anchor(1_000_000, 10.0, from_index=100) == (Anchor(100, 1_000_000, 10.0),)
    cursor.save(150, 190)  # and then it crashed: up to 190 may have been sent
    again = opened(tmp_path)
    assert again.anchor(60_000_000, 20.0, from_index=100) == (
        Anchor(100, 1_000_000, 10.0),
        Anchor(190, 62_000_000, 20.0),  # 40 old ones go first, at 20 a second
    )
    assert opened(tmp_path).anchors == again.anchors


def test_an_anchor_of_which_nothing_was_sent_is_replaced(tmp_path: Path) -> None:
    cursor = opened(tmp_path)
    cursor.anchor(1_000_000, 10.0, from_index=100)
    assert cursor.anchor(2_000_000, 10.0, from_index=100) == (Anchor(100, 2_000_000, 10.0),)
    with pytest.raises(InvalidInput):
        cursor.anchor(1, 0.0)


def test_anchors_and_jumps_are_kept_as_long_as_they_matter(tmp_path: Path) -> None:
    cursor = opened(tmp_path)
    for index in (0, 100, 200, 300):
        cursor.save(index, index)
        cursor.anchor(index, 1.0, keep_from=max(index - 100, 0))
    assert [anchor.index for anchor in cursor.anchors] == [200, 300]
    cursor.jump(2, date(2026, 5, 4))
    assert opened(tmp_path).jumps == ((2, date(2026, 5, 4)),)
