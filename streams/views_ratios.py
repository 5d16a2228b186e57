"""The live liquidity ratios at one cut: LCR, NSFR, liquid assets and positions, of every scope.

Pure functions of items (LIQ-07, 17, 19, 20). Everything is exact: amounts in minor units, converted at the mid rate
of the cut, weighed by the engines. A scope is one entity and currency, an entity in all its currencies, the group
without what its entities owe each other, or an organisation or business line of an entity. Where totals are kept the
ratio is read from them; else, and for its lines, every line is weighed. Not for how an amount finds its line: that
is `streams.ratio_entries`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import NamedTuple

from engines.factor_lines import Line, Ratio
from engines.factor_tables import FactorTable
from engines.lcr import CATEGORY_BY_LEVEL, Leg, Level, LiquidityCoverage, SecuredDeal, liquidity_coverage
from engines.limits import Headroom, Limit
from engines.live_coverage import CoverageValues
from engines.nsfr import StableFunding, stable_funding
from engines.primitives.errors import InvalidInput
from engines.reserves import FourPositions, four_positions
from streams import ratio_totals as totals
from streams.fx_rates import FxRates
from streams.ratio_items import Items
from streams.ratio_limits import lights
from streams.ratio_parts import MEMBERS, Aside, Cash, Figure, Item, LiquidAsset, Pair, Unit
from streams.ratio_policy import NOWHERE, RatioPolicy, table_on
from streams.views_securities import SCALE

GROUP = "-"  # in place of an entity: all of them
_LEVELS: Mapping[str, Level] = {category: level for level, category in CATEGORY_BY_LEVEL.items()}


class Scope(NamedTuple):
    """`kind` is currency, entity, group or one of MEMBERS; all but the first are converted into `currency`."""

    kind: str
    entity: str
    currency: str
    member: str = "-"  # of an organisation or business line: which


@dataclass(frozen=True)
class RatioFigure:
    """One ratio; `ratio` None: not computable, for the `reason`. What leads to it is worked out where it is asked."""

    figure: Figure
    scope: Scope
    as_of: date
    table: FactorTable
    mapping: str  # name of the mapping's version
    parts: "tuple[Part, ...]"
    ratio: Ratio | None
    coverage: CoverageValues | None  # of an LCR: stock and flows
    unmapped: Fraction  # minor units of the scope's currency
    reason: str
    limits: tuple[tuple[Limit, Headroom | None], ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """In minor units of the scope's currency; of equal code and origin one."""
        return self._converted[0]

    @property
    def asides(self) -> tuple[Aside, ...]:
        return self._converted[1]

    @cached_property
    def result(self) -> LiquidityCoverage | StableFunding | None:
        """Line by line; None as `ratio` is."""
        if self.ratio is None:
            return None
        return _weighed(self.figure, self.items, self.parts, self.scope, self.table, self.ratio.minimum)

    @cached_property
    def _converted(self) -> tuple[tuple[Item, ...], tuple[Aside, ...]]:
        return _converted(self.figure, self.scope, self.parts)


@dataclass(frozen=True, slots=True)
class LiquidRow:
    """A class of liquid assets in one scope, minor units (LIQ-17); `liquidity_value` after the table's haircut."""

    scope: Scope
    as_of: date
    asset: LiquidAsset
    haircut: Fraction | None  # None: no line takes the asset
    liquidity_value: Fraction
    share: Fraction | None


@dataclass(frozen=True, slots=True)
class PositionsRow:
    """The four positions of one entity and currency (LIQ-07), minor units; None where the inputs are not there."""

    entity: str
    currency: str
    as_of: date
    positions: FourPositions | None
    reserve_limit: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one scope is made of: items of a currency and the factor that converts them (None: no rate)."""

    items: Items
    currency: str
    factor: Fraction | None


def scopes(
    by_pair: Mapping[Pair, Items], rates: FxRates, reporting_currency: str, *, group: bool
) -> Iterator[tuple[Scope, tuple[Part, ...]]]:
    """Every scope with its parts: pairs first, then entities, last the group.

    One currency alone needs no rate: consolidated figures are in that currency then, else in `reporting_currency`.
    """
    for (entity, currency), items in by_pair.items():
        yield Scope("currency", entity, currency), (Part(items, currency, Fraction(1)),)
    entities = sorted({entity for entity, _ in by_pair})
    for entity in entities:
        mine = {pair: items for pair, items in by_pair.items() if pair[0] == entity}
        yield _consolidated("entity", entity, mine, rates, reporting_currency)
    if group and entities:
        yield _consolidated("group", GROUP, by_pair, rates, reporting_currency)


def member_scopes(
    kind: str, by_unit: Mapping[Unit, Items], rates: FxRates, reporting_currency: str
) -> Iterator[tuple[Scope, tuple[Part, ...]]]:
    """Every organisation or business line (`kind`) of every entity, in the currency of its entity's figures.

    Numerator and denominator before caps add up to the entity's, which stands in no scope here.
    """
    target: dict[str, set[str]] = defaultdict(set)
    parts: dict[tuple[str, str], list[tuple[str, Items]]] = defaultdict(list)
    for unit, items in by_unit.items():
        target[unit.entity].add(unit.currency)
        parts[unit.entity, unit.member].append((unit.currency, items))
    for (entity, member), held in sorted(parts.items()):
        into = _target(target[entity], reporting_currency)
        converted = tuple(Part(items, currency, rates.minor_factor(currency, into)) for currency, items in held)
        yield Scope(kind, entity, into, member), converted


def ratio_figures(
    figure: Figure,
    found: Iterable[tuple[Scope, tuple[Part, ...]]],
    policy: RatioPolicy,
    days: Mapping[str, date],
) -> list[RatioFigure]:
    """One figure for each scope. A group is of the newest of its entities' dates."""
    return [_figure(figure, scope, parts, policy, _day(scope, days)) for scope, parts in found]


def liquid_assets(
    found: Iterable[tuple[Scope, tuple[Part, ...]]], policy: RatioPolicy, days: Mapping[str, date]
) -> list[LiquidRow]:
    """LIQ-17: what is held, what of it is free, what it would bring; shares add up to 1 in each scope."""
    rows = []
    for scope, parts in found:
        day = _day(scope, days)
        table = table_on(policy.lcr, day)
        assets = _added(
            (asset, part.factor) for part in parts if part.factor is not None for asset in part.items.liquid
        )
        valued = [(asset, _haircut(asset, table)) for asset in assets]
        values = [Fraction(0) if haircut is None else asset.unencumbered * (1 - haircut) for asset, haircut in valued]
        whole = sum(values, Fraction(0))
        for (asset, haircut), value in zip(valued, values, strict=True):
            rows.append(LiquidRow(scope, day, asset, haircut, value, value / whole if whole else None))
    return rows


def positions(by_pair: Mapping[Pair, Items], policy: RatioPolicy, days: Mapping[str, date]) -> list[PositionsRow]:
    """LIQ-07 where a reserve record tells what is required; the surplus of a period is no figure of one cut."""
    rows = []
    for (entity, currency), items in by_pair.items():
        cash: Cash = items.cash
        limit = policy.in_force(days[entity]).reserve_limit(entity, currency)
        found, reason = None, "no reserve record"
        if cash.required is not None:
            found = four_positions(
                Fraction(cash.central_bank),
                Fraction(cash.required),
                Fraction(cash.vault_cash),
                Fraction(cash.due_from_banks),
                Fraction(limit or 0),
            )
            reason = "" if limit is not None else "no reserve limit is set: no lendable position"
        elif not (cash.central_bank or cash.due_from_banks):
            continue
        rows.append(PositionsRow(entity, currency, days[entity], found, limit, reason))
    return rows


def lines_of(items: Sequence[Item]) -> dict[str, Fraction | int]:
    """Amounts by code, in order of code."""
    sums: dict[str, Fraction | int] = defaultdict(int)
    for item in items:
        sums[item.code] += item.amount
    return dict(sorted(sums.items()))


def _consolidated(
    kind: str, entity: str, by_pair: Mapping[Pair, Items], rates: FxRates, reporting_currency: str
) -> tuple[Scope, tuple[Part, ...]]:
    target = _target({currency for _, currency in by_pair}, reporting_currency)
    parts = tuple(
        Part(items, currency, rates.minor_factor(currency, target)) for (_, currency), items in by_pair.items()
    )
    return Scope(kind, entity, target), parts


def _target(currencies: Set[str], reporting_currency: str) -> str:
    return reporting_currency if len(currencies) > 1 else next(iter(currencies))


def _figure(figure: Figure, scope: Scope, parts: tuple[Part, ...], policy: RatioPolicy, day: date) -> RatioFigure:
    tables = policy.lcr if figure == "lcr" else policy.nsfr
    table = table_on(tables, day)
    is_whole = scope.kind not in MEMBERS
    minimum = tables.minimum(day) if is_whole else None  # a bank keeps it, not its branches
    missing = _without_rate(figure, parts)
    ratio, coverage, reason = None, None, ""
    if missing:
        reason = f"no rate from {', '.join(missing)} to {scope.currency}"
        unmapped = sum((one.amount for one in _converted(figure, scope, parts)[1] if not one.mapped), Fraction(0))
    else:
        kept = _kept(figure, scope, parts, table, minimum)
        if kept is None:
            kept = _line_by_line(figure, scope, parts, table, minimum)
        ratio, coverage, unmapped, reason = kept
        if ratio is not None and not ratio.denominator:
            reason = "net cash outflows are 0" if figure == "lcr" else "required stable funding is 0"
    value = None if ratio is None else ratio.value
    found = (
        lights(policy.limits, policy.limit_scopes, figure, scope.entity, scope.currency, value) if is_whole else ()
    )
    mapping = policy.in_force(day).name
    return RatioFigure(
        figure, scope, day, table, mapping, parts, ratio, coverage, Fraction(unmapped), reason, tuple(found)
    )


_Found = tuple[Ratio | None, CoverageValues | None, Fraction, str]


def _without_rate(figure: Figure, parts: Sequence[Part]) -> list[str]:
    return sorted({part.currency for part in parts if part.factor is None and _has(part.items, figure)})


def _has(items: Items, figure: Figure) -> bool:
    if items.totals is not None:
        return bool(items.totals[totals.PRESENT[figure]])
    return any(item.figure == figure for item in items.items) or any(one.figure == figure for one in items.asides)


def _kept(
    figure: Figure, scope: Scope, parts: Sequence[Part], table: FactorTable, minimum: Fraction | None
) -> _Found | None:
    """From the totals that a book keeps; None: not all are kept, or not for this table."""
    scheme = parts[0].items.scheme if parts else None
    if scheme is None or scheme.table(figure) is not table:
        return None
    whole = [0] * totals.WIDTH
    multipliers, divisor = _multipliers(parts)
    wanted = totals.WANTED[figure]
    for part, multiplier in zip(parts, multipliers, strict=True):
        held = part.items.totals
        if held is None or part.items.scheme is not scheme or held[totals.ODD]:
            return None
        counted = totals.without_own(held) if scope.kind == "group" else held
        for place in wanted:
            whole[place] += counted[place] * multiplier
    unmapped = Fraction(whole[totals.UNMAPPED[figure]], SCALE * divisor)
    if figure == "nsfr":
        return scheme.funding_values(whole, divisor, minimum), None, unmapped, ""
    coverage = scheme.coverage_values(whole, divisor, minimum)
    return coverage.ratio, coverage, unmapped, ""


def _line_by_line(
    figure: Figure, scope: Scope, parts: Sequence[Part], table: FactorTable, minimum: Fraction | None
) -> _Found:
    items, asides = _converted(figure, scope, parts)
    unmapped = sum((Fraction(one.amount) for one in asides if not one.mapped), Fraction(0))
    try:
        found = _weighed(figure, items, parts, scope, table, minimum)
    except InvalidInput as error:
        return None, None, unmapped, str(error)
    if isinstance(found, LiquidityCoverage):
        return found.ratio, CoverageValues(found.stock, found.net, found.ratio), unmapped, ""
    return found.ratio, None, unmapped, ""


def _weighed(
    figure: Figure,
    items: Sequence[Item],
    parts: Sequence[Part],
    scope: Scope,
    table: FactorTable,
    minimum: Fraction | None,
) -> LiquidityCoverage | StableFunding:
    by_category: dict[str, list[Line]] = defaultdict(list)
    for code, amount in lines_of(items).items():
        by_category[table.item(code).category].append(Line(code, amount))
    if figure == "lcr":
        hqla = [line for category in CATEGORY_BY_LEVEL.values() for line in by_category.pop(category, [])]
        outflows, inflows = by_category.pop("outflow", []), by_category.pop("inflow", [])
        deals = secured_deals(parts, table)
        return liquidity_coverage(hqla, outflows, inflows, table, deals=deals, minimum=minimum)
    available = by_category.pop("ASF", [])
    required = [line for lines in by_category.values() for line in lines]
    return stable_funding(available, required, table, minimum=minimum)


def secured_deals(parts: Sequence[Part], table: FactorTable) -> list[SecuredDeal]:
    """The secured deals within the horizon of one scope, for their undoing (BCBS 238 Annex 1)."""
    deals = []
    for part in parts:
        for leg in part.items.undone if part.factor is not None else ():
            factor = part.factor or Fraction(0)
            level = _LEVELS.get(table.item(leg.code).category, "none")
            held = Leg(level, leg.value * factor, table.factor(leg.code))
            cash = Leg("1", leg.cash * factor) if leg.cash else Leg("none", 0)
            received, given = (cash, held) if leg.is_given else (held, cash)
            deals.append(SecuredDeal(received, given, 0, is_swap=not leg.cash))
    return deals


def _multipliers(parts: Sequence[Part]) -> tuple[list[int], int]:
    """Whole numbers over one denominator in place of factors: a fraction an item would be most of the work."""
    divisor = lcm(*(part.factor.denominator for part in parts if part.factor is not None))
    return [0 if part.factor is None else int(part.factor * divisor) for part in parts], divisor


def _converted(figure: Figure, scope: Scope, parts: Sequence[Part]) -> tuple[tuple[Item, ...], tuple[Aside, ...]]:
    """Items of equal code and origin are one; the group leaves out what is within it."""
    amounts: dict[tuple[str, str, bool], Fraction | int] = defaultdict(int)
    asides: dict[tuple[str, str, bool], Fraction | int] = defaultdict(int)
    multipliers, divisor = _multipliers(parts)
    for part, factor in zip(parts, multipliers, strict=True):
        if part.factor is None:
            continue
        for item in part.items.items:
            if item.figure != figure:
                continue
            if scope.kind == "group" and item.intragroup:
                asides[item.of, "within the group", True] += item.amount * factor
            else:
                amounts[item.code, item.of, item.intragroup] += item.amount * factor
        for aside in part.items.asides:
            if aside.figure == figure:
                asides[aside.of, aside.reason, aside.mapped] += aside.amount * factor
    items = tuple(
        Item(figure, code, _over(amount, divisor), of, own) for (code, of, own), amount in sorted(amounts.items())
    )
    others = tuple(
        Aside(figure, _over(amount, divisor), of, why, mapped) for (of, why, mapped), amount in sorted(asides.items())
    )
    return items, others


def _over(amount: Fraction | int, divisor: int) -> Fraction | int:
    return amount if divisor == 1 else Fraction(amount) / divisor


def _added(assets: Iterable[tuple[LiquidAsset, Fraction]]) -> list[LiquidAsset]:
    sums: dict[tuple[str, str, str], list[Fraction | int]] = defaultdict(lambda: [0, 0])
    for asset, factor in assets:
        held = sums[asset.asset_class, asset.level, asset.code]
        held[0] += asset.market_value * factor
        held[1] += asset.unencumbered * factor
    return [LiquidAsset(*key, values[0], values[1]) for key, values in sorted(sums.items())]


def _haircut(asset: LiquidAsset, table: FactorTable) -> Fraction | None:
    if asset.code == NOWHERE:
        return None
    factor = table.item(asset.code).factor
    return None if factor is None else 1 - factor


def _day(scope: Scope, days: Mapping[str, date]) -> date:
    return days[scope.entity] if scope.entity in days else max(days.values())
