"""AlertSilence: alerts that for a time are sent to nobody. They stay in the centre.

A short silence that spares critical alerts is in force at once; one that is long or covers them needs another person.
Not for matching: the matcher is an expression, which `projections.alert_routing` evaluates.
"""

from datetime import datetime, timedelta
from typing import Any

from aggregates.alert import PEOPLE
from aggregates.alert_subscription import FILTER_LENGTH_MAX, unless_entities
from aggregates.payload import wrong
from aggregates.refusals import unless_field
from aggregates.steps.case import Case, CaseEvent
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

ALONE_MAX, LONGEST = timedelta(hours=24), timedelta(days=31)


def _content(step: Step) -> Facts:
    unless_entities(step)
    unless_field(
        0 < len(step["matcher"]) <= FILTER_LENGTH_MAX, "matcher", f"want 1 to {FILTER_LENGTH_MAX} characters"
    )
    starts, ends = _instant(step["starts_at"], "starts_at"), _instant(step["ends_at"], "ends_at")
    unless_field(starts < ends, "ends_at", "is not after the start")
    unless_field(ends > step.work.at, "ends_at", "is past")
    unless_field(ends - starts <= LONGEST, "ends_at", f"is more than {LONGEST.days} days after the start")
    unless_field(bool(step["comment"]), "comment", "is empty")
    return {"needs_another": bool(step.get("covers_critical")) or ends - starts > ALONE_MAX}


def _instant(text: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise wrong(field, "want an instant with its zone, as 2026-11-22T08:00:00Z")
    return found


ANOTHER = clause("SD1", "another person than the maker", lambda step: not step.case.has_played(step.actor, "maker"))


class AlertSilence(Case):
    """PROPOSED where another person has to approve, else IN_FORCE at once; → ENDED, by hand or by its own end."""

    NAME = "AlertSilence"
    KEY = "silence_no"
    ROWS = (
        row(
            "Silence",
            "AlertsSilenced",
            PEOPLE,
            "matcher:S, entities:L, starts_at:I, ends_at:I, comment:S, covers_critical:B?, needs_another:B",
            makes=True,
            next=lambda case, facts: "PROPOSED" if facts.get("needs_another") else "IN_FORCE",
            derive=_content,
            remember="maker",
        ),
        row("Approve", "SilenceApproved", PEOPLE, stages="PROPOSED", next="IN_FORCE", clauses=(ANOTHER,)),
        row(
            "Reject", "SilenceRejected", PEOPLE, "comment:S?", stages="PROPOSED", next="REJECTED", clauses=(ANOTHER,)
        ),
        row("End", "SilenceEnded", PEOPLE, "comment:S?", stages="PROPOSED IN_FORCE", next="ENDED"),
    )

    def start(self) -> None:
        self.in_force_at: datetime | None = None
        self.ended_at: datetime | None = None

    def absorb(self, event: CaseEvent) -> None:
        super().absorb(event)
        if self.stage == "IN_FORCE" and self.in_force_at is None:
            self.in_force_at = event.timestamp
        if event.ROW.command == "End":
            self.ended_at = event.timestamp

    def extra(self) -> dict[str, Any]:
        return {"in_force_at": self.in_force_at, "ended_at": self.ended_at}
