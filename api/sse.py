"""The live stream: one hub for all clients, and per client the events it still lacks, over SSE or WebSocket.

Each client keeps a cursor, {partition: sequence} for alerts and a version for rows. The hub encodes what is new once
and writes it to all who are level (`api.stream_fan`); the others fetch what they lack, from the ring of newest alerts
or, further back, from the view. A slow client costs no memory, gets the newest rows when it is able to take them,
and misses no alert. One that takes nothing at all is closed and resumes by Last-Event-ID (decision S16). Not for
adding up: bodies come from `api.figures`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from time import monotonic
from typing import TypeVar

import anyio
import anyio.to_thread
import msgspec

from api import figures, ratios, trust
from api.figures import PAIR, Body, Query
from api.metrics import Metrics
from api.services import Services
from api.stream_choice import Predicates
from api.stream_direct import Direct
from api.stream_events import Choice, Event, Frame, frame_of
from api.stream_fan import Fan
from api.stream_ring import Chunk, Ring
from api.stream_rows import Board, Pictures
from engines.primitives.errors import Unavailable
from streams.topics import ALERT
from streams.views import Changes, RiskView
from streams.views_alerts import Vector, vector_text
from streams.views_wire import Alert

ALERTS_IN_STATE = 50
ALERTS_AT_ONCE = 200
RATIOS_INTERVAL_S = 0.5  # some milliseconds each, under the view's lock: five times less often than positions
BEHIND_WAIT_S = 2.0  # how long a resuming client waits for a view that is behind the one it came from

T = TypeVar("T")


class Hub:
    """Listens to the live view and serves the clients. Runs on the event loop; one per application."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self.services = services
        self.metrics = metrics
        self.stopping = False
        self.epoch = 0  # grows when rows may have vanished: everyone gets a full state
        self.alert_version = 0
        self.ring = Ring()
        self.board = Board()
        self.fan = Fan(metrics, services.heartbeat_s)
        self.trusted: trust.Told | None = None
        self.predicates: Predicates = {}
        self._ratios: Body = {}
        self._ratios_due = 0.0  # monotonic seconds
        self._ratios_waiting = False
        self._untrust: Callable[[], None] = lambda: None
        self._changes = 0  # noted so far
        self._pictured = (-1, -1, 0.0)  # epoch, changes and monotonic seconds when the newest picture was begun
        self._dirty = False
        self._early: list[Alert] | None = None  # alerts that came while the ring looks where to begin
        self._ring_task: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        self._trust: dict[Choice, tuple[int, Event, Frame]] = {}
        # Threads of our own: slow queries may hold all of the default ones, and an alert must not wait for
        # them.
        self.threads = anyio.CapacityLimiter(8)

    def start(self) -> None:
        loop = asyncio.get_running_loop()

        def on_change(changes: Changes) -> None:  # on the thread that feeds the view
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._note, changes)

        self._unlisten = self.services.live.listen(on_change)
        self._begin_ring()
        if self.services.trust is not None:
            self.trusted = trust.Told(self.services.trust)

            def on_turn() -> None:  # on the thread that noticed it
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self.fan.bring_rows)

            self._untrust = self.services.trust.listen(on_turn)
        self.fan.start()

    def stop(self) -> None:
        """End all streams now; idempotent."""
        self.stopping = True
        self.fan.stop()

    async def close(self) -> None:
        self.stop()
        self._unlisten()
        self._untrust()
        for task in (self._renewal, self._ring_task):
            if task is not None:
                task.cancel()

    def check_room(self) -> None:
        """Raises Unavailable: too many clients, or we are stopping. Asked before the answer has begun."""
        if self.stopping or len(self.fan.clients) >= self.services.stream_clients_max:
            raise Unavailable("no more live streams here now", clients=len(self.fan.clients))

    def enter(self, client: "Client") -> None:
        self.fan.clients[client] = None
        self.metrics.stream_clients.set(len(self.fan.clients))

    def leave(self, client: "Client") -> None:
        self.fan.clients.pop(client, None)
        self.metrics.stream_clients.set(len(self.fan.clients))

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
        self._changes += 1
        if changes.alerts:
            self.alert_version += 1
        if changes.reset:
            self.epoch += 1
            self.ring.forget()
            self.fan.forget_alerts()
            self._begin_ring()
            self.fan.bring_alerts([])
            self.fan.bring_rows()  # also lets go of followers, who then ask for a state
        elif self._early is not None:
            self._early += changes.alerts
        elif changes.alerts:
            self.fan.bring_alerts(self.ring.add(changes.alerts))
        if changes.advanced - {ALERT} or changes.dates or changes.reset:
            self._dirty = True
            if self._renewal is None or self._renewal.done():
                self._renewal = asyncio.create_task(self._renew())

    def _begin_ring(self) -> None:
        self._early = []
        if self._ring_task is not None:
            self._ring_task.cancel()
        self._ring_task = asyncio.create_task(self._find_vector())

    async def _find_vector(self) -> None:
        # Alerts told of while this waits may be in the vector already, and are then no news to the ring.
        vector = await self.read(lambda view: view.alert_book.vector())
        early, self._early = self._early or [], None
        self.ring.begin(vector)
        self.ring.add(early)
        self.fan.bring_alerts([])

    async def _renew(self) -> None:
        while self._dirty and not self.stopping:
            self._dirty = False
            if self.fan.clients:  # nobody looks: the next to come asks for a whole state
                await self.renew()
            await asyncio.sleep(self.services.positions_interval_s)
            await self.fan.rows_out.wait()  # not faster than rows reach everyone
            if self._ratios_waiting and not self._dirty and self.fan.clients:
                await asyncio.sleep(max(0.0, self._ratios_due - monotonic()))
                self._dirty = True

    async def renew(self, *, recent: bool = False) -> Pictures:
        """A new picture, which is then also what the board's version stands for.

        A state goes through here too: against an older picture a row that moved and moved back looks unchanged.
        `recent`: one that thousands who come at the same time may share.
        """
        async with self._renewing:
            if recent and self.board.picture is not None and self._is_recent():
                return self.board.picture
            begun = (self.epoch, self._changes, monotonic())
            picture = await self.read(self._picture)
            self._pictured = begun
            self.board.renew(picture)
            self.fan.bring_rows()
            return picture

    def _is_recent(self) -> bool:
        epoch, changes, at = self._pictured
        age_s = monotonic() - at
        return epoch == self.epoch and (changes == self._changes or age_s < self.services.positions_interval_s)

    async def read(self, ask: Callable[[RiskView], T]) -> T:
        return await anyio.to_thread.run_sync(self.services.live.read, ask, limiter=self.threads)

    def trust(self, choice: Choice) -> tuple[Event, Frame]:
        """The newest state of the sources, encoded once for all who may see the same."""
        assert self.trusted is not None  # noqa: S101 - asked for where there is a board
        version, found = self.trusted.version, self._trust.get(choice)
        if found is None or found[0] != version:
            body = self.trusted.body(choice.entities)
            event = Event("trust", body, raw=msgspec.json.encode(body))
            found = self._trust[choice] = (version, event, frame_of([event]))
        return found[1:]


async def events(
    hub: Hub,
    entities: frozenset[str] | None,
    resume: Vector | None,
    choice: Choice | None = None,
    direct: Direct | None = None,
) -> AsyncGenerator[Event]:
    """What one client gets, in order; ends when the hub stops or the direct connection is lost.

    Without `resume` a `state` comes first. With it all alerts after that vector come first, then all rows;
    if the vector is of another log, or ahead of what this view reaches within BEHIND_WAIT_S, a `state`
    comes instead. While the client is level, what is new goes by `direct` and not through here.
    """
    client = Client(hub, choice or Choice(entities), resume)
    hub.enter(client)
    if direct is not None:
        direct.on_lost = client.wake
    try:
        while not hub.stopping and not (direct is not None and direct.is_lost):
            client.rest()
            async for event in client.due():
                yield event
            if direct is not None and client.is_level():
                client.follow(direct)
            if await client.woken():
                yield Event("")
    finally:
        client.direct = None
        if direct is not None:
            direct.on_lost = None
        hub.leave(client)


class Client:
    """One client's cursor."""

    __slots__ = (
        "_alert_logs",
        "_alert_version",
        "_at",
        "_awake",
        "_beat",
        "_choice",
        "_cursor",
        "_epoch",
        "_hub",
        "_resumes",
        "_trust_version",
        "_version",
        "_waiting",
        "direct",
    )

    def __init__(self, hub: Hub, choice: Choice, resume: Vector | None) -> None:
        self._hub = hub
        self._choice = choice
        self._cursor: Vector = dict(resume or {})
        self._resumes = resume is not None
        self._epoch = -1  # of the last state; -1: none sent yet
        self._version = 0
        self._trust_version = -1
        self._alert_version = -1
        self._alert_logs: dict[str, str] = {}
        self._awake = self._beat = False
        self._waiting: asyncio.Future[None] | None = None
        self.direct: Direct | None = None  # while it follows
        self._at = 0  # number in the ring of the newest alert it has had, while it follows

    # -- waking ------------------------------------------------------------------------------------------------

    def wake(self, *, beat: bool = False) -> None:
        """Look for what is due. A follower is none from now on."""
        self.direct = None
        self._awake = True
        self._beat = self._beat or beat
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def rest(self) -> None:
        self._awake = False

    async def woken(self) -> bool:
        """Wait; whether a heartbeat is due."""
        if not self._awake:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        beat, self._beat = self._beat, False
        return beat

    # -- following ---------------------------------------------------------------------------------------------

    def is_level(self) -> bool:
        """Whether it has had all there is, so that what comes next is the same as for the others."""
        hub = self._hub
        is_current = self._epoch == hub.epoch and self._version == hub.board.version and not self._awake
        return is_current and hub.services.live.status.ready and hub.ring.is_at_end(self._cursor)

    def follow(self, direct: Direct) -> None:
        self._at, self.direct = self._hub.ring.count, direct

    def next_alerts(self, chunk: Chunk) -> list[Frame]:
        """What to write to a follower; nothing if it follows no longer."""
        if self._at >= chunk.last:
            return []
        frame = chunk.frame(self._choice, self._at)
        frames = [] if frame is None else [frame]
        if not self._may_follow(frames):
            return []
        self._at, self._cursor = chunk.last, chunk.vector
        return frames

    def next_rows(self) -> list[Frame]:
        """As `next_alerts`."""
        hub = self._hub
        frames = []
        trusted = hub.trusted.version if hub.trusted is not None else self._trust_version
        if self._trust_version != trusted and "trust" in self._choice.kinds:
            frames.append(hub.trust(self._choice)[1])
        frame = hub.board.frame(self._choice, self._version)
        if frame is not None:
            frames.append(frame)
        if not self._may_follow(frames):
            return []
        self._version, self._trust_version = hub.board.version, trusted
        return frames

    def _may_follow(self, frames: list[Frame]) -> bool:
        """Else it is let go: it went behind, its log was replaced, or its lens must look at what comes."""
        is_open = self._epoch == self._hub.epoch and self.direct is not None and self.direct.is_open
        if is_open and not any(frame.is_sealed for frame in frames):
            return True
        self.wake()
        return False

    def vector_text(self) -> str:
        return vector_text(self._cursor)

    # -- fetching ----------------------------------------------------------------------------------------------

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
        if hub.trusted is not None and self._trust_version != hub.trusted.version:
            self._trust_version = hub.trusted.version
            if "trust" in self._choice.kinds:
                yield hub.trust(self._choice)[0]
        if self._version != hub.board.version:
            version, self._version = self._version, hub.board.version
            for event in hub.board.changed(self._choice, version):
                yield event

    async def _is_reached(self) -> bool:
        deadline = anyio.current_time() + BEHIND_WAIT_S
        while not self._hub.stopping:
            held = self._hub.ring.vector
            if held is None or not _covers(held, self._cursor):
                held = await self._hub.read(lambda view: view.alert_book.vector())
            if _covers(held, self._cursor):
                return True
            if anyio.current_time() > deadline:
                return False
            await asyncio.sleep(0.05)
        return False

    async def _is_same_log(self) -> bool:
        if not self._alert_logs:
            return False
        logs = await self._hub.read(lambda view: view.logs(ALERT))
        return all(logs.get(place) == log for place, log in self._alert_logs.items())

    async def _whole(self, *, rows_only: bool, goes_on: bool) -> list[Event]:
        """A full state; for a client that resumes, and so has its alerts, only the rows of one."""
        picture = await self._hub.renew(recent=True)
        board = self._hub.board
        self._version, self._alert_logs, self._resumes = board.version, picture.alert_logs, False
        if rows_only:
            return board.all_rows(self._choice)
        if not goes_on:
            self._cursor, self._alert_version = dict(picture.vector), -1
        return [board.state(self._choice, self._cursor)]

    async def _alerts(self) -> AsyncIterator[Event]:
        hub = self._hub
        self._alert_version = hub.alert_version
        while not hub.stopping:
            kept = hub.ring.after(self._cursor)
            if kept is not None:
                for one in kept:
                    if self._is_taken(one.alert):
                        yield one.event(self._cursor)
                return
            found = await hub.read(partial(_after, dict(self._cursor)))
            for alert in found:
                if self._is_taken(alert):
                    yield Event("alert", alert, vector_text(self._cursor))
            if len(found) < ALERTS_AT_ONCE:
                return

    def _is_taken(self, alert: Alert) -> bool:
        self._cursor = self._cursor | {alert.lane: alert.sequence}
        return self._choice.wants(alert)


def _covers(held: Vector, cursor: Vector) -> bool:
    return all(sequence <= held.get(partition, -1) for partition, sequence in cursor.items())


def _after(cursor: Vector, view: RiskView) -> list[Alert]:
    return view.alert_book.after(cursor, ALERTS_AT_ONCE)
