"""What a contract type is to the state machine: how it plugs in.

A module of `contracts` holds one `ContractType` named CONTRACT; `registry` finds it by its code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engines.actus.context import Context
from engines.actus.events import Event, EventType
from engines.actus.states import States

Payoff = Callable[[Context, States, Event], float]
Transition = Callable[[Context, States, Event], States]


@dataclass(frozen=True, slots=True)
class ContractType:
    """The table of a contract type in the standard: schedule, states, POF and STF.

    Attributes:
        code: of the dictionary, such as PAM.
        section: of the technical specification.
        check: raises InvalidInput for terms that this type cannot do with or without.
        maturity: Md(t0); None where the type has none.
        schedule: all events; those before the status date, after the termination or the horizon are cut off later.
        initial_states: the states at t0.
        functions: POF and STF by event type.
    """

    code: str
    section: str
    check: Callable[[Context], None]
    maturity: Callable[[Context], int | None]
    schedule: Callable[[Context], list[Event]]
    initial_states: Callable[[Context], States]
    functions: Mapping[EventType, tuple[Payoff, Transition]]
