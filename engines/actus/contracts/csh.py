"""CSH, Cash: an amount that only is; its events are those of monitoring (AD).

Source: techspec 7.8.
"""

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts.pam import monitoring_events, pof_none
from engines.actus.contracts.traded import stf_ce_stk, stf_time
from engines.actus.events import EventType
from engines.actus.states import States
from engines.actus.term_rules import require


def check(context: Context) -> None:
    require(context.terms, "contract_role", "currency", "notional_principal")


def initial_states(context: Context) -> States:
    terms = context.terms
    notional = f.signed_amount(terms.sign, terms.notional_principal or 0.0)
    return States(
        status_day=context.day(terms.status_date),
        notional_principal=notional,
        contract_performance=terms.contract_performance,
    )


CONTRACT = ContractType(
    code="CSH",
    section="7.8 CSH: Cash",
    check=check,
    maturity=lambda context: None,
    schedule=monitoring_events,
    initial_states=initial_states,
    functions={EventType.AD: (pof_none, stf_time), EventType.CE: (pof_none, stf_ce_stk)},
)
