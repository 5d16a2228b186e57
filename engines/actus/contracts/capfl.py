"""CAPFL, Cap-Floor: what a cap or floor of the rate changes in the interest of an underlying contract.

The underlying is evaluated twice, without and with the cap and floor of this contract; the difference of both
interest payments is paid. The underlying is a loan or a plain vanilla swap, whose floating leg is what is capped.
Source: techspec 7.14. A purchase pays its price with role sign, as that of an option does (option04).
"""

from dataclasses import dataclass, replace

from engines.actus.arithmetic import Numbers, higher_of
from engines.actus.composite import (
    child_terms,
    maturity_of,
    observed_by,
    only_reference,
    role_of,
    states_at,
    states_now,
)
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts.traded import check_trade, pof_none, stf_ce_stk, trade_events
from engines.actus.events import ORDER, Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.state_machine import Flow, evaluate
from engines.actus.states import States
from engines.actus.terms import Terms

E = EventType

INTEREST = (E.IP, E.IPFL)
UNDERLYINGS = ("PAM", "LAM", "LAX", "NAM", "ANN", "CLM", "SWPPV")
BOUNDS = ("lifeCap", "lifeFloor")


@dataclass(frozen=True, slots=True)
class Pair:
    """One interest payment of the underlying, without the bounds and with them."""

    unbounded: Flow
    bounded: Flow


@formula("{sign} × |{unbounded} − {bounded}|", "POF_IP_CAPFL; STF_AD_CAPFL: Ipac")
def bound_difference(sign: Numbers, unbounded: Numbers, bounded: Numbers) -> Numbers:
    return sign * higher_of(unbounded - bounded, bounded - unbounded)


@formula("{fx} × ({sign} × (−1) × {price} + {accrued})", "POF_PRD_CAPFL")
def purchase_payoff(fx: Numbers, sign: Numbers, price: Numbers, accrued: Numbers) -> Numbers:
    return fx * (sign * MINUS * price + accrued)


@formula("{fx} × ({price} + {accrued})", "POF_TD_CAPFL")
def termination_payoff(fx: Numbers, price: Numbers, accrued: Numbers) -> Numbers:
    return fx * (price + accrued)


def underlying(terms: Terms) -> tuple[Terms, Terms]:
    """The underlying contract without the bounds and with them, held as an asset."""
    reference = only_reference(terms, "UDL")
    kind = str(reference.object.get("contractType") or "").strip()
    if kind not in UNDERLYINGS:
        raise terms.invalid(
            "contract_structure", f"a cap-floor is over one of {', '.join(UNDERLYINGS)}, not {kind!r}"
        )
    bounds = {name: terms.raw[name] for name in BOUNDS if terms.raw.get(name) not in (None, "")}
    settings = {"contractRole": role_of(reference, 1.0)}
    return (
        child_terms(terms, reference, settings, without=BOUNDS),
        child_terms(terms, reference, {**settings, **bounds}, without=BOUNDS),
    )


def check(context: Context) -> None:
    check_trade(context)
    terms = context.terms
    if terms.life_cap is None and terms.life_floor is None:
        raise terms.invalid("life_cap", "a cap-floor wants lifeCap or lifeFloor")
    if terms.life_cap is not None and terms.life_floor is not None and terms.life_cap < terms.life_floor:
        raise terms.invalid("life_cap", "must not be below lifeFloor")
    underlying(terms)


def maturity(context: Context) -> int | None:
    return maturity_of(context, underlying(context.terms)[0])


def schedule(context: Context) -> list[Event]:
    unbounded, bounded = (interest_flows(context, child) for child in underlying(context.terms))
    return [
        *trade_events(context),
        *(
            replace(
                flow.event, kind=E.IP, order=ORDER[E.IP], currency=flow.currency, facts=Pair(flow, bounded[place])
            )
            for place, flow in unbounded.items()
            if place in bounded
        ),
    ]


def interest_flows(context: Context, child: Terms) -> dict[tuple[int, EventType], Flow]:
    """The underlying's interest payments by time and type."""
    evaluation = evaluate(child, observed_by(context), to=context.horizon, explain=context.steps is not None)
    return {(flow.event.instant, flow.event.kind): flow for flow in evaluation.flows if flow.event.kind in INTEREST}


def initial_states(context: Context) -> States:
    terms = context.terms
    unbounded, bounded = (interest_of(child, states_now(context, child)) for child in underlying(terms))
    return States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        accrued_interest=bound_difference(terms.sign, unbounded, bounded),
    )


def interest_of(child: Terms, states: States) -> float:
    """The accrued interest that the bounds change: of a swap, the floating leg's."""
    return states.accrued_interest2 if child.contract_type == "SWPPV" else states.accrued_interest


def accrued(context: Context, event: Event) -> float:
    """R × |Ipac without bounds − Ipac with them| at an event."""
    unbounded, bounded = (
        interest_of(child, states_at(context, child, event.instant)) for child in underlying(context.terms)
    )
    return context.use("Ipac", bound_difference, context.terms.sign, unbounded, bounded)


def pof_ip_capfl(context: Context, states: States, event: Event) -> float:
    pair: Pair = event.facts
    if context.steps is not None:
        context.steps.extend((*pair.unbounded.steps, *pair.bounded.steps))
    return context.use("payoff", bound_difference, context.terms.sign, pair.unbounded.payoff, pair.bounded.payoff)


def pof_prd_capfl(context: Context, states: States, event: Event) -> float:
    terms = context.terms
    price, interest = terms.price_at_purchase_date or 0.0, accrued(context, event)
    return context.use("payoff", purchase_payoff, context.fx(event), terms.sign, price, interest)


def pof_td_capfl(context: Context, states: States, event: Event) -> float:
    price, interest = context.terms.price_at_termination_date or 0.0, accrued(context, event)
    return context.use("payoff", termination_payoff, context.fx(event), price, interest)


def stf_ad_capfl(context: Context, states: States, event: Event) -> States:
    return replace(states, accrued_interest=accrued(context, event), status_day=event.day)


def stf_ip_capfl(context: Context, states: States, event: Event) -> States:
    return replace(states, accrued_interest=0.0, status_day=event.day)


CONTRACT = ContractType(
    code="CAPFL",
    section="7.14 CAPFL: Cap-Floor",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        E.AD: (pof_none, stf_ad_capfl),
        E.CE: (pof_none, stf_ce_stk),
        E.PRD: (pof_prd_capfl, stf_ad_capfl),
        E.TD: (pof_td_capfl, stf_ip_capfl),
        E.IP: (pof_ip_capfl, stf_ip_capfl),
    },
)
