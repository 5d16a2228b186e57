"""The treasury's profit and loss: its lines, its path by month, and why it differs between two periods (LIQ-46).

Income is signed: what the treasury receives is positive, what it pays negative. Everything is exact, and effects add
up to the change without residual. Transfer interest comes from `engines.ftp_margins`; not for the margins of lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.balance_sheet_lines import check_length
from engines.primitives.errors import InvalidInput

Kind = Literal["ftp_received", "ftp_paid", "investment", "external_funding"]

#: Whether a kind earns (1) or costs (-1), in the order of the statement.
SIGN_BY_KIND: dict[Kind, int] = {"ftp_received": 1, "ftp_paid": -1, "investment": 1, "external_funding": -1}

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Statement:
    """One period; amounts as they enter the sum, so costs are negative."""

    amount_by_kind: Mapping[Kind, Fraction]
    mark_to_market: Fraction

    @property
    def total(self) -> Fraction:
        return sum(self.amount_by_kind.values(), ZERO) + self.mark_to_market


def mark_to_market(modified_duration: Fraction, market_value: Fraction, yield_change: Fraction) -> Fraction:
    """`-MD x MV x change of yield`, to first order; a loss, so negative, when yields rise. Source: LIQ-46."""
    return -modified_duration * market_value * yield_change


@dataclass(frozen=True, slots=True)
class Effects:
    """Why interest differs from one period to the next; positive: it helped the result."""

    volume: Fraction
    rate: Fraction
    mix: Fraction  # both at once
    days: Fraction  # the periods differ in length

    @property
    def total(self) -> Fraction:
        return self.volume + self.rate + self.mix + self.days

    def plus(self, other: "Effects") -> "Effects":
        return Effects(
            self.volume + other.volume, self.rate + other.rate, self.mix + other.mix, self.days + other.days
        )


NO_EFFECT = Effects(ZERO, ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class Earning:
    """A balance, its annual rate and the share of a year for which it earned."""

    balance: Fraction
    rate: Fraction
    year_share: Fraction = Fraction(1)

    @property
    def interest(self) -> Fraction:
        return self.balance * self.rate * self.year_share


def effects(before: Earning, after: Earning, *, sign: int = 1) -> Effects:
    """`volume = dV r0`, `rate = V0 dr`, `mix = dV dr`, each over the later period; days is the rest, `V0 r0 dt`.

    They add up to `sign x (after.interest - before.interest)` exactly.

    Source: LIQ-46; three effects beyond the seed, the fourth so that months of unlike length leave no residual.
    """
    volume, rate = after.balance - before.balance, after.rate - before.rate
    share = sign * after.year_share
    return Effects(
        volume * before.rate * share,
        before.balance * rate * share,
        volume * rate * share,
        before.balance * before.rate * (after.year_share - before.year_share) * sign,
    )


@dataclass(frozen=True, slots=True)
class Position:
    """Balances by month, average of the month; the rate is fixed, or an index plus a spread."""

    name: str
    kind: Kind
    balances: Sequence[Fraction]  # one a month, >= 0
    rate: Fraction  # the spread where there is an index
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A security marked to market; its yield moves with an index."""

    name: str
    market_values: Sequence[Fraction]  # at the start of each month
    modified_duration: Fraction
    index: str


@dataclass(frozen=True, slots=True)
class Month:
    statement: Statement
    effects_by_position: tuple[Effects, ...]  # against the month before; none in the first
    effects: Effects
    mark_to_market_change: Fraction

    @property
    def change(self) -> Fraction:
        """Of the total against the month before: the effects, and the change of the mark to market."""
        return self.effects.total + self.mark_to_market_change


def forecast(
    year_shares: Sequence[Fraction],
    positions: Sequence[Position],
    holdings: Sequence[Holding] = (),
    rate_path: Mapping[str, Sequence[Fraction]] | None = None,
) -> list[Month]:
    """The statement of each month, and why it differs from the month before.

    Args:
        year_shares: of each month, above 0 (1/12, or days over the year's days).
        positions: transfer-priced books, investments and the funding plan, with a balance for each month.
        rate_path: for each index the rate at the start, then that of each month: one more than there are months.
    Raises:
        InvalidInput: a list is not as long as the months, an index has no path, a balance is negative.
    Source: LIQ-46.
    """
    path = rate_path or {}
    _check(year_shares, positions, holdings, path)
    earnings = [
        [_earning(position, path, year_shares, month) for month in range(len(year_shares))] for position in positions
    ]
    months: list[Month] = []
    for at in range(len(year_shares)):
        amounts: dict[Kind, Fraction] = dict.fromkeys(SIGN_BY_KIND, ZERO)
        for position, own in zip(positions, earnings, strict=True):
            amounts[position.kind] += SIGN_BY_KIND[position.kind] * own[at].interest
        marked = ZERO
        for holding in holdings:
            moved = path[holding.index][at + 1] - path[holding.index][at]
            marked += mark_to_market(holding.modified_duration, holding.market_values[at], moved)
        parts: tuple[Effects, ...] = ()
        change = ZERO
        if at:
            pairs = zip(positions, earnings, strict=True)
            parts = tuple(effects(own[at - 1], own[at], sign=SIGN_BY_KIND[one.kind]) for one, own in pairs)
            change = marked - months[-1].statement.mark_to_market
        months.append(Month(Statement(amounts, marked), parts, total_effects(parts), change))
    return months


def total_effects(parts: Sequence[Effects]) -> Effects:
    total = NO_EFFECT
    for part in parts:
        total = total.plus(part)
    return total


def _earning(
    position: Position, path: Mapping[str, Sequence[Fraction]], year_shares: Sequence[Fraction], month: int
) -> Earning:
    index = ZERO if position.index is None else path[position.index][month + 1]
    return Earning(position.balances[month], index + position.rate, year_shares[month])


def _check(
    year_shares: Sequence[Fraction],
    positions: Sequence[Position],
    holdings: Sequence[Holding],
    path: Mapping[str, Sequence[Fraction]],
) -> None:
    for at, share in enumerate(year_shares):
        if share <= 0:
            raise InvalidInput("must be above 0", field=f"months[{at}].year_share", record=f"months[{at}]")
    for name, rates in path.items():
        check_length(rates, len(year_shares) + 1, f"rate_path.{name}")
    lists = [("positions", "balances", at, one.balances, one.index) for at, one in enumerate(positions)]
    lists += [("holdings", "market_values", at, one.market_values, one.index) for at, one in enumerate(holdings)]
    for kind, name, at, amounts, index in lists:
        record = f"{kind}[{at}]"
        check_length(amounts, len(year_shares), f"{record}.{name}", record)
        if min(amounts, default=ZERO) < 0:
            raise InvalidInput("may not be negative", field=f"{record}.{name}", record=record)
        if index is not None and index not in path:
            raise InvalidInput(f"the rate path has no {index!r}", field=f"{record}.index", record=record)
