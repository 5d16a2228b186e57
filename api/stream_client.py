"""One client of the live stream: the events it still lacks, over SSE or WebSocket.

It keeps a cursor, {partition: sequence} for alerts and a version for rows. While it is level the fan writes what is
new to it (`api.stream_fan`); else it fetches what it lacks, from the ring of newest alerts or, further back, from the
view. A slow client costs no memory, gets the newest rows when it is able to take them, and misses no alert. One that
takes nothing at all is closed and resumes by Last-Event-ID (decision S16).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

import anyio

from api.sse import Hub
from api.stream_direct import Direct
from api.stream_events import Choice, Event, Frame
from api.stream_ring import Chunk
from streams.topics import ALERT
from streams.views import RiskView
from streams.views_alerts import Vector, vector_text
from streams.views_wire import Alert

ALERTS_AT_ONCE = 200
BEHIND_WAIT_S = 2.0  # how long a resuming client waits for a view that is behind the one it came from


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
