"""Recovery cash as the API sends it: disposals, what they promise and brought, inputs of stress tests, why it moved.

Not for working it out: `streams.recovery_view`, `recovery_gap` and `recovery_changes` do that at one cut of the view.
"""

from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from api import figures
from api.calculations.texts import decimal_text, exact_text
from api.figures import Body, Query
from api.paging import next_place
from api.services import Services
from engines.buckets import BUCKETS
from engines.primitives.errors import Unavailable
from engines.primitives.money import to_text
from engines.recovery_inflows import ZERO
from engines.shock_families import SEVERITIES
from engines.shown_parts import shown_parts
from infra.recovery_policies import RecoveryPolicy
from projections.recovery_records import Disposal, DisposalId
from streams.recovery_changes import RecoveryLine, RecoveryMove, recovery_move
from streams.recovery_gap import BehaviouralRow, behavioural_gap, shown_minor, within
from streams.recovery_view import RecoveryRow, passes, rows_of
from streams.topics import AUDIT, BUSINESS_DATE, GAP
from streams.views import AsOf, GapRow, RiskView

#: Worked out once the view is free again: it holds a picture of one cut.
Later = Callable[[], Body]
By = Literal["case", "kind", "organisation", "entity"]
HORIZONS = (7, 30)  # of the standard runs (LIQ-33)
SUMMED = ("promised", "received", "outstanding", "overdue", "expected")
PROBABILITY_DIGITS = 6


def policy_of(services: Services) -> RecoveryPolicy:
    if services.recovery_policy is None:
        raise Unavailable("expected recoveries need their policy, and there is none here")
    return services.recovery_policy


class Page(NamedTuple):
    """Which rows of a list: so many from `start` on, in the order in which the disposals began."""

    start: int = 0
    limit: int = 500


def recoveries(
    view: RiskView, services: Services, query: Query, by: By, severity: str | None, *, closed: bool, page: Page
) -> Later:
    """Each disposal, page by page, or sums of all of them; closed ones only if asked for."""
    policy, as_of, picture = policy_of(services), view.as_of(query.as_of), view.recoveries.picture()
    offsets, logs = view.offsets(AUDIT, BUSINESS_DATE), view.logs(AUDIT)

    def body() -> Body:
        found = [
            row
            for row in rows_of(picture.disposals, policy, picture.dated(as_of), severity=severity)
            if passes(row.disposal, query.filters) and (closed or not row.disposal.is_closed)
        ]
        days, shown = {row.as_of for row in found}, found[page.start : page.start + page.limit]
        return {
            "as_of": max(days).isoformat() if days else query.as_of and query.as_of.isoformat(),
            "offsets": offsets,
            "log": logs,
            "by": by,
            "severity": severity,
            "policy": policy_body(policy, days),
            "total": len(found),
            "rows": [disposal_row(row) for row in shown] if by == "case" else totals(found, by),
            "cursor": next_place(page.start, len(shown), len(found)) if by == "case" else None,
        }

    return body


def gap(view: RiskView, services: Services, query: Query, name: str, severity: str | None) -> Later:
    """LIQ-08 with recoveries: `view` is behavioural, or stressed where a severity scales them."""
    policy, as_of, picture = policy_of(services), view.as_of(query.as_of), view.recoveries.picture()
    contractual, plain = view.gap(query.by, as_of, query.filters), figures.gap(view, query)
    offsets = view.offsets(GAP, AUDIT, BUSINESS_DATE)

    def body() -> Body:
        found = behavioural_gap(contractual, picture, policy, query.by, as_of, query.filters, severity=severity)
        dated = picture.dated(as_of)
        entities = {row.members[query.by.index("entity")] for row in found}
        days = {day for entity in entities if (day := dated.of(entity))}
        return plain | {
            "as_of": max(days).isoformat() if days else plain["as_of"],
            "offsets": offsets,
            "buckets": BUCKETS,
            "rows": [behavioural_row(query.by, row) for row in found],
            "view": name,
            "severity": severity,
            "policy": policy_body(policy, days),
        }

    return body


def stress_inputs(view: RiskView, services: Services, query: Query) -> Later:
    """What `tidemark calc stress` takes as `recoveries`: expected within 7 and 30 days, as it is and by severity."""
    policy, as_of, picture = policy_of(services), view.as_of(query.as_of), view.recoveries.picture()
    offsets, logs = view.offsets(AUDIT, BUSINESS_DATE), view.logs(AUDIT)

    def body() -> Body:
        rows, days = [], set[date]()
        for severity in (None, *SEVERITIES):
            found = [
                row
                for row in rows_of(picture.disposals, policy, picture.dated(as_of), severity=severity)
                if passes(row.disposal, query.filters)
            ]
            days |= {row.as_of for row in found}
            for horizon in HORIZONS:
                for (entity, currency), amount in sorted(within(found, horizon).items()):
                    where = {"entity": entity, "currency": currency, "horizon_days": horizon, "severity": severity}
                    rows.append(where | {"amount": to_text(shown_minor(amount), currency)})
        return {
            "as_of": max(days).isoformat() if days else query.as_of and query.as_of.isoformat(),
            "offsets": offsets,
            "log": logs,
            "policy": policy_body(policy, days),
            "rows": sorted(rows, key=lambda row: (row["entity"], row["currency"], row["horizon_days"])),
        }

    return body


def changes(view: RiskView, services: Services, query: Query, offsets: tuple[int, int], before: date | None) -> Later:
    """Why expected recoveries moved between two places in the log of decisions, event by event."""
    policy, as_of, picture = policy_of(services), view.as_of(query.as_of), view.recoveries.picture()
    logs = view.logs(AUDIT)

    def body() -> Body:
        later = picture.dated(as_of)
        earlier = later if before is None else AsOf(before, later.by_entity)
        moved = recovery_move(picture.moves, policy, offsets, (earlier, later), query.filters)
        return {
            "as_of": query.as_of and query.as_of.isoformat(),
            "offsets": {f"{AUDIT}/0": offsets[1]},
            "from_offsets": {f"{AUDIT}/0": offsets[0]},
            "log": logs,
            "policy": policy_body(policy, set()),
            "rows": [_moved_row(moved, pair) for pair in sorted({*moved.before, *moved.after})],
        }

    return body


def policy_body(policy: RecoveryPolicy, days: set[date]) -> Body:
    """The versions in force on the rows' dates; `in_force` is false before the first one's time."""
    used = [policy.in_force(day) for day in sorted(days)]
    return {
        "versions": list(dict.fromkeys(table.version for table, _ in used)),
        "in_force": all(in_force for _, in_force in used),
        "digest": policy.digest,
    }


# -- rows -------------------------------------------------------------------------------------------------


def disposal_row(row: RecoveryRow) -> Body:
    one, expected = row.disposal, row.expected
    outstanding, currency = one.outstanding, one.currency
    dues = [promise.due_on for promise in outstanding if promise.due_on is not None]
    amount = _expected(row)
    return {
        "kind": one.aggregate,
        "case": one.key,
        "entity": one.entity,
        "organisation": one.organisation,
        "currency": currency,
        "loans": list(one.loans),
        "stage": one.stage,
        "stage_on": one.stage_on.isoformat(),
        "opened_on": one.opened_on.isoformat(),
        "closed_on": one.closed_on and one.closed_on.isoformat(),
        "basis": one.basis,
        "promised": to_text(one.promised_minor, currency),
        "first_promised": to_text(one.first_minor, currency),
        "received": to_text(one.received_minor, currency),
        "outstanding": to_text(_outstanding(one), currency),
        "overdue": to_text(_overdue(row), currency),
        "stated": None if one.stated_minor is None else to_text(one.stated_minor, currency),
        # Positive: less came in than was promised first; told once nothing more is to come.
        "missed": to_text(one.first_minor - one.received_minor, currency) if one.is_closed else None,
        "first_due_on": one.first_due_on and one.first_due_on.isoformat(),
        "due_on": min(dues).isoformat() if dues else None,
        "days_late": _days_late(row),
        "probability": decimal_text(expected.probability, PROBABILITY_DIGITS) if expected else None,
        "counted": exact_text(expected.counted) if expected else None,
        "covered_by": [_name(covering) for covering in expected.covered_by] if expected else [],
        "expected": to_text(shown_minor(amount), currency),
        "expected_exact": exact_text(amount),
        "inflows": _inflows(row),
        "as_of": row.as_of.isoformat(),
    }


def totals(rows: Sequence[RecoveryRow], by: By) -> list[Body]:
    """Sums by entity, currency and the dimension asked for; expected cash is added up exactly and rounded once."""
    names = tuple(dict.fromkeys(("entity", "currency", by)))
    sums: dict[tuple[str, ...], dict[str, Fraction]] = {}
    for row in rows:
        one = row.disposal
        members = {"entity": one.entity, "currency": one.currency, "kind": one.aggregate}
        members["organisation"] = one.organisation
        into = sums.setdefault(tuple(members[name] for name in names), dict.fromkeys(("disposals", *SUMMED), ZERO))
        amounts: tuple[int | Fraction, ...] = (
            1,
            one.promised_minor,
            one.received_minor,
            _outstanding(one),
            _overdue(row),
            _expected(row),
        )
        for name, amount in zip(into, amounts, strict=True):
            into[name] += amount
    found = []
    for key, into in sorted(sums.items()):
        body: Body = dict(zip(names, key, strict=True))
        shown = {name: to_text(shown_minor(into[name]), body["currency"]) for name in SUMMED}
        found.append({**body, "disposals": int(into["disposals"]), **shown})
    return found


def behavioural_row(by: tuple[str, ...], row: BehaviouralRow) -> Body:
    whole = GapRow(row.members, row.bucket, row.inflow_minor, row.outflow_minor, row.cumulative_minor, row.contracts)
    body = figures.gap_row(by, whole)
    return body | {"recoveries": to_text(row.recoveries_minor, body["currency"])}


def _moved_row(moved: RecoveryMove, pair: tuple[str, str]) -> Body:
    entity, currency = pair
    before, after = moved.before.get(pair, ZERO), moved.after.get(pair, ZERO)
    lines = [line for line in moved.lines if (line.disposal.entity, line.disposal.currency) == pair]
    # What is shown adds up to the difference of what is shown at both ends.
    change = Fraction(shown_minor(after) - shown_minor(before))
    shown = shown_parts([line.expected for line in lines], change, 0)
    return {
        "entity": entity,
        "currency": currency,
        "before": to_text(shown_minor(before), currency),
        "after": to_text(shown_minor(after), currency),
        "residual": exact_text(after - before - sum((line.expected for line in lines), ZERO)),
        "parts": [_line_row(line, int(part), currency) for line, part in zip(lines, shown, strict=True)],
    }


def _line_row(line: RecoveryLine, expected_minor: int, currency: str) -> Body:
    move = line.move
    return {
        "cause": line.cause,
        "disposal": _name(line.disposal.id),
        "event": None
        if move is None
        else {
            "id": move.event_id,
            "type": move.type,
            "aggregate": move.aggregate,
            "key": move.key,
            "valid_on": move.valid_on.isoformat(),
            "recorded_at": move.recorded_at,
            "position": move.position,
            "offset": move.offset,
        },
        "received": to_text(line.received_minor, currency),
        "expected": to_text(expected_minor, currency),
        "difference": to_text(line.received_minor + expected_minor, currency),
        "difference_exact": exact_text(line.difference),
        "closes": move is not None and line.disposal.is_closed,
    }


def _outstanding(one: Disposal) -> int:
    return sum(promise.amount_minor for promise in one.outstanding)


def _overdue(row: RecoveryRow) -> int:
    """Of what is outstanding, what was due before the business date."""
    outstanding = row.disposal.outstanding
    return sum(promise.amount_minor for promise in outstanding if promise.due_on and promise.due_on < row.as_of)


def _expected(row: RecoveryRow) -> Fraction:
    return row.expected.amount if row.expected else ZERO


def _inflows(row: RecoveryRow) -> list[dict[str, Any]]:
    if row.expected is None or not row.expected.inflows:
        return []
    parts = [inflow.amount for inflow in row.expected.inflows]
    shown = shown_parts(parts, Fraction(shown_minor(sum(parts, ZERO))), 0)
    return [
        {"on": date.fromordinal(inflow.day).isoformat(), "amount": to_text(int(part), row.disposal.currency)}
        for inflow, part in zip(row.expected.inflows, shown, strict=True)
    ]


def _days_late(row: RecoveryRow) -> int:
    """Of an open one: the earliest unpaid promise. Of a closed one: its end against its first promise."""
    if row.expected is not None:
        return row.expected.days_late
    one = row.disposal
    if one.closed_on is None or one.first_due_on is None:
        return 0
    return max(0, (one.closed_on - one.first_due_on).days)


def _name(one: DisposalId) -> str:
    return "/".join(one)
