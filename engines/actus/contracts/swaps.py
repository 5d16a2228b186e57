"""SWAPS, Swap: two contracts, one received and one paid.

Delivered (deliverySettlement D), the events of both legs are the swap's; settled in cash (S), exchanges, interest,
redemptions and maturities of both legs at one time become one event with the sum of their payoffs. Each event shows
the states of its leg; a merged one their sum, with no rate.
Source: techspec 7.13. A purchase and a termination move their price and nothing else (swaps09, swaps10); the
standard adds the legs' accrued interest, and pays the purchase, which swaps09 receives. Purchases of all other types
turn with the role, and so does this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engines.actus.arithmetic import Numbers
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
from engines.actus.contract_type import ContractType, Payoff, Transition
from engines.actus.contracts.traded import (
    check_trade,
    pof_none,
    pof_td_plain,
    stf_ce_stk,
    trade_events,
)
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.state_machine import Flow, evaluate
from engines.actus.states import States
from engines.actus.terms import Terms

E = EventType

NETTED = (E.IED, E.IP, E.PR, E.MD)
OF_THE_SWAP = ("purchaseDate", "terminationDate")


@dataclass(frozen=True, slots=True)
class Legs:
    """The flows of the legs that make one event: one of one leg, or one of each."""

    flows: tuple[Flow, ...]


@formula("{payoff}", "techspec 7.13, event k: the leg's payoff")
def leg_payoff(payoff: Numbers) -> Numbers:
    return payoff


@formula("{first} + {second}", "techspec 7.13, aggregate event z: payoff, Nt and Ipac of both legs")
def netted(first: Numbers, second: Numbers) -> Numbers:
    return first + second


@formula("{fx} × {sign} × {price}", "POF_PRD_SWAPS by the reference case swaps09")
def purchase_price(fx: Numbers, sign: Numbers, price: Numbers) -> Numbers:
    return fx * sign * price


def leg_terms(terms: Terms) -> tuple[Terms, Terms]:
    """Both legs, the first one received or paid as the swap's role says."""
    first, second = (only_reference(terms, role) for role in ("FIL", "SEL"))
    legs = (
        child_terms(terms, first, {"contractRole": role_of(first, terms.sign)}),
        child_terms(terms, second, {"contractRole": role_of(second, -terms.sign)}),
    )
    for leg in legs:
        for name in OF_THE_SWAP:
            if leg.raw.get(name):
                raise terms.invalid("contract_structure", f"{name} is a term of the swap, not of {leg.contract_id}")
    return legs


def check(context: Context) -> None:
    check_trade(context)
    terms = context.terms
    if terms.contract_role not in ("RFL", "PFL"):
        raise terms.invalid("contract_role", "a swap receives (RFL) or pays (PFL) its first leg")
    leg_terms(terms)


def maturity(context: Context) -> int | None:
    """Md(t0): the later of both legs'; None where one has none."""
    ends = [maturity_of(context, leg) for leg in leg_terms(context.terms)]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def schedule(context: Context) -> list[Event]:
    first, second = (leg_events(context, leg) for leg in leg_terms(context.terms))
    if context.terms.delivery_settlement == "S":
        return [*trade_events(context), *net(first, second)]
    return [*trade_events(context), *first, *second]


def leg_events(context: Context, leg: Terms) -> list[Event]:
    """A leg's events, each with its flow."""
    explained = context.steps is not None
    evaluation = evaluate(leg, observed_by(context), to=context.horizon, explain=explained)
    return [replace(flow.event, currency=flow.currency, facts=Legs((flow,))) for flow in evaluation.flows]


def net(first: list[Event], second: list[Event]) -> list[Event]:
    """U ∪ V of the standard: events of both legs at one time and of one type to be netted, merged."""
    waiting = {(event.instant, event.kind, event.currency): event for event in second if event.kind in NETTED}
    merged: list[Event] = []
    for event in first:
        other = waiting.pop((event.instant, event.kind, event.currency), None)
        facts = event.facts if other is None else Legs((*event.facts.flows, *other.facts.flows))
        merged.append(replace(event, facts=facts))
    return [*merged, *waiting.values(), *(event for event in second if event.kind not in NETTED)]


def initial_states(context: Context) -> States:
    terms = context.terms
    interest = [states_now(context, leg).accrued_interest for leg in leg_terms(terms)]
    return States(
        status_day=context.day(terms.status_date),
        maturity_date=context.maturity,
        contract_performance=terms.contract_performance,
        accrued_interest=netted(*interest),
    )


def pof_k_swaps(context: Context, states: States, event: Event) -> float:
    flows = event.facts.flows
    if context.steps is not None:
        context.steps.extend(step for flow in flows for step in flow.steps)
    if len(flows) == 1:
        return context.use("payoff", leg_payoff, flows[0].payoff)
    return context.use("payoff", netted, *(flow.payoff for flow in flows))


def stf_k_swaps(context: Context, states: States, event: Event) -> States:
    legs: Legs = event.facts
    after = [flow.after for flow in legs.flows]
    if len(after) == 1:
        return replace(after[0], maturity_date=states.maturity_date)
    first, second = after
    return replace(
        states,
        notional_principal=context.use("Nt", netted, first.notional_principal, second.notional_principal),
        accrued_interest=context.use("Ipac", netted, first.accrued_interest, second.accrued_interest),
        nominal_interest_rate=0.0,
        status_day=event.day,
    )


def pof_prd_swaps(context: Context, states: States, event: Event) -> float:
    terms, fx = context.terms, context.fx(event)
    return context.use("payoff", purchase_price, fx, terms.sign, terms.price_at_purchase_date or 0.0)


def stf_prd_swaps(context: Context, states: States, event: Event) -> States:
    """The swap itself has no notional and no rate; what its legs have, their next events show."""
    return replace(
        states, notional_principal=0.0, nominal_interest_rate=0.0, accrued_interest=0.0, status_day=event.day
    )


def stf_ad_swaps(context: Context, states: States, event: Event) -> States:
    """STF_AD_SWAPS: the accrued interest of both legs."""
    interest = [states_at(context, leg, event.instant).accrued_interest for leg in leg_terms(context.terms)]
    accrued = context.use("Ipac", netted, *interest)
    return replace(stf_prd_swaps(context, states, event), accrued_interest=accrued)


def functions(
    own: Mapping[EventType, tuple[Payoff, Transition]],
) -> dict[EventType, tuple[Payoff, Transition]]:
    """POF and STF: the swap's own ones, and those that a leg has evaluated, which may be of any type."""
    return {kind: own.get(kind, (pof_k_swaps, stf_k_swaps)) for kind in EventType}


CONTRACT = ContractType(
    code="SWAPS",
    section="7.13 SWAPS: Swap",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions=functions(
        {
            E.AD: (pof_none, stf_ad_swaps),
            E.CE: (pof_none, stf_ce_stk),
            E.PRD: (pof_prd_swaps, stf_prd_swaps),
            E.TD: (pof_td_plain, stf_prd_swaps),
        }
    ),
)
