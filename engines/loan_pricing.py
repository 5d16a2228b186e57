"""The least rate at which a loan pays for its funds, its expected loss, its cost and its capital (LIQ-48).

Rates are annual fractions of the balance, exact. Not for the transfer rate itself: that is `engines.ftp_methods`.
"""

from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class PriceFloor:
    """The parts of the price, each a rate on the balance."""

    funds: Fraction
    expected_loss: Fraction
    cost: Fraction
    capital_share: Fraction  # risk weight x target ratio: capital held for a unit of balance
    hurdle_rate: Fraction  # return that capital must earn

    @property
    def capital_charge(self) -> Fraction:
        return self.capital_share * self.hurdle_rate

    @property
    def rate(self) -> Fraction:
        return self.funds + self.expected_loss + self.cost + self.capital_charge

    def surplus(self, offered_rate: Fraction) -> Fraction:
        """Of an offered rate over the floor; negative: it does not earn the hurdle."""
        return offered_rate - self.rate

    def return_on_capital(self, offered_rate: Fraction) -> Fraction | None:
        """Risk-adjusted: what the offered rate leaves after funds, loss and cost, for a unit of capital.

        None where the loan needs no capital.
        """
        if not self.capital_share:
            return None
        return (offered_rate - self.funds - self.expected_loss - self.cost) / self.capital_share


def price_floor(
    transfer_rate: Fraction,
    expected_loss: Fraction,
    cost: Fraction,
    *,
    risk_weight: Fraction,
    target_capital_ratio: Fraction,
    hurdle_rate: Fraction,
) -> PriceFloor:
    """`price = FTP + expected loss + cost + risk weight x target capital ratio x hurdle`.

    Args:
        expected_loss: a year, on the balance (probability of default x loss given default). cost: >= 0.
        risk_weight: 1 is 100%, >= 0. target_capital_ratio: 0..1. hurdle_rate: on capital, a year.
    Raises:
        InvalidInput: a loss, cost or risk weight is negative, the target is outside 0..1.
    Source: LIQ-48, beyond the seed.
    """
    for name, value in (("expected_loss", expected_loss), ("cost", cost), ("risk_weight", risk_weight)):
        if value < 0:
            raise InvalidInput("may not be negative", field=name)
    if not 0 <= target_capital_ratio <= 1:
        raise InvalidInput("want a share from 0 to 1", field="target_capital_ratio")
    return PriceFloor(transfer_rate, expected_loss, cost, risk_weight * target_capital_ratio, hurdle_rate)
