"""Contractual flows by cell and flow date, from the contracts of one partition (LIQ-08, decisions S13, S29).

The latest record of a contract, by offset, replaces what was known of it: gap += new flow - old flow, both
by the same kernel, so nothing of an amended contract stays behind. Not for buckets or cumulative gaps: the
reader puts dates into buckets on the business date that it asks for. No clock, no I/O; work in proportion
to the batch.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.cash_flows import (
    AMORTISATIONS,
    DAY_COUNTS,
    DEMAND_DAY,
    UNDATED_DAY,
    Flows,
    contractual_flows,
    unscheduled_flows,
)
from projections.cell_sums import day_text
from projections.dictionary import Key
from projections.latest_sums import LatestSumsState

Integers = NDArray[np.int64]
Terms = dict[str, Integers]  # the columns of _DTYPES

SIDES = ("asset", "liability", "obs_in", "obs_out")
INWARD = [SIDES.index("asset"), SIDES.index("obs_in")]

FLOWS_MAX = 1_000_000  # worked on at once: a batch of thousands of mortgages has millions of flows

_DTYPES = {
    "cell": np.int32,
    "side": np.int8,
    "amortisation": np.int8,
    "day_count": np.int8,
    "months": np.int16,
    "open": np.int8,
    "timing": np.int8,
    "principal_minor": np.int64,
    "rate_units": np.int64,
    "start_day": np.int32,
    "maturity_day": np.int32,
}
_SCHEDULE = ("principal_minor", "rate_units", "start_day", "maturity_day", "months")

SCHEDULED, ON_DEMAND, UNDATED = 0, 1, 2  # timing


class ContractTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one contract, checked: as `streams.contract_rows` makes it of a record.

    `maturity_day` is None for an undated contract; days count from 1970-01-01; `rate_units` are 1e-9 a year;
    `months` between payments, 0 for everything at maturity.
    """

    contract_id: str
    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    side: str
    amortisation: str
    day_count: str
    months: int
    principal_minor: int
    rate_units: int
    start_day: int
    maturity_day: int | None
    on_demand: bool
    closed: bool


class ContractBatch(msgspec.Struct, frozen=True):
    """Records of one range of offsets, rising, without those that became dead letters."""

    offsets: Integers
    rows: Sequence[ContractTerms]


class GapRow(msgspec.Struct, frozen=True):
    """One cell on one flow date, absolute; `flow_date` is an ISO date, DEMAND or UNDATED; amounts >= 0."""

    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    flow_date: str
    inflow_minor: int
    outflow_minor: int
    contracts: int  # that have a flow here


class GapState(LatestSumsState[ContractTerms]):
    FOLD_VERSION: ClassVar[int] = 1
    SUBJECTS = "contracts"
    COLUMNS = _DTYPES
    SUMS = ("inflow_minor", "outflow_minor", "contracts")

    @staticmethod
    def key(row: ContractTerms) -> Key:
        return row.entity, row.contract_id

    def replace(self, rows: Sequence[ContractTerms]) -> None:
        """Put the latest terms of distinct contracts in the place of what was known of them."""
        codes = self._latest.codes([self.key(row) for row in rows])
        old_terms = self._latest.get(codes)
        new_terms = self._latest.table([self._values(row) for row in rows])
        # A new contract was all zeros, that is, closed. Core banking may tell all contracts anew each day:
        # those that say nothing new cost a comparison.
        changed = np.zeros(len(codes), bool)
        for name in _DTYPES:
            changed |= old_terms[name] != new_terms[name]
        at = np.flatnonzero(changed)
        for part in _parts(at, np.maximum(_flows_at_most(old_terms), _flows_at_most(new_terms))):
            taken, given = _moves(_rows(old_terms, part), -1), _moves(_rows(new_terms, part), 1)
            self._sums.add(*(np.concatenate(pair) for pair in zip(taken, given, strict=True)))
        self._latest.put(codes[at], _rows(new_terms, at))

    def changes(self) -> list[GapRow]:
        """Rows changed since the last call, as they first appeared; zeros say that nothing is left there."""
        return [_gap_row(cell, day, values) for cell, day, values in self._sums.take_changed()]

    def rows(self) -> list[GapRow]:
        """Every row with a flow, sorted by cell and date."""
        return [_gap_row(cell, day, values) for cell, day, values in self._sums.rows()]

    def _values(self, terms: ContractTerms) -> tuple[int, ...]:
        cell = (terms.entity, terms.organisation, terms.business_line, terms.product, terms.currency)
        return (
            self._sums.cells.code(cell),
            SIDES.index(terms.side),
            AMORTISATIONS.index(terms.amortisation),
            DAY_COUNTS.index(terms.day_count),
            terms.months,
            not terms.closed,
            _timing(terms),
            terms.principal_minor,
            terms.rate_units,
            terms.start_day,
            terms.start_day if terms.maturity_day is None else terms.maturity_day,
        )


def fold(state: GapState, contracts: ContractBatch, from_offset: int, to_offset: int) -> GapState:
    """Fold the contract records of [from_offset, to_offset); those below `next_offset` count nothing again.

    Raises:
        CorruptRecord: records are missing before `from_offset`, or a sum could pass 2**62.
    Source: LIQ-08, decision S23.
    """
    state.fold(contracts.offsets, contracts.rows, from_offset, to_offset)
    return state


def _moves(terms: Terms, sign: int) -> tuple[Integers, ...]:
    """All flows of contracts as cell, day, and what is added (`sign` 1) or taken back (-1) there."""
    flows = _flows(terms)
    contract, day = flows.contract_row, flows.flow_day
    inward = np.isin(terms["side"][contract], INWARD) == (flows.amount_minor > 0)
    size = np.abs(flows.amount_minor) * sign
    # Interest and principal of one day are one contract there: count where (contract, day) begins. A
    # contract's flows stand together and in time order, so that no sort is needed.
    begins = np.ones(len(day), bool)
    begins[1:] = (np.diff(contract) != 0) | (np.diff(day) != 0)
    counted = np.where(begins, sign, 0)
    return terms["cell"][contract], day, np.where(inward, size, 0), np.where(inward, 0, size), counted


def _flows(terms: Terms) -> Flows:
    """Flows of contracts of all types, each kernel run once; `contract_row` counts the rows of `terms`."""
    live, timing = terms["open"] == 1, terms["timing"]
    found = []
    for kind, day in ((ON_DEMAND, DEMAND_DAY), (UNDATED, UNDATED_DAY)):
        at = np.flatnonzero(live & (timing == kind))
        found.append((at, unscheduled_flows(terms["principal_minor"][at], day)))
    scheduled = live & (timing == SCHEDULED)
    group = terms["amortisation"] * len(DAY_COUNTS) + terms["day_count"]
    for code in np.unique(group[scheduled]).tolist():
        at = np.flatnonzero(scheduled & (group == code))
        amortisation, day_count = divmod(code, len(DAY_COUNTS))
        schedule = {name: terms[name][at] for name in _SCHEDULE}
        flows = contractual_flows(AMORTISATIONS[amortisation], DAY_COUNTS[day_count], **schedule)
        found.append((at, flows))
    return Flows(
        np.concatenate([at[flows.contract_row] for at, flows in found]),
        np.concatenate([flows.flow_day for _, flows in found]),
        np.concatenate([flows.kind for _, flows in found]),
        np.concatenate([flows.amount_minor for _, flows in found]),
    )


def _flows_at_most(terms: Terms) -> Integers:
    days, months = terms["maturity_day"] - terms["start_day"], terms["months"]
    bound: Integers = np.where(months > 0, 2 * (days // (28 * np.maximum(months, 1)) + 2), 2)
    return bound


def _parts(at: Integers, flows: Integers) -> list[Integers]:
    """`at` in parts of about FLOWS_MAX flows, so that memory is bounded by the part and not by the batch."""
    edges = np.flatnonzero(np.diff(np.cumsum(flows[at]) // FLOWS_MAX)) + 1
    return [part for part in np.split(at, edges) if len(part)]


def _rows(terms: Terms, at: Integers) -> Terms:
    return {name: column[at] for name, column in terms.items()}


def _timing(terms: ContractTerms) -> int:
    if terms.on_demand:
        return ON_DEMAND
    return UNDATED if terms.maturity_day is None or terms.amortisation == "custom" else SCHEDULED


def _gap_row(cell: Key, day: int, values: tuple[int, ...]) -> GapRow:
    entity, organisation, business_line, product, currency = cell
    inflow_minor, outflow_minor, contracts = values
    return GapRow(
        entity=entity,
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
        flow_date={DEMAND_DAY: "DEMAND", UNDATED_DAY: "UNDATED"}.get(day) or day_text(day),
        inflow_minor=inflow_minor,
        outflow_minor=outflow_minor,
        contracts=contracts,
    )
