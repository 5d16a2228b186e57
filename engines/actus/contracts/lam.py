"""LAM, Linear Amortizer: the notional comes back in equal parts, interest on what is left.

Source: techspec 7.2. What PAM has is shared; new are PR, IPCB, the states Prnxt and Ipcb, and a maturity that
follows from the redemptions where none is given.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import pam
from engines.actus.contracts.pam import stf_accrue, with_notional
from engines.actus.events import Event, EventType
from engines.actus.states import States
from engines.actus.term_rules import check_amortising

E = EventType

PERIODS_MAX = 10_000

Redemption = Callable[[int, int], float]


def check(context: Context) -> None:
    check_amortising(context)
    terms = context.terms
    if terms.maturity_date is None and not terms.next_principal_redemption_payment:
        raise terms.invalid("maturity_date", "required where no nextPrincipalRedemptionPayment implies one")


# Schedule


def maturity(context: Context) -> int:
    """Md(t0): MD, else the date at which redemptions of PRNXT have brought the notional to 0."""
    terms = context.terms
    if terms.maturity_date is not None:
        return terms.maturity_date
    payment = terms.next_principal_redemption_payment or 0.0
    return implied_maturity(context, lambda start, end: payment)


def implied_maturity(context: Context, redemption: Redemption) -> int:
    """The date of the last of ceil(NT ÷ redemption) redemptions.

    The standard counts them from t^-, the anchor or the last date before t0. From a date yet to come the first one is
    on that date (reference cases lam05, nam15, ann11), so one fewer follows.

    Args:
        redemption: what one period redeems, from its first and last day.
    Raises:
        InvalidInput: a redemption that never ends it.
    """
    terms = context.terms
    cycle = terms.cycle_of_principal_redemption
    if cycle is None:
        raise terms.invalid("cycle_of_principal_redemption", "required where maturityDate is not given")
    first = first_redemption(context)
    passed, last = 0, first
    while cycle.after(first, passed, end_of_month=context.end_of_month) <= terms.status_date:
        last = cycle.after(first, passed, end_of_month=context.end_of_month)
        passed += 1
    following = cycle.after(last, 1, end_of_month=context.end_of_month)
    part = redemption(context.day(last), context.day(following))
    if part <= 0.0:
        raise terms.invalid("next_principal_redemption_payment", "does not exceed the interest: it never redeems")
    remaining = math.ceil(pam.notional_principal(context) / part)
    if remaining > PERIODS_MAX:
        raise terms.invalid("next_principal_redemption_payment", f"more than {PERIODS_MAX} redemptions")
    return cycle.after(first, passed + remaining - 1, end_of_month=context.end_of_month)


def first_redemption(context: Context) -> int:
    """PRANX, else IED + PRCL."""
    terms = context.terms
    anchor = terms.cycle_anchor_date_of_principal_redemption
    if anchor is not None:
        return anchor
    cycle, start = terms.cycle_of_principal_redemption, terms.initial_exchange_date or 0
    return start if cycle is None else cycle.after(start, 1, end_of_month=context.end_of_month)


def redemption_times(context: Context, end: int | None) -> list[int]:
    """t^PR = S(s, PRCL, T, F): all redemptions before the end, which MD redeems."""
    terms = context.terms
    return context.times(
        terms.cycle_anchor_date_of_principal_redemption, terms.cycle_of_principal_redemption, end, with_end=False
    )


def schedule(context: Context) -> list[Event]:
    return [
        *pam.schedule(context),
        *context.events(E.PR, redemption_times(context, context.maturity)),
        *base_events(context),
    ]


def base_events(context: Context) -> list[Event]:
    """IPCB, under NTL."""
    terms = context.terms
    anchor, cycle = terms.cycle_anchor_date_of_interest_calculation_base, terms.cycle_of_interest_calculation_base
    if terms.interest_calculation_base != "NTL" or (anchor is None and cycle is None):
        return []
    return context.events(E.IPCB, context.times(anchor, cycle, context.maturity, with_end=False))


# States


def initial_states(context: Context) -> States:
    return replace(pam.initial_states(context), next_principal_redemption_payment=initial_payment(context))


def initial_payment(context: Context) -> float:
    """Prnxt at t0: PRNXT, else NT in equal parts over the redemptions yet to come, without sign.

    The standard divides two year fractions and rounds up to count them; so do we, in integers (`ceil` of a quotient
    of floats takes one too many where the quotient is whole).
    """
    terms = context.terms
    if terms.next_principal_redemption_payment is not None:
        return terms.next_principal_redemption_payment
    times = [time for time in redemption_times(context, context.maturity) if time > terms.status_date]
    return pam.notional_principal(context) / (len(times) + 1)


# Payoff and state transition functions


def redemption(context: Context, states: States) -> float:
    return context.use(
        "redemption",
        f.linear_redemption,
        context.terms.sign,
        states.next_principal_redemption_payment,
        states.notional_principal,
    )


def pof_pr_lam(context: Context, states: States, event: Event) -> float:
    part = redemption(context, states)
    return context.use("payoff", f.redemption_payoff, context.fx(event), states.notional_scaling_multiplier, part)


def stf_pr_lam(context: Context, states: States, event: Event) -> States:
    moved = stf_accrue(context, states, event)
    notional = context.use("Nt", f.notional_after, states.notional_principal, redemption(context, states))
    return redeemed_to(context, moved, notional)


def redeemed_to(context: Context, states: States, notional: float) -> States:
    """Nt after a redemption of LAM or LAX, and Ipcb.

    Under NTIED the standard holds Ipcb at its first value; in the reference case lam18 each redemption of a LAM sets
    it to what is left. No case shows that of other events or of NAM and ANN, where it stays, as the standard says.
    """
    moved = with_notional(context, states, notional)
    if context.terms.interest_calculation_base != "NTIED":
        return moved
    return replace(moved, interest_calculation_base_amount=notional)


def stf_ipcb_lam(context: Context, states: States, event: Event) -> States:
    moved = stf_accrue(context, states, event)
    return replace(moved, interest_calculation_base_amount=states.notional_principal)


FUNCTIONS = {
    **pam.FUNCTIONS,
    E.PR: (pof_pr_lam, stf_pr_lam),
    E.IPCB: (pam.pof_none, stf_ipcb_lam),
}

CONTRACT = ContractType(
    code="LAM",
    section="7.2 LAM: Linear Amortizer",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=FUNCTIONS,
)
