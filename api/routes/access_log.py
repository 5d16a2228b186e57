"""The access log for those who audit it: who was refused, signed in, took papers, looked (IN-08, RA-89)."""

from datetime import UTC, timedelta
from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from aggregates.envelope import EVERY_ENTITY, Principal
from api import audit_models
from api.auth import Ours, Reader
from api.moments import IsoInstant
from api.routes.figures import Slow, json_response
from engines.primitives.errors import Forbidden, Unavailable
from streams.access_log import AccessRecord

router = APIRouter(tags=["system"])

AUDITOR, ENGINEER = "IA", "OP"
DAYS = 7
MASK = "***"
MASKED = {"key": MASK, "cmd_id": MASK, "address": MASK}


@router.get("/access-log", responses={200: {"model": audit_models.AccessLog}})
async def access_log(
    reader: Reader,
    ours: Ours,
    slow: Slow,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[IsoInstant | None, Query(description="default: seven days ago")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Accesses, newest first, to internal audit; to operations engineers without keys and addresses (SD11)."""
    if not {AUDITOR, ENGINEER} & {*reader.roles}:
        raise Forbidden("the access log is for internal audit and operations", guard="ROLE")
    if ours.access is None:
        raise Unavailable("this server keeps no access log")
    search = ours.access.search
    start = since.astimezone(UTC) if since is not None else ours.clock() - timedelta(days=DAYS)

    def work() -> list[AccessRecord]:
        return search(start, lambda record: actor in (None, record.actor) and may_see(reader, record), limit)

    rows = [msgspec.to_builtins(record) for record in await anyio.to_thread.run_sync(work, limiter=slow)]
    if AUDITOR not in reader.roles:
        rows = [row | {name: mask for name, mask in MASKED.items() if name in row} for row in rows]
    return json_response(msgspec.json.encode({"rows": rows}))


def may_see(reader: Principal, record: AccessRecord) -> bool:
    """Who reads for all entities sees everything; others what was done by those of their own entities alone."""
    if EVERY_ENTITY in reader.entities:
        return True
    return bool(record.entities) and set(record.entities) <= set(reader.entities)
