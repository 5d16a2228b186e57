"""The contracts behind a gap figure, and one contract as it is known: read from stored states (decision S13).

The API holds the gap by cell and date; which contracts make up a cell is in the worker's states alone. They are read
as figures by account are (`streams.past_figures`): from the newest snapshots, or as they were at an offset vector.
Contracts are worked out again by the fold's own functions, so that no figure has two origins. No buckets of its own:
the dates of a bucket are those of `engines.buckets`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.buckets import BUCKETS, LAST_DAYS, ON, OVERDUE, UNDATED
from engines.flow_frame import KINDS
from engines.primitives.errors import InvalidInput, NotFound
from infra.snapshots import LogPartition, SnapshotStore
from projections.dictionary import Key
from projections.gap import DEMAND_DAY, UNDATED_DAY, ContractTerms, GapState
from streams import topics
from streams.contract_rows import contract_terms
from streams.folders import Folder
from streams.instants import day_number, day_text
from streams.past_figures import Logs, parse_place
from streams.schemas import Contract
from streams.stored_states import LogReader, Replay, StoredStates
from streams.views import AsOf, Filters

States = Callable[[], Iterator[tuple[LogPartition, GapState, int]]]
#: (log, end, entity, contract id) -> offset of a contract's newest record below `end`; None: none near the end.
FindRecord = Callable[[LogPartition, int, str, str], int | None]

CELL = ("entity", "organisation", "business_line", "product", "currency")
LAST_DAY = day_number(date.max)
RECORDS_SEARCHED_MAX = 200_000
SEARCH_STEP = 20_000


class Days(NamedTuple):
    """Flow dates asked for: a bucket of the gap table, dates from and to (inclusive), both, or neither."""

    bucket: str | None = None
    first: date | None = None
    last: date | None = None

    def ranges(self, today: int) -> list[tuple[int, int]]:
        """Inclusive ranges of days since 1970-01-01; what is due on demand or undated is a day of its own.

        A flow of the past counts as paid (ADR 0004), so that nothing is OVERDUE.
        """
        place = None if self.bucket is None else BUCKETS.index(self.bucket)
        ranges = []
        if place not in (OVERDUE, UNDATED):
            first = today if place in (None, ON) else today + int(LAST_DAYS[place - 1]) + 1
            last = today + int(LAST_DAYS[place]) if place is not None and place < len(LAST_DAYS) else LAST_DAY
            if self.first is not None:
                first = max(first, day_number(self.first))
            if self.last is not None:
                last = min(last, day_number(self.last))
            if first <= last:
                ranges.append((first, last))
        if self.first is None and self.last is None:
            ranges += [(DEMAND_DAY, DEMAND_DAY)] * (place in (None, ON))
            ranges += [(UNDATED_DAY, UNDATED_DAY)] * (place in (None, UNDATED))
        return ranges


class GapFlow(NamedTuple):
    """A flow as it entered the gap. `flow_date`: ISO date, DEMAND or UNDATED; inflow positive, outflow negative."""

    flow_date: str
    kind: str
    amount_minor: int


class _Part(NamedTuple):
    """Flows of some contracts, kept narrow: there may be millions, of which one page is shown."""

    row: NDArray[np.int32]
    day: NDArray[np.int32]
    kind: NDArray[np.int8]
    amount_minor: NDArray[np.int64]


class ContractSum(NamedTuple):
    """What one contract adds to a figure."""

    cell: Key  # members of CELL
    contract_id: str
    inflow_minor: int
    outflow_minor: int
    flow_dates: int  # how often the gap figure counts it: once for each of its flow dates
    place: tuple[_Part, int] | None = None  # where its flows are; None: they were not asked for

    @property
    def flows(self) -> tuple[GapFlow, ...]:
        """By date; empty where they were not asked for."""
        if self.place is None:
            return ()
        part, row = self.place
        at = np.flatnonzero(part.row == row)
        found = sorted(
            zip(part.day[at].tolist(), part.kind[at].tolist(), part.amount_minor[at].tolist(), strict=True)
        )
        return tuple(GapFlow(flow_date(day), KINDS[kind], amount) for day, kind, amount in found)


class Behind(NamedTuple):
    """The contracts behind a figure, the largest first, and the cut they were read at."""

    offsets: dict[str, int]
    logs: dict[str, str]
    rows: list[ContractSum]


class Held(NamedTuple):
    """A contract as the newest record below `offset` left it."""

    terms: ContractTerms
    log: LogPartition
    offset: int  # of the state
    record_offset: int | None  # of that newest record, where it was found


class Contracts:
    """Questions to the gap states of all partitions at one cut."""

    def __init__(self, states: States, find_record: FindRecord) -> None:
        self._states, self._find_record = states, find_record

    def behind(self, as_of: AsOf, filters: Filters, days: Days, *, flows: bool = True) -> Behind:
        """Contracts with a flow on `days`, in the cells that pass `filters`; they add up to the gap figure.

        `flows`: keep the flows of each, which costs 17 bytes a flow.
        """
        found = Behind({}, {}, [])
        for where, state, offset in self._states():
            place = f"{where.topic}/{where.partition}"
            found.offsets[place] = offset
            found.logs[place] = f"{where.cluster_id}/{where.topic_id}"
            cells = [cell for cell in state.cells() if _passes(cell, filters)]
            for entity in sorted({cell[0] for cell in cells}):
                today = as_of.of(entity)
                if today is not None:
                    mine = [cell for cell in cells if cell[0] == entity]
                    ranges = days.ranges(day_number(today))
                    found.rows.extend(_sums(state, mine, ranges, flows=flows) if ranges else [])
        found.rows.sort(key=lambda row: (-abs(row.inflow_minor - row.outflow_minor), row.cell, row.contract_id))
        return found

    def contract(self, entity: str, contract_id: str) -> Held:
        """Raises NotFound."""
        held = None
        for where, state, offset in self._states():  # to the end: the source holds a lock meanwhile
            terms = state.contract(entity, contract_id)
            if terms is not None:
                held = Held(terms, where, offset, None)
        if held is None:
            raise NotFound(f"no contract {contract_id!r} of {entity!r}", entity=entity, contract_id=contract_id)
        return held._replace(record_offset=self._find_record(held.log, held.offset, entity, contract_id))


def contracts_from_snapshots(
    folder: Folder, store: SnapshotStore, partitions: Callable[[], list[LogPartition]], find_record: FindRecord
) -> Contracts:
    """Answers from the newest snapshot of each partition; the offset vector says how new that is."""
    states = StoredStates(folder, store)
    return Contracts(lambda: states.read(partitions()), find_record)


def contracts_at(replay: Replay, logs: Logs, offsets: Mapping[str, int], find_record: FindRecord) -> Contracts:
    """Answers as at an offset vector; places of other topics in it are left aside."""
    wanted = {parse_place(place): offset for place, offset in offsets.items()}
    mine = {place: offset for place, offset in wanted.items() if place[0] == topics.CONTRACT}
    states: list[tuple[LogPartition, GapState, int]] = [
        (where, state, mine[where.topic, where.partition]) for _, where, state in replay.states(logs.all(), mine)
    ]
    return Contracts(lambda: iter(states), find_record)


class RecordSearch:
    """Finds the newest record of a contract by reading its partition backwards, for a bounded way."""

    def __init__(self, reader: Callable[[], LogReader]) -> None:
        self._reader = reader

    def __call__(self, where: LogPartition, end: int, entity: str, contract_id: str) -> int | None:
        names, whole = msgspec.json.Decoder(_Names), msgspec.json.Decoder(Contract)
        reader = self._reader()
        try:
            stop = max(0, end - RECORDS_SEARCHED_MAX)
            while end > stop:
                found: int | None = None
                start = max(stop, end - SEARCH_STEP)
                for raw in reader.batches(where.topic, where.partition, start, end):
                    for offset, value in zip(raw.offsets.tolist(), raw.values, strict=True):
                        if value and _is_of(names, value, entity, contract_id) and _is_good(whole, value):
                            found = offset
                if found is not None:
                    return found
                end = start
        except InvalidInput:  # the log no longer reaches back so far
            return None
        finally:
            reader.close()
        return None


class _Names(msgspec.Struct):
    entity_id: str
    contract_id: str


def _is_of(names: "msgspec.json.Decoder[_Names]", value: bytes, entity: str, contract_id: str) -> bool:
    try:
        found = names.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return (found.entity_id, found.contract_id) == (entity, contract_id)


def _is_good(whole: "msgspec.json.Decoder[Contract]", value: bytes) -> bool:
    """A record that became a dead letter left no trace in the state."""
    try:
        contract_terms(whole.decode(value))
    except (msgspec.MsgspecError, InvalidInput, UnicodeDecodeError, RecursionError):
        return False
    return True


def _passes(cell: Key, filters: Filters) -> bool:
    members = _members(cell)
    return all(members[CELL.index(name)] in allowed for name, allowed in filters.items())


def _members(cell: Key) -> Key:
    """Of CELL: the liquidity tag, which stands before the currency, is no dimension of the gap figure."""
    return (*cell[:4], cell[-1])


def _sums(state: GapState, cells: list[Key], ranges: list[tuple[int, int]], *, flows: bool) -> Iterator[ContractSum]:
    for found in state.contribution_columns(cells, ranges):
        # A contract is in one part, but may be paid in several cells: its currencies.
        pairs, row = np.unique((found.contract << 32) + found.cell, return_inverse=True)
        inflow, outflow = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
        np.add.at(inflow, row, np.maximum(found.amount_minor, 0))
        np.add.at(outflow, row, np.maximum(-found.amount_minor, 0))
        dates = np.unique((row << 32) + (found.day - DEMAND_DAY)) >> 32
        narrow = _Part(
            row.astype(np.int32), found.day.astype(np.int32), found.kind.astype(np.int8), found.amount_minor
        )
        columns = pairs, inflow, outflow, np.bincount(dates, minlength=len(pairs))
        for place, (pair, paid_in, paid_out, days) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            cell, contract_id = _members(state.cell(pair & 0xFFFFFFFF)), state.contract_id(pair >> 32)
            yield ContractSum(cell, contract_id, paid_in, paid_out, days, (narrow, place) if flows else None)


def flow_date(day: int) -> str:
    """The day of a flow as the gap topic writes it."""
    return {DEMAND_DAY: "DEMAND", UNDATED_DAY: "UNDATED"}.get(day) or day_text(day)
