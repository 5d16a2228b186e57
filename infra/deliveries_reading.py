"""Lists of deliveries for those who look after them: one row for each alert, subscription, channel and purpose.

A target is a person's address or a URL with a token in it: it is shown shortened. Nothing is changed here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engines.primitives.errors import NotFound
from infra.deliveries import STATES, DeliveryStore
from infra.event_store_chain import instant
from infra.store_tables import Row
from projections.alert_notification import Channel, Notification

SHOWN_CHARACTERS = 4
_COLUMNS = (
    "d.seq, d.alert_id, d.subscription, d.channel, d.purpose, d.entity, d.notification_id, n.target, n.state, "
    "n.due_us, n.since_us, n.ended_us, n.attempts, n.error, LENGTH(n.body) > 0 AS kept"
)
_JOINED = "FROM {delivery} d JOIN {notification} n ON n.notification_id = d.notification_id"


def page(
    store: DeliveryStore,
    *,
    alert_id: str | None = None,
    subscription: str | None = None,
    channel: str | None = None,
    state: str | None = None,
    entities: frozenset[str] | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[list[dict[str, Any]], int | None]:
    """Newest first, and the cursor of the next, older page; None: there is none."""
    where, values = ["1 = 1"], list[Any]()
    for column, value in (
        ("d.alert_id", alert_id),
        ("d.subscription", subscription),
        ("d.channel", channel),
        ("n.state", state),
    ):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    if before is not None:
        where.append("d.seq < ?")
        values.append(before)
    if entities is not None:
        where.append(f"d.entity IN ({', '.join('?' * len(entities))})" if entities else "1 = 0")
        values += sorted(entities)
    rows = store.tables.run(
        f"SELECT {_COLUMNS} {_JOINED} WHERE {' AND '.join(where)} ORDER BY d.seq DESC LIMIT ?",
        (*values, limit + 1),
    )
    shown = [_shown(row) for row in rows[:limit]]
    return shown, int(rows[limit - 1]["seq"]) if len(rows) > limit else None


def one(store: DeliveryStore, notification_id: str, entities: frozenset[str] | None = None) -> dict[str, Any]:
    """A notification with its alerts' ids and every attempt. Raises NotFound: there is none, or not for this
    reader."""
    rows = store.tables.run(
        f"SELECT {_COLUMNS} {_JOINED} WHERE d.notification_id = ? ORDER BY d.seq", (notification_id,)
    )
    if not rows or (entities is not None and any(row["entity"] not in entities for row in rows)):
        raise NotFound("no such delivery", delivery_id=notification_id)
    attempts = store.tables.run(
        "SELECT number, at_us, outcome, status, error, duration_us FROM {attempt} WHERE notification_id = ? "
        "ORDER BY number",
        (notification_id,),
    )
    told = {name: value for name, value in _shown(rows[0]).items() if name not in ("alert_id", "entity")}
    return told | {
        "alert_ids": [row["alert_id"] for row in rows],
        "attempts_made": [
            {
                "number": row["number"],
                "at": _text(row["at_us"]),
                "outcome": row["outcome"] or "unknown",  # the sender ended before it could say
                "status": row["status"],
                "error": row["error"] or "",
                "duration_ms": None if row["duration_us"] is None else row["duration_us"] // 1_000,
            }
            for row in attempts
        ],
    }


def notification(store: DeliveryStore, notification_id: str) -> Notification:
    """As it is sent. Raises NotFound."""
    rows = store.tables.run("SELECT body FROM {notification} WHERE notification_id = ?", (notification_id,))
    if not rows or not rows[0]["body"]:
        raise NotFound("no such delivery, or no longer what it said", delivery_id=notification_id)
    return msgspec.json.decode(rows[0]["body"], type=Notification)


def counts(store: DeliveryStore) -> dict[str, int]:
    """Notifications by state, each state named."""
    rows = store.tables.run("SELECT state, COUNT(*) AS count FROM {notification} GROUP BY state")
    return dict.fromkeys(STATES, 0) | {row["state"]: int(row["count"]) for row in rows}


def suspended(store: DeliveryStore) -> list[dict[str, Any]]:
    """Targets that are left alone, the longest first; a replay of theirs tries them again."""
    rows: Sequence[Mapping[str, Any]] = store.tables.run(
        "SELECT subscription, channel, target, reason, suspended_us, failures FROM {notification_target} "
        "WHERE suspended_us IS NOT NULL ORDER BY suspended_us"
    )
    return [
        {
            "subscription": row["subscription"],
            "channel": row["channel"],
            "target": masked_target(row["channel"], row["target"]),
            "reason": row["reason"],
            "suspended_at": _text(row["suspended_us"]),
            "failures": row["failures"],
        }
        for row in rows
    ]


def masked_target(channel: str, target: str) -> str:
    """`https://host/…`, `l***@bank.example`, `****4567`; a topic in full."""
    if channel == Channel.KAFKA:
        return target
    if channel == Channel.WEBHOOK:
        scheme, divider, rest = target.partition("://")
        host = rest.split("/")[0].split("?")[0].rpartition("@")[2]
        return f"{scheme}{divider}{host}/…" if divider else "…"
    if channel == Channel.EMAIL:
        name, _, domain = target.rpartition("@")
        return f"{name[:1]}***@{domain}"
    return f"****{target[-SHOWN_CHARACTERS:]}"


def _shown(row: Row) -> dict[str, Any]:
    return {
        "delivery_id": row["notification_id"],
        "alert_id": row["alert_id"],
        "subscription": row["subscription"],
        "channel": row["channel"],
        "purpose": row["purpose"],
        "entity": row["entity"],
        "target": masked_target(row["channel"], row["target"]),
        "state": row["state"],
        "due_at": _text(row["since_us"]),
        "next_attempt_at": _text(row["due_us"]) if row["state"] == "waiting" else None,
        "ended_at": _text(row["ended_us"]),
        "attempts": row["attempts"],
        "error": row["error"],
        "kept": bool(row["kept"]),
    }


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else instant(at_us).isoformat(timespec="milliseconds").replace("+00:00", "Z")
