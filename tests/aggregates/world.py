"""A small world for the tests: a store in a folder, a clock we move, people with roles, one way to do something."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome, Policy
from aggregates.envelope import Principal
from engines.primitives.errors import TidemarkError
from infra.event_store import EventStore, open_event_store

ENTITY, BRANCH, LOAN, CASE = "BANK-A", "3301", "LN-7001", "WO1"

#: Who does what in the tests; all different people.
PEOPLE = {
    "AM": "U-118",
    "LG": "U-205",
    "HA": "U-301",
    "WF": "workflow",
    "FN": "U-410",
    "FC": "U-411",
    "CB": "core-banking",
    "SY": "system",
    "EX": "postloan",
    "RM": "U-501",
    "IA": "U-601",
    "SA": "A-1",
}
AUDITOR = Principal("U-601", ("IA",), "-", ("*",))


class Clock:
    """Given to the store; every command moves it to the command's own instant."""

    def __init__(self) -> None:
        self.now = datetime(2022, 3, 11, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    def __init__(self, store: EventStore, clock: Clock, policy: Policy | None = None) -> None:
        self.store, self.clock = store, clock
        self.app = Assets(store.factory, policy=policy)
        self.commands = 0

    def command(
        self,
        role: str,
        name: str,
        *,
        aggregate: str = "RiskAsset",
        key: str = "",
        on: str | None = None,
        day: str | None = None,
        actor: str | None = None,
        cmd_id: str | None = None,
        entities: tuple[str, ...] = (ENTITY,),
        **payload: object,
    ) -> Command:
        """`day`: when it is recorded (noon in bank time); `on`: valid_on, by default the same day."""
        if day is not None:
            noon = datetime.fromisoformat(f"{day}T04:00:00+00:00")
            self.clock.now = max(noon, self.clock.now + timedelta(seconds=1))
        self.commands += 1
        return Command(
            cmd_id=cmd_id or f"cmd-{self.commands}",
            aggregate=aggregate,
            key=key or (LOAN if aggregate == "RiskAsset" else CASE),
            command=name,
            payload=payload,
            principal=Principal(actor or PEOPLE[role], (role,), BRANCH, entities),
            at=self.clock.now,
            valid_on=None if on is None else date.fromisoformat(on),
        )

    def do(self, role: str, name: str, **arguments: Any) -> Outcome:
        return self.app.execute(self.command(role, name, **arguments))

    def case(self, role: str, name: str, **arguments: Any) -> Outcome:
        return self.do(role, name, aggregate="WriteOff", **arguments)

    def state(self, aggregate: str = "RiskAsset", key: str = "") -> dict[str, Any]:
        key = key or (LOAN if aggregate == "RiskAsset" else CASE)
        return self.app.state(aggregate, key, reader=AUDITOR)

    @property
    def log_length(self) -> int:
        return self.store.recorder.max_notification_id() or 0

    def refused(self, guard: str, act: Callable[[], object]) -> TidemarkError:
        """The act is refused by this guard, and nothing was stored."""
        before = self.log_length
        with pytest.raises(TidemarkError) as caught:
            act()
        assert caught.value.facts.get("guard") == guard, str(caught.value)
        assert self.log_length == before
        return caught.value

    def admit(self, key: str = LOAN, day: str = "2022-03-11", **changes: object) -> Outcome:
        payload: dict[str, Any] = {
            "entity_id": ENTITY,
            "customer_no": "C-9",
            "branch": BRANCH,
            "product": "CORP_LOAN",
            "segment": "CORPORATE",
            "principal": "8000000.00",
            "interest_on": "195386.67",
            "penalty": "1700.00",
            "compound": "1226.78",
            "classification": "SPECIAL_MENTION",
            "overdue_since": "2021-12-21",
            "maturity": "2024-12-20",
        }
        return self.do("EX", "Admit", key=key, day=day, **(payload | changes))

    def lost(self, key: str = LOAN, day: str = "2024-09-05") -> None:
        """An asset of class LOSS, with the claim of spec 8.1 before its write-off."""
        self.admit(
            key,
            day,
            principal="2632708.70",
            interest_on="0",
            interest_off="55279.53",
            penalty="1000000.00",
            compound="10000.00",
            costs="2600.00",
            classification="LOSS",
            overdue_since="2022-03-10",
        )

    def to_stage(self, stage: str, key: str = CASE, loan: str = LOAN) -> None:
        """Bring a case of a lost asset to a stage."""
        steps: list[tuple[str, str, str, dict[str, object]]] = [
            ("DRAFT", "AM", "Draft", {"asset_no": loan, "ground": "BANKRUPTCY"}),
            ("REVIEWED", "LG", "ReviewCompliance", {"outcome": "PASS"}),
            ("SUBMITTED", "AM", "Submit", {"wf_no": "WF-1"}),
            ("APPROVED", "HA", "Approve", {"approval_no": "WO-2024-031"}),
            ("POSTING", "FN", "RequestPosting", {}),
            ("CONFIRMED", "FC", "ConfirmInstruction", {}),
            ("POSTED", "CB", "MarkPosted", {"core_txn_no": "C-2290"}),
        ]
        detours: dict[str, tuple[str, tuple[str, str, dict[str, object]]]] = {
            "RETURNED": ("SUBMITTED", ("HA", "Return", {"comment": "papers"})),
            "REJECTED": ("SUBMITTED", ("HA", "Reject", {"comment": "no"})),
            "DISCARDED": ("DRAFT", ("AM", "Discard", {})),
            "POSTING_FAILED": ("CONFIRMED", ("CB", "MarkRejected", {"error_code": "ACCT_STATUS_FROZEN"})),
        }
        target, last = detours.get(stage, (stage, None))
        for reached, role, name, payload in steps:
            self.case(role, name, key=key, day="2024-09-25", **payload)
            if reached == target:
                break
        else:
            raise LookupError(stage)
        if last is not None:
            role, name, payload = last
            self.case(role, name, key=key, day="2024-09-25", **payload)


def open_world(folder: Path, policy: Policy | None = None) -> World:
    clock = Clock()
    return World(open_event_store("sqlite", folder, clock=clock), clock, policy)


def swap(owner: Any, method: str, other: Callable[..., Any]) -> None:
    """Put a failing or slow double in the place of one method of one object."""
    setattr(owner, method, other)
