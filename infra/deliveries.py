"""The outbox of notifications: what has to be delivered, to whom, what came of each attempt; in the event store's
database.

Exactly one record for each alert, subscription, channel and purpose (S33), whoever puts it and how often. Several
senders share the work by leases: a notification is with one of them at a time, and one whose sender died is sent
again under the same id. Not for sending (`infra.deliveries_sender`), nor for lists
(`infra.deliveries_reading`) and what follows when one has ended (`infra.deliveries_ended`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from engines.primitives.errors import InvalidInput
from infra.channels.lanes import lane_of
from infra.channels.outcome import Outcome, Result
from infra.deliveries_schema import CREATION_LOCK, NAMES, STATEMENTS
from infra.event_store import EventStore
from infra.event_store_chain import instant, microseconds
from infra.store_tables import Row, Run, StoreTables
from projections.alert_notification import Channel, Notification, notification_id

log = structlog.get_logger()

WAITING, SENDING, DELIVERED, FAILED, SUSPENDED = STATES = ("waiting", "sending", "delivered", "failed", "suspended")
LANES_AT_ONCE = 100
NOTIFICATIONS_AT_ONCE = 200  # of one transaction

Lane = Callable[[Channel, str], str]
Room = Callable[[str], int]


@dataclass(frozen=True, slots=True, eq=False)
class Claimed:
    """A notification that is ours to send until `until`. `attempt` counts from 1 for ever, `tries` since it was last
    made due by a person; `since` is when it was due then."""

    notification: Notification
    lane: str
    attempt: int
    tries: int
    since: datetime
    until: datetime


class Ended(NamedTuple):
    """An attempt that came to an end at `at`. `next_try` None: there is none by itself."""

    claimed: Claimed
    outcome: Outcome
    at: datetime
    next_try: datetime | None


@dataclass(frozen=True, slots=True)
class Suspension:
    """When a target is left alone: the receiver said so, or it failed for so long and so often."""

    after: timedelta = timedelta(days=5)
    failures: int = 10


class DeliveryStore:
    def __init__(self, store: EventStore, lane: Lane = lane_of) -> None:
        """`lane` names what a target shares its fate with. Makes its tables. Raises Unavailable."""
        self._lane = lane
        self.tables = StoreTables(store, NAMES, CREATION_LOCK, STATEMENTS)

    def put(self, notifications: Sequence[Notification], now: datetime | None = None) -> int:
        """Keep what is not known yet; how many notifications that were. Of a group, alerts that its subscription,
        channel and purpose already have are left out: the rest goes under an id of its own.

        Raises InvalidInput (a notification of no alert, or with a due time that is none), Unavailable.
        """
        kept = 0
        for start in range(0, len(notifications), NOTIFICATIONS_AT_ONCE):
            with self.tables.transaction() as run:
                for one in notifications[start : start + NOTIFICATIONS_AT_ONCE]:
                    kept += self._put(run, one, now)
        return kept

    def _put(self, run: Run, given: Notification, now: datetime | None) -> int:
        due = _instant(given.due_at)
        fresh = _keep_deliveries(run, given)
        if not fresh:
            return 0
        if len(fresh) < len(given.alert_ids):
            given = _reduced(given, fresh)
        for alert_id in fresh:
            run(
                "UPDATE {delivery} SET notification_id = ? WHERE alert_id = ? AND subscription = ? AND channel = ? "
                "AND purpose = ?",
                (given.notification_id, alert_id, given.subscription, given.channel, given.purpose),
            )
        place = _place(given)
        stopped = run(
            "SELECT 1 FROM {notification_target} WHERE subscription = ? AND channel = ? AND target = ? "
            "AND suspended_us IS NOT NULL",
            place,
        )
        due_us = microseconds(due)
        run(
            "INSERT INTO {notification} (notification_id, subscription, channel, target, lane, purpose, body, state, "
            "open, due_us, since_us, tries, attempts, holder, ended_us, error, told) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', ?, ?, ?)",
            (
                *(given.notification_id, *place, self._lane(given.channel, given.target), given.purpose),
                *(msgspec.json.encode(given), SUSPENDED if stopped else WAITING, 0 if stopped else 1),
                *(due_us, due_us, microseconds(now or due) if stopped else None),
                *("the target is suspended" if stopped else "", 0 if stopped else 1),
            ),
        )
        return 1

    def due(
        self, now: datetime, limit: int, *, holder: str, lease: timedelta, room: Room = lambda _: LANES_AT_ONCE
    ) -> list[Claimed]:
        """What is to be sent now, oldest first within its lane and at most `room(lane)` of each; ours for `lease`.

        Lanes that have no room cost nothing: a stalled receiver's backlog hides nobody else's. A lease that ran out
        without a record counts as an attempt, and its notification is due again.
        """
        now_us, until = microseconds(now), now + lease
        chosen = self._candidates(now_us, limit, room)
        if not chosen:
            return []
        marks = ", ".join("?" * len(chosen))
        with self.tables.transaction() as run:
            rows = run(
                "UPDATE {notification} SET state = 'sending', holder = ?, due_us = ?, tries = tries + 1, "  # noqa: S608
                f"attempts = attempts + 1 WHERE seq IN ({marks}) AND open = 1 AND due_us <= ? "
                "RETURNING seq, body, lane, attempts, tries, since_us",
                (holder, microseconds(until), *chosen, now_us),
            )
            found = [_claimed(row, until) for row in sorted(rows, key=lambda row: chosen.index(row["seq"]))]
            for one in found:
                run(
                    "INSERT INTO {attempt} VALUES (?, ?, ?, NULL, NULL, NULL, NULL)",
                    (one.notification.notification_id, one.attempt, now_us),
                )
        return found

    def _candidates(self, now_us: int, limit: int, room: Room) -> list[int]:
        lanes = self.tables.run(
            "WITH RECURSIVE lanes(lane) AS (SELECT MIN(lane) FROM {notification} WHERE open = 1 UNION ALL "
            "SELECT (SELECT MIN(n.lane) FROM {notification} n WHERE n.open = 1 AND n.lane > lanes.lane) FROM lanes "
            "WHERE lanes.lane IS NOT NULL) SELECT lane FROM lanes WHERE lane IS NOT NULL"
        )
        free = [(row["lane"], count) for row in lanes if (count := min(room(row["lane"]), limit)) > 0]
        one = (
            "SELECT * FROM (SELECT seq, due_us FROM {notification} WHERE open = 1 AND lane = ? AND due_us <= ? "
            "ORDER BY due_us, seq LIMIT ?) AS l"
        )
        found: list[tuple[int, int]] = []
        for start in range(0, len(free), LANES_AT_ONCE):
            part = free[start : start + LANES_AT_ONCE]
            values = [value for lane, count in part for value in (lane, now_us, count)]
            rows = self.tables.run(" UNION ALL ".join([one] * len(part)), values)
            found += [(row["due_us"], row["seq"]) for row in rows]
        return [seq for _, seq in sorted(found)[:limit]]

    def lost(self, claimed: Claimed) -> int:
        """How many attempts before this one nobody recorded, since a person last made it due."""
        rows = self.tables.run(
            "SELECT COUNT(*) AS lost FROM {attempt} WHERE notification_id = ? AND number > ? AND number < ? "
            "AND outcome IS NULL",
            (claimed.notification.notification_id, claimed.attempt - claimed.tries, claimed.attempt),
        )
        return int(rows[0]["lost"])

    def next_due(self) -> datetime | None:
        """When something is due next, or a lease ends; None: nothing is open."""
        rows = self.tables.run("SELECT MIN(due_us) AS due_us FROM {notification} WHERE open = 1")
        return None if rows[0]["due_us"] is None else instant(rows[0]["due_us"])

    def record(self, ended: Sequence[Ended], suspension: Suspension) -> list[bool]:
        """What came of attempts, in one transaction: each is delivered, due again at `next_try`, or failed for good.

        False: another sender has taken it over since; the attempt is kept, and its state is that other's.
        """
        ours = dict[Ended, bool]()
        with self.tables.transaction() as run:
            # In an order that all senders share: two that record failures of the same targets do not wait in a
            # circle.
            for one in sorted(ended, key=lambda one: _place(one.claimed.notification)):
                ours[one] = self._record(run, one, suspension)
        return [ours[one] for one in ended]

    def _record(self, run: Run, ended: Ended, suspension: Suspension) -> bool:
        claimed, outcome, next_try = ended.claimed, ended.outcome, ended.next_try
        given, now_us = claimed.notification, microseconds(ended.at)
        due_us: int | None = None
        if outcome.is_delivered:
            state = DELIVERED
        elif outcome.result is Result.RETRY and next_try is not None:
            state, due_us = WAITING, microseconds(next_try)
        else:
            state = FAILED
        rows = run(
            "UPDATE {notification} SET state = ?, open = ?, due_us = ?, holder = '', ended_us = ?, error = ?, "
            "told = ? WHERE notification_id = ? AND attempts = ? AND state = 'sending' RETURNING seq",
            (
                *(state, int(due_us is not None), now_us if due_us is None else due_us),
                *(now_us if due_us is None else None, outcome.error, 0 if state == FAILED else 1),
                *(given.notification_id, claimed.attempt),
            ),
        )
        run(
            "UPDATE {attempt} SET outcome = ?, status = ?, error = ?, duration_us = ? - at_us "
            "WHERE notification_id = ? AND number = ?",
            (str(outcome.result), outcome.status, outcome.error, now_us, given.notification_id, claimed.attempt),
        )
        self._note_target(run, given, outcome, ended.at, suspension)
        return bool(rows)

    def _note_target(
        self, run: Run, given: Notification, outcome: Outcome, now: datetime, suspension: Suspension
    ) -> None:
        place, now_us = _place(given), microseconds(now)
        where = "WHERE subscription = ? AND channel = ? AND target = ?"
        if outcome.is_delivered:
            run(f"DELETE FROM {{notification_target}} {where} AND suspended_us IS NULL", place)  # noqa: S608
            return
        row = run(
            "INSERT INTO {notification_target} AS t VALUES (?, ?, ?, 1, ?, NULL, '', 1) "
            "ON CONFLICT (subscription, channel, target) DO UPDATE SET failures = t.failures + 1 "
            "RETURNING failures, failing_since_us, suspended_us",
            (*place, now_us),
        )[0]
        for_long = now_us - row["failing_since_us"] >= suspension.after // timedelta(microseconds=1)
        gone, stands = outcome.result is Result.GONE, row["suspended_us"] is not None
        if not (stands or gone or (for_long and row["failures"] >= suspension.failures)):
            return
        if not stands:
            reason = (
                "the receiver wants no more (410)" if gone else f"failing since {instant(row['failing_since_us'])}"
            )
            run(
                f"UPDATE {{notification_target}} SET suspended_us = ?, reason = ?, told = 0 {where}",  # noqa: S608
                (now_us, reason, *place),
            )
        run(
            "UPDATE {notification} SET state = 'suspended', open = 0, holder = '', ended_us = ?, told = 0, "  # noqa: S608
            f"error = 'the target is suspended' {where} AND state = 'waiting'",
            (now_us, *place),
        )

    def release(self, holder: str, now: datetime) -> int:
        """Make due at once what this sender holds and did not record: it stops."""
        rows = self.tables.run(
            "UPDATE {notification} SET state = 'waiting', holder = '', due_us = ? WHERE holder = ? "
            "AND state = 'sending' RETURNING seq",
            (microseconds(now), holder),
        )
        return len(rows)


def _keep_deliveries(run: Run, given: Notification) -> list[str]:
    """Ids of the alerts that had no delivery record of this subscription, channel and purpose; they have one now."""
    if not given.alert_ids:
        raise InvalidInput("a notification tells at least one alert", field="alert_ids", record=given.notification_id)
    entity = _entities(given)
    wanted = list(dict.fromkeys(given.alert_ids))
    rows = run(
        "INSERT INTO {delivery} (alert_id, subscription, channel, purpose, entity, notification_id) VALUES "  # noqa: S608
        + ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(wanted))
        + " ON CONFLICT (alert_id, subscription, channel, purpose) DO NOTHING RETURNING alert_id",
        [
            value
            for alert_id in sorted(wanted)  # an order that all writers share: no deadlock
            for value in (
                *(alert_id, given.subscription, given.channel, given.purpose),
                *(entity.get(alert_id, "-"), given.notification_id),
            )
        ],
    )
    fresh = {row["alert_id"] for row in rows}
    return [alert_id for alert_id in wanted if alert_id in fresh]


def _place(given: Notification) -> tuple[str, str, str]:
    return (given.subscription, given.channel, given.target)


def _entities(given: Notification) -> Mapping[str, str]:
    return {str(alert.get("alert_id", "-")): str(alert.get("entity", "-")) for alert in given.alerts}


def _reduced(given: Notification, fresh: Sequence[str]) -> Notification:
    ids = tuple(fresh)
    log.info(
        "notification_reduced", notification_id=given.notification_id, alerts=len(given.alert_ids), fresh=len(ids)
    )
    return msgspec.structs.replace(
        given,
        notification_id=notification_id(given.purpose, given.subscription, given.channel, given.target, ids),
        alert_ids=ids,
        alerts=tuple(alert for alert in given.alerts if alert.get("alert_id") in ids),
    )


def _claimed(row: Row, until: datetime) -> Claimed:
    return Claimed(
        msgspec.json.decode(row["body"], type=Notification),
        row["lane"],
        row["attempts"],
        row["tries"],
        instant(row["since_us"]),
        until,
    )


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("want an instant in RFC 3339", field="due_at") from error
    if found.tzinfo is None:
        raise InvalidInput("want an instant with its zone", field="due_at")
    return found.astimezone(UTC)
