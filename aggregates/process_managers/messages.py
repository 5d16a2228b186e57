"""A reminder becomes a message to the gateway, with the number that the reminder chose, so that it is sent once."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.process_managers.wanted import SYSTEM, Rule, Wanted
from aggregates.rendering import EventView


def queue_message(_app: Assets, event: EventView) -> Iterator[Wanted]:
    payload = event.payload
    message_id = payload.get("message_id", "-")
    if message_id == "-":
        return
    told = {"method": payload["method"], "to": payload["to"], "template": "DEADLINE_REMINDER"}
    who = event.envelope
    home = Principal(SYSTEM.actor, SYSTEM.roles, who.org, (who.entity,))
    yield Wanted("Notification", message_id, "Queue", told, principal=home)


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType({"ReminderSent": (queue_message,)})
