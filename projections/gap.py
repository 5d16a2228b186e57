"""Contractual flows by cell and flow date, from the contracts of one partition (LIQ-08, decisions S13, S29).

The latest record of a contract, by offset, replaces what was known of it: gap += new flow - old flow, both
by the same engine, so nothing of an amended contract stays behind, and a contract that did not change is not
touched. Not for buckets or cumulative gaps: the reader puts dates into buckets on the business date that it
asks for. No clock, no I/O; work in proportion to the batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.flow_frame import DEMAND_DAY, KINDS, OWN, UNDATED_DAY, FlowColumns
from projections.cell_sums import day_text
from projections.contract_flows import flows_at_most, flows_minor
from projections.contract_plan import CUSTOM
from projections.contract_table import ContractTable
from projections.contract_terms import COLUMNS, SIDES, ContractTerms, LatestContracts, Table, terms_of
from projections.dictionary import Key
from projections.latest_sums import LatestSumsState
from projections.state import check_contiguous

__all__ = [
    "DEMAND_DAY",
    "SIDES",
    "UNDATED_DAY",
    "ContractBatch",
    "ContractTerms",
    "Contribution",
    "ContributionColumns",
    "GapRow",
    "GapState",
    "fold",
]

Integers = NDArray[np.int64]

PRINCIPAL = KINDS.index("principal")
INWARD = [SIDES.index("asset"), SIDES.index("obs_in")]

UNSCHEDULED = ((DEMAND_DAY, DEMAND_DAY), (UNDATED_DAY, UNDATED_DAY))

FLOWS_MAX = 1_000_000  # worked on at once: a batch of thousands of mortgages has millions of flows

Contribution = tuple[str, int, str, int]  # contract id, flow day, kind, signed minor units


class ContractBatch(msgspec.Struct, frozen=True):
    """Records of one range of offsets, rising, without those that became dead letters."""

    offsets: Integers
    table: ContractTable


class GapRow(msgspec.Struct, frozen=True):
    """One cell on one flow date, absolute; `flow_date` is an ISO date, DEMAND or UNDATED; amounts >= 0."""

    entity: str
    organisation: str
    business_line: str
    product: str
    liquidity_tag: str
    currency: str
    flow_date: str
    inflow_minor: int
    outflow_minor: int
    contracts: int  # that have a flow here
    principal_in_minor: int  # part of the inflow
    principal_out_minor: int  # part of the outflow


class ContributionColumns(NamedTuple):
    """Contributions as int64 columns; cells and contracts by code (`GapState.cell`, `.contract_id`)."""

    cell: Integers
    contract: Integers
    day: Integers
    kind: Integers  # place in KINDS
    amount_minor: Integers  # positive: into the bank


class GapState(LatestSumsState[ContractTerms]):
    # 2: flows by the ACTUS engine (docs/adr/0009); the columns of the terms are others, too.
    # 3: cells by liquidity tag, principal apart.
    FOLD_VERSION: ClassVar[int] = 3
    SUBJECTS = "contracts"
    COLUMNS = COLUMNS
    SUMS = ("inflow_minor", "outflow_minor", "contracts", "principal_in_minor", "principal_out_minor")

    def __init__(self) -> None:
        super().__init__()
        self._latest: LatestContracts = LatestContracts()

    @staticmethod
    def key(row: ContractTerms) -> Key:
        return row.entity, row.contract_id

    def replace(self, rows: Sequence[ContractTerms]) -> None:
        self.put(ContractTable.of(rows))

    def put(self, table: ContractTable) -> None:
        """Put the latest terms of distinct contracts in the place of what was known of them."""
        codes = self._latest.codes(table.keys)
        old_terms, old_more = self._latest.get(codes), self._latest.more(codes)
        new_terms, new_more = {"cell": self._cell_codes(table.cells), **table.values}, table.more
        # A new contract was all zeros, that is, closed. Core banking may tell all contracts anew each day:
        # those that say nothing new cost a comparison.
        changed = np.zeros(len(codes), bool)
        changed[[place for place in {*old_more, *new_more} if old_more.get(place) != new_more.get(place)]] = True
        for name in COLUMNS:
            changed |= old_terms[name] != new_terms[name]
        at = np.flatnonzero(changed)
        bound = flows_at_most(old_terms, old_more) + flows_at_most(new_terms, new_more)
        for part in _parts(at, bound):
            both = {name: np.concatenate((old_terms[name][part], new_terms[name][part])) for name in COLUMNS}
            more = _of_part(old_more, part) | {len(part) + at: text for at, text in _of_part(new_more, part).items()}
            sign = np.repeat(np.array([-1, 1]), len(part))
            self._sums.add(*self._moves(both, self._irregular(codes[np.tile(part, 2)], both, more), sign))
        self._latest.put(codes[at], {name: new_terms[name][at] for name in COLUMNS})
        self._latest.put_more(codes[at], _of_part(new_more, at))

    def _cell_codes(self, cells: Sequence[Key]) -> Integers:
        code_of = {cell: self._sums.cells.code(cell) for cell in dict.fromkeys(cells)}
        return np.fromiter(map(code_of.__getitem__, cells), np.int64, len(cells))

    def changes(self) -> list[GapRow]:
        """Rows changed since the last call, as they first appeared; zeros say that nothing is left there."""
        return [_gap_row(cell, day, values) for cell, day, values in self._sums.take_changed()]

    def rows(self) -> list[GapRow]:
        """Every row with a flow, sorted by cell and date."""
        return [_gap_row(cell, day, values) for cell, day, values in self._sums.rows()]

    def cells(self) -> list[Key]:
        """Every cell that has had a contract or a flow, sorted: entity, organisation, business line, product,
        liquidity tag, currency."""
        return sorted(self._sums.cells.tail())

    def contract(self, entity: str, contract_id: str) -> ContractTerms | None:
        """The latest terms of a contract, closed ones included; None: no record of it was folded."""
        code = self._latest.keys.find((entity, contract_id))
        if code is None:
            return None
        codes = np.array([code], np.int64)
        return self._terms(code, self._latest.get(codes), 0, self._latest.more(codes).get(0, ""))

    def contributions(self, cell: Key | None, first_day: int, last_day: int) -> Iterator[Contribution]:
        """What each contract brings into one cell of the gap (None: into all): see `contributions_of`.

        Args:
            cell: as `cells` has it, of the flows.
            first_day, last_day: days since 1970-01-01, both inclusive; DEMAND_DAY and UNDATED_DAY are days of their
                own, of no range but one that names them.
        """
        cells = None if cell is None else [cell]
        for _, contribution in self.contributions_of(cells, [(first_day, last_day)]):
            yield contribution

    def contributions_of(
        self, cells: Sequence[Key] | None, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[Key, Contribution]]:
        """What each contract brings into cells of the gap: its flows, computed anew from its latest terms.

        The flows of one (cell, day) add up to its row: positive ones to `inflow_minor`, negative ones to
        `outflow_minor`.

        Args:
            cells: those of the flows; None: all. One call for many costs far less than a call for each.
            ranges: of days, as for `contributions`, none overlapping another.
        Yields:
            the cell, and contract id, flow day, `interest` or `principal`, minor units: positive into the bank,
            never 0. Contracts in order of their first record, the flows of each by day.
        """
        for columns in self.contribution_columns(cells, ranges):
            for cell, contract, day, kind, amount in zip(*(column.tolist() for column in columns), strict=True):
                yield self._sums.cells[cell], (self.contract_id(contract), day, KINDS[kind], amount)

    def contribution_columns(
        self, cells: Sequence[Key] | None, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[ContributionColumns]:
        """`contributions_of` in columns, for many contracts: parts of bounded size, no contract in two of them."""
        known = None if cells is None else [self._sums.cells.find(cell) for cell in cells]
        codes = None if known is None else np.array([code for code in known if code is not None], np.int64)
        candidates = self._candidates(codes, ranges)
        terms, more = self._latest.get(candidates), self._latest.more(candidates)
        for part in _parts(np.arange(len(candidates)), flows_at_most(terms, more)):
            some = {name: column[part] for name, column in terms.items()}
            flows = flows_minor(some, self._irregular(candidates[part], some, _of_part(more, part)))
            paid_in = self._flow_cells(some["cell"][flows.contract_row], flows)
            wanted = _in_ranges(flows.flow_day, ranges)
            if codes is not None:
                wanted &= np.isin(paid_in, codes)
            at = np.flatnonzero(wanted)
            inward = np.where(np.isin(some["side"], INWARD), 1, -1)[flows.contract_row[at]]
            yield ContributionColumns(
                paid_in[at],
                candidates[part][flows.contract_row[at]],
                flows.flow_day[at],
                flows.kind[at],
                flows.amount_minor[at] * inward,
            )

    def cell(self, code: int) -> Key:
        """The cell of a code in `ContributionColumns`."""
        return self._sums.cells[code]

    def contract_id(self, code: int) -> str:
        """The contract of a code in `ContributionColumns`."""
        return self._latest.keys[code][1]

    def _candidates(self, cells: Integers | None, ranges: Sequence[tuple[int, int]]) -> Integers:
        """Codes of contracts that may have a flow in the cells, on one of the days."""
        may = self._latest.column("open") == 1
        dated = (self._latest.column("dated") == 1) & (self._latest.column("on_demand") == 0)
        dated &= self._latest.column("amortisation") != CUSTOM  # without a schedule it lies on UNDATED_DAY
        first_days = [first for first, last in ranges if (first, last) not in UNSCHEDULED]
        if first_days:
            may &= ~dated | (self._latest.column("maturity_day") >= min(first_days))
        else:
            may &= ~dated
        if cells is not None:
            may &= np.isin(self._latest.column("cell"), cells)
        # ACTUS terms may pay in other currencies and after the record's maturity: they are asked.
        others = self._latest.with_more()
        if cells is not None:
            wanted = {self._sums.cells[code][:-1] for code in cells.tolist()}
            own = self._latest.column("cell")[others].tolist()
            others = others[[self._sums.cells[code][:-1] in wanted for code in own]] if len(others) else others
        may[others] = self._latest.column("open")[others] == 1
        return np.flatnonzero(may)

    def _irregular(self, codes: Integers, terms: Table, more: Mapping[int, str]) -> dict[int, ContractTerms]:
        """The terms of contracts that have a text, by their place in `terms`."""
        return {place: self._terms(int(codes[place]), terms, place, text) for place, text in more.items()}

    def _terms(self, code: int, table: Table, place: int, more: str) -> ContractTerms:
        values = {name: int(column[place]) for name, column in table.items()}
        return terms_of(self._latest.keys[code], self._sums.cells[values["cell"]], values, more)

    def _moves(self, terms: Table, irregular: dict[int, ContractTerms], sign: Integers) -> tuple[Integers, ...]:
        """All flows of contracts as cell, day, and what is added (`sign` 1) or taken back (-1) there."""
        flows = flows_minor(terms, irregular)
        contract, day = flows.contract_row, flows.flow_day
        inward = np.isin(terms["side"], INWARD)[contract] == (flows.amount_minor > 0)
        told = sign[contract]
        size = np.abs(flows.amount_minor) * told
        cell = self._flow_cells(terms["cell"][contract], flows)
        # Interest and principal of one day are one contract there: count where (contract, day, cell) begins.
        # A contract's flows stand together, by day and currency, so that no sort is needed.
        begins = np.ones(len(day), bool)
        begins[1:] = (contract[1:] != contract[:-1]) | (day[1:] != day[:-1]) | (cell[1:] != cell[:-1])
        counted = np.where(begins, told, 0)
        inflow, outflow = np.where(inward, size, 0), np.where(inward, 0, size)
        principal = flows.kind == PRINCIPAL
        return cell, day, inflow, outflow, counted, inflow * principal, outflow * principal

    def _flow_cells(self, own: Integers, flows: FlowColumns) -> Integers:
        """The cell of each flow: the contract's, in the currency that the flow is paid in."""
        cells = own.copy()
        for place in np.flatnonzero(flows.currency != OWN).tolist():
            cell = self._sums.cells[int(own[place])]
            cells[place] = self._sums.cells.code((*cell[:-1], flows.currencies[int(flows.currency[place])]))
        return cells


def fold(state: GapState, contracts: ContractBatch, from_offset: int, to_offset: int) -> GapState:
    """Fold the contract records of [from_offset, to_offset); those below `next_offset` count nothing again.

    Raises:
        CorruptRecord: records are missing before `from_offset`, or a sum could pass 2**62.
    Source: LIQ-08, decision S23.
    """
    check_contiguous(state.next_offset, from_offset, to_offset)
    start = int(np.searchsorted(contracts.offsets, state.next_offset))
    if start < len(contracts.table):
        state.put(contracts.table.latest(start))
    state.next_offset = max(state.next_offset, to_offset)
    return state


def _of_part(more: Mapping[int, str], part: Integers) -> dict[int, str]:
    """The texts of the contracts at `part`, by place there."""
    return {at: more[place] for at, place in enumerate(part.tolist()) if place in more} if more else {}


def _in_ranges(days: Integers, ranges: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    found = np.zeros(len(days), bool)
    for first, last in ranges:
        inside = (days >= first) & (days <= last)
        if first != DEMAND_DAY:
            inside &= days != DEMAND_DAY
        if last != UNDATED_DAY:
            inside &= days != UNDATED_DAY
        found |= inside
    return found


def _parts(at: Integers, flows: Integers) -> list[Integers]:
    """`at` in parts of about FLOWS_MAX flows, so that memory is bounded by the part and not by the batch."""
    edges = np.flatnonzero(np.diff(np.cumsum(flows[at]) // FLOWS_MAX)) + 1
    return [part for part in np.split(at, edges) if len(part)]


def _gap_row(cell: Key, day: int, values: tuple[int, ...]) -> GapRow:
    entity, organisation, business_line, product, liquidity_tag, currency = cell
    inflow_minor, outflow_minor, contracts, principal_in_minor, principal_out_minor = values
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
        liquidity_tag=liquidity_tag,
        principal_in_minor=principal_in_minor,
        principal_out_minor=principal_out_minor,
    )
