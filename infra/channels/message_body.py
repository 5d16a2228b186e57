"""The JSON that receivers of webhooks and topics read; docs/alert-delivery.md tells it in words, /asyncapi.json as a
schema of these structs. Fields are added without another version, never taken away or given another meaning."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from projections.alert_notification import Purpose
from projections.alert_severity import Severity

VERSION: Literal["1"] = "1"

MessageType = Literal["alert.notified", "alert.escalated", "alert.resolved", "subscription.test"]
Instant = Annotated[str, Meta(description="RFC 3339, UTC")]


class NotificationAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One of the alerts that are told in full."""

    severity: Severity
    summary: str
    link: Annotated[str, Meta(description="of the page")]
    explain: Annotated[str, Meta(description="a command that shows the figures as they were")]
    record: Annotated[
        dict[str, Any], Meta(description="of tm.risk.alert.v1, of any version; account numbers may be shortened")
    ]


class NotificationData(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts` are the first ones; `alerts_omitted` counts the others, which `alert_ids` names."""

    delivery_id: str
    subscription: Annotated[str, Meta(description="SUB-1; of an escalation SUB-1:2:U-7, with level and person")]
    purpose: Purpose
    digest: bool
    language: Literal["en", "zh"]
    title: str
    alert_ids: tuple[str, ...]
    alerts_omitted: Annotated[int, Meta(ge=0)]
    alerts: list[NotificationAlert]


class NotificationBody(msgspec.Struct, frozen=True, kw_only=True):
    """`timestamp`: when it was due, quiet hours and digests included; the same at every attempt."""

    type: MessageType
    timestamp: Instant
    version: Literal["1"] = VERSION
    data: NotificationData
