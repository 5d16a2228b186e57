"""Events of the live stream, what a reader chose of them, and their bytes, made once for all who get the same.

Not for deciding who gets what and when: `api.stream_client` and `api.stream_fan`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from aggregates.personal_tokens import BEGIN
from engines.primitives.errors import InvalidInput
from projections.alert_routing_world import AlertPredicate
from streams.views_wire import Alert

Entities = frozenset[str] | None
KINDS = frozenset({"alert", "positions", "gap", "ratios", "trust"})
_SEALED = BEGIN.encode()


class Event(NamedTuple):
    """`name` empty: a heartbeat. `id` empty: the client keeps the one it has. `raw`: `data` as JSON, where shared."""

    name: str
    data: Any = None
    id: str = ""
    raw: bytes = b""

    @property
    def json(self) -> bytes:
        return self.raw or msgspec.json.encode(self.data)

    def as_sse(self) -> bytes:
        head = f"id: {self.id}\n" if self.id else ""
        if not self.name:
            return f": heartbeat\n{head}\n".encode()
        # JSON as msgspec writes it holds no raw newline, so that one data line is enough.
        return f"event: {self.name}\n{head}data: ".encode() + self.json + b"\n\n"

    def as_json(self) -> str:
        body = {"event": self.name, "id": self.id, "data": msgspec.Raw(self.json)}
        return msgspec.json.encode(body).decode()


@dataclass(frozen=True, slots=True)
class Choice:
    """What one reader gets: by rights, and by what he asked for. Equal choices share their bytes."""

    entities: Entities = None
    kinds: frozenset[str] = KINDS
    alerts: AlertPredicate | None = None  # of a subscription; one object for all who name the same version

    def sees(self, entity: str) -> bool:
        return self.entities is None or entity in self.entities

    def wants(self, alert: Alert) -> bool:
        if "alert" not in self.kinds or not self.sees(alert.entity):
            return False
        return self.alerts is None or self.alerts(msgspec.to_builtins(alert))


EVERYTHING = Choice()


def kinds_of(text: str | None) -> frozenset[str]:
    """`alert,positions` as a set. Raises InvalidInput: there is no such kind."""
    if text is None:
        return KINDS
    asked = frozenset(part.strip() for part in text.split(","))
    if not asked <= KINDS:
        raise InvalidInput(f"want some of {', '.join(sorted(KINDS))}", field="events", record=text[:100])
    return asked


class Frame(NamedTuple):
    """Events as one chunk of a chunked answer (RFC 9112, 7.1)."""

    wire: bytes
    names: tuple[str, ...]
    is_sealed: bool  # holds what the lens of each reader must look at


def frame_of(events: Sequence[Event]) -> Frame:
    body = b"".join([event.as_sse() for event in events])
    names = tuple(event.name for event in events if event.name)
    return Frame(b"%x\r\n%b\r\n" % (len(body), body), names, _SEALED in body)
