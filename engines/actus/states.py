"""The state variables of a contract.

Source: techspec 2.4 State Variables; dictionary, states. A type leaves what it does not know at the default.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What a contract knows between two events. Amounts carry the sign of the contract role.

    `status_day` is Sd: the day up to which interest is accrued, in days since 1970-01-01 (`dates.accrual_day`).
    `maturity_date` and `exercise_date` are instants.
    """

    status_day: int
    maturity_date: int | None = None
    notional_principal: float = 0.0
    notional_principal2: float = 0.0
    nominal_interest_rate: float = 0.0
    nominal_interest_rate2: float = 0.0
    accrued_interest: float = 0.0
    accrued_interest1: float = 0.0
    accrued_interest2: float = 0.0
    fee_accrued: float = 0.0
    notional_scaling_multiplier: float = 1.0
    interest_scaling_multiplier: float = 1.0
    next_principal_redemption_payment: float = 0.0
    interest_calculation_base_amount: float = 0.0
    contract_performance: str = "PF"
    exercise_date: int | None = None
    exercise_amount: float | None = None


SYMBOLS = {
    "status_day": "Sd",
    "maturity_date": "Md",
    "notional_principal": "Nt",
    "notional_principal2": "Nt2",
    "nominal_interest_rate": "Ipnr",
    "nominal_interest_rate2": "Ipnr2",
    "accrued_interest": "Ipac",
    "accrued_interest1": "Ipac1",
    "accrued_interest2": "Ipac2",
    "fee_accrued": "Feac",
    "notional_scaling_multiplier": "Nsc",
    "interest_scaling_multiplier": "Isc",
    "next_principal_redemption_payment": "Prnxt",
    "interest_calculation_base_amount": "Ipcb",
    "contract_performance": "Prf",
    "exercise_date": "Xd",
    "exercise_amount": "Xa",
}
