"""The shipped table of deadline rules, and what a broken one is told."""

from datetime import date
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput
from infra.deadline_policies import deadline_book, holiday_calendar, reminder_ladder

POLICIES = Path(__file__).parents[2] / "infra" / "policies"


def test_all_rules_of_the_specification_with_their_sources() -> None:
    rules = deadline_book().rules
    assert list(rules) == [f"TL{number:02}" for number in range(1, 25)]
    for versions in rules.values():
        for rule in versions:
            assert rule.source
            assert rule.check in ("Y", "o", "")
    unchecked = {code for code, versions in rules.items() if versions[-1].check == "o"}
    assert unchecked == {"TL16", "TL17", "TL18", "TL19", "TL24"}


def test_the_holidays_of_the_vectors() -> None:
    calendar = holiday_calendar()
    assert not calendar.is_workday(date(2022, 9, 12))
    assert not any(calendar.is_workday(date(2023, 1, day)) for day in range(21, 28))
    assert calendar.is_workday(date(2023, 1, 28))
    assert calendar.is_workday(date(2023, 1, 29))
    assert not calendar.is_workday(date(2025, 3, 15))


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    for path in POLICIES.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.stem == name:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 2", "version = 3"),
        ('effective_from = "2026-03-01"', 'effective_from = "2021-01-01"'),
        ('period = "3 years"', 'period = "3 decades"'),
    ],
)
def test_a_broken_table_of_rules_is_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(InvalidInput):
        deadline_book(changed(tmp_path, "deadline_rules", old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"2023-01-28"', '"2023-01-27"'),  # a holiday that is worked
        ('"2023-01-28"', '"2023-02-01"'),  # a weekday that is worked instead of a weekend day
        ('last_day = "2026-12-31"', 'last_day = "2026-09-30"'),
    ],
)
def test_a_broken_calendar_is_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(InvalidInput):
        holiday_calendar(changed(tmp_path, "holidays", old, new))


def test_the_ladder_is_data(tmp_path: Path) -> None:
    folder = changed(tmp_path, "deadline_rules", "daily_max = 30", "daily_max = 5")
    assert reminder_ladder(folder).daily_max == 5
