"""Which reminders of a deadline are due on a day: the ladder of days before `act_by`, each step once a recipient.

Pure. Who holds a part (manager, legal officer, branch reviewer) and how messages travel is the caller's matter.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Recipient:
    """`from_step`: the highest step of the ladder that is sent; `daily`: every day once `act_by` is over."""

    part: str
    methods: tuple[str, ...]
    from_step: int
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Ladder:
    """`steps`: days before `act_by`, falling to 0. `daily_max`: the daily reminders end after so many days."""

    steps: tuple[int, ...]
    recipients: tuple[Recipient, ...]
    daily_max: int


@dataclass(frozen=True, slots=True)
class Reminder:
    """`step`: days before `act_by`; `days_past`: days since, 0 on the ladder itself."""

    step: int
    days_past: int
    method: str
    part: str

    @property
    def mark(self) -> str:
        """Tells the reminders of one run of a deadline apart."""
        return f"{self.step}:{self.days_past}:{self.method}:{self.part}"


def due_reminders(ladder: Ladder, act_by: date, today: date, sent: Collection[str] = ()) -> Sequence[Reminder]:
    """The reminders to send today; `sent` are the marks of those that went out.

    Of the steps that were reached only the nearest is sent: a deadline that begins inside the ladder, or a day on
    which nobody ran, brings no heap of old steps.
    """
    left = (act_by - today).days
    if left > max(ladder.steps, default=-1):
        return ()  # nearly all deadlines, on nearly all days
    found = [reminder for recipient in ladder.recipients for reminder in _due(ladder, recipient, left)]
    return tuple(reminder for reminder in found if reminder.mark not in sent)


def _due(ladder: Ladder, recipient: Recipient, left: int) -> list[Reminder]:
    reached = [step for step in ladder.steps if left <= step <= recipient.from_step]
    steps = [(min(reached), 0)] if reached else []
    if recipient.daily and 0 < -left <= ladder.daily_max:
        steps.append((0, -left))
    if -left > ladder.daily_max:
        return []  # too old to be a reminder: what was missed is escalated elsewhere
    return [Reminder(step, past, method, recipient.part) for step, past in steps for method in recipient.methods]
