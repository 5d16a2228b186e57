"""A drill on a recorded run-off: the plan is drawn up from the forecast of its second evening, executed line by line,
and the flows that were recorded afterwards decide whether the limit is restored when the simulation said so."""

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engines.survival_horizon import Buffer, survival_horizon
from tests.aggregates.liquidity_world import AUDITOR, PLAN, LiquidityWorld, open_liquidity_world

DAY_0 = date(2026, 11, 22)
CASH, BONDS, HAIRCUT, LIMIT = 1_000, 900, Fraction(5, 100), 200

#: Net flows of day 1 to 8 of the run; on the evening of day 2 the stress scenario expects the worst three days more.
RECORDED = (-400, -620, -800, -560, -300, -150, -60, -20)
FORECAST = (-400, -620, -800, -800, -800, -200, -200, -200)

FUNDING: dict[str, Any] = {
    "start_day": 2,
    "is_stressed": True,
    "total_assets": "30000.00",
    "limit": f"{LIMIT}.00",
    "securities": [
        {"name": "bills", "market_value": "1200.00"},
        {"name": "bonds", "market_value": "1700.00", "encumbered": "200.00"},
    ],
    "sources": [
        {"name": "standing facility", "gate": 1, "rate": "0.0325", "limit": "700.00", "lead_days": 1},
        {
            "name": "repo",
            "gate": 2,
            "rate": "0.022",
            "limit": "900.00",
            "lead_days": 1,
            "securities": "bills",
            "use": "pledge",
            "haircut": "0.1",
        },
        {
            "name": "bond sale",
            "gate": 3,
            "rate": "0.029",
            "lead_days": 2,
            "securities": "bonds",
            "use": "sale",
            "haircut": "0.08",
        },
    ],
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LiquidityWorld]:
    opened, store = open_liquidity_world(tmp_path)
    yield opened
    store.close()


def surplus(flows: tuple[int, ...]) -> list[Fraction]:
    """Capacity and cumulative flow at the end of each day, before the plan."""
    buffers = [Buffer(Fraction(CASH)), Buffer(Fraction(BONDS), HAIRCUT)]
    return [day.surplus for day in survival_horizon(buffers, [Fraction(flow) for flow in flows]).path]


def test_a_drill_restores_the_limit_within_the_simulated_time(world: LiquidityWorld) -> None:
    path = [{"day": day, "surplus": f"{float(left):.2f}"} for day, left in enumerate(surplus(FORECAST), 1)]
    world.do(
        "TR",
        "Propose",
        mode="DRILL",
        as_of=DAY_0.isoformat(),
        trigger="LARGE_OUTFLOW",
        trigger_reason="two days of a run",
        funding=FUNDING | {"path": path},
    )
    world.do("AC", "Approve")
    world.do("AC", "Activate")
    plan = world.state()
    assert (plan["strategy"], plan["residual_planned"]) == ("gate_order", "0.00")
    assert plan["ranking"][-1]["strategy"] == "nothing"
    restored_on = date.fromisoformat(plan["restored_on"])

    raised = dict.fromkeys(range(1, len(RECORDED) + 1), Fraction(0))
    for day in raised:
        today = DAY_0 + timedelta(days=day)
        world.next_day()
        for line in plan["lines"]:
            if line["needed_on"] == today.isoformat():
                world.do("TR", "TakeAction", line=line["line"], amount=line["planned"], counterparty="-drill-")
        raised[day] = Fraction(world.state()["executed"])

    before = [left - LIMIT for left in surplus(RECORDED)]
    after = {DAY_0 + timedelta(days=day): before[day - 1] + money for day, money in raised.items()}
    assert min(before[2:]) < 0  # it would not have come back by itself
    assert before[-1] < 0
    assert restored_on <= DAY_0 + timedelta(days=4)
    assert all(left >= 0 for day, left in after.items() if day >= restored_on)

    assert world.state()["residual"] == "0.00"
    world.do("TR", "BeginRecovery", surplus=f"{float(after[max(after)]):.2f}")
    world.do("AC", "Close", outcome="the limit held from the day that was simulated")
    events = world.app.history("ContingencyPlan", PLAN, reader=AUDITOR)
    assert {event.payload["mode"] for event in events} == {"DRILL"}
