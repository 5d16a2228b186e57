"""Sends what is due: many receivers at once, few messages to each, one attempt a time; never waits for the slowest.

Time comes in by a clock; a step starts what is due and returns, `settled` waits for what is under way. At least
once: a process that dies between sending and recording leaves a lease, after which the same message goes out again
with the same id. Not for deciding who is told.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from infra.channels.outcome import ChannelSender, Outcome, Result, failed, retry
from infra.deliveries import Claimed, DeliveryStore, Ended, Suspension
from infra.deliveries_backoff import Backoff
from infra.deliveries_breaker import Lanes
from infra.deliveries_ended import SuspendedTarget, Untold, newly_suspended, told, told_suspended, untold
from infra.event_store import Clock
from projections.alert_notification import Channel

log = structlog.get_logger()

AT_ONCE = 64
LOST_MAX = 20  # attempts that ended with their sender; then it is the message that ends them
LEASE_MARGIN = timedelta(seconds=30)  # beyond the longest attempt: time to record it
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

T = TypeVar("T")
Tell = Callable[[Untold], None]


class SenderMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.attempts = Counter(
            "tidemark_notifier_attempts_total", "Attempts to deliver.", ["channel", "outcome"], registry=self.registry
        )
        self.seconds = Histogram(
            "tidemark_notifier_attempt_seconds",
            "How long one attempt took.",
            ["channel"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.late = Histogram(
            "tidemark_notifier_due_to_delivered_seconds",
            "From when a notification was due to its delivery.",
            ["channel"],
            buckets=(*SECONDS, 60, 600, 3_600, 86_400),
            registry=self.registry,
        )
        self.suspended = Counter(
            "tidemark_notifier_suspended_targets_total", "Targets that were suspended.", ["channel"],
            registry=self.registry,
        )  # fmt: skip
        self.paused = Gauge("tidemark_notifier_paused_receivers", "Receivers left alone.", registry=self.registry)


@dataclass(slots=True)
class Sender:
    """`holder` names this sender: another string for every process. `tell` carries final failures to the
    domain, `tell_suspended` that a target is left alone."""

    store: DeliveryStore
    channels: Mapping[Channel, ChannelSender]
    clock: Clock
    holder: str
    tell: Tell | None = None
    tell_suspended: Callable[[SuspendedTarget], None] | None = None
    backoff: Backoff = field(default_factory=Backoff)
    suspension: Suspension = field(default_factory=Suspension)
    lanes: Lanes = field(default_factory=Lanes)
    metrics: SenderMetrics = field(default_factory=SenderMetrics)
    at_once: int = AT_ONCE
    on_free: Callable[[], None] = field(default=lambda: None)  # something came back: there may be room
    has_untold: bool = False  # something failed since `tell_failures` last looked
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _unrecorded: list[tuple[Ended, "asyncio.Future[bool]"]] = field(default_factory=list)
    _recording: bool = False
    #: Of the store alone: whatever a receiver does, what came of it can be recorded.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "deliveries"))

    async def step(self) -> int:
        """Start what is due and has room; how many. Raises Unavailable: the store does not answer."""
        now, free = self.clock(), self.at_once - len(self._tasks)
        if free <= 0:
            return 0
        longest = max((channel.timeout_s for channel in self.channels.values()), default=0.0)
        lease = timedelta(seconds=longest) + LEASE_MARGIN
        ask = partial(
            self.store.due, now, free, holder=self.holder, lease=lease, room=lambda n: self.lanes.room(n, now)
        )
        for claimed in await self._in_thread(ask):
            self.lanes.take(claimed.lane)
            task = asyncio.create_task(self._deliver(claimed))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        self.metrics.paused.set(self.lanes.opened(now))
        return len(self._tasks) - (self.at_once - free)

    async def settled(self) -> None:
        """Wait for everything under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def tell_failures(self) -> int:
        """Hand on what ended undelivered, each until the domain took it; how many. Raises what `tell` raises."""
        self.has_untold = False
        return await self._in_thread(self._tell_all)

    def _tell_all(self) -> int:
        for stopped in newly_suspended(self.store):
            if self.tell_suspended is not None:
                self.tell_suspended(stopped)
            if told_suspended(self.store, stopped):
                self.metrics.suspended.labels(stopped.channel).inc()
                log.warning(
                    "target_suspended",
                    subscription=stopped.subscription,
                    channel=str(stopped.channel),
                    why=stopped.reason,
                )
        found = untold(self.store) if self.tell is not None else []
        for one in found:
            assert self.tell is not None  # noqa: S101 - nothing was found otherwise
            self.tell(one)
            told(self.store, one)
        return len(found)

    async def stop(self, grace_s: float) -> None:
        """Let what is under way end, for so long; the rest is given back and goes out again under its id."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._in_thread(partial(self.store.release, self.holder, self.clock()))
        self._threads.shutdown()

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def _recorded(self, ended: Ended) -> bool:
        """Whether it was still ours. One commit takes what came in during the one before."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unrecorded.append((ended, answer))
        if not self._recording:
            self._recording = True
            try:
                while self._unrecorded:
                    await self._commit()
            finally:
                self._recording = False
        return await answer

    async def _commit(self) -> None:
        batch, self._unrecorded = self._unrecorded, []
        try:
            found = await self._in_thread(partial(self.store.record, [ended for ended, _ in batch], self.suspension))
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), ours in zip(batch, found, strict=True):
            if not answer.done():  # whoever waited was stopped meanwhile
                answer.set_result(ours)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its lease ends by itself; what failed here is ours, and the message goes out again.
            log.error("delivery_unrecorded", kind=type(error).__name__, error=str(error))
        self.on_free()

    async def _deliver(self, claimed: Claimed) -> None:
        outcome: Outcome | None = None
        started = self.clock()
        try:
            outcome = await self._attempt(claimed, started)
        finally:
            # Before it is recorded: the receiver is free now, and whoever is next to it need not wait for our disk.
            self.lanes.give(claimed.lane, self.clock(), failed=_lane_failed(outcome))
            self.on_free()
        await self._record(claimed, outcome, started)

    async def _attempt(self, claimed: Claimed, started: datetime) -> Outcome:
        channel = self.channels.get(claimed.notification.channel)
        if channel is None:
            return failed(f"no channel {claimed.notification.channel} is set up here")
        if claimed.tries > LOST_MAX and await self._in_thread(partial(self.store.lost, claimed)) >= LOST_MAX:
            return failed(f"given up after {LOST_MAX} attempts: their senders ended before they could record them")
        try:
            async with asyncio.timeout(channel.timeout_s):
                return await channel.send(claimed.notification, started)
        except TimeoutError:
            return retry(f"no answer within {channel.timeout_s:g} s")
        except Exception as error:  # a channel's own bug must not lose a message
            log.error("channel_crashed", channel=str(claimed.notification.channel), kind=type(error).__name__)
            return retry(f"the channel failed: {type(error).__name__}", blames_lane=False)

    async def _record(self, claimed: Claimed, outcome: Outcome, started: datetime) -> None:
        given, now = claimed.notification, self.clock()
        next_try = None
        if outcome.result is Result.RETRY:
            next_try = self.backoff.next_try(
                given.notification_id, claimed.tries, claimed.since, now, outcome.not_before
            )
        ours = await self._recorded(Ended(claimed, outcome, now, next_try))
        self.has_untold |= not outcome.is_delivered
        channel = str(given.channel)
        self.metrics.attempts.labels(channel, str(outcome.result)).inc()
        self.metrics.seconds.labels(channel).observe(max((now - started).total_seconds(), 0.0))
        if outcome.is_delivered:
            self.metrics.late.labels(channel).observe(max((now - claimed.since).total_seconds(), 0.0))
        elif ours:
            log.info(
                "delivery_failed" if next_try is None else "delivery_put_off",
                delivery_id=given.notification_id,
                channel=channel,
                attempt=claimed.attempt,
                status=outcome.status,
            )


def _lane_failed(outcome: Outcome | None) -> bool | None:
    if outcome is None or (not outcome.is_delivered and not outcome.blames_lane):
        return None
    return not outcome.is_delivered and outcome.result is Result.RETRY
