"""Calculation `loan_to_deposit`: RMB loans against RMB deposits, monitored since the legal cap went in 2015."""

from fractions import Fraction
from typing import Literal

from api.calculations.fields import Inputs, NonNegative, Positive
from api.calculations.ratio_results import ratio_keys_or_reason
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, exact_text, percent_text, plain_text
from engines.indicators import loan_to_deposit
from engines.limits import Limit, headroom


class LoanToDeposit(Inputs):
    loans: NonNegative
    deposits: NonNegative
    maximum_pct: Positive = Fraction(75)
    limit_type: Literal["soft", "hard"] = "soft"


def _compute(inputs: LoanToDeposit) -> Result:
    ratio = loan_to_deposit(inputs.loans, inputs.deposits)
    maximum = inputs.maximum_pct / 100
    limit = Limit("loan_to_deposit", "loan_to_deposit", maximum=maximum)
    room = None if ratio.value is None else headroom(ratio.value, limit).value
    return {
        "loans": plain_text(ratio.numerator),
        "deposits": plain_text(ratio.denominator),
        **ratio_keys_or_reason("loan_to_deposit", ratio, "deposits"),
        "maximum_pct": decimal_text(inputs.maximum_pct, 6),
        "limit_type": inputs.limit_type,
        "meets_maximum": ratio.is_at_most(maximum),
        "headroom_pct": percent_text(room),
        "headroom_exact": exact_text(room),
    }


CALCULATION = Calculation(
    "loan_to_deposit",
    "RMB loan-to-deposit ratio and its headroom (LIQ-23).",
    (Variant("default", LoanToDeposit, _compute),),
)
