"""A world in which process managers and timers run by hand: loans, suits, deadlines by key."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from aggregates import timers
from aggregates.process_managers import Runner, carry_out
from aggregates.rendering import EventView
from engines.primitives.errors import TidemarkError
from infra.deadline_policies import deadline_book, reminder_ladder
from tests.aggregates.world import LOAN, World

SUIT = "SUIT-1"
BOOK, LADDER = deadline_book(), reminder_ladder()


class Managed:
    """A world and its runner; `follow` lets the process managers catch up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runner = Runner(world.app, book=BOOK)
        self.refusals: list[TidemarkError] = []

    def follow(self) -> list[EventView]:
        return self._sorted(self.runner.run(self.world.clock.now))

    def do(self, role: str, name: str, **arguments: Any) -> list[EventView]:
        """Give a command, then let the process managers follow; what they stored."""
        self.world.do(role, name, **arguments)
        return self.follow()

    def suit(self, role: str, name: str, **arguments: Any) -> list[EventView]:
        return self.do(role, name, aggregate="LitigationCase", key=SUIT, **arguments)

    def tick(self, day: str, clock: str = "12:00") -> list[EventView]:
        """Let the timers run at an hour of a day in bank time, then the process managers; messages are left out."""
        self.world.clock.now = max(self.world.clock.now, datetime.fromisoformat(f"{day}T{clock}:00+08:00"))
        now = self.world.clock.now
        moment = timers.Moment(now, lambda entity: self.world.app.bank_day(entity, now), LADDER)
        with self.world.app.model.current() as model:
            cases: list[Any] = [case for kind in timers.TIMED for case in model.of_kind(kind)]
            wanted = list(timers.due(cases, moment))
        found = [
            view
            for one in wanted
            for view in self._sorted(carry_out(self.world.app, one, timers.command_id(one), now))
        ]
        return [view for view in found + self.follow() if view.type != "MessageQueued"]

    def _sorted(self, results: Iterator[EventView | TidemarkError]) -> list[EventView]:
        views = []
        for result in results:
            if isinstance(result, TidemarkError):
                self.refusals.append(result)
            else:
                views.append(result)
        return views

    def days(self, key: str) -> tuple[str, str, str, str]:
        """Stage, raw last day, legal due day and day to act by of a deadline."""
        found: Any = self.world.app.find("Deadline", key)
        days = [found.facts[name].isoformat() for name in ("raw_last_day", "legal_due_on", "act_by")]
        return (found.stage, days[0], days[1], days[2])

    def stage(self, key: str) -> str | None:
        found = self.world.app.find("Deadline", key)
        return None if found is None else found.stage

    def keys(self) -> list[str]:
        with self.world.app.model.current() as model:
            return [deadline.key for deadline in model.of_kind("Deadline")]

    def file_suit(self, day: str = "2022-09-05") -> None:
        """A suit on the one loan, docketed."""
        self.suit(
            "AM",
            "CaseProposalDrafted",
            day=day,
            loan_nos=[LOAN],
            asset_ids=[LOAN],
            route="LAWSUIT",
            claim_amount="8000000.00",
            claim_principal="8000000.00",
            claim_interest="0.00",
        )
        self.world.do("AM", "CaseProposalSubmitted", aggregate="LitigationCase", key=SUIT, day=day, wf_no="WF-9")
        self.world.do("HA", "CaseProposalApproved", aggregate="LitigationCase", key=SUIT, day=day, approval_no="A-9")
        self.suit("AM", "Docket", day=day, court_case_no="(2022) 1")


def day(text: str) -> date:
    return date.fromisoformat(text)
