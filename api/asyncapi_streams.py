"""The live stream in the AsyncAPI document: the events of `/stream` (server-sent) and `/ws` (WebSocket).

`streams.asyncapi` tells the topics; this adds the channels that the API itself opens, with the models of its answers.
"""

from typing import Any

from pydantic import BaseModel

from api import models, ratio_models
from api.openapi_names import PREFIX

Json = dict[str, Any]
REF = "#/components/schemas/{model}"

#: Event to what its data holds; figures are bodies as their own addresses answer, less what did not change.
EVENTS: dict[str, str] = {
    "state": "Everything by entity and currency, and the newest 50 alerts: first on a fresh connection.",
    "positions": "Changed rows by entity and currency, newest values only, at most ten times a second.",
    "gap": "Changed rows; all rows, with `buckets`, after a resume.",
    "ratios": "Changed rows of LCR and NSFR, at most twice a second.",
    "alert": "One alert, at once.",
    "trust": "State of the sources that figures stand on, when it changes.",
}
_ROWS: dict[str, type[BaseModel]] = {
    "positions": models.PositionRow,
    "gap": models.GapRow,
    "ratios": ratio_models.RatioRow,
}


def with_streams(document: Json) -> Json:
    """The document of the topics with the two streams. Changes and returns it."""
    components = document["components"]
    told: dict[str, type[BaseModel]] = {model.__name__: model for model in _ROWS.values()}
    for name, model in (told | {"StreamAlert": models.Alert}).items():
        schema = model.model_json_schema(ref_template=REF, mode="serialization")
        components["schemas"] |= schema.pop("$defs", {}) | {name: schema}
    document["servers"] |= {
        "http": {"host": "{api}", "protocol": "http", "variables": {"api": {"description": "as of /openapi.json"}}},
        "websocket": {"host": "{api}", "protocol": "ws", "variables": {"api": {"description": "the same"}}},
    }
    for address, server in (("stream", "http"), ("ws", "websocket")):
        names = {event: f"{address}.{event}" for event in EVENTS}
        components["messages"] |= {names[event]: _message(names[event], event, server) for event in EVENTS}
        document["channels"][address] = {
            "address": f"{PREFIX}/{address}",
            "description": "Live figures and alerts. `id` is the alert vector: give it back to resume.",
            "servers": [{"$ref": f"#/servers/{server}"}],
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()},
        }
        document["operations"][f"send.{address}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{address}"},
            "messages": [{"$ref": f"#/channels/{address}/messages/{name}"} for name in names.values()],
        }
    return document


def data_schema(event: str) -> Json:
    """JSON Schema of an event's `data`."""
    if event == "alert":
        return {"$ref": REF.format(model="StreamAlert")}
    if event in _ROWS:
        return _figure(event)
    if event == "state":
        alerts: Json = {"type": "array", "items": {"$ref": REF.format(model="StreamAlert")}}
        parts = {name: _figure(name) for name in _ROWS} | {"alerts": alerts}
        return {"type": "object", "required": [*parts], "properties": parts}
    return {"type": "object", "description": EVENTS[event]}


def _figure(name: str) -> Json:
    rows = {"type": "array", "items": {"$ref": REF.format(model=_ROWS[name].__name__)}}
    offsets = {"type": "object", "additionalProperties": {"type": "integer"}}
    return {"type": "object", "required": ["rows"], "properties": {"rows": rows, "offsets": offsets}}


def _message(name: str, event: str, server: str) -> Json:
    payload = data_schema(event)
    if server == "websocket":
        payload = {
            "type": "object",
            "required": ["event", "data"],
            "properties": {"event": {"const": event}, "id": {"type": "string"}, "data": payload},
        }
    return {
        "name": name,
        "title": event,
        "summary": EVENTS[event],
        "contentType": "application/json",
        "payload": payload,
    }
