"""Approved and not executed withdrawals of one partition: laws of a fold, an oracle, what records may say."""

from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import CorruptRecord, InvalidInput
from projections.cell_sums import day_text
from projections.dictionary import KeyDictionary
from projections.reservations import (
    ReservationBatch,
    ReservationRow,
    ReservationState,
    ReservationTerms,
    fold,
)
from streams.reservation_rows import reservation_terms
from streams.schemas import Reservation

Record = tuple[int, ReservationTerms]

RECORD = Reservation(
    res_id="R1",
    event_time="2024-01-01T00:00:00Z",
    entity_id="E1",
    org_id="O1",
    ccy="CNY",
    amount="150.00",
    value_date="2024-03-01",
    status="approved",
)


def batch(records: list[Record]) -> ReservationBatch:
    offsets = np.array([offset for offset, _ in records], np.int64)
    return ReservationBatch(offsets, [terms for _, terms in records])


def folded(records: list[Record], end: int) -> ReservationState:
    return fold(ReservationState(), batch(records), 0, end)


reservations = st.builds(
    ReservationTerms,
    res_id=st.sampled_from("abcd"),
    entity=st.sampled_from(["E1", "E2"]),
    organisation=st.sampled_from(["O1", "O2"]),
    currency=st.sampled_from(["CNY", "USD"]),
    value_day=st.integers(19_000, 19_003),
    outstanding_minor=st.one_of(st.just(0), st.integers(0, 10**16)),
)


@st.composite
def cut_logs(draw: st.DrawFn) -> tuple[list[Record], int, list[int]]:
    rows = draw(st.lists(reservations, max_size=20))
    offsets = np.cumsum([draw(st.integers(1, 3)) for _ in rows]).tolist()
    end = (offsets[-1] if offsets else 0) + 1
    cuts = [0, *sorted(draw(st.lists(st.integers(0, end), max_size=5))), end]
    return list(zip(offsets, rows, strict=True)), end, cuts


@given(cut_logs())
def test_equals_the_sum_of_the_latest_records(log: tuple[list[Record], int, list[int]]) -> None:
    records, end, _ = log
    latest = {(terms.entity, terms.res_id): terms for _, terms in records}
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for terms in latest.values():
        key = (terms.entity, terms.organisation, terms.currency, day_text(terms.value_day))
        sums[key] += terms.outstanding_minor
    expected = [ReservationRow(*key, minor) for key, minor in sorted(sums.items()) if minor]
    assert folded(records, end).rows() == expected


@settings(max_examples=60)
@given(cut_logs(), st.data())
def test_any_split_any_repeat_and_any_restart_give_the_same_bytes(
    log: tuple[list[Record], int, list[int]], data: st.DataObject
) -> None:
    records, end, cuts = log
    state = ReservationState()
    stored, told = [state.dump()], {}
    for start, stop in pairwise(cuts):
        again = data.draw(st.integers(0, start))
        fold(state, batch([record for record in records if again <= record[0] < stop]), again, stop)
        for row in state.changes():
            told[msgspec.structs.astuple(row)[:4]] = row
        stored.append(state.dump_delta())
        if data.draw(st.booleans()):
            state = ReservationState.load(stored[0])
            for delta in stored[1:]:
                state.apply_delta(delta)
            assert state.changes() == []
        if data.draw(st.booleans()):
            stored = [state.dump()]
    assert state.canonical_bytes() == folded(records, end).canonical_bytes()
    left = [row for row in told.values() if row.approved_minor]
    assert sorted(left, key=msgspec.structs.astuple) == state.rows()


def test_a_gap_between_offsets_stops() -> None:
    with pytest.raises(CorruptRecord, match="missing"):
        fold(folded([], 5), batch([]), 6, 7)


@pytest.mark.parametrize(
    ("changes", "outstanding"),
    [
        ({}, 15_000),
        ({"status": "partial", "executed_amount": "50.5"}, 9_950),
        ({"status": "partial", "executed_amount": "150.01"}, 0),
        ({"status": "executed", "executed_amount": "150"}, 0),
        ({"status": "draft"}, 0),
        ({"status": "submitted"}, 0),
        ({"status": "rejected"}, 0),
        ({"status": "cancelled"}, 0),
        ({"status": "expired"}, 0),
        ({"ccy": "JPY", "amount": "150"}, 150),
    ],
)
def test_what_is_outstanding(changes: dict[str, Any], outstanding: int) -> None:
    assert reservation_terms(msgspec.structs.replace(RECORD, **changes)).outstanding_minor == outstanding


def test_a_reservation_moved_to_another_day_leaves_nothing_behind() -> None:
    moved = msgspec.structs.replace(RECORD, value_date="2024-03-02", org_id="O2")
    state = folded([(0, reservation_terms(RECORD)), (1, reservation_terms(moved))], 2)
    assert state.rows() == [ReservationRow("E1", "O2", "CNY", "2024-03-02", 15_000)]
    state = folded([(0, reservation_terms(RECORD))], 1)
    assert state.changes() == [ReservationRow("E1", "O1", "CNY", "2024-03-01", 15_000)]
    fold(state, batch([(1, reservation_terms(moved))]), 1, 2)
    assert state.changes() == [
        ReservationRow("E1", "O1", "CNY", "2024-03-01", 0),
        ReservationRow("E1", "O2", "CNY", "2024-03-02", 15_000),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ccy": "XYZ"}, "ccy"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"executed_amount": "1.234"}, "executed_amount"),
        ({"value_date": "2024-13-01"}, "value_date"),
        ({"status": "lost"}, "status"),
        ({"res_id": ""}, "res_id"),
    ],
)
def test_a_record_that_cannot_be_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reservation_terms(msgspec.structs.replace(RECORD, **changes))
    assert refused.value.facts["field"] == field
    assert "res_id" in refused.value.facts


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"))), st.integers(0, 9))
def test_codes_come_in_order_of_first_use_and_the_tail_restores_them(keys: list[tuple[str, str]], cut: int) -> None:
    known = KeyDictionary()
    codes = [known.code(key) for key in keys]
    assert [known[code] for code in codes] == keys
    assert known.tail() == list(dict.fromkeys(keys))
    assert known.find(("?", "?")) is None
    restored = KeyDictionary(known.tail()[:cut])
    restored.extend(known.tail(cut))
    assert [restored.find(key) for key in keys] == codes
    assert len(restored) == len(known)
