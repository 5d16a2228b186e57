"""COM, Commodity: bought and sold at a price, `quantity` times the price of one unit.

Source: techspec 7.10, which refers to STK throughout.
"""

from engines.actus.contract_type import ContractType
from engines.actus.contracts.stk import initial_states
from engines.actus.contracts.traded import (
    check_trade,
    pof_none,
    pof_prd_stk,
    pof_td_stk,
    stf_ce_stk,
    stf_time,
    trade_events,
)
from engines.actus.events import EventType

E = EventType

CONTRACT = ContractType(
    code="COM",
    section="7.10 COM: Commodity",
    check=check_trade,
    maturity=lambda context: None,
    schedule=trade_events,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_time),
        E.PRD: (pof_prd_stk, stf_time),
        E.TD: (pof_td_stk, stf_time),
        E.CE: (pof_none, stf_ce_stk),
    },
)
