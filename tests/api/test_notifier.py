"""The process around router and sender: it wakes, ends when told, fails when its router does, and tells the
domain."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aggregates.alert import alert_key
from api.notifier import Host, WakingOutbox, telling, telling_suspended
from api.notifier_wiring import Channels, channels_of
from engines.primitives.errors import InvalidInput, Unavailable
from infra.channels.outcome import Outcome, Result
from infra.deliveries import DeliveryStore, Ended, Suspension
from infra.deliveries_ended import SuspendedTarget, Untold
from infra.deliveries_policy import policy_of
from infra.deliveries_reading import counts, page
from infra.deliveries_sender import Sender
from infra.event_store import utc_now
from infra.policies import load_policy
from infra.settings import Settings
from projections.alert_notification import Channel
from tests.aggregates.world import ENTITY, World, open_world
from tests.infra.delivery_world import ALERT, START, note, receiving, webhooks
from tests.infra.test_deliveries import emptied


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = open_world(tmp_path_factory.mktemp("notifier"))
    yield opened
    opened.store.close()


@pytest.fixture
def deliveries(world: World) -> DeliveryStore:
    return emptied(DeliveryStore(world.store))


async def hosting(deliveries: DeliveryStore, route: Callable[[WakingOutbox, threading.Event], None]) -> None:
    """A host whose router is `route`, until that ends."""
    channel, caller = webhooks()
    host = Host(Sender(deliveries, {Channel.WEBHOOK: channel}, utc_now, "a"), utc_now)
    outbox = WakingOutbox(deliveries, host.wake)
    await host.run(threading.Event(), lambda stop: route(outbox, stop), Channels({}, (caller.close,)))


def test_what_a_router_decides_is_sent_at_once_and_a_stop_waits_for_it(deliveries: DeliveryStore) -> None:
    async def work() -> None:
        async with receiving() as receiver:
            arrived = threading.Event()
            receiver.on_request = lambda _: arrived.set()

            def route(outbox: WakingOutbox, stop: threading.Event) -> None:
                assert outbox.put([note("a", target=receiver.url())]) == 1
                assert arrived.wait(10)
                assert not stop.is_set()

            await hosting(deliveries, route)

    asyncio.run(work())
    assert counts(deliveries)["delivered"] == 1


def test_a_router_that_fails_ends_the_process(deliveries: DeliveryStore) -> None:
    def route(outbox: WakingOutbox, stop: threading.Event) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        asyncio.run(hosting(deliveries, route))


def test_a_store_that_is_away_for_a_while_is_asked_again(deliveries: DeliveryStore) -> None:
    asked = threading.Event()

    class Away(DeliveryStore):
        calls = 0

        def due(self, *arguments: object, **named: object) -> list[object]:  # type: ignore[override]
            self.calls += 1
            if self.calls == 1:
                raise Unavailable("away")
            asked.set()
            return []

    away = object.__new__(Away)
    away.__dict__.update(deliveries.__dict__)

    def route(outbox: WakingOutbox, stop: threading.Event) -> None:
        assert asked.wait(10)

    asyncio.run(hosting(away, route))


def test_the_domain_hears_of_a_failure_once_for_each_end(world: World) -> None:
    alert = ALERT | {"alert_id": "al-77", "entity": ENTITY}
    given = note("al-77", alerts=[alert], subscription="SUB-1:2:U-7")
    tell = telling(world.app, world.clock)
    failure = Untold(given, "the receiver answered 500", START, 13, (("al-77", ENTITY),))
    for one in (failure, failure, Untold(given, "away", START + timedelta(days=2), 26, (("al-77", ENTITY),))):
        tell(one)
    state = world.state("Alert", alert_key("al-77", ENTITY))
    assert (state["delivery_failures"], state["rule"], state["severity"]) == (2, "large-flow-single", "WARNING")


def test_a_test_that_fails_is_no_alert(world: World) -> None:
    before = world.log_length
    given = note("test-1", alerts=[{"alert_id": "test-1", "kind": "test", "rule": "test", "entity": ENTITY}])
    telling(world.app, world.clock)(Untold(given, "away", START, 1, (("test-1", ENTITY),)))
    assert world.log_length == before


def test_a_subscription_hears_once_of_each_suspension(world: World) -> None:
    content = {
        "filter": "true",
        "entities": [ENTITY],
        "channels": [{"channel": "webhook", "target": note("a").target}],
    }
    given = world.command("AM", "Subscribe", aggregate="AlertSubscription", key="SUB-1")
    world.app.execute(replace(given, payload=content))
    tell = telling_suspended(world.app, world.clock)
    first = SuspendedTarget("SUB-1", Channel.WEBHOOK, note("a").target, "gone", START)
    for one in (first, first, replace(first, subscription="SUB-1:1:U-7"), replace(first, subscription="SUB-9")):
        tell(one)
    found = world.state("AlertSubscription", "SUB-1")["suspended"]
    assert [(one["delivered_as"], one["error_text"]) for one in found] == [("SUB-1", "gone"), ("SUB-1:1:U-7", "gone")]


def test_the_host_forgets_what_was_delivered_long_ago(deliveries: DeliveryStore) -> None:
    deliveries.put([note("a"), note("b", target="https://other.example/")])
    found = deliveries.due(START, 9, holder="x", lease=timedelta(0))
    done = Outcome(Result.DELIVERED, 200)
    deliveries.record([Ended(one, done, START, None) for one in found], Suspension())

    def route(outbox: WakingOutbox, stop: threading.Event) -> None:
        for _ in range(600):
            if not any(row["kept"] for row in page(deliveries)[0]):
                return
            stop.wait(0.05)
        raise AssertionError("bodies are still kept")

    async def hosting_later() -> None:
        def later() -> datetime:
            return START + timedelta(days=31)

        host = Host(Sender(deliveries, {}, later, "a"), later)
        await host.run(
            threading.Event(), lambda stop: route(WakingOutbox(deliveries, host.wake), stop), Channels({}, ())
        )

    asyncio.run(hosting_later())


def test_channels_are_those_that_are_set_up(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "kafka_bootstrap": "nowhere:1"})
    read = load_policy("notifications")
    full = read | {
        "email": read["email"] | {"host": "mail.example"},
        "sms": read["sms"] | {"url": "https://sms.example/"},
        "kafka": read["kafka"] | {"topics": ["tm.out.notification.desk.v1"]},
    }

    def names(channels: Channels) -> set[str]:
        asyncio.run(channels.close())
        return {str(name) for name in channels.senders}

    assert names(channels_of(settings, policy_of(read))) == {"webhook"}
    with pytest.raises(InvalidInput, match="token"):
        channels_of(settings, policy_of(full))
    token = tmp_path / "keys" / "notifier" / "sms.token"
    token.parent.mkdir(parents=True)
    token.write_text("secret")
    token.chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        channels_of(settings, policy_of(full))
    token.chmod(0o600)
    assert names(channels_of(settings, policy_of(full))) == set(Channel)
