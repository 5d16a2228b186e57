"""What every folded state offers to whoever drives it: worker, replay, tests.

A state belongs to one topic-partition (decision S12) and holds exactly the records in [0, next_offset). Each
projection module has `fold(state, batch, from_offset, to_offset)` (decision S23): it refuses `from_offset`
above `next_offset`, skips rows below it, then sets `next_offset = to_offset`.
"""

from typing import ClassVar, Protocol, Self

from engines.primitives.errors import CorruptRecord


class FoldedState(Protocol):
    FOLD_VERSION: ClassVar[int]  # grows when the same log would give another state
    next_offset: int

    def dump(self) -> bytes:
        """The whole state, restorable; also forgets what changed, as `dump_delta` does."""
        ...

    def dump_delta(self) -> bytes:
        """What changed since the last `dump` or `dump_delta`; `load(dump).apply_delta(delta)` equals the state."""
        ...

    def apply_delta(self, delta: bytes) -> None: ...

    @classmethod
    def load(cls, dump: bytes) -> Self: ...

    def canonical_bytes(self) -> bytes:
        """The state's meaning, independent of how the log was cut into batches and of how it is laid out."""
        ...


def check_contiguous(next_offset: int, from_offset: int, to_offset: int) -> None:
    """Raises CorruptRecord where records are missing between a state and the range that comes next."""
    if from_offset > next_offset:
        raise CorruptRecord("offsets are missing", expected=next_offset, got=from_offset)
    if to_offset < from_offset:
        raise CorruptRecord("a range ends before it starts", start=from_offset, end=to_offset)
