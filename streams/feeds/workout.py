"""The simulated bank's loans at risk: who asks for what, when, so that a decision's history has a life to tell.

Each loan that is not NORMAL is admitted as a risk asset; the day before its contract ends, people in their roles
settle it: a special mention is paid back in cash, anything worse is written off, and some of that money comes in
on the next day. Everything follows from seed, day and serial, as in `contracts.py`. Not for judging: the rules are
`aggregates`'; nor for core banking's answers, which `streams.core_simulator` gives.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np

from engines.primitives.money import to_minor, to_text
from streams import topics
from streams.feeds.event import Event
from streams.feeds.sheet import MINUTE_US, CommandStep
from streams.schemas import Contract, WorkflowCommand

#: Who acts in each role. Segregation of duties wants different people, so each has a token of one role only.
PEOPLE: Mapping[str, str] = MappingProxyType(
    {
        "EX": "simulated-loan-register",
        "RM": "simulated-risk-manager",
        "AM": "simulated-asset-manager",
        "LG": "simulated-legal-officer",
        "HA": "simulated-approver",
        "FN": "simulated-finance-maker",
        "FC": "simulated-finance-checker",
        "SY": "simulated-cash-desk",
    }
)
TokenOf = Callable[[str], str]  # the signed token of whoever has this role

_REGISTER_US = (19 * 60 + 30) * MINUTE_US  # when all of a day's contracts are told
_MORNING_US = 9 * 60 * MINUTE_US


class Workout:
    """The commands of one bank, day by day; of an amount of work that follows that of the contracts.

    Args:
        contract_of: the contract of a serial, as it was opened.
        book: how many contracts there were before day 0; `opened`, `closed`: how many a day, the oldest first.
    """

    def __init__(
        self, seed: int, contract_of: Callable[[int], Contract], book: int, opened: int, closed: int
    ) -> None:
        self._seed, self._contract_of = seed, contract_of
        self._book, self._opened, self._closed = book, opened, closed

    def before(self, day: date) -> list[CommandStep]:
        """The stock of day 0's morning; without the loans that end on that day."""
        return [self._admission(loan, day, 0) for loan in self._at_risk(range(self._closed, self._book))]

    def of_day(self, number: int, day: date) -> list[CommandStep]:
        """The commands of day `number`, those on one loan in their order."""
        steps: list[CommandStep] = []
        if number > 0:
            for serial in self._ending(number - 1):
                steps += self._recovered(serial, day)
        for serial in self._ending(number):
            steps += self._settled(serial, day)
        first_new = self._book + number * self._opened
        new = self._at_risk(range(first_new, first_new + self._opened))
        return [*steps, *(self._admission(loan, day, _REGISTER_US + i) for i, loan in enumerate(new))]

    def _ending(self, number: int) -> Iterator[int]:
        """Serials that end the day after day `number`, as far as they were admitted before it."""
        admitted = self._book + number * self._opened
        return iter(range((number + 1) * self._closed, min((number + 2) * self._closed, admitted)))

    def _at_risk(self, serials: range) -> list[Contract]:
        return [loan for loan in map(self._contract_of, serials) if is_at_risk(loan)]

    def _admission(self, loan: Contract, day: date, at: int) -> CommandStep:
        interest = to_text(interest_minor(loan), loan.ccy)
        payload: dict[str, object] = {
            "loan_no": loan.contract_id,
            "entity_id": loan.entity_id,
            "ccy": loan.ccy,
            "customer_no": loan.customer_id,
            "branch": loan.org_id,
            "product": loan.product_id.replace("-", "_"),
            "segment": loan.cpty_type,
            "principal": loan.principal,
            "interest_on" if loan.loan_class == "SPECIAL_MENTION" else "interest_off": interest,
            "classification": loan.loan_class,
            "overdue_since": (day - timedelta(days=loan.overdue_days)).isoformat(),
            "maturity": loan.maturity_date,
        }
        return CommandStep(at, "EX", "RiskAsset", loan.contract_id, "Admit", payload)

    def _settled(self, serial: int, day: date) -> list[CommandStep]:
        loan = self._contract_of(serial)
        if not is_at_risk(loan):
            return []
        loan_no, case_no = loan.contract_id, f"S{self._seed}-W{serial:07d}"
        told: list[tuple[str, str, str, str, dict[str, object]]]
        if loan.loan_class == "SPECIAL_MENTION":
            claim = to_text(to_minor(loan.principal, loan.ccy) + interest_minor(loan), loan.ccy)
            cash: dict[str, object] = {"flow_id": f"{loan_no}-CASH", "mode": "CASH_VOLUNTARY", "amount": claim}
            # Closing what is paid is a process manager's: a second one to ask for it would come first or be refused.
            told = [("SY", "RiskAsset", loan_no, "ApplyRecovery", cash)]
        else:
            checklist = {"claim_pursued": True, "nothing_left_to_seize": True}
            told = [
                ("RM", "RiskAsset", loan_no, "Reclassify", {"to_class": "LOSS", "basis": "NOTHING_TO_EXPECT"}),
                ("AM", "WriteOff", case_no, "Draft", {"asset_no": loan_no, "ground": "COURT_ENDED"}),
                ("LG", "WriteOff", case_no, "ReviewCompliance", {"outcome": "PASS", "checklist": checklist}),
                ("AM", "WriteOff", case_no, "Submit", {}),
                ("HA", "WriteOff", case_no, "Approve", {"approval_no": f"{day:%Y}-{serial:07d}"}),
                ("FN", "WriteOff", case_no, "RequestPosting", {}),
                ("FC", "WriteOff", case_no, "ConfirmInstruction", {}),
            ]
        return [CommandStep(at, *step) for at, step in zip(self._instants(serial), told, strict=False)]

    def _recovered(self, serial: int, day: date) -> list[CommandStep]:
        """10 to 40 per cent of the principal, the day after it was written off."""
        loan = self._contract_of(serial)
        if not is_at_risk(loan) or loan.loan_class == "SPECIAL_MENTION":
            return []
        principal = to_minor(loan.principal, loan.ccy)
        per_cent = 10 + serial % 31
        amount = to_text(max(principal * per_cent // 100, 1), loan.ccy)
        payload: dict[str, object] = {"flow_id": f"{loan.contract_id}-AFTER", "amount": amount}
        at = next(self._instants(serial))
        return [CommandStep(at, "SY", "RiskAsset", loan.contract_id, "RecoverWrittenOff", payload)]

    def _instants(self, serial: int) -> Iterator[int]:
        """Instants from 9 h on, without end, 10 to 50 minutes apart: a decision takes its time."""
        rng = np.random.default_rng([self._seed, 0xAC, serial])
        at = _MORNING_US
        while True:
            at += int(rng.integers(10 * MINUTE_US, 50 * MINUTE_US))
            yield at


def is_at_risk(record: Contract) -> bool:
    return record.loan_class not in ("-", "NORMAL")


def interest_minor(loan: Contract) -> int:
    """Simple interest since the loan is overdue, ACT/360, rounded down; exact integers."""
    whole, _, fraction = loan.rate.partition(".")
    rate_bp = int(whole + fraction)  # four decimals, as `contract` writes them
    return to_minor(loan.principal, loan.ccy) * rate_bp * loan.overdue_days // (10_000 * 360)


def command_event(seed: int, step: CommandStep, day: date, token: str) -> Event:
    """The record of a step. Its `cmd_id` is the step's own, so that a repetition is executed once."""
    name = f"/tm/feed/simulated/{seed}/{step.command}/{step.key}"
    record = WorkflowCommand(
        cmd_id=str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        aggregate=step.aggregate,
        key=step.key,
        command=step.command,
        payload=dict(step.payload),
        token=token,
        valid_on=day.isoformat(),
        reason="simulated bank",
    )
    return Event(topics.COMMAND, f"{step.aggregate}/{step.key}".encode(), record)
