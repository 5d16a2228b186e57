"""Items of the live ratios, kept up to date: a change touches its own class, and nothing else is read again.

A book is of one policy, one date an entity and one way of adding up. It follows the tables of a view: what comes
changes the sums of its class, and whoever asks gets the touched classes made anew and the totals moved by the
difference. Equal to `streams.ratio_items.items_by_member` on the same tables. Not for figures of another date: these
are made anew.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property

from streams.ratio_entries import Entries
from streams.ratio_items import Items, Tables, class_of_flows, unit_of_security
from streams.ratio_parts import Cash, Entry, Pair, Unit
from streams.ratio_policy import RatioPolicy
from streams.ratio_totals import PRESENT, WIDTH, Contribution, Scheme, Weighing
from streams.views_deposits import Amounts, DepositClass, deposit_class
from streams.views_securities import SecurityClass
from streams.views_windows import FlowWindows
from streams.views_wire import Deposit, ReserveTotal

_PARTS = 4  # amounts of a class of deposits
_EMPTY = (0,) * _PARTS


class KeptItems(Items):
    """Items of a moment: the entries of deposits, which move with every batch, are made where they are asked for."""

    def __init__(
        self,
        made: tuple[Entry, ...],
        to_make: Mapping[DepositClass, Sequence[int]],
        by: Entries,
        cash: Cash,
        totals: tuple[int, ...],
        scheme: Scheme,
    ) -> None:
        self.__dict__.update(_made=made, _to_make=to_make, _by=by, cash=cash, totals=totals, scheme=scheme)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        held = self.__dict__
        return (*held["_made"], *(held["_by"].deposit(group, amounts) for group, amounts in held["_to_make"].items()))


@dataclass(slots=True)
class _Class:
    """The sums of a class of deposits: its four amounts, and how many rows they stem from."""

    group: DepositClass
    unit: Unit
    amounts: list[int] = field(default_factory=lambda: [0] * _PARTS)
    rows: int = 0
    weighing: Weighing | None = None  # of customers' deposits; None: made as an entry


@dataclass(slots=True)
class _Kept:
    """One unit's entries and totals; its `Items` until something moves."""

    scheme: Scheme
    by: Entries
    entries: dict[Hashable, tuple[Entry, Contribution]] = field(default_factory=dict)
    deposits: dict[DepositClass, tuple[int, ...]] = field(default_factory=dict)  # which entries are not made yet
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

    def move(self, group: DepositClass, weighing: Weighing, after: tuple[int, ...] | None) -> None:
        """Replace the amounts of a class that is weighed as a whole, all >= 0; None: there is none of it any more."""
        self.items = None
        totals, before = self.totals, self.deposits.get(group, _EMPTY)
        for had, has, weights in zip(before, after or _EMPTY, weighing, strict=True):
            if had == has:
                continue
            for place, weight in weights:
                totals[place] += (has - had) * weight
            if not had or not has:  # an amount of 0 is in no line, nor aside
                for place in PRESENT.values():
                    totals[place] += 1 if has else -1
        if after is not None:
            self.deposits[group] = after
        else:
            self.deposits.pop(group, None)

    def read(self) -> Items:
        if self.items is None:
            made = tuple(entry for entry, _ in self.entries.values())
            self.items = KeptItems(made, self.deposits.copy(), self.by, self.cash, tuple(self.totals), self.scheme)
        return self.items


class RatioBook:
    """Of one policy, the dates of one day, added up `by` an organisation, a business line or, empty, neither."""

    def __init__(self, tables: Tables, policy: RatioPolicy, days: Mapping[str, date], by: str) -> None:
        self._tables, self.policy, self.days, self._by = tables, policy, dict(days), by
        self._entries = Entries(policy, days)
        self._schemes: dict[str, Scheme] = {}
        self._units: dict[Unit, _Kept] = {}
        self._order: list[tuple[Unit, _Kept]] | None = []  # units, sorted; None: one came or went
        self._deposits: dict[DepositClass, _Class] = {}
        self._own: dict[Pair, set[DepositClass]] = defaultdict(set)
        class_of = cache(class_of_flows(tables.gap_table, self._entries, by))
        self._flows = FlowWindows(class_of, self._entries.edges)
        self._touched: dict[DepositClass, _Class] = {}
        self._touched_securities: dict[SecurityClass, None] = {}
        self._touched_cash: dict[Pair, None] = {}
        for row, amounts in tables.deposits:
            self.deposit_changed(row, amounts, 1)
        for group in tables.securities.classes():
            self.security_changed(group)
        for reserve in tables.reserve_rows():
            self.reserve_changed(reserve.entity, reserve.currency)

    # -- what the tables tell ------------------------------------------------------------------------------

    def deposit_changed(self, row: Deposit, change: Amounts, rows: int) -> None:
        if self._entries.has(row.entity):
            self.class_changed(deposit_class(row, self._by), change, rows)

    def class_changed(self, group: DepositClass, change: Amounts, rows: int) -> None:
        """As `deposit_changed`, of the class itself; `rows`: how many more it stems from."""
        if not self._entries.has(group.entity):
            return
        found = self._deposits.get(group)
        if found is None:
            found = self._deposits[group] = self._class(group)
        sums = found.amounts
        sums[0] += change[0]
        sums[1] += change[1]
        sums[2] += change[2]
        sums[3] += change[3]
        found.rows += rows
        if group.owner == "bank":
            self._own[group.entity, group.currency].add(group)
            self._touched_cash[group.entity, group.currency] = None
        else:
            self._touched[group] = found

    def flow_changed(self, group: int, day: int, change: list[int]) -> None:
        self._flows.change(group, day, change)

    def flows_replaced(self) -> None:
        self._flows.forget()

    def security_changed(self, group: SecurityClass) -> None:
        if self._entries.has(group.entity):
            self._touched_securities[group] = None

    def reserve_changed(self, entity: str, currency: str) -> None:
        if self._entries.has(entity):
            self._touched_cash[entity, currency] = None

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
        for found in self._touched.values():
            self._make_deposit(found)
        self._touched.clear()
        for group in self._touched_securities:
            self._make_security(group)
        self._touched_securities.clear()
        for pair in self._touched_cash:
            self._make_cash(pair)
        self._touched_cash.clear()
        if self._order is None:
            self._order = sorted(self._units.items())
        return {unit: kept.read() for unit, kept in self._order}

    def _class(self, group: DepositClass) -> _Class:
        found = _Class(group, Unit(group.entity, group.currency, group.member))
        if group.owner != "bank":
            found.weighing = self._entries.weighing(group, self._scheme(group.entity))
        return found

    def _make_deposit(self, found: _Class) -> None:
        group, unit, weighing = found.group, found.unit, found.weighing
        if weighing is not None and found.rows > 0 and min(found.amounts) >= 0:
            kept = self._units.get(unit) or self._unit(unit)
            kept.move(group, weighing, tuple(found.amounts))
            if group in kept.entries:
                kept.put(group, None)
            return
        if weighing is not None and (known := self._units.get(unit)) is not None:
            known.move(group, weighing, None)
        if found.rows:
            self._put(unit, group, self._entries.deposit(group, found.amounts))
        else:
            del self._deposits[group]
            self._put(unit, group, None)

    def _make_security(self, group: SecurityClass) -> None:
        held = self._tables.securities
        entry = self._entries.security(group, held.value(group), held.unpriced_of(group), held.deals_of(group))
        self._put(unit_of_security(group, self._by), group, entry or None)

    def _make_cash(self, pair: Pair) -> None:
        for gone in [group for group in self._own[pair] if not self._deposits[group].rows]:
            del self._deposits[gone]
            self._own[pair].discard(gone)
        reserves = [row for row in self._tables.reserve_rows() if (row.entity, row.currency) == pair]
        unit = Unit(*pair)
        if not self._own[pair] and not reserves:
            self._put(unit, pair, None)
            return
        own = [(group, self._deposits[group].amounts) for group in self._own[pair]]
        entry, cash = self._entries.own_money(pair[0], own, reserves[-1] if reserves else None)
        self._put(unit, pair, entry)
        self._units[unit].cash = cash

    def _put(self, unit: Unit, key: Hashable, entry: Entry | None) -> None:
        kept = self._units.get(unit)
        if kept is None:
            if entry is None:
                return
            kept = self._unit(unit)
        kept.put(key, entry)
        if not kept.entries and not kept.deposits:
            del self._units[unit]
            self._order = None

    def _unit(self, unit: Unit) -> _Kept:
        self._order = None
        return self._units.setdefault(unit, _Kept(self._scheme(unit.entity), self._entries))

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
