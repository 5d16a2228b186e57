"""The hub of the live stream: it listens to the view, pictures it once for everyone, and knows who is connected.

It encodes what is new once and writes it to all who are level (`api.stream_fan`); what the others still lack they
fetch by themselves (`api.stream_client`). Not for adding up: bodies come from `api.figures`.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread
import msgspec

from api import figures, ratios, trust
from api.figures import PAIR, Body, Query
from api.metrics import Metrics
from api.services import Services
from api.stream_choice import Predicates
from api.stream_events import Choice, Event, Frame, frame_of
from api.stream_fan import Fan
from api.stream_ring import Ring
from api.stream_rows import Board, Pictures
from engines.primitives.errors import Unavailable
from streams.topics import ALERT
from streams.views import Changes, RiskView
from streams.views_wire import Alert

if TYPE_CHECKING:
    from api.stream_client import Client

ALERTS_IN_STATE = 50
RATIOS_INTERVAL_S = 0.5  # some milliseconds each, under the view's lock: five times less often than positions

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
