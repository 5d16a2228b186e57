"""Expected and received cash of disposals. Thin: parse, ask the view off the event loop, answer."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import figures, recoveries, recovery_models
from api.auth import Ours, Reader
from api.moments import IsoDay
from api.paging import Cursor, linked, place_of
from api.routes.figures import AsOf, AtOffsets, Member, Slow, json_response, member_filters, require_ready
from api.services import Services
from engines.primitives.errors import InvalidInput, Unavailable
from streams.topics import AUDIT
from streams.views import RiskView

router = APIRouter(tags=["recoveries"])
SeverityName = Annotated[
    Literal["mild", "moderate", "severe"] | None, Query(description="scale the probabilities as in this stress")
]
Cut = Annotated[str, Query(description='an earlier answer\'s "offsets"', max_length=20_000)]
LaterCut = Annotated[str | None, Query(description="a later cut, of the same form; default: now", max_length=20_000)]
PLACE = f"{AUDIT}/0"


@router.get("/recoveries", responses={200: {"model": recovery_models.Recoveries}})
async def all_recoveries(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: Annotated[recoveries.By, Query(description="one row each, or sums")] = "case",
    entity: Member = None,
    organisation: Member = None,
    currency: Member = None,
    kind: Annotated[str | None, Query(max_length=200, description="aggregate, as LitigationCase")] = None,
    case: Annotated[str | None, Query(max_length=200, description="key of one disposal")] = None,
    closed: Annotated[bool, Query(description="closed disposals, too")] = False,
    severity: SeverityName = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=5_000, description="rows at most; sums are of all")] = 500,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
) -> Response:
    """Each open disposal: promised, received, outstanding, probability, and what is expected of it and when.

    Disposals of the same loan note do not add up: `counted` is the share that no more certain one counts. Give
    `offsets` back as `at_offsets` for the further pages of one cut.
    """
    filters = member_filters(reader, entity, organisation=organisation, currency=currency, kind=kind, case=case)
    query = figures.Query((by,), as_of, filters, figures.offset_vector(at_offsets))
    page, wanted = recoveries.Page(place_of(cursor, 0), limit), closed or case is not None
    asked = {"severity": severity, "closed": wanted, "page": page}

    def ask(view: RiskView) -> recoveries.Later:
        return recoveries.recoveries(view, ours, query, by, severity, closed=wanted, page=page)

    return await answer(request, ours, query, "recoveries", asked, ask, slow)


@router.get("/recoveries/stress", responses={200: {"model": recovery_models.StressInputs}})
async def stress_inputs(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Member = None,
    currency: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
) -> Response:
    """Recoveries within 7 and 30 days, as expected and by severity: the `recoveries` of the stress test (LIQ-33)."""
    filters = member_filters(reader, entity, currency=currency)
    query = figures.Query(figures.PAIR, as_of, filters, figures.offset_vector(at_offsets))
    return await answer(
        request, ours, query, "recoveries/stress", {}, lambda view: recoveries.stress_inputs(view, ours, query), slow
    )


@router.get("/recoveries/changes", responses={200: {"model": recovery_models.RecoveryChanges}})
async def changes(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    from_offsets: Cut,
    to_offsets: LaterCut = None,
    entity: Member = None,
    currency: Member = None,
    from_as_of: Annotated[IsoDay | None, Query(description="business date at the earlier cut")] = None,
    as_of: AsOf = None,
) -> Response:
    """Why expected recoveries moved between two cuts: each decision by name, and the business date. No residual."""
    filters = member_filters(reader, entity, currency=currency)
    query = figures.Query(figures.PAIR, as_of, filters)
    first, last = _place(from_offsets, "from_offsets"), _place(to_offsets, "to_offsets")
    asked = {"from": first, "from_as_of": from_as_of and from_as_of.isoformat()}

    def ask(view: RiskView) -> recoveries.Later:
        end = view.recoveries.next_offset
        upto = end if last is None else last
        if not (first or 0) <= upto <= end:
            raise InvalidInput(f"want from <= to <= {end}", field="to_offsets", record=PLACE)
        return recoveries.changes(view, ours, query, (first or 0, upto), from_as_of)

    return await answer(request, ours, query, "recoveries/changes", asked, ask, slow)


def _place(text: str | None, name: str) -> int | None:
    """The offset of the decision log in a vector; 0, before all decisions, where the vector has none."""
    vector = figures.offset_vector(text, name)
    return None if vector is None else vector.get(PLACE, 0)


async def answer(
    request: Request,
    ours: Services,
    query: figures.Query,
    name: str,
    asked: dict[str, Any],
    ask: Callable[[RiskView], recoveries.Later],
    slow: anyio.CapacityLimiter,
) -> Response:
    """The body with its provenance, at the live cut or replayed at a past one."""

    def work() -> tuple[bytes, str | None]:
        if query.at_offsets is None:
            require_ready(ours)
            body = ours.live.read(ask)()
        else:
            if ours.replay is None:
                raise Unavailable("figures at a past cut need the replay, and there is none here")
            body = ask(ours.replay(query.at_offsets).view)()
        of = query.canonical(name) | asked | {"policy": body["policy"]}
        return msgspec.json.encode(figures.with_provenance(body, ours, of)), body.get("cursor")

    limiter = slow if query.at_offsets is not None else None
    content, cursor = await anyio.to_thread.run_sync(work, limiter=limiter)
    return linked(json_response(content), request, cursor)
