"""What is due, for the cuts to tell: reservations past their date out of the view, terms out of the work lists.

Told are few: what is past, and of terms those that are near, each once while it does not change; how many days are
left is worked out where it is judged (`projections.rule_dues`). Not for judging.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np
import structlog

from engines.primitives.money import to_text
from projections.limit_cuts import Due
from projections.work.deadlines import DatedLine, lines
from projections.work.state import WorkState
from streams.rule_amounts import amount_of
from streams.views_cells import ReservationCells

log = structlog.get_logger()

NEAR_DAYS = 90  # the first step of the reminder ladder (docs/deadlines.md)
LOOK_EVERY_S = 5.0
DUES_MAX = 2_000  # of each kind in one cut, the oldest first: a record stays well below a megabyte


def reservations_past(table: ReservationCells, days: Mapping[str, date]) -> tuple[Due, ...]:
    """Approved and not executed, with a value date before the entity's business date, by organisation (LIQ-03).

    An entity without a business date has none.
    """
    limit = np.array(
        [days[members[0]].toordinal() if members[0] in days else 0 for members in table.members], np.int64
    )
    left: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)
    for group, day, (approved,) in table.iterate():
        for at in np.flatnonzero((approved > 0) & (day < limit[group])).tolist():
            found = left[table.members[group[at]]]
            found[int(day[at])] = found.get(int(day[at]), 0) + int(approved[at])
    dues = [
        Due(
            about="reservation",
            subject=organisation,
            entity=entity,
            currency=currency,
            due_on=date.fromordinal(min(by_day)).isoformat(),
            amount=to_text(sum(by_day.values()), currency),
            count=len(by_day),
        )
        for (entity, organisation, currency), by_day in left.items()
    ]
    return _bounded(dues)


class WorkLists(Protocol):
    """Of `infra.decision_views.DecisionViews`."""

    def current(self) -> AbstractContextManager[WorkState]: ...

    def today(self, at: datetime) -> Mapping[str, date]: ...


@dataclass(slots=True)
class TermsNear:
    """Open terms and dates out of the work lists, looked at now and then: facts of days, by a walk over all cases."""

    lists: WorkLists
    clock: Callable[[], datetime]
    every_s: float = LOOK_EVERY_S
    _looked_at: datetime | None = None
    _found: Sequence[Due] = field(default_factory=tuple)

    def __call__(self) -> Sequence[Due]:
        """Raises Unavailable."""
        now = self.clock()
        if self._looked_at is None or now - self._looked_at >= timedelta(seconds=self.every_s):
            with self.lists.current() as state:
                self._found = terms_near(state, self.lists.today(now))
            self._looked_at = now
        return self._found


def terms_near(state: WorkState, today: Mapping[str, date]) -> tuple[Due, ...]:
    """At most so many days away by the prudent day, or over and not settled."""
    return _bounded([_due_of(state, line) for line in lines(state, today) if line.days_left <= NEAR_DAYS])


def _due_of(state: WorkState, line: DatedLine) -> Due:
    case = state.cases[line.aggregate, line.key]
    return Due(
        about="deadline",
        subject=f"{line.aggregate}/{line.key}",
        entity=line.entity,
        currency=case.ccy,
        due_on=line.due_on,
        act_by=line.act_by,
        rule=line.rule_code,
        stage=line.state,
        amount=amount_of(case.facts, case.ccy),
        count=line.reminders,
    )


def _bounded(dues: list[Due]) -> tuple[Due, ...]:
    dues.sort(key=lambda due: (due.act_by or due.due_on, due.key))
    if len(dues) > DUES_MAX:
        log.warning("dues_left_off", about=dues[0].about, count=len(dues) - DUES_MAX)
    return tuple(sorted(dues[:DUES_MAX], key=lambda due: due.key))
