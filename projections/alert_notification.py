"""A notification as it is handed on: from who decides that somebody is told to who carries it there.

The one shape between routing (subscriptions, silences, groups, digests, escalation) and delivery (channels, retries,
dead letters). A notification tells one or more alerts to one target; its id derives from what it says and to whom,
so that deciding again decides the same one, and delivering again is a repetition a receiver can drop.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import msgspec

_NOTIFICATIONS = UUID("5f3c8dbd-6f6f-5f0e-9a3c-1f1f9f6f2b11")


class Channel(StrEnum):
    """Channels that are delivered to. Those that people and programs read themselves (SSE, WebSocket) are none."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    SMS = "sms"
    KAFKA = "kafka"


class Purpose(StrEnum):
    """Why somebody is told. An alert is delivered once for each purpose, subscription and channel."""

    ALERT = "alert"
    ESCALATION = "escalation"  # nobody acknowledged in time
    RESOLVED = "resolved"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts` are records of `tm.risk.alert.v1` as JSON objects, oldest first: one, or a group or digest of several.
    `target` is an address of the channel: URL, e-mail address, telephone number, topic. `due_at` is an instant in
    RFC 3339, UTC: not sent before (quiet hours, a digest's hour)."""

    notification_id: str
    purpose: Purpose
    subscription: str
    channel: Channel
    target: str
    alert_ids: tuple[str, ...]
    alerts: tuple[dict[str, Any], ...]
    due_at: str
    language: str = "en"  # en or zh
    digest: bool = False


def notification_id(
    purpose: Purpose, subscription: str, channel: Channel, target: str, alert_ids: tuple[str, ...]
) -> str:
    return str(uuid5(_NOTIFICATIONS, "|".join((purpose, subscription, channel, target, *alert_ids))))
