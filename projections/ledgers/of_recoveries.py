"""LG-02 disposal and recovery, LG-03 exits of risk customers (spec/risk-assets.md 3.3, 3.7, 4.1, 7.1)."""

from projections.ledgers.definition import (
    BUCKETS,
    Emit,
    Ledger,
    code,
    day,
    each,
    money,
    number,
    on,
    text,
    yes_no,
)
from projections.ledgers.grammar import ADD, SET, Event, Recall
from projections.ledgers.memory import minor
from projections.ledgers.of_assets import BUCKET_TITLES, LOAN

BUCKET_FIELDS = tuple(money(bucket, *BUCKET_TITLES[bucket]) for bucket in BUCKETS)
_TAKEN = each("{0} += alloc.{0}")
_BACK = each("{0} -= alloc.{0}")


def tagged(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Mode, campaign, organisation and loan note of the split that the row is about; who tagged it."""
    for split in event["payload"].get("splits") or ():
        if str(split.get("split_no")) == key[1]:
            for name, field in (("mode", "mode"), ("campaign", "campaign"), ("loan_no", "asset_no")):
                if split.get(field) is not None:
                    emit(name, SET, split[field])
            emit("tagger", SET, event["actor"])


def confirmed(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """The loan note of the split: the one it was tagged for, else the one that core banking named."""
    splits = [one for one in recall.own.get("splits") or () if str(one.get("split_no")) == key[1]]
    loan_no = next((one["asset_no"] for one in splits if one.get("asset_no")), recall.own.get("loan_no"))
    if loan_no is not None:
        emit("loan_no", SET, loan_no)


def transferred(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """`mode`: SECURITISATION, TRANSFER_SINGLE for a transfer of its own, else TRANSFER_BATCH."""
    single = recall.of("DebtTransfer", str(event["payload"]["case_no"]))
    batch = "SECURITISATION" if event["payload"].get("closed_as") == "SECURITISED" else "TRANSFER_BATCH"
    emit("mode", SET, "TRANSFER_SINGLE" if single else batch)


def written_off(sign: int):  # type: ignore[no-untyped-def]
    def effect(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
        """`amount = ` the whole of alloc; a reversal `reversed +=` it."""
        whole = sum(minor(part, recall.own["ccy"]) for part in (event["payload"].get("alloc") or {}).values())
        if sign > 0:
            emit("amount", SET, whole)
        else:
            emit("reversed", ADD, whole)

    return effect


_CASH = "loan_no = @key, value_date = @day, cash = 1, amount, reversed += 0, " + _TAKEN
_IN_KIND = "loan_no = @key, value_date = @day, cash = 0, amount, reversed += 0, " + _TAKEN
RECOVERY = Ledger(
    "recovery",
    "LG-02",
    "Disposal and recovery",
    "处置回收台账",
    ("about", "part"),
    "-value_date",
    (
        text("about", "Flow or case", "流水号/案件号"),
        text("part", "Split or loan note", "分录/借据"),
        LOAN,
        day("value_date", "Value date", "起息日"),
        code("mode", "Mode", "回收方式"),
        text("campaign", "Campaign", "重点系列项目"),
        yes_no("cash", "Cash", "是否现金"),
        money("amount", "Amount", "金额"),
        *BUCKET_FIELDS,
        text("tagger", "Tagged by", "标识人"),
        text("confirmer", "Confirmed by", "确认人"),
        money("reversed", "Reversed", "冲正金额"),
        money("net", "Net", "净额", derived="amount - reversed"),
    ),
    (
        *on("RecoveryFlow", "FlowTagged FlowRetagged", rows="@key, $split_nos", special=tagged),
        *on(
            "RecoveryFlow",
            "FlowTagConfirmed",
            "mode, amount, cash = 1, reversed += 0, confirmer = @actor, value_date = $value_date|@day",
            rows="@key, split_no",
            makes=True,
            special=confirmed,
        ),
        *on("RiskAsset", "RecoveryApplied", "mode, " + _CASH, rows="flow_id, split_no", makes=True),
        *on(
            "RiskAsset",
            "WriteOffRecoveryApplied",
            "mode = 'POST_WRITE_OFF_CASH', " + _CASH,
            rows="flow_id, split_no|1",
            makes=True,
        ),
        *on(
            "RiskAsset",
            "RecoveryReversed WriteOffRecoveryReversed",
            "reversed += amount, " + _BACK,
            rows="flow_id, split_no|1",
        ),
        *on(
            "RiskAsset",
            "InKindSettled",
            "mode = 'FORECLOSURE_IN_KIND', " + _IN_KIND,
            rows="foreclosure_no, @key",
            makes=True,
        ),
        *on("RiskAsset", "InKindReversed", "reversed += amount, " + _BACK, rows="foreclosure_no, @key"),
        *on(
            "RiskAsset",
            "DebtReduced",
            "mode = 'REDUCTION_WAIVER', " + _IN_KIND,
            rows="reduction_no, @key",
            makes=True,
        ),
        *on("RiskAsset", "DebtReductionReversed", "reversed += amount, " + _BACK, rows="reduction_no, @key"),
        *on(
            "RiskAsset",
            "AssetTransferred",
            "loan_no = @key, value_date = @day, cash = 1, amount = price, reversed += 0, " + _TAKEN,
            rows="case_no, @key",
            makes=True,
            special=transferred,
        ),
        *on("RiskAsset", "TransferUnwound", "reversed += price_returned, " + _BACK, rows="case_no, @key"),
        *on(
            "RiskAsset",
            "AssetWrittenOff",
            "mode = 'WRITE_OFF', loan_no = @key, value_date = @day, cash = 0, reversed += 0, " + _TAKEN,
            rows="write_off_no, @key",
            makes=True,
            special=written_off(1),
        ),
        *on("RiskAsset", "AssetWriteOffReversed", _BACK, rows="write_off_no, @key", special=written_off(-1)),
    ),
    fed_by="FlowTagged, FlowTagConfirmed, FlowRetagged, RecoveryApplied, InKindSettled, AssetTransferred, "
    "AssetWrittenOff, DebtReduced, WriteOffRecoveryApplied and their reversals",
)

CUSTOMER_EXIT = Ledger(
    "customer_exit",
    "LG-03",
    "Exits of risk customers",
    "风险客户退出台账",
    ("exited_customer", "exited_on"),
    "-exited_on",
    (
        text("exited_customer", "Customer", "客户号"),
        text("own_customer", "Customer", "客户号"),
        day("exited_on", "Exited on", "退出日"),
        code("cause", "Cause", "退出原因"),
        money("peak_claim", "Peak claim", "最高债权", derived="history peak"),
        money("rec_cash", "Recovered in cash", "现金回收", derived="history rec_cash"),
        money("rec_kind", "Recovered in kind", "以资抵债回收", derived="history rec_kind"),
        money("waived", "Waived", "减免", derived="history waived"),
        money("written_off", "Written off", "核销", derived="history written_off"),
        money("recovered", "Recovered, as told", "退出时回收"),
        money("loss", "Loss, as told", "退出时损失"),
        day("at_risk_since", "At risk since", "成为风险客户日"),
        number("days_at_risk", "Days at risk", "在险天数", derived="days from at_risk_since to exited_on"),
        day("reentered_on", "Entered again", "再次进入日"),
    ),
    (
        *on(
            "RiskCustomer",
            "CustomerExited",
            "own_customer = @key, cause, recovered, loss, at_risk_since = $at_risk_since, reentered_on = none",
            rows="@key, exited_on",
            makes=True,
        ),
        *on("RiskCustomer", "CustomerReentered", "reentered_on = @day", rows="@key, $exited_on"),
    ),
    loan="",
    fed_by="CustomerExited, CustomerReentered; figures from the customer's loan notes up to the exit",
)
