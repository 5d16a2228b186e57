"""Personal data: whose there is, who bears a name, and its erasure by one administrator and another."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import audit_models, decision_models
from api.auth import Ours, Reader
from api.case_commands import CaseCommand, answer, execute
from api.conditional import tagged, version_tag
from api.paging import LIMIT_MAX, Cursor, Limit, PageAsked, paged
from api.privacy import ERASURE, Privacy, unless_keeper
from api.services import Services
from engines.primitives.errors import Unavailable

router = APIRouter(prefix="/privacy", tags=["privacy"])


class Erasure(CaseCommand):
    """A request: `payload` holds subject_kind (CUSTOMER, STAFF), subject_no and why."""

    erasure_no: str = Field(min_length=1, max_length=64, description="chosen by the caller, unique")


@router.get("/status", responses={200: {"model": audit_models.PrivacyStatus}})
async def status(
    request: Request, reader: Reader, ours: Ours, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> Response:
    """Counts of subjects and keys, and the requests for erasure, newest first."""
    asked = PageAsked(cursor, limit)
    return paged(request, await anyio.to_thread.run_sync(lambda: _privacy(ours).status(reader, asked)))


@router.get("/subjects", responses={200: {"model": audit_models.Subjects}})
async def subjects(
    request: Request, reader: Reader, ours: Ours, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> Response:
    """Everyone whose personal data is held; an erased subject is a token and no more."""
    asked = PageAsked(cursor, limit)
    return paged(request, await anyio.to_thread.run_sync(lambda: _privacy(ours).subjects(reader, asked)))


@router.get("/customers", responses={200: {"model": audit_models.CustomerNos}})
async def customers(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    name: Annotated[str, Query(min_length=1, max_length=200)],
    cursor: Cursor = None,
    limit: Limit = LIMIT_MAX,
) -> Response:
    """Numbers of the customers who bear exactly this name (by a keyed index: names are not stored in clear)."""
    asked = PageAsked(cursor, limit)
    return paged(request, await anyio.to_thread.run_sync(lambda: _privacy(ours).named(name, reader, asked)))


@router.post("/erasures", responses={200: {"model": decision_models.CommandAnswer}})
async def request_erasure(reader: Reader, ours: Ours, body: Erasure) -> Response:
    """Ask for the erasure of one subject; another administrator approves it."""
    unless_keeper(reader)
    return await execute(ours, reader, ERASURE, body.erasure_no, "Request", body)


@router.post("/erasures/{erasure_no}/approve", responses={200: {"model": decision_models.CommandAnswer}})
async def approve_erasure(reader: Reader, ours: Ours, erasure_no: str, body: CaseCommand) -> Response:
    """Approve it, and destroy the keys: nothing brings the data back."""
    unless_keeper(reader)
    privacy = _privacy(ours)
    told = await execute(ours, reader, ERASURE, erasure_no, "Approve", body)
    await anyio.to_thread.run_sync(privacy.finish)
    state = await anyio.to_thread.run_sync(lambda: ours.assets.state(ERASURE, erasure_no, reader=reader))
    return tagged(answer(msgspec.json.decode(told.body) | {"state": state}), version_tag(state))


@router.post("/erasures/{erasure_no}/refuse", responses={200: {"model": decision_models.CommandAnswer}})
async def refuse_erasure(reader: Reader, ours: Ours, erasure_no: str, body: CaseCommand) -> Response:
    """Refuse it; `payload.why` says why."""
    unless_keeper(reader)
    return await execute(ours, reader, ERASURE, erasure_no, "Refuse", body)


def _privacy(ours: Services) -> Privacy:
    if ours.privacy is None:
        raise Unavailable("this server keeps no keys of subjects")
    return ours.privacy
