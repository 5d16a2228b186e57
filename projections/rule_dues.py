"""What is due, as the recorded cuts tell it: reservations not kept, deadlines near or over, as facts of rules.

A cut names those that changed, with the business dates of entities; how many days are left follows from both, so that
a row is told once and ages by itself. Of an entity without a business date it is the day on which the cut was taken
(UTC). Not for finding what is due: `streams.cut_dues`.
"""

from collections.abc import Mapping
from datetime import date

import msgspec

from projections.expressions import Fact
from projections.limit_cuts import Due, RecordedCut
from projections.limit_policy import TotalKey
from projections.rule_facts import minor_of


class DueDump(msgspec.Struct, array_like=True):
    rows: list[Due]
    days: list[tuple[str, str]]
    judged_on: list[tuple[str, str]]


class DueBook:
    """All that is due now, by the key under which it is watched."""

    def __init__(self) -> None:
        self.rows: dict[TotalKey, Due] = {}
        self._days: dict[str, str] = {}
        self._judged_on: dict[str, str] = {}  # the day on which the rows of an entity were looked at last

    def dumped(self) -> DueDump:
        rows = [due for _, due in sorted(self.rows.items())]
        return DueDump(rows, sorted(self._days.items()), sorted(self._judged_on.items()))

    def restore(self, dump: DueDump) -> None:
        self.rows = {due.key: due for due in dump.rows}
        self._days, self._judged_on = dict(dump.days), dict(dump.judged_on)

    def take(self, cut: RecordedCut) -> tuple[set[TotalKey], list[TotalKey]]:
        """(rows whose facts changed with this cut, rows that are no more)."""
        told = {due.key: due for due in cut.dues}
        gone = sorted((self.rows.keys() - told.keys()) if cut.whole else (self.rows.keys() & set(cut.settled)))
        for key in gone:
            del self.rows[key]
        self.rows |= told
        self._days = dict(cut.days) if cut.whole else {**self._days, **cut.days}
        today = {entity: self.today(entity, cut) for entity in {key.entity for key in self.rows}}
        turned = {entity for entity, day in today.items() if self._judged_on.get(entity) != day}
        self._judged_on = today
        return told.keys() | {key for key in self.rows if key.entity in turned}, gone

    def today(self, entity: str, cut: RecordedCut) -> str:
        return self._days.get(entity) or cut.taken_at[:10]

    def facts(self, key: TotalKey, cut: RecordedCut) -> dict[str, Fact]:
        due, today = self.rows[key], date.fromisoformat(self.today(key.entity, cut))
        facts: dict[str, Fact] = {"entity": due.entity, "currency": due.currency, "due_on": due.due_on}
        to_due = (date.fromisoformat(due.due_on) - today).days
        if due.about == "reservation":
            facts |= {"organisation": due.subject, "days_past": -to_due, "dates": due.count}
        else:
            kind, _, case = due.subject.partition("/")
            act_by = due.act_by or due.due_on
            facts |= {
                "rule": due.rule,
                "aggregate": kind,
                "key": case,
                "stage": due.stage,
                "act_by": act_by,
                "days_left": (date.fromisoformat(act_by) - today).days,
                "days_to_due": to_due,
                "missed": to_due < 0 or due.stage == "MISSED",
                "reminders": due.count,
                "has_amount": due.amount is not None,
            }
        return with_amount(facts, due.amount, due.currency)


def with_amount(facts: Mapping[str, Fact], amount: str | None, currency: str) -> dict[str, Fact]:
    """With the amount in minor units where there is one: a fact that is not known is missing."""
    minor = None if amount is None else minor_of(amount, currency)
    return dict(facts) if minor is None else {**facts, "amount": minor}
