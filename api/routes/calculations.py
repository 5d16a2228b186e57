"""Calculations on demand over HTTP: the same engines, inputs and results as `tidemark calc`."""

from typing import Any, Literal

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.auth import Reader
from api.calculations import generic_sheets, registry
from api.routes.figures import Slow, json_response

router = APIRouter(prefix="/calculations", tags=["calculations"])

BODY_BYTES_MAX = 16 << 20
_ANY_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}


class CalculationName(BaseModel):
    name: str
    description: str


class Calculations(BaseModel):
    calculations: list[CalculationName]


class VariantKeys(BaseModel):
    name: str
    required: list[str] = Field(description="the keys that choose this variant")


class ExampleInput(BaseModel):
    variant: str
    source: str
    input: dict[str, Any] = Field(description="computes as it stands")


class CalculationAbout(CalculationName):
    variants: list[VariantKeys]
    examples: list[ExampleInput] = Field(description="at most one a variant, the first for a beginning")
    input_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema of the input")


class SheetShown(BaseModel):
    title: str
    columns: list[str]
    rows: list[dict[str, str | None]]
    amounts: list[str] = Field(description="the columns of decimal text")


class WithSheets(BaseModel):
    """The answer with `view=sheets`."""

    result: dict[str, Any]
    sheets: list[SheetShown]


@router.get("", responses={200: {"model": Calculations}})
async def calculations(reader: Reader) -> Response:
    """Names and descriptions of all calculations."""
    return json_response(await anyio.to_thread.run_sync(_listed))


@router.get("/{name}", responses={200: {"model": CalculationAbout}})
async def calculation(reader: Reader, name: str) -> Response:
    """What one calculation takes: its variants, inputs that compute, and the JSON Schema."""
    return json_response(await anyio.to_thread.run_sync(_about, name))


@router.get("/{name}/schema", responses={200: {"model": dict[str, Any]}})
async def schema(reader: Reader, name: str) -> Response:
    """JSON Schema of the input of one calculation."""
    return json_response(await anyio.to_thread.run_sync(lambda: msgspec.json.encode(registry.find(name).schema())))


@router.post(
    "/{name}",
    responses={200: {"model": WithSheets | dict[str, Any]}},
    openapi_extra={"requestBody": _ANY_OBJECT},
)
async def calculate(
    reader: Reader,
    slow: Slow,
    request: Request,
    name: str,
    view: Literal["result", "sheets"] = Query(
        default="result", description="`sheets`: {result, sheets}, the result and beside it its tables for people"
    ),
) -> Response:
    """The result for the input in the body. Stores nothing; the same input gives the same result."""
    content = await _body(request)

    def work() -> bytes:
        found = registry.find(name)
        result = found.compute(registry.parse(content))
        return msgspec.json.encode(
            result if view == "result" else {"result": result, "sheets": _sheets(found, result)}
        )

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def _listed() -> bytes:
    found = [{"name": name, "description": registry.find(name).description} for name in registry.names()]
    return msgspec.json.encode({"calculations": found})


def _about(name: str) -> bytes:
    found = registry.find(name)
    about = {
        "name": found.name,
        "description": found.description,
        "variants": [{"name": variant.name, "required": sorted(variant.required)} for variant in found.variants],
        "examples": registry.examples(name),
        "schema": found.schema(),
    }
    return msgspec.json.encode(about)


def _sheets(found: registry.Calculation, result: registry.Result) -> list[registry.Sheet]:
    """The calculation's own tables, else what its keys say."""
    return list((found.sheets or generic_sheets.sheets)(result))


async def _body(request: Request) -> bytes:
    """The body, read only as far as it may be long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > BODY_BYTES_MAX:
            raise HTTPException(413, f"an input may have {BODY_BYTES_MAX} bytes; use `tidemark calc` for more")
        parts.append(part)
    return b"".join(parts)
