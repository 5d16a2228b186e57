"""The gap of one partition: laws of a fold (S23), a naive oracle, LIQ-08, and what a record may say."""

import json
from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from engines.buckets import BUCKETS, ON, bucket_index, cumulative
from engines.flow_frame import DEMAND_DAY, UNDATED_DAY
from engines.primitives.errors import CorruptRecord, InvalidInput
from engines.primitives.money import exponent, to_minor, to_text
from projections import gap
from projections.contract_flows import actus_terms
from projections.contract_table import ContractTable
from projections.gap import ContractBatch, ContractTerms, GapRow, GapState, fold
from streams.contract_rows import EPOCH_ORDINAL, contract_terms
from streams.schemas import Contract

GOLDEN = Path(__file__).parents[1] / "golden"

Record = tuple[int, ContractTerms]  # offset and terms

RECORD = Contract(
    contract_id="C1",
    event_time="2024-01-01T00:00:00Z",
    entity_id="E1",
    side="asset",
    ccy="CNY",
    principal="1200000",
    start_date="2024-01-31",
    maturity_date="2025-01-31",
    rate="0.06",
    amort="annuity",
    pay_freq="1M",
    day_count="30/360",
    org_id="O1",
    line_id="L1",
    product_id="LOAN",
)


def batch(records: list[Record]) -> ContractBatch:
    offsets = np.array([offset for offset, _ in records], np.int64)
    return ContractBatch(offsets, ContractTable.of([terms for _, terms in records]))


def folded(records: list[Record], end: int) -> GapState:
    return fold(GapState(), batch(records), 0, end)


def paid(terms: ContractTerms) -> list[tuple[str, int, bool]]:
    """Date, booked amount and whether it is principal of each flow of a dated contract, by the path for one
    contract, in decimals."""
    if terms.maturity_day == terms.start_day:
        return [(iso(terms.start_day), terms.principal_minor, True)]
    inward = 1 if terms.side in ("asset", "obs_in") else -1
    days, amounts, principal, left, last = [], [], [], terms.principal_minor, -1
    for flow in evaluate(read_terms(actus_terms(terms))).flows:
        # To nine places first: what is no midpoint in binary may be one in decimals.
        minor = flow.payoff * 10 ** exponent(terms.currency) * inward
        exact = Decimal(minor).quantize(Decimal("1e-6"), ROUND_HALF_UP)
        amount = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        days.append(iso(flow.event.instant // 86_400))
        amounts.append(amount)
        principal.append(flow.event.kind in ("PR", "MD"))
        if principal[-1]:
            left -= amount
            last = len(amounts) - 1 if amount or last < 0 else last
    amounts[last] += left
    return list(zip(days, amounts, principal, strict=True))


def iso(day: int) -> str:
    return date.fromordinal(day + EPOCH_ORDINAL).isoformat()


def naive_rows(records: list[Record]) -> list[GapRow]:
    """All flows of the latest records, computed anew, one contract at a time."""
    latest = {(terms.entity, terms.contract_id): terms for _, terms in records}
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for terms in latest.values():
        if terms.closed:
            continue
        if terms.on_demand:
            flows = [("DEMAND", terms.principal_minor, True)]
        elif terms.maturity_day is None or (terms.amortisation == "custom" and not terms.schedule):
            flows = [("UNDATED", terms.principal_minor, True)]
        else:
            flows = paid(terms)
        cell = (
            terms.entity,
            terms.organisation,
            terms.business_line,
            terms.product,
            terms.liquidity_tag,
            terms.currency,
        )
        for day, amount, is_principal in flows:
            if amount:
                inward = (terms.side in ("asset", "obs_in")) == (amount > 0)
                sums[*cell, day][0 if inward else 1] += abs(amount)
                sums[*cell, day][3 if inward else 4] += abs(amount) * is_principal
        for day in {day for day, amount, _ in flows if amount}:
            sums[*cell, day][2] += 1
    return [
        GapRow(
            entity=key[0],
            organisation=key[1],
            business_line=key[2],
            product=key[3],
            liquidity_tag=key[4],
            currency=key[5],
            flow_date=key[6],
            inflow_minor=values[0],
            outflow_minor=values[1],
            contracts=values[2],
            principal_in_minor=values[3],
            principal_out_minor=values[4],
        )
        for key, values in sums.items()
    ]


def by_key(rows: list[GapRow]) -> list[tuple[Any, ...]]:
    return sorted(msgspec.structs.astuple(row) for row in rows)


@st.composite
def contracts(draw: st.DrawFn) -> ContractTerms:
    start = draw(st.integers(18_000, 18_100))
    dated = draw(st.booleans())
    amortisation = draw(st.sampled_from(["bullet", "equal_principal", "annuity", "zero", "custom"]))
    principal, days = draw(st.integers(0, 10**10)), draw(st.integers(0, 400))
    schedule: tuple[tuple[int, int], ...] = ()
    if amortisation == "custom" and dated and principal > 10 and days > 10 and draw(st.booleans()):
        schedule = tuple((start + part * days // 4, principal // 7 + part) for part in (1, 2, 4))
    return ContractTerms(
        contract_id=draw(st.sampled_from("abcd")),
        entity=draw(st.sampled_from(["E1", "E2"])),
        organisation=draw(st.sampled_from(["O1", "O2"])),
        business_line="-",
        product=draw(st.sampled_from(["P1", "P2"])),
        currency="CNY",
        side=draw(st.sampled_from(gap.SIDES)),
        amortisation=amortisation,
        day_count=draw(st.sampled_from(["ACT/360", "ACT/365", "30/360"])),
        months=draw(st.sampled_from([0, 1, 3, 6, 12])),
        principal_minor=principal,
        rate_units=draw(st.integers(-(10**7), 10**8)),
        start_day=start,
        maturity_day=start + days if dated else None,
        on_demand=not dated and draw(st.booleans()),
        closed=draw(st.sampled_from([False, False, False, True])),
        schedule=schedule,
        liquidity_tag=draw(st.sampled_from(["asset/performing/-/-/-/-/-/RETAIL", "-"])),
    )


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Record], int]:
    """Records with lawful holes between their offsets, and the log's end."""
    rows = draw(st.lists(contracts(), max_size=14))
    offsets = np.cumsum([draw(st.integers(1, 3)) for _ in rows]).tolist()
    return list(zip(offsets, rows, strict=True)), (offsets[-1] if offsets else 0) + draw(st.integers(1, 3))


@st.composite
def cut_logs(draw: st.DrawFn) -> tuple[list[Record], int, list[int]]:
    records, end = draw(logs())
    return records, end, [0, *sorted(draw(st.lists(st.integers(0, end), max_size=5))), end]


@given(logs())
def test_equals_flows_computed_anew_from_the_latest_contracts(log: tuple[list[Record], int]) -> None:
    records, end = log
    state = folded(records, end)
    assert by_key(state.rows()) == by_key(naive_rows(records))
    assert state.next_offset == end


@settings(max_examples=60)
@given(cut_logs(), st.data())
def test_any_split_and_any_repeated_range_give_the_same_bytes(
    log: tuple[list[Record], int, list[int]], data: st.DataObject
) -> None:
    records, end, cuts = log
    state = GapState()
    for start, stop in pairwise(cuts):
        again = data.draw(st.integers(0, start))  # the delivery begins before what is already folded
        part = [record for record in records if again <= record[0] < stop]
        fold(state, batch(part), again, stop)
    assert state.canonical_bytes() == folded(records, end).canonical_bytes()


@settings(max_examples=60)
@given(cut_logs(), st.sampled_from(["base", "deltas", "deltas of a loaded one"]))
def test_any_restart_point_gives_the_same_bytes(log: tuple[list[Record], int, list[int]], kind: str) -> None:
    records, end, cuts = log
    state = GapState()
    stored = [state.dump()]
    for start, stop in pairwise(cuts):
        fold(state, batch([record for record in records if start <= record[0] < stop]), start, stop)
        stored = [state.dump()] if kind == "base" else [*stored, state.dump_delta()]
        restored = GapState.load(stored[0])
        for delta in stored[1:]:
            restored.apply_delta(delta)
        assert restored.canonical_bytes() == state.canonical_bytes()
        assert restored.changes() == []
        if kind == "deltas of a loaded one":
            state = restored
    assert state.canonical_bytes() == folded(records, end).canonical_bytes()


@given(cut_logs())
def test_changes_told_one_after_another_end_at_the_rows(log: tuple[list[Record], int, list[int]]) -> None:
    records, _, cuts = log
    state, told = GapState(), {}
    for start, stop in pairwise(cuts):
        fold(state, batch([record for record in records if start <= record[0] < stop]), start, stop)
        for row in state.changes():
            told[msgspec.structs.astuple(row)[:7]] = row
        assert state.changes() == []
    assert by_key([row for row in told.values() if row.contracts]) == by_key(state.rows())
    assert all(row.inflow_minor == row.outflow_minor == 0 for row in told.values() if not row.contracts)


@settings(max_examples=40)
@given(logs())
def test_contributions_add_up_to_the_rows(log: tuple[list[Record], int]) -> None:
    state = folded(*log)
    found: dict[tuple[str, ...], list[Any]] = defaultdict(lambda: [0, 0, set()])
    for cell in state.cells():
        for contract_id, day, kind, amount in state.contributions(cell, DEMAND_DAY, UNDATED_DAY):
            assert kind in ("interest", "principal")
            sums = found[*cell, {DEMAND_DAY: "DEMAND", UNDATED_DAY: "UNDATED"}.get(day) or iso(day)]
            sums[0 if amount > 0 else 1] += abs(amount)
            sums[2].add(contract_id)
    rows = {
        msgspec.structs.astuple(row)[:7]: (row.inflow_minor, row.outflow_minor, row.contracts) for row in state.rows()
    }
    assert {key: (inflow, outflow, len(ids)) for key, (inflow, outflow, ids) in found.items()} == rows


@settings(max_examples=40)
@given(logs())
def test_the_state_gives_back_the_latest_terms(log: tuple[list[Record], int]) -> None:
    state = folded(*log)
    for terms in {(terms.entity, terms.contract_id): terms for _, terms in log[0]}.values():
        assert state.contract(terms.entity, terms.contract_id) == terms
    assert state.contract("E1", "never told") is None


def test_contributions_of_a_range_of_days() -> None:
    terms = contract_terms(RECORD)
    demand = msgspec.structs.replace(terms, contract_id="C2", on_demand=True, maturity_day=None)
    state = folded([(0, terms), (1, demand)], 2)
    first = date(2024, 2, 29).toordinal() - EPOCH_ORDINAL
    assert list(state.contributions(terms.cell, first, first)) == [
        ("C1", first, "principal", 9_727_972),
        ("C1", first, "interest", 600_000),
    ]
    assert list(state.contributions(None, DEMAND_DAY, DEMAND_DAY)) == [("C2", DEMAND_DAY, "principal", 120_000_000)]
    assert {row[0] for row in state.contributions(None, first - 1_000, first + 1_000)} == {"C1"}
    undated = msgspec.structs.replace(terms, contract_id="C3", amortisation="custom")
    fold(state, batch([(2, undated)]), 2, 3)
    assert list(state.contributions(None, UNDATED_DAY, UNDATED_DAY)) == [
        ("C3", UNDATED_DAY, "principal", 120_000_000)
    ]
    assert list(state.contributions(("E9", "-", "-", "-", "CNY"), first, first)) == []


def test_a_flow_in_another_currency_lies_in_a_cell_of_its_own() -> None:
    forward = {
        "contractType": "FXOUT",
        "contractRole": "BUY",
        "maturityDate": "2024-06-28",
        "notionalPrincipal": 1_000,
        "currency2": "USD",
        "notionalPrincipal2": 140,
        "deliverySettlement": "D",
    }
    terms = contract_terms(msgspec.structs.replace(RECORD, actus=forward))
    state = folded([(0, terms)], 1)
    assert [(row.currency, row.inflow_minor, row.outflow_minor, row.contracts) for row in state.rows()] == [
        ("CNY", 100_000, 0, 1),
        ("USD", 0, 14_000, 1),
    ]
    dollars = next(cell for cell in state.cells() if cell[-1] == "USD")
    assert [row[3] for row in state.contributions(dollars, 0, 30_000)] == [-14_000]
    restored = GapState.load(state.dump())
    fold(restored, batch([(1, msgspec.structs.replace(terms, closed=True))]), 1, 2)
    assert restored.rows() == []


def test_changed_raw_terms_replace_the_old_ones_and_travel_in_deltas() -> None:
    loan = {
        "contractType": "PAM",
        "initialExchangeDate": "2024-01-31",
        "maturityDate": "2024-12-31",
        "notionalPrincipal": 1_000,
    }
    first = contract_terms(msgspec.structs.replace(RECORD, actus=loan))
    later = contract_terms(msgspec.structs.replace(RECORD, actus=loan | {"maturityDate": "2024-11-30"}))
    state = folded([(0, first)], 1)
    base = state.dump()
    fold(state, batch([(1, later)]), 1, 2)
    (row,) = state.rows()
    assert row.flow_date == "2024-11-30"
    restored = GapState.load(base)
    restored.apply_delta(state.dump_delta())
    assert restored.canonical_bytes() == state.canonical_bytes()
    assert restored.contract("E1", "C1") == later
    plain = contract_terms(RECORD)
    fold(state, batch([(2, plain)]), 2, 3)
    restored.apply_delta(state.dump_delta())
    assert restored.contract("E1", "C1") == plain
    assert restored.canonical_bytes() == folded([(0, first), (1, later), (2, plain)], 3).canonical_bytes()


def test_a_gap_between_offsets_stops() -> None:
    state = folded([], 5)
    with pytest.raises(CorruptRecord, match="missing"):
        fold(state, batch([]), 6, 7)


def test_a_repeated_older_range_does_not_turn_the_state_back() -> None:
    terms = contract_terms(RECORD)
    state = folded([(0, terms), (1, msgspec.structs.replace(terms, closed=True))], 2)
    fold(state, batch([(0, terms)]), 0, 1)
    assert state.next_offset == 2
    assert state.rows() == []


def test_the_same_contract_told_again_changes_nothing() -> None:
    terms = contract_terms(RECORD)
    state = folded([(0, terms)], 1)
    assert len(state.changes()) == 12
    fold(state, batch([(1, terms)]), 1, 2)
    assert state.changes() == []


def test_one_id_in_two_entities_is_two_contracts() -> None:
    terms = contract_terms(RECORD)
    state = folded([(0, terms), (1, msgspec.structs.replace(terms, entity="E2"))], 2)
    assert {row.entity for row in state.rows()} == {"E1", "E2"}


def test_large_batches_are_worked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = contract_terms(RECORD)
    records = [(n, msgspec.structs.replace(terms, contract_id=str(n))) for n in range(20)]
    whole = folded(records, 20).canonical_bytes()
    monkeypatch.setattr(gap, "FLOWS_MAX", 50)
    assert folded(records, 20).canonical_bytes() == whole


def test_sums_stop_before_they_wrap() -> None:
    terms = msgspec.structs.replace(
        contract_terms(RECORD), principal_minor=10**16, amortisation="zero", maturity_day=20_000
    )
    records = [(n, msgspec.structs.replace(terms, contract_id=str(n))) for n in range(500)]
    with pytest.raises(CorruptRecord, match="2\\^62"):
        folded(records, 500)
    state = GapState()
    for start in range(0, 450, 50):
        fold(state, batch(records[start : start + 50]), start, start + 50)
    with pytest.raises(CorruptRecord, match="2\\^62"):
        fold(state, batch(records[450:]), 450, 500)


def test_a_delta_costs_the_change_and_not_the_state() -> None:
    terms = contract_terms(RECORD)
    records = [(n, msgspec.structs.replace(terms, contract_id=str(n), organisation=str(n))) for n in range(200)]
    state = folded(records, 200)
    assert len(state.dump()) > 50_000
    nothing = len(state.dump_delta())
    assert nothing < 500
    fold(state, batch([(200, msgspec.structs.replace(records[7][1], closed=True))]), 200, 201)
    assert nothing < len(state.dump_delta()) < 1_000
    assert len(state.dump_delta()) == nothing


def test_a_dump_that_is_none_is_corrupt() -> None:
    with pytest.raises(CorruptRecord):
        GapState.load(b"\xc1")


@pytest.mark.parametrize("case", json.loads((GOLDEN / "liq-08.json").read_text()), ids=lambda case: case["id"])
def test_worked_example_liq_08(case: dict[str, Any]) -> None:
    given_, expected = case["inputs"], case["expected"]
    today = date.fromisoformat(given_["business_date"]).toordinal() - EPOCH_ORDINAL

    def terms(flow: dict[str, Any]) -> ContractTerms:
        return msgspec.structs.replace(
            contract_terms(RECORD),
            contract_id=flow["id"],
            side=flow["side"],
            amortisation="zero",
            principal_minor=to_minor(flow["amount"], "CNY"),
            start_day=today - 10,
            maturity_day=None if flow["days"] is None else today + flow["days"],
            on_demand=flow["days"] is None,
        )

    def shown(state: GapState) -> dict[str, list[str]]:
        gaps = np.zeros(len(BUCKETS), np.int64)
        for row in state.rows():
            on_demand = row.flow_date == "DEMAND"
            day = today if on_demand else date.fromisoformat(row.flow_date).toordinal() - EPOCH_ORDINAL
            gaps[bucket_index(np.array([day - today]))[0]] += row.inflow_minor - row.outflow_minor
        first_three = gaps[ON : ON + 3].tolist(), cumulative(gaps)[:3].tolist()
        return {
            name: [to_text(minor, "CNY") for minor in minors]
            for name, minors in zip(("gaps", "cumulative"), first_three, strict=True)
        }

    state = folded([(n, terms(flow)) for n, flow in enumerate(given_["flows"])], 5)
    assert shown(state) == expected["before"]
    fold(state, batch([(5, terms(given_["amended"]))]), 5, 6)
    assert shown(state) == expected["after"]


def test_terms_of_a_record() -> None:
    assert contract_terms(RECORD) == ContractTerms(
        contract_id="C1",
        entity="E1",
        organisation="O1",
        business_line="L1",
        product="LOAN",
        currency="CNY",
        side="asset",
        amortisation="annuity",
        day_count="30/360",
        months=1,
        principal_minor=120_000_000,
        rate_units=60_000_000,
        start_day=19_753,
        maturity_day=20_119,
        on_demand=False,
        closed=False,
        liquidity_tag="asset/performing/-/-/-/-/-/-",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ccy": "XYZ"}, "ccy"),
        ({"principal": "1e3"}, "principal"),
        ({"principal": "-1"}, "principal"),
        ({"principal": "1.234"}, "principal"),
        ({"start_date": "2024-02-30"}, "start_date"),
        ({"start_date": "20240201"}, "start_date"),
        ({"maturity_date": "2024-01-30"}, "maturity_date"),
        ({"maturity_date": "9999-12-31"}, "maturity_date"),
        ({"maturity_date": "soon"}, "maturity_date"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": "0.0000000001"}, "rate"),
        ({"rate": "-1"}, "rate"),
        ({"rate": "10.1"}, "rate"),
        ({"pay_freq": "2W"}, "pay_freq"),
        ({"day_count": "ACT/ACT"}, "day_count"),
        ({"amort": "balloon"}, "amort"),
        ({"side": "both"}, "side"),
        ({"contract_id": ""}, "contract_id"),
        ({"principal": "100000000000000", "rate": "10", "maturity_date": "2123-12-31"}, "principal"),
    ],
)
def test_a_record_that_cannot_be_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        contract_terms(msgspec.structs.replace(RECORD, **changes))
    assert refused.value.facts["field"] == field
    assert "contract_id" in refused.value.facts


@pytest.mark.parametrize(
    ("changes", "dates"),
    [
        ({"maturity_date": None, "on_demand": True}, {"DEMAND"}),
        ({"maturity_date": None}, {"UNDATED"}),
        ({"amort": "custom"}, {"UNDATED"}),
        ({"amort": "zero"}, {"2025-01-31"}),
        ({"closed": True}, set()),
        ({"principal": "0"}, set()),
    ],
)
def test_where_flows_lie(changes: dict[str, Any], dates: set[str]) -> None:
    state = folded([(0, contract_terms(msgspec.structs.replace(RECORD, **changes)))], 1)
    assert {row.flow_date for row in state.rows()} == dates


@pytest.mark.parametrize(
    ("side", "rate", "inward"),
    [("asset", "0.01", True), ("obs_in", "0", True), ("liability", "0.01", False), ("obs_out", "0", False)],
)
def test_sides(side: str, rate: str, inward: bool) -> None:
    record = msgspec.structs.replace(RECORD, side=side, rate=rate, amort="bullet")
    rows = folded([(0, contract_terms(record))], 1).rows()
    assert all((row.outflow_minor == 0) == inward for row in rows)


def test_negative_interest_flows_the_other_way() -> None:
    record = msgspec.structs.replace(RECORD, rate="-0.012", amort="bullet", pay_freq="-")
    (row,) = folded([(0, contract_terms(record))], 1).rows()
    assert (row.inflow_minor, row.outflow_minor, row.contracts) == (120_000_000, 1_440_000, 1)
