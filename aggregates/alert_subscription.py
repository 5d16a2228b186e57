"""AlertSubscription: which alerts a person or a team wants to be told of, where, when and how bundled (PLT-08).

What counts at an instant is the version then in force, so its history is kept. Not for matching alerts, which is
`projections.alert_routing`; the filter is compiled there too, since expressions are none of an aggregate's business.
"""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aggregates.alert import PEOPLE, SEVERITIES, SYSTEM
from aggregates.envelope import EVERY_ENTITY
from aggregates.refusals import unless_field
from aggregates.steps.case import Case, CaseEvent
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

ADMINISTRATORS = ("OP", "SA", "RM")
DIGESTS = ("IMMEDIATELY", "HOURLY", "DAILY")
GROUPS = (
    "rule", "rule_id", "entity", "incident", "currency", "severity", "limit_id", "metric", "scope", "organisation",
    "customer_class",
)  # fmt: skip
DAYS = ("WORKDAYS", "1", "2", "3", "4", "5", "6", "7")
LANGUAGES = ("en", "zh")
FILTER_LENGTH_MAX = 2_000
GROUP_MINUTES_MAX = 1_440
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
TARGETS = {
    "webhook": re.compile(r"https?://[^\s]{3,500}"),
    "email": re.compile(r"[^\s@]{1,64}@[^\s@]{3,190}"),
    "sms": re.compile(r"\+?[0-9]{5,15}"),
    "kafka": re.compile(r"[a-zA-Z0-9._-]{1,200}"),
}

CONTENT = (
    "title:S?, filter:S, entities:L, severity:E?, channels:L{channel:I, target:S}, language:I?, digest:E?, "
    "digest_at:I?, group_by:L?, group_minutes:N?, quiet_from:I?, quiet_until:I?, days:L?, time_zone:S?, "
    "critical_waits:B?, resolved:B?"
)


def unless_target(channel: str, target: str, field: str) -> None:
    """Raises InvalidInput: no such channel, or an address that is none of it."""
    unless_field(channel in TARGETS, field, f"want a channel of {', '.join(TARGETS)}")
    unless_field(bool(TARGETS[channel].fullmatch(target)), field, f"is no address of {channel}")


def unless_entities(step: Step) -> None:
    """Raises InvalidInput where it would tell of entities that the actor may not see."""
    principal = step.work.command.principal
    unless_field(bool(step["entities"]), "entities", "is empty")
    for entity in step["entities"]:
        seen = EVERY_ENTITY in principal.entities if entity == EVERY_ENTITY else principal.may_act_for(entity)
        unless_field(seen, "entities", f"{principal.actor} may not see {entity}")


def check_content(content: Facts) -> None:
    """Raises InvalidInput, naming the field: what a subscription says makes no sense."""
    unless_field(
        0 < len(content["filter"]) <= FILTER_LENGTH_MAX, "filter", f"want 1 to {FILTER_LENGTH_MAX} characters"
    )
    for name, codes in (("severity", SEVERITIES), ("language", LANGUAGES), ("digest", DIGESTS)):
        unless_field(content.get(name, codes[0]) in codes, name, f"want one of {', '.join(codes)}")
    for name, allowed in (("group_by", GROUPS), ("days", DAYS)):
        values = content.get(name, ())
        unless_field(set(values) <= set(allowed), name, f"want some of {', '.join(allowed)}")
        unless_field(len(set(values)) == len(values), name, "names one twice")
    _channels(content["channels"])
    for name in ("digest_at", "quiet_from", "quiet_until"):
        unless_field(bool(CLOCK.fullmatch(content.get(name, "00:00"))), name, "want a time like 07:30")
    both = (content.get("quiet_from") is None) == (content.get("quiet_until") is None)
    unless_field(both, "quiet_until", "goes with quiet_from")
    daily = content.get("digest") == "DAILY"
    unless_field(daily == (content.get("digest_at") is not None), "digest_at", "goes with a daily digest, only there")
    minutes, grouped = content.get("group_minutes"), content.get("group_by") is not None
    unless_field(minutes is None or 1 <= minutes <= GROUP_MINUTES_MAX, "group_minutes", "want 1 to 1,440")
    at_once = content.get("digest", "IMMEDIATELY") == "IMMEDIATELY"
    unless_field((minutes is not None) == (grouped and at_once), "group_minutes", "goes with groups told at once")
    _zone(content.get("time_zone", "Asia/Shanghai"))


def _content(step: Step) -> Facts:
    unless_entities(step)
    check_content({name: step[name] for name in ("filter", "channels")} | step.fields)
    return {}


def _channels(channels: list[dict[str, str]]) -> None:
    unless_field(bool(channels), "channels", "is empty")
    names = [one["channel"] for one in channels]
    unless_field(len(set(names)) == len(names), "channels", "names a channel twice: one target for each")
    for one in channels:
        unless_target(one["channel"], one["target"], "channels")


def _zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        unless_field(False, "time_zone", "want an IANA name, as Asia/Shanghai")


def _subscribing(step: Step) -> Facts:
    return {**_content(step), "subscriber": step.actor}


def _in_its_team(step: Step) -> bool:
    """A team's subscription is a member's, or an administrator's, to make and to change."""
    team = step.get("team") if not step.exists else step.case.facts.get("team")
    if team is None:
        return True
    found = step.find("AlertTeam", team)
    if found is None or found.stage != "FOUNDED":
        return False
    return step.work.role in ADMINISTRATORS or step.actor in found.people_now


def _is_own(step: Step) -> bool:
    if step.work.role in ADMINISTRATORS or step.actor == step.case.facts["subscriber"]:
        return True
    return step.case.facts.get("team") is not None and _in_its_team(step)


def _is_suspended(step: Step) -> bool:
    channel = step.get("channel")
    return any(channel in (None, one["channel"]) for one in step.case.suspended)


OWN = "own subscription, or that of one's team, or by an administrator"


class AlertSubscription(Case):
    """ACTIVE, changed as a whole by a new version of it, → ENDED."""

    NAME = "AlertSubscription"
    KEY = "subscription_no"
    ROWS = (
        row(
            "Subscribe",
            "AlertsSubscribed",
            f"{PEOPLE} SA",
            f"subscriber:I, team:I?, {CONTENT}",
            makes=True,
            next="ACTIVE",
            clauses=(clause("Subscribe.1", "the team is there, and the actor is in it", _in_its_team),),
            derive=_subscribing,
        ),
        row(
            "Change",
            "SubscriptionChanged",
            f"{PEOPLE} SA",
            CONTENT,
            stages="ACTIVE",
            clauses=(clause("Change.1", OWN, _is_own),),
            derive=_content,
        ),
        row(
            "End",
            "SubscriptionEnded",
            f"{PEOPLE} SA",
            "comment:S?",
            stages="ACTIVE",
            next="ENDED",
            clauses=(clause("End.1", OWN, _is_own),),
        ),
        row(
            "SuspendTarget",
            "TargetSuspended",
            SYSTEM,
            "delivered_as:S, channel:I, target:S, error_text:S",  # an escalation is delivered as `SUB-1:2:U-7`
            stages="ACTIVE",
        ),
        row(
            "ResumeTarget",
            "TargetResumed",
            f"{PEOPLE} SA",
            "channel:I?, comment:S?",  # without a channel: all of them
            stages="ACTIVE",
            clauses=(
                clause("ResumeTarget.1", OWN, _is_own),
                clause("ResumeTarget.2", "a target is suspended", _is_suspended),
            ),
        ),
    )

    def start(self) -> None:
        self.versions: list[dict[str, Any]] = []
        self.ended_at: datetime | None = None
        self.suspended: list[dict[str, Any]] = []

    def absorb(self, event: CaseEvent) -> None:
        content = self.facts
        super().absorb(event)
        facts = event.read_facts()
        match event.ROW.command:
            case "End":
                self.ended_at = event.timestamp
            case "SuspendTarget":
                self.facts = content  # what is subscribed to stays as it is
                self.suspended.append({**facts, "at": event.timestamp})
            case "ResumeTarget":
                self.facts = content
                self.suspended = [one for one in self.suspended if facts.get("channel") not in (None, one["channel"])]
            case _:
                self.versions.append({"since": event.timestamp, **facts})
                # A change says the whole content: what it leaves out is gone, not kept.
                kept = {name: content[name] for name in ("subscriber", "team") if name in content}
                self.facts = facts | kept
                self._forget_other_targets()

    def _forget_other_targets(self) -> None:
        """An own target that is named no more was suspended in vain; one of an escalation is the team's."""
        named = {(one["channel"], one["target"]) for one in self.facts["channels"]}
        self.suspended = [
            one
            for one in self.suspended
            if one["delivered_as"] != self.key or (one["channel"], one["target"]) in named
        ]

    def extra(self) -> dict[str, Any]:
        since = self.versions[-1]["since"] if self.versions else None
        return {"versions": len(self.versions), "since": since, "suspended": list(self.suspended)}
