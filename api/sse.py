"""The live stream: one hub for all clients, and per client the events it still lacks, over SSE or WebSocket.

Clients pull. Each keeps a cursor, {partition: sequence} for alerts and a version for rows, and the hub only
wakes it: a slow client costs no memory, gets the newest rows when it is able to take them, and misses no
alert. One that takes nothing at all is closed and resumes by Last-Event-ID (decision S16). Not for adding
up: bodies come from `api.figures`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api import figures, ratios
from api.figures import PAIR, Body, Query
from api.metrics import Metrics
from api.services import Services
from engines.primitives.errors import Unavailable
from streams.figure_digests import body_digest
from streams.topics import ALERT
from streams.views import Changes, RiskView
from streams.views_alerts import Vector, vector_text
from streams.views_wire import Alert

ALERTS_IN_STATE = 50
ALERTS_AT_ONCE = 200
RATIOS_INTERVAL_S = 0.5  # some milliseconds each, under the view's lock: five times less often than positions
BEHIND_WAIT_S = 2.0  # how long a resuming client waits for a view that is behind the one it came from

Entities = frozenset[str] | None
T = TypeVar("T")


class Event(NamedTuple):
    """`name` empty: a heartbeat. `id` empty: the client keeps the one it has."""

    name: str
    data: Any = None
    id: str = ""

    def as_sse(self) -> bytes:
        if not self.name:
            return b": heartbeat\n\n"
        head = f"id: {self.id}\n" if self.id else ""
        # JSON as msgspec writes it holds no raw newline, so that one data line is enough.
        return f"event: {self.name}\n{head}data: ".encode() + msgspec.json.encode(self.data) + b"\n\n"


class Pictures(NamedTuple):
    """Rows by entity and currency, all from one cut."""

    positions: Body
    gap: Body
    ratios: Body
    alerts: list[Alert]  # newest first
    vector: Vector
    alert_logs: dict[str, str]


@dataclass(slots=True)
class Rows:
    """The newest rows of one figure, and for each (entity, currency) the version in which it changed last."""

    body: Body = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    moved: int = 0  # version in which the offsets changed last
    digests: dict[Entities, str] = field(default_factory=dict)  # of the rows that readers of these entities see

    def since(self, version: int, entities: Entities) -> list[Body]:
        return [
            row
            for row in self.body.get("rows", ())
            if (entities is None or row["entity"] in entities)
            and self.versions.get((row["entity"], row["currency"]), 0) > version
        ]

    def digest(self, entities: Entities) -> str:
        """Of all rows a client has once it has taken the changed ones: what a replay reproduces."""
        if entities not in self.digests:
            rows = [row for row in self.body.get("rows", ()) if entities is None or row["entity"] in entities]
            self.digests[entities] = body_digest(self.body | {"rows": rows})
        return self.digests[entities]

    def renew(self, body: Body, version: int) -> None:
        """Take over `body`; a pair has changed if any of its rows has."""
        before = _by_pair(self.body)
        for pair, rows in _by_pair(body).items():
            if rows != before.get(pair):
                self.versions[pair] = version
        if body["offsets"] != self.body.get("offsets"):
            self.moved = version
        self.body, self.digests = body, {}


def _by_pair(body: Body) -> dict[tuple[str, str], list[Body]]:
    pairs: dict[tuple[str, str], list[Body]] = {}
    for row in body.get("rows", ()):
        pairs.setdefault((row["entity"], row["currency"]), []).append(row)
    return pairs


class Hub:
    """Listens to the live view and wakes the clients. Runs on the event loop; one per application."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self.services = services
        self.metrics = metrics
        self.stopping = False
        self.epoch = 0  # grows when rows may have vanished: everyone gets a full state
        self.version = 0  # grows with each renewal of rows
        self.alert_version = 0
        self.positions, self.gap, self.ratios = Rows(), Rows(), Rows()
        self._ratios: Body = {}
        self._ratios_due = 0.0  # monotonic seconds
        self._ratios_waiting = False
        self._clients: set[asyncio.Event] = set()
        self._dirty = False
        self._renewal: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        # Threads of our own: slow queries may hold all of the default ones, and an alert must not wait for
        # them.
        self.threads = anyio.CapacityLimiter(8)

    def start(self) -> None:
        loop = asyncio.get_running_loop()

        def on_change(changes: Changes) -> None:  # on the thread that feeds the view
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._note, changes)

        self._unlisten = self.services.live.listen(on_change)

    def stop(self) -> None:
        """End all streams now; idempotent."""
        self.stopping = True
        self._wake()

    async def close(self) -> None:
        self.stop()
        self._unlisten()
        if self._renewal is not None:
            self._renewal.cancel()

    def check_room(self) -> None:
        """Raises Unavailable: too many clients, or we are stopping. Asked before the answer has begun."""
        if self.stopping or len(self._clients) >= self.services.stream_clients_max:
            raise Unavailable("no more live streams here now", clients=len(self._clients))

    def enter(self) -> asyncio.Event:
        """A new client's wake-up."""
        wake = asyncio.Event()
        self._clients.add(wake)
        self.metrics.stream_clients.set(len(self._clients))
        return wake

    def leave(self, wake: asyncio.Event) -> None:
        self._clients.discard(wake)
        self.metrics.stream_clients.set(len(self._clients))

    def _picture(self, view: RiskView) -> Pictures:
        query = Query(PAIR)
        book = view.alert_book
        newest = [alert for alert, _ in zip(book.newest_first(None, {}), range(ALERTS_IN_STATE), strict=False)]
        return Pictures(
            figures.positions(view, self.services, query, None),
            figures.gap(view, query),
            self._ratios_of(view, query),
            newest,
            book.vector(),
            view.logs(ALERT),
        )

    def _ratios_of(self, view: RiskView, query: Query) -> Body:
        """Summary rows; those of the last time where it was a moment ago: then another renewal is due."""
        if self.services.ratio_policy is None:
            return {"rows": [], "offsets": {}}
        now = monotonic()
        self._ratios_waiting = bool(self._ratios) and now < self._ratios_due
        if not self._ratios_waiting:
            self._ratios = ratios.summary(view, self.services, query)
            del self._ratios["positions"]  # the stream carries rows, which are filtered for each reader
            self._ratios_due = now + RATIOS_INTERVAL_S
        return self._ratios

    def _note(self, changes: Changes) -> None:
        if changes.alerts:
            self.alert_version += 1
        if changes.reset:
            self.epoch += 1
        if changes.alerts or changes.reset:
            self._wake()
        if changes.advanced - {ALERT} or changes.dates or changes.reset:
            self._dirty = True
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while self._dirty and not self.stopping:
            self._dirty = False
            if self._clients:  # nobody looks: the next to come asks for a whole state
                await self.renew()
            await asyncio.sleep(self.services.positions_interval_s)
            if self._ratios_waiting and not self._dirty and self._clients:
                await asyncio.sleep(max(0.0, self._ratios_due - monotonic()))
                self._dirty = True

    async def renew(self) -> Pictures:
        """A new picture, which is then also what `version` stands for.

        A state goes through here too: against an older picture a row that moved and moved back looks
        unchanged.
        """
        async with self._renewing:
            picture = await anyio.to_thread.run_sync(self.services.live.read, self._picture, limiter=self.threads)
            self.version += 1
            self.positions.renew(picture.positions, self.version)
            self.gap.renew(picture.gap, self.version)
            self.ratios.renew(picture.ratios, self.version)
            self._wake()
            return picture

    def _wake(self) -> None:
        for wake in self._clients:
            wake.set()


async def events(hub: Hub, entities: Entities, resume: Vector | None) -> AsyncGenerator[Event]:
    """What one client gets, in order; ends when the hub stops.

    Without `resume` a `state` comes first. With it all alerts after that vector come first, then all rows;
    if the vector is of another log, or ahead of what this view reaches within BEHIND_WAIT_S, a `state`
    comes instead.
    """
    client = Client(hub, entities, resume)
    wake = hub.enter()
    try:
        while not hub.stopping:
            wake.clear()
            async for event in client.due():
                yield event
            try:
                async with asyncio.timeout(hub.services.heartbeat_s):
                    await wake.wait()
            except TimeoutError:
                yield Event("")
    finally:
        hub.leave(wake)


class Client:
    """One client's cursor."""

    def __init__(self, hub: Hub, entities: Entities, resume: Vector | None) -> None:
        self._hub = hub
        self._entities = entities
        self._cursor: Vector = dict(resume or {})
        self._resumes = resume is not None
        self._epoch = -1  # of the last state; -1: none sent yet
        self._version = 0
        self._alert_version = -1
        self._alert_logs: dict[str, str] = {}

    async def due(self) -> AsyncIterator[Event]:
        """Everything this client lacks at the moment."""
        hub = self._hub
        if not hub.services.live.status.ready:
            return
        if self._epoch != hub.epoch:
            epoch, fresh = hub.epoch, self._epoch == -1
            goes_on = await (self._is_reached() if self._resumes else self._is_same_log())
            if goes_on:
                async for event in self._alerts():
                    yield event
            self._epoch = epoch
            for event in await self._whole(rows_only=fresh and goes_on, goes_on=goes_on):
                yield event
        if self._alert_version != hub.alert_version:
            async for event in self._alerts():
                yield event
        if self._version != hub.version:
            version, self._version = self._version, hub.version
            for name, rows in (("positions", hub.positions), ("gap", hub.gap), ("ratios", hub.ratios)):
                changed = rows.since(version, self._entities)
                # No row changed but the cut moved (repeats, on-us legs): the figures stand at newer offsets.
                if changed or rows.moved > version:
                    body = {key: value for key, value in rows.body.items() if key != "buckets"}
                    yield Event(name, body | {"rows": changed, "digest": rows.digest(self._entities)})

    async def _is_reached(self) -> bool:
        deadline = anyio.current_time() + BEHIND_WAIT_S
        while not self._hub.stopping:
            held = await self._read(lambda view: view.alert_book.vector())
            if all(sequence <= held.get(partition, -1) for partition, sequence in self._cursor.items()):
                return True
            if anyio.current_time() > deadline:
                return False
            await asyncio.sleep(0.05)
        return False

    async def _is_same_log(self) -> bool:
        if not self._alert_logs:
            return False
        logs = await self._read(lambda view: view.logs(ALERT))
        return all(logs.get(place) == log for place, log in self._alert_logs.items())

    async def _whole(self, *, rows_only: bool, goes_on: bool) -> list[Event]:
        """A full state; for a client that resumes, and so has its alerts, only the rows of one."""
        alert_version = self._hub.alert_version
        picture = await self._hub.renew()
        self._version, self._alert_logs, self._resumes = self._hub.version, picture.alert_logs, False
        positions, gap = self._seen(picture.positions), self._seen(picture.gap)
        live_ratios = self._seen(picture.ratios)
        if rows_only:
            return [Event("positions", positions), Event("gap", gap), Event("ratios", live_ratios)]
        if not goes_on:
            self._cursor, self._alert_version = dict(picture.vector), alert_version
        alerts = [alert for alert in picture.alerts if self._may_see(alert.entity)]
        state = {"positions": positions, "gap": gap, "ratios": live_ratios, "alerts": alerts}
        # Before the first alert of all an id is needed too, or a break would lose what comes next.
        return [Event("state", state, vector_text(self._cursor) or "0:-1")]

    async def _alerts(self) -> AsyncIterator[Event]:
        self._alert_version = self._hub.alert_version
        while not self._hub.stopping:
            cursor = dict(self._cursor)
            found = await self._read(partial(_after, cursor))
            for alert in found:
                self._cursor[alert.lane] = alert.sequence
                if self._may_see(alert.entity):
                    yield Event("alert", alert, vector_text(self._cursor))
            if len(found) < ALERTS_AT_ONCE:
                return

    async def _read(self, ask: Callable[[RiskView], T]) -> T:
        hub = self._hub
        return await anyio.to_thread.run_sync(hub.services.live.read, ask, limiter=hub.threads)

    def _seen(self, body: Body) -> Body:
        seen = body | {"rows": [row for row in body["rows"] if self._may_see(row["entity"])]}
        return seen | {"digest": body_digest(seen)}

    def _may_see(self, entity: str) -> bool:
        return self._entities is None or entity in self._entities


def _after(cursor: Vector, view: RiskView) -> list[Alert]:
    return view.alert_book.after(cursor, ALERTS_AT_ONCE)


class EventStream(StreamingResponse):
    """An SSE answer: not buffered, not compressed, and closed if the client takes nothing for too long."""

    def __init__(self, hub: Hub, source: AsyncGenerator[Event]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__((), headers=headers, media_type="text/event-stream")
        self._hub = hub
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def until_gone(cancel: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            cancel.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(until_gone, tasks.cancel_scope)
            try:
                await self._send_all(send)
            except TimeoutError:
                self._hub.metrics.stream_stalled.inc()
            finally:
                tasks.cancel_scope.cancel()

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
