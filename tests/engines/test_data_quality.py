"""Each kind of rule on records that break it, what blocks publication, and the score (LIQ-54)."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.data_quality import Check, quality, tie_out
from engines.data_rules import (
    Completeness,
    CrossField,
    Domain,
    OfType,
    Record,
    Rule,
    Timeliness,
    Uniqueness,
    day,
    number,
)
from engines.data_rules_across import LedgerTieOut, Plausibility, Reference, record_key
from engines.primitives.errors import InvalidInput

AS_OF = date(2024, 3, 31)
TENTH = Fraction(1, 10)


def one(name: str, *values: Any) -> list[Record]:
    return [{name: value} for value in values]


@pytest.mark.parametrize(
    ("rule", "records", "checked", "failed"),
    [
        (Completeness(["a", "b"]), [{"a": 1, "b": 0}, {"a": 1}, {"a": "", "b": 1}, {"a": None, "b": 1}], 4, "123"),
        (OfType("a", "decimal"), one("a", "1.50", 7, "-3", "1e3", True, None, ""), 5, "34"),
        (OfType("a", "integer"), one("a", "1.00", 7, "1.5"), 3, "2"),
        (
            OfType("a", "day"),
            one("a", "2024-02-29", "2023-02-29", "2024-02-29T10:00:00Z", "2024-2-9", 20240229),
            5,
            "134",
        ),
        (OfType("a", "boolean"), one("a", True, False, 1, "true"), 4, "23"),
        (OfType("a", "text"), one("a", "x", 1), 2, "1"),
        (Domain("a", values=["in", 1]), one("a", "in", "out", 1, True), 4, "13"),
        (Domain("a", minimum=Fraction(0), maximum=Fraction(1)), one("a", "0", "1.0", "-0.1", "1.1", "x"), 5, "234"),
        (Domain("a", values=["5", "2"], minimum=Fraction(3)), one("a", "5", "2", "7"), 3, "12"),
        (Uniqueness(["a", "b"]), [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": 1}, {"a": 1}], 3, "2"),
        (Reference("a", {"CNY", "USD"}), one("a", "CNY", "XXX", None), 2, "1"),
        (
            CrossField("m", ">=", "s"),
            [{"m": "2024-01-02", "s": "2024-01-02"}, {"m": "2024-01-01", "s": "2024-01-02"}],
            2,
            "1",
        ),
        (
            CrossField("a", "<", "b"),
            [{"a": "9", "b": "10"}, {"a": "10", "b": 9}, {"a": "x", "b": 1}, {"a": 1}],
            3,
            "12",
        ),
        (CrossField("a", "=", None, "1.0"), one("a", 1, "1.00", "1.01", "x"), 4, "23"),
        (CrossField("a", "!=", None, 0), one("a", 1, 0, "x"), 3, "1"),
        (
            Timeliness("a", AS_OF, 2),
            one("a", "2024-03-31", "2024-03-29", "2024-03-28", "2024-04-01", "soon"),
            5,
            "234",
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "apply") else None,
)
def test_a_rule_finds_what_breaks_it(rule: Rule, records: list[Record], checked: int, failed: str) -> None:
    found = rule.apply(records)
    assert (found.checked, "".join(found.failed)) == (checked, failed)
    assert found.pass_rate == Fraction(checked - len(failed), checked)


def test_without_records_there_is_no_rate() -> None:
    assert Completeness(["a"]).apply([]).pass_rate is None


def test_a_ledger_is_held_against_each_group_of_either_side() -> None:
    records: list[Record] = [
        {"gl": "1", "x": "10"},
        {"gl": "1", "x": "0.01"},
        {"gl": "2", "x": "5"},
        {"gl": "4", "x": "?"},
    ]
    ledger = {"1": Fraction(10), "2": Fraction(5), "3": Fraction(1), "4": Fraction(0)}
    found = LedgerTieOut("x", "gl", ledger, Fraction(1, 1_000)).apply(records)
    assert (found.checked, found.failed) == (4, ("3", "4"))
    assert LedgerTieOut("x", None, {"": Fraction(15)}, Fraction(0)).apply(records[:3]).failed == ("",)


def test_plausibility_is_of_what_yesterday_had() -> None:
    yesterday = {record_key({"id": key}, ["id"]): Fraction(100) for key in (1, 2, 3, 5)}
    records: list[Record] = [
        {"id": "1", "x": "110"},
        {"id": 2, "x": "110.01"},
        {"id": 3, "x": "?"},
        {"id": 4, "x": "9"},
        {"id": 5},
    ]
    found = Plausibility(["id"], "x", yesterday, TENTH).apply(records)
    assert (found.checked, found.failed) == (3, ("1", "2"))


@pytest.mark.parametrize(
    ("sub_ledger", "general_ledger", "passes"),
    [
        ("10001", "10000", True),
        ("10001.01", "10000", False),
        ("-10001", "-10000", True),
        ("0", "0", True),
        ("0.01", "0", False),
    ],
)
def test_the_tolerance_is_a_share_of_the_general_ledger(sub_ledger: str, general_ledger: str, passes: bool) -> None:
    assert tie_out(Fraction(sub_ledger), Fraction(general_ledger), Fraction(1, 10_000)).passes is passes


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(InvalidInput):
        tie_out(Fraction(1), Fraction(1), Fraction(-1))


# -- score


def check(name: str, weight: str, rate: str | None, severity: Any = "major", allowed: str = "0") -> Check:
    return Check(name, severity, Fraction(weight), None if rate is None else Fraction(rate), Fraction(allowed))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100)), min_size=1, max_size=6))
def test_the_score_lies_among_the_rates(pairs: list[tuple[int, int]]) -> None:
    total = sum(weight for weight, _ in pairs)
    rates = [Fraction(rate, 100) for _, rate in pairs]
    checks = [
        Check(str(at), "minor", Fraction(weight, total), rate)
        for at, ((weight, _), rate) in enumerate(zip(pairs, rates, strict=True))
    ]
    found = quality(checks)
    assert found.score is not None
    assert min(rates) <= found.score <= max(rates)
    assert found.may_publish
    assert len(found.failed) == sum(rate < 1 for rate in rates)


def test_a_critical_rule_blocks_however_high_the_score() -> None:
    found = quality([check("a", "0.01", "0.999", "critical"), check("b", "0.99", "1", "critical")])
    assert (found.may_publish, found.blocked_by, found.failed) == (False, ("a",), ("a",))
    allowed = quality([check("a", "0.01", "0.999", "critical", "0.001"), check("b", "0.99", "1", "critical")])
    assert (allowed.may_publish, allowed.failed) == (True, ())
    assert quality([check("a", "1", "0", "major")]).may_publish


def test_a_critical_rule_that_saw_nothing_blocks_and_leaves_no_score() -> None:
    found = quality([check("a", "0.5", None, "critical"), check("b", "0.5", "1")])
    assert (found.score, found.blocked_by, found.failed) == (None, ("a",), ())
    weightless = quality([check("a", "0", None), check("b", "1", "1")])
    assert weightless.score == 1
    assert weightless.may_publish


@pytest.mark.parametrize(
    ("checks", "field"),
    [
        ([check("a", "0.5", "1"), check("a", "0.5", "1")], "checks[1].rule_id"),
        ([check("a", "1.5", "1"), check("b", "-0.5", "1")], "checks[1].weight"),
        ([check("a", "1", "1.1")], "checks[0].pass_rate"),
        ([check("a", "0.9", "1")], "checks"),
        ([], "checks"),
    ],
)
def test_what_is_wrong_is_named(checks: list[Check], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        quality(checks)
    assert caught.value.facts["field"] == field


def test_what_is_a_number_and_what_a_day() -> None:
    assert number("0.10") == Fraction(1, 10)
    assert number(True) is number("1,0") is number(None) is number("") is number("٣") is None
    assert day("2024-01-31T23:00:00+08:00") == date(2024, 1, 31)
    assert day("20240131") is day(None) is day(5) is day("2024-01-31 x") is None
