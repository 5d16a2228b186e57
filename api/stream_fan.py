"""Brings what is new to all clients, one batch after another: alerts first, then rows, and heartbeats by one timer.

Clients that had everything so far and whose sockets take bytes are followers: they get shared chunks, written at
once and kept nowhere. All others are only woken, and fetch what they lack at their own pace. Between two batches the
loop does its other work, and alerts that came in meanwhile overtake the rows of those not yet served, who get the
newest rows in the end, however many versions went by.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from api.metrics import Metrics
from api.stream_events import Event, Frame, frame_of
from api.stream_ring import Chunk, Raised

if TYPE_CHECKING:
    from api.stream_client import Client

log = structlog.get_logger()
BATCH = 64
BATCH_S = 0.010  # what else the loop has to do waits no longer than this
RETRY_S = 0.05


class Fan:
    """One per hub; on the event loop."""

    def __init__(self, metrics: Metrics, heartbeat_s: float) -> None:
        self.clients: dict[Client, None] = {}  # in the order in which they came
        self.rows_out = asyncio.Event()  # set while nobody is being brought rows
        self.rows_out.set()
        self._metrics = metrics
        self._heartbeat_s = heartbeat_s
        self._work = asyncio.Event()
        self._fresh: list[Raised] = []
        self._alerts = self._rows = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._beat())]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.wake_all()

    def wake_all(self) -> None:
        for client in self.clients:
            client.wake()

    def bring_alerts(self, raised: list[Raised]) -> None:
        """Empty: only wake who may have missed some."""
        self._fresh += raised
        self._alerts = True
        self._work.set()

    def bring_rows(self) -> None:
        self._rows = True
        self.rows_out.clear()
        self._work.set()

    def forget_alerts(self) -> None:
        """The view was replaced: everyone looks for himself."""
        self._fresh = []

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._alerts_round()
                await self._rows_round()
            except Exception:
                log.exception("stream_fan_failed")
                self._fresh = []
                self.rows_out.set()
                self.wake_all()
                await asyncio.sleep(RETRY_S)

    async def _alerts_round(self) -> None:
        while self._alerts:
            self._alerts = False
            raised, self._fresh = self._fresh, []
            chunk = Chunk(raised) if raised else None
            for batch in self._batches():
                sent: Counter[str] = Counter()
                for client in batch:
                    if client.direct is None or chunk is None:
                        client.wake()
                    else:
                        self._give(client, client.next_alerts(chunk), sent)
                self._count(sent)
                await asyncio.sleep(0)

    async def _rows_round(self) -> None:
        if not self._rows:
            return
        self._rows = False
        for batch in self._batches():
            if self._alerts:
                await self._alerts_round()
            sent: Counter[str] = Counter()
            for client in batch:
                if client.direct is None:
                    client.wake()
                else:
                    self._give(client, client.next_rows(), sent)
            self._count(sent)
            await asyncio.sleep(0)
        self.rows_out.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            frames: dict[str, Frame] = {}
            for batch in self._batches():
                for client in batch:
                    if client.direct is None:
                        client.wake(beat=True)
                        continue
                    told = client.vector_text()
                    if told not in frames:
                        # The id moves past what was filtered out, so that a break there asks for little again.
                        frames[told] = frame_of([Event("", id=told)])
                    if client.direct.is_open:
                        client.direct.write(frames[told].wire)
                    else:
                        client.wake()
                await asyncio.sleep(0)

    def _batches(self) -> Iterator[Iterator["Client"]]:
        """All clients of this moment, in batches that end by number or by time; who has gone is left out."""
        waiting = list(self.clients)
        at = 0

        def batch() -> Iterator["Client"]:
            nonlocal at
            until, end = perf_counter() + BATCH_S, min(at + BATCH, len(waiting))
            while at < end and perf_counter() < until:
                client, at = waiting[at], at + 1
                if client in self.clients:
                    yield client

        while at < len(waiting):
            yield batch()

    def _give(self, client: "Client", frames: list[Frame], sent: Counter[str]) -> None:
        for frame in frames:
            if client.direct is not None:
                client.direct.write(frame.wire)
                sent.update(frame.names)

    def _count(self, sent: Counter[str]) -> None:
        for name, times in sent.items():
            self._metrics.stream_events.labels(name).inc(times)
