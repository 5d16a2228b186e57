"""Why a gap moved between two cuts: contracts by name, new cells of theirs, and flows that a new date moved on.

The gap of LIQ-08: inflow less outflow by time bucket, one bucket, all up to one (cumulative) or all of them. A record
that moves a contract to another organisation, business line, product or liquidity tag, and its flows as well, did two
things: what the move did is TAG, what the terms did is ENTRY, each on the mean of both orders.
"""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from engines.buckets import BUCKETS, ON, OVERDUE, UNDATED, bucket_index
from engines.explain_lines import Movement
from engines.primitives.errors import InvalidInput
from infra.snapshots import LogPartition
from projections.dictionary import Key
from projections.gap import DEMAND_DAY, UNDATED_DAY, GapState
from streams import told_contracts, topics
from streams.amount_changes import AmountCuts, Sums, cell_name, ordered, read_between
from streams.folders import Folder
from streams.instants import day_number
from streams.moved_records import MovedRecords
from streams.past_figures import Logs
from streams.past_gap import CELL
from streams.ratio_movements import Batches
from streams.stored_states import Replay
from streams.told_contracts import ContractMoves
from streams.views import Filters

Integers = NDArray[np.int64]
HALVES = 2  # sums are in halves of a minor unit, so that a mean of two orders is whole
PAST = "paid"  # a flow of the past counts as paid (ADR 0004)


def gap_cuts(
    replay: Replay,
    logs: Logs,
    batches: Batches,
    before: Mapping[str, int],
    after: Mapping[str, int],
    filters: Filters,
) -> AmountCuts:
    """Both cuts of the flows in the cells that pass `filters`, and what moved between them.

    Raises InvalidInput, NotFound: as `amount_changes.read_between`.
    """
    if not ordered(before, after):
        return gap_cuts(replay, logs, batches, after, before, filters).reversed()
    cuts, chosen = AmountCuts("gap", HALVES), _Chosen(filters)

    def roll(folder: Folder, where: LogPartition, state: GapState, end: int) -> None:
        chosen.add(state, cuts.sums[0])
        for raw in batches(where.topic, where.partition, state.next_offset, end) if state.next_offset < end else ():
            told = told_contracts.fold_told(state, raw)
            chosen.tell(told, cuts.moved, cuts.moved.keep(where, raw))
        chosen.add(state, cuts.sums[1])

    read_between(replay, logs, before, after, topics.CONTRACT, cuts, roll)
    return cuts


def window_of(day: int, as_of: date) -> str:
    """The bucket of a flow date (days since 1970-01-01, DEMAND_DAY, UNDATED_DAY), or PAST."""
    if day in (DEMAND_DAY, UNDATED_DAY):
        return BUCKETS[ON if day == DEMAND_DAY else UNDATED]
    ahead = day - day_number(as_of)
    return PAST if ahead < 0 else BUCKETS[int(bucket_index(np.array([ahead]))[0])]


def lines_of(bucket: str | None, *, cumulative: bool) -> Callable[[str], str | None]:
    """One bucket, those up to it, or without one all; what is undated counts alone only.

    Raises InvalidInput: there is no such bucket, or it is in no cumulative gap.
    """
    if bucket is not None and bucket not in BUCKETS:
        raise InvalidInput(f"unknown bucket {bucket!r}; one of {', '.join(BUCKETS)}", field="bucket")
    place = UNDATED - 1 if bucket is None else BUCKETS.index(bucket)
    if cumulative and place in (OVERDUE, UNDATED):
        raise InvalidInput(f"{bucket} is not cumulated", field="bucket")
    counted = BUCKETS[ON : place + 1] if cumulative or bucket is None else (BUCKETS[place],)
    return lambda window: window if window in counted else None


class _Chosen:
    """The cells of the gap that are asked for."""

    def __init__(self, filters: Filters) -> None:
        self._currencies = filters.get("currency")
        self._allowed = [(CELL.index(name), members) for name, members in filters.items() if name != "currency"]

    def passes(self, cell: Key) -> bool:
        return (self._currencies is None or cell[-1] in self._currencies) and self._fits(cell)

    def _fits(self, cell: Key) -> bool:
        """Whatever its currency."""
        return all(cell[at] in members for at, members in self._allowed)

    def add(self, state: GapState, sums: Sums) -> None:
        days: dict[str, int] = {"DEMAND": DEMAND_DAY, "UNDATED": UNDATED_DAY}
        for row in state.rows():
            cell = (row.entity, row.organisation, row.business_line, row.product, row.liquidity_tag, row.currency)
            if self.passes(cell):
                if row.flow_date not in days:
                    days[row.flow_date] = day_number(date.fromisoformat(row.flow_date))
                key = (row.entity, row.currency, days[row.flow_date])
                sums[key] = sums.get(key, 0) + HALVES * (row.inflow_minor - row.outflow_minor)

    def tell(self, told: ContractMoves, moved: MovedRecords, log: int) -> None:
        """Each flow in its own cell, and in that which its contract left or entered by the same record."""
        if not len(told.offset):
            return
        cells = told.cells.tail()
        wanted = np.array([self.passes(cell) for cell in cells], np.bool_)
        in_own = wanted[told.cell]
        other = _cell_of_the_other_terms(told, [cell[:-1] for cell in cells])
        fits = np.array([self._fits(cell) for cell in cells], np.bool_)
        in_currency = np.array([self._currencies is None or cell[-1] in self._currencies for cell in cells], np.bool_)
        in_other = fits[other] & in_currency[told.cell]
        amount = np.where(told.is_new, told.amount_minor, -told.amount_minor)
        some = np.flatnonzero(in_own | in_other)
        pairs, place = np.unique(np.stack((told.cell[some], told.day[some])), axis=1, return_inverse=True)
        codes = np.array([moved.code(_name(cells[cell], day)) for cell, day in pairs.T.tolist()], np.int64)
        of_terms = (amount * (in_own.astype(np.int64) + in_other))[some]
        of_move = (amount * (in_own.astype(np.int64) - in_other))[some]
        moved.add(log, told.offset[some], codes[place], of_terms)
        sums = np.zeros(len(codes), np.int64)
        np.add.at(sums, place, of_move)
        moved.movements += [
            Movement(_name(cells[cell], day), quantity, "TAG")
            for (cell, day), quantity in zip(pairs.T.tolist(), sums.tolist(), strict=True)
            if quantity
        ]


def _name(cell: Key, day: int) -> str:
    return cell_name(cell[0], cell[-1], day)


def _cell_of_the_other_terms(told: ContractMoves, dimensions: list[Key]) -> Integers:
    """For each flow a cell of its record's other terms, old for new; its own where that has none, or the same."""
    records, record = np.unique(told.offset, return_inverse=True)
    cell_by_terms = np.full((2, len(records)), -1, np.int64)
    new = told.is_new.astype(np.int64)
    cell_by_terms[new[::-1], record[::-1]] = told.cell[::-1]
    other = cell_by_terms[1 - new, record]
    kind = {one: at for at, one in enumerate(dict.fromkeys(dimensions))}
    code = np.array([kind[one] for one in dimensions], np.int64)
    moved = (other >= 0) & (code[other] != code[told.cell])
    return np.where(moved, other, told.cell)
