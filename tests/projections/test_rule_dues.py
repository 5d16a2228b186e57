"""Rules about reservations that were not kept and deadlines, against a naive reading of the same cuts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from projections.alert_rules import Rule, check_rule, rule_set
from projections.limit_cuts import Due, RecordedCut
from projections.rule_cut_watch import CutWatchState, fold
from projections.rule_incidents import RuleAlert
from tests.projections.test_rule_watch import NOBODY, cut, rule, run, told

FIRST = date(2026, 11, 22)
LATE = rule('amount >= money("10.00") && days_past >= 2', rule_id="late", about="reservation")
NEAR = rule("days_left <= 3", rule_id="near", about="deadline", clear_expression="days_left > 5")


def reserved(amount: int, days_ago: int = 1, branch: str = "0101", **fields: Any) -> Due:
    day = (FIRST - timedelta(days=days_ago)).isoformat()
    given: dict[str, Any] = {"entity": "BANK", "currency": "CNY", "count": 1}
    return Due(about="reservation", subject=branch, due_on=day, amount=f"{amount}.00", **(given | fields))


def term(days: int, **fields: Any) -> Due:
    day = (FIRST + timedelta(days=days)).isoformat()
    given: dict[str, Any] = {
        "subject": "Deadline/TL01.L-1.1", "entity": "BANK", "currency": "CNY", "rule": "TL01", "stage": "RUNNING",
        "act_by": day, "due_on": (FIRST + timedelta(days=days + 2)).isoformat(),
    }  # fmt: skip
    return Due(about="deadline", **(given | fields))


def on(offset: int, day: int | None = None, **fields: Any) -> RecordedCut:
    days = {} if day is None else {"BANK": (FIRST + timedelta(days=day)).isoformat()}
    return cut(offset, days=days, **fields)


def test_a_reservation_that_ages_is_raised_by_the_date_and_cleared_when_it_is_drawn() -> None:
    due = reserved(12)
    cuts = [on(0, 0, dues=[due]), on(1), on(2, 1), on(3, 2), on(4, settled=[due.key]), on(5)]
    raised, cleared = run(cuts, LATE)
    assert (raised.cut.offset, raised.facts) == (2, {"amount": 1200, "days_past": 2})
    assert (cleared.cut.offset, cleared.kind, cleared.ended_by) == (4, "cleared", "settled")
    assert cleared.incident == raised.alert_id


def test_what_is_drawn_in_part_clears_by_its_readings() -> None:
    due = reserved(12, 3)
    small = msgspec.structs.replace(due, amount="3.00")
    again = rule(LATE.expression, rule_id="late", about="reservation", clear_readings=2)
    cuts = [on(0, 0, dues=[due]), on(1, dues=[small]), on(2), on(3)]
    assert told(run(cuts, again)) == [(0, "raised"), (2, "cleared")]


def test_a_term_comes_near_passes_and_is_put_off() -> None:
    one = term(4)
    put_off = term(40)
    cuts = [on(0, 0, dues=[one]), on(1, 1), on(2, 6), on(3, 7), on(4, dues=[put_off])]
    missed = rule("missed", rule_id="missed", about="deadline", kinds=("TL01",))
    other = rule("missed", rule_id="other", about="deadline", kinds=("TL02",))
    alerts = run(cuts, NEAR, missed, other)
    assert [(a.rule.rule_id, a.cut.offset, a.kind) for a in alerts] == [
        ("near", 1, "raised"), ("missed", 3, "raised"), ("missed", 4, "cleared"), ("near", 4, "cleared"),
    ]  # fmt: skip


def test_an_entity_without_a_business_date_has_the_day_of_the_cut() -> None:
    late = cut(1, taken_at="2026-11-24T00:00:01Z")
    assert told(run([cut(0, dues=[reserved(12)]), late], LATE)) == [(1, "raised")]


def test_an_amount_that_nobody_told_is_a_problem_not_a_zero() -> None:
    state = CutWatchState(NOBODY)
    rich = rule('amount > money("1.00")', rule_id="rich", about="deadline")
    assert run([on(0, 0, dues=[term(4)])], rich, state=state) == []
    assert state.rules.problems["rich"].subjects == ["deadline|TL01 Deadline/TL01.L-1.1|BANK|CNY"]
    assert run([on(1, settled=[term(4).key])], state=state) == []
    assert state.rules.problems["rich"].subjects == []


def test_a_figure_and_what_is_due_do_not_meet() -> None:
    figures = rule('amount < money("100.00")', rule_id="figures")
    assert [a.rule.rule_id for a in run([on(0, 9, dues=[reserved(12), term(4)])], figures, LATE, NEAR)] == [
        "late", "near",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "fields"),
    [("arming_s", {"arming_s": 5}), ("metrics", {"metrics": ("lcr",)}), ("kinds", {"kinds": ("TL01",)})],
)
def test_what_only_others_have_is_refused(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_rule(rule("days_past > 1", about="reservation", **fields))
    assert caught.value.facts["field"] == field


# -- a naive reading ------------------------------------------------------------------------------------------------

Step = tuple[int, bool, dict[str, tuple[int, int] | None]]
BRANCHES = ("0101", "0102")
ROW = st.one_of(st.none(), st.tuples(st.integers(8, 12), st.integers(1, 3)))
STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.booleans(), st.dictionaries(st.sampled_from(BRANCHES), ROW, max_size=2)),
    min_size=1,
    max_size=15,
)


def oracle(steps: Sequence[Step]) -> list[tuple[int, str, str]]:
    """Every cut anew, out of all that is due then: (cut, branch, raised or cleared), as a set would tell it."""
    found: list[tuple[int, str, str]] = []
    held: dict[str, tuple[int, int]] = {}
    is_open: set[str] = set()
    today = 0
    for at, (turned, whole, rows) in enumerate(steps):
        today += turned
        if whole:
            held = {}
        for branch, row in rows.items():
            if row is None:
                held.pop(branch, None)
            else:
                held[branch] = row
        now = {branch for branch, (amount, ago) in held.items() if amount >= 10 and today + ago >= 2}
        found += [(at, branch, "cleared") for branch in sorted(is_open - now)]
        found += [(at, branch, "raised") for branch in sorted(now - is_open)]
        is_open = now
    return found


def cuts_of(steps: Sequence[Step]) -> list[RecordedCut]:
    made, today = [], 0
    for at, (turned, whole, rows) in enumerate(steps):
        today += turned
        dues = [reserved(*row, branch) for branch, row in sorted(rows.items()) if row is not None]
        settled = [reserved(0, 1, branch).key for branch, row in sorted(rows.items()) if row is None]
        day = today if turned or whole or not at else None
        made.append(on(at, day, dues=dues, settled=[] if whole else settled, whole=whole))
    made[0] = replace(made[0], rules=rule_set([LATE]))
    return made


def seen(alerts: Sequence[Any]) -> list[tuple[int, str, str]]:
    return [(a.cut.offset, a.key.scope, a.kind) for a in alerts if isinstance(a, RuleAlert) and a.key is not None]


@given(STEPS, st.integers(0, 15))
def test_random_days_and_amounts_give_what_a_naive_reading_gives(steps: list[Step], stop: int) -> None:
    cuts = cuts_of(steps)
    alerts = fold(CutWatchState(NOBODY), cuts, 0, len(cuts))
    assert sorted(seen(alerts)) == sorted(oracle(steps))
    # From a stored state it is the same, and the state is the same to the byte.
    whole, begun = CutWatchState(NOBODY), CutWatchState(NOBODY)
    again = fold(begun, cuts[:stop], 0, min(stop, len(cuts)))
    restored = CutWatchState.load(begun.dump(), NOBODY)
    again += fold(restored, cuts[stop:], min(stop, len(cuts)), len(cuts))
    fold(whole, cuts, 0, len(cuts))
    assert [a.alert_id for a in again] == [a.alert_id for a in alerts]
    assert restored.canonical_bytes() == whole.canonical_bytes()


def test_the_rule_is_switched_on_over_what_is_due_already() -> None:
    later: list[Rule] = [LATE]
    cuts = [on(0, 2, dues=[reserved(12)]), replace(on(1), rules=rule_set(later)), replace(on(2), rules=rule_set([]))]
    alerts = run(cuts)
    assert [(a.cut.offset, a.kind, a.ended_by) for a in alerts] == [(1, "raised", ""), (2, "cleared", "disabled")]
