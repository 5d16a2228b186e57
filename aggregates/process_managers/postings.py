"""PM5, the part after the clock: a posting that the system asked for again is confirmed again, content unchanged.

The waiting itself is a timer (`aggregates.timers`). The instruction keeps its id, so core cannot post it twice, and
an instruction keeps its id only while its content is what two people asked for and confirmed: a changed one, or one
behind which the same person stands twice, waits for people.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.process_managers.wanted import Found, Rule, Wanted
from aggregates.registry import KINDS
from aggregates.rendering import EventView
from aggregates.steps.posting import POSTING_CHECKER, POSTING_MAKER
from engines.primitives.errors import Forbidden

RETRY = Principal("posting-retry", ("FN",), "-", ("*",))
RECONFIRM = Principal("posting-retry-confirmation", ("FC",), "-", ("*",))
MACHINES = (RETRY.actor, RECONFIRM.actor)


def confirm_retry(app: Assets, event: EventView) -> Iterator[Found]:
    case: Any = app.find(event.aggregate, event.key)
    if event.envelope.actor != RETRY.actor or event.payload["attempt"] < 2 or case is None:
        return
    makers, checkers = _people(case, POSTING_MAKER), _people(case, POSTING_CHECKER)
    pair = next(((maker, checker) for checker in checkers for maker in makers if maker != checker), None)
    if pair is None:
        message = "a retry is confirmed by the system only where one person asked and another confirmed before"
        yield Forbidden(message, guard="SD5", aggregate=event.aggregate, key=event.key)
        return
    payload = {"instruction_id": event.payload["instruction_id"]}
    reason = f"unchanged since {pair[0]} asked for it and {pair[1]} confirmed it"
    yield Wanted(event.aggregate, event.key, "ConfirmInstruction", payload, "FC", principal=RECONFIRM, reason=reason)


def _people(case: Any, part: str) -> list[str]:
    """Who played a part, newest first, machines left out."""
    return [actor for actor in reversed(case.people.get(part, [])) if actor not in MACHINES]


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        name: (confirm_retry,)
        for name in sorted({name for kind in KINDS.values() for name in kind.EVENTS})
        if name.endswith("PostingRequested")
    }
)
