"""Capital after an extreme market shock, the buffer it asks for, and ways to close the gap (LIQ-50). Exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, check_amount, check_share
from engines.indicators import Ratio


@dataclass(frozen=True, slots=True)
class Bonds:
    """Valued to first order: `modified duration x market value x rise of yield`; a fall is a gain."""

    market_value: Fraction
    modified_duration: Fraction  # years
    yield_rise_bp: Fraction

    @property
    def loss(self) -> Fraction:
        return self.modified_duration * self.market_value * self.yield_rise_bp / 10_000


@dataclass(frozen=True, slots=True)
class Credit:
    exposure: Fraction
    loss_rate: Fraction  # 0..1, of the exposure

    @property
    def loss(self) -> Fraction:
        return self.exposure * self.loss_rate


@dataclass(frozen=True, slots=True)
class StressedCapital:
    bond_losses: tuple[Fraction, ...]  # a gain is negative
    credit_losses: tuple[Fraction, ...]
    loss: Fraction  # before tax
    capital: Fraction
    rwa: Fraction
    target: Fraction  # share of RWA

    @property
    def ratio(self) -> Ratio:
        return Ratio(self.capital, self.rwa)

    @property
    def buffer_needed(self) -> Fraction:
        """`max(0, target x RWA - capital)`: what retained profit or an issue must bring."""
        return max(ZERO, self.target * self.rwa - self.capital)

    @property
    def rwa_to_shrink(self) -> Fraction | None:
        """RWA to give up to keep the target with this capital; null where the target is 0."""
        if not self.target:
            return None
        return min(self.rwa, max(ZERO, self.rwa - self.capital / self.target))


def capital_stress(
    capital: Fraction,
    rwa: Fraction,
    bonds: Sequence[Bonds],
    credits_: Sequence[Credit],
    *,
    tax_rate: Fraction,
    migration: Fraction,
    target: Fraction,
) -> StressedCapital:
    """`capital - loss (1 - tax)` over `RWA (1 + migration)`.

    The tax relief supposes profit to set the loss against; a bank without one gives tax_rate 0. A net gain is taxed.

    Args:
        capital: any sign. rwa, migration: >= 0. tax_rate, target: 0..1.
    Raises:
        InvalidInput: an amount is negative, a share outside 0..1; `record` as `bonds[0]`.
    Source: LIQ-50.
    """
    check_amount(rwa, "rwa")
    check_amount(migration, "migration")
    check_share(tax_rate, "tax_rate")
    check_share(target, "target")
    for at, bond in enumerate(bonds):
        check_amount(bond.market_value, f"bonds[{at}].market_value", f"bonds[{at}]")
        check_amount(bond.modified_duration, f"bonds[{at}].modified_duration", f"bonds[{at}]")
    for at, credit in enumerate(credits_):
        check_amount(credit.exposure, f"exposures[{at}].exposure", f"exposures[{at}]")
        check_share(credit.loss_rate, f"exposures[{at}].loss_rate", f"exposures[{at}]")
    bond_losses, credit_losses = tuple(one.loss for one in bonds), tuple(one.loss for one in credits_)
    loss = sum((*bond_losses, *credit_losses), ZERO)
    return StressedCapital(
        bond_losses, credit_losses, loss, capital - loss * (1 - tax_rate), rwa * (1 + migration), target
    )


def years_to_retain(buffer_needed: Fraction, profit: Fraction, payout: Fraction) -> int | None:
    """Whole years of retained profit that build the buffer; null where nothing is retained.

    Raises:
        InvalidInput: the payout is outside 0..1.
    """
    retained = profit * (1 - check_share(payout, "payout"))
    if not buffer_needed:
        return 0
    return None if retained <= 0 else -int(-buffer_needed // retained)
