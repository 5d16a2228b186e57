"""The live view: all figures of the `tm.risk.*` topics, in memory, from which the API answers.

`RiskView` is the pure core: records in, figures out; no Kafka, no thread, no clock. `LiveView`
(views_live.py) feeds it from Kafka and shares it between threads. Any order of partitions, any repetition
and any half tick of a killed worker end in the same figures (views_ticks.py says why). Not for figures by
customer or account: those are not published, the API asks the snapshot store.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput, TidemarkError
from streams import views_figures
from streams.fx_rates import FxRates
from streams.ratio_book import RatioBooks
from streams.recovery_view import RecoveryBook
from streams.schemas import BusinessDate
from streams.topics import (
    ALERT,
    AUDIT,
    BUSINESS_DATE,
    CONTRACT,
    CUT,
    DEPOSIT,
    FX,
    FX_STATE,
    GAP,
    HOLDING,
    HOLDING_STATE,
    POSITION,
    PRICE,
    PRICE_STATE,
    RESERVATION_TOTAL,
    RESERVE,
    RESERVE_TOTAL,
    TXN,
    WITHDRAWAL,
)
from streams.topics import RESERVATION as RESERVATION_SOURCE
from streams.views_alerts import AlertBook, WithdrawalBook
from streams.views_cells import GapCells, Pair, PositionCells, ReservationCells
from streams.views_deposits import Deposits
from streams.views_figures import (
    ON_US_DIMENSIONS,
    RESERVED_DIMENSIONS,
    AsOf,
    Filters,
    GapRow,
    MovementRow,
    PositionRow,
)
from streams.views_latest import LatestBook
from streams.views_securities import Securities
from streams.views_ticks import Ticks
from streams.views_windows import FlowClass
from streams.views_wire import (
    Alert,
    Cut,
    Deposit,
    FxState,
    HoldingState,
    PriceState,
    Record,
    ReserveTotal,
    Source,
    Withdrawal,
)

__all__ = [
    "CUT_KEY",
    "ON_US_DIMENSIONS",
    "RATIO_TOPICS",
    "RESERVED_DIMENSIONS",
    "SOURCE_TOPIC",
    "VIEW_TOPICS",
    "AsOf",
    "Changes",
    "Filters",
    "GapRow",
    "MovementRow",
    "PositionRow",
    "RiskView",
]

VIEW_TOPICS = (
    POSITION,
    RESERVATION_TOTAL,
    GAP,
    WITHDRAWAL,
    ALERT,
    DEPOSIT,
    HOLDING_STATE,
    PRICE_STATE,
    FX_STATE,
    RESERVE_TOTAL,
    BUSINESS_DATE,
    AUDIT,
)
#: What the liquidity ratios are made of.
RATIO_TOPICS = (DEPOSIT, GAP, HOLDING_STATE, PRICE_STATE, FX_STATE, RESERVE_TOTAL, BUSINESS_DATE)
SOURCE_TOPIC = {
    POSITION: TXN,
    RESERVATION_TOTAL: RESERVATION_SOURCE,
    GAP: CONTRACT,
    WITHDRAWAL: TXN,
    ALERT: TXN,
    DEPOSIT: TXN,
    HOLDING_STATE: HOLDING,
    PRICE_STATE: PRICE,
    FX_STATE: FX,
    RESERVE_TOTAL: RESERVE,
}
CUT_KEY = b"cut"


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
        self.deposits, self.securities = Deposits(), Securities()
        self.recoveries = RecoveryBook()
        self.deposit_book = LatestBook(Deposit, self.deposits.set_row)
        self.holding_book = LatestBook(HoldingState, self.securities.set_holding)
        self.price_book = LatestBook(PriceState, self.securities.set_price)
        self.fx_book: LatestBook[FxState] = LatestBook(FxState)
        self.ratio_books = RatioBooks(self)
        self.reserve_book = LatestBook(ReserveTotal, self.ratio_books.set_reserve)
        self._books: dict[str, Any] = {
            POSITION: self.positions_table,
            RESERVATION_TOTAL: self.reservations_table,
            GAP: self.gap_table,
            WITHDRAWAL: self.withdrawal_book,
            ALERT: self.alert_book,
            DEPOSIT: self.deposit_book,
            HOLDING_STATE: self.holding_book,
            PRICE_STATE: self.price_book,
            FX_STATE: self.fx_book,
            RESERVE_TOTAL: self.reserve_book,
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
            elif record.topic == AUDIT:
                self.recoveries.apply(record)
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
        if self.recoveries.take_changed():
            changes.advanced.add(AUDIT)
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
        known = source.topic == SOURCE_TOPIC[record.topic] or (record.topic == ALERT and source.topic == CUT)
        if source.partition != record.partition or not known:
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
        if AUDIT in topics and self.recoveries.next_offset:
            vector[f"{AUDIT}/0"] = self.recoveries.next_offset
        return vector

    def logs(self, *topics: str) -> dict[str, str]:
        """{"topic/partition": log id} for the same places: an offset means nothing without its log (S5)."""
        return {place: str(ticks.log) for place, ticks in self._known(topics)}

    def stood_apart(self, *topics: str) -> dict[str, dict[str, int]]:
        """{risk topic: {place: next offset}} where one of these topics was not at the offset that `offsets` names:
        ticks of several topics of one source reach the view one after the other."""
        named = self.offsets(*topics)
        found: dict[str, dict[str, int]] = {}
        for (topic, place), ticks in sorted(self._ticks.items()):
            if topic in topics and ticks.log and ticks.offset != named[place]:
                found.setdefault(topic, {})[place] = ticks.offset
        return found

    def folds(self, *topics: str) -> dict[str, int]:
        """{source topic: version of the fold} behind the figures of these topics."""
        return {place.rpartition("/")[0]: ticks.fold for place, ticks in self._known(topics)}

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
        if newest is None:
            newest = self.last_event_time(DEPOSIT)
        for row in self.holding_book:
            if newest is not None:
                by_entity.setdefault(row.entity, date.fromisoformat(newest[:10]))
        for table in (self.reservations_table, self.positions_table):
            by_entity |= {entity: date.fromordinal(day) for entity, day in table.newest_day.items()}
        return AsOf(explicit, by_entity | self.business_dates)

    # -- figures -------------------------------------------------------------------------------------------

    def positions(self, by: tuple[str, ...], as_of: AsOf, filters: Filters) -> list[PositionRow]:
        """LIQ-01 along `by` (dimensions of tm.risk.position.v1), sorted by members."""
        return views_figures.positions(self.positions_table, self.reservations_table, by, as_of, filters)

    def positions_by_date(self, filters: Filters) -> list[MovementRow]:
        """Closing position per value date, running over all dates, per entity and currency."""
        return views_figures.positions_by_date(self.positions_table, filters)

    def gap(self, by: tuple[str, ...], as_of: AsOf, filters: Filters) -> list[GapRow]:
        """LIQ-08 along `by`: every bucket of every combination that has a flow, in the order of BUCKETS."""
        return views_figures.gap(self.gap_table, by, as_of, filters)

    # -- what the liquidity ratios are made of (streams.ratio_items) ---------------------------------------

    def deposit_rows(self) -> Iterator[Deposit]:
        return iter(self.deposit_book)

    def reserve_rows(self) -> Iterator[ReserveTotal]:
        return iter(self.reserve_book)

    def fx_rates(self) -> FxRates:
        return FxRates.of(self.fx_book)

    def flow_class(self, group: int) -> FlowClass:
        entity, _, _, product, currency, tag = self.gap_table.members[group]
        return FlowClass(entity, currency, product, tag)

    def withdrawals(self, filters: Filters) -> list[Withdrawal]:
        """LIQ-02: customers near or above the rolling threshold, those above first."""
        allowed = filters.get("entity")
        rows = [row for row in self.withdrawal_book.rows.values() if allowed is None or row.entity in allowed]
        return sorted(rows, key=lambda r: (not r.above, r.entity, r.currency, r.customer, r.organisation))
