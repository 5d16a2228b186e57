"""Limits that are at work, and the recorded cuts they were judged on (LIQ-36)."""

from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import models
from api.auth import Ours, Reader, permitted
from api.routes.figures import Slow, json_response, require_ready
from engines.primitives.errors import Unavailable
from projections.limit_cuts import WITHDRAWAL
from streams.cut_reader import PlacedCut
from streams.limit_responses import breach_no, plan_no
from streams.schemas import LimitFacts
from streams.topics import ALERT, CUT
from streams.views import RiskView
from streams.views_wire import CUT_LANE, Alert

router = APIRouter(tags=["limits"])


@router.get("/limits", responses={200: {"model": models.Rows}})
async def limits(
    reader: Reader,
    ours: Ours,
    entity: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Every limit whose light is not green, by the newest alert of each limit and figure; the worst first.

    `breach_no` and `plan_no` are the numbers under which the incident's case and plan stand, once there are any.
    """
    entities = permitted(reader, entity)

    def ask(view: RiskView) -> dict[str, Any]:
        held = view.alert_book.partitions.get(CUT_LANE)
        told = [(alert, alert.limit) for alert in (held.alerts if held else []) if alert.limit is not None]
        newest = {
            (facts.limit_id, facts.metric, facts.scope, alert.entity, alert.currency): (alert, facts)
            for alert, facts in told
            if facts.metric != WITHDRAWAL
        }
        rows = [
            row(alert, facts)
            for alert, facts in newest.values()
            if alert.kind != "cleared" and (entities is None or alert.entity in entities)
        ]
        cuts = {place: offset for place, offset in view.offsets(ALERT).items() if CUT in place}
        return {"offsets": cuts, "rows": sorted(rows, key=lambda one: (one["light"] != "red", one["limit_id"]))}

    def work() -> bytes:
        require_ready(ours)
        return msgspec.json.encode(ours.live.read(ask))

    return json_response(await anyio.to_thread.run_sync(work))


@router.get("/cuts")
async def cuts(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 20,
    before: Annotated[int | None, Query(ge=0, lt=2**63, description="`cursor` of the page before")] = None,
) -> Response:
    """Recorded cuts, newest first: what changed in each, with the offset vector it was taken at."""
    entities = permitted(reader, None)

    def work() -> bytes:
        if ours.recent_cuts is None:
            raise Unavailable("no cuts are recorded here")
        found = ours.recent_cuts(before, limit)
        more = bool(found) and len(found) == limit and found[-1].offset > 0
        body = {"cuts": [_cut(one, entities) for one in found], "cursor": found[-1].offset if more else None}
        return msgspec.json.encode(body)

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def row(alert: Alert, facts: LimitFacts) -> Mapping[str, Any]:
    """One incident as it stands."""
    return {
        "limit_id": facts.limit_id,
        "metric": facts.metric,
        "scope": facts.scope,
        "entity": alert.entity,
        "currency": alert.currency,
        "light": facts.light,
        "value": facts.value,
        "minimum": facts.minimum,
        "maximum": facts.maximum,
        "headroom": facts.headroom,
        "as_of": facts.as_of,
        "cut": facts.cut,
        "alert_id": alert.alert_id,
        "incident": facts.incident,
        "breach_no": breach_no(facts),
        "plan_no": plan_no(facts),
        "reason": alert.reason,
    }


def _cut(placed: PlacedCut, entities: frozenset[str] | None) -> dict[str, Any]:
    """Without what belongs to entities that this reader may not see; the group is of all of them."""
    shown: dict[str, Any] = msgspec.to_builtins(placed.cut)
    for name in ("totals", "gone", "flows", "assets"):
        rows = shown.get(name, [])
        shown[name] = [one for one in rows if entities is None or one["entity"] in entities]
    return {"offset": placed.offset} | shown
