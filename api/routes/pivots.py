"""Pivots and dashboards over HTTP: what can be asked, answers, rows behind a cell, files, kept ones, schedules.

Thin: parse, ask off the event loop, answer. Definitions travel in bodies, since they do not fit an address.
"""

from collections.abc import Callable
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from api import pivot_models, pivots
from api.access import about
from api.auth import Ours, Reader, permitted
from api.decision_models import Outcome
from api.ledger_exports import Exported
from api.moments import moment
from api.openapi_files import FILE_TYPES, Responses, files
from api.paging import LIMIT_MAX, Cursor, Limit, PageAsked, page_after, paged
from api.papers import disposition
from api.pivot_models import Arranged, Asked, Command, Drilled, FormName, Saved, Scheduled, Shared, Taken
from api.pivot_room import PivotRoom
from api.pivot_saved import DASHBOARD, PIVOT
from api.routes.figures import Slow, json_response
from engines.primitives.errors import InvalidInput, Unavailable
from infra.exports import Language
from infra.pivot_definition import Definition, Moment

router = APIRouter(tags=["reports"])
STORED: Responses = {200: {"model": Outcome}}
FILES = files(*FILE_TYPES)
TAKEN = {"cache-control": "private, no-store"}
Form = Annotated[FormName, Query(alias="form")]
Tongue = Annotated[Language, Query(alias="language", description="of titles")]
AsOf = Annotated[str | None, Query(max_length=10, description="business date; default: each entity's own")]
KnownAt = Annotated[str | None, Query(max_length=40, description="an instant: as of what was recorded before it")]


# --- Asked freely --------------------------------------------------------------------------------------------------


@router.get("/pivots/sources", responses={200: {"model": pivot_models.Sources}})
async def sources(reader: Reader, ours: Ours) -> Response:
    """Every source of facts with its dimensions and figures."""
    return await _answered(lambda: {"sources": pivots.described(ours)})


@router.post("/pivots/run", responses={200: {"model": pivot_models.PivotAnswer}})
async def run(reader: Reader, ours: Ours, slow: Slow, body: Asked) -> Response:
    """A pivot at one cut, which the answer names."""
    asked = Definition.of(body.definition)
    about("Pivot", asked.source)
    return await _answered(lambda: _room(ours).pivots.run(ours, asked, reader).body, slow)


@router.post("/pivots/drill", responses={200: {"model": pivot_models.Behind}})
async def drill(reader: Reader, ours: Ours, slow: Slow, body: Drilled) -> Response:
    """The entries, cells or ledger rows behind one cell; shorter members are a subtotal's."""
    asked = Definition.of(body.definition)
    about("Pivot", asked.source)
    room = _room(ours)
    return await _answered(
        lambda: room.pivots.drill(ours, asked, reader, body.row, body.column, body.limit, body.offset), slow
    )


@router.post("/pivots/export", responses=FILES, response_class=Response)
async def export(reader: Reader, ours: Ours, slow: Slow, body: Taken) -> Response:
    """The answer as a file with its stamp."""
    asked = Definition.of(body.definition)
    about("Pivot", asked.source)
    room = _room(ours)
    return await _filed(
        lambda: room.pivots.export(ours, asked, reader, body.form, body.language, title=body.title), slow
    )


# --- Kept ----------------------------------------------------------------------------------------------------------


@router.get("/pivots", responses={200: {"model": pivot_models.KeptPivots}})
async def listed(
    request: Request, reader: Reader, ours: Ours, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> Response:
    """The reader's own pivots and those shared with one of the reader's roles."""
    return await _listed(request, reader, ours, PIVOT, "pivots", PageAsked(cursor, limit))


@router.post("/pivots", responses=STORED)
async def save(reader: Reader, ours: Ours, body: Saved) -> Response:
    """Keep a question, or change an own one: each change is a revision."""
    asked = Definition.of(body.definition)
    room, at = _room(ours), ours.clock()
    return await _answered(
        lambda: room.saved.save(
            body.pivot_no, body.title, asked, reader, at, body.cmd_id, body.entity or _home(ours, reader)
        ).to_json()
    )


@router.get("/pivots/{pivot_no}", responses={200: {"model": pivot_models.WholePivot}})
async def one(pivot_no: str, reader: Reader, ours: Ours) -> Response:
    """A kept question with its revisions and its schedule."""
    saved = _room(ours).saved
    return await _answered(
        lambda: saved.find(PIVOT, pivot_no, reader).to_json(reader) | {"revisions": saved.revisions(pivot_no, reader)}
    )


@router.get("/pivots/{pivot_no}/run", responses={200: {"model": pivot_models.TitledAnswer}})
async def run_kept(
    pivot_no: str, reader: Reader, ours: Ours, slow: Slow, as_of: AsOf = None, known_at: KnownAt = None
) -> Response:
    """Its answer now or at a moment, by the rights of whoever asks."""
    room = _room(ours)
    when = _moment(as_of, known_at)

    def work() -> dict[str, Any]:
        kept = room.saved.find(PIVOT, pivot_no, reader)
        return room.pivots.run(ours, kept.definition.at(when), reader).body | {"title": kept.title}

    return await _answered(work, slow)


@router.get("/pivots/{pivot_no}/export", responses=FILES, response_class=Response)
async def export_kept(
    pivot_no: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    form: Form = "xlsx",
    language: Tongue = "zh",
) -> Response:
    """Its answer as a file."""
    about("Pivot", pivot_no)
    room, when = _room(ours), _moment(as_of, known_at)

    def work() -> Exported:
        kept = room.saved.find(PIVOT, pivot_no, reader)
        asked = kept.definition.at(when)
        return room.pivots.export(ours, asked, reader, form, language, name=kept.key, title=kept.title)

    return await _filed(work, slow)


@router.get("/pivots/{pivot_no}/deliveries", responses={200: {"model": pivot_models.DeliveredFiles}})
async def deliveries(pivot_no: str, reader: Reader, ours: Ours) -> Response:
    """Files that its schedule made and that are kept, newest first."""
    room = _room(ours)
    return await _answered(
        lambda: {"deliveries": room.scheduled.listed(room.saved.find(PIVOT, pivot_no, reader), ours)}
    )


@router.get("/pivots/{pivot_no}/deliveries/{business_date}/file", responses=FILES, response_class=FileResponse)
async def delivered(pivot_no: str, business_date: str, reader: Reader, ours: Ours) -> Response:
    """One of them. Personal values in it are masked; it holds what its maker was allowed to see."""
    about("Pivot", pivot_no)
    room = _room(ours)

    def work() -> tuple[Any, str, str]:
        return room.scheduled.file(room.saved.find(PIVOT, pivot_no, reader), business_date, reader, ours)

    path, name, media_type = await anyio.to_thread.run_sync(work)
    headers = {**TAKEN, "content-disposition": disposition(f"{pivot_no}-{name}")}
    return FileResponse(path, media_type=media_type, headers=headers)


@router.post("/pivots/{pivot_no}/share", responses=STORED)
async def share(pivot_no: str, reader: Reader, ours: Ours, body: Shared) -> Response:
    """Share an own pivot with roles, and with no others any more."""
    return await _told(ours, PIVOT, "Share", pivot_no, {"with_roles": body.roles}, reader, body.cmd_id)


@router.post("/pivots/{pivot_no}/schedule", responses=STORED)
async def schedule(pivot_no: str, reader: Reader, ours: Ours, body: Scheduled) -> Response:
    """Have an own pivot run after each business date, week or month, by the rights that one has now."""
    entities = permitted(reader, None)

    def since() -> str | None:
        dates = ours.live.read(lambda view: dict(view.business_dates))
        open_days = [day for name, day in dates.items() if entities is None or name in entities]
        return min(open_days).isoformat() if open_days else None

    payload: dict[str, object] = body.model_dump(exclude={"cmd_id"})
    if (day := await anyio.to_thread.run_sync(since)) is not None:
        payload["since"] = day
    return await _told(ours, PIVOT, "Schedule", pivot_no, payload, reader, body.cmd_id)


@router.post("/pivots/{pivot_no}/unschedule", responses=STORED)
async def unschedule(pivot_no: str, reader: Reader, ours: Ours, body: Command) -> Response:
    """End its schedule; files that were made stay."""
    return await _told(ours, PIVOT, "Unschedule", pivot_no, {}, reader, body.cmd_id)


@router.post("/pivots/{pivot_no}/retire", responses=STORED)
async def retire(pivot_no: str, reader: Reader, ours: Ours, body: Command) -> Response:
    """End an own pivot; what it was stays in the log."""
    return await _told(ours, PIVOT, "Retire", pivot_no, {}, reader, body.cmd_id)


# --- Dashboards ----------------------------------------------------------------------------------------------------


@router.get("/dashboards", responses={200: {"model": pivot_models.KeptDashboards}})
async def dashboards(
    request: Request, reader: Reader, ours: Ours, cursor: Cursor = None, limit: Limit = LIMIT_MAX
) -> Response:
    """The reader's own dashboards and those shared with one of the reader's roles."""
    return await _listed(request, reader, ours, DASHBOARD, "dashboards", PageAsked(cursor, limit))


@router.post("/dashboards", responses=STORED)
async def arrange(reader: Reader, ours: Ours, body: Arranged) -> Response:
    """Keep an arrangement of tiles, or change an own one."""
    room, at = _room(ours), ours.clock()
    return await _answered(
        lambda: room.saved.arrange(
            body.dashboard_no, body.title, body.tiles, reader, at, body.cmd_id, body.entity or _home(ours, reader)
        ).to_json()
    )


@router.get("/dashboards/{dashboard_no}", responses={200: {"model": pivot_models.KeptDashboard}})
async def dashboard(dashboard_no: str, reader: Reader, ours: Ours) -> Response:
    """Its tiles."""
    return await _answered(lambda: _room(ours).saved.find(DASHBOARD, dashboard_no, reader).to_json(reader))


@router.post("/dashboards/{dashboard_no}/share", responses=STORED)
async def share_dashboard(dashboard_no: str, reader: Reader, ours: Ours, body: Shared) -> Response:
    """Share an own dashboard with roles; each looks with the own rights."""
    return await _told(ours, DASHBOARD, "Share", dashboard_no, {"with_roles": body.roles}, reader, body.cmd_id)


@router.post("/dashboards/{dashboard_no}/retire", responses=STORED)
async def retire_dashboard(dashboard_no: str, reader: Reader, ours: Ours, body: Command) -> Response:
    """End an own dashboard."""
    return await _told(ours, DASHBOARD, "Retire", dashboard_no, {}, reader, body.cmd_id)


# --- Answers -------------------------------------------------------------------------------------------------------


def _room(ours: Ours) -> PivotRoom:
    """Raises Unavailable: this server makes no reports."""
    if ours.pivots is None:
        raise Unavailable("this server makes no reports")
    return ours.pivots


def _home(ours: Ours, reader: Reader) -> str | None:
    """Where what a reader keeps belongs if nobody says: the first of the reader's entities that is there."""
    known = ours.live.read(lambda view: sorted(view.business_dates))
    mine = permitted(reader, None)
    return next((one for one in known if mine is None or one in mine), min(mine or (), default=None))


def _moment(as_of: str | None, known_at: str | None) -> Moment:
    if moment(as_of, "as_of") is not None and len(as_of or "") != len("2026-01-01"):
        raise InvalidInput("want a day", field="as_of")
    return Moment.of({"as_of": as_of, "known_at": known_at}, "moment")


async def _told(
    ours: Ours, kind: str, command: str, key: str, payload: dict[str, object], reader: Reader, cmd_id: str
) -> Response:
    room, at = _room(ours), ours.clock()
    return await _answered(lambda: room.saved.execute(kind, command, key, payload, reader, at, cmd_id).to_json())


async def _listed(request: Request, reader: Reader, ours: Ours, kind: str, name: str, asked: PageAsked) -> Response:
    saved = _room(ours).saved

    def work() -> dict[str, Any]:
        found, following = page_after(saved.listed(kind, reader), asked, lambda one: (one.key,))
        return {name: [one.to_json(reader) for one in found], "cursor": following}

    return paged(request, await anyio.to_thread.run_sync(work))


async def _answered(work: Callable[[], dict[str, Any]], slow: Slow | None = None) -> Response:
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work, limiter=slow)))


async def _filed(work: Callable[[], Exported], slow: Slow) -> Response:
    found = await anyio.to_thread.run_sync(work, limiter=slow)
    headers = {
        **TAKEN,
        "content-disposition": disposition(found.file_name),
        "x-body-sha256": found.stamp.digest,
        "x-row-count": str(found.stamp.row_count),
    }
    return Response(found.content, headers=headers, media_type=found.form.media_type)
