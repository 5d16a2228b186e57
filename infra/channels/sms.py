"""Text messages by a gateway's HTTP interface, which the policy describes: URL, headers, body, what counts as
taken."""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from engines.primitives.errors import InvalidInput
from infra.channels.http import Answer, HttpCaller, outcome_of
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, Result, failed, retry
from infra.deliveries_policy import SmsPolicy
from projections.alert_notification import Notification

NUMBER = re.compile(r"\+?[0-9]{5,15}")
PLACES = re.compile(r"\{(to|text|id)\}")


class SmsChannel:
    """`token` goes into the headers alone, and into nothing that is stored or logged."""

    def __init__(self, policy: SmsPolicy, caller: HttpCaller, messages: Messages, token: str | None) -> None:
        """Raises InvalidInput: a header wants a token and there is none."""
        self._policy, self._caller, self._messages = policy, caller, messages
        self.timeout_s = policy.timeout_s
        if token is None and any("{token}" in value for value in policy.headers.values()):
            raise InvalidInput("the gateway's headers want a token", field="TIDEMARK_NOTIFIER_SMS_TOKEN")
        self._headers = {name: value.replace("{token}", token or "") for name, value in policy.headers.items()}

    async def send(self, notification: Notification, now: datetime) -> Outcome:
        if not NUMBER.fullmatch(notification.target):
            return failed("the target is no telephone number")
        values = {
            "to": notification.target,
            "text": self._messages.short(notification, self._policy.length_max),
            "id": notification.notification_id,
        }
        body = filled(self._policy.body, values, self._policy.content_type).encode()
        headers = self._headers | {"content-type": self._policy.content_type}
        answer = await self._caller.send(self._policy.url, headers, body, method=self._policy.method)
        return answer if isinstance(answer, Outcome) else self._outcome(answer, now)

    def _outcome(self, answer: Answer, now: datetime) -> Outcome:
        if answer.status not in self._policy.status:
            found = outcome_of(answer, now)
            # A gateway that is gone (410) or takes with another status is not set up right: no subscriber's fault.
            return (
                found
                if found.result is Result.RETRY
                else retry(f"the gateway answered {answer.status}", answer.status)
            )
        if self._policy.answer_field and _field(answer.body, self._policy.answer_field) != self._policy.answer_value:
            return retry(
                f"the gateway's {self._policy.answer_field} is not {self._policy.answer_value}", answer.status,
                blames_lane=False,
            )  # fmt: skip
        return Outcome(Result.DELIVERED, answer.status)


def filled(template: str, values: dict[str, str], content_type: str) -> str:
    """The template with its places filled, in one pass: a text that holds `{to}` stays a text."""
    as_json = content_type == "application/json"

    def put(found: "re.Match[str]") -> str:
        value = values[found[1]]
        return json.dumps(value, ensure_ascii=False) if as_json else quote_plus(value)

    return PLACES.sub(put, template)


def _field(body: bytes, path: str) -> str | None:
    """A field of a JSON answer as text; None: there is none."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return str(found)
