"""What contracts share that change hands at a price: PRD, TD, AD and CE, and the settlement of what is due.

Serves STK, COM, FXOUT, SWPPV, SWAPS, CAPFL, OPTNS, FUTUR, CEG and CEC. The standard prints the role sign R in some
purchases and terminations and not in others; where the reference cases part from its text, the contract's module
chooses the other function and says so (docs/adr/0006).
Source: techspec 7.9, STK: Stock, which the others refer to.
"""

from dataclasses import replace

from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contracts.pam import monitoring_events, pof_none
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.states import States
from engines.actus.term_rules import require
from engines.actus.terms import Terms

__all__ = [
    "check_trade",
    "pof_none",
    "pof_prd_stk",
    "pof_td_plain",
    "pof_td_stk",
    "settlement_event",
    "stf_ce_stk",
    "stf_time",
    "trade_events",
]

E = EventType

SETTLED_AFTER_MATURITY = ("OPTNS", "FUTUR", "FXOUT", "CEG")  # what is fixed by Md is paid a settlement period later


@formula("{fx} × {sign} × (−1) × {price}", "POF_PRD_STK, POF_PRD_OPTNS")
def purchase_price(fx: Numbers, sign: Numbers, price: Numbers) -> Numbers:
    return fx * sign * MINUS * price


@formula("{fx} × {sign} × {price}", "POF_TD_STK")
def termination_price(fx: Numbers, sign: Numbers, price: Numbers) -> Numbers:
    return fx * sign * price


@formula("{fx} × {price}", "POF_TD_OPTNS; POF_TD_FXOUT and POF_TD_SWPPV by the reference cases")
def plain_price(fx: Numbers, price: Numbers) -> Numbers:
    return fx * price


def check_trade(context: Context) -> None:
    """Role and currency are there, prices come with their dates, and nothing ends before it is bought."""
    terms = context.terms
    require(terms, "contract_role", "currency")
    check_prices(terms)


def check_prices(terms: Terms) -> None:
    bought, sold = terms.purchase_date, terms.termination_date
    if bought is not None and sold is not None and sold < bought:
        raise terms.invalid("termination_date", "must not be before purchaseDate")
    for date, price in ((bought, "price_at_purchase_date"), (sold, "price_at_termination_date")):
        if date is not None and getattr(terms, price) is None:
            raise terms.invalid(price, "required where its date is given")


def trade_events(context: Context) -> list[Event]:
    """PRD, TD, and what is observed of the contract itself: AD and CE."""
    terms = context.terms
    single = ((E.PRD, terms.purchase_date), (E.TD, terms.termination_date))
    settles_later = terms.contract_type in SETTLED_AFTER_MATURITY
    events = [
        context.event(kind, time)
        for kind, time in single
        if time is not None and (settles_later or context.is_alive(time))
    ]
    return [*events, *monitoring_events(context)]


def settlement_event(context: Context, exercised: int, kind: EventType = E.STD) -> Event:
    """An event one settlement period after the exercise, on a business day; it counts by the exercise (Q15)."""
    period = context.terms.settlement_period
    due = exercised if period is None else period.after(exercised, end_of_month=context.end_of_month)
    return context.event(kind, context.shift(due), trigger=exercised)


def pof_prd_stk(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    return context.use("payoff", purchase_price, context.fx(event), terms.sign, terms.price_at_purchase_date or 0.0)


def pof_td_stk(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    return context.use(
        "payoff", termination_price, context.fx(event), terms.sign, terms.price_at_termination_date or 0.0
    )


def pof_td_plain(context: Context, states: States, event: Event) -> float:
    price = context.terms.price_at_termination_date or 0.0
    return context.use("payoff", plain_price, context.fx(event), price)


def stf_time(context: Context, states: States, event: Event) -> States:
    """Sd = t, and nothing else: AD, PRD, TD and DV of STK."""
    return replace(states, status_day=event.day)


def stf_ce_stk(context: Context, states: States, event: Event) -> States:
    """Sd = t, and the performance that the credit event brings."""
    performance = event.facts or states.contract_performance
    return replace(states, status_day=event.day, contract_performance=performance)
