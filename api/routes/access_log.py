"""The access log for those who audit it: who was refused, signed in, took papers, looked (IN-08, RA-89)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response

from aggregates.envelope import EVERY_ENTITY, Principal
from api import audit_models
from api.auth import Ours, Reader
from api.moments import IsoInstant
from api.paging import NO_SUCH_PAGE, Cursor, cursor_of, paged, place_named
from api.routes.figures import Slow
from engines.primitives.errors import Forbidden, InvalidInput, Unavailable
from streams.access_log import AccessRecord

router = APIRouter(tags=["system"])

AUDITOR, ENGINEER = "IA", "OP"
DAYS = 7
MASK = "***"
MASKED = {"key": MASK, "cmd_id": MASK, "address": MASK}


@router.get("/access-log", responses={200: {"model": audit_models.AccessLog}})
async def access_log(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[IsoInstant | None, Query(description="default: seven days ago")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Accesses, newest first, to internal audit; to operations engineers without keys and addresses (SD11)."""
    if not {AUDITOR, ENGINEER} & {*reader.roles}:
        raise Forbidden("the access log is for internal audit and operations", guard="ROLE")
    if ours.access is None:
        raise Unavailable("this server keeps no access log")
    search = ours.access.search
    start = since.astimezone(UTC) if since is not None else ours.clock() - timedelta(days=DAYS)
    older = Older(None)
    if cursor is not None:
        start, older = read_cursor(cursor)

    def wanted(record: AccessRecord) -> bool:
        return older.counts(record) and actor in (None, record.actor) and may_see(reader, record)

    def work() -> list[AccessRecord]:
        found = search(start, wanted, limit + 1)
        older.check()
        return found

    found = await anyio.to_thread.run_sync(work, limiter=slow)
    rows = [msgspec.to_builtins(record) for record in found[:limit]]
    if AUDITOR not in reader.roles:
        rows = [row | {name: mask for name, mask in MASKED.items() if name in row} for row in rows]
    following = cursor_of((start.isoformat(), found[limit - 1].record_id)) if len(found) > limit else None
    return paged(request, {"rows": rows, "cursor": following})


class Older:
    """What stands in the log before the last record of the page before; records are asked in the log's order."""

    def __init__(self, record_id: str | None) -> None:
        self._record_id = record_id
        self._is_met = record_id is None

    def counts(self, record: AccessRecord) -> bool:
        if self._record_id is None:
            return True
        self._is_met = self._is_met or record.record_id == self._record_id
        return not self._is_met

    def check(self) -> None:
        """Raises InvalidInput: that record is not in the log, or is there no longer."""
        if not self._is_met:
            raise InvalidInput(NO_SUCH_PAGE, field="cursor")


def read_cursor(cursor: str) -> tuple[datetime, Older]:
    """The instant that the first page began at, and the last record of the page before. Raises InvalidInput."""
    place = place_named(cursor)
    try:
        since, record_id = map(str, place)
        start = datetime.fromisoformat(since)
    except ValueError as error:
        raise InvalidInput(NO_SUCH_PAGE, field="cursor") from error
    if start.tzinfo is None:
        raise InvalidInput(NO_SUCH_PAGE, field="cursor")
    return start, Older(record_id)


def may_see(reader: Principal, record: AccessRecord) -> bool:
    """Who reads for all entities sees everything; others what was done by those of their own entities alone."""
    if EVERY_ENTITY in reader.entities:
        return True
    return bool(record.entities) and set(record.entities) <= set(reader.entities)
