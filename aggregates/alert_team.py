"""AlertTeam: who is told when nobody acknowledges, in which order, after how long (escalation).

Not for rights: a member is told of alerts of the entities that the team's subscription names.
"""

from typing import Any

from aggregates.alert_subscription import LANGUAGES, unless_target
from aggregates.refusals import unless_field
from aggregates.steps.case import Case, CaseEvent
from aggregates.steps.rows import Facts, row
from aggregates.steps.step import Step

FOUNDERS = "HM HA RM OP SA TR AC"
LEVELS_MAX = 5
AFTER_MINUTES_MAX = 1_440
CONTENT = "title:S?, members:L{person:I, channel:I, target:S, language:I?}, levels:L{after_minutes:N, persons:L}"


def _content(step: Step) -> Facts:
    members, levels = step["members"], step["levels"]
    unless_field(bool(members), "members", "is empty")
    reached = [(one["person"], one["channel"]) for one in members]
    unless_field(len(set(reached)) == len(reached), "members", "names a person's channel twice")
    for one in members:
        unless_target(one["channel"], one["target"], "members")
        unless_field(one.get("language", "en") in LANGUAGES, "members", "want the language en or zh")
    unless_field(len(levels) <= LEVELS_MAX, "levels", f"want at most {LEVELS_MAX}")
    after = [level["after_minutes"] for level in levels]
    rising = all(earlier < later for earlier, later in zip([0, *after], after, strict=False))
    unless_field(
        rising and max(after, default=0) <= AFTER_MINUTES_MAX, "levels", "want minutes that rise up to 1,440"
    )
    people = {person for person, _ in reached}
    for level in levels:
        unless_field(bool(level["persons"]), "levels", "a level tells nobody")
        unless_field(set(level["persons"]) <= people, "levels", "names somebody who is no member")
    return {}


class AlertTeam(Case):
    """FOUNDED, changed as a whole, → DISBANDED."""

    NAME = "AlertTeam"
    KEY = "team_no"
    ROWS = (
        row("Found", "TeamFounded", FOUNDERS, CONTENT, makes=True, next="FOUNDED", derive=_content),
        row("Change", "TeamChanged", FOUNDERS, CONTENT, stages="FOUNDED", derive=_content),
        row("Disband", "TeamDisbanded", FOUNDERS, "comment:S?", stages="FOUNDED", next="DISBANDED"),
    )

    def start(self) -> None:
        self.versions: list[dict[str, Any]] = []

    @property
    def people_now(self) -> frozenset[str]:
        return frozenset(one["person"] for one in self.facts.get("members", ()))

    def absorb(self, event: CaseEvent) -> None:
        super().absorb(event)
        if event.ROW.command == "Disband":
            self.versions.append({"since": event.timestamp, "members": [], "levels": []})
        else:
            self.versions.append({"since": event.timestamp, **event.read_facts()})
