"""Why a liquidity ratio moved between two cuts: the parts add up to the move exactly (decision Q9, LIQ-19, LIQ-20).

Joins the cells of both cuts and what moved them; `engines.explain_change` splits and sums. Not for reading logs: that
is `streams.ratio_movements`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from engines.explain_change import Caps, CoverageCut, Explanation, explain_coverage, explain_funding
from engines.explain_lines import Cell, Cut, Movement
from infra.snapshots import LogPartition
from streams import topics
from streams.folders import Folder
from streams.fx_rates import FxRates
from streams.past_figures import Logs, parse_place, show_dates, show_state
from streams.ratio_cells import NET, Lines, completed, cuts, quantities
from streams.ratio_items import Figure, Pair
from streams.ratio_movements import Batches, Recorder, check_range
from streams.ratio_policy import RatioPolicy, table_on
from streams.stored_states import Replay
from streams.views import RATIO_TOPICS, SOURCE_TOPIC, RiskView
from streams.views_ratios import GROUP, Scope

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class TwoCuts:
    """Both views, and every movement between them."""

    before: RiskView
    after: RiskView
    movements: Sequence[Movement]


@dataclass(frozen=True, slots=True)
class ExplainedRatio:
    scope: Scope
    as_of: tuple[date, date]
    explanation: Explanation


def two_cuts(
    replay: Replay, logs: Logs, batches: Batches, before: Mapping[str, int], after: Mapping[str, int]
) -> TwoCuts:
    """Both cuts from the logs; only what liquidity ratios are made of.

    Raises:
        InvalidInput, NotFound: a vector does not fit the logs, the later cut goes back, or too much lies between.
    """
    sources = {SOURCE_TOPIC[topic] for topic in RATIO_TOPICS if topic in SOURCE_TOPIC} | {topics.BUSINESS_DATE}
    first, last = (
        {place: offset for place, offset in _parsed(cut).items() if place[0] in sources} for cut in (before, after)
    )
    check_range(first, last)
    start = {place: first.get(place, 0) for place in last}
    dates = (topics.BUSINESS_DATE, 0)
    earlier, later = RiskView(), RiskView()
    for view, end in ((earlier, start.pop(dates, 0)), (later, last.pop(dates, 0))):
        if end:
            show_dates(view, replay, end)
    movements = shown_and_rolled(replay.states(logs.all(), start), last, Recorder(batches), earlier, later)
    return TwoCuts(earlier, later, movements)


def shown_and_rolled(
    states: Iterator[tuple[Folder, LogPartition, Any]],
    ends: Mapping[Place, int],
    recorder: Recorder,
    earlier: RiskView,
    later: RiskView,
) -> list[Movement]:
    """Put each state into the earlier view, roll it on, put it into the later one."""
    for folder, where, state in states:
        if state.next_offset:
            show_state(earlier, folder, where, state)
        recorder.roll(folder, where, state, ends[where.topic, where.partition])
        show_state(later, folder, where, state)
    return recorder.movements


def explained(
    figure: Figure, found: TwoCuts, policy: RatioPolicy, chosen: Callable[[Scope], bool]
) -> list[ExplainedRatio]:
    """The ratio of each chosen scope, explained. A scope without a rate at one of the cuts is left out."""
    days = tuple(dict(view.as_of(None).by_entity) for view in (found.before, found.after))
    views = (found.before, found.after)
    first_of, last_of = (quantities(figure, view, policy, of) for view, of in zip(views, days, strict=True))
    before = completed(first_of, last_of, found.before, days[0])
    after = completed(last_of, first_of, found.after, days[1])
    lines = (Lines(policy, days[0]), Lines(policy, days[1]))
    by_cell: dict[str, list[Movement]] = defaultdict(list)
    if days[0] != days[1]:
        # What nets over days is one cell without a window: what the new date alone does to it is a roll.
        rolled = quantities(figure, found.before, policy, days[1])
        for name, cell in before.items():
            if name.startswith(NET) and name in rolled and rolled[name].quantity != cell.quantity:
                by_cell[name].append(Movement(name, rolled[name].quantity - cell.quantity, "ROLL"))
    for movement in found.movements:
        by_cell[movement.cell].append(movement)
    pairs = sorted({one.pair for cells in (before, after) for one in cells.values()})
    rates = (found.before.fx_rates(), found.after.fx_rates())
    explanations = []
    for scope, of in _scopes(pairs, policy, days[1] or days[0]):
        earlier, later = (_factors(of, scope.currency, rate) for rate in rates)
        if not chosen(scope) or earlier is None or later is None:
            continue
        first, last = cuts(figure, before, after, lines, (earlier, later), group=scope.kind == "group")
        first, last, mine = _shortened(first, last, by_cell)
        as_of = tuple(known.get(scope.entity) or max(known.values(), default=date.min) for known in days)
        if figure == "lcr":
            tables = [table_on(policy.lcr, day) for day in as_of]
            coverage = [
                CoverageCut(cut, Caps.of_table(table)) for cut, table in zip((first, last), tables, strict=True)
            ]
            explanation = explain_coverage(coverage[0], coverage[1], mine)
        else:
            explanation = explain_funding(first, last, mine)
        explanations.append(ExplainedRatio(scope, (as_of[0], as_of[1]), explanation))
    return explanations


def _parsed(offsets: Mapping[str, int]) -> dict[Place, int]:
    return {parse_place(place): offset for place, offset in offsets.items()}


def _scopes(
    pairs: Sequence[Pair], policy: RatioPolicy, days: Mapping[str, date]
) -> Iterator[tuple[Scope, list[Pair]]]:
    """As `views_ratios.scopes`: pairs, entities, the group."""
    reporting = policy.in_force(max(days.values())).reporting_currency if days else ""
    yield from ((Scope("currency", *pair), [pair]) for pair in pairs)
    groups = [
        ("entity", entity, [pair for pair in pairs if pair[0] == entity]) for entity in sorted({e for e, _ in pairs})
    ]
    for kind, entity, mine in (*groups, ("group", GROUP, list(pairs))):
        currencies = sorted({currency for _, currency in mine})
        if currencies:
            yield Scope(kind, entity, reporting if len(currencies) > 1 else currencies[0]), mine


def _factors(pairs: Sequence[Pair], currency: str, rates: FxRates) -> dict[Pair, Fraction] | None:
    """None: a rate is missing."""
    found = {pair: rates.minor_factor(pair[1], currency) for pair in pairs}
    known = {pair: factor for pair, factor in found.items() if factor is not None}
    return known if len(known) == len(found) else None


def _shortened(before: Cut, after: Cut, by_cell: Mapping[str, Sequence[Movement]]) -> tuple[Cut, Cut, list[Movement]]:
    """Cells of which nothing moved, put together: a book has thousands of days on which nothing happened.

    Movements that no record explains, such as what a requirement lacks, are one unnamed ENTRY.
    """
    cells: tuple[dict[str, Cell], dict[str, Cell]] = ({}, {})
    movements: list[Movement] = []
    resting: dict[tuple[Any, ...], int] = defaultdict(int)
    for name in before.cells.keys() | after.cells.keys():
        first, last = before.cells.get(name), after.cells.get(name)
        known = by_cell.get(name, ())
        if first is not None and last is not None and first.quantity == last.quantity and not known:
            resting[first.tag, last.tag, first.window, last.window, first.price, last.price, first.fx, last.fx] += (
                int(first.quantity)
            )
            continue
        if first is not None:
            cells[0][name] = first
        if last is not None:
            cells[1][name] = last
        change = (0 if last is None else last.quantity) - (0 if first is None else first.quantity)
        left = change - sum(movement.quantity for movement in known)
        movements += known
        if left:
            movements.append(Movement(name, left))
    for at, ((tag0, tag1, window0, window1, price0, price1, fx0, fx1), quantity) in enumerate(resting.items()):
        cells[0][f"resting {at}"] = Cell(tag0, window0, quantity, price0, fx0)
        cells[1][f"resting {at}"] = Cell(tag1, window1, quantity, price1, fx1)
    return Cut(cells[0], before.places), Cut(cells[1], after.places), movements
