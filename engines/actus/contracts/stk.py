"""STK, Stock: bought and sold at a price, dividends on the way.

Source: techspec 7.9, which knows no quantity: prices and dividends are those of the contract.
Dividends are read from the series that marketObjectCodeOfDividends names, else from `<contractID>-DV`.
"""

from dataclasses import replace

from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts.traded import (
    check_trade,
    pof_none,
    pof_prd_stk,
    pof_td_stk,
    stf_ce_stk,
    stf_time,
    trade_events,
)
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.states import States

E = EventType


@formula("{fx} × {sign} × {dividend}", "POF_DV_STK, POF_DV(fix)_STK")
def dividend_payoff(fx: Numbers, sign: Numbers, dividend: Numbers) -> Numbers:
    return fx * sign * dividend


def check(context: Context) -> None:
    check_trade(context)
    terms = context.terms
    if terms.cycle_anchor_date_of_dividend is None:
        for name in ("cycle_of_dividend", "next_dividend_payment_amount"):
            if getattr(terms, name) is not None:
                raise terms.invalid("cycle_anchor_date_of_dividend", "required where dividends are paid")


def schedule(context: Context) -> list[Event]:
    return [*trade_events(context), *dividend_events(context)]


def dividend_events(context: Context) -> list[Event]:
    """DV, up to and including the horizon; the first is the known next dividend (DVNP) where there is one."""
    terms = context.terms
    anchor, cycle, known = (
        terms.cycle_anchor_date_of_dividend,
        terms.cycle_of_dividend,
        terms.next_dividend_payment_amount,
    )
    if anchor is None:
        return []
    times = [anchor]
    if cycle is not None:
        end = context.horizon if terms.termination_date is None else terms.termination_date
        if end is None:
            raise terms.invalid("cycle_of_dividend", "a stock has no end: dividends need a horizon")
        times = context.times(anchor, replace(cycle, long_stub=False), end + 1, with_end=False)
    events = context.events(E.DV, times)
    if known is not None and events:
        events[0] = replace(events[0], value=known)
    return events


def pof_dv_stk(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    dividend = event.value
    if dividend is None:
        code = terms.market_object_code_of_dividends or f"{terms.contract_id}-DV"
        dividend = context.risk_factor(code, event.scheduled)
    return context.use("payoff", dividend_payoff, context.fx(event), terms.sign, dividend)


def initial_states(context: Context) -> States:
    terms = context.terms
    return States(status_day=context.day(terms.status_date), contract_performance=terms.contract_performance)


CONTRACT = ContractType(
    code="STK",
    section="7.9 STK: Stock",
    check=check,
    maturity=lambda context: None,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_time),
        E.PRD: (pof_prd_stk, stf_time),
        E.TD: (pof_td_stk, stf_time),
        E.DV: (pof_dv_stk, stf_time),
        E.CE: (pof_none, stf_ce_stk),
    },
)
