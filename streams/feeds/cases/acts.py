"""What people do in a case, one act after the other, and the short forms in which the paths are written.

An act is a workflow command. It is given once everything in `after` has happened: facts that follow from core banking
or from the system. A path is a list of acts that follows from a loan and a seeded generator alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from engines.primitives.money import to_text

CCY = "CNY"
BUCKETS = ("principal", "interest_on", "interest_off", "penalty", "compound")


class Fact(NamedTuple):
    """An event that must have come."""

    aggregate: str
    key: str
    type: str


@dataclass(frozen=True, slots=True)
class Act:
    """One command of one person; `day` is its business date."""

    role: str
    aggregate: str
    key: str
    command: str
    payload: Mapping[str, object]
    day: date
    after: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Loan:
    """A loan note as it is taken over; amounts in minor units of CNY."""

    loan_no: str
    customer_no: str
    entity: str
    branch: str
    segment: str
    classification: str
    overdue_since: date
    admitted_on: date
    minor_by_bucket: Mapping[str, int]

    @property
    def claim_minor(self) -> int:
        return sum(self.minor_by_bucket.values())

    @property
    def principal_minor(self) -> int:
        return self.minor_by_bucket["principal"]


@dataclass(slots=True)
class Story:
    """Writes a path: every act on the day reached so far, which `later` moves on, never beyond `today`."""

    loan: Loan
    today: date
    draw: np.random.Generator
    acts: list[Act] = field(default_factory=list)
    day: date = date.min
    waits: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        self.day = self.loan.admitted_on

    # --- Writing -------------------------------------------------------------------------------------------

    def later(self, days: int) -> "Story":
        """Up to so many days later, at least one."""
        self.day = min(self.today, self.day + timedelta(days=int(self.draw.integers(1, max(2, days)))))
        return self

    def act(self, role: str, aggregate: str, key: str, command: str, **payload: object) -> None:
        self.acts.append(Act(role, aggregate, key, command, payload, self.day, self.waits))
        self.waits = ()

    def on_loan(self, role: str, command: str, **payload: object) -> None:
        self.act(role, "RiskAsset", self.loan.loan_no, command, **payload)

    def wait(self, aggregate: str, key: str, kind: str) -> None:
        """The next act comes after this event."""
        self.waits = (*self.waits, Fact(aggregate, key, kind))

    # --- What many paths share -----------------------------------------------------------------------------

    def approved(
        self, aggregate: str, key: str, maker: str = "AM", decider: str = "HA", noun: str = "", **draft: object
    ) -> None:
        """Drafted, submitted, and approved by somebody else; now and then returned and amended first."""
        self.act(maker, aggregate, key, f"{noun}Drafted" if noun else "Draft", **draft)
        self.later(5)
        self.submitted(aggregate, key, maker, decider, noun)

    def submitted(self, aggregate: str, key: str, maker: str = "AM", decider: str = "HA", noun: str = "") -> None:
        self.act(maker, aggregate, key, f"{noun}Submitted" if noun else "Submit")
        self.later(6)
        self.act(decider, aggregate, key, f"{noun}Approved" if noun else "Approve", approval_no=f"A-{key}")
        self.later(6)

    def posted(self, aggregate: str, key: str, event: str) -> None:
        """Instructed by one, confirmed by another, posted by core."""
        self.act("FN", aggregate, key, "RequestPosting")
        self.act("FC", aggregate, key, "ConfirmInstruction")
        self.wait(aggregate, key, event)

    def taken_back(self, aggregate: str, key: str, event: str) -> None:
        """A posting is reversed, again by two people."""
        self.act("FN", aggregate, key, "RequestReversal", kind="ECONOMIC")
        self.act("FC", aggregate, key, "ConfirmInstruction")
        self.wait(aggregate, key, event)

    def chance(self, per_cent: int) -> bool:
        return bool(self.draw.integers(100) < per_cent)

    def one_of(self, *choices: str) -> str:
        return choices[int(self.draw.integers(len(choices)))]

    def part(self, minor: int, low: int, high: int) -> int:
        """Between `low` and `high` per cent of an amount, at least one minor unit; whole units above a thousand."""
        share = max(1, minor * int(self.draw.integers(low, high + 1)) // 100)
        return share // 100 * 100 if share > 100_000 else share


Path = Callable[[Story], None]


def text(minor: int) -> str:
    return to_text(minor, CCY)


def alloc(minor_by_bucket: Mapping[str, int], buckets: Sequence[str] = BUCKETS) -> dict[str, str]:
    return {bucket: text(minor_by_bucket[bucket]) for bucket in buckets if minor_by_bucket.get(bucket)}
