"""The payoff and state transition formulas of PAM, LAM, NAM and ANN.

Each takes floats or float64 arrays of one shape and uses + - × ÷ and the smaller or greater of two numbers only, in
one fixed order, so that a contract alone and a contract in a portfolio agree bit for bit (decision Q18). None asks
which contract type or convention it serves: the callers choose. Symbols: fx is X, sign is R, year_fraction is Y, base
is Nt for PAM and Ipcb for the amortising types.
Source: ACTUS technical specification 1.1; section names in each formula.
"""

from engines.actus.arithmetic import Numbers, higher_of, lower_of
from engines.actus.formula import formula

MINUS = -1.0


@formula("{accrued} + {year_fraction} × {rate} × {base}", "STF_AD_PAM, STF_PR_LAM: Ipac")
def accrued_interest(accrued: Numbers, year_fraction: Numbers, rate: Numbers, base: Numbers) -> Numbers:
    return accrued + year_fraction * rate * base


@formula("{fee_accrued} + {year_fraction} × {notional} × {fee_rate}", "STF_IP_PAM: Feac, FEB = N")
def fee_accrued_nominal(
    fee_accrued: Numbers, year_fraction: Numbers, notional: Numbers, fee_rate: Numbers
) -> Numbers:
    return fee_accrued + year_fraction * notional * fee_rate


@formula("{elapsed} ÷ {period} × {sign} × {fee_rate}", "STF_IP_PAM: Feac, FEB = A")
def fee_accrued_absolute(elapsed: Numbers, period: Numbers, sign: Numbers, fee_rate: Numbers) -> Numbers:
    return elapsed / period * sign * fee_rate


@formula("{sign} × {notional_principal}", "STF_IED_PAM: Nt; STF_IED_LAM: Ipcb")
def signed_amount(sign: Numbers, notional_principal: Numbers) -> Numbers:
    return sign * notional_principal


@formula("{fx} × {sign} × (−1) × ({notional_principal} + {premium_discount})", "POF_IED_PAM")
def initial_exchange_payoff(
    fx: Numbers, sign: Numbers, notional_principal: Numbers, premium_discount: Numbers
) -> Numbers:
    return fx * sign * MINUS * (notional_principal + premium_discount)


@formula("{fx} × ({notional_scaling} × {notional} + {interest_scaling} × {accrued} + {fee_accrued})", "POF_MD_PAM")
def maturity_payoff(
    fx: Numbers,
    notional_scaling: Numbers,
    notional: Numbers,
    interest_scaling: Numbers,
    accrued: Numbers,
    fee_accrued: Numbers,
) -> Numbers:
    return fx * (notional_scaling * notional + interest_scaling * accrued + fee_accrued)


@formula("{fx} × {prepayment}", "POF_PP_PAM")
def prepayment_payoff(fx: Numbers, prepayment: Numbers) -> Numbers:
    return fx * prepayment


@formula("{notional} − {redemption}", "STF_PR_LAM, STF_PP_PAM: Nt")
def notional_after(notional: Numbers, redemption: Numbers) -> Numbers:
    return notional - redemption


@formula("{fx} × {sign} × {penalty_rate}", "POF_PY_PAM, PYTP = A")
def penalty_payoff_absolute(fx: Numbers, sign: Numbers, penalty_rate: Numbers) -> Numbers:
    return fx * sign * penalty_rate


@formula("{fx} × {sign} × {year_fraction} × {notional} × {penalty_rate}", "POF_PY_PAM, PYTP = N (dictionary: R)")
def penalty_payoff_relative(
    fx: Numbers, sign: Numbers, year_fraction: Numbers, notional: Numbers, penalty_rate: Numbers
) -> Numbers:
    return fx * sign * year_fraction * notional * penalty_rate


@formula("{fx} × {sign} × {year_fraction} × {notional} × max(0, {rate} − {market_rate})", "POF_PY_PAM, PYTP = I")
def penalty_payoff_differential(
    fx: Numbers, sign: Numbers, year_fraction: Numbers, notional: Numbers, rate: Numbers, market_rate: Numbers
) -> Numbers:
    return fx * sign * year_fraction * notional * higher_of(rate - market_rate, 0.0)


@formula("{fx} × {sign} × {fee_rate}", "POF_FP_PAM, FEB = A")
def fee_payoff_absolute(fx: Numbers, sign: Numbers, fee_rate: Numbers) -> Numbers:
    return fx * sign * fee_rate


@formula("{fx} × ({fee_accrued} + {year_fraction} × {notional} × {fee_rate})", "POF_FP_PAM, FEB = N")
def fee_payoff_nominal(
    fx: Numbers, fee_accrued: Numbers, year_fraction: Numbers, notional: Numbers, fee_rate: Numbers
) -> Numbers:
    return fx * (fee_accrued + year_fraction * notional * fee_rate)


@formula(
    "{fx} × {sign} × (−1) × ({price} + {accrued} + {year_fraction} × {rate} × {base})", "POF_PRD_PAM, POF_PRD_LAM"
)
def purchase_payoff(
    fx: Numbers,
    sign: Numbers,
    price: Numbers,
    accrued: Numbers,
    year_fraction: Numbers,
    rate: Numbers,
    base: Numbers,
) -> Numbers:
    return fx * sign * MINUS * (price + accrued + year_fraction * rate * base)


@formula("{fx} × {sign} × ({price} + {accrued} + {year_fraction} × {rate} × {base})", "POF_TD_PAM, POF_TD_LAM")
def termination_payoff(
    fx: Numbers,
    sign: Numbers,
    price: Numbers,
    accrued: Numbers,
    year_fraction: Numbers,
    rate: Numbers,
    base: Numbers,
) -> Numbers:
    return fx * sign * (price + accrued + year_fraction * rate * base)


@formula("{fx} × {interest_scaling} × ({accrued} + {year_fraction} × {rate} × {base})", "POF_IP_PAM, POF_IP_LAM")
def interest_payoff(
    fx: Numbers,
    interest_scaling: Numbers,
    accrued: Numbers,
    year_fraction: Numbers,
    rate: Numbers,
    base: Numbers,
) -> Numbers:
    return fx * interest_scaling * (accrued + year_fraction * rate * base)


@formula("{notional} + ({accrued} + {year_fraction} × {rate} × {base})", "STF_IPCI_PAM, STF_IPCI_LAM: Nt")
def capitalised_notional(
    notional: Numbers, accrued: Numbers, year_fraction: Numbers, rate: Numbers, base: Numbers
) -> Numbers:
    return notional + (accrued + year_fraction * rate * base)


@formula(
    "min(max(min(max({observed} × {multiplier} + {spread}, {rate} + {period_floor}), {rate} + {period_cap}), "
    "{life_floor}), {life_cap})",
    "STF_RR_PAM: Ipnr",
)
def reset_rate(
    observed: Numbers,
    multiplier: Numbers,
    spread: Numbers,
    rate: Numbers,
    period_floor: Numbers,
    period_cap: Numbers,
    life_floor: Numbers,
    life_cap: Numbers,
) -> Numbers:
    """No bound is an infinity; `period_floor` is the greatest fall as a number <= 0.

    Where no period bound bites, the new rate is the fixing itself: rate + (fixing − rate) would differ in the last
    bit, and with it two contracts that reset to one fixing.
    """
    fixing = observed * multiplier + spread
    bounded = lower_of(higher_of(fixing, rate + period_floor), rate + period_cap)
    return lower_of(higher_of(bounded, life_floor), life_cap)


@formula("{index} ÷ {index_at_deal}", "STF_SC_PAM: Nsc, Isc")
def scaling_multiplier(index: Numbers, index_at_deal: Numbers) -> Numbers:
    """The standard prints (index − SCIED) ÷ SCIED, a change; its reference cases and the dictionary scale by the
    ratio of the index to its value at the contract deal date."""
    return index / index_at_deal


@formula("{sign} × min({next_payment}, {sign} × {notional})", "POF_PR_LAM: R × Prnxt, at most what is outstanding")
def linear_redemption(sign: Numbers, next_payment: Numbers, notional: Numbers) -> Numbers:
    """Prnxt of LAM is without sign. No redemption goes beyond what is outstanding (reference case lam25)."""
    return sign * lower_of(next_payment, sign * notional)


@formula(
    "{sign} × min({sign} × ({next_payment} − {accrued}), {sign} × {notional})",
    "POF_PR_NAM: Prnxt − Ipac, at most what is outstanding",
)
def annuity_redemption(sign: Numbers, next_payment: Numbers, accrued: Numbers, notional: Numbers) -> Numbers:
    """Prnxt of NAM and ANN carries the sign. Negative where interest exceeds it: the notional grows."""
    return sign * lower_of(sign * (next_payment - accrued), sign * notional)


@formula("{fx} × {notional_scaling} × {redemption}", "POF_PR_LAM, POF_PR_NAM")
def redemption_payoff(fx: Numbers, notional_scaling: Numbers, redemption: Numbers) -> Numbers:
    return fx * notional_scaling * redemption


@formula("1 + {rate} × {year_fraction}", "techspec 3.8 Annuity Amount Function")
def growth(rate: Numbers, year_fraction: Numbers) -> Numbers:
    """1 + r × Y(t_i, t_i+1) of one period between two redemptions."""
    return 1.0 + rate * year_fraction


def annuity_product(product: Numbers, growth: Numbers) -> Numbers:
    """The running product of the growths, in time order; it begins at 1.0."""
    return product * growth


def annuity_sum(total: Numbers, growth: Numbers) -> Numbers:
    """1 + Σ Π of the annuity function, one more period taken in; it begins at 1.0.

    Σ_i Π_{j>=i} g_j takes a period g in by g × (1 + Σ), so time order needs no second pass.
    """
    return 1.0 + growth * total


@formula(
    "({notional} + {accrued} + {year_fraction} × {rate} × {notional}) × {product} ÷ {total}",
    "techspec 3.8 Annuity Amount Function A(s, T, n, a, r)",
)
def annuity_amount(
    notional: Numbers, accrued: Numbers, year_fraction: Numbers, rate: Numbers, product: Numbers, total: Numbers
) -> Numbers:
    """The instalment that redeems `notional` by the last date, with its sign.

    `a` of the standard is the interest due at the first redemption: what is accrued now and what `year_fraction`,
    from now to then, adds. `product` and `total` come from annuity_product and annuity_sum over the periods after it.
    """
    return (notional + accrued + year_fraction * rate * notional) * product / total
