"""COM, Commodity: bought and sold at a price, `quantity` times the price of one unit.

Source: techspec 7.10, which refers to STK throughout; the quantity is that of the reference cases (com01, com04).
"""

from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts.stk import initial_states
from engines.actus.contracts.traded import check_trade, pof_none, stf_ce_stk, stf_time, trade_events
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.states import States

E = EventType


@formula("{fx} × {sign} × (−1) × {quantity} × {price}", "POF_PRD_STK, for each unit")
def purchase_price(fx: Numbers, sign: Numbers, quantity: Numbers, price: Numbers) -> Numbers:
    return fx * sign * MINUS * (quantity * price)


@formula("{fx} × {sign} × {quantity} × {price}", "POF_TD_STK, for each unit")
def termination_price(fx: Numbers, sign: Numbers, quantity: Numbers, price: Numbers) -> Numbers:
    return fx * sign * (quantity * price)


def pof_prd_com(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    price = terms.price_at_purchase_date or 0.0
    return context.use("payoff", purchase_price, context.fx(event), terms.sign, terms.quantity, price)


def pof_td_com(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    price = terms.price_at_termination_date or 0.0
    return context.use("payoff", termination_price, context.fx(event), terms.sign, terms.quantity, price)


CONTRACT = ContractType(
    code="COM",
    section="7.10 COM: Commodity",
    check=check_trade,
    maturity=lambda context: None,
    schedule=trade_events,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_time),
        E.PRD: (pof_prd_com, stf_time),
        E.TD: (pof_td_com, stf_time),
        E.CE: (pof_none, stf_ce_stk),
    },
)
