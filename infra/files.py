"""The few ways in which the house touches small files: read them whole, replace them atomically.

For cursors, ports and the source files of a feed. Not for snapshots, whose store has its own rules (decision
S19), nor for secrets, which need a mode of their own from the first byte.
"""

import os
import tempfile
from pathlib import Path

from engines.primitives.errors import NotFound, Unavailable


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: after a crash the file holds all of the old or all of the new bytes.

    The directory is created where it is missing. Both the file and its directory are synced, since a rename
    alone may reach the disk before the bytes it points at. Raises Unavailable where the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}", path=str(path)) from error


def read_bytes_or_none(path: Path) -> bytes | None:
    """The whole file, or None where there is none. Raises Unavailable where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}", path=str(path)) from error


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises NotFound where there is none, Unavailable where it cannot be read."""
    data = read_bytes_or_none(path)
    if data is None:
        raise NotFound(f"{path} does not exist", path=str(path))
    return data
