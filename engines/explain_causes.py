"""Step 1 of explaining a change: what each cause did to each line, in money (decision Q9).

Each cause switches as a whole from the earlier cut to the later one, and its share is its Shapley value; the entries
of a cell share the part of ENTRY by what each moved. Not for caps and ratios: `engines.explain_change`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from engines.explain_lines import (
    CAUSES,
    KINDS,
    Cause,
    Cell,
    Cut,
    Entry,
    Kind,
    LineKey,
    Movement,
    Place,
    check_exact,
    own_place,
)
from engines.factor_lines import Amount
from engines.primitives.errors import InvalidInput
from engines.shapley import shapley_values

_Places = Mapping[tuple[str, str], "Place | None"]
_Tables = tuple[_Places, _Places]  # of the earlier and of the later cut

#: Stands for all entries of a cell together.
THE_MANY = Entry("", -1, -1)


@dataclass(frozen=True, slots=True)
class LinePart:
    cause: Cause
    kind: Kind
    line: str
    amount: Fraction  # change of the line; never 0, unless pooled
    entry: Entry | None = None
    pooled: int = 0  # so many smaller entries of the line, told together


def line_parts(before: Cut, after: Cut, movements: Iterable[Movement] | None = None) -> tuple[LinePart, ...]:
    """The change of every line between two cuts, split over the causes; the parts add up to it exactly.

    A cell that stands in one cut only has the other's tag, window, price and rate there and quantity 0: give it
    with quantity 0 where these were different. So a tag and window without a place in one cut has the other's: the
    tables differ only where both say something. Each cause switches as a whole, and the split is a Shapley value;
    the entries of a cell then share its ENTRY part by their signed amounts, also when these cancel out.

    Args:
        movements: of all cells, in any order, repeated entries added up; None: entries are not known, and all that
            no other cause explains is one ENTRY part without a name.
    Returns:
        Parts that are not 0, by line, cause, partition and offset.
    Raises:
        InvalidInput: `record` is the cell: an inexact number, a price or rate below 0, a factor outside 0..1, no
            place for its own tag and window, movements that do not add up to the change of its quantity.
    Source: decision Q9, step 1.
    """
    moved = _by_cell(before, after, movements)
    tables = ({**after.places, **before.places}, {**before.places, **after.places})
    sums: dict[tuple[Cause, LineKey, Entry | None], Fraction] = {}
    for name in before.cells.keys() | after.cells.keys():
        for key, amount in _cell_parts(_Change.of(name, before, after, tables, moved.get(name))):
            sums[key] = sums[key] + amount if key in sums else amount
    parts = [LinePart(cause, *line, amount, entry) for (cause, line, entry), amount in sums.items() if amount]
    return tuple(sorted(parts, key=part_order))


def parts_and_weights(
    before: Cut, after: Cut, movements: Iterable[Movement], moved_by_entries: Mapping[str, Amount]
) -> tuple[tuple[LinePart, ...], dict[str, dict[LineKey, Fraction]]]:
    """As `line_parts`, for entries that are too many to be movements: the caller multiplies.

    Args:
        movements: those of no entry, and entries apart from the many. moved_by_entries: what the many add up to in
            each cell they touch, 0 included.
    Returns:
        The parts without those of the many entries, and for each cell in `moved_by_entries` what one unit that an
        entry moves adds to each line, 0 left out.
    Raises:
        InvalidInput: as `line_parts`.
    """
    known_cells = before.cells.keys() | after.cells.keys()
    stranger = min(moved_by_entries.keys() - known_cells, default=None)
    if stranger is not None:
        message = f"an entry moves the cell {stranger!r}, which is in neither cut"
        raise InvalidInput(message, field="entries", record=stranger)
    moved = _by_cell(before, after, movements)
    tables = ({**after.places, **before.places}, {**before.places, **after.places})
    sums: dict[tuple[Cause, LineKey, Entry | None], Fraction] = {}
    weights: dict[str, dict[LineKey, Fraction]] = {}
    games: dict[tuple[Any, ...], _Game] = {}
    for name in known_cells:
        known = list(moved.get(name) or ())
        if name in moved_by_entries:
            known.append(Movement(name, moved_by_entries[name], "ENTRY", THE_MANY))
        change = _Change.of(name, before, after, tables, known)
        key = change.key()
        if key not in games:
            games[key] = _Game.of(change)
        for part, amount in games[key].parts(change):
            sums[part] = sums[part] + amount if part in sums else amount
        if name in moved_by_entries:
            weights[name] = games[key].of_entry
    parts = [LinePart(cause, *line, amount, entry) for (cause, line, entry), amount in sums.items() if amount]
    return tuple(sorted(parts, key=part_order)), weights


def part_order(part: LinePart) -> tuple[int, str, int, int, tuple[int, int, str]]:
    """What is pooled stands after the parts by name."""
    entry = (-1, -1, "") if part.entry is None else (part.entry.partition, part.entry.offset, part.entry.entry_id)
    return KINDS.index(part.kind), part.line, CAUSES.index(part.cause), part.pooled, entry


@dataclass(frozen=True, slots=True)
class _Change:
    """One cell in both cuts, and the game in which its causes switch."""

    before: Cell
    after: Cell
    tables: _Tables
    moved: Mapping[Cause, Amount]
    entries: Mapping[Entry | None, Amount] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls, name: str, before: Cut, after: Cut, tables: _Tables, movements: Sequence[Movement] | None
    ) -> "_Change":
        first = before.cells.get(name) or replace(after.cells[name], quantity=0)
        last = after.cells.get(name) or replace(first, quantity=0)
        for cut in (before, after):
            if name in cut.cells:
                own_place(cut, name)
        change = last.quantity - first.quantity
        if movements is None:
            movements = [Movement(name, change)] if change else []
        moved: dict[Cause, Amount] = {}
        entries: dict[Entry | None, Amount] = {}
        for one in movements:
            check_exact(one.quantity, "entries", name)
            moved[one.cause] = moved.get(one.cause, 0) + one.quantity
            if one.cause == "ENTRY":
                entries[one.entry] = entries.get(one.entry, 0) + one.quantity
        if sum(moved.values()) != change:
            message = f"cell {name!r} changed by {change}, its movements add up to {sum(moved.values())}"
            raise InvalidInput(message, field="entries", record=name)
        return cls(first, last, tables, moved, entries)

    def causes(self) -> list[Cause]:
        """Those that could have an effect; leaving out one that cannot changes no other's share."""
        first, last = self.before, self.after
        differs: dict[Cause, bool] = {
            "ROLL": first.window != last.window,
            "TAG": first.tag != last.tag,
            "PRICE": first.price != last.price,
            "FX": first.fx != last.fx,
            "FACTOR": any(
                self.tables[0].get((tag, window)) != self.tables[1].get((tag, window))
                for tag in {first.tag, last.tag}
                for window in {first.window, last.window}
            ),
            "ENTRY": False,
        }
        return [cause for cause, is_different in differs.items() if is_different or self.moved.get(cause)]

    def of_one(self, switched: frozenset[Cause]) -> dict[LineKey, Fraction]:
        """What one unit of quantity counts for, and where, when `switched` stand as in the later cut."""
        first, last = self.before, self.after
        key = (
            (last if "TAG" in switched else first).tag,
            (last if "ROLL" in switched else first).window,
        )
        place = self.tables["FACTOR" in switched].get(key)
        if place is None:
            return {}
        price = (last if "PRICE" in switched else first).price
        return {place.key: price * (last if "FX" in switched else first).fx * place.factor}

    def of_one_moved_by(self, cause: Cause) -> "Callable[[frozenset[Cause]], dict[LineKey, Fraction]]":
        """As `of_one`, of a unit that is there only once `cause` has switched."""
        return lambda switched: self.of_one(switched) if cause in switched else {}

    def key(self) -> tuple[Any, ...]:
        """Equal only for cells whose units are worth the same to every cause.

        Fractions by identity: cells share them, and hashing one costs more than all else here.
        """
        first, last = self.before, self.after
        words = (first.tag, last.tag, first.window, last.window)
        return (*words, id(first.price), id(last.price), id(first.fx), id(last.fx), frozenset(self.moved))

    def quantity(self, switched: frozenset[Cause]) -> Amount:
        return self.before.quantity + sum(amount for cause, amount in self.moved.items() if cause in switched)


@dataclass(frozen=True, slots=True)
class _Game:
    """What one unit is worth to each cause, for all cells of equal tags, windows, prices, rates and causes.

    A cell's worth is its quantity times that of one unit, and its quantity is the first one and what the causes that
    have switched moved. So a cause's share is linear in those: one Shapley value each, whatever the quantities.
    """

    held: Mapping[Cause, Mapping[LineKey, Fraction]]  # of a unit of the first quantity
    moved: Mapping[Cause, Mapping[Cause, Mapping[LineKey, Fraction]]]  # of a unit that a cause moved
    of_entry: dict[LineKey, Fraction]  # what a unit adds that an entry moves

    @classmethod
    def of(cls, change: "_Change") -> "_Game":
        movers: list[Cause] = [cause for cause in CAUSES if cause in change.moved]
        causes = list(dict.fromkeys((*change.causes(), *movers)))  # one without effect changes no other's share
        held = shapley_values(causes, change.of_one) if causes else {}
        moved = {cause: shapley_values(causes, change.of_one_moved_by(cause)) for cause in movers}
        of_entry = {line: unit for line, unit in moved.get("ENTRY", {}).get("ENTRY", {}).items() if unit}
        return cls(held, moved, of_entry)

    def parts(self, change: "_Change") -> "Iterator[tuple[tuple[Cause, LineKey, Entry | None], Fraction]]":
        shares = [(change.before.quantity, self.held)]
        shares += [(amount, self.moved[cause]) for cause, amount in change.moved.items()]
        for quantity, of_unit in shares:
            if quantity:
                for cause, lines in of_unit.items():
                    if cause != "ENTRY":
                        yield from (((cause, line, None), quantity * unit) for line, unit in lines.items() if unit)
        for line, unit in self.of_entry.items():
            yield from (
                (("ENTRY", line, entry), amount * unit)
                for entry, amount in change.entries.items()
                if entry is not THE_MANY
            )


def _cell_parts(change: _Change) -> list[tuple[tuple[Cause, LineKey, Entry | None], Fraction]]:
    causes = change.causes()
    if not causes and not any(change.entries.values()):
        return []

    def worth(switched: frozenset[Cause]) -> dict[LineKey, Fraction]:
        quantity = change.quantity(switched)
        return {line: quantity * value for line, value in change.of_one(switched).items()}

    shares = shapley_values(causes, worth)
    found: list[tuple[tuple[Cause, LineKey, Entry | None], Fraction]] = [
        ((cause, line, None), amount)
        for cause, lines in shares.items()
        if cause != "ENTRY"
        for line, amount in lines.items()
    ]
    for line, weight in _weight_of_an_entry(change, causes).items() if change.entries else ():
        found += [(("ENTRY", line, entry), amount * weight) for entry, amount in change.entries.items()]
    return found


def _weight_of_an_entry(change: _Change, causes: Sequence[Cause]) -> dict[LineKey, Fraction]:
    """The ENTRY share of one unit: the worth is linear in the quantity, so an entry's share is amount x this.

    Entries that cancel out have a weight too, though together they are no cause.
    """

    def worth(switched: frozenset[Cause]) -> dict[LineKey, Fraction]:
        return change.of_one(switched) if "ENTRY" in switched else {}

    return shapley_values(list(dict.fromkeys((*causes, "ENTRY"))), worth)["ENTRY"]


def _by_cell(
    before: Cut, after: Cut, movements: Iterable[Movement] | None
) -> Mapping[str, Sequence[Movement] | None]:
    names = before.cells.keys() | after.cells.keys()
    if movements is None:
        return {}
    found: dict[str, list[Movement]] = {name: [] for name in names}
    for one in movements:
        if one.cell not in found:
            message = f"a movement names the cell {one.cell!r}, which is in neither cut"
            raise InvalidInput(message, field="entries", record=one.cell)
        found[one.cell].append(one)
    return found
