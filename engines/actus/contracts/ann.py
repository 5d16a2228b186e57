"""ANN, Annuity: one instalment of interest and redemption, such that the notional is gone at the end.

Source: techspec 7.5 and 3.8. As NAM, but the instalment is computed: where none is given, one day before the first
redemption, and again after each rate reset (PRF, as in the reference cases ann16 and ann24). Where one is given, the
text of the standard stands, which knows no PRF: RR and RRF compute it anew themselves.
"""

import math
from dataclasses import replace
from itertools import pairwise

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import lam, nam, pam
from engines.actus.contracts.pam import stf_accrue
from engines.actus.dates import DAY_SECONDS
from engines.actus.events import ORDER, Event, EventType
from engines.actus.states import States
from engines.actus.term_rules import check_amortising, require

E = EventType


def check(context: Context) -> None:
    check_amortising(context)
    terms = context.terms
    require(terms, "nominal_interest_rate")
    if (
        terms.maturity_date is None
        and terms.amortization_date is None
        and not terms.next_principal_redemption_payment
    ):
        raise terms.invalid(
            "maturity_date", "required where neither amortizationDate nor nextPrincipalRedemptionPayment implies one"
        )


# Schedule


def maturity(context: Context) -> int:
    """Md(t0): MD, else the amortisation date AMD, else as NAM."""
    terms = context.terms
    if terms.maturity_date is None and terms.amortization_date is not None:
        return terms.amortization_date
    return nam.maturity(context)


def schedule(context: Context) -> list[Event]:
    return [*nam.schedule(context), *fixing_events(context)]


def fixing_events(context: Context) -> list[Event]:
    """PRF, where no instalment is given: one day before the first redemption, and with each rate reset.

    A first redemption at the initial exchange leaves no room for it: the exchange itself fixes the instalment.
    """
    terms = context.terms
    if terms.next_principal_redemption_payment is not None:
        return []
    resets = pam.rate_events(context)
    events = [context.event(E.PRF, reset.scheduled, shifted=reset.scheduled != context.maturity) for reset in resets]
    start, first = terms.initial_exchange_date or 0, lam.first_redemption(context)
    if start < first < (context.maturity or first):
        before = first - DAY_SECONDS
        fixing = context.event(E.PRF, before)
        if before <= start:
            fixing = context.event(E.PRF, start, order=ORDER[E.IED] + 1)
        events.append(fixing)
    return events


# States


def initial_states(context: Context) -> States:
    """As NAM; Prnxt without PRNXT is the annuity amount of what is outstanding at t0, 0 before the exchange."""
    states = nam.initial_states(context)
    if context.terms.next_principal_redemption_payment is not None or states.notional_principal == 0.0:
        return states
    return replace(
        states, next_principal_redemption_payment=instalment(context, states, (context.terms.status_date, math.inf))
    )


def instalment(context: Context, states: States, place: tuple[float, float]) -> float:
    """A(s, T, n, a, r) at the day of the states, over the redemptions still to come and T, which is AMD if given.

    Args:
        place: instant and order of the fixing: by them, and not by the day, a redemption is still to come. A fixing
            and the redemption after it may count for one day.
    """
    end = context.terms.amortization_date or context.maturity
    if end is None or end <= place[0]:
        return states.next_principal_redemption_payment
    redemptions = context.events(E.PR, lam.redemption_times(context, end))
    days = [*(event.day for event in redemptions if event.place > place), context.day(end)]
    rate, product, total = states.nominal_interest_rate, 1.0, 1.0
    for start, following in pairwise(days):
        period = f.growth(rate, context.year_fraction(start, following))
        product, total = f.annuity_product(product, period), f.annuity_sum(total, period)
    return context.use(
        "Prnxt",
        f.annuity_amount,
        states.notional_principal,
        states.accrued_interest,
        context.year_fraction(states.status_day, days[0]),
        rate,
        product,
        total,
    )


# State transition functions


def stf_ied_ann(context: Context, states: States, event: Event) -> States:
    """STF_IED_LAM; and Prnxt, where a redemption is due at once and no instalment is given."""
    moved = pam.stf_ied_pam(context, states, event)
    if context.terms.next_principal_redemption_payment is not None or lam.first_redemption(context) > event.scheduled:
        return moved
    return replace(moved, next_principal_redemption_payment=instalment(context, moved, event.place))


def stf_rr_ann(context: Context, states: States, event: Event) -> States:
    return fixed_with(context, pam.stf_rr_pam(context, states, event), event)


def stf_rrf_ann(context: Context, states: States, event: Event) -> States:
    return fixed_with(context, pam.stf_rrf_pam(context, states, event), event)


def fixed_with(context: Context, states: States, event: Event) -> States:
    """Prnxt for the new rate, but where a PRF follows and fixes it."""
    if context.terms.next_principal_redemption_payment is None:
        return states
    return replace(states, next_principal_redemption_payment=instalment(context, states, event.place))


def stf_prf_ann(context: Context, states: States, event: Event) -> States:
    moved = stf_accrue(context, states, event)
    return replace(moved, next_principal_redemption_payment=instalment(context, moved, event.place))


FUNCTIONS = {
    **nam.FUNCTIONS,
    E.IED: (pam.pof_ied_pam, stf_ied_ann),
    E.RR: (pam.pof_none, stf_rr_ann),
    E.RRF: (pam.pof_none, stf_rrf_ann),
    E.PRF: (pam.pof_none, stf_prf_ann),
}

CONTRACT = ContractType(
    code="ANN",
    section="7.5 ANN: Annuity",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=FUNCTIONS,
)
