"""Signed heads as kept outside the store: a file that only grows, one JSON object a line, and reading them back.

A line is `{"checkpoint": NOTE, "position": N, "recorded_at": INSTANT}`, the same as on the topic of heads. Whoever
keeps a copy of the newest line elsewhere can tell later whether the log still is the same one (decision E7).
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.primitives.errors import InvalidInput, Unavailable
from infra.checkpoint import Checkpoint

READ_BYTES_MAX = 256 * 1024 * 1024
_TAIL = 128 * 1024  # holds the last line


def read_heads(text: str) -> list[Checkpoint]:
    """All heads of a file of heads, of a bare checkpoint, or of a proof. Raises InvalidInput: there is none."""
    if not text.lstrip().startswith("{"):
        return [Checkpoint.parse(text)]
    found = []
    try:
        try:
            documents = [json.loads(text)]
        except ValueError:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
        for document in documents:
            found += [Checkpoint.parse(note) for note in _notes(document)]
    except (ValueError, TypeError) as error:
        raise InvalidInput("neither a checkpoint nor JSON lines with checkpoints", field="head") from error
    if not found:
        raise InvalidInput("no checkpoint in it", field="head")
    return found


def _notes(document: Any) -> Iterable[str]:
    if isinstance(document, dict):
        if isinstance(document.get("checkpoint"), str):
            yield document["checkpoint"]
        for log in document.get("logs", ()):
            yield from _notes(log)


class HeadsFile:
    """Appended to by one writer at a time; a head that is there already is not added again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last_size(self) -> int:
        """Size of the last whole head in the file; 0 if there is none."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise Unavailable(f"cannot read {self._path}: {error.strerror}", path=str(self._path)) from error
        for line in reversed(lines):
            try:
                return Checkpoint.parse(json.loads(line)["checkpoint"]).size
            except (ValueError, KeyError, TypeError, InvalidInput):
                continue  # half a line that a crash left, or the half before it
        return 0

    def append(self, lines: Iterable[bytes]) -> None:
        """Add lines, and return when the disk has them. Raises Unavailable where it refuses."""
        data = b"".join(line + b"\n" for line in lines)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, self._after_half_a_line() + data)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise Unavailable(f"cannot write {self._path}: {error.strerror}", path=str(self._path)) from error

    def _after_half_a_line(self) -> bytes:
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return b""
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"
