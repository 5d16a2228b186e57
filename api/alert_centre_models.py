"""Shapes of the alert centre over HTTP, for OpenAPI and for checking what comes in."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.case_commands import CaseCommand
from api.decision_models import StoredEvent
from api.models import Alert, Answer

State = Literal["RAISED", "ACKNOWLEDGED", "RESOLVED", "EXPIRED"]
SeverityName = Literal["INFO", "WARNING", "CRITICAL"]
ChannelName = Literal["webhook", "email", "sms", "kafka"]
ActName = Literal["acknowledge", "resolve", "comment", "reopen"]
How = Literal["FIXED", "ACCEPTED", "FALSE_ALARM", "DUPLICATE"]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
ACTS_MAX = 200


class Life(Answer):
    """What was done about an alert so far."""

    state: State
    severity: SeverityName
    version: int = Field(description="of its aggregate; 0: nobody acted")
    acknowledged_by: str | None
    acknowledged_at: str | None
    resolved_by: str | None = Field(description="`system`: its incident cleared")
    resolved_at: str | None
    how: str | None
    comments: int
    level: int = Field(description="the highest that was told; 0: not escalated")
    delivery_failures: int
    silenced: bool = Field(description="a silence held it back from delivery when it was raised")


class CentreRow(Answer):
    alert: Alert
    life: Life


class CentrePage(Answer):
    rows: list[CentreRow]
    cursor: str | None
    vector: str = Field(description="the newest alert of each partition, as an SSE id")


class CentreAlert(Answer):
    alert: Alert
    life: Life
    case: dict[str, Any] | None = Field(description="the state of the aggregate Alert; null: nobody acted")
    history: list[StoredEvent]


class Spread(Answer):
    count: int
    median_s: float | None
    p95_s: float | None


class CentreFigures(Answer):
    open: dict[str, dict[str, int]] = Field(description="by severity and state")
    acknowledged: dict[str, Spread] = Field(description="from raised to acknowledged, by severity")
    days: int


class AlertAct(BaseModel):
    """One act on one alert. `how` goes with resolve, a `comment` is wanted to comment and to reopen."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=200, description="idempotency key, chosen by the caller")
    comment: str | None = Field(None, min_length=1, max_length=2_000)
    how: How | None = None
    expected_version: int | None = Field(None, ge=1, description="of the alert that you decided on; else 409")
    role: str | None = Field(None, max_length=10, description="one of the token's; default: the first fitting")

    def given(self) -> dict[str, Any]:
        named = {"comment": self.comment, "how": self.how, "expected_version": self.expected_version}
        return {name: value for name, value in named.items() if value is not None}


class AlertActs(AlertAct):
    """The same act on many alerts, each by itself."""

    act: ActName
    alert_ids: list[str] = Field(min_length=1, max_length=ACTS_MAX)


class ActItem(Answer):
    alert_id: str
    result: Literal["stored", "repeated", "refused"]
    state: str | None
    problem: dict[str, Any] | None


class ActsAnswer(Answer):
    stored: int
    repeated: int
    refused: int
    items: list[ActItem]


class Target(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    channel: ChannelName
    target: str = Field(min_length=1, max_length=600, description="URL, e-mail address, telephone number, topic")


class Content(BaseModel):
    """What a subscription says; the same fields in a preview."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str | None = Field(None, max_length=200)
    filter: str = Field(
        min_length=1, max_length=2_000, description='CEL over the facts of alerts, as `rule == "limit"`'
    )
    entities: list[Id] = Field(min_length=1, max_length=200, description='"*": all of them')
    severity: SeverityName | None = Field(None, description="at least; default INFO")
    channels: list[Target] = Field(min_length=1, max_length=4, description="each channel once")
    language: Literal["en", "zh"] | None = None
    digest: Literal["IMMEDIATELY", "HOURLY", "DAILY"] | None = None
    digest_at: Clock | None = Field(None, description="with DAILY, in the time zone")
    group_by: list[str] | None = Field(None, max_length=11)
    group_minutes: int | None = Field(None, ge=1, le=1_440, description="with group_by, unless a digest gathers")
    quiet_from: Clock | None = None
    quiet_until: Clock | None = Field(None, description="over midnight where it is earlier")
    days: list[Literal["WORKDAYS", "1", "2", "3", "4", "5", "6", "7"]] | None = Field(
        None, max_length=8, description="ISO weekdays, or those of the bank's calendar; default: every day"
    )
    time_zone: str | None = Field(None, max_length=64, description="IANA; default Asia/Shanghai")
    critical_waits: bool | None = Field(None, description="critical alerts keep to quiet hours and days, too")
    resolved: bool | None = Field(None, description="also tell what cleared; default true")


class NewContent(Content):
    team: Id | None = None
    entity_id: Id | None = Field(None, description="where it is kept; default: the first of yours")


class Subscribing(CaseCommand):
    """A new subscription."""

    subscription_no: Id
    payload: NewContent  # type: ignore[assignment]


class Preview(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    content: Content
    days: int = Field(30, ge=1, le=30)


class Previewed(Answer):
    due_at: str
    channel: str
    purpose: str
    digest: bool
    alert_ids: list[str]
    reason: str


class PreviewAnswer(Answer):
    alerts: int = Field(description="that match")
    silenced: int
    notifications: int
    by_rule: dict[str, int]
    by_entity: dict[str, int]
    shown: list[Previewed] = Field(description="the newest")
    days: int
    truncated: bool = Field(description="there were more alerts than are looked at")


class Opening(CaseCommand):
    """Something new of a desk: `payload` holds its fields, by its table in docs/risk-assets.md."""

    key: Id = Field(description="its number, chosen by the caller, unique")
