"""Everything that follows by itself at one moment: process managers and timers in turn, until nothing is left to do.

For scenarios, whose time stands still between lines. The live runner does the same piece by piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregates import timers
from aggregates.assets import Assets
from aggregates.process_managers.runner import Runner, carry_out
from aggregates.rendering import EventView
from engines.deadlines import DeadlineBook
from engines.primitives.errors import TidemarkError
from engines.reminders import Ladder

ROUNDS_MAX = 100  # a rule that wants the same for ever is a bug


@dataclass(slots=True)
class CatchUp:
    app: Assets
    runner: Runner
    ladder: Ladder

    @classmethod
    def of(cls, app: Assets, book: DeadlineBook | None, ladder: Ladder | None) -> "CatchUp":
        """Without a book no deadline is opened, without a ladder nobody is reminded."""
        return cls(app, Runner(app, book=book), ladder or Ladder((), (), 0))

    def run(self, now: datetime) -> Iterator[EventView | TidemarkError]:
        """Yields what was stored, or why it was refused."""
        for _ in range(ROUNDS_MAX):
            yield from self.runner.run(now)
            stored = False
            for result in self._timers(now):
                stored = stored or isinstance(result, EventView)
                yield result
            if not stored:
                return
        raise AssertionError("timers and process managers do not come to rest")

    def _timers(self, now: datetime) -> Iterator[EventView | TidemarkError]:
        moment = timers.Moment(now, lambda entity: self.app.bank_day(entity, now), self.ladder)
        with self.app.model.current() as model:
            cases: list[Any] = [case for kind in timers.TIMED for case in model.of_kind(kind)]
            wanted = list(timers.due(cases, moment))
        for one in wanted:
            yield from carry_out(self.app, one, timers.command_id(one), now)
