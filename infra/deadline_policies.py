"""Deadline rules, holidays and the reminder ladder, read into what the engines take.

The files are infra/policies/deadline_rules.toml and holidays.toml; a bank's own directory may replace either. Not for
computing days: `engines.deadlines`.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from engines.deadlines import ONLY_KIND, Agreement, Counting, DeadlineBook, DeadlineRule, Period, SafetyMargin, Term
from engines.primitives.errors import InvalidInput
from engines.reminders import Ladder, Recipient
from engines.work_calendar import WorkCalendar, work_calendar
from infra.policies import load_policy

RULES, HOLIDAYS = "deadline_rules", "holidays"


def deadline_book(directory: Path | None = None) -> DeadlineBook:
    """All rules with their versions, oldest first, the calendar and the safety margin.

    Raises:
        InvalidInput: versions of a rule do not rise by one, or their days do not rise; a period is not readable.
    """
    read = _load(RULES, directory)
    rules: dict[str, list[DeadlineRule]] = {}
    for line in read["rule"]:
        rule = _rule(line)
        versions = rules.setdefault(rule.code, [])
        rising = not versions or versions[-1].effective_from < rule.effective_from
        if rule.version != len(versions) + 1 or not rising:
            raise InvalidInput(f"{rule.code}: version {rule.version} is out of order", policy=RULES, field="version")
        versions.append(rule)
    return DeadlineBook(rules, holiday_calendar(directory), SafetyMargin(**read["safety_margin"]))


def reminder_ladder(directory: Path | None = None) -> Ladder:
    read = _load(RULES, directory)["ladder"]
    recipients = tuple(
        Recipient(one["part"], tuple(one["methods"]), one["from_step"], one["daily"]) for one in read["recipients"]
    )
    return Ladder(tuple(read["steps"]), recipients, read["daily_max"])


def holiday_calendar(directory: Path | None = None) -> WorkCalendar:
    read = _load(HOLIDAYS, directory)
    return work_calendar(
        date.fromisoformat(read["first_day"]),
        date.fromisoformat(read["last_day"]),
        (day for year in read["year"] for span in year["holidays"] for day in _days(span)),
        (date.fromisoformat(day) for year in read["year"] for day in year["workdays"]),
    )


def _load(name: str, directory: Path | None) -> dict[str, Any]:
    """The bank's own file where its directory has one: deadlines came later than some directories."""
    own = directory is not None and (directory / f"{name}.toml").is_file()
    return load_policy(name, directory if own else None)


def _rule(line: Mapping[str, Any]) -> DeadlineRule:
    terms = line.get("terms") or {ONLY_KIND: line}
    return DeadlineRule(
        code=line["code"],
        version=line["version"],
        effective_from=date.fromisoformat(line["effective_from"]),
        title=line["title"],
        runs_from=line["runs_from"],
        effect=line["effect"],
        source=line["source"],
        check=line["check"],
        terms={kind: _term(term) for kind, term in terms.items()},
        counting=Counting(line.get("counting", Counting.AFTER)),
        moves_off_holidays=line.get("moves_off_holidays", True),
        restarts=line.get("restarts", False),
        pauses=line.get("pauses", False),
        long_stop=_period(line, "long_stop"),
        apply_before=_period(line, "apply_before"),
    )


def _term(term: Mapping[str, Any]) -> Term:
    agreement = Agreement(term.get("agreement", Agreement.NEVER))
    return Term(_period(term, "period"), agreement, _period(term, "at_least"))


def _period(line: Mapping[str, Any], name: str) -> Period | None:
    return Period.read(line[name]) if name in line else None


def _days(span: str) -> Iterator[date]:
    first, last = (date.fromisoformat(day) for day in span.split(".."))
    for count in range((last - first).days + 1):
        yield first + timedelta(days=count)
