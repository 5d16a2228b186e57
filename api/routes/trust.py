"""Which figures can be trusted now, and how the installation is doing. Thin: parse, ask, answer."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import trust as bodies
from api import trust_models
from api.auth import Ours, Reader, permitted
from api.routes.figures import Slow, json_response
from engines.primitives.errors import Forbidden, Unavailable

router = APIRouter(tags=["trust"])
OPERATORS = frozenset({"OP", "SA", "IA"})


@router.get("/trust", responses={200: {"model": trust_models.Trust}})
async def trust(reader: Reader, ours: Ours, entity: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """Every source with its state (FRESH, LATE, DAMAGED, SILENT, UNKNOWN) and why, and every figure by the worst of
    the sources it stands on."""
    board = ours.trust
    if board is None:
        raise Unavailable("nobody looks at the logs' ends here")
    return json_response(msgspec.json.encode(bodies.trust(board, permitted(reader, entity))))


@router.get("/operations", responses={200: {"model": trust_models.Operations}})
async def operations(reader: Reader, ours: Ours, slow: Slow) -> Response:
    """Processes, lag, dead letters, snapshots, archive and readiness; to operators, administrators and audit."""
    asked = ours.operations
    if not OPERATORS & {*reader.roles}:
        raise Forbidden("this is for those who run the installation", guard="ROLE")
    if asked is None:
        raise Unavailable("this server does not know where its files are")
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(asked, ours, limiter=slow)))
