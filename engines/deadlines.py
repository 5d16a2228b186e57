"""Last days of legal and contractual terms: counting, holidays, safety, restart and obstacle. Pure; rules are data.

A rule has one or more terms by kind (a judgment is appealed within 15 days, a ruling within 10). Not for the rules
themselves (`infra/policies/deadline_rules.toml`) and not for reminders (`engines.reminders`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from engines.core_liabilities import months_from
from engines.primitives.errors import InvalidInput
from engines.work_calendar import WorkCalendar

ONLY_KIND = "-"
MONTHS_A_YEAR = 12
OBSTACLE_MONTHS = 6  # Civil Code art. 194
_PERIOD = re.compile(r"([1-9][0-9]{0,3}) (day|month|year|workday)s?")


class Counting(StrEnum):
    AFTER = "after"  # the start day is not counted (Civil Code art. 201)
    RANGE = "range"  # a range with its first day in it: the last day is the day before the same-numbered one
    BEFORE = "before"  # so many working days before the start


class Agreement(StrEnum):
    NEVER = "never"
    MAY = "may"  # a date of the contract or the court goes before the rule's own period
    UP_TO = "up_to"  # likewise, but no later than the rule's own period
    MUST = "must"


@dataclass(frozen=True, slots=True)
class Period:
    """`count` of `unit`: day, month, year or workday."""

    count: int
    unit: str

    @classmethod
    def read(cls, text: str) -> "Period":
        """`Period.read("6 months")`. Raises InvalidInput."""
        found = _PERIOD.fullmatch(text)
        if found is None:
            raise InvalidInput(f'{text!r:.40} is no period such as "6 months"', field="period")
        return cls(int(found[1]), found[2])

    @property
    def text(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"

    def after(self, day: date) -> date:
        """The same-numbered day, else the month's last; days are counted on (Civil Code art. 202)."""
        if self.unit == "day":
            return day + timedelta(days=self.count)
        return months_from(day, self.count * (MONTHS_A_YEAR if self.unit == "year" else 1))


@dataclass(frozen=True, slots=True)
class Term:
    """How long: the rule's own period, and whether a date may be agreed or set instead."""

    period: Period | None
    agreement: Agreement = Agreement.NEVER
    at_least: Period | None = None


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """One version of a rule. `check` is Y (compared with the article's text) or o (to be confirmed by counsel)."""

    code: str
    version: int
    effective_from: date
    title: str
    runs_from: str
    effect: str
    source: str
    check: str
    terms: Mapping[str, Term]
    counting: Counting = Counting.AFTER
    moves_off_holidays: bool = True
    restarts: bool = False
    pauses: bool = False
    long_stop: Period | None = None
    apply_before: Period | None = None  # what has to be asked for so long before the end

    def term(self, kind: str) -> Term:
        """Raises InvalidInput for a kind that the rule does not have."""
        if kind not in self.terms:
            known = ", ".join(self.terms)
            raise InvalidInput(f"{self.code} has no kind {kind!r}: give one of {known}", field="kind")
        return self.terms[kind]


@dataclass(frozen=True, slots=True)
class SafetyMargin:
    """Days between `act_by` and the raw last day: `long_days` where the term is a year or more."""

    long_days: int = 30
    short_days: int = 3

    def days(self, start_on: date, raw_last_day: date) -> int:
        a_year = months_from(start_on, MONTHS_A_YEAR) - timedelta(days=1)
        return self.long_days if raw_last_day >= a_year else self.short_days


@dataclass(frozen=True, slots=True)
class DueDays:
    """`raw_last_day` as counted; `legal_due_on` on which the act is still in time; `act_by` to rely on.

    `is_calendar_known`: false where the holidays that decide `legal_due_on` are not published yet.
    """

    start_on: date
    raw_last_day: date
    legal_due_on: date
    act_by: date
    is_calendar_known: bool


@dataclass(frozen=True, slots=True)
class DeadlineBook:
    """All that days are computed with: versions of rules by code, oldest first, the calendar and the margin."""

    rules: Mapping[str, Sequence[DeadlineRule]]
    calendar: WorkCalendar
    margin: SafetyMargin = SafetyMargin()

    def rule_on(self, code: str, start_on: date) -> DeadlineRule:
        """The version in force on the day the term starts. Raises InvalidInput: no such rule, or none yet."""
        if code not in self.rules:
            raise InvalidInput(f"no deadline rule {code!r:.20}: there are {', '.join(self.rules)}", field="rule")
        found = [rule for rule in self.rules[code] if rule.effective_from <= start_on]
        if not found:
            since = self.rules[code][0].effective_from
            raise InvalidInput(
                f"{code}: the table begins on {since}; earlier starts are for counsel", field="start_on"
            )
        return found[-1]

    def due(
        self,
        rule: DeadlineRule,
        start_on: date,
        *,
        kind: str = ONLY_KIND,
        agreed_last_day: date | None = None,
        long_stop_from: date | None = None,
    ) -> DueDays:
        """The days of a term that runs from `start_on`.

        Args:
            agreed_last_day: of the contract, the judgment or the court's notice, where the rule leaves it to them.
            long_stop_from: day of the injury; the rule's long stop ends the term whatever restarted it.
        Raises:
            InvalidInput: the kind is unknown; a date is agreed that may not be, is missing or out of bounds.
        Source: Civil Code art. 188, 200 to 203; Civil Procedure Law art. 85.
        """
        raw = _last_day(rule, rule.term(kind), start_on, agreed_last_day, self.calendar)
        if rule.long_stop is not None and long_stop_from is not None:
            raw = min(raw, rule.long_stop.after(long_stop_from))
        return self.settle(rule, start_on, raw)

    def settle(self, rule: DeadlineRule, start_on: date, raw_last_day: date) -> DueDays:
        """The other days of a term whose raw last day is known."""
        legal = raw_last_day
        if rule.apply_before is not None:
            legal = raw_last_day - timedelta(days=rule.apply_before.count)
        elif rule.moves_off_holidays:
            legal = self.calendar.next_workday(raw_last_day)
        act_by = raw_last_day - timedelta(days=self.margin.days(start_on, raw_last_day))
        known = not rule.moves_off_holidays or (
            self.calendar.is_known(raw_last_day) and self.calendar.is_known(legal)
        )
        return DueDays(start_on, raw_last_day, legal, min(act_by, legal), known)

    def restart(
        self, rule: DeadlineRule, running: DueDays, new_start: date, *, long_stop_from: date | None = None
    ) -> DueDays:
        """The days of a term that begins anew, from the end of the procedure that interrupted it.

        Raises:
            InvalidInput: the rule is never interrupted, the interruption is before the start, or the term was over.
        Source: Civil Code art. 195.
        """
        if not rule.restarts:
            raise InvalidInput(f"{rule.code} is never interrupted", field="restart_on")
        if not running.start_on <= new_start <= running.legal_due_on:
            raise InvalidInput(
                f"{rule.code} ran from {running.start_on} to {running.legal_due_on}", field="restart_on"
            )
        version = self.rule_on(rule.code, new_start)
        return self.due(version, new_start, long_stop_from=long_stop_from or running.start_on)

    def after_obstacle(
        self,
        rule: DeadlineRule,
        running: DueDays,
        obstacle_from: date,
        removed_on: date,
        *,
        long_stop_from: date | None = None,
    ) -> DueDays:
        """The days of a term whose last six months met an obstacle: it ends six months after that is gone.

        An obstacle that is gone before the last six months, or comes after them, changes nothing.

        Raises:
            InvalidInput: the rule is never paused, or the obstacle ends before it begins.
        Source: Civil Code art. 194.
        """
        if not rule.pauses:
            raise InvalidInput(f"{rule.code} is never paused", field="obstacle")
        if removed_on < obstacle_from:
            raise InvalidInput("the obstacle ends before it begins", field="obstacle")
        last_months_from = months_from(running.raw_last_day, -OBSTACLE_MONTHS)
        if removed_on < last_months_from or obstacle_from > running.raw_last_day:
            return running
        # A month's end has fewer numbers than the next: six months on may be a day short of the old end.
        raw = max(running.raw_last_day, months_from(removed_on, OBSTACLE_MONTHS))
        if rule.long_stop is not None:
            raw = min(raw, rule.long_stop.after(long_stop_from or running.start_on))
        return self.settle(rule, running.start_on, raw)


def _last_day(rule: DeadlineRule, term: Term, start_on: date, agreed: date | None, calendar: WorkCalendar) -> date:
    own = None if term.period is None else _counted(rule, term.period, start_on, calendar)
    if agreed is None:
        if own is None or term.agreement is Agreement.MUST:
            raise InvalidInput(f"{rule.code} runs as agreed or set: give the last day", field="agreed_last_day")
        return own
    if term.agreement is Agreement.NEVER:
        raise InvalidInput(f"{rule.code} is fixed by law: no last day is agreed", field="agreed_last_day")
    earliest = start_on if term.at_least is None else _counted(rule, term.at_least, start_on, calendar)
    latest = own if term.agreement in (Agreement.UP_TO, Agreement.MUST) else None
    if agreed < earliest or (latest is not None and agreed > latest):
        bounds = f"from {earliest}" + (f" to {latest}" if latest else "")
        raise InvalidInput(f"{rule.code}: the last day must lie {bounds}", field="agreed_last_day")
    return agreed


def _counted(rule: DeadlineRule, period: Period, start_on: date, calendar: WorkCalendar) -> date:
    if rule.counting is Counting.BEFORE:
        return calendar.workdays_before(start_on, period.count)
    last = period.after(start_on)
    return last - timedelta(days=1) if rule.counting is Counting.RANGE else last
