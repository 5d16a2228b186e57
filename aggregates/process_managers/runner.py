"""Reads the log and gives the commands that follow. A command's id derives from the event that causes it, so that
running twice, or in two places, stores nothing twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.process_managers import deadlines, messages, money, postings, waiting
from aggregates.process_managers.wanted import Found
from aggregates.rendering import EventView
from engines.deadlines import DeadlineBook
from engines.primitives.errors import TidemarkError, Unavailable

BATCH = 200


@dataclass(slots=True)
class Runner:
    """Follows the log from a position. Without a `book` no deadline is opened or moved (PM11)."""

    app: Assets
    position: int = 0
    book: DeadlineBook | None = None

    def run(self, now: datetime) -> Iterator[EventView | TidemarkError]:
        """Carry out all that follows from the events since the last run; yields what was stored, or the refusal."""
        while events := self.app.published_after(self.position, BATCH):
            for event in events:
                self.position = event.position
                yield from self.follow(event, now)

    def follow(self, event: EventView, now: datetime) -> Iterator[EventView | TidemarkError]:
        """Carry out what follows from one event. Raises Unavailable: then follow it again, nothing is done twice."""
        for name, found in self._found(event):
            for number, wanted in enumerate(_with_refusal(found)):
                # A rule's numbers are kept where they always were: stored commands are known by them.
                own = getattr(wanted, "tag", "")
                cmd_id = str(uuid5(event.id, f"{name}/{own}")) if own else f"{name}:{event.id}:{number}"
                correlation = event.envelope.correlation_id
                yield from carry_out(self.app, wanted, cmd_id, now, correlation=correlation, cause=event.id)

    def _found(self, event: EventView) -> Iterator[tuple[str, Iterator[Found]]]:
        for rules in (money.RULES, postings.RULES, waiting.RULES, messages.RULES):
            for rule in rules.get(event.type, ()):
                yield rule.__name__, rule(self.app, event)
        if self.book is not None:
            for deadline_rule in deadlines.RULES.get(event.type, ()):
                yield deadline_rule.__name__, deadline_rule(deadlines.Terms(self.app, self.book, event))


def _with_refusal(found: Iterator[Found]) -> Iterator[Found]:
    """What a rule cannot even ask for is a refusal too."""
    try:
        yield from found
    except Unavailable:
        raise
    except TidemarkError as refusal:
        yield refusal


def carry_out(
    app: Assets, wanted: Found, cmd_id: str, now: datetime, *, correlation: str = "", cause: UUID | None = None
) -> Iterator[EventView | TidemarkError]:
    """Give one command, unless it was given before; yields what it stored, or why it was refused."""
    if isinstance(wanted, TidemarkError):
        yield wanted
        return
    command = Command(
        cmd_id=cmd_id,
        aggregate=wanted.aggregate,
        key=wanted.key,
        command=wanted.command,
        payload=wanted.payload,
        principal=wanted.principal,
        at=now,
        valid_on=wanted.valid_on,
        role=wanted.role,
        reason=wanted.reason,
        correlation_id=correlation,
        causation_id="" if cause is None else str(cause),
    )
    try:
        if app.decisions.stored_command(cmd_id) is not None:
            return
        outcome = app.execute(command)
    except Unavailable:
        raise
    except TidemarkError as refusal:
        yield refusal
    else:
        yield from () if outcome.repeated else outcome.events
