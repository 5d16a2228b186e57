"""Subscriptions, teams and silences as routing needs them: by the instant at which each version counts.

Parsed from what the aggregates hold (`content` is one version of a subscription, as its event says it). Not for
storing them; not for rights, which the aggregates judged when they were made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engines.work_calendar import WorkCalendar
from projections.alert_notification import Channel
from projections.alert_routing_facts import AlertRecord, alert_expression, facts_of, holds, severity_of
from projections.alert_routing_hours import HOUR, Digest, Hours, window_end
from projections.alert_severity import Severity
from projections.expressions import Expression, Fact

EVERY_ENTITY = "*"
ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Contact:
    channel: Channel
    target: str
    language: str = "en"
    person: str = ""  # of a team


@dataclass(frozen=True, slots=True)
class Subscription:
    """One version of a subscription. `since`: from when it counts."""

    key: str
    since: datetime
    team: str | None
    entities: frozenset[str]
    filter: Expression
    severity: Severity
    contacts: tuple[Contact, ...]
    digest: Digest
    digest_at: time
    group_by: tuple[str, ...]
    window: timedelta | None
    hours: Hours
    critical_waits: bool
    resolved: bool

    def matches(self, alert: AlertRecord, facts: Mapping[str, Fact]) -> bool:
        """A filter that cannot be said of an alert does not hide it: being told in vain is the smaller harm."""
        if not sees(self.entities, alert) or severity_of(alert).rank < self.severity.rank:
            return False
        return holds(self.filter, alert, facts) is not False

    def bundle_ends(self, told_at: datetime) -> datetime | None:
        """When the bundle that an alert belongs to is complete; None: it goes by itself, at once."""
        if self.digest is Digest.DAILY:
            return self.hours.next_at(self.digest_at, told_at)
        if self.digest is Digest.HOURLY:
            return window_end(told_at, HOUR)
        return None if self.window is None else window_end(told_at, self.window)

    def due_at(self, moment: datetime, worst: Severity, calendar: WorkCalendar) -> datetime:
        """When it may be sent: critical alerts do not wait for the morning unless the subscription says so."""
        if worst is Severity.CRITICAL and not self.critical_waits:
            return moment
        return self.hours.allowed_from(moment, calendar)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription through time."""

    versions: tuple[Subscription, ...]
    ended_at: datetime | None = None

    def at(self, moment: datetime) -> Subscription | None:
        """The version in force."""
        if self.ended_at is not None and moment >= self.ended_at:
            return None
        return next((one for one in reversed(self.versions) if one.since <= moment), None)


@dataclass(frozen=True, slots=True)
class Silence:
    """In force from `since` on until before `until`."""

    key: str
    entities: frozenset[str]
    matcher: Expression
    since: datetime
    until: datetime
    covers_critical: bool = False

    def covers(self, alert: AlertRecord, facts: Mapping[str, Fact], moment: datetime) -> bool:
        if not self.since <= moment < self.until or not sees(self.entities, alert):
            return False
        if severity_of(alert) is Severity.CRITICAL and not self.covers_critical:
            return False
        return holds(self.matcher, alert, facts) is True


@dataclass(frozen=True, slots=True)
class Level:
    after: timedelta  # since the alert was told
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Team:
    since: datetime
    members: tuple[Contact, ...]
    levels: tuple[Level, ...]

    def contacts(self, level: Level) -> tuple[Contact, ...]:
        return tuple(one for person in level.persons for one in self.members if one.person == person)


@dataclass(frozen=True, slots=True)
class World:
    """All that routing asks besides the alerts. `teams`: versions by number, oldest first."""

    calendar: WorkCalendar
    subscriptions: Mapping[str, Subscribed] = field(default_factory=dict)
    silences: Sequence[Silence] = ()
    teams: Mapping[str, Sequence[Team]] = field(default_factory=dict)

    def is_subscribed(self, subscription: str, moment: datetime) -> bool:
        found = self.subscriptions.get(subscription)
        return found is not None and found.at(moment) is not None

    def is_silenced(self, alert: AlertRecord, facts: Mapping[str, Fact], moment: datetime) -> bool:
        return any(silence.covers(alert, facts, moment) for silence in self.silences)

    def team_at(self, team: str | None, moment: datetime) -> Team | None:
        versions = self.teams.get(team or "", ())
        return next((one for one in reversed(versions) if one.since <= moment), None)


def sees(entities: frozenset[str], alert: AlertRecord) -> bool:
    return EVERY_ENTITY in entities or alert["entity"] in entities


def subscription_of(key: str, content: Mapping[str, Any]) -> Subscription:
    """Raises InvalidInput: the filter is no expression over the facts of alerts."""
    language = content.get("language", "en")
    minutes = content.get("group_minutes")
    hours = Hours(
        ZoneInfo(content.get("time_zone", ZONE)),
        _clock(content.get("quiet_from")),
        _clock(content.get("quiet_until")),
        frozenset(content.get("days", ())),
    )
    return Subscription(
        key=key,
        since=content["since"],
        team=content.get("team"),
        entities=frozenset(content["entities"]),
        filter=alert_expression(content["filter"]),
        severity=Severity(content.get("severity", Severity.INFO)),
        contacts=tuple(Contact(Channel(one["channel"]), one["target"], language) for one in content["channels"]),
        digest=Digest(content.get("digest", Digest.IMMEDIATELY)),
        digest_at=_clock(content.get("digest_at")) or time(0),
        group_by=tuple(content.get("group_by", ())),
        window=None if minutes is None else timedelta(minutes=minutes),
        hours=hours,
        critical_waits=content.get("critical_waits", False),
        resolved=content.get("resolved", True),
    )


def team_of(content: Mapping[str, Any]) -> Team:
    members = tuple(
        Contact(Channel(one["channel"]), one["target"], one.get("language", "en"), one["person"])
        for one in content["members"]
    )
    levels = tuple(Level(timedelta(minutes=one["after_minutes"]), tuple(one["persons"])) for one in content["levels"])
    return Team(content["since"], members, levels)


def silence_of(key: str, content: Mapping[str, Any], in_force_at: datetime, ended_at: datetime | None) -> Silence:
    """Raises InvalidInput: the matcher is no expression over the facts of alerts."""
    until = datetime.fromisoformat(content["ends_at"])
    return Silence(
        key,
        frozenset(content["entities"]),
        alert_expression(content["matcher"]),
        max(in_force_at, datetime.fromisoformat(content["starts_at"])),
        until if ended_at is None else min(until, ended_at),
        content.get("covers_critical", False),
    )


def alert_predicate(content: Mapping[str, Any]) -> "AlertPredicate":
    """Whether a subscription wants to be told of an alert, for a live stream: entity, severity and filter.

    `content`: the state of an AlertSubscription. Raises InvalidInput as `subscription_of` does.
    """
    return AlertPredicate(
        frozenset(content["entities"]), content.get("severity"), alert_expression(content["filter"])
    )


class AlertPredicate:
    """Called with a record of `tm.risk.alert.v1` as a JSON object."""

    def __init__(self, entities: frozenset[str], severity: str | None, matcher: Expression) -> None:
        self._entities, self._filter = entities, matcher
        self._rank = Severity(severity or Severity.INFO).rank

    def __call__(self, alert: AlertRecord) -> bool:
        if not sees(self._entities, alert) or severity_of(alert).rank < self._rank:
            return False
        return holds(self._filter, alert, facts_of(alert)) is not False


def _clock(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
