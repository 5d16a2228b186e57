"""The commands on RiskAsset: payload in, one method of the aggregate called (spec/risk-assets.md 3.2).

`WriteOff` is not among them: the claim is written off only with the posting of its case
(`WriteOff.MarkPosted`).
"""

from collections.abc import Mapping
from datetime import date

from aggregates.claim import ACCRUED_BUCKETS, BUCKETS
from aggregates.commands import CommandSpec, Work
from aggregates.envelope import Envelope
from aggregates.payload import Fields
from aggregates.refusals import unless, unless_field
from aggregates.risk_asset import RiskAsset, Sync, split_key
from engines.primitives.errors import Forbidden
from engines.primitives.money import exponent


def admit(work: Work) -> None:
    fields = work.fields
    loan_no = fields.id("loan_no", work.key)
    unless_field(loan_no == work.key, "loan_no", "is not the key of the command")
    principal = work.command.principal
    own = principal.entities[0] if len(principal.entities) == 1 and principal.entities[0] != "*" else None
    entity = fields.id("entity_id", own)
    if not principal.may_act_for(entity):
        raise Forbidden(f"{principal.actor} may not act for {entity}", guard="ENTITY", field="entity_id")
    ccy = fields.text("ccy", "CNY")
    exponent(ccy)
    branch = fields.id("branch", principal.organisation)
    buckets = {name: fields.money(name, ccy, None if name == "principal" else "0") for name in BUCKETS}
    customer_no, product, segment = (
        fields.id("customer_no"),
        fields.code("product", "-"),
        fields.code("segment", "-"),
    )
    classification = fields.code("classification")
    overdue_since, maturity = fields.optional_day("overdue_since"), fields.optional_day("maturity")
    rate_terms = fields.json_object("rate_terms")
    collateral_ids, guarantor_nos = fields.ids("collateral_ids"), fields.ids("guarantor_nos")
    fields.finish()
    who = work.envelope(entity, branch)
    unless(work.store.find("RiskAsset", loan_no) is None, "RiskAsset.Admit.1", "this loan is already admitted")
    asset = RiskAsset.admit(
        who,
        work.at,
        loan_no=loan_no,
        ccy=ccy,
        customer_no=customer_no,
        branch=branch,
        product=product,
        segment=segment,
        buckets_minor=buckets,
        classification=classification,
        overdue_since=overdue_since,
        maturity=maturity,
        rate_terms=rate_terms,
        collateral_ids=collateral_ids,
        guarantor_nos=guarantor_nos,
    )
    work.add(asset)


def sync_accrual(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    basis = fields.code("basis", "SYNC")
    given = fields.json_objects("syncs")
    if given is None:
        syncs = [_sync(fields, fields, asset.ccy)]
    else:
        syncs = []
        for item in given:
            of_day = Fields(item)
            syncs.append(_sync(of_day, Fields(of_day.json_object("balances")), asset.ccy))
            of_day.finish()
    fields.finish()
    unless_field(bool(syncs), "syncs", "nothing to sync")
    # Each event counts on its own day; the envelope is checked with the newest.
    who = work.envelope(asset.entity_id, asset.branch, max(sync.as_of for sync in syncs))
    asset.sync_accrual(who, work.at, syncs, basis=basis)


def _sync(of_day: Fields, balances: Fields, ccy: str) -> Sync:
    as_of = of_day.day("as_of")
    diff = of_day.money("engine_diff", ccy, "0", signed=True)
    minor = {bucket: balances.money(bucket, ccy) for bucket in ACCRUED_BUCKETS}
    if balances is not of_day:
        balances.finish()
    return Sync(
        as_of=as_of,
        interest_on_minor=minor["interest_on"],
        interest_off_minor=minor["interest_off"],
        penalty_minor=minor["penalty"],
        compound_minor=minor["compound"],
        engine_diff_minor=diff,
    )


def reclassify(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    from_class, to_class = fields.code("from_class", asset.classification), fields.code("to_class")
    days_overdue, basis = fields.optional_integer("days_overdue"), fields.text("basis", "-")
    who = _who(work, asset)
    asset.reclassify(who, work.at, from_class=from_class, to_class=to_class, days_overdue=days_overdue, basis=basis)


def move_interest_off(work: Work) -> None:
    asset = work.asset()
    interest = work.fields.money("interest", asset.ccy)
    asset.move_interest_off(_who(work, asset), work.at, interest_minor=interest)


def advance_cost(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    expense_id, kind = fields.id("expense_id", "-"), fields.code("kind")
    amount = fields.money("amount", asset.ccy, signed=True)  # its sign is a clause of the guard, not of the form
    who = _who(work, asset)
    asset.advance_cost(who, work.at, expense_id=expense_id, kind=kind, amount_minor=amount)


def apply_recovery(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    flow_id, split_no = fields.id("flow_id"), fields.integer("split_no", 1)
    mode, order = fields.code("mode"), fields.optional_code("order")
    amount, alloc = fields.money("amount", asset.ccy), fields.alloc("alloc", asset.ccy)
    overdue_since = fields.optional_day("overdue_since") or asset.overdue_since
    asset.apply_recovery(
        _who(work, asset),
        work.at,
        flow_id=flow_id,
        split_no=split_no,
        mode=mode,
        amount_minor=amount,
        alloc_minor=alloc,
        order=order,
        overdue_since=overdue_since,
    )


def reverse_recovery(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    flow_id, split_no, kind = fields.id("flow_id"), fields.integer("split_no", 1), fields.code("kind")
    amount, alloc = fields.optional_money("amount", asset.ccy), fields.alloc("alloc", asset.ccy)
    reverses = fields.optional_id("reverses")
    fields.finish()
    original = asset.applied.get(split_key(flow_id, split_no))
    counts_on: date | None = None
    if original is not None and kind == "CORRECTION":
        counts_on = original.valid_on
    if amount is None:  # the whole of what is left (E19)
        amount = sum(original.alloc_minor.values()) if original is not None else 0
        unless(amount > 0, "RiskAsset.ReverseRecovery.1", "nothing is left to reverse")
    asset.reverse_recovery(
        work.envelope(asset.entity_id, asset.branch, counts_on),
        work.at,
        flow_id=flow_id,
        split_no=split_no,
        kind=kind,
        amount_minor=amount,
        alloc_minor=alloc,
        reverses=reverses,
    )


def place_hold(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    kind, case_no = fields.code("kind"), fields.id("case_no")
    asset.place_hold(_who(work, asset), work.at, kind=kind, case_no=case_no)


def release_hold(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    kind, case_no, reason = fields.code("kind"), fields.id("case_no"), fields.code("reason", "RELEASED")
    asset.release_hold(_who(work, asset), work.at, kind=kind, case_no=case_no, reason=reason)


def recover_written_off(work: Work) -> None:
    asset, fields = work.asset(), work.fields
    flow_id, split_no = fields.id("flow_id"), fields.integer("split_no", 1)
    mode = fields.code("mode", "POST_WRITE_OFF_CASH")
    unless_field(mode == "POST_WRITE_OFF_CASH", "mode", "after a write-off only POST_WRITE_OFF_CASH")
    amount, alloc = fields.money("amount", asset.ccy), fields.alloc("alloc", asset.ccy)
    who = _who(work, asset)
    asset.recover_written_off(
        who, work.at, flow_id=flow_id, split_no=split_no, amount_minor=amount, alloc_minor=alloc
    )


def close(work: Work) -> None:
    asset = work.asset()
    closed_as = work.fields.code("closed_as")
    asset.close(_who(work, asset), work.at, closed_as=closed_as)


def _who(work: Work, asset: RiskAsset) -> Envelope:
    work.fields.finish()
    return work.envelope(asset.entity_id, asset.branch)


#: Roles of 3.2. Reclassify: the system proposes as well as the department; both may only worsen a class here.
RISK_ASSET_COMMANDS: Mapping[str, CommandSpec] = {
    "Admit": CommandSpec(("EX",), "AssetAdmitted", admit),
    "SyncAccrual": CommandSpec(("CB",), "AccrualSynced", sync_accrual),
    "Reclassify": CommandSpec(("RM", "SY"), "AssetReclassified", reclassify),
    "MoveInterestOff": CommandSpec(("CB",), "InterestMovedOffBalance", move_interest_off),
    "AdvanceCost": CommandSpec(("SY",), "CostAdvanced", advance_cost),
    "ApplyRecovery": CommandSpec(("SY",), "RecoveryApplied", apply_recovery),
    "ReverseRecovery": CommandSpec(("SY",), "RecoveryReversed", reverse_recovery),
    "PlaceHold": CommandSpec(("SY",), "DisposalHoldPlaced", place_hold),
    "ReleaseHold": CommandSpec(("SY",), "DisposalHoldReleased", release_hold),
    "RecoverWrittenOff": CommandSpec(("SY",), "WriteOffRecoveryApplied", recover_written_off),
    "Close": CommandSpec(("SY",), "AssetClosed", close),
}
