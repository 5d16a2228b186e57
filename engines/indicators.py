"""Liquidity indicators that are one amount over another: a numerator, a denominator, and nothing rounded.

The supervisor's ratios 22 to 26 and the eight of LIQ-31. A `Ratio` keeps both parts, since ratios of branches and
currencies are never averaged: their parts are added, then divided (LIQ-60). Not for LCR, NSFR and the liquidity
ratio, which weigh lines by factor tables, nor for limits (`engines.limits`) on any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import IntEnum
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput

GAP_WINDOW_DAYS = 90
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two amounts in one unit; `value` is a fraction (0.25 is 25%), null where the denominator is 0."""

    numerator: Fraction
    denominator: Fraction

    @property
    def value(self) -> Fraction | None:
        return self.numerator / self.denominator if self.denominator else None

    def __add__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.numerator + other.numerator, self.denominator + other.denominator)

    def is_at_least(self, minimum: Fraction) -> bool | None:
        """On the exact value, the minimum itself passes; null where there is no value."""
        return None if self.value is None else self.value >= minimum

    def is_at_most(self, maximum: Fraction) -> bool | None:
        return None if self.value is None else self.value <= maximum


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is taken off one side of the liquidity ratio: encumbered assets, a haircut, secured liabilities."""

    side: Literal["asset", "liability"]
    amount: Fraction  # >= 0


def adjusted_liquidity_ratio(
    liquid_assets: Fraction, liquid_liabilities: Fraction, adjustments: Sequence[Adjustment]
) -> Ratio:
    """Liquid assets over liquid liabilities, both less what is not really usable or not really due.

    Args:
        liquid_assets, liquid_liabilities: as in the liquidity ratio, >= 0, one unit.
    Raises:
        InvalidInput: an adjustment is negative, or takes a side below 0.
    Source: LIQ-22.
    """
    left = {"asset": liquid_assets, "liability": liquid_liabilities}
    for at, adjustment in enumerate(adjustments):
        left[adjustment.side] -= adjustment.amount
        if adjustment.amount < 0 or left[adjustment.side] < 0:
            wrong = "is negative" if adjustment.amount < 0 else f"takes off more than the {adjustment.side} side has"
            record = f"adjustments[{at}]"
            raise InvalidInput(f"the adjustment {wrong}", field=f"{record}.amount", record=record)
    return Ratio(left["asset"], left["liability"])


def loan_to_deposit(loans: Fraction, deposits: Fraction) -> Ratio:
    """Total loans over total deposits, of one currency. Source: LIQ-23."""
    return Ratio(loans, deposits)


@dataclass(frozen=True, slots=True)
class WithinWindow:
    """What matures within 90 days, on and off balance; amounts >= 0, one unit."""

    assets: Fraction
    off_balance_assets: Fraction
    liabilities: Fraction
    off_balance_liabilities: Fraction


def liquidity_gap_ratio(due: WithinWindow, *, demand_deposit_core: Fraction = ZERO) -> Ratio:
    """`liquidity_gap_90d` (assets - liabilities: positive is a surplus) over the assets of the window.

    Args:
        demand_deposit_core: the behavioural core to leave out of the liabilities, 0 unless the bank switched it on.
    Raises:
        InvalidInput: the core is negative or above the liabilities on the balance sheet.
    Source: LIQ-24.
    """
    if not 0 <= demand_deposit_core <= due.liabilities:
        message = "the core of demand deposits must be within the liabilities of the window"
        raise InvalidInput(message, field="demand_deposit_core")
    assets = due.assets + due.off_balance_assets
    liabilities = due.liabilities - demand_deposit_core + due.off_balance_liabilities
    return Ratio(assets - liabilities, assets)


@dataclass(frozen=True, slots=True)
class Maturing:
    side: Literal["asset", "liability", "obs_in", "obs_out"]
    amount: Fraction  # >= 0
    contractual: date
    adjusted: date  # to a business day of the currency; the contractual date where no calendar is given


def within_window(
    items: Sequence[Maturing], as_of: date, days: int = GAP_WINDOW_DAYS
) -> tuple[WithinWindow, Fraction]:
    """What matures within `days` of `as_of` (0 <= n <= days), and the overdue total, which is not counted.

    Of its two dates an outflow takes the earlier and an inflow the later: a holiday never moves an outflow out of
    the window, nor an inflow into it.
    Source: LIQ-24; windows decision Q12.
    """
    sums, overdue = {"asset": ZERO, "liability": ZERO, "obs_in": ZERO, "obs_out": ZERO}, ZERO
    for item in items:
        choose = max if item.side in ("asset", "obs_in") else min
        ahead = (choose(item.contractual, item.adjusted) - as_of).days
        if ahead < 0:
            overdue += item.amount
        elif ahead <= days:
            sums[item.side] += item.amount
    return WithinWindow(sums["asset"], sums["obs_in"], sums["liability"], sums["obs_out"]), overdue


def excess_reserve_ratio(
    excess_reserves: Fraction, deposits: Fraction, *, due_from_banks_on_demand: Fraction = ZERO, cash: Fraction = ZERO
) -> Ratio:
    """Reserves above the requirement over total deposits; a shortfall makes it negative.

    RMB counts no cash unless the bank's option says so; foreign currency adds what banks owe on demand, and cash.
    Source: LIQ-26.
    """
    return Ratio(excess_reserves + due_from_banks_on_demand + cash, deposits)


class Liquid(IntEnum):
    """What a higher value means."""

    MORE = 1
    LESS = -1


@dataclass(frozen=True, slots=True)
class Balances:
    """Of one date and scope, one unit, all >= 0."""

    total_assets: Fraction
    cash: Fraction
    due_from_banks: Fraction
    interbank_lent: Fraction
    interbank_borrowed: Fraction
    government_bonds: Fraction
    loans_and_leases: Fraction
    pledged_securities: Fraction
    total_securities: Fraction
    brokered_deposits: Fraction
    total_deposits: Fraction
    core_deposits: Fraction
    demand_deposits: Fraction
    time_deposits: Fraction


#: The eight of LIQ-31 in their order, five of the assets and three of the liabilities.
DIRECTIONS = {
    "cash_position": Liquid.MORE,
    "net_federal_funds": Liquid.MORE,
    "liquid_securities": Liquid.MORE,
    "capacity": Liquid.LESS,
    "pledged_securities": Liquid.LESS,
    "brokered_deposits": Liquid.LESS,
    "core_deposits": Liquid.MORE,
    "deposit_composition": Liquid.LESS,
}


def liquidity_indicators(balances: Balances) -> dict[str, Ratio]:
    """The eight ratios by name, in the order of `DIRECTIONS`.

    `net_federal_funds` is lent less borrowed, so a net borrower shows a negative ratio. `deposit_composition` is
    demand over time deposits, not over the total.
    Raises:
        InvalidInput: a balance is negative.
    Source: LIQ-31.
    """
    for named in fields(balances):
        if getattr(balances, named.name) < 0:
            raise InvalidInput("a balance is negative", field=named.name)
    b = balances
    found = (
        Ratio(b.cash + b.due_from_banks, b.total_assets),
        Ratio(b.interbank_lent - b.interbank_borrowed, b.total_assets),
        Ratio(b.government_bonds, b.total_assets),
        Ratio(b.loans_and_leases, b.total_assets),
        Ratio(b.pledged_securities, b.total_securities),
        Ratio(b.brokered_deposits, b.total_deposits),
        Ratio(b.core_deposits, b.total_assets),
        Ratio(b.demand_deposits, b.time_deposits),
    )
    return dict(zip(DIRECTIONS, found, strict=True))


def liquidity_change(name: str, change: Fraction) -> int:
    """Whether a change of the indicator `name` makes the bank more liquid (1), less (-1), or neither (0)."""
    return DIRECTIONS[name] * ((change > 0) - (change < 0))
