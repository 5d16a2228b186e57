"""LG-17 write-offs and LG-18, those of credit cards (spec 3.13, 4.1)."""

from dataclasses import replace
from typing import Any

from projections.ledgers.definition import Emit, Ledger, code, day, money, number, on, text, yes_no
from projections.ledgers.grammar import ADD, Event, Recall
from projections.ledgers.memory import minor
from projections.ledgers.of_assets import LOAN
from projections.ledgers.of_cases import approval, posting


def written_off(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`principal`, `interest_on`, `costs` and `written_off`, of alloc; `memo_left +=` the whole of it."""
    ccy = recall.own["ccy"]
    parts = {bucket: minor(part, ccy) for bucket, part in (event["payload"].get("alloc") or {}).items()}
    for bucket in ("principal", "interest_on", "costs"):
        emit(bucket, ADD, parts.get(bucket, 0))
    emit("written_off", ADD, sum(parts.values()))
    emit("memo_left", ADD, sum(parts.values()))


def memo(sign: int) -> Any:
    def effect(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
        """`memo_left`, by the whole of alloc."""
        parts = (event["payload"].get("alloc") or {}).values()
        emit("memo_left", ADD, sign * sum(minor(part, recall.own["ccy"]) for part in parts))

    return effect


def sold(sign: int) -> Any:
    def effect(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
        """`memo_left`, where the sale was of the memo claim."""
        if recall.own.get("sold_from") == "WRITTEN_OFF":
            memo(sign)(event, recall, emit, key)

    return effect


def restored(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`memo_left +=` what comes back to a claim that is written off, not before the write-off's day (E16)."""
    if recall.own.get("lifecycle") == "WRITTEN_OFF":
        ccy, payload = recall.own["ccy"], event["payload"]
        parts = payload.get("alloc") or {"costs": payload["amount"]}
        when = max(event["valid_on"], int(recall.own["written_off_on"]))
        emit("memo_left", ADD, sum(minor(part, ccy) for part in parts.values()), when)


FIELDS = (
    text("write_off_no", "Write-off", "核销案号"),
    LOAN,
    code("write_off_kind", "Kind", "核销种类"),
    code("ground", "Ground", "核销依据"),
    money("principal", "Principal", "核销本金"),
    money("interest_on", "Interest on balance sheet", "核销表内利息"),
    money("costs", "Costs", "核销费用"),
    money("memo_interest", "Memo interest", "账销案存利息"),
    money("written_off", "Written off", "核销合计"),
    text("meeting_no", "Meeting", "会议号"),
    money("recovered_after", "Recovered after", "核销后收回"),
    money("memo_left", "Memo claim left", "账销案存余额"),
    yes_no("no_recourse", "No recourse", "无追索权"),
    text("batch_no", "Batch", "批次号"),
    text("approval_no", "Approval", "批复号"),
    text("core_txn_no", "Core posting", "核心流水"),
    day("posted_on", "Posted on", "入账日"),
    code("status", "Status", "状态"),
    yes_no("reversed", "Reversed", "是否冲正"),
)
_ROWS = "@key, $assets"
_OF_LOAN = "$of_write_off, @key"
RULES = (
    *on(
        "WriteOff",
        "WriteOffDrafted",
        "write_off_kind, ground, status = 'DRAFT', no_recourse = 0, reversed = 0, recovered_after += 0, "
        "memo_left += 0",
        rows=_ROWS,
        makes=True,
    ),
    *on("WriteOff", "WriteOffAmended", "write_off_kind, ground", rows=_ROWS, makes=True),
    *on("WriteOff", "ComplianceReviewed", "status = $review", rows=_ROWS),
    *on("WriteOff", "CommitteeReferred", "meeting_no, status = 'IN_COMMITTEE'", rows=_ROWS),
    *on("WriteOff", "CommitteeOutcomeRecorded", "status = $committee", rows=_ROWS),
    *approval("WriteOff", "WriteOff", _ROWS),
    *posting("WriteOff", "WriteOff", _ROWS),
    *on("WriteOffBatch", "WriteOffBatchDrafted WriteOffBatchAmended", "batch_no = @key", rows="$item_rows"),
    *on("WriteOffBatch", "WriteOffBatchItemRemoved", "batch_no = none", rows="$item_rows"),
    *on(
        "RiskAsset",
        "AssetWrittenOff",
        "memo_interest, no_recourse = 0, reversed = 0",
        rows="write_off_no, @key",
        makes=True,
        special=written_off,
    ),
    *on(
        "RiskAsset",
        "AssetWriteOffReversed",
        "reversed = 1",
        rows="write_off_no, @key",
        special=memo(-1),
    ),
    *on("RiskAsset", "WriteOffRecoveryApplied", "recovered_after += amount", rows=_OF_LOAN, special=memo(-1)),
    *on("RiskAsset", "WriteOffRecoveryReversed", "recovered_after -= amount", rows=_OF_LOAN, special=memo(1)),
    *on("RiskAsset", "RecoveryReversed CostAdvanced", rows="$write_off_no, @key", special=restored),
    *on("RiskAsset", "AssetTransferred", rows="$write_off_no, @key", special=sold(-1)),
    *on("RiskAsset", "TransferUnwound", rows="$write_off_no, @key", special=sold(1)),
    *on("RiskAsset", "NoRecourseMarked", "no_recourse = 1, memo_left = 0", rows="$write_off_no, @key"),
)
_FED_BY = "WriteOff, WriteOffBatch events, AssetWrittenOff, AssetWriteOffReversed, WriteOffRecoveryApplied and its "
_FED_BY += "reversal, NoRecourseMarked, and what moves a memo claim: CostAdvanced, RecoveryReversed, AssetTransferred"
WRITE_OFF = Ledger(
    "write_off",
    "LG-17",
    "Write-offs",
    "核销资产台账",
    ("write_off_no", "loan_no"),
    "-posted_on",
    FIELDS,
    RULES,
    fed_by=_FED_BY,
)

CARD_WRITE_OFF = replace(
    WRITE_OFF,
    name="card_write_off",
    id="LG-18",
    title="Write-offs of credit cards",
    title_zh="信用卡核销台账",
    fields=(
        *FIELDS,
        code("segment", "Segment", "业务板块", joined="risk_asset.segment", through="loan_no"),
        code("card_product", "Card product", "卡产品", joined="risk_asset.product", through="loan_no"),
        day("overdue_since", "Overdue since", "逾期起始日", joined="risk_asset.overdue_since", through="loan_no"),
        number("months_past_due", "Months past due", "逾期月数", derived="months from overdue_since to posted_on"),
        number("rounds", "Collection rounds", "催收次数", joined="risk_asset.actions", through="loan_no"),
    ),
    where=("segment", "CARD"),
    numbers={},
    fed_by="as LG-17 where the loan note's segment is CARD",
)
