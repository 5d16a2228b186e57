"""Reserves at the central bank and the four positions of the treasury (LIQ-10, LIQ-07).

All amounts in one currency and unit. Not for the live position of entries: that is a projection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class FourPositions:
    """Positive is surplus, negative is shortage."""

    excess_reserves: Fraction  # central-bank balance above the requirement
    base: Fraction  # with vault cash
    available: Fraction  # with what banks owe on demand
    lendable: Fraction  # above the bank's own minimum operating balance


def four_positions(
    central_bank_balance: Fraction,
    required_reserves: Fraction,
    vault_cash: Fraction,
    due_from_banks: Fraction,
    reserve_limit: Fraction,
) -> FourPositions:
    """Base, available and lendable position.

    Args:
        due_from_banks: unencumbered and payable on demand only.
        reserve_limit: the minimum operating balance that the bank set itself.
    Source: LIQ-07.
    """
    excess = central_bank_balance - required_reserves
    base = excess + vault_cash
    available = base + due_from_banks
    return FourPositions(excess, base, available, available - reserve_limit)


@dataclass(frozen=True, slots=True)
class FundsChange:
    """A period's change of deposits and loans; the required-reserve ratio may change with it."""

    deposits_before: Fraction
    deposit_change: Fraction
    loan_change: Fraction
    reserve_ratio_before: Fraction
    reserve_ratio_after: Fraction

    @property
    def required_reserve_change(self) -> Fraction:
        """`r1 D1 - r0 D0`: a higher ratio falls on all deposits, not on the new ones only."""
        deposits_after = self.deposits_before + self.deposit_change
        return self.reserve_ratio_after * deposits_after - self.reserve_ratio_before * self.deposits_before

    @property
    def surplus(self) -> Fraction:
        """Deposits gathered less loans granted less reserves to place: negative is a shortage. Source: LIQ-07."""
        return self.deposit_change - self.loan_change - self.required_reserve_change


@dataclass(frozen=True, slots=True)
class Reserve:
    central_bank_balance: Fraction
    required: Fraction
    deposits: Fraction

    @property
    def excess(self) -> Fraction:
        """Negative: the requirement is not met."""
        return self.central_bank_balance - self.required

    @property
    def excess_ratio(self) -> Ratio:
        return Ratio(self.excess, self.deposits)


Action = Literal["PLACE", "RAISE", "HOLD"]


def reserve_action(reserve: Reserve, low: Fraction, high: Fraction) -> tuple[Action, Fraction] | None:
    """What brings the excess ratio back into the corridor, its edges included, and the amount that just does.

    Returns:
        The action and an amount >= 0; null where the ratio has no value.
    Raises:
        InvalidInput: the corridor's low edge is above its high edge.
    Source: LIQ-10.
    """
    if low > high:
        raise InvalidInput("the corridor's low edge is above its high edge", field="corridor.low")
    ratio = reserve.excess_ratio.value
    if ratio is None:
        return None
    if ratio < low:
        return "RAISE", low * reserve.deposits - reserve.excess
    if ratio > high:
        return "PLACE", reserve.excess - high * reserve.deposits
    return "HOLD", Fraction(0)


def needed_average(
    required_average: Fraction, balances: Sequence[Fraction], maintenance_days: int, *, path: str = ""
) -> Ratio:
    """The average to hold on the days left so that the whole period averages `required_average`.

    The numerator is the sum still to be held, the denominator the days left: with none left there is no average.
    Zero or less: the requirement is met already.
    Args:
        path: where the caller's input holds `balances`, for the error: as "averaging.".
    Raises:
        InvalidInput: more balances than the maintenance period has days.
    Source: LIQ-10.
    """
    left = maintenance_days - len(balances)
    if left < 0:
        raise InvalidInput("more balances than the period has days", field=f"{path}balances")
    return Ratio(maintenance_days * required_average - sum(balances, Fraction(0)), Fraction(left))
