"""Calculation `four_positions`: base, available and lendable position, and the surplus or shortage of a period."""

from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.reserves import FundsChange, four_positions


class Change(Inputs):
    deposits_before: NonNegative
    deposit_change: Exact
    loan_change: Exact
    reserve_ratio_before: Share
    reserve_ratio_after: Share | None = Field(default=None, description="default: unchanged")


class Standing(Inputs):
    central_bank_balance: NonNegative
    required_reserves: NonNegative
    vault_cash: NonNegative
    due_from_banks: NonNegative = Field(description="unencumbered and payable on demand only")
    reserve_limit: NonNegative = Field(description="the minimum operating balance that the bank set")


class Positions(Standing):
    """One currency and organisation; `change` adds the surplus of a period."""

    change: Change | None = None


class ChangeOnly(Inputs):
    """The surplus of a period alone."""

    change: Change


def _of_positions(inputs: Positions) -> Result:
    found = four_positions(
        inputs.central_bank_balance,
        inputs.required_reserves,
        inputs.vault_cash,
        inputs.due_from_banks,
        inputs.reserve_limit,
    )
    result: Result = {
        "excess_reserves": plain_text(found.excess_reserves),
        "base_position": plain_text(found.base),
        "available_position": plain_text(found.available),
        "lendable_position": plain_text(found.lendable),
    }
    return result | (_surplus(inputs.change) if inputs.change else {})


def _of_change(inputs: ChangeOnly) -> Result:
    return _surplus(inputs.change)


def _surplus(change: Change) -> Result:
    before = change.reserve_ratio_before
    after = before if change.reserve_ratio_after is None else change.reserve_ratio_after
    found = FundsChange(change.deposits_before, change.deposit_change, change.loan_change, before, after)
    return {
        "required_reserve_change": plain_text(found.required_reserve_change),
        "surplus": plain_text(found.surplus),
    }


CALCULATION = Calculation(
    "four_positions",
    "Base, available and lendable position, and surplus or shortage of funds (LIQ-07).",
    (Variant("positions", Positions, _of_positions), Variant("change", ChangeOnly, _of_change)),
)
