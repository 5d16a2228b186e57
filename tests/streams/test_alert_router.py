"""The router over a real event store: told once whatever stops in between, acts stored, positions and leases kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from aggregates.alert import alert_key
from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from engines.primitives.errors import Unavailable
from infra.event_store import EventStore, open_event_store
from projections.alert_routing import Told
from streams.alert_router import AlertRouter
from streams.alert_router_reader import AlertPage
from tests.projections.alert_world import CALENDAR, START, Outbox, told

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ANN = Principal("ann", ("RM",), "-", ("*",))
AUDITOR = Principal("U-601", ("IA",), "-", ("*",))
CHANNELS = [{"channel": "webhook", "target": "https://example.org/hook"}]


@dataclass
class Log:
    """Two partitions, read two records at a time."""

    records: dict[int, list[Told]] = field(default_factory=lambda: {0: [], 1: []})
    is_away: bool = False
    ticks_at: datetime | None = None  # then entries come in and no end is seen
    read_from: list[dict[int, int]] = field(default_factory=list)

    def add(self, number: int, *, partition: int = 0, **changed: Any) -> None:
        one = told(number, **changed)
        self.records[partition].append(Told(partition, len(self.records[partition]), one.at, one.alert))

    def partitions(self) -> tuple[int, ...]:
        return (0, 1)

    def read(self, positions: Mapping[int, int]) -> AlertPage:
        if self.is_away:
            raise Unavailable("no alerts")
        self.read_from.append(dict(positions))
        found = {partition: self.records[partition][start : start + 2] for partition, start in positions.items()}
        nexts = {partition: positions[partition] + len(alerts) for partition, alerts in found.items()}
        ended = frozenset(p for p, offset in nexts.items() if offset == len(self.records[p]))
        alerts = [one for alerts in found.values() for one in alerts]
        if self.ticks_at is None:
            return AlertPage(alerts, nexts, ended)
        return AlertPage(alerts, nexts, frozenset(), dict.fromkeys(ended, self.ticks_at))


class World:
    def __init__(self, folder: Path) -> None:
        self.now = START
        self.store: EventStore = open_event_store("sqlite", folder, clock=lambda: self.now)
        self.app = Assets(self.store.factory)
        self.log, self.outbox = Log(), Outbox()

    def router(self, holder: str = "one", outbox: Any = None) -> AlertRouter:
        return AlertRouter(
            app=self.app, store=self.store, alerts=self.log, outbox=outbox or self.outbox, calendar=CALENDAR,
            clock=lambda: self.now, holder=holder,
        )  # fmt: skip

    def give(self, aggregate: str, key: str, command: str, who: Principal = ANN, **payload: Any) -> None:
        self.app.execute(Command(str(uuid4()), aggregate, key, command, payload, who, self.now))

    def subscribe(self, key: str = "S1", **content: Any) -> None:
        payload = {"filter": "true", "entities": ["*"], "channels": CHANNELS, "entity_id": "NORTH"} | content
        self.give("AlertSubscription", key, "Subscribe", **payload)

    def steps(self, router: AlertRouter, *, after: timedelta = timedelta(0), count: int = 3) -> int:
        self.now = max(self.now, START + after)
        return sum(router.step(self.now) for _ in range(count))

    def sent(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(one.subscription, fresh) for one, fresh in self.outbox.kept]

    def alert(self, number: int, entity: str = "NORTH") -> dict[str, Any]:
        return dict(self.app.state("Alert", alert_key(f"A-{number}", entity), reader=AUDITOR))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.app.close()
    made.store.close()


def test_who_subscribed_is_told_and_a_successor_tells_nothing_twice(world: World) -> None:
    world.subscribe()
    for number in range(5):
        world.log.add(number, partition=number % 2, after=number * MINUTE)
    first = world.router()
    world.steps(first, after=10 * MINUTE)
    assert sorted(world.sent()) == [("S1", (f"A-{number}",)) for number in range(5)]
    second = world.router("two")
    assert world.steps(second) == 0  # the lease is the first one's
    assert not second.is_leading
    first.release()
    world.steps(second)
    assert second.is_leading
    assert len(world.sent()) == 5


def test_a_digest_gathers_over_a_crash(world: World) -> None:
    world.subscribe(digest="DAILY", digest_at="12:00", time_zone="UTC", critical_waits=True)
    world.log.add(0, light="red")
    world.steps(world.router(), after=MINUTE)
    world.log.add(1, light="red", partition=1, after=3 * MINUTE)
    world.now += timedelta(seconds=10)  # the lease of what crashed ends by itself
    router = world.router("two")
    world.steps(router, after=5 * MINUTE)
    assert world.sent() == []
    world.steps(router, after=DAY)
    assert world.sent() == [("S1", ("A-0", "A-1"))]
    world.steps(router, after=DAY + MINUTE)
    router.release()
    world.log.read_from.clear()
    world.steps(world.router("three"))
    assert world.log.read_from[0] == {0: 1, 1: 1}


def test_a_digest_ends_while_ticks_follow_each_other_so_fast_that_no_end_of_the_log_is_seen(world: World) -> None:
    world.subscribe(digest="HOURLY")
    world.log.add(0)
    world.log.ticks_at = START + 59 * MINUTE
    router = world.router()
    world.steps(router, after=62 * MINUTE)
    assert world.sent() == []  # there may be more of that hour
    world.log.ticks_at = START + 61 * MINUTE
    world.steps(router)
    assert world.sent() == [("S1", ("A-0",))]


def test_what_cleared_while_nobody_routed_is_not_escalated_before_that_is_read(world: World) -> None:
    members = [{"person": "bob", "channel": "sms", "target": "10086"}]
    world.give("AlertTeam", "T1", "Found", entity_id="NORTH", members=members,
               levels=[{"after_minutes": 5, "persons": ["bob"]}])  # fmt: skip
    world.subscribe(team="T1")
    world.log.add(0, light="red")
    world.log.add(1)
    world.log.add(2, light="green", kind="cleared", incident="A-0", after=MINUTE)  # of the next page
    world.steps(world.router(), after=20 * MINUTE)
    escalated = [name for name, ids in world.sent() if name == "S1:1:bob" and "A-0" in ids]
    assert escalated == []
    assert ("S1:1:bob", ("A-1",)) in world.sent()


class Failing(Outbox):
    """Takes everything, and says that it did not answer."""

    def put(self, notifications: Any) -> int:
        super().put(notifications)
        raise Unavailable("no outbox")


def test_positions_stay_where_the_outbox_or_kafka_fail(world: World) -> None:
    world.subscribe()
    world.log.add(0, light="red")
    router = world.router(outbox=Failing())
    with pytest.raises(Unavailable):
        router.step(START)
    assert not router.is_leading
    world.log.is_away = True
    router = world.router()  # the same holder: the lease is its own
    with pytest.raises(Unavailable):
        router.step(START)
    world.log.is_away = False
    world.steps(router, after=MINUTE)
    assert world.sent() == [("S1", ("A-0",))]


def test_nobody_acknowledges_and_it_escalates_until_somebody_does(world: World) -> None:
    members = [{"person": "bob", "channel": "sms", "target": "10086"}]
    levels = [{"after_minutes": after, "persons": ["bob"]} for after in (5, 10, 15)]
    world.give("AlertTeam", "T1", "Found", entity_id="NORTH", members=members, levels=levels)
    world.subscribe(team="T1")
    world.log.add(0, light="red")
    router = world.router()
    world.steps(router, after=12 * MINUTE)
    assert [one[0] for one in world.sent()] == ["S1", "S1:1:bob", "S1:2:bob"]
    assert [one["level"] for one in world.alert(0)["escalations"]] == [1, 2]
    world.give("Alert", alert_key("A-0", "NORTH"), "Acknowledge", alert_id="A-0")
    router.release()
    world.steps(world.router("two"), after=20 * MINUTE)
    assert len(world.sent()) == 3
    assert world.alert(0)["state"] == "ACKNOWLEDGED"


def test_what_cleared_is_resolved_by_the_system_and_stays_reopened(world: World) -> None:
    world.log.add(0, light="red")
    world.log.add(1, light="green", kind="cleared", incident="A-0", after=MINUTE)
    router = world.router()
    world.steps(router, after=2 * MINUTE)
    found = world.alert(0)
    assert (found["state"], found["how"], found["resolved_by"], found["severity"]) == (
        "RESOLVED", "CLEARED", "system", "CRITICAL",
    )  # fmt: skip
    world.give("Alert", alert_key("A-0", "NORTH"), "Reopen", alert_id="A-0", comment="look again")
    world.now += timedelta(seconds=10)
    world.steps(world.router("two"), count=4)
    assert world.alert(0)["state"] == "RAISED"


def test_an_alert_that_nobody_takes_up_expires_once(world: World) -> None:
    world.log.add(0)
    world.log.add(1)
    router = world.router()
    world.steps(router, after=MINUTE)
    world.give("Alert", alert_key("A-1", "NORTH"), "Acknowledge", alert_id="A-1", entity_id="NORTH")
    world.steps(router, after=DAY + MINUTE)
    assert [world.alert(number)["state"] for number in (0, 1)] == ["EXPIRED", "ACKNOWLEDGED"]
    world.now += timedelta(seconds=10)
    world.steps(world.router("two"), after=DAY + 2 * MINUTE)
    assert world.alert(0)["version"] == 1


def test_a_filter_that_is_none_binds_nothing_and_is_counted(world: World) -> None:
    world.subscribe("bad", filter="amuont > 1")
    world.subscribe()
    world.log.add(0)
    router = world.router()
    world.steps(router)
    assert world.sent() == [("S1", ("A-0",))]
    assert router.metrics.registry.get_sample_value("tidemark_alert_router_broken_filters") == 1


def test_a_change_counts_from_its_instant_on(world: World) -> None:
    world.subscribe()
    world.log.add(0, after=MINUTE)
    world.log.add(1, after=3 * MINUTE)
    world.now = START + 2 * MINUTE
    world.give("AlertSubscription", "S1", "Change", filter="late", entities=["*"], channels=CHANNELS)
    world.steps(world.router(), after=datetime.resolution)
    assert world.sent() == [("S1", ("A-0",))]
