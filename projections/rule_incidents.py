"""Alerts of rules as they are raised and cleared: ids, incidents and places in the sequence.

An id follows from rule, version, subject and cut, so that the same cuts give it again. Not for deciding that there is
an alert: `projections.rule_watch`; nor for its text: `streams.rule_alerts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from projections.alert_rules import Rule
from projections.expressions import Fact
from projections.limit_cuts import Decision, Due, LargeFlow, RecordedCut, Total
from projections.limit_policy import TotalKey

RULE = "rule"


@dataclass(frozen=True, slots=True)
class RuleAlert:
    """One incident of a rule raised or cleared, complete but for text forms."""

    alert_id: str
    kind: str  # raised, cleared
    rule: Rule
    sequence: int
    incident: str  # the alert that opened it
    opened_us: int
    subject: str
    entity: str
    currency: str
    facts: Mapping[str, Fact]  # those that the rule speaks of
    direction: str  # up, down, -
    cut: RecordedCut
    key: TotalKey | None = None  # of a figure, or of what is due
    total: Total | None = None
    due: Due | None = None
    flow: LargeFlow | None = None
    decision: Decision | None = None
    ended_by: str = ""  # of a cleared one: readings, settled, disabled, unbound

    @property
    def happens_once(self) -> bool:
        return self.flow is not None or self.decision is not None


class CutAlerts:
    """The alerts of one cut as they are made, numbered in their order."""

    def __init__(self, cut: RecordedCut, sequence: int) -> None:
        self.cut = cut
        self.made: list[RuleAlert] = []
        self._first = sequence

    def add(
        self,
        rule: Rule,
        kind: str,
        key: TotalKey,
        total: Total | None,
        facts: Mapping[str, Fact],
        direction: str,
        incident: str,
        opened_us: int,
        due: Due | None = None,
        ended_by: str = "",
    ) -> str:
        """Its id, which is also the incident's if it opens one."""
        alert_id = _id(rule, kind, *key, str(self.cut.offset), self.cut.taken_at)
        alert = RuleAlert(
            alert_id=alert_id,
            kind=kind,
            rule=rule,
            sequence=self._first + len(self.made),
            incident=incident or alert_id,
            opened_us=opened_us,
            subject=subject_of(key),
            entity=key.entity,
            currency=key.currency,
            facts=facts,
            direction=direction,
            cut=self.cut,
            key=key,
            total=total,
            due=due,
            ended_by=ended_by,
        )
        self.made.append(alert)
        return alert_id

    def add_point(
        self, rule: Rule, facts: Mapping[str, Fact], flow: LargeFlow | None, decision: Decision | None
    ) -> None:
        one = flow or decision
        assert one is not None  # noqa: S101 - one of the two, by construction
        subject = flow.alert_id if flow is not None else decision.event_id if decision is not None else ""
        alert_id = _id(rule, "raised", subject)
        alert = RuleAlert(
            alert_id=alert_id,
            kind="raised",
            rule=rule,
            sequence=self._first + len(self.made),
            incident=alert_id,
            opened_us=self.cut.taken_us,
            subject=subject,
            entity=one.entity,
            currency=one.currency,
            facts=facts,
            direction="-",
            cut=self.cut,
            flow=flow,
            decision=decision,
        )
        self.made.append(alert)


def subject_of(key: TotalKey) -> str:
    return "|".join(key)


def _id(rule: Rule, *parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/tm/alert/" + "|".join((RULE, rule.rule_id, str(rule.version), *parts))))
