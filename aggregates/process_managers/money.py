"""Process managers of money and cases: PM1, PM2, PM4, PM9 and what closes an asset (spec/risk-assets.md 3.22)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from aggregates import claim
from aggregates.assets import Assets
from aggregates.process_managers.wanted import SYSTEM, Rule, Wanted
from aggregates.recovery_flow import MEMO_MODE
from aggregates.registry import KINDS
from aggregates.rendering import EventView

OPEN_POSTINGS = ("POSTING", "POSTING_UNKNOWN")
#: Kinds of cases that post through core banking.
POSTING_KINDS = tuple(name for name, kind in KINDS.items() if any(row.command == "MarkPosted" for row in kind.ROWS))


def apply_confirmed_split(app: Assets, event: EventView) -> Iterator[Wanted]:
    """PM1: money that is tagged and confirmed is laid on the claim; modes of cases are left to them (E14)."""
    flow = app.find("RecoveryFlow", event.key)
    splits = [] if flow is None else flow.facts.get("splits", [])
    split = next((item for item in splits if item["split_no"] == event.payload["split_no"]), None)
    mode = event.payload["mode"]
    if split is None or mode not in (*claim.CASH_MODES, MEMO_MODE):
        return
    if is_posting_open(app, split["asset_no"]):
        return  # `waiting` takes it up when core has answered
    payload = {"flow_id": event.key, "split_no": event.payload["split_no"], "amount": event.payload["amount"]}
    yield application(split["asset_no"], mode, payload, _day(event))


def application(loan_no: str, mode: str, payload: Mapping[str, Any], day: date, tag: str = "") -> Wanted:
    """Lay one split on the claim, or on the memo of what was written off."""
    if mode == MEMO_MODE:
        return Wanted("RiskAsset", loan_no, "WriteOffRecoveryApplied", payload, valid_on=day, tag=tag)
    return Wanted("RiskAsset", loan_no, "RecoveryApplied", {**payload, "mode": mode}, valid_on=day, tag=tag)


def is_posting_open(app: Assets, loan_no: str) -> bool:
    """Whether core banking has a posting about the asset in hand whose end we do not know."""
    with app.model.current() as model:
        return any(case.stage in OPEN_POSTINGS for kind in POSTING_KINDS for case in model.cases_of(kind, loan_no))


def reverse_split(app: Assets, event: EventView) -> Iterator[Wanted]:
    """PM2: what core takes back is taken back from the claim, newest split first."""
    flow = app.find("RecoveryFlow", event.key)
    if flow is None:
        return
    for split in reversed(flow.facts.get("splits", [])):
        asset: Any = app.find("RiskAsset", split.get("asset_no", ""))
        applied = None if asset is None else asset.applied.get(f"{event.key}/{split['split_no']}")
        if applied is None or not applied.alloc_minor:
            continue
        name = "WriteOffRecoveryReversed" if applied.from_memo else "RecoveryReversed"
        payload = {"flow_id": event.key, "split_no": split["split_no"], "kind": event.payload["kind"]}
        # A correction counts on the day of what it corrects, which the aggregate knows.
        valid_on = None if event.payload["kind"] == "CORRECTION" else _day(event)
        yield Wanted("RiskAsset", split["asset_no"], name, payload, valid_on=valid_on)


def release_hold(app: Assets, event: EventView) -> Iterator[Wanted]:
    """PM4: a posted case gives its assets free, unless the posting did so itself."""
    case = app.find(event.aggregate, event.key)
    for loan_no in [] if case is None else case.asset_ids:
        asset: Any = app.find("RiskAsset", loan_no)
        if asset is not None and asset.hold_case_no == event.key:
            payload = {"kind": asset.hold_kind, "case_no": event.key, "reason": "POSTED"}
            yield Wanted("RiskAsset", loan_no, "DisposalHoldReleased", payload)


def release_package(app: Assets, event: EventView) -> Iterator[Wanted]:
    """PM4 for packages: the pool holds the assets, not the package; an item that failed stays held."""
    package: Any = app.find(event.aggregate, event.key)
    for loan_no in [] if package is None else package.asset_ids:
        asset: Any = app.find("RiskAsset", loan_no)
        if asset is not None and asset.hold_kind == "BATCH" and loan_no not in package.failed:
            payload = {"kind": "BATCH", "case_no": asset.hold_case_no, "reason": "POSTED"}
            yield Wanted("RiskAsset", loan_no, "DisposalHoldReleased", payload)


def deliver_resolution(app: Assets, event: EventView) -> Iterator[Wanted]:
    """PM9: a resolution goes to the case that was referred to the committee."""
    meeting: Any = app.find("CommitteeMeeting", event.key)
    item = {} if meeting is None else meeting.items.get(event.payload["item_no"], {})
    kind, key = _camel(item.get("case_kind", "")), item.get("case_no", "")
    if kind == "WriteOff" and event.payload["result"] in ("PASSED", "REJECTED"):
        yield Wanted(kind, key, "CommitteeOutcomeRecorded", {"outcome": event.payload["result"]})


def mark_no_recourse(app: Assets, event: EventView) -> Iterator[Wanted]:
    case = app.find(event.aggregate, event.key)
    for loan_no in [] if case is None else case.asset_ids:
        payload = {"determination_no": event.key, "approved_on": event.payload["decided_on"]}
        yield Wanted("RiskAsset", loan_no, "NoRecourseMarked", payload)


def advance_cost(app: Assets, event: EventView) -> Iterator[Wanted]:
    """A recoverable expense that is posted joins the claim."""
    expense = app.find("Expense", event.key)
    facts: Mapping[str, Any] = {} if expense is None else expense.facts
    loan_no = facts.get("asset_no")
    if loan_no and facts.get("recoverable"):
        state = app.state("Expense", event.key, reader=SYSTEM)
        payload = {"expense_id": event.key, "kind": state["kind"], "amount": state["amount"]}
        yield Wanted("RiskAsset", loan_no, "CostAdvanced", payload, valid_on=_day(event))


def close_paid(app: Assets, event: EventView) -> Iterator[Wanted]:
    """An active asset without a claim is closed, by what brought it to zero."""
    asset: Any = app.find("RiskAsset", event.key)
    if asset is None or asset.stage != "ACTIVE" or asset.claim_minor or asset.hold_kind:
        return
    closed_as = "SETTLED_WITH_REDUCTION" if asset.waived_minor else "REPAID"
    if asset.rec_kind_minor and not asset.rec_cash_minor:
        closed_as = "SETTLED_IN_KIND"
    yield Wanted("RiskAsset", event.key, "AssetClosed", {"closed_as": closed_as})


RULES: Mapping[str, tuple[Rule, ...]] = {
    "FlowTagConfirmed": (apply_confirmed_split,),
    "FlowReversedByCore": (reverse_split,),
    "WriteOffPosted": (release_hold,),
    "ReductionPosted": (release_hold,),
    "TransferPosted": (release_hold,),
    "ForeclosurePosted": (release_hold,),
    "RestructuringPosted": (release_hold,),
    "PackagePosted": (release_package,),
    "ResolutionAdopted": (deliver_resolution,),
    "NoRecourseApproved": (mark_no_recourse,),
    "ExpensePosted": (advance_cost,),
    "RecoveryApplied": (close_paid,),
    "InKindSettled": (close_paid,),
    "DebtReduced": (close_paid,),
    "DisposalHoldReleased": (close_paid,),
}


def _day(event: EventView) -> date:
    return event.envelope.valid_on


def _camel(kind: str) -> str:
    """`WRITE_OFF` and `WriteOff` name the same kind of case."""
    return "".join(part.title() for part in kind.split("_")) if "_" in kind else kind
