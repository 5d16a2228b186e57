"""Statements of our accounts with other banks, beside our own positions (LIQ-05)."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import nostro, nostro_models
from api.auth import Ours, Reader, permitted
from api.moments import IsoDay
from api.routes.figures import Slow, json_response
from engines.primitives.errors import Unavailable

router = APIRouter(tags=["nostro"])
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/nostro/reconciliations", responses={200: {"model": nostro_models.NostroReconciliations}})
async def nostro_reconciliations(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Text = None,
    account: Text = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    since: Annotated[IsoDay | None, Query(description="closing dates from here on")] = None,
    until: Annotated[IsoDay | None, Query(description="closing dates up to here")] = None,
    status: Annotated[nostro_models.Status | None, Query(description="only these")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Closing balances of statements against our positions, newest first: matched, timing, break, and what is behind.

    Positions are those of the newest snapshots, by value date up to the closing date, settled entries only.
    """
    asked = nostro.Asked(permitted(reader, entity), account, currency, since, until, status, limit)

    def work() -> bytes:
        if ours.nostro_statements is None or ours.account_source is None:
            raise Unavailable("no statements can be read here")
        statements = ours.nostro_statements()
        position_of = nostro.positions_from(ours.account_source, {one.account_id for one in statements})
        return msgspec.json.encode(nostro.reconciliations(statements, position_of, asked))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))
