"""What follows when a delivery has ended: people send it again, and the domain hears of what will not arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from engines.primitives.errors import InvalidInput
from infra.deliveries import DELIVERED, FAILED, SUSPENDED, DeliveryStore
from infra.event_store_chain import instant, microseconds
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


def replay(
    store: DeliveryStore,
    now: datetime,
    *,
    ids: Sequence[str] = (),
    since: datetime | None = None,
    subscription: str | None = None,
    states: Sequence[str] = (FAILED, SUSPENDED),
    entities: frozenset[str] | None = None,
) -> int:
    """Make ended notifications due again under their ids; how many (10,000 at most, then ask again). By `ids`
    whatever became of them, else those in `states`. Suspended targets among them are tried again. `entities`: only
    what is wholly of these.

    Raises InvalidInput: nothing narrows it, or a state that is not ended.
    """
    if not ids and since is None and subscription is None:
        raise InvalidInput("want ids, since or subscription", field="ids")
    if any(state not in (DELIVERED, FAILED, SUSPENDED) for state in states):
        raise InvalidInput("want delivered, failed or suspended", field="states")
    where, values = ["n.open = 0"], list[object]()
    for condition, given in (
        (f"n.notification_id IN ({_marks(ids)})", [*ids]),
        (f"n.state IN ({_marks(states)})", [] if ids else [*states]),
        ("n.since_us >= ?", [] if since is None else [microseconds(since)]),
        ("n.subscription = ?", [] if subscription is None else [subscription]),
    ):
        if given:
            where.append(condition)
            values += given
    if entities is not None:
        others = f"AND d.entity NOT IN ({_marks(sorted(entities))})" if entities else ""
        where.append(
            f"NOT EXISTS (SELECT 1 FROM {{delivery}} d WHERE d.notification_id = n.notification_id {others})"  # noqa: S608
        )
        values += sorted(entities)
    now_us = microseconds(now)
    with store.tables.transaction() as run:
        rows = run(
            "UPDATE {notification} SET state = 'waiting', open = 1, due_us = ?, since_us = ?, tries = 0, "  # noqa: S608
            "ended_us = NULL, error = '', told = 1 WHERE seq IN (SELECT n.seq FROM {notification} n "
            f"WHERE {' AND '.join(where)} ORDER BY n.seq LIMIT {REPLAYED_AT_ONCE}) "
            "RETURNING subscription, channel, target",
            (now_us, now_us, *values),
        )
        for place in sorted({(row["subscription"], row["channel"], row["target"]) for row in rows}):
            run("DELETE FROM {notification_target} WHERE subscription = ? AND channel = ? AND target = ?", place)
    return len(rows)


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


def newly_suspended(store: DeliveryStore) -> list[tuple[str, Channel, str]]:
    """Targets (subscription, channel, reason) that are left alone since this was last asked."""
    rows = store.tables.run(
        "UPDATE {notification_target} SET told = 1 WHERE told = 0 RETURNING subscription, channel, reason"
    )
    return [(row["subscription"], Channel(row["channel"]), row["reason"]) for row in rows]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
