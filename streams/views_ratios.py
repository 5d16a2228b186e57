"""The live liquidity ratios at one cut: LCR, NSFR, liquid assets and positions, by currency, entity and group.

Pure functions of the view's tables (LIQ-07, 17, 19, 20). Everything is exact: amounts in minor units, converted at
the mid rate of the cut, weighed by the engines. A scope is one entity and currency, an entity in all its currencies,
or the group without what its entities owe each other. Not for how an amount finds its line: that is
`streams.ratio_items`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from engines.factor_lines import Line, Ratio
from engines.factor_tables import FactorTable
from engines.lcr import CATEGORY_BY_LEVEL, LiquidityCoverage, liquidity_coverage
from engines.limits import Headroom, Limit
from engines.nsfr import StableFunding, stable_funding
from engines.primitives.errors import InvalidInput
from engines.reserves import FourPositions, four_positions
from streams.fx_rates import FxRates
from streams.ratio_items import Aside, Cash, Figure, Item, Items, LiquidAsset, Pair
from streams.ratio_limits import lights
from streams.ratio_policy import NOWHERE, RatioPolicy, table_on

GROUP = "-"  # in place of an entity: all of them


class Scope(NamedTuple):
    """`kind` is currency, entity or group; the amounts of the latter two are converted into `currency`."""

    kind: str
    entity: str
    currency: str


@dataclass(frozen=True, slots=True)
class RatioFigure:
    """One ratio with all that leads to it; `result` None: not computable, for the `reason`."""

    figure: Figure
    scope: Scope
    as_of: date
    table: FactorTable
    mapping: str  # name of the mapping's version
    items: tuple[Item, ...]  # in minor units of the scope's currency
    asides: tuple[Aside, ...]
    result: LiquidityCoverage | StableFunding | None
    reason: str
    limits: tuple[tuple[Limit, Headroom | None], ...]

    @property
    def ratio(self) -> Ratio | None:
        return None if self.result is None else self.result.ratio


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
    currencies = {currency for _, currency in by_pair}
    target = reporting_currency if len(currencies) > 1 else next(iter(currencies))
    parts = tuple(
        Part(items, currency, rates.minor_factor(currency, target)) for (_, currency), items in by_pair.items()
    )
    return Scope(kind, entity, target), parts


def _figure(figure: Figure, scope: Scope, parts: tuple[Part, ...], policy: RatioPolicy, day: date) -> RatioFigure:
    tables = policy.lcr if figure == "lcr" else policy.nsfr
    table, minimum = table_on(tables, day), tables.minimum(day)
    items, asides, missing = _converted(figure, scope, parts)
    result: LiquidityCoverage | StableFunding | None = None
    reason = f"no rate from {', '.join(sorted(missing))} to {scope.currency}" if missing else ""
    if not missing:
        try:
            result = _weighed(figure, items, table, minimum)
            if result.ratio.value is None:
                reason = "net cash outflows are 0" if figure == "lcr" else "required stable funding is 0"
        except InvalidInput as error:
            reason = str(error)
    value = None if result is None else result.ratio.value
    found = lights(policy.limits, policy.limit_scopes, figure, scope.entity, scope.currency, value)
    mapping = policy.in_force(day).name
    return RatioFigure(figure, scope, day, table, mapping, items, asides, result, reason, tuple(found))


def _weighed(
    figure: Figure, items: Sequence[Item], table: FactorTable, minimum: Fraction | None
) -> LiquidityCoverage | StableFunding:
    by_category: dict[str, list[Line]] = defaultdict(list)
    for code, amount in lines_of(items).items():
        by_category[table.item(code).category].append(Line(code, amount))
    if figure == "lcr":
        hqla = [line for category in CATEGORY_BY_LEVEL.values() for line in by_category.pop(category, [])]
        outflows, inflows = by_category.pop("outflow", []), by_category.pop("inflow", [])
        return liquidity_coverage(hqla, outflows, inflows, table, minimum=minimum)
    available = by_category.pop("ASF", [])
    required = [line for lines in by_category.values() for line in lines]
    return stable_funding(available, required, table, minimum=minimum)


def _converted(
    figure: Figure, scope: Scope, parts: tuple[Part, ...]
) -> tuple[tuple[Item, ...], tuple[Aside, ...], set[str]]:
    """Items of equal code and origin are one; the group leaves out what is within it."""
    amounts: dict[tuple[str, str, bool], Fraction | int] = defaultdict(int)
    asides: dict[tuple[str, str, bool], Fraction | int] = defaultdict(int)
    missing: set[str] = set()
    # Whole numbers over one denominator: a fraction an item would be most of the work.
    divisor = lcm(*(part.factor.denominator for part in parts if part.factor is not None))
    for part in parts:
        of_figure = [item for item in part.items.items if item.figure == figure]
        left_out = [aside for aside in part.items.asides if aside.figure == figure]
        if part.factor is None:
            if of_figure or left_out:
                missing.add(part.currency)
            continue
        factor = int(part.factor * divisor)
        for item in of_figure:
            if scope.kind == "group" and item.intragroup:
                asides[item.of, "within the group", True] += item.amount * factor
            else:
                amounts[item.code, item.of, item.intragroup] += item.amount * factor
        for aside in left_out:
            asides[aside.of, aside.reason, aside.mapped] += aside.amount * factor
    items = tuple(
        Item(figure, code, _over(amount, divisor), of, own) for (code, of, own), amount in sorted(amounts.items())
    )
    others = tuple(
        Aside(figure, _over(amount, divisor), of, why, mapped) for (of, why, mapped), amount in sorted(asides.items())
    )
    return items, others, missing


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
