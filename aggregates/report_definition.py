"""PivotDefinition: a question over positions, flows or ledgers that somebody keeps, shares and has asked on schedule.

It holds a question and no answer (RA-33, LIQ-60): whoever runs it sees what the own rights allow then. A schedule
runs by the rights that its maker had when setting it, personal values masked. Not for what a question may ask
(`infra.pivot_definition`), nor for when a schedule falls due (`api.pivot_schedules`).
"""

from typing import Any

from aggregates.envelope import ROLES
from aggregates.platform import its_maker
from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

READERS = " ".join(role for role in ROLES if role not in ("SY", "WF", "CB", "EX"))
EVERY = ("DAILY", "WEEKLY", "MONTHLY")
FORMS = ("XLSX", "PDF", "CSV", "PARQUET", "JSON")
KEEP_MAX = 400
TITLE_MAX = 200


def _revision(step: Step) -> Facts:
    title = step.get("title", "-")
    unless_field(0 < len(title) <= TITLE_MAX, "title", f"want 1 to {TITLE_MAX} letters")
    held: dict[str, Any] = dict(step.case.facts) if step.exists else {}
    return {"revision": int(held.get("revision", 0)) + 1}


def _schedule(step: Step) -> Facts:
    """The rights of who schedules: those the runs will have, never more."""
    unless_field(step.get("every", EVERY[0]) in EVERY, "every", f"want one of {', '.join(EVERY)}")
    unless_field(step.get("form", FORMS[0]) in FORMS, "form", f"want one of {', '.join(FORMS)}")
    unless_field(1 <= step.get("keep", 1) <= KEEP_MAX, "keep", f"want 1 to {KEEP_MAX}")
    unless_field(step.get("language", "ZH") in ("ZH", "EN"), "language", "want ZH or EN")
    who = step.work.command.principal
    return {"as_roles": list(who.roles), "as_org": who.organisation, "as_entities": list(who.entities)}


def _is_later(step: Step) -> bool:
    last = step.case.facts.get("business_date")
    return last is None or step["business_date"] > last


class PivotDefinition(Case):
    """A kept question over positions, flows or ledgers: defined, shared, scheduled, delivered, retired."""

    NAME = "PivotDefinition"
    KEY = "pivot_no"
    ROWS = (
        row(
            "Define",
            "PivotDefined",
            READERS,
            "title:S, definition:J, revision:N",
            makes_if_absent=True,
            stages="DEFINED",
            next="DEFINED",
            clauses=(its_maker("Define"),),
            derive=_revision,
            remember="maker",
        ),
        row("Share", "PivotShared", READERS, "with_roles:L?", stages="DEFINED", clauses=(its_maker("Share"),)),
        row(
            "Schedule",
            "PivotScheduled",
            READERS,
            "every:E, form:E, language:E, keep:N, since:D, as_roles:L, as_org:I, as_entities:L",
            stages="DEFINED",
            clauses=(its_maker("Schedule"),),
            derive=_schedule,
            default=lambda step: {"language": "ZH", "keep": 30, "since": step.day},
        ),
        row(
            "Unschedule",
            "PivotUnscheduled",
            READERS,
            "every:E",
            stages="DEFINED",
            clauses=(its_maker("Unschedule"),),
            derive=lambda step: {"every": "NEVER"},
        ),
        row(
            "Deliver",
            "PivotDelivered",
            "SY",
            "business_date:D, of_revision:N, digest:S, file_name:S, size:N",
            stages="DEFINED",
            clauses=(clause("Deliver.1", "a business date after the last one", _is_later),),
        ),
        row("Retire", "PivotRetired", READERS, stages="DEFINED", next="RETIRED", clauses=(its_maker("Retire"),)),
    )
