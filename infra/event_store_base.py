"""What both recorders offer beyond `aggregates.ports`: leaves to verify, and cursors with a lease.

A cursor is the saved position of one reader of the log, held by one owner at a time (decision S30).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from aggregates.ports import DecisionRecorder
from infra.event_store_chain import Leaf


class Claim(NamedTuple):
    position: int  # last position done
    epoch: int  # grows with every change of owner: a former owner can no longer move the cursor


class BaseDecisionRecorder(DecisionRecorder):
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
