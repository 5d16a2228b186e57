"""Md(t0) of many contracts of one shape, also where it follows from the redemptions (`lam.implied_maturity`)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engines.actus.cycles import Cycle
from engines.actus.portfolio_columns import ABSENT, Columns, Days
from engines.actus.portfolio_schedules import Conventions, Flags, after, passed
from engines.actus.portfolio_shapes import Rows, Shape
from engines.primitives.errors import InvalidInput


def redemption_cycle(shape: Shape) -> Cycle:
    """PRCL; contracts without it are left to the one-contract path."""
    if shape.redemption_cycle is None:
        raise InvalidInput("a redemption cycle is needed here", field="cycleOfPrincipalRedemption")
    return shape.redemption_cycle


def first_redemption(shape: Shape, anchor: Days, start: Days) -> Days:
    """PRANX, else IED + PRCL."""
    return np.where(
        anchor != ABSENT, anchor, after(start, redemption_cycle(shape), 1, end_of_month=shape.end_of_month)
    )


def maturities(columns: Columns, shape: Shape, rows: Rows) -> tuple[Days, Flags]:
    """Md(t0) of each contract, and whether there is one."""
    days = {name: values[rows] for name, values in columns.days.items()}
    maturity = days["maturityDate"]
    if shape.contract_type == "ANN":
        maturity = np.where(maturity == ABSENT, days["amortizationDate"], maturity)
    given = maturity != ABSENT
    if shape.contract_type == "PAM" or given.all():
        return maturity, given
    conventions = Conventions(shape.end_of_month, shape.convention, shape.day_count)
    open_ended = np.flatnonzero(~given)
    number = {name: values[rows[open_ended]] for name, values in columns.numbers.items()}
    payment, notional = number["nextPrincipalRedemptionPayment"], number["notionalPrincipal"]

    def redemption(start: Days, end: Days) -> NDArray[np.float64]:
        if shape.contract_type == "LAM":
            return payment
        axis, last = conventions.axis(conventions.counted(start)), conventions.axis(conventions.counted(end))
        return payment - notional * ((last - axis) / conventions.denominator) * number["nominalInterestRate"]

    first = first_redemption(
        shape, days["cycleAnchorDateOfPrincipalRedemption"][open_ended], days["initialExchangeDate"][open_ended]
    )
    implied, ends = _implied(
        first,
        redemption_cycle(shape),
        days["statusDate"][open_ended],
        notional,
        redemption,
        end_of_month=shape.end_of_month,
    )
    maturity, found = maturity.copy(), given.copy()
    maturity[open_ended], found[open_ended] = implied, ends
    return maturity, found


def _implied(
    first: Days,
    cycle: Cycle,
    status: Days,
    notional: NDArray[np.float64],
    redemption: Callable[[Days, Days], NDArray[np.float64]],
    *,
    end_of_month: bool,
) -> tuple[Days, Flags]:
    """`lam.implied_maturity`, and whether it is one: a redemption that ends, in reasonable time."""
    before = passed(first, cycle, status, end_of_month=end_of_month)
    last = after(first, cycle, np.maximum(before - 1, 0), end_of_month=end_of_month)
    following = after(last, cycle, 1, end_of_month=end_of_month)
    part = redemption(last, following)
    with np.errstate(all="ignore"):
        remaining = np.ceil(notional / part)
    ends = (part > 0.0) & (remaining <= 2_000)
    number = before + np.where(ends, remaining, 1.0).astype(np.int64) - 1
    return after(first, cycle, number, end_of_month=end_of_month), ends
