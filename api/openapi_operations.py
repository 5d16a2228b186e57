"""Finds the documented operation behind a request, so that middlewares do what the document says and nothing else.

Read from the routes, as the document is: making the whole document takes a second, which no start waits for. A test
holds both equal.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.routing import compile_path

from api.openapi import ContractApp, json_schema_of

Json = dict[str, Any]
ByMethod = Mapping[str, "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One of the document. `body_fields`: of its JSON body, None: takes none. `deprecated`: parameters that new
    clients leave alone."""

    method: str
    path: str
    body_fields: frozenset[str] | None
    takes_form: bool
    is_stream: bool
    deprecated: frozenset[str]


class Operations:
    """All operations of an app, by address. Built at the first question, for it needs every route."""

    def __init__(self, app: ContractApp) -> None:
        self._app = app
        self._by_start: dict[str, list[tuple[re.Pattern[str], ByMethod]]] | None = None

    @property
    def schemas(self) -> Mapping[str, Json]:
        """Of the document: blocks while it is made."""
        found: Mapping[str, Json] = self._app.openapi()["components"]["schemas"]
        return found

    def answer(self, operation: Operation) -> Json | None:
        """The schema of its JSON answer; None: it has none. Blocks while the document is made."""
        return json_schema_of(self._app.openapi()["paths"][operation.path][operation.method.lower()])

    def at(self, path: str) -> ByMethod:
        """The operations of an address by method, `GET` and so on; empty: none is documented there."""
        if self._by_start is None:
            self._by_start = self._index()
        for pattern, found in self._by_start.get(_start(path), ()):
            if pattern.fullmatch(path):
                return found
        return {}

    def all(self) -> Mapping[str, ByMethod]:
        """By address as the document has it, then by method."""
        found: dict[str, dict[str, Operation]] = defaultdict(dict)
        for operation in _operations(self._app):
            found[operation.path].setdefault(operation.method, operation)
        return found

    def _index(self) -> dict[str, list[tuple[re.Pattern[str], ByMethod]]]:
        index: dict[str, list[tuple[re.Pattern[str], ByMethod]]] = defaultdict(list)
        # A part that is spelled out goes before a parameter, as the routes are ordered: /plans/preview.
        for path, found in sorted(self.all().items(), key=lambda item: item[0].replace("{", "\x7f")):
            pattern, _, _ = compile_path(path)
            index[_start(path)].append((pattern, found))
        return dict(index)


def _operations(app: ContractApp) -> Iterator[Operation]:
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute) or not context.include_in_schema:
            continue
        contents = _contents(context)
        for method in context.methods or ():
            yield Operation(
                method,
                str(context.path_format),
                _body_fields(context) if method not in ("GET", "HEAD") else None,
                "multipart/form-data" in contents,
                any("text/event-stream" in answer.get("content", {}) for answer in context.responses.values()),
                frozenset(
                    field.field_info.alias or field.name
                    for field in get_flat_params(context.dependant)
                    if getattr(field.field_info, "deprecated", None)
                ),
            )


def _contents(context: RouteContext) -> frozenset[str]:
    """Media types of the body that a route says it takes in its own words."""
    return frozenset((context.openapi_extra or {}).get("requestBody", {}).get("content", {}))


def _body_fields(context: RouteContext) -> frozenset[str] | None:
    """Names in the JSON body; empty: any object, or one of several forms."""
    if context.body_field is None:
        return frozenset() if "application/json" in _contents(context) else None
    info, of = context.body_field.field_info, context.body_field.field_info.annotation
    if isinstance(info, params.Form) or not isinstance(info, params.Body):
        return None
    if not (isinstance(of, type) and issubclass(of, BaseModel)):
        return frozenset()
    return frozenset(field.alias or name for name, field in of.model_fields.items())


def _start(path: str) -> str:
    """The first part after the version: an index of a hundred addresses by forty words."""
    parts = path.split("/", 4)
    return parts[3] if len(parts) > 3 and parts[1] == "api" else parts[1]
