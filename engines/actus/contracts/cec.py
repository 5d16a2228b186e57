"""CEC, Credit Enhancement Collateral: at a credit event, what is covered, as far as the collateral goes.

Source: techspec 7.18. By the reference cases Nt is the exposure covered and Xa the smaller of it and the collateral's
value (collateral15). The collateral is valued when a credit event asks for it, at its market object's price times its
quantity; the standard asks for it at t0 too, where the cases have no price.
"""

from dataclasses import replace

from engines.actus.arithmetic import Numbers, lower_of
from engines.actus.composite import child_market_object, child_terms, references
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import enhancement
from engines.actus.contracts.traded import pof_none, settlement_event
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.states import States

E = EventType


@formula("{sum} + {price} × {quantity}", "STF_XD_CEC: Σ v_j")
def collateral_value(sum: Numbers, price: Numbers, quantity: Numbers) -> Numbers:
    return sum + price * quantity


@formula("{sign} × min({collateral}, {sign} × {covered})", "STF_XD_CEC")
def exercise_amount(sign: Numbers, collateral: Numbers, covered: Numbers) -> Numbers:
    return sign * lower_of(collateral, sign * covered)


@formula("{fx} × {exercise_amount}", "POF_STD_CEC")
def settlement_payoff(fx: Numbers, exercise_amount: Numbers) -> Numbers:
    return fx * exercise_amount


def check(context: Context) -> None:
    enhancement.check_enhancement(context)
    terms = context.terms
    if not references(terms, "COVI"):
        raise terms.invalid("contract_structure", "names no covering contract (COVI)")
    for reference in references(terms, "COVI"):
        child_market_object(terms, reference)
    if terms.guaranteed_exposure == "MV":
        return
    for reference in references(terms, "COVE"):
        enhancement.covered(terms, reference)


def schedule(context: Context) -> list[Event]:
    exercised, events = enhancement.credit_event(context), monitoring_events(context)
    if exercised is None:
        return [*events, context.event(E.MD, context.maturity or 0)]
    return [*events, context.event(E.XD, exercised), settlement_event(context, exercised)]


def monitoring_events(context: Context) -> list[Event]:
    return [context.event(E.AD, seen.instant) for seen in context.observed_events("AD")]


def initial_states(context: Context) -> States:
    terms = context.terms
    states = States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        exercise_date=terms.exercise_date,
        exercise_amount=terms.exercise_amount,
    )
    if terms.exercise_date is not None and terms.exercise_date <= terms.status_date:
        return states
    if not enhancement.is_priced(context) or terms.status_date >= (context.maturity or 0):
        return states
    exposure = enhancement.exposure(context, None)
    return replace(states, notional_principal=enhancement.covered_exposure(context, exposure))


def covering_value(context: Context, event: Event) -> float:
    """Σ v_j: what the covering contracts are worth."""
    terms, total = context.terms, 0.0
    for reference in references(terms, "COVI"):
        price = context.risk_factor(child_market_object(terms, reference), event.scheduled)
        quantity = 1.0
        if reference.reference_type == "CNT":
            quantity = child_terms(terms, reference, {}).quantity
        total = context.use("Σ v_j", collateral_value, total, price, quantity)
    return total


def stf_ad_cec(context: Context, states: States, event: Event) -> States:
    if states.exercise_date is not None:
        return replace(states, status_day=event.day)
    notional = enhancement.covered_exposure(context, enhancement.exposure(context, event.instant))
    return replace(states, notional_principal=notional, status_day=event.day)


def stf_xd_cec(context: Context, states: States, event: Event) -> States:
    sign = context.terms.sign
    notional = enhancement.covered_exposure(context, enhancement.exposure(context, event.instant))
    amount = context.use("Xa", exercise_amount, sign, covering_value(context, event), notional)
    return replace(
        states,
        notional_principal=notional,
        exercise_date=event.instant,
        exercise_amount=amount,
        status_day=event.day,
    )


def pof_std_cec(context: Context, states: States, event: Event) -> float:
    return context.use("payoff", settlement_payoff, context.fx(event), states.exercise_amount or 0.0)


def stf_end_cec(context: Context, states: States, event: Event) -> States:
    return replace(states, notional_principal=0.0, status_day=event.day)


CONTRACT = ContractType(
    code="CEC",
    section="7.18 CEC: Credit Enhancement Collateral",
    check=check,
    maturity=enhancement.maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_ad_cec),
        E.MD: (pof_none, stf_end_cec),
        E.XD: (pof_none, stf_xd_cec),
        E.STD: (pof_std_cec, stf_end_cec),
    },
)
