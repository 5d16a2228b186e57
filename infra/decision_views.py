"""Folds the decision log into the work lists: our own puller over the log (decision E5), and the aggregates' tables
as data for projections, which know no aggregates.

Rows and position are one state in memory: what is read stands at exactly the position that is given with it, and a
reader sees every event that was stored before it asked. The state is folded from the log when it is first asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from threading import Lock
from typing import Any

from aggregates.event_view import EventView, instant
from aggregates.read_model import END_STAGES
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.rows import Row
from projections.work.stages import BY_HISTORY, Move, StageTable
from projections.work.state import WorkState, fold

PULL_LIMIT = 1_000
Pull = Callable[[int, int], Sequence[EventView]]  # after a position, at most so many
BankDay = Callable[[str, datetime], date]

#: Rows that move the stage by an effect, not by their `next`.
_MOVED_BY_EFFECT = frozenset((("RiskAsset", "UnwindTransfer"),))


class DecisionViews:
    """The work lists of one process. `pull` gives the next events of the log, as `Assets.published_after` does;
    `bank_day` the business day of an instant in an entity's bank time."""

    def __init__(self, pull: Pull, bank_day: BankDay) -> None:
        self._pull, self._bank_day = pull, bank_day
        self._lock = Lock()
        self._state = WorkState(stage_table())

    @contextmanager
    def current(self) -> Iterator[WorkState]:
        """The state up to the end of the log as it is now; nothing changes it inside the block.

        Raises Unavailable: the store does not answer; the state stays at the last event that it holds.
        """
        with self._lock:
            while batch := self._pull(self._state.position, PULL_LIMIT):
                fold(self._state, map(rendered, batch))
            yield self._state

    def today(self, at: datetime) -> Mapping[str, date]:
        """The business day of each entity at an instant."""
        return _Days(self._bank_day, at)


class _Days(dict[str, date]):
    def __init__(self, bank_day: BankDay, at: datetime) -> None:
        super().__init__()
        self._bank_day, self._at = bank_day, at

    def __missing__(self, entity: str) -> date:
        return self.setdefault(entity, self._bank_day(entity, self._at))


def rendered(event: EventView) -> dict[str, Any]:
    """What projections read of an event: as `EventView.to_json`, without what they never ask for."""
    who = event.envelope
    return {
        "position": event.position,
        "recorded_at": instant(event.recorded_at),
        "aggregate": event.aggregate,
        "key": event.key,
        "version": event.version,
        "type": event.type,
        "valid_on": who.valid_on.isoformat(),
        "actor": who.actor,
        "role": who.role,
        "org": who.org,
        "entity": who.entity,
        "payload": event.payload,
    }


def stage_table() -> StageTable:
    """The tables of all aggregates, as data."""
    return StageTable.of((_move(kind, row) for kind in KINDS.values() for row in kind.ROWS), END_STAGES)


def command_name(kind: type[Case], row: Row) -> str:
    """The name that a command must carry to mean this row (decision E18); "": nobody can ask for it."""
    if row.partner:
        return ""
    for name in (row.command, row.event):
        rows = kind.rows_of(name)
        if rows and rows[0] is row and len({one.event for one in rows}) == 1:
            return name
    return ""


def _move(kind: type[Case], row: Row) -> Move:
    derived = callable(row.next) or (kind.NAME, row.command) in _MOVED_BY_EFFECT
    return Move(
        kind.NAME,
        row.command,
        row.event,
        command_name(kind, row),
        row.roles,
        row.stages,
        BY_HISTORY if derived else str(row.next),
        row.track,
        row.remember,
        row.makes,
        row.partner,
        row.any_stage,
    )
