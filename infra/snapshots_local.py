"""Snapshots in a folder that every worker reaches: `cluster/topic/topic id/partition/state/epoch/offset`.

Claims lie in `…/state/claims/N`, created only if absent and never removed, so that no number is given twice.
Needs a file system with hard links. Safe among processes; one object may be used from several threads.
Not for object stores (they have their own conditional create), nor for the event store's snapshots.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput, Unavailable
from infra import snapshot_files as files
from infra import snapshots_history
from infra.snapshot_files import LogPartition, SnapshotFile, SnapshotMeta, SnapshotName, StoredSnapshot
from infra.snapshots_history import History

logger = structlog.get_logger(__name__)

CLAIMS = "claims"
READ_ATTEMPTS_MAX = 100  # each one means that a writer or a pruner changed the folder while we read it

_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class _Link:
    """What a later delta needs to know of the snapshot it changes."""

    path: str
    next_offset: int
    digest: str
    fold_version: int
    policy: str


@dataclass(slots=True)
class _Owned:
    """What this object knows of one state of one partition: what its epoch holds, or starts from."""

    epoch: int = 0
    sequence: int = 0
    start_known: bool = False  # the first load after the claim decides, not a later one by a reader of this object
    loaded: _Link | None = None
    head: _Link | None = None
    links: list[_Link] = field(default_factory=list)  # since the newest base: what a late base may repeat
    lock: threading.RLock = field(default_factory=threading.RLock)

    def start_from(self, link: _Link | None) -> None:
        self.head = link
        self.links = [link] if link else []


class LocalSnapshotStore:
    def __init__(self, directory: Path, history: History | None = None) -> None:
        self._root, self._history = directory, history or History()
        self._owned: dict[Path, _Owned] = {}
        self._lock = threading.Lock()

    def claim(self, log: LogPartition, state: str) -> int:
        folder = self._folder(log, state)
        owned = self._owner(folder)
        with owned.lock, _translated(folder):
            files.make_directory(folder / CLAIMS)
            epoch = _highest_claim(folder) + 1
            while True:
                try:
                    files.create(folder / CLAIMS / str(epoch), b"")
                    break
                except FileExistsError:
                    epoch += 1
            # Claimed again with nobody in between: the last save stands, and a caller that kept its state in memory
            # goes on from it. Otherwise from what is loaded; what was loaded before the last save is out of date.
            if owned.head is None or epoch != owned.epoch + 1:
                owned.start_from(owned.loaded)
            owned.epoch, owned.sequence, owned.start_known = epoch, 0, False
        return epoch

    def newest(self, log: LogPartition, state: str) -> StoredSnapshot | None:
        folder = self._folder(log, state)
        owned = self._owner(folder)
        chain = _usable_chain(folder, log, state, None)
        with owned.lock:
            owned.loaded = _link(chain[-1]) if chain else None
            if owned.epoch and not owned.start_known:
                owned.start_known = True
                owned.start_from(owned.loaded)
        return _stored(chain)

    def newest_at_or_below(self, log: LogPartition, state: str, offset: int) -> StoredSnapshot | None:
        folder = self._folder(log, state)
        chain = _usable_chain(folder, log, state, offset)
        with _translated(folder):
            old = snapshots_history.newest_at_or_below(folder, log, state, offset)
        if old is None or (chain and not _is_nearer(old.meta, chain[-1].meta)):
            return _stored(chain)
        return _stored([old])

    def save(
        self,
        log: LogPartition,
        state: str,
        *,
        epoch: int,
        fold_version: int,
        next_offset: int,
        payload: bytes,
        base: bool,
        policy: str = "",
    ) -> SnapshotMeta:
        folder = self._folder(log, state)
        owned = self._owner(folder)
        meta = SnapshotMeta(log, state, fold_version, next_offset, epoch, None, "", base, policy)
        with owned.lock:
            self._refuse_if_fenced(folder, epoch)
            if epoch != owned.epoch:
                raise InvalidInput("this object did not claim the epoch", field="epoch", epoch=epoch)
            parent = _parent(owned, meta)
            owned.sequence += 1
            name = SnapshotName(epoch, next_offset, owned.sequence, base)
            repeats = base and parent is not None
            if not repeats:  # the next delta changes this one: it waits until this one stands
                signed = self._write(folder, name, meta, parent, payload)
                _remember(owned, name, signed)
                return signed
        signed = self._write(folder, name, meta, parent, payload)
        with owned.lock:
            _remember(owned, name, signed)
        return signed

    def prune(self, log: LogPartition, state: str, keep_bases: int = 2) -> int:
        if keep_bases < 1:
            raise InvalidInput("at least one base must be kept", field="keep_bases", keep_bases=keep_bases)
        folder = self._folder(log, state)
        names = _listing(folder)
        bases = [name for name in names if name.base]
        if len(bases) <= keep_bases:
            return 0
        used = {file.name for file in _usable_chain(folder, log, state, None)}
        oldest_kept = min([bases[-keep_bases], *used])
        doomed = [name for name in names if name < oldest_kept]
        with _translated(folder):
            self._history.take(folder, doomed)
            for name in reversed(doomed):  # a chain loses its newest link first: what is left stays complete
                (folder / name.path).unlink(missing_ok=True)
            _remove_left_behind(folder, oldest_kept.epoch)
        return len(doomed)

    def partitions(self, topic: str, state: str) -> list[LogPartition]:
        return self._stored_logs(f"*/{_safe(topic, 'topic')}/*/*", state)

    def other_logs(self, log: LogPartition, state: str) -> list[LogPartition]:
        self._folder(log, state)
        found = self._stored_logs(f"{log.cluster_id}/{log.topic}/*/{log.partition}", state)
        return [other for other in found if other.topic_id != log.topic_id]

    def _stored_logs(self, pattern: str, state: str) -> list[LogPartition]:
        found = []
        for folder in sorted(self._root.glob(f"{pattern}/{_safe(state, 'state')}")):
            stored = _any_log(folder)
            if stored is not None:
                found.append(stored)
        return sorted(found, key=lambda log: (log.cluster_id, log.topic, log.topic_id, log.partition))

    def _write(
        self, folder: Path, name: SnapshotName, meta: SnapshotMeta, parent: _Link | None, payload: bytes
    ) -> SnapshotMeta:
        named = replace(meta, parent=parent.digest if parent else None)
        signed, header = files.encode(named, parent.path if parent else None, payload)
        with _translated(folder):
            files.make_directory((folder / name.path).parent)
            try:
                files.create(folder / name.path, header, payload)
            except FileExistsError as error:
                raise Conflict("fenced", epoch=name.epoch, snapshot=name.path) from error
            except FileNotFoundError:  # pruned under us, by a successor if all is well
                self._refuse_if_fenced(folder, name.epoch)
                raise
        # Claimed while we wrote: nobody will read this, so nothing may be acknowledged on the strength of it.
        self._refuse_if_fenced(folder, name.epoch)
        return signed

    def _refuse_if_fenced(self, folder: Path, epoch: int) -> None:
        with _translated(folder):
            highest = _highest_claim(folder)
        if highest > epoch:
            raise Conflict("fenced", epoch=epoch, newer_epoch=highest)

    def _owner(self, folder: Path) -> _Owned:
        with self._lock:
            return self._owned.setdefault(folder, _Owned())

    def _folder(self, log: LogPartition, state: str) -> Path:
        parts = (
            _safe(log.cluster_id, "cluster_id"),
            _safe(log.topic, "topic"),
            _safe(log.topic_id, "topic_id"),
        )
        return self._root.joinpath(*parts, str(int(log.partition)), _safe(state, "state"))


def _parent(owned: _Owned, meta: SnapshotMeta) -> _Link | None:
    """What the snapshot to be saved changes, or repeats in full; None for a base of its own."""
    head = owned.head
    saved = owned.sequence > 0
    if meta.base:
        same = [link for link in owned.links if link.next_offset == meta.next_offset]
        if same and (same[-1].fold_version, same[-1].policy) == (meta.fold_version, meta.policy):
            return same[-1]
        # A first base may lie anywhere: after a change of the fold the epoch starts again from the log's
        # start.
        if saved and head and meta.next_offset < head.next_offset:
            raise InvalidInput("a late base must repeat a snapshot", field="next_offset", offset=meta.next_offset)
        return None
    if head is None:
        raise InvalidInput("a delta needs a snapshot that it changes", field="base", epoch=meta.epoch)
    if head.fold_version != meta.fold_version:
        raise InvalidInput("a delta cannot change the fold version", field="fold_version", was=head.fold_version)
    if meta.next_offset < head.next_offset:
        raise InvalidInput("the offset goes back", field="next_offset", was=head.next_offset, got=meta.next_offset)
    return head


def _remember(owned: _Owned, name: SnapshotName, signed: SnapshotMeta) -> None:
    if owned.epoch != name.epoch:
        return
    link = _Link(name.path, name.next_offset, signed.digest, signed.fold_version, signed.policy)
    owned.start_known, owned.loaded = True, None
    if owned.head is None or not signed.base or signed.parent is None or link.next_offset == owned.head.next_offset:
        owned.head = link
    if signed.base:
        owned.links = [old for old in owned.links if old.next_offset > link.next_offset] if signed.parent else []
    owned.links.append(link)


def _usable_chain(folder: Path, log: LogPartition, state: str, limit: int | None) -> list[SnapshotFile]:
    """The newest complete chain, base first; empty if there is none.

    A verdict of "damaged" or "nothing there" counts only if the folder stood still while it was reached:
    otherwise a pruner took files away under us, or a writer put newer ones there, and reading again finds
    them.
    """
    for _ in range(READ_ATTEMPTS_MAX):
        names = _listing(folder)
        reader = _Reader(folder, log, state, names)
        complaints: list[tuple[SnapshotName, str]] = []
        for candidate in _by_authority(names, limit):
            try:
                chain = reader.chain(candidate)
            except CorruptRecord as error:
                complaints.append((candidate, str(error)))
                continue
            if not complaints or _listing(folder) == names:
                _log_skipped(complaints)
                return chain
            break
        else:
            if _listing(folder) == names:
                _log_skipped(complaints)
                return []
    raise Unavailable("the snapshots change faster than they can be read", folder=folder.name)


def _by_authority(names: list[SnapshotName], limit: int | None) -> Iterator[SnapshotName]:
    """Names worth trying, best first: of a lower epoch only what the higher ones cannot have overtaken.

    What a zombie wrote after its successor's first snapshot is never read, not even if all newer ones are
    damaged.
    """
    floor_by_epoch: dict[int, int] = {}
    for name in names:
        floor_by_epoch.setdefault(name.epoch, name.next_offset)  # names are sorted: the lowest of the epoch
    for name in reversed(names):
        overtaken = any(e > name.epoch and name.next_offset > floor for e, floor in floor_by_epoch.items())
        if not overtaken and (limit is None or name.next_offset <= limit):
            yield name


class _Reader:
    """Reads files once, proves them, and follows parents."""

    def __init__(self, folder: Path, log: LogPartition, state: str, names: list[SnapshotName]) -> None:
        self._folder, self._names = folder, names
        self._where = (log.cluster_id, log.topic, log.topic_id, log.partition, state)
        self._read: dict[SnapshotName, SnapshotFile | CorruptRecord] = {}

    def chain(self, newest: SnapshotName) -> list[SnapshotFile]:
        """`newest` with all it stands on, base first. Raises CorruptRecord, naming what is damaged or
        missing.
        """
        links = [self.file(newest)]
        while not links[-1].meta.base:
            links.append(self._parent_of(links[-1]))
        return links[::-1]

    def file(self, name: SnapshotName) -> SnapshotFile:
        if name not in self._read:
            self._read[name] = self._load(name)
        found = self._read[name]
        if isinstance(found, CorruptRecord):
            raise found
        return found

    def _load(self, name: SnapshotName) -> SnapshotFile | CorruptRecord:
        try:
            file = files.decode(name, (self._folder / name.path).read_bytes())
        except FileNotFoundError:
            return CorruptRecord("the snapshot has vanished", snapshot=name.path)
        except OSError as error:
            return CorruptRecord(f"the snapshot cannot be read: {error.strerror}", snapshot=name.path)
        except CorruptRecord as error:
            return error
        log = file.meta.log
        if (log.cluster_id, log.topic, log.topic_id, log.partition, file.meta.state) != self._where:
            return CorruptRecord("the snapshot belongs to another log or state", snapshot=name.path)
        return file

    def _parent_of(self, child: SnapshotFile) -> SnapshotFile:
        parent = SnapshotName.parse(child.parent_path or "")
        if parent is None:
            raise CorruptRecord("a delta names no parent", snapshot=child.name.path)
        repeats = [
            name
            for name in self._names
            if name.base and name.next_offset == parent.next_offset and parent.epoch <= name.epoch <= child.name.epoch
        ]
        for name in (*repeats, parent):  # a base that repeats the parent saves the deltas before it
            if name not in self._names:
                continue
            try:
                file = self.file(name)
            except CorruptRecord:
                if name == parent:
                    raise
                continue
            repeated = name != parent and file.meta.parent == child.meta.parent
            if repeated or file.meta.digest == child.meta.parent:
                return file
        raise CorruptRecord("the parent is missing", snapshot=child.name.path, parent=parent.path)


def _listing(folder: Path) -> list[SnapshotName]:
    """Every snapshot's name, the least first."""
    found = []
    with _translated(folder):
        for epoch in _children(folder, Path.is_dir):
            if epoch.name != CLAIMS:
                found += [SnapshotName.parse(f"{epoch.name}/{child.name}") for child in _children(epoch)]
    return sorted(name for name in found if name is not None)


def _children(folder: Path, wanted: Callable[[Path], bool] | None = None) -> list[Path]:
    try:
        return [child for child in folder.iterdir() if wanted is None or wanted(child)]
    except FileNotFoundError:
        return []


def _remove_left_behind(folder: Path, below_epoch: int) -> None:
    """Folders of epochs before `below_epoch`, with the unfinished files of workers that were killed."""
    for epoch in _children(folder, Path.is_dir):
        if epoch.name.isdecimal() and int(epoch.name) < below_epoch:
            for unfinished in epoch.glob(".*.tmp"):
                unfinished.unlink(missing_ok=True)
            with suppress(OSError):  # a zombie may be writing here: it is refused as fenced either way
                epoch.rmdir()


def _any_log(folder: Path) -> LogPartition | None:
    """What the newest readable header in `folder` says it was folded from; None where no snapshot is."""
    for name in reversed(_listing(folder)):
        try:
            return files.read_header(folder / name.path).meta.log
        except (CorruptRecord, OSError):
            continue
    return None


def _highest_claim(folder: Path) -> int:
    return max((int(child.name) for child in _children(folder / CLAIMS) if child.name.isdecimal()), default=0)


def _is_nearer(old: SnapshotMeta, newest: SnapshotMeta) -> bool:
    """A history goes on after the state was folded anew by another version: those no longer serve."""
    return old.fold_version == newest.fold_version and old.next_offset > newest.next_offset


def _link(file: SnapshotFile) -> _Link:
    meta = file.meta
    return _Link(file.name.path, meta.next_offset, meta.digest, meta.fold_version, meta.policy)


def _stored(chain: list[SnapshotFile]) -> StoredSnapshot | None:
    if not chain:
        return None
    return StoredSnapshot(chain[-1].meta, chain[0].payload, tuple(file.payload for file in chain[1:]))


def _log_skipped(complaints: list[tuple[SnapshotName, str]]) -> None:
    for name, reason in complaints:
        logger.warning("snapshot_skipped", snapshot=name.path, reason=reason)


def _safe(text: str, field_name: str) -> str:
    if not _SAFE.fullmatch(text):
        raise InvalidInput(f"{text!r} cannot name a folder", field=field_name)
    return text


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"snapshot folder: {error.strerror or error}", folder=str(folder)) from error
