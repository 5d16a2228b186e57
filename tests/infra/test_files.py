import os
from pathlib import Path

import pytest

from engines.primitives.errors import NotFound, Unavailable
from infra.files import read_bytes, read_bytes_or_none, write_atomically


def test_a_written_file_is_read_back_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "cursor.json"
    write_atomically(path, b"first, and longer")
    write_atomically(path, b"second")
    assert read_bytes(path) == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["cursor.json"]


def test_a_missing_file_is_none_or_named(tmp_path: Path) -> None:
    assert read_bytes_or_none(tmp_path / "absent") is None
    with pytest.raises(NotFound, match="absent"):
        read_bytes(tmp_path / "absent")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "cursor.json"
    path.mkdir()  # a directory cannot be replaced by a file
    (path / "inside").write_bytes(b"old")
    with pytest.raises(Unavailable, match="cannot write"):
        write_atomically(path, b"new")
    assert (path / "inside").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["cursor.json"]


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot read"):
        read_bytes_or_none(tmp_path)
