"""Conditional requests (RFC 9110, section 13) and idempotency keys: a read costs nothing where nothing changed, and a
command can name the version that its sender decided on.

The version of an aggregate is its entity tag, `"7"`. A command with `If-Match: "7"` is refused with 409, and the
present version in the problem's facts, where the aggregate moved on: the same answer as to `expected_version`.

Every other JSON answer to a GET carries a digest of itself as a weak tag: who has it already gets 304 and no body.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engines.primitives.errors import InvalidInput

VERSION = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')
CMD_ID_LENGTH_MAX = 200


def version_tag(state: Mapping[str, Any]) -> str | None:
    """The entity tag of an aggregate's state; None where it has no version."""
    return f'"{state["version"]}"' if "version" in state else None


def unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether a reader has this already; tags compare weakly, as for every read."""
    if if_none_match is None:
        return False
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in known or tag.removeprefix("W/") in known


def tagged(response: Response, tag: str | None, if_none_match: str | None = None) -> Response:
    """The response with its tag; 304 without a body where the reader has it already."""
    if tag is None:
        return response
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if unchanged(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def expected_version(if_match: str | None) -> int | None:
    """The version that a command was decided on; None: no condition. Raises InvalidInput: no version of ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = VERSION.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput('If-Match: want a version as "7"', field="If-Match")
    return int(found[1])


def idempotency_key(header: str | None, cmd_id: str) -> str:
    """The one key of a command, from the header `Idempotency-Key` or the body. Raises InvalidInput: none, or two."""
    key = None if header is None else header.strip().strip('"')
    if key is not None and cmd_id and key != cmd_id:
        raise InvalidInput("Idempotency-Key and cmd_id differ", field="cmd_id")
    chosen = cmd_id or key or ""
    if not 0 < len(chosen) <= CMD_ID_LENGTH_MAX:
        raise InvalidInput("a command needs a cmd_id, or the header Idempotency-Key", field="cmd_id")
    return chosen


class TagAnswers:
    """ASGI middleware: tags JSON answers of one piece that have no tag; 304 where the reader has it already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match")
        head: Message | None = None

        async def tagged_send(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start" and _may_be_tagged(message):
                head = message
                return
            if head is None or message["type"] != "http.response.body":
                await send(message)
                return
            start, head = head, None
            if message.get("more_body", False):
                await send(start)
                await send(message)
                return
            tag = f'W/"{hashlib.blake2b(message.get("body", b""), digest_size=12).hexdigest()}"'
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["etag"] = tag
            if unchanged(known, tag):
                del headers["content-length"], headers["content-type"]
                await send({**start, "status": 304, "headers": headers.raw})
                await send({"type": "http.response.body", "body": b""})
                return
            await send({**start, "headers": headers.raw})
            await send(message)

        await self._app(scope, receive, tagged_send)


def _may_be_tagged(start: Message) -> bool:
    headers = dict(start["headers"])
    is_json = headers.get(b"content-type", b"").startswith(b"application/json")
    return start["status"] == 200 and is_json and b"etag" not in headers
