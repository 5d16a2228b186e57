"""The portfolio path against the one-contract path, bit for bit (decision Q18), whatever the order and the chunks."""

import json
import random
from collections.abc import Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.actus import formulas, portfolio_kernel
from engines.actus.calendars import CONVENTIONS as BUSINESS_DAYS
from engines.actus.dates import parse_instant
from engines.actus.day_counts import CONVENTIONS as DAY_COUNTS
from engines.actus.observed import NOTHING, Observed, read_observed
from engines.actus.portfolio import PortfolioFlows, cash_flows
from engines.actus.portfolio_walk import walker
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from engines.primitives.errors import InvalidInput
from tests.engines.actus.strategies import LOANS, RATES, iso, loans

OBSERVED = read_observed(RATES)
Row = tuple[int, str, str, str, str, str, str]
LOAN = {
    "contractID": "loan",
    "contractType": "ANN",
    "contractRole": "RPA",
    "currency": "EUR",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-15",
    "maturityDate": "2026-01-15",
    "notionalPrincipal": 1000.0,
    "nominalInterestRate": 0.06,
    "dayCountConvention": "30E360",
    "cycleOfInterestPayment": "P1ML1",
    "cycleOfPrincipalRedemption": "P1ML1",
}


def frame(contracts: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(contracts), infer_schema_length=None)


def together(contracts: Sequence[dict[str, Any]], observed: Observed = OBSERVED, **how: Any) -> dict[str, list[Row]]:
    """Flows by contract identifier, numbers as hexadecimal text: equal means equal to the last bit."""
    return _collected(cash_flows(frame(contracts), observed, **how), [c["contractID"] for c in contracts])


def _collected(result: PortfolioFlows, names: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in names}
    for part in result:
        for row in part.with_columns(pl.col("instant").cast(pl.Int64) // 1_000).iter_rows():
            numbers = [value.hex() for value in (row[3], *row[5:])]
            found[names[row[0]]].append((row[1], row[2], numbers[0], row[4], *numbers[1:]))
    return found | {names[error.contract_row]: [error.rule] for error in result.errors}  # type: ignore[list-item]


def alone(contract: dict[str, Any], observed: Observed = OBSERVED, to: int | None = None) -> list[Any]:
    terms = {name: value for name, value in contract.items() if value is not None}
    try:
        flows = evaluate(read_terms(terms), observed, to=to).flows
    except InvalidInput as error:
        return [str(error)]
    return [
        (
            flow.event.instant,
            flow.event.kind.value,
            flow.payoff.hex(),
            flow.currency,
            flow.after.notional_principal.hex(),
            flow.after.nominal_interest_rate.hex(),
            flow.after.accrued_interest.hex(),
        )
        for flow in flows
    ]


@st.composite
def ordinary_loans(draw: st.DrawFn) -> dict[str, Any]:
    """`loans`, with what sends a contract to the one-contract path taken away, and other terms at times."""
    terms = draw(loans())
    for name in ("feeBasis", "feeRate", "cycleOfFee", "interestCalculationBase", "interestCalculationBaseAmount"):
        terms.pop(name, None)
    terms.pop("cycleOfInterestCalculationBase", None)
    for anchor, cycle in (
        ("cycleAnchorDateOfInterestPayment", "cycleOfInterestPayment"),
        ("cycleAnchorDateOfRateReset", "cycleOfRateReset"),
    ):
        if cycle not in terms:
            terms.pop(anchor, None)
    if "cycleOfRateReset" in terms and terms["contractType"] == "ANN":
        terms["cycleOfRateReset"] = "P1YL1"  # the one-contract path fixes each instalment by a walk to the end
    if "purchase" in draw(st.sampled_from(("purchase", "", "", ""))) and "terminationDate" not in terms:
        terms |= {"purchaseDate": terms["maturityDate"], "priceAtPurchaseDate": draw(st.floats(0, 1e6))}
    if terms["contractType"] == "ANN" and draw(st.booleans()) and not {"purchaseDate", "terminationDate"} & {*terms}:
        terms["amortizationDate"] = terms.pop("maturityDate")
    return terms


def named(contracts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**terms, "contractID": f"c{place}"} for place, terms in enumerate(contracts)]


@settings(max_examples=60, deadline=None)
@given(st.lists(ordinary_loans(), min_size=1, max_size=6).map(named), st.sampled_from((None, "2020-06-30")))
def test_each_contract_of_a_portfolio_equals_itself_alone_bit_for_bit(
    contracts: list[dict[str, Any]], horizon: str | None
) -> None:
    to = None if horizon is None else parse_instant(horizon)
    assert together(contracts, to=to) == {c["contractID"]: alone(c, to=to) for c in contracts}


@settings(max_examples=25, deadline=None)
@given(st.lists(loans(), min_size=1, max_size=4).map(named))
def test_contracts_with_rare_terms_are_computed_all_the_same(contracts: list[dict[str, Any]]) -> None:
    assert together(contracts) == {c["contractID"]: alone(c) for c in contracts}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(ordinary_loans(), min_size=2, max_size=8).map(named),
    st.randoms(use_true_random=False),
    st.sampled_from((1, 50, 100_000)),
    st.sampled_from((1, 3)),
)
def test_order_chunks_and_threads_change_nothing(
    contracts: list[dict[str, Any]], shuffle: random.Random, chunk_events: int, threads: int
) -> None:
    moved = contracts.copy()
    shuffle.shuffle(moved)
    assert together(moved, chunk_events=chunk_events, threads=threads) == together(contracts)


@settings(max_examples=25, deadline=None)
@given(st.lists(ordinary_loans(), min_size=2, max_size=6).map(named), st.data())
def test_changed_contracts_are_computed_alone(contracts: list[dict[str, Any]], data: st.DataObject) -> None:
    names = [c["contractID"] for c in contracts]
    only = data.draw(st.sets(st.sampled_from(names), min_size=1))
    whole = together(contracts)
    assert together(contracts, only=only) == {name: whole[name] if name in only else [] for name in names}


def test_the_vectors_take_the_usual_loans() -> None:
    contracts = named([{**LOAN, "contractType": kind, "nextPrincipalRedemptionPayment": 50.0} for kind in LOANS])
    result = cash_flows(frame(contracts))
    assert [*result]
    assert (result.vectorised, result.alone, result.errors) == (4, 0, [])


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_every_convention_in_the_vectors(day_count: str) -> None:
    """From a Saturday that ends a month, with a redemption on it, to the last of a February, a Sunday."""
    grid = product(LOANS, BUSINESS_DAYS, ("SD", "EOM"), ("P2ML0",))
    contracts = named(
        [
            {
                **LOAN,
                "contractType": kind,
                "contractRole": "RPL",
                "dayCountConvention": day_count,
                "businessDayConvention": convention,
                "calendar": "MF",
                "endOfMonthConvention": end_of_month,
                "statusDate": "2024-08-30",
                "initialExchangeDate": "2024-08-31",
                "maturityDate": "2027-02-28",
                "cycleAnchorDateOfInterestPayment": "2024-08-31",
                "cycleAnchorDateOfPrincipalRedemption": "2024-08-31",
                "cycleOfPrincipalRedemption": cycle,
                "nextPrincipalRedemptionPayment": 30.0 if kind in ("LAM", "NAM") else None,
                "cycleAnchorDateOfRateReset": "2024-11-30",
                "cycleOfRateReset": "P3ML1",
                "marketObjectCodeOfRateReset": "RATE",
                "nextResetRate": 0.04,
                "periodCap": 0.005,
            }
            for kind, convention, end_of_month, cycle in grid
        ]
    )
    result = cash_flows(frame(contracts), OBSERVED)
    found = _collected(result, [c["contractID"] for c in contracts])
    assert result.vectorised == len(contracts)
    assert found == {c["contractID"]: alone(c) for c in contracts}


def test_annuities_with_and_without_an_instalment_are_fixed_side_by_side() -> None:
    """One shape, one batch: fixed by the exchange, by a PRF, and by resets where the instalment is given."""
    resets = {"cycleOfRateReset": "P3ML1", "marketObjectCodeOfRateReset": "RATE"}
    contracts = named(
        [
            LOAN | resets | {"nextPrincipalRedemptionPayment": payment, **change}
            for payment in (None, 44.0)
            for change in (
                {"cycleAnchorDateOfPrincipalRedemption": "2024-01-15"},
                {"cycleAnchorDateOfPrincipalRedemption": "2024-01-16"},
                {"cycleAnchorDateOfPrincipalRedemption": "2024-02-15", "nextResetRate": 0.05},
                {"statusDate": "2024-08-01"},
            )
        ]
    )
    result = cash_flows(frame(contracts), OBSERVED)
    found = _collected(result, [c["contractID"] for c in contracts])
    assert result.vectorised == len(contracts)
    assert found == {c["contractID"]: alone(c) for c in contracts}
    assert [sum(row[1] == "PRF" for row in rows) for rows in found.values()] == [7, 8, 8, 5, 0, 0, 0, 0]


def test_both_paths_call_the_same_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula that is changed changes both alike: there is no second copy of it."""
    before = together([LOAN])
    monkeypatch.setattr(formulas, "interest_payoff", lambda fx, scaling, accrued, y, rate, base: fx * y * 1e3)
    walker.cache_clear()
    try:
        changed = together([LOAN])
        assert changed != before
        assert changed == {"loan": alone(LOAN)}
    finally:
        walker.cache_clear()


@pytest.mark.parametrize(
    ("change", "term"),
    [
        ({"notionalPrincipal": None}, "notionalPrincipal"),
        ({"notionalPrincipal": float("nan")}, "notionalPrincipal"),
        ({"notionalPrincipal": -1.0}, "notionalPrincipal"),
        ({"maturityDate": "2024-01-15"}, "maturityDate"),
        ({"maturityDate": "2024-02-30"}, "maturityDate"),
        ({"dayCountConvention": "ACT"}, "dayCountConvention"),
        ({"dayCountConvention": None}, "dayCountConvention"),
        ({"contractType": "XYZ"}, "contractType"),
        ({"contractRole": None}, "contractRole"),
        ({"cycleOfPrincipalRedemption": "monthly"}, "cycleOfPrincipalRedemption"),
        ({"cycleOfPrincipalRedemption": None}, "cycleOfPrincipalRedemption"),
        ({"businessDayConvention": "XYZ"}, "businessDayConvention"),
        ({"nominalInterestRate": -2.0, "cycleOfPrincipalRedemption": "P1YL1"}, "nominalInterestRate"),
        ({"cycleOfRateReset": "P1Y", "marketObjectCodeOfRateReset": "ABSENT"}, "dataObserved"),
        ({"cycleOfRateReset": "P1Y"}, "marketObjectCodeOfRateReset"),
        ({"lifeCap": 0.01, "lifeFloor": 0.02}, "lifeCap"),
        ({"statusDate": None}, "statusDate"),
        ({"purchaseDate": "2024-05-05"}, "priceAtPurchaseDate"),
        ({"cyclePointOfInterestPayment": "B"}, "cyclePointOfInterestPayment"),
    ],
)
def test_a_bad_contract_is_named_and_leaves_the_others_alone(change: dict[str, Any], term: str) -> None:
    contracts = [LOAN | {"contractID": "good"}, {**LOAN, **change, "contractID": "bad"}]
    result = cash_flows(frame(contracts), NOTHING)
    found = _collected(result, ["good", "bad"])
    assert found["good"] == alone(contracts[0])
    assert [(error.contract_id, error.contract_row, error.term) for error in result.errors] == [("bad", 1, term)]
    assert result.errors[0].rule


def test_a_portfolio_of_bad_contracts_names_each_and_computes_the_good_ones() -> None:
    """Missing, contradictory, unknown convention, maturity before start, unknown type: contract, term and rule."""
    wrong: dict[str, dict[str, Any]] = {
        "cycleOfPrincipalRedemption": {"cycleOfPrincipalRedemption": None},
        "lifeCap": {"lifeCap": 0.01, "lifeFloor": 0.02},
        "dayCountConvention": {"dayCountConvention": "ACT/360x"},
        "maturityDate": {"maturityDate": "2023-01-15"},
        "contractType": {"contractType": "XYZ"},
    }
    contracts = [LOAN | {"contractID": "first"}]
    contracts += [{**LOAN, **change, "contractID": f"bad {term}"} for term, change in wrong.items()]
    contracts += [LOAN | {"contractID": "last"}]
    result = cash_flows(frame(contracts), NOTHING)
    found = _collected(result, [c["contractID"] for c in contracts])
    assert [(error.contract_id, error.term) for error in result.errors] == [(f"bad {term}", term) for term in wrong]
    assert all(error.term in error.rule for error in result.errors)
    assert found["first"] == found["last"] == alone(LOAN)


def test_more_past_times_than_there_is_room_for_are_left_to_the_one_contract_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Machine code does not see the end of an array: what has no room must be sorted out, and changes no number."""
    monkeypatch.setattr(portfolio_kernel, "_ROOM", -10)
    daily = LOAN | {"maturityDate": "2024-01-20", "statusDate": "2024-01-19", "cycleOfPrincipalRedemption": "P1DL1"}
    contracts = named([daily | {"contractType": kind, "nextPrincipalRedemptionPayment": 10.0} for kind in LOANS])
    result = cash_flows(frame(contracts))
    assert _collected(result, [c["contractID"] for c in contracts]) == {c["contractID"]: alone(c) for c in contracts}
    assert result.alone > 0


def test_dates_and_numbers_may_be_typed_or_text() -> None:
    typed = LOAN | {
        "statusDate": date(2023, 12, 31),
        "initialExchangeDate": date(2024, 1, 15),
        "maturityDate": date(2026, 1, 15),
    }
    text = LOAN | {
        "notionalPrincipal": " 1000 ",
        "nominalInterestRate": "0.06",
        "maturityDate": iso(date(2026, 1, 15)),
    }
    assert together([typed]) == together([text]) == together([LOAN])


def test_a_time_of_day_and_a_day_beyond_the_tables_go_alone() -> None:
    evening = LOAN | {"contractID": "evening", "initialExchangeDate": "2024-01-15T23:59:59"}
    far = LOAN | {"contractID": "far", "maturityDate": "2310-01-15", "cycleOfPrincipalRedemption": "P50Y"}
    contracts = [evening, far]
    result = cash_flows(frame(contracts))
    assert _collected(result, ["evening", "far"]) == {c["contractID"]: alone(c) for c in contracts}
    assert (result.vectorised, result.alone) == (0, 2)


@pytest.mark.parametrize("term", ["nominalInterestRate", "nextPrincipalRedemptionPayment", "priceAtPurchaseDate"])
@pytest.mark.parametrize("kind", LOANS)
def test_a_zero_with_a_minus_is_the_zero_that_the_contract_alone_makes_of_it(term: str, kind: str) -> None:
    bought = {"purchaseDate": "2025-05-05", "priceAtPurchaseDate": 0.0, "nextPrincipalRedemptionPayment": 50.0}
    loan = {**LOAN, **bought, "contractType": kind, "contractRole": "RPL", term: -0.0}
    assert together([loan]) == {"loan": alone(loan)}


def test_an_implied_maturity_on_the_last_of_february_counts_as_the_maturity() -> None:
    """30E360ISDA treats that one day in its own way, and the maturity is found only after terms are counted with."""
    loan = LOAN | {
        "contractType": "NAM",
        "contractID": "february",
        "maturityDate": None,
        "initialExchangeDate": "2023-12-31",
        "statusDate": "2023-12-30",
        "dayCountConvention": "30E360ISDA",
        "nextPrincipalRedemptionPayment": 700.0,
        "cycleOfInterestPayment": "P1ML1",
        "cycleAnchorDateOfInterestPayment": "2024-01-31",
        "cycleOfPrincipalRedemption": "P1ML1",
        "cycleAnchorDateOfPrincipalRedemption": "2024-01-31",
        "endOfMonthConvention": "EOM",
    }
    assert together([loan])["february"] == alone(loan)
    assert alone(loan)[-1][0] == parse_instant("2024-02-29")


def test_observed_events_reach_their_contract() -> None:
    prepaid = {**LOAN, "contractID": "a", "contractType": "PAM", "prepaymentEffect": "A"}
    watched = {**LOAN, "contractID": "b"}
    observed = read_observed(
        {},
        [
            {"time": "2024-06-01", "type": "PP", "value": 100.0, "contractId": "a"},
            {"time": "2024-07-01", "type": "AD", "contractId": "b"},
        ],
    )
    found = together([prepaid, watched], observed)
    assert found == {"a": alone(prepaid, observed), "b": alone(watched, observed)}
    assert any(row[1] == "AD" for row in found["b"])


def test_an_empty_portfolio_has_no_flows() -> None:
    assert [*cash_flows(frame([LOAN]).clear())] == []


@pytest.mark.parametrize("how", [{"only": ["nobody"]}, {"threads": 0}, {"chunk_events": 0}])
def test_what_cannot_be_asked_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        cash_flows(frame([LOAN]), **how)


@pytest.mark.parametrize("kind", ["pam", "lam", "nam", "ann"])
def test_reference_contracts_come_out_of_a_portfolio_as_they_do_alone(kind: str, reference: Path) -> None:
    path = reference / "reference" / "actus" / f"{kind}.json"
    if not path.is_file():
        pytest.skip(f"no ACTUS reference cases at {path}: set TIDEMARK_REFERENCE to where they are")
    for case in json.loads(path.read_text(encoding="utf-8")).values():
        observed = read_observed(case["dataObserved"], case["eventsObserved"])
        terms = {name: value for name, value in case["terms"].items() if value != ""}
        to = parse_instant(case["to"]) if case["to"] else None
        assert together([terms], observed, to=to) == {terms["contractID"]: alone(terms, observed, to)}
