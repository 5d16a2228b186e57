"""Alert rules folded from cuts: one incident an excursion, equal to a naive reading, switched between two cuts."""

import os
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.limits import Limit
from engines.primitives.errors import CorruptRecord, InvalidInput
from projections.alert_rules import NO_RULES, Rule, check_rule, rule_set
from projections.limit_cuts import Decision, LargeFlow, LimitAlert, RecordedCut, Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.rule_cut_watch import CutWatchState, fold
from projections.rule_incidents import RuleAlert
from projections.rule_judge import Group, Judge
from projections.rule_vocabulary import SUBJECTS

SECOND = 1_000_000
NOBODY = WatchPolicy("none", (), ())
CASH = TotalKey("position", "currency", "BANK", "CNY")
OTHER = TotalKey("position", "currency", "OTHER", "CNY")
LCR = TotalKey("lcr", "entity", "BANK", "CNY")


def rule(expression: str = 'amount < money("1.00")', **fields: Any) -> Rule:
    given: dict[str, Any] = {
        "rule_id": "low", "version": 1, "severity": "WARNING", "about": "totals", "name": "low cash",
    }  # fmt: skip
    return Rule(expression=expression, **(given | fields))


def cut(offset: int, totals: dict[TotalKey, str | None] | None = None, **fields: Any) -> RecordedCut:
    told = {key: Total("2026-11-22", value) for key, value in (totals or {}).items()}
    second = fields.pop("second", offset)
    given: dict[str, Any] = {
        "epoch": 1, "whole": False, "event_time": None, "taken_us": int((100_000 + second) * SECOND),
        "taken_at": f"2026-11-22T00:00:00.{offset:06d}Z", "totals": told,
    }  # fmt: skip
    return RecordedCut(offset=offset, **(given | fields))


def run(cuts: Sequence[RecordedCut], *rules: Rule, state: CutWatchState | None = None) -> list[RuleAlert]:
    state = state or CutWatchState(NOBODY)
    if rules:
        cuts = [replace(cuts[0], rules=rule_set(rules)), *cuts[1:]]
    found = fold(state, cuts, state.next_offset, cuts[-1].offset + 1)
    return [alert for alert in found if isinstance(alert, RuleAlert)]


def told(alerts: Sequence[RuleAlert]) -> list[tuple[int, str]]:
    return [(one.cut.offset, one.kind) for one in alerts]


def walk(values: Sequence[str | None], **fields: Any) -> list[RecordedCut]:
    """One figure; None: the cut does not name it."""
    return [cut(at, {} if value is None else {CASH: value}, **fields) for at, value in enumerate(values)]


# -- a naive reading ------------------------------------------------------------------------------------------------


def oracle(
    values: Sequence[int | None],
    below: int,
    clear_from: int,
    readings: int,
    interval: float,
    seconds: Sequence[float],
) -> list[tuple[int, str]]:
    """All that a rule `amount < below`, cleared by `amount >= clear_from`, tells of one figure."""
    found: list[tuple[int, str]] = []
    value: int | None = None
    is_open, in_a_row, counted = False, 0, 0.0
    for at, (named, second) in enumerate(zip(values, seconds, strict=True)):
        value = named if named is not None else value
        if value is None:
            continue
        if not is_open:
            if value < below:
                is_open, in_a_row = True, 0
                found.append((at, "raised"))
        elif value < below or value < clear_from:
            in_a_row = 0
        elif not in_a_row or second - counted >= interval:
            in_a_row, counted = in_a_row + 1, second
            if in_a_row == readings:
                is_open = False
                found.append((at, "cleared"))
    return found


STEPS = st.lists(st.tuples(st.one_of(st.none(), st.integers(-3, 3)), st.sampled_from([0.5, 3.0])), max_size=25)


@given(STEPS, st.integers(1, 3), st.sampled_from([0, 2]), st.sampled_from([0, 1]))
def test_a_random_walk_gives_what_a_naive_reading_gives(
    steps: list[tuple[int | None, float]], readings: int, interval: int, margin: int
) -> None:
    seconds = [sum(step for _, step in steps[: at + 1]) for at in range(len(steps))]
    cuts = [
        cut(at, {} if value is None else {CASH: f"{value}.00"}, second=second)
        for at, ((value, _), second) in enumerate(zip(steps, seconds, strict=True))
    ]
    hysteresis: dict[str, Any] = {"clear_readings": readings, "clear_interval_s": interval}
    one = rule(**hysteresis, clear_expression=f'amount >= money("{1 + margin}.00")' if margin else "")
    if not cuts:
        return
    alerts = run(cuts, one)
    assert told(alerts) == oracle([value for value, _ in steps], 1, 1 + margin, readings, interval, seconds)
    # One incident an excursion: raised and cleared take turns, each pair under the id that opened it.
    for raised, cleared in zip(alerts[::2], alerts[1::2], strict=False):
        assert (raised.incident, cleared.incident) == (raised.alert_id, raised.alert_id)
        assert cleared.opened_us == raised.cut.taken_us


# -- the laws -------------------------------------------------------------------------------------------------------

RULES = [
    rule(),
    rule('amount_change <= -money("2.00")', rule_id="fall"),
    rule("readings >= 2 && z < -1.0", rule_id="odd", clear_readings=2),
    rule('amount_change_5m < money("0")', rule_id="slide"),
    rule("known && amount / (amount - amount) > 1", rule_id="broken"),
    rule('amount >= money("5.00") || rolling', rule_id="flow", about="flow"),
]
SETS = st.lists(st.sampled_from(RULES), unique_by=lambda one: one.rule_id).map(rule_set)
VALUES = st.one_of(st.none(), st.sampled_from(["-1.00", "0.00", "2.00", "3.00", "gone", "unknown"]))


@st.composite
def logs(draw: st.DrawFn) -> list[RecordedCut]:
    cuts, second, epoch = [], 0.0, 1
    for offset in range(draw(st.integers(1, 14))):
        second += draw(st.sampled_from([0.25, 20.0, 70.0, 400.0]))
        epoch = max(1, epoch + draw(st.sampled_from([0, 0, 0, 0, 1, -1])))
        fields: dict[str, Any] = {"epoch": epoch, "whole": draw(st.booleans()), "second": second}
        named: dict[TotalKey, str | None] = {}
        for key in (CASH, OTHER):
            value = draw(VALUES)
            if value == "gone":
                fields.setdefault("gone", []).append(key)
            elif value is not None:
                named[key] = None if value == "unknown" else value
        if draw(st.booleans()):
            fields["flows"] = [LargeFlow(f"a{offset}", "BANK", "CNY", draw(st.sampled_from(["1", "9"])), "t")]
        if offset == 0 or draw(st.integers(0, 3)) == 0:
            fields["rules"] = draw(SETS)
        cuts.append(cut(offset, named, **fields))
    return cuts


FEW = settings(max_examples=int(os.environ.get("RULE_WATCH_EXAMPLES", "40")))


@FEW
@given(logs(), st.data())
def test_any_split_and_any_repetition_end_in_the_same_bytes_and_alerts(
    cuts: list[RecordedCut], data: st.DataObject
) -> None:
    whole = CutWatchState(NOBODY)
    alerts = fold(whole, cuts, 0, len(cuts))
    at = data.draw(st.integers(0, len(cuts)))
    again = data.draw(st.integers(0, at))
    parts = CutWatchState(NOBODY)
    found = fold(parts, cuts[:at], 0, at)
    parts = CutWatchState.load(parts.dump(), NOBODY)  # a restart in between
    found += fold(parts, cuts[again:], again, len(cuts))
    assert found == alerts
    assert parts.canonical_bytes() == whole.canonical_bytes()
    assert [one.sequence for one in alerts] == list(range(len(alerts)))
    assert len({one.alert_id for one in alerts}) == len(alerts)


@FEW
@given(logs())
def test_rules_do_not_see_each_other(cuts: list[RecordedCut]) -> None:
    """Each rule tells alone what it tells among others, whoever is evaluated together with whom."""
    together = fold(CutWatchState(NOBODY), cuts, 0, len(cuts))
    for one in RULES:
        alone = [
            replace(each, rules=rule_set([rule for rule in each.rules.rules if rule == one]))
            if each.rules is not None
            else each
            for each in cuts
        ]
        ours = [alert.alert_id for alert in fold(CutWatchState(NOBODY), alone, 0, len(cuts))]
        theirs = [a.alert_id for a in together if isinstance(a, RuleAlert) and a.rule.rule_id == one.rule_id]
        assert ours == theirs


def test_a_hole_and_a_broken_dump_stop_it() -> None:
    with pytest.raises(CorruptRecord):
        fold(CutWatchState(NOBODY), [cut(1)], 1, 2)
    with pytest.raises(CorruptRecord):
        CutWatchState.load(b"\xc1", NOBODY)


def test_limits_come_first_in_one_sequence() -> None:
    data = {"name": "test", "watch": {"clear_readings": 1}, "limit": [{"limit_id": "cash"}]}
    limits = [Limit("cash", "position", Fraction(1))]
    watched = WatchPolicy.parse(data, limits, {"cash": {"currency": "CNY"}})
    state = CutWatchState(watched)
    told_rules = rule_set([rule()])
    cuts = [cut(0, {CASH: "5.00"}, rules=told_rules), cut(1, {CASH: "0.00"}), cut(2, {CASH: "5.00"})]
    found = fold(state, cuts, 0, 3)
    kinds = [(type(one), one.sequence, one.cut.offset) for one in found]
    assert kinds[:2] == [(LimitAlert, 0, 1), (RuleAlert, 1, 1)]
    assert [one.sequence for one in found] == list(range(len(found)))


# -- up at once, down by steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "fields", "expected"),
    [
        (["5", "0", "5"], {}, [(1, "raised"), (2, "cleared")]),
        (["0"], {}, [(0, "raised")]),  # it holds when the rule comes into force
        (["5", "0", "5", "0", "5"], {"clear_readings": 2}, [(1, "raised")]),  # it hovers: one incident
        (["5", "0", "5", None], {"clear_readings": 2}, [(1, "raised"), (3, "cleared")]),
        (["5", "0", "1", "1", "2"], {"clear_expression": 'amount > money("1.00")'}, [(1, "raised"), (4, "cleared")]),
        (["5", "0", "5", "5"], {"entities": ("OTHER",)}, []),
        (["5", "0", "5", "5"], {"metrics": ("lcr",)}, []),
        (["5", "0", "5", "5"], {"scopes": ("currency",), "currencies": ("CNY",)}, [(1, "raised"), (2, "cleared")]),
    ],
)
def test_an_incident_is_one_story(
    values: list[str | None], fields: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    assert told(run(walk(values), rule(**fields))) == expected


def test_the_change_since_the_cut_before_lasts_for_one_cut() -> None:
    alerts = run(walk(["9", "5", None, "4", "4"]), rule('amount_change <= -money("3.00")'))
    assert told(alerts) == [(1, "raised"), (2, "cleared")]
    assert (alerts[0].direction, alerts[0].facts) == ("down", {"amount_change": -400})


def test_a_figure_that_is_young_is_loading() -> None:
    seconds, values = [0, 5, 9, 10, 11], ["0", "0", None, None, None]
    cuts = [
        cut(at, {} if v is None else {CASH: v}, second=s)
        for at, (v, s) in enumerate(zip(values, seconds, strict=True))
    ]
    assert told(run(cuts, rule(arming_s=10))) == [(3, "raised")]
    assert told(run(walk(["0", "5"]), rule(arming_s=10))) == []


def test_a_change_over_a_window_comes_and_goes_with_the_time_alone() -> None:
    minutes = [("9", 0), ("4", 1), (None, 3), (None, 5), (None, 6), (None, 7), (None, 8)]
    cuts = [cut(at, {} if v is None else {CASH: v}, second=60 * m) for at, (v, m) in enumerate(minutes)]
    alerts = run(cuts, rule('amount_change_5m <= -money("5.00")'))
    assert told(alerts) == [(3, "raised"), (4, "cleared")]
    # Nothing was told of five minutes ago until a reading was that old.
    assert alerts[0].facts == {"amount_change_5m": -500}


def test_an_outlier_by_median_and_mad() -> None:
    """LIQ-08: abs(x - median) > 5 * 1.4826 * MAD; if MAD is 0, any change above a floor."""
    expression = (
        'readings >= 5 && (z > 5.0 || z < -5.0 || (steady && (amount_deviation > money("1.00") || '
        'amount_deviation < -money("1.00"))))'
    )
    values = ["100", "101", "99", "102", "98", "107.41", "107.42"]
    cuts = [cut(at, {CASH: value}, second=60 * min(at, 5)) for at, value in enumerate(values)]
    (alert,) = run(cuts, rule(expression))  # median 100, MAD 1: the edge is 107.413
    assert alert.cut.offset == 6
    assert alert.facts["z"] == pytest.approx(7.42 / 1.4826, rel=1e-12)
    still = [cut(at, {CASH: "100"}, second=60 * at) for at in range(6)]
    assert told(run([*still, cut(6, {CASH: "101"}, second=301)], rule(expression))) == []
    assert told(run([*still, cut(6, {CASH: "101.01"}, second=301)], rule(expression))) == [(6, "raised")]


def test_a_ratio_is_a_number_and_its_parts_are_money() -> None:
    one = rule('ratio < 1.05 && numerator < money("100.00") && scope == "entity"', metrics=("lcr",))
    totals = {LCR: Total("2026-11-22", "1.04", "99.99", "96.14")}
    (alert,) = run([replace(cut(0), totals=totals)], one)
    assert alert.facts == {"ratio": 1.04, "numerator": 9999, "scope": "entity"}


# -- what happens once ----------------------------------------------------------------------------------------------


def test_flows_and_decisions_are_raised_once_each() -> None:
    flows = [
        LargeFlow("a1", "BANK", "CNY", "30", "t1", 60, "0101", "CORPORATE", "A-1"),
        LargeFlow("a2", "BANK", "CNY", "29.99", "t2"),
    ]
    decisions = [
        Decision("e1", "WriteOffApproved", "WriteOff", "W-1", "BANK", "0101", "HA", "CNY", "2026-11-22", "30"),
        Decision("e2", "WriteOffApproved", "WriteOff", "W-2", "BANK", "0101", "HA", "CNY", "2026-11-22"),
        Decision("e3", "TargetSet", "Target", "T-1", "BANK", "0101", "HM", "CNY", "2026-11-22", "99"),
    ]
    rules = [
        rule('rolling && customer_class == "CORPORATE"', rule_id="f", about="flow"),
        rule('amount >= money("30.00")', rule_id="d", about="decision", kinds=("WriteOffApproved",)),
    ]
    state = CutWatchState(NOBODY)
    alerts = run([cut(0, flows=flows, decisions=decisions), cut(1)], *rules, state=state)
    assert [(a.rule.rule_id, a.subject, a.incident == a.alert_id) for a in alerts] == [
        ("f", "a1", True),
        ("d", "e1", True),
    ]
    problem = state.rules.problems["d"]  # e2 has no amount: said, not passed over
    assert (problem.count, problem.subject, problem.subjects) == (1, "e2", [])
    assert "amount" in problem.message


# -- what cannot be said --------------------------------------------------------------------------------------------


def test_what_cannot_be_evaluated_neither_raises_nor_clears_and_is_counted() -> None:
    state = CutWatchState(NOBODY)
    values: list[str | None] = ["5", "0"]
    cuts = [*walk(values), cut(2, {CASH: None}), cut(3), cut(4, {CASH: None, OTHER: "3"})]
    assert told(run(cuts, rule(), state=state)) == [(1, "raised")]
    problem = state.rules.problems["low"]
    assert (problem.count, problem.subjects, problem.offset) == (2, ["position|currency|BANK|CNY"], 4)
    assert told(run([cut(5, {CASH: "5"})], state=state)) == [(5, "cleared")]
    assert state.rules.problems["low"].subjects == []
    assert state.rules.tallies["low"].raised == 1


def test_a_rule_that_does_not_compile_here_says_so_and_leaves_the_others_alone() -> None:
    state = CutWatchState(NOBODY)
    alerts = run(walk(["0"]), rule("height > 3", rule_id="strange"), rule(), state=state)
    assert [a.rule.rule_id for a in alerts] == ["low"]
    assert "height" in state.rules.problems["strange"].message


def test_many_long_rules_are_more_than_one_list() -> None:
    rules = [rule("known || " * 200 + f"amount > {at}", rule_id=f"r{at:03}") for at in range(60)]
    group = Group(tuple(rules), frozenset(one.rule_id for one in rules))
    found = Judge(rules).holds(group, {"known": False, "amount": 30}, "CNY")
    assert (found.holding, found.troubles) == ({f"r{at:03}" for at in range(30)}, {})


# -- the switch -----------------------------------------------------------------------------------------------------


def test_rules_change_between_two_cuts() -> None:
    state = CutWatchState(NOBODY)
    first, second = rule(), rule('amount < money("3.00")', version=2, severity="CRITICAL")
    alerts = run(walk(["2", "0"]), first, state=state)
    assert [(a.rule.version, a.kind) for a in alerts] == [(1, "raised")]
    incident = alerts[0].incident
    # Another version goes on with the incident; the figure that it alone sees is another one.
    alerts = run([cut(2, {OTHER: "2"}, rules=rule_set([second])), cut(3, {CASH: "4"})], state=state)
    assert [(a.rule.version, a.kind, a.entity, a.cut.offset) for a in alerts] == [
        (2, "raised", "OTHER", 2), (2, "cleared", "BANK", 3),
    ]  # fmt: skip
    assert alerts[1].incident == incident
    # Told again by the next sequencer, nothing changes; taken away, what is open ends.
    assert run([cut(4, {OTHER: "2"}, rules=rule_set([second]), epoch=2, whole=True)], state=state) == []
    (ended,) = run([cut(5, rules=NO_RULES, epoch=2)], state=state)
    assert (ended.kind, ended.ended_by, ended.entity) == ("cleared", "disabled", "OTHER")
    assert list(state.rules.open_incidents()) == []


def test_a_figure_that_a_new_version_no_longer_binds_ends() -> None:
    state = CutWatchState(NOBODY)
    run(walk(["0"]), rule(), state=state)
    (ended,) = run([cut(1, rules=rule_set([rule(version=2, entities=("OTHER",))]))], state=state)
    assert (ended.kind, ended.ended_by, ended.rule.version) == ("cleared", "unbound", 1)


def test_cuts_without_rules_fold_as_they_did() -> None:
    assert run(walk(["0", "5"])) == []


# -- what may be written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "field", "words"),
    [
        (rule("amout > 3"), "expression", "1:1: undeclared reference to 'amout'"),
        (rule('amount > "3"'), "expression", "1:8: found no matching overload"),
        (rule("amount"), "expression", "yes or no"),
        (rule(clear_expression="luck"), "clear_expression", "1:1: undeclared reference"),
        (rule(metrics=("luck",)), "metrics", "lcr"),
        (rule(scopes=("branch",)), "scopes", "currency"),
        (rule("rolling", about="flow", metrics=("lcr",)), "metrics", "only rules about totals"),
        (rule("rolling", about="flow", clear_readings=2), "clear_expression", "happens once"),
        (rule(kinds=("WriteOffApproved",)), "kinds", "only rules about decisions"),
        (rule(clear_readings=0), "clear_readings", "1 to 1000"),
        (rule(severity="LOUD"), "severity", "WARNING"),
        (rule(about="luck"), "about", "totals"),
    ],
)
def test_a_rule_that_cannot_be_says_where(one: Rule, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_rule(one)
    assert caught.value.facts["field"] == field
    assert words in str(caught.value)


def test_every_example_of_the_vocabulary_is_one() -> None:
    for subject in SUBJECTS:
        assert subject.examples
        for text, _, _ in subject.examples:
            check_rule(rule(text, about=subject.about))


def test_a_set_is_known_by_what_it_says_not_by_its_order() -> None:
    one, two = rule(), rule(rule_id="other")
    assert rule_set([one, two]) == rule_set([two, one])
    assert rule_set([one]).digest != rule_set([rule(version=2)]).digest
