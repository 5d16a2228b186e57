"""Which steps of the tables are somebody's duty, as data: a to-do stands while a case is where it may be taken.

A step that is a right and no duty (discard, withdraw, fail, terminate) makes no to-do, and neither does what the
system, core banking or a court does. `not_by` names the parts whose players may not take the step
(segregation of duties, 2.2); tests hold it against the refusals of the aggregates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from projections.work.cases import CaseRow

#: Roles that are no people: what waits for them is nobody's to-do.
MACHINES = frozenset(("SY", "CB", "EX", "WF"))

DECIDE, RETURNED, DRAFTED, REVIEW, REFER, POST, CONFIRM = (
    "DECIDE",
    "RETURNED",
    "FINISH_DRAFT",
    "REVIEW",
    "REFER_TO_COMMITTEE",
    "REQUEST_POSTING",
    "CONFIRM_INSTRUCTION",
)
FAILED, UNKNOWN, NEXT_STEP = "POSTING_FAILED", "POSTING_UNKNOWN", "NEXT_STEP"


def _always(_case: CaseRow) -> bool:
    return True


def _nobody(_case: CaseRow) -> str | None:
    return None


def _maker(case: CaseRow) -> str | None:
    return next(iter(case.people.get("maker", ())), None)


def _is_unchecked(case: CaseRow) -> bool:
    part = "reversal" if case.stage == "REVERSING" else "posting"
    return part not in case.named.get("checked", {})


def _is_sale(case: CaseRow) -> bool:
    return case.facts.get("kind") == "SALE"


def _is_ready(case: CaseRow) -> bool:
    """A posting is asked for when what it posts is there: the repayments, the price."""
    if case.aggregate == "DebtReduction":
        return case.sums.get("paid", 0) >= case.minor(case.facts.get("repay_amount", "0"))
    if case.aggregate in ("DebtTransfer", "AssetPackage"):
        return case.sums.get("price", 0) >= case.minor(case.facts.get("price", "0"))
    return case.aggregate != "FaDisposal" or case.stage == "SOLD" or not _is_sale(case)


def _has_not(event: str) -> Callable[[CaseRow], bool]:
    return lambda case: event not in case.days


def _has(event: str) -> Callable[[CaseRow], bool]:
    return lambda case: event in case.days


@dataclass(frozen=True, slots=True)
class Duty:
    """`aggregate`: "" any. `stages`: narrows those of the tables. `when`: of the case beyond its stage. `assignee`:
    whose it is in the first place; anybody else in the role may take it too. `due`: the fact that says until when."""

    kind: str
    commands: tuple[str, ...]
    aggregate: str = ""
    stages: tuple[str, ...] = ()
    when: Callable[[CaseRow], bool] = _always
    assignee: Callable[[CaseRow], str | None] = _nobody
    not_by: tuple[str, ...] = ()
    due: str = ""


_READY = ("APPROVED", "PERFORMING", "SOLD", "EFFECTIVE", "AWARDED")

DUTIES: tuple[Duty, ...] = (
    Duty(DECIDE, ("Approve", "Return", "Reject"), not_by=("maker",), due="valid_until"),
    Duty(RETURNED, ("Amend",), stages=("RETURNED",), assignee=_maker),
    Duty(DRAFTED, ("Submit",), assignee=_maker),
    Duty(REVIEW, ("ReviewCompliance",), not_by=("maker",)),
    Duty(REVIEW, ("Review",), "Inspection", not_by=("maker",)),
    Duty(REVIEW, ("Review",), "LiabilityDetermination", not_by=("maker",)),
    Duty(REFER, ("Refer",), when=_has_not("CommitteeOutcomeRecorded")),
    Duty("ISSUE_REPLY", ("IssueReply",), when=_has_not("ApprovalIssued")),
    Duty(POST, ("RequestPosting",), stages=_READY, when=_is_ready, not_by=("maker",), due="valid_until"),
    Duty(FAILED, ("Retry",), stages=("POSTING_FAILED",), not_by=("maker",)),
    Duty(CONFIRM, ("ConfirmInstruction",), when=_is_unchecked, not_by=("maker", "posting maker")),
    Duty(CONFIRM, ("Confirm",), "AccountingInstruction", not_by=("posting maker",)),
    Duty(UNKNOWN, ("CancelPosting",), stages=("POSTING_UNKNOWN",)),
    Duty("REVERSE_WAIVER", ("RequestReversal",), "DebtReduction",
         when=lambda case: bool(case.sums.get("owes_reversal"))),
    Duty("TAG_FLOW", ("Tag",), "RecoveryFlow"),
    Duty("CONFIRM_TAG", ("ConfirmTag",), "RecoveryFlow", not_by=("tagger",)),
    Duty("INSPECT", ("Record",), "Inspection", due="due_on"),
    Duty("REGISTER_RESULT", ("Register",), "LiabilityDetermination"),
    Duty("DISTRIBUTE", ("Distribute",), "ForeclosedAsset", ("BOOKED",), _has_not("AssetDistributed")),
    Duty("ACCEPT_CUSTODY", ("Accept",), "ForeclosedAsset", ("BOOKED",), _has("AssetDistributed"),
         lambda case: case.facts.get("manager"), ("distributor",)),
    Duty(NEXT_STEP, ("Engage",)),
    Duty(NEXT_STEP, ("Docket",), "LitigationCase"),
    Duty(NEXT_STEP, ("Appeal", "BecomeEffective"), "LitigationCase", due="appeal_by"),
    Duty(NEXT_STEP, ("ApplyEnforcement",), "LitigationCase", due="apply_enforcement_by"),
    Duty(NEXT_STEP, ("ConfirmBuyer",), "DebtTransfer"),
    Duty(NEXT_STEP, ("Award",), "FaDisposal", when=_is_sale),
    Duty(NEXT_STEP, ("RegisterResult",), "DebtTransfer"),
    Duty(NEXT_STEP, ("NotifyDebtor",), "DebtTransfer", when=_has_not("DebtorNotified")),
    Duty(NEXT_STEP, ("RecordInstrument",), "Foreclosure"),
    Duty(NEXT_STEP, ("FreezePool", "LaunchPool"), "AssetPool"),
    Duty(NEXT_STEP, ("Invite", "RecordContract", "Deliver"), "AssetPackage"),
    Duty("PASS_OBSERVATION", ("PassObservation", "FailObservation"), "Restructuring", due="observe_until"),
    Duty(NEXT_STEP, ("Complete",), "WriteOffBatch"),
    Duty("CONVENE", ("Open",), "CommitteeMeeting"),
    Duty("CLOSE_MEETING", ("CloseItem", "SignMinutes", "Close"), "CommitteeMeeting", ("OPEN",)),
    Duty(DECIDE, ("Approve", "Reject"), "ContingencyPlan", not_by=("maker",)),
    Duty(DECIDE, ("Activate",), "ContingencyPlan", not_by=("maker",)),
    Duty(NEXT_STEP, ("TakeAction", "BeginRecovery"), "ContingencyPlan"),
    Duty(NEXT_STEP, ("Close",), "ContingencyPlan", not_by=("maker",)),
    Duty(DECIDE, ("Approve",), "Parameter", not_by=("maker",)),
    Duty(DECIDE, ("Publish",), "StressScenario", not_by=("maker",)),
    Duty("EXPLAIN_BREACH", ("Explain",), "LimitBreach", ("OPEN",), _has_not("BreachExplained"), due="deadline"),
    Duty(DECIDE, ("Waive",), "LimitBreach", ("OPEN",), _has("BreachExplained"), not_by=("maker",), due="deadline"),
    Duty(DECIDE, ("Close",), "LimitBreach", ("RESTORED",), _has("BreachExplained"), not_by=("maker",)),
)  # fmt: skip


def duties_of(commands: Mapping[str, object], aggregate: str) -> tuple[Duty, ...]:
    """The duties that an aggregate of these commands may bring; one that names it replaces the general one."""
    own = [duty for duty in DUTIES if duty.aggregate == aggregate]
    taken = {command for duty in own for command in duty.commands}
    general = [duty for duty in DUTIES if not duty.aggregate and not taken & set(duty.commands)]
    return tuple(duty for duty in (*own, *general) if set(duty.commands) & commands.keys())
