"""The connection under a live stream: for bytes that thousands of clients share, and to end one that is stuck.

An answer begins and may end by ASGI, through every middleware; in between the fan-out writes chunks that were framed
once. A client whose socket takes no more is not written to: nothing is kept for it, and it goes on by ASGI, which
waits for it (`api.stream_client`). A WebSocket, framed for each reader, is only ended by it. Without this extension
of the scope (another server) streams work by ASGI alone.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.events import Request

EXTENSION = "tidemark.direct"


class Flow(Protocol):
    @property
    def write_paused(self) -> bool: ...


class Direct:
    """`on_lost` is called once, when the connection is gone."""

    __slots__ = ("_flow", "_transport", "is_lost", "on_lost")

    def __init__(self, transport: asyncio.WriteTransport, flow: Flow) -> None:
        self._transport, self._flow = transport, flow
        self.is_lost = False
        self.on_lost: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it takes bytes now: neither gone nor behind with what it got."""
        return not (self._flow.write_paused or self.is_lost or self._transport.is_closing())

    def write(self, chunk: bytes) -> None:
        self._transport.write(chunk)

    def abort(self) -> None:
        """Close without waiting for the client to take what was written."""
        self._transport.abort()

    def lose(self) -> None:
        self.is_lost = True
        if self.on_lost is not None:
            told, self.on_lost = self.on_lost, None
            told()


def direct_of(scope: Scope) -> Direct | None:
    found = scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, Direct) and scope.get("http_version") == "1.1" else None


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's, which also hands the connection down to the application."""

    _direct: Direct | None = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._direct = Direct(self.transport, self.flow)
        scope: Any = self.scope
        scope["extensions"] = {EXTENSION: self._direct}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._direct is not None:
            self._direct.lose()
            self._direct = None


class DirectWebSocket(WSProtocol):
    """uvicorn's, which also hands the connection down, and drops a peer that is behind or does not answer: to close
    politely would wait for it to take what was written, for ever if it never does."""

    @property
    def write_paused(self) -> bool:
        return not self.writable.is_set()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)  # the application begins with the loop's next turn
        scope: Any = self.scope
        scope["extensions"][EXTENSION] = Direct(self.transport, self)

    def keepalive_timeout(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        super().shutdown()
        if self.write_paused:
            self.transport.abort()
