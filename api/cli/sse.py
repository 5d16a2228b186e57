"""Server-sent events, read as the HTML standard says, with resume by Last-Event-ID.

Not a general client: it knows that our API sends JSON in each event and full state first.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from api.cli.client import Api
from engines.primitives.errors import Unavailable

RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]
    id: str


def parse(lines: Iterable[str], last_id: str = "") -> Iterator[Event]:
    """Events of a stream of lines; an event in which the stream breaks off is dropped (the standard)."""
    name, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(name, json.loads("\n".join(data)), last_id)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_id = value


def follow(api: Api, *, on_break: Callable[[Unavailable], None], retry_s: float = RETRY_S) -> Iterator[Event]:
    """Events of `/stream` without end: after a break it connects again, behind the last event seen.

    Raises:
        TidemarkError: the API refused (wrong token, say). A break is told to `on_break` and tried again,
            but the first connection must succeed: a wrong address is an error, not a wait.
    """
    last_id, connected = "", False
    while True:
        try:
            with api.lines("/stream", {"Last-Event-ID": last_id} if last_id else {}) as lines:
                connected = True
                for event in parse(lines, last_id):
                    last_id = event.id
                    yield event
        except Unavailable as error:
            if not connected:
                raise
            on_break(error)
        time.sleep(retry_s)
