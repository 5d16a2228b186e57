"""The reminder ladder: each step once a recipient, the nearest step only, daily to the branch afterwards."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engines.reminders import Ladder, Reminder, due_reminders
from infra.deadline_policies import reminder_ladder

LADDER: Ladder = reminder_ladder()
ACT_BY = date(2025, 2, 8)


def walk(from_left: int, to_left: int, skipped: frozenset[int] = frozenset()) -> list[tuple[int, Reminder]]:
    """What goes out on each day, by days left, when somebody runs every day but the skipped ones."""
    sent: list[tuple[int, Reminder]] = []
    for left in range(from_left, to_left - 1, -1):
        if left not in skipped:
            marks = {reminder.mark for _, reminder in sent}
            today = ACT_BY - timedelta(days=left)
            sent += [(left, reminder) for reminder in due_reminders(LADDER, ACT_BY, today, marks)]
    return sent


def test_every_step_on_its_day_to_those_it_is_for() -> None:
    sent = walk(200, 0)
    for part, methods, steps in (
        ("AM", ("SMS", "MAIL"), (90, 60, 30, 15, 7, 3, 1, 0)),
        ("LG", ("MAIL",), (90, 60, 30, 15, 7, 3, 1, 0)),
        ("BR", ("MAIL",), (7, 3, 1, 0)),
    ):
        for method in methods:
            found = [(left, r.step) for left, r in sent if (r.part, r.method) == (part, method)]
            assert found == [(step, step) for step in steps]


@given(st.integers(-40, 200), st.frozensets(st.integers(-40, 200)))
def test_each_step_goes_out_once_whatever_days_are_skipped(start: int, skipped: frozenset[int]) -> None:
    marks = [reminder.mark for _, reminder in walk(start, -40, skipped)]
    assert len(marks) == len(set(marks))
    for left, reminder in walk(start, -40, skipped):
        if reminder.days_past:
            assert reminder.days_past == -left
        else:
            assert reminder.step == min(step for step in LADDER.steps if step >= left)


def test_a_deadline_that_begins_inside_sends_the_nearest_step_only() -> None:
    today = ACT_BY - timedelta(days=20)
    assert {reminder.step for reminder in due_reminders(LADDER, ACT_BY, today)} == {30}


def test_afterwards_daily_to_the_branch_until_it_is_old() -> None:
    daily = [(left, r.days_past, r.part) for left, r in walk(-1, -60) if r.days_past]
    assert daily == [(-past, past, "BR") for past in range(1, 31)]
    assert not due_reminders(LADDER, ACT_BY, ACT_BY + timedelta(days=31))
