"""Snapshots of folded states: what a store offers, and the stores there are.

The guarantee behind effectively-once (docs/adr/0002): a state and the offset it stands at are stored
together, at most one owner of a partition writes what others read, and nothing damaged is ever loaded. Every
store passes the conformance suite in tests/infra/test_snapshots.py; fsspec's generic create is not atomic and
would not (S20).
"""

from typing import Protocol

from infra.snapshot_files import LogPartition, SnapshotMeta, StoredSnapshot
from infra.snapshots_local import LocalSnapshotStore

__all__ = ["LocalSnapshotStore", "LogPartition", "SnapshotMeta", "SnapshotStore", "StoredSnapshot"]


class SnapshotStore(Protocol):
    def claim(self, log: LogPartition, state: str) -> int:
        """The next epoch of this partition's state, given to this caller alone; older ones are fenced from
        here.

        A worker claims first, then loads `newest`, then saves: what it loads is what its epoch starts from. If the
        new epoch follows its own last one, it may keep its state instead and go on from its own last save.
        """
        ...

    def newest(self, log: LogPartition, state: str) -> StoredSnapshot | None:
        """The state to go on from: the highest epoch that holds a snapshot wins, then the offset.

        A damaged or incomplete chain is skipped with a logged reason and the next older one is used; None if
        nothing is usable: fold from the log's start. The caller compares `fold_version`, `policy` and
        `log.partitions`.
        """
        ...

    def newest_at_or_below(self, log: LogPartition, state: str, offset: int) -> StoredSnapshot | None:
        """The same among snapshots with next offset <= `offset`: where a replay to a past offset starts."""
        ...

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
        """Stores one snapshot, durable on return and never changed again.

        A delta changes the epoch's newest snapshot (at first: the one it started from). A base may be late:
        written by a thread while deltas go on, it then repeats the snapshot that stands at its offset. A base
        that repeats none must be saved before the delta that follows its dump.

        Raises:
            Conflict: "fenced", a higher epoch exists; stop, another worker owns the partition.
            InvalidInput: the epoch was never claimed here, a delta has nothing to change, the offset goes
                back, the fold version changes within a chain.
            Unavailable: the disk or the service failed; nothing was stored that a reader would take.
        """
        ...

    def prune(self, log: LogPartition, state: str, keep_bases: int = 2) -> int:
        """Removes what is older than the newest `keep_bases` bases, never the chain in use; how many
        snapshots. Bases stay findable for `newest_at_or_below`, ever further apart (`infra.snapshots_history`).
        """
        ...

    def partitions(self, topic: str, state: str) -> list[LogPartition]:
        """Every log partition of `topic`, of any cluster and topic id, that holds a snapshot of `state`."""
        ...

    def other_logs(self, log: LogPartition, state: str) -> list[LogPartition]:
        """Snapshots of the same cluster, topic and partition under another topic id: the topic was created
        anew.
        """
        ...
