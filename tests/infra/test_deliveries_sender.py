"""Sending to receivers that fail: everything arrives, under one id, and nobody waits for somebody else's receiver."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from engines.primitives.errors import Unavailable
from infra.deliveries import DeliveryStore
from infra.deliveries_backoff import Backoff
from infra.deliveries_breaker import FAILURES_TO_OPEN, FIRST_PAUSE, Lanes
from infra.deliveries_ended import Chosen, replay
from infra.deliveries_reading import counts, one, page, suspended
from infra.deliveries_sender import LOST_MAX
from infra.event_store import EventStore, open_event_store
from tests.aggregates.world import Clock
from tests.infra.delivery_world import SECRETS, START, Received, Receiver, note, receiving, sending, until_quiet
from tests.infra.test_deliveries import emptied

ACTIONS = ("200", "500", "503", "429", "404", "410", "301", "stall", "close", "half")
NUMBERS = count()
#: More of them: make deliveries-search
EXAMPLES = int(os.environ.get("DELIVERY_EXAMPLES", "6"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path_factory.mktemp("sender")) as opened:
        yield opened


@pytest.fixture
def deliveries(store: EventStore) -> DeliveryStore:
    return emptied(DeliveryStore(store))


@pytest.fixture
def clock() -> Clock:
    found = Clock()
    found.now = START
    return found


def verified(found: Received) -> str:
    """The id, if the public library makes one of the signatures that came, for each secret in force."""
    told = found.headers
    at = datetime.fromtimestamp(int(told["webhook-timestamp"]), UTC)
    signatures = told["webhook-signature"].split()
    for secret in SECRETS:
        assert Webhook(secret).sign(told["webhook-id"], at, found.body.decode()) in signatures
    return told["webhook-id"]


@settings(max_examples=EXAMPLES)
@given(script=st.lists(st.sampled_from(ACTIONS), max_size=12), alerts=st.integers(1, 4))
def test_every_alert_arrives_under_one_id_whatever_the_receiver_does(
    store: EventStore, script: list[str], alerts: int
) -> None:
    deliveries, clock = emptied(DeliveryStore(store)), Clock()
    clock.now = START
    ids = [f"al-{next(NUMBERS)}" for _ in range(alerts)]

    async def work() -> Receiver:
        async with receiving(*script) as receiver, sending(deliveries, clock, timeout_s=0.05) as sender:
            deliveries.put([note(one, target=receiver.url()) for one in ids])
            await until_quiet(sender, clock)
            for _ in range(len(script) + 1):  # what ended by 410 is replayed by a person
                if not replay(deliveries, clock.now, Chosen(subscription="SUB-1")).count:
                    break
                await until_quiet(sender, clock)
        return receiver

    receiver = asyncio.run(work())
    wanted = {note(one, target=receiver.url()).notification_id for one in ids}
    assert {verified(found) for found in receiver.received} == wanted
    assert {found.headers["webhook-id"] for found in receiver.delivered()} == wanted
    assert counts(deliveries)["delivered"] == len(page(deliveries)[0]) == alerts
    bodies = {(found.headers["webhook-id"], found.body) for found in receiver.received}
    assert len(bodies) == alerts  # the same bytes at every attempt


def test_a_sender_that_dies_between_sending_and_recording_repeats_the_id(
    deliveries: DeliveryStore, clock: Clock
) -> None:
    class Dies(DeliveryStore):
        def record(self, *_: Any, **__: Any) -> list[bool]:
            raise Unavailable("killed")

    async def work() -> Receiver:
        async with receiving() as receiver:
            deliveries.put([note("a", target=receiver.url())])
            dying = object.__new__(Dies)
            dying.__dict__ = deliveries.__dict__
            async with sending(dying, clock, holder="dies") as sender:
                assert await sender.step() == 1
                with pytest.raises(Unavailable):
                    await sender.settled()
                sender.store = Never(deliveries)  # killed: it gives nothing back
            clock.now += timedelta(minutes=2)
            async with sending(deliveries, clock, holder="next") as sender:
                await until_quiet(sender, clock)
        return receiver

    receiver = asyncio.run(work())
    first, second = (verified(found) for found in receiver.received)
    assert first == second
    assert len(page(deliveries)[0]) == 1
    made = one(deliveries, first)["attempts_made"]
    assert [item["outcome"] for item in made] == ["unknown", "delivered"]


def test_a_message_that_kills_its_senders_is_a_dead_letter_at_last(deliveries: DeliveryStore, clock: Clock) -> None:
    lease = timedelta(seconds=1)
    deliveries.put([note("a", target="http://127.0.0.1:9/")])
    for _ in range(LOST_MAX):
        assert len(deliveries.due(clock.now, 1, holder="killed", lease=lease)) == 1
        clock.now += lease

    async def work() -> None:
        async with sending(deliveries, clock, holder="next") as sender:
            assert await sender.step() == 1
            await sender.settled()

    asyncio.run(work())
    (found,) = page(deliveries)[0]
    assert (found["state"], found["error"][:28]) == ("failed", "given up after 20 attempts: ")


def test_many_recorded_attempts_are_the_policys_to_end(deliveries: DeliveryStore, clock: Clock) -> None:
    often = Backoff(longest=timedelta(minutes=1))

    async def work() -> Receiver:
        async with (
            receiving(*["503"] * (LOST_MAX + 10)) as receiver,
            sending(deliveries, clock, backoff=often, lanes=Lanes(1)) as sender,
        ):
            deliveries.put([note("a", target=receiver.url())])
            await until_quiet(sender, clock)
        return receiver

    assert len(asyncio.run(work()).received) == LOST_MAX + 11
    assert counts(deliveries)["delivered"] == 1


class Never(DeliveryStore):
    """A store whose process is gone."""

    def __init__(self, other: DeliveryStore) -> None:
        self.tables = other.tables

    def release(self, holder: str, now: datetime) -> int:
        return 0


def test_two_senders_at_once_send_each_message_once(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> Receiver:
        async with (
            receiving() as receiver,
            sending(deliveries, clock, holder="a") as left,
            sending(deliveries, clock, holder="b") as right,
        ):
            deliveries.put([note(f"a{number}", target=receiver.url(f"/{number}")) for number in range(30)])
            while counts(deliveries)["delivered"] < 30:
                await asyncio.gather(left.step(), right.step())
                await asyncio.gather(left.settled(), right.settled())
        return receiver

    receiver = asyncio.run(work())
    assert len(receiver.received) == len({verified(found) for found in receiver.received}) == 30


def test_a_stalled_receiver_holds_up_nobody_else(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> None:
        async with (
            receiving(*["stall"] * 100) as stalled,
            receiving() as quick,
            sending(deliveries, clock, timeout_s=600.0, grace_s=0.01, at_once=6, lanes=Lanes(2)) as sender,
        ):
            deliveries.put([note(f"s{number}", target=stalled.url()) for number in range(20)])
            deliveries.put([note(f"q{number}", target=quick.url()) for number in range(20)])
            freed = asyncio.Event()
            sender.on_free = freed.set
            while len(quick.received) < 20:
                freed.clear()
                await sender.step()
                await freed.wait()
            while sender.in_flight > 2:  # what was answered is being recorded; the stalled receiver keeps its two
                freed.clear()
                await freed.wait()
            assert len(stalled.received) == 2

    asyncio.run(work())


def test_a_receiver_gets_the_next_message_while_the_one_before_is_recorded(
    deliveries: DeliveryStore, clock: Clock
) -> None:
    disk = threading.Event()

    class Slow(DeliveryStore):
        def record(self, *given: Any) -> list[bool]:
            assert disk.wait(30)
            return super().record(*given)

    async def work() -> Receiver:
        slow = object.__new__(Slow)
        slow.__dict__ = deliveries.__dict__
        async with receiving() as receiver, sending(slow, clock, lanes=Lanes(1)) as sender:
            deliveries.put([note(f"a{number}", target=receiver.url()) for number in range(3)])
            freed = asyncio.Event()
            sender.on_free = freed.set
            try:
                while len(receiver.received) < 3:
                    freed.clear()
                    await sender.step()
                    async with asyncio.timeout(30):
                        await freed.wait()
                assert counts(deliveries)["delivered"] == 0
            finally:
                disk.set()
            await sender.settled()
        return receiver

    assert len({verified(found) for found in asyncio.run(work()).received}) == 3
    assert counts(deliveries)["delivered"] == 3


def test_a_receiver_that_is_away_is_left_alone_then_tried_with_one(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> None:
        async with (
            receiving(*["500"] * (FAILURES_TO_OPEN + 1)) as receiver,
            sending(deliveries, clock, lanes=Lanes(FAILURES_TO_OPEN)) as sender,
        ):
            deliveries.put([note(f"a{number}", target=receiver.url()) for number in range(20)])
            assert await sender.step() == FAILURES_TO_OPEN
            await sender.settled()
            assert (await sender.step(), sender.lanes.opened(clock.now)) == (0, 1)
            clock.now += FIRST_PAUSE
            assert await sender.step() == 1
            await sender.settled()
            clock.now += FIRST_PAUSE
            assert await sender.step() == 0  # the pause is twice as long now
            await until_quiet(sender, clock)
            assert sender.lanes.opened(clock.now) == 0

    asyncio.run(work())
    assert counts(deliveries)["delivered"] == 20


def test_retry_after_is_kept(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> datetime | None:
        backoff = Backoff(first=timedelta(milliseconds=1))
        async with receiving("429") as receiver, sending(deliveries, clock, backoff=backoff) as sender:
            deliveries.put([note("a", target=receiver.url())])
            await sender.step()
            await sender.settled()
            return deliveries.next_due()

    assert asyncio.run(work()) == START + timedelta(seconds=2)


def test_a_day_of_failures_is_a_dead_letter_that_the_domain_hears_of(deliveries: DeliveryStore, clock: Clock) -> None:
    told: list[Any] = []

    async def work() -> Receiver:
        async with receiving(*["500"] * 99) as receiver, sending(deliveries, clock, tell=told.append) as sender:
            deliveries.put([note("a", target=receiver.url())])
            await until_quiet(sender, clock)
            assert (await sender.tell_failures(), await sender.tell_failures()) == (1, 0)
        return receiver

    receiver = asyncio.run(work())
    (failure,) = told
    assert (failure.error, failure.alerts) == ("the receiver answered 500", (("a", "NORTH"),))
    assert timedelta(hours=18) < clock.now - START < timedelta(hours=25)
    assert 10 < len(receiver.received) < 20
    assert page(deliveries, state="failed")[0][0]["attempts"] == len(receiver.received)


def test_what_the_domain_does_not_take_is_told_again(deliveries: DeliveryStore, clock: Clock) -> None:
    asked: list[Callable[[], None]] = []

    def tell(failure: Any) -> None:
        asked.append(failure)
        if len(asked) == 1:
            raise Unavailable("the store is away")

    async def work() -> None:
        async with sending(deliveries, clock, tell=tell) as sender:
            deliveries.put([note("a", target="http://10.0.0.1/")])
            await until_quiet(sender, clock)
            with pytest.raises(Unavailable):
                await sender.tell_failures()
            assert await sender.tell_failures() == 1

    asyncio.run(work())
    assert asked[0] == asked[1]
    assert "not public" in page(deliveries)[0][0]["error"]


def test_redirects_are_not_followed(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> None:
        async with receiving("301") as receiver, sending(deliveries, clock) as sender:
            deliveries.put([note("a", target=receiver.url())])
            await sender.step()
            await sender.settled()
            row = page(deliveries)[0][0]
            assert (row["state"], row["attempts"]) == ("waiting", 1)
            assert "redirects are not followed" in row["error"]

    asyncio.run(work())


def test_gone_suspends_and_a_stop_gives_back_what_is_under_way(deliveries: DeliveryStore, clock: Clock) -> None:
    async def work() -> None:
        async with receiving("410", "stall") as receiver, sending(deliveries, clock, grace_s=0.01) as sender:
            deliveries.put([note("a", target=receiver.url()), note("b", target=receiver.url(), subscription="SUB-2")])
            sender.lanes.each = 1
            await sender.step()
            await sender.settled()
            assert [row["subscription"] for row in suspended(deliveries)] == ["SUB-1"]
            arrived = asyncio.Event()
            receiver.on_request = lambda _: arrived.set()
            await sender.step()
            await arrived.wait()
            assert counts(deliveries)["sending"] == 1

    asyncio.run(work())
    assert counts(deliveries)["waiting"] == 1


def test_a_channel_that_is_not_set_up_says_so(deliveries: DeliveryStore, clock: Clock, tmp_path: Path) -> None:
    from projections.alert_notification import Channel

    async def work() -> None:
        async with sending(deliveries, clock) as sender:
            deliveries.put([note("a", channel=Channel.SMS, target="+4712345678")])
            await until_quiet(sender, clock)

    asyncio.run(work())
    assert page(deliveries, state="failed")[0][0]["error"] == "no channel sms is set up here"
