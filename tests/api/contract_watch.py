"""Holds every JSON answer of a test's server against the OpenAPI document: an untrue model fails the test it met.

Wraps the app; what it saw wrong is raised when the server stops, with the address and the place in the answer.
"""

import gzip
from collections import Counter
from typing import Any

import jsonschema_rs
import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.openapi import ContractApp
from api.openapi_operations import Operations

Json = dict[str, Any]

#: Answers to what tests do to a server on purpose.
UNFORESEEN = frozenset({500})


def resolved(document: Json, part: Json) -> Json:
    """A part of the document, which may be a reference."""
    while "$ref" in part:
        names = part["$ref"].removeprefix("#/").split("/")
        part = document
        for name in names:
            part = part[name]
    return part


def inlined(value: Any) -> Any:
    """References to components, as JSON Schema alone has them."""
    if isinstance(value, dict):
        return {
            name: part.replace("#/components/schemas/", "#/$defs/") if name == "$ref" else inlined(part)
            for name, part in value.items()
        }
    return [inlined(part) for part in value] if isinstance(value, list) else value


class Checker:
    """Of one document; validators are kept."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.definitions = inlined(document["components"]["schemas"])
        self._validators: dict[tuple[str, str, int, str], Any] = {}

    def complaint(self, method: str, path: str, status: int, kind: str, body: bytes) -> str | None:
        """Why an answer is not what the document says of the operation; None: it is."""
        told = self.document["paths"][path][method.lower()]["responses"].get(str(status))
        if told is None:
            return f"status {status} is not told"
        content = resolved(self.document, told).get("content", {})
        if kind not in content:
            return f"{status} as {kind} is not told, but {sorted(content)}"
        key = (method, path, status, kind)
        if key not in self._validators:
            schema = inlined(content[kind].get("schema", {})) | {"$defs": self.definitions}
            self._validators[key] = jsonschema_rs.Draft202012Validator(schema)
        for error in self._validators[key].iter_errors(msgspec.json.decode(body)):
            return f"{'/'.join(map(str, error.instance_path)) or 'the whole'}: {error.message:.300}"
        return None


_CHECKERS: dict[int, Checker] = {}


def checker_of(document: Json) -> Checker:
    """The documents of all apps of a process are one object, by `api.openapi`."""
    found = _CHECKERS.get(id(document))
    if found is None or found.document is not document:
        found = _CHECKERS[id(document)] = Checker(document)
    return found


class WatchAnswers:
    """ASGI middleware; `complaints` counts what was not as told."""

    def __init__(self, app: ASGIApp, watched: ContractApp, complaints: Counter[str]) -> None:
        self._app, self._document, self.complaints = app, watched.openapi(), complaints
        self._operations = Operations(watched)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "")
        operation = self._operations.at(scope["path"]).get(method) if scope["type"] == "http" else None
        if operation is None or operation.is_stream:
            await self._app(scope, receive, send)
            return
        told: Message = {}
        parts: list[bytes] = []

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    self._judge(operation.method, operation.path, told, b"".join(parts), scope)
            await send(message)

        await self._app(scope, receive, seen)

    def _judge(self, method: str, path: str, told: Message, body: bytes, scope: Scope) -> None:
        headers = dict(told["headers"])
        kind = headers.get(b"content-type", b"").decode().partition(";")[0]
        if (
            told["status"] in UNFORESEEN
            or not kind.endswith(("/json", "+json"))
            or b"fields=" in scope["query_string"]
        ):
            return
        if headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        if not body:  # of a HEAD
            return
        if why := checker_of(self._document).complaint(method, path, told["status"], kind, body):
            self.complaints[f"{method} {path}: {why}"] += 1
