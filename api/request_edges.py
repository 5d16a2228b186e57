"""What holds for every request before its route sees it: HEAD, OPTIONS, media type, length, and headers of commands.

One place for all documented routes, so that none can forget it: HEAD is GET without its body, OPTIONS names the
methods, a JSON route takes JSON of bounded length only, and in a command's body `Idempotency-Key` stands for `cmd_id`
and `If-Match` for `expected_version`.
Not for what is in a body: the routes' models check that.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.conditional import expected_version, idempotency_key
from api.openapi_names import PREFIX
from api.openapi_operations import Operation, Operations
from engines.primitives.errors import InvalidInput

BODY_BYTES_MAX = 16 << 20
JSON_TYPES = ("application/json", "application/merge-patch+json")
#: Of every parameter that the document calls deprecated; older ones get a date of their own when they come.
DEPRECATED_ON = datetime(2026, 11, 22, tzinfo=UTC)
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class TooLong(Exception):
    """The body goes on beyond what is taken."""


class RequestEdges:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, operations: Operations) -> None:
        self._app, self._operations = app, operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, found = scope["method"], self._operations.at(scope["path"])
        if not found:
            await self._app(scope, receive, send)
        elif method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": allow(found)})(scope, receive, send)
        elif method not in found and not (method == "HEAD" and "GET" in found and not found["GET"].is_stream):
            await _not_allowed(method, scope["path"], found)(scope, receive, send)
        elif method == "HEAD":
            await self._head(scope, receive, send)
        elif found[method].deprecated and used(found[method].deprecated, scope["query_string"]):
            await self._app(scope, receive, told_deprecated(send))
        elif method in BODY_METHODS and scope["path"].startswith(PREFIX):
            await self._with_body(found[method], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As GET, and nothing of the body: the route sees a GET, the server a HEAD."""

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name != b"content-length"]
                message = {**message, "headers": kept}
                scope["method"] = "HEAD"  # the server frames a body by it
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        scope["method"] = "GET"
        await self._app(scope, receive, without_body)

    async def _with_body(self, operation: Operation, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if operation.takes_form:
            await self._app(scope, receive, send)  # forms are read piece by piece, with limits of their own
            return
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if operation.body_fields is not None and kind not in JSON_TYPES and not kind.endswith("+json"):
            facts = {"field": "Content-Type", "want": JSON_TYPES[0]}
            shown = f"got {kind:.100}" if kind else "got none"
            await problems.document(415, "unsupported-media-type", f"want application/json, {shown}", facts)(
                scope, receive, send
            )
            return
        try:
            body = await whole(receive, headers)
        except TooLong:
            limit = {"field": "body", "bytes_max": BODY_BYTES_MAX}
            answer = problems.document(413, "content-too-large", f"want at most {BODY_BYTES_MAX} bytes", limit)
            answer.headers["Connection"] = "close"  # the rest of the body is not read
            await answer(scope, receive, send)
            return
        try:
            body = completed(operation, body, headers)
        except InvalidInput as error:
            await problems.response(error)(scope, receive, send)
            return
        await self._app(_sized(scope, len(body)), _replay(body, receive), send)


def used(deprecated: frozenset[str], query: bytes) -> bool:
    return not deprecated.isdisjoint(parse_qs(query.decode("latin-1"), keep_blank_values=True))


def told_deprecated(send: Send, since: datetime = DEPRECATED_ON, sunset: datetime | None = None) -> Send:
    """Answers say since when what was asked is deprecated (RFC 9745), and from when it may be gone (RFC 8594)."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["Deprecation"] = f"@{int(since.timestamp())}"
            if sunset is not None:
                headers["Sunset"] = format_datetime(sunset, usegmt=True)
            headers.append("Link", '</openapi.json>; rel="deprecation"')
            message = {**message, "headers": headers.raw}
        await send(message)

    return told


def allow(found: Mapping[str, Operation]) -> str:
    """The header `Allow` of an address."""
    methods = {*found, "OPTIONS"}
    if "GET" in found and not found["GET"].is_stream:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def completed(operation: Operation, body: bytes, headers: Headers) -> bytes:
    """The body with what headers say in place of its fields, where it is a command's and leaves them out.

    Raises InvalidInput: a header is malformed, or the body says another thing. A body that is no JSON object is left
    to its route, which says so better.
    """
    key, fields = headers.get("idempotency-key"), operation.body_fields or frozenset()
    chosen = None if key is None else idempotency_key(key, "")
    # Not every operation has these: others repeat the same by themselves, as docs/api-contract.md says.
    wanted = {
        "cmd_id": chosen if "cmd_id" in fields else None,
        "expected_version": expected_version(headers.get("if-match")) if "expected_version" in fields else None,
    }
    if all(value is None for value in wanted.values()):
        return body
    try:
        said: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    if not isinstance(said, dict):
        return body
    present = said.get("cmd_id")
    if chosen is not None and isinstance(present, str) and present:
        idempotency_key(key, present)
    version = wanted["expected_version"]
    if version is not None and said.get("expected_version", version) not in (version, None):
        raise InvalidInput("If-Match and expected_version differ", field="expected_version")
    # An empty `cmd_id`, or null, is refused by its route: it is no key, and not absent either.
    missing: dict[str, str | int] = {} if chosen is None or "cmd_id" in said else {"cmd_id": chosen}
    if version is not None:
        missing["expected_version"] = version
    return msgspec.json.encode(said | missing) if missing else body


async def whole(receive: Receive, headers: Headers) -> bytes:
    """The body. Raises TooLong as soon as it is known to be too long, before it is all read."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise TooLong
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break  # the sender is gone
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > BODY_BYTES_MAX:
            raise TooLong
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _sized(scope: Scope, length: int) -> Scope:
    headers = MutableHeaders(raw=list(scope["headers"]))
    if "content-length" in headers:
        headers["content-length"] = str(length)
    scope["headers"] = headers.raw
    return scope


def _not_allowed(method: str, path: str, found: Mapping[str, Operation]) -> Response:
    answer = problems.document(405, "method-not-allowed", f"{method:.20} is not taken here", {"path": path})
    answer.headers["Allow"] = allow(found)
    return answer
