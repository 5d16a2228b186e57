"""What goes out comes back: the principal of PAM, LAM, NAM and ANN adds up under all conventions (decision Q16)."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings

from engines.actus.observed import read_observed
from engines.actus.state_machine import Evaluation, evaluate
from engines.actus.terms import read_terms
from tests.engines.actus.strategies import RATES, loans

OBSERVED = read_observed(RATES)


def evaluated(raw: dict[str, Any]) -> Evaluation:
    return evaluate(read_terms(raw), OBSERVED)


@settings(max_examples=300)
@given(loans())
def test_q16_notional_out_is_redeemed_capitalised_or_outstanding_at_termination(raw: dict[str, Any]) -> None:
    result = evaluated(raw)
    out, back, capitalised, outstanding = result.initial.notional_principal, 0.0, 0.0, 0.0
    largest = 1.0
    for flow in result.flows:
        match flow.event.kind:
            case "IED":
                out = flow.after.notional_principal
            case "PR" | "MD":
                back += flow.payoff
            case "IPCI":
                capitalised += flow.after.notional_principal - flow.before.notional_principal
            case "TD":
                outstanding = flow.before.notional_principal
        largest = max(largest, abs(flow.before.notional_principal))
    interest_with_principal = sum(
        flow.before.accrued_interest + flow.before.fee_accrued for flow in result.flows if flow.event.kind == "MD"
    )
    assert abs(back - interest_with_principal - capitalised + outstanding - out) <= 1e-9 * largest


@settings(max_examples=200)
@given(loans())
def test_events_rise_chain_and_end_the_contract(raw: dict[str, Any]) -> None:
    result = evaluated(raw)
    assert all(first.event.place <= second.event.place for first, second in pairwise(result.flows))
    assert all(first.after == second.before for first, second in pairwise(result.flows))
    assert all(flow.event.instant > result.terms.status_date for flow in result.flows)
    if result.flows:
        assert result.flows[0].before == result.initial
        last = [flow for flow in result.flows if flow.event.kind in ("MD", "TD")]
        if last:
            assert last[-1].after.notional_principal == 0.0
            assert last[-1] is result.flows[-1]


@settings(max_examples=200)
@given(loans())
def test_the_other_side_has_the_opposite_flows(raw: dict[str, Any]) -> None:
    other = raw | {"contractRole": "RPL" if raw["contractRole"] == "RPA" else "RPA"}
    priced = "terminationDate" in raw or "purchaseDate" in raw  # Ipac is signed, the price is not (POF_TD_PAM)
    ours, theirs = evaluated(raw), evaluated(other)
    for mine, yours in zip(ours.flows, theirs.flows, strict=True):
        assert (mine.event.kind, mine.event.instant) == (yours.event.kind, yours.event.instant)
        assert mine.after.notional_principal == -yours.after.notional_principal
        if not (priced and mine.event.kind == "TD"):
            assert mine.payoff == -yours.payoff


@settings(max_examples=200)
@given(loans(("PAM", "LAM", "ANN")))
def test_a_horizon_only_cuts(raw: dict[str, Any]) -> None:
    whole = evaluated(raw)
    if not whole.flows:
        return
    to = whole.flows[len(whole.flows) // 2].event.instant
    cut = evaluate(whole.terms, OBSERVED, to=to)
    assert cut.flows == tuple(flow for flow in whole.flows if flow.event.instant <= to)


@settings(max_examples=100)
@given(loans())
def test_an_explanation_changes_no_number(raw: dict[str, Any]) -> None:
    plain = evaluated(raw)
    explained = evaluate(plain.terms, OBSERVED, explain=True)
    for ours, theirs in zip(plain.flows, explained.flows, strict=True):
        assert (ours.payoff, ours.after) == (theirs.payoff, theirs.after)
