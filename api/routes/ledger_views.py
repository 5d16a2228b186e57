"""Ledgers asked freely, taken away as files and printed; saved views; big exports. Thin: parse, ask, answer."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from api import decision_models, ledger_models, ledgers
from api.access import about
from api.auth import Ours, Reader
from api.ledger_desk import Question, parts
from api.ledger_exports import Exported, LedgerExports
from api.moments import AsOf, KnownAt, moment
from api.openapi_files import FILE_TYPES, files
from api.openapi_names import PREFIX
from api.paging import LIMIT_MAX, PLACE_MAX, Cursor, Limit, PageAsked, next_place, page_after, paged, place_of
from api.papers import disposition
from api.routes.figures import Slow, accepted, json_response
from api.routes.ledgers import Entity
from engines.primitives.errors import InvalidInput, Unavailable
from infra.exports import Language
from infra.exports.cells import exact
from infra.exports.jobs import Job
from infra.exports.print_view import STYLE, write_page
from projections.ledgers import query
from projections.ledgers.query_supplements import Overlaid
from projections.ledgers.table import LedgerTable

router = APIRouter(tags=["ledgers"])

Texts = Annotated[list[str] | None, Query(max_length=query.MANY)]
Joins = Annotated[list[str] | None, Query(description="`recovery on loan_no`", max_length=5)]
Supplements = Annotated[bool, Query(description="cells entered by hand and approved in place of the ledger's own")]
FormName = Annotated[Literal["csv", "xlsx", "json", "parquet", "pdf"], Query(alias="form")]
Tongue = Annotated[Language, Query(alias="language", description="of titles and codes")]
PRINT_STYLE = '<link rel="stylesheet" href="/api/v1/ledger-print.css">'
PAGE_MAX = 10_000
TABLE: dict[int | str, dict[str, Any]] = {200: {"model": ledger_models.Ledger}}
EXPORTED = files(*FILE_TYPES) | {202: {"model": ledger_models.ExportJob, "description": "a job"}}
TAKEN = {"cache-control": "private, no-store"}


class Asked:
    """A question in the parameters of a request."""

    def __init__(
        self,
        name: str,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        entity: Entity = None,
        joins: Joins = None,
        where: Texts = None,
        group_by: Texts = None,
        columns: Texts = None,
        sort: Texts = None,
        with_supplements: Supplements = False,
    ) -> None:
        asked = query.Query(
            tuple(joins or ()),
            tuple(where or ()),
            parts(group_by, "group_by"),
            parts(columns, "columns"),
            parts(sort, "sort"),
        )
        moments = moment(as_of, "as_of"), moment(known_at, "known_at")
        self.question = Question(name, asked, *moments, entity, with_supplements)
        about("Ledger", name)


Wanted = Annotated[Asked, Depends()]


@router.get("/ledgers/{name}/query", responses=TABLE)
async def ask(
    request: Request,
    asked: Wanted,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    limit: Annotated[int, Query(ge=0, le=PAGE_MAX)] = 500,
    cursor: Cursor = None,
    offset: Annotated[int, Query(ge=0, le=PLACE_MAX, deprecated=True, description="now `cursor`")] = 0,
) -> Response:
    """Any columns of a ledger or of several joined: filtered, grouped, computed, sorted; totals of all rows."""
    start = place_of(cursor, offset)

    def work() -> dict[str, Any]:
        return _told(_offered(ours).desk.answer(asked.question, reader), limit, start)

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/ledgers/{name}/export", responses=EXPORTED, response_class=Response)
async def export(
    asked: Wanted, reader: Reader, ours: Ours, slow: Slow, form: FormName = "xlsx", language: Tongue = "zh"
) -> Response:
    """The answer as a file, with its stamp; 202 and a job where it is big. The same question: the same bytes."""
    return await _exported(ours, asked.question, form, language, reader, slow)


@router.get("/ledgers/{name}/print", response_class=HTMLResponse)
async def print_view(asked: Wanted, reader: Reader, ours: Ours, slow: Slow, language: Tongue = "zh") -> Response:
    """The answer as a page to print: header, totals, signatures, page numbers."""
    return await _printed(ours, asked.question, language, reader, slow)


@router.get("/ledgers/{name}/supplements", responses={200: {"model": ledger_models.Supplements}})
async def supplements(
    name: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    entity: Entity = None,
) -> Response:
    """Every cell entered by hand beside the ledger's own, who entered and approved it and why, and their share."""
    question = Question(name, query.Query(), moment(as_of, "as_of"), moment(known_at, "known_at"), entity)
    return await _answered(lambda: _overlays(_offered(ours).desk.supplements(question, reader)), slow)


@router.get("/ledger-print.css", include_in_schema=False)
async def print_style() -> Response:
    return Response(STYLE, media_type="text/css; charset=utf-8", headers={"cache-control": "max-age=3600"})


# --- Big exports ---------------------------------------------------------------------------------------------------


@router.get("/ledger-exports", responses={200: {"model": ledger_models.ExportJobs}})
async def exports(reader: Reader, ours: Ours) -> Response:
    """The reader's exports that run or are kept, for a week."""
    return json_response(
        msgspec.json.encode({"exports": [_job(job) for job in _offered(ours).jobs.listed(reader.actor)]})
    )


@router.get("/ledger-exports/{job_no}", responses={200: {"model": ledger_models.ExportJob}})
async def progress(job_no: str, reader: Reader, ours: Ours) -> Response:
    """How far an export is."""
    return json_response(msgspec.json.encode(_job(_offered(ours).jobs.find(job_no, reader.actor))))


@router.get("/ledger-exports/{job_no}/file", responses=files(*FILE_TYPES, partial=True), response_class=FileResponse)
async def fetch(job_no: str, reader: Reader, ours: Ours) -> Response:
    """The file of an export. `Range` goes on where a download broke off; the ETag is the file's SHA-256."""
    jobs = _offered(ours).jobs
    job = jobs.find(job_no, reader.actor)
    about("Ledger", job.file_name)
    headers = {**TAKEN, "content-disposition": disposition(job.file_name), "etag": f'"{job.sha256}"'}
    return FileResponse(jobs.path(job), media_type=job.media_type, headers=headers)


# --- Saved views ---------------------------------------------------------------------------------------------------


class View(BaseModel):
    """A question to keep."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=64, description="idempotency key, chosen by the caller")
    view_no: str = Field(min_length=1, max_length=64)
    ledger: str = Field(min_length=1, max_length=60)
    title: str = Field("", max_length=200)
    entity: str | None = Field(None, max_length=64, description="where it is kept; default: the token's only one")
    with_supplements: bool = False
    joins: list[str] = Field(default_factory=list, max_length=5)
    where: list[str] = Field(default_factory=list, max_length=query.MANY)
    group_by: list[str] = Field(default_factory=list, max_length=query.MANY)
    columns: list[str] = Field(default_factory=list, max_length=query.MANY)
    sort: list[str] = Field(default_factory=list, max_length=query.MANY)


class Shared(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=64)
    roles: list[str] = Field(default_factory=list, max_length=50, description="none: everyone who may read ledgers")


class Retired(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=64)


@router.get("/ledger-views", responses={200: {"model": ledger_models.SavedViews}})
async def views(
    *, request: Request, reader: Reader, ours: Ours, slow: Slow, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> Response:
    """The reader's own views and those shared with one of the reader's roles."""

    def work() -> dict[str, Any]:
        kept = _offered(ours).views.listed(reader)
        found, following = page_after(kept, PageAsked(cursor, limit), lambda view: (view.view_no,))
        return {"views": [one.to_json() for one in found], "cursor": following}

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.post("/ledger-views", responses={200: {"model": decision_models.Outcome}})
async def save(reader: Reader, ours: Ours, slow: Slow, view: View) -> Response:
    """Keep a question under a number, or change an own one. It is asked once first, so that it can be asked."""
    kept = _offered(ours)
    asked = query.Query.from_json(view.model_dump(include={*query.PARTS}))

    def work() -> dict[str, Any]:
        kept.desk.answer(Question(view.ledger, asked, with_supplements=view.with_supplements), reader)
        outcome = kept.views.save(
            view.view_no,
            view.ledger,
            asked,
            reader,
            ours.clock(),
            cmd_id=view.cmd_id,
            title=view.title,
            with_supplements=view.with_supplements,
            entity=view.entity,
        )
        return outcome.to_json()

    return await _answered(work, slow)


@router.get("/ledger-views/{view_no}", responses={200: {"model": ledger_models.SavedView}})
async def view(view_no: str, reader: Reader, ours: Ours, slow: Slow) -> Response:
    """What a view asks."""
    return await _answered(lambda: _offered(ours).views.find(view_no, reader).to_json(), slow)


@router.get("/ledger-views/{view_no}/run", responses=TABLE)
async def run(
    request: Request,
    view_no: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Annotated[int, Query(ge=0, le=PAGE_MAX)] = 500,
    cursor: Cursor = None,
    offset: Annotated[int, Query(ge=0, le=PLACE_MAX, deprecated=True, description="now `cursor`")] = 0,
) -> Response:
    """Its answer at any two instants, by the rights of whoever asks now."""
    kept = _offered(ours)
    start = place_of(cursor, offset)

    def work() -> dict[str, Any]:
        question = _question(kept, view_no, reader, as_of, known_at)
        return _told(kept.desk.answer(question, reader), limit, start)

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/ledger-views/{view_no}/export", responses=EXPORTED, response_class=Response)
async def export_view(
    view_no: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    form: FormName = "xlsx",
    language: Tongue = "zh",
) -> Response:
    """Its answer as a file."""
    question = await anyio.to_thread.run_sync(_question, _offered(ours), view_no, reader, as_of, known_at)
    about("Ledger", question.ledger)
    return await _exported(ours, question, form, language, reader, slow)


@router.get("/ledger-views/{view_no}/print", response_class=HTMLResponse)
async def print_saved(
    view_no: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    language: Tongue = "zh",
) -> Response:
    """Its answer as a page to print."""
    question = await anyio.to_thread.run_sync(_question, _offered(ours), view_no, reader, as_of, known_at)
    about("Ledger", question.ledger)
    return await _printed(ours, question, language, reader, slow)


@router.post("/ledger-views/{view_no}/share", responses={200: {"model": decision_models.Outcome}})
async def share(view_no: str, reader: Reader, ours: Ours, slow: Slow, shared: Shared) -> Response:
    """Share an own view with roles, and with no others any more."""
    kept = _offered(ours).views

    def work() -> dict[str, Any]:
        return kept.share(view_no, tuple(shared.roles), reader, ours.clock(), cmd_id=shared.cmd_id).to_json()

    return await _answered(work, slow)


@router.post("/ledger-views/{view_no}/retire", responses={200: {"model": decision_models.Outcome}})
async def retire(view_no: str, reader: Reader, ours: Ours, slow: Slow, retired: Retired) -> Response:
    """End an own view; what it was stays in the log."""
    kept = _offered(ours).views
    return await _answered(lambda: kept.retire(view_no, reader, ours.clock(), cmd_id=retired.cmd_id).to_json(), slow)


# --- Answers -------------------------------------------------------------------------------------------------------


def _offered(ours: Ours) -> LedgerExports:
    """Raises Unavailable: this server keeps no ledgers."""
    if ours.ledger_exports is None:
        raise Unavailable("this server keeps no ledgers")
    return ours.ledger_exports


def _question(kept: LedgerExports, view_no: str, reader: Reader, as_of: str | None, known_at: str | None) -> Question:
    found = kept.views.find(view_no, reader)
    moments = moment(as_of, "as_of"), moment(known_at, "known_at")
    return Question(found.ledger, found.query, *moments, with_supplements=found.with_supplements)


async def _answered(work: Callable[[], dict[str, Any]], slow: Slow) -> Response:
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work, limiter=slow)))


async def _exported(
    ours: Ours, question: Question, form: str, language: Language, reader: Reader, slow: Slow
) -> Response:
    kept = _offered(ours)
    found = await anyio.to_thread.run_sync(kept.export, question, form, language, reader, limiter=slow)
    if isinstance(found, Job):
        return accepted(msgspec.json.encode(_job(found)), f"{PREFIX}/ledger-exports/{found.job_no}")
    return _file(found)


async def _printed(ours: Ours, question: Question, language: Language, reader: Reader, slow: Slow) -> Response:
    kept = _offered(ours)

    def work() -> bytes:
        table, out = kept.desk.answer(question, reader), BytesIO()
        if len(table.rows) > PAGE_MAX:
            raise InvalidInput(f"a page to print takes {PAGE_MAX} rows; narrow the query", field="where")
        write_page(table, kept.stamp(table, question, language, reader), out, PRINT_STYLE)
        return out.getvalue()

    page = await anyio.to_thread.run_sync(work, limiter=slow)
    return Response(page, media_type="text/html; charset=utf-8", headers=TAKEN)


def _file(found: Exported) -> Response:
    headers = {
        **TAKEN,
        "content-disposition": disposition(found.file_name),
        "x-body-sha256": found.stamp.digest,
        "x-row-count": str(found.stamp.row_count),
        "x-position": str(found.stamp.position),
    }
    return Response(found.content, headers=headers, media_type=found.form.media_type)


def _job(job: Job) -> dict[str, object]:
    return job.outward() | {"file": f"/api/v1/ledger-exports/{job.job_no}/file"}


def _told(table: LedgerTable, limit: int, offset: int) -> dict[str, Any]:
    """As `GET /ledgers/{name}` answers."""
    shown = table.rows[offset : offset + limit]
    return ledgers.told(replace(table, rows=shown)) | {"cursor": next_place(offset, len(shown), len(table.rows))}


def _overlays(found: Overlaid) -> dict[str, Any]:
    table = found.table
    cells = [
        {
            "supplement_no": cell.overlay.supplement_no,
            "row_key": cell.overlay.row_key,
            "field": cell.overlay.field,
            "period": cell.overlay.period,
            "system": None if cell.system is None else exact(cell.system),
            "effective": None if cell.effective is None else exact(cell.effective),
            "problem": cell.problem or None,
            "reason": cell.overlay.reason,
            "evidence": cell.overlay.evidence,
            "maker": cell.overlay.maker,
            "approver": cell.overlay.approver,
            "approved_position": cell.overlay.approved_position,
            "valid_until": None if cell.overlay.valid_until is None else cell.overlay.valid_until.isoformat(),
        }
        for cell in found.cells
    ]
    return {
        "name": table.name,
        "as_of": table.as_of.isoformat(),
        "known_at": exact(table.known_at),
        "position": table.position,
        "share_pct": exact(found.share_pct),
        "cells": cells,
    }
