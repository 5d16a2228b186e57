"""Lays the reader's lens over every answer of the API: pages, streams and problem documents alike.

One place for all routes: what leaves is searched for sealed values, and each is shown, masked or `⟂` by the rights of
whoever asks. A route can neither forget it nor do it twice. Not for what a role may ask for: that is the routes' and
the aggregates' business. Files of other media types (xlsx, PDF, Parquet) open their values before they are made.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

import anyio.to_thread
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregates.envelope import Principal
from aggregates.personal_tokens import BEGIN, END
from aggregates.read_model import ReadModel
from infra.masking import (
    CSV,
    JSON,
    PLAIN,
    UNMASK,
    Lens,
    Rights,
    masked_accounts,
    rights_of,
    sees_masked_only,
)
from infra.subject_keys import SubjectKeys

_BEGIN, _END = BEGIN.encode(), END.encode()
_FORMS = {"application/json": JSON, "text/event-stream": JSON, "application/x-ndjson": JSON, "text/csv": CSV}
#: A token that is longer than this is none: what begins like one and does not end is let through.
TOKEN_BYTES_MAX = 65_536


class Masking:
    """Gives each reader the lens that his roles allow. `granted` names the roles that hold the function UNMASK."""

    def __init__(
        self,
        keys: SubjectKeys | None,
        unmask_roles: frozenset[str],
        granted: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.keys, self._roles, self._granted = keys, unmask_roles, granted

    def rights(self, reader: Principal | None) -> Rights:
        return rights_of(reader, self._roles | self._granted())

    def lens(self, reader: Principal | None) -> Lens:
        return Lens(self.keys, self.rights(reader))


def granted_roles(model: ReadModel) -> Callable[[], frozenset[str]]:
    """Roles that an AccessGrant gives the function UNMASK and none took back (spec/risk-assets.md 3.21)."""

    def roles() -> frozenset[str]:
        with model.current() as current:
            grants = [grant for grant in current.of_kind("AccessGrant") if grant.facts.get("function") == UNMASK]
            return frozenset(str(grant.facts["role"]) for grant in grants if _stands(grant.seen))

    return roles


def _stands(seen: Mapping[str, int]) -> bool:
    return seen.get("FunctionGranted", 0) > seen.get("FunctionRevoked", 0)


@dataclass(slots=True)
class _Asked:
    reader: Principal | None = None


_ASKED: ContextVar[_Asked | None] = ContextVar("asked", default=None)


def seen_by(reader: Principal) -> None:
    """Who reads the answer to this request."""
    if asked := _ASKED.get():
        asked.reader = reader


class MaskAnswers:
    """ASGI middleware. What holds no token passes as it is; the search for one is a search for three bytes."""

    def __init__(self, app: ASGIApp, masking: Masking) -> None:
        self._app, self._masking = app, masking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = _Asked()
        answer = _Answer(send, lambda: self._masking.lens(asked.reader), lambda: sees_masked_only(asked.reader))
        token = _ASKED.set(asked)
        try:
            await self._app(scope, receive, answer.send if scope["type"] == "http" else answer.send_to_socket)
        finally:
            _ASKED.reset(token)


@dataclass(slots=True)
class _Answer:
    """One answer on its way: its head waits for the first part of its body, which may change its length."""

    _send: Send
    _lens: Callable[[], Lens]
    _is_blind: Callable[[], bool]
    _head: Message | None = None
    _form: str | None = None
    _kept: bytes = b""
    _masked: bool = field(default=False)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._form = _form(message)
            if self._form is None:
                await self._send(message)
            else:
                self._head = message
            return
        if message["type"] != "http.response.body" or self._form is None:
            await self._send(message)
            return
        more = message.get("more_body", False)
        body = self._kept + message.get("body", b"")
        body, self._kept = _whole(body) if more else (body, b"")
        if _BEGIN in body:
            body = await self._seen(body)
        if b'"account' in body and self._form == JSON and self._is_blind():
            body, self._masked = masked_accounts(body.decode()).encode(), True
        if self._head is not None:
            MutableHeaders(raw=self._head["headers"]).add_vary_header("Authorization, Cookie")
            if not more:
                _resize(self._head, len(body))
            elif self._masked:
                _resize(self._head, None)
            if self._masked:
                _forget_caches(self._head)
            head, self._head = self._head, None
            if more and "content-length" in MutableHeaders(raw=head["headers"]):
                _resize(head, None)  # a later part may hold a token
            await self._send(head)
        await self._send({**message, "body": body})

    async def send_to_socket(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self._form = JSON
            if (text := message.get("text")) and BEGIN in text:
                message = {**message, "text": (await self._seen(text.encode())).decode()}
            elif (data := message.get("bytes")) and _BEGIN in data:
                message = {**message, "bytes": await self._seen(data)}
            if (text := message.get("text")) and '"account' in text and self._is_blind():
                message = {**message, "text": masked_accounts(text)}
        await self._send(message)

    async def _seen(self, body: bytes) -> bytes:
        self._masked = True
        form = self._form or PLAIN
        return await anyio.to_thread.run_sync(lambda: self._lens().body(body.decode(), form).encode())


def _form(head: Message) -> str | None:
    """How values are written in an answer; None: it is no text of ours."""
    headers = MutableHeaders(raw=head["headers"])
    if "content-encoding" in headers:
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return _FORMS.get(kind) or (JSON if kind.endswith("+json") else PLAIN if kind.startswith("text/") else None)


def _whole(body: bytes) -> tuple[bytes, bytes]:
    """The part of a body that ends in no token and inside no letter, and the rest."""
    start = body.rfind(_BEGIN)
    if start >= 0 and _END not in body[start:] and len(body) - start <= TOKEN_BYTES_MAX:
        start -= body[start - 1 : start] == b'"'  # a number loses its quotes with the token
        return body[:start], body[start:]
    cut = len(body)
    for back in range(1, min(3, cut) + 1):
        letter = body[-back]
        if letter & 0xC0 == 0xC0:
            wanted = 2 if letter < 0xE0 else 3 if letter < 0xF0 else 4
            cut -= back if back < wanted else 0
        if letter & 0xC0 != 0x80:
            break
    return body[:cut], body[cut:]


def _resize(head: Message, length: int | None) -> None:
    headers = MutableHeaders(raw=list(head["headers"]))
    if length is None:
        del headers["content-length"]
    elif "content-length" in headers:
        headers["content-length"] = str(length)
    head["headers"] = headers.raw


def _forget_caches(head: Message) -> None:
    """The same address shows others something else, and the same reader something else after an erasure."""
    headers = MutableHeaders(raw=list(head["headers"]))
    del headers["etag"]
    headers["cache-control"] = "no-store"
    head["headers"] = headers.raw
