"""What one record of a folded log did: to positions, deposits, gap cells and published rows; which alerts it raised.

The state just before the record is rolled on by the record alone, with the folds that the worker runs; so the effects
of all records of an account add up to its position, exactly. Not for which figures were published with it: that is
`streams.lineage_cuts`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from engines.primitives.errors import InvalidInput, NotFound
from infra.snapshots import LogPartition
from projections.depositor_balances import PARTS
from streams import told_contracts, told_entries, topics
from streams.folders import Absorbed, Folder, source_of
from streams.past_figures import Logs
from streams.ratio_movements import Batches
from streams.raw_batch import RawBatch
from streams.stored_states import Replay

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PositionEffect:
    """`key`: POSITION_DIMENSIONS. Minor units of its currency; money in is positive, pending sums are unsigned."""

    key: tuple[str, ...]
    value_day: int  # since 1970-01-01
    settled_minor: int
    pending_in_minor: int
    pending_out_minor: int


@dataclass(frozen=True, slots=True)
class DepositEffect:
    """A part of a depositor's balance in a class of deposits (LIQ-19); minor units, what grew positive."""

    cell: tuple[str, ...]  # owner and class as `DepositorBalances.cells` has them
    part: str
    minor: int


@dataclass(frozen=True, slots=True)
class FlowEffect:
    """A contract's flow on a day, minor units, positive into the bank; of replaced terms the other way."""

    cell: tuple[str, ...]  # entity, organisation, business line, product, liquidity tag, currency
    day: int  # since 1970-01-01, DEMAND_DAY or UNDATED_DAY
    minor: int


@dataclass(frozen=True, slots=True)
class Effects:
    """`verdict`: `counted`; `repeated`: known before; `refused`, with the reason; `absent`: no record there.

    `published`: rows of `tm.risk.*` that changed with it, (topic, row before or None, row after): absolute values.
    `alerts`: raised or corrected by it, as published.
    """

    value: bytes | None
    verdict: str
    reason: str = ""
    late: bool = False
    reversal: bool = False
    positions: tuple[PositionEffect, ...] = ()
    deposits: tuple[DepositEffect, ...] = ()
    flows: tuple[FlowEffect, ...] = ()
    published: tuple[tuple[str, Row | None, Row], ...] = ()
    alerts: tuple[Row, ...] = ()


def effects_of(replay: Replay, logs: Logs, batches: Batches, topic: str, partition: int, offset: int) -> Effects:
    """What the record at this place did when it came.

    Raises:
        NotFound: no folded log of this name and number.
        InvalidInput: the log does not hold this offset (any more, or yet).
    """
    place = (topic, partition)
    if place not in logs.all():
        raise NotFound(f"{topic}/{partition} is not a folded log", topic=topic, partition=partition)
    if offset < 0:
        raise InvalidInput("offsets begin at 0", field="offset")
    raw = _one(batches, topic, partition, offset)
    told = _told(_before(replay, logs, place, offset), raw) if len(raw) else Effects(None, "absent")
    if told.value is None:
        return told
    folder, where, state = _before(replay, logs, place, offset)
    is_small = topic not in (topics.TXN, topics.CONTRACT)
    source = source_of(folder, state, partition, f"{where.cluster_id}/{where.topic_id}")
    before = {row.key: _row(row.value) for row in folder.take_all(state, source)} if is_small else {}
    folder.take_changes(state, source)  # of the state's own past
    known = dict(folder.statistics(state))
    absorbed = folder.absorb(state, raw)
    after = source_of(folder, state, partition, f"{where.cluster_id}/{where.topic_id}")
    published = tuple((one.topic, before.get(one.key), _row(one.value)) for one in folder.take_changes(state, after))
    alerts = tuple(_row(one.value) for one in folder.publish_at_once(absorbed, after))
    verdict, reason = _verdict(absorbed, known, folder.statistics(state), told, published)
    return Effects(
        told.value,
        verdict,
        reason,
        told.late,
        told.reversal,
        told.positions,
        told.deposits,
        told.flows,
        published,
        alerts,
    )


def _before(replay: Replay, logs: Logs, place: tuple[str, int], offset: int) -> tuple[Folder, LogPartition, Any]:
    """The state without this record and those after it."""
    return next(iter(list(replay.states(logs.all(), {place: offset}))))


def _one(batches: Batches, topic: str, partition: int, offset: int) -> RawBatch:
    """The batch of one record; an empty one where a transaction marker stands."""
    for raw in batches(topic, partition, offset, offset + 1):
        return raw
    nothing = np.zeros(0, np.int64)
    return RawBatch.of_values(offset, offset + 1, nothing, [], nothing)


def _told(found: tuple[Folder, LogPartition, Any], raw: RawBatch) -> Effects:
    folder, _, state = found
    value = raw.value(0) or b""
    if folder.topic == topics.CONTRACT:
        return Effects(value, "", flows=tuple(_flows(told_contracts.fold_told(state, raw))))
    if folder.topic != topics.TXN:
        return Effects(value, "")
    told = told_entries.fold_told(state, raw)
    keys = state.positions.keys
    columns = [getattr(told.moves, name).tolist() for name in told.moves.__slots__]
    deposits = zip(
        told.deposits.cell.tolist(), told.deposits.part.tolist(), told.deposits.minor.tolist(), strict=True
    )
    return Effects(
        value,
        "counted" if len(told.row) else "",
        late=bool(told.late.any()),
        reversal=bool(told.batch.is_reversal[told.row].any()),
        positions=tuple(PositionEffect(keys[row], *rest) for row, *rest in zip(*columns, strict=True)),
        deposits=tuple(
            DepositEffect(state.depositors.cells[cell], PARTS[part].removesuffix("_minor"), minor)
            for cell, part, minor in deposits
        ),
    )


def _flows(told: told_contracts.ContractMoves) -> Iterator[FlowEffect]:
    """By cell and day: what new terms brought less what the old ones had."""
    sums: dict[tuple[int, int], int] = {}
    signed = np.where(told.is_new, told.amount_minor, -told.amount_minor)
    for cell, day, minor in zip(told.cell.tolist(), told.day.tolist(), signed.tolist(), strict=True):
        sums[cell, day] = sums.get((cell, day), 0) + minor
    for (cell, day), minor in sorted(sums.items()):
        if minor:
            yield FlowEffect(tuple(told.cells[cell]), day, minor)


def _verdict(
    absorbed: Absorbed, before: Mapping[str, int], after: Mapping[str, int], told: Effects, published: tuple[Any, ...]
) -> tuple[str, str]:
    if absorbed.refusals:
        refusal = absorbed.refusals[0]
        return "refused", f"{refusal.field}: {refusal.reason}"
    if told.verdict or told.flows or published:
        return "counted", ""
    if after.get("repeated", 0) > before.get("repeated", 0):
        return "repeated", "the same entry came before"
    return "counted", "nothing changed with it"


def _row(value: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(value)
    return found
