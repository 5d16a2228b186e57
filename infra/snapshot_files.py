"""What a stored snapshot is called, how it is framed and how a file becomes durable.

One file per snapshot: a JSON header line (the meta, the parent's name, the payload's length), then the
payload. The digest covers both, so that a torn, damaged or misplaced file is never taken for a state
(decisions S5, S20). Not for choosing among snapshots: that is `infra.snapshots_local`. Not for what a payload
means: the state knows.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from engines.primitives.errors import CorruptRecord

FORMAT = 1


@dataclass(frozen=True, slots=True)
class LogPartition:
    """One partition of one life of a topic: a topic created anew under the same name has another `topic_id`
    (S5).
    """

    cluster_id: str
    topic: str
    topic_id: str
    partition: int
    partitions: int  # how many the topic has; stored, and not part of where a snapshot lies (S11)


@dataclass(frozen=True, slots=True)
class SnapshotMeta:
    """What a snapshot says of itself: the state of kind `state` holds exactly the records below
    `next_offset`.

    `parent` is the digest of the snapshot that a delta changes; a base that repeats an existing snapshot in
    full names that one, any other base has none.
    """

    log: LogPartition
    state: str
    fold_version: int
    next_offset: int
    epoch: int
    parent: str | None
    digest: str
    base: bool
    policy: str


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A restorable state: `base` with `deltas` applied in order; `meta` is the newest link's."""

    meta: SnapshotMeta
    base: bytes
    deltas: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, order=True)
class SnapshotName:
    """Where a snapshot lies: `epoch/offset-sequence.kind`. The order of names is the order of authority."""

    epoch: int
    next_offset: int
    sequence: int  # of the saves of this epoch: a base may repeat the offset of a delta
    base: bool

    @property
    def path(self) -> str:
        kind = "base" if self.base else "delta"
        return f"{self.epoch:010d}/{self.next_offset:020d}-{self.sequence:08d}.{kind}"

    @classmethod
    def parse(cls, path: str) -> "SnapshotName | None":
        """The name that `path` is; None for anything else, such as an unfinished file."""
        found = _NAME.fullmatch(path)
        return found and cls(int(found[1]), int(found[2]), int(found[3]), found[4] == "base")


_NAME = re.compile(r"([0-9]{10,})/([0-9]{20})-([0-9]{8,})\.(base|delta)")


@dataclass(frozen=True, slots=True)
class Header:
    format: int
    payload_bytes: int
    parent_path: str | None
    meta: SnapshotMeta


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file that was read and whose digest holds."""

    name: SnapshotName
    parent_path: str | None
    meta: SnapshotMeta
    payload: bytes


def encode(meta: SnapshotMeta, parent_path: str | None, payload: bytes) -> tuple[SnapshotMeta, bytes]:
    """The meta with its digest filled in, and the header line. Raises nothing."""
    blank = Header(FORMAT, len(payload), parent_path, replace(meta, digest=""))
    signed = replace(meta, digest=_digest(blank, payload))
    return signed, msgspec.json.encode(replace(blank, meta=signed)) + b"\n"


def decode(name: SnapshotName, data: bytes) -> SnapshotFile:
    """The snapshot that `data` holds. Raises CorruptRecord, naming the file, if it is not what it claims."""
    end = data.find(b"\n")
    try:
        header = msgspec.json.decode(data[: max(end, 0)], type=Header)
    except msgspec.DecodeError as error:
        raise CorruptRecord("the header is unreadable", snapshot=name.path) from error
    payload, meta = data[end + 1 :], header.meta
    if header.format != FORMAT:
        raise CorruptRecord("another format", snapshot=name.path, format=header.format)
    if len(payload) != header.payload_bytes:
        raise CorruptRecord("the payload is cut short or too long", snapshot=name.path, bytes=len(payload))
    if _digest(replace(header, meta=replace(meta, digest="")), payload) != meta.digest:
        raise CorruptRecord("the digest does not hold", snapshot=name.path)
    if (meta.epoch, meta.next_offset, meta.base) != (name.epoch, name.next_offset, name.base):
        raise CorruptRecord("the file lies under another snapshot's name", snapshot=name.path)
    return SnapshotFile(name, header.parent_path, meta, payload)


def read_header(path: Path) -> Header:
    """The header alone, unproved: for listings that need no state. Raises CorruptRecord, OSError."""
    with path.open("rb") as file:
        line = file.readline()
    try:
        return msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError as error:
        raise CorruptRecord("the header is unreadable", snapshot=path.name) from error


def create(target: Path, *parts: bytes) -> None:
    """Durably creates `target`, whole or not at all, only if absent. Raises FileExistsError, OSError.

    A link, not a rename: a rename would replace what another process has put there meanwhile.
    """
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_directory(target.parent)


def make_directory(path: Path) -> None:
    """Creates `path` with its parents, mode 700, each made durable in the folder that holds it."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(blank: Header, payload: bytes) -> str:
    digest = hashlib.sha256(msgspec.json.encode(blank))
    digest.update(b"\n")
    digest.update(payload)
    return digest.hexdigest()
