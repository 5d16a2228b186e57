"""The OpenAPI 3.1 document, finished from what the routes declare: names, problems, security, headers, sparse fields.

Everything that holds for all operations is added here once, and the middlewares that make it true read the same
routes (`api.openapi_operations`). Not for what one operation answers: its route declares that.
"""

from collections import Counter
from threading import Lock
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts

from api import openapi_examples, openapi_parameters, openapi_problems
from api.openapi_names import PREFIX, operation_id, summary, told_apart

Json = dict[str, Any]

SECURITY: list[Json] = [{"bearer": []}, {"session": []}]
SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`tidemark token` issues one"},
    "session": {"type": "apiKey", "in": "cookie", "name": "tidemark_session", "description": "set by `/login`"},
}
TAGS = {
    "alert rules": "rules in CEL: drafted, tried on the past, enabled by another person",
    "alerts": "alerts, what was done about them, who is told and when not, each message sent",
    "archive": "the archived log for other systems: files, and records by their place",
    "audit": "proofs of what was recorded, and checks of everything stored",
    "calculations": "the engines by themselves: figures from the numbers given",
    "changes": "why a position or a gap moved between two cuts",
    "contingency funding": "plans and breaches of limits, from proposal to end",
    "contracts": "the contracts behind a gap, and their flows",
    "counterfactuals": "a past period played again under other rules, beside what happened",
    "documents": "papers filled from cases, attachments, files of rows that become commands",
    "figures": "live positions, gaps and withdrawals, each with its cut",
    "ledgers": "ledgers as of a day and as known at an instant: asked, printed, exported, saved as views",
    "limits": "limits that are not kept, and the recorded cuts they were judged on",
    "lineage": "what an entry or a decision touched",
    "nostro": "statements of our accounts with other banks, beside our own positions",
    "past": "answers checked by replay, and how a case came about",
    "privacy": "personal data: whose there is, and its erasure by two administrators",
    "ratios": "liquidity ratios and who can break them",
    "recoveries": "cash expected from disposals, as it is and in stress",
    "reports": "pivots and dashboards: asked, saved, scheduled, exported",
    "risk assets": "loan notes and the cases about them, and commands on any of these",
    "session": "who asks",
    "stream": "server-sent events that resume without loss or repeats",
    "system": "health and the access log",
    "trust": "which figures can be trusted now, and how the installation is",
    "withdrawal desk": "announced withdrawals, their approvals, and transfers between branches",
    "work lists": "what waits for whom, deadlines, messages, totals, search",
}
FIELDS: Json = {
    "name": "fields",
    "in": "query",
    "required": False,
    "description": "only these fields of the answer, by commas; `rows.entity` for a field of each row",
    "schema": {"type": "string", "maxLength": 2_000, "pattern": r"^[A-Za-z0-9_.\-]+(,[A-Za-z0-9_.\-]+)*$"},
    "example": "provenance.digest",
}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "the ETag of an earlier answer: 304 if it still holds",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "in place of `cmd_id`, or beside it with the same value; the same key again: the same answer",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "the ETag of the case that you decided on, in place of `expected_version`; else 409",
    "schema": {"type": "string", "pattern": r'^(\*|(W/)?"[1-9][0-9]{0,8}")$'},
    "example": '"7"',
}
UNCHANGED: Json = {
    "description": "what you have still holds",
    "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
}

ADDRESS = "/openapi.json"

#: The document of these routes: making one takes a second, and each of many apps in tests has the same.
_FINISHED: dict[tuple[object, ...], Json] = {}
_LOCK = Lock()


class ContractApp(FastAPI):
    """FastAPI whose document is finished by `finish`, and made when it is first asked for, beside the event loop."""

    def setup(self) -> None:
        """Called once by FastAPI, which would make the document within the loop; its pages are not wanted."""

        async def document(_request: Request) -> JSONResponse:
            return await anyio.to_thread.run_sync(lambda: JSONResponse(self.openapi()))

        self.add_route(ADDRESS, document, include_in_schema=False)

    def openapi(self) -> Json:
        if self.openapi_schema is None:
            key = (self.version, *(_name(route) for route in iter_route_contexts(self.routes)))
            with _LOCK:
                if key not in _FINISHED:
                    _FINISHED.clear()  # a process has one set of routes, but where tests make others
                    _FINISHED[key] = finish(super().openapi())
                self.openapi_schema = _FINISHED[key]
        return self.openapi_schema


def _name(route: Any) -> tuple[str, str, str]:
    """A route by address and function: a function made within `create_app` is another object in each app."""
    made = getattr(route, "endpoint", None)
    return str(route.path), getattr(made, "__module__", "-"), getattr(made, "__qualname__", "-")


def finish(document: Json) -> Json:
    """The document with all that holds for every operation."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    names = Counter(operation_id(method, path) for path, found in document["paths"].items() for method in found)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = operation_id(method, path)
            operation["operationId"] = named if names[named] == 1 else told_apart(method, path)
            _finish(method, path, operation, schemas)
    for part, found in openapi_problems.components().items():
        document["components"].setdefault(part, {}).update(found)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)  # the framework's own form, which never leaves here
    names_of = clean_names([*schemas])
    document = _renamed(document, {f"#/components/schemas/{old}": new for old, new in names_of.items()})
    schemas = {
        names_of[old]: schema | {"title": names_of[old]} for old, schema in document["components"]["schemas"].items()
    }
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    document["components"]["securitySchemes"] = SCHEMES
    document["security"] = SECURITY
    document["servers"] = [{"url": "/", "description": "this server"}]
    document["info"]["license"] = {"name": "see the repository"}
    used = {tag for operations in document["paths"].values() for one in operations.values() for tag in one["tags"]}
    document["tags"] = [{"name": tag, "description": TAGS.get(tag, tag)} for tag in sorted(used)]
    return document


def clean_names(names: list[str]) -> dict[str, str]:
    """Names of schemas as classes may have them; the framework tells equal ones apart by module and direction.

    `api__routes__breaches__Opening` -> `BreachesOpening`, `Target-Output` -> `TargetOutput`.
    """
    plain = {name for name in names if "__" not in name and "-" not in name}
    found: dict[str, str] = {name: name for name in plain}
    for name in sorted(set(names) - plain):
        *modules, last = name.split("__")
        module = modules[-1].removesuffix("models") if modules else ""
        chosen = "".join(part.capitalize() for part in module.split("_")) + last.replace("-", "")
        while chosen in found.values():
            chosen += "2"
        found[name] = chosen
    return found


def _renamed(part: Any, new_by_reference: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {
            name: f"#/components/schemas/{new_by_reference[value]}"
            if name == "$ref" and value in new_by_reference
            else _renamed(value, new_by_reference)
            for name, value in part.items()
        }
    return [_renamed(one, new_by_reference) for one in part] if isinstance(part, list) else part


def _finish(method: str, path: str, operation: Json, schemas: Json) -> None:
    is_open = not path.startswith(PREFIX)
    operation["summary"] = summary(operation.get("description", "")) or operation["operationId"].replace("_", " ")
    if is_open:
        operation["security"] = []
    parameters = operation.setdefault("parameters", [])
    if not is_open and method == "get" and json_schema_of(operation) is not None:
        parameters.append(FIELDS)
        if "if-none-match" not in {parameter["name"].lower() for parameter in parameters}:
            parameters.append(IF_NONE_MATCH)
        operation["responses"]["304"] = UNCHANGED
        _headers(operation, "ETag")
        if "cursor" in {parameter["name"] for parameter in parameters}:
            _headers(operation, "Link")
    if not is_open and method in openapi_problems.UNSAFE:
        parameters[:] = [parameter for parameter in parameters if parameter["name"].lower() != "idempotency-key"]
        parameters.append(IDEMPOTENCY_KEY)
        _key_may_come_as_a_header(operation, schemas)
        if "expected_version" in (body_schema_of(operation, schemas) or {}).get("properties", {}):
            parameters.append(IF_MATCH)
    openapi_parameters.describe(path.removeprefix(PREFIX), parameters)
    if not parameters:
        del operation["parameters"]
    openapi_examples.show(method, path.removeprefix(PREFIX), operation)
    openapi_problems.add(method, path, operation, is_open=is_open)
    if not is_open:
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                _headers(answer, "RateLimit", "RateLimit-Policy")
            if status == "202":
                _headers(answer, "Location")


def json_schema_of(operation: Json) -> Json | None:
    """The schema of what it answers as JSON; None: it answers something else."""
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2") and "application/json" in answer.get("content", {}):
            found: Json = answer["content"]["application/json"].get("schema", {})
            return None if "x-file" in found else found
    return None


def body_schema_of(operation: Json, schemas: Json) -> Json | None:
    """The schema of the JSON body that it takes, by its name resolved; None: it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    schema: Json = content["application/json"].get("schema", {})
    if "$ref" in schema:
        resolved: Json = schemas[schema["$ref"].rsplit("/", 1)[1]]
        return resolved
    return schema


def _key_may_come_as_a_header(operation: Json, schemas: Json) -> None:
    schema = body_schema_of(operation, schemas)
    if schema is not None and "cmd_id" in schema.get("required", ()):
        schema["required"] = [name for name in schema["required"] if name != "cmd_id"]


def _headers(target: Json, *names: str) -> None:
    """Headers of an answer, or of all 2xx answers of an operation."""
    answers = (
        [target]
        if "responses" not in target
        else [answer for status, answer in target["responses"].items() if status.startswith("2")]
    )
    for answer in answers:
        answer.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in names})
