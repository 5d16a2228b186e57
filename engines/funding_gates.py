"""The three gates through which a bank finds money, in their order, and what each can still give (LIQ-39).

Gate 1 is the central bank's standing facilities, gate 2 interbank lines and repo, gate 3 the bond market. Amounts
are exact and of one unit and currency. Not for when money is needed day by day: `contingency_plan` does that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from fractions import Fraction

from engines.primitives.errors import InvalidInput

#: Gate 2 as a whole gives at most this share of total assets.
INTERBANK_SHARE = Fraction(5, 100)
STRESS_AVAILABILITY = Fraction(1, 2)


class Gate(IntEnum):
    CENTRAL_BANK = 1
    INTERBANK = 2
    BOND_MARKET = 3


class Order(StrEnum):
    """`GATE`: gate, then cost, then lead time. `COST`: cost, then lead time, whatever the gate (decision Q13)."""

    GATE = "gate"
    COST = "cost"


class Use(StrEnum):
    """What a source does with its securities."""

    NONE = "none"
    PLEDGE = "pledge"
    SALE = "sale"


@dataclass(frozen=True, slots=True)
class Source:
    """One way to raise money.

    `limit` is what may still be drawn (the undrawn line, the quota left), None where the securities alone bound it.
    `securities` names a pool of free securities that the source pledges or sells: it gives the market value less
    `haircut`. `market_depth` is the market value that the market takes. Lines of gate 2, quotas of gate 3 and the
    depth count with `availability`, in stress with `stress_availability` if that is less; facilities of the central
    bank count in full.
    """

    name: str
    gate: Gate
    rate: Fraction  # cost a year, a fraction
    limit: Fraction | None = None
    lead_days: int = 0
    availability: Fraction = Fraction(1)
    stress_availability: Fraction = STRESS_AVAILABILITY
    securities: str = ""
    use: Use = Use.NONE
    haircut: Fraction = Fraction(0)
    market_depth: Fraction | None = None
    tenor_days: int | None = None  # repaid so many days after it came; None: not within any horizon

    def share_available(self, is_stressed: bool) -> Fraction:
        if self.gate is Gate.CENTRAL_BANK:
            return Fraction(1)
        return min(self.availability, self.stress_availability) if is_stressed else self.availability

    @property
    def action(self) -> str:
        """What one does at this source: draw, repo, borrow, sell or issue."""
        if self.gate is Gate.CENTRAL_BANK:
            return "draw"
        if self.use is Use.SALE:
            return "sell"
        if self.gate is Gate.BOND_MARKET:
            return "issue"
        return "repo" if self.use is Use.PLEDGE else "borrow"


@dataclass(frozen=True, slots=True)
class Market:
    """What all sources share: the free securities by pool (market value), and how far gate 2 reaches."""

    free_securities: Mapping[str, Fraction]
    total_assets: Fraction | None = None  # None: gate 2 has no common cap
    interbank_share: Fraction = INTERBANK_SHARE
    is_stressed: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """Money from one source; `securities` is the market value that is pledged or sold for it."""

    source: Source
    amount: Fraction
    securities: Fraction


class Room:
    """What every source can still give while draws are taken and given back; the one place that keeps the caps.

    With `unit` every amount is a whole multiple of it, rounded down, so that rounding never flatters.
    """

    def __init__(self, sources: Sequence[Source], market: Market, *, unit: Fraction | None = None) -> None:
        check(sources, market)
        self._unit = unit
        self._free = dict(market.free_securities)
        self._limit: dict[str, Fraction] = {}
        self._depth: dict[str, Fraction] = {}
        for source in sources:
            share = source.share_available(market.is_stressed)
            if source.limit is not None:
                self._limit[source.name] = source.limit * share
            if source.market_depth is not None:
                self._depth[source.name] = source.market_depth * share
        self._interbank = None if market.total_assets is None else market.total_assets * market.interbank_share

    @property
    def free_securities(self) -> Mapping[str, Fraction]:
        return dict(self._free)

    def free(self, source: Source) -> Fraction | None:
        """Market value left in the pool of a source; None if it uses none."""
        return self._free[source.securities] if source.securities else None

    def capacity_by_gate(self, sources: Sequence[Source]) -> dict[Gate, Fraction]:
        """What each gate alone could give now. Its sources are drawn one after another, since they may share a
        pool or the cap, and put back."""
        found = {}
        for gate in Gate:
            inside = ordered((source for source in sources if source.gate is gate), Order.GATE)
            draws = [self.draw(source, self.capacity(source)) for source in inside]
            found[gate] = sum((draw.amount for draw in draws), Fraction(0))
            for draw in draws:
                self.undo(draw)
        return found

    def capacity(self, source: Source) -> Fraction:
        limit = self._limit.get(source.name)
        if limit == 0:
            return limit
        bounds = [] if limit is None else [limit]
        if source.use is not Use.NONE:
            value = min(self._free[source.securities], self._depth.get(source.name, self._free[source.securities]))
            bounds.append(value * (1 - source.haircut))
        if source.gate is Gate.INTERBANK and self._interbank is not None:
            bounds.append(self._interbank)
        return self._whole(min(bounds))

    def draw(self, source: Source, wanted: Fraction) -> Draw:
        amount = self._whole(min(wanted, self.capacity(source)))
        securities = Fraction(0) if source.use is Use.NONE else amount / (1 - source.haircut)
        if amount:
            self._move(source, amount, securities)
        return Draw(source, amount, securities)

    def give_back(self, draw: Draw) -> None:
        """The draw was repaid: its line is open again and its pledge free; what was sold stays sold."""
        self._move(draw.source, -draw.amount, -draw.securities if draw.source.use is Use.PLEDGE else Fraction(0))

    def undo(self, draw: Draw) -> None:
        """As if the draw had never been: what was sold is there again too."""
        self._move(draw.source, -draw.amount, -draw.securities)

    def _move(self, source: Source, amount: Fraction, securities: Fraction) -> None:
        if source.name in self._limit:
            self._limit[source.name] -= amount
        if source.name in self._depth:
            self._depth[source.name] -= securities
        if source.use is not Use.NONE:
            self._free[source.securities] -= securities
        if source.gate is Gate.INTERBANK and self._interbank is not None:
            self._interbank -= amount

    def _whole(self, amount: Fraction) -> Fraction:
        return amount if self._unit is None else amount // self._unit * self._unit


def ordered(sources: Iterable[Source], order: Order) -> list[Source]:
    """Sources in the order of use; ties by name, so that the order of the input means nothing."""
    if order is Order.COST:
        return sorted(sources, key=lambda one: (one.rate, one.lead_days, one.gate, one.name))
    return sorted(sources, key=lambda one: (one.gate, one.rate, one.lead_days, one.name))


@dataclass(frozen=True, slots=True)
class Funding:
    draws: tuple[Draw, ...]  # in order of use, none of zero
    unmet: Fraction
    capacity_by_gate: Mapping[Gate, Fraction]  # of each gate alone, before anything is drawn
    too_late: tuple[Source, ...]

    @property
    def weighted_cost(self) -> Fraction | None:
        """Cost a year of the money raised; None if there is none."""
        return weighted_cost(self.draws)


def fund(
    need: Fraction,
    sources: Sequence[Source],
    market: Market,
    *,
    order: Order = Order.GATE,
    within_days: int | None = None,
) -> Funding:
    """Meet a need from the gates: `use = min(remaining, capacity)`, source by source.

    Args:
        need: >= 0, in the unit of the sources.
        within_days: leave out what takes longer; None: time does not matter.
    Raises:
        InvalidInput: see `check`; a negative need.
    Source: LIQ-39; order: decision Q13.
    """
    if need < 0:
        raise InvalidInput("a need may not be negative", field="need")
    in_time = [source for source in sources if within_days is None or source.lead_days <= within_days]
    room, remaining, draws = Room(sources, market), need, []
    capacity = room.capacity_by_gate(in_time)
    for source in ordered(in_time, order):
        draw = room.draw(source, remaining)
        if draw.amount > 0:
            draws.append(draw)
            remaining -= draw.amount
    too_late = tuple(source for source in sources if source not in in_time)
    return Funding(tuple(draws), remaining, capacity, too_late)


def weighted_cost(draws: Sequence[Draw]) -> Fraction | None:
    """`sum of amount x rate / sum of amount`; None if nothing is drawn."""
    total = sum((draw.amount for draw in draws), Fraction(0))
    return sum((draw.amount * draw.source.rate for draw in draws), Fraction(0)) / total if total else None


def check(sources: Sequence[Source], market: Market) -> None:
    """Raises InvalidInput naming the source and the field that cannot be."""
    names: set[str] = set()
    for at, source in enumerate(sources):
        message = _fault(source, market)
        if source.name in names:
            message = "name", f"{source.name!r} stands twice"
        names.add(source.name)
        if message:
            record = f"sources[{at}]"
            raise InvalidInput(message[1], field=f"{record}.{message[0]}", record=record)
    for pool, value in market.free_securities.items():
        if value < 0:
            raise InvalidInput(f"the free securities {pool!r} are negative", field="securities")
    if (market.total_assets is not None and market.total_assets < 0) or not 0 <= market.interbank_share <= 1:
        raise InvalidInput("want total assets >= 0 and a share of 0 to 1", field="total_assets")


def _fault(source: Source, market: Market) -> tuple[str, str] | None:
    shares = (source.availability, source.stress_availability)
    found = {
        "name": not source.name and "is empty",
        "securities": (source.use is Use.NONE) == bool(source.securities) and "and its use stand together",
        "limit": source.limit is not None and source.limit < 0 and "may not be negative",
        "lead_days": source.lead_days < 0 and "may not be negative",
        "tenor_days": source.tenor_days is not None and source.tenor_days < 1 and "is at least one day",
        "availability": any(not 0 <= share <= 1 for share in shares) and "is a share of 0 to 1",
        # At a haircut of one nothing is raised, and the market value for an amount would not exist.
        "haircut": not 0 <= source.haircut < 1 and "is from 0 to below 1",
        "market_depth": source.market_depth is not None and source.market_depth < 0 and "may not be negative",
    }
    if source.securities and source.securities not in market.free_securities:
        found["securities"] = "names no pool of free securities"
    if source.limit is None and not source.securities:
        found["limit"] = "is needed where no securities bound the source"
    return next(((field, text) for field, text in found.items() if text), None)
