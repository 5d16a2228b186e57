"""Inputs of `tidemark calc eve` that value nothing: slots, core deposits, multipliers of customers' behaviour."""

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import Overrides
from api.calculations.rate_fields import placed, policy
from api.calculations.registry import Result
from api.calculations.texts import decimal_text, plain_text
from engines.eve_behaviour import core_deposit, scenario_rates
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import SCENARIOS
from engines.repricing_buckets import REPRICING_BUCKETS, repricing_bucket_by_months

DIGITS = 6


class Slots(Inputs):
    """Buckets of times to repricing; 0 is overnight."""

    months_to_repricing: list[NonNegative]


class Deposit(Inputs):
    category: Name
    balance: NonNegative
    stable_share: Share
    core_share_of_stable: Share
    core_cap: Share | None = Field(default=None, description="default: that of the category")
    average_maturity_cap_years: NonNegative | None = None


class CoreDeposits(Inputs):
    """Core and overnight parts of non-maturity deposits."""

    deposits: list[Deposit]


class Multipliers(Inputs):
    """Yearly prepayment (CPR) and early redemption (TDRR) rates under each scenario."""

    base_cpr: Share
    base_tdrr: Share


def slots(inputs: Slots) -> Result:
    numbers = repricing_bucket_by_months(inputs.months_to_repricing)
    return {
        "slots": [
            {
                "months": plain_text(months),
                "bucket_no": number,
                "midpoint_years": plain_text(REPRICING_BUCKETS[number - 1].midpoint_years),
            }
            for months, number in zip(inputs.months_to_repricing, numbers, strict=True)
        ]
    }


def core_deposits(inputs: CoreDeposits) -> Result:
    overrides = Overrides()
    lines = []
    for place, deposit in enumerate(inputs.deposits):
        record = f"deposits[{place}]"
        table = policy().core_cap.get(deposit.category)
        cap, years = deposit.core_cap, deposit.average_maturity_cap_years
        if table is not None:
            overrides.add(f"{record}.core_cap", cap, table.share, deposit.category)
            years_field = f"{record}.average_maturity_cap_years"
            overrides.add(years_field, years, table.average_maturity_years, deposit.category)
            cap = table.share if cap is None else cap
            years = table.average_maturity_years if years is None else years
        if cap is None:
            message = f"the table has no cap for {deposit.category!r}: give core_cap"
            raise InvalidInput(message, field=f"{record}.core_cap", record=record)
        with placed(record):
            found = core_deposit(deposit.balance, deposit.stable_share, deposit.core_share_of_stable, cap)
        lines.append(
            {
                "category": deposit.category,
                "core_share_uncapped": decimal_text(found.core_share_uncapped, DIGITS),
                "core_share": decimal_text(found.core_share, DIGITS),
                "core_balance": decimal_text(found.core_balance, DIGITS),
                "overnight_balance": decimal_text(found.overnight_balance, DIGITS),
                "cap_binding": found.cap_binding,
                "average_maturity_cap_years": None if years is None else plain_text(years),
            }
        )
    return {"deposits": lines, "overrides": overrides.found}


def multipliers(inputs: Multipliers) -> Result:
    prepaid = scenario_rates(inputs.base_cpr, policy().prepayment_multiplier)
    redeemed = scenario_rates(inputs.base_tdrr, policy().term_deposit_multiplier)
    return {
        "rates": [
            {
                "scenario": name,
                "cpr": decimal_text(prepaid[name], DIGITS),
                "tdrr": decimal_text(redeemed[name], DIGITS),
            }
            for name in SCENARIOS
        ]
    }
