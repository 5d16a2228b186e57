"""Behind a gap figure: its contracts, and the flows of each with their formulas, as the API sends them.

The figure, its contracts and their flows come from the same functions (`projections.gap`, `engines.actus`); nothing
is added up or rounded by a rule of its own here. Amounts that entered the gap are decimal strings of the currency;
the engine's own numbers have all digits of its float64, as text.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from api.calculations.cashflows import number_text
from api.figures import Body
from engines.actus.dates import DAY_SECONDS
from engines.actus.explain import explain
from engines.actus.state_machine import Flow
from engines.actus.terms import Terms
from engines.buckets import BUCKETS, ON, OVERDUE, UNDATED, bucket_index
from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent, to_text
from projections.contract_flows import actus_terms
from projections.gap import DEMAND_DAY, UNDATED_DAY, UNSCHEDULED, ContractTerms, GapState
from projections.irregular_flows import evaluated
from streams.instants import day_number
from streams.past_gap import CELL, LAST_DAY, Behind, ContractSum, Days, Held, flow_date
from streams.views import AsOf, Filters

FIRST_DAY = day_number(date.min)
ROWS_MAX = 500


class Page(NamedTuple):
    """Which rows: at most `limit` after the first `start`."""

    start: int
    limit: int


def days_asked(bucket: str | None, first: date | None, last: date | None) -> Days:
    """Raises InvalidInput naming an unknown bucket, or dates that stand the wrong way round."""
    if bucket is not None and bucket not in BUCKETS:
        raise InvalidInput(f"unknown bucket {bucket!r}; one of {', '.join(BUCKETS)}", field="bucket")
    if first is not None and last is not None and last < first:
        raise InvalidInput("the last day is before the first", field="to")
    return Days(bucket, first, last)


def canonical(name: str, as_of: date | None, filters: Filters, days: Days, **more: Any) -> Body:
    """What was asked, for the provenance."""
    return {
        "figure": name,
        "as_of": as_of and as_of.isoformat(),
        "filters": {key: sorted(allowed) for key, allowed in sorted(filters.items())},
        "bucket": days.bucket,
        "from": days.first and days.first.isoformat(),
        "to": days.last and days.last.isoformat(),
        **more,
    }


# -- contracts behind a figure ------------------------------------------------------------------------------


def contracts_body(
    behind: Behind, as_of: AsOf, dates: dict[str, int], days: Days, page: Page, *, flows: bool
) -> Body:
    """One page of contracts, and totals of all of them: these are the gap figure at this cut.

    `dates`: the business dates' own place in the offset vector.
    """
    shown = behind.rows[page.start : page.start + page.limit]
    end = page.start + len(shown)
    known = [day for entity in {row.cell[0] for row in behind.rows} if (day := as_of.of(entity)) is not None]
    newest = max(known, default=as_of.explicit)
    return {
        "as_of": newest and newest.isoformat(),
        "offsets": behind.offsets | dates,
        "log": behind.logs,
        "bucket": days.bucket,
        "totals": _totals(behind.rows),
        "rows": [contract_row(row, flows=flows) for row in shown],
        "next": end if end < len(behind.rows) else None,
        "cursor": str(end) if end < len(behind.rows) else None,
    }


def contract_row(row: ContractSum, *, flows: bool) -> Body:
    members = dict(zip(CELL, row.cell, strict=True))
    currency = members["currency"]
    body: Body = members | {
        "contract_id": row.contract_id,
        "inflow": to_text(row.inflow_minor, currency),
        "outflow": to_text(row.outflow_minor, currency),
        "gap": to_text(row.inflow_minor - row.outflow_minor, currency),
        "flow_dates": row.flow_dates,
    }
    if flows:
        body["flows"] = [
            {"flow_date": flow.flow_date, "kind": flow.kind, "amount": to_text(flow.amount_minor, currency)}
            for flow in row.flows
        ]
    return body


def _totals(rows: Iterable[ContractSum]) -> list[Body]:
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        into = sums.setdefault((row.cell[0], row.cell[-1]), [0, 0, 0, 0])
        for place, value in enumerate((row.inflow_minor, row.outflow_minor, row.flow_dates, 1)):
            into[place] += value
    return [
        {
            "entity": entity,
            "currency": currency,
            "inflow": to_text(inflow, currency),
            "outflow": to_text(outflow, currency),
            "gap": to_text(inflow - outflow, currency),
            "contracts": flow_dates,
            "distinct_contracts": distinct,
        }
        for (entity, currency), (inflow, outflow, flow_dates, distinct) in sorted(sums.items())
    ]


# -- the flows of one contract ------------------------------------------------------------------------------


class Booked(NamedTuple):
    """An amount of the gap: what the fold makes of one contract."""

    day: int
    kind: str
    amount_minor: int
    currency: str


def flows_body(held: Held, as_of: date | None, dates: dict[str, int], days: Days, *, explained: bool) -> Body:
    """A contract's terms, record and flows; `days` narrows the flows, `explained` adds formulas and states.

    Flows of the past counted as paid have `in_gap` false, as have those before the business date is known.
    """
    terms, where = held.terms, held.log
    place = f"{where.topic}/{where.partition}"
    raw = actus_terms(terms)
    booked = booked_flows(terms)
    evaluation = None if terms.closed else evaluated(terms, raw, explain=explained)
    events = () if evaluation is None else evaluation.flows
    matched, others = match(events, booked)
    rows: list[tuple[int, int, Body]] = []
    for order, flow in enumerate(events):
        day = flow.event.instant // DAY_SECONDS
        row = _row(flow.currency, day, flow, matched.get(order), as_of)
        if explained and evaluation is not None:
            row["explanation"] = _explanation(evaluation.terms, flow)
        rows.append((day, order, row))
    rows += [(one.day, len(events), _row(one.currency, one.day, None, one, as_of)) for one in others]
    return {
        "entity": terms.entity,
        "contract_id": terms.contract_id,
        "organisation": terms.organisation,
        "business_line": terms.business_line,
        "product": terms.product,
        "currency": terms.currency,
        "side": terms.side,
        "closed": terms.closed,
        "as_of": as_of and as_of.isoformat(),
        "offsets": {place: held.offset} | dates,
        "log": {place: f"{where.cluster_id}/{where.topic_id}"},
        "record": {"topic": where.topic, "partition": where.partition, "offset": held.record_offset},
        "terms": raw,
        "flows": [row for day, _, row in sorted(rows, key=lambda item: item[:2]) if _asked(day, days)],
    }


def booked_flows(terms: ContractTerms) -> list[Booked]:
    """What enters the gap for a contract, by the fold itself: a state that holds nothing else."""
    state = GapState()
    state.replace([terms])
    ranges = ((FIRST_DAY, LAST_DAY), *UNSCHEDULED)
    found = state.contributions_of(None, ranges)
    return [Booked(day, kind, amount_minor, cell[-1]) for cell, (_, day, kind, amount_minor) in found]


def match(events: Sequence[Flow], booked: Sequence[Booked]) -> tuple[dict[int, Booked], list[Booked]]:
    """Which booked amount each event became, by its place in `events`; and the amounts without an event.

    Of one day the closest pairs belong together. They may differ by the rounding of every earlier flow: the last
    principal flow takes the difference (decision Q17).
    """
    tolerance = Decimal(len(events) + 1)
    by_day: dict[tuple[int, str], list[int]] = {}
    for order, flow in enumerate(events):
        if flow.payoff != 0.0:
            by_day.setdefault((flow.event.instant // DAY_SECONDS, flow.currency), []).append(order)
    pairs = []
    for place, one in enumerate(booked):
        for order in by_day.get((one.day, one.currency), ()):
            exact = Decimal(repr(events[order].payoff)).scaleb(exponent(one.currency))
            distance = abs(one.amount_minor - exact)
            if distance <= tolerance:
                pairs.append((distance, order, place))
    matched: dict[int, Booked] = {}
    used: set[int] = set()
    for _, order, place in sorted(pairs):
        if order not in matched and place not in used:
            matched[order] = booked[place]
            used.add(place)
    return matched, [one for place, one in enumerate(booked) if place not in used]


def _row(currency: str, day: int, flow: Flow | None, booked: Booked | None, as_of: date | None) -> Body:
    """`bucket` is of the business date, also for an event of which nothing is booked; a past day has none."""
    payoff = None if flow is None else number_text(flow.payoff)
    amount = None if booked is None else to_text(booked.amount_minor, currency)
    rounding = None
    if amount is not None and payoff is not None:
        rounding = format(Decimal(amount) - Decimal(payoff), "f")
    bucket = _bucket(day, as_of)
    return {
        "flow_date": flow_date(day),
        "event_type": None if flow is None else str(flow.event.kind),
        "payoff": payoff,
        "currency": currency,
        "kind": None if booked is None else booked.kind,
        "booked": amount,
        "rounding": rounding,
        "bucket": bucket,
        "in_gap": booked is not None and bucket is not None,
    }


def _bucket(day: int, as_of: date | None) -> str | None:
    if as_of is None:
        return None
    if day in (DEMAND_DAY, UNDATED_DAY):
        return BUCKETS[ON if day == DEMAND_DAY else UNDATED]
    place = int(bucket_index(np.array([day - day_number(as_of)], np.int64))[0])
    return None if place == OVERDUE else BUCKETS[place]


def _asked(day: int, days: Days) -> bool:
    if days.first is None and days.last is None:
        return True
    if day in (DEMAND_DAY, UNDATED_DAY):
        return False
    first = FIRST_DAY if days.first is None else day_number(days.first)
    last = LAST_DAY if days.last is None else day_number(days.last)
    return first <= day <= last


def _explanation(terms: Terms, flow: Flow) -> Body:
    why = explain(terms, flow)
    lines = [
        {
            "target": line.target,
            "formula": line.symbols,
            "numbers": line.numbers,
            "result": number_text(line.result),
            "source": line.source,
        }
        for line in why.lines
    ]
    return {"source": why.source, "formulas": lines, "before": dict(why.before), "after": dict(why.after)}
