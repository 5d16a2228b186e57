"""Alert, AlertSubscription, AlertTeam, AlertSilence: who may do what, in which stage, what is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregates.alert import alert_key
from aggregates.commands import Outcome
from tests.aggregates.world import ENTITY, World, open_world
from tests.work_oracle import assert_as_the_aggregates

KEY = alert_key("A-1", ENTITY)
OF_ALERT = {"alert_id": "A-1", "severity": "CRITICAL", "rule": "limit", "incident": "A-1"}
CHANNEL = {"channel": "email", "target": "desk@example.org"}
SUBSCRIPTION: dict[str, Any] = {"filter": 'rule == "limit"', "entities": [ENTITY], "channels": [CHANNEL]}
TEAM: dict[str, Any] = {
    "members": [{"person": "U-501", "channel": "sms", "target": "10086"}],
    "levels": [{"after_minutes": 10, "persons": ["U-501"]}],
}
SILENCE: dict[str, Any] = {
    "matcher": "late",
    "entities": [ENTITY],
    "starts_at": "2022-03-11T04:00:00Z",
    "ends_at": "2022-03-12T04:00:00Z",
    "comment": "a planned sale",
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    assert_as_the_aggregates(opened.app)
    opened.store.close()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For what is refused, so that nothing is ever in it."""
    opened = open_world(tmp_path_factory.mktemp("untouched"))
    yield opened
    assert opened.log_length == 0
    opened.store.close()


def give(
    world: World, role: str, name: str, kind: str, key: str, actor: str | None = None, **payload: Any
) -> Outcome:
    """Payloads here have a field `entities`, which to the world's own command is something else."""
    return world.app.execute(
        replace(world.command(role, name, aggregate=kind, key=key, actor=actor), payload=payload)
    )


def act(world: World, role: str, name: str, *, key: str = KEY, **payload: Any) -> Outcome:
    return world.do(role, name, aggregate="Alert", key=key, **({"alert_id": "A-1"} | payload))


# --- Alert ---------------------------------------------------------------------------------------------------------


def test_an_alert_is_taken_up_resolved_and_reopened(world: World) -> None:
    act(world, "RM", "Acknowledge", **OF_ALERT, comment="looking")
    state = world.state("Alert", KEY)
    assert (state["state"], state["acknowledged_by"], state["severity"]) == ("ACKNOWLEDGED", "U-501", "CRITICAL")
    act(world, "AM", "Resolve", how="FIXED")
    world.refused("STATE", lambda: act(world, "RM", "Acknowledge"))
    act(world, "RM", "Reopen", comment="it is back")
    state = world.state("Alert", KEY)
    assert (state["state"], state["acknowledged_at"], state["incident"]) == ("RAISED", None, "A-1")
    assert [(one["act"], one["comment"]) for one in state["comments"]] == [
        ("Acknowledge", "looking"),
        ("Reopen", "it is back"),
    ]


@pytest.mark.parametrize(
    ("role", "name", "payload", "stage"),
    [
        ("SY", "Expire", {}, "EXPIRED"),
        ("SY", "Escalate", {"subscription": "S1", "level": 1, "to": ["U-1"]}, "RAISED"),
        ("SY", "FailDelivery", {"subscription": "S1", "channel": "sms", "error_text": "no route"}, "RAISED"),
        ("SY", "Resolve", {"how": "CLEARED"}, "RESOLVED"),
        ("AM", "Comment", {"comment": "known"}, "RAISED"),
        ("AM", "Resolve", {"how": "FALSE_ALARM"}, "RESOLVED"),
    ],
)
def test_any_act_may_be_the_first(world: World, role: str, name: str, payload: dict[str, Any], stage: str) -> None:
    act(world, role, name, **OF_ALERT | payload)
    assert world.state("Alert", KEY)["state"] == stage


def test_only_people_take_up_and_only_the_system_says_cleared(world: World) -> None:
    world.refused("ROLE", lambda: act(world, "SY", "Acknowledge"))
    world.refused("ROLE", lambda: act(world, "IA", "Acknowledge"))
    world.refused("ROLE", lambda: act(world, "RM", "Expire"))
    world.refused("FIELD", lambda: act(world, "RM", "Resolve", how="CLEARED"))
    world.refused("FIELD", lambda: act(world, "SY", "Resolve", how="FIXED"))
    assert world.log_length == 0


def test_nobody_acts_on_an_alert_of_another_entity(world: World) -> None:
    """Naming an own entity gives another key, which nobody looks under."""
    others = alert_key("A-1", "BANK-B")
    world.refused("FIELD", lambda: act(world, "RM", "Acknowledge", key=others, entity_id=ENTITY))
    world.refused("ENTITY", lambda: act(world, "RM", "Acknowledge", key=others, entity_id="BANK-B"))
    act(world, "RM", "Acknowledge", key=others, entity_id="BANK-B", entities=("BANK-B",))
    command = world.command("RM", "Comment", aggregate="Alert", key=others, comment="?", entity_id="BANK-B")
    world.refused("ENTITY", lambda: world.app.execute(command))


def test_an_acknowledged_alert_neither_expires_nor_escalates(world: World) -> None:
    act(world, "RM", "Acknowledge", **OF_ALERT)
    world.refused("STATE", lambda: act(world, "SY", "Expire"))
    world.refused("STATE", lambda: act(world, "SY", "Escalate", subscription="S1", level=1, to=["U-1"]))
    act(world, "SY", "FailDelivery", subscription="S1", channel="sms", error_text="no route")
    assert world.state("Alert", KEY)["delivery_failures"] == 1


# --- AlertSubscription ---------------------------------------------------------------------------------------------


def subscribe(world: World, role: str = "AM", key: str = "S1", **changed: Any) -> Outcome:
    return give(world, role, "Subscribe", "AlertSubscription", key, **SUBSCRIPTION | changed)


def test_a_change_says_the_whole_content(world: World) -> None:
    subscribe(world, severity="WARNING", quiet_from="22:00", quiet_until="06:00")
    give(world, "AM", "Change", "AlertSubscription", "S1", **SUBSCRIPTION | {"language": "zh"})
    state = world.state("AlertSubscription", "S1")
    assert (state["language"], state.get("quiet_from"), state["subscriber"], state["versions"]) == (
        "zh",
        None,
        "U-118",
        2,
    )
    world.do("AM", "End", aggregate="AlertSubscription", key="S1")
    assert world.state("AlertSubscription", "S1")["state"] == "ENDED"


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("filter", {"filter": ""}),
        ("entities", {"entities": ["BANK-B"]}),
        ("entities", {"entities": ["*"]}),
        ("entities", {"entities": []}),
        ("severity", {"severity": "FATAL"}),
        ("channels", {"channels": []}),
        ("channels", {"channels": [CHANNEL, CHANNEL]}),
        ("channels", {"channels": [{"channel": "fax", "target": "1"}]}),
        ("channels", {"channels": [{"channel": "webhook", "target": "ftp://a.example"}]}),
        ("channels", {"channels": [{"channel": "email", "target": "nobody"}]}),
        ("digest_at", {"digest": "DAILY"}),
        ("digest_at", {"digest_at": "08:00"}),
        ("digest_at", {"digest": "DAILY", "digest_at": "24:00"}),
        ("quiet_until", {"quiet_from": "22:00"}),
        ("group_by", {"group_by": ["customer"], "group_minutes": 5}),
        ("group_minutes", {"group_by": ["rule"]}),
        ("group_minutes", {"group_minutes": 5}),
        ("group_minutes", {"group_by": ["rule"], "group_minutes": 1_441}),
        ("days", {"days": ["8"]}),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
    ],
)
def test_each_field_of_a_subscription_is_checked(untouched: World, field: str, changed: dict[str, Any]) -> None:
    refusal = untouched.refused("FIELD", lambda: subscribe(untouched, **changed))
    assert refusal.facts["field"] == field


def test_a_subscription_is_ones_own_or_the_teams(world: World) -> None:
    guard = "AlertSubscription.Change.1"
    subscribe(world)
    change = {"kind": "AlertSubscription", "key": "S1", **SUBSCRIPTION}
    world.refused(guard, lambda: give(world, "LG", "Change", **change))
    give(world, "RM", "Change", actor="U-9", **change)  # an administrator
    world.refused("AlertSubscription.Subscribe.1", lambda: subscribe(world, key="S2", team="T1"))
    world.do("RM", "Found", aggregate="AlertTeam", key="T1", **TEAM)
    world.refused("AlertSubscription.Subscribe.1", lambda: subscribe(world, key="S2", team="T1"))
    give(world, "LG", "Subscribe", "AlertSubscription", "S2", "U-501", **SUBSCRIPTION, team="T1")
    world.refused("AlertSubscription.End.1", lambda: world.do("AM", "End", aggregate="AlertSubscription", key="S2"))


STOPPED = {"channel": "email", "target": CHANNEL["target"], "error_text": "gone (410)"}


def suspend(world: World, delivered_as: str = "S1", **changed: Any) -> Outcome:
    payload = STOPPED | {"delivered_as": delivered_as} | changed
    return give(world, "SY", "SuspendTarget", "AlertSubscription", "S1", "system", **payload)


def resume(world: World, role: str = "AM", actor: str | None = None, **payload: Any) -> Outcome:
    return give(world, role, "ResumeTarget", "AlertSubscription", "S1", actor, **payload)


def stopped(world: World) -> list[tuple[str, str]]:
    found = world.state("AlertSubscription", "S1")["suspended"]
    return [(one["delivered_as"], one["channel"]) for one in found]


def test_a_suspended_target_stands_on_the_subscription_until_it_is_resumed(world: World) -> None:
    subscribe(world, severity="WARNING")
    world.refused("AlertSubscription.ResumeTarget.2", lambda: resume(world))
    suspend(world)
    suspend(world, "S1:1:U-7", channel="sms", target="10086")
    state = world.state("AlertSubscription", "S1")
    assert (state["channels"], state["severity"], state["versions"]) == ([CHANNEL], "WARNING", 1)
    assert state["suspended"][0] == STOPPED | {"delivered_as": "S1", "at": state["suspended"][0]["at"]}
    world.refused("ROLE", lambda: give(world, "AM", "SuspendTarget", "AlertSubscription", "S1", **STOPPED))
    world.refused("AlertSubscription.ResumeTarget.1", lambda: resume(world, "LG"))
    world.refused("AlertSubscription.ResumeTarget.2", lambda: resume(world, channel="webhook"))
    resume(world, channel="email", comment="mailbox emptied")
    assert stopped(world) == [("S1:1:U-7", "sms")]
    resume(world, "RM", "U-9")
    assert stopped(world) == []
    assert world.state("AlertSubscription", "S1")["versions"] == 1


def test_another_address_is_not_suspended(world: World) -> None:
    subscribe(world)
    suspend(world)
    suspend(world, "S1:1:U-7", channel="sms", target="10086")
    give(world, "AM", "Change", "AlertSubscription", "S1", **SUBSCRIPTION | {"language": "zh"})
    assert len(stopped(world)) == 2
    other = [{"channel": "email", "target": "night@example.org"}]
    give(world, "AM", "Change", "AlertSubscription", "S1", **SUBSCRIPTION | {"channels": other})
    assert stopped(world) == [("S1:1:U-7", "sms")]  # that one is the team's


# --- AlertTeam -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "levels",
    [
        [{"after_minutes": 0, "persons": ["U-501"]}],
        [{"after_minutes": 10, "persons": ["U-501"]}, {"after_minutes": 10, "persons": ["U-501"]}],
        [{"after_minutes": 1_441, "persons": ["U-501"]}],
        [{"after_minutes": 10, "persons": ["U-9"]}],
        [{"after_minutes": 10, "persons": []}],
        [{"after_minutes": 10 * number, "persons": ["U-501"]} for number in range(1, 7)],
    ],
)
def test_levels_rise_and_tell_members(untouched: World, levels: list[Any]) -> None:
    refusal = untouched.refused(
        "FIELD", lambda: untouched.do("RM", "Found", aggregate="AlertTeam", key="T1", **TEAM | {"levels": levels})
    )
    assert refusal.facts["field"] == "levels"


# --- AlertSilence --------------------------------------------------------------------------------------------------


def hush(world: World, **changed: Any) -> str:
    give(world, "AM", "Silence", "AlertSilence", "Q1", **SILENCE | changed)
    return str(world.state("AlertSilence", "Q1")["state"])


def test_a_short_silence_is_in_force_at_once(world: World) -> None:
    assert hush(world) == "IN_FORCE"
    world.do("LG", "End", aggregate="AlertSilence", key="Q1")
    assert world.state("AlertSilence", "Q1")["ended_at"] is not None


@pytest.mark.parametrize("changed", [{"covers_critical": True}, {"ends_at": "2022-03-12T04:00:01Z"}])
def test_a_long_one_or_one_of_critical_alerts_needs_another_person(world: World, changed: dict[str, Any]) -> None:
    assert hush(world, **changed) == "PROPOSED"
    approve = {"aggregate": "AlertSilence", "key": "Q1"}
    world.refused("SD1", lambda: world.do("AM", "Approve", **approve))
    world.do("LG", "Approve", **approve)
    assert world.state("AlertSilence", "Q1")["in_force_at"] is not None


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("ends_at", {"ends_at": "2022-03-11T03:00:00Z"}),
        ("ends_at", {"starts_at": "2022-03-10T00:00:00Z", "ends_at": "2022-03-10T01:00:00Z"}),
        ("ends_at", {"ends_at": "2022-04-12T04:00:00Z"}),
        ("starts_at", {"starts_at": "2022-03-11T04:00:00"}),
        ("starts_at", {"starts_at": "soon"}),
        ("needs_another", {"covers_critical": True, "needs_another": False}),
        ("comment", {"comment": ""}),
        ("entities", {"entities": ["*"]}),
    ],
)
def test_each_field_of_a_silence_is_checked(untouched: World, field: str, changed: dict[str, Any]) -> None:
    assert untouched.refused("FIELD", lambda: hush(untouched, **changed)).facts["field"] == field
