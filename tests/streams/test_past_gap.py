"""The contracts behind a gap figure add up to it, whatever is asked; and a contract is found with its record."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.buckets import BUCKETS, OVERDUE, bucket_index
from engines.primitives.errors import InvalidInput, NotFound
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.gap import DEMAND_DAY, UNDATED_DAY, GapState
from streams.instants import day_number
from streams.past_gap import (
    SEARCH_STEP,
    Contracts,
    Days,
    RecordSearch,
    contracts_from_snapshots,
)
from streams.raw_batch import RawBatch
from streams.schemas import Contract
from streams.views import AsOf, RiskView
from tests.contract_records import FOLDER, LOG, contract, folded, published, raw

AS_OF = date(2026, 11, 22)
BOOK = (
    contract("L1"),
    contract("L2", principal="999.99", rate="0.0475", amort="annuity", maturity_date="2031-06-30"),
    contract("L3", amort="bullet", pay_freq="3M", side="liability", org_id="B2", product_id="deposit"),
    contract("L4", ccy="JPY", principal="123457", amort="zero", pay_freq="-"),
    contract("L5", maturity_date=None, on_demand=True, side="liability", product_id="current"),
    contract("L6", maturity_date=None, principal="7.00"),
    contract("L7", entity_id="SOUTH", amort="bullet", pay_freq="1Y", maturity_date="2036-06-30"),
    contract("L8", closed=True),
    contract("L9", entity_id="WEST"),  # of which no business date is known
    contract("L1", principal="2400.00"),  # replaces the first
)


def source(*states: GapState, found: int | None = None) -> Contracts:
    def read() -> Iterator[tuple[LogPartition, GapState, int]]:
        for number, state in enumerate(states):
            yield replace(LOG, partition=number), state, state.next_offset

    return Contracts(read, lambda where, end, entity, contract_id: found)


def dates(day: date = AS_OF) -> AsOf:
    return AsOf(None, {"NORTH": day, "SOUTH": day + timedelta(days=30)})


@given(offset=st.integers(-400, 4_000), demand=st.sampled_from([None, DEMAND_DAY, UNDATED_DAY]))
def test_every_day_is_in_the_bucket_where_the_gap_has_it(offset: int, demand: int | None) -> None:
    today = day_number(AS_OF)
    day = today + offset if demand is None else demand
    place = int(bucket_index(np.array([offset], np.int64))[0])
    expected = [] if place == OVERDUE else [BUCKETS[place]]
    if demand is not None:
        expected = ["ON"] if demand == DEMAND_DAY else ["UNDATED"]
    found = [
        bucket
        for bucket in BUCKETS
        for first, last in Days(bucket).ranges(today)
        if first <= day <= last and (day == first or day not in (DEMAND_DAY, UNDATED_DAY))
    ]
    assert found == expected
    everything = Days().ranges(today)
    assert sum(first <= day <= last for first, last in everything) == len(expected)


def test_dates_narrow_a_bucket_and_leave_out_what_has_none() -> None:
    today = day_number(AS_OF)
    assert Days("ON", first=AS_OF).ranges(today) == [(today, today + 1)]
    assert Days("D2_7", AS_OF, AS_OF + timedelta(days=3)).ranges(today) == [(today + 2, today + 3)]
    assert Days("D2_7", last=AS_OF).ranges(today) == []
    assert Days("UNDATED", first=AS_OF).ranges(today) == []


@pytest.mark.parametrize("bucket", [None, *BUCKETS])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"entity": frozenset({"NORTH"})},
        {"entity": frozenset({"NORTH"}), "currency": frozenset({"EUR"}), "organisation": frozenset({"HQ"})},
        {"product": frozenset({"deposit", "current"})},
        {"business_line": frozenset({"none"})},
    ],
    ids=lambda filters: "+".join(filters) or "all",
)
def test_contracts_add_up_to_the_gap_of_the_live_view(bucket: str | None, filters: dict[str, frozenset[str]]) -> None:
    states = folded(BOOK), folded([contract("M1", entity_id="SOUTH"), contract("M2", ccy="JPY", principal="90")])
    view = RiskView()
    for number, state in enumerate(states):
        for record in published(state, number):
            view.apply(record)
    expected: dict[tuple[str, ...], list[int]] = {}
    for row in view.gap(("entity", "currency"), dates(), filters):
        if bucket in (None, row.bucket):
            sums = expected.setdefault(row.members, [0, 0, 0])
            for place, value in enumerate((row.inflow_minor, row.outflow_minor, row.contracts)):
                sums[place] += value
    found: dict[tuple[str, ...], list[int]] = {members: [0, 0, 0] for members in expected}
    behind = source(*states).behind(dates(), filters, Days(bucket))
    for one in behind.rows:
        sums = found[one.cell[0], one.cell[-1]]
        for place, value in enumerate((one.inflow_minor, one.outflow_minor, one.flow_dates)):
            sums[place] += value
        assert sum(flow.amount_minor for flow in one.flows) == one.inflow_minor - one.outflow_minor
    assert found == expected
    assert behind.offsets == view.offsets("tm.risk.gap.v1")
    assert behind.logs == view.logs("tm.risk.gap.v1")


def test_the_largest_contract_comes_first() -> None:
    rows = source(folded(BOOK)).behind(dates(), {"entity": frozenset({"NORTH"})}, Days()).rows
    nets = [abs(row.inflow_minor - row.outflow_minor) for row in rows]
    assert nets == sorted(nets, reverse=True)
    assert len(nets) > 4


def test_a_contract_is_found_in_whichever_partition_has_it() -> None:
    states = folded(BOOK), folded([contract("M1", entity_id="SOUTH", principal="5.00")])
    held = source(*states, found=3).contract("SOUTH", "M1")
    assert (held.terms.principal_minor, held.log.partition, held.offset, held.record_offset) == (500, 1, 1, 3)
    assert source(*states).contract("NORTH", "L1").terms.principal_minor == 240_000
    with pytest.raises(NotFound) as caught:
        source(*states).contract("NORTH", "M1")
    assert caught.value.facts == {"entity": "NORTH", "contract_id": "M1"}


def test_contracts_come_from_the_newest_snapshots(tmp_path: Path) -> None:
    store = LocalSnapshotStore(tmp_path)
    state = folded(BOOK[:1])
    save(store, state)
    contracts = contracts_from_snapshots(FOLDER, store, lambda: [LOG], lambda *_: None)
    assert contracts.behind(dates(), {}, Days()).offsets == {"tm.in.core.contract.v1/0": 1}
    FOLDER.absorb(state, raw(BOOK[1:4], 1))
    save(store, state)
    behind = contracts.behind(dates(), {}, Days())
    assert behind.offsets == {"tm.in.core.contract.v1/0": 4}
    assert {row.contract_id for row in behind.rows} == {"L1", "L2", "L3", "L4"}


# -- the record a contract came from ------------------------------------------------------------------------


class LogDouble:
    """Records of one partition, from `first` on; remembers which ranges were read."""

    def __init__(self, records: list[Contract | bytes], first: int = 0) -> None:
        self.records, self.first = records, first
        self.ranges: list[tuple[int, int]] = []
        self.closed = False

    def batches(self, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        assert (topic, partition) == (LOG.topic, LOG.partition)
        if start < self.first:
            raise InvalidInput("the log does not hold this", field="at_offsets")
        self.ranges.append((start, end))
        middle = (start + end) // 2
        for low, high in ((start, middle), (middle, end)):
            if low < high:
                yield raw(self.records[low:high], low)

    def close(self) -> None:
        self.closed = True


def searched(log: Any, end: int, contract_id: str = "L1", entity: str = "NORTH") -> int | None:
    return RecordSearch(lambda: log)(LOG, end, entity, contract_id)


def test_the_newest_record_of_a_contract_below_the_cut_is_found() -> None:
    log = LogDouble(list(BOOK))
    assert searched(log, len(BOOK)) == 9
    assert searched(log, 9) == 0
    assert searched(log, 9, "L7", "SOUTH") == 6
    assert searched(log, 9, "L7") is None  # of another entity
    assert log.closed


def test_dead_letters_are_passed_over() -> None:
    refused = contract("L1", rate="eleven")
    assert searched(LogDouble([contract("L1"), refused, b"{", b"", b'{"contract_id": 7}']), 5) == 0


def test_the_search_goes_back_in_steps_and_ends_where_the_log_does() -> None:
    log = LogDouble([contract("L1"), *[b"{}"] * (2 * SEARCH_STEP)])
    assert searched(log, len(log.records)) == 0
    assert log.ranges[0] == (SEARCH_STEP + 1, 2 * SEARCH_STEP + 1)
    short = LogDouble(log.records, first=SEARCH_STEP)
    assert searched(short, len(log.records)) is None
    assert short.closed


def save(store: LocalSnapshotStore, state: GapState) -> None:
    epoch = store.claim(LOG, FOLDER.state_name)
    store.save(
        LOG,
        FOLDER.state_name,
        epoch=epoch,
        fold_version=FOLDER.fold_version,
        next_offset=state.next_offset,
        payload=state.dump(),
        base=True,
    )
