"""Tables of cells: absolute sums per cell and date, as the workers publish them, added up over partitions.

One `CellTable` holds one risk topic. A row belongs to one source partition; the record with the highest
source offset wins. Columns are plain int64 arrays, so that numpy sums them without a copy, and totals by
entity and currency are kept as the rows change, since the live stream asks for those ten times a second.
Not thread-safe, and not for buckets or business dates: the reader applies those (decision S13).
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.views_wire import GapFlow, Position, ReservationTotal, Source, sum_minor

Days = NDArray[np.int64]
Pair = tuple[str, str]  # entity, currency

DEMAND_DAY = 0  # payable at call; proleptic ordinals of real dates start at 1
UNDATED_DAY = (1 << 22) - 1  # above the ordinal of 9999-12-31
DAY_BITS = 22


class Columns:
    """The rows of one source partition."""

    __slots__ = ("day", "group", "offset", "row_by_key", "values")

    def __init__(self, width: int) -> None:
        self.row_by_key: dict[int, int] = {}
        self.group, self.day, self.offset = array("q"), array("q"), array("q")
        self.values = [array("q") for _ in range(width)]


@dataclass(slots=True)
class CellTable:
    """Subclasses name their dimensions and decode their record."""

    dimensions: tuple[str, ...]  # of a group's members, in order; `entity` first
    width: int  # number of sums in a row
    group_by_members: dict[tuple[str, ...], int] = field(default_factory=dict)
    members: list[tuple[str, ...]] = field(default_factory=list)
    intragroup: list[bool] = field(default_factory=list)
    pair_by_group: list[Pair] = field(default_factory=list)
    columns: dict[str, Columns] = field(default_factory=dict)  # by source topic/partition
    totals: dict[Pair, dict[int, list[int]]] = field(default_factory=dict)  # intragroup cells left out (S22)
    newest_day: dict[str, int] = field(default_factory=dict)
    changed: set[Pair] = field(default_factory=set)

    def waiting(self) -> "array[int]":
        """Flat rows of [offset, group, day, sums…]: 48 bytes a record, where objects would take 500."""
        return array("q")

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[int, ...]]:
        raise NotImplementedError

    def hold(self, waiting: "array[int]", item: tuple[int, ...]) -> None:
        waiting.extend(item)

    def settle(self, place: str, waiting: "array[int]", limit: int) -> None:
        """Take over the waiting rows with offset <= limit; the others go on waiting."""
        if not waiting:
            return
        columns = self.columns.setdefault(place, Columns(self.width))
        stride = 3 + self.width
        late = array("q")
        flat = waiting.tolist()
        for start in range(0, len(flat), stride):
            row = flat[start : start + stride]
            if row[0] <= limit:
                self._put(columns, row)
            else:
                late.extend(row)
        waiting[:] = late

    def clear(self, place: str, *, same_log: bool) -> None:
        """Forget one source partition: another log or fold version takes its place."""
        if self.columns.pop(place, None) is None:
            return
        self.changed.update(self.totals)
        self.totals = {pair: {} for pair in self.totals}
        self.newest_day = {}
        for columns in self.columns.values():
            for row, group in enumerate(columns.group):
                self._count(group, columns.day[row], [values[row] for values in columns.values])

    def group(self, members: tuple[str, ...], *, intragroup: bool = False) -> int:
        identity = (*members, "on-us") if intragroup else members
        found = self.group_by_members.get(identity)
        if found is None:
            found = self.group_by_members[identity] = len(self.members)
            self.members.append(members)
            self.intragroup.append(intragroup)
            self.pair_by_group.append((members[0], members[self.dimensions.index("currency")]))
        return found

    def iterate(self) -> Iterator[tuple[Days, Days, list[NDArray[np.int64]]]]:
        """(group, day, sums) per source partition, as views: drop them before anything else is applied."""
        for columns in self.columns.values():
            yield (
                np.frombuffer(columns.group, np.int64),
                np.frombuffer(columns.day, np.int64),
                [np.frombuffer(values, np.int64) for values in columns.values],
            )

    def _put(self, columns: Columns, row: list[int]) -> None:
        offset, group, day, *sums = row
        key = group << DAY_BITS | day
        at = columns.row_by_key.get(key)
        if at is None:
            columns.row_by_key[key] = len(columns.group)
            columns.group.append(group)
            columns.day.append(day)
            columns.offset.append(offset)
            for values, value in zip(columns.values, sums, strict=True):
                values.append(value)
            self._count(group, day, sums)
        elif offset > columns.offset[at]:
            columns.offset[at] = offset
            change = [value - values[at] for values, value in zip(columns.values, sums, strict=True)]
            for values, value in zip(columns.values, sums, strict=True):
                values[at] = value
            self._count(group, day, change)

    def _count(self, group: int, day: int, change: list[int]) -> None:
        pair = self.pair_by_group[group]
        if day != UNDATED_DAY and day > self.newest_day.get(pair[0], 0):
            self.newest_day[pair[0]] = day
        days = self.totals.get(pair)
        if days is None:
            days = self.totals[pair] = {}
        if self.intragroup[group]:
            return
        self.changed.add(pair)
        sums = days.get(day)
        if sums is None:
            days[day] = change.copy()
        else:
            for index, value in enumerate(change):
                sums[index] += value


class PositionCells(CellTable):
    """`tm.risk.position.v1`: settled, pending in and pending out, minor units, by value date."""

    def __init__(self) -> None:
        super().__init__(("entity", "organisation", "business_line", "product", "currency"), 3)
        self.decoder = msgspec.json.Decoder(Position)

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[int, ...]]:
        cell = self.decoder.decode(value)
        members = (cell.entity, cell.organisation, cell.business_line, cell.product, cell.currency)
        return cell.source, (
            cell.source.offset,
            self.group(members, intragroup=cell.intragroup),
            date.fromisoformat(cell.value_date).toordinal(),
            sum_minor(cell.settled, cell.currency),
            sum_minor(cell.pending_in, cell.currency),
            sum_minor(cell.pending_out, cell.currency),
        )


class ReservationCells(CellTable):
    """`tm.risk.reservation.v1`: approved and not executed, minor units, by value date."""

    def __init__(self) -> None:
        super().__init__(("entity", "organisation", "currency"), 1)
        self.decoder = msgspec.json.Decoder(ReservationTotal)

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[int, ...]]:
        cell = self.decoder.decode(value)
        return cell.source, (
            cell.source.offset,
            self.group((cell.entity, cell.organisation, cell.currency)),
            date.fromisoformat(cell.value_date).toordinal(),
            sum_minor(cell.approved, cell.currency),
        )


class GapCells(CellTable):
    """`tm.risk.gap.v1`: inflow and outflow and the principal in them, minor units, by flow date, and the number of
    contracts."""

    def __init__(self) -> None:
        dimensions = ("entity", "organisation", "business_line", "product", "currency", "liquidity_tag")
        super().__init__(dimensions, 5)
        self.decoder = msgspec.json.Decoder(GapFlow)
        self.on_change: Callable[[int, int, list[int]], None] = lambda _group, _day, _change: None
        self.on_clear: Callable[[], None] = lambda: None

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[int, ...]]:
        cell = self.decoder.decode(value)
        members = (
            cell.entity,
            cell.organisation,
            cell.business_line,
            cell.product,
            cell.currency,
            cell.liquidity_tag,
        )
        return cell.source, (
            cell.source.offset,
            self.group(members),
            _flow_day(cell.flow_date),
            sum_minor(cell.inflow, cell.currency),
            sum_minor(cell.outflow, cell.currency),
            cell.contracts,
            sum_minor(cell.principal_in, cell.currency),
            sum_minor(cell.principal_out, cell.currency),
        )

    def clear(self, place: str, *, same_log: bool) -> None:
        CellTable.clear(self, place, same_log=same_log)
        self.on_clear()

    def _count(self, group: int, day: int, change: list[int]) -> None:
        CellTable._count(self, group, day, change)
        self.on_change(group, day, change)


def _flow_day(text: str) -> int:
    if text == "DEMAND":
        return DEMAND_DAY
    return UNDATED_DAY if text == "UNDATED" else date.fromisoformat(text).toordinal()


def selected(table: CellTable, filters: Mapping[str, frozenset[str]]) -> NDArray[np.bool_]:
    """Which groups of the table pass: per dimension the allowed members; a dimension not named allows all."""
    places = [(table.dimensions.index(name), allowed) for name, allowed in filters.items()]
    return np.array([all(m[at] in allowed for at, allowed in places) for m in table.members], np.bool_)


def exact_sums(index: NDArray[np.intp], values: NDArray[np.int64], into: list[int]) -> None:
    """Add `values` to the Python integers `into[index]`: exact also where an int64 would wrap round."""
    low, high = np.zeros(len(into), np.int64), np.zeros(len(into), np.int64)
    np.add.at(low, index, values & 0x7FFF_FFFF)
    np.add.at(high, index, values >> 31)
    for place, (bits, rest) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        into[place] += (rest << 31) + bits
