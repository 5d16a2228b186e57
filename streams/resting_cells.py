"""Two cuts without the cells that stood still: a book has thousands of days on which nothing happened.

For every figure that is explained from cells; what the cells mean is the figure's business.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from engines.explain_lines import Cell, Cut, Movement


def shortened(
    before: Cut, after: Cut, by_cell: Mapping[str, Sequence[Movement]], by_entries: Mapping[str, int]
) -> tuple[Cut, Cut, list[Movement]]:
    """Cells of which nothing moved, put together, and all movements that no entry of the columns makes.

    What no movement explains, such as what a requirement lacks, is one unnamed ENTRY.

    Args:
        by_cell: movements beside those of entries. by_entries: what entries moved in each cell they touched.
    """
    cells: tuple[dict[str, Cell], dict[str, Cell]] = ({}, {})
    movements: list[Movement] = []
    resting: dict[tuple[Any, ...], int] = defaultdict(int)
    for name in before.cells.keys() | after.cells.keys():
        first, last = before.cells.get(name), after.cells.get(name)
        known = by_cell.get(name, ())
        is_still = not known and name not in by_entries
        if first is not None and last is not None and first.quantity == last.quantity and is_still:
            resting[first.tag, last.tag, first.window, last.window, first.price, last.price, first.fx, last.fx] += (
                int(first.quantity)
            )
            continue
        if first is not None:
            cells[0][name] = first
        if last is not None:
            cells[1][name] = last
        change = (0 if last is None else last.quantity) - (0 if first is None else first.quantity)
        left = change - sum(movement.quantity for movement in known) - by_entries.get(name, 0)
        movements += known
        if left:
            movements.append(Movement(name, left))
    for at, ((tag0, tag1, window0, window1, price0, price1, fx0, fx1), quantity) in enumerate(resting.items()):
        cells[0][f"resting {at}"] = Cell(tag0, window0, quantity, price0, fx0)
        cells[1][f"resting {at}"] = Cell(tag1, window1, quantity, price1, fx1)
    return Cut(cells[0], before.places), Cut(cells[1], after.places), movements
