"""Notifications, a clock, and an HTTP receiver that misbehaves as its script says. Not a test module by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.channels.addresses import AddressGuard
from infra.channels.http import HttpCaller
from infra.channels.messages import Messages
from infra.channels.signatures import new_secret
from infra.channels.webhook import WebhookChannel
from infra.deliveries import DeliveryStore
from infra.deliveries_sender import Sender
from projections.alert_notification import Channel, Notification, Purpose, notification_id
from tests.aggregates.world import Clock

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOOPBACK = AddressGuard.of(["127.0.0.0/8"])
PAGE = "https://tidemark.bank.example"
ALERT: dict[str, Any] = {
    "alert_id": "al-1",
    "kind": "raised",
    "rule": "large-flow-single",
    "rule_version": "2026.1",
    "sequence": 7,
    "entity": "NORTH",
    "organisation": "HQ",
    "customer": "C1",
    "customer_class": "corporate",
    "account": "6222021234567890123",
    "currency": "CNY",
    "amount": "45000000.00",
    "threshold": "30000000.00",
    "event_time": "2026-11-22T11:59:58Z",
    "txn_id": "T7",
    "reason": "one payment of account 6222021234567890123 is at or above 30,000,000.00",
}
LIMIT_ALERT: dict[str, Any] = ALERT | {
    "alert_id": "al-2",
    "rule": "limit",
    "account": "-",
    "reason": "LCR of NORTH is below its minimum",
    "limit": {
        "metric": "lcr",
        "value": "0.982",
        "minimum": "1.00",
        "light": "red",
        "light_before": "green",
        "incident": "al-2",
        "offsets": {"tm.in.core.txn.v1/0": 12},
    },
}


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def note(
    *alert_ids: str,
    target: str = "https://receiver.example/hook",
    channel: Channel = Channel.WEBHOOK,
    subscription: str = "SUB-1",
    purpose: Purpose = Purpose.ALERT,
    due: datetime = START,
    alerts: Sequence[dict[str, Any]] | None = None,
    **more: Any,
) -> Notification:
    ids = alert_ids or ("al-1",)
    return Notification(
        notification_id=notification_id(purpose, subscription, channel, target, ids),
        purpose=purpose,
        subscription=subscription,
        channel=channel,
        target=target,
        alert_ids=ids,
        alerts=tuple(alerts if alerts is not None else (ALERT | {"alert_id": one} for one in ids)),
        due_at=text_of(due),
        **more,
    )


@dataclass(slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    action: str


@dataclass(slots=True)
class Receiver:
    """Answers each request by the next word of its script, then 200: a status, `stall`, `close` or `half`."""

    script: Iterator[str] = field(default_factory=lambda: iter(()))
    received: list[Received] = field(default_factory=list)
    port: int = 0
    extra: bytes = b""
    answer: bytes = b"{}"
    on_request: Callable[[Received], None] = field(default=lambda _: None)
    _stalled: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def delivered(self) -> list[Received]:
        return [one for one in self.received if one.action == "200"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path, headers = line.split()[1].decode(), {}
                while (header := (await reader.readline()).strip()) != b"":
                    name, _, value = header.partition(b": ")
                    headers[name.decode().lower()] = value.decode()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                one = Received(path, headers, body, next(self.script, "200"))
                self.received.append(one)
                self.on_request(one)
                if not await self._answer(one.action, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, action: str, writer: asyncio.StreamWriter) -> bool:
        if action == "stall":
            await self._stalled.wait()
            return False
        if action == "close":
            return False
        if action == "half":
            writer.write(b"HTTP/1.1 20")
            await writer.drain()
            return False
        more = {"429": b"retry-after: 2\r\n", "301": b"location: http://169.254.169.254/\r\n"}.get(action, b"")
        writer.write(
            b"HTTP/1.1 %s Said\r\ncontent-length: %d\r\n%s%s\r\n%s"
            % (action.encode(), len(self.answer), more, self.extra, self.answer)
        )
        await writer.drain()
        return True


@asynccontextmanager
async def receiving(*script: str, **more: Any) -> AsyncIterator[Receiver]:
    found = Receiver(iter(script), **more)
    server = await asyncio.start_server(found._serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        found._stalled.set()
        server.close()
        await server.wait_closed()


SECRETS = (new_secret(), new_secret())


def webhooks(*, timeout_s: float = 5.0, secrets: Sequence[str] = SECRETS) -> tuple[WebhookChannel, HttpCaller]:
    caller = HttpCaller(LOOPBACK, timeout_s=timeout_s, allow_http=True)
    return WebhookChannel(caller, lambda _: secrets, Messages(PAGE), timeout_s=timeout_s), caller


@asynccontextmanager
async def sending(store: DeliveryStore, clock: Clock, *, holder: str = "a", **more: Any) -> AsyncIterator[Sender]:
    timeout_s, grace_s = more.pop("timeout_s", 5.0), more.pop("grace_s", 5.0)
    channel, caller = webhooks(timeout_s=timeout_s)
    sender = Sender(store, {Channel.WEBHOOK: channel}, clock, holder, **more)
    try:
        yield sender
    finally:
        await sender.stop(grace_s)
        await caller.close()


async def until_quiet(sender: Sender, clock: Clock, *, steps_max: int = 500) -> None:
    """Send, and let the time pass to whatever is due next, until nothing is."""
    for _ in range(steps_max):
        while await sender.step():
            pass
        await sender.settled()
        due = sender.store.next_due()
        if due is None:
            return
        probe = sender.lanes.next_probe(clock.now)
        clock.now = max(due, clock.now, probe or due) + timedelta(milliseconds=1)
    raise AssertionError("it never ends")
