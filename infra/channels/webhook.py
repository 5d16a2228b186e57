"""Webhooks by Standard Webhooks: one POST of JSON, signed, under an id that is the same at every attempt."""

from collections.abc import Callable, Sequence
from datetime import datetime

from engines.primitives.errors import TidemarkError
from infra.channels.http import HttpCaller, outcome_of
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, retry
from infra.channels.signatures import key_of, signed_headers
from projections.alert_notification import Notification

USER_AGENT = "tidemark-notifier/1"

Secrets = Callable[[str], Sequence[str]]


class WebhookChannel:
    """`secrets` gives those of a subscription, the newest first; each signs."""

    def __init__(self, caller: HttpCaller, secrets: Secrets, messages: Messages, *, timeout_s: float = 10.0) -> None:
        self._caller, self._secrets, self._messages, self.timeout_s = caller, secrets, messages, timeout_s

    async def send(self, notification: Notification, now: datetime) -> Outcome:
        body = self._messages.body(notification)
        try:
            keys = [key_of(secret) for secret in self._secrets(of_subscription(notification.subscription))]
        except TidemarkError as error:
            return retry(f"no secret to sign with: {error.code}", blames_lane=False)
        headers = signed_headers(notification.notification_id, int(now.timestamp()), body, keys)
        headers |= {"content-type": "application/json", "user-agent": USER_AGENT}
        answer = await self._caller.send(notification.target, headers, body)
        return answer if isinstance(answer, Outcome) else outcome_of(answer, now)


def of_subscription(name: str) -> str:
    """The subscription behind a name: escalations have names of their own, `SUB-1:2:U-7` (level and person)."""
    return name.partition(":")[0]
