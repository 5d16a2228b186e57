"""A private server with an empty store, on which a scenario is played over HTTP (decision E18).

It takes its time from the lines, which no other server does. It listens on loopback, serves one caller, and its store
is gone when it stops.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from fastapi import FastAPI, Request, Response

from aggregates.assets import Assets
from aggregates.commands import SCENARIO_POLICY
from aggregates.scenario import Player, SetClock
from api import problems
from api.server import bind, server_for
from engines.primitives.errors import Unavailable
from infra.deadline_policies import deadline_book, reminder_ladder
from infra.event_store import open_event_store

LOOPBACK = "127.0.0.1"
START_S = 30


def scenario_app(player: Player) -> FastAPI:
    """One route: a line in, its answer out."""
    app = FastAPI(title="Tidemark scenario", openapi_url=None, docs_url=None, redoc_url=None)
    problems.install(app)

    @app.post("/scenario/lines/{number}")
    async def play(number: int, name: str, request: Request) -> Mapping[str, Any]:
        return player.play(await request.json(), number, name)

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("ok")

    return app


@contextmanager
def scenario_server(*, auto: bool = False) -> Iterator[str]:
    """Address of a running private server; it stops, and its store is removed, at the end of the block.

    Raises Unavailable if it does not start within half a minute.
    """
    with tempfile.TemporaryDirectory(prefix="tidemark-scenario-") as folder:
        clock = SetClock()
        store = open_event_store("sqlite", Path(folder), clock=clock)
        listener = bind(LOOPBACK, 0)
        ready = Event()
        app = Assets(store.factory, policy=SCENARIO_POLICY)
        player = Player(app, clock, auto=auto, book=deadline_book(), ladder=reminder_ladder())
        server = server_for(scenario_app(player), lambda _port: ready.set())
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="scenario server")
        thread.start()
        try:
            if not ready.wait(START_S):
                raise Unavailable("the scenario server did not start")
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            listener.close()
            app.close()
            store.close()
