"""What came of one attempt, and what a channel is: something that carries one notification, once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from projections.alert_notification import Notification

ERROR_LENGTH_MAX = 300


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"  # a receiver that is away, slow or wrong may be right later
    FAILED = "failed"  # no later attempt can differ: an address that is none, or is not permitted
    GONE = "gone"  # the receiver wants nothing from this subscription any more


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is the receiver's own (HTTP, SMTP), `error` a sentence without secrets and addresses of persons.

    `blames_lane`: the failure is one of the whole receiver, not of this message or recipient.
    """

    result: Result
    status: int | None = None
    error: str = ""
    not_before: datetime | None = None
    blames_lane: bool = True

    @property
    def is_delivered(self) -> bool:
        return self.result is Result.DELIVERED


class ChannelSender(Protocol):
    """One attempt takes `timeout_s` at most; it never raises for what a receiver does."""

    timeout_s: float

    async def send(self, notification: Notification, now: datetime) -> Outcome: ...


def failed(error: str) -> Outcome:
    return Outcome(Result.FAILED, error=error[:ERROR_LENGTH_MAX], blames_lane=False)


def retry(error: str, status: int | None = None, *, blames_lane: bool = True) -> Outcome:
    return Outcome(Result.RETRY, status, error[:ERROR_LENGTH_MAX], blames_lane=blames_lane)
