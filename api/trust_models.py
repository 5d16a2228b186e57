"""What trust, operations and the home layout answer with, for the contract."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.models import Answer

State = Literal["FRESH", "LATE", "DAMAGED", "SILENT", "UNKNOWN"]


class TrustSource(Answer):
    source: str
    name: str
    entity: str | None
    system: str | None
    topic: str
    state: State
    reasons: list[str]
    silence_s: float = Field(description="seconds of open hours since it was heard")
    late_s: float | None
    silent_s: float | None
    last_event_time: str | None
    last_appended_at: str | None
    lag_records: int
    waiting_s: float = Field(description="how long the oldest record has waited to be folded")
    dead_letters: int
    missing_numbers: int


class TrustFigure(Answer):
    figure: str
    entity: str | None = Field(description="null: over all entities that the reader may see")
    state: State
    sources: list[str] = Field(description="those that are not fresh, worst first")


class Trust(Answer):
    judged_at: str
    version: int
    policy_version: int
    sources: list[TrustSource]
    figures: list[TrustFigure]


class Operations(Answer):
    readiness: dict[str, Any]
    processes: list[dict[str, Any]]
    lag: list[dict[str, Any]]
    dead_letters: dict[str, Any]
    snapshots: dict[str, Any]
    archive: dict[str, Any]


class Widget(Answer):
    model_config = ConfigDict(strict=True)

    widget: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    size: Literal["small", "wide", "full"] = "small"
    hidden: bool = False


class Layout(Answer):
    widgets: list[Widget] | None = Field(max_length=40, description="null: nothing was saved, the role's default")


class WantedLayout(Answer):
    model_config = ConfigDict(strict=True)

    widgets: list[Widget] = Field(max_length=40)
    cmd_id: str | None = Field(None, max_length=100, description="the same again: saved once")
