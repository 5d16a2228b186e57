"""The algorithm of the standard: evaluate the events of a contract one after another, from state to state.

Source: techspec 2.3 to 2.10. Events at or before the status date are past, events after a termination never come,
events after the horizon are not asked for; a purchase drops what came before it, though it has been evaluated.
"""

import math
from dataclasses import dataclass

from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.dates import show_instant
from engines.actus.events import ORDER, Event, EventType
from engines.actus.formula import Step
from engines.actus.observed import NOTHING, Observed
from engines.actus.registry import contract_type
from engines.actus.states import States
from engines.actus.terms import Terms


@dataclass(frozen=True, slots=True)
class Flow:
    """An evaluated event.

    Attributes:
        payoff: positive: to the creator of the contract; 0.0 for events that only change states.
        before, after: the states around it.
        steps: the formulas it used, in order, with their numbers; empty unless an explanation was asked for.
    """

    event: Event
    payoff: float
    currency: str
    before: States
    after: States
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A contract's states at its status date and its flows, in the order of events."""

    terms: Terms
    initial: States
    flows: tuple[Flow, ...]


def evaluate(
    terms: Terms, observed: Observed = NOTHING, *, to: int | None = None, explain: bool = False
) -> Evaluation:
    """All events of a contract after its status date, with payoffs and states.

    Args:
        terms: of any registered contract type.
        observed: risk factors and events from outside; only what an event reads must be there.
        to: the horizon, an instant, inclusive; None: to the end of the contract.
        explain: keep each formula's numbers in `Flow.steps`.
    Raises:
        InvalidInput: the terms lack or contradict something, an observation is missing, a number overflows; field
            and record name it.
    """
    context, kind = prepare(terms, observed, to=to, explain=explain)
    initial = kind.initial_states(context)
    if context.steps is not None:
        context.steps.clear()
    flows: list[Flow] = []
    states = initial
    for event in remaining_events(context, kind):
        try:
            flow = _apply(context, kind, states, event)
        except ZeroDivisionError as error:
            rule = f"its {event.kind} at {show_instant(event.instant)} divides by 0"
            raise terms.invalid("nominal_interest_rate", rule) from error
        flows.append(flow)
        states = flow.after
    return Evaluation(terms, initial, tuple(_after_purchase(terms, flows)))


def prepare(
    terms: Terms, observed: Observed = NOTHING, *, to: int | None = None, explain: bool = False
) -> tuple[Context, ContractType]:
    """A contract's context, checked and with its maturity, and its type: what `evaluate` starts from."""
    kind = contract_type(terms.contract_type, record=terms.contract_id)
    context = Context(terms, observed, to, explain=explain)
    kind.check(context)
    context.maturity = kind.maturity(context)
    return context, kind


def remaining_events(context: Context, kind: ContractType) -> list[Event]:
    """The schedule in order, without what is past, terminated or beyond the horizon."""
    events = sorted(kind.schedule(context), key=lambda event: event.place)
    terminated = next((event.place for event in events if event.kind is EventType.TD), None)
    after, horizon = context.terms.status_date, context.horizon
    return [
        event
        for event in events
        if event.instant > after
        and (terminated is None or event.place <= terminated)
        and (horizon is None or (event.instant if event.trigger is None else event.trigger) <= horizon)
    ]


def _apply(context: Context, kind: ContractType, states: States, event: Event) -> Flow:
    payoff_function, transition = kind.functions[event.kind]
    payoff = payoff_function(context, states, event)
    after = transition(context, states, event)
    if not (
        math.isfinite(payoff) and math.isfinite(after.notional_principal) and math.isfinite(after.accrued_interest)
    ):
        raise context.terms.invalid("notional_principal", f"the contract's {event.kind} leaves the range of numbers")
    steps = tuple(context.steps or ())
    if context.steps is not None:
        context.steps.clear()
    return Flow(event, payoff, event.currency or context.currency, states, after, steps)


def _after_purchase(terms: Terms, flows: list[Flow]) -> list[Flow]:
    """Without what came before the purchase: it belongs to the seller."""
    if terms.purchase_date is None:
        return flows
    bought = (terms.purchase_date, ORDER[EventType.PRD])
    return [flow for flow in flows if flow.event.place >= bought]
