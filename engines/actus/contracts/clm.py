"""CLM, Call Money: a loan that is repaid at maturity or when it is called; interest is capitalised on the way.

Source: techspec 7.6. Against its text, a CLM in mid-life accrues from its status date (docs/adr/0006).
"""

from dataclasses import replace

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import call, pam
from engines.actus.events import Event, EventType
from engines.actus.states import States
from engines.actus.term_rules import check_loan

E = EventType


def maturity(context: Context) -> int | None:
    """Md(t0): MD, the call before it, else the last event observed, else t^max."""
    terms = context.terms
    if terms.maturity_date is not None and call.called(context) is None:
        return terms.maturity_date
    end = call.open_end(context)
    if end is None:
        raise terms.invalid("maturity_date", "required, or a call observed, or a horizon")
    return end


def schedule(context: Context) -> list[Event]:
    terms = context.terms
    single = (
        (E.IED, terms.initial_exchange_date),
        (E.PRD, terms.purchase_date),
        (E.TD, terms.termination_date),
    )
    events = [context.event(kind, time) for kind, time in single if time is not None]
    events += [*call.principal_events(context), *call.capitalisation_events(context), *call.open_fee_events(context)]
    events += [*pam.rate_events(context), *pam.monitoring_events(context), *call.call_events(context)]
    redeemed = context.maturity if call.called(context) is None and call.has_end(context) else None
    return events if redeemed is None else [*events, context.event(E.IP, redeemed), context.event(E.MD, redeemed)]


def initial_states(context: Context) -> States:
    """As PAM, but interest not given as accrued starts at 0 (docs/adr/0006)."""
    states = pam.initial_states(context)
    given = context.terms.accrued_interest or 0.0
    return replace(states, accrued_interest=f.signed_amount(context.terms.sign, given))


CONTRACT = ContractType(
    code="CLM",
    section="7.6 CLM: Call Money",
    check=check_loan,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=call.FUNCTIONS,
)
