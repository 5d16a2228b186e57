"""Dashboard: tiles that somebody arranged on a grid, for the own eyes or shared by role (LIQ-59).

Tiles name figures and hold none: each is read anew, by the rights of whoever looks. Not for drawing them.
"""

from collections.abc import Mapping
from typing import Any

from aggregates.platform import its_maker
from aggregates.refusals import unless_field
from aggregates.report_definition import READERS, TITLE_MAX
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, row
from aggregates.steps.step import Step

COLUMNS, ROWS_MAX, TILES_MAX, TEXT_MAX = 12, 200, 40, 200
#: pivot and chart: a kept pivot by number; figure: a figure of the API; ratio: a card of one ratio; alerts: a list.
KINDS = ("PIVOT", "CHART", "FIGURE", "RATIO", "ALERTS")
CHARTS = ("-", "BAR", "STACKED", "LINE", "HEAT")
PARTS = {"kind", "ref", "title", "chart", "x", "y", "width", "height"}


def _tiles(step: Step) -> Facts:
    title = step.get("title", "-")
    unless_field(0 < len(title) <= TITLE_MAX, "title", f"want 1 to {TITLE_MAX} letters")
    tiles = step.get("tiles", [])
    unless_field(len(tiles) <= TILES_MAX, "tiles", f"want at most {TILES_MAX}")
    for at, tile in enumerate(tiles):
        _check(f"tiles[{at}]", tile)
    for at, tile in enumerate(tiles):
        for other in tiles[:at]:
            unless_field(not _overlap(tile, other), f"tiles[{at}]", "lies over another")
    return {}


def _check(place: str, tile: Mapping[str, Any]) -> None:
    unless_field(set(tile) <= PARTS and "kind" in tile, place, f"want {', '.join(sorted(PARTS))}")
    unless_field(tile["kind"] in KINDS, f"{place}.kind", f"want one of {', '.join(KINDS)}")
    unless_field(tile.get("chart", "-") in CHARTS, f"{place}.chart", f"want one of {', '.join(CHARTS)}")
    for name in ("ref", "title"):
        text = tile.get(name, "")
        unless_field(isinstance(text, str) and len(text) <= TEXT_MAX, f"{place}.{name}", "want a short text")
    for name, least, most in (
        ("x", 0, COLUMNS - 1),
        ("y", 0, ROWS_MAX),
        ("width", 1, COLUMNS),
        ("height", 1, COLUMNS),
    ):
        number = tile.get(name)
        fits = isinstance(number, int) and not isinstance(number, bool) and least <= number <= most
        unless_field(fits, f"{place}.{name}", f"want {least} to {most}")
    unless_field(tile["x"] + tile["width"] <= COLUMNS, f"{place}.width", "is wider than the grid")


def _overlap(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    down = a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]
    return bool(across and down)


class Dashboard(Case):
    """Tiles on a grid of twelve columns: arranged by its maker, shared by role, retired."""

    NAME = "Dashboard"
    KEY = "dashboard_no"
    ROWS = (
        row(
            "Arrange",
            "DashboardArranged",
            READERS,
            "title:S, tiles:O",
            makes_if_absent=True,
            stages="ARRANGED",
            next="ARRANGED",
            clauses=(its_maker("Arrange"),),
            derive=_tiles,
            remember="maker",
        ),
        row("Share", "DashboardShared", READERS, "with_roles:L?", stages="ARRANGED", clauses=(its_maker("Share"),)),
        row("Retire", "DashboardRetired", READERS, stages="ARRANGED", next="RETIRED", clauses=(its_maker("Retire"),)),
    )
