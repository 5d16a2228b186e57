"""The policy of deliveries (infra/policies/notifications.toml), checked at the door."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engines.primitives.errors import InvalidInput
from infra.deliveries import Suspension
from infra.deliveries_backoff import Backoff
from infra.deliveries_pruning import Keeping
from infra.policies import load_policy

POLICY = "notifications"
#: Of the topics that notifications may go to, and of no other.
TOPIC = re.compile(r"tm\.out\.notification\.[a-z0-9][a-z0-9-]{0,60}\.v[1-9][0-9]?")

Seconds = Annotated[float, Meta(gt=0, le=300)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown names are refused: a misspelt limit must not be no limit."""


class Message(Part, frozen=True):
    accounts: Literal["masked", "clear"]
    alerts_max: Annotated[int, Meta(ge=1, le=5_000)]


class Sending(Part, frozen=True):
    first_retry_s: Seconds
    longest_retry_s: Annotated[float, Meta(gt=0, le=86_400)]
    give_up_after_h: Annotated[float, Meta(gt=0, le=240)]
    per_receiver: Annotated[int, Meta(ge=1, le=64)]
    suspend_after_days: Annotated[float, Meta(gt=0, le=365)]
    suspend_after_failures: Annotated[int, Meta(ge=1)]

    def backoff(self) -> Backoff:
        return Backoff(
            first=timedelta(seconds=self.first_retry_s),
            longest=timedelta(seconds=self.longest_retry_s),
            give_up_after=timedelta(hours=self.give_up_after_h),
        )

    def suspension(self) -> Suspension:
        return Suspension(timedelta(days=self.suspend_after_days), self.suspend_after_failures)


class KeepingPolicy(Part, frozen=True):
    """The shortest record outlives by far the day of alerts that a router may decide again."""

    bodies_days: Annotated[float, Meta(ge=1, le=3_660)] = 30
    records_days: Annotated[float, Meta(ge=8, le=36_600)] = 400

    def keeping(self) -> Keeping:
        return Keeping(timedelta(days=self.bodies_days), timedelta(days=self.records_days))


class WebhookPolicy(Part, frozen=True):
    timeout_s: Seconds
    allow_http: bool
    allowed_networks: tuple[str, ...]


class EmailPolicy(Part, frozen=True, rename={"sender": "from"}):
    host: str
    port: Port
    tls: Literal["starttls", "implicit", "none"]
    username: str
    sender: str
    domain: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+$")]
    timeout_s: Seconds


class SmsPolicy(Part, frozen=True):
    url: str
    method: Literal["POST", "PUT", "GET"]
    content_type: Literal["application/json", "application/x-www-form-urlencoded"]
    body: str
    headers: dict[str, str]
    status: Annotated[tuple[int, ...], Meta(min_length=1)]
    answer_field: str
    answer_value: str
    length_max: Annotated[int, Meta(ge=40, le=1_000)]
    timeout_s: Seconds
    allowed_networks: tuple[str, ...]
    allow_http: bool


class KafkaPolicy(Part, frozen=True):
    topics: tuple[str, ...]
    timeout_s: Seconds


class NotificationPolicy(Part, frozen=True):
    message: Message
    sending: Sending
    webhook: WebhookPolicy
    email: EmailPolicy
    sms: SmsPolicy
    kafka: KafkaPolicy
    keeping: KeepingPolicy = KeepingPolicy()


def notification_policy(directory: Path | None = None) -> NotificationPolicy:
    """That of `directory` if it has one, else as shipped. Raises InvalidInput: a part that is none."""
    own = directory is not None and (directory / f"{POLICY}.toml").is_file()
    return policy_of(load_policy(POLICY, directory if own else None))


def policy_of(read: Mapping[str, Any]) -> NotificationPolicy:
    try:
        policy = msgspec.convert(read, NotificationPolicy)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field=POLICY) from error
    if policy.keeping.records_days < policy.keeping.bodies_days:
        raise InvalidInput("a record goes no sooner than what it said", field="keeping.records_days")
    for topic in policy.kafka.topics:
        if not TOPIC.fullmatch(topic):
            raise InvalidInput("want tm.out.notification.NAME.v1", field="kafka.topics", record=topic[:100])
    return policy
