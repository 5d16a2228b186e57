"""What falls due by the clock alone: reminders, missed deadlines, breaches, lapses, overdue inspections, postings.

Pure: the time and the aggregates come in, commands go out, with ids that derive from what they are about, so that a
second look on the same day stores nothing. Not for what follows from an event: `aggregates.process_managers`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aggregates.process_managers.postings import RETRY
from aggregates.process_managers.wanted import Wanted
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from engines.reminders import Ladder, due_reminders

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PostingPatience:
    """How long core banking is waited for, and which of its refusals pass by themselves (PM5, PM6)."""

    core_timeout: timedelta = 10 * MINUTE
    retry_after: tuple[timedelta, ...] = (MINUTE, 5 * MINUTE, 15 * MINUTE)
    retryable: frozenset[str] = frozenset(("TIMEOUT", "ACCT_BUSY", "NOT_FOUND"))
    fail_days: int = 10
    incident_after: timedelta = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Moment:
    """The time as timers see it. `day_of` is the business day of an entity; `holder_of` who holds a part (a manager's
    number), or the part's own name where nobody is named."""

    now: datetime
    day_of: Callable[[str], date]
    ladder: Ladder
    patience: PostingPatience = PostingPatience()
    holder_of: Callable[[Case, str], str] = lambda case, part: part


def due(cases: Iterable[Case], moment: Moment) -> Iterator[Wanted]:
    """The commands that are due now on these aggregates, of whatever kind."""
    for case in cases:
        day = moment.day_of(case.entity_id)
        if case.NAME in BY_KIND:
            yield from BY_KIND[case.NAME](case, day, moment)
        if getattr(case, "instruction", None) or getattr(case, "reversal", None):
            yield from _posting(case, day, moment)
        yield from _lapse(case, day, moment)


def unanswered(cases: Iterable[Case], moment: Moment) -> Iterator[Case]:
    """Cases that core banking has not told the end of for so long that people must ask there (PM6)."""
    for case in cases:
        waits = case.stage in ("POSTING_UNKNOWN", "REVERSAL_UNKNOWN")
        if waits and moment.now - case.modified_on >= moment.patience.incident_after:
            yield case


def command_id(wanted: Wanted) -> str:
    """The same for the same thing, on whatever day and in whatever process it is found due."""
    path = f"/tm/Timer/{wanted.aggregate}/{wanted.key}/{wanted.command}/{wanted.tag}"
    return str(uuid5(NAMESPACE_URL, path))


def _deadline(case: Any, day: date, moment: Moment) -> Iterator[Wanted]:
    if case.stage not in ("RUNNING", "MISSED") or not {"act_by", "legal_due_on"} <= case.facts.keys():
        return
    run = f"{len(case.starts)} {case.facts['act_by']}"
    for reminder in due_reminders(moment.ladder, case.facts["act_by"], day):
        to = moment.holder_of(case, reminder.part)
        mark = replace(reminder, part=to).mark
        if mark in case.sent:
            continue
        payload: dict[str, Any] = {"step": reminder.step, "method": reminder.method, "to": to}
        if reminder.days_past:
            payload["days_past"] = reminder.days_past
        wanted = Wanted("Deadline", case.key, "Remind", payload, valid_on=day, tag=f"{run} {mark}")
        # The message's number at the gateway is the command's own: a message is not sent twice either.
        yield Wanted(
            "Deadline",
            case.key,
            "Remind",
            payload | {"message_id": command_id(wanted)},
            valid_on=day,
            tag=wanted.tag,
        )
    if case.stage == "RUNNING" and day > case.facts["legal_due_on"]:
        yield Wanted("Deadline", case.key, "Miss", {}, valid_on=day, tag=f"{run} {case.facts['legal_due_on']}")


def _reduction(case: Any, day: date, _moment: Moment) -> Iterator[Wanted]:
    repay_by = case.facts.get("repay_by")
    open_stages = ("APPROVED", "PERFORMING", "SUSPENDED")
    if repay_by is None or case.stage not in open_stages or day <= repay_by:
        return
    if case.paid_minor < case.facts.get("repay_amount", 0):
        yield Wanted("DebtReduction", case.key, "Breach", {}, valid_on=day, tag=repay_by.isoformat())


def _inspection(case: Any, day: date, _moment: Moment) -> Iterator[Wanted]:
    due_on = case.facts.get("due_on")
    if case.stage != "OPEN" or due_on is None or day <= due_on:
        return
    if case.seen.get("InspectionOverdue", 0) < case.seen.get("InspectionScheduled", 1):
        yield Wanted("Inspection", case.key, "MarkOverdue", {}, valid_on=day, tag=due_on.isoformat())


BY_KIND: dict[str, Callable[[Any, date, Moment], Iterator[Wanted]]] = {
    "Deadline": _deadline,
    "DebtReduction": _reduction,
    "Inspection": _inspection,
}


#: Kinds of aggregates that something may fall due for.
TIMED = tuple(
    name
    for name, kind in KINDS.items()
    if name in BY_KIND or any(row.command in ("Expire", "MarkTimedOut") for row in kind.ROWS)
)


def _posting(case: Any, day: date, moment: Moment) -> Iterator[Wanted]:
    """PM6: no answer in time; PM5: a refusal that passes is tried again, the content and its id unchanged."""
    waited = moment.now - case.modified_on
    asked = case.instruction
    if case.stage == "POSTING" and asked.get("checker") and waited >= moment.patience.core_timeout:
        tag = f"{asked['id']} {asked['attempt']}"
        yield Wanted(case.NAME, case.key, "MarkTimedOut", {}, valid_on=day, tag=tag)
    elif case.stage == "REVERSING" and case.reversal.get("checker") and waited >= moment.patience.core_timeout:
        tag = str(case.reversal["instruction_id"])
        yield Wanted(case.NAME, case.key, "MarkReversalTimedOut", {}, valid_on=day, tag=tag)
    elif case.stage == "POSTING_FAILED" and case.facts.get("error_code") in moment.patience.retryable:
        pauses = moment.patience.retry_after
        attempt = asked["attempt"]
        if attempt <= len(pauses) and waited >= pauses[attempt - 1]:
            payload = {"instruction_id": asked["id"], "value_date": asked["value_date"].isoformat()}
            tag = f"{asked['id']} {attempt + 1}"
            yield Wanted(case.NAME, case.key, "Retry", payload, role="FN", valid_on=day, tag=tag, principal=RETRY)


def _lapse(case: Case, day: date, moment: Moment) -> Iterator[Wanted]:
    """An approval that nobody used in its time, or whose posting failed too long ago (PM5)."""
    if case.stage not in ("APPROVED", "POSTING_FAILED"):
        return
    rows = [row for row in case.ROWS if row.command == "Expire" and not row.track and case.stage in row.stages]
    until = case.facts.get("valid_until")
    too_long = moment.now - case.modified_on >= timedelta(days=moment.patience.fail_days)
    failed = case.stage == "POSTING_FAILED" and until is None and too_long
    if rows and (failed or (until is not None and day > until)):
        yield Wanted(case.NAME, case.key, rows[0].event, {}, valid_on=day, tag=str(until or "failed"))
