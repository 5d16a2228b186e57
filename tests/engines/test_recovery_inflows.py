"""What disposals are expected to bring in: probability, day, lateness, and one loan note that pays once."""

from dataclasses import replace
from datetime import date
from fractions import Fraction as F
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.recovery_inflows import (
    Expected,
    Inflow,
    OpenDisposal,
    Rate,
    RecoveryTable,
    Severity,
    expected_inflows,
)

TODAY = date(2024, 6, 1).toordinal()
KINDS = ("SALE", "PART", "SUIT", "PLAN")
TABLE = RecoveryTable(
    version="test",
    effective_from=date(2018, 1, 1),
    rates=(
        Rate("SUIT", frozenset({"OPEN"}), frozenset({"AUCTION"}), F(9, 10), 60, 0),
        *(Rate(kind, frozenset({"OPEN"}), frozenset(), F(1, 3), 100, 10) for kind in KINDS),
        *(Rate(kind, frozenset({"DRAFT"}), frozenset(), F(0), 100, 10) for kind in KINDS),
    ),
    precedence=KINDS,
    parts=frozenset({"PART"}),
    late_probability=F(1, 2),
    late_after_days=30,
    failed_round_factor=F(4, 5),
    severities={"mild": Severity(F(1, 2), 20)},
)


def one(kind: str = "SUIT", key: str = "1", **changed: Any) -> OpenDisposal:
    base = OpenDisposal((kind, key), "OPEN", "CLAIM", TODAY - 50, ("L1",), 0, ((TODAY + 5, 900),))
    return replace(base, **changed)


def expected(*disposals: OpenDisposal, severity: Severity | None = None) -> list[Expected]:
    if severity is None:
        return expected_inflows(disposals, TODAY, TABLE)
    return expected_inflows(disposals, TODAY, TABLE, severity)


def test_a_promise_counts_with_its_probability_and_comes_later_than_it_is_due() -> None:
    (found,) = expected(one())
    assert found.inflows == (Inflow(TODAY + 15, F(300)),)
    assert (found.probability, found.counted, found.days_late) == (F(1, 3), F(1), 0)


def test_without_a_day_it_is_due_some_days_after_its_stage_was_reached() -> None:
    (found,) = expected(one(outstanding=((None, 900),)))
    assert found.inflows == (Inflow(TODAY - 50 + 100 + 10, F(300)),)


def test_the_basis_chooses_the_rate() -> None:
    (found,) = expected(one(basis="AUCTION"))
    assert found.inflows == (Inflow(TODAY + 5, F(810)),)


def test_a_late_promise_is_less_likely_and_always_a_month_away() -> None:
    (found,) = expected(one(outstanding=((TODAY - 40, 900), (TODAY + 1, 60))))
    assert found.inflows == (Inflow(TODAY + 11, F(20)), Inflow(TODAY + 30, F(150)))
    assert found.days_late == 40


def test_within_its_delay_a_promise_is_late_and_still_expected() -> None:
    (found,) = expected(one(outstanding=((TODAY - 10, 900),)))
    assert found.inflows == (Inflow(TODAY, F(300)),)
    assert found.days_late == 10


def test_each_failed_round_cuts_the_probability() -> None:
    (found,) = expected(one(failed_rounds=2))
    assert found.amount == 300 * F(16, 25)


def test_a_stress_scales_the_probability_and_defers_the_cash() -> None:
    (found,) = expected(one(), severity=TABLE.severities["mild"])
    assert found.inflows == (Inflow(TODAY + 35, F(150)),)


def test_one_loan_note_pays_once_and_the_more_certain_disposal_counts() -> None:
    plan, sale = expected(one("PLAN"), one("SALE"))
    assert (plan.amount, plan.counted, plan.covered_by) == (F(0), F(0), (("SALE", "1"),))
    assert sale.amount == 300
    (alone,) = expected(one("PLAN"))
    assert alone.amount == 300


def test_a_plan_for_two_loan_notes_counts_for_the_one_that_is_left() -> None:
    sale, plan = expected(one("SALE"), one("PLAN", loans=("L1", "L2")))
    assert (plan.counted, plan.amount, sale.amount) == (F(1, 2), F(150), F(300))


def test_what_counts_nothing_covers_nothing_and_what_is_paid_still_covers() -> None:
    _, plan = expected(one("SALE", stage="DRAFT"), one("PLAN"))
    assert plan.amount == 300
    _, plan = expected(one("SALE", basis="NONE", outstanding=()), one("PLAN"))
    assert plan.amount == 300
    _, plan = expected(one("SALE", outstanding=()), one("PLAN"))
    assert plan.amount == 0


def test_a_part_leaves_the_rest_and_its_own_amount_is_not_counted_twice() -> None:
    part, suit = expected(one("PART", outstanding=((TODAY, 100),)), one("SUIT"))
    assert (part.amount, suit.amount) == (F(100, 3), F(800, 3))
    _, suit, plan = expected(one("PART", outstanding=((TODAY, 1_000),)), one("SUIT"), one("PLAN"))
    assert (suit.amount, plan.amount) == (F(0), F(0))


def test_a_stage_or_kind_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no rate"):
        expected(one(stage="ELSEWHERE"))
    with pytest.raises(InvalidInput, match="no precedence"):
        expected(one("GIFT"))


disposals = st.lists(
    st.builds(
        OpenDisposal,
        id=st.tuples(st.sampled_from(KINDS), st.integers(0, 99).map(str)),
        stage=st.sampled_from(["OPEN", "DRAFT"]),
        basis=st.sampled_from(["CLAIM", "NONE", "AUCTION"]),
        stage_day=st.integers(TODAY - 400, TODAY),
        loans=st.lists(st.sampled_from(["L1", "L2", "L3"]), unique=True, max_size=3).map(tuple),
        failed_rounds=st.integers(0, 3),
        outstanding=st.lists(
            st.tuples(st.one_of(st.none(), st.integers(TODAY - 400, TODAY + 400)), st.integers(1, 10**9)), max_size=3
        ).map(tuple),
    ),
    max_size=6,
    unique_by=lambda item: item.id,
)


@given(disposals)
def test_never_more_than_was_promised_never_before_today_and_less_in_a_stress(rows: list[OpenDisposal]) -> None:
    found = expected_inflows(rows, TODAY, TABLE)
    stressed = expected_inflows(rows, TODAY, TABLE, TABLE.severities["mild"])
    for row, plain, hard in zip(rows, found, stressed, strict=True):
        assert plain.id == row.id
        assert plain.amount <= sum(amount for _, amount in row.outstanding)
        assert hard.amount <= plain.amount
        assert all(inflow.day >= TODAY and inflow.amount > 0 for inflow in plain.inflows)
        assert [inflow.day for inflow in plain.inflows] == sorted({inflow.day for inflow in plain.inflows})


@given(disposals)
def test_disposals_without_a_common_loan_note_do_not_touch_each_other(rows: list[OpenDisposal]) -> None:
    """What the explanation of a change stands on: it judges connected loan notes by themselves."""
    for loan in ("L1", "L2", "L3"):
        rest = [replace(row, loans=(row.loans[0],)) if row.loans else row for row in rows]
        apart = [row for row in rest if row.loans == (loan,)]
        together = [one for one in expected_inflows(rest, TODAY, TABLE) if one.id in {row.id for row in apart}]
        assert expected_inflows(apart, TODAY, TABLE) == together
