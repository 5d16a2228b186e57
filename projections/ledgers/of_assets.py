"""LG-01 risk assets, LG-16 designated assets, and the customers behind them (spec/risk-assets.md 3.2, 4.1).

A claim that was written off lives on in the memo. What comes back to it afterwards is memo claim and a loss of its
book part (decisions E16, E17): on the day on which it came back, but not before the write-off's own day; until then
it belongs to the buckets.
"""

from typing import Any

from projections.ledgers.definition import (
    BOOK_BUCKETS,
    BUCKETS,
    Emit,
    Gather,
    Ledger,
    code,
    day,
    each,
    money,
    number,
    on,
    text,
)
from projections.ledgers.grammar import ADD, SET, TAKE, Event, Recall
from projections.ledgers.memory import SUIT_STAGES, minor

BUCKET_TITLES = {
    "costs": ("Costs", "垫付费用"),
    "principal": ("Principal", "本金"),
    "interest_on": ("Interest on balance sheet", "表内利息"),
    "interest_off": ("Interest off balance sheet", "表外利息"),
    "penalty": ("Penalty interest", "罚息"),
    "compound": ("Compound interest", "复利"),
}
LOAN = text("loan_no", "Loan note", "借据号")


def _parts(event: Event, recall: Recall) -> dict[str, int]:
    ccy = recall.own["ccy"]
    alloc = event["payload"].get("alloc") or {}
    return {bucket: minor(part, ccy) for bucket, part in alloc.items()}


def to_memo(parts: dict[str, int], recall: Recall, when: int, emit: Emit) -> None:
    """Parts that came to a claim which is written off by then."""
    written_off_on = max(int(recall.own["written_off_on"]), when)
    for bucket, part in parts.items():
        if when < written_off_on:
            emit(bucket, ADD, part, when)
            emit(bucket, SET, 0, written_off_on)  # of a written-off claim nothing is left in the buckets
        emit("memo", ADD, part, written_off_on)
        if bucket in BOOK_BUCKETS:
            emit("loss", ADD, part, written_off_on)


def cost_advanced(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`costs += amount`; of a written-off claim `memo += amount, loss += amount` from the write-off's day on."""
    amount = minor(event["payload"]["amount"], recall.own["ccy"])
    if recall.own.get("lifecycle") == "WRITTEN_OFF":
        to_memo({"costs": amount}, recall, event["valid_on"], emit)
    else:
        emit("costs", ADD, amount)


def recovery_reversed(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Each bucket `+= alloc`, `rec_cash -= amount`; of a written-off claim memo and loss rise in place of buckets."""
    parts = _parts(event, recall)
    emit("rec_cash", TAKE, event["payload"].get("amount", 0))
    if recall.own.get("lifecycle") == "WRITTEN_OFF":
        to_memo(parts, recall, event["valid_on"], emit)
    else:
        for bucket, part in parts.items():
            emit(bucket, ADD, part)


def memo_recovered(sign: int) -> Any:
    def effect(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
        """`memo -= alloc`, `rec_cash += amount`, `loss -=` its book part; a reversal the other way round."""
        parts = _parts(event, recall)
        emit("rec_cash", ADD, sign * minor(event["payload"]["amount"], recall.own["ccy"]))
        emit("memo", ADD, -sign * sum(parts.values()))
        emit("loss", ADD, -sign * sum(parts.get(bucket, 0) for bucket in BOOK_BUCKETS))

    return effect


def reduced(sign: int) -> Any:
    def effect(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
        """Each bucket `-= alloc`, `waived += amount`, `loss +=` the book part; a reversal the other way round."""
        parts = _parts(event, recall)
        for bucket, part in parts.items():
            emit(bucket, ADD, -sign * part)
        emit("waived", ADD, sign * minor(event["payload"]["amount"], recall.own["ccy"]))
        emit("loss", ADD, sign * sum(parts.get(bucket, 0) for bucket in BOOK_BUCKETS))

    return effect


def sold(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Each bucket `-= alloc` (of a written-off claim the memo), `loss += loss`, `lifecycle = 'CLOSED'`."""
    from_memo = recall.own.get("sold_from") == "WRITTEN_OFF"
    for bucket, part in _parts(event, recall).items():
        emit("memo" if from_memo else bucket, TAKE, part)
    emit("loss", ADD, event["payload"].get("loss", 0))


def unwound(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """What the sale took comes back where it was; `loss -= book_amount - price_returned`; the lifecycle before it."""
    from_memo = recall.own.get("sold_from") == "WRITTEN_OFF"
    ccy = recall.own["ccy"]
    for bucket, part in _parts(event, recall).items():
        emit("memo" if from_memo else bucket, ADD, part)
    emit(
        "loss", ADD, minor(event["payload"]["price_returned"], ccy) - minor(recall.own.get("sold_book", "0.00"), ccy)
    )
    emit("lifecycle", SET, recall.own.get("sold_from", "ACTIVE"))


def written_off(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Each bucket `-= alloc`, `memo += alloc`, `written_off += book_amount + memo_interest`, `loss +=` the book."""
    payload, ccy = event["payload"], recall.own["ccy"]
    for bucket, part in _parts(event, recall).items():
        emit(bucket, TAKE, part)
        emit("memo", ADD, part)
    emit("written_off", ADD, minor(payload["book_amount"], ccy) + minor(payload.get("memo_interest", "0.00"), ccy))
    emit("loss", ADD, payload["book_amount"])


def write_off_reversed(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """The memo goes back into the buckets; `written_off` and `loss` fall by it and by its book part."""
    parts = _parts(event, recall)
    for bucket, part in parts.items():
        emit(bucket, ADD, part)
        emit("memo", TAKE, part)
    emit("written_off", TAKE, sum(parts.values()))
    emit("loss", TAKE, sum(parts.get(bucket, 0) for bucket in BOOK_BUCKETS))


def disposal_undone(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """What the disposal took comes back: `fa += carrying`, `loss += result`."""
    undone = recall.own.get("undone") or {}
    emit("fa", ADD, event["payload"]["carrying"])
    emit("loss", ADD, undone.get("result", event["payload"].get("result", 0)))


def asset_voided(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """The receipt is taken back: `fa -= carrying`, `loss += carrying - book_offset`; if it should never have been
    (CORRECTION), booking and impairments are taken back on their own days."""
    own: Any = recall.own
    reversal = recall.of("Foreclosure", str(own.get("foreclosure_no", event["payload"].get("foreclosure_no", "-"))))
    if reversal.get("reversal_kind") != "CORRECTION":
        emit("fa", TAKE, own.get("carrying", 0))
        emit("loss", ADD, own.get("carrying", 0) - own.get("book_offset", 0))
        return
    emit("fa", TAKE, own["book_value"], own["booked_on"])
    emit("loss", ADD, own["book_value"] - own["book_offset"], own["booked_on"])
    for when, amount in own["impaired"]:
        emit("fa", ADD, amount, when)
        emit("loss", TAKE, amount, when)


RISK_ASSET = Ledger(
    "risk_asset",
    "LG-01",
    "Risk assets",
    "风险资产台账",
    ("loan_no",),
    "org,-claim",
    (
        LOAN,
        code("product", "Product", "产品"),
        code("segment", "Segment", "业务板块"),
        code("classification", "Classification", "五级分类"),
        day("overdue_since", "Overdue since", "逾期起始日"),
        number("days_overdue", "Days overdue", "逾期天数", derived="days since overdue_since"),
        day("maturity", "Maturity", "到期日"),
        money("principal", *BUCKET_TITLES["principal"]),
        money("interest_on", *BUCKET_TITLES["interest_on"]),
        money("interest_off", *BUCKET_TITLES["interest_off"]),
        money("penalty", *BUCKET_TITLES["penalty"]),
        money("compound", *BUCKET_TITLES["compound"]),
        money("costs", *BUCKET_TITLES["costs"]),
        money("claim", "Claim", "债权总额", derived=" + ".join(BUCKETS)),
        money("off_bal", "Off balance sheet", "表外合计", derived="interest_off + penalty + compound"),
        money("memo", "Memo claim", "账销案存余额"),
        money("fa", "Foreclosed assets carried", "抵债资产账面"),
        money("rec_cash", "Recovered in cash", "现金回收"),
        money("rec_kind", "Recovered in kind", "以资抵债回收"),
        money("waived", "Waived", "减免"),
        money("written_off", "Written off", "核销"),
        money("loss", "Loss", "损失"),
        text("collateral", "Collateral", "抵质押品"),
        text("guarantors", "Guarantors", "保证人"),
        code("strategy", "Strategy", "处置策略"),
        code("case_stage", "Stage of the suit", "诉讼阶段"),
        code("hold", "Hold", "处置占用"),
        text("hold_case", "Held by", "占用案件"),
        text("tags", "Tags", "标签", gather=Gather.MEMBERS),
        code("lifecycle", "Lifecycle", "状态"),
        code("closed_as", "Closed as", "结清方式"),
        number("actions", "Collection actions", "催收次数"),
        text("own_customer", "Customer", "客户号"),
        text("own_manager", "Manager", "管户人"),
    ),
    (
        *on(
            "RiskAsset",
            "AssetAdmitted",
            "product, segment, classification, overdue_since, maturity, own_customer = customer_no, "
            "collateral = collateral_ids, guarantors = guarantor_nos, lifecycle = 'ACTIVE', memo += 0, fa += 0, "
            "rec_cash += 0, rec_kind += 0, waived += 0, written_off += 0, loss += 0, " + each("{0} += {0}|0"),
            makes=True,
        ),
        *on("RiskAsset", "AccrualSynced", "interest_on, interest_off, penalty, compound"),
        *on("RiskAsset", "AssetReclassified", "classification = to_class"),
        *on("RiskAsset", "InterestMovedOffBalance", "interest_on -= interest, interest_off += interest"),
        *on("RiskAsset", "CostAdvanced", special=cost_advanced),
        *on("RiskAsset", "RecoveryApplied", each("{0} -= alloc.{0}") + ", rec_cash += amount, overdue_since"),
        *on("RiskAsset", "RecoveryReversed", special=recovery_reversed),
        *on("RiskAsset", "DisposalHoldPlaced", "hold = kind, hold_case = case_no"),
        *on("RiskAsset", "DisposalHoldReleased", "hold = none, hold_case = none"),
        *on(
            "RiskAsset",
            "InKindSettled",
            each("{0} -= alloc.{0}") + ", costs -= costs_capitalised, rec_kind += amount",
        ),
        *on(
            "RiskAsset",
            "InKindReversed",
            each("{0} += alloc.{0}") + ", costs += costs_capitalised, rec_kind -= amount",
        ),
        *on("RiskAsset", "DebtReduced", special=reduced(1)),
        *on("RiskAsset", "DebtReductionReversed", special=reduced(-1)),
        *on(
            "RiskAsset", "AssetTransferred", "lifecycle = 'CLOSED', closed_as = closed_as|'TRANSFERRED'", special=sold
        ),
        *on("RiskAsset", "TransferUnwound", "closed_as = none", special=unwound),
        *on("RiskAsset", "AssetWrittenOff", "lifecycle = 'WRITTEN_OFF'", special=written_off),
        *on("RiskAsset", "AssetWriteOffReversed", "lifecycle = 'ACTIVE'", special=write_off_reversed),
        *on("RiskAsset", "WriteOffRecoveryApplied", special=memo_recovered(1)),
        *on("RiskAsset", "WriteOffRecoveryReversed", special=memo_recovered(-1)),
        *on("RiskAsset", "NoRecourseMarked", "memo = 0, lifecycle = 'CLOSED', closed_as = 'NO_RECOURSE'"),
        *on("RiskAsset", "AssetTagged", "tags +: tag", when=("on", True)),
        *on("RiskAsset", "AssetTagged", "tags -: tag", when=("on", False)),
        *on("RiskAsset", "ManagerAssigned", "own_manager = manager"),
        *on("RiskAsset", "AssetMoved", "branch = to_branch, org = to_branch"),
        *on("RiskAsset", "AssetClosed", "lifecycle = 'CLOSED', closed_as"),
        *on("RiskAsset", "AssetReopened", "lifecycle = 'ACTIVE', closed_as = none"),
        *on("DisposalPlan", "PlanApproved", "strategy = strategy|$strategy", rows="$assets"),
        *on("LitigationCase", " ".join((*SUIT_STAGES, "CaseReopened")), "case_stage = $stage", rows="$assets"),
        *on("CollectionTask", "CollectionActionLogged", "actions += 1", rows="$assets"),
        *on(
            "ForeclosedAsset",
            "ForeclosedAssetBooked",
            "fa += book_value, loss += book_offset|book_value, loss += taxes, loss += boot_paid, "
            "loss -= boot_received, loss -= book_value",
            rows="$first_asset",
        ),
        *on("ForeclosedAsset", "ImpairmentRecognised", "fa -= amount, loss += amount", rows="$first_asset"),
        *on("ForeclosedAsset", "ImpairmentReversed", "fa += amount, loss -= amount", rows="$first_asset"),
        *on("ForeclosedAsset", "CustodyIncomeRecorded", "loss -= amount", rows="$first_asset"),
        *on("ForeclosedAsset", "CustodyExpenseRecorded", "loss += amount", rows="$first_asset"),
        *on("ForeclosedAsset", "AssetSold LossListed", "fa -= carrying, loss -= result", rows="$first_asset"),
        *on("ForeclosedAsset", "ConvertedToFixedAsset", "fa -= carrying", rows="$first_asset"),
        *on("ForeclosedAsset", "DisposalUndone", rows="$first_asset", special=disposal_undone),
        *on("ForeclosedAsset", "ForeclosedAssetVoided", rows="$first_asset", special=asset_voided),
    ),
    fed_by="all RiskAsset events, PlanApproved, LitigationCase stages, ForeclosedAsset (carrying amount, loss)",
)

CUSTOMER = Ledger(
    "risk_customer",
    "-",
    "Risk customers",
    "风险客户台账",
    ("customer_no",),
    "customer_no",
    (
        code("kind", "Kind", "类型"),
        text("name_ref", "Name", "客户名称", personal=True),
        code("state", "State", "状态"),
        day("at_risk_since", "At risk since", "成为风险客户日"),
        text("tags", "Tags", "标签", gather=Gather.MEMBERS),
    ),
    (
        *on(
            "RiskCustomer",
            "CustomerRegistered",
            "kind, name_ref, state = 'AT_RISK', at_risk_since = @day",
            makes=True,
        ),
        *on("RiskCustomer", "TagAdded", "tags +: tag"),
        *on("RiskCustomer", "TagRemoved", "tags -: tag"),
        *on("RiskCustomer", "CustomerExited", "state = 'EXITED'"),
        *on("RiskCustomer", "CustomerReentered", "state = 'AT_RISK', at_risk_since = @day"),
    ),
    loan="",
    fed_by="RiskCustomer events",
)

DESIGNATED = Ledger(
    "designated",
    "LG-16",
    "Designated assets",
    "特定资产台账",
    ("subject_no", "tag"),
    "tag",
    (
        text("subject_no", "Loan note, foreclosed asset or customer", "借据/抵债资产/客户号"),
        code("tag", "Tag", "标签"),
        text("loan_no", "Loan note", "借据号"),
        text("own_customer", "Customer", "客户号"),
        day("since", "Since", "标记日"),
        money("amount", "Claim", "债权", joined="risk_asset.claim", through="loan_no"),
        text("source_list", "Source list", "来源"),
    ),
    (
        *on(
            "RiskAsset",
            "AssetTagged",
            "loan_no = @key, since = @day, source_list = @reason",
            rows="@key, tag",
            makes=True,
            when=("on", True),
        ),
        *on("RiskAsset", "AssetTagged", "exists = 0", rows="@key, tag", when=("on", False)),
        *on(
            "RiskCustomer",
            "TagAdded",
            "own_customer = @key, since = @day, source_list = @reason",
            rows="@key, tag",
            makes=True,
        ),
        *on("RiskCustomer", "TagRemoved", "exists = 0", rows="@key, tag"),
    ),
    fed_by="AssetTagged, TagAdded, and their removal",
)
