"""What follows when a delivery has ended: people send it again, and the domain hears of what will not arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from engines.primitives.errors import Conflict, InvalidInput
from infra.deliveries import DELIVERED, FAILED, SUSPENDED, DeliveryStore
from infra.event_store_chain import instant, microseconds
from infra.store_tables import Run
from projections.alert_notification import Channel, Notification

REPLAYED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Untold:
    """A notification that ended undelivered, of which the domain was not told yet. `alerts`: ids with their entities.
    `attempts` tells one end of it from another after a replay."""

    notification: Notification
    error: str
    at: datetime
    attempts: int
    alerts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which ended notifications: by `ids` whatever became of them, else those in `states`. `entities`: only what is
    wholly of these. `escalations`: those of the subscription as well. What is pruned is none of them."""

    ids: Sequence[str] = ()
    since: datetime | None = None
    subscription: str | None = None
    channel: str | None = None
    states: Sequence[str] = (FAILED, SUSPENDED)
    entities: frozenset[str] | None = None
    escalations: bool = False

    def asked(self) -> str:
        """What tells one command from another; what its actor may see is none of it."""
        since = None if self.since is None else microseconds(self.since)
        parts = [sorted(self.ids), since, self.subscription, self.channel, sorted(self.states), self.escalations]
        return msgspec.json.encode(parts).decode()

    def where(self) -> tuple[str, list[object]]:
        """Condition and values. Raises InvalidInput: nothing narrows it, or a state that is not ended."""
        if not self.ids and self.since is None and self.subscription is None:
            raise InvalidInput("want ids, since or subscription", field="ids")
        if any(state not in (DELIVERED, FAILED, SUSPENDED) for state in self.states):
            raise InvalidInput("want delivered, failed or suspended", field="states")
        where, values = ["n.open = 0", "LENGTH(n.body) > 0"], list[object]()
        for condition, given in (
            (f"n.notification_id IN ({_marks(self.ids)})", [*self.ids]),
            (f"n.state IN ({_marks(self.states)})", [] if self.ids else [*self.states]),
            ("n.since_us >= ?", [] if self.since is None else [microseconds(self.since)]),
            (_of_subscription("n.", self.escalations), [] if self.subscription is None else self._names()),
            ("n.channel = ?", [] if self.channel is None else [self.channel]),
        ):
            if given:
                where.append(condition)
                values += given
        if self.entities is not None:
            others = f"AND d.entity NOT IN ({_marks(sorted(self.entities))})" if self.entities else ""
            where.append(
                f"NOT EXISTS (SELECT 1 FROM {{delivery}} d WHERE d.notification_id = n.notification_id {others})"  # noqa: S608
            )
            values += sorted(self.entities)
        return " AND ".join(where), values

    def targets(self) -> tuple[str, list[object]]:
        """Condition and values for the targets of its subscription and channel."""
        values: list[object] = [*self._names(), *([] if self.channel is None else [self.channel])]
        return _of_subscription("", self.escalations) + ("" if self.channel is None else " AND channel = ?"), values

    def _names(self) -> list[str]:
        name = self.subscription or ""
        return [name, f"{name}:", f"{name};"] if self.escalations else [name]  # `;` comes after `:`


@dataclass(frozen=True, slots=True)
class Key:
    """Idempotency key of a command to send again, each actor's own."""

    actor: str
    cmd_id: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many are due again, and the targets (subscription, channel) that are suspended no more."""

    count: int
    resumed: tuple[tuple[str, str], ...] = ()


def replay(
    store: DeliveryStore, now: datetime, chosen: Chosen, key: Key | None = None, *, lift: bool = False
) -> Replayed:
    """Make ended notifications due again under their ids, none before it was due at first; 10,000 at most, then ask
    again. Suspended targets among them are tried again, with `lift` all that are suspended of that subscription and
    channel, and all that they missed is due. The same key again does nothing and says what it did.

    Raises InvalidInput (as `Chosen.where`), Conflict (that key asked for something else).
    """
    where, values = chosen.where()
    now_us, at_once = microseconds(now), "" if lift else f" LIMIT {REPLAYED_AT_ONCE}"
    with store.tables.transaction() as run:
        known = None if key is None else _known(run, key, chosen.asked(), now_us)
        if known is not None:
            return Replayed(known)
        if lift:
            of_these, names = chosen.targets()
            run(f"DELETE FROM {{notification_target}} WHERE {of_these} AND suspended_us IS NOT NULL", names)  # noqa: S608
        rows = run(
            # What was suspended while it waited for the end of quiet hours waits on.
            "UPDATE {notification} SET state = 'waiting', open = 1, tries = 0, ended_us = NULL, error = '', "  # noqa: S608
            "told = 1, due_us = CASE WHEN since_us > ? THEN since_us ELSE ? END, "
            "since_us = CASE WHEN since_us > ? THEN since_us ELSE ? END WHERE seq IN "
            f"(SELECT n.seq FROM {{notification}} n WHERE {where} ORDER BY n.seq{at_once}) "
            "RETURNING subscription, channel, target",
            (*[now_us] * 4, *values),
        )
        places = sorted({(row["subscription"], row["channel"], row["target"]) for row in rows})
        resumed = [place[:2] for place in places if _forget(run, place)]
        if key is not None:
            run(
                "UPDATE {notification_replay} SET replayed = ? WHERE actor = ? AND cmd_id = ?",
                (len(rows), key.actor, key.cmd_id),
            )
    return Replayed(len(rows), tuple(dict.fromkeys(resumed)))


def _known(run: Run, key: Key, asked: str, now_us: int) -> int | None:
    """How many it was, of a key that was given before; None: it is new, and kept from now on."""
    place = (key.actor, key.cmd_id)
    fresh = run(
        "INSERT INTO {notification_replay} VALUES (?, ?, ?, 0, ?) ON CONFLICT (actor, cmd_id) DO NOTHING "
        "RETURNING cmd_id",
        (*place, asked, now_us),
    )
    if fresh:
        return None
    row = run("SELECT asked, replayed FROM {notification_replay} WHERE actor = ? AND cmd_id = ?", place)[0]
    if row["asked"] != asked:
        raise Conflict("this cmd_id asked for something else", cmd_id=key.cmd_id)
    return int(row["replayed"])


def _forget(run: Run, place: tuple[str, str, str]) -> bool:
    """Whether it was suspended; its failures are forgotten either way."""
    rows = run(
        "DELETE FROM {notification_target} WHERE subscription = ? AND channel = ? AND target = ? "
        "RETURNING suspended_us",
        place,
    )
    return any(row["suspended_us"] is not None for row in rows)


def untold(store: DeliveryStore, limit: int = 100) -> list[Untold]:
    """The oldest that ended undelivered and that nobody was told of."""
    rows = store.tables.run(
        "SELECT notification_id, body, error, ended_us, attempts FROM {notification} WHERE told = 0 "
        "ORDER BY seq LIMIT ?",
        (limit,),
    )
    found = []
    for row in rows:
        alerts = store.tables.run(
            "SELECT alert_id, entity FROM {delivery} WHERE notification_id = ? ORDER BY seq",
            (row["notification_id"],),
        )
        found.append(
            Untold(
                msgspec.json.decode(row["body"], type=Notification),
                row["error"],
                instant(row["ended_us"]),
                row["attempts"],
                tuple((alert["alert_id"], alert["entity"]) for alert in alerts),
            )
        )
    return found


def told(store: DeliveryStore, one: Untold) -> None:
    """The domain knows of it."""
    store.tables.run(
        "UPDATE {notification} SET told = 1 WHERE notification_id = ? AND attempts = ?",
        (one.notification.notification_id, one.attempts),
    )


@dataclass(frozen=True, slots=True)
class SuspendedTarget:
    """A target that is left alone since `at`, by itself, and why."""

    subscription: str  # with level and person, of an escalation
    channel: Channel
    target: str
    reason: str
    at: datetime


def newly_suspended(store: DeliveryStore, limit: int = 100) -> list[SuspendedTarget]:
    """Targets that nobody was told of yet, the longest suspended first."""
    return _suspended(store, "told = 0", [], limit)


def suspended_of(store: DeliveryStore, chosen: Chosen, limit: int = REPLAYED_AT_ONCE) -> list[SuspendedTarget]:
    """Those of the chosen subscription and channel, whoever was told of them."""
    return _suspended(store, *chosen.targets(), limit)


def _suspended(store: DeliveryStore, where: str, values: Sequence[object], limit: int) -> list[SuspendedTarget]:
    rows = store.tables.run(
        f"SELECT subscription, channel, target, reason, suspended_us FROM {{notification_target}} WHERE {where} "  # noqa: S608
        "AND suspended_us IS NOT NULL ORDER BY suspended_us, subscription, channel LIMIT ?",
        (*values, limit),
    )
    return [
        SuspendedTarget(
            row["subscription"], Channel(row["channel"]), row["target"], row["reason"], instant(row["suspended_us"])
        )
        for row in rows
    ]


def told_suspended(store: DeliveryStore, one: SuspendedTarget) -> bool:
    """The domain knows of it; False: another sender said so first."""
    rows = store.tables.run(
        "UPDATE {notification_target} SET told = 1 WHERE subscription = ? AND channel = ? AND target = ? "
        "AND suspended_us = ? AND told = 0 RETURNING subscription",
        (one.subscription, one.channel, one.target, microseconds(one.at)),
    )
    return bool(rows)


def _of_subscription(table: str, escalations: bool) -> str:
    name = f"{table}subscription"
    return f"({name} = ? OR ({name} >= ? AND {name} < ?))" if escalations else f"{name} = ?"


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
