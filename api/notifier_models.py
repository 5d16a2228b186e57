"""Shapes of deliveries over HTTP, for OpenAPI and for checking what comes in."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.moments import ZonedInstant

State = Literal["waiting", "sending", "delivered", "failed", "suspended"]
Ended = Literal["delivered", "failed", "suspended"]
ChannelName = Literal["webhook", "email", "sms", "kafka"]
Purpose = Literal["alert", "escalation", "resolved"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]
Instant = Annotated[str, Field(description="RFC 3339, UTC")]


class Delivery(BaseModel):
    """One alert to one subscription by one channel; several of them may travel in one message, `delivery_id`."""

    delivery_id: str = Field(description="the id on the wire, the same at every attempt")
    alert_id: str
    subscription: str
    channel: ChannelName
    purpose: Purpose
    entity: str
    target: str = Field(description="shortened")
    state: State = Field(description="failed: a dead letter, until it is replayed")
    due_at: Instant | None
    next_attempt_at: Instant | None = Field(description="of one that waits")
    ended_at: Instant | None
    attempts: int
    error: str
    kept: bool = Field(description="what it said is still kept: else it cannot be sent again")


class Deliveries(BaseModel):
    rows: list[Delivery]
    cursor: str | None = Field(description="of the next, older page; null: this is the last")


class Attempt(BaseModel):
    number: int
    at: Instant | None
    outcome: Literal["delivered", "retry", "failed", "gone", "unknown"] = Field(
        description="unknown: under way, or the sender ended before it could say"
    )
    status: int | None = Field(description="what the receiver answered: HTTP or SMTP")
    error: str
    duration_ms: int | None


class DeliveryDetail(BaseModel):
    delivery_id: str
    subscription: str
    channel: ChannelName
    purpose: Purpose
    target: str
    state: State
    due_at: Instant | None
    next_attempt_at: Instant | None
    ended_at: Instant | None
    attempts: int
    error: str
    kept: bool
    alert_ids: list[str]
    attempts_made: list[Attempt]


class SuspendedTarget(BaseModel):
    subscription: str
    channel: ChannelName
    target: str
    reason: str
    suspended_at: Instant | None
    failures: int


class DeliveryStatus(BaseModel):
    states: dict[str, int] = Field(description="messages by state")
    suspended: list[SuspendedTarget]


class Replay(BaseModel):
    """At least one of ids, since, subscription."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Name] = Field(default_factory=list, max_length=200, description="delivery ids, whatever became of them")
    since: ZonedInstant | None = Field(None, description="those that were due at or after it")
    subscription: Name | None = None
    channel: ChannelName | None = Field(None, description="only by this one")
    cmd_id: Name | None = Field(
        None, description="idempotency key: the same again sends nothing, and answers as before"
    )
    states: list[Ended] = Field(["failed", "suspended"], min_length=1, max_length=3, description="without ids")


class Replayed(BaseModel):
    replayed: int


class Resume(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cmd_id: Name = Field(description="idempotency key")
    channel: ChannelName | None = Field(None, description="only its target; default: all that are suspended")
    comment: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] | None = None


class Resumed(BaseModel):
    replayed: int = Field(description="messages that are due again")
    state: dict[str, Any] = Field(description="of the subscription")


class Test(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cmd_id: Name | None = Field(None, description="idempotency key: the same again sends nothing")
    channel: ChannelName | None = Field(None, description="only this one; default: all of the subscription")


class Tested(BaseModel):
    alert_id: str
    delivery_ids: list[str] = Field(description="empty: that cmd_id was tested before")
