"""A contingency funding plan, found by simulating it forward, and compared with its alternatives (LIQ-40).

Day by day the surplus over the limit is projected; where it would fall below zero, the sources that can deliver by
then give what is missing, in the order of the strategy. Repayments and their interest come back as needs of a later
day. Money of which nothing is missing stays where it is. Not for who approves and executes: the aggregate does that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from math import ceil

from engines.funding_gates import Draw, Gate, Market, Order, Room, Source, ordered, weighted_cost
from engines.primitives.errors import InvalidInput

HORIZON_DAYS_MAX = 366
LINES_MAX = 1_000  # nobody carries out more, and overnight money of many sources would make tens of thousands
YEAR_DAYS = 365  # repo and interbank money in China: actual/365


@dataclass(frozen=True, slots=True)
class Strategy:
    """In which order sources are used, and which gates at all."""

    name: str
    order: Order = Order.GATE
    gates: frozenset[Gate] = frozenset(Gate)


GATE_ORDER = Strategy("gate_order")
COST_ORDER = Strategy("cost_order", Order.COST)
NOTHING = Strategy("nothing", gates=frozenset())
#: Every plan is compared with these before it is proposed; at a draw in the ranking the earlier one comes first.
STRATEGIES = (
    GATE_ORDER,
    COST_ORDER,
    *(Strategy(f"gate_{gate}_alone", gates=frozenset({gate})) for gate in Gate),
    NOTHING,
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be overcome: the projected surplus over the limit at the end of day 1, 2, …, before any of the
    sources; below 0 is a shortfall. Nothing can be ordered before `start_day`, when the plan is in force."""

    surplus: Sequence[Fraction]
    start_day: int = 0
    year_days: int = YEAR_DAYS
    unit: Fraction | None = None  # draws are rounded down to it and interest up; None: exact

    def check(self) -> None:
        """Raises InvalidInput where nothing can be simulated."""
        if not 1 <= len(self.surplus) <= HORIZON_DAYS_MAX:
            raise InvalidInput(f"want the surplus of 1 to {HORIZON_DAYS_MAX} days", field="surplus")
        if self.start_day < 0:
            raise InvalidInput("the start day may not be negative", field="start_day")
        if self.year_days not in (360, 365, 366):
            raise InvalidInput("a year has 360, 365 or 366 days", field="year_days")
        if self.unit is not None and any(surplus % self.unit for surplus in self.surplus):
            raise InvalidInput("an amount of the outlook is finer than the unit", field="surplus")

    @property
    def shortfall(self) -> Fraction:
        return max(Fraction(0), -min(self.surplus))

    @property
    def first_shortfall_day(self) -> int | None:
        return next((day for day, surplus in enumerate(self.surplus, 1) if surplus < 0), None)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One action: what to raise where, when to order it at the latest, when it must be there."""

    draw: Draw
    needed_on: int
    covered: Fraction  # raised up to and with this line
    capacity_left: Fraction  # of its source
    securities_left: Fraction | None  # free in its pool, market value

    @property
    def order_by(self) -> int:
        return self.needed_on - self.draw.source.lead_days


@dataclass(frozen=True, slots=True)
class PathDay:
    day: int
    before: Fraction  # the outlook
    drawn: Fraction
    repaid: Fraction  # with interest
    after: Fraction  # the surplus with the plan


@dataclass(frozen=True, slots=True)
class Simulation:
    """A strategy played through. `need` is the shortfall and what repayments add to it; `need == raised + residual`.

    `cost` is the interest of the nights within the horizon, the last day's included. `restored_on` is the first day
    from which on the limit is kept to the end; None if it is not kept at the end.
    """

    strategy: Strategy
    lines: tuple[PlanLine, ...]
    path: tuple[PathDay, ...]
    need: Fraction
    raised: Fraction
    cost: Fraction
    left_by_gate: Mapping[Gate, Fraction]
    free_securities_left: Mapping[str, Fraction]

    @property
    def residual(self) -> Fraction:
        return self.need - self.raised

    @property
    def weighted_cost(self) -> Fraction | None:
        return weighted_cost([line.draw for line in self.lines])

    @property
    def uncovered(self) -> Fraction:
        """The deepest the surplus is below zero with the plan, 0 if it never is."""
        return max(Fraction(0), -min(day.after for day in self.path))

    @property
    def days_below(self) -> int:
        return sum(day.after < 0 for day in self.path)

    @property
    def first_day_below(self) -> int | None:
        return next((day.day for day in self.path if day.after < 0), None)

    @property
    def restored_on(self) -> int | None:
        last_below = max((day.day for day in self.path if day.after < 0), default=0)
        return last_below + 1 if last_below < len(self.path) else None


@dataclass(slots=True)
class _Run:
    """What has happened up to a day of the simulation."""

    room: Room
    lines: list[PlanLine] = field(default_factory=list)
    path: list[PathDay] = field(default_factory=list)
    due: dict[int, list[Draw]] = field(default_factory=dict)
    raised: Fraction = Fraction(0)
    repaid: Fraction = Fraction(0)
    need: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)


def simulate(outlook: Outlook, sources: Sequence[Source], market: Market, strategy: Strategy) -> Simulation:
    """Play one strategy through the outlook.

    A source is usable on a day if it delivers by then: `start_day + lead_days <= day`, and its securities are free.
    Each day takes no more than is missing: `min(remaining, capacity)`.
    Raises:
        InvalidInput: no day or too many, a negative start day, a source that `funding_gates.check` refuses, or more
            than LINES_MAX lines.
    Source: LIQ-40; order: decision Q13.
    """
    outlook.check()
    chosen = ordered((source for source in sources if source.gate in strategy.gates), strategy.order)
    run = _Run(Room(sources, market, unit=outlook.unit))
    for day, surplus in enumerate(outlook.surplus, 1):
        repaid = _repay(run, day, outlook)
        run.repaid += repaid
        run.need = max(run.need, run.repaid - surplus)
        missing = max(Fraction(0), run.repaid - surplus - run.raised)
        usable = [source for source in chosen if outlook.start_day + source.lead_days <= day]
        drawn = _draw(run, day, missing, usable, outlook)
        run.path.append(PathDay(day, surplus, drawn, repaid, surplus - run.repaid + run.raised))
    return Simulation(
        strategy,
        tuple(run.lines),
        tuple(run.path),
        run.need,
        run.raised,
        run.cost,
        run.room.capacity_by_gate(sources),
        run.room.free_securities,
    )


class Reason(StrEnum):
    COVERS = "covers the need on every day"
    UNCOVERED = "leaves uncovered at the worst"
    DAYS_BELOW = "days below the limit"
    COSTS_MORE = "costs more than the best that covers as much"
    SAME = "leads to the same draws as a strategy above"


@dataclass(frozen=True, slots=True)
class Ranked:
    """`rank` from 1. Reasons with their figure: an amount, or a number of days for DAYS_BELOW, else 0."""

    rank: int
    simulation: Simulation
    reasons: Mapping[Reason, Fraction]


def compare(outlook: Outlook, sources: Sequence[Source], market: Market) -> tuple[Ranked, ...]:
    """All strategies, best first: the least uncovered, then the fewest days below the limit, then the least cost in
    the horizon, then the fewest securities used up; at a draw in the order of STRATEGIES.

    Raises: as `simulate`.
    Source: LIQ-40; the criteria are ours.
    """
    found = sorted((simulate(outlook, sources, market, strategy) for strategy in STRATEGIES), key=_merit)
    return tuple(Ranked(rank, one, _reasons(one, found[: rank - 1])) for rank, one in enumerate(found, 1))


def _merit(one: Simulation) -> tuple[Fraction, int, Fraction, Fraction]:
    used = sum((line.draw.securities for line in one.lines), Fraction(0))
    return one.uncovered, one.days_below, one.cost, used


def _reasons(one: Simulation, better: Sequence[Simulation]) -> dict[Reason, Fraction]:
    found: dict[Reason, Fraction] = {}
    if one.uncovered:
        found[Reason.UNCOVERED] = one.uncovered
        found[Reason.DAYS_BELOW] = Fraction(one.days_below)
    else:
        found[Reason.COVERS] = Fraction(0)
    alike = next((other for other in better if _merit(other)[:2] == _merit(one)[:2]), None)
    if alike is not None and one.cost > alike.cost:
        found[Reason.COSTS_MORE] = one.cost - alike.cost
    if any(_drawn(other) == _drawn(one) for other in better):
        found[Reason.SAME] = Fraction(0)
    return found


def _drawn(one: Simulation) -> frozenset[tuple[str, Fraction, int]]:
    return frozenset((line.draw.source.name, line.draw.amount, line.needed_on) for line in one.lines)


def _draw(run: _Run, day: int, missing: Fraction, usable: Sequence[Source], outlook: Outlook) -> Fraction:
    drawn = Fraction(0)
    for source in usable:
        if drawn == missing:
            break
        draw = run.room.draw(source, missing - drawn)
        if not draw.amount:
            continue
        drawn += draw.amount
        last = len(outlook.surplus)
        ends = last + 1 if source.tenor_days is None else day + source.tenor_days
        if ends <= last:
            run.due.setdefault(ends, []).append(draw)
        else:
            run.cost += _interest(draw, last - day + 1, outlook)  # a day for each night it is out
        if len(run.lines) == LINES_MAX:
            message = f"the plan would have more than {LINES_MAX} lines: fewer days, sources or short tenors"
            raise InvalidInput(message, field="sources")
        left, free = run.room.capacity(source), run.room.free(source)
        run.lines.append(PlanLine(draw, day, run.raised + drawn, left, free))
    run.raised += drawn
    return drawn


def _repay(run: _Run, day: int, outlook: Outlook) -> Fraction:
    repaid = Fraction(0)
    for draw in run.due.pop(day, ()):
        run.room.give_back(draw)
        interest = _interest(draw, draw.source.tenor_days or 0, outlook)
        run.cost += interest
        repaid += draw.amount + interest
    return repaid


def _interest(draw: Draw, days: int, outlook: Outlook) -> Fraction:
    interest = draw.amount * draw.source.rate * days / outlook.year_days
    return interest if outlook.unit is None else ceil(interest / outlook.unit) * outlook.unit
