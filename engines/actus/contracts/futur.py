"""FUTUR, Future: the difference between a price agreed upon and the market's, settled at maturity.

Source: techspec 7.16, which refers to OPTNS for all but the amount. Margin calls are not in the standard's table.
"""

from engines.actus.arithmetic import Numbers
from engines.actus.composite import underlying_market_object
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import optns
from engines.actus.events import Event
from engines.actus.formula import formula
from engines.actus.term_rules import require


@formula("{price} − {futures_price}", "STF_XD_FUTUR: Xa")
def difference(price: Numbers, futures_price: Numbers) -> Numbers:
    return price - futures_price


def check(context: Context) -> None:
    optns.check_exercisable(context)
    require(context.terms, "futures_price")


def value(context: Context, event: Event) -> float:
    price = context.risk_factor(underlying_market_object(context.terms), event.scheduled)
    return context.use("Xa", difference, price, context.terms.futures_price or 0.0)


CONTRACT = ContractType(
    code="FUTUR",
    section="7.16 FUTUR: Future",
    check=check,
    maturity=lambda context: context.terms.maturity_date,
    schedule=optns.schedule,
    initial_states=optns.initial_states,
    functions=optns.functions(value),
)
