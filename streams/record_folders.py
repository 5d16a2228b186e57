"""Folders of topics with far fewer records than entries: read one by one, folded as batches.

`tm.in.core.contract.v1` (LIQ-08) and `tm.in.channel.reservation.v1` (LIQ-01's reserved part).
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_text
from projections import gap, reservations
from projections.contract_table import ContractTable
from projections.contract_terms import ContractTerms
from projections.entry_batch import Refusal
from projections.gap import ContractBatch, GapRow, GapState
from projections.reservations import ReservationBatch, ReservationRow, ReservationState
from streams import topics
from streams.contract_rows import contract_terms
from streams.contract_scan import scan
from streams.folders import Absorbed
from streams.outputs import Output, encode
from streams.raw_batch import RawBatch
from streams.reservation_rows import reservation_terms
from streams.schemas import Contract, GapFlow, Reservation, ReservationTotal, Source

Record = TypeVar("Record")
Terms = TypeVar("Terms")
State = TypeVar("State", GapState, ReservationState)


class RecordReader(Generic[Record, Terms]):
    """Decodes records of one kind into checked terms; what cannot be read is refused with field and reason."""

    def __init__(self, kind: type[Record], convert: Callable[[Record], Terms]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._convert = convert

    def read(self, raw: RawBatch) -> tuple[list[int], list[Terms], list[Refusal]]:
        offsets: list[int] = []
        terms: list[Terms] = []
        refusals: list[Refusal] = []
        for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
            try:
                if not value:
                    raise InvalidInput("the record has no value")
                terms.append(self._convert(self._decode(value)))
                offsets.append(offset)
            except InvalidInput as error:
                refusals.append(Refusal(offset, str(error.facts.get("field", "")), str(error)))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                refusals.append(Refusal(offset, _field_of(str(error)), str(error)))
        return offsets, terms, refusals


def _field_of(message: str) -> str:
    """msgspec ends its errors with "- at `$.field`"."""
    _, found, path = message.rpartition("`$.")
    return path.split("`")[0] if found else ""


class _RecordFolder(Generic[State]):
    """What the two have in common; subclasses say which records, which fold and which rows."""

    topic: str
    state_name: str
    output_topics: tuple[str, ...]
    _state: type[State]

    @property
    def fold_version(self) -> int:
        return self._state.FOLD_VERSION

    def empty(self) -> State:
        return self._state()

    def load(self, base: bytes, deltas: tuple[bytes, ...] = ()) -> State:
        state = self._state.load(base)
        for delta in deltas:
            state.apply_delta(delta)
        return state

    def publish_at_once(self, absorbed: Absorbed, source: Source) -> list[Output]:
        return []

    def needs_base(self, state: State) -> bool:
        return False

    def statistics(self, state: State) -> dict[str, int]:
        return {"received": state.next_offset}

    def newest_event_us(self, state: State) -> int | None:
        return None


class ContractFolder(_RecordFolder[GapState]):
    topic = topics.CONTRACT
    state_name = "contract"
    output_topics: tuple[str, ...] = (topics.GAP,)
    _state = GapState

    def __init__(self) -> None:
        self._reader: RecordReader[Contract, ContractTerms] = RecordReader(Contract, contract_terms)

    def absorb(self, state: GapState, raw: RawBatch) -> Absorbed:
        known = state.next_offset
        plain = scan(raw.values)
        offsets, table = raw.offsets[plain.rows], plain.table
        refusals: list[Refusal] = []
        if len(plain.left):
            others, terms, refusals = self._reader.read(raw.take(plain.left))
            offsets = np.concatenate((offsets, np.array(others, np.int64)))
            order = np.argsort(offsets)
            offsets, table = offsets[order], table.followed_by(ContractTable.of(terms)).take(order)
        gap.fold(state, ContractBatch(offsets, table), raw.from_offset, raw.to_offset)
        return Absorbed([refusal for refusal in refusals if refusal.offset >= known])

    def take_changes(self, state: GapState, source: Source) -> list[Output]:
        return self._outputs(state.changes(), source)

    def take_all(self, state: GapState, source: Source) -> list[Output]:
        return self._outputs(state.rows(), source)

    @staticmethod
    def _outputs(rows: Iterable[GapRow], source: Source) -> list[Output]:
        outputs = []
        for row in rows:
            record = GapFlow(
                entity=row.entity,
                organisation=row.organisation,
                business_line=row.business_line,
                product=row.product,
                currency=row.currency,
                flow_date=row.flow_date,
                inflow=to_text(row.inflow_minor, row.currency),
                outflow=to_text(row.outflow_minor, row.currency),
                contracts=row.contracts,
                source=source,
                liquidity_tag=row.liquidity_tag,
                principal_in=to_text(row.principal_in_minor, row.currency),
                principal_out=to_text(row.principal_out_minor, row.currency),
            )
            key = (
                row.entity,
                row.organisation,
                row.business_line,
                row.product,
                row.liquidity_tag,
                row.currency,
                row.flow_date,
            )
            outputs.append(Output(topics.GAP, "|".join(key).encode(), encode(record)))
        return outputs


class ReservationFolder(_RecordFolder[ReservationState]):
    topic = topics.RESERVATION
    state_name = "reservation"
    output_topics: tuple[str, ...] = (topics.RESERVATION_TOTAL,)
    _state = ReservationState

    def __init__(self) -> None:
        self._reader: RecordReader[Reservation, Any] = RecordReader(Reservation, reservation_terms)

    def absorb(self, state: ReservationState, raw: RawBatch) -> Absorbed:
        known = state.next_offset
        offsets, terms, refusals = self._reader.read(raw)
        batch = ReservationBatch(np.array(offsets, np.int64), terms)
        reservations.fold(state, batch, raw.from_offset, raw.to_offset)
        return Absorbed([refusal for refusal in refusals if refusal.offset >= known])

    def take_changes(self, state: ReservationState, source: Source) -> list[Output]:
        return self._outputs(state.changes(), source)

    def take_all(self, state: ReservationState, source: Source) -> list[Output]:
        return self._outputs(state.rows(), source)

    @staticmethod
    def _outputs(rows: Iterable[ReservationRow], source: Source) -> list[Output]:
        outputs = []
        for row in rows:
            record = ReservationTotal(
                entity=row.entity,
                organisation=row.organisation,
                currency=row.currency,
                value_date=row.value_date,
                approved=to_text(row.approved_minor, row.currency),
                source=source,
            )
            key = (row.entity, row.organisation, row.currency, row.value_date)
            outputs.append(Output(topics.RESERVATION_TOTAL, "|".join(key).encode(), encode(record)))
        return outputs
