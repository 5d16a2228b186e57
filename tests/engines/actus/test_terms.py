"""Terms: read under their dictionary names, defaults, and every bad one named with its contract and the rule."""

from typing import Any

import pytest

from engines.actus.cycles import Cycle
from engines.actus.observed import read_observed
from engines.actus.state_machine import evaluate
from engines.actus.terms import READINGS, read_terms, term_name
from engines.primitives.errors import InvalidInput

PAM: dict[str, Any] = {
    "contractType": "PAM",
    "contractID": "loan-1",
    "contractRole": "RPA",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-15",
    "maturityDate": "2029-01-15",
    "notionalPrincipal": " 1000.50 ",
    "nominalInterestRate": "0.05",
    "dayCountConvention": "30E360",
    "cycleOfInterestPayment": "P6ML0",
}
LAM = PAM | {"contractType": "LAM", "cycleOfPrincipalRedemption": "P1ML1", "nextPrincipalRedemptionPayment": 10}


def test_terms_are_read_with_the_defaults_of_the_dictionary() -> None:
    terms = read_terms(PAM | {"rateSpread": None, "lifeCap": "", "scalingEffect": "IOO"})
    assert terms.notional_principal == 1000.5
    assert terms.cycle_of_interest_payment == Cycle(6, 0, long_stub=True)
    assert (terms.business_day_convention, terms.calendar, terms.end_of_month_convention) == ("NOS", "NC", "SD")
    assert (terms.rate_multiplier, terms.rate_spread, terms.life_cap) == (1.0, 0.0, None)
    assert (terms.contract_performance, terms.interest_calculation_base, terms.sign) == ("PF", "NT", 1.0)
    assert terms.scaling_effect == "I00"


def test_older_spellings_mean_what_they_meant() -> None:
    older = read_terms(
        PAM | {"dayCountConvention": "30E/360", "calendar": "NO_CALENDAR", "cycleOfInterestPayment": "1Q+"}
    )
    assert (older.day_count_convention, older.calendar) == ("30E360", "NC")
    assert older.cycle_of_interest_payment == Cycle(3, 0, long_stub=True)
    assert read_terms(PAM | {"dayCountConvention": "A/AISDA"}).day_count_convention == "AA"


def test_every_term_has_its_dictionary_name() -> None:
    assert term_name("premium_discount_at_ied") == "premiumDiscountAtIED"
    assert term_name("option_strike1") == "optionStrike1"
    assert {"contractID", "arrayCycleAnchorDateOfPrincipalRedemption", "currency2", "xDayNotice"} <= set(READINGS)


def test_children_of_a_composed_contract_are_kept_as_they_are() -> None:
    child = {"contractType": "PAM", "notionalPrincipal": "5"}
    structure = [
        {"object": child, "referenceType": "CNT", "referenceRole": "FIL"},
        {"object": "INDEX", "referenceType": "MOC", "referenceRole": "UDL"},
        {"object": {"contractIdentifier": "c-7"}, "referenceType": "CID", "referenceRole": "COVE"},
    ]
    first, second, third = read_terms(PAM | {"contractStructure": structure}).contract_structure
    assert (first.object, first.reference_type, first.reference_role) == (child, "CNT", "FIL")
    assert second.object == {"marketObjectCode": "INDEX"}
    assert third.object == {"contractIdentifier": "c-7"}


@pytest.mark.parametrize(
    ("base", "change", "field", "rule"),
    [
        (PAM, {"notionalPrincipal": "many"}, "notionalPrincipal", "not a number"),
        (PAM, {"notionalPrincipal": "nan"}, "notionalPrincipal", "not a finite number"),
        (PAM, {"notionalPrincipal": "inf"}, "notionalPrincipal", "not a finite number"),
        (PAM, {"notionalPrincipal": 1e19}, "notionalPrincipal", "beyond 1e"),
        (PAM, {"notionalPrincipal": -1}, "notionalPrincipal", "must not be negative"),
        (PAM, {"notionalPrincipal": True}, "notionalPrincipal", "not a number"),
        (PAM, {"nominalInterestRate": 10_001}, "nominalInterestRate", "beyond 10000"),
        (PAM, {"maturityDate": "2029-02-30"}, "maturityDate", "day is out of range"),
        (PAM, {"maturityDate": 20290115}, "maturityDate", "not text"),
        (PAM, {"maturityDate": "2024-01-15"}, "maturityDate", "must be after initialExchangeDate"),
        (PAM, {"dayCountConvention": "ACT/ACT"}, "dayCountConvention", "is none of AA, A360"),
        (PAM, {"businessDayConvention": "SCX"}, "businessDayConvention", "is none of NOS, SCF"),
        (PAM, {"calendar": "TARGET"}, "calendar", "is none of NC, MF"),
        (PAM, {"endOfMonthConvention": "EM"}, "endOfMonthConvention", "is none of SD, EOM"),
        (PAM, {"contractRole": "BANK"}, "contractRole", "is none of"),
        (PAM, {"contractType": "PAN"}, "contractType", "is none of PAM"),
        (PAM, {"cycleOfInterestPayment": "monthly"}, "cycleOfInterestPayment", "not a period"),
        (PAM, {"cycleOfInterestPayment": "P0DL1"}, "cycleOfInterestPayment", "longer than nothing"),
        (PAM, {"notionalPrinciple": 1}, "notionalPrinciple", "no term of the ACTUS dictionary"),
        (PAM, {"fixingPeriod": "P2D", "fixingDays": "P2D"}, "fixingPeriod", "given twice"),
        (PAM, {"contractStructure": [{"object": {}}]}, "contractStructure", "a reference wants"),
        (PAM, {"statusDate": None}, "statusDate", "required for every contract"),
        (PAM, {"contractType": None}, "contractType", "required for every contract"),
        (PAM, {"contractRole": None}, "contractRole", "required for PAM"),
        (PAM, {"currency": " "}, "currency", "required for PAM"),
        (PAM, {"initialExchangeDate": None}, "initialExchangeDate", "required for PAM"),
        (PAM, {"maturityDate": None}, "maturityDate", "required for PAM"),
        (PAM, {"dayCountConvention": None}, "dayCountConvention", "required for PAM"),
        (PAM, {"cyclePointOfInterestPayment": "B"}, "cyclePointOfInterestPayment", "defines the default only"),
        (PAM, {"purchaseDate": "2025-01-01"}, "priceAtPurchaseDate", "required where its date is given"),
        (PAM, {"terminationDate": "2025-01-01"}, "priceAtTerminationDate", "required where its date is given"),
        (
            PAM,
            {
                "purchaseDate": "2025-01-02",
                "priceAtPurchaseDate": 1,
                "terminationDate": "2025-01-01",
                "priceAtTerminationDate": 1,
            },
            "terminationDate",
            "must not be before purchaseDate",
        ),
        (PAM, {"capitalizationEndDate": "2030-01-01"}, "capitalizationEndDate", "must not be after the maturity"),
        (PAM, {"capitalizationEndDate": "2020-01-01"}, "capitalizationEndDate", "must not be before"),
        (PAM, {"cycleOfRateReset": "P3ML1"}, "marketObjectCodeOfRateReset", "required for PAM"),
        (PAM, {"lifeCap": 0.01, "lifeFloor": 0.02}, "lifeCap", "must not be below lifeFloor"),
        (PAM, {"feeRate": 1}, "feeBasis", "required for PAM"),
        (PAM, {"scalingEffect": "I00"}, "marketObjectCodeOfScalingIndex", "required for PAM"),
        (
            PAM,
            {"scalingEffect": "I00", "marketObjectCodeOfScalingIndex": "CPI", "scalingIndexAtContractDealDate": 0},
            "scalingIndexAtContractDealDate",
            "must not be 0",
        ),
        (LAM, {"cycleOfPrincipalRedemption": None}, "cycleOfPrincipalRedemption", "required for LAM"),
        (
            LAM,
            {"maturityDate": None, "nextPrincipalRedemptionPayment": None},
            "maturityDate",
            "required where no nextPrincipalRedemptionPayment",
        ),
        (
            LAM,
            {"maturityDate": None, "nextPrincipalRedemptionPayment": 1e-9},
            "nextPrincipalRedemptionPayment",
            "more than 10000 redemptions",
        ),
        (LAM, {"interestCalculationBase": "NTL"}, "cycleAnchorDateOfInterestCalculationBase", "required for LAM"),
        (
            LAM,
            {"contractType": "NAM", "maturityDate": None, "nextPrincipalRedemptionPayment": 1},
            "nextPrincipalRedemptionPayment",
            "it never redeems",
        ),
        (LAM, {"contractType": "NAM", "nominalInterestRate": None}, "nominalInterestRate", "required for NAM"),
        (
            LAM,
            {"contractType": "ANN", "maturityDate": None, "nextPrincipalRedemptionPayment": None},
            "maturityDate",
            "neither amortizationDate",
        ),
        (PAM, {"maturityDate": "9999-12-31", "cycleOfInterestPayment": "P1DL1"}, "maturityDate", "more than 100000"),
    ],
)
def test_a_bad_term_is_named_with_its_contract_and_the_rule(
    base: dict[str, Any], change: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(InvalidInput, match=rule) as caught:
        evaluate(read_terms(base | change))
    assert caught.value.facts == {"field": field, "record": "loan-1"}


def test_unknown_terms_may_be_passed_over() -> None:
    assert read_terms(PAM | {"colour": "red"}, allow_unknown=True) == read_terms(PAM)


@pytest.mark.parametrize(
    ("data", "events", "field"),
    [
        ({"RATE": [{"timestamp": "soon", "value": "1"}]}, [], "dataObserved"),
        ({"RATE": [{"timestamp": "2024-01-01", "value": "inf"}]}, [], "dataObserved"),
        ({"RATE": {"data": [{"value": "1"}]}}, [], "dataObserved"),
        ({"RATE": [{"timestamp": "2024-01-01", "value": v} for v in (1, 2)]}, [], "dataObserved"),
        ({}, [{"time": "2024-01-01"}], "eventsObserved"),
        ({}, [{"time": "2024-01-01", "type": "PP", "value": "nan"}], "eventsObserved"),
    ],
)
def test_bad_observations_are_named(data: dict[str, Any], events: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_observed(data, events, record="loan-1")
    assert caught.value.facts == {"field": field, "record": "loan-1"}


def test_a_missing_series_is_an_error_only_when_an_event_reads_it() -> None:
    floating = read_terms(PAM | {"cycleOfRateReset": "P1YL1", "marketObjectCodeOfRateReset": "RATE"})
    with pytest.raises(InvalidInput, match="no observation of 'RATE' at or before 2025-01-15T00:00:00") as caught:
        evaluate(floating)
    assert caught.value.facts == {"field": "dataObserved", "record": "loan-1"}
    early = evaluate(floating, to=floating.initial_exchange_date)
    assert [flow.event.kind for flow in early.flows] == ["IED"]
    late = {"RATE": [{"timestamp": "2025-01-16", "value": 0.01}]}
    with pytest.raises(InvalidInput, match="at or before 2025-01-15"):
        evaluate(floating, read_observed(late))
