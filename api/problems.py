"""Errors as RFC 9457 problem documents: one shape for all of them, ours, the framework's and the unforeseen.

A 5xx tells the client nothing of our insides, save what is unavailable. Not for logging: who raises does
not log, and only the unforeseen is logged here.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.access import failed
from engines.primitives import errors as e
from infra.security import Unauthenticated

log = structlog.get_logger()

STATUS_BY_KIND: Mapping[type, int] = {
    e.InvalidInput: 422,
    e.NotFound: 404,
    e.Forbidden: 403,
    e.Rejected: 409,
    e.Conflict: 409,
    e.Unavailable: 503,
}
STATUS_BY_CODE = {Unauthenticated.code: 401}
MEDIA_TYPE = "application/problem+json"


def status_of(error: e.TidemarkError) -> int:
    by_kind = (STATUS_BY_KIND[kind] for kind in type(error).__mro__ if kind in STATUS_BY_KIND)
    return STATUS_BY_CODE.get(error.code) or next(by_kind, 500)


def body_of(status: int, code: str, detail: str = "", facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"type": f"/problems/{code}", "title": code, "status": status}
    if detail:
        body["detail"] = detail
    if facts is not None:
        body["facts"] = facts
    return body


def facts_of(error: e.TidemarkError) -> dict[str, Any]:
    """The problem of one item of many, which does not fail the whole request."""
    return body_of(status_of(error), error.code, str(error), error.facts)


def document(status: int, code: str, detail: str = "", facts: Mapping[str, Any] | None = None) -> Response:
    body = body_of(status, code, detail, facts)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(msgspec.json.encode(body), status, headers=headers, media_type=MEDIA_TYPE)


def response(error: e.TidemarkError) -> Response:
    status = status_of(error)
    if status < 500 or isinstance(error, e.Unavailable):
        return document(status, error.code, str(error), error.facts)
    log.error("request_failed", code=error.code, error=str(error), **error.facts)
    return document(status, error.code)


def install(app: FastAPI) -> None:
    app.add_exception_handler(e.TidemarkError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _of_bug)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, e.TidemarkError)  # noqa: S101 - registered for this kind only
    failed(error)
    return response(error)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this kind only
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return document(422, "invalid-input", f"{field}: {first['msg']}", {"field": field})


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this kind only
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code)
    code = code or HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    answer = document(error.status_code, code, str(error.detail), {"path": request.url.path})
    answer.headers.update(error.headers or {})
    return answer


async def _of_bug(request: Request, error: Exception) -> Response:
    log.error("request_crashed", path=request.url.path, kind=type(error).__name__)
    return document(500, "internal")
