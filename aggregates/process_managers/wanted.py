"""A command that the system wants to give, and who the system is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.rendering import EventView
from engines.primitives.errors import TidemarkError

SYSTEM = Principal("system", ("SY",), "-", ("*",))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command that follows from an event or from the time.

    `tag` tells the commands of one cause apart where their number may change when the cause is looked at again.
    """

    aggregate: str
    key: str
    command: str
    payload: Mapping[str, Any]
    role: str = "SY"
    valid_on: date | None = None
    tag: str = ""
    principal: Principal = SYSTEM
    reason: str = ""


#: A rule may also find that something cannot be done: the refusal is for people.
Found = Wanted | TidemarkError
Rule = Callable[[Assets, EventView], Iterator[Found]]
