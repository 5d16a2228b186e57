"""The files in `run/` by which a process on this host tells the others where it is, such as `worker-4711.json`.

A file named for a process goes with it: on an orderly stop its owner removes it, and what a killed process left
is removed by the next one that starts. Not for the addresses that have one name for ever (`api.json`,
`kafka.json`): the next process of that kind replaces them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"(?P<kind>[a-z]+)-(?P<pid>[1-9][0-9]*)\.json")


def process_file(run_dir: Path, kind: str, pid: int) -> Path:
    """Where process `pid` of a kind (lower-case letters) writes what it has to tell."""
    return run_dir / f"{kind}-{pid}.json"


@contextmanager
def own_process_file(run_dir: Path, kind: str) -> Iterator[Path]:
    """This process's file, to be written inside the block; removed at its end. Leftovers go first."""
    forget_dead(run_dir, kind)
    path = process_file(run_dir, kind, os.getpid())
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def forget_dead(run_dir: Path, kind: str) -> list[Path]:
    """Remove the files of processes of a kind that run no more on this host; which those were, sorted."""
    dead = []
    for path in sorted(run_dir.glob(f"{kind}-*.json")):
        name = _NAME.fullmatch(path.name)
        if name is not None and name["kind"] == kind and not _runs(int(name["pid"])):
            path.unlink(missing_ok=True)  # another process that starts may have been first
            dead.append(path)
    return dead


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # asks only
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True  # another user's
    return True
