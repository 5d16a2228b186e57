"""Figures from the cells of the live view: positions, their course over the value dates, the gap (LIQ-01, LIQ-08).

Pure functions of tables at one cut; sums are exact integers in minor units. Not for how the tables came to be:
that is `streams.views`, which asks here.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.buckets import BUCKETS, ON, OVERDUE, UNDATED, bucket_index
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


def positions(
    table: PositionCells, reservations: ReservationCells, by: tuple[str, ...], as_of: AsOf, filters: Filters
) -> list[PositionRow]:
    """LIQ-01 along `by` (dimensions of tm.risk.position.v1), sorted by members."""
    named = {*by, *filters}
    sums: dict[tuple[str, ...], list[int]] = {}
    if by == ("entity", "currency") and named == {"entity", "currency"}:
        sums = _pair_sums(table, as_of, filters)
    else:
        sums = _group_sums(table, by, as_of, filters, on_us=bool(named & ON_US_DIMENSIONS))
    reserved: dict[tuple[str, ...], list[int]] | None = None
    if named <= RESERVED_DIMENSIONS:
        reserved = _group_sums(reservations, by, as_of, filters, on_us=True)
    rows = []
    for members in sorted({*sums, *(reserved or ())}):
        settled, pending_in, pending_out = sums.get(members, (0, 0, 0))
        held = None if reserved is None else reserved.get(members, [0])[0]
        day = as_of.of(members[by.index("entity")])
        rows.append(PositionRow(members, day, settled, pending_in, pending_out, held))
    return rows


def positions_by_date(table: PositionCells, filters: Filters) -> list[MovementRow]:
    """Closing position per value date, running over all dates, per entity and currency."""
    rows = []
    for (entity, currency), days in sorted(_settled_by_day(table, filters).items()):
        position_minor = 0
        for day, movement_minor in sorted(days.items()):
            position_minor += movement_minor
            rows.append(MovementRow(entity, currency, date.fromordinal(day), movement_minor, position_minor))
    return rows


def gap(table: GapCells, by: tuple[str, ...], as_of: AsOf, filters: Filters) -> list[GapRow]:
    """LIQ-08 along `by`: every bucket of every combination that has a flow, in the order of BUCKETS.

    A scheduled flow whose date has passed counts as paid: contract records carry no payments, and only an
    unpaid flow is OVERDUE (ADR 0004).
    """
    width = len(BUCKETS)
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
        for into, column in zip(sums, values, strict=False):  # the principal in them is another figure's
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


def _settled_by_day(table: PositionCells, filters: Filters) -> dict[Pair, dict[int, int]]:
    if not filters.keys() & ON_US_DIMENSIONS and filters.keys() <= {"entity", "currency"}:
        return {
            pair: {day: sums[0] for day, sums in days.items()}
            for pair, days in table.totals.items()
            if days and _passes(pair, filters)
        }
    wanted = np.flatnonzero(selected(table, filters))
    result: dict[Pair, dict[int, int]] = {}
    for group, day, values in table.iterate():
        keep = np.isin(group, wanted)
        for at, when, minor in zip(group[keep].tolist(), day[keep].tolist(), values[0][keep].tolist(), strict=True):
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
