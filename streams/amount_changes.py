"""Why a position or a gap moved between two cuts: amounts by entity, currency and day, and what moved them.

Both are sums over days, of which the business date says where a day counts: a value date that has come, a time
bucket. So both are explained here, and `streams.position_changes` and `streams.gap_changes` say what is summed. An
explanation depends on its two cuts only; the cuts the other way round negate each part (decision Q9).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from engines.explain_change import Explanation, explain_amounts
from engines.explain_lines import Cell, Cut, Movement, Place
from engines.primitives.errors import InvalidInput
from infra.snapshots import LogPartition
from streams import topics
from streams.folders import Folder
from streams.fx_rates import FxRates
from streams.moved_records import MovedRecords
from streams.past_figures import Logs, parse_place, show_dates, show_state
from streams.ratio_movements import check_range
from streams.resting_cells import shortened
from streams.stored_states import Replay
from streams.views import RiskView
from streams.views_ratios import GROUP, Scope

SEPARATOR = "\x1f"
Pair = tuple[str, str]  # entity, currency
DayKey = tuple[str, str, int]  # entity, currency, day since 1970-01-01 (or DEMAND_DAY, UNDATED_DAY)
Sums = dict[DayKey, int]
#: Where a day stands, seen from a business date.
WindowOf = Callable[[int, date], str]
#: The line of a window; None: it counts nowhere.
LineOf = Callable[[str], str | None]


@dataclass
class AmountCuts:
    """Sums at both cuts in 1/`parts` of a minor unit, and everything that moved between them."""

    figure: Literal["position", "gap"]
    parts: int = 1
    sums: tuple[Sums, Sums] = field(default_factory=lambda: (defaultdict(int), defaultdict(int)))
    days: tuple[dict[str, date], dict[str, date]] = field(default_factory=lambda: ({}, {}))
    rates: tuple[FxRates, FxRates] = field(default_factory=lambda: (FxRates({}), FxRates({})))
    moved: MovedRecords = field(default_factory=MovedRecords)

    def reversed(self) -> "AmountCuts":
        """From the later cut to the earlier one."""
        return AmountCuts(
            self.figure, self.parts, self.sums[::-1], self.days[::-1], self.rates[::-1], self.moved.negated()
        )


@dataclass(frozen=True, slots=True)
class ExplainedAmount:
    """Minor units of the scope's currency. `missing`: currencies without a rate, left out of the sum."""

    scope: Scope
    as_of: tuple[date, date]
    explanation: Explanation
    missing: tuple[str, ...] = ()


#: (folder, log, state at the earlier cut, offset of the later one): takes the state's part of both cuts.
Roll = Callable[[Folder, LogPartition, Any, int], None]


def cell_name(entity: str, currency: str, day: int) -> str:
    return SEPARATOR.join((entity, currency, str(day)))


def ordered(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Whether `before` is the earlier cut; False: it is the later one in every place.

    Raises InvalidInput: one is earlier here and the other there, or a place has no later offset.
    """
    earlier = {place: offset for place, offset in before.items() if offset > after.get(place, -1)}
    if not earlier:
        return True
    behind = [place for place, offset in after.items() if offset > before.get(place, 0)]
    if behind or not before.keys() >= after.keys():
        place = (behind or sorted(after.keys() - before.keys()))[0]
        message = f"neither cut is the later one: {min(earlier)} goes back, {place} goes on"
        raise InvalidInput(message, field="from_offsets")
    return False


def read_between(
    replay: Replay,
    logs: Logs,
    before: Mapping[str, int],
    after: Mapping[str, int],
    topic: str,
    cuts: AmountCuts,
    roll: Roll,
) -> None:
    """Business dates and rates of both cuts into `cuts`, and the states of a topic to `roll`.

    Raises InvalidInput, NotFound: a vector does not fit the logs, the later cut goes back, or too much lies between.
    """
    sources = {topic, topics.FX, topics.BUSINESS_DATE}
    first, last = (
        {parse_place(place): offset for place, offset in cut.items() if parse_place(place)[0] in sources}
        for cut in (before, after)
    )
    for one, other in ((first, last), (last, first)):
        if not any(name == topics.FX for name, _ in one):  # a cut that names no rates has those of the other
            one.update({place: offset for place, offset in other.items() if place[0] == topics.FX})
    check_range(first, last)
    views = (RiskView(), RiskView())
    start = {place: first.get(place, 0) for place in last}
    for view, ends in zip(views, (start, last), strict=True):
        end = ends.pop((topics.BUSINESS_DATE, 0), 0)
        if end:
            show_dates(view, replay, end)
    for folder, where, state in replay.states(logs.all(), start):
        end = last[where.topic, where.partition]
        if where.topic == topic:
            roll(folder, where, state, end)
        else:
            show_state(views[0], folder, where, state)
            for _, _, later in replay.states(logs.all(), {(where.topic, where.partition): end}):
                show_state(views[1], folder, where, later)
    for view, days in zip(views, cuts.days, strict=True):
        days.update(view.business_dates)
    cuts.rates = (views[0].fx_rates(), views[1].fx_rates())


def explained_amounts(
    cuts: AmountCuts,
    window_of: WindowOf,
    line_of: LineOf,
    reporting_currency: str | None,
    entries_max: int | None = None,
) -> list[ExplainedAmount]:
    """One explanation for each entity and currency; where these are several also of the converted total.

    Args:
        reporting_currency: of the total, if its pairs have several; None: there is no total then.
    """
    pairs = sorted({(entity, currency) for sums in cuts.sums for entity, currency, _ in sums})
    days = tuple(_completed(of, other) for of, other in (cuts.days, cuts.days[::-1]))
    pairs = [pair for pair in pairs if pair[0] in days[0]]
    scopes: list[tuple[Scope, list[Pair]]] = [(Scope("currency", *pair), [pair]) for pair in pairs]
    currencies = {currency for _, currency in pairs}
    target = next(iter(currencies)) if len(currencies) == 1 else reporting_currency
    if len(pairs) > 1 and target is not None:
        entities = {entity for entity, _ in pairs}
        scope = Scope("entity", min(entities), target) if len(entities) == 1 else Scope("group", GROUP, target)
        scopes.append((scope, pairs))
    return [_explained(cuts, (days[0], days[1]), of, scope, window_of, line_of, entries_max) for scope, of in scopes]


def _completed(days: Mapping[str, date], others: Mapping[str, date]) -> dict[str, date]:
    """An entity without a date at one cut has the other's: nothing rolled."""
    return {**others, **days}


def _explained(
    cuts: AmountCuts,
    days: tuple[Mapping[str, date], Mapping[str, date]],
    pairs: Sequence[Pair],
    scope: Scope,
    window_of: WindowOf,
    line_of: LineOf,
    entries_max: int | None,
) -> ExplainedAmount:
    factors: list[dict[Pair, Fraction | None]] = [
        {pair: rates.minor_factor(pair[1], scope.currency) for pair in pairs} for rates in cuts.rates
    ]
    missing = {pair for factor in factors for pair, one in factor.items() if one is None}
    wanted = set(pairs) - missing
    keys = {key for sums in cuts.sums for key in sums if (key[0], key[1]) in wanted}
    cells = [
        _cells(keys, sums, day, factor, cuts.parts, window_of)
        for sums, day, factor in zip(cuts.sums, days, factors, strict=True)
    ]
    # Causes switch one by one, so that a window of one cut may be met beside a tag of the other.
    windows = {cell.window for found in cells for cell in found.values()}
    lines = {window: line_of(window) for window in windows}
    places = {
        (_tag(*pair), window): None if line is None else Place(cuts.figure, line)
        for pair in wanted
        for window, line in lines.items()
    }
    first, last = (Cut(found, places) for found in cells)
    by_cell: dict[str, list[Movement]] = defaultdict(list)
    for one in cuts.moved.movements:
        if one.cell in first.cells:
            by_cell[one.cell].append(one)
    columns = cuts.moved.columns(entries_max, first.cells.__contains__)
    first, last, others = shortened(first, last, by_cell, columns.totals())
    explanation = explain_amounts(cuts.figure, first, last, others, columns)
    newest = [max(day[entity] for entity, _ in pairs) for day in days]
    left_out = tuple(sorted({currency for _, currency in missing}))
    return ExplainedAmount(scope, (newest[0], newest[1]), explanation, left_out)


def _cells(
    keys: Iterable[DayKey],
    sums: Mapping[DayKey, int],
    days: Mapping[str, date],
    factors: Mapping[Pair, Fraction | None],
    parts: int,
    window_of: WindowOf,
) -> dict[str, Cell]:
    """Every day of both cuts at one of them."""
    cells: dict[str, Cell] = {}
    price = Fraction(1, parts)
    for entity, currency, day in keys:
        window, quantity = window_of(day, days[entity]), sums.get((entity, currency, day), 0)
        factor = factors[entity, currency] or Fraction(0)  # pairs without a rate are no keys
        cells[cell_name(entity, currency, day)] = Cell(_tag(entity, currency), window, quantity, price, factor)
    return cells


def _tag(entity: str, currency: str) -> str:
    return entity + SEPARATOR + currency
