"""What stands in which line of the liquidity ratios: every amount the stream knows, mapped by policy, none left out.

From the tables of the view at one cut to items by entity and currency, or by organisation or business line, exact,
before factors. Here all is made anew, for any date; `streams.ratio_book` keeps the same entries up to date for the
dates of the day. Not for ratios: `streams.views_ratios` weighs and divides.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Protocol

from streams.ratio_entries import ENCUMBERED, NO_PRICE, NO_REQUIREMENT, STATED, UNMAPPED, Entries
from streams.ratio_parts import (
    INWARD,
    MEMBERS,
    Amount,
    Aside,
    Cash,
    Entry,
    Figure,
    Item,
    LiquidAsset,
    Pair,
    Undone,
    Unit,
)
from streams.ratio_policy import RatioPolicy
from streams.ratio_totals import Scheme
from streams.views_cells import GapCells
from streams.views_deposits import DepositClass, Deposits, deposit_class
from streams.views_securities import Securities, SecurityClass
from streams.views_windows import FlowClass, windows_of
from streams.views_wire import ReserveTotal

__all__ = [
    "ENCUMBERED",
    "INWARD",
    "MEMBERS",
    "NO_PRICE",
    "NO_REQUIREMENT",
    "STATED",
    "UNMAPPED",
    "Amount",
    "Aside",
    "Cash",
    "Entry",
    "Figure",
    "Item",
    "Items",
    "LiquidAsset",
    "Pair",
    "Tables",
    "Undone",
    "Unit",
    "class_of_flows",
    "items_by_member",
    "items_by_pair",
    "unit_of_security",
]


class Tables(Protocol):
    """What a view offers here."""

    deposits: Deposits
    securities: Securities
    gap_table: GapCells

    def reserve_rows(self) -> Iterable[ReserveTotal]: ...


@dataclass(frozen=True)
class Items:
    """Of one unit. `totals` None: nobody keeps them, each line is to be weighed."""

    entries: tuple[Entry, ...]
    cash: Cash
    totals: tuple[int, ...] | None = None
    scheme: Scheme | None = None  # by which the totals are weighed

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for entry in self.entries for item in entry.items)

    @cached_property
    def asides(self) -> tuple[Aside, ...]:
        return tuple(aside for entry in self.entries for aside in entry.asides)

    @cached_property
    def liquid(self) -> tuple[LiquidAsset, ...]:
        return tuple(asset for entry in self.entries for asset in entry.liquid)

    @cached_property
    def undone(self) -> tuple[Undone, ...]:
        return tuple(leg for entry in self.entries for leg in entry.undone)


def items_by_pair(tables: Tables, policy: RatioPolicy, days: Mapping[str, date]) -> dict[Pair, Items]:
    """Items of every entity that has a date in `days`, and currency; sorted."""
    return {unit[:2]: items for unit, items in items_by_member(tables, policy, days).items()}


def items_by_member(tables: Tables, policy: RatioPolicy, days: Mapping[str, date], by: str = "") -> dict[Unit, Items]:
    """Items of every entity and currency, `by` organisation or business line where one of MEMBERS is asked for.

    Member by member they add up to the entity's. What is one sum of an entity stands under `-`: own money, of which
    what is above the requirement counts, and derivatives, which net.
    """
    entries = Entries(policy, days)
    found: dict[Unit, list[Entry]] = defaultdict(list)
    own: dict[Pair, list[tuple[DepositClass, list[int]]]] = defaultdict(list)
    for group, amounts in _deposits(tables.deposits, by).items():
        if not entries.has(group.entity):
            continue
        if group.owner == "bank":
            own[group.entity, group.currency].append((group, amounts))
        else:
            found[Unit(group.entity, group.currency, group.member)].append(entries.deposit(group, amounts))
    for security in tables.securities.classes():
        if entries.has(security.entity):
            held = tables.securities
            entry = entries.security(
                security, held.value(security), held.unpriced_of(security), held.deals_of(security)
            )
            if entry:
                found[unit_of_security(security, by)].append(entry)
    flows = windows_of(tables.gap_table, class_of_flows(tables.gap_table, entries, by), entries.edges)
    for flow, sums in flows.items():
        if any(map(any, sums)):
            found[Unit(flow.entity, flow.currency, flow.member)].append(entries.flow(flow, sums))
    cash: dict[Unit, Cash] = {}
    reserves = {(row.entity, row.currency): row for row in tables.reserve_rows() if entries.has(row.entity)}
    for pair in own.keys() | reserves.keys():
        unit = Unit(*pair)
        entry, cash[unit] = entries.own_money(pair[0], own[pair], reserves.get(pair))
        found[unit].append(entry)
    return {unit: Items(tuple(made), cash.get(unit, Cash())) for unit, made in sorted(found.items())}


def class_of_flows(table: GapCells, entries: Entries, by: str) -> Callable[[int], FlowClass]:
    """The class of a group of the table."""
    place = table.dimensions.index(by) if by else None

    def found(group: int) -> FlowClass:
        members = table.members[group]
        entity, _, _, product, currency, tag = members
        flow = FlowClass(entity, currency, product, tag)
        return flow if place is None or entries.is_netted(flow) else flow._replace(member=members[place])

    return found


def unit_of_security(group: SecurityClass, by: str) -> Unit:
    return Unit(group.entity, group.currency, getattr(group, by) if by else "-")


def _deposits(deposits: Deposits, by: str) -> dict[DepositClass, list[int]]:
    sums: dict[DepositClass, list[int]] = {}
    for row, amounts in deposits:
        into = sums.setdefault(deposit_class(row, by), [0, 0, 0, 0])
        for at, amount in enumerate(amounts):
            into[at] += amount
    return sums
