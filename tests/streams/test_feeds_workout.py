"""The simulated bank's decisions: accepted by the real rules, by several people, and no part of another stream."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregates.envelope import Principal
from aggregates.process_managers.runner import Runner
from engines.primitives.money import to_minor
from infra.security import Unauthenticated
from streams import topics
from streams.command_handler import CommandHandler, Handled
from streams.feeds.contracts import contract
from streams.feeds.cursor import Cursor
from streams.feeds.event import Event
from streams.feeds.sheet import CommandStep
from streams.feeds.simulated import SimulatedBank, Simulation, business_day
from streams.feeds.start import FeedOptions, run_simulated
from streams.feeds.workout import PEOPLE, Workout, command_event, interest_minor, is_at_risk
from streams.feeds.world import build_world
from streams.posting import posting_request, simulated_reply
from streams.producer import encode
from streams.schemas import BusinessDate, Contract, WorkflowCommand
from tests.aggregates.world import AUDITOR, World, open_world
from tests.streams.test_feeds_start import Memory

SEED, MONDAY, BOOK, OPENED, CLOSED, DAYS = 4, date(2026, 3, 16), 800, 80, 40, 8


@pytest.fixture(scope="module")
def workout() -> Workout:
    bank = build_world(SEED, 4_000)

    @cache
    def contract_of(serial: int) -> Contract:
        return contract(bank, serial, MONDAY, "-", seasoned=serial < BOOK)

    return Workout(SEED, contract_of, BOOK, OPENED, CLOSED)


def days_of(workout: Workout) -> list[tuple[date, list[CommandStep]]]:
    """The stock, then DAYS days, each in the order in which it is told."""
    days = [(MONDAY, workout.before(MONDAY))]
    for number in range(DAYS):
        day = business_day(MONDAY, number)
        days.append((day, sorted(workout.of_day(number, day), key=lambda step: step.at)))
    return days


def person(token: str, _at: datetime) -> Principal:
    """Here a token is a role."""
    if token not in PEOPLE:
        raise Unauthenticated("no token")
    return Principal(PEOPLE[token], (token,), "-", ("BANK", "LEASE", "CF"))


class Player:
    """Executes commands as the worker does, and answers confirmed instructions as core banking does."""

    def __init__(self, world: World) -> None:
        self.world, self.handler = world, CommandHandler(world.app, person)

    def play(self, day: date, steps: list[CommandStep]) -> None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=8)
        for step in steps:
            self.world.clock.now = max(midnight + timedelta(microseconds=step.at), self.world.clock.now)
            value = encode(command_event(SEED, step, day, step.role).record)
            handled = self.done(self.handler.handle_command(value, self.world.clock.now), step)
            assert handled.outcome is not None
            for event in handled.outcome.events:
                if event.type == "InstructionConfirmed":
                    reply = msgspec.json.encode(simulated_reply(posting_request(event)))
                    self.done(self.handler.handle_posting_reply(reply, self.world.clock.now), step)

    @staticmethod
    def done(handled: Handled, step: CommandStep) -> Handled:
        assert handled.dead_letter is None, (step, handled.dead_letter)
        return handled


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, workout: Workout) -> Iterator[World]:
    world = open_world(tmp_path_factory.mktemp("played"))
    world.clock.now = datetime(2026, 3, 15, 16, tzinfo=UTC)
    player, managers = Player(world), Runner(world.app)
    for day, steps in days_of(workout):
        player.play(day, steps)
        for _ in managers.run(world.clock.now):
            pass  # as in a running bank, which closes what is paid
    yield world
    world.store.close()


def test_every_command_is_accepted_and_loans_come_to_their_end(played: World, workout: Workout) -> None:
    told = Counter(step.command for _, steps in days_of(workout) for step in steps)
    assert (
        min(told[name] for name in ("Admit", "ApplyRecovery", "Approve", "ConfirmInstruction", "RecoverWrittenOff"))
        > 0
    )
    assets = played.app.list_risk_assets(reader=AUDITOR)
    assert len(assets) == told["Admit"]
    states = Counter(asset["lifecycle"] for asset in assets)
    assert (states["WRITTEN_OFF"], states["CLOSED"]) == (told["Approve"], told["ApplyRecovery"])
    assert {asset["closed_as"] for asset in assets if asset["lifecycle"] == "CLOSED"} == {"REPAID"}
    assert states["ACTIVE"] > 0
    written_off = [asset for asset in assets if asset["lifecycle"] == "WRITTEN_OFF"]
    assert sum(to_minor(asset["rec_cash"], asset["ccy"]) > 0 for asset in written_off) == told["RecoverWrittenOff"]
    assert {case["state"] for case in played.app.list_cases("WriteOff", reader=AUDITOR)} == {"POSTED"}


def test_a_write_off_is_the_work_of_five_people(played: World) -> None:
    case = played.app.list_cases("WriteOff", reader=AUDITOR)[0]
    history = played.app.history("WriteOff", case["write_off_no"], reader=AUDITOR)
    assert [(event.type, event.envelope.actor) for event in history] == [
        ("WriteOffDrafted", PEOPLE["AM"]),
        ("ComplianceReviewed", PEOPLE["LG"]),
        ("WriteOffSubmitted", PEOPLE["AM"]),
        ("WriteOffApproved", PEOPLE["HA"]),
        ("WriteOffPostingRequested", PEOPLE["FN"]),
        ("InstructionConfirmed", PEOPLE["FC"]),
        ("WriteOffPosted", "core-banking"),
    ]
    assert len(set(PEOPLE.values())) == len(PEOPLE)


def test_each_command_has_an_id_of_its_own_whoever_signed_it(workout: Workout) -> None:
    ids: dict[str, set[str]] = defaultdict(set)
    steps = 0
    for day, told in days_of(workout):
        for step in told:
            steps += 1
            for token in ("one", "another"):
                event = command_event(SEED, step, day, token)
                assert isinstance(event.record, WorkflowCommand)
                assert event.key == f"{event.record.aggregate}/{event.record.key}".encode()
                ids[event.record.cmd_id].add(event.record.token)
    assert len(ids) == steps
    assert all(tokens == {"one", "another"} for tokens in ids.values())


def test_interest_is_simple_and_rounded_down(workout: Workout) -> None:
    loan = msgspec.structs.replace(workout._contract_of(0), principal="1000.00", rate="0.0450", ccy="CNY")
    assert interest_minor(msgspec.structs.replace(loan, overdue_days=120)) == 1_500  # 1000 x 4.5% x 120/360
    assert interest_minor(msgspec.structs.replace(loan, overdue_days=1)) == 12  # 0.125
    assert interest_minor(msgspec.structs.replace(loan, ccy="JPY", principal="1000", overdue_days=120)) == 15


# --- In the stream --------------------------------------------------------------------------------------------

QUIET = Simulation(SEED, MONDAY, 40_000, 2_000)
BUSY = Simulation(SEED, MONDAY, 40_000, 2_000, commands=True)


@pytest.fixture(scope="module")
def bank() -> SimulatedBank:
    return SimulatedBank(BUSY, lambda role: f"token of {role}")


@pytest.fixture(scope="module")
def two_days(bank: SimulatedBank) -> list[Event]:
    return list(islice(bank.events(), bank.opening_events + 2 * BUSY.events_per_day))


def commands(events: list[Event]) -> list[WorkflowCommand]:
    return [event.record for event in events if isinstance(event.record, WorkflowCommand)]


def test_commands_take_their_places_in_days_of_the_same_length(bank: SimulatedBank, two_days: list[Event]) -> None:
    assert all(event.topic == topics.COMMAND for event in two_days if isinstance(event.record, WorkflowCommand))
    stock = commands(two_days[: bank.opening_events])
    assert {command.command for command in stock} == {"Admit"}
    assert {command.valid_on for command in stock} == {"2026-03-16"}
    second = two_days[bank.opening_events + BUSY.events_per_day :]
    assert isinstance(second[0].record, BusinessDate)
    assert {command.valid_on for command in commands(second)} == {"2026-03-17"}
    roles = {command.token.removeprefix("token of ") for command in commands(two_days)}
    assert {"EX"} < roles <= set(PEOPLE)
    told: dict[str, list[str]] = defaultdict(list)
    for command in commands(two_days):
        told[command.key].append(command.command)
    cases = [names for key, names in told.items() if "-W" in key]
    assert cases
    order = ["Draft", "ReviewCompliance", "Submit", "Approve", "RequestPosting", "ConfirmInstruction"]
    assert all(names == order for names in cases)


def test_loans_at_risk_are_those_of_the_contracts(bank: SimulatedBank, two_days: list[Event]) -> None:
    told = [event.record for event in two_days if isinstance(event.record, Contract)]
    at_risk = {record.contract_id for record in told if is_at_risk(record)}
    admitted = [command.key for command in commands(two_days) if command.command == "Admit"]
    assert len(admitted) == len(set(admitted))
    assert set(admitted) <= at_risk
    ended_at_once = {record.contract_id for record in told[: bank.book] if is_at_risk(record)} - set(admitted)
    closed = {record.contract_id for record in told if record.closed}
    assert ended_at_once <= closed
    assert at_risk - ended_at_once == set(admitted)


@pytest.mark.parametrize("where", ["openings", "first day", "second day"])
def test_the_stream_with_commands_can_begin_anywhere(bank: SimulatedBank, two_days: list[Event], where: str) -> None:
    first = {"openings": 0, "first day": bank.opening_events, "second day": bank.opening_events + 40_000}[where]
    at = next(i for i in range(first, len(two_days)) if isinstance(two_days[i].record, WorkflowCommand))
    for begin in (at, max(at - 3, 0), at + 1):
        assert list(islice(bank.events(begin), 50)) == two_days[begin : begin + 50]


def test_without_commands_nothing_else_differs(two_days: list[Event]) -> None:
    quiet = SimulatedBank(QUIET)
    opening = list(islice(quiet.events(), quiet.opening_events))
    assert (
        opening
        == [event for event in two_days[: len(opening) + 500] if event.topic != topics.COMMAND][: len(opening)]
    )


def test_a_cursor_keeps_whether_there_are_commands(tmp_path: Path) -> None:
    def produced(directory: Path, simulation: Simulation) -> list[bytes]:
        sink = Memory()
        run_simulated(sink, simulation, FeedOptions(directory, "r", count=SimulatedBank(BUSY).opening_events))
        return sink.values

    def told(values: list[bytes]) -> int:
        return sum(b'"cmd_id"' in value for value in values)

    old: dict[str, Any] = {"business_date": "2026-03-16", "events_per_day": 40_000, "customers": 2_000}
    cursor = Cursor.open(
        tmp_path / "old", "simulated", seed=SEED, run_id="r", identity={"calendar": "weekdays"}, parameters=old
    )
    cursor.save(0, 0)
    assert told(produced(tmp_path / "old", BUSY)) == 0
    assert told(produced(tmp_path / "quiet", QUIET)) == 0
    assert told(produced(tmp_path / "busy", BUSY)) > 0
