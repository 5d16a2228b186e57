"""Large outflows as the API sends them, each with its decision and the numbers behind it, at one cut (LIQ-02).

Not for deciding: `streams.withdrawal_decision`, by `engines.large_flow_decision`.
"""

from fractions import Fraction

import msgspec

from api import ratios
from api.figures import PAIR, Body, Query
from api.services import Services
from engines.exact_ratio import half_up
from engines.primitives.errors import InvalidInput, Unavailable
from engines.primitives.money import to_text
from streams.topics import BUSINESS_DATE, RESERVATION_TOTAL, WITHDRAWAL
from streams.views import RATIO_TOPICS, RiskView
from streams.views_cells import Pair
from streams.views_ratios import positions
from streams.withdrawal_decision import Decided, Standing, decided, outflow_of, reserved_outflows, standings

TOPICS = (WITHDRAWAL, RESERVATION_TOTAL, BUSINESS_DATE)
NEAR = "below-threshold"  # nothing to decide yet


def withdrawals(view: RiskView, services: Services, query: Query) -> Body:
    """Customers near or above the rolling threshold, and the reservations of the day by organisation."""
    known, missing = _standings(view, services, query)
    rows = []
    for row in view.withdrawals(query.filters):
        found = decided(outflow_of(row), known) if row.above else None
        body: Body = msgspec.to_builtins(row)
        rows.append(body | (_decision(found, missing) if found else _none(NEAR)))
    reserved = []
    for outflow in reserved_outflows(view, view.as_of(query.as_of), query.filters):
        where = {"entity": outflow.entity, "organisation": outflow.organisation, "currency": outflow.currency}
        where["amount"] = to_text(outflow.amount_minor, outflow.currency)
        reserved.append(where | _decision(decided(outflow, known), missing))
    topics = dict.fromkeys((*TOPICS, *(RATIO_TOPICS if known else ())))
    return {
        "offsets": view.offsets(*topics),
        "log": view.logs(*topics),
        "rows": rows,
        "reservations": reserved,
    }


def _standings(view: RiskView, services: Services, query: Query) -> tuple[dict[Pair, Standing], str]:
    """LIQ-07 by pair; empty, with the reason, where it cannot be worked out here: alerts are shown all the same."""
    entities = {name: allowed for name, allowed in query.filters.items() if name == "entity"}
    try:
        work = ratios.worked(view, services, Query(PAIR, query.as_of, entities))
    except Unavailable:
        return {}, "no-mapping"
    except InvalidInput:
        return {}, "no-mapping-in-force"
    return standings(positions(work.by_pair, work.policy, work.days)), ""


def _decision(found: Decided, missing: str) -> Body:
    verdict, standing, currency = found.verdict, found.standing, found.outflow.currency
    if verdict is None or standing is None:
        return _none(missing or found.reason)
    return {
        "decision": verdict.decision,
        "actions": list(verdict.actions),
        "decision_reason": verdict.reason,
        "available": _text(verdict.post + found.outflow.amount_minor, currency),  # before this outflow
        "post": _text(verdict.post, currency),
        "floor": to_text(standing.floor_minor, currency),
        "floor_is_set": standing.floor_is_set,
        "shortfall": _text(verdict.shortfall, currency),
    }


def _none(reason: str) -> Body:
    amounts = dict.fromkeys(("available", "post", "floor", "floor_is_set", "shortfall"))
    return {"decision": None, "actions": [], "decision_reason": reason} | amounts


def _text(minor: Fraction, currency: str) -> str:
    return to_text(half_up(minor.numerator, minor.denominator), currency)
