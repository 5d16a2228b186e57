"""The commands on WriteOff: payload in, the case and, where they belong in one save, its asset (3.1, 3.13,
3.22)."""

from collections.abc import Callable, Mapping

from aggregates import claim
from aggregates.commands import CommandSpec, Work
from aggregates.envelope import Envelope
from aggregates.refusals import unless, unless_field
from aggregates.risk_asset import RiskAsset
from aggregates.write_off import HOLD_CONFLICT, WriteOff
from engines.primitives.errors import Rejected


def draft(work: Work) -> None:
    fields = work.fields
    write_off_no = fields.id("write_off_no", work.key)
    unless_field(write_off_no == work.key, "write_off_no", "is not the key of the command")
    asset = work.asset(fields.id("asset_no"))
    asset_ids = fields.ids("asset_ids") or [asset.loan_no]
    unless_field(asset_ids == [asset.loan_no], "asset_ids", "a write-off is of one asset, asset_no")
    kind, ground = fields.code("write_off_kind", "BAD_DEBT"), fields.code("ground")
    _check_snapshot(work, asset)
    fields.finish()
    who = work.envelope(asset.entity_id, asset.branch)
    unless(work.store.find("WriteOff", work.key) is None, "STATE", "this case exists already")
    unless(not asset.hold_kind, "WriteOff.Draft.1", "another case holds the asset", case_no=asset.hold_case_no)
    with work.model.current() as model:
        other = model.open_case_of(asset.loan_no)
    unless(other is None, "WriteOff.Draft.4", "a write-off of this asset is open already", case_no=other or "")
    case = WriteOff.draft(
        who,
        work.at,
        write_off_no=write_off_no,
        asset_no=asset.loan_no,
        ccy=asset.ccy,
        write_off_kind=kind,
        ground=ground,
        book_amount_minor=claim.book_of(asset.buckets_minor),
        memo_interest_minor=claim.memo_interest_of(asset.buckets_minor),
        claim_snapshot_minor=claim.non_zero(asset.buckets_minor),
    )
    work.add(case)


def amend(work: Work) -> None:
    case, fields = work.case(), work.fields
    asset = work.asset(case.asset_no)
    kind, ground = fields.code("write_off_kind", case.write_off_kind), fields.code("ground", case.ground)
    _check_snapshot(work, asset)
    case.amend(
        _who(work, case, asset),
        work.at,
        write_off_kind=kind,
        ground=ground,
        book_amount_minor=claim.book_of(asset.buckets_minor),
        memo_interest_minor=claim.memo_interest_of(asset.buckets_minor),
        claim_snapshot_minor=claim.non_zero(asset.buckets_minor),
    )


def discard(work: Work) -> None:
    case = work.case()
    case.discard(_who(work, case), work.at)


def review_compliance(work: Work) -> None:
    case, fields = work.case(), work.fields
    outcome, checklist = fields.code("outcome"), fields.flags("checklist")
    opinion, letter_doc = fields.text("opinion", "-"), fields.id("letter_doc", "-")
    who = _who(work, case)
    case.review_compliance(who, work.at, outcome=outcome, checklist=checklist, opinion=opinion, letter_doc=letter_doc)


def submit(work: Work) -> None:
    case, fields = work.case(), work.fields
    asset = work.asset(case.asset_no)
    amount, snapshot_hash = fields.optional_money("amount", case.ccy), fields.optional_id("snapshot_hash")
    unless_field(amount in (None, case.book_amount_minor), "amount", "is not the book amount of the draft")
    unless_field(snapshot_hash in (None, case.content_hash()), "snapshot_hash", "is not that of the draft")
    wf_no = fields.id("wf_no", "-")
    who = _who(work, case, asset)
    case.submit(who, work.at, wf_no=wf_no, claim_snapshot_minor=claim.non_zero(asset.buckets_minor))


def approve(work: Work) -> None:
    """Approval and hold are one save; if the hold is taken, the return is stored instead (E13)."""
    case, fields = work.case(), work.fields
    asset = work.asset(case.asset_no)
    decided_by, snapshot_hash = _decision(work)
    approval_no = fields.text("approval_no", "-")
    level, conditions = fields.code("level", "-"), fields.text("conditions", "-")
    decided_on, valid_until = fields.optional_day("decided_on"), fields.optional_day("valid_until")
    ceiling = fields.optional_money("max_book_amount", case.ccy)
    who = _who(work, case, asset)
    if asset.hold_kind:
        case.send_back(who, work.at, decided_by=decided_by, snapshot_hash=snapshot_hash, comment=HOLD_CONFLICT)
        return
    case.approve(
        who,
        work.at,
        decided_by=decided_by,
        snapshot_hash=snapshot_hash,
        approval_no=approval_no,
        decided_on=decided_on or who.valid_on,
        level=level,
        conditions=conditions,
        valid_until=valid_until,
        max_book_amount_minor=ceiling,
    )
    asset.place_hold(work.following(who, case), work.at, kind="WRITE_OFF", case_no=case.write_off_no)


def reject(work: Work) -> None:
    _decide(work, lambda case: case.reject)


def send_back(work: Work) -> None:
    _decide(work, lambda case: case.send_back)


def request_posting(work: Work) -> None:
    _request_posting(work, "RequestPosting")


def retry(work: Work) -> None:
    _request_posting(work, "Retry")


def confirm_instruction(work: Work) -> None:
    """Nothing goes out that the asset would refuse on its return: a rejection by us would then need a
    reversal."""
    case, fields = work.case(), work.fields
    instruction = case.instruction
    known = (
        instruction is None or fields.id("instruction_id", instruction.instruction_id) == instruction.instruction_id
    )
    unless_field(known, "instruction_id", "is not the instruction of this case")
    asset = work.asset(case.asset_no)
    case.confirm_instruction(_who(work, case, asset), work.at)
    asset.check_write_off(
        write_off_no=case.write_off_no,
        book_alloc_minor=case.instructed().alloc_minor,
        class_min=work.policy.write_off_class_min,
    )


def mark_posted(work: Work) -> None:
    """The case's WriteOffPosted, the asset's AssetWrittenOff and the release of the hold are one save (PP,
    PM4).

    Idempotent on `core_txn_no`: core's answer repeated under another command id stores nothing (PM7).
    """
    case, fields = work.case(), work.fields
    asset = work.asset(case.asset_no)
    current = case.instruction
    instruction_id = fields.id("instruction_id", current.instruction_id if current else None)
    core_txn_no = fields.id("core_txn_no")
    value_date = fields.optional_day("value_date")
    amount, alloc = fields.optional_money("amount", case.ccy), fields.alloc("alloc", case.ccy)
    fields.finish()
    if case.core_txn_no and case.core_txn_no == core_txn_no and current and current.instruction_id == instruction_id:
        return
    who = work.envelope(case.entity_id, asset.branch, value_date)
    case.mark_posted(
        who,
        work.at,
        instruction_id=instruction_id,
        core_txn_no=core_txn_no,
        value_date=value_date or who.valid_on,
        amount_minor=amount,
        alloc_minor=alloc,
        must_be_confirmed=work.policy.confirm_postings,
    )
    asset.write_off(
        who,
        work.at,
        write_off_no=case.write_off_no,
        book_alloc_minor=case.instructed().alloc_minor,
        class_min=work.policy.write_off_class_min,
    )
    if work.policy.release_hold_on_posted:
        follow = work.following(who, case)
        asset.release_hold(follow, work.at, kind="WRITE_OFF", case_no=case.write_off_no, reason="POSTED")


def mark_rejected(work: Work) -> None:
    case, fields = work.case(), work.fields
    current = case.instruction
    instruction_id = fields.id("instruction_id", current.instruction_id if current else None)
    attempt = fields.optional_integer("attempt")
    error_code, error_text = fields.code("error_code"), fields.text("error_text", "-")
    who = _who(work, case)
    case.mark_rejected(
        who,
        work.at,
        instruction_id=instruction_id,
        attempt=attempt,
        error_code=error_code,
        error_text=error_text,
        must_be_confirmed=work.policy.confirm_postings,
    )


def _request_posting(work: Work, command: str) -> None:
    case, fields = work.case(), work.fields
    asset = work.asset(case.asset_no)
    book = claim.non_zero(asset.buckets_minor, claim.BOOK_BUCKETS)
    amount, alloc = fields.optional_money("amount", case.ccy), fields.alloc("alloc", case.ccy)
    unless_field(amount in (None, sum(book.values())), "amount", "is not the book claim of the asset")
    unless_field(alloc in (None, book), "alloc", "is not the book claim, bucket by bucket")
    instruction_id, value_date = fields.optional_id("instruction_id"), fields.optional_day("value_date")
    attempt = fields.optional_integer("attempt")
    if instruction_id is not None:
        with work.model.current() as model:
            owner = model.case_of_instruction(instruction_id)
        own = owner is None or owner.write_off_no == case.write_off_no
        unless_field(own, "instruction_id", "is taken by another case")
    who = _who(work, case, asset)
    case.request_posting(
        who,
        work.at,
        command=command,
        book_alloc_minor=book,
        is_held=asset.is_held_by("WRITE_OFF", case.write_off_no),
        instruction_id=instruction_id,
        value_date=value_date or who.valid_on,
    )
    unless_field(attempt in (None, case.instructed().attempt), "attempt", f"this is {case.instructed().attempt}")


def _decide(work: Work, method: Callable[[WriteOff], Callable[..., None]]) -> None:
    case = work.case()
    decided_by, snapshot_hash = _decision(work)
    comment = work.fields.text("comment", "-")
    who = _who(work, case)
    method(case)(who, work.at, decided_by=decided_by, snapshot_hash=snapshot_hash, comment=comment)


def _decision(work: Work) -> tuple[str, str | None]:
    """Who decides: the workflow system may name the person on whose behalf it calls; anyone else decides
    alone."""
    actor = work.command.principal.actor
    decided_by = work.fields.id("decided_by", actor)
    unless_field(decided_by == actor or work.role == "WF", "decided_by", "only the workflow system names another")
    return decided_by, work.fields.optional_id("snapshot_hash")


def _check_snapshot(work: Work, asset: RiskAsset) -> None:
    """What a draft derives from the asset may be left out; given, it must be equal."""
    fields, buckets = work.fields, asset.buckets_minor
    book, memo = (
        fields.optional_money("book_amount", asset.ccy),
        fields.optional_money("memo_interest", asset.ccy),
    )
    snapshot = fields.alloc("claim_snapshot", asset.ccy)
    unless_field(book in (None, claim.book_of(buckets)), "book_amount", "is not the asset's book claim")
    unless_field(memo in (None, claim.memo_interest_of(buckets)), "memo_interest", "is not the asset's")
    same = snapshot in (None, claim.non_zero(buckets))
    unless_field(same, "claim_snapshot", "is not the asset's claim")
    if asset.lifecycle != "ACTIVE":
        raise Rejected("only an active asset is written off", guard="STATE", state=asset.lifecycle)


def _who(work: Work, case: WriteOff, asset: RiskAsset | None = None) -> Envelope:
    """Envelope of a command on a case, in the books of its asset's branch."""
    work.fields.finish()
    branch = (asset or work.asset(case.asset_no)).branch
    return work.envelope(case.entity_id, branch)


#: Roles of 3.1 and 3.13. Decisions come from the workflow system or, where there is none, from the approver.
WRITE_OFF_COMMANDS: Mapping[str, CommandSpec] = {
    "Draft": CommandSpec(("AM",), "WriteOffDrafted", draft),
    "Amend": CommandSpec(("AM",), "WriteOffAmended", amend),
    "Discard": CommandSpec(("AM",), "WriteOffDiscarded", discard),
    "ReviewCompliance": CommandSpec(("LG", "CM"), "ComplianceReviewed", review_compliance),
    "Submit": CommandSpec(("AM",), "WriteOffSubmitted", submit),
    "Approve": CommandSpec(("WF", "HA"), "WriteOffApproved", approve),
    "Reject": CommandSpec(("WF", "HA"), "WriteOffRejected", reject),
    "Return": CommandSpec(("WF", "HA"), "WriteOffReturned", send_back),
    "RequestPosting": CommandSpec(("FN",), "WriteOffPostingRequested", request_posting),
    "Retry": CommandSpec(("FN",), "WriteOffPostingRequested", retry),
    "ConfirmInstruction": CommandSpec(("FC",), "InstructionConfirmed", confirm_instruction),
    "MarkPosted": CommandSpec(("CB",), "WriteOffPosted", mark_posted),
    "MarkRejected": CommandSpec(("CB",), "WriteOffPostingRejected", mark_rejected),
}
