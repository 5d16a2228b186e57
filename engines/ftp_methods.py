"""How a contract gets its transfer rate: six methods, what is added to them, and the reserve on deposits (LIQ-44).

Rates are annual fractions, exact save the duration method, which is right to 60 digits. A method gives None where it
would divide by zero (decision Q5). Not for margins: those are `engines.ftp_margins`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from engines.duration import measures_of_dated_flows
from engines.ftp_curve import Curve
from engines.primitives.errors import InvalidInput

Flow = tuple[Fraction, Fraction]  # years from the pricing date, amount

#: A year is cut into at most so many parts: flows in days and months together need 4,380 (365 x 12).
YEAR_PARTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Market:
    """What methods read: curves, index rates and pool rates by name; None is a pool without a rate."""

    curves: Mapping[str, Curve] = field(default_factory=dict)
    index_rates: Mapping[str, Fraction] = field(default_factory=dict)
    pool_rates: Mapping[str, Fraction | None] = field(default_factory=dict)

    def curve(self, name: str) -> Curve:
        if name not in self.curves:
            raise InvalidInput(f"there is no curve {name!r}", field="curve")
        return self.curves[name]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The rate was set when the contract began and holds to its end."""

    agreed_rate: Fraction

    def rate(self, market: Market) -> Fraction:
        return self.agreed_rate


@dataclass(frozen=True, slots=True)
class Pooled:
    """One rate for all that belongs to a pool; a single pool is the case of one pool for the whole bank."""

    pool: str

    def rate(self, market: Market) -> Fraction | None:
        if self.pool not in market.pool_rates:
            raise InvalidInput(f"there is no pool {self.pool!r}", field="pool")
        return market.pool_rates[self.pool]


@dataclass(frozen=True, slots=True)
class MatchedMaturity:
    """The curve at the term of a bullet, or at the time to repricing."""

    curve: str
    tenor_years: Fraction

    def rate(self, market: Market) -> Fraction:
        return market.curve(self.curve).rate(self.tenor_years)


@dataclass(frozen=True, slots=True)
class WeightedByFlows:
    """Each part of the principal at the curve's rate for its term: `sum p t r(t) / sum p t`."""

    curve: str
    flows: Sequence[Flow]

    def rate(self, market: Market) -> Fraction | None:
        curve = market.curve(self.curve)
        weight = sum((years * amount for years, amount in self.flows), Fraction(0))
        weighted = sum((years * amount * curve.rate(years) for years, amount in self.flows), Fraction(0))
        return weighted / weight if weight else None


@dataclass(frozen=True, slots=True)
class MatchedDuration:
    """The curve at the duration: given, or the Macaulay duration of principal and interest at a yield."""

    curve: str
    duration_years: Fraction | None = None
    flows: Sequence[Flow] = ()
    yield_: Fraction | None = None

    def rate(self, market: Market) -> Fraction | None:
        duration = self.duration()
        return None if duration is None else market.curve(self.curve).rate(duration)

    def duration(self) -> Fraction | None:
        """Years; annual compounding. None where the flows are worth nothing."""
        if self.duration_years is not None:
            return self.duration_years
        if self.yield_ is None or not self.flows:
            raise InvalidInput("want a duration, or flows with a yield", field="duration")
        parts = lcm(*(years.denominator for years, _ in self.flows))
        if parts > YEAR_PARTS_MAX:
            raise InvalidInput("the times of the flows have no common part of a year", field="flows")
        counted = [(int(years * parts), amount) for years, amount in self.flows]
        return measures_of_dated_flows(counted, self.yield_, days_per_year=parts).macaulay


@dataclass(frozen=True, slots=True)
class IndexPlusSpread:
    """For what reprices with an index: the index today and the spread agreed when it began."""

    index: str
    spread: Fraction

    def rate(self, market: Market) -> Fraction:
        if self.index not in market.index_rates:
            raise InvalidInput(f"there is no index {self.index!r}", field="index")
        return market.index_rates[self.index] + self.spread


Method = Agreed | Pooled | MatchedMaturity | WeightedByFlows | MatchedDuration | IndexPlusSpread


@dataclass(frozen=True, slots=True)
class AddOns:
    """On top of the base rate, for assets and liabilities alike; the policy add-on may be negative."""

    liquidity_premium: Fraction = Fraction(0)
    option_premium: Fraction = Fraction(0)
    policy: Fraction = Fraction(0)

    @property
    def total(self) -> Fraction:
        return self.liquidity_premium + self.option_premium + self.policy


@dataclass(frozen=True, slots=True)
class RequiredReserve:
    """Of a deposit: the part that goes to the central bank and what it earns there."""

    ratio: Fraction  # 0..1
    rate: Fraction


@dataclass(frozen=True, slots=True)
class TransferRate:
    base: Fraction | None  # None: the method had nothing to divide by
    add_ons: AddOns
    reserve: RequiredReserve | None = None

    @property
    def before_reserve(self) -> Fraction | None:
        return None if self.base is None else self.base + self.add_ons.total

    @property
    def value(self) -> Fraction | None:
        """`FTP (1 - rrr) + rrr x reserve rate`: only what is not locked up can be lent on."""
        rate = self.before_reserve
        if rate is None or self.reserve is None:
            return rate
        return rate * (1 - self.reserve.ratio) + self.reserve.ratio * self.reserve.rate


def transfer_rate(
    method: Method, market: Market, add_ons: AddOns | None = None, reserve: RequiredReserve | None = None
) -> TransferRate:
    """`FTP = base + liquidity premium + option premium + policy`, and what of it is left after the reserve.

    Raises:
        InvalidInput: a curve, index or pool that is not there, a negative tenor, a reserve ratio outside 0..1.
    Source: LIQ-44.
    """
    if reserve is not None and not 0 <= reserve.ratio <= 1:
        raise InvalidInput("want a share from 0 to 1", field="reserve.ratio")
    return TransferRate(method.rate(market), add_ons or AddOns(), reserve)


def pool_rate(members: Iterable[tuple[Fraction, Fraction]]) -> Fraction | None:
    """Average rate of a pool's `(balance, rate)`, weighted by balances; None where the pool is empty."""
    listed = list(members)
    balance = sum((balance for balance, _ in listed), Fraction(0))
    interest = sum((balance * rate for balance, rate in listed), Fraction(0))
    return interest / balance if balance else None
