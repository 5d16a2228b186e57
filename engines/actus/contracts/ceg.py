"""CEG, Credit Enhancement Guarantee: what a covered contract leaves unpaid at a credit event, for a fee.

Source: techspec 7.17. By the reference cases the coverage counts once, in Nt (guarantee08); Xa remains after the
settlement that pays it; and a fee of basis A that has accrued at the credit event is paid in whole units of currency
(guarantee14; docs/adr/0006).
"""

import math
from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.arithmetic import Numbers
from engines.actus.composite import references
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import enhancement, pam
from engines.actus.contracts.traded import (
    check_prices,
    pof_none,
    pof_prd_stk,
    pof_td_stk,
    settlement_event,
    trade_events,
)
from engines.actus.cycles import schedule as cyclic
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.states import States
from engines.actus.term_rules import require

E = EventType


@formula("{fx} × ({exercise_amount} + {fee_accrued})", "POF_STD_CEG")
def settlement_payoff(fx: Numbers, exercise_amount: Numbers, fee_accrued: Numbers) -> Numbers:
    return fx * (exercise_amount + fee_accrued)


@formula("trunc({fee_accrued})", "reference case guarantee14; the standard does not round")
def whole_units(fee_accrued: float) -> float:
    return float(math.trunc(fee_accrued))


def check(context: Context) -> None:
    enhancement.check_enhancement(context)
    terms = context.terms
    check_prices(terms)
    if terms.notional_principal is None:
        for reference in references(terms, "COVE"):
            if reference.reference_type != "CNT" and terms.guaranteed_exposure != "MV":
                raise terms.invalid("notional_principal", "required where a covered contract is not given in full")
    if terms.fee_rate:
        require(terms, "fee_basis", "day_count_convention")
        if terms.cycle_anchor_date_of_fee is None and terms.cycle_of_fee is not None and not terms.purchase_date:
            raise terms.invalid("cycle_anchor_date_of_fee", "required where there is no purchaseDate to count from")


# Schedule


def schedule(context: Context) -> list[Event]:
    """XD and STD take the place of MD where a credit event triggers; fees end with either."""
    exercised, matures = enhancement.credit_event(context), context.maturity or 0
    fees = context.events(E.FP, fee_times(context, broken=True))
    if exercised is None:
        return [*trade_events(context), *fees, context.event(E.MD, matures)]
    return [
        *trade_events(context),
        *(event for event in fees if event.instant <= exercised),
        context.event(E.XD, exercised),
        settlement_event(context, exercised),
    ]


def fee_times(context: Context, *, broken: bool) -> list[int]:
    """t^FP up to Md, from FEANX or one cycle after PRD; not `broken`: the dates of the cycle, whatever the stub.

    Computed up to Md whether or not a credit event comes first, else a long stub would take back a fee already due.
    """
    terms, cycle = context.terms, context.terms.cycle_of_fee
    anchor = terms.purchase_date if terms.cycle_anchor_date_of_fee is None else terms.cycle_anchor_date_of_fee
    if not terms.fee_rate or anchor is None or (cycle is None and terms.cycle_anchor_date_of_fee is None):
        return []
    end = context.maturity or 0
    if not broken and cycle is not None:
        end, cycle = cycle.after(end), replace(cycle, long_stub=False)
    times = cyclic(anchor, cycle, end, end_of_month=context.end_of_month, with_end=broken)
    return times if terms.cycle_anchor_date_of_fee is not None else times[1:]


# States


def initial_states(context: Context) -> States:
    terms = context.terms
    states = States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        exercise_date=terms.exercise_date,
        exercise_amount=terms.exercise_amount,
    )
    known = terms.notional_principal is not None or enhancement.is_priced(context)
    if known and terms.status_date < (context.maturity or 0) and not is_exercised(context):
        states = replace(states, notional_principal=guaranteed(context, states, None))
    if terms.fee_accrued is not None:
        return replace(states, fee_accrued=terms.fee_accrued)
    earlier = [time for time in fee_times(context, broken=True) if time <= terms.status_date]
    if not earlier or not terms.fee_rate:
        return states
    if terms.fee_basis == "A":
        return replace(states, fee_accrued=fee_of_period(context, states.status_day))
    elapsed = context.year_fraction(context.day(earlier[-1]), states.status_day)
    accrued = f.fee_accrued_nominal(0.0, elapsed, states.notional_principal, terms.fee_rate)
    return replace(states, fee_accrued=accrued)


def is_exercised(context: Context) -> bool:
    """Whether the credit event is past, and only its settlement to come."""
    return context.terms.exercise_date is not None and context.terms.exercise_date <= context.terms.status_date


def guaranteed(context: Context, states: States, event: Event | None) -> float:
    """Nt: CECV × R × NT where NT is given, else of the exposure of the covered contracts at an event, or at t0."""
    terms = context.terms
    if terms.notional_principal is not None:
        if event is not None:
            return states.notional_principal
        return enhancement.covered_exposure(context, terms.notional_principal)
    exposure = enhancement.exposure(context, None if event is None else event.instant)
    return enhancement.covered_exposure(context, exposure)


def fee_accrued(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    if not terms.fee_rate:
        return states.fee_accrued
    if terms.fee_basis == "A":
        return fee_of_period(context, event.day)
    elapsed = pam.fraction(context, states, event)
    before = states.fee_accrued, elapsed, states.notional_principal, terms.fee_rate
    return context.use("Feac", f.fee_accrued_nominal, *before)


def fee_of_period(context: Context, day: int) -> float:
    """Feac of basis A: the part of the running fee period that has passed, times the fee."""
    days = [context.day(time) for time in fee_times(context, broken=False)]
    last = max((each for each in days if each <= day), default=None)
    following = min((each for each in days if each > day), default=None)
    if last is None or following is None:
        return 0.0
    elapsed, period = context.year_fraction(last, day), context.year_fraction(last, following)
    fee = context.terms.fee_rate or 0.0
    return context.use("Feac", f.fee_accrued_absolute, elapsed, period, context.terms.sign, fee)


# Payoff and state transition functions


def pof_std_ceg(context: Context, states: States, event: Event) -> float:
    return context.use(
        "payoff", settlement_payoff, context.fx(event), states.exercise_amount or 0.0, states.fee_accrued
    )


def stf_ad_ceg(context: Context, states: States, event: Event) -> States:
    if states.exercise_date is not None:
        return replace(states, status_day=event.day)
    return replace(states, fee_accrued=fee_accrued(context, states, event), status_day=event.day)


def stf_ce_ceg(context: Context, states: States, event: Event) -> States:
    performance = event.facts or states.contract_performance
    return replace(stf_ad_ceg(context, states, event), contract_performance=performance)


def stf_prd_ceg(context: Context, states: States, event: Event) -> States:
    """Feac stays as at t0: fees run from the purchase on."""
    return replace(states, notional_principal=guaranteed(context, states, event), status_day=event.day)


def stf_fp_ceg(context: Context, states: States, event: Event) -> States:
    notional = guaranteed(context, states, event)
    return replace(states, notional_principal=notional, fee_accrued=0.0, status_day=event.day)


def stf_xd_ceg(context: Context, states: States, event: Event) -> States:
    notional = guaranteed(context, states, event)
    fee = fee_accrued(context, states, event)
    if context.terms.fee_basis == "A":
        fee = context.use("Feac", whole_units, fee)
    return replace(
        states,
        notional_principal=notional,
        fee_accrued=fee,
        exercise_date=event.instant,
        exercise_amount=notional,
        status_day=event.day,
    )


def stf_end_ceg(context: Context, states: States, event: Event) -> States:
    return replace(states, notional_principal=0.0, fee_accrued=0.0, status_day=event.day)


CONTRACT = ContractType(
    code="CEG",
    section="7.17 CEG: Credit Enhancement Guarantee",
    check=check,
    maturity=enhancement.maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_ad_ceg),
        E.CE: (pof_none, stf_ce_ceg),
        E.PRD: (pof_prd_stk, stf_prd_ceg),
        E.TD: (pof_td_stk, stf_end_ceg),
        E.FP: (pam.pof_fp_pam, stf_fp_ceg),
        E.MD: (pof_none, stf_end_ceg),
        E.XD: (pof_none, stf_xd_ceg),
        E.STD: (pof_std_ceg, stf_end_ceg),
    },
)
