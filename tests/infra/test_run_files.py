"""A process's file in `run/` lives as long as the process."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from infra.run_files import forget_dead, own_process_file, process_file


@pytest.fixture
def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def test_it_goes_with_an_orderly_end_and_with_an_error(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with own_process_file(run, "worker") as path:
        run.mkdir()
        path.write_bytes(b"{}")
        assert path.name == f"worker-{os.getpid()}.json"
    assert not path.exists()
    with suppress(RuntimeError), own_process_file(run, "worker") as path:
        path.write_bytes(b"{}")
        raise RuntimeError
    assert not path.exists()
    with own_process_file(run, "worker"):
        pass  # one that failed before it wrote


def test_leftovers_go_at_the_next_start_and_the_living_stay(tmp_path: Path, dead_pid: int) -> None:
    left, living = process_file(tmp_path, "worker", dead_pid), process_file(tmp_path, "worker", os.getppid())
    others = [tmp_path / name for name in ("api.json", f"core-{dead_pid}.json", "worker-x.json", "worker-1.pid")]
    for path in (left, living, *others):
        path.write_bytes(b"{}")
    with own_process_file(tmp_path, "worker") as own:
        own.write_bytes(b"{}")
        assert sorted(tmp_path.iterdir()) == sorted([living, own, *others])
    assert sorted(tmp_path.iterdir()) == sorted([living, *others])


def test_forgetting_names_what_it_removed(tmp_path: Path, dead_pid: int) -> None:
    left = process_file(tmp_path, "worker", dead_pid)
    left.write_bytes(b"{}")
    impossible = process_file(tmp_path, "worker", 10**30)
    impossible.write_bytes(b"{}")
    assert forget_dead(tmp_path, "worker") == sorted([left, impossible])
    assert forget_dead(tmp_path, "worker") == []
    assert forget_dead(tmp_path / "absent", "worker") == []
