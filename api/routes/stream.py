"""The live stream, over SSE and over WebSocket: the same events."""

from typing import Annotated

import anyio
from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

from api.auth import Reader, authenticate, same_origin
from api.problems import document, status_of
from api.sse import Hub
from api.stream_answer import EventStream
from api.stream_choice import choice_of
from api.stream_client import events
from api.stream_direct import direct_of
from engines.primitives.errors import TidemarkError
from infra.masking import sees_masked_only
from streams.views_alerts import parse_vector

router = APIRouter(tags=["stream"])
#: WebSocket close codes of our own: 4000 + HTTP status.
CLOSE_BASE = 4_000


@router.get(
    "/stream",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    response_class=StreamingResponse,
)
async def stream(
    request: Request,
    reader: Reader,
    last_event_id: Annotated[str | None, Query(max_length=20_000)] = None,
    header: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20_000)] = None,
    subscription: Annotated[str | None, Query(max_length=200)] = None,
    kinds: Annotated[str | None, Query(alias="events", max_length=200)] = None,
) -> Response:
    """Server-sent events: `state` first, then `positions`, `gap`, `ratios` and `alert` as they change.

    The id of an event names the newest alert of each partition. After a break all alerts since come first.
    `events=alert,positions` picks kinds; `subscription` leaves the alerts that this subscription is told of.
    """
    hub: Hub = request.app.state.hub
    told = header or last_event_id  # a browser that reconnects sends both; the header is the newer
    resume = parse_vector(told) if told else None
    hub.check_room()
    choice = await to_thread.run_sync(
        choice_of, hub.services, reader, hub.predicates, subscription, kinds, limiter=hub.threads
    )
    # Whoever sees accounts masked only needs the lens on every event.
    direct = None if sees_masked_only(reader) else direct_of(request.scope)
    return EventStream(hub, events(hub, choice.entities, resume, choice, direct), direct)


@router.get("/ws", include_in_schema=False)
async def not_a_websocket(request: Request) -> Response:
    answer = document(426, "upgrade-required", "this address speaks WebSocket")
    answer.headers["Upgrade"] = "websocket"
    return answer


@router.websocket("/ws")
async def websocket(
    socket: WebSocket,
    last_event_id: str = "",
    subscription: str | None = None,
    kinds: Annotated[str | None, Query(alias="events")] = None,
) -> None:
    """The events of `/stream` as JSON objects {"event", "id", "data"}."""
    hub: Hub = socket.app.state.hub
    try:
        same_origin(socket)
        reader = await authenticate(socket)
        resume = parse_vector(last_event_id) if last_event_id else None
        hub.check_room()
        choice = await to_thread.run_sync(
            choice_of, hub.services, reader, hub.predicates, subscription, kinds, limiter=hub.threads
        )
    except TidemarkError as error:
        await socket.close(CLOSE_BASE + status_of(error), error.code)
        return
    await socket.accept()
    source = events(hub, choice.entities, resume, choice)

    async def until_gone(cancel: anyio.CancelScope) -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass  # some say "ping"
        cancel.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_gone, tasks.cancel_scope)
        try:
            async for event in source:
                if event.name:
                    with anyio.fail_after(hub.services.stalled_client_s):
                        await socket.send_text(event.as_json())
                    hub.metrics.stream_events.labels(event.name).inc()
            with anyio.fail_after(hub.services.stalled_client_s):
                await socket.close(1001, "this server is stopping")
        except TimeoutError:
            hub.metrics.stream_stalled.inc()
            if (direct := direct_of(socket.scope)) is not None:
                direct.abort()
        except WebSocketDisconnect:
            pass
        finally:
            await source.aclose()
            tasks.cancel_scope.cancel()
