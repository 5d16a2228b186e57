"""Limits that are at work, and the recorded cuts they were judged on (LIQ-36)."""

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import alert_bodies, audit_models, figures, past, past_models
from api.auth import Ours, Reader, permitted
from api.paging import paged
from api.routes.figures import At, AtOffsets, Slow, json_response, require_ready
from engines.primitives.errors import Unavailable
from streams.cut_reader import PlacedCut
from streams.views import RiskView

router = APIRouter(tags=["limits"])


@router.get("/limits", responses={200: {"model": past_models.Limits}})
async def limits(
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Every limit whose light is not green, by the newest alert of each limit and figure; the worst first.

    `breach_no` and `plan_no` are the numbers under which the incident's case and plan stand, once there are any.
    """
    entities = permitted(reader, entity)

    filters = {} if entities is None else {"entity": entities}
    query = figures.Query((), None, filters, figures.offset_vector(at_offsets), at)

    def ask(view: RiskView) -> tuple[figures.Body, figures.MadeOf]:
        return alert_bodies.limits(view, query), figures.made_of(view, query)

    def work() -> bytes:
        if query.is_past:
            body, made = ask(past.replayed(ours, query, "limits").view)
        else:
            require_ready(ours)
            body, made = ours.live.read(ask)
        return msgspec.json.encode(figures.with_provenance(body, ours, query.canonical("limits"), made))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow if query.is_past else None))


@router.get("/cuts", responses={200: {"model": audit_models.Cuts}})
async def cuts(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 20,
    cursor: Annotated[int | None, Query(ge=0, lt=2**63, description="`cursor` of the page before")] = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63, deprecated=True, description="now `cursor`")] = None,
) -> Response:
    """Recorded cuts, newest first: what changed in each, with the offset vector it was taken at."""
    entities = permitted(reader, None)

    def work() -> Any:
        if ours.recent_cuts is None:
            raise Unavailable("no cuts are recorded here")
        found = ours.recent_cuts(before if cursor is None else cursor, limit)
        more = bool(found) and len(found) == limit and found[-1].offset > 0
        return {"cuts": [_cut(one, entities) for one in found], "cursor": found[-1].offset if more else None}

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


def _cut(placed: PlacedCut, entities: frozenset[str] | None) -> dict[str, Any]:
    """Without what belongs to entities that this reader may not see; the group is of all of them."""
    shown: dict[str, Any] = msgspec.to_builtins(placed.cut)
    for name in ("totals", "gone", "flows", "assets"):
        rows = shown.get(name, [])
        shown[name] = [one for one in rows if entities is None or one["entity"] in entities]
    return {"offset": placed.offset} | shown
