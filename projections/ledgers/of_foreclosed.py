"""LG-04 to LG-06 and LG-15: foreclosed assets, their receipt, their disposal, idle ones (spec 3.17, 3.18, 7.5)."""

from projections.ledgers.definition import (
    Emit,
    Ledger,
    code,
    day,
    money,
    number,
    on,
    per_cent,
    text,
    yes_no,
)
from projections.ledgers.grammar import ADD, SET, TAKE, Event, Recall
from projections.ledgers.memory import minor
from projections.ledgers.of_assets import LOAN
from projections.ledgers.of_recoveries import BUCKET_FIELDS

FA = text("fa_no", "Foreclosed asset", "抵债资产号")
NOTES = text("loan_notes", "Loan notes behind it", "所涉借据")


def title_known(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`title_state = 'TRANSFERRED'` from the day of the transfer, where that came before the booking."""
    transferred_on = recall.of("Foreclosure", str(event["payload"]["foreclosure_no"])).get("title_on")
    if transferred_on is not None:
        emit("title_state", SET, "TRANSFERRED", transferred_on)


def disposal_undone(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`carrying += carrying`, `disposed -= portion`; back in custody."""
    emit("carrying", ADD, event["payload"]["carrying"])
    emit("status", SET, "IN_CUSTODY")


def voided(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Nothing is carried any more; of a receipt that should never have been (CORRECTION), from its own day on."""
    own = recall.own
    reversal = recall.of("Foreclosure", str(own.get("foreclosure_no", "-")))
    if reversal.get("reversal_kind") != "CORRECTION":
        emit("carrying", TAKE, own.get("carrying", 0))
        emit("status", SET, "VOID")
        return
    emit("carrying", TAKE, own["book_value"], own["booked_on"])
    for when, amount in own["impaired"]:
        emit("carrying", ADD, amount, when)
        emit("impairment", TAKE, amount, when)
    emit("status", SET, "VOID", own["booked_on"])
    emit("status", SET, "VOID")


FA_DETAIL = Ledger(
    "fa_detail",
    "LG-04",
    "Foreclosed assets in detail",
    "抵债资产明细台账",
    ("fa_no",),
    "dispose_by",
    (
        FA,
        LOAN,
        NOTES,
        code("fa_kind", "Kind", "种类"),
        text("location", "Location", "坐落"),
        number("quantity", "Quantity", "数量"),
        code("title_state", "Title", "权属状态", default="MISSING"),
        day("acquired_on", "Acquired on", "取得日"),
        day("dispose_by", "Dispose by", "处置期限"),
        number("days_left", "Days left", "剩余天数", derived="days until dispose_by"),
        money("book_value", "Book value", "入账价值"),
        money("impairment", "Impairment", "减值准备"),
        money("carrying", "Carrying amount", "账面价值"),
        money("appraised", "Appraised", "评估价值"),
        code("asset_class", "Class", "分类"),
        code("condition", "Condition", "状况"),
        text("keeper", "Keeper", "保管人"),
        text("custodian_branch", "Custodian branch", "保管行"),
        code("use", "Use", "使用情况"),
        day("use_until", "Used until", "使用截止日"),
        code("status", "Status", "状态"),
        yes_no("matched", "Matched at the last check", "账实相符"),
    ),
    (
        *on(
            "ForeclosedAsset",
            "ForeclosedAssetBooked",
            "loan_no = $first_asset, loan_notes = asset_ids, fa_kind, quantity, acquired_on, dispose_by, book_value, "
            "carrying += book_value, impairment += 0, status = 'BOOKED'",
            makes=True,
            special=title_known,
        ),
        *on("Foreclosure", "TitleTransferred", "title_state = 'TRANSFERRED'", rows="$fa_nos"),
        *on("ForeclosedAsset", "AssetDistributed", "keeper = manager"),
        *on("ForeclosedAsset", "DistributionAccepted", "keeper = @actor, status = 'IN_CUSTODY'"),
        *on("ForeclosedAsset", "CheckRecorded", "asset_class, condition, matched"),
        *on("ForeclosedAsset", "InventoryReconciled", "quantity = counted_qty"),
        *on(
            "ForeclosedAsset",
            "CustodyCardUpdated",
            "location = changes.location, keeper = changes.keeper, custodian_branch = changes.custodian_branch",
        ),
        *on("ForeclosedAsset", "CustodianChanged", "custodian_branch"),
        *on("ForeclosedAsset", "ValuationUpdated", "appraised"),
        *on("ForeclosedAsset", "ImpairmentRecognised", "carrying -= amount, impairment += amount"),
        *on("ForeclosedAsset", "ImpairmentReversed", "carrying += amount, impairment -= amount"),
        *on("ForeclosedAsset", "TemporaryUseStarted", "use = kind, use_until = until_date"),
        *on("ForeclosedAsset", "TemporaryUseEnded", "use = none, use_until = none"),
        *on("ForeclosedAsset", "AssetSold", "carrying -= carrying, status = $status"),
        *on("ForeclosedAsset", "ConvertedToFixedAsset", "carrying -= carrying, status = $status"),
        *on("ForeclosedAsset", "LossListed", "carrying -= carrying, status = $status"),
        *on("ForeclosedAsset", "DisposalUndone", special=disposal_undone),
        *on("ForeclosedAsset", "ForeclosedAssetVoided", special=voided),
    ),
    fed_by="all ForeclosedAsset events, TitleTransferred",
)


def prorated(amount: int, weights: dict[str, int]) -> dict[str, int]:
    """Parts of an amount by weights that add up to it, largest remainder first (spec 7.2)."""
    whole = sum(weights.values()) or len(weights)
    shares = {
        name: divmod(amount * (weight if sum(weights.values()) else 1), whole) for name, weight in weights.items()
    }
    parts = {name: floor for name, (floor, _) in shares.items()}
    for name in sorted(shares, key=lambda one: (-shares[one][1], one))[: amount - sum(parts.values())]:
        parts[name] += 1
    return parts


def received(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Each bucket of the foreclosure's alloc, shared over its items by their settlement (7.2)."""
    foreclosure = recall.of("Foreclosure", key[0])
    settlements = foreclosure.get("settlements") or {key[1]: 1}
    for bucket, part in (foreclosure.get("settled") or {}).items():
        emit(bucket, ADD, prorated(part, settlements).get(key[1], 0))


def receipt_reversed(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`reversed += ` the item's share of the amount."""
    settlements = recall.of("Foreclosure", key[0]).get("settlements") or {key[1]: 1}
    emit("reversed", ADD, prorated(minor(event["payload"]["amount"], recall.own["ccy"]), settlements).get(key[1], 0))


FA_RECEIPT = Ledger(
    "fa_receipt",
    "LG-05",
    "Receipt of foreclosed assets",
    "抵债资产收取台账",
    ("foreclosure_no", "fa_no"),
    "-acquired_on",
    (
        text("foreclosure_no", "Foreclosure", "抵债案号"),
        FA,
        LOAN,
        NOTES,
        code("method", "Method", "抵债方式"),
        text("instrument", "Instrument", "抵债文书"),
        day("acquired_on", "Acquired on", "取得日"),
        money("appraised", "Appraised", "评估价值"),
        money("settlement", "Settlement", "抵债金额"),
        *BUCKET_FIELDS,
        money("taxes", "Taxes", "税费"),
        money("costs_capitalised", "Costs capitalised", "资本化费用"),
        money("book_value", "Book value", "入账价值"),
        text("approval_no", "Approval", "批复号"),
        text("core_txn_no", "Core posting", "核心流水"),
        money("reversed", "Reversed", "冲正金额"),
        code("status", "Status", "状态"),
    ),
    (
        *on(
            "ForeclosedAsset",
            "ForeclosedAssetBooked",
            "loan_no = $first_asset, loan_notes = asset_ids, acquired_on, settlement, taxes, costs_capitalised, "
            "book_value, status = 'RECEIVED', reversed += 0, method = Foreclosure(foreclosure_no).method, "
            "instrument = Foreclosure(foreclosure_no).doc_no, appraised = Foreclosure(foreclosure_no).appraised, "
            "approval_no = Foreclosure(foreclosure_no).approval_no, "
            "core_txn_no = Foreclosure(foreclosure_no).core_txn_no",
            rows="foreclosure_no, @key",
            makes=True,
            special=received,
        ),
        *on(
            "RiskAsset",
            "InKindReversed",
            "status = 'REVERSED'",
            rows="foreclosure_no, Foreclosure(foreclosure_no).fa_nos",
            special=receipt_reversed,
        ),
        *on("Foreclosure", "ForeclosurePosted", "core_txn_no", rows="@key, $fa_nos"),
    ),
    fed_by="Foreclosure events, ForeclosedAssetBooked, InKindSettled, InKindReversed",
)


def disposal_reversed(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`reversed = 1`, what was carried and earned is taken back."""
    undone = recall.own.get("undone") or {}
    for name in ("carrying", "proceeds", "selling_costs", "interest_recognised", "result", "compensation"):
        if undone.get(name) is not None:
            emit(name, TAKE, undone[name])
    emit("reversed", SET, 1)
    emit("status", SET, "REVERSED")


_DISPOSAL = "loan_no = $first_asset, fa_no = @key, portion, carrying += carrying, posted_on = @day, status = 'POSTED'"
DISPOSAL = Ledger(
    "disposal",
    "LG-06",
    "Disposal of foreclosed assets",
    "资产处置台账",
    ("fa_disposal_no",),
    "-posted_on",
    (
        text("fa_disposal_no", "Disposal", "处置案号"),
        FA,
        LOAN,
        code("kind", "Kind", "处置种类"),
        per_cent("portion", "Portion", "处置比例"),
        code("method", "Method", "处置方式"),
        text("buyer", "Buyer", "受让人", personal=True),
        money("reserve", "Reserve", "底价"),
        money("price", "Price", "成交价"),
        money("proceeds", "Proceeds", "处置收入"),
        money("compensation", "Compensation", "赔偿收入"),
        money("selling_costs", "Selling costs", "处置费用"),
        money("carrying", "Carrying amount", "账面价值"),
        money("interest_recognised", "Interest recognised", "确认利息收入"),
        money("result", "Result", "处置损益"),
        text("approval_no", "Approval", "批复号"),
        text("core_txn_no", "Core posting", "核心流水"),
        day("posted_on", "Posted on", "入账日"),
        code("status", "Status", "状态"),
        yes_no("reversed", "Reversed", "是否冲正"),
    ),
    (
        *on(
            "FaDisposal",
            "FaDisposalDrafted",
            "loan_no = $first_asset, fa_no, kind, portion, method, reserve, status = 'DRAFT', reversed = 0",
            makes=True,
        ),
        *on("FaDisposal", "FaDisposalAmended", "kind, portion, method, reserve, status = 'DRAFT'"),
        *on("FaDisposal", "FaDisposalDiscarded", "status = 'DISCARDED'"),
        *on("FaDisposal", "FaDisposalSubmitted", "status = 'SUBMITTED'"),
        *on("FaDisposal", "FaDisposalReturned", "status = 'RETURNED'"),
        *on("FaDisposal", "FaDisposalApproved", "status = 'APPROVED', approval_no, reserve"),
        *on("FaDisposal", "FaDisposalRejected", "status = 'REJECTED'"),
        *on("FaDisposal", "FaDisposalWithdrawn", "status = 'WITHDRAWN'"),
        *on("FaDisposal", "FaDisposalApprovalLapsed", "status = 'LAPSED'"),
        *on("FaDisposal", "FaBuyerConfirmed", "buyer, price, status = 'SOLD'"),
        *on("FaDisposal", "FaDisposalPosted", "core_txn_no"),
        *on(
            "ForeclosedAsset",
            "AssetSold",
            "proceeds += proceeds, selling_costs += selling_costs, interest_recognised += interest_recognised, "
            "result += result, kind = 'SALE', " + _DISPOSAL,
            rows="fa_disposal_no",
            makes=True,
        ),
        *on(
            "ForeclosedAsset",
            "ConvertedToFixedAsset",
            "kind = 'CONVERT', " + _DISPOSAL,
            rows="fa_disposal_no",
            makes=True,
        ),
        *on(
            "ForeclosedAsset",
            "LossListed",
            "compensation += compensation, result += result, kind = 'LOSS_LISTING', " + _DISPOSAL,
            rows="fa_disposal_no",
            makes=True,
        ),
        *on("ForeclosedAsset", "DisposalUndone", rows="fa_disposal_no", special=disposal_reversed),
    ),
    fed_by="FaDisposal events, AssetSold, ConvertedToFixedAsset, LossListed, DisposalUndone",
)

IDLE = Ledger(
    "idle",
    "LG-15",
    "Idle assets",
    "闲置资产台账",
    ("asset_no",),
    "since",
    (
        text("asset_no", "Foreclosed or fixed asset", "抵债/固定资产号"),
        FA,
        LOAN,
        code("kind", "Kind", "种类"),
        money("carrying", "Carrying amount", "账面价值"),
        day("since", "Idle since", "闲置起始日"),
        number("idle_days", "Idle days", "闲置天数", derived="days since since"),
        code("plan", "Plan", "处置计划"),
    ),
    (
        *on(
            "ForeclosedAsset",
            "IdleMarked",
            "loan_no = $first_asset, fa_no = @key, kind = $fa_kind, carrying = $carrying, since",
            makes=True,
        ),
        *on("ForeclosedAsset", "IdleCleared", "exists = 0"),
        *on("ForeclosedAsset", "ImpairmentRecognised ImpairmentReversed", "carrying = $carrying"),
        *on("ForeclosedAsset", "AssetSold LossListed DisposalUndone", "carrying = $carrying"),
        *on("FaDisposal", "FaDisposalDrafted", "plan = kind", rows="fa_no"),
        *on(
            "ForeclosedAsset",
            "ConvertedToFixedAsset",
            "loan_no = $first_asset, fa_no = @key, kind = 'FIXED_ASSET', carrying += carrying, since = @day",
            rows="fixed_asset_no",
            makes=True,
        ),
        *on("ForeclosedAsset", "DisposalUndone", "exists = 0", rows="$undone_fixed_asset"),
    ),
    fed_by="IdleMarked, IdleCleared, ConvertedToFixedAsset, DisposalUndone",
)
