"""Pattern PP: posting through core banking (spec/risk-assets.md 3.1; decisions E12, E13, E14).

One instruction per content: its id is the idempotency key in core, the same for each attempt. Nothing is sent, and
nothing is marked posted, before a second person of finance confirmed it, except in scenarios (E18).
`posting` gives the rows of a noun; what a posting does to the claim is the noun's own `posted`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.approval import release_hold
from aggregates.steps.case import kebab
from aggregates.steps.rows import Clause, Facts, Row, clause, in_stage, row
from aggregates.steps.step import Step

POSTING_MAKER, POSTING_CHECKER = "posting maker", "posting checker"
INSTRUCTION = "instruction_id:I, attempt:N, amount:M, alloc:A?, value_date:D"
REVERSAL_KINDS = ("CORRECTION", "ECONOMIC")
RECONCILIATION_BREAK = "RECONCILIATION_BREAK"  # tag of an asset whose balances differ from core's (PM10)


@dataclass(frozen=True, slots=True)
class Posting:
    """What distinguishes one noun's posting.

    `content`: amount and allocation that core is asked to post, as they stand now. `limit`: the approved amount.
    `posted`: partner events of the acceptance, `reversed`: of an accepted reversal. `own`: clauses of the aggregate's
    own PP row (group `PP`), judged when a posting is requested.
    """

    noun: str
    content: Callable[[Step], Facts]
    posted: Callable[[Step], None]
    reverse: Callable[[Step], None] | None = None
    reversal_content: Callable[[Step], Facts] | None = None
    limit: Callable[[Step], int | None] = lambda step: step.case.facts.get("amount")
    limit_guard: str = "RequestPosting.3"
    hold: str = ""
    kind: str = ""  # of 9.2, where it is not the noun itself
    ready: str = "APPROVED"
    state_guard: str = "RequestPosting.1"  # where the aggregate's own PP row names the state
    own: tuple[Clause, ...] = ()
    posted_fields: str = ""
    requested_fields: str = ""
    reversed_fields: str = ""
    posted_stage: Any = "POSTED"
    reversed_stage: Any = "REVERSED"
    posted_from: str = ""
    value_date: Callable[[Step], date] | None = None
    check_before_sending: Callable[[Step], None] | None = None
    posted_defaults: Callable[[Step], Facts] | None = None
    reversal_own: tuple[Clause, ...] = ()
    reverses_from: str = "POSTED"  # stages in which a reversal may be asked for
    after_reversal: Callable[[Step], None] | None = None


def posting(of: Posting) -> tuple[Row, ...]:
    """The rows of pattern PP for one noun, in the order of the specification's table."""
    noun = of.noun
    ready = f"{of.ready} POSTING_FAILED"
    segregated = clause("SD5", "posting maker, posting checker and case maker are three people", _is_third_person)
    requested = row(
        "RequestPosting",
        f"{noun}PostingRequested",
        "FN",
        INSTRUCTION + (f", {of.requested_fields}" if of.requested_fields else ""),
        stages=ready,
        next="POSTING",
        clauses=(
            segregated,
            in_stage(of.state_guard),
            clause("RequestPosting.1", "the approval has not lapsed", _has_not_lapsed),
            *of.own,
            clause(of.limit_guard, "`amount <= approved amount`", lambda step: _is_within(of, step)),
            clause("RequestPosting.4", "`sum(alloc) == amount`"),
            clause("RequestPosting.5", "hold placed for this case", lambda step: _is_held(of, step)),
            clause("STATE", "no difference to core's balances on the asset (PM10)", _is_reconciled),
        ),
        default=lambda step: (
            {"value_date": step.day} if of.value_date is None else {"value_date": of.value_date(step)}
        ),
        derive=lambda step: _instruction(of, step),
        effect=_requested,
        remember=POSTING_MAKER,
    )
    rows = (
        requested,
        requested.but(
            command="Retry",
            stages=("POSTING_FAILED",),
            clauses=(segregated, in_stage("Retry.1"), *requested.clauses[2:]),
        ),
        row(
            "ConfirmInstruction",
            "InstructionConfirmed",
            "FC",
            "instruction_id:I, attempt:N, kind:E, case_no:I, asset_no:I, amount:M, alloc:A?, value_date:D?, "
            "checker:I, reverses:I?",
            stages="POSTING REVERSING" if of.reverse is not None else "POSTING",
            clauses=(
                clause("SD5", "posting maker, posting checker and case maker are three people", _is_checker),
                clause("STATE", "not confirmed yet", lambda step: not _asked(step)["checker"]),
            ),
            derive=lambda step: _sent(of, step),
            effect=_confirmed,
            yields=True,  # its kind is that of the posting
            then=lambda step: _checked(of, step),
            remember=POSTING_CHECKER,
        ),
        row(
            "MarkPosted",
            f"{noun}Posted",
            "CB",
            "instruction_id:I?, core_txn_no:I, value_date:D?" + (f", {of.posted_fields}" if of.posted_fields else ""),
            extra="amount:M?, alloc:A?",
            stages="POSTING POSTING_UNKNOWN",
            next=of.posted_stage,
            repeats=_is_known_posting,
            clauses=(
                clause("STATE", "the instruction was confirmed", _is_confirmed),
                clause("MarkPosted.1", "reply matches instruction, amount and alloc", _matches),
            ),
            default=lambda step: {
                "instruction_id": _current(step)["id"],
                "value_date": _current(step)["value_date"],
                **(of.posted_defaults(step) if of.posted_defaults else {}),
            },
            counts_on=lambda step: step.get("value_date"),
            effect=_settled,
            then=lambda step: _posted(of, step),
        ),
        row(
            "MarkRejected",
            f"{noun}PostingRejected",
            "CB",
            "instruction_id:I?, attempt:N, error_code:E, error_text:S",
            stages="POSTING POSTING_UNKNOWN",
            next="POSTING_FAILED",
            clauses=(
                clause("STATE", "the instruction was confirmed", _is_confirmed),
                in_stage("MarkRejected.1"),
                clause("MarkRejected.1", "an answer to this instruction", _is_current),
                clause("STATE", "an answer to the newest attempt", _is_newest_attempt),
            ),
            default=lambda step: {
                "error_text": "-",
                "instruction_id": _current(step)["id"],
                "attempt": _current(step)["attempt"],
            },
        ),
        row(
            "MarkTimedOut",
            f"{noun}PostingTimedOut",
            "SY",
            "attempt:N",
            stages="POSTING",
            next="POSTING_UNKNOWN",
            clauses=(clause("MarkTimedOut.1", "no reply in `core_timeout`"),),
            derive=lambda step: {"attempt": _current(step)["attempt"]},
        ),
        row(
            "CancelPosting",
            f"{noun}PostingCancelled",
            "FC",
            stages="POSTING POSTING_FAILED POSTING_UNKNOWN",
            next=lambda case, facts: case.ready_stage,
            clauses=(clause("CancelPosting.1", 'core query answers "not found" or "rejected"'),),
        ),
    )
    return rows + (_reversal(of) if of.reverse is not None else ())


def _reversal(of: Posting) -> tuple[Row, ...]:
    noun = of.noun
    content = of.reversal_content or (lambda step: {})
    return (
        row(
            "RequestReversal",
            f"{noun}ReversalRequested",
            "FN",
            "instruction_id:I, amount:M?, alloc:A?, kind:E, approved_by:I?",
            stages=of.reverses_from,
            next="REVERSING",
            clauses=(
                clause("SD10", "approved by someone other than the approver of the original", _is_other_approver),
                in_stage("RequestReversal.1"),
                clause("RequestReversal.2", "AP under SD10"),
                clause("RequestReversal.3", "not already reversed"),
                *of.reversal_own,
            ),
            default=lambda step: {"instruction_id": f"{step.key}.R{step.case.instructions + 1}", **content(step)},
            derive=_reversal_kind,
            effect=_reversal_requested,
            yields=True,
            remember=POSTING_MAKER,
        ),
        row(
            "MarkReversed",
            f"{noun}Reversed",
            "CB",
            "core_txn_no:I, kind:E, amount:M?, alloc:A?" + (f", {of.reversed_fields}" if of.reversed_fields else ""),
            stages="REVERSING REVERSAL_UNKNOWN",
            next=of.reversed_stage,
            clauses=(clause("MarkReversed.1", "reversal accepted"),),
            default=lambda step: {
                name: step.case.reversal.get(name)
                for name in ("kind", "amount", "alloc")
                if step.case.reversal.get(name)
            },
            counts_on=_reversal_day,
            yields=True,
            then=lambda step: _reversed(of, step),
        ),
        row(
            "MarkReversalRejected",
            f"{noun}ReversalRejected",
            "CB",
            "error_code:E, error_text:S",
            stages="REVERSING REVERSAL_UNKNOWN",
            next=lambda case, facts: case.stage_before_reversal,
            default=lambda step: {"error_text": "-"},
        ),
        row(
            "MarkReversalTimedOut",
            f"{noun}ReversalTimedOut",
            "SY",
            stages="REVERSING",
            next="REVERSAL_UNKNOWN",
        ),
    )


# --- What a posting remembers: kept by `PostedCase` ----------------------------------------------------------------


class PostedCase:
    """Mix-in of cases that post: the instruction, the stage it came from, the reversal asked for."""

    def start(self) -> None:
        self.instruction: dict[str, Any] = {}
        self.instructions = 0
        self.ready_stage = ""
        self.core_txn_no = ""
        self.posted_on: Any = None
        self.reversal: dict[str, Any] = {}
        self.stage_before_reversal = ""

    def extra(self) -> dict[str, Any]:
        """The instruction as it stands, and core's number of the posting."""
        asked = self.instruction
        shown = {name: value for name, value in asked.items() if name not in ("id", "amount", "alloc")}
        found: dict[str, Any] = {"instruction": None, "core_txn_no": self.core_txn_no or None}
        if asked:
            money = {"amount_minor": asked["amount"], "alloc_minor": asked["alloc"]}
            found["instruction"] = {"instruction_id": asked["id"]} | shown | money
        return found


def _requested(case: Any, facts: Facts, who: Any) -> None:
    if case.stage != "POSTING_FAILED":
        case.ready_stage = case.stage
    if facts["instruction_id"] != case.instruction.get("id"):
        case.instructions += 1
    case.instruction = {
        "id": facts["instruction_id"],
        "attempt": facts["attempt"],
        "amount": facts["amount"],
        "alloc": dict(facts.get("alloc") or {}),
        "value_date": facts["value_date"],
        "maker": who.actor,
        "checker": "",
    }


def _confirmed(case: Any, facts: Facts, who: Any) -> None:
    if case.stage == "REVERSING":
        case.reversal = case.reversal | {"checker": who.actor}
    else:
        case.instruction = case.instruction | {"checker": who.actor}


def _settled(case: Any, facts: Facts, who: Any) -> None:
    case.core_txn_no, case.posted_on = facts["core_txn_no"], who.valid_on


def _reversal_requested(case: Any, facts: Facts, who: Any) -> None:
    case.stage_before_reversal = case.stage
    case.instructions += 1
    case.reversal = dict(facts) | {"maker": who.actor, "checker": ""}


def _current(step: Step) -> dict[str, Any]:
    instruction: dict[str, Any] = step.case.instruction
    return instruction or {"id": None, "attempt": 0, "value_date": None, "amount": None, "alloc": {}, "checker": ""}


def _instruction(of: Posting, step: Step) -> Facts:
    """An unchanged content keeps the instruction's id, so that core cannot post it twice."""
    content = dict(of.content(step))
    case, given = step.case, step.get("instruction_id")
    same = case.instruction and (case.instruction["amount"], case.instruction["alloc"]) == (
        content.get("amount"),
        content.get("alloc") or {},
    )
    if same:
        return content | {"instruction_id": case.instruction["id"], "attempt": case.instruction["attempt"] + 1}
    taken = case.instruction and given == case.instruction["id"]
    unless_field(not taken, "instruction_id", "a changed content needs a new one")
    if given is not None:
        owner = step.work.case_of_instruction(given)
        own = owner is None or owner[:2] == (step.kind.NAME, step.key)
        unless_field(own, "instruction_id", "is taken by another case")
    return content | {"instruction_id": given or f"{step.key}.{case.instructions + 1}", "attempt": 1}


def _asked(step: Step) -> dict[str, Any]:
    """What waits for core: the reversal while one runs, else the instruction."""
    return dict(step.case.reversal) if step.case.stage == "REVERSING" else _current(step)


def _sent(of: Posting, step: Step) -> Facts:
    """All that core banking is told: the publisher sends this event as it is."""
    case = step.case
    kind = of.kind or kebab(of.noun).replace("-", "_").upper()
    sent: dict[str, Any] = {"case_no": case.key, "asset_no": (case.asset_ids or ["-"])[0], "checker": step.actor}
    if case.stage == "REVERSING":
        asked = case.reversal
        return sent | {
            "kind": f"{kind}_REVERSAL",
            "instruction_id": asked["instruction_id"],
            "attempt": 1,
            "amount": asked.get("amount", 0),
            "alloc": asked.get("alloc") or None,
            "reverses": case.core_txn_no,
        }
    asked = case.instruction
    same = {name: asked[name] for name in ("attempt", "amount", "value_date")}
    # Not every posting touches the claim: the sale of a foreclosed asset, or new terms, have no parts of it.
    same["alloc"] = asked["alloc"] or None
    return sent | same | {"kind": kind, "instruction_id": asked["id"]}


def _checked(of: Posting, step: Step) -> None:
    """What must still be true when core is asked to post; a reversal asks for nothing of it."""
    if of.check_before_sending is not None and step.case.stage == "POSTING":
        of.check_before_sending(step)


def _is_known_posting(step: Step) -> bool:
    """Core's answer repeated under another command id: the same fact (PM7)."""
    case, given = step.case, step.get("instruction_id")
    known = bool(case.core_txn_no) and case.core_txn_no == step.get("core_txn_no")
    return known and given in (None, case.instruction.get("id"))


def _is_third_person(step: Step) -> bool:
    return not step.case.has_played(step.actor, "maker")


def _is_checker(step: Step) -> bool:
    return not step.case.has_played(step.actor, "maker", POSTING_MAKER)


def _has_not_lapsed(step: Step) -> bool:
    until = step.case.facts.get("valid_until")
    return until is None or step.day <= until


def _is_within(of: Posting, step: Step) -> bool:
    limit = of.limit(step)
    return limit is None or step["amount"] <= limit


def _is_held(of: Posting, step: Step) -> bool:
    return not of.hold or all(asset.is_held_by(of.hold, step.key) for asset in step.assets)


def _is_reconciled(step: Step) -> bool:
    assets = (step.find("RiskAsset", loan_no) for loan_no in step.asset_ids)
    return all(asset is None or RECONCILIATION_BREAK not in asset.tags for asset in assets)


def _is_newest_attempt(step: Step) -> bool:
    return bool(step["attempt"] == _current(step)["attempt"])


def _is_confirmed(step: Step) -> bool:
    return not step.policy.confirm_postings or bool(_current(step)["checker"])


def _is_current(step: Step) -> bool:
    return step.get("instruction_id") in (None, _current(step)["id"])


def _matches(step: Step) -> bool:
    instruction = _current(step)
    same_amount = step.get("amount") in (None, instruction["amount"])
    return _is_current(step) and same_amount and step.get("alloc") in (None, instruction["alloc"])


def _posted(of: Posting, step: Step) -> None:
    of.posted(step)
    if of.hold and step.policy.release_hold_on_posted:
        release_hold(step, of.hold, "POSTED")


def _reversed(of: Posting, step: Step) -> None:
    if of.reverse is not None:
        of.reverse(step)


def _reversal_kind(step: Step) -> Facts:
    unless_field(step.get("kind") in REVERSAL_KINDS, "kind", "unknown kind of reversal")
    return {}


def _is_other_approver(step: Step) -> bool:
    approved_by = step.get("approved_by")
    return approved_by is None or not step.case.has_played(approved_by, "approver")


def _reversal_day(step: Step) -> Any:
    return step.case.posted_on if step.get("kind") == "CORRECTION" else None
