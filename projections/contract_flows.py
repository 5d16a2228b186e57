"""Flows of contracts by the ACTUS engine, booked in minor units: what the gap and its drill-down are made of.

How a contract's terms are said in ACTUS (decision Q17, docs/adr/0009), once for one contract (`actus_terms`, which a
reader may hand to `tidemark calc cashflows`) and once in columns (`flows_minor`); tests hold the two together. Not
for raw ACTUS terms and irregular schedules, which go one by one: `projections.irregular_flows`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from engines.actus.dates import show_day
from engines.flow_frame import DEMAND_DAY, KINDS, OWN, PRINCIPAL, RATE_SCALE, UNDATED_DAY, FlowColumns
from engines.primitives.money import exponent
from projections.contract_plan import CUSTOM, NO_DAY_COUNT, PAM, Plan
from projections.contract_portfolio import TYPES, Part, scheduled
from projections.contract_terms import ACTUS_DAY_COUNTS, ContractTerms, Integers, Table, cycle
from projections.irregular_flows import irregular_flows, raw_terms, schedule_terms

_PRINCIPAL = KINDS.index(PRINCIPAL)

MORE_FLOWS = 1_000  # how many flows a contract with a text may have, for bounds of memory only


def actus_terms(terms: ContractTerms) -> dict[str, Any]:
    """One contract as ACTUS terms under their dictionary names: numbers, texts and ISO dates.

    bullet is PAM, equal_principal LAM, annuity ANN, zero PAM without interest, custom with its schedule LAX, a
    contract without any date CLM (on demand) or UMP. Raw ACTUS terms are given back with what the record says of
    itself: id, role, currency, status date. The status date is the start, so that the exchange of the principal is
    past; amortising parts are fixed in minor units, as a bank books them. A floating rate is held at its present
    value: the terms have no rate reset.

    Args:
        terms: checked; a maturity on the start gives terms that begin a day earlier and bear no interest.
    """
    if terms.actus:
        return raw_terms(terms)
    inward = terms.side in ("asset", "obs_in")
    scale = 10 ** exponent(terms.currency)
    start, end = terms.start_day, terms.maturity_day
    found: dict[str, Any] = {
        "contractType": "PAM",
        "contractID": terms.contract_id,
        "contractRole": "RPA" if inward else "RPL",
        "currency": terms.currency,
        "statusDate": show_day(start),
        "initialExchangeDate": show_day(start),
        "notionalPrincipal": terms.principal_minor / scale,
    }
    if terms.schedule:
        return found | schedule_terms(terms)
    if terms.on_demand or end is None or terms.amortisation == "custom":
        return found | {"contractType": "CLM" if terms.on_demand else "UMP"}
    if end == start:
        before = show_day(start - 1)
        return found | {"statusDate": before, "initialExchangeDate": before, "maturityDate": show_day(end)}
    plan = Plan.of_one(terms)
    found["maturityDate"] = show_day(end)
    if plan.day_count[0] != NO_DAY_COUNT:
        found["nominalInterestRate"] = terms.rate_units / RATE_SCALE
        found["dayCountConvention"] = ACTUS_DAY_COUNTS[int(plan.day_count[0])]
    found["contractType"] = TYPES[int(plan.kind[0])]
    if plan.interest_cycle[0]:
        found["cycleOfInterestPayment"] = cycle(terms.months)
    if plan.kind[0] != PAM:
        found["cycleOfPrincipalRedemption"] = cycle(terms.months)
        found["nextPrincipalRedemptionPayment"] = int(plan.part_minor[0]) / scale
    return found


def flows_minor(terms: Table, irregular: Mapping[int, ContractTerms]) -> FlowColumns:
    """Booked flows of contracts, of all types, from columns.

    Each flow is rounded HALF_UP to minor units, the last principal flow of a contract takes the difference (Q17), so
    that what is repaid is the principal, exactly.

    Args:
        terms: the columns of `contract_terms.COLUMNS`; closed contracts have no flows.
        irregular: those with a schedule or raw ACTUS terms, by row.
    Raises:
        CorruptRecord: terms have no flows, which their check should have told.
        InvalidInput: so for `irregular`.
    Source: LIQ-11; decisions Q17, S29; docs/adr/0009.
    """
    live = terms["open"] == 1
    live[list(irregular)] = False
    dated = (terms["dated"] == 1) & (terms["on_demand"] == 0) & (terms["amortisation"] != CUSTOM)
    at_start = dated & (terms["maturity_day"] == terms["start_day"])
    lump = np.flatnonzero(live & (~dated | at_start) & (terms["principal_minor"] != 0))
    day = np.where(terms["on_demand"] == 1, DEMAND_DAY, np.where(at_start, terms["maturity_day"], UNDATED_DAY))
    parts: list[Part] = [(lump, day[lump], np.full(len(lump), _PRINCIPAL), terms["principal_minor"][lump])]
    parts += scheduled(terms, np.flatnonzero(live & dated & ~at_start))
    regular = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    others = [
        (row, *flow)
        for row, one in sorted(irregular.items())
        if not one.closed
        for flow in irregular_flows(one, actus_terms(one))
    ]
    return _joined(regular, others)


def flows_at_most(terms: Table, more: Iterable[int]) -> Integers:
    """A bound of how many flows each contract has; `more`: the places of those with a text."""
    days, months = terms["maturity_day"] - terms["start_day"], terms["months"]
    bound: Integers = np.where(months > 0, 2 * (days // (28 * np.maximum(months, 1)) + 2), 2)
    bound[list(more)] += MORE_FLOWS
    return bound


def _joined(regular: list[Integers], others: list[tuple[int, int, int, int, str]]) -> FlowColumns:
    """Columns of all flows; those of `others` are row, day, kind, amount and the currency, empty for the own."""
    currencies = tuple(sorted({flow[4] for flow in others} - {""}))
    place = {"": OWN} | {currency: code for code, currency in enumerate(currencies)}
    table = np.array([(*flow[:4], place[flow[4]]) for flow in others], np.int64).reshape(len(others), 5).T
    own = np.full(len(regular[0]), OWN)
    row, day, kind, amount, currency = (
        np.concatenate(pair) if others else pair[0] for pair in zip([*regular, own], table, strict=True)
    )
    return FlowColumns(row, day, kind, amount, currency, currencies)
