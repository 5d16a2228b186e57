"""Days of deadlines: what holds for every rule and day, and the edges. Vectors: tests/golden/deadline.json."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.core_liabilities import months_from
from engines.deadlines import DeadlineBook, DeadlineRule, Period
from engines.primitives.errors import InvalidInput
from infra.deadline_policies import deadline_book

BOOK: DeadlineBook = deadline_book()
#: Every version with each kind whose last day the rule itself gives.
OWN = [
    (rule, kind)
    for versions in BOOK.rules.values()
    for rule in versions
    for kind, term in rule.terms.items()
    if term.period is not None and term.agreement != "must"
]
DAYS = st.dates(date(2021, 1, 1), date(2040, 12, 31))


def rule(code: str, day: date = date(2022, 1, 1)) -> DeadlineRule:
    return BOOK.rule_on(code, day)


@given(st.sampled_from(OWN), DAYS)
def test_the_legal_day_is_worked_and_never_before_the_raw_one(own: tuple[DeadlineRule, str], start: date) -> None:
    found, kind = own
    due = BOOK.due(found, start, kind=kind)
    assert due.act_by <= due.legal_due_on
    if found.apply_before is not None:
        assert due.legal_due_on == due.raw_last_day - timedelta(days=7)
    elif found.moves_off_holidays:
        assert due.legal_due_on >= due.raw_last_day
        assert BOOK.calendar.is_workday(due.legal_due_on)
        between = (due.legal_due_on - due.raw_last_day).days
        skipped = [due.raw_last_day + timedelta(days=count) for count in range(between)]
        assert not any(BOOK.calendar.is_workday(day) for day in skipped)
    else:
        assert due.legal_due_on == due.raw_last_day


@given(DAYS, st.integers(1, 30))
def test_years_end_on_the_same_number_or_the_months_last(start: date, years: int) -> None:
    last = Period(years, "year").after(start)
    assert (last.year, last.month) == (start.year + years, start.month)
    assert last.day == start.day or (last + timedelta(days=1)).day == 1


@given(DAYS, st.integers(0, 1_500))
def test_a_restart_is_a_new_term_up_to_the_long_stop(start: date, later: int) -> None:
    first = BOOK.due(rule("TL01"), start)
    restart_on = start + timedelta(days=later)
    if restart_on > first.legal_due_on:
        with pytest.raises(InvalidInput):
            BOOK.restart(rule("TL01"), first, restart_on)
    else:
        again = BOOK.restart(rule("TL01"), first, restart_on)
        assert again == BOOK.due(rule("TL01"), restart_on)
        assert again.raw_last_day >= first.raw_last_day


def test_the_long_stop_ends_what_is_always_restarted() -> None:
    injury = date(2021, 1, 5)
    due = BOOK.due(rule("TL01"), injury, long_stop_from=injury)
    while due.raw_last_day < months_from(injury, 240):
        due = BOOK.restart(rule("TL01"), due, due.raw_last_day, long_stop_from=injury)
    assert due.raw_last_day == date(2041, 1, 5)


@given(DAYS, st.integers(0, 2_000), st.integers(0, 400))
def test_an_obstacle_only_lengthens_and_leaves_six_months(start: date, begins: int, lasts: int) -> None:
    due = BOOK.due(rule("TL01"), start)
    obstacle_from = start + timedelta(days=begins)
    removed_on = obstacle_from + timedelta(days=lasts)
    after = BOOK.after_obstacle(rule("TL01"), due, obstacle_from, removed_on)
    assert after.raw_last_day >= due.raw_last_day
    met = removed_on >= months_from(due.raw_last_day, -6) and obstacle_from <= due.raw_last_day
    if met:
        assert after.raw_last_day >= months_from(removed_on, 6)
    else:
        assert after == due


def test_an_obstacle_in_the_last_six_months() -> None:
    due = BOOK.due(rule("TL01"), date(2022, 3, 10))
    paused = BOOK.after_obstacle(rule("TL01"), due, date(2025, 2, 1), date(2025, 5, 20))
    assert paused.raw_last_day == date(2025, 11, 20)
    earlier = BOOK.after_obstacle(rule("TL01"), due, date(2023, 2, 1), date(2024, 9, 9))
    assert earlier == due


def test_six_months_after_a_short_month_do_not_shorten_the_term() -> None:
    due = BOOK.due(rule("TL01"), date(2022, 8, 31))
    gone_as_the_last_months_begin = BOOK.after_obstacle(rule("TL01"), due, date(2025, 2, 1), date(2025, 2, 28))
    assert gone_as_the_last_months_begin.raw_last_day == date(2025, 8, 31)


@pytest.mark.parametrize("code", ["TL03", "TL04", "TL10", "TL17"])
def test_what_is_never_interrupted_or_paused(code: str) -> None:
    kind = next(iter(rule(code).terms))
    due = BOOK.due(rule(code), date(2022, 3, 10), kind=kind)
    with pytest.raises(InvalidInput, match="never interrupted"):
        BOOK.restart(rule(code), due, date(2022, 3, 11))
    with pytest.raises(InvalidInput, match="never paused"):
        BOOK.after_obstacle(rule(code), due, date(2022, 3, 11), date(2022, 3, 12))


def test_a_day_is_agreed_only_where_the_rule_leaves_it() -> None:
    start = date(2022, 8, 10)
    agreed = BOOK.due(rule("TL07"), start, kind="DEPOSIT", agreed_last_day=date(2023, 2, 9))
    assert (agreed.raw_last_day, agreed.legal_due_on) == (date(2023, 2, 9), date(2023, 2, 2))
    bad = [
        ("TL07", "DEPOSIT", date(2023, 8, 10)),  # one day more than a year
        ("TL07", "DEPOSIT", date(2022, 8, 9)),
        ("TL10", "JUDGMENT", date(2022, 9, 30)),
        ("TL15", "-", date(2022, 9, 8)),  # a day less than 30
        ("TL15", "-", date(2022, 11, 11)),
        ("TL15", "-", None),
        ("TL20", "-", None),
    ]
    for code, kind, day in bad:
        with pytest.raises(InvalidInput) as caught:
            BOOK.due(rule(code), start, kind=kind, agreed_last_day=day)
        assert caught.value.facts["field"] == "agreed_last_day"
    assert BOOK.due(rule("TL15"), start, agreed_last_day=date(2022, 11, 10)).raw_last_day == date(2022, 11, 10)
    assert BOOK.due(rule("TL20"), start, agreed_last_day=date(2023, 1, 21)).legal_due_on == date(2023, 1, 21)


def test_a_contract_gives_the_margin_of_its_length() -> None:
    year = BOOK.due(rule("TL20"), date(2022, 1, 10), agreed_last_day=date(2023, 1, 9))
    shorter = BOOK.due(rule("TL20"), date(2022, 1, 10), agreed_last_day=date(2023, 1, 8))
    assert (year.raw_last_day - year.act_by).days == 30
    assert (shorter.raw_last_day - shorter.act_by).days == 3


def test_a_new_version_counts_from_its_day() -> None:
    before, after = date(2026, 2, 28), date(2026, 3, 1)
    assert BOOK.due(rule("TL16", before), before).raw_last_day == date(2026, 8, 28)
    assert BOOK.due(rule("TL16", after), after).raw_last_day == date(2026, 6, 1)
    with pytest.raises(InvalidInput, match="for counsel"):
        rule("TL16", date(2020, 12, 31))


def test_papers_before_a_meeting_are_counted_in_working_days() -> None:
    meeting = date(2023, 1, 30)  # after Spring Festival: 29, 28 and 20 January are worked
    assert BOOK.due(rule("TL23"), meeting).raw_last_day == date(2023, 1, 20)


@pytest.mark.parametrize(
    ("start", "known"), [("2022-12-15", True), ("2026-12-16", True), ("2026-12-17", False), ("2021-03-01", False)]
)
def test_where_the_calendar_ends_the_result_says_so(start: str, *, known: bool) -> None:
    due = BOOK.due(rule("TL10"), date.fromisoformat(start), kind="JUDGMENT")
    assert due.is_calendar_known is known


def test_unknown_rules_and_kinds_are_named() -> None:
    with pytest.raises(InvalidInput, match="TL99"):
        rule("TL99")
    with pytest.raises(InvalidInput, match="JUDGMENT, RULING"):
        BOOK.due(rule("TL10"), date(2022, 1, 1))
    for text in ("3", "0 days", "three years", "3 weeks", "3 years "):
        with pytest.raises(InvalidInput):
            Period.read(text)
