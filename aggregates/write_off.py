"""WriteOff: the case that decides on and posts one write-off (spec/risk-assets.md 3.1 AP and PP, 3.13).

It holds papers, approvals and the instruction to core banking; the claim itself changes only in `RiskAsset`,
in the save in which core's acceptance is recorded. Segregation of duties is judged here, from the people that
the case remembers. Not here yet: committee, withdrawal, lapse, cancellation and reversal of the posting,
printing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import Aggregate, event

from aggregates.claim import Alloc
from aggregates.envelope import Envelope
from aggregates.refusals import unless, unless_field, unless_segregated, unless_state
from engines.primitives.errors import Rejected

#: Stages in which a command may be given; a command outside its stages is refused.
STAGES: Mapping[str, tuple[str, ...]] = {
    "Amend": ("DRAFT", "RETURNED"),
    "Discard": ("DRAFT", "RETURNED"),
    "ReviewCompliance": ("DRAFT",),
    "Submit": ("REVIEWED",),
    "Approve": ("SUBMITTED",),
    "Reject": ("SUBMITTED",),
    "Return": ("SUBMITTED",),
    "RequestPosting": ("APPROVED", "POSTING_FAILED"),
    "Retry": ("POSTING_FAILED",),
    "ConfirmInstruction": ("POSTING",),
    "MarkPosted": ("POSTING",),
    "MarkRejected": ("POSTING",),
}
END_STAGES = ("DISCARDED", "REJECTED", "POSTED")
REVIEW_OUTCOMES = ("PASS", "FAIL")
HOLD_CONFLICT = "HOLD_CONFLICT"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What core banking is asked to post; its id is the idempotency key there, the same for each attempt."""

    instruction_id: str
    attempt: int
    amount_minor: int
    alloc_minor: Alloc
    value_date: date
    maker: str
    checker: str = ""


class WriteOff(Aggregate):
    """Drafted, reviewed, submitted, approved by another person, posted through core banking."""

    TOPIC = "write-off"

    class Created(Aggregate.Created):
        TOPIC = "write-off.created"  # inherited and unused, yet the library wants it named

    @staticmethod
    def create_id(write_off_no: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/tm/WriteOff/{write_off_no}")

    # --- Draft, review, submission -------------------------------------------------------------------------

    @classmethod
    def draft(
        cls,
        who: Envelope,
        at: datetime,
        *,
        write_off_no: str,
        asset_no: str,
        ccy: str,
        write_off_kind: str,
        ground: str,
        book_amount_minor: int,
        memo_interest_minor: int,
        claim_snapshot_minor: Alloc,
    ) -> Self:
        """Open a case. That no hold and no other case is on the asset is checked by the application."""
        return cls(
            who=who,
            write_off_no=write_off_no,
            asset_no=asset_no,
            asset_ids=[asset_no],
            entity_id=who.entity,
            ccy=ccy,
            write_off_kind=write_off_kind,
            ground=ground,
            book_amount_minor=book_amount_minor,
            memo_interest_minor=memo_interest_minor,
            claim_snapshot_minor=claim_snapshot_minor,
            timestamp=at,
        )

    @event("WriteOffDrafted", topic="write-off.write-off-drafted")
    def __init__(
        self,
        *,
        who: Envelope,
        write_off_no: str,
        asset_no: str,
        asset_ids: list[str],
        entity_id: str,
        ccy: str,
        write_off_kind: str,
        ground: str,
        book_amount_minor: int,
        memo_interest_minor: int,
        claim_snapshot_minor: dict[str, int],
        timestamp: datetime,
    ) -> None:
        self.write_off_no, self.asset_no = write_off_no, asset_no
        self.entity_id, self.ccy = entity_id, ccy
        self.write_off_kind, self.ground = write_off_kind, ground
        self.book_amount_minor, self.memo_interest_minor = book_amount_minor, memo_interest_minor
        self.claim_snapshot_minor = claim_snapshot_minor
        self.stage = "DRAFT"
        self.makers, self.reviewers = [who.actor], list[str]()
        self.approver, self.approval_no = "", ""
        self.valid_until: date | None = None
        self.max_book_amount_minor = 0
        self.snapshot_hash = ""
        self.instruction: Instruction | None = None
        self.instructions = 0
        self.core_txn_no = ""

    def amend(
        self,
        who: Envelope,
        at: datetime,
        *,
        write_off_kind: str,
        ground: str,
        book_amount_minor: int,
        memo_interest_minor: int,
        claim_snapshot_minor: Alloc,
    ) -> None:
        """Change the draft and take a fresh snapshot of the claim; the review has to be done again."""
        self._unless_stage("Amend")
        self._amended(
            who=who,
            ccy=self.ccy,
            write_off_kind=write_off_kind,
            ground=ground,
            book_amount_minor=book_amount_minor,
            memo_interest_minor=memo_interest_minor,
            claim_snapshot_minor=claim_snapshot_minor,
            timestamp=at,
        )

    @event("WriteOffAmended", topic="write-off.write-off-amended")
    def _amended(
        self,
        *,
        who: Envelope,
        ccy: str,
        write_off_kind: str,
        ground: str,
        book_amount_minor: int,
        memo_interest_minor: int,
        claim_snapshot_minor: dict[str, int],
        timestamp: datetime,
    ) -> None:
        self.write_off_kind, self.ground = write_off_kind, ground
        self.book_amount_minor, self.memo_interest_minor = book_amount_minor, memo_interest_minor
        self.claim_snapshot_minor = claim_snapshot_minor
        self.stage = "DRAFT"
        self._remember(self.makers, who.actor)

    def discard(self, who: Envelope, at: datetime) -> None:
        self._unless_stage("Discard")
        self._discarded(who=who, timestamp=at)

    @event("WriteOffDiscarded", topic="write-off.write-off-discarded")
    def _discarded(self, *, who: Envelope, timestamp: datetime) -> None:
        self.stage = "DISCARDED"

    def review_compliance(
        self,
        who: Envelope,
        at: datetime,
        *,
        outcome: str,
        checklist: Mapping[str, bool],
        opinion: str,
        letter_doc: str,
    ) -> None:
        """PASS makes the case REVIEWED, FAIL returns it. The reviewer is not its maker (SD9)."""
        unless_field(outcome in REVIEW_OUTCOMES, "outcome", f"unknown outcome {outcome!r}")
        self._unless_stage("ReviewCompliance")
        unless_segregated(who.actor not in self.makers, "SD9", "the maker of a case does not review it")
        complete = outcome != "PASS" or all(checklist.values())
        unless(complete, "WriteOff.ReviewCompliance.2", "an item of the checklist is open")
        self._reviewed(
            who=who,
            outcome=outcome,
            checklist=dict(checklist),
            opinion=opinion,
            letter_doc=letter_doc,
            timestamp=at,
        )

    @event("ComplianceReviewed", topic="write-off.compliance-reviewed")
    def _reviewed(
        self,
        *,
        who: Envelope,
        outcome: str,
        checklist: dict[str, bool],
        opinion: str,
        letter_doc: str,
        timestamp: datetime,
    ) -> None:
        self.stage = "REVIEWED" if outcome == "PASS" else "RETURNED"
        self._remember(self.reviewers, who.actor)

    def submit(self, who: Envelope, at: datetime, *, wf_no: str, claim_snapshot_minor: Alloc) -> None:
        """Hand the case to those who decide. The claim must still be the one that was reviewed."""
        self._unless_stage("Submit", "WriteOff.Submit.1")
        # SD9 both ways: who submits is a maker, and a maker has not reviewed.
        unless_segregated(who.actor not in self.reviewers, "SD9", "who reviewed a case does not submit it")
        fresh = claim_snapshot_minor == self.claim_snapshot_minor
        unless(fresh, "WriteOff.Submit.3", "the claim has changed since the draft: amend it first")
        self._submitted(
            who=who,
            wf_no=wf_no,
            amount_minor=self.book_amount_minor,
            ccy=self.ccy,
            snapshot_hash=self.content_hash(),
            timestamp=at,
        )

    @event("WriteOffSubmitted", topic="write-off.write-off-submitted")
    def _submitted(
        self,
        *,
        who: Envelope,
        wf_no: str,
        amount_minor: int,
        ccy: str,
        snapshot_hash: str,
        timestamp: datetime,
    ) -> None:
        self.stage, self.snapshot_hash = "SUBMITTED", snapshot_hash
        self._remember(self.makers, who.actor)

    # --- Decision ------------------------------------------------------------------------------------------

    def check_decision(self, who: Envelope, command: str, *, decided_by: str, snapshot_hash: str | None) -> None:
        """Guards of every decision: stage, SD1, SD9, and that what is decided is what was submitted."""
        self._unless_stage(command)
        for person in (who.actor, decided_by):
            unless_segregated(person not in self.makers, "SD1", "the maker of a case does not decide it")
            unless_segregated(person not in self.reviewers, "SD9", "the compliance reviewer does not decide")
        same = snapshot_hash in (None, self.snapshot_hash)
        unless(same, "WriteOff.Decide.2", "the decision was taken on another content")

    def approve(
        self,
        who: Envelope,
        at: datetime,
        *,
        decided_by: str,
        snapshot_hash: str | None,
        approval_no: str,
        decided_on: date,
        level: str,
        conditions: str,
        valid_until: date | None,
        max_book_amount_minor: int | None,
    ) -> None:
        """Approve up to an amount of book claim, which is at most the submitted one and by default equal to
        it."""
        ceiling = self.book_amount_minor if max_book_amount_minor is None else max_book_amount_minor
        unless_field(0 <= ceiling <= self.book_amount_minor, "max_book_amount", "above the submitted amount")
        unless_field(decided_on <= who.valid_on, "decided_on", "after the day it counts from")
        unless_field(valid_until is None or valid_until >= decided_on, "valid_until", "before the decision")
        self.check_decision(who, "Approve", decided_by=decided_by, snapshot_hash=snapshot_hash)
        self._approved(
            who=who,
            decided_by=decided_by,
            approval_no=approval_no,
            decided_on=decided_on,
            level=level,
            conditions=conditions,
            valid_until=valid_until,
            max_book_amount_minor=ceiling,
            ccy=self.ccy,
            timestamp=at,
        )

    @event("WriteOffApproved", topic="write-off.write-off-approved")
    def _approved(
        self,
        *,
        who: Envelope,
        decided_by: str,
        approval_no: str,
        decided_on: date,
        level: str,
        conditions: str,
        valid_until: date | None,
        max_book_amount_minor: int,
        ccy: str,
        timestamp: datetime,
    ) -> None:
        self.stage, self.approver, self.approval_no = "APPROVED", decided_by, approval_no
        self.valid_until, self.max_book_amount_minor = valid_until, max_book_amount_minor

    def reject(
        self,
        who: Envelope,
        at: datetime,
        *,
        decided_by: str,
        snapshot_hash: str | None,
        comment: str,
    ) -> None:
        self.check_decision(who, "Reject", decided_by=decided_by, snapshot_hash=snapshot_hash)
        self._rejected(who=who, decided_by=decided_by, comment=comment, timestamp=at)

    @event("WriteOffRejected", topic="write-off.write-off-rejected")
    def _rejected(self, *, who: Envelope, decided_by: str, comment: str, timestamp: datetime) -> None:
        self.stage = "REJECTED"

    def send_back(
        self,
        who: Envelope,
        at: datetime,
        *,
        decided_by: str,
        snapshot_hash: str | None,
        comment: str,
    ) -> None:
        """The command Return; also what is stored instead of an approval when the hold is taken (E13)."""
        self.check_decision(who, "Return", decided_by=decided_by, snapshot_hash=snapshot_hash)
        self._returned(who=who, decided_by=decided_by, comment=comment, timestamp=at)

    @event("WriteOffReturned", topic="write-off.write-off-returned")
    def _returned(self, *, who: Envelope, decided_by: str, comment: str, timestamp: datetime) -> None:
        self.stage = "RETURNED"

    # --- Posting -------------------------------------------------------------------------------------------

    def request_posting(
        self,
        who: Envelope,
        at: datetime,
        *,
        command: str,
        book_alloc_minor: Alloc,
        is_held: bool,
        instruction_id: str | None,
        value_date: date,
    ) -> None:
        """Prepare an instruction, or its next attempt. `book_alloc_minor` are the asset's book buckets as
        they stand; an unchanged allocation keeps the instruction's id, so that core cannot post it twice."""
        amount_minor = sum(book_alloc_minor.values())
        earlier = self.instruction
        if earlier is not None and earlier.alloc_minor == book_alloc_minor:
            unless_field(
                instruction_id in (None, earlier.instruction_id), "instruction_id", "an unchanged one is kept"
            )
            instruction_id, attempt = earlier.instruction_id, earlier.attempt + 1
        else:
            taken = earlier is not None and instruction_id == earlier.instruction_id
            unless_field(not taken, "instruction_id", "a changed content needs a new one")
            instruction_id, attempt = instruction_id or f"{self.write_off_no}.{self.instructions + 1}", 1
        if command == "Retry":
            self._unless_stage("Retry")
        # STATE is judged after segregation where the guard column names the state itself (E20).
        unless_segregated(who.actor not in self.makers, "SD5", "the maker of a case does not prepare its posting")
        self._unless_stage("RequestPosting", "WriteOff.RequestPosting.1")
        lapsed = self.valid_until is not None and who.valid_on > self.valid_until
        unless(not lapsed, "WriteOff.RequestPosting.1", "the approval has lapsed")
        covered = amount_minor <= self.max_book_amount_minor
        unless(covered, "WriteOff.PP.1", "the book claim is above the approved amount")
        unless_field(amount_minor > 0, "amount", "nothing is left to post")
        unless(is_held, "WriteOff.RequestPosting.5", "the asset is not held for this case")
        self._posting_requested(
            who=who,
            instruction_id=instruction_id,
            attempt=attempt,
            amount_minor=amount_minor,
            alloc_minor=book_alloc_minor,
            ccy=self.ccy,
            value_date=value_date,
            timestamp=at,
        )

    @event("WriteOffPostingRequested", topic="write-off.write-off-posting-requested")
    def _posting_requested(
        self,
        *,
        who: Envelope,
        instruction_id: str,
        attempt: int,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        value_date: date,
        timestamp: datetime,
    ) -> None:
        self.stage = "POSTING"
        self.instructions += attempt == 1
        self.instruction = Instruction(instruction_id, attempt, amount_minor, alloc_minor, value_date, who.actor)

    def confirm_instruction(self, who: Envelope, at: datetime) -> None:
        """A third person lets the instruction go out (SD5, E12). That the asset would take it is checked by
        the application just before."""
        self._unless_stage("ConfirmInstruction")
        instruction = self.instructed()
        unless(not instruction.checker, "STATE", "this attempt is already confirmed")
        others = {instruction.maker, *self.makers}
        unless_segregated(
            who.actor not in others, "SD5", "posting maker, posting checker, case maker are three people"
        )
        self._instruction_confirmed(
            who=who,
            instruction_id=instruction.instruction_id,
            attempt=instruction.attempt,
            kind="WRITE_OFF",
            entity_id=self.entity_id,
            case_no=self.write_off_no,
            asset_no=self.asset_no,
            amount_minor=instruction.amount_minor,
            alloc_minor=instruction.alloc_minor,
            ccy=self.ccy,
            value_date=instruction.value_date,
            checker=who.actor,
            timestamp=at,
        )

    @event("InstructionConfirmed", topic="write-off.instruction-confirmed")
    def _instruction_confirmed(
        self,
        *,
        who: Envelope,
        instruction_id: str,
        attempt: int,
        kind: str,
        entity_id: str,
        case_no: str,
        asset_no: str,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        value_date: date,
        checker: str,
        timestamp: datetime,
    ) -> None:
        maker = self.instructed().maker
        self.instruction = Instruction(instruction_id, attempt, amount_minor, alloc_minor, value_date, maker, checker)

    def mark_posted(
        self,
        who: Envelope,
        at: datetime,
        *,
        instruction_id: str,
        core_txn_no: str,
        value_date: date,
        amount_minor: int | None,
        alloc_minor: Alloc | None,
        must_be_confirmed: bool,
    ) -> None:
        """Record that core posted the instruction; saved together with the asset's own event.

        An acceptance that names an earlier attempt counts: the instruction is one and the same there.
        """
        instruction = self._answered("MarkPosted", instruction_id, must_be_confirmed)
        same = amount_minor in (None, instruction.amount_minor) and alloc_minor in (
            None,
            instruction.alloc_minor,
        )
        unless(same, "WriteOff.MarkPosted.1", "core posted another amount or allocation")
        self._posted(
            who=who,
            instruction_id=instruction_id,
            core_txn_no=core_txn_no,
            value_date=value_date,
            amount_minor=instruction.amount_minor,
            alloc_minor=instruction.alloc_minor,
            ccy=self.ccy,
            timestamp=at,
        )

    @event("WriteOffPosted", topic="write-off.write-off-posted")
    def _posted(
        self,
        *,
        who: Envelope,
        instruction_id: str,
        core_txn_no: str,
        value_date: date,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        timestamp: datetime,
    ) -> None:
        self.stage, self.core_txn_no = "POSTED", core_txn_no

    def mark_rejected(
        self,
        who: Envelope,
        at: datetime,
        *,
        instruction_id: str,
        attempt: int | None,
        error_code: str,
        error_text: str,
        must_be_confirmed: bool,
    ) -> None:
        """Core refused: no balance moves, the hold stays, the posting maker may retry."""
        instruction = self._answered("MarkRejected", instruction_id, must_be_confirmed)
        current = attempt in (None, instruction.attempt)
        unless(current, "STATE", "the rejection answers an earlier attempt", attempt=instruction.attempt)
        self._posting_rejected(
            who=who,
            instruction_id=instruction_id,
            attempt=instruction.attempt,
            error_code=error_code,
            error_text=error_text,
            timestamp=at,
        )

    @event("WriteOffPostingRejected", topic="write-off.write-off-posting-rejected")
    def _posting_rejected(
        self,
        *,
        who: Envelope,
        instruction_id: str,
        attempt: int,
        error_code: str,
        error_text: str,
        timestamp: datetime,
    ) -> None:
        self.stage = "POSTING_FAILED"

    # --- Questions and helpers -----------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.stage not in END_STAGES

    def instructed(self) -> Instruction:
        """The present instruction; there is one from the first request for posting on."""
        if self.instruction is None:
            raise Rejected("no posting was requested", guard="STATE", state=self.stage)
        return self.instruction

    def content_hash(self) -> str:
        """Digest of what is decided: asset, kind, ground, and the claim as drafted, bucket by bucket."""
        parts = [f"{bucket}={minor}" for bucket, minor in sorted(self.claim_snapshot_minor.items())]
        content = "\n".join((self.write_off_no, self.asset_no, self.write_off_kind, self.ground, self.ccy, *parts))
        return sha256(content.encode()).hexdigest()

    def _answered(self, command: str, instruction_id: str, must_be_confirmed: bool) -> Instruction:
        self._unless_stage(command)
        instruction = self.instructed()
        confirmed = bool(instruction.checker) or not must_be_confirmed
        unless(confirmed, "STATE", "the instruction was not confirmed, so nothing was sent")
        known = instruction_id == instruction.instruction_id
        unless(known, f"WriteOff.{command}.1", "that is not the instruction of this case")
        return instruction

    def _unless_stage(self, command: str, guard: str = "STATE") -> None:
        unless_state(self.stage, STAGES[command], command, guard)

    @staticmethod
    def _remember(people: list[str], person: str) -> None:
        if person not in people:
            people.append(person)
