"""Papers filled from cases: which templates there are, a filled one, and a filled one that is kept and told of."""

from typing import Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api import paper_models
from api.access import about
from api.auth import Ours, Reader
from api.moments import IsoDay, ZonedInstant
from api.openapi_files import files
from api.papers import disposition
from api.routes.attachments import papers_of
from api.routes.figures import Slow, json_response
from infra.documents.desk import Paper, Wish
from infra.media_types import DOCX

router = APIRouter(prefix="/documents", tags=["documents"])


class Asked(BaseModel):
    """A paper that is wanted. `fields`: what a person enters beside what is recorded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    template: str = Field(min_length=1, max_length=60, description="as litigation-complaint")
    key: str = Field(min_length=1, max_length=200, description="business key of the case")
    fields: dict[str, str] = Field(default_factory=dict, max_length=100)
    as_of: IsoDay | None = Field(None, description="nothing that counts later is in it")
    known_at: ZonedInstant | IsoDay | None = Field(None, description="nothing that was recorded later is in it")
    document_on: IsoDay | None = Field(None, description="the day it bears; default: as_of, else today")
    version: int | None = Field(None, ge=1, description="of the template; default: the one in force on that day")
    aggregate: str | None = Field(None, max_length=100, description="kind of the case, to be checked")

    def wish(self) -> Wish:
        return Wish(
            self.template,
            self.key,
            self.fields,
            self.as_of,
            self.known_at,
            self.document_on,
            self.version,
            self.aggregate,
        )


class Drafted(Asked):
    cmd_id: str = Field(min_length=1, max_length=64, description="idempotency key, chosen by the caller")


@router.get("/templates", responses={200: {"model": paper_models.Templates}})
async def templates(reader: Reader, ours: Ours) -> Response:
    """Every version of every template, with the fields that a person enters."""
    headers = papers_of(ours).desk.catalogue.headers()
    return _json({"templates": [header.model_dump(mode="json", exclude={"body"}) for header in headers]})


@router.get("/templates/{name}", responses=files(DOCX), response_class=Response)
async def template(reader: Reader, ours: Ours, name: str, version: int | None = None) -> Response:
    """The Word file of a template with its places unfilled, to go on from in Word."""
    desk = papers_of(ours).desk

    def work() -> bytes:
        return desk.catalogue.template(name, on=ours.clock().date(), version=version).docx

    return _word(await anyio.to_thread.run_sync(work), f"{name}.docx")


@router.post("/render", responses=files(DOCX), response_class=Response)
async def render(reader: Reader, ours: Ours, slow: Slow, asked: Asked) -> Response:
    """The filled paper as a .docx; nothing is stored. The same question at the same state: the same bytes."""
    about(asked.template, asked.key)
    desk = papers_of(ours).desk

    def work() -> Paper:
        return desk.paper(asked.wish(), reader=reader)

    paper = await anyio.to_thread.run_sync(work, limiter=slow)
    return _word(paper.content, paper.name, {"x-document-no": paper.document_no})


@router.post("", responses={200: {"model": paper_models.Drafted}})
async def draft(reader: Reader, ours: Ours, slow: Slow, asked: Drafted) -> Response:
    """Fill a template, keep the paper as an attachment, and give the command by which the case hears of it.

    `document` is the reference for `docs`; `outcome` is null where the template names no command. The same `cmd_id`:
    the same document again.
    """
    about(asked.template, asked.key)
    desk = papers_of(ours).desk

    def work() -> dict[str, Any]:
        stored, outcome = desk.draft(asked.wish(), cmd_id=asked.cmd_id, writer=reader)
        told = {name: value for name, value in stored.facts.items() if name != "asked"}
        return {
            "document": stored.reference(),
            "facts": told,
            "outcome": None if outcome is None else outcome.to_json(),
        }

    return _json(await anyio.to_thread.run_sync(work, limiter=slow))


def _json(body: Any) -> Response:
    return json_response(msgspec.json.encode(body))


def _word(content: bytes, name: str, headers: dict[str, str] | None = None) -> Response:
    shown = {"content-disposition": disposition(name), "cache-control": "private, no-store"}
    return Response(content, headers={**shown, **(headers or {})}, media_type=DOCX)
