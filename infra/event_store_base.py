"""What both recorders offer beyond `aggregates.ports`: leaves to verify, and cursors with a lease.

A cursor is the saved position of one reader of the log, held by one owner at a time (decision S30).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from aggregates.ports import DecisionRecorder
from infra.event_store_chain import Leaf
from infra.event_store_heads import CommandRow, Head, HeadWriter


class Claim(NamedTuple):
    position: int  # last position done
    epoch: int  # grows with every change of owner: a former owner can no longer move the cursor


LogRow = tuple[int, Any, Any, Any, Any, Any, Any, Any]
"""Position, originator id (16 bytes, or 32 hexadecimal digits), version, topic, state; recorded_us, chain, head. The
half that is missing is None. Whoever tampers may have stored other types: a reader trusts none of them."""

SnapshotRow = tuple[bytes | str, Any, Any, Any]
"""Originator id, version, topic, state, as stored."""


class BaseDecisionRecorder(DecisionRecorder):
    head_writer: HeadWriter

    @abstractmethod
    def select_log(self, start: int, stop: int) -> Sequence[LogRow]:
        """Events and leaves of positions start..stop, rising, as one snapshot; what verification reads."""

    @abstractmethod
    def select_snapshots(self, table: str) -> Sequence[SnapshotRow]:
        """All snapshots of a table of the store, by aggregate; none if there is no such table."""

    @abstractmethod
    def chain_of(self, originator_id: UUID, version: int) -> bytes | None:
        """The chain at one event of an aggregate."""

    @abstractmethod
    def select_heads(self, start: int, stop: int) -> Sequence[Head]:
        """Signed heads whose last leaf stands at positions start..stop, rising."""

    @abstractmethod
    def last_head(self) -> Head | None: ...

    @abstractmethod
    def head_covering(self, position: int) -> Head | None:
        """The first head that covers a position."""

    @abstractmethod
    def head_of_size(self, size: int) -> Head | None: ...

    @abstractmethod
    def head_keys(self) -> Sequence[str]:
        """Verifier keys that signed heads here, oldest first, as the store says."""

    @abstractmethod
    def stored_frontier(self) -> tuple[int, bytes] | None:
        """Size and hashes of the frontier that the next append builds on."""

    @abstractmethod
    def select_commands(self) -> Sequence[CommandRow]:
        """All command rows, by last position, first position, then cmd_id."""

    @abstractmethod
    def leaf_boundaries(self, width: int) -> Sequence[int]:
        """Positions of the leaves 0, width, 2·width, …"""

    @abstractmethod
    def put_cosignatures(self, size: int, lines: Sequence[tuple[str, str]], required: int) -> None:
        """Keep witnesses' (name, line) under a head; where there are `required` of them it no longer waits."""

    @abstractmethod
    def cosignatures(self, size: int) -> Sequence[str]:
        """The witnesses' lines under a head."""

    @abstractmethod
    def cosigned_head(self, required: int) -> Head | None:
        """The newest head that has so many cosignatures."""

    @abstractmethod
    def rotate(self, signatures: bytes, size: int, vkey: str) -> bool:
        """Replace the newest head's signatures, if it still is the newest."""

    @abstractmethod
    def select_leaves(self, start: int, stop: int) -> Sequence[Leaf]:
        """Leaves at positions start..stop, rising."""

    @abstractmethod
    def max_leaf_position(self) -> int: ...

    def chain_at(self, position: int) -> bytes:
        return self.select_leaves(position, position)[0].chain

    @abstractmethod
    def claim_cursor(self, name: str, holder: str, now_us: int, lease_us: int) -> Claim | None:
        """Take or renew a cursor until `lease_us`; None while another holder's lease is running."""

    @abstractmethod
    def move_cursor(self, name: str, holder: str, epoch: int, position: int, lease_us: int) -> bool:
        """Save a position and renew the lease; False if the cursor has passed to another owner."""
