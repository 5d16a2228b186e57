"""Who can break us now. Thin: parse, ask off the event loop, answer."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import figures, reverse_stress_models
from api.auth import Ours, Reader
from api.reverse_stress import who_can_break
from api.routes.figures import Member, Slow, json_response, member_filters, require_ready

router = APIRouter(tags=["ratios"])
Limit = Annotated[int, Query(ge=0, le=1_000, description="depositors told by name for each limit")]


@router.get("/reverse-stress", responses={200: {"model": reverse_stress_models.ReverseStress}})
async def reverse_stress(
    *, reader: Reader, ours: Ours, slow: Slow, entity: Member = None, currency: Member = None, limit: Limit = 20
) -> Response:
    """For each limit on LCR and NSFR, and for the available position: the fewest depositors whose leaving breaks it.

    Live: deposits and ratios are of one cut. A depositor is a customer of an entity; without a filter also the group
    is asked. Who leaves takes the deposits in cash, and nothing else moves (LIQ-34).
    """
    filters = member_filters(reader, entity, currency=currency)
    query = figures.Query(figures.PAIR, None, filters)

    def work() -> bytes:
        require_ready(ours)
        body = who_can_break(ours, query, limit)
        return msgspec.json.encode(
            figures.with_provenance(body, ours, query.canonical("reverse-stress") | {"limit": limit})
        )

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))
