"""The conformance suite of the event store: every store's tests subclass it. Not a test module by itself."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from aggregates.assets import Assets
from aggregates.ports import CommandRecord
from engines.primitives.errors import Conflict, Unavailable
from infra.event_store import Cursor, EventStore
from infra.event_store_chain import GENESIS, NO_LEAF, extend
from tests.aggregates.world import AUDITOR, LOAN, Clock, World, swap

STREAM = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def events(count: int, stream: UUID = STREAM, first: int = 1) -> list[StoredEvent]:
    return [StoredEvent(stream, v, "risk-asset.x", f"state {v}".encode()) for v in range(first, first + count)]


class LogFailure(Exception):
    """A failure of our own in the middle of an append."""


class EventStoreConformance(ABC):
    """Every method gets a store that is new and empty, and the means to reach behind it."""

    @abstractmethod
    def reopen(self, clock: Clock) -> EventStore:
        """Another handle on the same database."""

    @abstractmethod
    def sql(self, statement: str) -> None:
        """Tamper with the database behind the store's back. `{position}` is the events table's position column."""

    # --- What is stored -----------------------------------------------------------------------------------

    def test_events_come_back_as_they_were_stored(self, store: EventStore) -> None:
        assert store.recorder.insert_events(events(3)) == [1, 2, 3]
        recorded = store.recorder.select_recorded()
        assert [(r.position, r.originator_id, r.originator_version, r.topic, r.state) for r in recorded] == [
            (v, STREAM, v, "risk-asset.x", f"state {v}".encode()) for v in (1, 2, 3)
        ]
        assert store.recorder.insert_events([]) == []

    def test_the_newest_snapshot_of_each_stream_is_kept(self, store: EventStore) -> None:
        other = uuid5(STREAM, "other")
        recorder = store.factory.aggregate_recorder(purpose="snapshots_0")
        for version in (200, 400, 600):
            recorder.insert_events([*events(1, first=version), *events(1, other, first=version + 1)])
        again = store.factory.aggregate_recorder(purpose="snapshots_0")
        assert [one.originator_version for one in again.select_events(STREAM)] == [600]
        assert [one.originator_version for one in again.select_events(other, desc=True, limit=1)] == [601]

    def test_selects_a_window_and_a_stream(self, store: EventStore) -> None:
        other = uuid5(STREAM, "other")
        store.recorder.insert_events([*events(2), *events(2, other)])
        store.recorder.insert_events(events(1, first=3))
        positions = [r.position for r in store.recorder.select_recorded(originator_id=STREAM)]
        assert len(positions) == 3
        assert positions == sorted(positions)
        all_positions = [r.position for r in store.recorder.select_recorded()]
        assert [r.position for r in store.recorder.select_recorded(start=all_positions[1], limit=2)] == all_positions[
            1:3
        ]
        assert [r.position for r in store.recorder.select_recorded(stop=all_positions[0])] == all_positions[:1]

    def test_a_taken_version_stores_nothing(self, store: EventStore) -> None:
        store.recorder.insert_events(events(2))
        with pytest.raises(IntegrityError):
            store.recorder.insert_events([*events(1, uuid5(STREAM, "new")), *events(1, first=2)])
        assert len(store.recorder.select_recorded()) == 2
        assert store.verify_chain().ok
        store.recorder.insert_events(events(1, first=3))  # the failed one left no hole in the chain
        assert store.verify_chain().verified == 3

    # --- recorded_at --------------------------------------------------------------------------------------

    def test_recorded_at_rises_whatever_the_clock_does(self, store: EventStore, clock: Clock) -> None:
        store.recorder.insert_events(events(2))
        clock.now -= timedelta(hours=1)
        store.recorder.insert_events(events(2, first=3))
        clock.now += timedelta(hours=2)
        store.recorder.insert_events(events(1, first=5))
        times = [r.recorded_at for r in store.recorder.select_recorded()]
        steps = [(b - a) / timedelta(microseconds=1) for a, b in pairwise(times[:4])]
        assert steps == [1.0, 1.0, 1.0]
        assert times[4] == clock.now

    def test_position_known_at(self, store: EventStore, clock: Clock) -> None:
        first = clock.now
        store.recorder.insert_events(events(1))
        clock.now += timedelta(days=1)
        store.recorder.insert_events(events(1, first=2))
        known = store.recorder.position_known_at
        assert known(first - timedelta(microseconds=1)) == 0
        assert known(first) == 1
        assert known(clock.now - timedelta(microseconds=1)) == 1
        assert known(datetime(9000, 1, 1, tzinfo=UTC)) == 2

    def test_concurrent_writers_keep_order_and_chain(self, store: EventStore, clock: Clock) -> None:
        def write(number: int) -> None:
            stream = uuid5(STREAM, str(number))
            for version in range(1, 11):
                store.recorder.insert_events(events(1, stream, version))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        times = [r.recorded_at for r in store.recorder.select_recorded()]
        assert len(set(times)) == 40
        assert times == sorted(times)
        assert store.verify_chain().verified == 40

    # --- Chain --------------------------------------------------------------------------------------------

    def test_chain_is_the_documented_one(self, store: EventStore, clock: Clock) -> None:
        stored = events(3)
        positions = list(store.recorder.insert_events(stored) or ())
        assert list(store.recorder.select_leaves(1, 10)) == extend(NO_LEAF, stored, positions, clock.now)
        report = store.verify_chain()
        assert (report.ok, report.verified, report.position) == (True, 3, 3)
        assert report.head != GENESIS

    def test_an_empty_log_verifies(self, store: EventStore) -> None:
        report = store.verify_chain()
        assert (report.ok, report.verified, report.head) == (True, 0, GENESIS)

    @pytest.mark.parametrize(
        ("tampering", "position", "word"),
        [
            ("UPDATE stored_events SET state = CAST('forged' AS {bytes}) WHERE {position} = 1200", 1200, "chain"),
            ("UPDATE stored_events SET topic = 'risk-asset.y' WHERE {position} = 3", 3, "chain"),
            ("UPDATE stored_events SET originator_version = 99999 WHERE {position} = 3", 3, "chain"),
            ("DELETE FROM stored_events WHERE {position} = 3", 3, "without its event"),
            ("DELETE FROM stored_events WHERE {position} = 1201", 1201, "without its event"),
            ("DELETE FROM tidemark_leaf WHERE position = 3", 3, "without its leaf"),
            (
                "UPDATE tidemark_leaf SET recorded_us = recorded_us + 1000000 WHERE position = 1201",
                1201,
                "recorded_at",
            ),
            ("UPDATE tidemark_leaf SET recorded_us = 1 WHERE position = 3", 3, "does not rise"),
            ("UPDATE tidemark_leaf SET head = chain WHERE position = 3", 3, "was changed"),
        ],
    )
    def test_verify_names_the_first_place(self, store: EventStore, tampering: str, position: int, word: str) -> None:
        store.recorder.insert_events(events(1201))
        assert store.verify_chain().verified == 1201
        self.sql(tampering)
        report = store.verify_chain()
        assert not report.ok
        assert (report.fault_position, report.verified) == (position, position - 1)
        assert word in (report.fault or "")
        assert f"position {position}" in (report.fault or "")

    def test_an_event_and_its_leaf_removed_together_break_the_chain(self, store: EventStore) -> None:
        store.recorder.insert_events(events(5))
        self.sql("DELETE FROM stored_events WHERE {position} = 3")
        self.sql("DELETE FROM tidemark_leaf WHERE position = 3")
        assert store.verify_chain().fault_position == 4

    def test_a_failure_between_events_and_leaves_stores_neither(self, store: EventStore, clock: Clock) -> None:
        def broken() -> datetime:
            raise LogFailure

        recorder: Any = store.recorder
        recorder._clock = broken  # the clock is read after the events went in, under the lock
        with pytest.raises(LogFailure):
            store.recorder.insert_events(events(2))
        recorder._clock = clock
        assert store.recorder.select_notifications(1, 10) == []
        assert store.verify_chain().verified == 0

    # --- Commands -----------------------------------------------------------------------------------------

    def test_a_command_is_stored_with_its_events(self, store: EventStore) -> None:
        store.recorder.insert_events(events(1))
        store.recorder.insert_events(events(2, first=2), command=CommandRecord("c1", b"digest"))
        stored = store.recorder.stored_command("c1")
        assert stored is not None
        assert (stored.digest, stored.first_position, stored.last_position) == (b"digest", 2, 3)
        assert store.recorder.stored_command("c2") is None

    def test_a_known_command_stores_nothing(self, store: EventStore) -> None:
        store.recorder.insert_events(events(1), command=CommandRecord("c1", b"digest"))
        with pytest.raises(IntegrityError):
            store.recorder.insert_events(events(1, first=2), command=CommandRecord("c1", b"digest"))
        assert len(store.recorder.select_recorded()) == 1

    def test_the_application_answers_a_repeated_command(self, store: EventStore, clock: Clock) -> None:
        world = World(store, clock)
        first = world.admit(cmd_id="once")
        again = world.admit(cmd_id="once")
        assert (first.repeated, again.repeated) == (False, True)
        assert again.events == first.events
        with pytest.raises(Conflict, match="another command"):
            world.admit(cmd_id="once", principal="1.00")
        assert world.log_length == 1

    def test_an_ambiguous_commit_is_resolved(self, store: EventStore, clock: Clock) -> None:
        """The connection dies after the commit: the library would see a false IntegrityError (pitfall 2.4-8)."""
        world = World(store, clock)
        swap(store.recorder, "insert_events", self.lost_answer(store.recorder.insert_events))
        outcome = world.admit(cmd_id="once")
        assert [event.type for event in outcome.events] == ["AssetAdmitted"]
        assert world.log_length == 1

    @staticmethod
    def lost_answer(insert: Callable[..., Any]) -> Callable[..., Any]:
        def insert_and_lose(*arguments: Any, **named: Any) -> Any:
            insert(*arguments, **named)
            raise OperationalError("server closed the connection unexpectedly")

        return insert_and_lose

    def test_a_dead_store_is_unavailable(self, store: EventStore, clock: Clock) -> None:
        def dead(*_: Any, **__: Any) -> Any:
            raise OperationalError("gone")

        world = World(store, clock)
        swap(store.recorder, "insert_events", dead)
        with pytest.raises(Unavailable):
            world.admit()

    # --- Several handles ----------------------------------------------------------------------------------

    def test_two_processes_share_one_log(self, store: EventStore, clock: Clock) -> None:
        with self.reopen(clock) as other:
            here, there = World(store, clock), Assets(other.factory)
            here.admit()
            assert there.state("RiskAsset", LOAN, reader=AUDITOR)["lifecycle"] == "ACTIVE"
            assert len(there.list_risk_assets(reader=AUDITOR)) == 1
            here.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00")
            assert there.list_risk_assets(reader=AUDITOR)[0]["costs"] == "5.00"
            assert other.verify_chain().verified == 2

    def test_a_race_is_decided_again(self, store: EventStore, clock: Clock) -> None:
        """Both read version 1; the loser reloads and its guards are asked again."""
        world = World(store, clock)
        world.admit()
        insert = store.recorder.insert_events
        rivals = [world.command("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00")]

        def overtaken(*arguments: Any, **named: Any) -> Any:
            if rivals:
                world.app.execute(rivals.pop())
            return insert(*arguments, **named)

        swap(store.recorder, "insert_events", overtaken)
        world.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="7.00")
        assert world.state()["costs"] == "12.00"
        assert world.state()["version"] == 3

    def test_the_very_command_stored_meanwhile_is_a_repetition(self, store: EventStore, clock: Clock) -> None:
        """Two workers carry out one record at once: what the first stored forbids it to the second."""
        world = World(store, clock)
        world.admit()
        command = world.command("SY", "PlaceHold", kind="RESTRUCTURING", case_no="R1")
        ask = store.recorder.stored_command

        def overtaken(cmd_id: str) -> Any:
            swap(store.recorder, "stored_command", ask)
            answer = ask(cmd_id)
            world.app.execute(command)
            return answer

        swap(store.recorder, "stored_command", overtaken)
        outcome = world.app.execute(command)
        assert (outcome.repeated, [event.type for event in outcome.events]) == (True, ["DisposalHoldPlaced"])
        assert world.state()["version"] == 2

    def test_a_race_lost_every_time_is_a_conflict(self, store: EventStore, clock: Clock) -> None:
        def always(*_: Any, **__: Any) -> Any:
            attempts.append(1)
            raise IntegrityError("stale")

        world = World(store, clock)
        world.admit()
        attempts: list[int] = []
        swap(store.recorder, "insert_events", always)
        with pytest.raises(Conflict, match="others changed"):
            world.do("SY", "AdvanceCost", kind="FEE", amount="7.00")
        assert len(attempts) == 4

    # --- Cursor -------------------------------------------------------------------------------------------

    def test_a_cursor_has_one_owner(self, store: EventStore, clock: Clock) -> None:
        def cursor(holder: str) -> Cursor:
            return Cursor(store, "reader", holder, clock=clock, lease_s=10)

        first, second = cursor("a"), cursor("b")
        assert first.claim() == 0
        assert second.claim() is None
        assert first.move(7)
        clock.now += timedelta(seconds=9)
        assert first.is_held
        assert second.claim() is None
        clock.now += timedelta(seconds=2)
        assert not first.is_held
        assert second.claim() == 7
        assert not first.move(9)  # the former owner comes too late
        assert first.claim() is None
        assert second.move(8)
        second.release()
        assert first.claim() == 8
        assert not second.move(10)
