"""What later events need to know of earlier ones, in recorded order: the loan notes a case is about, what it takes
back, which case a loan note is in.

An aggregate decides in recorded order, and what it decided stands. So it is settled here, once, when an event is
read: whether a cost belongs to the claim or to the memo claim, which sale is unwound. Only then are effects folded
by day.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engines.primitives.money import exponent, to_minor
from projections.ledgers.grammar import Event

Facts = dict[str, Any]
ASSET_LISTS, ASSET_FIELDS = ("asset_ids", "loan_nos"), ("asset_no", "loan_no")


def minor(amount: Any, ccy: str) -> int:
    """Minor units of an amount as events show it."""
    if isinstance(amount, str) and amount[-3:-2] == "." and exponent(ccy) == 2:
        digits = amount[:-3] + amount[-2:]
        if digits.lstrip("-").isdigit():
            return int(digits)
    return to_minor(amount, ccy)


class Memory:
    """Facts of every case by aggregate and key."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, Facts]] = {}
        self.own: Facts = {}
        self.parents: dict[str, str] = {}  # organisation above, by organisation

    def of(self, aggregate: str, key: str) -> Facts:
        """The facts of one case, which an event may change; empty where nothing is known."""
        return self.facts.setdefault(aggregate, {}).setdefault(key, {})

    def remember(self, event: Event) -> None:
        """Take an event in; `own` are the facts of its case afterwards."""
        payload: Mapping[str, Any] = event["payload"]
        own = self.own = self.of(event["aggregate"], event["key"])
        if "ccy" not in own:
            own["ccy"] = payload.get("ccy") or "CNY"
            own["entity"] = payload.get("entity_id") or event["entity"]
            own["branch"] = payload.get("branch") or event["org"]
            own["org"] = event["org"] if event["org"] != "-" else own["branch"]
        if event["aggregate"] != "RiskAsset":
            for name in ASSET_LISTS:
                if payload.get(name):
                    own["assets"] = list(payload[name])
            for name in ASSET_FIELDS:
                if payload.get(name) and "assets" not in own:
                    own["assets"] = [str(payload[name])]
            if own.get("assets"):
                own["first_asset"] = str(own["assets"][0])
            for name in KEPT.get(event["aggregate"], ()):
                if payload.get(name) is not None:
                    own[name] = payload[name]
        if (effect := EFFECTS.get(event["type"])) is not None:
            effect(self, own, event, payload)

    def minor(self, amount: Any) -> int:
        """Minor units of an amount of the event that was remembered last."""
        return minor(amount, self.own["ccy"])


#: Fields of which the newest value is kept, by aggregate.
KEPT: Mapping[str, tuple[str, ...]] = {
    "DisposalPlan": ("strategy", "est_recovery"),
    "Foreclosure": ("method", "doc_no", "appraised", "approval_no", "core_txn_no", "acquired_on"),
    "AssetPackage": ("pool_no", "price", "amc_no", "contract_no", "trust_no"),
    "AssetPool": ("project_no",),
    "BatchDisposalProject": ("method", "base_date"),
    "Expense": ("case_kind", "case_no", "kind", "recoverable", "amount"),
    "OutsourcingEngagement": ("agency", "fee_rate"),
    "CounselEngagement": ("case_no",),
    "Parameter": ("value", "effective_on"),
    "Deadline": ("subject",),
    "RecoveryFlow": ("loan_no", "splits", "value_date"),
    "RiskCustomer": ("name_ref", "kind"),
    "FaDisposal": ("fa_no", "kind"),
    "ForeclosedAsset": ("fa_kind",),
    "Restructuring": ("kind",),
}

Effect = Callable[[Memory, Facts, Event, Mapping[str, Any]], None]

# --- Loan notes ----------------------------------------------------------------------------------------------------


def _admitted(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["lifecycle"], own["customer_no"] = "ACTIVE", str(payload.get("customer_no", "-"))
    own["assets"] = [str(_event["key"])]


def _written_off(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own["lifecycle"], own["written_off_on"] = "WRITTEN_OFF", event["valid_on"]
    own["write_off_no"] = payload["write_off_no"]


def _write_off_reversed(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["lifecycle"], own["written_off_on"] = "ACTIVE", None


def _sold(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    _which_sale(_memory, own, payload)
    sold = own.setdefault("sold", {})
    sold[payload["case_no"]] = [own.get("lifecycle", "ACTIVE"), payload["book_amount"]]
    own["sold_from"], own["lifecycle"] = own.get("lifecycle", "ACTIVE"), "CLOSED"


def _unwound(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    _which_sale(_memory, own, payload)
    before, book = own.get("sold", {}).pop(payload["case_no"], ["ACTIVE", "0.00"])
    own["lifecycle"] = own["sold_from"] = before
    own["sold_book"] = book


def _which_sale(memory: Memory, own: Facts, payload: Mapping[str, Any]) -> None:
    """A sale is a transfer of its own, or one of a package."""
    single = bool(memory.facts.get("DebtTransfer", {}).get(payload["case_no"]))
    own["single_sale"], own["batch_sale"] = (payload["case_no"], None) if single else (None, payload["case_no"])


def _closed(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["lifecycle"] = "CLOSED"


def _reopened(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["lifecycle"] = "ACTIVE"


def _recovered(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    """Which cases a recovery counts for: those that the loan note is in when it is recorded."""
    split = f"{payload['flow_id']}/{payload.get('split_no', 1)}"
    mode = payload.get("mode") or "POST_WRITE_OFF_CASH"
    counts = {name: list(own.get(name, ())) for name in ("suits", "agencies", "mandates")}
    own.setdefault("recoveries", {})[split] = {"mode": mode, **counts, "write_off_no": own.get("write_off_no")}
    _count_for(own, own["recoveries"][split])


def _recovery_reversed(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    split = f"{payload['flow_id']}/{payload.get('split_no', 1)}"
    _count_for(own, own.get("recoveries", {}).get(split, {}))


def _costs_moved(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    """Which expenses of a loan note were repaid: the oldest first; a reversal gives back the newest first."""
    part = (payload.get("alloc") or {}).get("costs")
    moved = 0 if part is None else memory.minor(part)
    if payload.get("costs_capitalised"):
        moved += memory.minor(payload["costs_capitalised"])
    backwards = "Reversed" in event["type"]
    repaid: dict[str, int] = {}
    for cost in own.get("advanced", [])[:: -1 if backwards else 1]:  # [row, amount, repaid]
        share = min(moved, cost[2] if backwards else cost[1] - cost[2])
        if share > 0:
            cost[2] += -share if backwards else share
            repaid[cost[0]] = repaid.get(cost[0], 0) + (-share if backwards else share)
            moved -= share
    own["repaid_costs"], own["cost_rows"] = repaid, list(repaid)


def _cost_advanced(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    expense_id = payload.get("expense_id") or "-"
    row = f"{event['key']}#{event['position']}" if expense_id == "-" else str(expense_id)
    own["cost_row"] = row
    own.setdefault("advanced", []).append([row, memory.minor(payload["amount"]), 0])


def _count_for(own: Facts, recovery: Mapping[str, Any]) -> None:
    mode = recovery.get("mode")
    own["mode"] = mode
    own["suit"] = recovery.get("suits", [])[-1:] if mode == "LITIGATION_ENFORCEMENT" else []
    own["agency"] = recovery.get("agencies", [])[-1:] if mode == "OUTSOURCED" else []
    own["mandate"] = recovery.get("mandates", [])
    own["of_write_off"] = recovery.get("write_off_no")


# --- Cases that a loan note is in ----------------------------------------------------------------------------------


def _enters(name: str) -> Effect:
    def effect(memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
        for loan_no in own.get("assets", ()):
            into = memory.of("RiskAsset", loan_no).setdefault(name, [])
            if event["key"] not in into:
                into.append(event["key"])

    return effect


def _leaves(name: str) -> Effect:
    def effect(memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
        for loan_no in own.get("assets", ()):
            into = memory.of("RiskAsset", loan_no).get(name, [])
            if event["key"] in into:
                into.remove(event["key"])

    return effect


def _stage(stage: str) -> Effect:
    def effect(_memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
        own["stage"], own["stage_before"] = stage, own.get("stage")

    return effect


def _stage_back(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["stage"] = own.get("stage_before") or "FILED"


def _both(*effects: Effect) -> Effect:
    def effect(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
        for one in effects:
            one(memory, own, event, payload)

    return effect


# --- Foreclosed assets ---------------------------------------------------------------------------------------------


def _booked(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own["foreclosure_no"], own["booked_on"] = payload["foreclosure_no"], event["valid_on"]
    own["book_value"] = memory.minor(payload["book_value"])
    own["book_offset"] = memory.minor(payload.get("book_offset") or payload["book_value"])
    own["carrying"], own["impaired"] = own["book_value"], []
    received = memory.of("Foreclosure", payload["foreclosure_no"]).setdefault("fa_nos", [])
    if event["key"] not in received:
        received.append(event["key"])


def _impaired(sign: int) -> Effect:
    def effect(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
        amount = sign * memory.minor(payload["amount"])
        own["carrying"] = own.get("carrying", 0) - amount
        own.setdefault("impaired", []).append([event["valid_on"], amount])

    return effect


def _disposed(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own["carrying"] = own.get("carrying", 0) - memory.minor(payload["carrying"])
    own.setdefault("disposals", {})[payload["fa_disposal_no"]] = dict(payload) | {"day": event["valid_on"]}


def _gone(stage: str) -> Effect:
    def effect(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
        _disposed(memory, own, event, payload)
        gone = sum((Decimal(str(one["portion"])) for one in own["disposals"].values()), Decimal(0))
        own["status"] = stage if gone >= 100 else "PART_SOLD"

    return effect


def _undone(memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["carrying"] = own.get("carrying", 0) + memory.minor(payload["carrying"])
    own["undone"] = own.get("disposals", {}).pop(payload["fa_disposal_no"], {})
    own["undone_fixed_asset"] = own["undone"].get("fixed_asset_no")


def _voided(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["carrying_before"], own["status"] = own.get("carrying", 0), "VOID"


def _foreclosure_items(memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    if payload.get("items"):
        own["settlements"] = {item["fa_no"]: memory.minor(item["settlement"]) for item in payload["items"]}


def _settled(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    parts = {bucket: memory.minor(part) for bucket, part in (payload.get("alloc") or {}).items()}
    memory.of("Foreclosure", payload["foreclosure_no"])["settled"] = parts
    _costs_moved(memory, own, event, payload)


def _title(_memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
    own["title_on"] = event["valid_on"]


def _posted(_memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
    own["posted_on"] = event["valid_on"]


def _reversed(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["reversal_kind"] = payload.get("kind")


# --- Others --------------------------------------------------------------------------------------------------------


def _exited(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own["exited_on"] = payload["exited_on"]


def _at_risk(_memory: Memory, own: Facts, event: Event, _payload: Mapping[str, Any]) -> None:
    own["at_risk_since"] = event["valid_on"]


def _organised(memory: Memory, _own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    if payload.get("parent_no"):
        memory.parents[event["key"]] = str(payload["parent_no"])


def _pooled(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own.pop("assets", None)  # a pool's rows are those of its packages


def _batched(memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    items = [str(payload["case_no"])] if "case_no" in payload else [str(item) for item in payload.get("items") or ()]
    own["item_rows"] = [
        f"{item}|{loan_no}" for item in items for loan_no in memory.of("WriteOff", item).get("assets", ())
    ]


def _diligence(memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own.setdefault("valuations", {})[payload["asset_no"]] = payload["valuation"]
    own.pop("assets", None)


def _tagged_splits(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["split_nos"] = [str(split.get("split_no")) for split in payload.get("splits") or ()]


def _acted(memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    own["acted"] = [
        f"{agency}|{loan_no}"
        for loan_no in own.get("assets", ())
        for agency in memory.of("RiskAsset", loan_no).get("agencies", ())
    ]


def _reviewed(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["review"] = "REVIEWED" if payload.get("outcome") == "PASS" else "RETURNED"


def _committee(_memory: Memory, own: Facts, _event: Event, payload: Mapping[str, Any]) -> None:
    own["committee"] = "REJECTED" if payload.get("outcome") == "REJECTED" else "SUBMITTED"


def _breach(stage: str) -> Effect:
    def effect(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
        own["breach_status"] = stage

    return effect


def _observed(_memory: Memory, own: Facts, _event: Event, _payload: Mapping[str, Any]) -> None:
    if own.get("breach_status") == "RESTORED":
        own["breach_status"] = "OPEN"


def _proceeds(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own.setdefault("proceeds", {})[str(payload.get("flow_id"))] = event["valid_on"]


def _proceeds_back(_memory: Memory, own: Facts, event: Event, payload: Mapping[str, Any]) -> None:
    own["proceeds_on"] = own.get("proceeds", {}).get(str(payload.get("flow_id")), event["valid_on"])


SUIT_STAGES: Mapping[str, str] = {
    "CaseProposalDrafted": "DRAFT",
    "CaseProposalAmended": "DRAFT",
    "CaseProposalDiscarded": "DISCARDED",
    "CaseProposalSubmitted": "SUBMITTED",
    "CaseProposalReturned": "RETURNED",
    "CaseProposalApproved": "APPROVED",
    "CaseProposalRejected": "REJECTED",
    "CaseProposalWithdrawn": "WITHDRAWN",
    "CaseProposalApprovalLapsed": "LAPSED",
    "CaseDocketed": "FILED",
    "JudgmentServed": "JUDGED",
    "AppealFiled": "APPEAL",
    "JudgmentEffective": "EFFECTIVE",
    "MediationSigned": "EFFECTIVE",
    "EnforcementApplied": "ENFORCING",
    "EnforcementSuspended": "SUSPENDED",
    "EnforcementResumed": "ENFORCING",
    "CaseRegistrationDiscarded": "DISCARDED",
    "CaseClosed": "CLOSED",
}

EFFECTS: dict[str, Effect] = {
    "AssetAdmitted": _admitted,
    "AssetWrittenOff": _written_off,
    "AssetWriteOffReversed": _write_off_reversed,
    "AssetTransferred": _sold,
    "TransferUnwound": _unwound,
    "NoRecourseMarked": _closed,
    "AssetClosed": _closed,
    "AssetReopened": _reopened,
    "CostAdvanced": _cost_advanced,
    "InKindReversed": _costs_moved,
    "InKindSettled": _settled,
    "ForeclosedAssetBooked": _booked,
    "ImpairmentRecognised": _impaired(1),
    "ImpairmentReversed": _impaired(-1),
    "AssetSold": _gone("SOLD"),
    "ConvertedToFixedAsset": _gone("CONVERTED"),
    "LossListed": _gone("LOST"),
    "ForeclosedAssetVoided": _voided,
    "ForeclosureDrafted": _foreclosure_items,
    "ForeclosureAmended": _foreclosure_items,
    "TitleTransferred": _title,
    "DiligenceRecorded": _diligence,
    "FlowTagged": _tagged_splits,
    "FlowRetagged": _tagged_splits,
    "CollectionActionLogged": _acted,
    "ComplianceReviewed": _reviewed,
    "CommitteeOutcomeRecorded": _committee,
    "WriteOffBatchItemRemoved": _batched,
    "LimitBreached": _breach("OPEN"),
    "BreachWaived": _breach("WAIVED"),
    "LimitRestored": _breach("RESTORED"),
    "BreachClosed": _breach("CLOSED"),
    "BreachObserved": _observed,
    "DisposalUndone": _undone,
    "OutsourcingEngaged": _enters("agencies"),
    "OutsourcingRecalled": _leaves("agencies"),
    "MandateAccepted": _enters("mandates"),
    "MandateEnded": _leaves("mandates"),
    "CustomerRegistered": _at_risk,
    "CustomerReentered": _at_risk,
    "CustomerExited": _exited,
    "OrgUnitCreated": _organised,
    "OrgUnitChanged": _organised,
    "WriteOffBatchDrafted": _batched,
    "WriteOffBatchAmended": _batched,
    "AssetPooled": _pooled,
    "ProceedsAllocated": _proceeds,
    "RepaymentReversed": _proceeds_back,
}
EFFECTS |= {event: _stage(stage) for event, stage in SUIT_STAGES.items()}
EFFECTS |= {
    "CaseDocketed": _both(_stage("FILED"), _enters("suits")),
    "CaseClosed": _both(_stage("CLOSED"), _leaves("suits")),
    "CaseReopened": _both(_stage_back, _enters("suits")),
}
EFFECTS |= {
    "RecoveryApplied": _both(_recovered, _costs_moved),
    "WriteOffRecoveryApplied": _both(_recovered, _costs_moved),
    "RecoveryReversed": _both(_recovery_reversed, _costs_moved),
    "WriteOffRecoveryReversed": _both(_recovery_reversed, _costs_moved),
}
POSTINGS = ("WriteOff", "Reduction", "Transfer", "Package", "Foreclosure", "FaDisposal", "Restructuring")
EFFECTS |= {f"{noun}Posted": _posted for noun in POSTINGS}
EFFECTS |= {f"{noun}Reversed": _reversed for noun in POSTINGS}
