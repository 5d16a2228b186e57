"""What a subscription would have sent in the last days: the same routing over the alerts of the live view.

The time of an alert is when Kafka took what raised it, since the view keeps nothing else. Stores nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from aggregates.envelope import Principal
from api.alert_centre import record_of
from engines.primitives.errors import InvalidInput
from engines.work_calendar import WorkCalendar
from projections.alert_notification import Notification
from projections.alert_routing import Routing, Told
from projections.alert_routing_facts import facts_of, raised_at
from projections.alert_routing_world import EVERY_ENTITY, Silence, Subscribed, Subscription, World
from streams.views_live import LiveView

KEY = "preview"
ALERTS_MAX = 50_000
SHOWN_MAX = 200


def told_since(live: LiveView, since: datetime) -> tuple[list[Told], bool]:
    """Alerts of the view from an instant on, oldest first, and whether there were too many to take all."""
    alerts = live.read(lambda view: list(islice(view.alert_book.newest_first(None, {}), ALERTS_MAX + 1)))
    records = [record_of(alert) for alert in alerts[:ALERTS_MAX]]
    found = [Told(0, 0, at, record) for record in records if (at := raised_at(record)) >= since]
    return found[::-1], len(alerts) > ALERTS_MAX and len(found) == ALERTS_MAX


def preview(
    subscription: Subscription,
    told: Sequence[Told],
    silences: Sequence[Silence],
    calendar: WorkCalendar,
    now: datetime,
) -> dict[str, Any]:
    """Counts, and the notifications with the ids of their alerts, newest first."""
    world = World(calendar, {KEY: Subscribed((subscription,))}, silences)
    matching = [one for one in told if subscription.matches(one.alert, facts_of(one.alert))]
    routing = Routing({})
    routing.begin({0: 0})
    routing.take(told, world)
    # All bundles of alerts up to now end within a day and a half.
    horizon = now + timedelta(days=2)
    sent = routing.release(horizon, horizon, {}, world).notifications
    return {
        "alerts": len(matching),
        "silenced": routing.silenced,
        "notifications": len(sent),
        "by_rule": dict(Counter(str(one.alert["rule"]) for one in matching)),
        "by_entity": dict(Counter(str(one.alert["entity"]) for one in matching)),
        "shown": [_shown(one) for one in sent[::-1][:SHOWN_MAX]],
    }


def seen_by(reader: Principal, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content, with no entity that the reader may not see. Raises InvalidInput: none is left."""
    wanted = content["entities"]
    if EVERY_ENTITY in reader.entities:
        return dict(content)
    allowed = [entity for entity in wanted if entity in reader.entities]
    if EVERY_ENTITY in wanted:
        allowed = list(reader.entities)
    if not allowed:
        raise InvalidInput("names no entity that you may see", field="entities")
    return dict(content) | {"entities": allowed}


def _shown(one: Notification) -> dict[str, Any]:
    return {
        "due_at": one.due_at,
        "channel": str(one.channel),
        "purpose": str(one.purpose),
        "digest": one.digest,
        "alert_ids": list(one.alert_ids),
        "reason": str(one.alerts[0]["reason"]),
    }
