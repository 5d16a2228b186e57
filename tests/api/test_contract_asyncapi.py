"""The AsyncAPI document is one by the standard's own JSON Schema, and the live stream sends what it says."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api.asyncapi_streams import EVENTS, data_schema, with_streams
from streams.asyncapi import document
from tests.api.contract_watch import inlined
from tests.api_doubles import client_of, services

STANDARD = Path(__file__).parent.parent / "client/node_modules/@asyncapi/specs/schemas/3.0.0.json"
DOCUMENT: dict[str, Any] = with_streams(document())


@pytest.mark.skipif(not STANDARD.is_file(), reason="@asyncapi/specs is not installed: (cd tests/client && npm ci)")
def test_the_document_is_valid_by_the_standards_schema() -> None:
    standard = jsonschema_rs.Draft7Validator(json.loads(STANDARD.read_text()))
    assert [f"{list(error.instance_path)}: {error.message[:200]}" for error in standard.iter_errors(DOCUMENT)][
        :5
    ] == []
    broken = DOCUMENT | {"channels": {"x": {"messages": []}}}
    assert not standard.is_valid(broken)


def test_every_reference_leads_somewhere_and_every_event_has_its_message() -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(reference := part.get("$ref"), str):
                found: Any = DOCUMENT
                for name in reference.removeprefix("#/").split("/"):
                    found = found[name]
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(DOCUMENT)
    for address in ("stream", "ws"):
        assert {*DOCUMENT["channels"][address]["messages"]} == {f"{address}.{event}" for event in EVENTS}


def test_the_stream_sends_what_is_told() -> None:
    definitions = inlined(DOCUMENT["components"]["schemas"])
    with client_of(services()) as client, client.stream("GET", "/api/v1/stream") as answer:
        lines = answer.iter_lines()
        event = next(line for line in lines if line.startswith("event:")).removeprefix("event:").strip()
        data = json.loads(next(line for line in lines if line.startswith("data:")).removeprefix("data:"))
    schema = inlined(data_schema(event)) | {"$defs": definitions}
    assert (event, list(jsonschema_rs.Draft202012Validator(schema).iter_errors(data))) == ("state", [])
    del data["positions"]["rows"][0]["position"]
    assert not jsonschema_rs.Draft202012Validator(schema).is_valid(data)
