"""What receivers read: the JSON of webhooks and topics, the text and HTML of e-mail, the line of a text message.

The same bytes at every attempt, since they follow from the notification alone; a receiver may compare them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import msgspec

from infra.channels import alert_facts as facts
from infra.channels.message_body import MessageType, NotificationAlert, NotificationBody, NotificationData
from infra.channels.words import WORDS
from infra.masking import masked_accounts
from projections.alert_notification import Notification, Purpose
from projections.alert_severity import Severity

TYPES: dict[Purpose, MessageType] = {
    Purpose.ALERT: "alert.notified",
    Purpose.ESCALATION: "alert.escalated",
    Purpose.RESOLVED: "alert.resolved",
}
TEST_TYPE: MessageType = "subscription.test"


@dataclass(frozen=True, slots=True)
class Messages:
    """`page` is the address receivers reach it by; `mask` shortens account numbers; `alerts_max` are told in full."""

    page: str
    mask: bool = True
    alerts_max: int = 200

    def body(self, told: Notification) -> bytes:
        """`{type, timestamp, version, data}` (docs/alert-delivery.md), the shape that Standard Webhooks
        recommends."""
        shown = told.alerts[: self.alerts_max]
        data = NotificationData(
            delivery_id=told.notification_id,
            subscription=told.subscription,
            purpose=told.purpose,
            digest=told.digest,
            language="zh" if told.language == "zh" else "en",
            title=self.title(told),
            alert_ids=told.alert_ids,
            alerts_omitted=len(told.alerts) - len(shown),
            alerts=[self._alert(alert, told.language) for alert in shown],
        )
        text = msgspec.json.encode(NotificationBody(type=self.type(told), timestamp=told.due_at, data=data))
        return masked_accounts(text.decode()).encode() if self.mask else text

    def type(self, told: Notification) -> MessageType:
        return TEST_TYPE if _is_test(told) else TYPES[told.purpose]

    def _alert(self, alert: facts.Alert, language: str) -> NotificationAlert:
        record = dict(alert)
        if self.mask and "reason" in record:
            record["reason"] = facts.masked_text(str(record["reason"]), alert)
        return NotificationAlert(
            severity=Severity(facts.severity(alert)),
            summary=self.summary(alert, language),
            link=facts.link(alert, self.page),
            explain=facts.explain(alert),
            record=record,
        )

    def summary(self, alert: facts.Alert, language: str) -> str:
        """`limit lcr NORTH 0.98 against minimum 1.00`"""
        parts = (facts.subject_matter(alert, language), str(alert.get("entity", "")), facts.amounts(alert, language))
        return " ".join(part for part in parts if part)

    def title(self, told: Notification) -> str:
        """One line: how bad, what, where, how much; of several how many, and the worst."""
        words, worst = WORDS[told.language], _worst(told)
        marks = [words["test"] if _is_test(told) else words[facts.severity(worst)]]
        if told.purpose is not Purpose.ALERT:
            marks.insert(0, words[told.purpose])
        line = f"[Tidemark] {' '.join(marks)}{words['colon']}{self.summary(worst, told.language)}"
        others = len(told.alert_ids) - 1
        return line if others < 1 else f"{line} ({words['more'].format(count=others)})"

    def short(self, told: Notification, length_max: int) -> str:
        """Title and link in so many characters; what had to go is counted."""
        words, where = WORDS[told.language], facts.link(_worst(told), self.page)
        title = self.title(told)
        if len(title) + 1 + len(where) <= length_max:
            return f"{title} {where}"
        if len(title) <= length_max:
            return title
        kept = length_max
        while kept > 0:
            mark = words["cut"].format(count=len(title) - kept)
            if kept + len(mark) <= length_max:
                return title[:kept] + mark
            kept = min(kept - 1, length_max - len(mark))
        return title[:length_max]

    def text(self, told: Notification) -> str:
        blocks = [self.title(told)]
        blocks += [
            "\n".join(f"{name}{value}" for name, value in self._lines(alert, told)) for alert in self._shown(told)
        ]
        return "\n\n".join([*blocks, *self._foot(told)]) + "\n"

    def html(self, told: Notification) -> str:
        blocks = [f"<h1>{escape(self.title(told))}</h1>"]
        for alert in self._shown(told):
            rows = "".join(
                f"<tr><th>{escape(name)}</th><td>{_cell(value)}</td></tr>" for name, value in self._lines(alert, told)
            )
            blocks.append(f"<table>{rows}</table>")
        blocks += [f"<p>{escape(line)}</p>" for line in self._foot(told)]
        head = f'<!doctype html><html lang="{told.language}"><meta charset="utf-8">'
        return f"{head}<body>{''.join(blocks)}</body></html>\n"

    def _shown(self, told: Notification) -> tuple[facts.Alert, ...]:
        return told.alerts[: self.alerts_max]

    def _foot(self, told: Notification) -> list[str]:
        words, omitted = WORDS[told.language], len(told.alerts) - self.alerts_max
        more = [words["omitted"].format(count=omitted)] if omitted > 0 else []
        return [*more, words["footer"].format(subscription=told.subscription)]

    def _lines(self, alert: facts.Alert, told: Notification) -> Iterator[tuple[str, str]]:
        language, words = told.language, WORDS[told.language]
        kind = words.get(str(alert.get("kind", "")), str(alert.get("kind", "")))
        found = (
            ("what", f"{words[facts.severity(alert)]} {facts.subject_matter(alert, language)} {kind}".strip()),
            ("how_much", facts.amounts(alert, language)),
            ("why", facts.reason(alert, language, mask=self.mask)),
            ("since", str(alert.get("event_time", ""))),
            ("entity", str(alert.get("entity", ""))),
            ("account", facts.account(alert, mask=self.mask)),
            ("incident", facts.incident(alert)),
            ("alert", str(alert.get("alert_id", ""))),
            ("page", facts.link(alert, self.page)),
            ("explain", facts.explain(alert)),
        )
        for name, value in found:
            if value not in ("", "-"):
                yield words[name] + words["colon"], value


def _worst(told: Notification) -> facts.Alert:
    """The alert that speaks for the others: the most severe, of these the oldest."""
    return max(told.alerts, key=lambda alert: Severity(facts.severity(alert)).rank, default={})


def _is_test(told: Notification) -> bool:
    return bool(told.alerts) and all(facts.is_test(alert) for alert in told.alerts)


def _cell(value: str) -> str:
    shown = escape(value)
    return f'<a href="{shown}">{shown}</a>' if value.startswith(("https://", "http://")) else shown
