"""Deadline: a limitation or other term that runs for a subject (spec/risk-assets.md 3.11, section 5).

The key is `rule_code/subject/seq` (decision E3), written with dots where an id may hold no slash. Days come from
`engines.deadlines`; here they are facts that were computed once and stay with the rule's version. Process managers
open, restart and meet deadlines by themselves (PM11), so the system may do so beside people.
"""

from typing import Any

from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import one_of
from engines.reminders import Reminder

METHODS = ("SMS", "MAIL", "INBOX")
TRIGGER_REVERSED = "TRIGGER_REVERSED"  # cause of a restart: the one before never happened


def _mark(facts: Any) -> str:
    return Reminder(facts["step"], facts.get("days_past") or 0, facts["method"], facts.get("to", "-")).mark


def _reminded(case: Any, facts: Facts, _who: Any) -> None:
    case.sent.append(_mark(facts))


def _opened(case: Any, facts: Facts, _who: Any) -> None:
    case.starts = [facts.get("start_on")]


def _restarted(case: Any, facts: Facts, _who: Any) -> None:
    """Another run: its ladder is sent from the top again."""
    if facts["cause"] == TRIGGER_REVERSED and len(case.starts) > 1:
        case.starts.pop()
    else:
        case.starts.append(facts.get("new_start"))
    case.sent = []


def _moved(case: Any, _facts: Facts, _who: Any) -> None:
    case.sent = []


def _was_in_time(field: str) -> Any:
    """A fact that became known after the miss corrects it only if it lies within the term (decision E2)."""

    def holds(step: Any) -> bool:
        return bool(step.case.stage != "MISSED" or step[field] <= step.case.facts["legal_due_on"])

    return holds


class Deadline(Case):
    """Runs, is restarted, paused, extended; met, missed or void in the end. Reminders are sent once per step."""

    NAME = "Deadline"
    KEY = "deadline_no"
    ROWS = (
        row(
            "Open",
            "DeadlineOpened",
            "SY",
            "rule_code:S, rule_version:N, subject:I, start_on:D, raw_last_day:D, legal_due_on:D, act_by:D",
            makes=True,
            next="RUNNING",
            clauses=(clause("Open.1", "trigger event seen"),),
            effect=_opened,
            default=lambda step: {
                "rule_version": 1,
                "legal_due_on": step.get("raw_last_day"),
                "act_by": step.get("raw_last_day"),
            },
        ),
        row(
            "Interrupt",
            "DeadlineRestarted",
            "SY LG",
            "cause:E, new_start:D, raw_last_day:D, legal_due_on:D, act_by:D",
            stages="RUNNING PAUSED MISSED",
            next="RUNNING",
            clauses=(
                clause("Interrupt.1", "interrupting fact proved"),
                clause("STATE", "a missed term is restarted by what happened within it", _was_in_time("new_start")),
            ),
            effect=_restarted,
            default=lambda step: {
                "new_start": step.day,
                "legal_due_on": step.get("raw_last_day"),
                "act_by": step.get("raw_last_day"),
            },
        ),
        row(
            "Pause",
            "DeadlinePaused",
            "LG",
            "cause:E",
            stages="RUNNING",
            next="PAUSED",
            clauses=(clause("Pause.1", "legal obstacle"),),
        ),
        row(
            "Resume",
            "DeadlineResumed",
            "LG",
            "legal_due_on:D, act_by:D",
            stages="PAUSED",
            next="RUNNING",
            clauses=(clause("Resume.1", "legal obstacle removed"),),
            default=lambda step: {"act_by": step.get("legal_due_on")},
        ),
        row(
            "Extend",
            "DeadlineExtended",
            "LG",
            "legal_due_on:D, authority:S",
            stages="RUNNING",
            clauses=(clause("Extend.1", "court or contract paper"),),
            effect=_moved,
        ),
        row(
            "Remind",
            "ReminderSent",
            "SY",
            "step:N, days_past:N?, method:E, to:I, message_id:I",
            stages="RUNNING MISSED",
            clauses=(
                clause("Remind.1", "ladder step reached"),
                clause("Remind.1", "not sent", lambda s: _mark(s.fields) not in s.case.sent),
            ),
            default=lambda step: {"to": "-", "message_id": "-"},
            derive=one_of("method", METHODS),
            effect=_reminded,
        ),
        row(
            "Meet",
            "DeadlineMet",
            "AM LG SY",
            "done_on:D",
            stages="RUNNING PAUSED MISSED",
            next="MET",
            clauses=(
                clause("Meet.1", "act done"),
                clause("STATE", "a missed term is met by what was done within it", _was_in_time("done_on")),
            ),
            default=lambda step: {"done_on": step.day},
        ),
        row(
            "Miss",
            "DeadlineMissed",
            "SY",
            "days:N",
            stages="RUNNING",
            next="MISSED",
            clauses=(clause("Miss.1", "due passed", lambda s: s.day > s.case.facts["legal_due_on"]),),
            derive=lambda s: {"days": max(0, (s.day - s.case.facts["legal_due_on"]).days)},
        ),
        row(
            "Void",
            "DeadlineVoided",
            "LG SY",
            "why:S",
            stages="RUNNING PAUSED MISSED",
            next="VOID",
            clauses=(clause("Void.1", "no longer applies"),),
            default=lambda step: {"why": step.who.reason or "-"},
        ),
    )

    def start(self) -> None:
        self.sent: list[str] = []  # marks of the reminders of the present run
        self.starts: list[Any] = []  # days from which it ran, the present one last
