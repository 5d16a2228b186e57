"""The answer that carries the live stream as server-sent events."""

from collections.abc import AsyncGenerator

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.sse import Hub
from api.stream_direct import Direct
from api.stream_events import Event


class EventStream(StreamingResponse):
    """An SSE answer: not buffered, not compressed, and closed if the client takes nothing for too long."""

    def __init__(self, hub: Hub, source: AsyncGenerator[Event], direct: Direct | None) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__((), headers=headers, media_type="text/event-stream")
        self._hub = hub
        self._source = source
        self._direct = direct  # which ends the source by itself when the connection is lost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def until_gone(cancel: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            cancel.cancel()

        if self._direct is not None:
            await self._until_stalled(send)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_gone, tasks.cancel_scope)
            await self._until_stalled(send)
            tasks.cancel_scope.cancel()

    async def _until_stalled(self, send: Send) -> None:
        try:
            await self._send_all(send)
        except TimeoutError:
            self._hub.metrics.stream_stalled.inc()
            if self._direct is not None:
                self._direct.abort()

    async def _send_all(self, send: Send) -> None:
        limit_s = self._hub.services.stalled_client_s
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        # A comment at once: proxies and browsers then know that the stream is open.
        await send({"type": "http.response.body", "body": b": open\nretry: 1000\n\n", "more_body": True})
        try:
            async for event in self._source:
                with anyio.fail_after(limit_s):
                    await send({"type": "http.response.body", "body": event.as_sse(), "more_body": True})
                if event.name:
                    self._hub.metrics.stream_events.labels(event.name).inc()
        finally:
            await self._source.aclose()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
