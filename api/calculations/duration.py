"""Calculation `duration`: price, durations, convexity and DV01 of one instrument (reference section 7)."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, NonNegative, PositiveCount, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_or_null, decimal_text, not_computable
from engines.duration import (
    Measures,
    bullet_flows,
    level_payment,
    measures,
    measures_of_dated_flows,
)
from engines.primitives.errors import InvalidInput

AMOUNT_DIGITS, DURATION_DIGITS = 8, 10

Reprice = Callable[[Fraction], Measures]


class _Priced(Inputs):
    """`yield_change` adds what the price would do: repriced, to first order, to second order."""

    yield_: Exact = Field(alias="yield", description="annual, compounded periods_per_year times")
    yield_change: Exact | None = None


class BulletBond(_Priced):
    kind: Literal["bullet_bond"] = "bullet_bond"
    face: NonNegative
    coupon_rate: NonNegative
    periods_per_year: PositiveCount
    periods: PositiveCount


class LevelPaymentLoan(_Priced):
    kind: Literal["level_payment_loan"] = "level_payment_loan"
    principal: NonNegative
    loan_rate: Exact
    periods_per_year: PositiveCount
    periods: PositiveCount


class BulletBondMidPeriod(_Priced):
    """Settlement inside a coupon period: the measures are on the dirty price."""

    kind: Literal["bullet_bond_mid_period"] = "bullet_bond_mid_period"
    face: NonNegative
    coupon_rate: NonNegative
    periods_per_year: PositiveCount
    coupons_left: PositiveCount
    elapsed_fraction_of_period: Share


class DatedFlow(Inputs):
    date: Day
    amount: Exact


class DatedFlows(_Priced):
    """Any flows, of one instrument or a book: time in years is days / 365 from `as_of`."""

    kind: Literal["dated_flows"] = "dated_flows"
    as_of: Day
    flows: list[DatedFlow]
    periods_per_year: PositiveCount = 1


def _bullet_bond(inputs: BulletBond) -> Result:
    flows = bullet_flows(inputs.face, inputs.coupon_rate, inputs.periods_per_year, inputs.periods)
    return _result(inputs, lambda yield_: measures(flows, yield_, inputs.periods_per_year))


def _level_payment_loan(inputs: LevelPaymentLoan) -> Result:
    payment = level_payment(inputs.principal, inputs.loan_rate, inputs.periods_per_year, inputs.periods)
    flows = [payment] * inputs.periods
    found = _result(inputs, lambda yield_: measures(flows, yield_, inputs.periods_per_year))
    return found | {"payment": decimal_text(payment, AMOUNT_DIGITS)}


def _bullet_bond_mid_period(inputs: BulletBondMidPeriod) -> Result:
    flows = bullet_flows(inputs.face, inputs.coupon_rate, inputs.periods_per_year, inputs.coupons_left)
    elapsed = inputs.elapsed_fraction_of_period

    def price(yield_: Fraction) -> Measures:
        return measures(flows, yield_, inputs.periods_per_year, elapsed)

    found = _result(inputs, price)
    accrued = inputs.face * inputs.coupon_rate / inputs.periods_per_year * elapsed
    clean = price(inputs.yield_).price - accrued
    prices = {
        "dirty_price": found.pop("price"),
        "accrued_interest": decimal_text(accrued, AMOUNT_DIGITS),
        "clean_price": decimal_text(clean, AMOUNT_DIGITS),
    }
    return prices | found


def _dated_flows(inputs: DatedFlows) -> Result:
    flows = dated(inputs.flows, inputs.as_of)
    return _result(inputs, lambda yield_: measures_of_dated_flows(flows, yield_, inputs.periods_per_year))


def dated(flows: list[DatedFlow], as_of: date) -> list[tuple[int, Fraction]]:
    """Flows as (days from `as_of`, amount), as the engine takes them."""
    return [((flow.date - as_of).days, flow.amount) for flow in flows]


def _result(inputs: _Priced, price: Reprice) -> Result:
    found = price(inputs.yield_)
    result: Result = {
        "price": decimal_text(found.price, AMOUNT_DIGITS),
        "macaulay_duration": decimal_or_null(found.macaulay, DURATION_DIGITS),
        "modified_duration": decimal_or_null(found.modified, DURATION_DIGITS),
        "convexity": decimal_or_null(found.convexity, DURATION_DIGITS),
        "dv01": decimal_text(found.dv01, DURATION_DIGITS),
    }
    change = inputs.yield_change
    if change is not None:
        try:
            repriced = price(inputs.yield_ + change).price - found.price
        except InvalidInput as error:  # the yield alone was in range
            raise InvalidInput(str(error), field="yield_change") from error
        result["full_reprice_change"] = decimal_text(repriced, AMOUNT_DIGITS)
        result["duration_only_change"] = decimal_text(found.first_order_change(change), AMOUNT_DIGITS)
        result["duration_convexity_change"] = decimal_text(found.second_order_change(change), AMOUNT_DIGITS)
    return result | not_computable(["the price is 0"] if found.macaulay is None else [])


CALCULATION = Calculation(
    "duration",
    "Price, Macaulay and modified duration, convexity and DV01 of one instrument or a list of dated flows.",
    (
        Variant("bullet_bond", BulletBond, _bullet_bond),
        Variant("level_payment_loan", LevelPaymentLoan, _level_payment_loan),
        Variant("bullet_bond_mid_period", BulletBondMidPeriod, _bullet_bond_mid_period),
        Variant("dated_flows", DatedFlows, _dated_flows),
    ),
)
