"""Loans without a maturity of their own: what is observed of them, and the call that ends them (CLM, UMP).

Principal moves when observed (PR, PI). A call (XD) is observed too: interest stops there, and what is owed is paid
`xDayNotice` later, as IP and STD. The standard is silent on the call; reference cases (clm07, clm14) show it.
"""

from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contracts import pam
from engines.actus.contracts.fees import fee_events
from engines.actus.cycles import Cycle
from engines.actus.dates import accrual_day
from engines.actus.events import ORDER, Event, EventType
from engines.actus.formula import formula
from engines.actus.states import States

E = EventType


@formula("{amount}", "POF_PR_UMP: f(e)")
def observed_amount(amount: Numbers) -> Numbers:
    """As observed, with the sign of the flow: positive to the creator of the contract."""
    return amount


@formula("{fx} × {fixed}", "POF_IP_CLM; interest up to the call")
def fixed_interest(fx: Numbers, fixed: Numbers) -> Numbers:
    return fx * fixed


def called(context: Context) -> tuple[int, int] | None:
    """The first call after the status date and the settlement it leads to, if that comes before any maturity."""
    terms = context.terms
    calls = [seen.instant for seen in context.observed_events("XD") if seen.instant > terms.status_date]
    if not calls:
        return None
    settled = calls[0] if terms.x_day_notice is None else terms.x_day_notice.after(calls[0])
    settled = context.shift(settled)
    if terms.maturity_date is not None and settled > terms.maturity_date:
        return None
    return calls[0], settled


def open_end(context: Context) -> int | None:
    """Md(t0) of a loan without maturity: its call, else the last movement of principal observed, else t^max."""
    call = called(context)
    if call is not None:
        return call[0]
    after = context.terms.status_date
    moves = [seen.instant for seen in context.observed_events("PR", "PI") if seen.instant > after]
    if moves:
        return moves[-1]
    return context.terms.termination_date if context.horizon is None else context.horizon


def without_stub(context: Context, cycle: Cycle | None) -> Cycle | None:
    """A schedule that runs to the horizon has no last period to be broken there."""
    return replace(cycle, long_stub=False) if cycle and context.terms.maturity_date is None else cycle


def capitalisation_events(context: Context) -> list[Event]:
    """IPCI on the interest payment cycle, up to but not including Md."""
    terms = context.terms
    if terms.nominal_interest_rate is None:
        return []
    cycle = without_stub(context, terms.cycle_of_interest_payment)
    anchor = terms.cycle_anchor_date_of_interest_payment
    return context.events(E.IPCI, context.times(anchor, cycle, context.maturity, with_end=False))


def has_end(context: Context) -> bool:
    """Whether Md is a day on which the loan ends, and not only how far we look."""
    after = context.terms.status_date
    moves = any(seen.instant > after for seen in context.observed_events("PR", "PI"))
    return context.terms.maturity_date is not None or called(context) is not None or moves


def open_fee_events(context: Context) -> list[Event]:
    """FP; not the one that ends the schedule where that is the horizon and not the loan."""
    return [event for event in fee_events(context) if has_end(context) or event.scheduled != context.maturity]


def principal_events(context: Context) -> list[Event]:
    """PR and PI as observed."""
    return [
        context.event(E(seen.kind), seen.instant, value=seen.value)
        for seen in context.observed_events("PR", "PI")
        if context.maturity is None or seen.instant <= context.maturity
    ]


def call_events(context: Context) -> list[Event]:
    """XD, and the IP and STD that it leads to; they count by the call (Q15)."""
    call = called(context)
    if call is None:
        return []
    exercised, settled = call
    day = accrual_day(settled)
    settlement = [
        Event(kind, settled, settled, day, ORDER[E.XD] + place, trigger=exercised)
        for place, kind in ((1, E.IP), (2, E.STD))
    ]
    return [context.event(E.XD, exercised, facts=settled), *settlement]


def is_open(states: States) -> bool:
    """Whether the loan has not been called: interest runs."""
    return states.exercise_date is None


# Payoff and state transition functions


def pof_ied_clm(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    amount = pam.notional_principal(context)
    return context.use("payoff", f.initial_exchange_payoff, context.fx(event), terms.sign, amount, 0.0)


def pof_observed(context: Context, states: States, event: Event) -> float:
    return context.use("payoff", observed_amount, event.value or 0.0)


def stf_observed(context: Context, states: States, event: Event) -> States:
    """STF_PR_UMP: Nt falls by f(e), which for a principal increase has the other sign."""
    return pam.stf_pp_pam(context, states, event)


def pof_ip_clm(context: Context, states: States, event: Event) -> float:
    if is_open(states):
        return pam.pof_ip_pam(context, states, event)
    fixed = states.accrued_interest if states.exercise_amount is None else states.exercise_amount
    return context.use("payoff", fixed_interest, context.fx(event), fixed)


def stf_ip_clm(context: Context, states: States, event: Event) -> States:
    exercise_amount = None if is_open(states) else 0.0
    return replace(states, accrued_interest=0.0, exercise_amount=exercise_amount, status_day=event.day)


def stf_xd_clm(context: Context, states: States, event: Event) -> States:
    """Interest stops. Where settlement waits for a notice, what has accrued becomes the exercise amount."""
    moved = replace(pam.stf_accrue(context, states, event), exercise_date=event.instant)
    if event.facts == event.instant:
        return moved
    return replace(moved, accrued_interest=0.0, exercise_amount=moved.accrued_interest)


def stf_ad_clm(context: Context, states: States, event: Event) -> States:
    if is_open(states):
        return pam.stf_ce_pam(context, states, event)
    performance = event.facts or states.contract_performance
    return replace(states, status_day=event.day, contract_performance=performance)


FUNCTIONS = {
    E.AD: (pam.pof_none, stf_ad_clm),
    E.CE: (pam.pof_none, stf_ad_clm),
    E.IED: (pof_ied_clm, pam.stf_ied_pam),
    E.PR: (pof_observed, stf_observed),
    E.PI: (pof_observed, stf_observed),
    E.FP: (pam.pof_fp_pam, pam.stf_fp_pam),
    E.PRD: (pam.pof_prd_pam, pam.stf_accrue),
    E.TD: (pam.pof_td_pam, pam.stf_td_pam),
    E.IP: (pof_ip_clm, stf_ip_clm),
    E.IPCI: (pam.pof_none, pam.stf_ipci_pam),
    E.RR: (pam.pof_none, pam.stf_rr_pam),
    E.RRF: (pam.pof_none, pam.stf_rrf_pam),
    E.XD: (pam.pof_none, stf_xd_clm),
    E.STD: (pam.pof_md_pam, pam.stf_md_pam),
    E.MD: (pam.pof_md_pam, pam.stf_md_pam),
}
