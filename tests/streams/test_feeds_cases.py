"""Cases that go every path: in process, with a core that accepts and the process managers; then the driver alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.identities import identities
from aggregates.process_managers import Runner
from engines.primitives.errors import TidemarkError
from infra.event_store import open_event_store
from streams.feeds.cases.acts import Act, Fact
from streams.feeds.cases.driver import Driver, command_id
from streams.feeds.cases.portfolio import PATHS, Case, cases
from streams.feeds.cases.run import PEOPLE
from streams.posting import CONFIRMED, posting_request, reply_command, simulated_reply

TODAY = date(2026, 6, 30)
NOW = datetime(2026, 6, 30, 4, tzinfo=UTC)


class Bank:
    """Assets, process managers and a core that accepts: what a running house is, in one thread."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.store = open_event_store("sqlite", folder, clock=lambda: self.now)
        self.app = Assets(self.store.factory)
        self.managers = Runner(self.app)
        self.position = 0
        self.happened: Counter[Fact] = Counter()

    def give(self, case: Case, act: Act, cmd_id: str) -> None:
        self.now += timedelta(seconds=1)
        actor, role = PEOPLE[act.role]
        principal = Principal(actor, (role,), "-", (case.loan.entity,))
        command = Command(cmd_id, act.aggregate, act.key, act.command, act.payload, principal, self.now)
        self.app.execute(replace(command, valid_on=act.day, reason="simulated"))
        self.settle()

    def settle(self) -> None:
        """Core answers, the process managers follow, until nothing more happens."""
        while events := self.app.published_after(self.position, 100):
            for event in events:
                self.position = event.position
                self.happened[Fact(event.aggregate, event.key, event.type)] += 1
                if event.type == CONFIRMED and event.aggregate != "AccountingInstruction":
                    reply = simulated_reply(posting_request(event))
                    known = self.app.case_of_instruction(reply.instruction_id)
                    assert known is not None
                    self.app.execute(reply_command(reply, known, self.now))
                refused = [one for one in self.managers.follow(event, self.now) if isinstance(one, TidemarkError)]
                assert refused == [], event.type


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    found = Bank(tmp_path)
    yield found
    found.app.close()
    found.store.close()


def test_every_path_is_accepted_to_its_end_and_money_stays_whole(bank: Bank) -> None:
    gone = Counter[str]()
    for case in cases(1, len(PATHS) + 8, TODAY):
        gone[case.path] += 1
        for number, act in enumerate(case.acts):
            assert [fact for fact in act.after if not bank.happened[fact]] == [], (case.path, act)
            bank.give(case, act, command_id(1, case, number))
    assert set(gone) == set(PATHS)
    with bank.app.model.current() as model:
        assets = list(model.of_kind("RiskAsset"))
        foreclosed = list(model.of_kind("ForeclosedAsset"))
    assert {asset.closed_as for asset in assets} >= {
        "REPAID",
        "TRANSFERRED",
        "SECURITISED",
        "NO_RECOURSE",
        "SETTLED_WITH_REDUCTION",
    }
    for asset in assets:
        events = [bank.app.decode(one) for one in bank.app.decisions.select_recorded(originator_id=asset.id)]
        taken = [one for one in foreclosed if one.asset_ids[:1] == [asset.key]]
        assert [found for found in identities(asset, events, taken) if not found.holds] == []
    assert bank.store.verify_chain().ok


def test_a_case_is_the_same_however_many_are_asked_for() -> None:
    few, many = list(cases(7, 3, TODAY)), list(cases(7, 30, TODAY))
    assert few == many[:3]
    assert few != list(cases(8, 3, TODAY))


def test_no_act_lies_in_the_future_or_before_the_one_before_it() -> None:
    for case in cases(2, 200, TODAY):
        days = [act.day for act in case.acts]
        assert days == sorted(days)
        assert days[-1] <= TODAY


# --- The driver alone ------------------------------------------------------------------------------------------


class Told:
    def __init__(self, count: int, in_flight: int = 200) -> None:
        self.given: list[tuple[Case, Act, str]] = []
        self.driver = Driver.of(1, lambda *act: self.given.append(act), cases(1, count, TODAY), in_flight)

    def answer(self) -> None:
        """Everything given so far happens, and what the next act waits for with it."""
        given, self.given = self.given, []
        for case, act, cmd_id in given:
            self.driver.told(Fact(act.aggregate, act.key, "Own"), cmd_id)
            for later in case.acts:
                for fact in later.after:
                    self.driver.told(fact, f"of the system {fact}")


def test_acts_are_given_one_after_the_other_and_every_case_ends() -> None:
    told = Told(40)
    told.driver.fill()
    assert len(told.given) == 40
    rounds = 0
    while not told.driver.is_done:
        told.answer()
        rounds += 1
    assert told.driver.finished == 40
    assert told.driver.acts_done == sum(len(case.acts) for case in cases(1, 40, TODAY))
    assert rounds == max(len(case.acts) for case in cases(1, 40, TODAY))
    assert told.driver.stuck() == []


def test_no_more_cases_than_wanted_are_in_flight() -> None:
    told = Told(10, in_flight=3)
    told.driver.fill()
    assert len(told.given) == 3
    told.driver.fill()
    assert len(told.given) == 3


def test_an_act_waits_for_what_must_have_happened() -> None:
    told = Told(1 + list(PATHS).index("written-off"))
    told.driver.fill()
    while told.given:
        given, told.given = told.given, []
        for _, act, cmd_id in given:
            told.driver.told(Fact(act.aggregate, act.key, "Own"), cmd_id)
    assert any("WriteOffPosted" in line for line in told.driver.stuck())
    assert not told.driver.is_done


def test_a_refusal_ends_its_case_and_names_the_act() -> None:
    told = Told(2)
    told.driver.fill()
    _, act, cmd_id = told.given[0]
    told.driver.refused(cmd_id, "no such product")
    (refusal,) = told.driver.refusals
    assert (refusal.act, refusal.reason) == (f"{act.aggregate}.{act.command}", "no such product")
    while not told.driver.is_done:
        told.answer()
    assert told.driver.finished == 1


def test_a_second_run_gives_nothing_that_was_given_before() -> None:
    first = Told(5)
    first.driver.fill()
    known: list[tuple[Fact, str]] = []
    while not first.driver.is_done:
        known += [(Fact(act.aggregate, act.key, "Own"), cmd_id) for _, act, cmd_id in first.given]
        known += [(fact, str(fact)) for case, _, _ in first.given for act in case.acts for fact in act.after]
        first.answer()
    second = Told(6)
    for fact, cmd_id in known:
        second.driver.told(fact, cmd_id)
    second.driver.fill()
    assert {case.number for case, _, _ in second.given} == {5}
