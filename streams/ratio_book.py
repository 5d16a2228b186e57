"""Items of the live ratios, kept up to date: a change touches its own class, and nothing else is read again.

A book is of one policy, one date an entity and one way of adding up. It follows the tables of a view: what comes
changes the sums of its class, and whoever asks gets the touched classes made anew and the totals moved by the
difference. Equal to `streams.ratio_items.items_by_member` on the same tables. Not for figures of another date: these
are made anew.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from streams.ratio_entries import Entries
from streams.ratio_items import Items, Tables, class_of_flows, unit_of_security
from streams.ratio_parts import Cash, Entry, Pair, Unit
from streams.ratio_policy import RatioPolicy
from streams.ratio_totals import WIDTH, Contribution, Scheme
from streams.views_deposits import Amounts, DepositClass, deposit_class
from streams.views_securities import SecurityClass
from streams.views_windows import FlowWindows
from streams.views_wire import Deposit, ReserveTotal

_ROWS = 4  # beside a class's four amounts: how many rows they stem from


@dataclass(slots=True)
class _Kept:
    """One unit's entries and totals; its `Items` until something moves."""

    scheme: Scheme
    entries: dict[Hashable, tuple[Entry, Contribution]] = field(default_factory=dict)
    totals: list[int] = field(default_factory=lambda: [0] * WIDTH)
    cash: Cash = field(default_factory=Cash)
    items: Items | None = None

    def put(self, key: Hashable, entry: Entry | None) -> None:
        """Replace the entry of a class; None: there is none of it any more."""
        self.items = None
        before = self.entries.pop(key, None)
        for place, amount in () if before is None else before[1]:
            self.totals[place] -= amount
        if entry is None:
            return
        contribution = self.scheme.contribution(entry)
        for place, amount in contribution:
            self.totals[place] += amount
        self.entries[key] = (entry, contribution)

    def read(self) -> Items:
        if self.items is None:
            entries = tuple(entry for entry, _ in self.entries.values())
            self.items = Items(entries, self.cash, tuple(self.totals), self.scheme)
        return self.items


class RatioBook:
    """Of one policy, the dates of one day, added up `by` an organisation, a business line or, empty, neither."""

    def __init__(self, tables: Tables, policy: RatioPolicy, days: Mapping[str, date], by: str) -> None:
        self._tables, self.policy, self.days, self._by = tables, policy, dict(days), by
        self._entries = Entries(policy, days)
        self._schemes: dict[str, Scheme] = {}
        self._units: dict[Unit, _Kept] = {}
        self._deposits: dict[DepositClass, list[int]] = {}
        self._own: dict[Pair, set[DepositClass]] = defaultdict(set)
        class_of = cache(class_of_flows(tables.gap_table, self._entries, by))
        self._flows = FlowWindows(class_of, self._entries.edges)
        self._touched: set[DepositClass | SecurityClass] = set()
        self._touched_cash: set[Pair] = set()
        for row, amounts in tables.deposits:
            self.deposit_changed(row, amounts, 1)
        for group in tables.securities.classes():
            self.security_changed(group)
        for reserve in tables.reserve_rows():
            self.reserve_changed(reserve.entity, reserve.currency)

    # -- what the tables tell ------------------------------------------------------------------------------

    def deposit_changed(self, row: Deposit, change: Amounts, rows: int) -> None:
        if not self._entries.has(row.entity):
            return
        group = deposit_class(row, self._by)
        sums = self._deposits.get(group)
        if sums is None:
            sums = self._deposits[group] = [0, 0, 0, 0, 0]
        for at, amount in enumerate(change):
            sums[at] += amount
        sums[_ROWS] += rows
        if row.owner == "bank":
            self._own[row.entity, row.currency].add(group)
            self._touched_cash.add((row.entity, row.currency))
        else:
            self._touched.add(group)

    def flow_changed(self, group: int, day: int, change: list[int]) -> None:
        self._flows.change(group, day, change)

    def flows_replaced(self) -> None:
        self._flows.forget()

    def security_changed(self, group: SecurityClass) -> None:
        if self._entries.has(group.entity):
            self._touched.add(group)

    def reserve_changed(self, entity: str, currency: str) -> None:
        if self._entries.has(entity):
            self._touched_cash.add((entity, currency))

    # -- what is asked -------------------------------------------------------------------------------------

    def items(self) -> dict[Unit, Items]:
        """Sorted. Costs what was touched since the last time, not what there is."""
        flows = self._flows.sums(self._tables.gap_table)
        for flow in self._flows.touched:
            sums = flows.get(flow)
            there = sums is not None and any(map(any, sums))
            entry = self._entries.flow(flow, sums) if there and sums is not None else None
            self._put(Unit(flow.entity, flow.currency, flow.member), flow, entry)
        self._flows.touched.clear()
        for group in self._touched:
            if isinstance(group, DepositClass):
                self._make_deposit(group)
            else:
                self._make_security(group)
        self._touched.clear()
        for pair in self._touched_cash:
            self._make_cash(pair)
        self._touched_cash.clear()
        return {unit: kept.read() for unit, kept in sorted(self._units.items())}

    def _make_deposit(self, group: DepositClass) -> None:
        sums = self._deposits[group]
        unit = Unit(group.entity, group.currency, group.member)
        if sums[_ROWS]:
            self._put(unit, group, self._entries.deposit(group, sums))
        else:
            del self._deposits[group]
            self._put(unit, group, None)

    def _make_security(self, group: SecurityClass) -> None:
        held = self._tables.securities
        entry = self._entries.security(group, held.value(group), held.unpriced_of(group), held.deals_of(group))
        self._put(unit_of_security(group, self._by), group, entry or None)

    def _make_cash(self, pair: Pair) -> None:
        for gone in [group for group in self._own[pair] if not self._deposits[group][_ROWS]]:
            del self._deposits[gone]
            self._own[pair].discard(gone)
        reserves = [row for row in self._tables.reserve_rows() if (row.entity, row.currency) == pair]
        unit = Unit(*pair)
        if not self._own[pair] and not reserves:
            self._put(unit, pair, None)
            return
        own = [(group, self._deposits[group]) for group in self._own[pair]]
        entry, cash = self._entries.own_money(pair[0], own, reserves[-1] if reserves else None)
        self._put(unit, pair, entry)
        self._units[unit].cash = cash

    def _put(self, unit: Unit, key: Hashable, entry: Entry | None) -> None:
        kept = self._units.get(unit)
        if kept is None:
            if entry is None:
                return
            kept = self._units[unit] = _Kept(self._scheme(unit.entity))
        kept.put(key, entry)
        if not kept.entries:
            del self._units[unit]

    def _scheme(self, entity: str) -> Scheme:
        """One for all entities whose tables are the same."""
        coverage, funding = self._entries.tables(entity)
        for known in self._schemes.values():
            if known.table("lcr") is coverage and known.table("nsfr") is funding:
                return known
        return self._schemes.setdefault(entity, Scheme.of(coverage, funding))


class RatioBooks:
    """The books that follow one view: made when first asked for. Not thread-safe."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._books: dict[str, RatioBook] = {}
        tables.deposits.followers.append(self._deposit_changed)
        tables.securities.on_change = self._security_changed
        tables.gap_table.on_change = self._flow_changed
        tables.gap_table.on_clear = self._flows_replaced

    def items(self, policy: RatioPolicy, days: Mapping[str, date], by: str = "") -> dict[Unit, Items]:
        """As `ratio_items.items_by_member`. Another policy or date makes the book anew."""
        book = self._books.get(by)
        if book is None or book.policy is not policy or book.days != days:
            book = self._books[by] = RatioBook(self._tables, policy, days, by)
        return book.items()

    def set_reserve(self, key: tuple[str, bytes], row: ReserveTotal | None) -> None:
        """A reserve record came, or went with its log."""
        if row is None:
            self._books.clear()  # what it was of is not told: rare enough to begin anew
            return
        for book in self._books.values():
            book.reserve_changed(row.entity, row.currency)

    def _deposit_changed(self, row: Deposit, change: Amounts, rows: int) -> None:
        for book in self._books.values():
            book.deposit_changed(row, change, rows)

    def _security_changed(self, group: SecurityClass) -> None:
        for book in self._books.values():
            book.security_changed(group)

    def _flow_changed(self, group: int, day: int, change: list[int]) -> None:
        for book in self._books.values():
            book.flow_changed(group, day, change)

    def _flows_replaced(self) -> None:
        for book in self._books.values():
            book.flows_replaced()
