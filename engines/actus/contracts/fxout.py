"""FXOUT, Foreign Exchange Outright: one currency against another at a day agreed upon.

Delivered (deliverySettlement D), both amounts change hands at maturity, each a flow in its own currency; settled in
cash (S), their difference at the rate of the maturity is paid one settlement period later.
Source: techspec 7.11. The reference cases (fxout01) show the two deliveries as MD, the standard as STD(1), STD(2);
a termination pays its price without role sign (fxout10).
"""

from dataclasses import replace

from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts.traded import (
    check_trade,
    pof_none,
    pof_prd_stk,
    pof_td_plain,
    settlement_event,
    stf_ce_stk,
    stf_time,
    trade_events,
)
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.states import States
from engines.actus.term_rules import require

E = EventType


@formula("{fx} × {sign} × {notional_principal}", "POF_STD(1)_FXOUT")
def first_delivery(fx: Numbers, sign: Numbers, notional_principal: Numbers) -> Numbers:
    return fx * sign * notional_principal


@formula("{fx} × {sign} × (−1) × {notional_principal2}", "POF_STD(2)_FXOUT")
def second_delivery(fx: Numbers, sign: Numbers, notional_principal2: Numbers) -> Numbers:
    return fx * sign * MINUS * notional_principal2


@formula("{sign} × ({notional_principal} − {exchange_rate} × {notional_principal2})", "POF_STD_FXOUT")
def cash_difference(
    sign: Numbers, notional_principal: Numbers, exchange_rate: Numbers, notional_principal2: Numbers
) -> Numbers:
    return sign * (notional_principal - exchange_rate * notional_principal2)


@formula("{fx} × {amount}", "POF_STD_FXOUT")
def cash_settlement(fx: Numbers, amount: Numbers) -> Numbers:
    return fx * amount


@formula("{sign} × {exercise_amount}", "dictionary, exerciseAmount: fixed before the status date")
def fixed_amount(sign: Numbers, exercise_amount: Numbers) -> Numbers:
    return sign * exercise_amount


def check(context: Context) -> None:
    check_trade(context)
    terms = context.terms
    require(terms, "currency2", "maturity_date", "notional_principal", "notional_principal2")
    if terms.currency2 == terms.currency:
        raise terms.invalid("currency2", "must differ from currency")


def schedule(context: Context) -> list[Event]:
    terms, matures = context.terms, context.maturity or 0
    events = trade_events(context)
    if terms.delivery_settlement == "S":
        return [*events, settlement_event(context, matures)]
    second = terms.settlement_currency or terms.currency2
    return [*events, context.event(E.MD, matures), context.event(E.MD, matures, currency=second, facts=2)]


def initial_states(context: Context) -> States:
    terms = context.terms
    return States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        exercise_date=terms.exercise_date,
        exercise_amount=terms.exercise_amount,
    )


def pof_md_fxout(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    if event.facts != 2:
        amount = terms.notional_principal or 0.0
        return context.use("payoff", first_delivery, context.fx(event), terms.sign, amount)
    amount, settled = terms.notional_principal2 or 0.0, terms.settlement_currency
    fx = 1.0
    if settled and settled != terms.currency2:
        fx = context.risk_factor(f"{terms.currency2}/{settled}", event.scheduled)
    return context.use("payoff", second_delivery, fx, terms.sign, amount)


def pof_std_fxout(context: Context, states: States, event: Event) -> float:
    terms, matures = context.terms, context.maturity or 0
    if states.exercise_amount is not None and matures <= terms.status_date:
        amount = context.use("Xa", fixed_amount, terms.sign, states.exercise_amount)
    else:
        rate = context.risk_factor(f"{terms.currency2}/{terms.currency}", matures)
        notionals = terms.notional_principal or 0.0, rate, terms.notional_principal2 or 0.0
        amount = context.use("Xa", cash_difference, terms.sign, *notionals)
    return context.use("payoff", cash_settlement, context.fx(event), amount)


def stf_std_fxout(context: Context, states: States, event: Event) -> States:
    return replace(states, status_day=event.day, exercise_amount=0.0)


CONTRACT = ContractType(
    code="FXOUT",
    section="7.11 FXOUT: Foreign Exchange Outright",
    check=check,
    maturity=lambda context: context.terms.maturity_date,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_time),
        E.PRD: (pof_prd_stk, stf_time),
        E.TD: (pof_td_plain, stf_time),
        E.MD: (pof_md_fxout, stf_time),
        E.STD: (pof_std_fxout, stf_std_fxout),
        E.CE: (pof_none, stf_ce_stk),
    },
)
