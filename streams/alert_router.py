"""Follows the alerts and tells those who subscribed: notifications into an outbox, acts into the event store.

One router works at a time, by a lease. A position is saved only below what is not decided yet (a digest that still
gathers, an escalation that may come), and after the notifications are in the outbox; a successor decides the same
again, and what is there already is known by its ids. Not for sending: that is whoever empties the outbox.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol
from uuid import NAMESPACE_URL, uuid5

import structlog

from aggregates.alert import alert_key
from aggregates.assets import Assets, translated
from aggregates.process_managers import Wanted, carry_out
from engines.primitives.errors import TidemarkError, Unavailable
from engines.work_calendar import WorkCalendar
from infra.event_store import Clock, Cursor, EventStore
from projections.alert_notification import Notification
from projections.alert_routing import Act, Life, Routing
from streams.alert_router_metrics import RouterMetrics
from streams.alert_router_reader import AlertLog, AlertPage
from streams.alert_router_world import Worlds

log = structlog.get_logger()

CURSOR_NAME = "alert-router"
LEASE_S = 5.0
IDLE_S = 0.5
SAVE_S = 2.0  # at most so often are positions saved


class Outbox(Protocol):
    """Keeps notifications until they are delivered; one for each alert, subscription, channel and purpose."""

    def put(self, notifications: Sequence[Notification]) -> int:
        """How many were new. May raise Unavailable."""
        ...


class AlertRouter:
    def __init__(
        self,
        *,
        app: Assets,
        store: EventStore,
        alerts: AlertLog,
        outbox: Outbox,
        calendar: WorkCalendar,
        clock: Clock,
        holder: str,
        metrics: RouterMetrics | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        """`holder` names this router: another string for every process, or a lease is shared unawares."""
        self._app, self._store, self._alerts, self._outbox = app, store, alerts, outbox
        self._clock, self._holder, self._lease_s = clock, holder, lease_s
        self.metrics = metrics or RouterMetrics()
        self._worlds = Worlds(app, calendar)
        self._lead = self._cursor(None)
        self._lead_until: datetime | None = None  # until then the lease is renewed by nothing
        self._cursors: dict[int, Cursor] = {}
        self._saved: dict[int, int] = {}
        self._newest: dict[int, datetime] = {}
        self._saved_at: datetime | None = None
        self._routing = Routing()

    def step(self, now: datetime) -> int:
        """Route what came since and what fell due by `now`; how many alerts and notifications that were, 0 also while
        another router holds the lease.

        Raises:
            Unavailable: Kafka, the store or the outbox do not answer; what was not saved is decided again.
        """
        try:
            return self._step(now)
        except Exception:
            self._forget()
            raise

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Step until `stop` is set, then end the lease. What is away is tried again."""
        while not stop.is_set():
            try:
                done = self.step(self._clock())
            except Unavailable as error:
                log.warning("alert_router_unavailable", error=str(error))
                done = 0
            if not done and not self.is_leading:
                stop.wait(idle_s)  # one that leads waits in its reader
        self.release()

    @property
    def is_leading(self) -> bool:
        return bool(self._cursors)

    def release(self) -> None:
        """End the lease, so that a successor need not wait for it."""
        try:
            for cursor in (*self._cursors.values(), self._lead):
                cursor.release()
        except Unavailable:
            log.warning("alert_router_lease_left_to_expire")
        self._forget()

    def _step(self, now: datetime) -> int:
        if not self._leads():
            self._forget()
            return 0
        if not self._cursors and not self._begin():
            return 0
        page = self._alerts.read(self._routing.next_offsets)
        world = self._worlds.now()
        acts = self._routing.take(page.told, world)
        for partition, offset in page.next_offsets.items():
            self._routing.passed(partition, offset)
        decided = self._routing.release(now, self._complete_until(page, now), self._lives(now), world)
        if not self._lead.is_held:
            log.warning("alert_router_lease_lost")
            self._forget()
            return 0
        new = self._outbox.put(decided.notifications) if decided.notifications else 0
        self._carry_out([*acts, *decided.acts], now)
        self.metrics.stepped(self._routing, decided.notifications, page.told, len(self._worlds.broken))
        self._save(now)
        return len(page.told) + new

    def _leads(self) -> bool:
        """Whether the lease is ours; it is renewed when a third of it is over."""
        now = self._clock()
        if self._lead_until is not None and now < self._lead_until and self._lead.is_held:
            return True
        self._lead_until = now + timedelta(seconds=self._lease_s / 3)
        return self._lead.claim() is not None

    def _begin(self) -> bool:
        """Take over at the saved positions; False while a cursor is another's still."""
        positions, cursors = {}, {}
        for partition in self._alerts.partitions():
            cursors[partition] = self._cursor(partition)
            position = cursors[partition].claim()
            if position is None:
                return False
            positions[partition] = position
        self._routing.begin(positions)
        self._cursors, self._saved = cursors, dict(positions)
        return True

    def _complete_until(self, page: AlertPage, now: datetime) -> datetime:
        """All alerts told before were taken: of a partition that was not read to its end, up to its last record."""
        self._newest |= {one.partition: one.at for one in page.told} | dict(page.read_until)
        behind = [at for partition, at in self._newest.items() if partition not in page.ended]
        unknown = self._cursors.keys() - page.ended - self._newest.keys()
        return datetime.min.replace(tzinfo=now.tzinfo) if unknown else min(behind, default=now)

    def _lives(self, now: datetime) -> dict[str, Life]:
        due = self._routing.due(now)
        if not due:
            return {}
        with translated():
            return self._worlds.lives(due)

    def _carry_out(self, acts: Sequence[Act], now: datetime) -> None:
        for act in acts:
            key = alert_key(act.alert_id, act.entity)
            payload = {"alert_id": act.alert_id, "entity_id": act.entity, **act.payload}
            wanted = Wanted("Alert", key, act.command, payload)
            cmd_id = str(uuid5(NAMESPACE_URL, f"/tm/alert-router/{key}/{act.command}/{act.tag}"))
            for result in carry_out(self._app, wanted, cmd_id, now, correlation=act.alert_id):
                if isinstance(result, TidemarkError):
                    # Somebody was first: acknowledged between the look and the act, or resolved by hand.
                    log.info("alert_act_refused", act=act.command, alert_id=act.alert_id, reason=str(result))
                else:
                    self.metrics.acts.labels(act.command).inc()

    def _save(self, now: datetime) -> None:
        if self._saved_at is not None and (now - self._saved_at).total_seconds() < SAVE_S:
            return
        self._saved_at = now
        for partition, position in self._routing.positions().items():
            if position != self._saved[partition] and not self._cursors[partition].move(position):
                log.warning("alert_router_lease_lost")
                self._forget()
                return
            self._saved[partition] = position

    def _forget(self) -> None:
        """Begin again at the saved positions."""
        self._routing = Routing()
        self._cursors, self._saved, self._newest = {}, {}, {}
        self._saved_at = self._lead_until = None

    def _cursor(self, partition: int | None) -> Cursor:
        name = CURSOR_NAME if partition is None else f"{CURSOR_NAME}-{partition}"
        return Cursor(self._store, name, self._holder, clock=self._clock, lease_s=self._lease_s)
