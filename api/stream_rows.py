"""Rows of the live stream: the newest of each figure, and for each reader those that changed since he looked.

Not for adding up: bodies come from `api.figures` and `api.ratios`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from api.figures import Body
from api.stream_events import Choice, Entities, Event, Frame, frame_of
from streams.figure_digests import body_digest
from streams.views_alerts import Vector, vector_text
from streams.views_wire import Alert

NAMES = ("positions", "gap", "ratios")


class Pictures(NamedTuple):
    """Rows by entity and currency, all from one cut."""

    positions: Body
    gap: Body
    ratios: Body
    alerts: list[Alert]  # newest first
    vector: Vector
    alert_logs: dict[str, str]

    def seen(self, name: str, choice: Choice) -> Body:
        body: Body = getattr(self, name)
        seen = body | {"rows": [row for row in body["rows"] if choice.sees(row["entity"])]}
        return seen | {"digest": body_digest(seen)}


@dataclass(slots=True)
class Rows:
    """The newest rows of one figure, and for each (entity, currency) the version in which it changed last."""

    body: Body = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    moved: int = 0  # version in which the offsets changed last
    digests: dict[Entities, str] = field(default_factory=dict)  # of the rows that readers of these entities see

    def since(self, version: int, entities: Entities) -> list[Body]:
        return [
            row
            for row in self.body.get("rows", ())
            if (entities is None or row["entity"] in entities)
            and self.versions.get((row["entity"], row["currency"]), 0) > version
        ]

    def digest(self, entities: Entities) -> str:
        """Of all rows a client has once it has taken the changed ones: what a replay reproduces."""
        if entities not in self.digests:
            rows = [row for row in self.body.get("rows", ()) if entities is None or row["entity"] in entities]
            self.digests[entities] = body_digest(self.body | {"rows": rows})
        return self.digests[entities]

    def renew(self, body: Body, version: int) -> None:
        """Take over `body`; a pair has changed if any of its rows has."""
        before = _by_pair(self.body)
        for pair, rows in _by_pair(body).items():
            if rows != before.get(pair):
                self.versions[pair] = version
        if body["offsets"] != self.body.get("offsets"):
            self.moved = version
        self.body, self.digests = body, {}


class Board:
    """The newest rows of all figures, and the events they make, encoded once per version and kind of reader."""

    def __init__(self) -> None:
        self.version = 0  # grows with each renewal
        self.picture: Pictures | None = None
        self._rows = {name: Rows() for name in NAMES}
        self._changed: dict[tuple[Choice, int], list[Event]] = {}
        self._frames: dict[tuple[Choice, int], Frame | None] = {}
        self._whole: dict[Choice, tuple[Body, bytes]] = {}
        self._all: dict[Choice, list[Event]] = {}

    def renew(self, picture: Pictures) -> None:
        self.version += 1
        for name, rows in self._rows.items():
            rows.renew(getattr(picture, name), self.version)
        self.picture = picture
        self._changed, self._frames, self._whole, self._all = {}, {}, {}, {}

    def changed(self, choice: Choice, since: int) -> list[Event]:
        """What a client that has had `since` lacks."""
        if since == self.version:
            return []
        key = (choice, since)
        if key not in self._changed:
            found = []
            for name, rows in self._rows.items():
                changed = rows.since(since, choice.entities) if name in choice.kinds else []
                # No row changed but the cut moved (repeats, on-us legs): the figures stand at newer offsets.
                if changed or (name in choice.kinds and rows.moved > since):
                    body = {key: value for key, value in rows.body.items() if key != "buckets"}
                    body |= {"rows": changed, "digest": rows.digest(choice.entities)}
                    found.append(Event(name, body, raw=msgspec.json.encode(body)))
            self._changed[key] = found
        return self._changed[key]

    def frame(self, choice: Choice, since: int) -> Frame | None:
        """The same as one chunk; None: nothing."""
        key = (choice, since)
        if key not in self._frames:
            changed = self.changed(choice, since)
            self._frames[key] = frame_of(changed) if changed else None
        return self._frames[key]

    def all_rows(self, choice: Choice) -> list[Event]:
        """The newest rows of a client that needs no alerts."""
        if choice not in self._all:
            bodies = {name: self._picture().seen(name, choice) for name in NAMES if name in choice.kinds}
            self._all[choice] = [Event(name, body, raw=msgspec.json.encode(body)) for name, body in bodies.items()]
        return self._all[choice]

    def state(self, choice: Choice, vector: Mapping[int, int]) -> Event:
        """Rows and the newest alerts; `vector` is the id."""
        if choice not in self._whole:
            picture = self._picture()
            body: Body = {name: picture.seen(name, choice) for name in NAMES if name in choice.kinds}
            if "alert" in choice.kinds:
                body["alerts"] = [alert for alert in picture.alerts if choice.wants(alert)]
            self._whole[choice] = (body, msgspec.json.encode(body))
        body, raw = self._whole[choice]
        # Before the first alert of all an id is needed too, or a break would lose what comes next.
        return Event("state", body, vector_text(vector) or "0:-1", raw)

    def _picture(self) -> Pictures:
        assert self.picture is not None  # noqa: S101 - renewed before anyone asks
        return self.picture


def _by_pair(body: Body) -> dict[tuple[str, str], list[Body]]:
    pairs: dict[tuple[str, str], list[Body]] = {}
    for row in body.get("rows", ()):
        pairs.setdefault((row["entity"], row["currency"]), []).append(row)
    return pairs
