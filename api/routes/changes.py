"""Why a position or a gap moved between two cuts. Thin: parse, read off the event loop, answer."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import changes, changes_models, figures
from api.auth import Ours, Reader
from api.changes import Ends
from api.moments import IsoInstant
from api.routes.figures import Member, Slow, json_response, member_filters, require_ready
from api.services import Services
from engines.primitives.errors import InvalidInput
from streams.change_reader import Figure
from streams.topics import BUSINESS_DATE
from streams.views import Filters

router = APIRouter(tags=["changes"])

Cut = Annotated[str | None, Query(description='a cut: {"topic/partition": next offset}', max_length=20_000)]
Instant = Annotated[IsoInstant | None, Query(description="an instant in place of a cut: what Kafka held then")]
Limit = Annotated[int, Query(ge=0, le=1_000, description="entries told by name; the others of a line are one part")]
Bucket = Annotated[str | None, Query(description="one time bucket, as D2_7; without it all that are cumulated")]
Cumulative = Annotated[bool, Query(description="the buckets up to that one, added up")]


@router.get("/positions/changes", responses={200: {"model": changes_models.AmountChanges}})
async def position_changes(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    from_offsets: Cut = None,
    from_time: Instant = None,
    to_offsets: Cut = None,
    to_time: Instant = None,
    entity: Member = None,
    organisation: Member = None,
    business_line: Member = None,
    product: Member = None,
    currency: Member = None,
    customer: Member = None,
    account: Member = None,
    limit: Limit = 100,
) -> Response:
    """Why the position (LIQ-01) moved between two cuts, by entity and currency; without a later cut up to now.

    Causes: ENTRY with the entry's id and place, ROLL (value dates that came with the business date), FX in converted
    totals. The parts add up to the move exactly; the cuts the other way round negate each of them.
    """
    filters = member_filters(
        reader,
        entity,
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
        customer=customer,
        account=account,
    )
    between = (from_offsets, from_time), (to_offsets, to_time)
    return await _changes("position", ours, slow, filters, between, (None, False), limit)


@router.get("/gap/changes", responses={200: {"model": changes_models.AmountChanges}})
async def gap_changes(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    from_offsets: Cut = None,
    from_time: Instant = None,
    to_offsets: Cut = None,
    to_time: Instant = None,
    entity: Member = None,
    organisation: Member = None,
    business_line: Member = None,
    product: Member = None,
    currency: Member = None,
    bucket: Bucket = None,
    cumulative: Cumulative = False,
    limit: Limit = 100,
) -> Response:
    """Why the liquidity gap (LIQ-08) moved between two cuts; lines are time buckets, entries contract records.

    TAG is what a record did by moving its contract to another organisation, business line or product.
    """
    filters = member_filters(
        reader,
        entity,
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
    )
    between = (from_offsets, from_time), (to_offsets, to_time)
    return await _changes("gap", ours, slow, filters, between, (bucket, cumulative), limit)


async def _changes(
    figure: Figure,
    ours: Services,
    slow: Slow,
    filters: Filters,
    between: tuple[Ends, Ends],
    buckets: tuple[str | None, bool],
    limit: int,
) -> Response:
    def work() -> bytes:
        before = changes.cut(ours, figure, between[0], "from")
        after = changes.cut(ours, figure, between[1], "to")
        if before is None:
            raise InvalidInput("the earlier cut is missing: from_offsets or from_time", field="from_offsets")
        published = changes.PUBLISHED[figure]
        if after is None:
            require_ready(ours)
            after = ours.live.read(lambda view: view.offsets(*published, BUSINESS_DATE))
            if between[0][1] is not None:  # of a quiet log the instant is at its end, where the view may not be yet
                before = {place: min(offset, after[place]) for place, offset in before.items() if place in after}
        found = changes.explained(ours, figure, (before, after), filters, buckets, limit)
        newest = max((one.as_of[1] for one in found), default=None)
        body: figures.Body = {
            "as_of": newest and newest.isoformat(),
            "offsets": after,
            "offsets_before": before,
            "log": ours.live.read(lambda view: view.logs(*published)),
            "rows": [changes.changes_row(one) for one in found],
        }
        asked = figures.Query(figures.PAIR, None, filters).canonical(f"{figure}/changes")
        asked |= {"before": before, "bucket": buckets[0], "cumulative": buckets[1], "limit": limit}
        return msgspec.json.encode(figures.with_provenance(body, ours, asked))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))
