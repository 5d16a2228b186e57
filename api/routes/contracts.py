"""The contracts behind a gap figure, and the flows of one of them, explained. Thin: parse, read, answer."""

from datetime import date
from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Response

from api import contract_models as models
from api import contracts, figures
from api.auth import Ours, Reader, permitted
from api.moments import IsoDay
from api.paging import PLACE_MAX, Cursor, place_of
from api.routes.figures import AsOf, AtOffsets, Member, Slow, json_response, member_filters, require_ready
from api.services import Services
from engines.primitives.errors import NotFound, Unavailable
from streams.past_gap import Contracts
from streams.topics import BUSINESS_DATE
from streams.views import AsOf as Dates
from streams.views import RiskView

router = APIRouter(tags=["contracts"])

First = Annotated[IsoDay | None, Query(alias="from", description="first flow date; leaves out on demand and undated")]
Last = Annotated[IsoDay | None, Query(alias="to", description="last flow date; leaves out on demand and undated")]
Bucket = Annotated[str | None, Query(description="a bucket of the gap, as D2_7; default: all of them")]
Name = Annotated[str, Path(min_length=1, max_length=200)]


@router.get("/gap/contracts", responses={200: {"model": models.GapContracts}})
async def gap_contracts(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    entity: Member = None,
    organisation: Member = None,
    business_line: Member = None,
    product: Member = None,
    currency: Member = None,
    bucket: Bucket = None,
    first: First = None,
    last: Last = None,
    cursor: Cursor = None,
    start: Annotated[
        int, Query(ge=0, le=PLACE_MAX, deprecated=True, description="rows to pass over: now `cursor`")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=contracts.ROWS_MAX)] = 100,
    flows: Annotated[bool, Query(description="with the flows of each contract")] = True,
    at_offsets: AtOffsets = None,
) -> Response:
    """The contracts behind a gap figure (LIQ-08), the largest first; `totals` are the figure at the same cut.

    Read from the newest snapshots, so up to a snapshot interval older than the live figure: `offsets` say so. Give
    `offsets` back as `at_offsets` for the further pages of one cut, or a gap answer's for exactly its contracts.
    """
    filters = member_filters(
        reader,
        entity,
        organisation=organisation,
        business_line=business_line,
        product=product,
        currency=currency,
    )
    days = contracts.days_asked(bucket, first, last)
    vector = figures.offset_vector(at_offsets)
    start = place_of(cursor, start)
    page = contracts.Page(start, limit)

    def work() -> bytes:
        source, dates, date_offsets = _at(ours, vector, as_of)
        behind = source.behind(dates, filters, days, flows=flows)
        body = contracts.contracts_body(behind, dates, date_offsets, days, page, flows=flows)
        asked = contracts.canonical("gap-contracts", as_of, filters, days, start=start, limit=limit, flows=flows)
        return msgspec.json.encode(figures.with_provenance(body, ours, asked))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/contracts/{entity}/{contract_id:path}/flows", responses={200: {"model": models.ContractFlows}})
async def contract_flows(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Name,
    contract_id: Name,
    explain: Annotated[bool, Query(description="formulas, numbers, states and paragraphs of each flow")] = False,
    first: Annotated[IsoDay | None, Query(alias="from", description="first flow date")] = None,
    last: Annotated[IsoDay | None, Query(alias="to", description="last flow date")] = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
) -> Response:
    """One contract: its terms by the ACTUS standard, the record they came from, and its flows by the engine.

    `payoff` is the engine's number, unrounded; `booked` the amount in minor units that enters the gap.
    """
    allowed = permitted(reader, entity)
    if allowed is not None and entity not in allowed:
        raise NotFound(f"no contract {contract_id!r} of {entity!r}", entity=entity, contract_id=contract_id)
    days = contracts.days_asked(None, first, last)
    vector = figures.offset_vector(at_offsets)

    def work() -> bytes:
        source, dates, date_offsets = _at(ours, vector, as_of)
        held = source.contract(entity, contract_id)
        body = contracts.flows_body(held, dates.of(entity), date_offsets, days, explained=explain)
        one = {"entity": frozenset({entity})}
        asked = contracts.canonical("contract-flows", as_of, one, days, contract_id=contract_id, explain=explain)
        return msgspec.json.encode(figures.with_provenance(body, ours, asked))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def _at(ours: Services, vector: dict[str, int] | None, as_of: date | None) -> tuple[Contracts, Dates, dict[str, int]]:
    """The contracts, the business dates, and the place of these in the offset vector, now or at a past cut.

    Raises Unavailable: there are no stored states to read here.
    """

    def dates(view: RiskView) -> tuple[Dates, dict[str, int]]:
        return view.as_of(as_of), view.offsets(BUSINESS_DATE)

    if vector is None:
        require_ready(ours)
        if ours.contracts is None:
            raise Unavailable("contracts need snapshots, and none can be read here")
        return ours.contracts, *ours.live.read(dates)
    if ours.replay is None or ours.contracts_at is None:
        raise Unavailable("contracts at a past cut need the replay, and there is none here")
    return ours.contracts_at(vector), *dates(ours.replay(vector).view)
