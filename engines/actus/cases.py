"""Running the reference cases of the ACTUS foundation, and comparing what they expect with what comes out (Q15).

Instants are compared parsed, events as a multiset of instant, type and currency, numbers within
1e-8 × max(1, |expected|). Pure: the caller reads the files.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.actus.dates import parse_instant, show_instant
from engines.actus.observed import read_observed
from engines.actus.state_machine import Flow, evaluate
from engines.actus.terms import read_terms
from engines.primitives.errors import TidemarkError

TOLERANCE = 1e-8

STATES = {
    "notionalPrincipal": "notional_principal",
    "nominalInterestRate": "nominal_interest_rate",
    "nominalInterestRate2": "nominal_interest_rate2",
    "accruedInterest": "accrued_interest",
    "accruedInterest2": "accrued_interest2",
    "feeAccrued": "fee_accrued",
    "exerciseAmount": "exercise_amount",
    "nextPrincipalRedemptionPayment": "next_principal_redemption_payment",
    "interestCalculationBaseAmount": "interest_calculation_base_amount",
    "notionalScalingMultiplier": "notional_scaling_multiplier",
    "interestScalingMultiplier": "interest_scaling_multiplier",
}  # what expected events may state beside their payoff


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: its identifier, its contract type, and the first difference; an empty one: it passes."""

    identifier: str
    contract_type: str
    difference: str

    @property
    def passed(self) -> bool:
        return not self.difference


def run_case(case: Mapping[str, Any]) -> tuple[Flow, ...]:
    """The flows of a reference case: `terms`, `to`, `dataObserved` and `eventsObserved`.

    Raises:
        InvalidInput: as `state_machine.evaluate`.
    """
    terms = read_terms(case["terms"], allow_unknown=True)
    observed = read_observed(case.get("dataObserved"), case.get("eventsObserved"), record=terms.contract_id)
    horizon = str(case.get("to") or "").strip()
    return evaluate(terms, observed, to=parse_instant(horizon) if horizon else None).flows


def check_case(case: Mapping[str, Any]) -> CaseResult:
    """Runs a case and compares; an error of ours is a difference too."""
    kind = str(case["terms"].get("contractType", ""))
    try:
        difference = first_difference(case["results"], run_case(case))
    except TidemarkError as error:
        difference = f"refused: {error}"
    return CaseResult(str(case.get("identifier", "")), kind, difference)


def first_difference(expected: list[Mapping[str, Any]], flows: tuple[Flow, ...]) -> str:
    """What is not as expected, first in time; empty: nothing."""
    wanted = [(parse_instant(row["eventDate"]), str(row["eventType"]), _currency(row)) for row in expected]
    got = [(flow.event.instant, str(flow.event.kind), flow.currency) for flow in flows]
    missing, extra = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
    if missing or extra:
        instant, kind, currency = min([*missing, *extra])
        word = "missing" if (instant, kind, currency) in missing else "not expected"
        return f"{show_instant(instant)} {kind} {currency}: {word}"
    rest: dict[tuple[int, str, str], list[Flow]] = {}
    for key, flow in zip(got, flows, strict=True):
        rest.setdefault(key, []).append(flow)
    for key, row in sorted(zip(wanted, expected, strict=True), key=lambda pair: pair[0][0]):
        differences = [_difference(row, flow) for flow in rest[key]]
        place = differences.index("") if "" in differences else 0
        if differences[place]:
            return f"{show_instant(key[0])} {key[1]}: {differences[place]}"
        rest[key].pop(place)
    return ""


def _currency(row: Mapping[str, Any]) -> str:
    return str(row.get("currency") or "").strip()


def _difference(row: Mapping[str, Any], flow: Flow) -> str:
    pairs = [("payoff", row["payoff"], flow.payoff)]
    pairs += [(name, row[name], getattr(flow.after, ours) or 0.0) for name, ours in STATES.items() if name in row]
    for name, wanted, got in pairs:
        number = float(wanted)
        if not abs(got - number) <= TOLERANCE * max(1.0, abs(number)):
            return f"{name} {got!r}, expected {number!r}"
    return ""
