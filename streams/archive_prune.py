"""Deletes from Kafka what is archived, proved and not needed any more: `tidemark archive prune`.

Only of folded topics: workers go on at their snapshots, and readers of past figures find the rest in the archive. All
other topics are read from their start by somebody (the view, the process managers), and stay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import Rejected
from infra.archive_store import ArchiveStore
from infra.archive_verify import verify_segments
from infra.kafka.errors import translated
from infra.snapshots import LogPartition, SnapshotStore
from streams.folders import Folder

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """Records below `offset` may go; `reason` says what kept more from going. 0 records: nothing may."""

    topic: str
    partition: int
    first: int
    offset: int
    reason: str

    @property
    def records(self) -> int:
        return max(0, self.offset - self.first)


def plan(
    store: ArchiveStore,
    snapshots: SnapshotStore,
    folders: Mapping[str, Folder],
    logs: Sequence[LogPartition],
    bounds: Mapping[Place, tuple[int, int]],
    before: str,
) -> list[Cut]:
    """What may be deleted of each folded log: whole files of days before `before`, below its newest snapshot.

    Every file that is about to be relied on is read and proved. Raises Rejected, naming it, where one does not hold.
    """
    return [
        _cut(store, snapshots, folders[where.topic], where, bounds[where.topic, where.partition], before)
        for where in logs
        if where.topic in folders
    ]


def _cut(
    store: ArchiveStore,
    snapshots: SnapshotStore,
    folder: Folder,
    where: LogPartition,
    bound: tuple[int, int],
    before: str,
) -> Cut:
    first, _ = bound

    def cut(offset: int, reason: str) -> Cut:
        return Cut(where.topic, where.partition, first, max(first, offset), reason)

    manifest = store.manifest(where)
    if manifest is None or manifest.from_offset is None:
        return cut(first, "nothing of it is archived")
    if manifest.from_offset > 0:
        # A fold that must begin anew (S5) begins at 0: with no archive of the beginning the log has to keep it.
        return cut(first, f"the archive begins at {manifest.from_offset} only")
    newest = snapshots.newest(where, folder.state_name)
    if newest is None or newest.meta.fold_version != folder.fold_version:
        return cut(first, "no snapshot of the present fold")
    old = [segment for segment in manifest.segments if segment.date < before]
    needed = [segment for segment in old if segment.to_offset > first]
    if not needed:
        return cut(first, f"no archived day before {before} is left")
    findings = verify_segments(store, needed)
    if findings:
        path, group, reason = findings[0]
        raise Rejected(f"{path}: {reason}; nothing was deleted", path=path, group=-1 if group is None else group)
    reached = newest.meta.next_offset
    below = needed[-1].to_offset
    if reached < below:
        return cut(reached, f"the newest snapshot stands at {reached}")
    return cut(below, f"days from {before} on stay")


def carry_out(
    admin: AdminClient, cuts: Sequence[Cut], on_done: Callable[[Cut], None] | None = None, timeout_s: float = 30.0
) -> int:
    """Delete them from Kafka (DeleteRecords); how many offsets went. Raises Unavailable."""
    wanted = {TopicPartition(cut.topic, cut.partition, cut.offset): cut for cut in cuts if cut.records}
    if not wanted:
        return 0
    for at, answer in admin.delete_records(list(wanted), request_timeout=timeout_s).items():
        with translated("deleting archived records", topic=at.topic, partition=at.partition):
            answer.result()
    for cut in wanted.values():
        if on_done is not None:
            on_done(cut)
    return sum(cut.records for cut in wanted.values())
