"""Positions, gaps and withdrawals. Thin: parse, ask the view off the event loop, answer."""

from collections.abc import Callable
from typing import Annotated, Literal

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from aggregates.envelope import Principal
from api import figures, models, past, recoveries, withdrawal_decisions
from api.auth import Ours, Reader, permitted
from api.figures import Body
from api.moments import IsoDay, IsoInstant
from api.services import Replayed, Services
from engines.primitives.errors import InvalidInput, Unavailable
from engines.shock_families import Severity
from streams.views import RATIO_TOPICS, Filters, RiskView

router = APIRouter(tags=["figures"])

By = Annotated[str | None, Query(description=f"any of {', '.join(figures.DIMENSIONS)}, comma-separated")]
AsOf = Annotated[IsoDay | None, Query(description="business date; default: each entity's own")]
Member = Annotated[str | None, Query(max_length=200)]
AtOffsets = Annotated[
    str | None, Query(description='a past cut: {"topic/partition": next offset}', max_length=20_000)
]
At = Annotated[
    IsoInstant | None,
    Query(description="an instant with its offset from UTC: as of the records that the logs had taken before it"),
]


def slow_threads(request: Request) -> anyio.CapacityLimiter:
    """Few at a time: a replay or a walk through snapshots keeps a core busy, and live figures go first."""
    found = request.app.state.slow_threads
    assert isinstance(found, anyio.CapacityLimiter)  # noqa: S101 - set once by create_app
    return found


Slow = Annotated[anyio.CapacityLimiter, Depends(slow_threads)]
GapView = Literal["contractual", "behavioural", "stressed"]
GAP_DIMENSIONS = ("entity", "organisation", "business_line", "product", "currency")


@router.get("/positions", responses={200: {"model": models.Positions}})
async def positions(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    as_of: AsOf = None,
    entity: Member = None,
    organisation: Member = None,
    business_line: Member = None,
    product: Member = None,
    currency: Member = None,
    customer: Member = None,
    account: Member = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Live position and projected end of day (LIQ-01): settled amounts with value date up to `as_of`.

    `projected_eod` = position + pending_in - pending_out - reserved. Reservations carry no business line,
    product, customer or account: along those `reserved` and `projected_eod` are absent.
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
    dimensions = figures.dimensions(by, figures.POSITIONS_BY)
    query = figures.Query(dimensions, as_of, filters, figures.offset_vector(at_offsets), at)

    def ask(view: RiskView, replayed: Replayed | None) -> Body:
        accounts = ours.account_source if replayed is None else replayed.accounts
        return figures.positions(view, ours, query, accounts)

    return await _answer(ours, query, "positions", ask, slow)


@router.get("/positions/by-date", responses={200: {"model": models.PositionsByDate}})
async def positions_by_date(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Member = None,
    currency: Member = None,
    organisation: Member = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Closing position of every value date, per entity and currency."""
    filters = member_filters(reader, entity, currency=currency, organisation=organisation)
    query = figures.Query(figures.PAIR, None, filters, figures.offset_vector(at_offsets), at)
    return await _answer(
        ours, query, "positions-by-date", lambda view, _: figures.positions_by_date(view, filters), slow
    )


@router.get("/gap", responses={200: {"model": models.Gap}})
async def gap(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    as_of: AsOf = None,
    entity: Member = None,
    organisation: Member = None,
    business_line: Member = None,
    product: Member = None,
    currency: Member = None,
    at_offsets: AtOffsets = None,
    at: At = None,
    view: Annotated[
        GapView, Query(description="contractual; or with expected recoveries, as they are or in a stress")
    ] = "contractual",
    severity: Annotated[Severity | None, Query(description="of the stressed view")] = None,
) -> Response:
    """Liquidity gap by time bucket (LIQ-08): inflow - outflow, cumulated from overnight on.

    `contracts` counts a contract once for each of its flow dates. The behavioural and the stressed view add the
    expected cash of disposals (`recoveries`, part of the inflow); they apply no other behaviour.
    """
    if (view == "stressed") != (severity is not None):
        raise InvalidInput("the stressed view, and no other, wants a severity", field="severity")
    filters = member_filters(
        reader,
        entity,
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
    )
    dimensions = figures.dimensions(by, figures.PAIR, GAP_DIMENSIONS)
    query = figures.Query(dimensions, as_of, filters, figures.offset_vector(at_offsets), at)
    if view == "contractual":
        return await _answer(ours, query, "gap", lambda risk, _: figures.gap(risk, query), slow)
    name = f"gap/{severity or view}/{recoveries.policy_of(ours).digest}"
    return await _answer(ours, query, name, lambda risk, _: recoveries.gap(risk, ours, query, view, severity), slow)


@router.get("/withdrawals", responses={200: {"model": models.Withdrawals}})
async def withdrawals(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Member = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Customers whose outflows came near or above the rolling threshold, and the day's reservations (LIQ-02).

    Each with its decision at the available position (LIQ-07) of the same cut. Outflows above the threshold have left
    already: theirs says what is to be done about the position.
    """
    filters = member_filters(reader, entity)
    query = figures.Query(("entity",), None, filters, figures.offset_vector(at_offsets), at)
    return await _answer(
        ours, query, "withdrawals", lambda view, _: withdrawal_decisions.withdrawals(view, ours, query), slow
    )


async def _answer(
    ours: Services,
    query: figures.Query,
    name: str,
    ask: Callable[[RiskView, Replayed | None], Body | recoveries.Later],
    slow: anyio.CapacityLimiter | None = None,
) -> Response:
    def work() -> bytes:
        apart = (*withdrawal_decisions.TOPICS, *RATIO_TOPICS) if name == "withdrawals" else ()

        def both(view: RiskView, replayed: Replayed | None) -> tuple[Body | recoveries.Later, figures.MadeOf]:
            return ask(view, replayed), figures.made_of(view, query, *apart)

        if not query.is_past:
            require_ready(ours)
            found, made = ours.live.read(lambda view: both(view, None))
        else:
            replayed = past.replayed(ours, query, name)
            found, made = both(replayed.view, replayed)
        body = found() if callable(found) else found  # what takes long waits until the view is free again
        return msgspec.json.encode(figures.with_provenance(body, ours, query.canonical(name), made))

    limiter = slow if query.by_account or query.is_past else None
    return json_response(await anyio.to_thread.run_sync(work, limiter=limiter))


def require_ready(ours: Services) -> None:
    """Raises Unavailable while the view reads its topics: a part of the log would look like a figure."""
    status = ours.live.status
    if not status.ready:
        raise Unavailable(status.reason, records_behind=status.records_behind)


def json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


def accepted(content: bytes, address: str) -> Response:
    """202: a job was begun, and `Location` is where it says how far it is."""
    answer = json_response(content)
    answer.status_code, answer.headers["Location"] = 202, address
    return answer


def member_filters(reader: Principal, entity: str | None, **members: str | None) -> Filters:
    """The members asked for, with the entities that the reader may see."""
    filters = {name: frozenset({member}) for name, member in members.items() if member is not None}
    entities = permitted(reader, entity)
    return filters if entities is None else filters | {"entity": entities}
