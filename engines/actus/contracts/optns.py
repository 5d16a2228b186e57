"""OPTNS, Option: the right to buy or to sell at a strike; European, American or Bermudan.

MD fixes whether it is exercised, XD how much it is worth then, STD pays that one settlement period later; where it is
worth nothing, nothing is paid. In physical settlement what changes hands is worth the same, so the flow is too.
Source: techspec 7.15. A purchase pays with role sign (option04); the standard prints none.
"""

from collections.abc import Callable
from dataclasses import replace

from engines.actus.arithmetic import Numbers, higher_of
from engines.actus.composite import underlying_market_object
from engines.actus.context import Context
from engines.actus.contract_type import ContractType, Payoff, Transition
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
from engines.actus.exercise import exercise_instant
from engines.actus.formula import formula
from engines.actus.states import States
from engines.actus.term_rules import require

E = EventType

Value = Callable[[Context, Event], float]


@formula("max({price} − {strike1}, 0)", "STF_XD_OPTNS: Xa, OPTP = C")
def call_value(price: Numbers, strike1: Numbers) -> Numbers:
    return higher_of(price - strike1, 0.0)


@formula("max({strike1} − {price}, 0)", "STF_XD_OPTNS: Xa, OPTP = P")
def put_value(price: Numbers, strike1: Numbers) -> Numbers:
    return higher_of(strike1 - price, 0.0)


@formula("max({price} − {strike1}, 0) + max({strike2} − {price}, 0)", "STF_XD_OPTNS: Xa, OPTP = CP")
def call_put_value(price: Numbers, strike1: Numbers, strike2: Numbers) -> Numbers:
    return higher_of(price - strike1, 0.0) + higher_of(strike2 - price, 0.0)


@formula("{fx} × {sign} × {exercise_amount}", "POF_STD_OPTNS")
def settlement_payoff(fx: Numbers, sign: Numbers, exercise_amount: Numbers) -> Numbers:
    return fx * sign * exercise_amount


def check(context: Context) -> None:
    terms = context.terms
    check_exercisable(context)
    require(terms, "option_type", "option_exercise_type", "option_strike1")
    if terms.option_type == "CP":
        require(terms, "option_strike2")


def check_exercisable(context: Context) -> None:
    """What options and futures share: a maturity, an underlying, and an amount with an exercise that is past."""
    terms = context.terms
    check_trade(context)
    require(terms, "maturity_date")
    underlying_market_object(terms)
    if terms.exercise_date is None:
        return
    if terms.exercise_date > (terms.maturity_date or 0):
        raise terms.invalid("exercise_date", "must not be after maturityDate")
    if terms.exercise_date <= terms.status_date and terms.exercise_amount is None:
        raise terms.invalid("exercise_amount", "required where exerciseDate is not after statusDate")


def schedule(context: Context) -> list[Event]:
    """MD, XD and STD. The contract ends with its settlement: an MD after it never comes."""
    exercised, matures = exercise_instant(context), context.maturity or 0
    settlement = settlement_event(context, exercised)
    events = [*trade_events(context), context.event(E.XD, exercised), settlement]
    return [*events, context.event(E.MD, matures)] if matures <= settlement.instant else events


def initial_states(context: Context) -> States:
    terms = context.terms
    return States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        exercise_date=terms.exercise_date,
        exercise_amount=terms.exercise_amount,
    )


def value(context: Context, event: Event) -> float:
    """What exercising is worth at an event: Xa, without sign."""
    terms = context.terms
    price = context.risk_factor(underlying_market_object(terms), event.scheduled)
    strike = terms.option_strike1 or 0.0
    if terms.option_type == "C":
        return context.use("Xa", call_value, price, strike)
    if terms.option_type == "P":
        return context.use("Xa", put_value, price, strike)
    return context.use("Xa", call_put_value, price, strike, terms.option_strike2 or 0.0)


def pof_std_optns(context: Context, states: States, event: Event) -> float:
    amount = states.exercise_amount or 0.0
    return context.use("payoff", settlement_payoff, context.fx(event), context.terms.sign, amount)


def stf_std_optns(context: Context, states: States, event: Event) -> States:
    return replace(states, exercise_amount=0.0, status_day=event.day)


def functions(worth: Value) -> dict[EventType, tuple[Payoff, Transition]]:
    """POF and STF of a right whose exercise is worth what `worth` says: OPTNS, FUTUR."""

    def stf_md(context: Context, states: States, event: Event) -> States:
        moved = replace(states, status_day=event.day)
        if states.exercise_date is not None or worth(context, event) == 0.0:
            return moved
        return replace(moved, exercise_date=event.instant)

    def stf_xd(context: Context, states: States, event: Event) -> States:
        """Xa; and Xd, which the standard sets at MD only, for an exercise before it."""
        amount = worth(context, event)
        early = event.scheduled < (context.maturity or 0)
        exercised = event.instant if early else states.exercise_date
        return replace(states, exercise_date=exercised, exercise_amount=amount, status_day=event.day)

    return {
        E.AD: (pof_none, stf_time),
        E.CE: (pof_none, stf_ce_stk),
        E.PRD: (pof_prd_stk, stf_time),
        E.TD: (pof_td_plain, stf_time),
        E.MD: (pof_none, stf_md),
        E.XD: (pof_none, stf_xd),
        E.STD: (pof_std_optns, stf_std_optns),
    }


CONTRACT = ContractType(
    code="OPTNS",
    section="7.15 OPTNS: Option",
    check=check,
    maturity=lambda context: context.terms.maturity_date,
    schedule=schedule,
    initial_states=initial_states,
    functions=functions(value),
)
