"""What limits look at, worked out from the view at one cut: ratios, positions, gaps, liquid assets, large flows.

Pure functions of a `RiskView`, whole ticks only; called under its lock. The figures are those of the API
(`streams.views_ratios`, LIQ-01, 07, 08, 17): nothing is computed in another way here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from engines.limits import Light, headroom
from projections.limit_cuts import AssetKey, Due, LiquidAsset, Total
from projections.limit_policy import TotalKey, WatchPolicy
from streams.cut_dues import reservations_past
from streams.cut_records import amount_text, exact_text
from streams.ratio_items import Figure, Items, Pair
from streams.ratio_policy import RatioPolicy
from streams.topics import BUSINESS_DATE, GAP, POSITION, RESERVATION_TOTAL
from streams.views import RATIO_TOPICS, AsOf, RiskView
from streams.views_alerts import Vector
from streams.views_ratios import Part, RatioFigure, Scope, liquid_assets, positions, ratio_figures, scopes
from streams.views_wire import CUT_LANE, Alert

POSITION_TOPICS = (POSITION, RESERVATION_TOTAL, BUSINESS_DATE)
FLOWS_AT_ONCE = 500
NEVER = 2**100


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything one cut may record."""

    totals: Mapping[TotalKey, Total]
    assets: Mapping[AssetKey, tuple[LiquidAsset, ...]]  # of scopes in `lights`, and of those of the flows
    lights: Mapping[AssetKey, tuple[Light, ...]]  # of each scope that is not all green, limit by limit
    flows: tuple[Alert, ...]  # large-flow alerts after the vector asked for, in the order of their partition
    offsets: Mapping[str, int]
    position_offsets: Mapping[str, int]
    logs: Mapping[str, str]
    event_time: str | None
    folds: Mapping[str, int] = field(default_factory=dict)
    dues: tuple[Due, ...] = ()  # reservations past their date
    days: Mapping[str, str] = field(default_factory=dict)  # business dates, by entity


@dataclass(slots=True)
class LeastGaps:
    """The least cumulative gap of each entity and currency (LIQ-08); gaps are asked for again once they move."""

    _at: tuple[object, ...] = ()
    _least: Mapping[Pair, int] = field(default_factory=dict)

    def least(self, view: RiskView, as_of: AsOf) -> Mapping[Pair, int]:
        at = (id(view), tuple(view.offsets(GAP).items()), tuple(sorted(as_of.by_entity.items())))
        if at != self._at:
            found: dict[Pair, int] = {}
            for row in view.gap(("entity", "currency"), as_of, {}):
                if row.cumulative_minor is not None:
                    entity, currency = row.members
                    found[entity, currency] = min(row.cumulative_minor, found.get((entity, currency), NEVER))
            self._at, self._least = at, found
        return self._least


def take_picture(view: RiskView, policy: RatioPolicy, after: Vector, gaps: LeastGaps, watch: WatchPolicy) -> Picture:
    """All figures of all scopes on each entity's business date.

    Args:
        after: large-flow alerts already recorded, {source partition: sequence}.
        gaps: kept from one picture to the next.
        watch: liquid assets are told of scopes with a figure that is not green, or from which a large flow went.
    """
    as_of = view.as_of(None)
    days: dict[str, date] = dict(as_of.by_entity)
    by_pair = {unit[:2]: items for unit, items in view.ratio_books.items(policy, days).items()}
    reporting = policy.in_force(max(days.values())).reporting_currency if days else ""
    found = tuple(scopes(by_pair, view.fx_rates(), reporting, group=True))
    known = _entities_with_assets(view, by_pair)
    totals: dict[TotalKey, Total] = {}
    figures: tuple[Figure, ...] = ("lcr", "nsfr")
    for figure in figures:
        for one in ratio_figures(figure, found, policy, days):
            totals[TotalKey(figure, one.scope.kind, one.scope.entity, one.scope.currency)] = _ratio(one, known)
    _add_positions(totals, view, by_pair, policy, days)
    for (entity, currency), minor in gaps.least(view, as_of).items():
        key = TotalKey("cumulative_gap_minimum", "currency", entity, currency)
        totals[key] = Total(days[entity].isoformat(), amount_text(minor, currency))
    flows = tuple(view.alert_book.after({**after, CUT_LANE: NEVER}, FLOWS_AT_ONCE))
    lights = _not_green(totals, watch)
    asked = lights.keys() | {("currency", one.entity, one.currency) for one in flows}
    return Picture(
        dict(sorted(totals.items())),
        _assets((one for one in found if one[0][:3] in asked), policy, days),
        lights,
        flows,
        view.offsets(*RATIO_TOPICS),
        view.offsets(*POSITION_TOPICS),
        view.logs(*RATIO_TOPICS, *POSITION_TOPICS),
        view.last_event_time(POSITION),
        view.folds(*RATIO_TOPICS, *POSITION_TOPICS),
        reservations_past(view.reservations_table, days),
        {entity: day.isoformat() for entity, day in sorted(days.items())},
    )


def _ratio(found: RatioFigure, known: set[str]) -> Total:
    """An LCR of a bank whose assets nobody told is not zero but unknown."""
    day, currency, ratio = found.as_of.isoformat(), found.scope.currency, found.ratio
    scope = found.scope
    untold = found.figure == "lcr" and not (scope.entity in known or (scope.kind == "group" and known))
    if ratio is None or ratio.value is None or untold:
        return Total(day, None)
    return Total(
        day,
        exact_text(ratio.value),
        amount_text(ratio.numerator, currency),
        amount_text(ratio.denominator, currency),
    )


def _entities_with_assets(view: RiskView, by_pair: Mapping[Pair, Items]) -> set[str]:
    """Whose liquid assets have been told: a reserve record came, or a holding, be it sold since."""
    told = {entity for (entity, _), items in by_pair.items() if items.liquid or items.cash.required is not None}
    return told | {row.entity for row in view.holding_book}


def _not_green(totals: Mapping[TotalKey, Total], watch: WatchPolicy) -> dict[AssetKey, tuple[Light, ...]]:
    """Scopes of whose figures an alert may come: it says what there is to pledge and to sell."""
    found: dict[AssetKey, list[Light]] = defaultdict(list)
    for key, total in sorted(totals.items()):
        if total.value is None:
            continue
        value, day = Fraction(total.value), date.fromisoformat(total.as_of)
        found[key.scope, key.entity, key.currency] += [
            headroom(value, one.limit).light(one.limit.amber_headroom) for one in watch.limits if one.binds(key, day)
        ]
    return {scope: tuple(lights) for scope, lights in found.items() if any(lights)}


def _add_positions(
    totals: dict[TotalKey, Total],
    view: RiskView,
    by_pair: Mapping[Pair, Items],
    policy: RatioPolicy,
    days: Mapping[str, date],
) -> None:
    for row in view.positions(("entity", "currency"), view.as_of(None), {}):
        entity, currency = row.members
        expected = row.settled_minor + row.pending_in_minor - row.pending_out_minor - (row.reserved_minor or 0)
        day = "" if row.as_of is None else row.as_of.isoformat()
        for metric, minor in (("position", row.settled_minor), ("projected_eod", expected)):
            key = TotalKey(metric, "currency", entity, currency)
            totals[key] = Total(day, amount_text(minor, currency) if day else None)
    for four in positions(by_pair, policy, days):
        available = None if four.positions is None else amount_text(four.positions.available, four.currency)
        key = TotalKey("available_position", "currency", four.entity, four.currency)
        totals[key] = Total(four.as_of.isoformat(), available)


def _assets(
    found: Iterable[tuple[Scope, tuple[Part, ...]]], policy: RatioPolicy, days: Mapping[str, date]
) -> dict[AssetKey, tuple[LiquidAsset, ...]]:
    known = tuple(found)
    rows: dict[AssetKey, list[LiquidAsset]] = {(one.kind, one.entity, one.currency): [] for one, _ in known}
    for row in liquid_assets(known, policy, days):
        scope = row.scope
        rows[scope.kind, scope.entity, scope.currency].append(
            LiquidAsset(
                row.asset.asset_class,
                row.asset.level,
                amount_text(row.asset.market_value, scope.currency),
                amount_text(row.asset.unencumbered, scope.currency),
                amount_text(row.liquidity_value, scope.currency),
            )
        )
    return {key: tuple(assets) for key, assets in rows.items()}
