"""Heads, proofs and verification of the decision log, for internal audit. What they say is docs/audit-proofs.md."""

from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from api import audit_models
from api.audit_room import AuditRoom
from api.auth import Ours, Reader
from api.openapi_names import PREFIX
from api.routes.figures import Slow, accepted, json_response
from api.services import Services
from engines.primitives.errors import Forbidden, Unavailable

router = APIRouter(prefix="/audit", tags=["audit"])

AUDITOR, ENGINEER = "IA", "OP"
VERIFIER = Path(__file__).parent.parent / "verifier" / "tidemark_verify.py"


@router.get(
    "/checkpoint",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def checkpoint(reader: Reader, ours: Ours) -> Response:
    """The newest signed head, with witnesses' lines, as a C2SP checkpoint: keep it, and compare later."""
    room = _room(ours)
    note = await anyio.to_thread.run_sync(room.checkpoint)
    return Response(note, media_type="text/plain; charset=utf-8", headers={"cache-control": "no-store"})


@router.get("/status", responses={200: {"model": audit_models.AuditStatus}})
async def status(reader: Reader, ours: Ours) -> Response:
    """What is signed and cosigned up to where, by whose keys, and how the last verification ended."""
    _unless_role(reader.roles, {AUDITOR, ENGINEER})
    return _json(await anyio.to_thread.run_sync(_room(ours).status))


@router.get("/proofs/{aggregate}/{key}", responses={200: {"model": audit_models.Proof}})
async def proof(
    reader: Reader,
    ours: Ours,
    slow: Slow,
    aggregate: str,
    key: str,
    version: Annotated[int | None, Query(ge=1, description="only this event")] = None,
    position: Annotated[int | None, Query(ge=1, description="only the event at this place in the log")] = None,
    known: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,15}(,[0-9]{1,15}){0,19}$", description="sizes of heads that you kept")
    ] = None,
) -> Response:
    """A self-contained proof of an aggregate's events, to be checked without us."""
    _unless_role(reader.roles, {AUDITOR})
    room = _room(ours)

    def work() -> Any:
        sizes = [int(size) for size in known.split(",")] if known else []
        return room.proof(aggregate, key, reader=reader, version=version, position=position, known_sizes=sizes)

    return _json(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/verification", responses={200: {"model": audit_models.Verification}})
async def verification(reader: Reader, ours: Ours) -> Response:
    """The running verification, or the report of the last one since this process started."""
    _unless_role(reader.roles, {AUDITOR, ENGINEER})
    return _json(_room(ours).verification())


@router.post("/verification", status_code=202, responses={202: {"model": audit_models.Verification}})
async def start_verification(reader: Reader, ours: Ours) -> Response:
    """Verify everything stored, as a job; 409 while one is running."""
    _unless_role(reader.roles, {AUDITOR, ENGINEER})
    begun = msgspec.json.encode(_room(ours).start_verification(reader.actor))
    return accepted(begun, f"{PREFIX}/audit/verification")


@router.get(
    "/verifier",
    responses={200: {"content": {"text/x-python": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def verifier(reader: Reader) -> Response:
    """The script that checks proofs: one file, Python's standard library."""
    text = await anyio.to_thread.run_sync(VERIFIER.read_bytes)
    headers = {"content-disposition": f'attachment; filename="{VERIFIER.name}"'}
    return Response(text, media_type="text/x-python", headers=headers)


def _room(ours: Services) -> AuditRoom:
    if ours.audit is None:
        raise Unavailable("this server has no event store to prove from")
    return ours.audit


def _unless_role(held: tuple[str, ...], wanted: set[str]) -> None:
    if not wanted & {*held}:
        raise Forbidden("this is for internal audit", guard="ROLE")


def _json(body: Any) -> Response:
    return json_response(msgspec.json.encode(body))
