"""What a rule would have done: the stored cuts folded again with this rule alone (PLT-04, LIQ-08).

The cuts are read from the log, below its start from the archive, batch by batch; kept are the first incidents and
what sums them up. The fold is the worker's own, and the series behind the facts are those it keeps, so that a rule
that was in force over the span gives the alerts it gave, under their ids. Writes nothing.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput
from projections.alert_rules import NO_RULES, Rule, check_rule, rule_set
from projections.rule_cut_watch import NO_LIMITS, CutWatchState, fold
from projections.rule_incidents import RuleAlert
from streams.counterfactual_limits import PLACE, recorded_cuts
from streams.counterfactual_past import End, PastLogs, period_of
from streams.instants import instant_text
from streams.rule_alerts import rule_alert
from streams.schemas import Source
from streams.topics import CUT

ROWS_MAX = 10_000
Told = Callable[[str, int, int], None]
Answer = dict[str, Any]


class PreviewQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """`rule_no` and `content_digest` name the draft that it is about, if it is about one."""

    rule: Rule
    start: End = None
    end: End = None
    rule_no: str = ""
    content_digest: str = ""
    asked_by: str = "-"


@dataclass(slots=True)
class _Story:
    """Incidents as they come, and what sums them up: bounded, but for the figures that are open at once."""

    rows: list[Answer] = field(default_factory=list)
    open: dict[str, tuple[int, Answer | None]] = field(default_factory=dict)  # since when, its row
    fired: int = 0
    ended: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    by_entity: dict[str, int] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, alert: RuleAlert) -> None:
        self.digest.update(f"{alert.kind} {alert.alert_id}\n".encode())
        if alert.kind == "raised":
            self.fired += 1
            self.by_entity[alert.entity] = self.by_entity.get(alert.entity, 0) + 1
            row = _row(alert) if len(self.rows) < ROWS_MAX else None
            if row is not None:
                self.rows.append(row)
            if not alert.happens_once:  # a flow or a decision happens once
                self.open[alert.incident] = alert.opened_us, row
            return
        since, row = self.open.pop(alert.incident)
        seconds = (alert.cut.taken_us - since) / 1e6
        self.ended, self.seconds = self.ended + 1, self.seconds + seconds
        self.longest_s = max(self.longest_s, seconds)
        if row is not None:
            row |= {"cleared_at": alert.cut.taken_at, "cleared_cut": alert.cut.offset, "seconds": seconds}

    def answer(self) -> Answer:
        return {
            "fired": self.fired,
            "open": len(self.open),
            "longest_s": self.longest_s if self.ended else None,
            "average_s": self.seconds / self.ended if self.ended else None,
            "by_entity": dict(sorted(self.by_entity.items())),
            "digest": self.digest.hexdigest(),
            "incidents": self.rows,
            "left_off": self.fired - len(self.rows),
        }


def preview(logs: PastLogs, question: PreviewQuestion, told: Told) -> Answer:
    """How often and where the rule would have fired over a span of stored cuts.

    Raises:
        InvalidInput: the rule cannot be, with the place; the logs no longer reach back. Unavailable.
    """
    check_rule(question.rule)
    period = period_of(logs, question.start, question.end)
    start, end = period.start[PLACE], period.end[PLACE]
    state, begun = _begun(logs, start)
    ours, story, cuts, moments = rule_set((question.rule,)), _Story(), 0, ["", ""]
    for raw in logs.batches(*PLACE, begun, end):
        at = raw.from_offset
        for cut in recorded_cuts(raw):
            is_asked = cut.offset >= start
            is_waiting = is_asked and state.rules.rules is NO_RULES
            for alert in fold(state, [replace(cut, rules=ours if is_waiting else None)], at, cut.offset + 1):
                if isinstance(alert, RuleAlert):
                    story.take(alert)
            at = cut.offset + 1
            if is_asked:
                cuts, moments = cuts + 1, [moments[0] or cut.taken_at, cut.taken_at]
        state.next_offset = raw.to_offset  # what is no cut counts nothing
        told("cuts", raw.to_offset - begun, end - begun)
    if state.next_offset < end:
        raise InvalidInput(f"{CUT}/0 ends at {state.next_offset}, asked for {end}", field="to")
    return {
        "cuts": cuts,
        "first_cut": start,
        "end_cut": end,
        "first_at": moments[0] or None,
        "last_at": moments[1] or None,
        "folded_from": begun,
        "problems": problems_of(state, question.rule.rule_id),
        **story.answer(),
    }


def problems_of(state: CutWatchState, rule_id: str) -> Mapping[str, Any]:
    found = state.rules.problems.get(rule_id)
    if found is None:
        return {"count": 0, "subjects_now": 0, "message": None, "subject": None, "cut": None}
    return {
        "count": found.count,
        "subjects_now": len(found.subjects),
        "message": found.message,
        "subject": found.subject,
        "cut": found.offset,
    }


def _begun(logs: PastLogs, start: int) -> tuple[CutWatchState, int]:
    """Totals and their series as they were at the start: from the newest stored state, else from the log's start."""
    found = logs.snapshot(PLACE, start)
    if found is not None and found.meta.fold_version == CutWatchState.FOLD_VERSION:
        state = CutWatchState.load(found.deltas[-1] if found.deltas else found.base, NO_LIMITS)
        if state.is_settled:
            state.rules.forget_rules()
            return state, state.next_offset
    state = CutWatchState(NO_LIMITS)
    state.next_offset = min(start, logs.bounds((CUT,))[PLACE][0])
    return state, state.next_offset


def _row(alert: RuleAlert) -> Answer:
    record = rule_alert(alert, Source(topic=CUT, partition=0, offset=0, log="-", fold=CutWatchState.FOLD_VERSION))
    facts = record.rule_facts
    return {
        "alert_id": alert.alert_id,
        "raised_at": instant_text(alert.opened_us or alert.cut.taken_us),
        "cut": alert.cut.offset,
        "subject": alert.subject,
        "entity": alert.entity,
        "currency": alert.currency,
        "metric": None if alert.total is None or alert.key is None else alert.key.metric,
        "scope": None if alert.total is None or alert.key is None else alert.key.scope,
        "value": None if alert.total is None else alert.total.value,
        "amount": record.amount,
        "direction": alert.direction,
        "facts": {} if facts is None else facts.facts,
        "reason": record.reason,
        "cleared_at": None,
        "cleared_cut": None,
        "seconds": None,
    }
