"""`tidemark calc deadline`: the days of a legal or contractual term by rule, and its reminder ladder (section 5)."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name
from api.calculations.registry import Calculation, Result, Sheet, Variant
from engines.deadlines import ONLY_KIND, DeadlineBook, DeadlineRule, DueDays
from engines.reminders import Ladder
from infra.deadline_policies import deadline_book, reminder_ladder


class Obstacle(Inputs):
    """What kept the creditor from claiming, until it was removed."""

    from_day: Day
    removed_on: Day


class DeadlineInputs(Inputs):
    """A rule and the day from which its term runs."""

    rule: Name = Field(description="TL01 to TL24")
    start_on: Day = Field(description="the day of the event; whether it counts is the rule's matter")
    kind: Name | None = Field(default=None, description="of a rule with several terms, as JUDGMENT for TL10")
    agreed_last_day: Day | None = Field(default=None, description="of the contract, the judgment, the court's notice")
    long_stop_from: Day | None = Field(default=None, description="day of the injury; without it the first start")
    restarts: list[Day] = Field(default=[], description="days from which the term began anew, in order")
    obstacle: Obstacle | None = None
    as_of: Day | None = Field(default=None, description="for the days left")


@cache
def book() -> DeadlineBook:
    return deadline_book()


@cache
def ladder() -> Ladder:
    return reminder_ladder()


def _deadline(inputs: DeadlineInputs) -> Result:
    rule = book().rule_on(inputs.rule, inputs.start_on)
    due = book().due(
        rule,
        inputs.start_on,
        kind=inputs.kind or ONLY_KIND,
        agreed_last_day=inputs.agreed_last_day,
        long_stop_from=inputs.long_stop_from,
    )
    injury = inputs.long_stop_from or inputs.start_on
    for new_start in inputs.restarts:
        due = book().restart(rule, due, new_start, long_stop_from=injury)
        rule = book().rule_on(inputs.rule, new_start)
    if inputs.obstacle is not None:
        met = inputs.obstacle
        due = book().after_obstacle(rule, due, met.from_day, met.removed_on, long_stop_from=injury)
    result: Result = {
        "rule": rule.code,
        "title": rule.title,
        "start_on": due.start_on.isoformat(),
        "raw_last_day": due.raw_last_day.isoformat(),
        "legal_due_on": due.legal_due_on.isoformat(),
        "act_by": due.act_by.isoformat(),
        "calendar_known": due.is_calendar_known,
    }
    if inputs.as_of is not None:
        result |= _left(due, inputs.as_of)
    return result | {
        "period": _period(rule, inputs.kind or ONLY_KIND),
        "runs_from": rule.runs_from,
        "effect": rule.effect or None,
        "source": rule.source,
        "check": rule.check or None,
        "reminders": _reminders(due.act_by),
        "table": _table(rule),
    }


def _left(due: DueDays, as_of: date) -> Result:
    return {
        "as_of": as_of.isoformat(),
        "days_to_act": (due.act_by - as_of).days,
        "days_left": (due.legal_due_on - as_of).days,
        "is_missed": as_of > due.legal_due_on,
    }


def _period(rule: DeadlineRule, kind: str) -> str | None:
    period = rule.term(kind).period
    return None if period is None else period.text


def _reminders(act_by: date) -> list[dict[str, Any]]:
    """The whole ladder; a deadline that begins inside it sends the nearest step only."""
    return [
        {
            "step": step,
            "on": (act_by - timedelta(days=step)).isoformat(),
            "to": [
                f"{recipient.part} {'+'.join(recipient.methods)}"
                for recipient in ladder().recipients
                if step <= recipient.from_step
            ],
        }
        for step in ladder().steps
    ]


def _table(rule: DeadlineRule) -> dict[str, Any]:
    calendar = book().calendar
    return {
        "name": "deadline_rules",
        "version": rule.version,
        "effective_from": rule.effective_from.isoformat(),
        "calendar_from": calendar.first_day.isoformat(),
        "calendar_to": calendar.last_day.isoformat(),
    }


def _sheets(result: Result) -> Sequence[Sheet]:
    names = ("rule", "title", "period", "start_on", "raw_last_day", "legal_due_on", "act_by", "days_left", "source")
    facts = [{"what": name, "value": str(result[name])} for name in names if result.get(name) is not None]
    if not result["calendar_known"]:
        ends = result["table"]["calendar_to"]
        facts.append({"what": "calendar", "value": f"holidays are known up to {ends}: legal_due_on may move later"})
    steps = [
        {"step": str(line["step"]), "on": line["on"], "to": ", ".join(line["to"])} for line in result["reminders"]
    ]
    return (Sheet("Deadline", ("what", "value"), facts), Sheet("Reminders", ("step", "on", "to"), steps))


CALCULATION = Calculation(
    "deadline",
    "Last day, legal due day and day to act by of a term, with its restarts, holidays and reminders.",
    (Variant("deadline", DeadlineInputs, _deadline),),
    _sheets,
)
