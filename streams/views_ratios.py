"""The live liquidity ratios at one cut: LCR, NSFR, liquid assets and positions, of every scope.

Pure functions of items (LIQ-07, 17, 19, 20). Everything is exact: amounts in minor units, converted at the mid rate
of the cut, weighed by the engines. A scope is one entity and currency, an entity in all its currencies, the group
without what its entities owe each other, or an organisation or business line of an entity. Where totals are kept the
ratio is read from them; else, and for its lines, every line is weighed. Not for how an amount finds its line: that
is `streams.ratio_entries`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache, cached_property
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
ONE = Fraction(1)
_LEVELS: Mapping[str, Level] = {category: level for level, category in CATEGORY_BY_LEVEL.items()}


class Scope(NamedTuple):
    """`kind` is currency, entity, group or one of MEMBERS; all but the first are converted into `currency`."""

    kind: str
    entity: str
    currency: str
    member: str = "-"  # of an organisation or business line: which


@dataclass(frozen=True)
class _Rules:
    """What holds for one figure on one day."""

    figure: Figure
    policy: RatioPolicy
    day: date
    table: FactorTable
    minimum: Fraction | None
    mapping: str  # name of the mapping's version

    @classmethod
    def of(cls, figure: Figure, policy: RatioPolicy, day: date) -> "_Rules":
        tables = policy.lcr if figure == "lcr" else policy.nsfr
        return cls(figure, policy, day, table_on(tables, day), tables.minimum(day), policy.in_force(day).name)


class RatioFigure:
    """One ratio of one scope. What leads to it, and every fraction, is worked out once it is asked for."""

    def __init__(self, scope: Scope, parts: "tuple[Part, ...]", rules: _Rules, kept: "_Kept | None") -> None:
        self.figure, self.scope, self.parts = rules.figure, scope, parts
        self.as_of, self.table, self.mapping = rules.day, rules.table, rules.mapping
        self._rules, self._kept = rules, kept

    @property
    def ratio(self) -> Ratio | None:
        """None: not computable, for the `reason`."""
        return self._found.ratio if self._kept is None else self._kept.ratio

    @property
    def coverage(self) -> CoverageValues | None:
        """Of an LCR: stock and flows."""
        return self._found.coverage if self._kept is None else self._kept.coverage

    @property
    def unmapped(self) -> Fraction:
        """Minor units of the scope's currency."""
        return self._found.unmapped if self._kept is None else self._kept.unmapped

    @property
    def reason(self) -> str:
        ratio = self.ratio
        if ratio is not None and not ratio.denominator:
            return "net cash outflows are 0" if self.figure == "lcr" else "required stable funding is 0"
        return self._found.reason if self._kept is None else ""

    @cached_property
    def limits(self) -> tuple[tuple[Limit, Headroom | None], ...]:
        if self.scope.kind in MEMBERS:
            return ()
        policy, scope, ratio = self._rules.policy, self.scope, self.ratio
        value = None if ratio is None else ratio.value
        return tuple(lights(policy.limits, policy.limit_scopes, self.figure, scope.entity, scope.currency, value))

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

    @cached_property
    def _found(self) -> "_Found":
        """Where no totals are kept, or a rate is missing."""
        missing = _without_rate(self.figure, self.parts)
        unmapped = sum((Fraction(one.amount) for one in self.asides if not one.mapped), Fraction(0))
        if missing:
            return _Found(None, None, unmapped, f"no rate from {', '.join(missing)} to {self.scope.currency}")
        minimum = _minimum(self.scope, self._rules)
        try:
            found = _weighed(self.figure, self.items, self.parts, self.scope, self.table, minimum)
        except InvalidInput as error:
            return _Found(None, None, unmapped, str(error))
        if isinstance(found, LiquidityCoverage):
            return _Found(found.ratio, CoverageValues(found.stock, found.net, found.ratio), unmapped, "")
        return _Found(found.ratio, None, unmapped, "")


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
    by_entity: dict[str, dict[Pair, Items]] = {}
    for pair, items in by_pair.items():
        entity, currency = pair
        by_entity.setdefault(entity, {})[pair] = items
        yield Scope("currency", entity, currency), (Part(items, currency, ONE),)
    factor = _factors(rates)
    for entity, mine in sorted(by_entity.items()):
        yield _consolidated("entity", entity, mine, factor, reporting_currency)
    if group and by_entity:
        yield _consolidated("group", GROUP, by_pair, factor, reporting_currency)


def member_scopes(
    kind: str, by_unit: Mapping[Unit, Items], rates: FxRates, reporting_currency: str
) -> Iterator[tuple[Scope, tuple[Part, ...]]]:
    """Every organisation or business line (`kind`) of every entity, in the currency of its entity's figures.

    Numerator and denominator before caps add up to the entity's, which stands in no scope here.
    """
    factor = _factors(rates)
    target: dict[str, set[str]] = defaultdict(set)
    parts: dict[tuple[str, str], list[tuple[str, Items]]] = defaultdict(list)
    for unit, items in by_unit.items():
        target[unit.entity].add(unit.currency)
        parts[unit.entity, unit.member].append((unit.currency, items))
    for (entity, member), held in sorted(parts.items()):
        into = _target(target[entity], reporting_currency)
        converted = tuple(Part(items, currency, factor(currency, into)) for currency, items in held)
        yield Scope(kind, entity, into, member), converted


def ratio_figures(
    figure: Figure,
    found: Iterable[tuple[Scope, tuple[Part, ...]]],
    policy: RatioPolicy,
    days: Mapping[str, date],
) -> list[RatioFigure]:
    """One figure for each scope. A group is of the newest of its entities' dates."""
    by_day: dict[date, _Rules] = {}
    made: list[RatioFigure] = []
    last: _Kept | None = None
    for scope, parts in found:
        day = _day(scope, days)
        rules = by_day.get(day)
        if rules is None:
            rules = by_day[day] = _Rules.of(figure, policy, day)
        last = _kept(scope, parts, rules, last)
        made.append(RatioFigure(scope, parts, rules, last))
    return made


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


def _factors(rates: FxRates) -> Callable[[str, str], Fraction | None]:
    """As `minor_factor`, each asked once."""

    @cache
    def factor(base: str, quote: str) -> Fraction | None:
        return ONE if base == quote else rates.minor_factor(base, quote)

    return factor


def _consolidated(
    kind: str,
    entity: str,
    by_pair: Mapping[Pair, Items],
    factor: Callable[[str, str], Fraction | None],
    reporting_currency: str,
) -> tuple[Scope, tuple[Part, ...]]:
    target = _target({currency for _, currency in by_pair}, reporting_currency)
    parts = tuple(Part(items, currency, factor(currency, target)) for (_, currency), items in by_pair.items())
    return Scope(kind, entity, target), parts


def _target(currencies: Set[str], reporting_currency: str) -> str:
    return reporting_currency if len(currencies) > 1 else next(iter(currencies))


class _Found(NamedTuple):
    ratio: Ratio | None
    coverage: CoverageValues | None
    unmapped: Fraction
    reason: str


class _Kept:
    """One ratio in the whole numbers that a book keeps, over one denominator; fractions where they are asked for."""

    def __init__(
        self, figure: Figure, scheme: totals.Scheme, whole: Sequence[int], divisor: int, minimum: Fraction | None
    ) -> None:
        self._figure, self._scheme, self._whole = figure, scheme, whole
        self._divisor, self._minimum = divisor, minimum

    @cached_property
    def ratio(self) -> Ratio:
        if self._figure == "nsfr":
            return self._scheme.funding_values(self._whole, self._divisor, self._minimum)
        return self._scheme.coverage_ratio(self._whole, self._divisor, self._minimum)

    @cached_property
    def coverage(self) -> CoverageValues | None:
        if self._figure == "nsfr":
            return None
        return self._scheme.coverage_values(self._whole, self._divisor, self._minimum)

    def is_of(self, scheme: totals.Scheme, whole: Sequence[int], divisor: int, minimum: Fraction | None) -> bool:
        return (
            self._scheme is scheme and self._divisor == divisor and self._whole == whole and self._minimum is minimum
        )

    @property
    def unmapped(self) -> Fraction:
        return Fraction(self._whole[totals.UNMAPPED[self._figure]], SCALE * self._divisor)


def _minimum(scope: Scope, rules: _Rules) -> Fraction | None:
    """A bank keeps it, not its branches."""
    return None if scope.kind in MEMBERS else rules.minimum


def _without_rate(figure: Figure, parts: Sequence[Part]) -> list[str]:
    return sorted({part.currency for part in parts if part.factor is None and _has(part.items, figure)})


def _has(items: Items, figure: Figure) -> bool:
    if items.totals is not None:
        return bool(items.totals[totals.PRESENT[figure]])
    return any(item.figure == figure for item in items.items) or any(one.figure == figure for one in items.asides)


def _kept(scope: Scope, parts: Sequence[Part], rules: _Rules, last: _Kept | None) -> _Kept | None:
    """From the totals that a book keeps; None: not all are kept, not for this table, or a rate is missing.

    `last`, of the scope before, is taken where nothing differs: the group of one bank is that bank.
    """
    figure = rules.figure
    scheme = parts[0].items.scheme if parts else None
    if scheme is None or scheme.table(figure) is not rules.table:
        return None
    counted: list[Sequence[int]] = []
    for part in parts:
        held = part.items.totals
        if held is None or part.items.scheme is not scheme or held[totals.ODD]:
            return None
        if part.factor is None and held[totals.PRESENT[figure]]:
            return None
        counted.append(totals.without_own(held) if scope.kind == "group" else held)
    if len(parts) == 1 and parts[0].factor == 1:
        whole, divisor = counted[0], 1
    else:
        multipliers, divisor = _multipliers(parts)
        sums = [0] * totals.WIDTH
        for of_part, multiplier in zip(counted, multipliers, strict=True):
            for place in totals.WANTED[figure]:
                sums[place] += of_part[place] * multiplier
        whole = sums
    minimum = _minimum(scope, rules)
    if last is not None and last.is_of(scheme, whole, divisor, minimum):
        return last
    return _Kept(figure, scheme, whole, divisor, minimum)


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
    ratios = [(0, 1) if part.factor is None else part.factor.as_integer_ratio() for part in parts]
    divisor = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (divisor // denominator) for numerator, denominator in ratios], divisor


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
