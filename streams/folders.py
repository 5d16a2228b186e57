"""How each folded topic is decoded, folded and published: one `Folder` a topic, one state a partition.

The worker, the replay and the benchmarks drive the same folders. A refused record is never lost: it comes back
with its reason, for the dead letters.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from infra.snapshots import StoredSnapshot
from projections import transactions
from projections.deposit_insurance import DepositInsurance
from projections.entry_batch import Refusal
from projections.large_flow_policy import LargeFlowPolicy
from projections.large_flows import NO_TIME
from projections.state import FoldedState
from projections.transactions import TransactionState
from streams import outputs, topics
from streams.decode import decode
from streams.outputs import Output
from streams.raw_batch import RawBatch
from streams.schemas import Source


@dataclass(slots=True)
class Absorbed:
    """What one batch brought besides its change of state."""

    refusals: list[Refusal] = field(default_factory=list)
    at_once: list[Any] = field(default_factory=list)  # rows to publish without waiting for a tick: alerts


class Folder(Protocol):
    topic: str
    state_name: str
    output_topics: tuple[str, ...]

    @property
    def fold_version(self) -> int: ...

    def empty(self) -> Any: ...

    def load(self, base: bytes, deltas: tuple[bytes, ...]) -> Any: ...

    def absorb(self, state: Any, raw: RawBatch) -> Absorbed: ...

    def publish_at_once(self, absorbed: Absorbed, source: Source) -> list[Output]: ...

    def take_changes(self, state: Any, source: Source) -> list[Output]: ...

    def take_all(self, state: Any, source: Source) -> list[Output]: ...

    def needs_base(self, state: Any) -> bool: ...

    def statistics(self, state: Any) -> dict[str, int]: ...

    def newest_event_us(self, state: Any) -> int | None: ...


@runtime_checkable
class UpgradingFolder(Protocol):
    """A folder that goes on from snapshots of an older fold version by itself."""

    def upgraded(self, found: StoredSnapshot) -> Any | None:
        """At the log's start, with what has to be kept of the old state; None: it has to be removed by hand."""
        ...


class TransactionFolder:
    """`tm.in.core.txn.v1`: positions (LIQ-01), large flows (LIQ-02) and deposits by insurance (LIQ-19)."""

    topic = topics.TXN
    state_name = "txn"
    output_topics: tuple[str, ...] = (topics.POSITION, topics.WITHDRAWAL, topics.DEPOSIT)

    def __init__(self, policy: LargeFlowPolicy, horizon_days: int, insurance: DepositInsurance | None = None) -> None:
        self._policy, self._horizon_days = policy, horizon_days
        self._insurance = insurance or DepositInsurance()

    @property
    def fold_version(self) -> int:
        return TransactionState.FOLD_VERSION

    def empty(self) -> TransactionState:
        return TransactionState(self._policy, self._horizon_days, self._insurance)

    def load(self, base: bytes, deltas: tuple[bytes, ...] = ()) -> TransactionState:
        state = TransactionState.load(base, self._policy, self._horizon_days, self._insurance)
        for delta in deltas:
            state.apply_delta(delta)
        return state

    def absorb(self, state: TransactionState, raw: RawBatch) -> Absorbed:
        decoded = decode(raw)
        # Offsets already in the state were judged the first time: their refusals are not news either.
        news = [refusal for refusal in decoded.refusals if refusal.offset >= state.next_offset]
        folded = transactions.fold(state, decoded.batch, raw.from_offset, raw.to_offset)
        return Absorbed([*news, *folded.refusals], [*folded.alerts])

    def publish_at_once(self, absorbed: Absorbed, source: Source) -> list[Output]:
        return list(outputs.alerts(absorbed.at_once, source))

    def take_changes(self, state: TransactionState, source: Source) -> list[Output]:
        changed = list(outputs.positions(state.take_changed_cells(), source))
        changed += outputs.withdrawals(state.take_changed_windows(), source)
        return changed + list(outputs.deposits(state.take_changed_deposits(), source))

    def take_all(self, state: TransactionState, source: Source) -> list[Output]:
        """Every figure of a state, for readers that start from one."""
        cells = list(outputs.positions(state.positions.cells(), source))
        cells += outputs.withdrawals(state.flows.windows_above(state.positions.keys), source)
        return cells + list(outputs.deposits(state.depositors.rows(), source))

    def needs_base(self, state: TransactionState) -> bool:
        return state.needs_base

    def statistics(self, state: TransactionState) -> dict[str, int]:
        return dict(sorted(state.counts.items()))

    def newest_event_us(self, state: TransactionState) -> int | None:
        return None if state.newest_event_us == NO_TIME else state.newest_event_us


def source_of(folder: Folder, state: FoldedState, partition: int, log: str) -> Source:
    return Source(
        topic=folder.topic, partition=partition, offset=state.next_offset, log=log, fold=folder.fold_version
    )
