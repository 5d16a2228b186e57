"""What is told of a batch is what the folds do: the states agree, and each entry's part in them."""

from datetime import date
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import CorruptRecord
from projections import depositor_moves
from projections.depositor_balances import DepositRow
from projections.entry_batch import PENDING
from projections.gap import GapState
from projections.transactions import TransactionState
from streams import told_contracts, told_entries, topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.past_gap import CELL, flow_date
from streams.raw_batch import RawBatch
from tests.live_bank import LiveBank, live_folders
from tests.memory_replay import MemoryReplay
from tests.streams.test_gap_changes import loan

FOLDERS = live_folders()
Alone = tuple[TransactionState, dict[int, dict[int, list[int]]]]


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    source = SimulatedBank(Simulation(11, date(2026, 3, 16), 5_000, 500))
    return LiveBank(partitions=1).feed(islice(source.events(), source.opening_events + 3_000))


@pytest.fixture(scope="module")
def one_by_one(bank: LiveBank) -> Alone:
    """Each entry folded alone, as the worker would; what it did to each cell, by offset: sums after less before."""
    state, found = FOLDERS[topics.TXN].empty(), dict[int, dict[int, list[int]]]()
    before = dict[int, tuple[int, ...]]()
    for raw in batches(bank, 1):
        FOLDERS[topics.TXN].absorb(state, raw)
        for row in state.depositors.take_changed():
            cell = state.depositors.cells.code(tuple(row_values(row)[:7]))
            sums, old = row_values(row)[7:], before.get(cell, (0, 0, 0, 0))
            change = [now - was for now, was in zip(sums, old, strict=True)]
            before[cell] = tuple(sums)
            if any(change):
                found.setdefault(raw.from_offset, {})[cell] = change
    return state, found


def row_values(row: DepositRow) -> list[Any]:
    return list(msgspec.structs.astuple(row))


def batches(bank: LiveBank, size: int, topic: str = topics.TXN) -> list[RawBatch]:
    return list(MemoryReplay(bank, size).batches(topic, 0, 0, len(bank.logs[topic, 0])))


@pytest.mark.parametrize("size", [64, 10_000])
def test_entries_one_by_one_and_in_columns(bank: LiveBank, one_by_one: Alone, size: int) -> None:
    expected, changes = one_by_one
    state = FOLDERS[topics.TXN].empty()
    found: dict[int, dict[int, list[int]]] = {}
    newest = 0
    for raw in batches(bank, size):
        told = told_entries.fold_told(state, raw)
        assert (np.diff(told.row) > 0).all()
        offset = told.batch.offset[told.row]
        for entry, cell, part, minor in zip(*(column.tolist() for column in told.deposits), strict=True):
            parts = found.setdefault(int(offset[entry]), {}).setdefault(cell, [0] * 4)
            parts[part] += minor
        pending = told.batch.status[told.row] == PENDING
        assert not told.moves.settled_minor[pending].any()
        late = dict(zip(told.row.tolist(), told.late.tolist(), strict=True))
        for row, instant in enumerate(told.batch.event_time_us.tolist()):
            assert late.get(row, False) == (instant < newest and row in late)
            newest = max(newest, instant)
    assert found == changes
    assert state.tell is None
    assert state.positions.canonical_rows() == expected.positions.canonical_rows()
    assert state.depositors.rows() == expected.depositors.rows()
    assert (state.counts, state.next_offset) == (expected.counts, expected.next_offset)
    assert FOLDERS[topics.TXN].load(state.dump()).depositors.rows() == expected.depositors.rows()


def test_a_batch_that_fails_leaves_no_listener(bank: LiveBank) -> None:
    state = FOLDERS[topics.TXN].empty()
    gap = batches(bank, 64)[1]
    with pytest.raises(CorruptRecord):
        told_entries.fold_told(state, gap)
    assert state.tell is None


def test_a_depositor_of_more_balances_than_there_is_room_for(bank: LiveBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depositor_moves, "ROOM", 1)
    monkeypatch.setattr(depositor_moves, "PARTS_AN_ENTRY", 0)
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
