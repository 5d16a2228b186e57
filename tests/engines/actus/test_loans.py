"""PAM, LAM, NAM and ANN where the published cases do not go; expectations reckoned by hand from the standard."""

from typing import Any

import pytest

from engines.actus.dates import show_instant
from engines.actus.observed import read_observed
from engines.actus.state_machine import Evaluation, evaluate
from engines.actus.terms import read_terms
from engines.primitives.errors import InvalidInput

BULLET: dict[str, Any] = {
    "contractType": "PAM",
    "contractID": "loan-1",
    "contractRole": "RPA",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "maturityDate": "2025-01-01",
    "notionalPrincipal": 1_200,
    "nominalInterestRate": 0.1,
    "dayCountConvention": "30E360",
    "cycleAnchorDateOfInterestPayment": "2024-07-01",
    "cycleOfInterestPayment": "P6ML1",
}
LINEAR = BULLET | {
    "contractType": "LAM",
    "cycleAnchorDateOfPrincipalRedemption": "2024-07-01",
    "cycleOfPrincipalRedemption": "P6ML1",
    "nextPrincipalRedemptionPayment": 700,
}


def run(
    raw: dict[str, Any],
    data: dict[str, dict[str, float]] | None = None,
    events: list[dict[str, Any]] | None = None,
    **change: Any,
) -> Evaluation:
    series = {
        code: [{"timestamp": day, "value": value} for day, value in rows.items()]
        for code, rows in (data or {}).items()
    }
    return evaluate(read_terms(raw | change), read_observed(series, events))


def flows(result: Evaluation) -> list[tuple[str, str, float]]:
    return [(show_instant(flow.event.instant)[2:10], str(flow.event.kind), flow.payoff) for flow in result.flows]


def test_a_bullet_pays_interest_and_comes_back() -> None:
    assert flows(run(BULLET)) == [
        ("24-01-01", "IED", -1200.0),
        ("24-07-01", "IP", 60.0),
        ("25-01-01", "IP", 60.0),
        ("25-01-01", "MD", 1200.0),
    ]


def test_without_a_rate_there_is_no_interest_payment() -> None:
    assert [kind for _, kind, _ in flows(run(BULLET, nominalInterestRate=None))] == ["IED", "MD"]


def test_without_an_interest_cycle_interest_is_paid_at_maturity() -> None:
    once = run(BULLET, cycleAnchorDateOfInterestPayment=None, cycleOfInterestPayment=None)
    assert flows(once)[1:] == [("25-01-01", "IP", 120.0), ("25-01-01", "MD", 1200.0)]


def test_an_interest_anchor_before_the_exchange_brings_its_accrual() -> None:
    early = run(BULLET, cycleAnchorDateOfInterestPayment="2023-10-01")
    assert early.flows[0].after.accrued_interest == 30.0
    assert flows(early)[1] == ("24-04-01", "IP", 60.0)


def test_in_mid_life_interest_is_accrued_since_the_last_payment_and_paid_ones_are_past() -> None:
    later = run(BULLET, statusDate="2024-10-01")
    assert later.initial.accrued_interest == pytest.approx(30.0, abs=1e-12)
    assert flows(later) == [("25-01-01", "IP", 60.0), ("25-01-01", "MD", 1200.0)]
    on_payment_day = run(BULLET, statusDate="2024-07-01")
    assert on_payment_day.initial.accrued_interest == 0.0
    assert flows(on_payment_day) == flows(later)
    longer = BULLET | {"maturityDate": "2026-01-01"}
    assert run(longer, statusDate="2025-01-01").initial.accrued_interest == 0.0
    assert run(longer, statusDate="2025-02-01").initial.accrued_interest == pytest.approx(10.0, abs=1e-12)


def test_given_accrued_interest_carries_the_sign_of_the_role() -> None:
    owed = run(BULLET, statusDate="2024-10-01", accruedInterest=11, contractRole="RPL")
    assert owed.initial.accrued_interest == -11.0
    assert flows(owed) == [("25-01-01", "IP", -41.0), ("25-01-01", "MD", -1200.0)]


def test_fees_on_the_notional_accrue_and_absolute_ones_do_not_depend_on_it() -> None:
    fee = {"cycleAnchorDateOfFee": "2024-04-01", "cycleOfFee": "P9ML1"}
    nominal = run(BULLET, feeRate=0.02, feeBasis="N", **fee)
    assert [row for row in flows(nominal) if row[1] == "FP"] == [("24-04-01", "FP", 6.0), ("25-01-01", "FP", 18.0)]
    by_day = {row[0]: flow.after.fee_accrued for row, flow in zip(flows(nominal), nominal.flows, strict=True)}
    assert by_day["24-07-01"] == 6.0
    absolute = run(BULLET, feeRate=5, feeBasis="A", contractRole="RPL", **fee)
    assert [row for row in flows(absolute) if row[1] == "FP"] == [("24-04-01", "FP", -5.0), ("25-01-01", "FP", -5.0)]
    interest = next(flow for flow in absolute.flows if flow.event.kind == "IP")
    assert interest.after.fee_accrued == pytest.approx(-5 * 3 / 9)


def test_an_absolute_fee_begins_anew_at_the_instant_of_its_payment() -> None:
    fees = run(BULLET, feeRate=6, feeBasis="A", cycleAnchorDateOfFee="2024-04-01", cycleOfFee="P3ML1")
    july = [flow for flow, row in zip(fees.flows, flows(fees), strict=True) if row[0] == "24-07-01"]
    assert [(flow.event.kind, flow.after.fee_accrued) for flow in july] == [("FP", 0.0), ("IP", 0.0)]


def test_fees_of_a_contract_in_mid_life() -> None:
    fee = {"cycleAnchorDateOfFee": "2024-04-01", "cycleOfFee": "P9ML1", "feeRate": 0.02, "feeBasis": "N"}
    assert run(BULLET, statusDate="2024-06-01", **fee).initial.fee_accrued == 4.0
    assert run(BULLET, statusDate="2024-06-01", feeAccrued=1, **fee).initial.fee_accrued == 1.0
    fee |= {"feeRate": 9, "feeBasis": "A"}
    assert run(BULLET, statusDate="2024-06-01", **fee).initial.fee_accrued == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("bounds", "rates"),
    [
        ({}, [0.03, 0.21]),
        ({"lifeCap": 0.12}, [0.03, 0.12]),
        ({"lifeFloor": 0.05}, [0.05, 0.21]),
        ({"periodCap": 0.02}, [0.03, 0.05]),
        ({"periodFloor": 0.01}, [0.09, 0.21]),
        ({"periodFloor": -0.01}, [0.09, 0.21]),
        ({"periodFloor": 0.01, "periodCap": 0.02, "lifeCap": 0.1}, [0.09, 0.1]),
        ({"nextResetRate": 0.07}, [0.07, 0.21]),
    ],
)
def test_rate_resets_keep_their_bounds(bounds: dict[str, float], rates: list[float]) -> None:
    floating = run(
        BULLET,
        {"RATE": {"2024-01-01": 0.01, "2024-09-15": 0.1}},
        cycleAnchorDateOfRateReset="2024-04-01",
        cycleOfRateReset="P6ML1",
        marketObjectCodeOfRateReset="RATE",
        rateMultiplier=2,
        rateSpread=0.01,
        **bounds,
    )
    resets = [flow for flow in floating.flows if flow.event.kind in ("RR", "RRF")]
    assert [flow.after.nominal_interest_rate for flow in resets] == pytest.approx(rates, rel=1e-12)
    assert resets[0].event.kind == ("RRF" if "nextResetRate" in bounds else "RR")


def test_a_rate_that_is_known_already_applies_at_the_first_reset_after_the_status() -> None:
    floating = run(
        BULLET,
        {"RATE": {"2024-01-01": 0.01}},
        statusDate="2024-05-01",
        cycleAnchorDateOfRateReset="2024-04-01",
        cycleOfRateReset="P3ML1",
        marketObjectCodeOfRateReset="RATE",
        nextResetRate=0.07,
    )
    resets = [(str(flow.event.kind), flow.after.nominal_interest_rate) for flow in floating.flows]
    assert [reset for reset in resets if reset[0] in ("RR", "RRF")] == [("RRF", 0.07), ("RR", 0.01)]


def test_prepayments_are_observed_reduce_the_notional_and_may_cost_a_penalty() -> None:
    prepaid = {"prepaymentEffect": "A", "penaltyRate": 0.02}
    events = [{"time": "2024-10-01", "type": "PP", "value": 400}, {"time": "2024-11-01", "type": "PP", "value": 1}]
    events[1]["contractId"] = "another"
    plain = run(BULLET, events=events, **prepaid)
    assert flows(plain)[2:] == [("24-10-01", "PP", 400.0), ("25-01-01", "IP", 50.0), ("25-01-01", "MD", 800.0)]
    for kind, penalty in (("A", 0.02), ("R", 1200 * 0.02 / 4), ("I", 1200 * 0.06 / 4), ("N", None)):
        terms = prepaid | {"penaltyType": kind, "marketObjectCodeOfRateReset": "RATE"}
        rows = flows(run(BULLET, {"RATE": {"2024-01-01": 0.04}}, events, **terms))
        assert [row[2] for row in rows if row[1] == "PY"] == ([] if penalty is None else [pytest.approx(penalty)])
    assert flows(run(BULLET, events=events)) == flows(run(BULLET))  # PPEF = N


@pytest.mark.parametrize(("role", "amount"), [("RPA", 1_201), ("RPA", -1), ("RPL", 1), ("RPL", -1_201)])
def test_a_prepayment_that_the_notional_does_not_cover_is_refused(role: str, amount: float) -> None:
    events = [{"time": "2024-10-01", "type": "PP", "value": amount}]
    with pytest.raises(InvalidInput, match="a prepayment of") as caught:
        run(BULLET, events=events, prepaymentEffect="A", contractRole=role)
    assert caught.value.facts == {"field": "eventsObserved", "record": "loan-1"}


def test_a_credit_event_changes_the_performance_and_nothing_else() -> None:
    events = [{"time": "2024-10-01", "type": "CE", "states": {"contractPerformance": "DF"}}]
    hit = run(BULLET, events=events)
    assert flows(hit)[2] == ("24-10-01", "CE", 0.0)
    assert (hit.flows[2].before.contract_performance, hit.flows[2].after.contract_performance) == ("PF", "DF")
    assert hit.flows[2].after.accrued_interest == pytest.approx(30.0)
    assert flows(hit)[3:] == flows(run(BULLET))[2:]
    watched = run(BULLET, events=[{"time": "2024-10-01", "type": "AD"}, {"time": "2025-02-01", "type": "AD"}])
    assert flows(watched)[2] == ("24-10-01", "AD", 0.0)
    assert len(watched.flows) == 5


def test_payoffs_are_settled_in_the_settlement_currency() -> None:
    abroad = run(BULLET, {"EUR/CNY": {"2024-01-01": 8, "2024-08-01": 7}}, settlementCurrency="CNY")
    assert [row[2] for row in flows(abroad)] == [-9600.0, 480.0, 420.0, 8400.0]
    assert {flow.currency for flow in abroad.flows} == {"CNY"}
    assert abroad.flows[0].after.notional_principal == 1200.0


@pytest.mark.parametrize(
    ("effect", "payoffs"),
    [
        ("I00", [-1200.0, 60.0, 90.0, 1200.0]),
        ("0N0", [-1200.0, 60.0, 60.0, 1800.0]),
        ("IN0", [-1200.0, 60.0, 90.0, 1800.0]),
    ],
)
def test_scaling_multiplies_interest_or_principal_by_the_index(effect: str, payoffs: list[float]) -> None:
    scaled = run(
        BULLET,
        {"CPI": {"2024-01-01": 100, "2024-10-01": 120}},
        scalingEffect=effect,
        marketObjectCodeOfScalingIndex="CPI",
        scalingIndexAtContractDealDate=80,
        cycleAnchorDateOfScalingIndex="2024-10-01",
        cycleOfScalingIndex="P1YL1",
    )
    assert [row[2] for row in flows(scaled) if row[1] != "SC"] == payoffs


def test_interest_is_capitalised_up_to_its_end_date_even_off_the_cycle() -> None:
    grown = run(BULLET, capitalizationEndDate="2024-08-01")
    assert flows(grown)[1:3] == [("24-07-01", "IPCI", 0.0), ("24-08-01", "IPCI", 0.0)]
    assert grown.flows[2].after.notional_principal == pytest.approx(1260 * (1 + 0.1 / 12))
    assert flows(grown)[-1][2] == grown.flows[2].after.notional_principal


def test_shift_calculate_moves_the_day_that_interest_counts_and_calculate_shift_does_not() -> None:
    saturday = {"cycleAnchorDateOfInterestPayment": "2024-06-01", "calendar": "MF", "dayCountConvention": "A365"}
    after = run(BULLET, businessDayConvention="SCF", **saturday)
    before = run(BULLET, businessDayConvention="CSF", **saturday)
    assert flows(after)[1] == ("24-06-03", "IP", pytest.approx(120 * 154 / 365))
    assert flows(before)[1] == ("24-06-03", "IP", pytest.approx(120 * 152 / 365))
    assert flows(after)[2] == ("24-12-02", "IP", pytest.approx(120 * 182 / 365))  # 1 December 2024 is a Sunday


def test_no_shift_leaves_the_life_of_the_contract() -> None:
    weekend = {"calendar": "MF", "initialExchangeDate": "2024-06-01", "maturityDate": "2024-12-01"}
    anchored = weekend | {"cycleAnchorDateOfInterestPayment": "2024-06-01", "cycleOfInterestPayment": "P1WL1"}
    back = flows(run(BULLET, businessDayConvention="CSP", **anchored))
    assert back[:2] == [("24-06-01", "IED", -1200.0), ("24-06-01", "IP", 0.0)]
    on = flows(run(BULLET, businessDayConvention="CSF", **anchored))
    assert [row[:2] for row in on[-3:]] == [("24-12-01", "IP"), ("24-12-01", "IP"), ("24-12-01", "MD")]


def test_a_linear_redemption_never_exceeds_what_is_left() -> None:
    assert [row[2] for row in flows(run(LINEAR, maturityDate="2026-01-01")) if row[1] in ("PR", "MD")] == [
        700.0,
        500.0,
        0.0,
        0.0,
    ]


def test_a_linear_amortizer_without_an_amount_redeems_in_equal_parts_and_in_mid_life_the_rest() -> None:
    equal = LINEAR | {"nextPrincipalRedemptionPayment": None, "maturityDate": "2026-07-01"}
    parts = [row[2] for row in flows(run(equal)) if row[1] in ("PR", "MD")]
    assert parts == pytest.approx([240.0] * 5)
    rest = run(equal, statusDate="2025-07-01", notionalPrincipal=480)
    assert [row[2] for row in flows(rest) if row[1] in ("PR", "MD")] == pytest.approx([240.0] * 2)


def test_a_maturity_follows_from_the_redemptions_and_is_the_same_in_mid_life() -> None:
    open_end = LINEAR | {"maturityDate": None, "nextPrincipalRedemptionPayment": 500}
    assert flows(run(open_end))[-1] == ("25-07-01", "MD", 200.0)
    assert flows(run(open_end, statusDate="2024-08-01", notionalPrincipal=700))[-1] == ("25-07-01", "MD", 200.0)
    assert flows(run(open_end, statusDate="2025-01-01", notionalPrincipal=200))[-1] == ("25-07-01", "MD", 200.0)


def test_a_negative_amortizer_whose_payment_misses_its_interest_grows() -> None:
    growing = run(LINEAR, contractType="NAM", nextPrincipalRedemptionPayment=10)
    assert flows(growing) == [
        ("24-01-01", "IED", -1200.0),
        ("24-07-01", "PR", -50.0),
        ("24-07-01", "IP", 60.0),
        ("25-01-01", "IP", 62.5),
        ("25-01-01", "MD", 1250.0),
    ]


def test_interest_follows_its_own_cycle_until_the_redemptions_begin() -> None:
    monthly = {"cycleAnchorDateOfInterestPayment": "2024-03-01", "cycleOfInterestPayment": "P1ML1"}
    negative = run(LINEAR, contractType="NAM", cycleOfPrincipalRedemption="P3ML1", **monthly)
    assert [day for day, kind, _ in flows(negative) if kind == "IP"] == [
        *("24-03-01", "24-04-01", "24-07-01", "24-10-01", "25-01-01"),
    ]
    once = run(LINEAR, contractType="NAM", cycleOfPrincipalRedemption=None, **monthly)
    assert [day for day, kind, _ in flows(once) if kind == "IP"] == [
        *("24-03-01", "24-04-01", "24-05-01", "24-06-01", "24-07-01", "25-01-01"),
    ]


ANNUITY = LINEAR | {
    "contractType": "ANN",
    "nextPrincipalRedemptionPayment": None,
    "cycleAnchorDateOfPrincipalRedemption": "2024-02-01",
    "cycleOfPrincipalRedemption": "P1ML1",
    "cycleAnchorDateOfInterestPayment": None,
    "cycleOfInterestPayment": None,
}


def instalments(result: Evaluation) -> list[float]:
    by_day: dict[int, float] = {}
    for flow in result.flows:
        if flow.event.kind in ("PR", "IP", "MD"):
            by_day[flow.event.instant] = by_day.get(flow.event.instant, 0.0) + flow.payoff
    return list(by_day.values())


def test_techspec_3_8_an_annuity_pays_the_same_to_its_end() -> None:
    monthly = 0.1 / 12
    want = 1200 * monthly / (1 - (1 + monthly) ** -12)
    assert instalments(run(ANNUITY)) == pytest.approx([want] * 12, rel=1e-12)
    owed = instalments(run(ANNUITY, contractRole="RPL"))
    assert owed == pytest.approx([-want] * 12, rel=1e-12)


def test_an_annuity_in_mid_life_redeems_what_is_left() -> None:
    whole = run(ANNUITY)
    left = next(flow for flow in whole.flows if flow.event.kind == "PR" and flow.event.instant > 1717200000)
    later = run(ANNUITY, statusDate="2024-06-01", notionalPrincipal=left.before.notional_principal, accruedInterest=0)
    assert instalments(later) == pytest.approx(instalments(whole)[5:], rel=1e-12)
    assert "PRF" not in {flow.event.kind for flow in later.flows}


def test_an_annuity_that_begins_to_redeem_at_the_exchange_is_fixed_by_it() -> None:
    advance = run(ANNUITY, cycleAnchorDateOfPrincipalRedemption="2024-01-01")
    assert [str(flow.event.kind) for flow in advance.flows[:3]] == ["IED", "PR", "IP"]
    assert "PRF" not in {flow.event.kind for flow in advance.flows}
    monthly = 0.1 / 12
    want = 1200 * monthly / (1 - (1 + monthly) ** -13) / (1 + monthly)
    assert instalments(advance) == pytest.approx([want] * 13, rel=1e-12)


def test_an_annuity_fixed_on_a_sunday_for_a_monday_counts_the_mondays_redemption() -> None:
    monday = run(
        ANNUITY,
        initialExchangeDate="2024-01-15",
        cycleAnchorDateOfPrincipalRedemption="2024-02-26",
        maturityDate="2024-03-26",
        businessDayConvention="SCF",
        calendar="MF",
    )
    assert [show_instant(flow.event.instant)[5:10] for flow in monday.flows] == [
        *("01-15", "02-25", "02-26", "02-26", "03-26", "03-26"),
    ]
    first, second = instalments(monday)
    assert first == pytest.approx(second, rel=1e-12)


def test_a_balloon_is_left_when_the_contract_ends_before_its_amortisation() -> None:
    balloon = run(ANNUITY, amortizationDate="2026-01-01")
    monthly = 0.1 / 12
    want = 1200 * monthly / (1 - (1 + monthly) ** -24)
    assert instalments(balloon)[:-1] == pytest.approx([want] * 11, rel=1e-12)
    assert balloon.flows[-1].payoff == pytest.approx(want * (1 - (1 + monthly) ** -13) / monthly, rel=1e-12)


def test_an_annuity_is_fixed_anew_after_each_reset() -> None:
    floating = run(
        ANNUITY,
        {"RATE": {"2024-01-01": 0.2}},
        cycleAnchorDateOfRateReset="2024-07-01",
        cycleOfRateReset="P1YL1",
        marketObjectCodeOfRateReset="RATE",
    )
    paid = instalments(floating)
    assert paid[:6] == pytest.approx([paid[0]] * 6, rel=1e-12)
    assert paid[6:] == pytest.approx([paid[6]] * 6, rel=1e-12)
    assert paid[6] > paid[5]


def test_techspec_7_5_a_reset_fixes_anew_an_instalment_that_was_given_and_needs_no_prf() -> None:
    resets: dict[str, Any] = {
        "cycleAnchorDateOfRateReset": "2024-07-01",
        "cycleOfRateReset": "P1YL1",
        "marketObjectCodeOfRateReset": "RATE",
    }
    series = {"RATE": {"2024-01-01": 0.2}}
    computed = run(ANNUITY, series, **resets)
    given = instalments(computed)[0]
    changes: tuple[dict[str, Any], ...] = ({}, {"nextResetRate": 0.2})
    for change in changes:
        fixed = run(ANNUITY, series, nextPrincipalRedemptionPayment=given, **resets | change)
        assert "PRF" not in {flow.event.kind for flow in fixed.flows}
        assert instalments(fixed) == pytest.approx(instalments(computed), rel=1e-12)


def test_techspec_7_2_to_7_4_a_base_of_the_first_notional_stays_but_for_redemptions_of_a_lam() -> None:
    fixed: dict[str, Any] = {
        "maturityDate": "2026-01-01",
        "interestCalculationBase": "NTIED",
        "interestCalculationBaseAmount": 1200,
    }
    linear = run(LINEAR, **fixed)
    assert [row[2] for row in flows(linear) if row[1] == "IP"] == [
        row[2] for row in flows(run(LINEAR, maturityDate="2026-01-01")) if row[1] == "IP"
    ]
    negative = run(LINEAR, contractType="NAM", **fixed)
    assert {flow.before.interest_calculation_base_amount for flow in negative.flows if flow.event.kind == "PR"} == {
        1200.0
    }
    capitalised = run(
        LINEAR,
        **fixed | {"cycleAnchorDateOfPrincipalRedemption": "2025-07-01", "capitalizationEndDate": "2025-01-01"},
    )
    after = [flow.after for flow in capitalised.flows if flow.event.kind == "IPCI"][-1]
    assert after.notional_principal > after.interest_calculation_base_amount == 1200.0


def test_techspec_2_10_what_comes_after_the_maturity_never_comes() -> None:
    late: dict[str, Any] = {"terminationDate": "2025-06-01", "priceAtTerminationDate": 1100}
    assert flows(run(BULLET, **late)) == flows(run(BULLET))
    assert flows(run(LINEAR, maturityDate=None, **late | {"terminationDate": "2040-01-01"})) == flows(
        run(LINEAR, maturityDate=None)
    )
    assert run(BULLET, purchaseDate="2025-06-01", priceAtPurchaseDate=1).flows == ()


def test_interest_on_a_lagged_base_stays_until_the_base_is_fixed() -> None:
    lagged = run(
        LINEAR,
        maturityDate="2026-01-01",
        interestCalculationBase="NTL",
        interestCalculationBaseAmount=1200,
        cycleAnchorDateOfInterestCalculationBase="2025-01-01",
        cycleOfInterestCalculationBase="P1YL1",
    )
    assert [row[2] for row in flows(lagged) if row[1] == "IP"] == [60.0, 60.0, 0.0, 0.0]


def test_a_contract_terminated_or_matured_before_its_status_has_no_flows() -> None:
    assert run(BULLET, statusDate="2025-01-01").flows == ()
    assert run(BULLET, statusDate="2024-03-01", terminationDate="2024-02-01", priceAtTerminationDate=1).flows == ()


def test_a_purchase_drops_what_came_before_it() -> None:
    bought = run(BULLET, purchaseDate="2024-10-01", priceAtPurchaseDate=1190)
    assert flows(bought) == [
        ("24-10-01", "PRD", -1220.0),
        ("25-01-01", "IP", 60.0),
        ("25-01-01", "MD", 1200.0),
    ]
