"""Health, readiness, metrics, the message contract, and the page. Open to all: none of it holds a figure.

Metrics carry no names and no account numbers; on a shared network, keep /metrics behind the proxy.
"""

from pathlib import Path

import anyio.to_thread
import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api import past_models
from api.asyncapi_streams import with_streams
from api.auth import Ours
from streams.asyncapi import document as asyncapi_document
from streams.views import RiskView

router = APIRouter(tags=["system"])

NO_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tidemark</title>
<h1>Tidemark is running</h1>
<p>The web page has not been built here. Build it with <code>make page</code>, or use
<code>tidemark positions</code> and the <a href="/openapi.json">API</a>.</p></html>"""


@router.get("/healthz", responses={200: {"model": past_models.Health}})
async def healthz() -> Response:
    """The process is alive."""
    return _json({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        200: {"model": past_models.Ready},
        503: {"model": past_models.Ready, "description": "not yet: `reason`"},
    },
)
async def readyz(ours: Ours) -> Response:
    """503 with the reason until the view has caught up; then also what should be known but stops nothing."""
    status = ours.live.status
    gaps, undecodable = await anyio.to_thread.run_sync(ours.live.read, _doubts)
    warnings = [status.warning] if status.warning else []
    warnings += [f"alerts missing in source partition {p}: {count}" for p, count in gaps.items()]
    warnings += [f"unreadable risk record: {undecodable}"] if undecodable else []
    body = {
        "status": "ready" if status.ready else "not ready",
        "reason": status.reason,
        "records_behind": status.records_behind,
        "warnings": warnings,
    }
    return _json(body, 200 if status.ready else 503)


def _doubts(view: RiskView) -> tuple[dict[int, int], str]:
    return view.alert_book.missing(), view.undecodable_last


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    text = await anyio.to_thread.run_sync(request.app.state.metrics.text)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi() -> Response:
    return _json(with_streams(asyncapi_document()))


def mount_page(app: FastAPI, page_dir: Path | None) -> None:
    """The built page at /, or one that says that it is not built. Last, since it takes every path left."""
    if page_dir is not None and (page_dir / "index.html").is_file():
        app.mount("/", StaticFiles(directory=page_dir, html=True), name="page")
        return

    @app.get("/", include_in_schema=False)
    async def no_page() -> HTMLResponse:
        return HTMLResponse(NO_PAGE)


def _json(body: object, status: int = 200) -> Response:
    content = msgspec.json.encode(body)
    return Response(content, status, media_type="application/json", headers={"Cache-Control": "no-store"})
