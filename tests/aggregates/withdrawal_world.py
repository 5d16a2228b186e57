"""Announced withdrawals and dispatch proposals for the tests: people, one way to act, a reservation in any stage."""

from datetime import timedelta
from typing import Any

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from tests.aggregates.liquidity_world import AUDITOR, ENTITY, LiquidityWorld

RESERVATION, PROPOSAL = "WithdrawalReservation", "DispatchProposal"
NO, PROPOSAL_NO = "WR-1", "DP-1"

#: Who does what; all different people.
PEOPLE = {"clerk": "AM", "branch": "BR", "treasurer": "TR", "second": "TR", "committee": "AC", "system": "SY"}

ANNOUNCED: dict[str, Any] = {
    "customer_no": "C-1",
    "amount": "200.00",
    "value_date": "2026-11-23",
    "organisation": "N1",
}
LARGE = ["BRANCH", "TREASURY", "TREASURY"]
#: The worked example of LIQ-06: A has 120 above its target, B lacks 80, C lacks 60.
TRANSFERS = [
    {"transfer_id": "1", "source": "A", "destination": "B", "amount": "80.00", "cost_bp": "1"},
    {"transfer_id": "2", "source": "A", "destination": "C", "amount": "40.00", "cost_bp": "2"},
]
PROPOSED: dict[str, Any] = {
    "basis": {"offsets": {"tm.in.core.txn.v1/0": 7}},
    "policy_version": "2026.1",
    "nodes": [
        {"node": "A", "available": "120.00", "target": "0.00"},
        {"node": "B", "available": "-80.00", "target": "0.00"},
        {"node": "C", "available": "-60.00", "target": "0.00"},
    ],
    "transfers": TRANSFERS,
    "uncovered": {"C": "20.00"},
    "cost": "0.02",
}


class Desk:
    def __init__(self, world: LiquidityWorld) -> None:
        self.world = world

    def do(
        self, who: str, name: str, *, key: str = NO, aggregate: str = RESERVATION, cmd_id: str = "", **payload: Any
    ) -> Outcome:
        world = self.world
        world.commands += 1
        return world.app.execute(
            Command(
                cmd_id=cmd_id or f"desk-{world.commands}",
                aggregate=aggregate,
                key=key,
                command=name,
                payload=payload,
                principal=Principal(who, (PEOPLE[who],), "N1", (ENTITY,)),
                at=world.now,
            )
        )

    def propose(self, who: str = "treasurer", key: str = PROPOSAL_NO, minutes: int = 30, **changed: Any) -> Outcome:
        now, until = self.world.now.isoformat(), self.until(minutes)
        payload = PROPOSED | {"made_at": now, "valid_until": until} | changed
        return self.do(who, "Propose", key=key, aggregate=PROPOSAL, **payload)

    def until(self, minutes: int) -> str:
        return (self.world.now + timedelta(minutes=minutes)).isoformat()

    def decide(self, who: str, name: str, key: str = PROPOSAL_NO, **payload: Any) -> Outcome:
        return self.do(who, name, key=key, aggregate=PROPOSAL, **payload)

    def grade(self, levels: list[str] | None = None, *, proof: bool = False, key: str = NO) -> Outcome:
        return self.do(
            "system", "Grade", key=key, levels=levels or LARGE, proof_needed=proof, policy_version="2026.1"
        )

    def submitted(
        self, levels: list[str] | None = None, *, proof: bool = False, key: str = NO, **changed: Any
    ) -> None:
        self.do("clerk", "Draft", key=key, **(ANNOUNCED | changed))
        self.do("clerk", "Submit", key=key)
        self.grade(levels, proof=proof, key=key)

    def approved(self, levels: list[str] | None = None, *, key: str = NO, **changed: Any) -> None:
        """By as many people as it needs."""
        self.submitted(levels, key=key, **changed)
        self.do("branch", "ApproveAtBranch", key=key)
        for who, _ in zip(("treasurer", "committee"), (levels or LARGE)[1:], strict=False):
            self.do(who, "ApproveAtTreasury", key=key)

    def state(self, key: str = NO, aggregate: str = RESERVATION) -> dict[str, Any]:
        return self.world.app.state(aggregate, key, reader=AUDITOR)

    def task(self, key: str = NO) -> int:
        return int(self.state(key)["task_version"])
