"""A walk through one contingency plan against a small model: money adds up, no stage is skipped, makers do not
decide, a drill stays a drill, and the replay is the live object."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aggregates.contingency_plan import ContingencyPlan
from engines.primitives.errors import TidemarkError
from engines.primitives.money import to_text
from tests.aggregates.liquidity_world import AUDITOR, FUNDING, PLAN, REQUEST, open_liquidity_world

PEOPLE = ("U-1", "U-2", "U-3")
people = st.sampled_from(PEOPLE)
shortfalls = st.integers(1, 130_000)
NEXT = {"Approve": "APPROVED", "Reject": "REJECTED", "Activate": "ACTIVATED", "Close": "CLOSED"}


class PlanMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world, self.store = open_liquidity_world(Path(self.folder.name))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @initialize(maker=people, shortfall=shortfalls, mode=st.sampled_from(["LIVE", "DRILL"]))
    def propose(self, maker: str, shortfall: int, mode: str) -> None:
        self.stage, self.mode, self.makers, self.revision = "ALERT", mode, {maker}, 1
        self.total = self.deals = 0
        self.world.do("TR", "Propose", actor=maker, mode=mode, **self.request(shortfall))
        self.read_plan()

    @staticmethod
    def request(shortfall: int) -> dict[str, Any]:
        return REQUEST | {"funding": FUNDING | {"shortfall": to_text(shortfall, "CNY")}}

    def read_plan(self) -> None:
        content = self.plan().content
        self.open = dict(content["planned"])
        self.need = content["need"]
        assert sum(self.open.values()) + content["residual"] == self.need
        self.executed = 0

    def attempt(self, expected: bool, act: Callable[[], object]) -> bool:
        """The model says whether it works; a refusal must change nothing."""
        before = self.world.state(), self.world.log_length
        if expected:
            act()
            return True
        with pytest.raises(TidemarkError):
            act()
        assert (self.world.state(), self.world.log_length) == before
        return False

    @rule(actor=people, name=st.sampled_from(sorted(NEXT)))
    def decide(self, actor: str, name: str) -> None:
        name = "Approve" if name == "Reject" and self.revision < 3 else name
        wanted = {"Approve": "ALERT", "Reject": "ALERT", "Activate": "APPROVED", "Close": "RECOVERY"}[name]
        fits = self.stage == wanted and actor not in self.makers
        payload = {"outcome": "-"} if name == "Close" else {}
        if self.attempt(fits, lambda: self.world.do("AC", name, actor=actor, **payload)):
            self.stage = NEXT[name]

    @precondition(lambda self: self.stage in ("ALERT", "APPROVED"))
    @rule()
    def put_in_force(self) -> None:
        """By one who never drew up anything, so that actions come often."""
        for name in ("Approve", "Activate"):
            self.decide("U-9", name)

    @rule(actor=people, shortfall=shortfalls)
    def amend(self, actor: str, shortfall: int) -> None:
        fits = self.stage in ("ALERT", "APPROVED", "ACTIVATED")
        act = lambda: self.world.do("TR", "Amend", actor=actor, **self.request(shortfall))  # noqa: E731
        if self.attempt(fits, act):
            self.stage, self.revision = "ALERT", self.revision + 1
            self.makers.add(actor)
            self.read_plan()

    @rule(data=st.data(), minor=st.integers(1, 60_000), has_deal=st.booleans())
    def act(self, data: st.DataObject, minor: int, has_deal: bool) -> None:
        line = data.draw(st.sampled_from([*sorted(self.open), "9-9"]))
        if minor % 2:
            minor = self.open.get(line, minor) or minor  # the whole of what is left, often
        self.deals += 1
        fits = self.stage == "ACTIVATED" and minor <= self.open.get(line, 0) and has_deal == (self.mode == "LIVE")
        deal = {"deal_ref": f"D-{self.deals}"} if has_deal else {}
        money = to_text(minor, "CNY")
        take = lambda: self.world.do("TR", "TakeAction", line=line, amount=money, counterparty="B", **deal)  # noqa: E731
        if self.attempt(fits, take):
            self.open[line] -= minor
            self.executed += minor
            self.total += minor

    @rule(surplus=st.integers(-1, 1))
    def recover(self, surplus: int) -> None:
        fits = self.stage == "ACTIVATED" and surplus >= 0
        money = to_text(surplus, "CNY")
        if self.attempt(fits, lambda: self.world.do("TR", "BeginRecovery", surplus=money)):
            self.stage = "RECOVERY"

    @rule(stale=st.booleans())
    def cancel(self, stale: bool) -> None:
        stale = stale or (not self.total and self.revision < 4)  # else most walks would end here
        fits = self.stage in ("ALERT", "APPROVED", "ACTIVATED") and not self.total and not stale
        version = self.plan().version - stale
        if self.attempt(fits, lambda: self.world.do("TR", "Cancel", expected_version=version)):
            self.stage = "CANCELLED"

    @invariant()
    def the_plan_equals_the_model(self) -> None:
        plan = self.plan()
        assert (plan.stage, plan.content["revision"], plan.mode) == (self.stage, self.revision, self.mode)
        assert set(plan.people["maker"]) == self.makers
        assert plan.residual_minor == self.need - self.executed >= plan.content["residual"] >= 0
        assert sum(action["executed"] for action in plan.actions) == self.total
        assert plan.approver not in self.makers

    @invariant()
    def events_say_the_mode_and_the_replay_is_the_live_object(self) -> None:
        events = self.world.app.history("ContingencyPlan", PLAN, reader=AUDITOR)
        assert {event.payload["mode"] for event in events} == {self.mode}
        assert self.world.app.list_cases("ContingencyPlan", reader=AUDITOR) == [self.world.state()]

    def plan(self) -> ContingencyPlan:
        found = self.world.app.find("ContingencyPlan", PLAN)
        assert isinstance(found, ContingencyPlan)
        return found


TestPlanMachine = PlanMachine.TestCase
TestPlanMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
