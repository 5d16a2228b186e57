"""JudicialProgressReport: one page for a suit: stages with dates, running deadlines with days left, the next act.

Rebuilt on demand from the log for any business day (`as_of`) and any knowledge (`known_at`); nothing is kept. Not for
ledgers over many cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.litigation import LitigationCase
from aggregates.rendering import EventView, Json
from aggregates.steps.case import ABSENT

ACTS: Mapping[str, str] = {
    "TL01": "claim, sue or obtain an acknowledgement of the debt",
    "TL02": "enforce the mortgage with the claim",
    "TL03": "claim on the guarantor, or sue the debtor",
    "TL04": "file the suit",
    "TL05": "ask the court how far the trial is",
    "TL07": "apply for renewal of the preservation",
    "TL09": "see whether the debtor performs",
    "TL10": "decide whether to appeal",
    "TL11": "decide whether to apply for a retrial",
    "TL12": "apply for enforcement",
}
RUNNING, PAUSED = "RUNNING", "PAUSED"
STAGE_AFTER = {
    "DeadlineOpened": RUNNING,
    "DeadlineRestarted": RUNNING,
    "DeadlinePaused": PAUSED,
    "DeadlineResumed": RUNNING,
    "DeadlineMet": "MET",
    "DeadlineMissed": "MISSED",
    "DeadlineVoided": "VOID",
}


def judicial_progress(
    app: Assets, case_no: str, *, reader: Principal, as_of: date, known_at: datetime | date | None = None
) -> Json:
    """The report of one litigation case for who may read it.

    Raises:
        NotFound: no such case for this reader; Forbidden: the reader holds no role.
    """
    case = app.history("LitigationCase", case_no, reader=reader, known_at=known_at)
    subjects = {case_no, *_loans(case)}
    with app.model.current() as model:
        keys = [found.key for found in model.of_kind("Deadline") if found.facts.get("subject") in subjects]
    deadlines = [app.history("Deadline", key, reader=reader, known_at=known_at) for key in keys]
    return report(case_no, case, deadlines, as_of)


def report(case_no: str, case: Sequence[EventView], deadlines: Sequence[Sequence[EventView]], as_of: date) -> Json:
    """The report from the histories of the case and of its deadlines, oldest event first; pure.

    A fact counts from its business date: what is true only after `as_of` is left out, however early it was known.
    """
    happened = [event for event in case if event.envelope.valid_on <= as_of]
    stages = _stages(happened)
    lines = [line for history in deadlines if (line := _deadline(history, as_of)) is not None]
    running = sorted((line for line in lines if line["state"] == RUNNING), key=_urgency)
    facts: dict[str, Any] = {}
    for event in happened:
        facts |= event.payload
    shown = ("route", "court", "court_case_no", "claim_amount", "appeal_by", "perform_by", "apply_enforcement_by")
    return {
        "case_no": case_no,
        "as_of": as_of.isoformat(),
        "loan_nos": _loans(happened),
        **{name: facts.get(name) for name in shown},
        "stage": stages[-1]["stage"] if stages else None,
        "owner": happened[0].envelope.actor if happened else None,
        "stages": stages,
        "deadlines": running,
        "other_deadlines": sorted((line for line in lines if line["state"] != RUNNING), key=_urgency),
        "next_act": _next_act(running),
        "events": [_event(event) for event in happened],
    }


def _loans(case: Sequence[EventView]) -> list[str]:
    for event in reversed(case):
        if loans := event.payload.get("loan_nos") or event.payload.get("asset_ids"):
            return list(loans)
    return []


@dataclass(slots=True)
class _Fold:
    """Of `LitigationCase` only what `next` of a row may ask."""

    stage: str = ""
    stage_before: str = ""


def _stages(case: Sequence[EventView]) -> list[Json]:
    found: list[Json] = []
    state = _Fold()
    for event in case:
        row = LitigationCase.EVENTS[event.type].ROW
        # The table's own callables read the stage before a closing, nothing else of the case.
        after = row.next(state, event.payload) if callable(row.next) else row.next  # type: ignore[arg-type]
        if row.track or not after or after == state.stage:
            continue
        if event.type in ("CaseClosed", "EnforcementSuspended"):
            state.stage_before = state.stage
        state.stage = after
        found.append({"stage": after, "since": event.envelope.valid_on.isoformat(), "event_id": str(event.id)})
    return found


def _deadline(history: Sequence[EventView], as_of: date) -> Json | None:
    facts: dict[str, Any] = {}
    state, starts, last = "", [], None
    for event in history:
        if event.envelope.valid_on > as_of:
            continue
        facts |= event.payload
        state = STAGE_AFTER.get(event.type, state)
        starts.append(event.payload.get("new_start") or event.payload.get("start_on"))
        last = event
    if last is None or "legal_due_on" not in facts:
        return None
    running = state == RUNNING
    return {
        "deadline_no": last.key,
        "rule_code": facts.get("rule_code"),
        "subject": facts.get("subject"),
        "state": state,
        "start_on": next((day for day in reversed(starts) if day), None),
        "raw_last_day": facts.get("raw_last_day"),
        "legal_due_on": facts["legal_due_on"],
        "act_by": facts.get("act_by", facts["legal_due_on"]),
        "days_left": (date.fromisoformat(facts["legal_due_on"]) - as_of).days if running else None,
        "event_id": str(last.id),
    }


def _urgency(line: Json) -> tuple[str, str]:
    return (line["act_by"], line["deadline_no"])


def _next_act(running: Sequence[Json]) -> Json | None:
    """What has to be done first; a term whose last day is over is no act any more."""
    for line in running:
        if line["days_left"] >= 0:
            names = ("rule_code", "subject", "act_by", "legal_due_on", "days_left")
            return {"act": ACTS.get(line["rule_code"], ABSENT), **{name: line[name] for name in names}}
    return None


def _event(event: EventView) -> Json:
    return {
        "on": event.envelope.valid_on.isoformat(),
        "type": event.type,
        "note": event.payload.get("note"),
        "actor": event.envelope.actor,
        "event_id": str(event.id),
    }
