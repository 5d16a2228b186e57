"""Files of a case: taken in, told of, given out and checked. The store decides what is taken and who may read."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from aggregates.personal_tokens import CLEAR_TEXT, Personal, marked
from api import paper_models
from api.access import about
from api.auth import Ours, Reader
from api.batch_upload import entity_of
from api.openapi_files import ANY_TYPE, files
from api.papers import Papers, chunks_of, disposition, field_of, file_of, form_of, form_schema
from api.routes.figures import Slow, json_response
from api.services import Services
from engines.primitives.errors import Forbidden, Unavailable
from infra.attachments import Attachment

router = APIRouter(prefix="/attachments", tags=["documents"])

UPLOAD = form_schema(
    entity="the entity it is of; default: the token's only one",
    doc_id="its document id; default: one that follows from entity, name and content",
)


def file_name(name: str) -> str:
    """A name that people chose, for the lens over the answer to show or mask."""
    return marked(name, Personal.NOTE, CLEAR_TEXT, "name")


def papers_of(ours: Services) -> Papers:
    if ours.papers is None:
        raise Unavailable("this server keeps no papers")
    return ours.papers


@router.post("", openapi_extra=UPLOAD, responses={200: {"model": paper_models.DocumentReference}})
async def add(request: Request, reader: Reader, ours: Ours) -> Response:
    """Store a file; the answer is the reference to use in a command's `docs`. The same file again: the same."""
    papers = papers_of(ours)
    async with form_of(request, papers.attachments.bytes_max) as form:
        file = file_of(form)
        entity, doc_id = entity_of(reader, field_of(form, "entity")), field_of(form, "doc_id")

        def work() -> Attachment:
            chunks = chunks_of(file.file)
            name = file.filename or ""
            return papers.attachments.add(chunks, name, writer=reader, entity=entity, at=ours.clock(), doc_id=doc_id)

        stored = await anyio.to_thread.run_sync(work)
        about("Attachment", stored.doc_id)
        return json_response(msgspec.json.encode(stored.reference()))


@router.get("/{doc_id}", responses={200: {"model": paper_models.Attachment}})
async def told(reader: Reader, ours: Ours, doc_id: str) -> Response:
    """What a document id stands for, by whom and when it was stored, and what made it."""
    store = papers_of(ours).attachments
    found = await anyio.to_thread.run_sync(lambda: store.attachment(doc_id, reader=reader))
    return json_response(msgspec.json.encode(replace(found, name=file_name(found.name))))


@router.get("/{doc_id}/verify", responses={200: {"model": paper_models.Verified}})
async def verify(reader: Reader, ours: Ours, slow: Slow, doc_id: str) -> Response:
    """Hash the stored bytes again: `ok`, or 503 `damaged-attachment` naming it."""
    store = papers_of(ours).attachments

    def work() -> dict[str, Any]:
        found = store.attachment(doc_id, reader=reader)
        with store.opened(found):
            return {"doc_id": found.doc_id, "sha256": found.sha256, "size": found.size, "ok": True}

    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work, limiter=slow)))


@router.get("/{doc_id}/content", responses=files(ANY_TYPE), response_class=StreamingResponse)
async def content(reader: Reader, ours: Ours, doc_id: str) -> Response:
    """The file, after its bytes were hashed again. Raises Forbidden for who sees masked data only (SD11)."""
    if not ours.masking.rights(reader).notes:
        raise Forbidden("papers are not masked: this role does not read them", guard="SD11")
    store = papers_of(ours).attachments

    def work() -> tuple[Attachment, Iterator[bytes]]:
        found = store.attachment(doc_id, reader=reader)
        sent = _sent(store.opened(found))
        next(sent)  # damage is told before the first byte leaves
        return found, sent

    found, sent = await anyio.to_thread.run_sync(work)
    headers = {
        "content-disposition": disposition(found.name),
        "content-length": str(found.size),
        "etag": f'"{found.sha256}"',
        "cache-control": "private, no-cache",
    }
    return StreamingResponse(sent, media_type=found.media_type, headers=headers)


def _sent(opened: Any) -> Iterator[bytes]:
    with opened as file:
        yield b""
        yield from chunks_of(file)
