"""Plans and breaches for the tests: people with roles, requests to start from, one way to do something."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.ports import Factory
from engines.primitives.errors import TidemarkError
from infra.event_store import EventStore, open_event_store

ENTITY, PLAN, BREACH = "BANK-A", "CFP-1", "LB-1"

#: Who does what in the tests; all different people.
PEOPLE = {"TR": "U-701", "AC": "U-801", "RM": "U-501", "HM": "U-702", "HA": "U-301", "SY": "system", "AM": "U-118"}
AUDITOR = Principal("U-601", ("IA",), "-", ("*",))

#: The worked example of LIQ-40: 900.00 short on day 3.
FUNDING: dict[str, Any] = {
    "shortfall": "900.00",
    "day": 3,
    "securities": [{"name": "bonds", "market_value": "250.00"}],
    "sources": [
        {"name": "repo", "gate": 2, "rate": "0.022", "limit": "500.00"},
        {"name": "parent line", "gate": 2, "rate": "0.026", "limit": "200.00", "lead_days": 1},
        {"name": "bond sale", "gate": 3, "rate": "0.030", "lead_days": 2, "securities": "bonds", "use": "sale"},
        {"name": "certificates", "gate": 3, "rate": "0.025", "limit": "400.00", "lead_days": 5},
    ],
}
REQUEST: dict[str, Any] = {
    "trigger": "STRESS_FAILURE",
    "trigger_reason": "the combined stress breaks the limit on day 3",
    "trigger_figures": {"survival_days": 2},
    "funding": FUNDING,
}
BREACHED: dict[str, Any] = {
    "limit_id": "LIM-LDR",
    "metric": "loan_to_deposit",
    "value": "0.77",
    "maximum": "0.75",
    "policy_ref": "POL-2026-3",
    "owner": "U-701",
    "deadline": "2026-12-01",
}


class LiquidityWorld:
    def __init__(self, factory: Factory, log_length: Callable[[], int | None]) -> None:
        self.app = Assets(factory)
        self._log_length = log_length
        self.now = datetime(2026, 11, 22, 4, tzinfo=UTC)  # noon in bank time
        self.commands = 0

    def command(
        self,
        role: str,
        name: str,
        *,
        aggregate: str = "ContingencyPlan",
        key: str = "",
        on: str | None = None,
        actor: str | None = None,
        cmd_id: str | None = None,
        entities: tuple[str, ...] = (ENTITY,),
        **payload: object,
    ) -> Command:
        self.commands += 1
        return Command(
            cmd_id=cmd_id or f"liquidity-{self.commands}",
            aggregate=aggregate,
            key=key or (PLAN if aggregate == "ContingencyPlan" else BREACH),
            command=name,
            payload=payload,
            principal=Principal(actor or PEOPLE[role], (role,), "HQ", entities),
            at=self.now,
            valid_on=None if on is None else date.fromisoformat(on),
        )

    def do(self, role: str, name: str, **arguments: Any) -> Outcome:
        return self.app.execute(self.command(role, name, **arguments))

    def breach(self, role: str, name: str, **arguments: Any) -> Outcome:
        return self.do(role, name, aggregate="LimitBreach", **arguments)

    def next_day(self) -> None:
        self.now += timedelta(days=1)

    def state(self, aggregate: str = "ContingencyPlan", key: str = "") -> dict[str, Any]:
        return self.app.state(aggregate, key or (PLAN if aggregate == "ContingencyPlan" else BREACH), reader=AUDITOR)

    @property
    def log_length(self) -> int:
        return self._log_length() or 0

    def refused(self, guard: str, act: Callable[[], object]) -> TidemarkError:
        """The act is refused by this guard, and nothing was stored."""
        before = self.log_length
        with pytest.raises(TidemarkError) as caught:
            act()
        assert caught.value.facts.get("guard") == guard, str(caught.value)
        assert self.log_length == before
        return caught.value

    def to_stage(self, stage: str, key: str = PLAN, mode: str = "LIVE") -> None:
        """Bring a new plan to a stage."""
        steps: list[tuple[str, str, str, dict[str, object]]] = [
            ("ALERT", "TR", "Propose", REQUEST | {"mode": mode}),
            ("APPROVED", "AC", "Approve", {"approval_no": "ALCO-7"}),
            ("ACTIVATED", "AC", "Activate", {}),
            ("RECOVERY", "TR", "BeginRecovery", {"surplus": "0.00"}),
            ("CLOSED", "AC", "Close", {"outcome": "the run stopped"}),
        ]
        for reached, role, name, payload in steps:
            self.do(role, name, key=key, **payload)
            if reached == stage:
                return
        raise LookupError(stage)


def history(world: LiquidityWorld) -> None:
    """Commands that together cause every event type of plans and breaches."""
    world.to_stage("ACTIVATED")
    deal = {"line": "1-1", "amount": "300.00", "counterparty": "BANK-B", "deal_ref": "D-1"}
    world.do("TR", "TakeAction", rate="0.0225", **deal)
    funding = FUNDING | {"shortfall": "600.00", "day": 2}
    world.do("TR", "Amend", trigger_reason="the parent bank declined", funding=funding)
    world.do("AC", "Approve")
    world.do("AC", "Activate")
    world.do("TR", "BeginRecovery", surplus="12.50")
    world.do("AC", "Close", outcome="deposits came back")
    for key, role, name in (("CFP-2", "AC", "Reject"), ("CFP-3", "TR", "Cancel")):
        world.do("TR", "Propose", key=key, mode="DRILL", **REQUEST)
        world.do(role, name, key=key, comment="钱荒演练")
    world.breach("RM", "Open", **BREACHED)
    world.breach("TR", "Explain", cause="year-end lending", action="sell loans", deadline="2026-11-30")
    world.breach("AC", "Waive", waived_until="2026-11-25", comment="until the loan sale settles")
    world.next_day()
    world.breach("RM", "Observe", value="0.7712")
    world.next_day()
    world.breach("RM", "Restore", value="0.75")
    world.breach("AC", "Close", outcome="loans were sold")


def world_of(store: EventStore) -> LiquidityWorld:
    return LiquidityWorld(store.factory, store.recorder.max_notification_id)


def open_liquidity_world(folder: Path) -> tuple[LiquidityWorld, EventStore]:
    store = open_event_store("sqlite", folder, clock=lambda: datetime(2026, 11, 22, 4, tzinfo=UTC))
    return world_of(store), store
