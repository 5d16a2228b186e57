"""The process `tidemark notifier`: decides who is told of alerts, and tells them; stays small, and quiet while idle.

The router works in a thread and waits in its Kafka reader; the sender works in an event loop and sleeps until
something is due, comes in or comes back. Other processes put notifications too (a test, a replay): for those it
looks once a second.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from aggregates.alert import alert_key
from aggregates.assets import Assets
from aggregates.process_managers import Wanted, carry_out
from api.notifier_suspensions import suspension
from api.notifier_wiring import Channels, channels_of
from api.opening import opened_assets
from api.startup import stop_on_signals
from engines.primitives.errors import TidemarkError, Unavailable
from infra.channels.alert_facts import is_test
from infra.channels.webhook import of_subscription
from infra.collector import collect_seldom
from infra.deadline_policies import holiday_calendar
from infra.deliveries import DeliveryStore
from infra.deliveries_breaker import Lanes
from infra.deliveries_ended import SuspendedTarget, Untold
from infra.deliveries_policy import notification_policy
from infra.deliveries_pruning import PRUNED_AT_ONCE, Keeping, prune
from infra.deliveries_sender import Sender, Tell
from infra.event_store import Clock, utc_now
from infra.files import write_atomically
from infra.kafka.clients import consumer_config, resolve_bootstrap
from infra.run_files import own_process_file
from infra.settings import Settings
from projections.alert_notification import Notification
from projections.alert_routing import identity
from streams.alert_router import AlertRouter
from streams.alert_router_reader import KafkaAlertLog

log = structlog.get_logger()

IDLE = timedelta(seconds=1)
TELL = timedelta(seconds=10)
BEAT = timedelta(seconds=15)
PRUNE = timedelta(hours=1)
GRACE_S = 3.0
SWITCH_S = 0.0005  # a commit takes the interpreter up a dozen times and waits so long for it each time
GATHER_S = 0.005  # while messages are under way one look is for all that come back together


def run_notifier(settings: Settings, stop: threading.Event | None = None) -> None:
    """Route and send until `stop` is set, by default by a signal. Raises what a router or store that cannot go on
    raises: the supervisor starts another at the saved position."""
    collect_seldom()
    sys.setswitchinterval(SWITCH_S)
    holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    policy = notification_policy(settings.policy_dir)
    alerts = KafkaAlertLog(consumer_config(settings, resolve_bootstrap(settings)))
    with (
        stop_on_signals() if stop is None else nullcontext(stop) as ended,
        own_process_file(settings.data_dir / "run", "notifier") as told_at,
        opened_assets(settings) as (store, assets),
    ):
        deliveries = DeliveryStore(store)
        channels = channels_of(settings, policy)
        sender = Sender(
            deliveries,
            channels.senders,
            utc_now,
            holder,
            tell=telling(assets, utc_now),
            tell_suspended=telling_suspended(assets, utc_now),
            backoff=policy.sending.backoff(),
            suspension=policy.sending.suspension(),
            lanes=Lanes(policy.sending.per_receiver),
        )
        host = Host(sender, utc_now, policy.keeping.keeping())
        router = AlertRouter(
            app=assets,
            store=store,
            alerts=alerts,
            outbox=WakingOutbox(deliveries, host.wake),
            calendar=holiday_calendar(settings.policy_dir),
            clock=utc_now,
            holder=holder,
        )
        address = _serve_metrics(settings, [sender.metrics.registry, router.metrics.registry])
        host.on_beat = lambda: _tell_health(told_at, address, host, router)
        try:
            asyncio.run(host.run(ended, router.run, channels))
        finally:
            alerts.close()


class WakingOutbox:
    """The outbox of the router: what is new there is sent at once."""

    def __init__(self, deliveries: DeliveryStore, wake: Callable[[], None]) -> None:
        self._deliveries, self._wake = deliveries, wake

    def put(self, notifications: Sequence[Notification]) -> int:
        kept = self._deliveries.put(notifications)
        if kept:
            self._wake()
        return kept


class Host:
    """The event loop around the sender. `wake` may be called from any thread."""

    def __init__(self, sender: Sender, clock: Clock, keeping: Keeping | None = None) -> None:
        self.sender, self._clock, self._keeping = sender, clock, keeping or Keeping()
        self.on_beat: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._told_at = self._beat_at = self._pruned_at = datetime.min.replace(tzinfo=UTC)
        sender.on_free = self._woken.set

    def wake(self) -> None:
        with suppress(AttributeError, RuntimeError):  # not running yet, or no more: the next look finds it
            self._loop.call_soon_threadsafe(self._woken.set)  # type: ignore[union-attr]

    async def run(self, stop: threading.Event, route: Callable[[threading.Event], None], channels: Channels) -> None:
        """Send until `stop` is set, `route` working beside in a thread; then let what is under way end."""
        self._loop = asyncio.get_running_loop()
        failures: list[BaseException] = []

        def routing() -> None:
            try:
                route(stop)
            except BaseException as error:  # the process ends with it
                failures.append(error)
            finally:
                stop.set()
                self.wake()

        def stopping() -> None:
            stop.wait()
            self.wake()

        threads = [threading.Thread(target=work, name=work.__name__, daemon=True) for work in (routing, stopping)]
        for thread in threads:
            thread.start()
        try:
            while not stop.is_set():
                self._woken.clear()
                await self._wait(await self._step())
        finally:
            stop.set()
            await self.sender.stop(GRACE_S)
            await channels.close()
            await asyncio.get_running_loop().run_in_executor(None, threads[0].join, GRACE_S)
        if failures:
            raise failures[0]

    async def _step(self) -> datetime:
        """One look at the outbox; when to look again unless something happens."""
        now = self._clock()
        try:
            await self.sender.step()
            if now - self._told_at >= TELL or self.sender.has_untold:
                await self.sender.tell_failures()
                self._told_at = now
            if now - self._beat_at >= BEAT:
                self._beat_at = now
                self.on_beat()
            if now - self._pruned_at >= PRUNE:
                forgotten = await asyncio.to_thread(prune, self.sender.store, now, self._keeping)
                if forgotten < PRUNED_AT_ONCE:  # else the next look goes on
                    self._pruned_at = now
            # What comes back wakes us, and while something is under way that is often.
            due = None if self.sender.in_flight else await asyncio.to_thread(self.sender.store.next_due)
        except Unavailable as error:
            log.warning("notifier_unavailable", error=str(error))
            return now + IDLE
        # What is due already has no room: a receiver's answer wakes us, or the second passes.
        return min(due, now + IDLE) if due is not None and due > now else now + IDLE

    async def _wait(self, until: datetime) -> None:
        seconds = max((until - self._clock()).total_seconds(), 0.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        if self.sender.in_flight:
            await asyncio.sleep(GATHER_S)


def telling(assets: Assets, clock: Clock) -> Tell:
    """Says of each alert of an undelivered notification that its delivery failed, once for each end of it."""

    def tell(one: Untold) -> None:
        given = one.notification
        records = {str(alert.get("alert_id")): alert for alert in given.alerts}
        for alert_id, entity in one.alerts:
            record = records.get(alert_id)
            if record is None or is_test(record):
                continue
            key = alert_key(alert_id, entity)
            payload = {
                "alert_id": alert_id,
                "entity_id": entity,
                "subscription": of_subscription(given.subscription),
                "channel": str(given.channel),
                "error_text": one.error or "not delivered",
                **identity(record),
            }
            cmd_id = str(uuid5(NAMESPACE_URL, f"/tm/notifier/{given.notification_id}/{one.attempts}/{alert_id}"))
            wanted = Wanted("Alert", key, "FailDelivery", payload)
            for result in carry_out(assets, wanted, cmd_id, clock(), correlation=alert_id):
                if isinstance(result, TidemarkError):
                    log.warning("delivery_failure_refused", alert_id=alert_id, code=result.code, reason=str(result))

    return tell


def telling_suspended(assets: Assets, clock: Clock) -> Callable[[SuspendedTarget], None]:
    """Says on a subscription that a target of it, or of its escalations, is left alone; once for each suspension."""

    def tell(one: SuspendedTarget) -> None:
        place = f"{one.subscription}/{one.channel}/{one.target}/{one.at.isoformat()}"
        wanted = suspension(one)
        cmd_id = str(uuid5(NAMESPACE_URL, f"/tm/notifier/suspended/{place}"))
        for result in carry_out(assets, wanted, cmd_id, clock()):
            if isinstance(result, TidemarkError):  # it has ended meanwhile, say
                log.warning("suspension_refused", subscription=wanted.key, code=result.code, reason=str(result))

    return tell


def _serve_metrics(settings: Settings, registries: Sequence[CollectorRegistry]) -> str:
    together = CollectorRegistry()
    for registry in registries:
        together.register(registry)  # a registry collects as its collectors do
    server, _ = start_http_server(settings.notifier_metrics_port, "127.0.0.1", together)
    return f"http://127.0.0.1:{server.server_port}/metrics"


def _tell_health(path: Path, address: str, host: Host, router: AlertRouter) -> None:
    body = {
        "metrics": address,
        "beat_at": utc_now().isoformat(timespec="seconds"),
        "in_flight": host.sender.in_flight,
        "routes": router.is_leading,
    }
    write_atomically(path, json.dumps(body).encode())
