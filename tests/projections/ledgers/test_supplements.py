"""Cells entered by hand over a ledger (PLT-58): which holds, what becomes of totals, what cannot be shown."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engines.primitives.errors import InvalidInput
from projections.ledgers.query import Query, ask
from projections.ledgers.query_supplements import MARK, Overlay, overlaid, overlays, period_of, running
from tests.export_tables import AS_OF, loans, table

ENTERED = {
    "dataset": "risk_asset",
    "row_key": "LN-000001",
    "field": "costs",
    "period": "2026-11",
    "value": "99.90",
    "reason": "not booked yet",
    "evidence": "ab" * 32,
}


def event(
    position: int, kind: str, key: str = "S1", actor: str = "U-1", on: str = "2026-11-01", **payload: Any
) -> dict[str, Any]:
    return {"type": kind, "key": key, "position": position, "actor": actor, "valid_on": on, "payload": payload}


def approved(position: int, key: str = "S1", **changed: Any) -> list[dict[str, Any]]:
    return [
        event(position, "SupplementEntered", key, "U-1", **(ENTERED | changed)),
        event(position + 1, "SupplementApproved", key, "U-2"),
    ]


def test_an_approved_entry_is_shown_marked_and_counted() -> None:
    before = table(loans(12))
    found = overlaid(before, overlays(approved(1)))
    assert found.table.columns[-1] == MARK
    (cell,) = found.cells
    assert (cell.system, cell.effective, cell.overlay.maker, cell.overlay.approver) == (
        Decimal("0.01"), Decimal("99.90"), "U-1", "U-2",
    )  # fmt: skip
    marks = {row[0]: row[-1] for row in found.table.rows}
    assert {key: mark for key, mark in marks.items() if mark} == {"LN-000001": "costs"}
    assert found.table.totals["CNY"]["costs"] == before.totals["CNY"]["costs"] + Decimal("99.89")
    assert found.table.totals["USD"] == before.totals["USD"]
    assert found.share_pct == (Decimal(100) / (12 * 13)).quantize(Decimal("0.000001"))
    assert ask(found.table, Query(where=("costs = 99.90",))).row_count == 1
    # What it lies over has not changed.
    assert before.rows[1][7] == Decimal("0.01")


def test_entered_or_rejected_alone_changes_nothing() -> None:
    first = event(1, "SupplementEntered", **ENTERED)
    assert overlays([first]) == []
    assert overlays([first, event(2, "SupplementRejected", why="no")]) == []


def test_the_latest_approval_holds() -> None:
    found = overlays([*approved(1), *approved(10, "S2", value="5.00"), *approved(5, "S3", value="7.00")])
    assert [one.supplement_no for one in found] == ["S1", "S3", "S2"]
    (cell,) = overlaid(table(loans(3)), found).cells
    assert cell.effective == Decimal("5.00")


def test_an_expired_one_holds_up_to_the_day_before() -> None:
    (found,) = overlays([*approved(1), event(9, "SupplementExpired", on="2026-11-20")])
    assert [found.holds_on(date(2026, 11, day)) for day in (1, 19, 20)] == [True, True, False]
    assert overlaid(table(loans(3)), [found]).cells == ()  # AS_OF is the 20th
    (kept,) = overlays(approved(1, valid_until="2026-11-20"))
    assert kept.holds_on(AS_OF)
    assert not kept.holds_on(date(2026, 11, 21))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"row_key": "LN-999999"}, "no such row"),
        ({"field": "nothing"}, "no such column"),
        ({"value": "many"}, "want an amount"),
        ({"field": "loan_no", "value": "X"}, "never entered by hand"),
        ({"field": "ccy", "value": "USD"}, "never entered by hand"),
    ],
)
def test_what_cannot_be_shown_says_why_and_changes_nothing(changed: dict[str, str], problem: str) -> None:
    before = table(loans(3))
    found = overlaid(before, overlays(approved(1, **changed)))
    (cell,) = found.cells
    assert problem in cell.problem
    assert found.share_pct == 0
    assert [row[:-1] for row in found.table.rows] == list(before.rows)
    assert found.table.totals == before.totals


def test_another_ledger_or_period_is_passed_over() -> None:
    for changed in ({"dataset": "recovery"}, {"period": "2026-10"}, {"period": "2026-Q3"}):
        assert overlaid(table(loans(3)), overlays(approved(1, **changed))).cells == ()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "2026-10-01", "2026-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-11-20", "2026-11-20", "2026-11-20"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    assert period_of(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("text", ["", "next year", "2026-13", "2026-02-30", "2026-"])
def test_no_periods(text: str) -> None:
    with pytest.raises(InvalidInput):
        period_of(text)


def one(period: str, field: str = "costs") -> Overlay:
    return Overlay("S", "risk_asset", "LN-1", field, period, "1", "", "", "U-1", "U-2", 1)


@pytest.mark.parametrize(
    ("periods", "runs"),
    [
        (("2026-10", "2026-11", "2026-12"), True),
        (("2026-11", "2026-12", "2027-01"), True),
        (("2026-10", "2026-11"), False),
        (("2026-09", "2026-11", "2026-12"), False),
        (("2026-Q3", "2026-Q4", "2027-Q1"), True),
        (("2024", "2025", "2026"), True),
        (("2026-02-28", "2026-03-01", "2026-03-02"), True),
        (("2026-Q1", "2026-02", "2026-03"), False),
    ],
)
def test_three_periods_running_are_a_fault_of_the_source(periods: tuple[str, ...], runs: bool) -> None:
    found = running([one(period) for period in periods] + [one("2026-10", "rate")])
    assert found == ([("risk_asset", "LN-1", "costs")] if runs else [])
