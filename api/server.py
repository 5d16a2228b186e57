"""Listens for the application with uvicorn: any free port if asked, and a prompt stop."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.stream_direct import DirectProtocol, DirectWebSocket
from api.stream_limits import make_room
from engines.primitives.errors import Unavailable

BACKLOG = (
    4_096  # connections that wait to be taken: thousands come back at once after a restart; the system may cap it
)
MESSAGE_BYTES_MAX = 65_536  # of a WebSocket's reader, who has nothing to say
GRACE_S = 5  # for answers under way; live streams end at once


def serve(app: FastAPI, host: str, port: int, on_ready: Callable[[int], None] | None = None) -> None:
    """Answer requests until SIGTERM or SIGINT; returns when all is closed.

    Args:
        port: 0 for any free one; `on_ready` hears which, once requests are answered.
    Raises:
        Unavailable: the address cannot be bound.
    """
    ours = getattr(app.state, "services", None)  # the scenario server has no live streams
    if ours is not None:
        make_room(ours.stream_clients_max)
    listener = bind(host, port)
    try:
        server_for(app, on_ready).run(sockets=[listener])
    finally:
        listener.close()


def bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"cannot listen: {error.strerror}", host=host, port=port) from error
    return listener


def server_for(app: FastAPI, on_ready: Callable[[int], None] | None = None) -> "Server":
    config = uvicorn.Config(
        app,
        http=DirectProtocol,
        ws=DirectWebSocket,
        ws_max_size=MESSAGE_BYTES_MAX,
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
    )
    return Server(config, app, on_ready)


class Server(uvicorn.Server):
    """uvicorn, save that a stop ends the live streams first: it would wait for them, and they have no end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, on_ready: Callable[[int], None] | None) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready is not None and sockets:
            self._on_ready(sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hub = getattr(self._app.state, "hub", None)  # the scenario server has no live streams
        if hub is not None:
            hub.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again at the end, so that a clean stop would look like a kill.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True
