"""What the terminal view shows, folded from the live stream; no widgets and no clock: instants come in.

A `state` event replaces everything; rows of `positions` and `ratios` replace those of the same name; an alert is kept
once by its id. Not for adding up: figures are the API's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.cli.sse import Event

Row = Mapping[str, Any]
ALERTS_KEPT = 500


class Link(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "link lost"


class Part(StrEnum):
    POSITIONS = "positions"
    RATIOS = "ratios"
    ALERTS = "alerts"


def position_key(row: Row) -> str:
    return f"{row['entity']}|{row['currency']}"


def ratio_key(row: Row) -> str:
    return f"{row['figure']}|{row['scope']}|{row['entity']}|{row['currency']}"


@dataclass(slots=True)
class Desk:
    positions: dict[str, Row] = field(default_factory=dict)
    ratios: dict[str, Row] = field(default_factory=dict)
    alerts: dict[str, Row] = field(default_factory=dict)  # oldest first
    link: Link = Link.CONNECTING
    link_problem: str = ""
    lag_records: int = 0
    records: int = 0  # entries in the figures
    last_event_time: str = ""
    heard_at: float | None = None  # seconds of the caller's clock

    def take(self, event: Event, now: float) -> frozenset[Part]:
        """The parts that changed."""
        self.link, self.link_problem, self.heard_at = Link.LIVE, "", now
        match event.name:
            case "state":
                self.positions, self.ratios = {}, {}
                self._rows(event.data["positions"])
                self._ratios(event.data.get("ratios", {}))
                self.alerts = {alert["alert_id"]: alert for alert in reversed(event.data["alerts"])}
                return frozenset(Part)
            case "positions":
                self._rows(event.data)
                return frozenset({Part.POSITIONS})
            case "ratios":
                self._ratios(event.data)
                return frozenset({Part.RATIOS})
            case "alert":
                self.alerts.pop(event.data["alert_id"], None)
                self.alerts[event.data["alert_id"]] = event.data
                while len(self.alerts) > ALERTS_KEPT:
                    self.alerts.pop(next(iter(self.alerts)))
                return frozenset({Part.ALERTS})
        return frozenset()

    def lost(self, problem: str) -> None:
        self.link, self.link_problem = Link.LOST, problem

    def _rows(self, body: Row) -> None:
        self.positions |= {position_key(row): row for row in body["rows"]}
        self.lag_records = body.get("lag_records", self.lag_records)
        self.records = sum(body.get("offsets", {}).values()) or self.records
        self.last_event_time = body.get("last_event_time") or self.last_event_time

    def _ratios(self, body: Row) -> None:
        self.ratios |= {ratio_key(row): row for row in body.get("rows", ())}
