"""NAM, Negative Amortizer: a fixed payment that covers interest first; what is left redeems the notional.

Where interest exceeds the payment, the notional grows.

Source: techspec 7.4. Interest follows the redemption cycle from the first redemption on.
"""

from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import lam, pam
from engines.actus.contracts.pam import accrued, stf_accrue, with_notional
from engines.actus.events import Event, EventType
from engines.actus.states import States
from engines.actus.term_rules import check_amortising, require

E = EventType


def check(context: Context) -> None:
    check_amortising(context)
    require(context.terms, "next_principal_redemption_payment", "nominal_interest_rate")


# Schedule


def maturity(context: Context) -> int:
    """Md(t0): MD, else the date at which payments of PRNXT, less one period's interest on NT, have redeemed NT."""
    terms = context.terms
    if terms.maturity_date is not None:
        return terms.maturity_date
    payment, notional = terms.next_principal_redemption_payment or 0.0, pam.notional_principal(context)
    rate = terms.nominal_interest_rate or 0.0
    return lam.implied_maturity(
        context, lambda start, end: payment - notional * context.year_fraction(start, end) * rate
    )


def schedule(context: Context) -> list[Event]:
    return [
        *pam.life_events(context),
        *pam.interest_events(context, interest_times(context)),
        *pam.rate_events(context),
        *context.events(E.PR, lam.redemption_times(context, context.maturity)),
        *lam.base_events(context),
    ]


def interest_times(context: Context) -> list[int]:
    """t^IP = (u, v): the interest cycle up to one period before the first redemption s, then the redemption cycle.

    u ends at T = s − PRCL, which belongs to it when the interest anchor is not after it.
    """
    terms = context.terms
    if terms.nominal_interest_rate is None:
        return []
    cycle = terms.cycle_of_principal_redemption
    paid = context.times(
        terms.cycle_anchor_date_of_principal_redemption, terms.cycle_of_principal_redemption, context.maturity
    )
    anchor, own_cycle = terms.cycle_anchor_date_of_interest_payment, terms.cycle_of_interest_payment
    if anchor is None and own_cycle is None:
        return paid
    first = lam.first_redemption(context)
    end = first - 1 if cycle is None else cycle.after(first, -1, end_of_month=context.end_of_month)
    start = anchor
    if start is None and own_cycle is not None:
        start = own_cycle.after(terms.initial_exchange_date or 0, 1, end_of_month=context.end_of_month)
    if start is None or start > end:
        return paid
    before = context.times(anchor, own_cycle, end, with_end=cycle is not None)
    return sorted({*before, *paid})


# States


def initial_states(context: Context) -> States:
    terms = context.terms
    states = pam.initial_states(context)
    payment = f.signed_amount(terms.sign, terms.next_principal_redemption_payment or 0.0)
    states = replace(states, next_principal_redemption_payment=payment)
    return replace(states, accrued_interest=pam.initial_accrued_interest(context, states, interest_times(context)))


# Payoff and state transition functions


def redemption(context: Context, states: States, event: Event) -> float:
    return context.use(
        "redemption",
        f.annuity_redemption,
        context.terms.sign,
        states.next_principal_redemption_payment,
        accrued(context, states, event),
        states.notional_principal,
    )


def pof_pr_nam(context: Context, states: States, event: Event) -> float:
    part = redemption(context, states, event)
    return context.use("payoff", f.redemption_payoff, context.fx(event), states.notional_scaling_multiplier, part)


def stf_pr_nam(context: Context, states: States, event: Event) -> States:
    moved = stf_accrue(context, states, event)
    part = redemption(context, states, event)
    notional = context.use("Nt", f.notional_after, states.notional_principal, part)
    return with_notional(context, moved, notional)


FUNCTIONS = {**lam.FUNCTIONS, E.PR: (pof_pr_nam, stf_pr_nam)}

CONTRACT = ContractType(
    code="NAM",
    section="7.4 NAM: Negative Amortizer",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=FUNCTIONS,
)
