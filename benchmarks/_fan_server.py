"""One API process for `fanout.py`: `ours PORT_FILE` the real application over doubles, `peer PORT_FILE` a broadcast.

Commands come on stdin, one a line: `positions HZ`, `alerts COUNT INTERVAL_S`, `usage`; answers go to stdout as JSON
lines. Alerts carry the instant (monotonic, shared by all processes) at which the hub was given them.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import structlog
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from api.app import create_app
from api.server import Server, bind, server_for
from api.services import Services
from streams.topics import ALERT, POSITION
from tests.api_doubles import services
from tests.risk_records import alert, cut, position


class Source:
    """Makes positions at a steady rate and alerts when told; `tell` hears of each."""

    def __init__(self) -> None:
        self.hz = 0.0
        self.offset, self.sequence = 1_000, 4
        threading.Thread(target=self._tick, daemon=True).start()

    def positions(self, offset: int) -> None:
        raise NotImplementedError

    def alert(self, sequence: int, at: str) -> None:
        raise NotImplementedError

    def _tick(self) -> None:
        due = time.monotonic()
        while True:
            if not self.hz:
                time.sleep(0.05)
                due = time.monotonic()
                continue
            self.offset += 1
            self.positions(self.offset)
            due += 1 / self.hz
            time.sleep(max(0.0, due - time.monotonic()))

    def alerts(self, count: int, interval_s: float) -> None:
        due = time.monotonic()
        for _ in range(count):
            self.alert(self.sequence, f"at-{self.sequence}-{time.monotonic_ns()}")
            self.sequence += 1
            due += interval_s
            time.sleep(max(0.0, due - time.monotonic()))


class OurSource(Source):
    def __init__(self, ours: Services) -> None:
        self._live = ours.live
        super().__init__()

    def positions(self, offset: int) -> None:
        self._live.feed([position(offset, offset * 100), cut(POSITION, offset)])

    def alert(self, sequence: int, at: str) -> None:
        offset = 100 + sequence
        self._live.feed([alert(offset, sequence, alert_id=at), cut(ALERT, offset)])


class PeerSource(Source):
    """The same bytes to a queue of each client, as the usual broadcast over StreamingResponse does."""

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[bytes]] = set()
        self.loop: asyncio.AbstractEventLoop | None = None
        super().__init__()

    def _put(self, event: bytes) -> None:
        for queue in self.queues:
            if queue.qsize() < 1_000:
                queue.put_nowait(event)

    def _send(self, event: bytes) -> None:
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._put, event)

    def positions(self, offset: int) -> None:
        row = {"entity": "NORTH", "currency": "EUR", "position": f"{offset}.00", "pending_in": "0.00"}
        body = {"figure": "positions", "rows": [row], "offsets": {"tm.in.core.txn.v1/0": offset}, "digest": "0" * 64}
        self._send(b"event: positions\ndata: " + json.dumps(body).encode() + b"\n\n")

    def alert(self, sequence: int, at: str) -> None:
        text = alert(100 + sequence, sequence, alert_id=at).value
        self._send(f"event: alert\nid: 0:{sequence}\ndata: ".encode() + text + b"\n\n")

    def application(self) -> FastAPI:
        async def stream(request: Request) -> StreamingResponse:
            async def events() -> AsyncIterator[bytes]:
                self.loop = asyncio.get_running_loop()
                queue: asyncio.Queue[bytes] = asyncio.Queue()
                self.queues.add(queue)
                try:
                    yield b"event: state\ndata: {}\n\n"
                    while True:
                        yield await queue.get()
                finally:
                    self.queues.discard(queue)

            return StreamingResponse(events(), media_type="text/event-stream")

        app: Any = Starlette(routes=[Route("/api/v1/stream", stream)])
        return app  # type: ignore[no-any-return]  # the server asks for no more than ASGI and a state


def usage(server: Server) -> dict[str, float]:
    fields = Path("/proc/self/statm").read_text().split()
    times = os.times()
    return {
        "rss_bytes": int(fields[1]) * os.sysconf("SC_PAGE_SIZE"),
        "cpu_s": times.user + times.system,
        "connections": len(server.server_state.connections),
    }


def main() -> None:
    kind, told = sys.argv[1], Path(sys.argv[2])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    app: FastAPI
    source: Source
    if kind == "ours":
        ours = services()
        app, source = create_app(ours), OurSource(ours)
    else:
        peer = PeerSource()
        app, source = peer.application(), peer

    def tell(port: int) -> None:
        told.write_text(str(port))

    server = server_for(app, tell)

    def obey() -> None:
        for line in sys.stdin:
            name, *arguments = line.split()
            if name == "positions":
                source.hz = float(arguments[0])
            elif name == "alerts":
                source.alerts(int(arguments[0]), float(arguments[1]))
            print(json.dumps(usage(server)), flush=True)
        server.force_exit = server.should_exit = True

    threading.Thread(target=obey, daemon=True).start()
    listener = bind("127.0.0.1", 0)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


if __name__ == "__main__":
    main()
