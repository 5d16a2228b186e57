"""Calculations on demand over HTTP: the same engines, inputs and results as `tidemark calc`."""

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.auth import Reader
from api.calculations import registry
from api.routes.figures import Slow, json_response

router = APIRouter(prefix="/calculations", tags=["calculations"])

BODY_BYTES_MAX = 16 << 20
_ANY_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}


class CalculationName(BaseModel):
    name: str
    description: str


class Calculations(BaseModel):
    calculations: list[CalculationName]


@router.get("", responses={200: {"model": Calculations}})
async def calculations(reader: Reader) -> Response:
    """Names and descriptions of all calculations."""
    return json_response(await anyio.to_thread.run_sync(_listed))


@router.get("/{name}/schema")
async def schema(reader: Reader, name: str) -> Response:
    """JSON Schema of the input of one calculation."""
    return json_response(await anyio.to_thread.run_sync(lambda: msgspec.json.encode(registry.find(name).schema())))


@router.post("/{name}", openapi_extra={"requestBody": _ANY_OBJECT})
async def calculate(reader: Reader, slow: Slow, request: Request, name: str) -> Response:
    """The result for the input in the body. Stores nothing; the same input gives the same result."""
    content = await _body(request)

    def work() -> bytes:
        return msgspec.json.encode(registry.find(name).compute(registry.parse(content)))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def _listed() -> bytes:
    found = [{"name": name, "description": registry.find(name).description} for name in registry.names()]
    return msgspec.json.encode({"calculations": found})


async def _body(request: Request) -> bytes:
    """The body, read only as far as it may be long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > BODY_BYTES_MAX:
            raise HTTPException(413, f"an input may have {BODY_BYTES_MAX} bytes; use `tidemark calc` for more")
        parts.append(part)
    return b"".join(parts)
