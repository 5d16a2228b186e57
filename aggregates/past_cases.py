"""An aggregate as it stood: folded from what counted by a day and was known at an instant (decision E2).

For papers that must come out alike whenever they are asked for. Not for judging commands: those load the present, and
not for ledgers, which fold in valid order (spec/risk-assets.md 4.2).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from aggregates.envelope import Principal
from aggregates.event_view import EventView
from aggregates.ports import DecisionRecorder, Recorded
from aggregates.refusals import not_found
from aggregates.steps.case import Case


class Decisions(Protocol):
    """What this module asks of `aggregates.assets.Assets`."""

    @property
    def decisions(self) -> DecisionRecorder: ...

    @property
    def decode(self) -> Callable[[Recorded], Any]: ...

    def history(
        self, aggregate: str, key: str, *, reader: Principal, known_at: datetime | date | None = None
    ) -> Sequence[EventView]: ...


@dataclass(frozen=True, slots=True)
class PastCase:
    """An aggregate and the events it is folded from, oldest first."""

    case: Case
    events: tuple[EventView, ...]

    @property
    def position(self) -> int:
        """Log position of the last event in it."""
        return self.events[-1].position


def past_case(
    source: Decisions,
    aggregate: str,
    key: str,
    *,
    reader: Principal,
    known_at: datetime | date | None = None,
    as_of: date | None = None,
) -> PastCase:
    """The aggregate of its events; with `known_at`, of those recorded up to an instant or the end of a bank day, with
    `as_of`, of those that count by that day.

    Events are folded in recorded order, as aggregates are. Raises NotFound for what did not exist by then, and for
    what the reader may not see.
    """
    views = source.history(aggregate, key, reader=reader, known_at=known_at)
    views = [view for view in views if as_of is None or view.envelope.valid_on <= as_of]
    if not views:
        raise not_found(aggregate, key)
    *_, case = folded(source, views)
    return PastCase(case, tuple(views))


def folded(source: Decisions, views: Sequence[EventView]) -> Iterator[Case]:
    """The aggregate after each of these events of it, in recorded order; one object, changed from step to step."""
    wanted = {view.position for view in views}
    recorded = source.decisions.select_recorded(originator_id=views[0].stream_id, stop=views[-1].position)
    case: Case | None = None
    for one in recorded:
        if one.position not in wanted:
            continue
        event = source.decode(one)
        if case is None:
            case = event.mutate(None)
        else:
            # Not `mutate`: it wants consecutive versions, and what counts later is left out here.
            event.apply(case)
        assert case is not None  # noqa: S101 - the first event makes the aggregate
        yield case
