"""Contractual flows against worked examples (LIQ-11) and against one contract at a time in fractions."""

import calendar
import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.cash_flows import (
    DAY_COUNTS,
    DEMAND_DAY,
    INTEREST,
    PRINCIPAL,
    RATE_SCALE,
    Flows,
    add_months,
    contractual_flows,
    instalment_minor,
    unscheduled_flows,
)
from engines.exact_ratio import DIVISOR_MAX, half_up, times_ratio_half_up
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor, to_text

GOLDEN = Path(__file__).parents[1] / "golden"
EPOCH = date(1970, 1, 1).toordinal()
MONTHS = {"-": 0, "1M": 1, "3M": 3, "6M": 6, "1Y": 12}

Loan = tuple[int, int, date, date, int]  # principal_minor, rate_units, start, maturity, months


def flows_of(amortisation: str, day_count: str, loans: list[Loan]) -> Flows:
    def column(values: list[int]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        return np.array(values, np.int64)

    return contractual_flows(
        amortisation,
        day_count,
        principal_minor=column([loan[0] for loan in loans]),
        rate_units=column([loan[1] for loan in loans]),
        start_day=column([loan[2].toordinal() - EPOCH for loan in loans]),
        maturity_day=column([loan[3].toordinal() - EPOCH for loan in loans]),
        months=column([loan[4] for loan in loans]),
    )


def listed(flows: Flows, row: int = 0) -> list[tuple[date, int, int]]:
    return [
        (date.fromordinal(day + EPOCH), kind, amount)
        for at, day, kind, amount in zip(
            flows.contract_row.tolist(),
            flows.flow_day.tolist(),
            flows.kind.tolist(),
            flows.amount_minor.tolist(),
            strict=True,
        )
        if at == row
    ]


# -- the naive second implementation: one contract, calendar dates, fractions


def later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def rounded(value: Fraction) -> int:
    size = abs(value) + Fraction(1, 2)
    return (size.numerator // size.denominator) * (1 if value >= 0 else -1)


def naive(amortisation: str, day_count: str, loan: Loan) -> list[tuple[date, int, int]]:
    principal, rate_units, start, maturity, months = loan
    rate = Fraction(rate_units, RATE_SCALE)
    if amortisation == "zero":
        return [(maturity, PRINCIPAL, principal)] if principal else []
    dates = [start]
    while months and (following := later(start, months * len(dates))) < maturity:
        dates.append(following)
    regular = bool(months) and later(start, months * len(dates)) == maturity
    dates.append(maturity)
    n = len(dates) - 1
    i = rate * months / 12
    if i and n > 1:
        annuity = rounded(principal * i / (1 - 1 / (1 + i) ** n))
    else:
        annuity = rounded(Fraction(principal) * (1 + i) / n)
    found, balance = [], principal
    for k in range(1, n + 1):
        before, day = dates[k - 1], dates[k]
        days = (day - before).days
        if day_count == "30/360":
            count = [d.year * 360 + d.month * 30 + min(d.day, 30) for d in (before, day)]
            days = 30 * months if months and (k < n or regular) else count[1] - count[0]
        interest = rounded(balance * rate * days / (365 if day_count == "ACT/365" else 360))
        part = {
            "bullet": 0,
            "equal_principal": rounded(Fraction(principal, n)),
            "annuity": max(0, annuity - interest),
        }[amortisation]
        repaid = balance if k == n else min(part, balance)
        balance -= repaid
        found += [(day, INTEREST, interest), (day, PRINCIPAL, repaid)]
    return [flow for flow in found if flow[2]]


@st.composite
def loans(draw: st.DrawFn) -> Loan:
    start = draw(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
    months = draw(st.sampled_from(list(MONTHS.values())))
    whole = draw(st.booleans())
    if months and whole:
        maturity = later(start, months * draw(st.integers(1, 60)))
    else:
        maturity = date.fromordinal(start.toordinal() + draw(st.integers(0, 4_000)))
    principal = draw(st.one_of(st.integers(0, 100), st.integers(0, 10**16)))
    return principal, draw(st.integers(-(10**8), 10**9)), start, maturity, months


@given(
    st.sampled_from(["bullet", "equal_principal", "annuity", "zero"]),
    st.sampled_from(DAY_COUNTS),
    st.lists(loans(), max_size=6),
)
@example("equal_principal", "ACT/360", [(3, 0, date(2024, 1, 31), date(2024, 7, 31), 1)])
@example("annuity", "30/360", [(10**16, 10**9, date(2024, 8, 31), date(2064, 8, 31), 1)])
@example("annuity", "ACT/365", [(10**9, -(10**8), date(2024, 2, 29), date(2030, 3, 1), 12)])
def test_portfolio_equals_one_contract_at_a_time(amortisation: str, day_count: str, many: list[Loan]) -> None:
    flows = flows_of(amortisation, day_count, many)
    for row, loan in enumerate(many):
        assert listed(flows, row) == naive(amortisation, day_count, loan)
        assert sum(amount for _, kind, amount in listed(flows, row) if kind == PRINCIPAL) == loan[0]
    assert flows.contract_row.tolist() == sorted(flows.contract_row.tolist())


@pytest.mark.parametrize("case", json.loads((GOLDEN / "liq-11.json").read_text()), ids=lambda case: case["id"])
def test_worked_example_liq_11(case: dict[str, Any]) -> None:
    given_, expected = case["inputs"], case["expected"]
    loan = (
        to_minor(given_["principal"], "CNY"),
        round(Fraction(given_["rate"]) * RATE_SCALE),
        date.fromisoformat(given_["start_date"]),
        date.fromisoformat(given_["maturity_date"]),
        MONTHS[given_["pay_freq"]],
    )
    flows = listed(flows_of(given_["amort"], given_["day_count"], [loan]))
    interest = [amount for _, kind, amount in flows if kind == INTEREST]
    principal = [amount for _, kind, amount in flows if kind == PRINCIPAL]
    found = {
        "payments": len(interest),
        "first_interest": to_text(interest[0], "CNY"),
        "first_principal": to_text(principal[0], "CNY"),
        "first_total": to_text(interest[0] + principal[0], "CNY"),
        "last_total": to_text(interest[-1] + principal[-1], "CNY"),
        "total_interest": to_text(sum(interest), "CNY"),
    }
    if len(interest) > 1:
        found["second_total"] = to_text(interest[1] + principal[1], "CNY")
    assert {name: found[name] for name in expected} == expected


def test_month_ends_are_clipped_from_the_start_and_not_from_the_clipped_day() -> None:
    flows = listed(flows_of("bullet", "30/360", [(10**6, 10**8, date(2023, 12, 31), date(2024, 4, 30), 1)]))
    assert [day.isoformat() for day, kind, _ in flows if kind == INTEREST] == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
    ]


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.integers(0, 1_200))
def test_add_months(day: date, months: int) -> None:
    moved = add_months(np.array([day.toordinal() - EPOCH]), np.array([months]))
    assert date.fromordinal(int(moved[0]) + EPOCH) == later(day, months)


def test_without_a_schedule_the_principal_lies_on_one_day() -> None:
    flows = unscheduled_flows(np.array([5, 0, 7], np.int64), DEMAND_DAY)
    assert flows.contract_row.tolist() == [0, 2]
    assert flows.flow_day.tolist() == [DEMAND_DAY] * 2
    assert flows.amount_minor.tolist() == [5, 7]


def test_no_contracts_no_flows() -> None:
    for amortisation in ("bullet", "equal_principal", "annuity", "zero"):
        assert len(flows_of(amortisation, "30/360", []).flow_day) == 0


@pytest.mark.parametrize(
    ("amortisation", "day_count", "maturity", "field"),
    [
        ("custom", "ACT/360", date(2025, 1, 1), "amort"),
        ("bullet", "ACT/ACT", date(2025, 1, 1), "day_count"),
        ("bullet", "ACT/360", date(2023, 1, 1), "maturity_date"),
    ],
)
def test_what_has_no_schedule_is_refused(amortisation: str, day_count: str, maturity: date, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        flows_of(amortisation, day_count, [(100, 0, date(2024, 1, 1), maturity, 1)])
    assert refused.value.facts["field"] == field


@given(
    st.integers(-(2**54), 2**54),
    st.integers(-(10**14), 10**14),
    st.sampled_from([1, 2, 7, 360 * 10**9, 365 * 10**9]),
)
@example(2**54, 10**9, DIVISOR_MAX)
@example(1, 1, 2)
@example(-1, 1, 2)
def test_products_are_exact(amount: int, numerator: int, divisor: int) -> None:
    exact = rounded(Fraction(amount * numerator, divisor))
    if abs(exact) < 2**62:
        found = times_ratio_half_up(np.array([amount]), np.array([numerator]), divisor)
        assert found.tolist() == [exact]
    assert half_up(amount * numerator, divisor) == exact


def test_an_instalment_at_no_interest_is_an_equal_part() -> None:
    assert instalment_minor(100, 0, 1, 3) == 33
    assert instalment_minor(101, 0, 1, 2) == 51
