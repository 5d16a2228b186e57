"""The live stream over WebSocket, spoken as ASGI: the same events, the same rights."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api.app import create_app
from api.services import Services
from streams.topics import ALERT
from tests.api_doubles import services
from tests.risk_records import alert, cut

Talk = Callable[[Callable[[], Awaitable[dict[str, Any]]]], Awaitable[None]]


def scope(query: str = "", **headers: str) -> dict[str, Any]:
    told = {"host": "testserver"} | headers
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/api/v1/ws",
        "raw_path": b"/api/v1/ws",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }


def talk(ours: Services, asked: dict[str, Any], conversation: Talk) -> None:
    """One connection; `conversation` is given how to await the server's next message."""

    async def run() -> None:
        app = create_app(ours)
        sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        received.put_nowait({"type": "websocket.connect"})

        async def next_message() -> dict[str, Any]:
            async with asyncio.timeout(10):
                return await sent.get()

        async with app.router.lifespan_context(app):
            served = asyncio.create_task(app(asked, received.get, sent.put))  # type: ignore[arg-type]  # ASGI's own
            try:
                await conversation(next_message)
            finally:
                received.put_nowait({"type": "websocket.disconnect", "code": 1000})
                async with asyncio.timeout(10):
                    await served

    asyncio.run(run())


def test_the_same_events_come_as_json() -> None:
    ours = services(positions_interval_s=0.01)

    async def conversation(next_message: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        assert (await next_message())["type"] == "websocket.accept"
        state = json.loads((await next_message())["text"])
        assert (state["event"], state["id"]) == ("state", "0:3,1:0")
        assert {row["entity"] for row in state["data"]["positions"]["rows"]} == {"NORTH"}
        await asyncio.to_thread(ours.live.feed, [alert(12, 4), cut(ALERT, 12)])
        raised = json.loads((await next_message())["text"])
        assert (raised["event"], raised["data"]["alert_id"]) == ("alert", "alert-0-4")

    talk(ours, scope(authorization="Bearer north"), conversation)


def test_it_resumes_from_a_vector() -> None:
    async def conversation(next_message: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        await next_message()
        first = json.loads((await next_message())["text"])
        assert (first["event"], first["data"]["alert_id"]) == ("alert", "alert-0-3")

    talk(services(), scope("last_event_id=0:2,1:0", cookie="tidemark_session=all"), conversation)


@pytest.mark.parametrize(
    ("asked", "code", "reason"),
    [
        (scope(), 4401, "unauthenticated"),
        (scope(authorization="Bearer nobody"), 4403, "forbidden"),
        (scope(cookie="tidemark_session=all", origin="http://evil.example"), 4403, "forbidden"),
        (scope("last_event_id=x", authorization="Bearer all"), 4422, "invalid-input"),
    ],
)
def test_who_may_not_listen_is_told_why(asked: dict[str, Any], code: int, reason: str) -> None:
    async def conversation(next_message: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        refused = await next_message()
        assert (refused["type"], refused["code"], refused["reason"]) == ("websocket.close", code, reason)

    talk(services(), asked, conversation)
