"""The live runner of process managers and timers: position and lease, refusals, restarts, the clock."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from aggregates.timers import PostingPatience
from engines.primitives.errors import Unavailable
from infra.deadline_policies import deadline_book, reminder_ladder
from streams.process_manager_runner import ProcessManagerRunner, Rules
from tests.aggregates.world import CASE, LOAN, World, open_world, swap

TL01 = f"TL01.{LOAN}.1"
RULES = Rules(deadline_book(), reminder_ladder())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def runner(world: World, holder: str = "one", rules: Rules = RULES, batch_events: int = 3) -> ProcessManagerRunner:
    return ProcessManagerRunner(
        world.app, world.store, clock=world.clock, holder=holder, rules=rules, lease_s=10, batch_events=batch_events
    )


def drain(one: ProcessManagerRunner) -> int:
    total = 0
    while done := one.run_once():
        total += done
    return total


def stage(world: World, key: str = TL01) -> str | None:
    found = world.app.find("Deadline", key)
    return None if found is None else found.stage


def deadlines(world: World) -> list[str]:
    with world.app.model.current() as model:
        return [deadline.key for deadline in model.of_kind("Deadline")]


def value(metric: Any) -> float:
    return float(metric._value.get())


def test_the_log_is_followed_and_then_there_is_nothing_to_do(world: World) -> None:
    world.admit(maturity="2022-03-10", collateral_ids=["C-1"])
    one = runner(world)
    drain(one)
    assert deadlines(world) == [TL01, f"TL02.{LOAN}.1"]
    assert value(one.metrics.stored) == 2
    before = world.log_length
    world.clock.now += timedelta(minutes=5)
    assert drain(one) == 0
    assert world.log_length == before


def test_a_restart_goes_on_where_it_stood_and_repeats_nothing(world: World) -> None:
    world.admit(maturity="2022-03-10")
    drain(runner(world))
    world.admit("LN-2", maturity="2022-03-10")
    before = world.log_length
    drain(runner(world))
    assert world.log_length == before + 1


def test_a_crash_between_the_commands_and_the_position_stores_nothing_twice(world: World) -> None:
    world.admit(maturity="2022-03-10", collateral_ids=["C-1"], guarantor_nos=["G-1"])
    one = runner(world)
    move = world.store.recorder.move_cursor

    def dies(*_: Any) -> bool:
        raise OperationalError("gone after the work")

    swap(world.store.recorder, "move_cursor", dies)
    with pytest.raises(Unavailable):
        one.run_once()
    after = world.log_length
    assert len(deadlines(world)) == 3
    swap(world.store.recorder, "move_cursor", move)
    drain(runner(world))
    assert world.log_length == after


def test_a_store_that_fails_within_an_event_is_followed_again(world: World) -> None:
    world.admit(maturity="2022-03-10", collateral_ids=["C-1"])
    insert, calls = world.store.recorder.insert_events, []

    def second_fails(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise OperationalError("away")
        return insert(*arguments, **named)

    swap(world.store.recorder, "insert_events", second_fails)
    with pytest.raises(Unavailable):
        runner(world).run_once()
    assert deadlines(world) == [TL01]
    drain(runner(world))
    assert deadlines(world) == [TL01, f"TL02.{LOAN}.1"]


def test_one_runner_at_a_time(world: World) -> None:
    world.admit(maturity="2022-03-10")
    one, two = runner(world, "one"), runner(world, "two")
    assert one.run_once() == 1
    assert two.run_once() == 0
    world.clock.now += timedelta(seconds=11)
    assert two.run_once() > 0
    assert one.run_once() == 0


def test_a_runner_that_lost_its_lease_stops_before_the_next_event(world: World) -> None:
    for number in range(3):
        world.admit(f"LN-{number}", maturity="2022-03-10")
    one, two = runner(world), runner(world, "two")
    follow, seen = one._managers.follow, []

    class Slow:
        def follow(self, event: Any, now: datetime) -> Iterator[Any]:
            seen.append(event.position)
            world.clock.now += timedelta(seconds=11)
            two.run_once()
            return follow(event, now)

    replaced: Any = one
    replaced._managers = Slow()
    assert one.run_once() == 1
    assert seen == [1]
    before = world.log_length
    drain(two)
    assert world.log_length == before
    assert len(deadlines(world)) == 3


def test_a_refusal_is_counted_and_the_work_goes_on(world: World) -> None:
    world.admit("LN-OLD", maturity="2020-06-01")  # before the table of rules
    world.admit(maturity="2022-03-10")
    one = runner(world)
    drain(one)
    assert stage(world) == "RUNNING"
    assert value(one.metrics.refused.labels("invalid-input")) == 1
    drain(one)
    assert value(one.metrics.refused.labels("invalid-input")) == 1


def test_a_timer_that_is_refused_is_tried_again_on_the_next_day_only(world: World) -> None:
    world.lost()
    world.to_stage("POSTING")
    world.case("FC", "ConfirmInstruction", day="2024-09-25")
    world.case("CB", "MarkRejected", error_code="ACCT_BUSY")
    world.do("SY", "AdvanceCost", kind="FEE", amount="5.00")  # the content changed: a retry is refused
    one = runner(world)
    for count, hours in ((1, 1), (1, 2), (2, 24), (2, 1)):
        world.clock.now += timedelta(hours=hours)
        drain(one)
        assert value(one.metrics.refused.labels("invalid-input")) == count


def test_the_clock_alone_reminds_and_misses(world: World) -> None:
    world.admit(maturity="2022-03-10")
    one = runner(world)
    drain(one)
    world.do("SY", "AssignManager", manager="U-77", day="2024-11-10")
    drain(one)
    events = world.app.history("Deadline", TL01, reader=world.command("IA", "-").principal)
    reminders = [event.payload for event in events if event.type == "ReminderSent"]
    assert [(found["step"], found["to"], found["method"]) for found in reminders] == [
        (90, "U-77", "SMS"),
        (90, "U-77", "MAIL"),
        (90, "LG", "MAIL"),
    ]
    world.clock.now += timedelta(days=121)
    drain(one)
    assert stage(world) == "MISSED"


def test_timers_wait_for_their_interval(world: World) -> None:
    world.lost()
    world.to_stage("POSTING")
    world.case("FC", "ConfirmInstruction", day="2024-09-25")
    one = runner(world, rules=Rules(patience=PostingPatience(core_timeout=timedelta(seconds=5))))
    drain(one)
    for seconds, expected in ((10, "POSTING"), (9, "POSTING"), (2, "POSTING_UNKNOWN")):
        world.clock.now += timedelta(seconds=seconds)
        drain(one)
        assert world.state("WriteOff", CASE)["state"] == expected


def test_a_posting_without_an_answer_for_two_days_is_an_incident_once_a_day(world: World) -> None:
    world.lost()
    world.to_stage("POSTING")
    world.case("FC", "ConfirmInstruction", day="2024-09-25")
    one = runner(world)
    world.clock.now += timedelta(minutes=11)
    drain(one)
    assert world.state("WriteOff", CASE)["state"] == "POSTING_UNKNOWN"
    for hours, count in ((47, 0), (2, 1), (1, 1), (24, 2)):
        world.clock.now += timedelta(hours=hours)
        drain(one)
        assert value(one.metrics.incidents) == count


def test_it_runs_until_told_to_stop_and_leaves_the_lease(world: World) -> None:
    world.admit(maturity="2022-03-10")
    done, stop = Event(), Event()
    one = runner(world)
    claim, failures = world.store.recorder.claim_cursor, [OperationalError("away"), OperationalError("still")]

    def flaky(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        found = claim(*arguments)
        if found is not None and found.position == 2:
            done.set()
        return found

    swap(world.store.recorder, "claim_cursor", flaky)
    thread = Thread(target=one.run, args=(stop,), kwargs={"idle_s": 0.01})
    thread.start()
    assert done.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    world.admit("LN-2", maturity="2022-03-10")
    assert runner(world, "successor").run_once() > 0  # at once: the lease was given back


def test_without_rules_of_time_nothing_is_opened(world: World) -> None:
    world.admit(maturity="2022-03-10")
    drain(runner(world, rules=Rules()))
    assert deadlines(world) == []
