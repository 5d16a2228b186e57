"""LG-11 single transfers, LG-12 batch transfers (spec 3.15, 3.16, 4.1)."""

from projections.ledgers.definition import Emit, Ledger, code, day, money, on, text, yes_no
from projections.ledgers.grammar import SET, Event, Recall
from projections.ledgers.memory import minor
from projections.ledgers.of_assets import LOAN
from projections.ledgers.of_cases import approval, posting


def claim_sold(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`claim = ` the whole of alloc."""
    ccy = recall.own["ccy"]
    emit("claim", SET, sum(minor(part, ccy) for part in (event["payload"].get("alloc") or {}).values()))


_SOLD = "book = book_amount, prorated_price = price, loss, sold_on = @day"
SINGLE_TRANSFER = Ledger(
    "single_transfer",
    "LG-11",
    "Single transfers",
    "非批量转让台账",
    ("transfer_no", "loan_no"),
    "-sold_on",
    (
        text("transfer_no", "Transfer", "转让案号"),
        LOAN,
        code("method", "Method", "转让方式"),
        money("claim", "Claim", "转让债权"),
        money("book", "Book amount", "账面金额"),
        money("valuation", "Valuation of the case", "评估价值", summed=False),
        money("reserve", "Reserve of the case", "底价", summed=False),
        money("price", "Price of the case", "成交价", summed=False),
        money("prorated_price", "Price of the note", "分摊价款"),
        money("loss", "Loss", "损失"),
        text("buyer", "Buyer", "受让人"),
        text("contract_no", "Contract", "合同号"),
        money("fees", "Fees of the case", "费用", summed=False),
        day("sold_on", "Sold on", "出表日"),
        day("debtor_notified_on", "Debtor notified on", "通知债务人日"),
        day("unwound_on", "Unwound on", "撤销日"),
        text("approval_no", "Approval", "批复号"),
        text("core_txn_no", "Core posting", "核心流水"),
        day("posted_on", "Posted on", "入账日"),
        code("status", "Status", "状态"),
        yes_no("reversed", "Reversed", "是否冲正"),
    ),
    (
        *on(
            "DebtTransfer",
            "TransferDrafted",
            "method, valuation, reserve, fees += 0, status = 'DRAFT', reversed = 0",
            rows="@key, $assets",
            makes=True,
        ),
        *on("DebtTransfer", "TransferAmended", "method, valuation, reserve", rows="@key, $assets", makes=True),
        *approval("DebtTransfer", "Transfer", "@key, $assets", "approval_no, reserve"),
        *on("DebtTransfer", "BuyerConfirmed", "buyer = buyer_no, price, status = 'SOLD'", rows="@key, $assets"),
        *on("DebtTransfer", "TransferContractSigned", "contract_no", rows="@key, $assets"),
        *on("DebtTransfer", "TransferFeeRegistered", "fees += amount", rows="@key, $assets"),
        *posting("DebtTransfer", "Transfer", "@key, $assets"),
        *on(
            "RiskAsset",
            "AssetTransferred",
            _SOLD,
            rows="$single_sale, @key",
            makes=True,
            special=claim_sold,
        ),
        *on("RiskAsset", "TransferUnwound", "unwound_on = @day, reversed = 1", rows="$single_sale, @key"),
        *on("DebtTransfer", "DebtorNotified", "debtor_notified_on = on", rows="@key, $assets"),
        *on("DebtTransfer", "TransferResultRegistered", "status = 'COMPLETED'", rows="@key, $assets"),
        *on("DebtTransfer", "TransferFailed", "status = 'FAILED'", rows="@key, $assets"),
    ),
    fed_by="DebtTransfer events, AssetTransferred, TransferUnwound",
)


def diligence(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Valuation of the note as its pool's diligence found it; project, method and base date of the pool's project."""
    pool = recall.of("AssetPool", str(recall.own.get("pool_no", "-")))
    project_no = str(pool.get("project_no", "-"))
    project = recall.of("BatchDisposalProject", project_no)
    if (valuation := pool.get("valuations", {}).get(key[1])) is not None:
        emit("valuation", SET, valuation)
    if project_no != "-":
        emit("project_no", SET, project_no)
    for name in ("method", "base_date"):
        if project.get(name) is not None:
            emit(name, SET, project[name])


BATCH_TRANSFER = Ledger(
    "batch_transfer",
    "LG-12",
    "Batch transfers",
    "批量转让台账",
    ("package_no", "loan_no"),
    "-sold_on",
    (
        text("package_no", "Package", "资产包号"),
        LOAN,
        text("project_no", "Project", "项目号"),
        code("method", "Method", "处置方式"),
        day("base_date", "Base date", "基准日"),
        money("claim", "Claim", "转让债权"),
        money("book", "Book amount", "账面金额"),
        money("valuation", "Valuation", "评估价值"),
        money("reserve", "Reserve of the package", "底价", summed=False),
        money("price", "Price of the package", "成交价", summed=False),
        money("prorated_price", "Price of the note", "分摊价款"),
        money("loss", "Loss", "损失"),
        text("amc_no", "Asset management company", "资产管理公司"),
        text("contract_no", "Contract", "合同号"),
        day("contract_on", "Signed on", "签约日"),
        money("fees", "Fees of the package", "费用", summed=False),
        day("sold_on", "Sold on", "出表日"),
        day("delivered_on", "Delivered on", "交割日"),
        code("item_error", "Item refused", "单项失败"),
        day("unwound_on", "Unwound on", "撤销日"),
        text("core_txn_no", "Core posting", "核心流水"),
        day("posted_on", "Posted on", "入账日"),
        code("status", "Status", "状态"),
        yes_no("reversed", "Reversed", "是否冲正"),
    ),
    (
        *on(
            "AssetPackage",
            "PackageFormed",
            "reserve, fees += 0, status = 'FORMED', reversed = 0",
            rows="@key, $assets",
            makes=True,
            special=diligence,
        ),
        *on("AssetPackage", "InvitationIssued BidNoticeRegistered", "status = 'BIDDING'", rows="@key, $assets"),
        *on("AssetPackage", "BidWon", "amc_no, price, status = 'AWARDED'", rows="@key, $assets"),
        *on("AssetPackage", "BiddingFailed", "status = 'FORMED'", rows="@key, $assets"),
        *on("AssetPackage", "ContractRecorded", "contract_no, contract_on = signed_on", rows="@key, $assets"),
        *on("AssetPackage", "PackageFeeRegistered", "fees += amount", rows="@key, $assets"),
        *posting("AssetPackage", "Package", "@key, $assets"),
        *on("AssetPackage", "PackageItemFailed", "item_error = error_code", rows="@key, asset_no"),
        *on("AssetPackage", "PackageDelivered", "delivered_on = on, status = 'DELIVERED'", rows="@key, $assets"),
        *on("AssetPackage", "SecuritiesIssued IncomeRightTransferred", "status = 'ISSUED'", rows="@key, $assets"),
        *on(
            "RiskAsset",
            "AssetTransferred",
            _SOLD,
            rows="$batch_sale, @key",
            makes=True,
            special=claim_sold,
        ),
        *on("RiskAsset", "TransferUnwound", "unwound_on = @day, reversed = 1", rows="$batch_sale, @key"),
    ),
    fed_by="project, pool and package events, AssetTransferred, TransferUnwound",
)
