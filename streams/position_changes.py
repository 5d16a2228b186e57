"""Why a position moved between two cuts: entries by name, and value dates that came with a new business date.

The position of LIQ-01: settled amounts with a value date up to each entity's business date, along any dimension, down
to one account. Not for what is pending or reserved: those are no position yet.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from infra.snapshots import LogPartition
from projections.entry_batch import POSITION_DIMENSIONS
from projections.transactions import TransactionState
from streams import told_entries, topics
from streams.amount_changes import AmountCuts, Sums, cell_name, ordered, read_between
from streams.folders import Folder
from streams.instants import day_number
from streams.moved_records import flag_bits
from streams.past_figures import Logs
from streams.ratio_movements import Batches
from streams.stored_states import Replay
from streams.views import ON_US_DIMENSIONS, Filters

DUE, LATER = "due", "later"
ENTITY, CURRENCY, INTRAGROUP = (POSITION_DIMENSIONS.index(name) for name in ("entity", "currency", "intragroup"))
#: Dimensions that a cell of the state does not have: asked by these, the accounts are read.
OF_ACCOUNTS = frozenset({"customer", "account"})


def position_cuts(
    replay: Replay,
    logs: Logs,
    batches: Batches,
    before: Mapping[str, int],
    after: Mapping[str, int],
    filters: Filters,
) -> AmountCuts:
    """Both cuts of the positions that pass `filters`, and what moved between them.

    Raises InvalidInput, NotFound: as `amount_changes.read_between`, and a filter of another dimension.
    """
    if not ordered(before, after):
        return position_cuts(replay, logs, batches, after, before, filters).reversed()
    cuts, chosen = AmountCuts("position"), _Chosen(filters)
    newest: tuple[dict[str, int], dict[str, int]] = ({}, {})

    def roll(folder: Folder, where: LogPartition, state: TransactionState, end: int) -> None:
        chosen.add(state, cuts.sums[0], newest[0])
        wanted: list[bool] = []
        for raw in batches(where.topic, where.partition, state.next_offset, end) if state.next_offset < end else ():
            told = told_entries.fold_told(state, raw)
            log = cuts.moved.keep(where, raw)
            wanted += [chosen.passes(key) for key in state.positions.keys[len(wanted) :]]
            settled = told.moves.settled_minor
            some = np.flatnonzero(np.array(wanted, np.bool_)[told.moves.position_row] & (settled != 0))
            position, day = told.moves.position_row[some], told.moves.value_day[some]
            pairs, place = np.unique(np.stack((position, day)), axis=1, return_inverse=True)
            keys = ((state.positions.keys[row], when) for row, when in pairs.T.tolist())
            codes = [cuts.moved.code(cell_name(key[ENTITY], key[CURRENCY], when)) for key, when in keys]
            row = told.row[some]
            flags = flag_bits(told.late[some], told.batch.is_reversal[row])
            cuts.moved.add(log, told.batch.offset[row], np.array(codes, np.int64)[place], settled[some], flags)
        chosen.add(state, cuts.sums[1], newest[1])

    read_between(replay, logs, before, after, topics.TXN, cuts, roll)
    for known, days in zip(newest, cuts.days, strict=True):
        for entity, day in known.items():  # as the live view: where no business date came
            days.setdefault(entity, date.fromordinal(day + date(1970, 1, 1).toordinal()))
    return cuts


def window_of(day: int, as_of: date) -> str:
    """Of a value date, as days since 1970-01-01."""
    return DUE if day <= day_number(as_of) else LATER


def line_of(window: str) -> str | None:
    return "position" if window == DUE else None


class _Chosen:
    """The positions that are asked for; without an organisation or account, legs within the bank cancel out."""

    def __init__(self, filters: Filters) -> None:
        self._allowed = [(POSITION_DIMENSIONS.index(name), members) for name, members in filters.items()]
        self._on_us = bool(filters.keys() & ON_US_DIMENSIONS)
        self._by_account = bool(filters.keys() & OF_ACCOUNTS)

    def passes(self, key: tuple[str, ...]) -> bool:
        if key[INTRAGROUP] == "true" and not self._on_us:
            return False
        return all(key[at] in members for at, members in self._allowed)

    def add(self, state: TransactionState, sums: Sums, newest: dict[str, int]) -> None:
        """The sums of a state, and the newest value date of each of its entities."""
        rows = state.positions.accounts_by_day() if self._by_account else iter(state.positions.cells())
        for row in rows:
            entity = row.key[ENTITY]
            if row.value_day > newest.get(entity, -(10**9)):
                newest[entity] = row.value_day
            if self.passes(row.key):
                key = (entity, row.key[CURRENCY], row.value_day)
                sums[key] = sums.get(key, 0) + row.settled_minor
