"""UMP, Undefined Maturity Profile: an account; principal moves as observed, interest is capitalised.

Source: techspec 7.7. The termination, which the standard's table lacks, is that of PAM (ump09).
"""

from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import call, pam
from engines.actus.events import Event, EventType
from engines.actus.term_rules import check_loan

E = EventType


def check(context: Context) -> None:
    check_loan(context)
    if context.terms.maturity_date is not None:
        raise context.terms.invalid("maturity_date", "a UMP has none; a CLM may")


def maturity(context: Context) -> int | None:
    """Md(t0): the call, else the last movement of principal observed, else t^max."""
    end = call.open_end(context)
    if end is None:
        raise context.terms.invalid("termination_date", "a UMP has no end: it needs a horizon")
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
    return [*events, *pam.rate_events(context), *pam.monitoring_events(context), *call.call_events(context)]


CONTRACT = ContractType(
    code="UMP",
    section="7.7 UMP: Undefined Maturity Profile",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=pam.initial_states,
    functions=call.FUNCTIONS,
)
