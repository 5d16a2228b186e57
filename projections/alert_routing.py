"""Routing: which alerts go to whom, bundled how, due when; who is told next when nobody acknowledges; what expires.

Alerts come in any batches, the time and all that people decided come in as data; out come notifications and the acts
that follow by themselves. What is decided of an alert hangs on the instant it was told and on the versions then in
force, never on what else is in its batch: begun again at `positions`, a router decides the same again. An alert is
in one notification for each subscription, channel and purpose. Not for sending: `infra.deliveries`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from projections.alert_notification import Notification, Purpose, notification_id
from projections.alert_routing_facts import (
    AlertRecord,
    facts_of,
    incident_of,
    is_clearing,
    raised_at,
    severity_of,
)
from projections.alert_routing_world import Contact, Level, Subscription, World
from projections.alert_severity import Severity
from projections.expressions import Fact

ALERTS_MAX = 100  # in one notification; a larger bundle goes as several
#: So long after its end a bundle waits for alerts that Kafka took in another order than their times say.
GRACE = timedelta(seconds=2)
#: Nobody acted for so long: an alert expires. One that is critical waits until somebody does.
EXPIRES_AFTER: Mapping[Severity, timedelta] = {
    Severity.INFO: timedelta(hours=24),
    Severity.WARNING: timedelta(hours=24),
}
EXPIRED_AT_ONCE = 200  # by one look: each is a command, and new alerts wait meanwhile
LATEST = timedelta(days=7)  # an alert that is read so late expires without an act


@dataclass(frozen=True, slots=True)
class Told:
    """An alert and its place in the topic; `at` is when Kafka took it."""

    partition: int
    offset: int
    at: datetime
    alert: AlertRecord

    @property
    def alert_id(self) -> str:
        return str(self.alert["alert_id"])


@dataclass(frozen=True, slots=True)
class Life:
    """What was done about an alert so far. `acted`: somebody took it up, or it is at its end."""

    acted_at: datetime | None = None

    def acted_by(self, moment: datetime) -> bool:
        return self.acted_at is not None and self.acted_at <= moment


@dataclass(frozen=True, slots=True)
class Act:
    """A command on the aggregate `Alert` that follows by itself: Escalate, Expire or Resolve. `tag` tells acts of one
    alert apart."""

    command: str
    alert_id: str
    entity: str
    tag: str
    payload: Mapping[str, Any]


@dataclass(slots=True)
class Decided:
    notifications: list[Notification] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Key:
    """Alerts of one key go together. `alone` names an alert that goes by itself."""

    subscription: str
    since: datetime
    purpose: Purpose
    ends: datetime
    group: tuple[str, ...]
    alone: str


@dataclass(slots=True)
class _Bundle:
    subscription: Subscription
    told: list[Told] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Escalation:
    due: datetime
    told: Told
    subscription: Subscription
    number: int
    level: Level


class Routing:
    """Alerts that something is still to be decided of. `expires_after` by severity; absent: it never expires."""

    def __init__(self, expires_after: Mapping[Severity, timedelta] = EXPIRES_AFTER) -> None:
        self._expires_after = expires_after
        self._bundles: dict[_Key, _Bundle] = {}
        self._escalations: list[_Escalation] = []
        self._expiries: dict[str, tuple[datetime, Told]] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._incidents: dict[str, dict[str, Told]] = {}
        self._cleared: dict[str, datetime] = {}
        self._next: dict[int, int] = {}
        self.silenced = 0
        self.repeated = 0

    def begin(self, positions: Mapping[int, int]) -> None:
        """Partitions and the offsets to read from."""
        self._next = dict(positions)

    @property
    def next_offsets(self) -> Mapping[int, int]:
        """Where to go on reading."""
        return self._next

    def passed(self, partition: int, next_offset: int) -> None:
        """All records of a partition below this offset were looked at."""
        self._next[partition] = next_offset

    def take(self, told: Iterable[Told], world: World) -> list[Act]:
        """Alerts as they come. What follows at once: an incident that cleared resolves the alerts it raised."""
        acts: list[Act] = []
        for one in told:
            self.passed(one.partition, one.offset + 1)
            if one.alert_id in self._seen:
                self.repeated += 1
                continue
            self._seen[one.alert_id] = (one.partition, one.offset)
            acts += self._follow_incident(one)
            self._route(one, world)
        return acts

    def due(self, now: datetime) -> frozenset[tuple[str, str]]:
        """Alerts, with their entities, of which `release` has to know the life at `now`."""
        waiting = [one.told for one in self._escalations if one.due <= now]
        waiting += [told for due, told in self._expiries.values() if due <= now]
        return frozenset((told.alert_id, str(told.alert["entity"])) for told in waiting)

    def release(self, now: datetime, complete_until: datetime, lives: Mapping[str, Life], world: World) -> Decided:
        """What is to be done by `now`. All alerts told before `complete_until` were taken."""
        decided, known = Decided(), min(now, complete_until)
        for key in [key for key in self._bundles if key.alone or key.ends + GRACE <= known]:
            decided.notifications += _notifications(key, self._bundles.pop(key), world)
        self._escalate(known, lives, world, decided)  # what cleared in time may still be unread
        self._expire(now, known, lives, decided)
        decided.notifications.sort(key=lambda one: (one.due_at, one.notification_id))
        return decided

    def positions(self) -> dict[int, int]:
        """From where a successor has to read to decide all that is not decided yet; what is below is forgotten."""
        lowest = dict(self._next)
        waiting = [told for bundle in self._bundles.values() for told in bundle.told]
        waiting += [one.told for one in self._escalations]
        waiting += [told for _, told in self._expiries.values()]
        for told in waiting:
            lowest[told.partition] = min(lowest[told.partition], told.offset)
        self._seen = {name: place for name, place in self._seen.items() if place[1] >= lowest[place[0]]}
        for alerts in self._incidents.values():
            for name in [name for name in alerts if name not in self._seen]:
                del alerts[name]
        self._incidents = {name: alerts for name, alerts in self._incidents.items() if alerts}
        held = {incident_of(told.alert) for told in waiting}
        self._cleared = {name: at for name, at in self._cleared.items() if name in held}
        return lowest

    def counts(self) -> dict[str, int]:
        return {"bundles": len(self._bundles), "escalations": len(self._escalations), "expiries": len(self._expiries)}

    # --- One alert ---------------------------------------------------------------------------------------------

    def _follow_incident(self, told: Told) -> Iterator[Act]:
        incident, entity = incident_of(told.alert), str(told.alert["entity"])
        if not is_clearing(told.alert):
            if incident:
                self._incidents.setdefault(incident, {})[told.alert_id] = told
            after = self._expires_after.get(severity_of(told.alert))
            if after is not None:
                self._expiries[told.alert_id] = (told.at + after, told)
            return
        if not incident:
            return
        self._cleared[incident] = told.at
        raised = self._incidents.pop(incident, {})
        for alert_id in dict.fromkeys((incident, *raised)):
            self._expiries.pop(alert_id, None)
            known = identity(raised[alert_id].alert) if alert_id in raised else {"incident": incident}
            yield Act("Resolve", alert_id, entity, told.alert_id, known | {"how": "CLEARED"})

    def _route(self, told: Told, world: World) -> None:
        facts = facts_of(told.alert)
        purpose = Purpose.RESOLVED if is_clearing(told.alert) else Purpose.ALERT
        is_silenced: bool | None = None
        for subscribed in world.subscriptions.values():
            version = subscribed.at(told.at)
            if version is None or not version.matches(told.alert, facts):
                continue
            if purpose is Purpose.RESOLVED and not version.resolved:
                continue
            if is_silenced is None:
                is_silenced = world.is_silenced(told.alert, facts, told.at)
            if is_silenced:
                self.silenced += 1
                continue
            key = _key(version, purpose, told, facts)
            self._bundles.setdefault(key, _Bundle(version)).told.append(told)
            team = world.team_at(version.team, told.at)
            if team is not None and purpose is Purpose.ALERT:
                self._escalations += [
                    _Escalation(told.at + level.after, told, version, number, level)
                    for number, level in enumerate(team.levels, 1)
                ]

    # --- What the time brings ------------------------------------------------------------------------------------

    def _escalate(self, known: datetime, lives: Mapping[str, Life], world: World, decided: Decided) -> None:
        due = sorted(
            (one for one in self._escalations if one.due <= known), key=lambda one: (one.due, one.told.alert_id)
        )
        self._escalations = [one for one in self._escalations if one.due > known]
        for one in due:
            alert, subscription = one.told.alert, one.subscription
            cleared_at = self._cleared.get(incident_of(alert))
            if lives.get(one.told.alert_id, Life()).acted_by(one.due) or (cleared_at and cleared_at <= one.due):
                continue
            team = world.team_at(subscription.team, one.due)
            if team is None or not world.is_subscribed(subscription.key, one.due):
                continue
            if world.is_silenced(alert, facts_of(alert), one.due):
                continue
            contacts = team.contacts(one.level)
            due_at = subscription.due_at(one.due, severity_of(alert), world.calendar)
            for contact in contacts:
                name = f"{subscription.key}:{one.number}:{contact.person}"
                decided.notifications.append(_notification(Purpose.ESCALATION, name, contact, [one.told], due_at))
            if contacts:
                payload = {"subscription": subscription.key, "level": one.number, "to": list(one.level.persons)}
                tag = f"{subscription.key}/{one.number}"
                decided.acts.append(
                    Act("Escalate", one.told.alert_id, alert["entity"], tag, identity(alert) | payload)
                )

    def _expire(self, now: datetime, known: datetime, lives: Mapping[str, Life], decided: Decided) -> None:
        due = sorted((at, alert_id) for alert_id, (at, _) in self._expiries.items() if at <= known)
        for _, alert_id in due[:EXPIRED_AT_ONCE]:
            _, told = self._expiries.pop(alert_id)
            if now - told.at < LATEST and not lives.get(alert_id, Life()).acted_by(now):
                decided.acts.append(Act("Expire", alert_id, told.alert["entity"], "", identity(told.alert)))


def identity(alert: AlertRecord) -> dict[str, Any]:
    """What every act on an alert says of it."""
    found = {
        "rule": alert["rule"],
        "severity": str(severity_of(alert)),
        "raised_at": raised_at(alert).astimezone(UTC).isoformat(),
        "incident": incident_of(alert),
    }
    return {name: value for name, value in found.items() if value}


def _key(version: Subscription, purpose: Purpose, told: Told, facts: Mapping[str, Fact]) -> _Key:
    ends = version.bundle_ends(told.at)
    if ends is None:
        return _Key(version.key, version.since, purpose, told.at, (), told.alert_id)
    group = tuple(str(facts[name]) for name in version.group_by)
    if "incident" in version.group_by and not facts["incident"]:
        group += (told.alert_id,)  # one without an incident is none of the others'
    return _Key(version.key, version.since, purpose, ends, group, "")


def _notifications(key: _Key, bundle: _Bundle, world: World) -> Iterator[Notification]:
    """A bundle by channel; none where the subscription ended before the bundle did."""
    version = bundle.subscription
    if not world.is_subscribed(key.subscription, key.ends):
        return
    told = sorted(bundle.told, key=lambda one: (one.at, one.alert_id))
    for start in range(0, len(told), ALERTS_MAX):
        part = told[start : start + ALERTS_MAX]
        worst = max((severity_of(one.alert) for one in part), key=lambda severity: severity.rank)
        due_at = version.due_at(key.ends, worst, world.calendar)
        for contact in version.contacts:
            yield _notification(key.purpose, key.subscription, contact, part, due_at, digest=not key.alone)


def _notification(
    purpose: Purpose, subscription: str, contact: Contact, told: list[Told], due_at: datetime, *, digest: bool = False
) -> Notification:
    ids = tuple(one.alert_id for one in told)
    return Notification(
        notification_id=notification_id(purpose, subscription, contact.channel, contact.target, ids),
        purpose=purpose,
        subscription=subscription,
        channel=contact.channel,
        target=contact.target,
        alert_ids=ids,
        alerts=tuple(dict(one.alert) for one in told),
        due_at=due_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        language=contact.language,
        digest=digest,
    )
