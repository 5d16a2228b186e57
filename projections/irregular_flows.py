"""Flows of contracts that go one by one: raw ACTUS terms of any type, and custom schedules (LAX).

There is no market data in the gap: what raw terms observe is held at its present value. A rate reset finds the
index that gives the last rate fixed; everything else is in the record's `fixings`, or the terms are refused.
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from engines.actus.dates import DAY_SECONDS, show_day
from engines.actus.events import EventType
from engines.actus.observed import Observed, Series
from engines.actus.state_machine import Evaluation, Flow, evaluate
from engines.actus.terms import Terms, read_terms
from engines.flow_frame import DEMAND_DAY, INTEREST, KINDS, PRINCIPAL, RATE_SCALE, UNDATED_DAY
from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from projections.contract_terms import ACTUS_DAY_COUNTS, DAY_COUNTS, ContractTerms, cycle
from projections.flow_booking import booked, half_up

#: Raw flows end here, a hundred years after the status date, as other contracts' must.
HORIZON_DAYS = 36_525
FLOWS_MINOR_MAX = 1 << 61

E = EventType
OPEN_ENDED = ("CLM", "UMP")
#: Income and cost; all other payoffs move principal, a price or a settlement.
INTEREST_EVENTS = frozenset((E.IP, E.IPFX, E.IPFL, E.FP, E.PY, E.DV))

_ALWAYS = -(10**14)  # before every instant
_INTEREST, _PRINCIPAL = KINDS.index(INTEREST), KINDS.index(PRINCIPAL)

#: day, kind (a place in KINDS), minor units, currency (empty: the contract's own)
BookedFlow = tuple[int, int, int, str]


def raw_terms(terms: ContractTerms) -> dict[str, Any]:
    """The raw ACTUS terms of a record, with what the record says of itself where they are silent."""
    named = "contractIdentifier" if "contractIdentifier" in terms.actus else "contractID"
    lent = {
        named: terms.contract_id,
        "contractRole": "RPA" if terms.side in ("asset", "obs_in") else "RPL",
        "currency": terms.currency,
        "statusDate": show_day(terms.start_day),
    }
    return lent | terms.actus


def schedule_terms(terms: ContractTerms) -> dict[str, Any]:
    """Those ACTUS terms of a contract with its own schedule that tell when what is paid."""
    end = terms.schedule[-1][0] if terms.maturity_day is None else terms.maturity_day
    scale = 10 ** exponent(terms.currency)
    before = [(show_day(day), minor / scale) for day, minor in terms.schedule if day < end]
    found: dict[str, Any] = {"maturityDate": show_day(end)}
    if terms.rate_units:
        found["nominalInterestRate"] = terms.rate_units / RATE_SCALE
        found["dayCountConvention"] = ACTUS_DAY_COUNTS[DAY_COUNTS.index(terms.day_count)]
        if terms.months:
            found["cycleOfInterestPayment"] = cycle(terms.months)
    if not before:  # everything at maturity
        return found
    days = [day for day, _ in before]
    if terms.rate_units and not terms.months:
        found["arrayCycleAnchorDateOfInterestPayment"] = days
    return found | {
        "contractType": "LAX",
        "arrayCycleAnchorDateOfPrincipalRedemption": days,
        "arrayNextPrincipalRedemptionPayment": [amount for _, amount in before],
        "arrayIncreaseDecrease": ["DEC"],
    }


def irregular_flows(terms: ContractTerms, raw: Mapping[str, Any]) -> tuple[BookedFlow, ...]:
    """The booked flows of one contract, by day and currency; positive: to the holder of the contract's side.

    Args:
        terms: with a schedule, or with raw ACTUS terms.
        raw: `contract_flows.actus_terms` of them.
    Raises:
        InvalidInput: the engine's, `field` naming the term; flows end more than 100 years after the status date, or
            add up to more than can be counted.
    Source: decisions Q17, S29; docs/adr/0009.
    """
    return _flows_of(msgspec.json.encode(terms), msgspec.json.encode(raw))


@lru_cache(maxsize=4_096)  # a record's check and its fold ask for the same flows, and a change for the old ones
def _flows_of(terms_json: bytes, raw_json: bytes) -> tuple[BookedFlow, ...]:
    return tuple(_flows(msgspec.json.decode(terms_json, type=ContractTerms), msgspec.json.decode(raw_json)))


def _flows(terms: ContractTerms, raw: Mapping[str, Any]) -> list[BookedFlow]:
    contract = read_terms(raw)
    sign = 1.0 if terms.side in ("asset", "obs_in") else -1.0
    flows = list(_payoffs(terms, contract, raw))
    groups: dict[str, list[tuple[int, bool, float]]] = {}
    for day, is_principal, payoff, currency in flows:
        scale = 10 ** exponent(currency)
        groups.setdefault(currency, []).append((day, is_principal, payoff * scale * sign))
    found: list[BookedFlow] = []
    for currency, group in sorted(groups.items()):
        amount = np.array([payoff for _, _, payoff in group])
        if math.fsum(np.abs(amount)) > FLOWS_MINOR_MAX:
            raise contract.invalid("notional_principal", "the flows pass what can be counted")
        principal = np.array([is_principal for _, is_principal, _ in group])
        total = half_up(np.array([math.fsum(amount[principal])]))
        if terms.schedule:
            total[0] = terms.principal_minor
        minor = booked(np.zeros(len(group), np.int64), amount, principal, total)
        own = "" if currency == terms.currency else currency
        found += [
            (day, _PRINCIPAL if is_principal else _INTEREST, size, own)
            for (day, is_principal, _), size in zip(group, minor.tolist(), strict=True)
            if size
        ]
    return sorted(found, key=lambda flow: (flow[0], flow[3]))


def evaluated(terms: ContractTerms, raw: Mapping[str, Any], *, explain: bool = False) -> Evaluation:
    """The events of one contract as the gap sees them: what is observed is held at its present value.

    Interest of an open account is not known until it is called: its events end where it stands now.

    Args:
        terms, raw: a contract and `contract_flows.actus_terms` of it.
        explain: keep each formula's numbers (`engines.actus.explain`).
    Raises:
        InvalidInput: the engine's, `field` naming the term.
    """
    contract = read_terms(raw)
    horizon: int | None = None
    if _is_open_ended(contract):
        horizon = max(contract.status_date, contract.initial_exchange_date or 0)
    elif contract.contract_type == "STK":
        horizon = contract.status_date + HORIZON_DAYS * DAY_SECONDS
    return evaluate(contract, Observed(_series(terms, raw)), to=horizon, explain=explain)


def _is_open_ended(contract: Terms) -> bool:
    return contract.contract_type in OPEN_ENDED and not contract.maturity_date and not contract.termination_date


def _payoffs(terms: ContractTerms, contract: Terms, raw: Mapping[str, Any]) -> Iterator[tuple[int, bool, float, str]]:
    """Day, whether it is principal, payoff and currency of each flow, in order of time."""
    evaluation = evaluated(terms, raw)
    for flow in evaluation.flows:
        if flow.event.instant > contract.status_date + HORIZON_DAYS * DAY_SECONDS:
            raise contract.invalid("maturity_date", "a flow is more than 100 years after the status date")
        if flow.payoff:
            yield _payoff(flow)
    if _is_open_ended(contract):
        # What is owed now is due on demand, or undated.
        after = evaluation.flows[-1].after if evaluation.flows else evaluation.initial
        owed = after.notional_principal + after.accrued_interest
        if owed:
            yield DEMAND_DAY if terms.on_demand else UNDATED_DAY, True, owed, contract.currency


def _payoff(flow: Flow) -> tuple[int, bool, float, str]:
    return (
        flow.event.instant // DAY_SECONDS,
        flow.event.kind not in INTEREST_EVENTS,
        flow.payoff,
        flow.currency,
    )


def _series(terms: ContractTerms, raw: Mapping[str, Any]) -> dict[str, Series]:
    """What is observed, each held at one value: the fixings told, and the indexes that give the present rates."""
    values: dict[str, float] = {}
    for code, value in _present_indexes(raw):
        if values.setdefault(code, value) != value and code not in terms.fixings:
            raise InvalidInput(
                f"marketObjectCodeOfRateReset: {code!r} stands at two values; say which in fixings",
                field="marketObjectCodeOfRateReset",
                record=terms.contract_id,
            )
    return {code: Series((_ALWAYS,), (value,)) for code, value in (values | terms.fixings).items()}


def _present_indexes(raw: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """For each rate reset in the terms, children included: its index, and what it stands at for the rate to stay."""
    terms = read_terms({"contractType": "PAM", "statusDate": "1970-01-01"} | dict(raw), allow_unknown=True)
    code = terms.market_object_code_of_rate_reset
    present = terms.nominal_interest_rate2 if terms.contract_type == "SWPPV" else terms.nominal_interest_rate
    if terms.next_reset_rate is not None:
        present = terms.next_reset_rate
    if code and present is not None and terms.rate_multiplier:
        # Rounded, so that legs with other spreads on one index agree on it in spite of binary fractions.
        yield code, round((present - terms.rate_spread) / terms.rate_multiplier, 12)
    for reference in terms.contract_structure:
        yield from _present_indexes(reference.object)
