"""Liquidity ratios as the API sends them: decimal strings in the scope's currency, exact fractions beside.

Not for working them out: `streams.views_ratios` does that in minor units. Every body comes from one cut of the view.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from api.calculations.texts import (
    NOT_COMPUTABLE,
    exact_text,
    percent_text,
    plain_text,
)
from api.figures import Body, Query
from api.services import Services
from engines.exact_ratio import half_up
from engines.factor_lines import WeighedLine
from engines.lcr import LiquidityCoverage
from engines.live_coverage import CoverageValues
from engines.nsfr import StableFunding
from engines.primitives.errors import Unavailable
from engines.primitives.money import to_text
from streams.ratio_items import Items, items_by_member
from streams.ratio_parts import MEMBERS, Aside, Figure, Pair, Unit
from streams.ratio_policy import RatioPolicy
from streams.views import RATIO_TOPICS, Filters, RiskView
from streams.views_ratios import (
    LiquidRow,
    Part,
    PositionsRow,
    RatioFigure,
    Scope,
    liquid_assets,
    member_scopes,
    positions,
    ratio_figures,
    scopes,
)

NO_LIQUID_ASSETS = "no liquid asset is known: neither a holding with a price nor a reserve record has come"


Scoped = tuple[tuple[Scope, tuple[Part, ...]], ...]
SCOPES = ("currency", "entity", "group", *MEMBERS)  # what `by` may ask for


@dataclass(frozen=True, slots=True)
class Worked:
    """Everything ratios are made of, at one cut and for the members asked for."""

    policy: RatioPolicy
    days: Mapping[str, date]
    by_pair: Mapping[Pair, Items]
    scopes: Scoped
    whole: Scoped  # entities of which `scopes` are the parts; empty where they are no parts


def worked(view: RiskView, services: Services, query: Query, by: str | None = None) -> Worked:
    """`by`: one of SCOPES; without it currencies, entities and the group.

    Raises Unavailable: there is no mapping here; InvalidInput: nothing is in force on the date asked for.
    """
    if services.ratio_policy is None:
        raise Unavailable("liquidity ratios need their mapping, and there is none here")
    policy, today = services.ratio_policy, view.as_of(None).by_entity
    days = {entity: query.as_of or day for entity, day in today.items()}

    def chosen(along: str) -> dict[Unit, Items]:
        # Of the day the items are kept; another date's are made anew.
        kept = view.ratio_books.items(policy, days, along) if days == today else None
        found = items_by_member(view, policy, days, along) if kept is None else kept
        return {unit: items for unit, items in found.items() if _passes(unit[:2], query.filters)}

    by_pair = {unit[:2]: items for unit, items in chosen("").items()}
    reporting = policy.in_force(max(days.values())).reporting_currency if days else ""
    rates = view.fx_rates()
    found: Scoped = tuple(scopes(by_pair, rates, reporting, group=not query.filters))
    whole = tuple(one for one in found if one[0].kind == "entity")
    if by in MEMBERS:
        found = tuple(member_scopes(by, chosen(by), rates, reporting))
        return Worked(policy, days, by_pair, found, whole)
    kind = "currency" if by is None and "currency" in query.filters else by
    return Worked(policy, days, by_pair, tuple(one for one in found if kind in (None, one[0].kind)), ())


def summary(view: RiskView, services: Services, query: Query, by: str | None = None) -> Body:
    """Every ratio of every scope, without the lines."""
    work = worked(view, services, query, by)
    figures: tuple[Figure, ...] = ("lcr", "nsfr")
    rows = [
        ratio_row(found) for figure in figures for found in ratio_figures(figure, work.scopes, work.policy, work.days)
    ]
    shown = positions(work.by_pair, work.policy, work.days)
    return _body(view, query, work, rows) | {"positions": [positions_row(row) for row in shown]} | _together(work)


def detail(figure: Figure, view: RiskView, services: Services, query: Query, by: str | None = None) -> Body:
    """One ratio of every scope, line by line."""
    work = worked(view, services, query, by)
    found = ratio_figures(figure, work.scopes, work.policy, work.days)
    return _body(view, query, work, [ratio_row(one) | line_keys(one) for one in found]) | _together(work, figure)


def liquid(view: RiskView, services: Services, query: Query, by: str | None = None) -> Body:
    """LIQ-17."""
    work = worked(view, services, query, by)
    rows = [liquid_row(row) for row in liquid_assets(work.scopes, work.policy, work.days)]
    return _body(view, query, work, rows)


# -- rows -------------------------------------------------------------------------------------------------


def ratio_row(found: RatioFigure) -> Body:
    currency, ratio = found.scope.currency, found.ratio
    row: Body = {
        "figure": found.figure,
        "scope": found.scope.kind,
        "entity": found.scope.entity,
        "currency": currency,
        "as_of": found.as_of.isoformat(),
        "ratio_pct": percent_text(None if ratio is None else ratio.value),
        "ratio_exact": exact_text(None if ratio is None else ratio.value),
        "numerator": None if ratio is None else amount_text(ratio.numerator, currency),
        "denominator": None if ratio is None else amount_text(ratio.denominator, currency),
        "minimum_pct": percent_text(None if ratio is None else ratio.minimum),
        "meets_minimum": None if ratio is None else ratio.meets_minimum,
        "surplus": None if ratio is None or ratio.surplus is None else amount_text(ratio.surplus, currency),
        "limits": [
            {
                "limit_id": limit.limit_id,
                "minimum_pct": percent_text(limit.minimum),
                "maximum_pct": percent_text(limit.maximum),
                "headroom_pct": None if room is None else percent_text(room.value),
                "light": None if room is None else room.light(limit.amber_headroom).name.lower(),
            }
            for limit, room in found.limits
        ],
        "unmapped": amount_text(found.unmapped, currency),
        "table_version": found.table.version,
        "table_in_force": found.table.effective_from <= found.as_of,
        "mapping_version": found.mapping,
    }
    if found.reason:
        row |= {"status": NOT_COMPUTABLE, "reason": found.reason}
    if found.scope.kind in MEMBERS:
        row |= {"member": found.scope.member}
    if found.coverage is not None:
        row |= _coverage_keys(found.coverage, currency)
    elif ratio is not None:
        row |= {
            "available_stable_funding": amount_text(ratio.numerator, currency),
            "required_stable_funding": amount_text(ratio.denominator, currency),
        }
    return row


def together_row(whole: RatioFigure, parts: Sequence[RatioFigure]) -> Body:
    """An entity beside its organisations or business lines: they add up to it but for the caps, which bind the whole.

    Not computable where one of them is not.
    """
    currency = whole.scope.currency
    row: Body = {"figure": whole.figure, "entity": whole.scope.entity, "currency": currency}
    ratios = [part.ratio for part in parts]
    if whole.ratio is None or None in ratios:
        return row | {"status": NOT_COMPUTABLE, "reason": whole.reason or "a part is not computable"}
    for side in ("numerator", "denominator"):
        amount = getattr(whole.ratio, side)
        added = sum((getattr(ratio, side) for ratio in ratios), Fraction(0))
        row |= {
            side: amount_text(amount, currency),
            f"{side}_of_parts": amount_text(added, currency),
            f"caps_on_{side}": amount_text(amount - added, currency),
        }
    return row | {"ratio_pct": percent_text(whole.ratio.value)}


def line_keys(found: RatioFigure) -> Body:
    """The lines of a ratio with what stands in each, and every amount that stands in none."""
    currency, result = found.scope.currency, found.result
    of_code: dict[str, list[Body]] = {}
    for item in found.items:
        entry = {"of": item.of, "amount": amount_text(item.amount, currency)}
        of_code.setdefault(item.code, []).append(entry)
    if isinstance(result, LiquidityCoverage):
        groups = {"hqla": result.hqla, "outflows": result.outflow_lines, "inflows": result.inflow_lines}
    elif isinstance(result, StableFunding):
        groups = {"asf": result.asf_lines, "rsf": result.rsf_lines}
    else:
        groups = {}
    return {
        "lines": {name: [_line(line, currency, of_code) for line in lines] for name, lines in groups.items()},
        "not_counted": _asides((one for one in found.asides if one.mapped), currency),
        "unmapped_amounts": _asides((one for one in found.asides if not one.mapped), currency),
    }


def liquid_row(row: LiquidRow) -> Body:
    currency = row.scope.currency
    return {
        "scope": row.scope.kind,
        "entity": row.scope.entity,
        "currency": currency,
        **({"member": row.scope.member} if row.scope.kind in MEMBERS else {}),
        "as_of": row.as_of.isoformat(),
        "asset": row.asset.asset_class,
        "hqla_level": row.asset.level,
        "line": row.asset.code,
        "market_value": amount_text(row.asset.market_value, currency),
        "unencumbered": amount_text(row.asset.unencumbered, currency),
        "haircut_pct": percent_text(row.haircut),
        "liquidity_value": amount_text(row.liquidity_value, currency),
        "share_pct": percent_text(row.share),
    }


def positions_row(row: PositionsRow) -> Body:
    shown: Body = {"entity": row.entity, "currency": row.currency, "as_of": row.as_of.isoformat()}
    found = row.positions
    shown |= {
        "excess_reserves": None if found is None else amount_text(found.excess_reserves, row.currency),
        "base_position": None if found is None else amount_text(found.base, row.currency),
        "available_position": None if found is None else amount_text(found.available, row.currency),
        "lendable_position": None
        if found is None or row.reserve_limit is None
        else amount_text(found.lendable, row.currency),
    }
    return shown | ({"status": NOT_COMPUTABLE, "reason": row.reason} if row.reason else {})


def amount_text(minor: Fraction | int, currency: str) -> str:
    """Minor units as a decimal string of the currency, HALF_UP (decision Q2)."""
    return to_text(half_up(minor.numerator, minor.denominator), currency)


def _coverage_keys(found: CoverageValues, currency: str) -> Body:
    held, stock, net = found.stock.held, found.stock, found.net
    amounts = {
        "level1": held.level1,
        "level2a": held.level2a,
        "level2b": held.level2b,
        "adjusted_level1": stock.adjusted.level1,
        "adjusted_level2a": stock.adjusted.level2a,
        "adjusted_level2b": stock.adjusted.level2b,
        "cap15_adjustment": stock.cap15_adjustment,
        "cap40_adjustment": stock.cap40_adjustment,
        "outflows": net.outflows,
        "inflows": net.inflows,
        "inflow_cap": net.inflow_cap,
        "recognised_inflows": net.recognised_inflows,
    }
    keys: Body = {name: amount_text(value, currency) for name, value in amounts.items()}
    keys["inflow_cap_binds"] = net.cap_binds
    return keys | ({} if held.total else {"note": NO_LIQUID_ASSETS})


def _line(line: WeighedLine, currency: str, of_code: Mapping[str, list[Body]]) -> Body:
    return {
        "code": line.item.code,
        "name": line.item.name_en,
        "category": line.item.category,
        "amount": amount_text(line.amount, currency),
        "factor": plain_text(line.factor),
        "weighted": amount_text(line.weighted, currency),
        "of": of_code.get(line.item.code, []),
    }


def _asides(found: Iterable[Aside], currency: str) -> list[Body]:
    return [{"of": one.of, "amount": amount_text(one.amount, currency), "reason": one.reason} for one in found]


def _together(work: Worked, *figures: Figure) -> Body:
    if not work.whole:
        return {}
    rows = []
    for figure in figures or ("lcr", "nsfr"):
        parts = ratio_figures(figure, work.scopes, work.policy, work.days)
        for whole in ratio_figures(figure, work.whole, work.policy, work.days):
            mine = [part for part in parts if part.scope.entity == whole.scope.entity]
            rows.append(together_row(whole, mine))
    return {"together": rows}


def _body(view: RiskView, query: Query, work: Worked, rows: list[Body]) -> Body:
    newest = max(work.days.values(), default=query.as_of)
    return {
        "as_of": newest and newest.isoformat(),
        "offsets": view.offsets(*RATIO_TOPICS),
        "log": view.logs(*RATIO_TOPICS),
        "rows": rows,
        "last_event_time": view.last_event_time(RATIO_TOPICS[0]),
    }


def _passes(pair: Pair, filters: Filters) -> bool:
    places: dict[str, Any] = {"entity": pair[0], "currency": pair[1]}
    return all(places[name] in allowed for name, allowed in filters.items())
