"""Files of rows that become commands: which kinds there are, an empty file of each, and the upload itself."""

from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import paper_models
from api.access import about
from api.auth import Ours, Reader
from api.batch_columns import sheet_names, sheet_of
from api.batch_files import CSV, XLSX, blank
from api.batch_upload import ROW_BY_ROW
from api.openapi_files import files
from api.papers import disposition, field_of, file_of, form_of, form_schema
from api.routes.attachments import papers_of
from api.routes.figures import Slow, json_response
from infra.media_types import CSV as CSV_TYPE
from infra.media_types import XLSX as XLSX_TYPE

router = APIRouter(prefix="/uploads", tags=["documents"])

BYTES_MAX = 20 * 1_048_576
MEDIA_TYPES = {XLSX: XLSX_TYPE, CSV: CSV_TYPE}
Format = Annotated[Literal["xlsx", "csv"], Query(description="the kind of file")]
Kind = Annotated[str, Query(max_length=100, description="Aggregate.Command, as RiskAsset.Admit")]
UPLOAD = form_schema(
    kind="Aggregate.Command, as RiskAsset.Admit",
    mode="rows: what can be stored is; all: nothing is, unless every row can",
    entity="the entity the file is of; default: the token's only one",
)


@router.get("/kinds", responses={200: {"model": paper_models.UploadKinds}})
async def kinds(reader: Reader) -> Response:
    """Every command that a file of rows may hold."""
    return json_response(msgspec.json.encode({"kinds": sheet_names()}))


@router.get("/blank", responses=files(XLSX_TYPE, CSV_TYPE), response_class=Response)
async def empty(reader: Reader, ours: Ours, kind: Kind, format: Format = "xlsx") -> Response:
    """An empty file with the columns of a command; in .xlsx a second sheet says what each may hold."""
    sheet = sheet_of(kind)
    made = await anyio.to_thread.run_sync(lambda: blank(sheet, format, ours.clock()))
    headers = {"content-disposition": disposition(f"{sheet.name}.{format}")}
    return Response(made, headers=headers, media_type=MEDIA_TYPES[format])


@router.post("", openapi_extra=UPLOAD, responses={200: {"model": paper_models.Uploaded}})
async def upload(request: Request, reader: Reader, ours: Ours, slow: Slow) -> Response:
    """Carry out every row as a command of the token's actor. `rows` tells what became of each, `results` is the file
    with that added. The same file again stores nothing twice."""
    papers = papers_of(ours)
    async with form_of(request, min(BYTES_MAX, papers.attachments.bytes_max)) as form:
        file = file_of(form)
        kind = field_of(form, "kind", required=True) or ""
        about(kind, "-")
        mode, entity = field_of(form, "mode") or ROW_BY_ROW, field_of(form, "entity")

        def work() -> dict[str, Any]:
            data = file.file.read()
            done = papers.uploads.upload(data, file.filename or "", kind, writer=reader, entity=entity, mode=mode)
            return done.to_json()

        return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work, limiter=slow)))
