"""The live view: all figures of the `tm.risk.*` topics, in memory, from which the API answers.

`RiskView` is the pure core: records in, figures out; no Kafka, no thread, no clock. `LiveView`
(views_live.py) feeds it from Kafka and shares it between threads. Any order of partitions, any repetition
and any half tick of a killed worker end in the same figures (views_ticks.py says why). Not for figures by
customer or account: those are not published, the API asks the snapshot store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.buckets import BUCKETS, ON, OVERDUE, UNDATED, bucket_index
from engines.primitives.errors import InvalidInput, TidemarkError
from streams.schemas import BusinessDate
from streams.topics import ALERT, BUSINESS_DATE, CONTRACT, GAP, POSITION, RESERVATION_TOTAL, TXN, WITHDRAWAL
from streams.topics import RESERVATION as RESERVATION_SOURCE
from streams.views_alerts import AlertBook, WithdrawalBook
from streams.views_cells import (
    DEMAND_DAY,
    UNDATED_DAY,
    CellTable,
    GapCells,
    Pair,
    PositionCells,
    ReservationCells,
    exact_sums,
    selected,
)
from streams.views_ticks import Ticks
from streams.views_wire import Alert, Cut, Record, Source, Withdrawal

VIEW_TOPICS = (POSITION, RESERVATION_TOTAL, GAP, WITHDRAWAL, ALERT, BUSINESS_DATE)
SOURCE_TOPIC = {
    POSITION: TXN,
    RESERVATION_TOTAL: RESERVATION_SOURCE,
    GAP: CONTRACT,
    WITHDRAWAL: TXN,
    ALERT: TXN,
}
CUT_KEY = b"cut"

#: Dimensions that reservations carry too; a figure along any other has no `reserved`.
RESERVED_DIMENSIONS = frozenset({"entity", "organisation", "currency"})
#: Dimensions at which on-us legs are shown; above them they cancel out and are left out (decision S22).
ON_US_DIMENSIONS = frozenset({"organisation", "customer", "account"})

Filters = Mapping[str, frozenset[str]]  # dimension -> allowed members; a dimension not named allows all


class AsOf(NamedTuple):
    """The date each entity's figures are asked for: one for all, or each entity's own business date."""

    explicit: date | None
    by_entity: Mapping[str, date]

    def of(self, entity: str) -> date | None:
        """None: nothing is known of the entity yet."""
        return self.explicit or self.by_entity.get(entity)


class PositionRow(NamedTuple):
    """Sums of all cells with value date <= as_of, minor units; `reserved_minor` None: not known here."""

    members: tuple[str, ...]
    as_of: date | None
    settled_minor: int
    pending_in_minor: int
    pending_out_minor: int
    reserved_minor: int | None


class MovementRow(NamedTuple):
    entity: str
    currency: str
    value_date: date
    movement_minor: int
    position_minor: int


class GapRow(NamedTuple):
    """Flows of one bucket, minor units; `cumulative_minor` is None for OVERDUE and UNDATED."""

    members: tuple[str, ...]
    bucket: str
    inflow_minor: int
    outflow_minor: int
    cumulative_minor: int | None
    contracts: int


@dataclass(slots=True)
class Changes:
    """What applied ticks have changed: pairs are (entity, currency)."""

    positions: set[Pair] = field(default_factory=set)
    gap: set[Pair] = field(default_factory=set)
    alerts: list[Alert] = field(default_factory=list)
    withdrawals: bool = False
    dates: bool = False
    advanced: set[str] = field(default_factory=set)  # risk topics whose cut moved, rows changed or not
    reset: bool = False  # a log was replaced: rows may have vanished

    def __bool__(self) -> bool:
        return bool(self.advanced or self.dates or self.reset)


class RiskView:
    """All published figures at one cut. Not thread-safe."""

    def __init__(self) -> None:
        self.positions_table = PositionCells()
        self.reservations_table = ReservationCells()
        self.gap_table = GapCells()
        self.withdrawal_book = WithdrawalBook()
        self.alert_book = AlertBook()
        self._books: dict[str, Any] = {
            POSITION: self.positions_table,
            RESERVATION_TOTAL: self.reservations_table,
            GAP: self.gap_table,
            WITHDRAWAL: self.withdrawal_book,
            ALERT: self.alert_book,
        }
        self._ticks: dict[tuple[str, str], Ticks[Any]] = {}  # by risk topic and source topic/partition
        self._cuts = msgspec.json.Decoder(Cut)
        self._dates = msgspec.json.Decoder(BusinessDate)
        self.business_dates: dict[str, date] = {}
        self.business_date_offset = 0
        self.ticks_applied = 0
        self.undecodable = 0
        self.undecodable_last = ""
        self.stale = 0
        self._changes = Changes()

    # -- records in ----------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Take one record; figures change at a cut only. What cannot be read is counted, not raised."""
        if not record.value:
            return  # a tombstone: we write none, and one without a source could not be ordered
        try:
            if record.topic == BUSINESS_DATE:
                self._apply_date(record)
            elif record.key == CUT_KEY:
                self._apply_cut(record)
            else:
                book = self._books[record.topic]
                source, item = book.decode(record.key, record.value)
                waiting = self._ticks_of(record, source).waiting_for(source)
                if waiting is None:
                    self.stale += 1
                else:
                    book.hold(waiting, item)
        except (msgspec.MsgspecError, TidemarkError, ValueError, OverflowError) as error:
            self.undecodable += 1
            self.undecodable_last = f"{record.topic}/{record.partition}/{record.offset}: {error}"

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, Changes()
        # A reservation moves the projected end of day, so its pair counts as a position's.
        for table in (self.positions_table, self.reservations_table):
            changes.positions |= table.changed
            table.changed = set()
        changes.gap, self.gap_table.changed = self.gap_table.changed, set()
        changes.alerts, self.alert_book.changed = self.alert_book.changed, []
        changes.withdrawals, self.withdrawal_book.changed = self.withdrawal_book.changed, False
        return changes

    def _apply_cut(self, record: Record) -> None:
        cut = self._cuts.decode(record.value)
        released = self._ticks_of(record, cut.source).cut(cut)
        if released is None:
            self.stale += 1
            return
        book, place = self._books[record.topic], cut.source.place
        if released.replaces:
            book.clear(place, same_log=released.same_log)
            self._changes.reset = True
        book.settle(place, released.waiting, self._ticks[record.topic, place].offset)
        self.ticks_applied += 1
        self._changes.advanced.add(record.topic)

    def _apply_date(self, record: Record) -> None:
        if record.offset < self.business_date_offset:
            return
        self.business_date_offset = record.offset + 1
        stated = self._dates.decode(record.value)
        self.business_dates[stated.entity_id] = date.fromisoformat(stated.business_date)
        self._changes.dates = True

    def _ticks_of(self, record: Record, source: Source) -> Ticks[Any]:
        if source.partition != record.partition or source.topic != SOURCE_TOPIC[record.topic]:
            raise InvalidInput("a record's source is not its partition's", field="source")
        found = self._ticks.get((record.topic, source.place))
        if found is None:
            found = Ticks(self._books[record.topic].waiting)
            self._ticks[record.topic, source.place] = found
        return found

    # -- which cut -----------------------------------------------------------------------------------------

    def offsets(self, *topics: str) -> dict[str, int]:
        """{"topic/partition": next offset} of the source logs behind the figures of these topics."""
        vector = {place: ticks.offset for place, ticks in self._known(topics)}
        if BUSINESS_DATE in topics and self.business_date_offset:
            vector[f"{BUSINESS_DATE}/0"] = self.business_date_offset
        return vector

    def logs(self, *topics: str) -> dict[str, str]:
        """{"topic/partition": log id} for the same places: an offset means nothing without its log (S5)."""
        return {place: str(ticks.log) for place, ticks in self._known(topics)}

    def last_event_time(self, topic: str) -> str | None:
        """The newest event time folded into the figures of `topic`."""
        return max((t.business_time for _, t in self._known((topic,)) if t.business_time), default=None)

    def _known(self, topics: tuple[str, ...]) -> list[tuple[str, Ticks[Any]]]:
        wanted = ((place, ticks) for (topic, place), ticks in self._ticks.items() if topic in topics and ticks.log)
        return sorted(wanted, key=lambda item: (item[0].rpartition("/")[0], int(item[0].rpartition("/")[2])))

    def as_of(self, explicit: date | None) -> AsOf:
        """Each entity's business date; else its newest value date, else the newest event's."""
        by_entity: dict[str, date] = {}
        newest = self.last_event_time(GAP)
        for entity, _ in self.gap_table.totals:
            if newest is not None:
                by_entity[entity] = date.fromisoformat(newest[:10])
        for table in (self.reservations_table, self.positions_table):
            by_entity |= {entity: date.fromordinal(day) for entity, day in table.newest_day.items()}
        return AsOf(explicit, by_entity | self.business_dates)

    # -- figures -------------------------------------------------------------------------------------------

    def positions(self, by: tuple[str, ...], as_of: AsOf, filters: Filters) -> list[PositionRow]:
        """LIQ-01 along `by` (dimensions of tm.risk.position.v1), sorted by members."""
        named = {*by, *filters}
        sums: dict[tuple[str, ...], list[int]] = {}
        if by == ("entity", "currency") and named == {"entity", "currency"}:
            sums = _pair_sums(self.positions_table, as_of, filters)
        else:
            sums = _group_sums(self.positions_table, by, as_of, filters, on_us=bool(named & ON_US_DIMENSIONS))
        reserved: dict[tuple[str, ...], list[int]] | None = None
        if named <= RESERVED_DIMENSIONS:
            reserved = _group_sums(self.reservations_table, by, as_of, filters, on_us=True)
        rows = []
        for members in sorted({*sums, *(reserved or ())}):
            settled, pending_in, pending_out = sums.get(members, (0, 0, 0))
            held = None if reserved is None else reserved.get(members, [0])[0]
            day = as_of.of(members[by.index("entity")])
            rows.append(PositionRow(members, day, settled, pending_in, pending_out, held))
        return rows

    def positions_by_date(self, filters: Filters) -> list[MovementRow]:
        """Closing position per value date, running over all dates, per entity and currency."""
        rows = []
        for (entity, currency), days in sorted(self._settled_by_day(filters).items()):
            position_minor = 0
            for day, movement_minor in sorted(days.items()):
                position_minor += movement_minor
                rows.append(MovementRow(entity, currency, date.fromordinal(day), movement_minor, position_minor))
        return rows

    def gap(self, by: tuple[str, ...], as_of: AsOf, filters: Filters) -> list[GapRow]:
        """LIQ-08 along `by`: every bucket of every combination that has a flow, in the order of BUCKETS.

        A scheduled flow whose date has passed counts as paid: contract records carry no payments, and only an
        unpaid flow is OVERDUE (ADR 0004).
        """
        table, width = self.gap_table, len(BUCKETS)
        target, members = _targets(table, by, filters, on_us=True)
        today = _limits(table, as_of)
        sums = [[0] * (len(members) * width) for _ in range(3)]
        present = np.zeros(len(members) + 1, np.bool_)
        for groups, days, values in table.iterate():
            keep = (target[groups] >= 0) & (today[groups] > 0)
            present[target[groups[keep]]] = True
            keep &= (days >= today[groups]) | (days == DEMAND_DAY) | (days == UNDATED_DAY)
            group, day = groups[keep], days[keep]
            bucket = np.where(day == DEMAND_DAY, ON, bucket_index(day - today[group]))
            bucket = np.where(day == UNDATED_DAY, UNDATED, bucket)
            index = target[group] * width + bucket
            for into, column in zip(sums, values, strict=True):
                exact_sums(index, column[keep], into)
        rows = []
        for names, at in sorted((members[at], at) for at in np.flatnonzero(present[:-1]).tolist()):
            running = 0
            for place, bucket_name in enumerate(BUCKETS):
                inflow, outflow, contracts = (column[at * width + place] for column in sums)
                counted = place not in {OVERDUE, UNDATED}
                running += (inflow - outflow) * counted
                rows.append(GapRow(names, bucket_name, inflow, outflow, running if counted else None, contracts))
        return rows

    def withdrawals(self, filters: Filters) -> list[Withdrawal]:
        """LIQ-02: customers near or above the rolling threshold, those above first."""
        allowed = filters.get("entity")
        rows = [row for row in self.withdrawal_book.rows.values() if allowed is None or row.entity in allowed]
        return sorted(rows, key=lambda r: (not r.above, r.entity, r.currency, r.customer, r.organisation))

    def _settled_by_day(self, filters: Filters) -> dict[Pair, dict[int, int]]:
        if not filters.keys() & ON_US_DIMENSIONS and filters.keys() <= {"entity", "currency"}:
            return {
                pair: {day: sums[0] for day, sums in days.items()}
                for pair, days in self.positions_table.totals.items()
                if days and _passes(pair, filters)
            }
        table = self.positions_table
        wanted = np.flatnonzero(selected(table, filters))
        result: dict[Pair, dict[int, int]] = {}
        for group, day, values in table.iterate():
            keep = np.isin(group, wanted)
            for at, when, minor in zip(
                group[keep].tolist(), day[keep].tolist(), values[0][keep].tolist(), strict=True
            ):
                days = result.setdefault(table.pair_by_group[at], {})
                days[when] = days.get(when, 0) + minor
        return result


def _passes(pair: Pair, filters: Filters) -> bool:
    return all(pair[("entity", "currency").index(name)] in allowed for name, allowed in filters.items())


def _pair_sums(table: CellTable, as_of: AsOf, filters: Filters) -> dict[tuple[str, ...], list[int]]:
    """Sums by entity and currency from the kept totals: the cost is the number of dates, not of cells."""
    found: dict[tuple[str, ...], list[int]] = {}
    for pair, days in table.totals.items():
        day = as_of.of(pair[0])
        if day is None or not days or not _passes(pair, filters):
            continue
        limit = day.toordinal()
        columns = [0] * table.width
        for when, sums in days.items():
            if when <= limit:
                for index, value in enumerate(sums):
                    columns[index] += value
        found[pair] = columns
    return found


def _group_sums(
    table: CellTable, by: tuple[str, ...], as_of: AsOf, filters: Filters, *, on_us: bool
) -> dict[tuple[str, ...], list[int]]:
    target, members = _targets(table, by, filters, on_us=on_us)
    limit = _limits(table, as_of)
    sums = [[0] * len(members) for _ in range(table.width)]
    present = np.zeros(len(members) + 1, np.bool_)  # a group whose records all still wait for their cut has no row
    for group, day, values in table.iterate():
        present[target[group]] = True  # -1, left out, marks the last place
        keep = (target[group] >= 0) & (day <= limit[group])
        index = target[group[keep]]
        for into, column in zip(sums, values, strict=True):
            exact_sums(index, column[keep], into)
    return {members[at]: [column[at] for column in sums] for at in np.flatnonzero(present[:-1]).tolist()}


def _targets(
    table: CellTable, by: tuple[str, ...], filters: Filters, *, on_us: bool
) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """For each group of the table the row of the result it adds to, or -1; and the members of those rows."""
    places = [table.dimensions.index(name) for name in by]
    index: dict[tuple[str, ...], int] = {}
    target = np.full(len(table.members), -1, np.int64)
    for group in np.flatnonzero(selected(table, filters)).tolist():
        if on_us or not table.intragroup[group]:
            names = tuple(table.members[group][place] for place in places)
            target[group] = index.setdefault(names, len(index))
    return target, list(index)


def _limits(table: CellTable, as_of: AsOf) -> NDArray[np.int64]:
    """For each group the ordinal of its entity's date; 0, below all dates, where nothing is known."""
    days = {entity: as_of.of(entity) for entity, *_ in table.members}
    return np.array(
        [(days[entity] or date.min).toordinal() * bool(days[entity]) for entity, *_ in table.members],
        np.int64,
    )
