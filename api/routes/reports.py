"""Reports of one cut: the daily pack of assets and liabilities. Thin: parse, ask the view, answer."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import figures, past_models, reports
from api.auth import Ours, Reader
from api.figures import Body
from api.routes.figures import AsOf, AtOffsets, Member, Slow, json_response, member_filters, require_ready
from engines.primitives.errors import Unavailable

router = APIRouter(prefix="/reports", tags=["reports"])
Before = Annotated[str | None, Query(description="offsets of an earlier report to compare with", max_length=20_000)]


@router.get("/daily", responses={200: {"model": past_models.DailyReport}})
async def daily(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
    compared_with: Before = None,
) -> Response:
    """Positions, gap, ratios, liquid assets and four positions of one cut (LIQ-41, LIQ-51).

    `compared_with` is the `offsets` of an earlier report: each ratio is shown beside what it was then.
    """
    query = figures.Query(figures.PAIR, as_of, member_filters(reader, entity), figures.offset_vector(at_offsets))
    before = figures.offset_vector(compared_with, "compared_with")

    def work() -> bytes:
        body = _report(query)
        if before is not None:
            body["moved"] = reports.moved(body, _report(figures.Query(query.by, None, query.filters, before)))
        return msgspec.json.encode(figures.with_provenance(body, ours, query.canonical("reports/daily")))

    def _report(asked: figures.Query) -> Body:
        if asked.at_offsets is None:
            require_ready(ours)
            return ours.live.read(lambda view: reports.daily(view, ours, asked))
        if ours.replay is None:
            raise Unavailable("figures at a past cut need the replay, and there is none here")
        return reports.daily(ours.replay(asked.at_offsets).view, ours, asked)

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))
