"""What middlewares read from the routes is what the document says; the document is made when it is asked for."""

from typing import Any

import anyio
import httpx

from api.app import create_app
from api.openapi import ContractApp, body_schema_of
from api.openapi_operations import Operation, Operations
from tests.api_doubles import services


def by_document(app: ContractApp) -> dict[tuple[str, str], Operation]:
    document = app.openapi()
    schemas = document["components"]["schemas"]

    def told(path: str, method: str, operation: dict[str, Any]) -> Operation:
        body = body_schema_of(operation, schemas)
        contents = {kind for answer in operation["responses"].values() for kind in answer.get("content", {})}
        return Operation(
            method.upper(),
            path,
            None if body is None else frozenset(body.get("properties", ())),
            "multipart/form-data" in operation.get("requestBody", {}).get("content", {}),
            "text/event-stream" in contents,
            frozenset(one["name"] for one in operation.get("parameters", ()) if one.get("deprecated")),
        )

    return {
        (path, method.upper()): told(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def test_operations_of_the_routes_are_those_of_the_document() -> None:
    app = create_app(services())
    found = {(path, name): one for path, methods in Operations(app).all().items() for name, one in methods.items()}
    want = by_document(app)
    assert found.keys() == want.keys()
    assert {place: (one, want[place]) for place, one in found.items() if one != want[place]} == {}
    assert any(one.is_stream for one in found.values())
    assert any(one.takes_form for one in found.values())
    assert any(one.deprecated for one in found.values())


def test_an_address_spelled_out_goes_before_a_parameter() -> None:
    operations = Operations(create_app(services()))
    assert operations.at("/api/v1/plans/preview")["POST"].path == "/api/v1/plans/preview"
    assert operations.at("/api/v1/plans/P-1")["GET"].path == "/api/v1/plans/{plan_no}"
    assert operations.at("/api/v1/nothing") == operations.at("/") == {}
    answer = operations.answer(operations.at("/api/v1/me")["GET"])
    assert answer is not None
    assert answer["$ref"].endswith("/Me")
    assert operations.answer(operations.at("/api/v1/stream")["GET"]) is None


def test_no_start_waits_for_the_document() -> None:
    app = create_app(services())

    async def started() -> None:
        async with app.router.lifespan_context(app):
            assert app.openapi_schema is None
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.options("/api/v1/me")).headers["allow"] == "GET, HEAD, OPTIONS"
                assert app.openapi_schema is None
                assert (await client.get("/openapi.json")).json() == app.openapi_schema

    anyio.run(started)
