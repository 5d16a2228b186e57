"""PAM, Principal At Maturity: notional out at the start, interest on the way, notional back at maturity.

Schedule, states, POF and STF under their names in the standard (techspec 7.1). The other loans share what they do
not change: interest accrues on the interest calculation base Ipcb, which for PAM always is the notional.
"""

from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType, Payoff, Transition
from engines.actus.contracts.fees import fee_accrued, fee_events, initial_fee_accrued
from engines.actus.events import Event, EventType
from engines.actus.states import States
from engines.actus.term_rules import check_loan, require
from engines.primitives.errors import InvalidInput

E = EventType


def check(context: Context) -> None:
    check_loan(context)
    require(context.terms, "maturity_date")


# Schedule


def maturity(context: Context) -> int | None:
    """Md(t0) = MD."""
    return context.terms.maturity_date


def schedule(context: Context) -> list[Event]:
    return [*life_events(context), *interest_events(context, interest_times(context)), *rate_events(context)]


def life_events(context: Context) -> list[Event]:
    """What every loan has beside interest, redemption and rate resets: IED, MD, PRD, TD, PP, PY, FP, SC, AD, CE."""
    terms, events = context.terms, []
    single = (
        (E.IED, terms.initial_exchange_date),
        (E.MD, context.maturity),
        (E.PRD, terms.purchase_date),
        (E.TD, terms.termination_date),
    )
    events += [context.event(kind, time) for kind, time in single if time is not None and context.is_alive(time)]
    events += prepayment_events(context)
    events += fee_events(context)
    if terms.scaling_effect != "000":
        anchor, cycle = terms.cycle_anchor_date_of_scaling_index, terms.cycle_of_scaling_index
        events += context.events(E.SC, context.times(anchor, cycle, context.maturity, with_end=False))
    return [*events, *monitoring_events(context)]


def monitoring_events(context: Context) -> list[Event]:
    """AD, by custom input, and CE, where an observed credit event changes the contract's performance."""
    return [
        context.event(E(seen.kind), seen.instant, value=seen.value, facts=seen.states.get("contractPerformance"))
        for seen in context.observed_events("AD", "CE")
        if context.maturity is None or seen.instant <= context.maturity
    ]


def prepayment_events(context: Context) -> list[Event]:
    """PP at the optionality cycle and when observed, and a PY with each; the amounts are those observed."""
    terms = context.terms
    if terms.prepayment_effect == "N":
        return []
    amounts = {seen.instant: seen.value for seen in context.observed_events("PP")}
    cyclic = context.times(
        terms.cycle_anchor_date_of_optionality, terms.cycle_of_optionality, context.maturity, with_end=False
    )
    if terms.cycle_anchor_date_of_optionality is None and terms.cycle_of_optionality is None:
        cyclic = []
    times = sorted({*cyclic, *amounts})
    events = [context.event(E.PP, time, value=amounts.get(time, 0.0)) for time in times]
    if terms.penalty_type not in ("O", "N"):
        events += [context.event(E.PY, time) for time in times]
    return events


def interest_times(context: Context) -> list[int]:
    """Scheduled interest payments, capitalised or paid; the last at maturity, always (dictionary, IPCL)."""
    terms = context.terms
    if terms.nominal_interest_rate is None:
        return []
    return context.times(
        terms.cycle_anchor_date_of_interest_payment, terms.cycle_of_interest_payment, context.maturity
    )


def interest_events(context: Context, times: list[int]) -> list[Event]:
    """IP, and IPCI up to the capitalisation end date, which capitalises whether or not it is in the cycle.

    The standard starts IP anew at IPCED; where that is off the cycle, the reference cases (ann14, nam19) keep to the
    interest payment anchor.
    """
    capitalisation_end = context.terms.capitalization_end_date
    if capitalisation_end is None or context.terms.nominal_interest_rate is None:
        return context.events(E.IP, times)
    if context.maturity is not None and capitalisation_end > context.maturity:
        raise context.terms.invalid("capitalization_end_date", "must not be after the maturity")
    capitalised = sorted({time for time in times if time < capitalisation_end} | {capitalisation_end})
    paid = [time for time in times if time > capitalisation_end]
    return [*context.events(E.IPCI, capitalised), *context.events(E.IP, paid)]


def rate_times(context: Context) -> list[int]:
    terms = context.terms
    anchor, cycle = terms.cycle_anchor_date_of_rate_reset, terms.cycle_of_rate_reset
    if anchor is None and cycle is None:
        return []
    return context.times(anchor, cycle, context.maturity, with_end=False)


def rate_events(context: Context) -> list[Event]:
    """RR, and RRF in place of the first after the status date where its rate is known already (RRNXT)."""
    events = context.events(E.RR, rate_times(context))
    if context.terms.next_reset_rate is None:
        return events
    fixed = next((event for event in events if event.instant > context.terms.status_date), None)
    return [
        context.event(E.RRF, event.scheduled, shifted=event.scheduled != context.maturity)
        if event is fixed
        else event
        for event in events
    ]


# States


def initial_states(context: Context) -> States:
    """The states at t0; what is 0 before the initial exchange stays 0 when t0 is before it."""
    terms = context.terms
    day = context.day(terms.status_date)
    exchanged = terms.initial_exchange_date is not None and terms.initial_exchange_date <= terms.status_date
    states = States(
        status_day=day,
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        notional_scaling_multiplier=terms.notional_scaling_multiplier if "N" in terms.scaling_effect else 1.0,
        interest_scaling_multiplier=terms.interest_scaling_multiplier if "I" in terms.scaling_effect else 1.0,
    )
    if exchanged:
        notional = f.signed_amount(terms.sign, notional_principal(context))
        states = replace(
            states,
            notional_principal=notional,
            nominal_interest_rate=terms.nominal_interest_rate or 0.0,
            interest_calculation_base_amount=first_calculation_base(context),
        )
    states = replace(states, fee_accrued=initial_fee_accrued(context, states))
    return replace(states, accrued_interest=initial_accrued_interest(context, states, interest_times(context)))


def initial_accrued_interest(context: Context, states: States, times: list[int]) -> float:
    """Ipac at t0: as given, else from the last interest date up to t0; 0 where there is none before (lam18).

    The standard writes t < t0; a date at t0 counts too, for its interest is paid: events at t0 are past.
    """
    terms = context.terms
    if terms.nominal_interest_rate is None:
        return 0.0
    if terms.accrued_interest is not None:
        return f.signed_amount(terms.sign, terms.accrued_interest)
    earlier = [time for time in times if time <= terms.status_date]
    if not earlier:
        return 0.0
    fraction = context.year_fraction(context.day(earlier[-1]), states.status_day)
    return f.accrued_interest(0.0, fraction, states.nominal_interest_rate, states.interest_calculation_base_amount)


def notional_principal(context: Context) -> float:
    return context.terms.notional_principal or 0.0


def first_calculation_base(context: Context) -> float:
    """Ipcb at t0 and at the initial exchange: R × NT, or R × IPCBA where the base is not the notional."""
    terms = context.terms
    amount = notional_principal(context)
    if context.has_base and terms.interest_calculation_base != "NT" and terms.interest_calculation_base_amount:
        amount = terms.interest_calculation_base_amount
    return f.signed_amount(terms.sign, amount)


# What the functions share


def fraction(context: Context, states: States, event: Event) -> float:
    """Y(Sd, t)."""
    return context.year_fraction(states.status_day, event.day)


def accrued(context: Context, states: States, event: Event) -> float:
    """Ipac at t: what every transition but those that pay it out accrues."""
    return context.use(
        "Ipac",
        f.accrued_interest,
        states.accrued_interest,
        fraction(context, states, event),
        states.nominal_interest_rate,
        states.interest_calculation_base_amount,
    )


def with_notional(context: Context, states: States, notional: float) -> States:
    """Nt, and Ipcb where it follows Nt: under IPCB = NT."""
    base = states.interest_calculation_base_amount if context.keeps_base else notional
    return replace(states, notional_principal=notional, interest_calculation_base_amount=base)


# Payoff functions


def pof_none(context: Context, states: States, event: Event) -> float:
    return 0.0


def pof_ied_pam(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    return context.use(
        "payoff",
        f.initial_exchange_payoff,
        context.fx(event),
        terms.sign,
        notional_principal(context),
        terms.premium_discount_at_ied,
    )


def pof_md_pam(context: Context, states: States, event: Event) -> float:
    return context.use(
        "payoff",
        f.maturity_payoff,
        context.fx(event),
        states.notional_scaling_multiplier,
        states.notional_principal,
        states.interest_scaling_multiplier,
        states.accrued_interest,
        states.fee_accrued,
    )


def pof_pp_pam(context: Context, states: States, event: Event) -> float:
    """The observed amount, with the sign of the notional that it reduces."""
    amount, sign = event.value or 0.0, context.terms.sign
    if not 0.0 <= sign * amount <= sign * states.notional_principal:
        rule = f"a prepayment of {amount!r} where {states.notional_principal!r} is outstanding"
        raise InvalidInput(f"eventsObserved: {rule}", field="eventsObserved", record=context.terms.contract_id)
    return context.use("payoff", f.prepayment_payoff, context.fx(event), event.value or 0.0)


def pof_py_pam(context: Context, states: States, event: Event) -> float:
    terms, fx = context.terms, context.fx(event)
    if terms.penalty_type == "A":
        return context.use("payoff", f.penalty_payoff_absolute, fx, terms.sign, terms.penalty_rate)
    elapsed = fraction(context, states, event)
    if terms.penalty_type == "R":
        return context.use(
            "payoff",
            f.penalty_payoff_relative,
            fx,
            terms.sign,
            elapsed,
            states.notional_principal,
            terms.penalty_rate,
        )
    market_rate = context.risk_factor(terms.market_object_code_of_rate_reset, event.scheduled)
    return context.use(
        "payoff",
        f.penalty_payoff_differential,
        fx,
        terms.sign,
        elapsed,
        states.notional_principal,
        states.nominal_interest_rate,
        market_rate,
    )


def pof_fp_pam(context: Context, states: States, event: Event) -> float:
    terms, fx = context.terms, context.fx(event)
    fee_rate = terms.fee_rate or 0.0
    if terms.fee_basis == "A":
        return context.use("payoff", f.fee_payoff_absolute, fx, terms.sign, fee_rate)
    elapsed = fraction(context, states, event)
    return context.use(
        "payoff", f.fee_payoff_nominal, fx, states.fee_accrued, elapsed, states.notional_principal, fee_rate
    )


def pof_prd_pam(context: Context, states: States, event: Event) -> float:
    return context.use(
        "payoff",
        f.purchase_payoff,
        context.fx(event),
        context.terms.sign,
        context.terms.price_at_purchase_date or 0.0,
        states.accrued_interest,
        fraction(context, states, event),
        states.nominal_interest_rate,
        states.interest_calculation_base_amount,
    )


def pof_td_pam(context: Context, states: States, event: Event) -> float:
    return context.use(
        "payoff",
        f.termination_payoff,
        context.fx(event),
        context.terms.sign,
        context.terms.price_at_termination_date or 0.0,
        states.accrued_interest,
        fraction(context, states, event),
        states.nominal_interest_rate,
        states.interest_calculation_base_amount,
    )


def pof_ip_pam(context: Context, states: States, event: Event) -> float:
    return context.use(
        "payoff",
        f.interest_payoff,
        context.fx(event),
        states.interest_scaling_multiplier,
        states.accrued_interest,
        fraction(context, states, event),
        states.nominal_interest_rate,
        states.interest_calculation_base_amount,
    )


# State transition functions


def stf_ad_pam(context: Context, states: States, event: Event) -> States:
    return replace(states, accrued_interest=accrued(context, states, event), status_day=event.day)


def stf_ce_pam(context: Context, states: States, event: Event) -> States:
    """STF_AD_PAM, and the performance that the credit event brings."""
    performance = event.facts or states.contract_performance
    return replace(stf_ad_pam(context, states, event), contract_performance=performance)


def stf_accrue(context: Context, states: States, event: Event) -> States:
    """What the transitions of PRD, PY, RR, RRF, SC, PP and the redemptions share: interest and fees up to t."""
    return replace(
        states,
        accrued_interest=accrued(context, states, event),
        fee_accrued=fee_accrued(context, states, event),
        status_day=event.day,
    )


def stf_ied_pam(context: Context, states: States, event: Event) -> States:
    terms = context.terms
    rate = terms.nominal_interest_rate or 0.0
    notional = context.use("Nt", f.signed_amount, terms.sign, notional_principal(context))
    base = first_calculation_base(context)
    anchor = terms.cycle_anchor_date_of_interest_payment
    interest = 0.0
    if terms.accrued_interest is not None:
        interest = context.use("Ipac", f.signed_amount, terms.sign, terms.accrued_interest)
    elif anchor is not None and anchor < event.scheduled:
        elapsed = context.year_fraction(context.day(anchor), event.day)
        interest = context.use("Ipac", f.accrued_interest, 0.0, elapsed, rate, notional)
    return replace(
        states,
        notional_principal=notional,
        nominal_interest_rate=rate,
        accrued_interest=interest,
        interest_calculation_base_amount=base,
        status_day=event.day,
    )


def stf_md_pam(context: Context, states: States, event: Event) -> States:
    return replace(
        states,
        notional_principal=0.0,
        accrued_interest=0.0,
        fee_accrued=0.0,
        interest_calculation_base_amount=0.0,
        status_day=event.day,
    )


def stf_td_pam(context: Context, states: States, event: Event) -> States:
    """The standard sets the rate to 0 as well; the reference cases (pam20) report the last one."""
    return stf_md_pam(context, states, event)


def stf_pp_pam(context: Context, states: States, event: Event) -> States:
    moved = stf_accrue(context, states, event)
    notional = context.use("Nt", f.notional_after, states.notional_principal, event.value or 0.0)
    return with_notional(context, moved, notional)


def stf_fp_pam(context: Context, states: States, event: Event) -> States:
    return replace(stf_ad_pam(context, states, event), fee_accrued=0.0)


def stf_ip_pam(context: Context, states: States, event: Event) -> States:
    return replace(
        states,
        accrued_interest=0.0,
        fee_accrued=fee_accrued(context, states, event),
        status_day=event.day,
    )


def stf_ipci_pam(context: Context, states: States, event: Event) -> States:
    notional = context.use(
        "Nt",
        f.capitalised_notional,
        states.notional_principal,
        states.accrued_interest,
        fraction(context, states, event),
        states.nominal_interest_rate,
        states.interest_calculation_base_amount,
    )
    return with_notional(context, stf_ip_pam(context, states, event), notional)


def stf_rr_pam(context: Context, states: States, event: Event) -> States:
    terms = context.terms
    observed = context.risk_factor(terms.market_object_code_of_rate_reset, event.scheduled)
    rate = context.use(
        "Ipnr",
        f.reset_rate,
        observed,
        terms.rate_multiplier,
        terms.rate_spread,
        states.nominal_interest_rate,
        *context.rate_bounds,
    )
    return replace(stf_accrue(context, states, event), nominal_interest_rate=rate)


def stf_rrf_pam(context: Context, states: States, event: Event) -> States:
    rate = context.terms.next_reset_rate
    moved = stf_accrue(context, states, event)
    return moved if rate is None else replace(moved, nominal_interest_rate=rate)


def stf_sc_pam(context: Context, states: States, event: Event) -> States:
    terms = context.terms
    index = context.risk_factor(terms.market_object_code_of_scaling_index, event.scheduled)
    at_deal = terms.scaling_index_at_contract_deal_date or 1.0
    multiplier = context.use("Nsc, Isc", f.scaling_multiplier, index, at_deal)
    moved = stf_accrue(context, states, event)
    if "N" in terms.scaling_effect:
        moved = replace(moved, notional_scaling_multiplier=multiplier)
    if "I" in terms.scaling_effect:
        moved = replace(moved, interest_scaling_multiplier=multiplier)
    return moved


FUNCTIONS: dict[EventType, tuple[Payoff, Transition]] = {
    E.AD: (pof_none, stf_ad_pam),
    E.IED: (pof_ied_pam, stf_ied_pam),
    E.MD: (pof_md_pam, stf_md_pam),
    E.PP: (pof_pp_pam, stf_pp_pam),
    E.PY: (pof_py_pam, stf_accrue),
    E.FP: (pof_fp_pam, stf_fp_pam),
    E.PRD: (pof_prd_pam, stf_accrue),
    E.TD: (pof_td_pam, stf_td_pam),
    E.IP: (pof_ip_pam, stf_ip_pam),
    E.IPCI: (pof_none, stf_ipci_pam),
    E.RR: (pof_none, stf_rr_pam),
    E.RRF: (pof_none, stf_rrf_pam),
    E.SC: (pof_none, stf_sc_pam),
    E.CE: (pof_none, stf_ce_pam),
}

CONTRACT = ContractType(
    code="PAM",
    section="7.1 PAM: Principal At Maturity",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=FUNCTIONS,
)
