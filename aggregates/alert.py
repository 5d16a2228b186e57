"""Alert: what people and the system did about one alert of `tm.risk.alert.v1` (decision S33).

Raised is the Kafka record; the aggregate begins with the first act or the first failed delivery. Its key follows from
the alert and its entity, so that nobody takes an alert over by naming another entity. Not for raising alerts.
"""

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aggregates.refusals import unless_field
from aggregates.steps.case import Case, CaseEvent
from aggregates.steps.rows import Facts, Row, clause, row
from aggregates.steps.step import Step

#: Who looks after alerts; internal audit reads only.
PEOPLE = "AM BR HM HA RM CM LG FK FN FC OP TR AC"
SYSTEM = "SY"
#: How an alert ended. CLEARED: the figure came back within its limit, which the system says by itself.
BY_PEOPLE, CLEARED = ("FIXED", "ACCEPTED", "FALSE_ALARM", "DUPLICATE"), "CLEARED"
SEVERITIES = ("INFO", "WARNING", "CRITICAL")

#: What an alert is, told with every act, since any of them may be the first.
ALERT = "alert_id:I, rule:I?, severity:E?, raised_at:I?, incident:I?"


def alert_key(alert_id: str, entity: str) -> str:
    """The key under which the acts on an alert of this entity stand."""
    return str(uuid5(NAMESPACE_URL, f"/tm/alert/{entity}/{alert_id}"))


def _of_the_alert(step: Step) -> Facts:
    known = step.key == alert_key(step["alert_id"], step.entity_id)
    unless_field(known, "alert_id", "with its entity does not give the key of this command")
    unless_field(step.get("severity", "INFO") in SEVERITIES, "severity", f"want one of {', '.join(SEVERITIES)}")
    unless_field(step.get("comment") != "", "comment", "is empty")
    return {}


def _ending(step: Step) -> Facts:
    allowed = (CLEARED,) if step.work.role == SYSTEM else BY_PEOPLE
    unless_field(step.get("how") in allowed, "how", f"want one of {', '.join(allowed)}")
    return _of_the_alert(step)


def _known(step: Step) -> Facts:
    return {"alert_id": step.case.facts.get("alert_id")} if step.exists else {}


def _row(command: str, event: str, roles: str, fields: str = "", **more: Any) -> Row:
    """An act on an alert; all but reopening may be the first."""
    usual: dict[str, Any] = {"makes_if_absent": True, "derive": _of_the_alert, "default": _known, "next": _unchanged}
    more = usual | more
    return row(command, event, roles, f"{ALERT}, {fields}".removesuffix(", "), extra="entity_id:I?", **more)


def _unchanged(case: Case, _facts: Facts) -> str:
    return case.stage or "RAISED"


ROWS = (
    _row(
        "Acknowledge",
        "AlertAcknowledged",
        PEOPLE,
        "comment:S?",
        stages="RAISED EXPIRED",
        next="ACKNOWLEDGED",
        remember="acknowledger",
    ),
    _row(
        "Resolve",
        "AlertResolved",
        f"{PEOPLE} {SYSTEM}",
        "how:E, comment:S?",
        stages="RAISED ACKNOWLEDGED EXPIRED",
        next="RESOLVED",
        derive=_ending,
        remember="resolver",
    ),
    _row(
        "Reopen",
        "AlertReopened",
        PEOPLE,
        "comment:S",
        stages="RESOLVED EXPIRED",
        next="RAISED",
        makes_if_absent=False,
        clauses=(clause("Reopen.1", "a reason is given", lambda step: bool(step.get("comment"))),),
    ),
    _row("Expire", "AlertExpired", SYSTEM, stages="RAISED", next="EXPIRED"),
    _row("Escalate", "AlertEscalated", SYSTEM, "subscription:I, level:N, to:L", stages="RAISED"),
    _row("FailDelivery", "AlertDeliveryFailed", SYSTEM, "subscription:I, channel:I, error_text:S"),
    _row("Comment", "AlertCommented", PEOPLE, "comment:S"),
)


class Alert(Case):
    """RAISED → ACKNOWLEDGED → RESOLVED, by people or because it cleared; EXPIRED where nobody acted in time."""

    NAME = "Alert"
    KEY = "alert_key"
    ROWS = ROWS

    def start(self) -> None:
        self.acknowledged_by = self.resolved_by = ""
        self.acknowledged_at: datetime | None = None
        self.resolved_at: datetime | None = None
        self.comments: list[dict[str, Any]] = []
        self.escalations: list[dict[str, Any]] = []
        self.failures = 0

    def absorb(self, event: CaseEvent) -> None:
        super().absorb(event)
        facts, name, at, actor = event.read_facts(), event.ROW.command, event.timestamp, event.who.actor
        if name == "Acknowledge":
            self.acknowledged_by, self.acknowledged_at = actor, at
        elif name == "Resolve":
            self.resolved_by, self.resolved_at = actor, at
        elif name == "Reopen":
            self.acknowledged_by = self.resolved_by = ""
            self.acknowledged_at = self.resolved_at = None
        elif name == "Escalate":
            found = {part: facts[part] for part in ("subscription", "level", "to") if part in facts}
            self.escalations.append(found | {"at": at})
        elif name == "FailDelivery":
            self.failures += 1
        if facts.get("comment"):
            self.comments.append({"by": actor, "at": at, "act": name, "comment": facts["comment"]})

    def extra(self) -> dict[str, Any]:
        return {
            "acknowledged_by": self.acknowledged_by or None,
            "acknowledged_at": self.acknowledged_at,
            "resolved_by": self.resolved_by or None,
            "resolved_at": self.resolved_at,
            "comments": list(self.comments),
            "escalations": list(self.escalations),
            "delivery_failures": self.failures,
        }
