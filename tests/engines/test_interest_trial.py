"""The interest trial against a second, day-by-day implementation, its laws, and what it refuses (RA-36).

The worked example of the specification is a golden case: tests/golden/ra-36.json, tests/api.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from engines.interest_trial import Totals, delayed_performance, trial
from engines.interest_trial_terms import (
    COMPONENTS_BY_ORDER,
    Claim,
    CompoundBase,
    DayCount,
    Event,
    Kind,
    Opening,
    Order,
    Params,
    Running,
)
from engines.primitives.errors import InvalidInput

OPENED = date(2021, 12, 21)
OPENING = Opening(OPENED, Claim(principal_not_due=8_000_000_00, interest_billed=105_560_00))
PARAMS = Params(((date(2021, 3, 10), Fraction("5.22")), (date(2022, 1, 1), Fraction("5.10"))), date(2022, 3, 10))


def pay(day: date, amount: int, order: Order | None = None, kind: Kind = Kind.REPAYMENT, **alloc: int) -> Event:
    return Event(kind, day, amount, order, alloc)


# -- the naive second implementation: a claim that grows day by day


class Refused(Exception):
    pass


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))  # nothing here is negative


def naive(opening: Opening, params: Params, events: Sequence[Event], as_of: date) -> Totals:
    owed = asdict(opening.claim)
    run = asdict(opening.running)
    due = opening.accelerated
    settled = {
        (year, month, min(params.settle_day, (date(year + month // 12, month % 12 + 1, 1) - timedelta(1)).day))
        for year in range(opening.day.year - 1, as_of.year + 1)
        for month in params.settle_months
    }

    def cut() -> None:
        for name in run:
            owed[f"{name}_accrued"] += half_up(run[name])
            run[name] = Fraction(0)

    def bill(*names: str) -> None:
        for name in names:
            owed[f"{name}_billed"] += owed.pop(f"{name}_accrued")
            owed[f"{name}_accrued"] = 0

    day = opening.day
    while True:
        today = [event for event in events if event.day == day]
        for event in today:
            if event.kind is Kind.INSTALMENT:
                if event.amount > owed["principal_not_due"]:
                    raise Refused
                owed["principal_not_due"] -= event.amount
                owed["principal_overdue"] += event.amount
        if day == params.maturity and not due:
            due = True
            cut()
            bill("interest")
            owed["principal_overdue"] += owed["principal_not_due"]
            owed["principal_not_due"] = 0
        yesterday = day - timedelta(1)
        if day > opening.day and (yesterday.year, yesterday.month, yesterday.day) in settled:
            cut()
            bill("interest", "penalty", "compound")
        for event in today:
            if event.kind is Kind.REPAYMENT:
                cut()
                rest = event.amount
                for component in COMPONENTS_BY_ORDER[event.order or params.order]:
                    parts = {"principal": ["principal_overdue", "principal_not_due"], "costs": ["costs"]}
                    for part in parts.get(component, [f"{component}_billed", f"{component}_accrued"]):
                        paid = min(rest, owed[part])
                        owed[part] -= paid
                        rest -= paid
                if rest:
                    raise Refused
        if day == as_of:
            break
        if params.stop_on is None or day < params.stop_on:
            rate = [rate for from_day, rate in params.rates if from_day <= day][-1] / 100
            high = rate * (100 + params.penalty_markup) / 100
            base = {
                CompoundBase.NONE: 0,
                CompoundBase.INTEREST: owed["interest_billed"],
                CompoundBase.INTEREST_COMPOUND: owed["interest_billed"] + owed["compound_billed"],
                CompoundBase.ALL: owed["interest_billed"] + owed["compound_billed"] + owed["penalty_billed"],
            }[params.compound_base]
            year = 365 if params.day_count is DayCount.ACT_365 else 360
            morrow, thirty = day + timedelta(1), params.day_count is DayCount.E30_360
            days = 1
            if thirty:
                days = 30 if morrow.day == 1 else 0
                days += min(morrow.day, 30) - min(day.day, 30)
            run["interest"] += owed["principal_not_due"] * rate * days / year
            run["penalty"] += owed["principal_overdue"] * high * days / year
            run["compound"] += base * (high if due else rate) * days / year
        day += timedelta(1)
    cut()
    billed = {name: owed[f"{name}_billed"] + owed[f"{name}_accrued"] for name in run}
    return Totals(principal=owed["principal_not_due"] + owed["principal_overdue"], costs=owed["costs"], **billed)


DAYS = st.integers(0, 400).map(lambda days: OPENED + timedelta(days))
CENTS = st.integers(0, 10_000_000_00)
RATES = st.integers(0, 240).map(lambda bp: Fraction(bp, 10))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Opening, Params, list[Event], date]:
    maturity = draw(st.none() | DAYS)
    claim = Claim(**{name: draw(CENTS) for name in Claim.__dataclass_fields__})
    changes = sorted(draw(st.sets(DAYS, max_size=3)) - {OPENED})
    params = Params(
        rates=((OPENED, draw(RATES)), *((day, draw(RATES)) for day in changes)),
        maturity=maturity,
        day_count=draw(st.sampled_from(DayCount)),
        penalty_markup=Fraction(draw(st.integers(0, 100))),
        settle_months=draw(st.sampled_from([(3, 6, 9, 12), tuple(range(1, 13)), (), (12,)])),
        settle_day=draw(st.sampled_from([20, 1, 28, 31])),
        compound_base=draw(st.sampled_from(CompoundBase)),
        order=draw(st.sampled_from(Order)),
        stop_on=draw(st.none() | DAYS),
    )
    days = sorted(draw(st.lists(DAYS, max_size=4)))
    events = [
        Event(draw(st.sampled_from([Kind.REPAYMENT, Kind.INSTALMENT])), day, draw(st.integers(1, 3_000_000_00)))
        for day in days
    ]
    return Opening(OPENED, claim), params, events, OPENED + timedelta(draw(st.integers(0, 420)))


@given(histories())
def test_spans_equal_day_by_day(history: tuple[Opening, Params, list[Event], date]) -> None:
    try:
        expected = naive(*history)
    except Refused:
        with pytest.raises(InvalidInput):
            trial(*history)
        return
    assert trial(*history).totals == expected


def accepted(history: tuple[Opening, Params, list[Event], date]) -> bool:
    try:
        trial(*history)
    except InvalidInput:
        return False
    return True


@given(histories(), st.integers(0, 420))
def test_looking_at_any_day_changes_no_later_total(
    history: tuple[Opening, Params, list[Event], date], days: int
) -> None:
    """Step 6: the cut at the chosen day is for display; a trial that goes on from it ends the same."""
    opening, params, events, as_of = history
    assume(accepted(history))
    looked = min(OPENED + timedelta(days), as_of)
    carried = trial(opening, params, events, looked).carried
    later = [event for event in events if event.day > looked]
    direct, through = trial(opening, params, events, as_of), trial(carried, params, later, as_of)
    assert (through.totals, through.claim, through.carried) == (direct.totals, direct.claim, direct.carried)


#: Half a hundredth of interest on the day an instalment falls due, which is the chosen day as well.
INSTALMENT_ON_THE_CHOSEN_DAY = (
    Opening(OPENED, Claim(principal_not_due=750, costs=1)),
    Params(rates=((OPENED, Fraction(24)),), maturity=None, penalty_markup=Fraction(0)),
    [
        Event(Kind.REPAYMENT, OPENED, 1),
        Event(Kind.INSTALMENT, OPENED + timedelta(1), 1),
    ],
    OPENED + timedelta(1),
)


@given(histories())
@example(INSTALMENT_ON_THE_CHOSEN_DAY)
def test_money_is_conserved(history: tuple[Opening, Params, list[Event], date]) -> None:
    """Claim on the chosen day = opening + all that was rounded in - all that was paid."""
    assume(accepted(history))
    opening, _, events, as_of = history
    found = trial(*history)
    came = sum(row.rounded or 0 for row in found.rows)
    paid = sum(event.amount for event in events if event.kind is Kind.REPAYMENT and event.day <= as_of)
    assert found.totals.sum == sum(asdict(opening.claim).values()) + came - paid
    for row in found.rows:
        if row.component == "repayment":
            assert sum(amount for _, amount in row.paid) == row.base
    # An instalment falls due without a cut (step 3): what the chosen day rounds after it stands in rows before it.
    last = found.rows[-1] if found.rows else None
    assert last is None or last.component == "instalment" or last.totals == found.totals


@given(histories())
def test_each_rounding_is_of_the_rows_since_the_last_cut(
    history: tuple[Opening, Params, list[Event], date],
) -> None:
    assume(accepted(history))
    since = {"interest": Fraction(0), "penalty": Fraction(0), "compound": Fraction(0)}
    for row in trial(*history).rows:
        if row.component in since and row.exact is not None:
            since[row.component] += row.exact
            if row.rounded is not None:
                assert row.rounded == half_up(since[row.component])
                since[row.component] = Fraction(0)
    assert not any(since.values())


# -- order of one day's happenings (step 1)


def test_a_settlement_comes_before_the_payment_of_its_day() -> None:
    on_the_cut = trial(OPENING, PARAMS, [pay(date(2022, 3, 21), 1_00)], date(2022, 3, 21))
    # The claim is the same either way, since all is billed that day; the sheet says which cut it was.
    assert [row.cut for row in on_the_cut.rows if row.to_day == date(2022, 3, 21)] == ["settlement"] * 2
    assert on_the_cut.claim.penalty_accrued == 0
    assert on_the_cut.claim.compound_billed == on_the_cut.totals.compound > 0


def test_maturity_comes_before_the_payment_of_its_day() -> None:
    found = trial(OPENING, PARAMS, [pay(date(2022, 3, 10), 1_00, Order.PRINCIPAL_FIRST)], date(2022, 3, 10))
    assert (found.claim.principal_overdue, found.claim.interest_accrued) == (8_000_000_00 - 1_00, 0)


def test_an_instalment_on_the_day_of_maturity_is_no_error() -> None:
    events = [Event(Kind.INSTALMENT, date(2022, 3, 10), 1_000_00)]
    assert trial(OPENING, PARAMS, events, date(2022, 6, 30)).totals == (
        trial(OPENING, PARAMS, [], date(2022, 6, 30)).totals
    )


def test_payments_of_one_day_act_in_recorded_order() -> None:
    day = date(2022, 4, 1)
    first, second = pay(day, 200_000_00, Order.PRINCIPAL_FIRST), pay(day, 200_000_00, Order.INTEREST_FIRST)
    rows = [row.paid for row in trial(OPENING, PARAMS, [first, second], day).rows if row.paid]
    assert [paid[0][0] for paid in rows] == ["principal", "compound"]


# -- what happens on a day


def test_a_change_of_rate_acts_from_its_day_on_and_rounds_nothing() -> None:
    rows = trial(OPENING, PARAMS, [], date(2022, 2, 1)).rows
    interest = [(row.from_day, row.rate, row.rounded) for row in rows if row.component == "interest"]
    assert interest[0] == (OPENED, Fraction("5.22"), None)
    assert interest[1][:2] == (date(2022, 1, 1), Fraction("5.10"))


def test_an_instalment_bears_penalty_and_the_rest_interest_until_maturity() -> None:
    events = [Event(Kind.INSTALMENT, date(2022, 1, 10), 3_000_000_00)]
    rows = trial(OPENING, PARAMS, events, date(2022, 1, 20)).rows
    shown = {(row.component, row.base, row.rate) for row in rows if row.from_day == date(2022, 1, 10)}
    assert ("interest", 5_000_000_00, Fraction("5.10")) in shown
    assert ("penalty", 3_000_000_00, Fraction("7.65")) in shown
    assert ("compound", 105_560_00, Fraction("5.10")) in shown


def test_what_ran_before_an_instalment_took_all_is_rounded_at_the_next_cut() -> None:
    opening = Opening(OPENED, Claim(principal_not_due=1_000_00))
    events = [Event(Kind.INSTALMENT, date(2021, 12, 31), 1_000_00)]
    found = trial(opening, replace(PARAMS, maturity=None), events, date(2022, 1, 5))
    assert (found.totals.interest, found.totals.penalty) == (1_45, 1_07)


def test_acceleration_is_maturity_before_its_time() -> None:
    day = date(2022, 2, 1)
    found = trial(OPENING, PARAMS, [Event(Kind.ACCELERATION, day)], date(2022, 6, 30))
    assert found.totals == trial(OPENING, replace(PARAMS, maturity=day), [], date(2022, 6, 30)).totals
    assert found.carried.accelerated
    assert [row.component for row in found.rows].count("maturity") == 0


def test_nothing_accrues_from_the_stop_on() -> None:
    stopped = replace(PARAMS, stop_on=date(2022, 6, 9))
    found = trial(OPENING, stopped, [], date(2022, 12, 31))
    assert found.totals == trial(OPENING, PARAMS, [], date(2022, 6, 9)).totals


def test_orders_and_allocations() -> None:
    day = date(2022, 3, 21)
    opening = replace(OPENING, claim=replace(OPENING.claim, costs=500_00))
    owed = trial(opening, PARAMS, [], day).totals
    everything = pay(day, owed.sum)
    assert trial(opening, PARAMS, [everything], day).totals.sum == 0
    in_kind = pay(day, owed.sum - 500_00, kind=Kind.IN_KIND)
    assert trial(opening, PARAMS, [in_kind], day).totals == Totals(0, 0, 0, 0, 500_00)
    waiver = pay(day, 30_00, kind=Kind.WAIVER, penalty=20_00, compound=10_00)
    left = trial(opening, PARAMS, [waiver], day).totals
    assert (owed.penalty - left.penalty, owed.compound - left.compound) == (20_00, 10_00)
    assert left.sum == owed.sum - 30_00


def test_later_events_are_counted_and_not_applied() -> None:
    events = [pay(date(2022, 3, 15), 150_000_00)]
    found = trial(OPENING, PARAMS, events, date(2022, 3, 14))
    assert (found.events_after, found.totals) == (1, trial(OPENING, PARAMS, [], date(2022, 3, 14)).totals)


def test_thirty_day_months_add_up() -> None:
    days = [date(2024, 1, 29) + timedelta(step) for step in range(40)]
    steps = [DayCount.E30_360.days(start, end) for start, end in pairwise(days)]
    assert sum(steps) == DayCount.E30_360.days(days[0], days[-1])
    assert DayCount.E30_360.days(date(2024, 1, 31), date(2024, 2, 29)) == 29
    assert DayCount.E30_360.days(date(2024, 1, 30), date(2024, 1, 31)) == 0


def test_settlement_days_are_clipped_to_the_month() -> None:
    params = replace(PARAMS, settle_months=(2, 12), settle_day=31)
    assert params.cuts(date(2023, 12, 31), date(2025, 1, 1)) == [date(2024, 1, 1), date(2024, 3, 1), date(2025, 1, 1)]


# -- delayed performance


def test_the_double_part_follows_the_unpaid_debt() -> None:
    steps = [(date(2023, 1, 11), 8_000_000_00), (date(2023, 2, 1), 1_00), (date(2023, 3, 1), 0)]
    rows, total = delayed_performance(steps, date(2023, 3, 10))
    assert [(row.days, row.base) for row in rows] == [(21, 8_000_000_00), (28, 1_00)]
    assert total == half_up(Fraction("0.000175") * (8_000_000_00 * 21 + 1_00 * 28))
    assert delayed_performance(steps, date(2023, 3, 10), date(2023, 1, 21))[1] == 14_000_00
    assert delayed_performance(steps, date(2023, 1, 11)) == ([], 0)
    found = trial(OPENING, PARAMS, [], date(2023, 3, 10), steps)
    assert found.delayed_performance == total
    assert found.totals == trial(OPENING, PARAMS, [], date(2023, 3, 10)).totals


# -- bad input names the field and the record

JAN, MAY = date(2022, 1, 10), date(2022, 5, 1)
BILLED = Claim(principal_overdue=10_00, interest_billed=5_00)


@pytest.mark.parametrize(
    ("changes", "field", "record"),
    [
        ({"events": [pay(JAN, 1), pay(MAY, 9_000_000_00)]}, "events[1].amount", "events[1]"),
        ({"events": [pay(MAY, 1), pay(JAN, 1)]}, "events[1].day", "events[1]"),
        ({"events": [pay(OPENED - timedelta(1), 1)]}, "events[0].day", "events[0]"),
        ({"events": [pay(JAN, 0)]}, "events[0].amount", "events[0]"),
        ({"events": [Event(Kind.ACCELERATION, JAN, 1)]}, "events[0].amount", "events[0]"),
        ({"events": [Event(Kind.ACCELERATION, MAY)]}, "events[0].day", "events[0]"),
        ({"events": [Event(Kind.ACCELERATION, JAN), Event(Kind.ACCELERATION, JAN)]}, "events[1].day", "events[1]"),
        ({"events": [Event(Kind.INSTALMENT, JAN, 8_000_000_01)]}, "events[0].amount", "events[0]"),
        ({"events": [Event(Kind.INSTALMENT, JAN, 1, Order.IN_KIND)]}, "events[0].order", "events[0]"),
        ({"events": [pay(JAN, 2, interest=1)]}, "events[0].alloc", "events[0]"),
        ({"events": [pay(JAN, 1, fees=1)]}, "events[0].alloc", "events[0]"),
        ({"events": [pay(JAN, 1, Order.IN_KIND, interest=1)]}, "events[0].alloc", "events[0]"),
        ({"events": [pay(JAN, 1, costs=1)]}, "events[0].alloc", "events[0]"),
        ({"as_of": OPENED - timedelta(1)}, "as_of", None),
        ({"as_of": date(2122, 1, 1)}, "as_of", None),
        ({"opening": replace(OPENING, day=date(1, 1, 1))}, "opening.day", None),
        ({"opening": Opening(OPENED, Claim(costs=-1))}, "opening.costs", None),
        ({"opening": replace(OPENING, accelerated=True)}, "opening.principal_not_due", None),
        ({"params": replace(PARAMS, maturity=date(2021, 12, 1))}, "opening.principal_not_due", None),
        ({"params": replace(PARAMS, rates=())}, "params.rates", None),
        ({"params": replace(PARAMS, rates=PARAMS.rates[1:])}, "params.rates[0].from_day", "params.rates[0]"),
        ({"params": replace(PARAMS, rates=PARAMS.rates[::-1])}, "params.rates[1].from_day", "params.rates[1]"),
        (
            {"params": replace(PARAMS, rates=((OPENED, Fraction(-1)),))},
            "params.rates[0].rate",
            "params.rates[0]",
        ),
        ({"params": replace(PARAMS, penalty_markup=Fraction(-1))}, "params.penalty_markup", None),
        ({"params": replace(PARAMS, settle_day=32)}, "params.settle_day", None),
        ({"params": replace(PARAMS, settle_months=(13,))}, "params.settle_months", None),
        ({"judgment_debt": [(JAN, 1), (JAN, 2)]}, "delayed_performance[1].from_day", "delayed_performance[1]"),
        ({"judgment_debt": [(JAN, -1)]}, "delayed_performance[0].unpaid", "delayed_performance[0]"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], field: str, record: str | None) -> None:
    arguments: dict[str, Any] = {
        "opening": OPENING,
        "params": PARAMS,
        "events": [],
        "as_of": date(2022, 6, 30),
    } | changes
    with pytest.raises(InvalidInput) as refused:
        trial(**arguments)
    assert refused.value.facts == {"field": field} | ({} if record is None else {"record": record})


def test_a_carried_fraction_is_shown_and_rounded_once() -> None:
    opening = Opening(OPENED, BILLED, Running(interest=Fraction(1, 2)))
    found = trial(opening, replace(PARAMS, maturity=None), [], OPENED)
    assert [(row.component, row.rounded) for row in found.rows] == [("interest", 1)]
    assert found.carried.running.interest == Fraction(1, 2)
