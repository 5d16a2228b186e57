"""The daily report of assets and liabilities (LIQ-41, LIQ-51): every live figure of one cut, and the one before it.

Not for working anything out: positions, gap and ratios are the bodies that their own addresses answer, so the report
cannot disagree with another screen.
"""

from collections.abc import Mapping
from typing import Any

from api import figures, ratios
from api.figures import Body, Query
from api.services import Services
from streams.views import RATIO_TOPICS, RiskView


def daily(view: RiskView, services: Services, query: Query) -> Body:
    """Positions, gap ladder, ratios, liquid assets and limits, all of one cut and one business date per entity."""
    by_pair = Query(figures.PAIR, query.as_of, query.filters)
    positions = figures.positions(view, services, by_pair, None)
    gap = figures.gap(view, by_pair)
    of_ratios = ratios.summary(view, services, by_pair)
    liquid = ratios.liquid(view, services, by_pair)
    offsets = {**positions["offsets"], **gap["offsets"], **of_ratios["offsets"]}
    days = [body["as_of"] for body in (positions, gap, of_ratios) if body["as_of"]]
    return {
        "as_of": max(days, default=None),
        "offsets": offsets,
        "log": view.logs(*RATIO_TOPICS),
        "positions": positions["rows"],
        "gap": gap["rows"],
        "buckets": gap["buckets"],
        "ratios": of_ratios["rows"],
        "four_positions": of_ratios["positions"],
        "liquid_assets": liquid["rows"],
    }


def moved(today: Mapping[str, Any], before: Mapping[str, Any]) -> list[Body]:
    """Ratios of both reports side by side, by figure, scope, entity and currency; None where one lacks it."""
    place = ("figure", "scope", "entity", "currency")
    earlier = {tuple(row[name] for name in place): row["ratio_pct"] for row in before["ratios"]}
    rows = []
    for row in today["ratios"]:
        key = tuple(row[name] for name in place)
        rows.append(
            dict(zip(place, key, strict=True)) | {"before_pct": earlier.get(key), "now_pct": row["ratio_pct"]}
        )
    return rows
