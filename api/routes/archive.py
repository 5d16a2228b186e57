"""The archive for other systems: list its files, fetch one and go on where the connection broke, read records."""

from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import FileResponse

from api import audit_models
from api.access import about
from api.archive_export import Exports, place, refuse_unless_permitted, shown
from api.auth import Ours, Reader
from api.openapi_files import files
from api.paging import Cursor, Limit, PageAsked, page_after, paged
from api.routes.figures import Slow
from api.services import Services
from engines.primitives.errors import Unavailable

router = APIRouter(prefix="/archive", tags=["archive"])

PARQUET, NDJSON = "application/vnd.apache.parquet", "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
RECORDS_MAX = 65_536

RECORDS = files(NDJSON, ARROW) | {404: {}}
RECORDS[200]["headers"] = {
    "x-next-offset": {"description": "`from` of the next page", "schema": {"type": "integer", "minimum": 0}},
    "x-archive-end": {"description": "offset at which the archive ends", "schema": {"type": "integer", "minimum": 0}},
}
Topic = Annotated[str, Query(max_length=200)]


def exports_of(request: Request, ours: Services) -> Exports:
    if ours.archive is None:
        raise Unavailable("this server keeps no archive")
    found = getattr(request.app.state, "archive_exports", None)
    if not isinstance(found, Exports):
        found = request.app.state.archive_exports = Exports(ours.archive)
    return found


@router.get("/segments", responses={200: {"model": audit_models.ArchiveSegments}})
async def segments(
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    topic: Annotated[str | None, Query(max_length=200)] = None,
    partition: Annotated[int | None, Query(ge=0)] = None,
    start: Annotated[int, Query(alias="from", ge=0, description="only files with records at or after it")] = 0,
    cursor: Cursor = None,
    limit: Limit = 1_000,
) -> Response:
    """Archived files in order, each with its range, digest and Merkle root; to internal audit and data platforms.

    `truncated` says that there is more, as `cursor` does.
    """
    refuse_unless_permitted(reader)
    exports = exports_of(request, ours)

    def work() -> dict[str, Any]:
        found, following = page_after(exports.segments(topic, partition, start), PageAsked(cursor, limit), place)
        return {"rows": [*map(shown, found)], "truncated": following is not None, "cursor": following}

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/segments/{segment_id}", responses=files(PARQUET, partial=True), response_class=FileResponse)
async def segment(request: Request, reader: Reader, ours: Ours, segment_id: str) -> Response:
    """One file, whole or by `Range`. Its ETag is its SHA-256: check what you received by it.

    After a broken connection ask again with `Range: bytes=N-` and `If-Range: "<sha256>"`.
    """
    refuse_unless_permitted(reader)
    exports = exports_of(request, ours)
    about("ArchiveSegment", segment_id)
    found, path = await anyio.to_thread.run_sync(exports.file, segment_id)
    etag = f'"{found.sha256}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    name = path.name if path.suffix == ".parquet" else f"{segment_id}.parquet"
    return FileResponse(path, media_type=PARQUET, filename=name, headers=headers)


@router.get("/records", responses=RECORDS, response_class=Response)
async def records(
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    topic: Topic,
    partition: Annotated[int, Query(ge=0)],
    start: Annotated[int, Query(alias="from", ge=0, description="offset of the first record wanted")],
    limit: Annotated[int, Query(ge=1, le=RECORDS_MAX)] = 10_000,
    form: Annotated[
        Literal["ndjson", "arrow"], Query(alias="format", description="JSON lines, or an Arrow stream")
    ] = "ndjson",
) -> Response:
    """A page of records, as JSON lines or an Arrow stream with the typed columns too.

    `x-next-offset` is the `from` of the next page; equal to `x-archive-end`, there is no more for now.
    """
    refuse_unless_permitted(reader)
    exports = exports_of(request, ours)
    about("ArchiveRecords", f"{topic}/{partition}/{start}")

    def work() -> Any:
        return exports.records(topic, partition, start, limit, arrow=form == "arrow")

    page = await anyio.to_thread.run_sync(work, limiter=slow)
    headers = {
        "x-next-offset": str(page.next_offset),
        "x-archive-end": str(page.end),
        "cache-control": "no-store",
    }
    return Response(page.content, media_type=ARROW if form == "arrow" else NDJSON, headers=headers)
