"""Cuts as input of `tidemark calc explain_change`. Not for what moved between them: `explain_between`."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import Dated, Overrides, in_force
from engines.explain_change import Caps, CoverageCut
from engines.explain_lines import Cell, Cut, Kind, Place
from engines.factor_lines import Line, weigh
from engines.factor_tables import FactorTable
from engines.lcr import Levels
from engines.primitives.errors import InvalidInput

KIND_OF_CATEGORY: dict[str, Kind] = {
    "HQLA Level 1": "level1",
    "HQLA Level 2A": "level2a",
    "HQLA Level 2B": "level2b",
    "outflow": "outflow",
    "inflow": "inflow",
    "ASF": "asf",
    "RSF": "rsf",
    "RSF off balance sheet": "rsf",
}


class CellInput(Inputs):
    cell: Name = Field(description="what keeps its identity from one cut to the next, as a security")
    tag: Name = Field(description="class, level, encumbrance")
    window: Name = Field(default="", description='where its date stands seen from the as-of date, as "<=30d"')
    quantity: Exact = Field(description="amount or face")
    price: NonNegative = Fraction(1)
    fx: NonNegative = Fraction(1)


class PlaceInput(Inputs):
    """Where what has this tag and stands in this window counts."""

    tag: Name
    window: Name = ""
    code: Name | None = Field(description="of the factor table; null: counts nowhere")
    factor: Share | None = Field(default=None, description="default: that of the factor table")


class RatioCut(Dated):
    cells: list[CellInput]
    lines: list[PlaceInput]


class Unwinding(Inputs):
    """What undoing secured deals within the horizon adds to each level: adjusted amount less amount held."""

    level1: Exact = Fraction(0)
    level2a: Exact = Fraction(0)
    level2b: Exact = Fraction(0)


class LcrCut(RatioCut):
    unwinding: Unwinding | None = None
    inflow_cap: Share | None = None
    level2_share_cap: Share | None = None
    level2b_share_cap: Share | None = None


class AmountLine(Inputs):
    cell: Name
    line: Name = Field(description="position or time bucket in which it counts")
    quantity: Exact
    price: NonNegative = Fraction(1)
    fx: NonNegative = Fraction(1)


def ratio_cut(policy: str, name: str, given: RatioCut, overrides: Overrides) -> tuple[Cut, FactorTable]:
    """A cut of a ratio with the table in force on its day.

    Raises:
        InvalidInput: as `factor_lines.weigh`; a cell, or a tag and window, stands twice; a cell has no line.
    """
    table = in_force(policy, given)
    places: dict[tuple[str, str], Place | None] = {}
    for at, one in enumerate(given.lines):
        record = f"{name}.lines[{at}]"
        if (one.tag, one.window) in places:
            raise InvalidInput("this tag and window stand twice", field=f"{record}.tag", record=record)
        places[one.tag, one.window] = _place(one, table, record, overrides)
    cells = {one.cell: Cell(one.tag, one.window, one.quantity, one.price, one.fx) for one in given.cells}
    _check_once([one.cell for one in given.cells], f"{name}.cells")
    for at, cell in enumerate(given.cells):
        if (cell.tag, cell.window) not in places:
            record = f"{name}.cells[{at}]"
            message = f"no line for tag {cell.tag!r} in window {cell.window!r}; one with code null counts nowhere"
            raise InvalidInput(message, field=f"{record}.tag", record=record)
    return Cut(cells, places), table


def coverage_cut(name: str, given: LcrCut, overrides: Overrides) -> tuple[CoverageCut, FactorTable]:
    cut, table = ratio_cut("lcr", name, given, overrides)
    caps = {}
    for cap in ("level2_share_cap", "level2b_share_cap", "inflow_cap"):
        used, of_table = getattr(given, cap), table.parameter(cap)
        overrides.add(f"{name}.{cap}", used, of_table)
        caps[cap] = of_table if used is None else used
    undone = given.unwinding or Unwinding()
    return CoverageCut(cut, Caps(**caps), Levels(undone.level1, undone.level2a, undone.level2b)), table


def amounts_cut(kind: Literal["position", "gap"], name: str, given: Sequence[AmountLine]) -> Cut:
    """A cut of positions, whose line is what they are (TAG), or of a gap, whose line is when it falls due (ROLL)."""
    _check_once([one.cell for one in given], name)
    keys = {one.line: (one.line, "") if kind == "position" else ("", one.line) for one in given}
    cells = {one.cell: Cell(*keys[one.line], one.quantity, one.price, one.fx) for one in given}
    return Cut(cells, {key: Place(kind, line) for line, key in keys.items()})


def _place(one: PlaceInput, table: FactorTable, record: str, overrides: Overrides) -> Place | None:
    if one.code is None:
        return None
    try:
        found = weigh([Line(one.code, 0, one.factor)], table, record="lines", categories=tuple(KIND_OF_CATEGORY))[0]
    except InvalidInput as error:
        field = str(error.facts["field"]).removeprefix("lines[0].")
        raise InvalidInput(str(error), field=f"{record}.{field}", record=record) from error
    overrides.add(f"{record}.factor", found.factor, found.item.factor, one.code)
    return Place(KIND_OF_CATEGORY[found.item.category], one.code, found.factor)


def _check_once(cells: Iterable[str], name: str) -> None:
    seen: set[str] = set()
    for at, cell in enumerate(cells):
        if cell in seen:
            raise InvalidInput(f"cell {cell!r} stands twice", field=f"{name}[{at}].cell", record=f"{name}[{at}]")
        seen.add(cell)
