"""How customers shape the flows of `engines.eve`: core deposits, prepayment and early redemption under a shock.

Caps and multipliers come in as arguments: they are policy data. Not for fitting behaviour to history: that is
`engines.behaviour_fit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.rate_shocks import SCENARIOS


@dataclass(frozen=True, slots=True)
class CoreDeposit:
    core_share_uncapped: Fraction
    core_share: Fraction
    core_balance: Fraction  # reprices over its behavioural maturity, at most the category's cap on average
    overnight_balance: Fraction
    cap_binding: bool


def core_deposit(
    balance: Fraction, stable_share: Fraction, core_share_of_stable: Fraction, core_cap: Fraction
) -> CoreDeposit:
    """Core and overnight parts of non-maturity deposits; they add up to `balance`.

    Args:
        stable_share, core_share_of_stable, core_cap: fractions from 0 to 1.
    Raises:
        InvalidInput: a negative balance or a share outside 0..1.
    Source: BCBS 368 para 111-115, Table 2; SRP31.112 Table 4.
    """
    if balance < 0:
        raise InvalidInput("a balance of deposits is negative", field="balance")
    shares = {"stable_share": stable_share, "core_share_of_stable": core_share_of_stable, "core_cap": core_cap}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InvalidInput("a share must be from 0 to 1", field=name)
    uncapped = stable_share * core_share_of_stable
    share = min(uncapped, core_cap)
    return CoreDeposit(uncapped, share, balance * share, balance * (1 - share), uncapped > core_cap)


def scenario_rates(base_rate: Fraction, multiplier_by_scenario: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """A yearly prepayment or early redemption rate under each scenario: `min(1, multiplier x base rate)`.

    Raises:
        InvalidInput: a rate outside 0..1, a scenario without a multiplier, a negative multiplier.
    Source: BCBS 368 Tables 3 and 4; SRP31.119.
    """
    if not 0 <= base_rate <= 1:
        raise InvalidInput("a base rate must be from 0 to 1", field="base_rate")
    missing = [scenario for scenario in SCENARIOS if multiplier_by_scenario.get(scenario, Fraction(-1)) < 0]
    if missing:
        raise InvalidInput(f"{missing[0]} has no multiplier of 0 or more", field="multiplier")
    return {name: min(Fraction(1), multiplier_by_scenario[name] * base_rate) for name in SCENARIOS}
