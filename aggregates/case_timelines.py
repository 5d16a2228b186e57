"""The timeline of an aggregate: each event with what it changed, and the state it came to, as of and as known then.

Events are folded in recorded order, as aggregates are (decision E2): of the events known at an instant those that
count by a day. States are those that the API shows, so that a difference is one that somebody could have seen. Not
for ledgers, which fold in valid order (spec/risk-assets.md 4.2), nor for judging commands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aggregates.envelope import Principal
from aggregates.event_view import EventView, Json
from aggregates.past_cases import Decisions, folded
from aggregates.refusals import not_found
from aggregates.rendering import state_of

_VERSION = "version"  # grows with every event: no news


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the state before and after an event, a field inside a record by its path: `memo.principal`."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    event: EventView
    changes: tuple[Change, ...]

    def to_json(self) -> Json:
        shown = [{"field": one.field, "before": one.before, "after": one.after} for one in self.changes]
        return self.event.to_json() | {"changes": shown}


@dataclass(frozen=True, slots=True)
class Timeline:
    """`state` is that after the last step; `left_out` counts known events that count later than `as_of`."""

    steps: tuple[Step, ...]
    state: Json
    left_out: int = 0

    @property
    def position(self) -> int:
        """Log position of the last event in it."""
        return self.steps[-1].event.position


def timeline(
    source: Decisions,
    aggregate: str,
    key: str,
    *,
    reader: Principal,
    known_at: datetime | date | None = None,
    as_of: date | None = None,
) -> Timeline:
    """Raises NotFound for what did not exist by then, and for what the reader may not see."""
    known = source.history(aggregate, key, reader=reader, known_at=known_at)
    counted = [one for one in known if as_of is None or one.envelope.valid_on <= as_of]
    if not counted:
        raise not_found(aggregate, key)
    steps: list[Step] = []
    state: Json = {}
    for view, case in zip(counted, folded(source, counted), strict=True):
        after = state_of(case) | {_VERSION: view.version}
        steps.append(Step(view, tuple(differences(state, after))))
        state = after
    return Timeline(tuple(steps), state, len(known) - len(counted))


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[Change]:
    """Fields whose values differ, by name; of records those inside them. A field that is not there is None."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        where = f"{path}{name}"
        if old == new or where == _VERSION:
            continue
        if isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
            yield from differences(old or {}, new or {}, f"{where}.")
        else:
            yield Change(where, old, new)
