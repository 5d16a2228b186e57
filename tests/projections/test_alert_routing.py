"""Routing: each alert that matches is in exactly one notification, whatever the batches and restarts."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.alert_notification import Purpose
from projections.alert_routing import EXPIRED_AT_ONCE, EXPIRES_AFTER, GRACE, LATEST, Decided, Life, Routing, Told
from projections.alert_routing_world import Subscribed, World, alert_predicate
from projections.alert_severity import Severity
from tests.projections.alert_world import START, Outbox, silence, subscription, team, told, world

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def route(
    around: World,
    *alerts: Told,
    until: datetime,
    lives: Mapping[str, Life] | None = None,
    routing: Routing | None = None,
) -> Decided:
    """All alerts in one batch, then one look at `until`."""
    routing = routing or Routing()
    routing.begin({0: 0, 1: 0})
    acts = routing.take(alerts, around)
    decided = routing.release(until, until, lives or {}, around)
    decided.acts[:0] = acts
    return decided


def sent(decided: Decided) -> list[tuple[str, ...]]:
    return [one.alert_ids for one in decided.notifications]


# --- Who is told ---------------------------------------------------------------------------------------------------


def test_one_alert_goes_at_once_to_each_channel() -> None:
    channels = [{"channel": "email", "target": "a@b.org"}, {"channel": "kafka", "target": "treasury.alerts"}]
    found = route(world(subscription(channels=channels, language="zh")), told(0), until=START).notifications
    assert {(one.channel, one.target, one.language, one.digest) for one in found} == {
        ("email", "a@b.org", "zh", False),
        ("kafka", "treasury.alerts", "zh", False),
    }
    assert {one.due_at for one in found} == {"2026-11-22T04:00:00Z"}
    assert found[0].alerts[0]["alert_id"] == "A-0"


@pytest.mark.parametrize(
    ("content", "alert", "matches"),
    [
        ({"filter": 'amount >= money("5000000.00")'}, {}, True),
        ({"filter": 'amount > money("5000000.00")'}, {}, False),
        ({"filter": 'rule == "limit" && light == "red"'}, {"light": "red"}, True),
        ({"filter": 'customer_class == "RETAIL"'}, {}, False),
        ({"severity": "CRITICAL"}, {}, False),
        ({"severity": "CRITICAL"}, {"light": "amber"}, False),
        ({"severity": "CRITICAL"}, {"light": "red"}, True),
        ({"severity": "CRITICAL"}, {"severity": "CRITICAL"}, True),
        ({"severity": "WARNING"}, {"light": "red", "severity": "INFO"}, False),
        ({"entities": ["SOUTH"]}, {}, False),
        ({"entities": ["SOUTH", "NORTH"]}, {}, True),
        # The yen has no cents, so this cannot be said of it: told in vain rather than not at all.
        ({"filter": 'amount > money("0.50")'}, {"currency": "JPY", "amount": "1"}, True),
        # A rolling sum that no 64-bit number holds is above any threshold.
        ({"filter": 'rolling > money("1")'}, {"rolling": "99999999999999999999.00"}, True),
    ],
)
def test_a_filter_speaks_of_facts(content: dict[str, Any], alert: dict[str, Any], matches: bool) -> None:
    one = told(0, **alert)
    assert bool(sent(route(world(subscription(**content)), one, until=START))) is matches
    predicate = {"entities": ["*"], "filter": "true"} | content
    assert alert_predicate(predicate)(one.alert) is matches


def test_the_version_in_force_when_an_alert_is_told_counts() -> None:
    versions = (subscription(filter="late"), subscription(since=START + HOUR))
    subscribed = Subscribed(versions, ended_at=START + 3 * HOUR)
    alerts = [told(number, after=number * HOUR) for number in range(4)]
    assert sent(route(world(subscribed), *alerts, until=START + DAY)) == [("A-1",), ("A-2",)]


def test_a_silence_holds_back_and_spares_critical_alerts() -> None:
    alerts = [told(0), told(1, light="red"), told(2, after=HOUR)]
    assert sent(route(world(subscription(), silences=(silence(),)), *alerts, until=START + DAY)) == [
        ("A-1",),
        ("A-2",),
    ]
    quiet = silence(covers_critical=True, entities=["NORTH"], matcher='currency == "CNY"')
    assert sent(route(world(subscription(), silences=(quiet,)), *alerts, until=START + DAY)) == [("A-2",)]


# --- When, and with what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "after", "due"),
    [
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, 17 * HOUR, "2026-11-22T21:00:00Z"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, 18 * HOUR, "2026-11-23T07:00:00Z"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, 27 * HOUR, "2026-11-23T07:00:00Z"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, 27 * HOUR - 1 * MINUTE, "2026-11-23T07:00:00Z"),
        ({"quiet_from": "08:00", "quiet_until": "09:30"}, 4 * HOUR, "2026-11-22T09:30:00Z"),
        ({"days": ["WORKDAYS"]}, timedelta(0), "2026-11-23T00:00:00Z"),  # from Sunday to Monday
        ({"days": ["WORKDAYS"], "time_zone": "Asia/Shanghai"}, timedelta(0), "2026-11-22T16:00:00Z"),
        ({"days": ["WORKDAYS"]}, 2 * DAY, "2026-11-25T00:00:00Z"),  # Tuesday is a holiday
        ({"days": ["5"], "quiet_from": "00:00", "quiet_until": "06:00"}, DAY, "2026-11-27T06:00:00Z"),
        ({"digest": "HOURLY"}, 20 * MINUTE, "2026-11-22T05:00:00Z"),
        ({"digest": "DAILY", "digest_at": "08:30"}, timedelta(0), "2026-11-22T08:30:00Z"),
        ({"digest": "DAILY", "digest_at": "04:00"}, timedelta(0), "2026-11-23T04:00:00Z"),
        ({"digest": "DAILY", "digest_at": "08:30", "time_zone": "Asia/Shanghai"}, DAY, "2026-11-24T00:30:00Z"),
        ({"digest": "DAILY", "digest_at": "03:00", "days": ["WORKDAYS"]}, DAY, "2026-11-25T00:00:00Z"),
        ({"group_by": ["rule"], "group_minutes": 15}, 20 * MINUTE, "2026-11-22T04:30:00Z"),
    ],
)
def test_when_it_is_sent(content: dict[str, Any], after: timedelta, due: str) -> None:
    (found,) = route(world(subscription(**content)), told(0, after=after), until=START + 4 * DAY).notifications
    assert found.due_at == due


def test_clocks_that_change_lose_and_repeat_nothing() -> None:
    """New York, 1 November 2026: 01:30 comes twice. Quiet until 01:45 ends at its second time for the second hour."""
    quiet = subscription(quiet_from="22:00", quiet_until="01:45", time_zone="America/New_York")
    for hour, minute, due in ((5, 30, "05:45"), (6, 30, "06:45"), (6, 50, "06:50")):
        moment = datetime(2026, 11, 1, hour, minute, tzinfo=UTC)
        around = world(quiet)
        assert quiet.due_at(moment, Severity.WARNING, around.calendar).strftime("%H:%M") == due


def test_critical_alerts_pass_quiet_hours_unless_told_to_wait() -> None:
    for waits, due in ((False, "2026-11-22T04:00:00Z"), (True, "2026-11-22T06:00:00Z")):
        quiet = subscription(quiet_from="00:00", quiet_until="06:00", critical_waits=waits)
        (found,) = route(world(quiet), told(0, light="red"), until=START).notifications
        assert found.due_at == due


def test_groups_gather_by_their_window() -> None:
    grouped = subscription(group_by=["entity", "incident"], group_minutes=10)
    alerts = [
        told(0, light="red"), told(1, after=MINUTE, light="amber", incident="A-0"),
        told(2, after=2 * MINUTE, entity="SOUTH"), told(3, after=3 * MINUTE, entity="SOUTH"),
        told(4, after=11 * MINUTE, light="amber", incident="A-0"),
    ]  # fmt: skip
    before = route(world(grouped), *alerts, until=START + 10 * MINUTE + GRACE - timedelta(seconds=1))
    assert before.notifications == []
    found = route(world(grouped), *alerts, until=START + DAY)
    # Alerts without an incident are nobody's group.
    assert sorted(sent(found)) == [("A-0", "A-1"), ("A-2",), ("A-3",), ("A-4",)]
    assert all(one.digest for one in found.notifications)


def test_what_cleared_is_told_as_resolved_and_resolves_what_it_raised() -> None:
    alerts = [told(0, light="red"), told(1, light="amber", kind="eased", incident="A-0"),
              told(2, light="green", kind="cleared", incident="A-0", after=MINUTE)]  # fmt: skip
    found = route(world(subscription(), subscription("S2", resolved=False)), *alerts, until=START + DAY)
    told_as = Counter((one.subscription, one.purpose) for one in found.notifications)
    assert told_as == {("S1", Purpose.ALERT): 2, ("S1", Purpose.RESOLVED): 1, ("S2", Purpose.ALERT): 2}
    assert [(act.command, act.alert_id, act.payload["how"]) for act in found.acts] == [
        ("Resolve", "A-0", "CLEARED"),
        ("Resolve", "A-1", "CLEARED"),
    ]


# --- What the time brings ------------------------------------------------------------------------------------------


def escalated(until: timedelta, lives: Mapping[str, Life] | None = None, *more: Told, **around: Any) -> Decided:
    return route(
        world(subscription(team="T"), T=team(5, 15), **around), told(0), *more, until=START + until, lives=lives
    )


def test_nobody_acknowledges_and_the_next_level_is_told() -> None:
    assert sent(escalated(4 * MINUTE)) == [("A-0",)]
    found = escalated(15 * MINUTE)
    told_to = [(one.purpose, one.subscription, one.target, one.due_at[11:16]) for one in found.notifications]
    assert told_to == [
        ("alert", "S1", "https://example.org/hook", "04:00"),
        ("escalation", "S1:1:ann", "ann@example.org", "04:05"),
        *sorted(
            [
                ("escalation", "S1:2:ann", "ann@example.org", "04:15"),
                ("escalation", "S1:2:bob", "+8613800000000", "04:15"),
            ],
            key=lambda one: next(x.notification_id for x in found.notifications if x.subscription == one[1]),
        ),
    ]
    assert [(act.command, act.tag, act.payload["to"]) for act in found.acts] == [
        ("Escalate", "S1/1", ["ann"]),
        ("Escalate", "S1/2", ["ann", "bob"]),
    ]


def test_who_acknowledges_in_time_ends_the_escalation() -> None:
    lives = {"A-0": Life(START + 10 * MINUTE)}
    assert [act.tag for act in escalated(DAY - MINUTE, lives).acts] == ["S1/1"]
    assert escalated(DAY - MINUTE, {"A-0": Life(START + 5 * MINUTE)}).acts == []


def test_what_cleared_or_is_silenced_is_not_escalated() -> None:
    red = told(1, light="red")
    clearing = told(2, light="green", kind="cleared", incident="A-1", after=MINUTE)
    assert {act.alert_id for act in escalated(20 * MINUTE, None, red).acts} == {"A-0", "A-1"}
    assert {
        act.alert_id for act in escalated(20 * MINUTE, None, red, clearing).acts if act.command == "Escalate"
    } == {"A-0"}
    later = silence(4, 30)
    assert escalated(20 * MINUTE, silences=(later,)).acts == []


def test_an_alert_that_nobody_took_up_expires_and_a_critical_one_does_not() -> None:
    alerts = [told(0), told(1), told(2, light="red")]
    lives = {"A-1": Life(START + HOUR)}
    after = EXPIRES_AFTER[Severity.WARNING]
    assert route(world(), *alerts, until=START + after - MINUTE).acts == []
    assert [(a.command, a.alert_id) for a in route(world(), *alerts, until=START + after, lives=lives).acts] == [
        ("Expire", "A-0")
    ]
    assert route(world(), *alerts, until=START + LATEST).acts == []


def test_a_flood_expires_piece_by_piece() -> None:
    routing, late = Routing(), START + DAY
    routing.begin({0: 0})
    routing.take([told(number) for number in range(EXPIRED_AT_ONCE + 1)], world())
    assert [len(routing.release(late, late, {}, world()).acts) for _ in range(3)] == [EXPIRED_AT_ONCE, 1, 0]


def test_a_repeated_alert_counts_once_and_positions_hold_what_is_open() -> None:
    routing = Routing({})
    routing.begin({0: 0})
    daily = world(subscription(digest="DAILY", digest_at="12:00"))
    routing.take([told(0), told(1), Told(0, 2, START + MINUTE, told(0).alert)], daily)
    assert (routing.repeated, routing.positions()) == (1, {0: 0})
    assert sent(routing.release(START + DAY, START + DAY, {}, daily)) == [("A-0", "A-1")]
    assert routing.positions() == {0: 3}


# --- Whatever the batches and restarts -----------------------------------------------------------------------------

SUBSCRIPTIONS = (
    subscription("now"),
    subscription("red", severity="CRITICAL", channels=[{"channel": "sms", "target": "10086"}]),
    subscription("hourly", digest="HOURLY", group_by=["entity"], filter='amount > money("100.00")'),
    subscription(
        "daily", digest="DAILY", digest_at="05:00", entities=["NORTH"], quiet_from="04:30", quiet_until="06:00"
    ),
    subscription("grouped", group_by=["severity"], group_minutes=7, since=START + 20 * MINUTE),
)
SILENCED = silence(30, 50, matcher='entity == "SOUTH"')
WORLD = world(*SUBSCRIPTIONS, silences=(SILENCED,))

ALERTS = st.lists(
    st.tuples(
        st.integers(0, 90 * 60),  # second
        st.integers(0, 1),
        st.sampled_from(["NORTH", "SOUTH"]),
        st.sampled_from([None, "red", "amber"]),
        st.sampled_from(["50.00", "5000.00"]),
    ),
    max_size=12,
)
#: Seconds that pass, records read of each partition (beyond them it is behind), and whether the router starts again.
STEPS = st.lists(st.tuples(st.integers(0, 1_200), st.integers(0, 2), st.booleans()), max_size=16)


def log_of(drawn: list[tuple[int, int, str, str | None, str]]) -> dict[int, list[Told]]:
    logs: dict[int, list[Told]] = {0: [], 1: []}
    for number, (second, partition, entity, light, amount) in enumerate(sorted(drawn, key=lambda one: one[0])):
        one = told(number, after=timedelta(seconds=second), light=light, entity=entity, amount=amount)
        logs[partition].append(Told(partition, len(logs[partition]), one.at, one.alert))
    return logs


def expected(logs: dict[int, list[Told]]) -> set[tuple[str, frozenset[str]]]:
    """Bundles, naively: subscription and alerts."""
    bundles: dict[Any, set[str]] = {}
    for one in (one for log in logs.values() for one in log):
        alert, minute = one.alert, (one.at - START) / MINUTE
        is_red = alert.get("limit", {}).get("light") == "red"
        if alert["entity"] == "SOUTH" and 30 <= minute < 50 and not is_red:
            continue
        bundles["now", one.alert_id] = {one.alert_id}
        if is_red:
            bundles["red", one.alert_id] = {one.alert_id}
        if alert["amount"] == "5000.00":
            bundles.setdefault(("hourly", minute // 60, alert["entity"]), set()).add(one.alert_id)
        if alert["entity"] == "NORTH":
            bundles.setdefault(("daily", minute >= 60), set()).add(one.alert_id)
        if minute >= 20:
            # 04:00 UTC is no edge of seven minutes since 1970.
            bundles.setdefault(("grouped", one.at.timestamp() // 420, is_red), set()).add(one.alert_id)
    return {(key[0], frozenset(ids)) for key, ids in bundles.items()}


@settings(max_examples=100)
@given(ALERTS, STEPS)
def test_exactly_one_notification_in_any_batching_and_after_restarts_anywhere(
    drawn: list[tuple[int, int, str, str | None, str]], steps: list[tuple[int, int, bool]]
) -> None:
    logs = log_of(drawn)
    outbox, routing, now = Outbox(), Routing(), START
    routing.begin({0: 0, 1: 0})
    for seconds, count, restarts in [*steps, (3 * 86_400, 100, False), (0, 0, False)]:
        now += timedelta(seconds=seconds)
        saved = routing.positions()
        complete = now
        for partition, log in logs.items():
            start = routing.next_offsets[partition]
            there = [one for one in log[start:] if one.at <= now]
            routing.take(there[:count], WORLD)
            if len(there) > count:
                complete = min(complete, there[count].at)
        decided = routing.release(now, complete, {}, WORLD)
        outbox.put(decided.notifications)
        if restarts:  # after the outbox took them, before the positions were saved
            routing = Routing()
            routing.begin(saved)
    found = [(one.subscription, frozenset(fresh)) for one, fresh in outbox.kept]
    assert Counter(found) == Counter(expected(logs))  # each bundle once
