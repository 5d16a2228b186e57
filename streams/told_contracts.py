"""What each contract record of a batch did to the gap, flow by flow: for replays that explain a change.

A record replaces what was known of its contract. So its effect is the flows of the new terms less those of the old
ones, both by the fold's own functions on a state that holds the contracts of the batch alone: the work follows the
batch and not the book. Not for the worker: it needs no record by name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.flow_frame import KINDS
from projections import gap
from projections.contract_table import ContractTable
from projections.contract_terms import ContractTerms
from projections.dictionary import Key, KeyDictionary
from projections.gap import DEMAND_DAY, UNDATED_DAY, ContractBatch, GapState
from streams.contract_rows import contract_terms
from streams.contract_scan import scan
from streams.raw_batch import RawBatch
from streams.record_folders import RecordReader
from streams.schemas import Contract

Integers = NDArray[np.int64]
FAR_DAYS = 10**7  # beyond any date, on both sides
EVERY_DAY = [(-FAR_DAYS, FAR_DAYS), (DEMAND_DAY, DEMAND_DAY), (UNDATED_DAY, UNDATED_DAY)]
PRINCIPAL = KINDS.index("principal")


class ContractMoves(NamedTuple):
    """Flows that records brought or took away, as columns of equal length.

    Attributes:
        offset: of the record.
        cell: code in `cells`: entity, organisation, business line, product, liquidity tag, currency.
        day: since 1970-01-01, DEMAND_DAY or UNDATED_DAY.
        amount_minor: of the flow, positive into the bank.
        is_new: a flow of the record's own terms; else one of the terms before it, which it takes away.
    """

    cells: KeyDictionary
    offset: Integers
    cell: Integers
    day: Integers
    is_principal: NDArray[np.bool_]
    amount_minor: Integers
    is_new: NDArray[np.bool_]


def fold_told(state: GapState, raw: RawBatch) -> ContractMoves:
    """Fold a batch as `ContractFolder.absorb` does, and tell what moved. Raises CorruptRecord as the fold."""
    batch = read_contracts(raw)
    first = int(np.searchsorted(batch.offsets, state.next_offset))
    offsets, table = batch.offsets[first:], batch.table.take(np.arange(first, len(batch.table)))
    known = {key: terms for key in dict.fromkeys(table.keys) if (terms := state.contract(*key)) is not None}
    told = list(_moved(known, offsets, table))
    gap.fold(state, batch, raw.from_offset, raw.to_offset)
    return _joined(told)


def read_contracts(raw: RawBatch) -> ContractBatch:
    """Every record that is no dead letter, as `ContractFolder` reads it."""
    plain = scan(raw.values)
    offsets, table = raw.offsets[plain.rows], plain.table
    if len(plain.left):
        reader: RecordReader[Contract, ContractTerms] = RecordReader(Contract, contract_terms)
        others, terms, _ = reader.read(raw.take(plain.left))
        offsets = np.concatenate((offsets, np.array(others, np.int64)))
        order = np.argsort(offsets)
        offsets, table = offsets[order], table.followed_by(ContractTable.of(terms)).take(order)
    return ContractBatch(offsets, table)


def _moved(known: dict[Key, ContractTerms], offsets: Integers, table: ContractTable) -> Iterator[ContractMoves]:
    """The flows of every record's terms, and of those it replaced: of the record before it, else of the book."""
    last: dict[Key, int] = {}
    first, later, replaced = list[int](), list[int](), list[int]()
    for place, key in enumerate(table.keys):
        if key in last:
            later.append(place)
            replaced.append(last[key])
        elif key in known:
            first.append(place)
        last[key] = place
    held = ContractTable.of([known[table.keys[place]] for place in first])
    old = held.followed_by(table.take(np.array(replaced, np.int64)))
    yield from _flows(old, [*first, *later], offsets, is_new=False)
    yield from _flows(table, range(len(table)), offsets, is_new=True)


def _flows(
    table: ContractTable, places: Sequence[int], offsets: Integers, *, is_new: bool
) -> Iterator[ContractMoves]:
    """All flows of the terms in `table`, under the offsets of the records at `places`.

    Each record is a contract of its own here, so that all are worked out at once however many tell one contract.
    """
    numbered = [(key[0], str(place)) for key, place in zip(table.keys, places, strict=True)]
    scratch = GapState()
    scratch.put(replace(table, keys=numbered))
    for found in scratch.contribution_columns(None, EVERY_DAY):
        codes, place = np.unique(found.contract, return_inverse=True)
        own, cell = np.unique(found.cell, return_inverse=True)
        records = np.array([int(scratch.contract_id(code)) for code in codes.tolist()], np.int64)
        yield ContractMoves(
            KeyDictionary(scratch.cell(one) for one in own.tolist()),
            offsets[records][place],
            cell.astype(np.int64),
            found.day,
            found.kind == PRINCIPAL,
            found.amount_minor,
            np.full(len(place), is_new),
        )


def _joined(told: list[ContractMoves]) -> ContractMoves:
    cells = KeyDictionary()
    places = [np.array(cells.codes(one.cells.tail()), np.int64)[one.cell] for one in told if len(one.offset)]
    some = [one for one in told if len(one.offset)]
    if not some:
        none, no = np.zeros(0, np.int64), np.zeros(0, np.bool_)
        return ContractMoves(cells, none, none, none, no, none, no)
    return ContractMoves(
        cells,
        np.concatenate([one.offset for one in some]),
        np.concatenate(places),
        np.concatenate([one.day for one in some]),
        np.concatenate([one.is_principal for one in some]),
        np.concatenate([one.amount_minor for one in some]),
        np.concatenate([one.is_new for one in some]),
    )
