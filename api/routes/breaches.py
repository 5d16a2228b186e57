"""Breaches of limits as cases: opened, explained, waived by another person, restored, closed."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import decision_models as models
from api.auth import Ours, Reader
from api.case_commands import CaseCommand, IfNoneMatch, answer, execute, named, state_of, told
from api.moments import KnownAt, moment
from api.paging import LIMIT_MAX, Cursor, Limit, page_of, paged

router = APIRouter(prefix="/breaches", tags=["contingency funding"])
BREACH = "LimitBreach"

#: The last part of an address, and the command that it gives.
COMMANDS = {"observe": "Observe", "explain": "Explain", "waive": "Waive", "restore": "Restore", "close": "Close"}
CommandName = Annotated[str, told(COMMANDS)]


class Opening(CaseCommand):
    """A breach to be recorded: `payload` holds the limit, its edges, the value, owner, deadline and policy."""

    breach_no: str = Field(min_length=1, max_length=64, description="chosen by the caller, unique")


@router.get("", responses={200: {"model": models.States}})
async def breaches(
    request: Request,
    reader: Reader,
    ours: Ours,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[str | None, Query(max_length=50)] = None,
    limit_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """The breaches that this actor may see, newest first."""
    where = {} if limit_id is None else {"limit_id": limit_id}

    def work() -> Any:
        found = ours.assets.list_cases(BREACH, reader=reader, entity=entity, stage=stage, where=where)
        return page_of(found, cursor, limit)

    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/{breach_no}", responses={200: {"model": models.CaseState}})
async def breach(reader: Reader, ours: Ours, breach_no: str, if_none_match: IfNoneMatch = None) -> Response:
    """One breach as it is now."""
    return await state_of(ours, reader, BREACH, breach_no, if_none_match)


@router.get("/{breach_no}/history", responses={200: {"model": models.History}})
async def history(reader: Reader, ours: Ours, breach_no: str, known_at: KnownAt = None) -> Response:
    """All that was observed and decided about it, oldest first."""

    def work() -> Any:
        events = ours.assets.history(BREACH, breach_no, reader=reader, known_at=moment(known_at, "known_at"))
        return {"events": [event.to_json() for event in events]}

    return answer(await anyio.to_thread.run_sync(work))


@router.post("", responses={200: {"model": models.CommandAnswer}})
async def open_case(reader: Reader, ours: Ours, body: Opening) -> Response:
    """Record that a limit is broken. A value that keeps it is refused."""
    return await execute(ours, reader, BREACH, body.breach_no, "Open", body)


@router.post("/{breach_no}/{command}", responses={200: {"model": models.CommandAnswer}})
async def command(reader: Reader, ours: Ours, breach_no: str, command: CommandName, body: CaseCommand) -> Response:
    """observe, explain, waive, restore or close. The same `cmd_id`: the same events again."""
    return await execute(ours, reader, BREACH, breach_no, named(COMMANDS, command), body)
