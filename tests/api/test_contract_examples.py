"""The bodies that the document shows are taken as they stand, and with a value of another type they are not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from httpx import Client, Response

from aggregates.envelope import ROLES, Principal
from api.app import create_app
from api.openapi import body_schema_of
from api.openapi_examples import BY_PLACE
from tests.api.contract_watch import Checker
from tests.api_doubles import client_of, services
from tests.contract_world import contract_services

Json = dict[str, Any]
#: A calculation's example depends on its name: `GET /calculations/{name}` tells it.
WITHOUT = {"/api/v1/calculations/{name}"}
DAYS = ("date", "date-time")


@pytest.fixture(scope="module")
def document() -> Json:
    return create_app(services()).openapi()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks as somebody with every role in one entity."""
    folder: Path = tmp_path_factory.mktemp("examples")
    everybody = Principal("U-601", tuple(ROLES), "HQ", ("NORTH",))
    with contract_services(folder, verify_token=lambda _token, _now: everybody) as ours, client_of(ours) as found:
        yield found


def with_bodies(document: Json) -> Iterator[tuple[str, str, Json, Json]]:
    for path, found in document["paths"].items():
        for method, operation in found.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None and path not in WITHOUT:
                yield method, path, operation, content


def address(path: str, operation: Json) -> str:
    """With a first value for each part that may be one of several, and with X-1 for what is numbered."""
    choices = {part["name"]: part["schema"].get("enum", ["X-1"])[0] for part in operation.get("parameters", ())}
    return re.sub(r"\{(\w+)\}", lambda part: str(choices[part[1]]), path)


def formats(schema: Json) -> set[str]:
    """Formats of the text that a field may hold."""
    return {one["format"] for one in (schema, *schema.get("anyOf", ())) if "format" in one}


def types(schema: Json) -> set[str]:
    return {one["type"] for one in (schema, *schema.get("anyOf", ())) if "type" in one}


def sent(client: Client, method: str, path: str, operation: Json, body: Json) -> Response:
    return client.request(method, address(path, operation), json=body)


def test_bodies_have_examples_as_their_schemas_want(document: Json) -> None:
    definitions = Checker(document).definitions
    for method, path, _, content in with_bodies(document):
        schema = {"$ref": content["schema"]["$ref"].replace("#/components/schemas/", "#/$defs/")}
        checker = jsonschema_rs.validator_for({**schema, "$defs": definitions})
        assert "example" in content, (method, path)
        assert [str(error) for error in checker.iter_errors(content["example"])] == [], (method, path)


def test_examples_are_not_refused_as_badly_written(document: Json, client: Client) -> None:
    wrong = {}
    for method, path, operation, content in with_bodies(document):
        answer = sent(client, method, path, operation, content["example"])
        if answer.status_code not in (200, 202, 404, 409, 503) and path != "/api/v1/past/replay":
            wrong[method, path] = answer.text
    assert wrong == {}


def test_what_is_of_another_type_is_refused(document: Json, client: Client) -> None:
    """pydantic reads 0 as the first day of 1970, and false as 0: schemathesis found both."""
    tried = set()
    for method, path, operation, content in with_bodies(document):
        schema = body_schema_of(operation, document["components"]["schemas"])
        assert schema is not None
        for name, field in schema["properties"].items():
            if formats(field) & {*DAYS} or "integer" in types(field):
                wrong = 0 if formats(field) & {*DAYS} else False
                answer = sent(client, method, path, operation, content["example"] | {name: wrong})
                assert answer.status_code == 422, (path, name, answer.text)
                assert name in answer.json()["facts"]["field"]
                tried.add(name)
    rule = BY_PLACE["post", "/alert-rules/preview"]["rule"]
    for body in ({"rule": rule | {"arming_s": False}}, {"rule": rule, "to": {"tm.risk.cut.v1/0": False}}):
        assert client.post("/api/v1/alert-rules/preview", json=body).status_code == 422
    for path, found in document["paths"].items():
        for parameter in found.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query" and formats(parameter["schema"]) & {*DAYS}:
                answer = client.get(address(path, found["get"]), params={parameter["name"]: "0"})
                assert answer.status_code == 422, (path, parameter["name"], answer.text)
                tried.add(parameter["name"])
    assert {
        "valid_on",
        "known_at",
        "document_on",
        "expected_version",
        "step",
        "day",
        "since",
        "from_time",
        "at",
    } <= tried
