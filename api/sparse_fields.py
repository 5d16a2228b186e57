"""Sparse fields: `fields=rows.entity,rows.position` keeps these of an answer, on every GET that answers JSON.

A name is a path from the top of the answer; lists are passed through, so `rows.entity` is the entity of each row. The
paths are checked against the answer's own schema: an unknown one is refused by name, rather than being absent from an
answer for reasons that a machine would have to guess. Below an object whose members are not told one by one
(as `offsets`, by topic) any name is taken.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import anyio.to_thread
import msgspec
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.openapi_operations import Operations
from engines.primitives.errors import InvalidInput

Json = dict[str, Any]
Tree = dict[str, "Tree"]  # names wanted at a level; an empty tree: all below

PATHS_MAX = 100


def tree_of(text: str, *, parts_too: bool = False) -> Tree:
    """`rows.entity,offsets` as a tree; `rows,rows.entity` is all of rows, save with `parts_too`.

    Raises InvalidInput: a path is empty, or there are too many.
    """
    paths = text.split(",")
    if len(paths) > PATHS_MAX:
        raise InvalidInput(f"want at most {PATHS_MAX} fields", field="fields")
    root: Tree = {}
    whole: list[Tree] = []
    for path in paths:
        names = path.strip().split(".")
        if not all(names):
            raise InvalidInput(f"no field {path!r:.100}", field="fields", record=path[:100])
        level = root
        for name in names:
            level = level.setdefault(name, {})
        whole.append(level)
    for level in () if parts_too else whole:
        level.clear()
    return root


def check(wanted: Tree, schema: Json, schemas: Mapping[str, Json], above: str = "") -> None:
    """Raises InvalidInput: the answer can have no such field."""
    branches = list(_objects(schema, schemas))
    for name, below in wanted.items():
        path = f"{above}{name}"
        found = [part for branch in branches if (part := _member(branch, name)) is not None]
        if not found:
            known = sorted({name for branch in branches for name in branch.get("properties", ())})
            raise InvalidInput(
                f"no field {path!r:.100}; there are {', '.join(known)[:400] or 'none'}",
                field="fields",
                record=path[:100],
            )
        if below:
            check(below, {"anyOf": found}, schemas, f"{path}.")


def select(body: Any, wanted: Tree) -> Any:
    """The wanted part of an answer, in the answer's own order."""
    if not wanted:
        return body
    if isinstance(body, list):
        return [select(item, wanted) for item in body]
    if isinstance(body, dict):
        return {name: select(value, wanted[name]) for name, value in body.items() if name in wanted}
    return body


def _objects(schema: Json, schemas: Mapping[str, Json], depth: int = 0) -> list[Json]:
    """The object schemas that an answer may be, through references, choices and lists."""
    if depth > 20:
        return []
    if "$ref" in schema:
        return _objects(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth + 1)
    found: list[Json] = []
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, ()):
            found += _objects(part, schemas, depth + 1)
    if "items" in schema:
        found += _objects(schema["items"], schemas, depth + 1)
    is_object = "properties" in schema or "additionalProperties" in schema or schema.get("type") == "object"
    if is_object or not schema.keys() - {"title", "description", "default"}:
        found.append(schema)
    return found


def _member(branch: Json, name: str) -> Json | None:
    """The schema of a member; None: this object can have none of that name."""
    if name in branch.get("properties", {}):
        found: Json = branch["properties"][name]
        return found
    others = branch.get("additionalProperties", "properties" not in branch)
    if isinstance(others, dict):
        return others
    return {} if others else None


class SparseFields:
    """ASGI middleware; what is not asked with `fields` passes untouched."""

    def __init__(self, app: ASGIApp, operations: Operations) -> None:
        self._app, self._operations = app, operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"")
        if scope["type"] != "http" or b"fields=" not in query or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("fields")
        operation = self._operations.at(scope["path"]).get("GET")
        if not asked or operation is None or operation.is_stream:
            await self._app(scope, receive, send)
            return
        answer = await anyio.to_thread.run_sync(self._operations.answer, operation)  # the first makes the document
        if answer is None:
            await self._app(scope, receive, send)
            return
        try:
            text = ",".join(asked)
            check(tree_of(text, parts_too=True), answer, self._operations.schemas)
        except InvalidInput as error:
            await problems.response(error)(scope, receive, send)
            return
        await self._app(scope, receive, _Selected(send, tree_of(text)).send)


class _Selected:
    """One answer on its way, held back until it is whole."""

    def __init__(self, send: Send, wanted: Tree) -> None:
        self._send, self._wanted = send, wanted
        self._head: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"").partition(b";")[0]
            if message["status"] == 200 and kind == b"application/json":
                self._head = message
                return
        if message["type"] != "http.response.body" or self._head is None:
            await self._send(message)
            return
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = msgspec.json.encode(select(msgspec.json.decode(b"".join(self._parts)), self._wanted))
        headers = MutableHeaders(raw=list(self._head["headers"]))
        headers["content-length"] = str(len(body))
        await self._send({**self._head, "headers": headers.raw})
        await self._send({**message, "body": body})
