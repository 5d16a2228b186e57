"""The cells and lines of a figure at one cut, for explaining how it moved (decision Q9).

A cut holds cells, quantities that keep their identity from one cut to the next: a security, the deposits of a class,
the flows of a day. Where a cell counts, and with which factor, follows from its tag (class, level, encumbrance), its
window (where its date stands as seen from the as-of date) and the table in force. A cell's amount is quantity x price
x fx x factor, exactly. Not for what moved it: `engines.explain_causes` splits that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.factor_lines import ZERO, Amount, check_amount, check_share
from engines.primitives.errors import InvalidInput

Cause = Literal["ROLL", "TAG", "PRICE", "FX", "FACTOR", "ENTRY", "CAP"]
Moving = Literal["ROLL", "TAG", "FACTOR", "ENTRY"]  # the causes that may move a quantity
Flag = Literal["late", "correction", "reversal"]
Kind = Literal["level1", "level2a", "level2b", "outflow", "inflow", "asf", "rsf", "position", "gap"]

CAUSES: tuple[Cause, ...] = ("ROLL", "TAG", "PRICE", "FX", "FACTOR", "ENTRY", "CAP")
KINDS: tuple[Kind, ...] = ("level1", "level2a", "level2b", "outflow", "inflow", "asf", "rsf", "position", "gap")
ONE = Fraction(1)
_EXACT = frozenset({int, Fraction})  # no bool, no float

LineKey = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quantity counts, and with what factor."""

    kind: Kind
    line: str  # code of the factor table, name of a position, time bucket of a gap
    factor: Fraction = ONE  # 0..1

    @property
    def key(self) -> LineKey:
        return self.kind, self.line


@dataclass(frozen=True, slots=True)
class Cell:
    tag: str  # class, level, encumbrance: what a bank may change about it
    window: str  # where its date stands seen from the as-of date, as "<=30d"; empty: it has no date
    quantity: Amount  # minor units or face; flows and positions of either sign
    price: Fraction = ONE  # minor units for one unit of quantity
    fx: Fraction = ONE  # units of the result for one unit of the cell's currency


@dataclass(frozen=True, slots=True)
class Cut:
    """All that a figure is computed from. `places`: by tag and window; None: counts nowhere."""

    cells: Mapping[str, Cell]
    places: Mapping[tuple[str, str], Place | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log between two cuts; the identity is (partition, offset)."""

    entry_id: str
    partition: int
    offset: int
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a cell's quantity between two cuts: by an entry, or by a roll, a new tag or a new table."""

    cell: str
    quantity: Amount
    cause: Moving = "ENTRY"
    entry: Entry | None = None  # for ENTRY; None: not named


def line_amounts(cut: Cut) -> dict[LineKey, Fraction]:
    """Amount of each line that a cell counts in.

    Raises:
        InvalidInput: `record` is the cell: an inexact number, a price or rate below 0, a factor outside 0..1, no
            place for its tag and window.
    """
    found: dict[LineKey, Fraction] = {}
    for name in cut.cells:
        place, cell = own_place(cut, name), cut.cells[name]
        if place is not None:
            amount = cell.quantity * cell.price * cell.fx * place.factor
            found[place.key] = found.get(place.key, ZERO) + amount
    return found


def own_place(cut: Cut, name: str) -> Place | None:
    """Where a cell counts in its own cut. Raises InvalidInput as `line_amounts`."""
    cell = cut.cells[name]
    for part in ("price", "fx"):
        check_amount(getattr(cell, part), part, name)
    check_exact(cell.quantity, "quantity", name)
    key = (cell.tag, cell.window)
    if key not in cut.places:
        message = f"no place for tag {cell.tag!r} in window {cell.window!r}"
        raise InvalidInput(message, field="places", record=name)
    place = cut.places[key]
    if place is not None:
        check_share(place.factor, "factor", name)
    return place


def check_exact(amount: Amount, name: str, cell: str) -> None:
    """Raises InvalidInput: neither an integer nor a fraction; money is never a float."""
    if type(amount) not in _EXACT:
        raise InvalidInput(f"{name} of cell {cell!r} must be an exact number", field=name, record=cell)
