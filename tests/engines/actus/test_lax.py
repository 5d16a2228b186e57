"""LAX where the published cases do not go; expectations by hand from the standard, the principal law of Q16."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.actus.calendars import CALENDARS
from engines.actus.calendars import CONVENTIONS as BUSINESS_DAYS
from engines.actus.observed import read_observed
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from tests.engines.actus.running import close, flows, refused, run

STEPS: dict[str, Any] = {
    "contractType": "LAX",
    "contractID": "steps",
    "contractRole": "RPA",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "notionalPrincipal": 100,
    "nominalInterestRate": 0.12,
    "dayCountConvention": "30E360",
    "arrayCycleAnchorDateOfInterestPayment": ["2024-07-01"],
    "arrayCycleOfInterestPayment": ["P6ML1"],
    "arrayCycleAnchorDateOfPrincipalRedemption": ["2024-04-01", "2024-10-01"],
    "arrayCycleOfPrincipalRedemption": ["P3ML1"],
    "arrayNextPrincipalRedemptionPayment": [10, 40],
    "arrayIncreaseDecrease": ["INC", "DEC"],
}


def test_techspec_7_3_the_first_cycle_serves_all_segments_where_there_are_not_as_many() -> None:
    assert flows(run(STEPS, arrayCycleOfPrincipalRedemption=["P3ML1", "P1ML1", "P1YL1"])) == flows(run(STEPS))


def test_a_base_of_the_first_notional_follows_redemptions_and_not_increases() -> None:
    held = run(STEPS, interestCalculationBase="NTIED", interestCalculationBaseAmount=100)
    bases = [
        (flow.event.kind, flow.after.interest_calculation_base_amount == flow.after.notional_principal)
        for flow in held.flows
        if flow.event.kind in ("PI", "PR")
    ]
    assert set(bases) == {("PI", False), ("PR", True)}


def test_increases_then_decreases_until_nothing_is_left() -> None:
    assert flows(run(STEPS)) == close(
        [
            ("24-01-01", "IED", -100.0),
            ("24-04-01", "PI", -10.0),
            ("24-07-01", "PI", -10.0),
            ("24-07-01", "IP", 0.12 / 4 * (100 + 110)),
            ("24-10-01", "PR", 40.0),
            ("25-01-01", "PR", 40.0),
            ("25-01-01", "IP", 0.12 / 4 * (120 + 80)),
            ("25-04-01", "IP", 0.12 / 4 * 40),
            ("25-04-01", "MD", 40.0),
        ]
    )


def test_the_maturity_may_be_the_last_anchor_or_lie_before_the_last_segment() -> None:
    ends = run(STEPS, arrayNextPrincipalRedemptionPayment=[10, 120])
    assert flows(ends)[-1] == ("24-10-01", "MD", 120.0)
    never_reached = run(STEPS, arrayIncreaseDecrease="DEC", arrayNextPrincipalRedemptionPayment=[50, 1])
    assert flows(never_reached)[-1] == ("24-07-01", "MD", 50.0)


def test_no_redemption_goes_beyond_what_is_outstanding() -> None:
    result = run(STEPS, maturityDate="2025-12-01")
    redeemed = [payoff for _, kind, payoff in flows(result) if kind == "PR"]
    assert redeemed == [40.0, 40.0, 40.0, 0.0, 0.0]
    assert flows(result)[-1] == ("25-12-01", "MD", 0.0)


def test_without_cycles_there_is_one_event_at_each_anchor() -> None:
    single = run(STEPS, arrayCycleOfPrincipalRedemption=None, maturityDate="2025-01-01")
    moves = [(day, kind, payoff) for day, kind, payoff in flows(single) if kind in ("PI", "PR", "MD")]
    assert moves == [("24-04-01", "PI", -10.0), ("24-10-01", "PR", 40.0), ("25-01-01", "MD", 70.0)]


def test_rates_of_an_array_are_fixed_or_a_spread_within_bounds() -> None:
    result = run(
        STEPS,
        {"MARKET": {"2024-01-01": 0.05}},
        arrayCycleAnchorDateOfRateReset=["2024-02-01", "2024-05-01"],
        arrayCycleOfRateReset=["P1ML1", "P2ML1"],
        arrayRate=[0.2, 0.01],
        arrayFixedVariable=["F", "V"],
        marketObjectCodeOfRateReset="MARKET",
        rateMultiplier=2,
        lifeCap=0.15,
        periodFloor=-0.02,
        maturityDate="2024-10-01",
    )
    resets = [
        (flow.event.kind, flow.after.nominal_interest_rate)
        for flow in result.flows
        if flow.event.kind in ("RR", "RRF")
    ]
    assert resets[:3] == [("RRF", 0.2)] * 3
    # 2 × 5% + 1% is 11%; the period floor allows 20% − 2% = 18%, the life cap 15%
    assert resets[3:] == [("RR", 0.15), ("RR", pytest.approx(0.13)), ("RR", pytest.approx(0.11))]
    known = run(
        STEPS,
        arrayCycleAnchorDateOfRateReset="2024-02-01",
        arrayRate=0.01,
        arrayFixedVariable="V",
        marketObjectCodeOfRateReset="MARKET",
        nextResetRate=0.07,
    )
    assert [flow.after.nominal_interest_rate for flow in known.flows if flow.event.kind == "RRF"] == [0.07]


def test_in_mid_life_the_notional_is_that_of_the_status_date() -> None:
    later = run(STEPS, statusDate="2024-10-01", notionalPrincipal=80)
    assert later.initial.accrued_interest == pytest.approx(0.12 / 4 * 80)
    assert flows(later)[-1] == ("25-04-01", "MD", 40.0)
    # 130 less three times 40 leaves 10 for the fourth redemption; what came before the status date is in the 130
    assert flows(run(STEPS, statusDate="2024-10-01", notionalPrincipal=130))[-1] == ("25-10-01", "MD", 10.0)


def test_interest_is_capitalised_up_to_its_end_date_and_lags_behind_the_notional_under_ntl() -> None:
    capitalised = run(STEPS, capitalizationEndDate="2024-07-01")
    assert flows(capitalised)[3][:2] == ("24-07-01", "IPCI")
    assert capitalised.flows[3].after.notional_principal == pytest.approx(120 + 0.12 / 4 * 210)
    lagging = run(
        STEPS,
        interestCalculationBase="NTL",
        interestCalculationBaseAmount=100,
        cycleAnchorDateOfInterestCalculationBase="2024-07-01",
        cycleOfInterestCalculationBase="P6ML1",
    )
    paid = [payoff for _, kind, payoff in flows(lagging) if kind == "IP"]
    assert paid == pytest.approx([6.0, 7.2, 1.2])


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("arrayCycleAnchorDateOfPrincipalRedemption", {"arrayCycleAnchorDateOfPrincipalRedemption": None}),
        (
            "arrayCycleAnchorDateOfPrincipalRedemption",
            {"arrayCycleAnchorDateOfPrincipalRedemption": ["2024-10-01"] * 2},
        ),
        ("arrayCycleAnchorDateOfPrincipalRedemption", {"initialExchangeDate": "2024-05-01"}),
        ("arrayNextPrincipalRedemptionPayment", {"arrayNextPrincipalRedemptionPayment": [1, 2, 3]}),
        ("arrayNextPrincipalRedemptionPayment", {"arrayNextPrincipalRedemptionPayment": [-1, 2]}),
        ("arrayIncreaseDecrease", {"arrayIncreaseDecrease": ["DEC"] * 3}),
        ("maturityDate", {"arrayIncreaseDecrease": "INC"}),
        ("maturityDate", {"arrayNextPrincipalRedemptionPayment": 0}),
        ("maturityDate", {"arrayCycleOfPrincipalRedemption": None}),
        ("arrayRate", {"arrayCycleAnchorDateOfRateReset": "2024-05-01", "arrayFixedVariable": "F"}),
        ("arrayFixedVariable", {"arrayCycleAnchorDateOfRateReset": "2024-05-01", "arrayRate": 0.1}),
        (
            "marketObjectCodeOfRateReset",
            {"arrayCycleAnchorDateOfRateReset": "2024-05-01", "arrayRate": 0.1, "arrayFixedVariable": "V"},
        ),
    ],
)
def test_bad_arrays_are_named(term: str, change: dict[str, Any]) -> None:
    refused(term, STEPS | change)


@st.composite
def exotic(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.dates(date(2018, 1, 1), date(2022, 12, 31)))
    gaps = draw(st.lists(st.integers(1, 400), min_size=1, max_size=5))
    anchors = [start + timedelta(sum(gaps[: place + 1]) - 1) for place in range(len(gaps))]
    end = anchors[-1] + timedelta(draw(st.integers(1, 900)))
    many = st.floats(0, 1e6)
    raw = STEPS | {
        "contractRole": draw(st.sampled_from(("RPA", "RPL"))),
        "statusDate": str(start - timedelta(draw(st.integers(-300, 3)))),
        "initialExchangeDate": str(start),
        "maturityDate": str(end),
        "notionalPrincipal": draw(st.floats(1, 1e6)),
        "premiumDiscountAtIED": draw(st.floats(-100, 100)),
        "arrayCycleAnchorDateOfInterestPayment": [str(anchor) for anchor in anchors],
        "arrayCycleAnchorDateOfPrincipalRedemption": [str(anchor) for anchor in anchors],
        "arrayCycleOfPrincipalRedemption": draw(st.sampled_from([None, "P10DL0", "P1ML1", "P1ML0", "P1YL1"])),
        "arrayNextPrincipalRedemptionPayment": draw(st.lists(many, min_size=len(gaps), max_size=len(gaps))),
        "arrayIncreaseDecrease": draw(
            st.lists(st.sampled_from(("INC", "DEC")), min_size=len(gaps), max_size=len(gaps))
        ),
        "businessDayConvention": draw(st.sampled_from(BUSINESS_DAYS)),
        "calendar": draw(st.sampled_from(CALENDARS)),
    }
    if draw(st.booleans()):
        raw["capitalizationEndDate"] = str(draw(st.dates(start, end)))
    if draw(st.booleans()):
        raw |= {"terminationDate": str(draw(st.dates(start, end))), "priceAtTerminationDate": 0}
    return raw


@settings(max_examples=200)
@given(exotic())
def test_q16_what_goes_out_comes_back(raw: dict[str, Any]) -> None:
    result = evaluate(read_terms(raw), read_observed())
    left = result.initial.notional_principal
    largest = 1.0
    for flow in result.flows:
        largest = max(largest, abs(flow.before.notional_principal), abs(flow.payoff))
        match flow.event.kind:
            case "IED":
                left += flow.after.notional_principal
            case "PR" | "PI":
                left -= flow.payoff
            case "MD":
                left -= flow.payoff - flow.before.accrued_interest
            case "IPCI":
                left += flow.after.notional_principal - flow.before.notional_principal
            case "TD":
                left -= flow.before.notional_principal
    if result.flows:
        assert abs(left) <= 1e-9 * largest
