"""What another transfer curve would do to new loans and deposits and to the treasury, before it is out (LIQ-45).

Two answers: with customer prices and volumes as they are, a curve only moves income between lines and treasury; with
reaction, customers are given a part of the change and answer with volume. Not for the book that is there: its
transfer rates were fixed when it began.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engines.ftp_margins import Deal, OwnDeal, Side, TransferResult, transfer_result
from engines.ftp_methods import AddOns, Market, Method, RequiredReserve, transfer_rate
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class NewBusiness:
    side: Side
    volume: Fraction  # >= 0
    customer_rate: Fraction
    method: Method
    add_ons: AddOns | None = None
    reserve: RequiredReserve | None = None
    pass_through: Fraction = Fraction(0)  # of a change of the transfer rate to the customer; 1: all of it
    elasticity: Fraction = Fraction(0)  # relative change of volume for a unit of customer rate: -8 is -8% per 100 bp
    line: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The same business under the base and under the trial curve; changes are trial less base."""

    before: tuple[Deal, ...]
    after: tuple[Deal, ...]
    base: TransferResult
    trial: TransferResult

    @property
    def net_volume_change(self) -> Fraction:
        """Of loans less deposits: positive is to be funded."""
        return _net(self.after) - _net(self.before)

    @property
    def margin_changes(self) -> tuple[Fraction, ...]:
        """One a line of business, in the order given."""
        pairs = zip(self.base.margins, self.trial.margins, strict=True)
        return tuple(_difference(after.total, before.total) for before, after in pairs)

    @property
    def interest_changes(self) -> tuple[Fraction, ...]:
        """Of what customers pay or are paid: more paid to depositors is negative."""
        pairs = zip(self.base.margins, self.trial.margins, strict=True)
        return tuple(after.customer_interest - before.customer_interest for before, after in pairs)

    @property
    def margin_change_by_line(self) -> dict[str, Fraction]:
        lines = self.base.by_line.items()
        return {name: _difference(self.trial.by_line[name].total, before.total) for name, before in lines}

    @property
    def margin_change(self) -> Fraction:
        return _difference(self.trial.total.total, self.base.total.total)

    @property
    def treasury_change(self) -> Fraction:
        return _difference(self.trial.treasury, self.base.treasury)

    @property
    def net_interest_income_change(self) -> Fraction:
        return self.trial.net_interest_income - self.base.net_interest_income


@dataclass(frozen=True, slots=True)
class Simulation:
    without_reaction: Outcome
    with_reaction: Outcome


def simulate_curve(
    business: Sequence[NewBusiness], base: Market, trial: Market, *, balancing_rate: Fraction = Fraction(0)
) -> Simulation:
    """A year of the new business under two markets.

    With reaction `customer' = customer + pass-through x change of the transfer rate` and
    `V' = V (1 + elasticity x change of the customer rate)`. In both answers margins and treasury add up to net
    interest income.

    Args:
        base, trial: the published market and the one to try.
        balancing_rate: at which the treasury funds, or places, the net change of volume; at 0 that change is free.
    Raises:
        InvalidInput: as `transfer_rate`; a negative volume, or one that the reaction takes below 0; flows that give
            no rate. `record` is the place of the business.
    Source: LIQ-45; the reaction is beyond the seed.
    """
    before, same, reacted = [], [], []
    for at, line in enumerate(business):
        record = f"new_business[{at}]"
        if line.volume < 0:
            raise InvalidInput("may not be negative", field=f"{record}.volume", record=record)
        old, new = (_rate(line, market, record) for market in (base, trial))
        customer_change = line.pass_through * (new - old)
        volume = line.volume * (1 + line.elasticity * customer_change)
        if volume < 0:
            message = "the reaction takes the volume below 0"
            raise InvalidInput(message, field=f"{record}.elasticity", record=record)
        deal = Deal(line.side, line.volume, line.customer_rate, old, line.line)
        moved = replace(deal, transfer_rate=new)
        before.append(deal)
        same.append(moved)
        reacted.append(replace(moved, balance=volume, customer_rate=line.customer_rate + customer_change))
    return Simulation(_outcome(before, same, balancing_rate), _outcome(before, reacted, balancing_rate))


def _outcome(before: Sequence[Deal], after: Sequence[Deal], balancing_rate: Fraction) -> Outcome:
    to_fund = _net(after) - _net(before)
    balancing = OwnDeal("liability" if to_fund > 0 else "asset", abs(to_fund), balancing_rate)
    return Outcome(tuple(before), tuple(after), transfer_result(before), transfer_result(after, [balancing]))


def _rate(line: NewBusiness, market: Market, record: str) -> Fraction:
    try:
        rate = transfer_rate(line.method, market, line.add_ons, line.reserve).value
    except InvalidInput as error:
        named = str(error.facts.get("field", "method"))
        raise InvalidInput(str(error), field=f"{record}.{named}", record=record) from error
    if rate is None:
        raise InvalidInput("its flows give no transfer rate", field=f"{record}.method", record=record)
    return rate


def _difference(after: Fraction | None, before: Fraction | None) -> Fraction:
    assert after is not None  # noqa: S101 - no business is priced without a rate
    assert before is not None  # noqa: S101
    return after - before


def _net(deals: Sequence[Deal]) -> Fraction:
    return sum((deal.balance if deal.side == "asset" else -deal.balance for deal in deals), Fraction(0))
