"""SWPPV, Plain Vanilla Interest Rate Swap: a fixed rate (IPNR) against a floating one (IPNR2, then reset).

Delivered (deliverySettlement D), each leg's interest is a flow of its own, IPFX and IPFL; settled in cash (S), their
difference is one flow, IP. The rate shown is the floating one.
Source: techspec 7.12. Nt carries the role sign already, so that the payoffs, printed with R, take it once (swppv04).
The accrued interest shown is the difference of the legs when they are netted, and the fixed leg's when both are
delivered (swppv14); a termination pays its price without role sign (swppv13).
"""

from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import pam
from engines.actus.contracts.traded import check_prices, pof_prd_stk, pof_td_plain, trade_events
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.states import States
from engines.actus.term_rules import require

E = EventType


@formula("{fx} × ({accrued} + {year_fraction} × ({rate} − {floating_rate}) × {notional})", "POF_IP_SWPPV")
def net_interest(
    fx: Numbers, accrued: Numbers, year_fraction: Numbers, rate: Numbers, floating_rate: Numbers, notional: Numbers
) -> Numbers:
    return fx * (accrued + year_fraction * (rate - floating_rate) * notional)


@formula("{fx} × ({accrued} + {year_fraction} × {rate} × {notional})", "POF_IP(fix)_SWPPV")
def fixed_interest(
    fx: Numbers, accrued: Numbers, year_fraction: Numbers, rate: Numbers, notional: Numbers
) -> Numbers:
    return fx * (accrued + year_fraction * rate * notional)


@formula("{fx} × (−1) × ({accrued} + {year_fraction} × {floating_rate} × {notional})", "POF_IP(var)_SWPPV")
def floating_interest(
    fx: Numbers, accrued: Numbers, year_fraction: Numbers, floating_rate: Numbers, notional: Numbers
) -> Numbers:
    return fx * MINUS * (accrued + year_fraction * floating_rate * notional)


@formula("{fixed} − {floating}", "STF_AD_SWPPV: Ipac")
def net_accrued(fixed: Numbers, floating: Numbers) -> Numbers:
    return fixed - floating


def check(context: Context) -> None:
    terms = context.terms
    require(terms, "contract_role", "currency", "initial_exchange_date", "maturity_date", "notional_principal")
    require(terms, "nominal_interest_rate", "nominal_interest_rate2", "day_count_convention")
    check_prices(terms)
    if (terms.maturity_date or 0) <= (terms.initial_exchange_date or 0):
        raise terms.invalid("maturity_date", "must be after initialExchangeDate")
    resets = terms.cycle_of_rate_reset is not None or terms.cycle_anchor_date_of_rate_reset is not None
    if resets and (terms.next_reset_rate is None or terms.cycle_of_rate_reset is not None):
        require(terms, "market_object_code_of_rate_reset")


def is_netted(context: Context) -> bool:
    return context.terms.delivery_settlement == "S"


def schedule(context: Context) -> list[Event]:
    terms = context.terms
    kinds = (E.IP,) if is_netted(context) else (E.IPFX, E.IPFL)
    events = [*trade_events(context), *pam.rate_events(context)]
    for kind in kinds:
        events += context.events(kind, interest_times(context))
    single = ((E.IED, terms.initial_exchange_date), (E.MD, context.maturity))
    return [*events, *(context.event(kind, time) for kind, time in single if time is not None)]


def interest_times(context: Context) -> list[int]:
    """t^IP of both legs: as PAM; without a cycle at the maturity alone, whatever the anchor."""
    end = context.maturity
    if context.terms.cycle_of_interest_payment is None and end is not None:
        return [end]
    return pam.interest_times(context)


def initial_states(context: Context) -> States:
    """Both legs accrued since the last interest date up to t0; `accruedInterest` is what is shown as accrued."""
    terms = context.terms
    states = States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
    )
    if (terms.initial_exchange_date or 0) > terms.status_date:
        return states
    notional = f.signed_amount(terms.sign, terms.notional_principal or 0.0)
    floating = terms.nominal_interest_rate2 or 0.0
    states = replace(states, notional_principal=notional, nominal_interest_rate=floating)
    earlier = [time for time in interest_times(context) if time <= terms.status_date]
    if earlier:
        states = replace(states, status_day=context.day(earlier[-1]))
        states = accrue(context, states, context.day(terms.status_date))
    if terms.accrued_interest is None:
        return states
    given = f.signed_amount(terms.sign, terms.accrued_interest)
    fixed = given if not is_netted(context) else given + states.accrued_interest2
    return replace(states, accrued_interest=given, accrued_interest1=fixed)


def accrue(context: Context, states: States, day: int) -> States:
    """Ipac1, Ipac2 and Ipac up to a day."""
    elapsed = context.year_fraction(states.status_day, day)
    rates = context.terms.nominal_interest_rate or 0.0, states.nominal_interest_rate
    notional = states.notional_principal
    fixed = context.use("Ipac1", f.accrued_interest, states.accrued_interest1, elapsed, rates[0], notional)
    floating = context.use("Ipac2", f.accrued_interest, states.accrued_interest2, elapsed, rates[1], notional)
    shown = context.use("Ipac", net_accrued, fixed, floating) if is_netted(context) else fixed
    return replace(
        states, accrued_interest=shown, accrued_interest1=fixed, accrued_interest2=floating, status_day=day
    )


# Payoff functions


def pof_ip_swppv(context: Context, states: States, event: Event) -> float:
    rates = context.terms.nominal_interest_rate or 0.0, states.nominal_interest_rate
    elapsed, fx = pam.fraction(context, states, event), context.fx(event)
    return context.use(
        "payoff", net_interest, fx, states.accrued_interest, elapsed, *rates, states.notional_principal
    )


def pof_ipfx_swppv(context: Context, states: States, event: Event) -> float:
    rate = context.terms.nominal_interest_rate or 0.0
    elapsed, fx = pam.fraction(context, states, event), context.fx(event)
    return context.use(
        "payoff", fixed_interest, fx, states.accrued_interest1, elapsed, rate, states.notional_principal
    )


def pof_ipfl_swppv(context: Context, states: States, event: Event) -> float:
    elapsed, fx = pam.fraction(context, states, event), context.fx(event)
    rate, notional = states.nominal_interest_rate, states.notional_principal
    return context.use("payoff", floating_interest, fx, states.accrued_interest2, elapsed, rate, notional)


# State transition functions


def stf_ad_swppv(context: Context, states: States, event: Event) -> States:
    performance = event.facts or states.contract_performance
    return replace(accrue(context, states, event.day), contract_performance=performance)


def stf_prd_swppv(context: Context, states: States, event: Event) -> States:
    return accrue(context, states, event.day)


def stf_ied_swppv(context: Context, states: States, event: Event) -> States:
    terms = context.terms
    return replace(
        states,
        notional_principal=context.use("Nt", f.signed_amount, terms.sign, terms.notional_principal or 0.0),
        nominal_interest_rate=terms.nominal_interest_rate2 or 0.0,
        status_day=event.day,
    )


def stf_ip_swppv(context: Context, states: States, event: Event) -> States:
    return replace(states, accrued_interest=0.0, accrued_interest1=0.0, accrued_interest2=0.0, status_day=event.day)


def stf_ipfx_swppv(context: Context, states: States, event: Event) -> States:
    """The floating leg accrues up to t: the standard moves Sd only, and IPFL at the same time would lose it."""
    return replace(accrue(context, states, event.day), accrued_interest=0.0, accrued_interest1=0.0)


def stf_ipfl_swppv(context: Context, states: States, event: Event) -> States:
    return replace(accrue(context, states, event.day), accrued_interest2=0.0)


def stf_rr_swppv(context: Context, states: States, event: Event) -> States:
    moved = accrue(context, states, event.day)
    return replace(moved, nominal_interest_rate=pam.stf_rr_pam(context, states, event).nominal_interest_rate)


def stf_rrf_swppv(context: Context, states: States, event: Event) -> States:
    moved = accrue(context, states, event.day)
    known = context.terms.next_reset_rate
    return moved if known is None else replace(moved, nominal_interest_rate=known)


def stf_md_swppv(context: Context, states: States, event: Event) -> States:
    """No principal is exchanged. The standard sets the rate to 0 as well; the reference cases show the last one."""
    return replace(stf_ip_swppv(context, states, event), notional_principal=0.0)


CONTRACT = ContractType(
    code="SWPPV",
    section="7.12 SWPPV: Plain Vanilla Interest Rate Swap",
    check=check,
    maturity=lambda context: context.terms.maturity_date,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pam.pof_none, stf_ad_swppv),
        E.CE: (pam.pof_none, stf_ad_swppv),
        E.IED: (pam.pof_none, stf_ied_swppv),
        E.PRD: (pof_prd_stk, stf_prd_swppv),
        E.TD: (pof_td_plain, stf_md_swppv),
        E.IP: (pof_ip_swppv, stf_ip_swppv),
        E.IPFX: (pof_ipfx_swppv, stf_ipfx_swppv),
        E.IPFL: (pof_ipfl_swppv, stf_ipfl_swppv),
        E.RR: (pam.pof_none, stf_rr_swppv),
        E.RRF: (pam.pof_none, stf_rrf_swppv),
        E.MD: (pam.pof_none, stf_md_swppv),
    },
)
