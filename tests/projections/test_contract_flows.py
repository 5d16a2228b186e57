"""Booked flows of contracts: LIQ-11, a second implementation in fractions, and raw ACTUS terms and schedules."""

import calendar
import json
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from engines.flow_frame import DEMAND_DAY, KINDS, OWN, UNDATED_DAY, FlowColumns
from engines.primitives.errors import CorruptRecord
from engines.primitives.money import to_text
from projections import contract_portfolio
from projections.contract_flows import actus_terms, flows_at_most, flows_minor
from projections.contract_terms import COLUMNS, DAY_COUNTS, ContractTerms, more_text, values_of
from projections.flow_booking import booked, half_up
from projections.irregular_flows import irregular_flows
from streams.contract_rows import contract_terms
from streams.schemas import Contract, Repayment

GOLDEN = Path(__file__).parents[1] / "golden"
EPOCH = date(1970, 1, 1).toordinal()

RECORD = Contract(
    contract_id="C1",
    event_time="2024-01-01T00:00:00Z",
    entity_id="E1",
    side="asset",
    ccy="CNY",
    principal="1200000",
    start_date="2024-01-31",
    maturity_date="2025-01-31",
    rate="0.06",
    amort="annuity",
    pay_freq="1M",
    day_count="30/360",
)

Listed = list[tuple[date | int, str, int]]


def flows_of(*book: ContractTerms) -> FlowColumns:
    table = np.array([values_of(one, 0) for one in book], np.int64).reshape(len(book), len(COLUMNS)).T
    irregular = {row: one for row, one in enumerate(book) if more_text(one)}
    return flows_minor(dict(zip(COLUMNS, table, strict=True)), irregular)


def listed(flows: FlowColumns, row: int = 0) -> Listed:
    columns = (flows.contract_row, flows.flow_day, flows.kind, flows.amount_minor)
    return [
        (day if day in (DEMAND_DAY, UNDATED_DAY) else date.fromordinal(day + EPOCH), KINDS[kind], amount)
        for at, day, kind, amount in zip(*(column.tolist() for column in columns), strict=True)
        if at == row
    ]


def of_record(**changes: Any) -> Listed:
    return listed(flows_of(contract_terms(msgspec.structs.replace(RECORD, **changes))))


# -- the second implementation: one contract, calendar dates, fractions, nothing of the engine's


def later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def rounded(value: Fraction) -> int:
    size = abs(value) + Fraction(1, 2)
    return (size.numerator // size.denominator) * (1 if value >= 0 else -1)


def month_end(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def year_part(day_count: str, start: date, end: date, maturity: date) -> Fraction:
    if day_count != "30/360":
        return Fraction((end - start).days, 365 if day_count == "ACT/365" else 360)
    first = 30 if month_end(start) else start.day
    last = 30 if month_end(end) and not (end == maturity and end.month == 2) else end.day
    return Fraction((end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first, 360)


def naive(terms: ContractTerms) -> list[tuple[date, str, Fraction | int]]:
    """Principal flows as booked, interest exact."""
    assert terms.maturity_day is not None
    start, maturity = (date.fromordinal(day + EPOCH) for day in (terms.start_day, terms.maturity_day))
    principal, rate, months = terms.principal_minor, Fraction(terms.rate_units, 10**9), terms.months
    if terms.amortisation == "zero" or start == maturity:
        return [(maturity, "principal", principal)]
    dates = [start]
    while months and (following := later(start, months * len(dates))) < maturity:
        dates.append(following)
    dates.append(maturity)
    parts = [year_part(terms.day_count, before, day, maturity) for before, day in pairwise(dates)]
    annuity = terms.amortisation == "annuity" and len(parts) > 1
    fixed = 0
    if annuity:
        factor, total = Fraction(1), Fraction(0)
        for part in parts:
            factor /= 1 + rate * part
            total += factor
        fixed = rounded(principal / total)
    elif terms.amortisation == "equal_principal":
        fixed = rounded(Fraction(principal, len(parts)))
    found: list[tuple[date, str, Fraction | int]] = []
    balance, repaid = Fraction(principal), 0
    for day, part in zip(dates[1:], parts, strict=True):
        interest = balance * rate * part
        redeemed = min(balance, fixed - interest if annuity else Fraction(fixed))
        if day == maturity:
            redeemed = balance
        balance -= redeemed
        found += [(day, "interest", interest), (day, "principal", rounded(redeemed))]
        repaid += rounded(redeemed)
    last = max(
        (at for at, (_, kind, amount) in enumerate(found) if kind == "principal" and amount), default=len(found) - 1
    )
    day, kind, amount = found[last]
    found[last] = (day, kind, int(amount) + principal - repaid)
    return found


@st.composite
def loans(draw: st.DrawFn) -> ContractTerms:
    start = draw(
        st.one_of(st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.dates(date(1880, 1, 1), date(2295, 1, 1)))
    )
    months = draw(st.sampled_from([0, 1, 3, 6, 12]))
    if months and draw(st.booleans()):
        maturity = later(start, months * draw(st.integers(1, 40)))
    else:
        maturity = date.fromordinal(start.toordinal() + draw(st.integers(0, 4_000)))
    return ContractTerms(
        contract_id="C",
        entity="E1",
        organisation="-",
        business_line="-",
        product="-",
        currency=draw(st.sampled_from(["CNY", "JPY", "KWD"])),
        side="asset",
        amortisation=draw(st.sampled_from(["bullet", "equal_principal", "annuity", "zero"])),
        day_count=draw(st.sampled_from(DAY_COUNTS)),
        months=months,
        principal_minor=draw(st.one_of(st.integers(0, 100), st.integers(0, 10**12))),
        rate_units=draw(
            st.one_of(st.just(0), st.integers(-(10**8), 2 * 10**8), st.integers(1, 2_000).map(lambda n: n * 10**5))
        ),
        start_day=start.toordinal() - EPOCH,
        maturity_day=maturity.toordinal() - EPOCH,
        on_demand=False,
        closed=False,
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(loans(), max_size=5))
def test_books_equal_fractions_one_contract_at_a_time(book: list[ContractTerms]) -> None:
    flows = flows_of(*book)
    for row, terms in enumerate(book):
        found = {(day, kind): amount for day, kind, amount in listed(flows, row)}
        expected = naive(terms)
        assert sum(amount for (_, kind), amount in found.items() if kind == "principal") == terms.principal_minor
        assert found.keys() <= {(day, kind) for day, kind, _ in expected}
        for day, kind, exact in expected:
            amount = found.get((day, kind), 0)
            # A float64 of this size ends some digits after the point: half a unit, and what it cannot tell.
            tolerance = 0.5 + 2e-6 + terms.principal_minor * 1e-12 if kind == "interest" else 1.0
            assert float(abs(amount - exact)) <= tolerance, (day, kind)
        repaid = [abs(found.get((day, kind), 0) - int(exact)) for day, kind, exact in expected if kind == "principal"]
        assert sum(repaid) <= 2


@settings(deadline=None, max_examples=60)
@given(loans())
def test_terms_of_one_contract_are_those_of_the_columns(terms: ContractTerms) -> None:
    raw = actus_terms(terms)
    assert json.loads(json.dumps(raw)) == raw
    scale = {"CNY": 100, "JPY": 1, "KWD": 1_000}[terms.currency]
    exact = [
        (flow.event.instant // 86_400, flow.event.kind == "IP", flow.payoff * scale)
        for flow in evaluate(read_terms(raw)).flows
        if flow.payoff
    ]
    found = {(day, kind): amount for day, kind, amount in listed(flows_of(terms))}
    for day, is_interest, payoff in exact:
        key = (date.fromordinal(day + EPOCH), "interest" if is_interest else "principal")
        assert abs(found.pop(key, 0) - payoff) <= (0.501 if is_interest else 1.0) + abs(payoff) * 1e-12 + 1e-5 * bool(
            exact
        )
    assert all(abs(left) <= 1 for left in found.values())


@pytest.mark.parametrize("case", json.loads((GOLDEN / "liq-11.json").read_text()), ids=lambda case: case["id"])
def test_worked_example_liq_11(case: dict[str, Any]) -> None:
    flows = of_record(**case["inputs"])
    interest = [amount for _, kind, amount in flows if kind == "interest"]
    principal = [amount for _, kind, amount in flows if kind == "principal"]
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
    assert {name: found[name] for name in case["expected"]} == case["expected"]


def test_unrounded_the_annuity_of_liq_11_pays_one_cent_more() -> None:
    raw = actus_terms(contract_terms(RECORD))
    del raw["nextPrincipalRedemptionPayment"]
    interest = [flow.payoff for flow in evaluate(read_terms(raw)).flows if flow.event.kind == "IP"]
    assert sum(interest) == pytest.approx(39_356.5878, abs=1e-4)


def test_days_are_kept_from_the_start_and_not_from_a_clipped_day() -> None:
    days = [
        str(day) for day, kind, _ in of_record(amort="bullet", maturity_date="2024-05-30", start_date="2024-01-30")
    ]
    assert days[:4] == ["2024-02-29", "2024-03-30", "2024-04-30", "2024-05-30"]


def test_all_instalments_are_level_but_the_last() -> None:
    flows = of_record(day_count="ACT/360", maturity_date="2044-01-31")
    totals: dict[Any, int] = {}
    for day, _, amount in flows:
        totals[day] = totals.get(day, 0) + amount
    *level, last = totals.values()
    assert len(set(level)) == 1
    assert abs(last - level[0]) < 300  # the rounding of 239 instalments


def test_an_equal_part_is_never_more_than_what_is_left() -> None:
    assert [
        amount for *_, amount in of_record(principal="0.03", amort="equal_principal", maturity_date="2024-07-31")
    ] == [
        1,
        1,
        1,
    ]


def test_a_loan_that_ends_on_its_first_day_is_due_then() -> None:
    assert of_record(maturity_date="2024-01-31") == [(date(2024, 1, 31), "principal", 120_000_000)]


def test_flows_are_bounded() -> None:
    terms = contract_terms(RECORD)
    table = {name: np.array([value]) for name, value in zip(COLUMNS, values_of(terms, 0), strict=True)}
    assert 24 <= flows_at_most(table, ())[0] < 40


def test_no_contracts_no_flows() -> None:
    assert len(flows_of().flow_day) == 0


def test_terms_that_slip_through_stop_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = contract_terms(RECORD)
    monkeypatch.setattr(contract_portfolio, "cycle", lambda months: "PXL1")
    with pytest.raises(CorruptRecord, match="no flows"):
        flows_of(terms)


# -- schedules


def test_a_schedule_repays_as_it_says_and_the_rest_at_maturity() -> None:
    schedule = [Repayment(date="2024-03-01", principal="200000.50"), Repayment(date="2024-09-30", principal="100")]
    flows = of_record(amort="custom", day_count="ACT/360", schedule=schedule)
    assert [flow for flow in flows if flow[1] == "principal"] == [
        (date(2024, 3, 1), "principal", 20_000_050),
        (date(2024, 9, 30), "principal", 10_000),
        (date(2025, 1, 31), "principal", 99_989_950),
    ]
    # 29 days of February on everything, then 30 days on 29 and one on what is left.
    assert flows[0] == (date(2024, 2, 29), "interest", 580_000)
    assert flows[2] == (
        date(2024, 3, 31),
        "interest",
        rounded(Fraction(120_000_000 + 30 * 99_999_950, 360) * Fraction(6, 100)),
    )


def test_without_a_cycle_interest_is_paid_with_the_repayments() -> None:
    schedule = [Repayment(date="2024-03-01", principal="200000"), Repayment(date="2024-09-30", principal="1000000")]
    flows = of_record(amort="custom", pay_freq="-", maturity_date=None, day_count="ACT/360", schedule=schedule)
    assert sorted(flows) == [
        (date(2024, 3, 1), "interest", 600_000),
        (date(2024, 3, 1), "principal", 20_000_000),
        (date(2024, 9, 30), "interest", 3_550_000),
        (date(2024, 9, 30), "principal", 100_000_000),
    ]


def test_a_schedule_of_one_day_is_a_bullet() -> None:
    schedule = [Repayment(date="2025-01-31", principal="1200000")]
    assert of_record(amort="custom", schedule=schedule) == of_record(amort="bullet")


# -- raw ACTUS terms

LOAN = {
    "contractType": "PAM",
    "initialExchangeDate": "2024-01-31",
    "maturityDate": "2024-12-31",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.06,
    "dayCountConvention": "30E360ISDA",
}
FLOATER = {
    "contractType": "NAM",
    "initialExchangeDate": "2024-01-31",
    "maturityDate": "2024-07-31",
    "notionalPrincipal": 1_000,
    "nominalInterestRate": 0.06,
    "dayCountConvention": "30E360ISDA",
    "cycleOfPrincipalRedemption": "P1ML1",
    "nextPrincipalRedemptionPayment": 100,
}
RESETS = {"cycleOfRateReset": "P1ML1", "marketObjectCodeOfRateReset": "LPR-1Y", "rateSpread": 0.0117}


def of_actus(raw: dict[str, Any], **changes: Any) -> Listed:
    return of_record(actus=raw, **changes)


def test_raw_terms_govern_the_flows_and_the_record_names_the_contract() -> None:
    assert of_actus(LOAN) == [(date(2024, 12, 31), "interest", 5_500), (date(2024, 12, 31), "principal", 100_000)]
    raw = actus_terms(contract_terms(msgspec.structs.replace(RECORD, actus=LOAN)))
    assert (
        raw.items()
        >= {"contractID": "C1", "currency": "CNY", "contractRole": "RPA", "statusDate": "2024-01-31"}.items()
    )


def test_the_side_decides_the_direction() -> None:
    assert of_actus(LOAN, side="liability") == of_actus(LOAN)  # from the holder's own side


def test_an_exchange_to_come_is_a_flow() -> None:
    flows = of_actus(LOAN, start_date="2024-01-15")
    assert flows[0] == (date(2024, 1, 31), "principal", -100_000)


def test_without_market_data_the_present_rate_holds() -> None:
    assert of_actus(FLOATER | RESETS) == of_actus(FLOATER)


def test_a_rate_known_for_the_next_reset_holds_from_then_on() -> None:
    known = of_actus(FLOATER | RESETS | {"nextResetRate": 0.12})
    interest = [amount for _, kind, amount in known if kind == "interest"]
    assert interest[0] == 500  # still at 6%
    assert interest[1] == rounded(Fraction(100_000 - 9_500, 100))


def test_fixings_stand_above_the_present_rate() -> None:
    risen = of_actus(FLOATER | RESETS, fixings={"LPR-1Y": "0.1083"})
    interest = [amount for _, kind, amount in risen if kind == "interest"]
    assert interest[1] == rounded(Fraction(100_000 - 9_500, 100))


def test_a_plain_swap_pays_both_legs_at_its_present_rates() -> None:
    swap = {
        "contractType": "SWPPV",
        "contractRole": "RF",
        "initialExchangeDate": "2024-01-31",
        "maturityDate": "2024-07-31",
        "notionalPrincipal": 1_000_000,
        "nominalInterestRate": 0.05,
        "nominalInterestRate2": 0.03,
        "dayCountConvention": "30E360ISDA",
        "cycleOfInterestPayment": "P3ML1",
        "cycleOfRateReset": "P3ML1",
        "marketObjectCodeOfRateReset": "SHIBOR-3M",
        "rateSpread": 0.001,
        "deliverySettlement": "D",
    }
    assert of_actus(swap) == [
        (date(2024, 4, 30), "interest", 1_250_000),
        (date(2024, 4, 30), "interest", -750_000),
        (date(2024, 7, 31), "interest", 1_250_000),
        (date(2024, 7, 31), "interest", -750_000),
    ]


def test_legs_that_put_one_index_at_two_values_are_asked_which() -> None:
    def leg(role: str, rate: float) -> dict[str, Any]:
        loan = LOAN | RESETS | {"contractID": role, "nominalInterestRate": rate}
        return {"object": loan, "referenceType": "CNT", "referenceRole": role}

    swap = {"contractType": "SWAPS", "contractRole": "RFL", "contractStructure": [leg("FIL", 0.05), leg("SEL", 0.04)]}
    record = msgspec.structs.replace(RECORD, actus=swap)
    with pytest.raises(Exception, match="two values"):
        contract_terms(record)
    terms = contract_terms(msgspec.structs.replace(record, fixings={"LPR-1Y": "0.04"}))
    assert irregular_flows(terms, actus_terms(terms))


@pytest.mark.parametrize(("on_demand", "day"), [(True, DEMAND_DAY), (False, UNDATED_DAY)])
def test_an_open_account_owes_what_it_holds_now(on_demand: bool, day: int) -> None:
    account = {
        "contractType": "CLM",
        "initialExchangeDate": "2024-01-01",
        "notionalPrincipal": 1_000,
        "nominalInterestRate": 0.06,
        "dayCountConvention": "30E360ISDA",
        "accruedInterest": 5,
    }
    assert of_actus(account, on_demand=on_demand, maturity_date=None) == [(day, "principal", 100_500)]


def test_dividends_of_a_stock_end_after_a_hundred_years() -> None:
    stock = {
        "contractType": "STK",
        "cycleAnchorDateOfDividend": "2024-06-30",
        "cycleOfDividend": "P1YL1",
        "marketObjectCodeOfDividends": "DIV",
    }
    flows = of_actus(stock, fixings={"DIV": "2.5"})
    assert len(flows) == 100
    assert {flow[1:] for flow in flows} == {("interest", 250)}


def test_currencies_of_flows_are_told() -> None:
    forward = {
        "contractType": "FXOUT",
        "contractRole": "BUY",
        "maturityDate": "2024-06-28",
        "notionalPrincipal": 1_000,
        "currency2": "JPY",
        "notionalPrincipal2": 20_000,
        "deliverySettlement": "D",
    }
    flows = flows_of(contract_terms(RECORD), contract_terms(msgspec.structs.replace(RECORD, actus=forward)))
    assert flows.currencies == ("JPY",)
    assert flows.amount_minor[-2:].tolist() == [100_000, -20_000]
    assert flows.currency[-2:].tolist() == [OWN, 0]
    assert set(flows.currency[:-2].tolist()) == {OWN}


# -- booking


@pytest.mark.parametrize(
    ("amount", "minor"),
    [(0.5, 1), (-0.5, -1), (0.4999, 0), (1.005 * 100, 101), (912_499.99999999, 912_500), (0.0, 0)],
)
def test_half_up(amount: float, minor: int) -> None:
    assert half_up(np.array([amount])).tolist() == [minor]


@given(st.integers(-(2**62), 2**62))
@example(2**53 + 1)
def test_whole_numbers_stay(amount: int) -> None:
    assert half_up(np.array([float(amount)])).tolist() == [int(float(amount))]


def test_the_last_principal_flow_that_is_something_takes_the_difference() -> None:
    group = np.array([0, 0, 0, 0, 1])
    amount = np.array([33.3, 33.3, 33.4, 0.0, 7.0])
    principal = np.array([True, True, True, True, False])
    assert booked(group, amount, principal, np.array([100, 0])).tolist() == [33, 33, 34, 0, 7]
