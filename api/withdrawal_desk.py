"""The desk of large withdrawals: every reservation as one task, with what it does to the position (LIQ-03, LIQ-61).

It decides nothing: rules are `aggregates.withdrawal_reservation`'s, figures the live view's and the engines'. Not for
commands (`api.withdrawal_desk_acts`), nor for the days ahead (`api.withdrawal_desk_forecast`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from aggregates.envelope import Principal
from aggregates.withdrawal_reservation import ROWS
from aggregates.withdrawal_reservation_rules import (
    BRANCH_ROLES,
    MAKERS,
    STAGE_BY_STATUS,
    STATUS_BY_STAGE,
    TREASURY_ROLES,
)
from api import ratios
from api.auth import permitted
from api.figures import PAIR, Query
from api.services import Services
from engines.exact_ratio import half_up
from engines.large_flow_decision import decide
from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from engines.primitives.money import to_minor, to_text
from infra.withdrawal_policies import WithdrawalPolicies, WithdrawalPolicy
from streams.announced_reservations import Announced, Announcements
from streams.topics import ALERT, BUSINESS_DATE, POSITION, RESERVATION_TOTAL
from streams.views import RATIO_TOPICS, Filters, RiskView
from streams.views_cells import Pair
from streams.views_ratios import positions
from streams.withdrawal_decision import RESERVED_BY, Standing, standings

RESERVATION = "WithdrawalReservation"
FORECAST_TOPICS = (ALERT, RESERVATION_TOTAL, BUSINESS_DATE)
Body = dict[str, Any]
OPEN_STATES = ("DRAFT", "SUBMITTED", "BRANCH_OK", "TREASURY_OK", "PARTIAL")
ROLES_BY_LEVEL = {"BRANCH": frozenset(BRANCH_ROLES.split()), "TREASURY": frozenset(TREASURY_ROLES.split())}
#: What those who announce may do with a task, as the aggregate's own table has it.
MAKERS_ACTS = {row.command.lower(): row for row in ROWS if row.command in ("Submit", "Amend", "Cancel")}


@dataclass(frozen=True, slots=True)
class WithdrawalDesk:
    """What the desk needs beside the live view and the aggregates."""

    policies: WithdrawalPolicies
    announced: Announcements


class Cut(NamedTuple):
    """Of the live view, all at once."""

    offsets: Mapping[str, int]
    log: Mapping[str, str]
    days: Mapping[str, date]
    standing: Mapping[Pair, Standing]
    reason: str  # why the available position is not known anywhere, else empty
    projected: Mapping[tuple[str, ...], tuple[int, int]]  # projected end of day and reserved, by RESERVED_BY


def desk_of(ours: Services) -> WithdrawalDesk:
    if ours.withdrawal_desk is None:
        raise Unavailable("this server keeps no withdrawal desk")
    return ours.withdrawal_desk


def policy_on(ours: Services, entity: str) -> WithdrawalPolicy:
    return desk_of(ours).policies.in_force(ours.assets.bank_day(entity, ours.clock()))


# -- tasks -----------------------------------------------------------------------------------------------


def tasks(ours: Services, reader: Principal, entity: str | None = None) -> list[Body]:
    """Every reservation that the reader may see, the desk's and the channels'; earliest value date first."""
    allowed = permitted(reader, entity)
    held = {(one["entity"], one["reservation_no"]): one for one in _cases(ours, reader, entity)}
    rows = [of_case(one, reader) for one in held.values()]
    for key, one in desk_of(ours).announced().items():
        if key not in held and (allowed is None or key[0] in allowed):
            rows.append(of_channel(ours, one, reader))
    return sorted(rows, key=lambda row: (row["value_date"], row["entity"], row["reservation_no"]))


def task(ours: Services, reader: Principal, number: str) -> Body:
    """Raises NotFound, also for another entity's."""
    try:
        return of_case(ours.assets.state(RESERVATION, number, reader=reader), reader)
    except NotFound:
        return of_channel(ours, announced(ours, reader, number), reader)


def announced(ours: Services, reader: Principal, number: str) -> Announced:
    allowed = permitted(reader, None)
    for (entity, res_id), one in desk_of(ours).announced().items():
        if res_id == number and (allowed is None or entity in allowed):
            return one
    raise NotFound(f"no reservation {number!r:.80}", key=number)


def _cases(ours: Services, reader: Principal, entity: str | None) -> Iterable[Mapping[str, Any]]:
    return ours.assets.list_cases(RESERVATION, reader=reader, entity=entity)


def of_case(state: Mapping[str, Any], reader: Principal) -> Body:
    left = state["levels_left"] if state["is_graded"] and state["state"] in ("SUBMITTED", "BRANCH_OK") else []
    people = {*state.get("makers", ()), *state.get("approvers", ())}
    return _row(state, reader, left, people) | {
        "seen": str(state["task_version"]),
        "source": "desk" if state["channel"] == "DESK" else "channel",
        "revision": state["revision"],
        "approvals": state["approvals"],
        "legs": state["legs"],
        "proof_needed": bool(state.get("proof_needed")),
        "requester": next(iter(state.get("makers", ())), None),
    }


def of_channel(ours: Services, one: Announced, reader: Principal) -> Body:
    """A record of a channel that nobody here has touched yet, as the case it would become."""
    record = one.record
    level = policy_on(ours, record.entity_id).level(record.ccy, to_minor(record.amount, record.ccy))
    amount, executed = to_minor(record.amount, record.ccy), to_minor(record.executed_amount, record.ccy)
    counts = record.status in ("approved", "partial")
    state = {
        "reservation_no": record.res_id,
        "entity": record.entity_id,
        "ccy": record.ccy,
        "customer_no": record.customer_id,
        "account_id": record.account_id,
        "organisation": record.org_id,
        "amount": record.amount,
        "executed": record.executed_amount,
        "outstanding": to_text(max(0, amount - executed) if counts else 0, record.ccy),
        "value_date": record.value_date,
        "purpose": record.purpose,
        "channel": record.channel,
        "state": STAGE_BY_STATUS[record.status.upper()],
        "delegated_to": None,
        "levels": list(level.approvals),
    }
    left = list(level.approvals) if record.status == "submitted" else []
    return _row(state, reader, left, set()) | {
        "seen": one.seen,
        "source": "channel",
        "revision": 0,
        "approvals": [],
        "legs": [],
        "proof_needed": level.proof,
        "requester": None,
    }


def _row(state: Mapping[str, Any], reader: Principal, left: list[str], people: set[str]) -> Body:
    needs = left[0] if left else None
    names = ("reservation_no", "entity", "ccy", "customer_no", "account_id", "organisation", "amount", "executed")
    more = ("outstanding", "value_date", "purpose", "channel", "state", "delegated_to", "levels")
    mine = (
        needs is not None
        and reader.actor not in people
        and bool(ROLES_BY_LEVEL[needs] & {*reader.roles})
        and state["delegated_to"] in (None, reader.actor)
    )
    return {name: state[name] for name in (*names, *more)} | {
        "status": STATUS_BY_STAGE[state["state"]],
        "is_open": state["state"] in OPEN_STATES,
        "needs": needs,
        "mine": mine,
        "may": [
            name
            for name, act in MAKERS_ACTS.items()
            if state["state"] in act.stages and not {*act.roles}.isdisjoint(reader.roles)
        ],
    }


def may_announce(reader: Principal) -> bool:
    return not {*MAKERS.split()}.isdisjoint(reader.roles)


# -- what a withdrawal does to the position ----------------------------------------------------------------


def cut_of(view: RiskView, ours: Services, filters: Filters) -> Cut:
    as_of = view.as_of(None)
    entities = {name: allowed for name, allowed in filters.items() if name == "entity"}
    known: Mapping[Pair, Standing] = {}
    reason = ""
    try:
        work = ratios.worked(view, ours, Query(PAIR, None, entities))
        known = standings(positions(work.by_pair, work.policy, work.days))
    except Unavailable:
        reason = "no-mapping"
    except InvalidInput:
        reason = "no-mapping-in-force"
    projected = {}
    for row in view.positions(RESERVED_BY, as_of, entities):
        reserved = row.reserved_minor or 0
        projected[row.members] = (
            row.settled_minor + row.pending_in_minor - row.pending_out_minor - reserved,
            reserved,
        )
    topics = dict.fromkeys((POSITION, RESERVATION_TOTAL, BUSINESS_DATE, *(RATIO_TOPICS if known else ())))
    days = {entity: day for entity, day in as_of.by_entity.items()}
    return Cut(view.offsets(*topics), view.logs(*topics), days, known, reason, projected)


def impact(cut: Cut, row: Mapping[str, Any]) -> Body:
    """Available position (LIQ-07) and the branch's projected end of day with and without this withdrawal, and what
    LIQ-02 says of it once it is approved.

    What is approved and due is in the projected figure already: it is taken out of `before`.
    """
    currency = row["ccy"]
    full = to_minor(row["amount"], currency) - to_minor(row["executed"], currency)
    amount = max(0, full)
    day = cut.days.get(row["entity"])
    counted = to_minor(row["outstanding"], currency) if day and row["value_date"] <= day.isoformat() else 0
    body: Body = {"amount": to_text(amount, currency)}
    projected = cut.projected.get((row["entity"], row["organisation"], currency))
    if projected is not None:
        before = projected[0] + counted
        body |= {
            "projected_eod_before": to_text(before, currency),
            "projected_eod_after": to_text(before - amount, currency),
        }
    standing = cut.standing.get((row["entity"], currency))
    if standing is None or not amount:
        return body | {"decision_reason": cut.reason or ("no-available-position" if amount else "nothing-to-leave")}
    verdict = decide(
        "customer_cash",
        Fraction(amount),
        standing.available_minor,
        Fraction(standing.floor_minor),
        has_approved_reservation=True,
    )
    return body | {
        "available_before": _text(standing.available_minor, currency),
        "available_after": _text(verdict.post, currency),
        "floor": to_text(standing.floor_minor, currency),
        "floor_is_set": standing.floor_is_set,
        "shortfall": _text(verdict.shortfall, currency),
        "decision": verdict.decision,
        "actions": list(verdict.actions),
        "decision_reason": verdict.reason,
    }


def _text(minor: Fraction, currency: str) -> str:
    return to_text(half_up(minor.numerator, minor.denominator), currency)
