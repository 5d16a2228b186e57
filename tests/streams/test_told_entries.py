"""What is told of a batch is what the folds do: the states agree, and each entry's part in them."""

from datetime import date
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.entry_batch import PENDING
from projections.gap import GapState
from projections.transactions import SettledEntry, TransactionState
from streams import told_contracts, told_entries, topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.past_gap import CELL, flow_date
from streams.raw_batch import RawBatch
from tests.live_bank import LiveBank, live_folders
from tests.memory_replay import MemoryReplay
from tests.streams.test_gap_changes import loan

FOLDERS = live_folders()


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    source = SimulatedBank(Simulation(11, date(2026, 3, 16), 5_000, 500))
    return LiveBank(partitions=1).feed(islice(source.events(), source.opening_events + 3_000))


def by_hook(bank: LiveBank) -> tuple[TransactionState, list[SettledEntry]]:
    """Entry by entry, as the state itself tells it."""
    state, told = FOLDERS[topics.TXN].empty(), list[SettledEntry]()
    state.tell = told.append
    for raw in batches(bank, 500):
        FOLDERS[topics.TXN].absorb(state, raw)
    return state, told


def batches(bank: LiveBank, size: int, topic: str = topics.TXN) -> list[RawBatch]:
    return list(MemoryReplay(bank, size).batches(topic, 0, 0, len(bank.logs[topic, 0])))


@pytest.mark.parametrize("size", [64, 10_000])
def test_entries_one_by_one_and_in_columns(bank: LiveBank, size: int) -> None:
    expected, one_by_one = by_hook(bank)
    state = FOLDERS[topics.TXN].empty()
    found: dict[int, dict[int, list[int]]] = {}
    flags: dict[int, tuple[bool, bool]] = {}
    for raw in batches(bank, size):
        told = told_entries.fold_told(state, raw)
        assert (np.diff(told.row) > 0).all()
        offset = told.batch.offset[told.row]
        for entry, cell, part, minor in zip(*(column.tolist() for column in told.deposits), strict=True):
            parts = found.setdefault(int(offset[entry]), {}).setdefault(cell, [0] * 4)
            parts[part] += minor
            flags[int(offset[entry])] = (bool(told.late[entry]), bool(told.batch.is_reversal[told.row[entry]]))
        pending = told.batch.status[told.row] == PENDING
        assert not told.moves.settled_minor[pending].any()
    assert {offset: {cell: tuple(parts) for cell, parts in cells.items()} for offset, cells in found.items()} == {
        entry.offset: dict(entry.changes) for entry in one_by_one
    }
    assert flags == {entry.offset: (entry.late, entry.reversal) for entry in one_by_one}
    assert state.positions.canonical_rows() == expected.positions.canonical_rows()
    assert state.depositors.rows() == expected.depositors.rows()
    assert (state.counts, state.next_offset) == (expected.counts, expected.next_offset)
    assert FOLDERS[topics.TXN].load(state.dump()).depositors.rows() == expected.depositors.rows()


def test_a_depositor_of_more_balances_than_there_is_room_for(bank: LiveBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_entries, "ROOM", 1)
    state, whole = FOLDERS[topics.TXN].empty(), FOLDERS[topics.TXN].empty()
    for raw in batches(bank, 1):
        if raw.from_offset > 200:
            break
        told_entries.fold_told(state, raw)
        FOLDERS[topics.TXN].absorb(whole, raw)
    assert state.depositors.rows() == whole.depositors.rows()


contracts = st.lists(
    st.tuples(
        st.sampled_from(["K1", "K2"]),
        st.integers(1, 9),
        st.sampled_from(["2026-03-20", "2026-06-30", None]),
        st.booleans(),
        st.sampled_from(["NORTH", "SOUTH"]),
    ),
    max_size=6,
)


@settings(max_examples=25)
@given(contracts, st.integers(1, 6))
def test_what_contracts_moved_adds_up_to_the_gap(drawn: list[Any], size: int) -> None:
    bank = LiveBank(partitions=1, folders=FOLDERS).feed(
        loan(f"{thousands}000.00", due, name, closed=closed, org_id=organisation)
        for name, thousands, due, closed, organisation in drawn
    )
    if not drawn:
        return
    state, sums = GapState(), dict[tuple[Any, ...], int]()
    for raw in batches(bank, size, topics.CONTRACT):
        told = told_contracts.fold_told(state, raw)
        assert set(told.offset.tolist()) <= set(raw.offsets.tolist())
        for cell, day, amount, is_new in zip(
            told.cell.tolist(), told.day.tolist(), told.amount_minor.tolist(), told.is_new.tolist(), strict=True
        ):
            key = (*told.cells[cell], flow_date(day))
            sums[key] = sums.get(key, 0) + (amount if is_new else -amount)
    folded = bank.states[topics.CONTRACT, 0]
    rows = {
        tuple(getattr(row, name) for name in (*CELL[:4], "liquidity_tag", "currency", "flow_date")): (
            row.inflow_minor - row.outflow_minor
        )
        for row in folded.rows()
    }
    assert {key: amount for key, amount in sums.items() if amount} == rows
    assert state.canonical_bytes() == folded.canonical_bytes()
