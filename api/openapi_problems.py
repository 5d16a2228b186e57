"""Which problem documents an operation can answer with, told in OpenAPI. One schema for all of them.

The set of an operation follows from what it takes: a token, a body, a part of the path, a method that changes
something. So no route has to list them, and none can forget one.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

Json = dict[str, Any]

MEDIA_TYPE = "application/problem+json"
UNSAFE = frozenset({"post", "put", "patch", "delete"})

PROBLEM: Json = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem document. `title` is a stable code; `facts` name the field or record.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/problems/invalid-input"]},
        "title": {"type": "string", "examples": ["invalid-input"]},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "examples": [422]},
        "detail": {"type": "string", "examples": ["limit: Input should be less than or equal to 1000"]},
        "facts": {"type": "object", "additionalProperties": True, "examples": [{"field": "limit"}]},
    },
}

TEXTS: Mapping[int, str] = MappingProxyType(
    {
        400: "the request cannot be read",
        401: "bring a valid token",
        403: "the token is known, but may not",
        404: "not there, or not among the entities of the token",
        409: "a rule said no (`rejected`, `facts.guard`), or somebody was first (`conflict`)",
        413: "the body is too long",
        415: "the body is of a media type that is not taken here",
        422: "correct the field in `facts.field`",
        429: "too many requests: wait `Retry-After` seconds",
        503: "try later; `detail` says what is awaited",
    }
)
_LIMIT_HEADERS = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
HEADERS: Mapping[str, Json] = MappingProxyType(
    {
        "RateLimit": {
            "description": 'what is left: `"read";r=5999;t=1` (draft-ietf-httpapi-ratelimit-headers)',
            "schema": {"type": "string"},
        },
        "RateLimit-Policy": {"description": 'the quota: `"read";q=6000;w=60`', "schema": {"type": "string"}},
        "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}},
        "ETag": {
            "description": "give it back as `If-None-Match`: 304 if it still holds",
            "schema": {"type": "string"},
        },
        "Location": {
            "description": "where the job that was begun says how far it is",
            "schema": {"type": "string", "format": "uri-reference"},
        },
        "Link": {"description": 'the next page: `<address>; rel="next"` (RFC 8288)', "schema": {"type": "string"}},
    }
)


def statuses(method: str, path: str, operation: Json, *, is_open: bool) -> Iterator[int]:
    """The problem statuses that this operation can answer with."""
    if not is_open:
        yield from (401, 403, 429, 503)
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    if "{" in path:
        yield 404
    if places or "requestBody" in operation or not is_open:
        yield 422
    if "requestBody" in operation:
        yield from (400, 413, 415)
    if method in UNSAFE or path.startswith("/api/v1/ledger"):  # a saved question may no longer be one
        yield from (404, 409)


def add(method: str, path: str, operation: Json, *, is_open: bool) -> None:
    """The problem responses of an operation; what the route itself declares stays."""
    answers = operation.setdefault("responses", {})
    own = {int(status) for status in answers if status.isdecimal() and int(status) in TEXTS}
    for status in sorted({*statuses(method, path, operation, is_open=is_open), *own}):
        declared = answers.get(str(status), {})
        if "content" not in declared or str(status) == "422":
            answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = dict(sorted(answers.items()))


def components() -> Json:
    """The parts that the references of `add` point to."""
    found: Json = {"schemas": {"Problem": PROBLEM}, "headers": dict(HEADERS), "responses": {}}
    for status, text in TEXTS.items():
        answer: Json = {
            "description": text,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status == 429:
            answer["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}, **_LIMIT_HEADERS}
        found["responses"][f"Problem{status}"] = answer
    return found
