"""What people do about alerts over HTTP: acknowledge, resolve, comment, reopen; one, or many at once.

The alert has to be in the live view and of an entity of the reader's; the rules are the aggregate's.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aggregates.alert import alert_key
from aggregates.commands import Command
from aggregates.envelope import Principal
from api.alert_centre import record_of
from api.auth import permitted
from api.services import Services
from engines.primitives.errors import NotFound, TidemarkError
from projections.alert_routing import identity
from streams.views_wire import Alert

ALERT = "Alert"
#: The last part of an address, and the command that it gives.
ACTS = {"acknowledge": "Acknowledge", "resolve": "Resolve", "comment": "Comment", "reopen": "Reopen"}


def find_alert(ours: Services, reader: Principal, alert_id: str) -> Alert:
    """Raises NotFound, also for an alert of another's entity."""
    found = ours.live.read(lambda view: view.alert_book.by_id.get(alert_id))
    entities = permitted(reader, None)
    if found is None or (entities is not None and found.entity not in entities):
        raise NotFound("no such alert", alert_id=alert_id)
    return found


def act(
    ours: Services,
    reader: Principal,
    alert_id: str,
    name: str,
    cmd_id: str,
    given: Mapping[str, Any],
    role: str | None,
) -> dict[str, Any]:
    """Give one command; its outcome with the state it led to. Raises what `Assets.execute` raises, NotFound."""
    alert = find_alert(ours, reader, alert_id)
    key = alert_key(alert_id, alert.entity)
    payload = {"alert_id": alert_id, "entity_id": alert.entity} | identity(record_of(alert)) | dict(given)
    wish = Command(cmd_id, ALERT, key, ACTS[name], payload, reader, ours.clock(), role=role, correlation_id=alert_id)
    return ours.assets.execute(wish).to_json() | {"state": ours.assets.state(ALERT, key, reader=reader)}


def act_on_many(
    ours: Services,
    reader: Principal,
    alert_ids: list[str],
    name: str,
    cmd_id: str,
    given: Mapping[str, Any],
    role: str | None,
) -> dict[str, Any]:
    """Each alert by itself: one that is refused leaves the others as they are. The same `cmd_id` again repeats."""
    items: list[dict[str, Any]] = []
    for alert_id in dict.fromkeys(alert_ids):
        own = str(uuid5(NAMESPACE_URL, f"/tm/alert-acts/{cmd_id}/{alert_id}"))
        try:
            done = act(ours, reader, alert_id, name, own, given, role)
        except TidemarkError as error:
            problem = {"title": error.code, "detail": str(error), "facts": error.facts}
            items.append({"alert_id": alert_id, "result": "refused", "state": None, "problem": problem})
        else:
            result = "repeated" if done["repeated"] else "stored"
            items.append({"alert_id": alert_id, "result": result, "state": done["state"]["state"], "problem": None})
    counts = {name: sum(one["result"] == name for one in items) for name in ("stored", "repeated", "refused")}
    return {**counts, "items": items}
