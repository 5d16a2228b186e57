"""Input models of the calculation `interest_trial`: the JSON names of the claim, the parameters and the events."""

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from api.calculations.fields import DIGITS_MAX, Cents, Day, Inputs, NonNegative
from engines.interest_trial_terms import CompoundBase, DayCount, Kind, Order

_RATIO = re.compile(rf"([0-9]{{1,{DIGITS_MAX}}})/([0-9]{{1,{DIGITS_MAX}}})")


def _ratio(value: Any) -> Fraction:
    found = _RATIO.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2]) == 0:
        raise ValueError('want a fraction as text, as "231200/3"')
    return Fraction(int(found[1]), int(found[2]))


Ratio = Annotated[Fraction, PlainValidator(_ratio), WithJsonSchema({"type": "string", "pattern": "^[0-9]+/[0-9]+$"})]


class RunningInput(Inputs):
    """Accrued since the last cut, not rounded: from the `carried` of an earlier trial."""

    interest: Ratio = Fraction(0)
    penalty: Ratio = Fraction(0)
    compound: Ratio = Fraction(0)


class OpeningInput(Inputs):
    """The claim at the start of `day`, after billing if that day is a settlement cut."""

    day: Day
    principal_not_due: Cents = Fraction(0)
    principal_overdue: Cents = Fraction(0)
    interest_billed: Cents = Fraction(0)
    interest_accrued: Cents = Field(default=Fraction(0), description="not billed yet")
    penalty_billed: Cents = Fraction(0)
    penalty_accrued: Cents = Fraction(0)
    compound_billed: Cents = Fraction(0)
    compound_accrued: Cents = Fraction(0)
    costs: Cents = Fraction(0)
    accelerated: bool = Field(default=False, description="all of it fell due before maturity")
    running: RunningInput = Field(default_factory=RunningInput)


class RateInput(Inputs):
    from_day: Day
    rate_pct: NonNegative = Field(description="contract rate, per cent a year: 5.22 is 5.22%")


class ParamsInput(Inputs):
    """Parameters of the trial; the defaults are the usual ones."""

    rates: list[RateInput] = Field(description="days rising; end the list at maturity to freeze the rate")
    maturity: Day | None = Field(description="null: due by instalments or acceleration only")
    day_count: Annotated[DayCount, Field(strict=False)] = DayCount.ACT_360
    penalty_markup_pct: NonNegative = Field(default=Fraction(50), description="on the contract rate, per cent")
    settle_months: list[int] = Field(default=[3, 6, 9, 12])
    settle_day: int = Field(default=20, description="interest is billed at the start of the day after")
    compound_base: Annotated[CompoundBase, Field(strict=False)] = CompoundBase.INTEREST
    order: Annotated[Order, Field(strict=False)] = Order.INTEREST_FIRST
    stop_on: Day | None = Field(default=None, description="nothing accrues from this day on")


class AllocInput(Inputs):
    costs: Cents = Fraction(0)
    principal: Cents = Fraction(0)
    interest: Cents = Fraction(0)
    penalty: Cents = Fraction(0)
    compound: Cents = Fraction(0)


class EventInput(Inputs):
    kind: Annotated[Kind, Field(strict=False)]
    day: Day
    amount: Cents = Field(default=Fraction(0), description="none for acceleration")
    order: Annotated[Order | None, Field(strict=False)] = None
    alloc: AllocInput | None = Field(default=None, description="amounts by component in place of an order")


class JudgmentDebtInput(Inputs):
    from_day: Day
    unpaid: Cents = Field(description="unpaid judgment debt without general interest, from this day on")


class TrialInput(Inputs):
    opening: OpeningInput
    params: ParamsInput
    as_of: Day = Field(description="the chosen day")
    events: list[EventInput] = Field(default=[], description="in recorded order, days not falling")
    delayed_performance: list[JudgmentDebtInput] = Field(default=[])


class DelayedPerformanceInput(Inputs):
    """The double part of delayed-performance interest alone."""

    delayed_performance: list[JudgmentDebtInput] = Field(min_length=1)
    as_of: Day
    stop_on: Day | None = None
