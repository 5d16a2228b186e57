"""What transfer prices leave to each contract, line and branch, and what they leave to the treasury (LIQ-44).

The treasury buys all deposits and sells all funds at the transfer rate, so its result is what is left of net interest
income once every margin is taken out: `margins + treasury = net interest income`, whatever the rates are.
Amounts are of one currency for the period; a null transfer rate makes null each sum that it enters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput

Side = Literal["asset", "liability"]

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Deal:
    """A contract with a customer, with its transfer rate."""

    side: Side
    balance: Fraction  # >= 0, the average of the period
    customer_rate: Fraction
    transfer_rate: Fraction | None
    line: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class OwnDeal:
    """What the treasury did itself: wholesale funding, placements, securities. It has no transfer rate."""

    side: Side
    balance: Fraction
    rate: Fraction


@dataclass(frozen=True, slots=True)
class Margin:
    """Of a contract, or of all in a group; positive: it earns."""

    customer_interest: Fraction  # received less paid
    transfer_interest: Fraction | None  # credited for deposits less charged for loans
    asset_margin: Fraction | None
    liability_margin: Fraction | None

    @property
    def total(self) -> Fraction | None:
        return _sum((self.asset_margin, self.liability_margin))


@dataclass(frozen=True, slots=True)
class TransferResult:
    margins: tuple[Margin, ...]  # one a contract, in the order given
    by_line: Mapping[str, Margin]
    by_branch: Mapping[str, Margin]
    total: Margin
    own_deals: Fraction  # interest received less paid on the treasury's own deals

    @property
    def treasury(self) -> Fraction | None:
        """Charged to assets less credited to liabilities, and the own deals."""
        transferred = self.total.transfer_interest
        return None if transferred is None else self.own_deals - transferred

    @property
    def net_interest_income(self) -> Fraction:
        """From the interest alone, without any transfer rate."""
        return self.total.customer_interest + self.own_deals


def transfer_result(
    deals: Sequence[Deal], own_deals: Sequence[OwnDeal] = (), *, year_share: Fraction = Fraction(1)
) -> TransferResult:
    """Margins and the treasury's result for a share of a year.

    Args:
        year_share: of the period, above 0 (1/12 is a month): interest is balance x rate x share.
    Raises:
        InvalidInput: a balance is negative, the share is not above 0; `record` is the place of the deal.
    Source: LIQ-44.
    """
    if year_share <= 0:
        raise InvalidInput("the period must be above 0 years", field="year_share")
    for name, balances in (
        ("contracts", [deal.balance for deal in deals]),
        ("own_deals", [deal.balance for deal in own_deals]),
    ):
        for at, balance in enumerate(balances):
            if balance < 0:
                raise InvalidInput("may not be negative", field=f"{name}[{at}].balance", record=f"{name}[{at}]")
    margins = tuple(_margin(deal, year_share) for deal in deals)
    own = sum((_signed(deal.side, deal.balance * deal.rate * year_share) for deal in own_deals), ZERO)
    return TransferResult(
        margins,
        _grouped([deal.line for deal in deals], margins),
        _grouped([deal.branch for deal in deals], margins),
        _added(margins),
        own,
    )


def _margin(deal: Deal, year_share: Fraction) -> Margin:
    customer = _signed(deal.side, deal.balance * deal.customer_rate * year_share)
    if deal.transfer_rate is None:
        unknown = (None, ZERO) if deal.side == "asset" else (ZERO, None)
        return Margin(customer, None, *unknown)
    transfer = -_signed(deal.side, deal.balance * deal.transfer_rate * year_share)
    margin = customer + transfer
    return Margin(customer, transfer, *((margin, ZERO) if deal.side == "asset" else (ZERO, margin)))


def _grouped(names: Sequence[str], margins: Sequence[Margin]) -> dict[str, Margin]:
    """By name, in the order in which the names first appear."""
    members: dict[str, list[Margin]] = {}
    for name, margin in zip(names, margins, strict=True):
        members.setdefault(name, []).append(margin)
    return {name: _added(found) for name, found in members.items()}


def _added(margins: Sequence[Margin]) -> Margin:
    return Margin(
        sum((margin.customer_interest for margin in margins), ZERO),
        _sum(margin.transfer_interest for margin in margins),
        _sum(margin.asset_margin for margin in margins),
        _sum(margin.liability_margin for margin in margins),
    )


def _sum(amounts: Iterable[Fraction | None]) -> Fraction | None:
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _signed(side: Side, amount: Fraction) -> Fraction:
    return amount if side == "asset" else -amount
