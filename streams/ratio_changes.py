"""Why a liquidity ratio moved between two cuts: the parts add up to the move exactly (decision Q9, LIQ-19, LIQ-20).

Joins the cells of both cuts and what moved them; `engines.explain_change` splits and sums. Not for reading logs: that
is `streams.ratio_movements`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from engines.explain_change import Caps, CoverageCut, Explanation, explain_coverage, explain_funding
from engines.explain_lines import Movement
from engines.factor_tables import FactorTable
from infra.snapshots import LogPartition
from streams import outputs, topics
from streams.folders import Folder, source_of
from streams.fx_rates import FxRates
from streams.moved_records import MovedRecords
from streams.past_figures import Logs, parse_place, show_dates, show_state
from streams.ratio_cells import NET, Lines, completed, cuts, quantities
from streams.ratio_items import Figure, Pair
from streams.ratio_movements import Batches, Recorder, check_range
from streams.ratio_policy import RatioPolicy, table_on
from streams.ratio_unwinding import deals_by_pair, unwinding
from streams.resting_cells import shortened
from streams.stored_states import Replay
from streams.views import CUT_KEY, RATIO_TOPICS, SOURCE_TOPIC, RiskView
from streams.views_ratios import GROUP, Scope
from streams.views_wire import Record

Place = tuple[str, int]
EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class TwoCuts:
    """Both views, and everything that moved between them."""

    before: RiskView
    after: RiskView
    moved: MovedRecords


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
    moved = shown_and_rolled(replay.states(logs.all(), start), last, Recorder(batches), earlier, later)
    return TwoCuts(earlier, later, moved)


def shown_and_rolled(
    states: Iterator[tuple[Folder, LogPartition, Any]],
    ends: Mapping[Place, int],
    recorder: Recorder,
    earlier: RiskView,
    later: RiskView,
) -> MovedRecords:
    """Put each state into the earlier view, roll it on, put it into the later one."""
    for folder, where, state in states:
        if state.next_offset:
            _show(earlier, folder, where, state)
        recorder.roll(folder, where, state, ends[where.topic, where.partition])
        _show(later, folder, where, state)
    return recorder.moved


def _show(view: RiskView, folder: Folder, where: LogPartition, state: Any) -> None:
    """As `show_state`; of entries the deposits, and the newest value dates, which may be the entities' dates."""
    if folder.topic != topics.TXN:
        show_state(view, folder, where, state)
        return
    source = source_of(folder, state, where.partition, f"{where.cluster_id}/{where.topic_id}")
    found = [*outputs.deposits(state.depositors.rows(), source)]
    for output in found:
        view.apply(Record(output.topic, where.partition, 0, output.key, output.value))
    cut = outputs.cut(source, 0, len(found), None, folder.newest_event_us(state), folder.statistics(state))
    view.apply(Record(topics.DEPOSIT, where.partition, 0, CUT_KEY, cut))
    newest = view.positions_table.newest_day
    for row in state.positions.cells():
        day = row.value_day + EPOCH_DAY
        if day > newest.get(row.key[0], 0):
            newest[row.key[0]] = day


def explained(
    figure: Figure,
    found: TwoCuts,
    policy: RatioPolicy,
    chosen: Callable[[Scope], bool],
    entries_max: int | None = None,
) -> list[ExplainedRatio]:
    """The ratio of each chosen scope, explained. A scope without a rate at one of the cuts is left out.

    Args:
        entries_max: how many entries are parts of their own, the largest; the others of a line are one. None: all.
    """
    days = tuple(dict(view.as_of(None).by_entity) for view in (found.before, found.after))
    views = (found.before, found.after)
    first_of, last_of = (quantities(figure, view, policy, of) for view, of in zip(views, days, strict=True))
    before = completed(first_of, last_of, found.before, days[0])
    after = completed(last_of, first_of, found.after, days[1])
    lines = (_KeptLines(policy, days[0]), _KeptLines(policy, days[1]))
    by_cell: dict[str, list[Movement]] = defaultdict(list)
    if days[0] != days[1]:
        # What nets over days is one cell without a window: what the new date alone does to it is a roll.
        rolled = quantities(figure, found.before, policy, days[1])
        for name, cell in before.items():
            if name.startswith(NET) and name in rolled and rolled[name].quantity != cell.quantity:
                by_cell[name].append(Movement(name, rolled[name].quantity - cell.quantity, "ROLL"))
    for movement in found.moved.movements:
        by_cell[movement.cell].append(movement)
    pairs = sorted({one.pair for cells in (before, after) for one in cells.values()})
    rates = (found.before.fx_rates(), found.after.fx_rates())
    deals = [deals_by_pair(view, policy, of) for view, of in zip(views, days, strict=True)]
    explanations = []
    for scope, of in _scopes(pairs, policy, days[1] or days[0]):
        earlier, later = (_factors(of, scope.currency, rate) for rate in rates)
        if not chosen(scope) or earlier is None or later is None:
            continue
        first, last = cuts(figure, before, after, lines, (earlier, later), group=scope.kind == "group")
        known = first.cells.keys() | last.cells.keys()
        columns = found.moved.columns(entries_max, known.__contains__)
        first, last, mine = shortened(first, last, by_cell, columns.totals())
        as_of = tuple(known.get(scope.entity) or max(known.values(), default=date.min) for known in days)
        if figure == "lcr":
            tables = [table_on(policy.lcr, day) for day in as_of]
            coverage = [
                CoverageCut(cut, Caps.of_table(table), unwinding(of_cut, factors, table))
                for cut, table, of_cut, factors in zip((first, last), tables, deals, (earlier, later), strict=True)
            ]
            explanation = explain_coverage(coverage[0], coverage[1], mine, columns)
        else:
            explanation = explain_funding(first, last, mine, columns)
        explanations.append(ExplainedRatio(scope, (as_of[0], as_of[1]), explanation))
    return explanations


@dataclass(frozen=True, slots=True)
class _KeptLines(Lines):
    """Looks up each table once: a tag in a window asks for one, and there are thousands."""

    tables: dict[tuple[str, date], FactorTable] = field(default_factory=dict)

    def _table(self, figure: str, day: date) -> FactorTable:
        if (figure, day) not in self.tables:
            self.tables[figure, day] = Lines._table(self, figure, day)
        return self.tables[figure, day]


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
