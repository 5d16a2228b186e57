"""At a cut the streamed gap equals the batch gap, to the minor unit (LIQ-08, LIQ-12)."""

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.buckets import BUCKETS, bucket_index
from engines.flow_frame import DEMAND_DAY, OWN, FlowColumns, frame_of
from engines.flow_views import gap_table
from engines.primitives.errors import InvalidInput
from projections.contract_flows import flows_minor
from projections.contract_table import ContractTable
from projections.contract_terms import COLUMNS, values_of
from projections.gap import SIDES, ContractBatch, ContractTerms, GapState, fold
from tests.flow_rows import AS_OF

EPOCH = date(1970, 1, 1).toordinal()


@st.composite
def terms(draw: st.DrawFn) -> ContractTerms:
    start, on_demand = draw(st.integers(AS_OF - 900, AS_OF)), draw(st.booleans())
    return ContractTerms(
        contract_id=f"C{draw(st.integers(0, 10**6))}",
        entity="E1",
        organisation=draw(st.sampled_from(["B1", "B2"])),
        business_line="L1",
        product="P1",
        currency=draw(st.sampled_from(["CNY", "USD"])),
        side=draw(st.sampled_from(SIDES)),
        amortisation=draw(st.sampled_from(["bullet", "equal_principal", "annuity", "zero"])),
        day_count=draw(st.sampled_from(["ACT/360", "30/360"])),
        months=draw(st.sampled_from([0, 1, 3])),
        principal_minor=draw(st.integers(0, 10**12)),
        rate_units=draw(st.integers(-(10**7), 10**8)),
        start_day=start,
        maturity_day=None if on_demand else start + draw(st.integers(0, 1_500)),
        on_demand=on_demand,
        closed=False,
    )


def batch_frame(book: list[ContractTerms]) -> pl.DataFrame:
    contracts = pl.DataFrame(
        {
            "contract": [one.contract_id for one in book],
            "side": [one.side for one in book],
            "currency": [one.currency for one in book],
            "organisation": [one.organisation for one in book],
            "intragroup": [False for _ in book],
        }
    )
    columns = np.array([values_of(one, 0) for one in book], np.int64).T
    flows = flows_minor(dict(zip(COLUMNS, columns, strict=True)), {})
    return frame_of(flows, contracts)


@given(st.lists(terms(), min_size=1, max_size=12, unique_by=lambda one: one.contract_id))
def test_stream_gap_is_batch_gap(book: list[ContractTerms]) -> None:
    state = fold(GapState(), ContractBatch(np.arange(len(book)), ContractTable.of(book)), 0, len(book))
    streamed: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for row in state.rows():
        days = 0 if row.flow_date == "DEMAND" else date.fromisoformat(row.flow_date).toordinal() - EPOCH - AS_OF
        cell = streamed[row.currency, row.organisation, BUCKETS[int(bucket_index(np.array([days]))[0])]]
        cell[0] += row.inflow_minor
        cell[1] += row.outflow_minor
    table = gap_table(batch_frame(book), as_of_day=AS_OF, by=["organisation"])
    batched = {
        (line["currency"], line["organisation"], line["bucket"]): [line["inflow_minor"], line["outflow_minor"]]
        for line in table.iter_rows(named=True)
        if line["inflow_minor"] or line["outflow_minor"]
    }
    assert batched == {key: cell for key, cell in streamed.items() if any(cell)}


def one_flow(currency: int, *currencies: str) -> FlowColumns:
    row, day, kind, amount, place = (np.array([value]) for value in (0, DEMAND_DAY, 1, 5, currency))
    return FlowColumns(row, day, kind, amount, place, currencies)


def test_sides_are_checked() -> None:
    flows = one_flow(OWN)
    good = pl.DataFrame({"contract": ["C"], "side": ["obs_out"], "currency": ["CNY"], "intragroup": [False]})
    assert frame_of(flows, good)["amount_minor"].to_list() == [-5]
    assert frame_of(one_flow(0, "USD"), good)["currency"].to_list() == ["USD"]
    for bad in (
        good.drop("side"),
        good.with_columns(side=pl.lit("equity")),
        good.with_columns(side=pl.lit(None, pl.String)),
    ):
        with pytest.raises(InvalidInput) as caught:
            frame_of(flows, bad)
        assert caught.value.facts["field"] == "side"
